use std::sync::Arc;

use guard::evidence::{Findings, Malice, Maturity, Upstream};
use guard::rules::{Proof, Share, Trial};
use model::{Action, Matches, Name, Rules, Timestamp};

use super::*;
use crate::lines::Moment;

/// A second in which nothing was found.
pub(crate) fn nothing(second: u64) -> Findings {
    Findings {
        at: Instant::from_secs(second),
        millis: 1_000,
        pain: Vec::new(),
        volume: Vec::new(),
        mix: Vec::new(),
        malice: Malice::default(),
        upstream: Upstream::default(),
        blind: false,
        is_learnt: true,
        maturity: Maturity::Full,
        expected_load: None,
    }
}

/// What a second leads to that found this.
pub(crate) fn advice(findings: Findings, changes: Vec<Change>, rules: &[Rule]) -> Advice {
    Advice {
        grounds: vec![],
        findings,
        changes,
        rules: Arc::new(Rules { rules: rules.to_vec(), calm: Arc::default() }),
        challenge: Challenge::Off,
        usual: None,
        holds: false,
    }
}

pub(crate) fn rule(conditions: &[(Attribute, Test)], action: Action, armed: bool) -> Rule {
    Rule {
        id: 3,
        conditions: conditions.iter().map(|&(attribute, test)| Condition { attribute, test }).collect(),
        action,
        armed,
        expires: Instant::from_secs(9),
        collateral_calm: Finite::new(0.0004),
        collateral_known: Finite::new(0.0002),
    }
}

fn named(names: &[(u64, &str)]) -> Ruling {
    let mut ruling = Ruling::default();
    let names = names.iter().map(|&(value, text)| Name { value, text: text.to_owned() }).collect();
    ruling.counted(&Traffic { names, ..Traffic::default() });
    ruling
}

#[test]
fn a_rule_reads_as_a_sentence() {
    let ruling = named(&[(1, "POST"), (2, "/login"), (4, "evil\u{1b}[31m")]);
    let phrase = |conditions: &[(Attribute, Test)]| ruling.phrase(&rule(conditions, Action::Block, true));
    let (method, path) = ((Attribute::Method, Test::Is(1)), (Attribute::Path, Test::Is(2)));
    assert_eq!(
        phrase(&[method, path, (Attribute::UserAgent, Test::New)]),
        "refuse POST /login with a user agent not seen in calm"
    );
    assert_eq!(phrase(&[path]), "refuse /login");
    assert_eq!(
        phrase(&[(Attribute::UserAgent, Test::Is(4)), (Attribute::Language, Test::Is(5))]),
        "refuse requests with user agent `evil\\u{1b}[31m`, always the same language"
    );
    assert_eq!(phrase(&[method, (Attribute::Path, Test::New)]), "refuse POST with a path not seen in calm");
}

#[test]
fn a_rule_that_is_given_up_says_why() {
    let rule = rule(&[(Attribute::Host, Test::New)], Action::Demote, false);
    let change = Change::Discarded { rule, why: Why::Known(Share { hits: 1, of: 1 }) };
    assert_eq!(
        Ruling::default().sentence(&change),
        "rule 3 gone: put last requests with a host not seen in calm: it matches up to 100.00 % of what known clients do"
    );
}

const PROOF: Proof = Proof {
    calm: Share { hits: 2, of: 8_192 },
    known: Share { hits: 0, of: 4_096 },
    matched: Finite::new(1_203.0),
    gained: Finite::new(1_150.0),
    excess: Finite::new(1_180.0),
    expected: Finite::new(310.0),
};
const TRIAL: Trial =
    Trial { seconds: 2, hits: 1_911, forecast: Finite::new(1_020.0), known: Share { hits: 0, of: 5_000 } };
/// 2026-11-28, noon.
const NOON: u64 = 1_795_867_200;

/// Rules 3 and 4 are found in second 100; 3 is armed in second 102 and refuses from second 110 on; 4 fails its trial. What they
/// match comes from a client that is up to no good.
pub(crate) fn story() -> Ruling {
    let mut ruling = named(&[(1, "POST"), (2, "/login"), (4, "evil\u{1b}[31m")]);
    let conditions = [
        (Attribute::Method, Test::Is(1)),
        (Attribute::Path, Test::Is(2)),
        (Attribute::UserAgent, Test::Is(4)),
        (Attribute::Language, Test::New),
    ];
    let three = |action, armed| rule(&conditions, action, armed);
    let four = Rule { id: 4, ..rule(&[(Attribute::Language, Test::Is(9))], Action::Demote, false) };
    let found = |rule: &Rule| Change::Found { rule: rule.clone(), proof: PROOF, forecast: TRIAL.forecast };
    let trial = three(Action::Demote, false);
    ruling.advised(&advice(nothing(100), vec![found(&trial), found(&four)], &[trial, four.clone()]));
    let armed = three(Action::Demote, true);
    let failed = Change::Discarded { rule: four, why: Why::TooFewHits(Trial { hits: 3, ..TRIAL }) };
    let changes = vec![Change::Armed { rule: armed.clone(), trial: TRIAL }, failed];
    ruling.advised(&advice(nothing(102), changes, &[armed]));
    let hard = three(Action::Block, true);
    let change = Change::Hardened {
        rule: hard.clone(),
        from: Action::Demote,
        calm: PROOF.calm,
        known: TRIAL.known,
        painful: 5,
    };
    ruling.advised(&advice(nothing(110), vec![change], &[Rule { expires: Instant::from_secs(230), ..hard }]));
    let matches =
        vec![Matches { rule: 3, others: 12_003, known: 1 }, Matches { rule: 9, others: 9, known: 9 }];
    ruling.counted(&Traffic { matches, ..Traffic::default() });
    ruling
}

