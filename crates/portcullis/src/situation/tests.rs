use std::time::Duration;

use guard::evidence::{Feature, Hurt, Malice, Maturity, Metric, Mix, Pain, Term, Upstream, Verdict, Volume};
use model::{Attribute, COHORTS, Challenge, Comparison, Finite, Name, Rule, Timestamp, Traffic};

use super::*;
use crate::ruling::tests::{advice, nothing};

/// 2026-11-28, noon.
const NOON: u64 = 1_795_867_200;

/// A gate whose level moves while its clock runs from second 0 on, at noon.
struct Stage {
    situation: Situation,
    pins: Pins,
    ruling: Ruling,
    second: u64,
    mode: Mode,
}

impl Stage {
    fn new() -> Self {
        let situation = Situation::begun(&Decision::default(), Instant::ORIGIN);
        let mut ruling = Ruling::default();
        let names = vec![Name { value: 4, text: "evil\u{1b}[31m".to_owned() }];
        ruling.counted(&Traffic { names, ..Traffic::default() });
        Self { situation, pins: Pins::default(), ruling, second: 0, mode: Mode::Auto }
    }

    /// What the gate looks like at a second, in which so much is asked for by customers and by strangers.
    fn steps(&mut self, second: u64, level: Level, masks: Masks, loads: [f64; 2]) {
        let before = self.situation.decision.level;
        let now = Instant::from_secs(second);
        let mut summary = Summary::empty(now, 500);
        for (tier, load) in [Tier::T1, Tier::T5].into_iter().zip(loads) {
            summary.offered[tier.index()].fill(millis(load));
        }
        summary.removed[Tier::T5.index()] = if level == Level::Calm { 0 } else { 1_500 };
        let decision = Decision {
            at: now,
            level,
            masks,
            limits_refuse: level != Level::Calm,
            challenge: if level == Level::CustomersFirst { Challenge::Cookie } else { Challenge::Off },
            ..Decision::default()
        };
        (self.situation.has_begun, self.situation.demand) = (true, Demand::of(&summary, &masks));
        self.situation.decision = decision;
        self.situation.limit = (20.0, true);
        self.situation.comfortable = 14.0;
        if before != level {
            self.situation.note_level(before, level, now);
        }
        self.second = second;
    }

    fn finds(&mut self, change: impl FnOnce(&mut Findings)) {
        let mut findings = nothing(self.second);
        change(&mut findings);
        self.situation.note_advice(&advice(findings, vec![], &[] as &[Rule]), &self.ruling);
    }

    fn pins(&mut self, floor: Option<Level>, ceiling: Option<Level>) {
        let until = Timestamp::from_secs(NOON + 3_600);
        let pin = |level: Option<Level>| level.map(|level| (level, until));
        self.pins = Pins { floor: pin(floor), ceiling: pin(ceiling) };
    }

    /// What an admin sees so many seconds later.
    fn report(&self, later: u64) -> Report<'_> {
        let second = self.second + later;
        Report {
            situation: &self.situation,
            moment: Moment { now: Instant::from_secs(second), wall: Timestamp::from_secs(NOON + second) },
            silent_for: None,
            pins: self.pins,
            mode: self.mode,
            is_bypassed: false,
            enforced: 100,
            rules: (0, 0),
            undeclared_front: None,
        }
    }
}

/// A load in requests in service, as the cost of one cohort in half a second.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
fn millis(load: f64) -> u64 {
    (load * 500.0) as u64 / COHORTS as u64
}

