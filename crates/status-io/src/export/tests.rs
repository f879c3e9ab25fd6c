//! Folders are compared with what a reader may find there; [`Mirror`] is the only test code that knows how exports look.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::files::Served;

#[test]
fn a_page_lies_in_the_folder_and_whole_below_its_number() {
    let mirror = Mirror::new();
    export(&mirror.folder(), &page(7, "one")).unwrap();
    assert_eq!(mirror.top(), expected("one"));
    assert_eq!(mirror.read("b/7"), expected("one"));
    for name in ["", "b/7", "i", "index.html", "i/a/index.html"] {
        let mode = fs::metadata(mirror.folder().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, if name.ends_with(".html") { 0o644 } else { 0o755 }, "{name}");
    }
}

#[test]
fn three_pages_are_kept_and_what_ended_is_removed() {
    let mirror = Mirror::new();
    for seq in [8, 9, 10, 11, 12] {
        export(&mirror.folder(), &page(seq, "old")).unwrap();
    }
    fs::write(mirror.folder().join("robots.txt"), "mine").unwrap();
    let mut small = Files::new(13);
    small.insert("/", served("new")).unwrap();
    export(&mirror.folder(), &small).unwrap();
    let kept: Vec<_> = mirror.names("b");
    assert_eq!(kept, ["11", "12", "13"]);
    let left = BTreeMap::from([("index.html".into(), "new".into()), ("robots.txt".into(), "mine".into())]);
    assert_eq!(mirror.top(), left, "what is somebody's own stays");
    assert_eq!(mirror.names(""), [MARKER, "b", "index.html", "robots.txt"], "empty folders go too");
    // A gate that lost its state begins at a low number again: its page must not be removed as the oldest.
    export(&mirror.folder(), &page(1, "lost")).unwrap();
    assert_eq!(
        (mirror.names("b"), mirror.read("b/1")),
        (vec!["1".into(), "12".into(), "13".into()], expected("lost"))
    );
}

#[test]
fn the_same_number_again_replaces_the_page_in_one_step() {
    let mirror = Mirror::new();
    export(&mirror.folder(), &page(7, "one")).unwrap();
    export(&mirror.folder(), &page(7, "two")).unwrap();
    assert_eq!(
        (mirror.top(), mirror.read("b/7"), mirror.names("b")),
        (expected("two"), expected("two"), vec!["7".into()])
    );
}

#[test]
fn a_folder_that_holds_something_else_is_left_alone() {
    let mirror = Mirror::new();
    fs::create_dir(mirror.folder()).unwrap();
    fs::write(mirror.folder().join("holiday.jpg"), "sun").unwrap();
    let error = export(&mirror.folder(), &page(1, "x")).unwrap_err();
    assert!(matches!(&error, ExportError::Foreign { name, .. } if name == "holiday.jpg"), "{error}");
    assert!(error.to_string().contains("name a new or empty folder"));
    assert_eq!(mirror.names(""), ["holiday.jpg"]);
    fs::rename(mirror.folder().join("holiday.jpg"), mirror.folder().join("lost+found")).unwrap();
    export(&mirror.folder(), &page(1, "x")).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_or_is_in_use_says_so() {
    let mirror = Mirror::new();
    let error = export(&mirror.folder().join("a/b"), &page(1, "x")).unwrap_err();
    assert!(matches!(error, ExportError::Folder { .. }), "{error}");
    export(&mirror.folder(), &page(1, "x")).unwrap();
    let other = fs::File::open(mirror.folder()).unwrap();
    other.try_lock().unwrap();
    let error = export(&mirror.folder(), &page(2, "y")).unwrap_err();
    assert!(matches!(error, ExportError::Busy { .. }), "{error}");
    assert_eq!(mirror.top(), expected("x"));
}

#[test]
fn links_are_never_followed() {
    for (link, is_in_the_way) in [
        ("index.html", false),
        ("status.txt", false),
        ("i", true),
        ("b", true),
        ("b/2.tmp", true),
        ("b/2", false),
    ] {
        let mirror = Mirror::new();
        export(&mirror.folder(), &page(1, "old")).unwrap();
        let elsewhere = mirror.outer.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("index.html"), "precious").unwrap();
        let place = mirror.folder().join(link);
        fs::remove_file(&place).or_else(|_| fs::remove_dir_all(&place)).ok();
        symlink(
            if link.contains(".html") { elsewhere.join("index.html") } else { elsewhere.clone() },
            &place,
        )
        .unwrap();
        match export(&mirror.folder(), &page(2, "new")) {
            Err(ExportError::Obstacle { path }) => {
                assert!(is_in_the_way || link == "b/2", "{link}: {}", path.display())
            }
            Err(error) => panic!("{link}: {error}"),
            Ok(()) => assert!(!is_in_the_way && mirror.top() == expected("new"), "{link}"),
        }
        let precious = BTreeMap::from([("index.html".into(), "precious".into())]);
        assert_eq!(read_all(&elsewhere), precious, "{link}");
    }
}

