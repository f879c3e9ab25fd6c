//! Bounds: the quota, the queues, a full disk.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

#[test]
fn a_flood_of_rows_stays_within_the_quota_and_costs_no_pass_and_no_act() {
    const QUOTA: u64 = 6 << 20;
    let stage = Stage::with_quota(QUOTA);
    stage.record((0..2_000).map(|number| Row::Pass(pass(number, 1))));
    stage.record([act("ctl mode auto", 1)]);
    for round in 0..15_u64 {
        for number in 0..1_500 {
            let scattered = (round * 1_500 + number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            stage.journal().record(network(scattered, round));
            let path = format!("/{scattered:0120x}");
            stage.journal().record(Row::Refused(refused(&path, round * HOUR, 1)));
        }
        offer(stage.journal(), (0..100).map(|number| login(number, round)));
        assert!(stage.journal().settle(PATIENCE), "{:?}", stage.journal().health());
        assert!(bytes(&stage) <= QUOTA, "round {round}: {} bytes", bytes(&stage));
    }
    assert_eq!((stage.count("passes"), stage.count("acts"), stage.count("logins")), (2_000, 1, 1_500));
    assert_eq!(stage.count("networks WHERE seen = 14000"), 1_500, "the newest stays");
    assert!(stage.count("networks WHERE seen = 0") < 1_500, "the oldest goes first");
    let before = stage.count("networks") + stage.count("refused");
    stage.sweep(15 * HOUR);
    assert!(
        stage.count("networks") + stage.count("refused") < before,
        "a sweep makes room before it is short"
    );
}

#[test]
fn a_reader_that_never_ends_cannot_grow_the_log_beyond_the_quota() {
    const QUOTA: u64 = 4 << 20;
    let stage = Stage::with_quota(QUOTA);
    stage.record([login(0, 1)]);
    let reader = rusqlite::Connection::open(stage.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM logins;").unwrap();
    for round in 0..40 {
        offer(stage.journal(), (0..100).map(|number| network(round * 100 + number, round)));
        offer(stage.journal(), (0..100).map(|number| login(round * 100 + number, round)));
        stage.journal().settle(PATIENCE);
        assert!(bytes(&stage) <= QUOTA, "round {round}: {} bytes", bytes(&stage));
    }
    let health = stage.journal().health();
    assert!(health.is_stuck && health.dropped_rows[0] == 0, "{health:?}");
    reader.execute_batch("COMMIT").unwrap();
    stage.record([login(1, 2)]);
    assert!(!stage.journal().health().is_stuck);
    assert_eq!(stage.count("logins"), 4_002, "they waited in memory");
}

#[test]
fn a_full_disk_takes_the_ballast_and_keeps_logins_in_memory() {
    // The quota stands for the disk: with nothing to trim, writes fail just as on a full disk.
    const QUOTA: u64 = QUOTA_BYTES_MIN;
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(1 << 30));
    let space: SpaceProbe = {
        let free = free.clone();
        Arc::new(move |_| Ok(Space { free_bytes: free.load(Ordering::SeqCst), total_bytes: 1 << 30 }))
    };
    let settings =
        JournalSettings { quota_bytes: QUOTA, ballast_bytes: 65_536, space, ages: Ages::default() };
    let (journal, _) = Journal::open(folder.path(), settings.clone()).unwrap();
    assert!(journal.settle(PATIENCE));
    let ballast = folder.path().join(Ballast::FILE);
    assert!(ballast.exists());
    free.store(0, Ordering::SeqCst);
    // Passes are never trimmed: at some number of them there is no room left.
    let full = (0..100).any(|round| {
        offer(&journal, (0..500).map(|number| Row::Pass(pass(round * 500 + number, 1))));
        !journal.settle(PATIENCE)
    });
    assert!(full && journal.health().is_stuck && !ballast.exists());
    assert!(journal.record(login(1, 1)), "the service goes on, and the login waits");
    offer(&journal, (0..20_000).map(|number| network(number, 1)));
    let health = journal.health();
    assert!(health.dropped_rows[2] > 0, "{health:?}");
    assert!(health.trouble.unwrap().contains("logins and acts wait in memory"));
    assert!(!ballast.exists());
    free.store(1 << 30, Ordering::SeqCst);
    journal.sweep(Timestamp::from_secs(2));
    journal.settle(PATIENCE);
    journal.settle(PATIENCE);
    assert!(ballast.exists(), "there is room again");
    drop(journal);
    let (journal, _) =
        Journal::open(folder.path(), JournalSettings { quota_bytes: 8 << 20, ..settings }).unwrap();
    assert!(journal.record(login(2, 2)) && journal.settle(PATIENCE));
}

#[test]
fn history_never_takes_the_place_of_a_login() {
    let shared = Shared::new();
    let nobody = thread::current();
    let offer = |row| shared.offer(row, &nobody);
    let taken = (0..30_000).filter(|number| offer(network(*number, 1))).count();
    assert_eq!(taken, 2_000);
    let taken = (0..30_000).filter(|number| offer(Row::Sample(sample(*number, 1)))).count();
    assert_eq!(taken, 2_000);
    assert!((0..6_000).all(|number| offer(login(number, 1))));
    let dropped = Importance::ALL.map(|importance| shared.dropped(importance));
    assert_eq!(dropped, [0, 28_000, 28_000]);
}

#[test]
fn a_row_beyond_its_limits_is_refused_or_cut() {
    let stage = Stage::new();
    let state =
        |key: &str, bytes: usize| Row::State { site: SITE, key: key.into(), value: vec![0; bytes].into() };
    assert!(!stage.journal().record(state(&"k".repeat(65), 1)));
    assert!(!stage.journal().record(state("k", STATE_VALUE_BYTES_MAX + 1)));
    let long = "é".repeat(5_000);
    stage.record([act(&long, 1), Row::Refused(refused(&long, 1, 1)), Row::Refused(refused(&long, 2, 1))]);
    assert_eq!(stage.reader().acts(SITE, EVERYTHING, 1).unwrap()[0].text.len(), ACT_BYTES_MAX);
    let totals = stage.reader().refused(SITE, EVERYTHING, Dimension::Path, 10).unwrap();
    assert_eq!((totals[0].name.len(), totals[0].count), (PATH_BYTES_MAX, 2));
}

#[test]
fn a_row_that_the_database_refuses_does_not_hold_up_the_others() {
    let stage = Stage::new();
    stage.journal().record(Row::Refused(refused("/", 1, u64::MAX)));
    stage.record([login(1, 1)]);
    let health = stage.journal().health();
    assert_eq!((health.dropped_rows, health.is_stuck), ([0, 1, 0], false), "{health:?}");
    assert_eq!(stage.reader().logins(SITE, EVERYTHING).unwrap(), 1);
}

/// Records without asking what was taken.
fn offer(journal: &Journal, rows: impl Iterator<Item = Row>) {
    for row in rows {
        journal.record(row);
    }
}

fn bytes(stage: &Stage) -> u64 {
    ["journal.db", "journal.db-wal"]
        .into_iter()
        .map(|name| fs::metadata(stage.folder.path().join(name)).unwrap().len())
        .sum()
}
