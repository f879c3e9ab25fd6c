//! A gate that is killed in the middle of an incident goes on with it, and what it did can be replayed.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use lab::clock::{pause, wait_for};
use lab::origin::Origin;
use lab::{Gate, need};

use crate::world::{App, SOON, get_from};

/// Strangers who ask again and again until this is dropped.
struct Flood {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    fn against(gate: &Gate) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..FLOODERS).map(|flooder| {
            let (stopped, listen) = (stop.clone(), gate.listen());
            std::thread::spawn(move || {
                // Bounded: some minutes at most.
                for number in 0..10_000_u16 {
                    if stopped.load(Relaxed) {
                        return;
                    }
                    let [high, low] = number.to_be_bytes();
                    // While the gate is being killed there is nobody.
                    let _answer =
                        get_from(Ipv4Addr::new(127, 100 + flooder, high, low), listen, "X-Flood: 1");
                }
            })
        });
        Self { threads: threads.collect(), stop }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// An app that can do so much at once and says so.
fn small_app() -> Origin {
    let inflight = AtomicU32::new(0);
    let app = Origin::start(move |_| {
        let before = inflight.fetch_add(1, Relaxed);
        pause(Duration::from_millis(60));
        inflight.fetch_sub(1, Relaxed);
        let status = if before < AT_ONCE { "200 OK" } else { "503 Service Unavailable" };
        format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok")
    });
    app.expect("loopback has a free port")
}

fn level(gate: &Gate) -> String {
    gate.tell(&["level"]).unwrap_or_else(|error| panic!("{error}\n{}", gate.log()))
}

#[test]
fn a_gate_that_is_killed_in_an_incident_goes_on_with_it_and_opens_by_itself() {
    need!(Gate::binary());
    let app = small_app();
    let config = Gate::CONFIG.replace("{origin}", &app.url());
    let mut gate = Gate::start(&config).expect("the gate starts");
    let flood = Flood::against(&gate);
    let closed = wait_for(SOON, || level(&gate).contains("customers-first").then_some(()));
    assert!(closed.is_some(), "{}\n{}", level(&gate), gate.log());
    pause(Duration::from_millis(2_500));
    drop(flood);
    gate.cut_and_restart().expect("it starts again");
    assert!(level(&gate).contains("customers-first"), "{}\n{}", level(&gate), gate.log());
    assert!(gate.log().contains("goes on with the incident before the stop"), "{}", gate.log());
    let stranger = get_from(Ipv4Addr::new(127, 99, 0, 1), gate.listen(), "X-No: pass").unwrap_or_default();
    assert!(stranger.starts_with("HTTP/1.1 503") || level(&gate).contains("reopening"), "{stranger}");
    let opened = wait_for(Duration::from_secs(120), || level(&gate).contains("level calm").then_some(()));
    assert!(opened.is_some(), "{}\n{}", level(&gate), gate.log());
    check_recording(&gate);
    assert!(gate.process().ended().is_none() && !gate.log().contains("panicked"), "{}", gate.log());
}

/// Both processes' steps are in one export, with a gap, and are decided again as they were.
fn check_recording(gate: &Gate) {
    let list = gate.tell(&["recordings", "list"]).expect("the gate lists them");
    assert!(list.contains("2 pieces") && list.contains("kept for an incident"), "{list}");
    let bundle = gate.folder().join("bundle");
    let path = bundle.display().to_string();
    gate.tell(&["recordings", "export", &path, "--last", "10m"]).expect("they are exported");
    let binary = Gate::binary().expect("it was started from there");
    let replay = Command::new(binary).args(["replay", &path, "--json"]).output().expect("it starts");
    let text = String::from_utf8_lossy(&replay.stdout);
    assert!(replay.status.success() && text.contains("\"identical\":true"), "{text}");
    assert!(text.contains("level calm -> customers-first") && text.contains("\"segments\":2"), "{text}");
    for address in ["127.100", "X-Flood", "shop.example"] {
        assert!(!text.contains(address), "{address} in {text}");
    }
}

#[test]
fn what_was_kept_and_is_damaged_is_left_alone() {
    need!(Gate::binary());
    let app = App::start();
    let config = Gate::CONFIG.replace("{origin}", &format!("http://{}", app.address));
    let mut gate = Gate::start(&config).expect("the gate starts");
    let files = ["core.learnt", "core.in-force"].map(|name| gate.folder().join("state").join(name));
    let kept = wait_for(SOON, || files.iter().all(|file| file.is_file()).then_some(()));
    assert!(kept.is_some(), "{}", gate.log());
    gate.process().kill();
    for file in &files {
        let mut bytes = fs::read(file).expect("it was kept");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).expect("it can be written");
    }
    gate.cut_and_restart().expect("it starts all the same");
    let log = gate.log();
    assert!(log.contains("what was learnt before the stop cannot be used"), "{log}");
    assert!(log.contains("what was in force before the stop cannot be used"), "{log}");
    assert!(level(&gate).contains("level calm"), "{log}");
}

/// Three times as many as the app may have at once.
const FLOODERS: u8 = 24;
/// Requests that the app answers well at a time.
const AT_ONCE: u32 = 8;
