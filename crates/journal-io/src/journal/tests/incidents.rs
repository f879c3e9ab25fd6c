//! The chain of incidents: in order, whole, through to the disk, and never without bounds.

use super::*;

#[test]
fn records_come_back_in_the_order_in_which_they_were_written() {
    let mut stage = Stage::new();
    let rows: Vec<_> = (1..=200).map(|seq| incident(seq, 1_000 - seq, 40)).collect();
    stage.record(rows.iter().cloned().map(alone));
    assert_eq!(stage.reader().incidents(SITE, None, 1_000).unwrap(), rows);
    assert_eq!(stage.reader().incidents(SITE, Some(150), 10).unwrap(), rows[150..160]);
    stage.restart();
    assert_eq!(stage.loaded.incidents, rows);
}

#[test]
fn a_record_that_does_not_follow_the_last_one_is_left_out_and_told() {
    let stage = Stage::new();
    stage.record([5, 6].map(|seq| alone(incident(seq, 1, 1))));
    stage.record([alone(incident(6, 2, 2)), alone(incident(4, 2, 2)), login(1, 1)]);
    let health = stage.journal().health();
    assert_eq!((health.dropped_rows, health.is_stuck), ([2, 0, 0], false), "{health:?}");
    assert!(health.trouble.unwrap().contains("must follow the last one"));
    // Another site has a chain of its own.
    stage.record([alone(IncidentRow { site: SiteId(1), ..incident(1, 3, 3) })]);
    assert_eq!((stage.count("incidents"), stage.count("logins")), (3, 1));
    let connection = rusqlite::Connection::open(stage.path()).unwrap();
    let changed = connection.execute("UPDATE incidents SET bytes = x'00'", []).unwrap_err();
    assert!(changed.to_string().contains("cannot be changed"), "{changed}");
}

#[test]
fn a_record_beyond_its_limits_is_refused() {
    let stage = Stage::new();
    assert!(!stage.journal().record(alone(incident(1, 1, INCIDENT_BYTES_MAX + 1))));
    assert!(!stage.journal().record(alone(incident(1 << 63, 1, 1))));
    stage.record([alone(incident(1, 1, INCIDENT_BYTES_MAX))]);
    assert_eq!(stage.journal().health().dropped_rows, [2, 0, 0], "whoever relies on it hears of it");
}

#[test]
fn long_records_share_no_transaction_that_the_log_has_no_room_for() {
    const QUOTA: u64 = 64 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let (mut store, _) = Store::open(&path, QUOTA).unwrap();
    // As they lie there after a disk was full for a while.
    let rows: Vec<_> = (1..=400).map(|seq| alone(incident(seq, 1, INCIDENT_BYTES_MAX))).collect();
    let mut rest = &rows[..];
    while !rest.is_empty() {
        assert!(store.checkpoint());
        let (front, behind) = rest.split_at(store.fitting_rows(rest));
        store.write(front).unwrap();
        let log = fs::metadata(path.with_extension("db-wal")).unwrap().len();
        assert!(log <= QUOTA / 4, "the log has {log} bytes after {} records", front.len());
        rest = behind;
    }
}

#[test]
fn a_chain_loses_its_oldest_part_without_a_hole_and_still_loads() {
    let mut stage = Stage::new();
    // The clock was a year ahead when the third record was written, and went back afterwards.
    let days = [0, 1, 380, 2, 3, 400];
    let rows: Vec<_> = (1..).zip(days).map(|(seq, day)| incident(seq, day * DAY, 9)).collect();
    stage.record(rows.iter().cloned().map(alone));
    stage.sweep(400 * DAY);
    assert_eq!(stage.count("incidents"), 6, "400 days are not over");
    stage.sweep(402 * DAY + 1);
    stage.restart();
    assert_eq!(stage.loaded.incidents, rows[2..]);
    stage.record([alone(incident(7, 402 * DAY, 9))]);
    stage.sweep(781 * DAY);
    assert_eq!(stage.count("incidents"), 2, "the record of the wrong clock has ended too");
    stage.sweep(10_000 * DAY);
    assert_eq!(stage.count("incidents"), 0);
}

