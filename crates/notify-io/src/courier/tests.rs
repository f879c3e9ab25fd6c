//! In which order things happen around something that is on its way.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::sync_channel;

use model::Timestamp;
use notify::{Hidden, Receiver, Sender, Severity, Way};

use super::*;

/// What happened, in order.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<&'static str>>>);

impl Events {
    fn say(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }
}

impl Book for Events {
    fn keep(&self, change: Change) {
        match change {
            Change::Queued { .. } => self.say("queued"),
            Change::Attempted { .. } => self.say("arrived"),
            Change::Heard(_) | Change::Troubled { .. } | Change::Recovered { .. } => {}
        }
    }

    fn settle(&self) {
        self.say("settled");
    }
}

fn chat(address: std::net::SocketAddr) -> Outlet {
    let url = Hidden::new(format!("http://{address}/"));
    let receiver = Receiver {
        name: "chat".into(),
        least: Severity::Info,
        remind: None,
        per_minute: 30,
        way: Way::Slack { url },
    };
    Outlet { receiver, authorities: None, server: None, unusable: None }
}

#[test]
fn an_alert_leaves_after_the_disk_has_it_and_a_pause_waits_for_what_is_on_its_way() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let outlet = chat(listener.local_addr().unwrap());
    let sender = Sender { site: "shop".into(), ..Sender::default() };
    let mut post = Post::new(sender, vec![outlet.receiver.clone()]);
    let moment = Moment { now: Instant::from_secs(100), wall: Timestamp::from_secs(1_795_876_200) };
    let events = Events::default();
    for change in post.test(moment) {
        events.keep(change);
    }
    let (asked, is_asked) = sync_channel(1);
    let (pausing, is_pausing) = sync_channel::<()>(1);
    let said = events.clone();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _head = stream.read(&mut [0; 4_096]).unwrap();
        said.say("asked");
        asked.send(()).unwrap();
        is_pausing.recv().unwrap();
        said.say("answers");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    });
    let book = Arc::new(events.clone());
    let courier = Courier::start(post, &[outlet], book, Arc::new(move || moment)).unwrap();
    is_asked.recv().unwrap();
    courier.pause();
    // It returns at once: others are paused before anybody waits.
    pausing.send(()).unwrap();
    courier.rest(Duration::from_secs(15));
    events.say("paused");
    server.join().unwrap();
    courier.stop();
    let events = events.0.lock().unwrap().clone();
    assert_eq!(events, ["queued", "queued", "settled", "asked", "answers", "arrived", "paused"]);
}
