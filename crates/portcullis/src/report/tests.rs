use std::time::Duration;

use journal_io::journal::{Ages, Journal, JournalSettings, LoginRow, PassRow, RefusedRow, Row, SampleRow};
use model::{AccountId, PassId, Prefix, Reason, Tier, Timestamp};

use super::Report;
use crate::running::SITE;

const HOUR: u64 = 3_600;
const NOW: u64 = 1_795_000_000;

fn hours_ago(hours: u64) -> Timestamp {
    Timestamp::from_secs(NOW - hours * HOUR)
}

/// A journal that tests write history into.
struct History {
    folder: tempfile::TempDir,
    journal: Journal,
}

impl History {
    fn new() -> Self {
        Self::keeping(Ages::default())
    }

    fn keeping(ages: Ages) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = JournalSettings { ages, ..JournalSettings::default() };
        let (journal, _) = Journal::open(folder.path(), settings).unwrap();
        Self { folder, journal }
    }

    fn calm_day() -> Self {
        Self::calm_day_keeping(Ages::default())
    }

    /// A day and more with one customer, and twenty bots for whom there would have been no room.
    fn calm_day_keeping(ages: Ages) -> Self {
        let history = Self::keeping(ages);
        history.customer(40);
        for bot in 0..20 {
            history.refuse(1_000 + bot, 5, Reason::Threshold, Tier::T5, "/search");
        }
        history.login(78, 3);
        history
    }

    /// Somebody who signed in and has had a pass since.
    fn customer(&self, hours: u64) {
        let at = hours_ago(hours);
        self.write(Row::Pass(PassRow {
            site: SITE,
            pass: PassId(1),
            account: AccountId(1),
            first_confirmed: at,
            issued: at,
            last_seen: at,
            way: 0,
            budget_class: 0,
            minted_in_incident: false,
            revoked: None,
            homes: [0; 4],
        }));
        self.login(1, hours);
    }

    fn login(&self, address_hash: u64, hours: u64) {
        let (site, at, account, network) = (SITE, hours_ago(hours), AccountId(9), network());
        self.write(Row::Login(LoginRow { site, at, account, address_hash, network }));
    }

    /// A note that stands for 100 requests of an unknown client or for one of a known one.
    fn refuse(&self, address_hash: u64, hours: u64, reason: Reason, tier: Tier, path: &str) {
        let (at, weight) = (hours_ago(hours), if tier.is_known() { 1 } else { 100 });
        self.count(hours, reason, tier, path, weight.into());
        self.write(Row::Sample(SampleRow {
            site: SITE,
            at,
            reason,
            tier,
            path: path.into(),
            network: network(),
            address_hash,
            would_be: true,
            weight,
        }));
    }

    fn count(&self, hours: u64, reason: Reason, tier: Tier, path: &str, count: u64) {
        self.write(Row::Refused(RefusedRow {
            site: SITE,
            at: hours_ago(hours),
            reason,
            tier,
            path: path.into(),
            network: Some(network()),
            would_be: true,
            count,
        }));
    }

    fn write(&self, row: Row) {
        assert!(self.journal.record(row));
    }

    fn report(self, hours: u64) -> Report {
        assert!(self.journal.settle(Duration::from_secs(10)));
        let last = Duration::from_secs(hours * HOUR);
        Report::of(self.folder.path(), last, Timestamp::from_secs(NOW)).unwrap()
    }
}

fn network() -> Prefix {
    "192.0.2.0/24".parse().unwrap()
}

fn check_verdict(report: &Report, safe: bool, words: &str) {
    let text = report.to_string();
    assert_eq!(report.verdict.safe, safe, "{text}");
    assert!(text.contains(if safe { "Safe to switch on: yes" } else { "Safe to switch on: no" }), "{text}");
    assert!(report.verdict.because.contains(words), "{text}");
}

