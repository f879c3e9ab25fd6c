//! A full disk ends the logs for a while, never the service.

use std::path::Path;
use std::time::Duration;

use lab::clock::{pause, wait_for};
use lab::need;

use crate::world::{SOON, World};

/// The file of room set aside (contracts, "Privacy, quotas, keys").
const BALLAST: &str = "ballast";

#[test]
fn a_full_disk_stops_the_logs_and_not_the_service() {
    let mut world = need!(World::start_on_small_disk());
    let pass = world.sign_in("early");
    let state = world.disk().folder.clone();
    let ballast = state.join(BALLAST);
    assert!(wait_for(SOON, || ballast.exists().then_some(())).is_some(), "no room was set aside");
    let full = wait_for(SOON, || {
        world.disk().fill();
        assert_eq!(world.tier(&[&pass]), "tier=t2", "a customer on a full disk");
        (!ballast.exists()).then_some(())
    });
    assert!(full.is_some(), "the room set aside was never given up:\n{}", world.gate.log());
    // What the ballast gave is taken as well: now nothing more can be written.
    world.disk().fill();
    let late = world.sign_in("late");
    let before = logged(&state);
    for round in 0..1_000 {
        assert_eq!(world.tier(&[&pass]), "tier=t2", "a customer on a full disk");
        if round % 100 == 0 {
            world.disk().fill();
            pause(Duration::from_millis(100));
        }
    }
    assert_eq!(world.tier(&[&late]), "tier=t2", "who signed in on a full disk");
    let grown = logged(&state) - before;
    assert!(grown < LINES_BYTES / 4, "the log of a full disk grew by {grown} bytes");
    world.check_unharmed();
    world.disk().empty();
    let goes_on = wait_for(SOON, || {
        for _ in 0..100 {
            assert_eq!(world.tier(&[&pass]), "tier=t2", "a customer once there is room again");
        }
        (logged(&state) > before + grown + LINES_BYTES / 4 && ballast.exists()).then_some(())
    });
    assert!(goes_on.is_some(), "logs or ballast never came back:\n{}", world.gate.log());
    world.cut_and_restart();
    // A pass is valid by its MAC alone, so the rows are counted before any pass is shown again.
    let rows = world.tell(&["clients", "list"]);
    assert!(rows.starts_with("2 known clients"), "{rows}");
    assert_eq!([&pass, &late].map(|pass| world.tier(&[pass])), ["tier=t2", "tier=t2"], "after a cut");
    world.check_unharmed();
}

/// Bytes of the access log.
fn logged(state: &Path) -> u64 {
    let entries = std::fs::read_dir(state.join("log")).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("access"))
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .sum()
}

/// What the lines of a thousand requests take at least.
const LINES_BYTES: u64 = 200_000;
