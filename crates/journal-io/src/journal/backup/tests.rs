use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use model::{SiteId, Timestamp};

use super::super::{ActRow, Journal, JournalSettings, Row};
use super::*;

const SITE: SiteId = SiteId(0);

/// A journal that is being written.
fn written(folder: &Path) -> Journal {
    let (journal, _loaded) = Journal::open(folder, JournalSettings::default()).unwrap();
    note(&journal, "before the copy");
    journal
}

fn note(journal: &Journal, text: &str) {
    let row = ActRow { site: SITE, at: Timestamp::from_secs(1_795_876_200), uid: None, text: text.into() };
    assert!(journal.record(Row::Act(row)));
    assert!(journal.settle(Duration::from_secs(20)));
}

#[test]
fn a_running_journal_is_copied_as_it_is_at_a_moment_and_the_copy_is_whole() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let journal = written(folder.path());
    let to = copies.path().join(Journal::FILE);
    let checked = Reader::open(folder.path()).unwrap().backup(&to).unwrap();
    note(&journal, "after the copy");
    assert_eq!((checked.layout, checked.damage), (super::super::schema::newest(), Vec::<String>::new()));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&to).unwrap().len(), checked.bytes, "it is one file");
    let copy = fs::read(&to).unwrap();
    let has = |text: &str| copy.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("before the copy") && !has("after the copy"));
    drop(journal);
    let (again, loaded) = Journal::open(copies.path(), JournalSettings::default()).unwrap();
    assert_eq!(loaded.notices, Vec::<String>::new(), "a gate goes on with the copy");
    drop(again);
}

#[test]
fn nothing_is_written_over_and_nothing_half_is_left() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _journal = written(folder.path());
    let reader = Reader::open(folder.path()).unwrap();
    let there = copies.path().join("there");
    fs::write(&there, "mine").unwrap();
    assert!(matches!(reader.backup(&there), Err(BackupError::Exists { .. })));
    assert_eq!(fs::read(&there).unwrap(), b"mine");
    let nowhere = copies.path().join("no/such/folder");
    assert!(matches!(reader.backup(&nowhere), Err(BackupError::File { .. })));
}

#[test]
fn damage_is_found_and_no_copy_of_it_is_left() {
    let folder = tempfile::tempdir().unwrap();
    drop(written(folder.path()));
    let file = folder.path().join(Journal::FILE);
    let mut bytes = fs::read(&file).unwrap();
    // Everything but the first page, which says what it is.
    bytes[4_096..].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x5a);
    fs::write(&file, bytes).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let is_found = reader.check().map_or(true, |checked| !checked.damage.is_empty());
    assert!(is_found, "{:?}", reader.check());
    let to = folder.path().join("copy");
    assert!(reader.backup(&to).is_err() && !to.exists());
}
