//! A full disk ends the logs for a while, never the service.

use std::path::Path;

use lab::clock::wait_for;
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
    let before = written(&state);
    for _ in 0..500 {
        assert_eq!(world.tier(&[&pass]), "tier=t2", "a customer on a full disk");
    }
    assert_eq!(world.tier(&[&late]), "tier=t2", "who signed in on a full disk");
    world.check_unharmed();
    world.disk().empty();
    let goes_on = wait_for(SOON, || {
        assert_eq!(world.tier(&[&pass]), "tier=t2", "a customer once there is room again");
        (written(&state) > before && ballast.exists()).then_some(())
    });
    assert!(goes_on.is_some(), "logs or ballast never came back:\n{}", world.gate.log());
    world.cut_and_restart();
    let rows = world.tell(&["clients", "list"]);
    assert!(rows.contains("known client"), "{rows}");
    assert_eq!(world.tier(&[&pass]), "tier=t2", "after a cut");
    world.check_unharmed();
}

/// Bytes of all files but the ballast and the filler.
fn written(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name() != BALLAST && entry.file_name() != "filler")
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => written(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
