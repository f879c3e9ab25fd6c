use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::disk::Space;

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn files_turn_by_size_and_the_oldest_leaves() {
    let mut shelf = Shelf::new(4, 400);
    (0..30).for_each(|number| shelf.append(&format!("{number:049}\n"), Duration::ZERO));
    let numbers = |name: &str| {
        let text = fs::read_to_string(shelf.folder.path().join(name)).unwrap();
        text.lines().map(|line| line.parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(shelf.names(), ["access.1.jsonl", "access.2.jsonl", "access.3.jsonl", "access.jsonl"]);
    assert_eq!((numbers("access.jsonl"), numbers("access.3.jsonl")), (vec![28, 29], vec![22, 23]));
    assert_eq!(shelf.bytes(), 400);
}

#[test]
fn files_turn_every_day_and_leave_after_their_age() {
    let mut shelf = Shelf::new(16, 16 << 10);
    shelf.append("first\n", Duration::ZERO);
    shelf.append("same day\n", DAY / 2);
    shelf.append("next day\n", DAY + DAY / 24);
    assert_eq!(shelf.names(), ["access.1.jsonl", "access.jsonl"]);
    shelf.tend(DAY * 14 - DAY / 24).unwrap();
    assert_eq!(shelf.names().len(), 2);
    shelf.restart(16, 16 << 10);
    shelf.tend(DAY * 14 + DAY / 24).unwrap();
    assert_eq!(shelf.names(), Vec::<String>::new());
}

#[test]
fn a_restart_continues_the_newest_file_and_smaller_settings_remove_what_is_too_much() {
    let mut shelf = Shelf::new(4, 4_000);
    (0..30).for_each(|number| shelf.append(&format!("{number:099}\n"), Duration::ZERO));
    assert_eq!((shelf.names().len(), shelf.bytes()), (3, 3_000));
    shelf.restart(4, 4_000);
    shelf.tend(Duration::ZERO).unwrap();
    shelf.append("one more\n", Duration::ZERO);
    assert_eq!(shelf.names().len(), 4, "the third file was full");
    shelf.restart(2, 2_000);
    shelf.tend(Duration::ZERO).unwrap();
    assert_eq!(shelf.names(), ["access.1.jsonl", "access.jsonl"]);
    (0..50).for_each(|number| shelf.append(&format!("{number:099}\n"), Duration::ZERO));
    assert!(shelf.bytes() <= 2_000);
}

#[test]
fn a_line_that_a_killed_process_left_unfinished_is_removed() {
    let mut shelf = Shelf::new(4, 4_000);
    let newest = shelf.folder.path().join("access.jsonl");
    fs::write(&newest, "{\"a\":1}\n{\"a\":").unwrap();
    shelf.append("{\"a\":3}\n", Duration::ZERO);
    assert_eq!(fs::read_to_string(newest).unwrap(), "{\"a\":1}\n{\"a\":3}\n");
}

#[test]
fn a_full_disk_stops_files_at_a_tenth_and_resumes_a_little_later() {
    let mut shelf = Shelf::new(4, 4_000);
    let mut room = |free: u64| {
        shelf.free.store(free, Ordering::SeqCst);
        shelf.tend(Duration::ZERO).is_ok()
    };
    assert_eq!([100, 99, 105, 112, 100].map(&mut room), [true, false, false, true, true]);
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let mut shelf = Shelf::new(4, 4_000);
    shelf.append("one\n", Duration::ZERO);
    let newest = shelf.folder.path().join("access.jsonl");
    fs::rename(&newest, shelf.folder.path().join("taken")).unwrap();
    shelf.tend(Duration::ZERO).unwrap();
    shelf.append("two\n", Duration::ZERO);
    assert_eq!(fs::read_to_string(newest).unwrap(), "two\n");
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_and_no_panic() {
    let mut shelf = Shelf::new(4, 4_000);
    fs::write(shelf.folder.path().join("file"), "").unwrap();
    shelf.ring.settings.folder = shelf.folder.path().join("file/folder");
    assert!(shelf.tend(Duration::ZERO).is_err());
    assert!(shelf.ring.append(b"a\n", Timestamp::default()).is_err());
}

/// A ring in a folder of its own, on a disk of 1,000 bytes of which some are free.
struct Shelf {
    ring: FileRing,
    folder: tempfile::TempDir,
    free: Arc<AtomicU64>,
    today: Timestamp,
}

impl Shelf {
    fn new(files: u32, bytes_max: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The wall clock of the test begins where the file system's is.
        let today = begun(&fs::metadata(folder.path()).unwrap()).unwrap() + Duration::from_secs(60);
        let free = Arc::new(AtomicU64::new(500));
        let ring = ring(folder.path().to_owned(), files, bytes_max, free.clone());
        Self { ring, folder, free, today }
    }

    fn restart(&mut self, files: u32, bytes_max: u64) {
        self.ring = ring(self.folder.path().to_owned(), files, bytes_max, self.free.clone());
    }

    #[track_caller]
    fn append(&mut self, line: &str, later: Duration) {
        self.ring.append(line.as_bytes(), self.today + later).unwrap();
    }

    fn tend(&mut self, later: Duration) -> io::Result<()> {
        self.ring.tend(self.today + later)
    }

    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn bytes(&self) -> u64 {
        self.names().iter().map(|name| fs::metadata(self.folder.path().join(name)).unwrap().len()).sum()
    }
}

fn ring(folder: PathBuf, files: u32, bytes_max: u64, free: Arc<AtomicU64>) -> FileRing {
    let space: SpaceProbe =
        Arc::new(move |_| Ok(Space { free_bytes: free.load(Ordering::SeqCst), total_bytes: 1_000 }));
    FileRing::new(RingSettings { folder, name: "access".into(), files, bytes_max, age_max: DAY * 14, space })
}
