//! What the journal forgets.

use std::fs;

use super::*;

#[test]
fn addresses_go_after_a_day_and_everything_about_them_after_thirty() {
    let stage = Stage::new();
    stage.record([
        login(1, 0),
        Row::Sample(sample(1, 0)),
        network(1, 0),
        Row::Pass(pass(1, 0)),
        Row::Refused(refused("/", 0, 3)),
        act("ctl mode auto", 0),
    ]);
    let addresses = |stage: &Stage| {
        (
            stage.count("logins WHERE address_hash IS NOT NULL"),
            stage.count("samples WHERE address_hash IS NOT NULL"),
        )
    };
    let history =
        |stage: &Stage| ["logins", "samples", "networks", "refused"].map(|table| stage.count(table));
    let homes = |stage: &Stage| stage.count("passes WHERE homes IS NOT NULL");
    stage.sweep(DAY - 1);
    assert_eq!(addresses(&stage), (1, 1));
    stage.sweep(DAY + 1);
    assert_eq!((addresses(&stage), history(&stage), homes(&stage)), ((0, 0), [1, 1, 1, 1], 1));
    stage.sweep(30 * DAY + HOUR + 1);
    assert_eq!((history(&stage), homes(&stage)), ([0, 0, 0, 0], 0));
    assert_eq!((stage.count("passes"), stage.count("acts")), (1, 1));
    stage.sweep(90 * DAY + 1);
    assert_eq!((stage.count("passes"), stage.count("acts")), (0, 1));
    stage.sweep(400 * DAY + 1);
    assert_eq!(stage.count("acts"), 0);
}

#[test]
fn an_admin_can_have_less_kept_and_not_more() {
    let kept = |addresses: u64, history: u64, swept: u64| {
        let hours = Duration::from_hours;
        let stage = Stage::with_ages(Ages { addresses: hours(addresses), history: hours(history) });
        stage.record([login(1, 0), network(1, 0)]);
        stage.sweep(swept * HOUR + 1);
        ["logins WHERE address_hash IS NOT NULL", "logins", "networks"].map(|rows| stage.count(rows))
    };
    assert_eq!(kept(1, 48, 1), [0, 1, 1]);
    assert_eq!(kept(0, 48, 0), [0, 1, 1]);
    assert_eq!(kept(1, 48, 48), [0, 0, 0]);
    assert_eq!(kept(1_000, 10_000, 24), [0, 1, 1]);
    assert_eq!(kept(1_000, 10_000, 30 * 24), [0, 0, 0]);
}

#[test]
fn a_revoked_pass_is_remembered_longer_than_any_key_opens_it_and_loses_its_person() {
    let mut stage = Stage::new();
    let revoked = Row::Revoked { site: SITE, pass: PassId(1), at: Timestamp::from_secs(1) };
    stage.record([Row::Pass(pass(1, 0)), Row::Pass(pass(2, 0)), revoked]);
    stage.sweep(90 * DAY - 1);
    assert_eq!(stage.count("passes WHERE account = zeroblob(16)"), 0);
    stage.sweep(90 * DAY + 1);
    assert_eq!((stage.count("passes"), stage.count("passes WHERE account = zeroblob(16)")), (1, 1));
    stage.sweep(180 * DAY - 1);
    stage.restart();
    assert_eq!(stage.count("passes WHERE revoked IS NOT NULL"), 1);
    stage.sweep(180 * DAY + 1);
    assert_eq!(stage.count("passes"), 0);
}

#[test]
fn one_sweep_is_a_bounded_piece_of_work() {
    let stage = Stage::with_quota(256 << 20);
    for round in 0..4 {
        stage.record((0..1_500).map(|number| login(round * 1_500 + number, 0)));
    }
    stage.sweep(40 * DAY);
    assert!(stage.count("logins") >= 4_000, "a sweep takes a bounded number of rows of a kind");
    (0..10).for_each(|_| stage.sweep(40 * DAY));
    assert_eq!(stage.count("logins"), 0);
}

#[test]
fn a_forgotten_account_leaves_no_trace_in_the_files() {
    let stage = Stage::new();
    let account = AccountId(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF);
    let (site, at, network) = (SITE, Timestamp::from_secs(5), "192.0.2.0/24".parse().unwrap());
    stage.record([
        Row::Pass(PassRow { account, ..pass(1, 5) }),
        Row::Pass(PassRow { account, ..pass(2, 5) }),
        Row::Revoked { site, pass: PassId(2), at },
        Row::Login(LoginRow { site, at, account, address_hash: 1, network }),
        Row::Token(TokenRow { site, hash: account.0, first: at, last: at, answers: 1 }),
        act(&format!("ctl clients revoke {:032x}", account.0), 5),
    ]);
    stage.record((10..500).map(|number| Row::Pass(pass(number, 6))));
    assert!(is_on_disk(&stage, account));
    let slow = rusqlite::Connection::open(stage.path()).unwrap();
    slow.execute_batch("BEGIN; SELECT count(*) FROM passes;").unwrap();
    assert!(!stage.journal().forget(SITE, account, PATIENCE), "it says so while a reader keeps traces alive");
    slow.execute_batch("COMMIT").unwrap();
    assert!(stage.journal().forget(SITE, account, PATIENCE));
    assert!(!is_on_disk(&stage, account));
    let reader = stage.reader();
    assert!(reader.passes_of(SITE, account).unwrap().is_empty());
    assert!(reader.logins_of(SITE, account, 10).unwrap().is_empty());
    assert_eq!(&*reader.acts(SITE, EVERYTHING, 10).unwrap()[0].text, "ctl clients revoke forgotten");
    let revoked = reader.passes(SITE, Some(PassId(1)), 1).unwrap();
    assert_eq!((revoked[0].pass, revoked[0].revoked), (PassId(2), Some(at)), "it stays revoked");
    assert_eq!(stage.count("passes"), 491);
}

#[test]
fn a_damaged_journal_is_not_kept_for_ever() {
    let mut stage = Stage::new();
    stage.journal = None;
    fs::write(stage.path(), "damaged ".repeat(1_000)).unwrap();
    stage.restart();
    let broken = stage.folder.path().join("journal.broken.db");
    let modified = fs::metadata(&broken).unwrap().modified().unwrap();
    let today = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    stage.sweep(today + 6 * DAY);
    assert!(broken.exists());
    stage.sweep(today + 7 * DAY + 1);
    assert!(!broken.exists());
}

/// Whether the account is anywhere in the database or its log, as bytes or as text.
fn is_on_disk(stage: &Stage, account: AccountId) -> bool {
    let text = format!("{:032x}", account.0);
    ["journal.db", "journal.db-wal"].into_iter().any(|name| {
        let bytes = fs::read(stage.folder.path().join(name)).unwrap();
        let holds = |wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
        holds(&account.0.to_be_bytes()) || holds(text.as_bytes())
    })
}
