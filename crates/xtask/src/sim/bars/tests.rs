//! Rows with one figure, and what each bar makes of them.

use std::collections::BTreeSet;
use std::fs;

use lab::checkout;
use serde_json::json;

use super::*;

/// A row with a result for each figure, with seeds from 1 on.
fn row(name: &str, key: &str, figures: &[f64]) -> Row {
    let result = |(seed, figure): (u64, &f64)| json!({ "seed": seed, key: figure });
    Row { name: name.to_owned(), whole: (1..).zip(figures).map(result).collect(), alone: Vec::new() }
}

fn find(claim: &str) -> &'static Bar {
    BARS.iter().find(|bar| bar.claim.starts_with(claim)).unwrap()
}

#[track_caller]
fn check(claim: &str, rows: &[Row], state: State, worst: Option<(&str, u64)>) {
    let verdict = find(claim).judge(rows);
    let place = verdict.worst.as_ref().map(|worst| (worst.scenario.as_str(), worst.seed));
    assert_eq!((verdict.state, place), (state, worst), "{verdict:?}");
}

#[test]
fn one_bad_seed_misses_a_bar_of_the_worst_and_not_one_of_the_median() {
    let known = |figures: &[f64]| [row("dumb-flood", "known_success_after_protect", figures)];
    let (good, bad) = (vec![1.0; 40], [vec![1.0; 39], vec![0.9]].concat());
    check("the same, 0.995", &known(&good), State::Held, Some(("dumb-flood", 1)));
    check("the same, 0.995", &known(&bad), State::Missed, Some(("dumb-flood", 40)));
    check("0.999", &known(&bad), State::Held, Some(("dumb-flood", 40)));
    check("0.999", &known(&[0.9; 40]), State::Missed, Some(("dumb-flood", 1)));
    let away = [row("outage-under-attack", "known_success_after_protect", &[0.95; 40])];
    check("0.999", &away, State::NotMeasured, None);
    check("the same, 0.995", &known(&[1.0; 39]), State::HeldSoFar, Some(("dumb-flood", 1)));
}

#[test]
fn what_was_not_played_is_no_failure_and_says_so() {
    let empty = || row("web-application", "seed", &[]);
    check("logins", &[empty()], State::NotMeasured, None);
    assert_eq!(missed(&[empty()]), Vec::<String>::new());
    let half = [row("dumb-flood", "seconds_to_protect", &[1.0; 40]), empty()];
    check("customers are protected", &half, State::HeldSoFar, Some(("dumb-flood", 1)));
}

#[test]
fn a_missed_bar_names_scenario_and_seed() {
    let rows = [
        row("dumb-flood", "seconds_to_protect", &[0.0, 2.0]),
        row("expensive-route", "seconds_to_protect", &[1.0, 5.0, 3.0]),
        row("calm", "seconds_to_protect", &[9.0]),
    ];
    let lines = missed(&rows);
    let protected = lines.iter().find(|line| line.contains("protected")).unwrap();
    assert_eq!(
        protected,
        "missed: customers are protected within 2 s: 5.0 s in expensive-route, seed 2; play it again with \
         `portcullis sim expensive-route --seed 2`"
    );
}

#[test]
fn a_rule_that_never_comes_is_too_late() {
    let found = |more: Vec<Value>| {
        let mut rows = row("dumb-flood", "seconds_to_first_rule", &[4.0; 40]);
        rows.whole.extend(more);
        [rows]
    };
    check("the first rule", &found(vec![]), State::Held, Some(("dumb-flood", 1)));
    check("the first rule", &found(vec![json!({ "seed": 41 })]), State::Missed, Some(("dumb-flood", 41)));
    let broken = vec![json!({ "seed": 41, FAILURE: "told elsewhere" })];
    check("the first rule", &found(broken), State::Held, Some(("dumb-flood", 1)));
}

#[test]
fn visitors_are_compared_with_those_whom_the_threshold_alone_served() {
    let compared = |alone: f64| {
        let mut rows = row("dumb-flood", "unknown_success", &[0.9; 40]);
        rows.alone = vec![json!({ "seed": 1, "unknown_success": alone })];
        [rows]
    };
    check("visitors", &compared(0.3), State::Held, Some(("dumb-flood", 1)));
    check("visitors", &compared(0.4), State::Missed, Some(("dumb-flood", 1)));
    check("visitors", &[row("dumb-flood", "unknown_success", &[0.9; 40])], State::NotMeasured, None);
    let mut pulses = row("pulses-120-240", "unknown_success", &[0.95; 40]);
    pulses.alone = vec![json!({ "seed": 1, "unknown_success": 0.8 })];
    check("visitors", &[pulses], State::NotMeasured, None);
}

#[test]
fn a_day_that_closes_misses_the_bar_and_too_few_days_do_not_hold_it() {
    let days =
        |count, more: &[f64]| [row(CALM_DAY, "false_closings", &[vec![0.0; count], more.to_vec()].concat())];
    check("270 calm days", &days(270, &[]), State::Held, Some((CALM_DAY, 1)));
    check("270 calm days", &days(269, &[]), State::HeldSoFar, Some((CALM_DAY, 1)));
    check("270 calm days", &days(3, &[1.0]), State::Missed, Some((CALM_DAY, 4)));
}

#[test]
fn a_closing_where_everything_fits_misses_the_bar_but_not_in_a_crowd_beyond_the_app() {
    let closings = |name: &str| [row(name, "false_closings", &[vec![0.0; 39], vec![1.0]].concat())];
    let fits = [
        "deploy",
        "flash-crowd",
        "marketing-mail",
        "office-monday",
        "asset-burst",
        "big-upload",
        "operations-provider",
    ];
    for name in fits {
        check("what fits", &closings(name), State::Missed, Some((name, 40)));
        check("what fits", &[row(name, "false_closings", &[0.0; 40])], State::Held, Some((name, 1)));
    }
    check("what fits", &closings("flash-crowd-over"), State::NotMeasured, None);
    check("what fits", &closings("dumb-flood"), State::NotMeasured, None);
}

#[test]
fn a_calm_day_has_a_bar_of_its_own_for_the_time_it_takes() {
    let hours = |seconds: f64| [row(CALM_DAY, "seconds_per_hour", &[seconds; 40])];
    check("an hour of a calm day", &hours(0.9), State::Held, Some((CALM_DAY, 1)));
    check("an hour of a calm day", &hours(1.1), State::Missed, Some((CALM_DAY, 1)));
    assert_eq!(missed(&hours(1.1)), Vec::<String>::new());
}

#[test]
fn what_the_machine_has_part_in_is_shown_and_no_failure() {
    let slow = [row("calm", "seconds_per_hour", &[60.0; 40])];
    check("an hour of any", &slow, State::Missed, Some(("calm", 1)));
    assert_eq!(missed(&slow), Vec::<String>::new());
}

#[test]
fn the_lists_name_scenarios_that_there_are() {
    let folder = checkout().join("crates/sim/scenarios");
    let (mut all, mut peace) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !fs::read_to_string(&path).unwrap().contains("[[attack]]") {
            peace.insert(name.clone());
        }
        all.insert(name);
    }
    assert_eq!(PEACE.map(str::to_owned).into_iter().collect::<BTreeSet<_>>(), peace);
    let named = SIGNATURE.iter().chain(&RETURNING).chain(&BEYOND).chain(&AWAY);
    assert!(named.clone().all(|name| all.contains(*name)), "{:?}", named.collect::<Vec<_>>());
}
