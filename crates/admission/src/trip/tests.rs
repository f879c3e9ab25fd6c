use std::time::Duration;

use model::{AccountId, Instant, Level};
use proptest::prelude::*;

use super::{Layer, SelfHarm};

#[test]
fn a_layer_that_hurts_known_clients_in_calm_only_reports() {
    check(
        "0 answered 1000, 1 rules 20 by 5, 2 step",
        "2 in calm, rules refused 20 requests of 5 known accounts within 30 s, of 1000 known requests in all: they only \
         report until calm has held for 10 min; `portcullis report` names the setting to change [rules]",
    );
}

#[test]
fn too_few_failures_accounts_or_too_small_a_share_trip_nothing() {
    check("0 answered 1000, 1 rules 19 by 5, 2 step", "");
    check("0 answered 1000, 1 rules 200 by 4, 2 step", "");
    check("0 answered 20000, 1 rules 20 by 5, 2 step", "");
    check("0 answered 1000, 1 rules 10 by 5, 1 challenges 10 by 5, 2 step", "");
}

#[test]
fn failures_older_than_thirty_seconds_do_not_count() {
    check("0 rules 10 by 5, 31 rules 10 by 5, 32 step", "");
    check("0 rules 10 by 5, 29 rules 10 by 5, 29 step", tripped("29", 20, 20).as_str());
}

#[test]
fn a_tripped_layer_returns_when_calm_has_held_ten_minutes() {
    check(
        "0 rules 20 by 5, 1 step, 600 step, 601 step, 602 step",
        &format!("{}; 601 calm has held for 10 min: rules refuse again []", tripped("1", 20, 20)),
    );
}

#[test]
fn a_layer_that_would_still_hurt_is_not_restored() {
    check(
        "0 rules 20 by 5, 1 step, 600 rules 20 by 5, 601 step, 620 step, 631 step",
        &format!("{}; 631 calm has held for 10 min: rules refuse again []", tripped("1", 20, 20)),
    );
}

#[test]
fn a_rising_level_restores_every_layer_at_once_and_forgets_the_counts() {
    check(
        "0 rules 20 by 5, 0 challenges 20 by 5, 1 step, 1 step, 2 level filtering, 2 step, 3 level calm, 3 step",
        &format!(
            "{}; {}; 2 the level rose (filtering now): rules refuse again []; 2 the level rose (filtering now): \
             challenges refuse again []",
            tripped("1", 20, 20),
            tripped("1", 20, 20).replace("rules]", "rules+challenges]").replacen("rules", "challenges", 1),
        ),
    );
}

#[test]
fn failures_under_attack_trip_nothing_afterwards() {
    check("0 level customers-first, 0 step, 1 rules 500 by 50, 2 level calm, 2 step", "");
}

#[test]
fn what_keeps_the_gate_standing_is_no_layer() {
    let never: Vec<_> = model::Reason::ALL
        .into_iter()
        .filter(|reason| Layer::of(*reason).is_none())
        .map(model::Reason::label)
        .collect();
    insta::assert_snapshot!(
        never.join(" "),
        @"threshold queue_full queue_timeout connection_limit stream_limit denied buffer_budget"
    );
}

proptest! {
    /// Nothing trips below its bounds, whatever the order; time that stands still or runs backwards is harmless.
    #[test]
    fn nothing_trips_below_its_bounds(
        steps in proptest::collection::vec((0..5_usize, 0..4_u128, 0..60_u64, 0..3_u8), 1..200),
    ) {
        let mut trip = SelfHarm::new();
        for (layer, account, second, what) in steps {
            let now = Instant::from_secs(second);
            match what {
                0 => trip.failure(now, Layer::ALL[layer], AccountId(account)),
                1 => trip.answered(1, now),
                _ => prop_assert_eq!(trip.step(now, Level::Calm), None, "four accounts are too few"),
            }
        }
    }

    /// Above its bounds a layer trips at the next step, and by ten minutes and a window after the last failure it is back.
    #[test]
    fn every_trip_ends(failures in 20..200_u64, accounts in 5..60_u128, quiet in 631..10_000_u64) {
        let mut trip = SelfHarm::new();
        for failure in 0..failures {
            trip.failure(Instant::ORIGIN, Layer::BodyLimits, AccountId(u128::from(failure) % accounts));
        }
        prop_assert!(trip.step(Instant::ORIGIN, Level::Calm).is_some());
        prop_assert!(trip.only_reports(Layer::BodyLimits));
        trip.step(Instant::ORIGIN + Duration::from_secs(quiet), Level::Calm);
        prop_assert!(!trip.only_reports(Layer::BodyLimits));
    }
}

fn tripped(at: &str, failures: u64, requests: u64) -> String {
    format!(
        "{at} in calm, rules refused {failures} requests of 5 known accounts within 30 s, of {requests} known requests \
         in all: they only report until calm has held for 10 min; `portcullis report` names the setting to change \
         [rules]"
    )
}

/// Plays `<second> <what> …` lines; each event is followed by the layers that only report. The only test code that
/// knows the API of scenarios.
#[track_caller]
fn check(script: &str, expected: &str) {
    let mut trip = SelfHarm::new();
    let mut level = Level::Calm;
    let mut log = Vec::new();
    for line in script.split(", ") {
        let words: Vec<_> = line.split(' ').collect();
        let now = Instant::from_secs(words[0].parse().unwrap());
        match words[1..] {
            ["answered", count] => trip.answered(count.parse().unwrap(), now),
            ["level", name] => {
                level = name.parse().unwrap();
                while let Some(event) = trip.step(now, level) {
                    log.push(format!("{} {event} [{}]", words[0], reporting(&trip)));
                }
            }
            ["step"] => {
                let event = trip.step(now, level);
                log.extend(event.map(|event| format!("{} {event} [{}]", words[0], reporting(&trip))));
            }
            [layer, failures, "by", accounts] => {
                let layer = Layer::ALL.into_iter().find(|each| each.label() == layer).unwrap();
                let accounts: u128 = accounts.parse().unwrap();
                for failure in 0..failures.parse().unwrap() {
                    trip.failure(now, layer, AccountId(failure % accounts));
                }
            }
            _ => panic!("`{line}` is no line of a script"),
        }
    }
    assert_eq!(log.join("; "), expected);
}

fn reporting(trip: &SelfHarm) -> String {
    let layers = Layer::ALL.into_iter().filter(|layer| trip.only_reports(*layer));
    layers.map(Layer::label).collect::<Vec<_>>().join("+")
}
