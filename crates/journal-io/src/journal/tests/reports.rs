//! The answers that `report`, `ctl clients` and `why` rest on.

use super::super::write::samples_until;
use super::*;

#[test]
fn refusals_are_counted_exactly_by_tier_path_and_network() {
    let stage = Stage::new();
    let would_be = RefusedRow { would_be: true, network: None, tier: Tier::T4, ..refused("/a", 2 * HOUR, 5) };
    stage.record([
        Row::Refused(refused("/a", 10, 3)),
        Row::Refused(refused("/a", 20, 4)),
        Row::Refused(refused("/b", HOUR, 1)),
        Row::Refused(would_be),
        Row::Refused(RefusedRow { site: SiteId(1), ..refused("/a", 10, 100) }),
    ]);
    let show = |by, window| {
        let totals = stage.reader().refused(SITE, window, by, 10).unwrap();
        let lines = totals
            .iter()
            .map(|t| format!("{}{} {} {}", t.name, if t.would_be { "?" } else { "" }, t.reason, t.count));
        lines.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(show(Dimension::Path, EVERYTHING), "/a threshold 7; /a? threshold 5; /b threshold 1");
    assert_eq!(show(Dimension::Tier, EVERYTHING), "t5 threshold 8; t4? threshold 5");
    assert_eq!(show(Dimension::Network, EVERYTHING), "198.51.100.0/24 threshold 8; ? threshold 5");
    let second = Window { since: Timestamp::from_secs(HOUR), until: Timestamp::from_secs(2 * HOUR) };
    assert_eq!(show(Dimension::Path, second), "/b threshold 1");
}

#[test]
fn a_refused_client_that_logs_in_within_a_day_is_a_mistake_before_and_after_the_address_is_forgotten() {
    let stage = Stage::new();
    let at = |number, seconds| Row::Sample(SampleRow { weight: 100, ..sample(number, seconds) });
    stage.record([
        at(1, 100), // logs in a minute later
        at(2, 100), // logs in too late
        at(3, 100), // had logged in before
        at(4, 100), // never
        login(1, 160),
        login(2, 100 + DAY + 1),
        login(3, 99),
    ]);
    let answer = || {
        let totals = stage.reader().sampled(SITE, EVERYTHING, Dimension::Path, 10).unwrap();
        let total = &totals[0];
        assert_eq!((totals.len(), &*total.name, total.reason), (1, "/event/*", Reason::AddressLimit));
        (total.samples, total.mistaken_samples, total.refused, total.mistaken)
    };
    assert_eq!(answer(), (4, 1, 400, 100));
    stage.sweep(100 + DAY + 60);
    assert_eq!(stage.count("samples WHERE address_hash IS NULL"), 4);
    assert_eq!(answer(), (4, 1, 400, 100));
}

#[test]
fn the_sum_over_networks_has_also_those_that_are_not_named() {
    let stage = Stage::new();
    let at = |number: u64, weight| SampleRow {
        network: format!("198.51.{number}.0/24").parse().unwrap(),
        weight,
        ..sample(number, 100)
    };
    // A customer who was refused by mistake does not come before those who send more.
    stage.record((0..40).map(|number| Row::Sample(at(number, 10))));
    stage.record([
        Row::Sample(at(77, 500)),
        Row::Sample(at(77, 100)),
        Row::Sample(at(78, 1)),
        login(78, 160),
    ]);
    let read = |window, limit| stage.reader().sampled_networks(SITE, window, limit).unwrap();
    let all = read(EVERYTHING, 2);
    assert_eq!(all.most, [("198.51.77.0/24".to_owned(), 600), ("198.51.0.0/24".to_owned(), 10)]);
    assert_eq!((all.refused, all.networks), (1_001, 42));
    assert_eq!(
        read(Window { since: Timestamp::from_secs(200), ..EVERYTHING }, 2),
        SampledNetworks::default()
    );
}

#[test]
fn an_hour_with_too_many_sorts_keeps_its_count() {
    let stage = Stage::with_quota(64 << 20);
    for round in 0..15 {
        let rows = (0..1_500).map(|number| Row::Refused(refused(&format!("/{round}/{number}"), 60, 2)));
        stage.record(rows);
    }
    let limit = SORTS_AN_HOUR_MAX + 100;
    let totals = stage.reader().refused(SITE, EVERYTHING, Dimension::Path, limit).unwrap();
    assert_eq!(totals.iter().map(|total| total.count).sum::<u64>(), 45_000);
    assert_eq!((&*totals[0].name, totals[0].count), ("", 5_000), "what went beyond is added up");
    assert_eq!(totals.len(), SORTS_AN_HOUR_MAX as usize + 1);
}

#[test]
fn samples_of_an_hour_are_bounded_and_spread_over_it() {
    assert_eq!(
        (samples_until(Timestamp::from_secs(0)), samples_until(Timestamp::from_secs(3_599))),
        (1_066, 5_000)
    );
    let stage = Stage::new();
    for minute in 0..4 {
        stage.record((0..1_500).map(|number| Row::Sample(sample(number, 60 * minute))));
    }
    let kept = [0, 1, 2, 3].map(|minute| stage.count(&format!("samples WHERE at = {}", minute * 60_000)));
    assert_eq!(kept, [1_066, 67, 67, 66]);
}

#[test]
fn clients_are_listed_page_by_page_and_found_by_account_and_network() {
    let stage = Stage::new();
    stage.record((1..=5).map(|number| Row::Pass(pass(number, number))));
    stage.record([login(3, 30), login(3, 40), login(4, 35), network(9, 1)]);
    let reader = stage.reader();
    let first = reader.passes(SITE, None, 3).unwrap();
    let rest = reader.passes(SITE, first.last().map(|row| row.pass), 3).unwrap();
    assert_eq!((first.len(), rest.len(), rest[1]), (3, 2, pass(5, 5)));
    let account = AccountId(1_003);
    assert_eq!(reader.passes_of(SITE, account).unwrap(), [pass(3, 3)]);
    let seconds = |logins: Vec<LoginSeen>| logins.iter().map(|login| login.at.as_secs()).collect::<Vec<_>>();
    assert_eq!(seconds(reader.logins_of(SITE, account, 10).unwrap()), [40, 30]);
    let from = "192.0.2.0/24".parse().unwrap();
    assert_eq!(seconds(reader.logins_from(SITE, from, 2).unwrap()), [40, 35]);
    assert_eq!(reader.logins(SITE, Window { since: Timestamp::from_secs(35), ..EVERYTHING }).unwrap(), 2);
    assert!(reader.network(SITE, model::Net::network("192.0.2.9".parse().unwrap())).unwrap().is_none());
    assert_eq!(reader.state(SITE, "none").unwrap(), None);
}