#[test]
fn a_planted_mistake_is_found_with_its_cure() {
    let history = History::calm_day();
    history.refuse(77, 6, Reason::AddressLimit, Tier::T5, "/search");
    history.refuse(5, 6, Reason::BodyTooLarge, Tier::T1, "/upload");
    history.login(77, 4);
    let report = history.report(7 * 24);
    check_verdict(&report, false, Reason::AddressLimit.cure());
    assert_eq!(report.mistaken, 100);
    insta::assert_snapshot!(report.to_string());
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn a_day_without_mistakes_is_safe() {
    check_verdict(&History::calm_day().report(24), true, "0 of about 2000 requests");
}

#[test]
fn where_addresses_are_kept_for_less_than_a_day_nothing_is_called_safe() {
    let of = |hours: u64| {
        let history =
            History::calm_day_keeping(Ages { addresses: Duration::from_hours(hours), ..Ages::default() });
        history.journal.settle(Duration::from_secs(10));
        history.journal.sweep(Timestamp::from_secs(NOW));
        history.journal.settle(Duration::from_secs(10));
        history.report(24)
    };
    check_verdict(&of(24), true, "0 of about 2000 requests");
    check_verdict(&of(1), false, "of about 2000 refusals nobody can tell");
}

#[test]
fn a_day_without_refusals_is_safe() {
    let history = History::new();
    history.customer(40);
    let report = history.report(24);
    check_verdict(&report, true, "nobody would have been refused, and 1 customer is known");
    insta::assert_snapshot!(report.to_string());
}

#[test]
fn a_login_before_the_refusal_or_a_day_after_it_makes_no_mistake() {
    let history = History::calm_day();
    history.refuse(77, 40, Reason::AddressLimit, Tier::T5, "/");
    history.login(77, 41);
    history.login(77, 15);
    check_verdict(&history.report(7 * 24), true, "");
}

#[test]
fn one_mistake_in_a_thousand_is_safe_and_one_more_is_not() {
    for (bots, safe) in [(999, true), (998, false)] {
        let history = History::calm_day();
        history.refuse(77, 6, Reason::AddressLimit, Tier::T5, "/");
        history.login(77, 4);
        history.count(6, Reason::AddressLimit, Tier::T5, "/", bots * 100);
        for bot in 0..bots {
            history.write(Row::Sample(SampleRow {
                site: SITE,
                at: hours_ago(6),
                reason: Reason::AddressLimit,
                tier: Tier::T5,
                path: "/".into(),
                network: network(),
                address_hash: 2_000 + bot,
                would_be: true,
                weight: 100,
            }));
        }
        check_verdict(&history.report(24), safe, "");
    }
}

#[test]
fn a_flood_refused_by_another_step_does_not_hide_mistakes() {
    let history = History::calm_day();
    history.count(5, Reason::Threshold, Tier::T5, "/", 1_000_000);
    history.refuse(77, 6, Reason::AddressLimit, Tier::T5, "/");
    history.login(77, 4);
    check_verdict(
        &history.report(24),
        false,
        "100 of about 100 requests that were beyond the limit of an address",
    );
}

#[test]
fn mistakes_are_estimated_for_what_was_counted_without_a_sample() {
    let history = History::calm_day();
    history.refuse(77, 6, Reason::AddressLimit, Tier::T5, "/");
    history.refuse(79, 6, Reason::AddressLimit, Tier::T5, "/");
    history.count(6, Reason::AddressLimit, Tier::T5, "/", 1_800);
    history.login(77, 4);
    let report = history.report(24);
    assert_eq!((report.by_reason[0].refused, report.by_reason[0].mistaken), (2_000, 1_000));
}

#[test]
fn nobody_known_is_not_safe() {
    let history = History::new();
    history.refuse(1, 30, Reason::Threshold, Tier::T5, "/");
    check_verdict(&history.report(7 * 24), false, "nobody is known yet");
}

#[test]
fn less_than_a_day_is_not_safe() {
    let history = History::new();
    history.customer(20);
    check_verdict(&history.report(7 * 24), false, "less than a day");
    check_verdict(&History::calm_day().report(2), false, "look back at least a day");
}

#[test]
fn text_of_clients_is_shown_escaped() {
    let history = History::calm_day();
    history.refuse(5, 6, Reason::Threshold, Tier::T5, "/\u{1b}[2J\u{202e}");
    let report = history.report(24);
    for shown in [report.to_string(), serde_json::to_string(&report).unwrap()] {
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
    }
}

#[test]
fn a_folder_without_a_journal_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = Report::of(folder.path(), Duration::from_secs(1), Timestamp::from_secs(NOW)).unwrap_err();
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
}