#[test]
fn what_is_in_the_way_is_named_before_anything_changes() {
    let mirror = Mirror::new();
    export(&mirror.folder(), &page(1, "old")).unwrap();
    fs::remove_file(mirror.folder().join("status.txt")).unwrap();
    fs::create_dir(mirror.folder().join("status.txt")).unwrap();
    let error = export(&mirror.folder(), &page(2, "new")).unwrap_err();
    assert!(matches!(&error, ExportError::Obstacle { path } if path.ends_with("page/status.txt")), "{error}");
    let mut found = expected("old");
    found.remove("status.txt");
    assert_eq!(mirror.top(), found);
    fs::remove_dir(mirror.folder().join("status.txt")).unwrap();
    export(&mirror.folder(), &page(2, "new")).unwrap();
    assert_eq!(mirror.top(), expected("new"));
}

#[test]
fn a_damaged_marker_costs_nothing_but_what_it_named() {
    let mirror = Mirror::new();
    export(&mirror.folder(), &page(1, "old")).unwrap();
    fs::write(mirror.outer.path().join("precious"), "x").unwrap();
    for marker in [
        &b"\xFF\x00nothing"[..],
        b"head\n../precious\n/etc/passwd\nb/1\n.portcullis-status\nstatus.txt/\n",
        b"",
    ] {
        fs::write(mirror.folder().join(MARKER), marker).unwrap();
        export(&mirror.folder(), &page(2, "new")).unwrap();
        assert_eq!((mirror.top(), mirror.names("b").len()), (expected("new"), 2));
    }
    assert!(mirror.outer.path().join("precious").exists());
}

#[test]
fn data_come_first_then_pages_the_manifest_and_the_index() {
    let mut places =
        ["index.html", "404.html", "manifest.json", "manifest.json.sig", "status.txt", "i/a/index.html"];
    places.sort_by_key(|place| turn(place));
    let expected =
        ["status.txt", "404.html", "i/a/index.html", "manifest.json", "manifest.json.sig", "index.html"];
    assert_eq!(places, expected);
}

/// Whatever operation is the last one before the process is killed, a reader finds files that are whole, the old index with all that
/// it leads to or the new one; and the next export brings the new page.
#[test]
fn a_kill_between_any_two_operations_leaves_a_whole_page() {
    let steps = check_failures(Then::Killed);
    assert!(steps > 40, "only {steps} operations");
}

/// A disk that has no room at any one moment costs nothing but the export; its own left-overs are gone, too.
#[test]
fn a_full_disk_leaves_the_page_as_it_was() {
    check_failures(Then::GoesOn);
}

/// What follows the operation that fails.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Then {
    /// Nothing.
    Killed,
    /// The export may tidy up.
    GoesOn,
}

