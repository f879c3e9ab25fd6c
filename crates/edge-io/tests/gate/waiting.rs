//! Who waits for a slot when calm ends.

use admission::slots::Progress;
use model::{Group, Instant, Level};

use crate::world::{PATIENCE, Setting, app_saying, world};

/// By a step of the ticker, before it hands out what is free.
#[test]
fn strangers_are_told_that_calm_is_over_and_customers_wait_on() {
    let (app, _seen) = app_saying(b"HTTP/1.1 204 No Content\r\n\r\n");
    let world = world(app, Setting { floor: Some(Level::Limiting), ..Setting::default() });
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    while world.site.is_calm() {
        assert!(clock.now() < late, "the pin does not count");
        std::thread::yield_now();
    }
    let slots = world.site.slots();
    let now = clock.now();
    let two_seconds_ago = Instant::from_nanos(now.as_nanos() - 2_000_000_000);
    let end_of = |group| {
        let place = slots.enqueue(group, true, two_seconds_ago, late).unwrap();
        loop {
            assert!(clock.now() < late, "{group:?}: nobody does anything");
            match slots.poll(&place, now) {
                Progress::Waiting => std::thread::yield_now(),
                ended @ (Progress::Granted | Progress::Expired) => return ended,
            }
        }
    };
    assert_eq!(end_of(Group::Unknown), Progress::Expired);
    assert_eq!(end_of(Group::Known), Progress::Granted);
}
