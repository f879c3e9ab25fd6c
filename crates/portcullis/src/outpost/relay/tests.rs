use std::time::Duration;

use incident::{ComponentSetting, Engine, Moment, Settings, Sight, Watches};
use model::Instant;
use status::{Page, PageCopy};

use super::*;

const AT: Timestamp = Timestamp::from_secs(1_795_886_641);

fn engine(name: &str) -> Engine {
    let component = ComponentSetting {
        name: name.to_owned(),
        groups: Vec::new(),
        description: String::new(),
        watches: Watches::Site,
    };
    Engine::new(Settings { components: vec![component], first_notice: Duration::ZERO })
}

/// A view after so many seconds of the same.
fn seen(engine: &mut Engine, seconds: u64, sight: &Sight) -> View {
    let moment = |second: u64| {
        let since = Duration::from_secs(second);
        Moment { now: Instant::from_secs(5_000) + since, wall: AT + since }
    };
    (0..seconds).for_each(|second| drop(engine.see(sight, moment(second))));
    engine.view(AT + Duration::from_secs(seconds))
}

/// An outpost that holds a gate's page, and that page as the gate serves it.
fn relay() -> (Relay, status::Bundle) {
    let gate_page = Page::new("Example Shop", "https://status.shop.example").unwrap();
    let view = seen(&mut engine("Shop"), 10, &Sight::default());
    let bundle = status::render(&view, &gate_page, AT);
    let held = Arc::new(Held::default());
    held.hold(PageCopy::read(&bundle.get(PageCopy::PATH).unwrap().bytes).unwrap());
    let (publisher, _work) = Publisher::new(Vec::new(), Arc::new(|| AT));
    let relay = Relay {
        page: Page::new("Outpost", "https://outpost.shop.example").unwrap(),
        site: status_io::Site::new("default-src 'none'").unwrap(),
        publisher: Arc::new(publisher),
        held,
        seq: 0,
        exported: (View::default(), AT),
    };
    (relay, bundle)
}

fn read(relay: &Relay, path: &str) -> String {
    let request = http::Request::get(path).body(web_io::Bytes::new()).unwrap();
    let answer = relay.site.answer(&request);
    assert_eq!(answer.status(), 200, "{path}");
    String::from_utf8(answer.body().to_vec()).unwrap()
}

#[test]
fn as_long_as_the_gate_tells_all_its_page_is_shown_to_the_byte() {
    let (mut relay, bundle) = relay();
    relay.publish(View::default(), AT + Duration::from_secs(60), true).unwrap();
    for (path, file) in bundle.files().filter(|(path, _)| *path != "404.html") {
        let path = if path == "index.html" { "" } else { path };
        assert_eq!(read(&relay, &format!("/{path}")).as_bytes(), file.bytes, "{path}");
    }
}

#[test]
fn what_only_the_outpost_knows_is_on_the_gates_page_and_in_the_report() {
    let (mut relay, _) = relay();
    let unreached = Sight { outside: incident::Outside::Unreached { since: AT }, ..Sight::default() };
    let own = seen(&mut engine("Website"), 60, &unreached);
    relay.publish(own.clone(), AT + Duration::from_secs(60), true).unwrap();
    let text = read(&relay, "/status.txt");
    assert!(text.starts_with("Example Shop: Major outage"), "{text}");
    assert!(text.contains("cannot be reached from outside"), "{text}");
    assert!(text.contains("Shop: Major outage"), "{text}");
    let report = Report::read(read(&relay, Report::PATH).as_bytes(), AT + Duration::from_secs(60)).unwrap();
    let id = own.incidents[0].id.to_string();
    assert_eq!(report.spells, [SpellSeen { id, from: AT.as_millis(), until: None }]);
}
