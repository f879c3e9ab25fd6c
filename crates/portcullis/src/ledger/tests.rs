use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admission::known;
use admission::pass::{self, Way};
use admission::site::Confirmed;
use edge_io::{Clock, Ledger, Refused};
use journal_io::journal::{Dimension, Journal, JournalSettings, Reader, SAMPLES_AN_HOUR_MAX, Window};
use model::{AccountId, Mode, PassId, Reason, Tier, Timestamp};

use super::{JournalLedger, template};
use crate::running::SITE;

/// Tells a ledger what `tell` says and reads what the journal then holds.
fn check(tell: impl FnOnce(&JournalLedger), read: impl FnOnce(&Reader, Window)) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::start();
    let since = clock.wall();
    let (journal, _) = Journal::open(folder.path(), JournalSettings::default()).unwrap();
    let journal = Arc::new(journal);
    tell(&JournalLedger::new(journal.clone(), SITE, [7; 32], clock));
    assert!(journal.settle(Duration::from_secs(10)));
    let until = clock.wall() + Duration::from_millis(1);
    read(&Reader::open(folder.path()).unwrap(), Window { since, until });
}

fn refused(address: Option<&str>, enforced: bool, weight: u32) -> Refused<'static> {
    Refused {
        reason: Reason::AddressLimit,
        tier: Tier::T5,
        address: address.map(|address| address.parse().unwrap()),
        path: "/event/12345/seats",
        enforced,
        mode: Mode::Observe,
        weight,
    }
}

fn confirmed(pass: u128, replaced: Option<u128>, minted: bool) -> Confirmed {
    let at = Timestamp::from_secs(1_795_000_000);
    let row = pass::Row {
        id: PassId(pass),
        account: AccountId(5),
        first_confirmed: at,
        minted: at,
        last_seen: at,
        way: Way::Session,
        in_incident: false,
    };
    Confirmed::Pass { row, replaced: replaced.map(PassId), minted }
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn who_is_refused_and_then_signs_in_from_the_same_address_is_a_mistake() {
    check(
        |ledger| {
            ledger.refused(&refused(Some("192.0.2.7"), false, 100));
            ledger.refused(&refused(Some("192.0.2.8"), false, 100));
            // The same client, as a dual-stack socket shows it.
            ledger.confirmed(&confirmed(1, None, true), address("::ffff:192.0.2.7"));
        },
        |reader, window| {
            let by_network = reader.sampled(SITE, window, Dimension::Network, 10).unwrap();
            assert_eq!(by_network.len(), 1, "{by_network:?}");
            assert_eq!((by_network[0].refused, by_network[0].mistaken), (200, 100));
            assert_eq!(by_network[0].name, "192.0.2.0/24", "no address is kept");
            assert!(by_network[0].would_be);
            assert_eq!(reader.sampled(SITE, window, Dimension::Path, 10).unwrap()[0].name, "/event/*");
        },
    );
}

#[test]
fn a_refusal_without_an_address_is_counted_but_is_no_sample() {
    check(
        |ledger| ledger.refused(&refused(None, true, 3)),
        |reader, window| {
            let counted = reader.refused(SITE, window, Dimension::Network, 10).unwrap();
            assert_eq!((counted[0].count, counted[0].would_be, counted[0].name.as_str()), (3, false, ""));
            assert!(reader.sampled(SITE, window, Dimension::Network, 10).unwrap().is_empty());
        },
    );
}

#[test]
fn only_a_new_pass_is_a_login_and_the_pass_that_left_is_revoked() {
    check(
        |ledger| {
            ledger.confirmed(&confirmed(1, None, true), address("2001:db8:1:2::3"));
            ledger.confirmed(&confirmed(1, None, false), address("2001:db8:1:2::3"));
            ledger.confirmed(&confirmed(2, Some(1), true), address("2001:db8:1:2::3"));
        },
        |reader, window| {
            assert_eq!(reader.logins(SITE, window).unwrap(), 2);
            let passes = reader.passes(SITE, None, 10).unwrap();
            let left: Vec<_> = passes.iter().map(|row| (row.pass.0, row.revoked.is_some())).collect();
            assert_eq!(left, [(1, true), (2, false)]);
            assert_eq!(Way::ALL[usize::from(passes[0].way)], Way::Session);
            let logins = reader.logins_of(SITE, AccountId(5), 10).unwrap();
            assert_eq!(logins[0].network, Some("2001:db8:1::/48".parse().unwrap()));
        },
    );
}

#[test]
fn a_token_comes_back_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), JournalSettings::default()).unwrap();
    let at = Timestamp::from_secs(1_795_000_000);
    let ledger = JournalLedger::new(Arc::new(journal), SITE, [7; 32], Clock::start());
    ledger
        .confirmed(&Confirmed::Token(known::TokenRow { hash: 9, first: at, last: at, good: u64::MAX }), None);
    drop(ledger);
    let (_, loaded) = Journal::open(folder.path(), JournalSettings::default()).unwrap();
    assert_eq!(loaded.tokens.len(), 1);
    assert_eq!((loaded.tokens[0].hash, loaded.tokens[0].answers), (9, u32::MAX));
}

#[test]
fn a_flood_of_notes_is_bounded_and_what_is_lost_is_counted() {
    const NOTES: u32 = 50_000;
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), JournalSettings::default()).unwrap();
    let journal = Arc::new(journal);
    let ledger = JournalLedger::new(journal.clone(), SITE, [7; 32], Clock::start());
    for host in 0..NOTES {
        let note = Refused { address: Some(IpAddr::from(host.to_be_bytes())), ..refused(None, true, 1) };
        ledger.refused(&note);
    }
    ledger.confirmed(&confirmed(1, None, true), address("192.0.2.7"));
    assert!(journal.settle(Duration::from_secs(20)));
    let health = journal.health();
    let lost: u64 = health.dropped_rows.iter().sum();
    assert!(health.written_rows + lost >= u64::from(NOTES) * 2, "every note is written or counted as lost");
    assert_eq!(health.dropped_rows[0], 0, "a login is never lost for a refusal");
    let all = Window { since: Timestamp::default(), until: Timestamp::from_secs(1 << 40) };
    let samples = Reader::open(folder.path()).unwrap().sampled(SITE, all, Dimension::Tier, 10).unwrap();
    assert!(samples[0].samples <= u64::from(SAMPLES_AN_HOUR_MAX) * 2);
}

#[test]
fn a_template_stands_for_all_pages_of_a_kind() {
    for (path, expected) in [
        ("/", "/"),
        ("", ""),
        ("/search", "/search"),
        ("/api/v2/orders/77", "/api/v2"),
        ("/event/12345/seats/7", "/event/*"),
        ("/order/550e8400-e29b-41d4-a716-446655440000", "/order/*"),
        ("/reset/aaaaaaaabbbbbbbbccccdddd1", "/reset/*"),
        ("/f/deadbee5", "/f/*"),
        ("/users/jane@shop.example", "/users/*"),
        ("/users/jane%40shop.example", "/users/*"),
        ("/cart;jsessionid=A1B2C3", "/cart"),
        ("/terms-and-conditions/", "/terms-and-conditions/"),
    ] {
        assert_eq!(&*template(path), expected, "{path}");
    }
}

#[test]
fn a_template_is_bounded_whatever_the_path() {
    for path in ["/x".repeat(4_000), format!("/{}", "é".repeat(4_000)), format!("/{0}/{0}", "y".repeat(48))]
    {
        assert!(template(&path).len() <= journal_io::journal::PATH_BYTES_MAX);
    }
    assert_eq!(&*template(&format!("/a/{}", "x".repeat(500))), "/a/*");
}
