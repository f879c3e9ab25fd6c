//! What survives: restarts, kills, damage, other versions.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

#[test]
fn everything_comes_back_after_a_restart() {
    let mut stage = Stage::new();
    let token = TokenRow {
        site: SITE,
        hash: u128::MAX,
        first: Timestamp::from_secs(1),
        last: Timestamp::from_secs(2),
        answers: 21,
    };
    let path = PathRow { site: SITE, path_hash: u64::MAX, is_private: true, asked: Timestamp::from_secs(3) };
    stage.record([
        Row::Pass(pass(1, 10)),
        Row::Pass(pass(2, 20)),
        Row::Token(token),
        Row::Path(path),
        network(u64::MAX, 5),
        Row::State { site: SITE, key: "limit".into(), value: (*b"{}").into() },
    ]);
    stage.restart();
    let loaded = &stage.loaded;
    assert_eq!(loaded.passes, [pass(2, 20), pass(1, 10)], "the last used first");
    assert_eq!((&loaded.tokens[..], &loaded.paths[..]), (&[token][..], &[path][..]));
    assert_eq!((loaded.networks[0].net, &*loaded.networks[0].bitmap), (u64::MAX, &[7; 32][..]));
    assert_eq!(loaded.state(SITE, "limit"), Some(&b"{}"[..]));
    assert!(loaded.notices.is_empty());
}

#[test]
fn rows_of_a_pass_in_any_order_keep_it_old_and_revoked() {
    let mut stage = Stage::new();
    let (site, at) = (SITE, Timestamp::from_secs(50));
    let homes = [9, 8, 0, 0];
    stage.record([
        Row::Revoked { site, pass: PassId(1), at },
        Row::Pass(pass(1, 10)),
        Row::Pass(PassRow { first_confirmed: Timestamp::from_secs(90), ..pass(2, 90) }),
        Row::Pass(pass(2, 30)),
        Row::PassSeen { site, pass: PassId(2), seen: Timestamp::from_secs(70), homes },
        Row::PassGone { site, pass: PassId(1) },
        Row::Pass(pass(3, 10)),
        Row::PassGone { site, pass: PassId(3) },
    ]);
    stage.restart();
    let [revoked, old] = &stage.loaded.passes[..] else { panic!("{:?}", stage.loaded.passes) };
    assert_eq!((revoked.pass, revoked.revoked), (PassId(1), Some(at)));
    assert_eq!((old.first_confirmed.as_secs(), old.last_seen.as_secs(), old.homes), (30, 90, homes));
}

#[test]
fn a_copy_taken_while_the_gate_runs_holds_all_that_was_written() {
    let stage = Stage::new();
    for number in 0..500 {
        assert!(stage.journal().record(login(number, number)));
    }
    // Nobody asks for it: the thread writes within its 100 ms. Bounded by some hundred thousand looks.
    let reader = stage.reader();
    assert!((0..400_000).any(|_| reader.logins(SITE, EVERYTHING).unwrap() == 500));
    let copy = tempfile::tempdir().unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        fs::copy(stage.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let (_journal, loaded) = open(copy.path(), 16 << 20).unwrap();
    assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);
    assert_eq!(Reader::open(copy.path()).unwrap().logins(SITE, EVERYTHING).unwrap(), 500);
}