pub(crate) fn moment(second: u64) -> Moment {
    Moment { now: Instant::from_secs(second), wall: Timestamp::from_secs(NOON + second) }
}

fn shown_whole(board: &RuleBoard, id: u16, second: u64) -> String {
    let seen = board.find(id).unwrap();
    let value = serde_json::to_string_pretty(&seen.value(moment(second))).unwrap();
    format!("{}\n\n{value}", seen.text(moment(second)))
}

#[test]
fn the_table_shows_rules_in_force_and_those_that_ended() {
    let board = story().board();
    assert_eq!(board.numbers(), (1, 0));
    let value = serde_json::to_string_pretty(&board.value(moment(120))).unwrap();
    insta::assert_snapshot!(format!("{}\n\n{value}", board.text(moment(120))));
    insta::assert_snapshot!(RuleBoard::default().text(moment(120)), @"no rules are in force");
}

#[test]
fn one_rule_is_shown_with_all_that_is_known_of_it() {
    let board = story().board();
    insta::assert_snapshot!("armed", shown_whole(&board, 3, 120));
    insta::assert_snapshot!("failed", shown_whole(&board, 4, 120));
    let mut fresh = Ruling::default();
    fresh.advised(&advice(
        nothing(5),
        vec![],
        &[rule(&[(Attribute::Path, Test::New)], Action::Demote, true)],
    ));
    insta::assert_snapshot!("from_before", shown_whole(&fresh.board(), 3, 7));
}

#[test]
fn a_rule_that_is_not_there_is_said_to_be_so() {
    let mut ruling = story();
    let said = |ruling: &Ruling, id| ruling.board().misses(id);
    assert_eq!(said(&ruling, 7), "there is no rule 7; the only one is rule 3");
    assert!(said(&ruling, 4).starts_with("rule 4 has ended: it matched 3 requests"), "{}", said(&ruling, 4));
    let all = [3, 5, 6].map(|id| Rule { id, ..rule(&[(Attribute::Path, Test::New)], Action::Demote, true) });
    ruling.advised(&advice(nothing(130), vec![], &all));
    assert_eq!(said(&ruling, 7), "there is no rule 7; those in force are 3, 5 and 6");
    assert_eq!(said(&Ruling::default(), 1), "there is no rule 1; no rules are in force now");
}

#[test]
fn what_an_admin_took_back_keeps_its_numbers_and_says_when_it_may_be_tried_again() {
    let mut ruling = story();
    let gone = rule(&[(Attribute::Path, Test::Is(2))], Action::Block, false);
    let lines = ruling.advised(&advice(
        nothing(140),
        vec![Change::Discarded { rule: gone, why: Why::Unwanted }],
        &[],
    ));
    assert!(lines[0].contains("an admin did not want it"), "{lines:?}");
    let board = ruling.board();
    assert!(!board.is_in_force(3));
    insta::assert_snapshot!(board.find(3).unwrap().farewell(moment(140)));
}

#[test]
fn a_remembered_rule_comes_back_with_what_was_known_of_it() {
    let mut ruling = story();
    let armed = rule(&[(Attribute::Path, Test::Is(2))], Action::Block, true);
    let expired = Change::Expired { rule: armed.clone(), hits: 0, peak: 900 };
    ruling.advised(&advice(nothing(240), vec![expired], &[]));
    assert!(ruling.board().misses(3).contains("0 matches in the last second, 900 at most"));
    let again = Change::Rearmed { rule: armed.clone(), proof: PROOF };
    ruling.advised(&advice(nothing(300), vec![again], &[armed]));
    let board = ruling.board();
    let value = board.find(3).unwrap().value(moment(300));
    assert_eq!((&value["matched"], &value["state"]), (&12_003.into(), &"armed".into()));
    assert_eq!(
        (&value["found"], &value["armed_since"]),
        (&"2026-11-28T12:01:40Z".into(), &"2026-11-28T12:05:00Z".into())
    );
}

#[test]
fn no_more_ended_rules_are_kept_than_that() {
    let mut ruling = Ruling::default();
    for id in 1..=40 {
        let gone = Rule { id, ..rule(&[(Attribute::Path, Test::New)], Action::Demote, false) };
        let change = Change::Discarded { rule: gone, why: Why::NotCounted };
        ruling.advised(&advice(nothing(id.into()), vec![change], &[]));
    }
    let board = ruling.board();
    assert_eq!((board.ended.len(), board.find(25).is_some(), board.find(24).is_some()), (16, true, false));
}

#[test]
fn words_are_bounded_and_the_oldest_go_first() {
    let mut vocabulary = Vocabulary::default();
    for value in 1..=u64::try_from(vocabulary::WORDS_MAX).unwrap() + 2 {
        vocabulary.learn(&[Name { value, text: value.to_string() }, Name { value, text: value.to_string() }]);
    }
    assert_eq!((vocabulary.word(2), vocabulary.word(3)), (None, Some("3")));
}