/// A flood that one user agent gives away, as one second shows it.
fn flood(findings: &mut Findings) {
    let number = Finite::new;
    findings.pain = vec![
        Hurt { pain: Pain::Utilisation, figure: number(2.412), bound: number(0.85) },
        Hurt { pain: Pain::QueueWait, figure: number(183.0), bound: number(40.0) },
    ];
    findings.volume = vec![
        volume(Metric::Others, 1_204.0, 310.0, 16.0),
        volume(Metric::Connections, 310.0, 120.0, 9.0),
        volume(Metric::Known, 80.0, 78.0, 0.0),
    ];
    let top = |attribute, top, share, calm| Mix {
        attribute,
        distance: number(0.48),
        distance_bound: number(0.12),
        entropy: number(0.7),
        calm_entropy: number(2.1),
        top,
        top_share: number(share),
        top_calm: number(calm),
        excess_bound: number(0.1),
        rare: number(0.03),
        rare_calm: number(0.02),
        seconds: 4,
        is_anomalous: true,
    };
    findings.mix = vec![
        Mix { is_anomalous: false, ..top(Attribute::Path, 4, 0.1, 0.1) },
        top(Attribute::UserAgent, 4, 0.62, 0.0008),
        top(Attribute::Language, 0, 0.71, 0.04),
        top(Attribute::Network, 77, 0.2, 0.0),
        Mix { rare: number(0.9), ..top(Attribute::Referer, 77, 0.2, 0.0) },
    ];
    let term = |feature, figure, calm, weight| Term {
        feature,
        figure: number(figure),
        calm: number(calm),
        even: Finite::ZERO,
        scale: Finite::ONE,
        weight: number(weight),
    };
    findings.malice = Malice {
        score: number(4.23),
        terms: vec![
            term(Feature::Likeness, 0.86, 0.0, 2.0),
            term(Feature::SeenNetworks, 0.12, 0.71, 1.6),
            term(Feature::Ramp, 2.1, 0.0, 0.9),
            term(Feature::Cost, -0.3, 12.0, -0.27),
            term(Feature::Navigation, 0.3, 0.4, 0.0),
        ],
        verdict: Verdict::Attack,
    };
    findings.is_learnt = false;
}

fn volume(metric: Metric, value: f64, expected: f64, high: f64) -> Volume {
    Volume {
        metric,
        value: Finite::new(value),
        expected: Finite::new(expected),
        spread: Finite::new(0.2),
        z: Finite::new(4.0),
        high: Finite::new(high),
        low: Finite::ZERO,
    }
}

/// A quarter of unknown visitors gets in, and nobody whom rules put last.
fn a_quarter() -> Masks {
    Masks::OPEN.with(Tier::T5, u128::MAX >> 96).with(Tier::T6, 0)
}

fn attacked() -> Stage {
    let mut stage = Stage::new();
    stage.steps(10, Level::Calm, Masks::OPEN, [4.0, 3.0]);
    stage.steps(63, Level::CustomersFirst, a_quarter(), [4.0, 41.0]);
    stage.finds(flood);
    stage.situation.note_grounds(&[
        ground(Act::Close, Comparison::FarOver, 45.0, 19.0, 0),
        ground(Act::AskForCookie, Comparison::Load, 44.8, 17.0, 10),
        ground(Act::AskForCookie, Comparison::LooksMade, 4.23, 3.0, 10),
    ]);
    stage
}

fn ground(act: Act, comparison: Comparison, figure: f64, bound: f64, seconds: u64) -> Ground {
    let lasted = Duration::from_secs(seconds);
    Ground { act, comparison, figure, bound, lasted, hold: lasted }
}

#[track_caller]
fn check_width(text: &str) {
    let wide = text.lines().find(|line| line.chars().count() > crate::lines::COLUMNS);
    assert_eq!(wide, None, "{text}");
}

#[test]
fn calm_is_told_in_a_few_lines() {
    let mut stage = Stage::new();
    let fresh = Stage { situation: Situation::default(), ..Stage::new() };
    insta::assert_snapshot!("before_the_first_step", fresh.report(0).text());
    stage.steps(10, Level::Calm, Masks::OPEN, [4.0, 3.0]);
    stage.finds(|findings| findings.maturity = Maturity::Absent);
    let text = stage.report(20).text();
    check_width(&text);
    insta::assert_snapshot!("calm", text);
}