#[test]
fn kill_9_loses_nothing_that_was_settled() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "journal::tests::durability::child_that_is_killed", "--nocapture"])
        .env(CHILD_FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let settled = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .any(|line| line.unwrap().contains("written, and writing on"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(settled);
    let (_journal, loaded) = open(folder.path(), 16 << 20).unwrap();
    assert_eq!((loaded.notices.len(), loaded.passes.len()), (0, 1), "{loaded:?}");
    let reader = Reader::open(folder.path()).unwrap();
    assert!(reader.logins(SITE, EVERYTHING).unwrap() >= 1_000);
    assert_eq!(reader.acts(SITE, EVERYTHING, 10).unwrap().len(), 1);
    assert_eq!(reader.incidents(SITE, None, 10).unwrap().len(), 1);
}

/// Not a test of its own: the process that the test above kills.
#[test]
fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let (journal, _) = open(Path::new(&folder), 16 << 20).unwrap();
    (0..1_000).for_each(|number| assert!(journal.record(login(number, number))));
    journal.record(Row::Revoked { site: SITE, pass: PassId(7), at: Timestamp::from_secs(1) });
    journal.record(act("ctl bypass on", 1));
    journal.record(incident_of_kill());
    assert!(journal.settle(PATIENCE));
    println!("written, and writing on");
    std::io::stdout().flush().unwrap();
    for number in 0..10_000_000 {
        journal.record(login(number, number));
    }
}

fn incident_of_kill() -> Row {
    let (seq, at) = (1, Timestamp::from_secs(1));
    Row::Incidents([IncidentRow { site: SITE, seq, at, bytes: (*b"began").into(), hash: [7; 32] }].into())
}

const CHILD_FOLDER: &str = "JOURNAL_TEST_CHILD_FOLDER";

#[test]
fn a_damaged_journal_is_moved_aside_and_a_new_one_begins() {
    for damage in ["not a database at all, but text", ""] {
        let mut stage = Stage::new();
        stage.record((0..2_000).map(|number| Row::Pass(pass(number, 1))));
        stage.journal = None;
        let mut bytes = fs::read(stage.path()).unwrap();
        if damage.is_empty() {
            let middle = bytes.len() / 2;
            bytes[middle..middle + 16_384].fill(0xA5); // The head is whole, pages are not.
        } else {
            bytes = damage.repeat(100).into_bytes();
        }
        fs::write(stage.path(), bytes).unwrap();
        stage.restart();
        assert!(stage.loaded.passes.is_empty());
        assert!(stage.loaded.notices[0].contains("journal.broken.db"), "{:?}", stage.loaded.notices);
        assert!(stage.folder.path().join("journal.broken.db").is_file());
        stage.record([Row::Pass(pass(1, 10))]);
        stage.restart();
        assert_eq!((stage.loaded.passes.len(), stage.loaded.notices.len()), (1, 0));
    }
}

#[test]
fn two_gates_never_write_one_journal() {
    let stage = Stage::new();
    let error = open(stage.folder.path(), 16 << 20).err().unwrap().to_string();
    assert!(error.contains("another gate uses the state folder"), "{error}");
}

#[test]
fn the_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new();
    stage.record([login(1, 1)]);
    for name in ["journal.db", "journal.db-wal", "journal.db-shm", "journal.lock"] {
        let mode = fs::metadata(stage.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} {mode:o}");
    }
}

#[test]
fn a_layout_is_brought_up_to_date_step_by_step_and_a_newer_one_refused() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    let steps = ["CREATE TABLE one (a) STRICT_IS_NO_WORD_HERE", "CREATE TABLE two (a)"];
    assert!(schema::migrate(&mut connection, &steps).is_err());
    let steps = ["CREATE TABLE one (a)", "ALTER TABLE one ADD COLUMN b", "CREATE TABLE one (a)"];
    assert_eq!(schema::migrate(&mut connection, &steps[..1]).unwrap(), schema::Migrated::Newest);
    assert!(schema::migrate(&mut connection, &steps).is_err(), "the third step cannot be taken");
    connection.execute("INSERT INTO one (a, b) VALUES (1, 2)", []).unwrap();
    assert_eq!(schema::migrate(&mut connection, &steps[..2]).unwrap(), schema::Migrated::Newest);
    assert_eq!(schema::migrate(&mut connection, &steps[..1]).unwrap(), schema::Migrated::Newer(2));
}

#[test]
fn a_journal_of_another_version_says_whose_turn_it_is() {
    let mut stage = Stage::new();
    stage.journal = None;
    let version = |number: u32| {
        let connection = rusqlite::Connection::open(stage.path()).unwrap();
        connection.pragma_update(None, "user_version", number).unwrap();
    };
    version(99);
    let error = open(stage.folder.path(), 16 << 20).err().unwrap().to_string();
    let known = format!("newer Portcullis (layout 99, this one knows {})", schema::newest());
    assert!(error.contains(&known), "{error}");
    version(0);
    let error = Reader::open(stage.folder.path()).err().unwrap().to_string();
    assert!(error.contains("start the gate once"), "{error}");
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(nowhere.path()), Err(JournalError::Absent { .. })));
    assert_eq!(fs::read_dir(nowhere.path()).unwrap().count(), 0, "reading makes nothing");
}
