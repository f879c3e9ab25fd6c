//! The thread that decides is gone.

use std::time::Duration;

use crate::ruling::Heard;
use crate::world::{PATIENCE, Setting, app_saying, world};

/// Longer than it takes to decide again, were there somebody who does.
const TURN: Duration = Duration::from_millis(600);

#[test]
fn the_gate_goes_on_without_the_thread_that_decides_and_tells_its_last_words() {
    let (app, _seen) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let setting = Setting { heard: Some(Heard::and_panics()), ..Setting::default() };
    let world = world(app, setting);
    let shared = world.edge.as_ref().unwrap().shared().clone();
    let late = shared.clock.now() + PATIENCE;
    while shared.ticker_panic().is_none() {
        assert!(shared.clock.now() < late, "nothing is told");
        std::thread::yield_now();
    }
    assert_eq!(shared.ticker_panic(), Some("as the test wants"));
    let answer = world.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let begun = shared.clock.now();
    let age = world.site.decision_age(begun);
    while shared.clock.now() < begun + TURN {
        std::thread::yield_now();
    }
    assert!(world.site.decision_age(shared.clock.now()) >= age + TURN, "no decision has come since");
}