#[test]
fn what_a_start_reads_of_incidents_is_bounded_and_the_rest_makes_room() {
    const BYTES: usize = INCIDENT_BYTES_MAX;
    let read = u64::try_from(Loaded::INCIDENT_BYTES_MAX / BYTES).unwrap();
    let mut stage = Stage::with_quota(64 << 20);
    let written = read + 300;
    for seqs in [1..=read, read + 1..=written] {
        stage.record(seqs.map(|seq| alone(incident(seq, 1, BYTES))));
    }
    stage.sweep(2);
    let left = u64::from(stage.count("incidents"));
    assert!((read..written).contains(&left), "{left} of {written} are left, {read} are read");
    stage.restart();
    let seqs: Vec<_> = stage.loaded.incidents.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (written - read + 1..=written).collect::<Vec<_>>());
}

#[test]
fn a_journal_of_layout_1_keeps_what_it_holds_and_takes_incidents() {
    let folder = tempfile::tempdir().unwrap();
    let mut old = rusqlite::Connection::open(file(folder.path())).unwrap();
    schema::migrate(&mut old, &schema::STEPS[..1]).unwrap();
    old.execute("INSERT INTO acts (site, at, uid, text) VALUES (0, 1000, 7, 'ctl bypass on')", []).unwrap();
    old.execute("INSERT INTO state (site, key, value) VALUES (0, 'limit', x'7b7d')", []).unwrap();
    drop(old);
    let (journal, loaded) = open(folder.path(), 16 << 20).unwrap();
    assert!(loaded.notices.is_empty() && loaded.incidents.is_empty(), "{loaded:?}");
    assert_eq!(loaded.state(SITE, "limit"), Some(&b"{}"[..]));
    assert!(journal.record(alone(incident(1, 2, 3))) && journal.settle(PATIENCE));
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.acts(SITE, EVERYTHING, 10).unwrap().len(), 1);
    assert_eq!(reader.incidents(SITE, None, 10).unwrap(), [incident(1, 2, 3)]);
}

#[test]
fn what_belongs_together_is_kept_whole_or_not_at_all() {
    let stage = Stage::new();
    let together = |seqs: &[u64]| Row::Incidents(seqs.iter().map(|seq| incident(*seq, 1, 1)).collect());
    stage.record([together(&[1, 2, 3])]);
    // Its second record does not follow the first.
    stage.record([together(&[4, 4, 5]), login(1, 1)]);
    stage.record([together(&[4, 5])]);
    assert_eq!((stage.count("incidents"), stage.count("logins")), (5, 1));
    assert_eq!(stage.journal().health().dropped_rows, [1, 0, 0]);
    let too_many: Vec<_> = (6..).take(INCIDENTS_TOGETHER_MAX + 1).collect();
    assert!(!stage.journal().record(together(&too_many)));
}

/// However long they are, records that belong together stand in one transaction.
#[test]
fn what_belongs_together_is_never_divided_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&file(folder.path()), QUOTA_BYTES_MIN).unwrap();
    let long = Row::Incidents((1..=100).map(|seq| incident(seq, 1, 4_096)).collect());
    assert_eq!(store.fitting_rows(&[long.clone(), long]), 1);
    assert_eq!(store.fitting_rows(&[alone(incident(1, 1, 1)), alone(incident(2, 1, 1))]), 2);
}

fn alone(record: IncidentRow) -> Row {
    Row::Incidents([record].into())
}

fn incident(seq: u64, seconds: u64, bytes: usize) -> IncidentRow {
    IncidentRow {
        site: SITE,
        seq,
        at: Timestamp::from_secs(seconds),
        bytes: vec![b'i'; bytes].into(),
        hash: [u8::try_from(seq % 251).unwrap(); 32],
    }
}