#[test]
fn an_attack_is_told_with_its_reasons_and_numbers() {
    let stage = attacked();
    let report = Report { rules: (2, 1), ..stage.report(272) };
    check_width(&report.text());
    insta::assert_snapshot!("attack", report.text());
    insta::assert_snapshot!("attack_for_programs", serde_json::to_string_pretty(&report.value()).unwrap());
}

#[test]
fn reopening_says_for_how_long_it_has_not_been_calm() {
    let mut stage = attacked();
    stage.steps(400, Level::Reopening, a_quarter(), [4.0, 9.0]);
    stage.finds(|_| ());
    let head = stage.report(30).text().lines().next().unwrap().to_owned();
    assert_eq!(head, "level reopening since 2026-11-28T12:06:40Z (30 s ago); not calm for 6 min 7 s");
    stage.steps(500, Level::Calm, Masks::OPEN, [4.0, 3.0]);
    assert!(stage.report(5).text().starts_with("level calm since 2026-11-28T12:08:20Z (5 s ago)\n"));
}

#[test]
fn the_last_step_and_the_last_question_are_told_with_their_numbers() {
    let mut stage = attacked();
    stage.steps(400, Level::Reopening, a_quarter(), [4.0, 9.0]);
    stage.situation.note_grounds(&[ground(Act::Open, Comparison::Forecast, 13.2, 14.0, 10)]);
    let text = stage.report(1).text();
    check_width(&text);
    assert!(!text.contains("closed out: 45"), "{text}");
    for said in
        ["a part was let in again: with twice what was added it is 13", "score +4.2; an attack from +3 on"]
    {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{said} in\n{text}");
    }
    stage.steps(500, Level::Calm, Masks::OPEN, [4.0, 3.0]);
    assert!(!stage.report(1).text().contains("let in again"), "nothing is left to explain");
}

#[test]
fn an_incident_from_before_the_start_has_no_beginning() {
    let decision =
        Decision { level: Level::CustomersFirst, at: Instant::from_secs(9), ..Decision::default() };
    let begun = Situation::begun(&decision, Instant::from_secs(10));
    for situation in [begun, Situation::default().or_beginning(&decision)] {
        let stage = Stage { situation, ..Stage::new() };
        let report = stage.report(20);
        assert!(report.text().starts_with("level customers-first since before this process began\n"));
        assert!(report.value()["since"].is_null());
    }
}

#[test]
fn while_nothing_is_decided_it_says_so_and_what_is_obeyed_then() {
    let mut stage = attacked();
    assert!(!stage.report(9).text().contains("everybody\n"));
    stage.situation.note_silence();
    let report = Report { silent_for: Some(Duration::from_secs(42)), ..stage.report(42) };
    let text = report.text();
    check_width(&text);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "NOTHING WAS DECIDED FOR 42 s: nobody is closed out or challenged",
        "let in everybody",
        "client limits refuse",
    ] {
        assert!(words.contains(said), "{said} in\n{text}");
    }
    let value = report.value();
    assert_eq!(value["silent_seconds"], 42);
    assert_eq!((&value["challenge"], &value["limits_refuse"]), (&"off".into(), &true.into()));
    assert_eq!(value["open_percent"]["t5"], 100.0);
    assert!(stage.report(0).value()["silent_seconds"].is_null());
}

#[test]
fn pins_are_told_with_their_end_and_no_longer_than_that() {
    let mut stage = attacked();
    stage.pins(Some(Level::CustomersFirst), None);
    let pinned = stage.report(37).text();
    check_width(&pinned);
    for line in [
        "why       an admin holds it up: at least customers-first",
        "opens     not below customers-first before 2026-11-28T13:00:00Z",
        "pins      at least customers-first until 2026-11-28T13:00:00Z (in 58 min 20 s)",
    ] {
        assert!(pinned.contains(line), "{line} in\n{pinned}");
    }
    assert_eq!(stage.report(37).value()["pins"]["floor"]["seconds_left"], 3_500);
    let later = stage.report(3_600);
    assert!(later.text().contains("pins      none"), "{}", later.text());
    assert!(later.value()["pins"]["floor"].is_null());
    stage.steps(64, Level::Calm, Masks::OPEN, [4.0, 3.0]);
    let soon = stage.report(0).text();
    assert!(soon.contains("an admin has just pinned it to at least customers-first"), "{soon}");
    stage.pins(None, Some(Level::Calm));
    stage.steps(70, Level::Calm, Masks::OPEN, [4.0, 41.0]);
    let held = stage.report(0).text();
    assert!(held.contains("an admin holds it down: at most calm, whatever comes"), "{held}");
    let with_rules = Report { rules: (2, 0), ..stage.report(0) }.text();
    assert!(with_rules.contains("none acts while an admin holds"), "{with_rules}");
}

