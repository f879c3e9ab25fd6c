//! A wall clock that jumps makes nobody known, forgets nobody, and stops nothing.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::clock::pause;
use lab::{Missing, Peer, need};

use crate::world::{World, get_from};

#[test]
fn a_clock_that_jumps_changes_nobody_and_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the time");
    let time = Time { file: folder.path().join("time") };
    time.is("+0");
    let library = need!(library());
    let preload = format!("LD_PRELOAD={}", library.display());
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", time.file.display());
    let mut world = need!(World::start(
        &["env", &preload, &file, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"],
        &[]
    ));
    let pass = world.sign_in("early");
    for jump in ["+2d", "+400d", "-10d", "-10y", "+0"] {
        time.is(jump);
        // Longer than the gate waits between two sweeps of what is too old.
        for _ in 0..60 {
            assert_eq!(world.tier(&[&pass]), "tier=t2", "a pass of today, with the clock at {jump}");
            let stranger = get_from(Ipv4Addr::new(127, 60, 0, 1), world.listen, "X-No: pass");
            let stranger = stranger.unwrap_or_default();
            assert!(stranger.contains("tier=t5"), "a stranger, with the clock at {jump}: {stranger}");
            pause(Duration::from_millis(100));
        }
        let meanwhile = world.sign_in("meanwhile");
        assert_eq!(world.tier(&[&meanwhile]), "tier=t2", "signed in with the clock at {jump}");
        world.check_unharmed();
    }
    pause(Duration::from_millis(1_100));
    world.cut_and_restart();
    // A pass is valid by its MAC alone, so the rows are counted before any pass is shown again.
    let rows = world.tell(&["clients", "list"]);
    assert!(rows.starts_with("6 known clients"), "{rows}");
    assert_eq!(world.tier(&[&pass]), "tier=t2", "after a cut");
    world.check_unharmed();
}

/// The gate's wall clock, as an offset that may change at any moment.
struct Time {
    file: PathBuf,
}

impl Time {
    fn is(&self, offset: &str) {
        std::fs::write(&self.file, offset).expect("the folder is there");
    }
}

/// The library that stands between a program and its clock.
fn library() -> Result<PathBuf, Missing> {
    Peer::find("faketime")?;
    let entries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = entries.map(|entry| entry.path().join(LIBRARY)).find(|path| Path::is_file(path));
    found.ok_or_else(|| Missing::Program { name: "faketime".to_owned() })
}

const LIBRARY: &str = "faketime/libfaketimeMT.so.1";