/// Lets each operation of an export fail once; returns how many there are.
fn check_failures(then: Then) -> usize {
    for failing in 0.. {
        let mirror = Mirror::new();
        export_between(&mirror, &page_of(1, "old", &OLD), &mut || Ok(())).unwrap();
        let mut step = 0;
        let outcome = export_between(&mirror, &page_of(2, "new", &NEW), &mut || {
            step += 1;
            let fails = if then == Then::Killed { step > failing } else { step == failing + 1 };
            if fails { Err(io::Error::from_raw_os_error(28)) } else { Ok(()) }
        });
        check_reader(&mirror, failing);
        if step <= failing {
            outcome.unwrap();
            return step;
        }
        if then == Then::GoesOn {
            let left = mirror.names("b").into_iter().find(|name| name.contains("tmp"));
            let is_there = mirror.top()["index.html"] == "new";
            assert!(left.is_none() || is_there, "after {failing}: {left:?}");
        }
        export_between(&mirror, &page_of(2, "new", &NEW), &mut || Ok(())).unwrap();
        let new = expected_of("new", &NEW);
        assert_eq!((mirror.top(), mirror.read("b/2")), (new.clone(), new), "after {failing}");
        assert_eq!(mirror.names("b"), ["1", "2"], "after {failing}");
    }
    unreachable!("an export has an end")
}

/// What a reader may find while page 1 becomes page 2.
#[track_caller]
fn check_reader(mirror: &Mirror, failing: usize) {
    let found = mirror.top();
    let index = found["index.html"].as_str();
    assert!(["old", "new"].contains(&index), "after {failing}: {index}");
    let ended = |place: &str| place == "i/a/index.html";
    for (place, text) in &found {
        assert!(["old", "new"].contains(&text.as_str()), "after {failing}: {place} is {text}");
        assert!(index == "old" || text == "new" || ended(place), "after {failing}: {place} is old");
    }
    let needed = expected_of(index, if index == "old" { &OLD } else { &NEW });
    assert!(needed.keys().all(|place| found.contains_key(place)), "after {failing}: {found:?}");
    for seq in mirror.names("b").iter().filter(|name| !name.contains('.')) {
        let whole = if seq == "1" { expected_of("old", &OLD) } else { expected_of("new", &NEW) };
        assert_eq!(mirror.read(&format!("b/{seq}")), whole, "after {failing}");
    }
}

/// Few, because every operation with them is tried.
const OLD: [&str; 3] = ["/", "/i/a", "/status.txt"];
/// One incident has ended, another began.
const NEW: [&str; 3] = ["/", "/i/z", "/status.txt"];

/// An export that no power cut threatens: nothing waits for the disk.
fn export_between(
    mirror: &Mirror,
    files: &Files,
    between: &mut dyn FnMut() -> io::Result<()>,
) -> Result<(), ExportError> {
    export_with(&mirror.folder(), files, Hand::new(between, false))
}

/// A folder within a temporary one.
struct Mirror {
    outer: tempfile::TempDir,
}

impl Mirror {
    fn new() -> Self {
        Self { outer: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> std::path::PathBuf {
        self.outer.path().join("page")
    }

    /// All files but those that only exports look at.
    fn top(&self) -> BTreeMap<String, String> {
        let mut files = self.read("");
        files.retain(|place, _| !place.starts_with("b/") && !place.starts_with(MARKER));
        files
    }

    fn read(&self, place: &str) -> BTreeMap<String, String> {
        read_all(&self.folder().join(place))
    }

    fn names(&self, place: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder().join(place)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn read_all(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let inner = read_all(&entry.path());
            files.extend(inner.into_iter().map(|(place, text)| (format!("{name}/{place}"), text)));
        } else if entry.file_type().unwrap().is_file() {
            files.insert(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
    files
}

fn page(seq: u64, text: &str) -> Files {
    page_of(seq, text, &["/", "/status.txt", "/manifest.json", "/i/a", "/api/v2/status.json"])
}

fn page_of(seq: u64, text: &str, paths: &[&str]) -> Files {
    let mut files = Files::new(seq);
    for path in paths {
        files.insert(path, served(text)).unwrap();
    }
    files
}

fn expected(text: &str) -> BTreeMap<String, String> {
    texts(&page(1, text), text)
}

fn expected_of(text: &str, paths: &[&str]) -> BTreeMap<String, String> {
    texts(&page_of(1, text, paths), text)
}

fn texts(files: &Files, text: &str) -> BTreeMap<String, String> {
    files.places().map(|(place, _)| (place.to_owned(), text.to_owned())).collect()
}

fn served(text: &str) -> Served {
    Served::new(text.to_owned(), "text/plain", "\"e\"")
}
