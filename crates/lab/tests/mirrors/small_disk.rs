//! A copy on a disk that is full: it stays as it was, holds up no other, and catches up when there is room.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::clock::wait_for;
use lab::{Missing, Peer, need};

use crate::shows;
use crate::world::{SOON, World};

/// A file system of 2 MiB in memory.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Result<Self, Missing> {
        let (mount, folder) = (Peer::find("mount")?, tempfile::tempdir().expect("there is room"));
        let words = ["-t", "tmpfs", "-o", "size=2m", "portcullis-test"];
        let done = mount.command().args(words).arg(folder.path()).output();
        if done.is_ok_and(|output| output.status.success()) {
            Ok(Self { folder })
        } else {
            Err(Missing::Privilege { name: "mount a file system".to_owned() })
        }
    }

    fn page(&self) -> PathBuf {
        self.folder.path().join("page")
    }

    /// Takes every free byte.
    fn fill(&self) {
        let mut file = File::options().append(true).create(true).open(self.filler()).expect("there is room");
        // Bounded by the size of the disk.
        while matches!(file.write(&[1_u8; 4096]), Ok(1..)) {}
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A mount that stays behind would only take memory until the machine stops.
        let _unheard = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[test]
fn a_copy_on_a_full_disk_stays_whole_holds_up_no_other_and_catches_up() {
    need!(lab::Gate::binary());
    let disk = need!(SmallDisk::mount());
    let other = tempfile::tempdir().expect("there is room");
    let world =
        World::start(&format!("export = [\"{}\", \"{}\"]\n", disk.page().display(), other.path().display()));
    for folder in [disk.page().as_path(), other.path()] {
        assert!(wait_for(SOON, || is_good(&world, folder)).is_some(), "{}", world.gate.log());
    }
    disk.fill();
    world.tell("Nobody answers the phone");
    assert!(wait_for(SOON, || shows(other.path(), "Nobody answers")).is_some(), "{}", world.gate.log());
    let told = wait_for(SOON, || {
        let (_, status) = world.gate.control(&["status"]).ok()?;
        status.contains("there is no room for").then_some(())
    });
    assert!(told.is_some(), "{:?}", world.gate.control(&["status"]));
    assert!(is_good(&world, &disk.page()).is_some(), "{:?}", world.verify(&disk.page()));
    assert!(shows(&disk.page(), "Nobody answers").is_none());
    disk.empty();
    assert!(wait_for(SOON, || shows(&disk.page(), "Nobody answers")).is_some(), "{}", world.gate.log());
    assert!(wait_for(SOON, || is_good(&world, &disk.page())).is_some(), "{:?}", world.verify(&disk.page()));
}

fn is_good(world: &World, folder: &Path) -> Option<()> {
    world.verify(folder).0.then_some(())
}
