use std::time::Duration;

use journal_io::journal::{Journal, JournalSettings, LoginRow, PassRow, RefusedRow, Row, SampleRow};
use model::{AccountId, PassId, Reason, Tier, Timestamp};

use super::Report;
use crate::running::SITE;

const HOUR: u64 = 3_600;
const NOW: u64 = 1_795_000_000;

/// A day of history; `mistake` plants somebody who was refused and signed in two hours later.
fn history(mistake: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(folder.path(), JournalSettings::default()).unwrap();
    let at = |hours_ago: u64| Timestamp::from_secs(NOW - hours_ago * HOUR);
    let network = "192.0.2.0/24".parse().unwrap();
    let pass = PassRow {
        site: SITE,
        pass: PassId(1),
        account: AccountId(1),
        first_confirmed: at(200),
        issued: at(200),
        last_seen: at(3),
        way: 0,
        budget_class: 0,
        minted_in_incident: false,
        revoked: None,
        homes: [0; 4],
    };
    assert!(journal.record(Row::Pass(pass)));
    let refuse = |address_hash: u64, hours_ago: u64, reason: Reason| {
        let (tier, path) = (Tier::T5, "/search");
        journal.record(Row::Refused(RefusedRow {
            site: SITE,
            at: at(hours_ago),
            reason,
            tier,
            path: path.into(),
            network: Some(network),
            would_be: true,
            count: 100,
        }));
        journal.record(Row::Sample(SampleRow {
            site: SITE,
            at: at(hours_ago),
            reason,
            tier,
            path: path.into(),
            network,
            address_hash,
            would_be: true,
            weight: 100,
        }));
    };
    for bot in 0..20 {
        refuse(1_000 + bot, 5, Reason::Threshold);
    }
    if mistake {
        refuse(77, 6, Reason::AddressLimit);
    }
    let login = |address_hash, hours_ago| {
        Row::Login(LoginRow { site: SITE, at: at(hours_ago), account: AccountId(9), address_hash, network })
    };
    journal.record(login(77, 4));
    journal.record(login(78, 3));
    assert!(journal.settle(Duration::from_secs(10)));
    drop(journal);
    folder
}

fn report(mistake: bool) -> Report {
    Report::of(history(mistake).path(), Duration::from_secs(24 * HOUR), Timestamp::from_secs(NOW)).unwrap()
}

#[test]
fn a_planted_mistake_is_found_with_its_cure() {
    let report = report(true);
    assert!(!report.verdict.safe);
    insta::assert_snapshot!(report.to_string());
}

#[test]
fn without_mistakes_it_is_safe() {
    let text = report(false).to_string();
    assert!(text.contains("Safe to switch on: yes"), "{text}");
}

#[test]
fn a_folder_without_a_journal_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Report::of(folder.path(), Duration::from_secs(1), Timestamp::from_secs(NOW)).is_err());
}