#[test]
fn assist_says_when_it_asks_and_when_it_was_answered() {
    let mut stage = attacked();
    stage.mode = Mode::Assist;
    stage.situation.asks = true;
    let text = stage.report(1).text();
    check_width(&text);
    assert!(text.contains("it asks for a yes"), "{text}");
    (stage.situation.asks, stage.situation.is_allowed) = (false, true);
    assert!(stage.report(1).text().contains("an admin said yes; `ctl level unpin` takes that back"));
    assert!(!stage.report(1).text().contains("nobody is asked"));
    (stage.situation.asks, stage.situation.is_allowed) = (true, false);
    assert!(stage.report(1).text().contains("nobody is asked before an admin says yes"));
    stage.mode = Mode::Auto;
    assert!(!stage.report(1).text().contains("said yes"));
}

#[test]
fn what_stands_over_the_level_is_told_too() {
    let mut stage = attacked();
    stage.mode = Mode::Observe;
    let undeclared_front = Some("most requests come through 127.0.0.1".to_owned());
    let report = Report { is_bypassed: true, enforced: 20, undeclared_front, ..stage.report(1) };
    let text = report.text();
    check_width(&text);
    for part in [
        "observe: it decides and reports",
        "most requests come through 127.0.0.1",
        "BYPASS IS ON",
        "20 % of unknown clients",
        "of these 14.1 would be let in",
        "everybody, because the mode is observe; else customers",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!(report.value()["undeclared_front"], "most requests come through 127.0.0.1");
    assert_eq!((&report.value()["bypass"], &report.value()["mode"]), (&true.into(), &"observe".into()));
}

#[test]
fn missing_traffic_holds_everything() {
    let mut stage = attacked();
    stage.finds(|findings| {
        findings.upstream = Upstream {
            value: Finite::new(3.0),
            expected: Finite::new(390.0),
            has_vanished: true,
            is_suspected: true,
            ..Upstream::default()
        };
    });
    stage.situation.sight.as_mut().unwrap().holds = true;
    let text = stage.report(1).text();
    assert!(text.contains("nothing that protects is lowered while traffic is missing"), "{text}");
    assert!(text.contains("3.00 requests/s come, 390 are"), "{text}");
}

#[test]
fn a_limit_that_is_not_measured_is_no_number() {
    let mut stage = Stage::new();
    stage.steps(10, Level::Calm, Masks::OPEN, [4.0, 3.0]);
    stage.situation.limit = (f64::INFINITY, false);
    let report = stage.report(1);
    assert!(report.text().contains("is not measured yet"), "{}", report.text());
    assert_eq!(
        (&report.value()["load"]["limit"], &report.value()["load"]["share_of_limit"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    stage.situation.limit = (20.0, false);
    assert!(stage.report(1).text().contains("(an estimate)"));
}

#[test]
fn ages_are_taken_from_the_clock_that_does_not_jump() {
    let stage = attacked();
    let report = stage.report(30);
    let jumped = Moment { wall: report.moment.wall + Duration::from_secs(86_400), ..report.moment };
    let text = Report { moment: jumped, ..report }.text();
    assert!(text.starts_with("level customers-first since 2026-11-29T12:01:03Z (30 s ago)"), "{text}");
}
