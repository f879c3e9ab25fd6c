use std::sync::Arc;

use guard::rules::Share;
use model::{Action, Instant, Matches, Name, Rules};

use super::*;

fn rule(conditions: &[(Attribute, Test)], action: Action, armed: bool) -> Rule {
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
        "refuse POST /login from clients whose user agent is new"
    );
    assert_eq!(phrase(&[path]), "refuse /login");
    assert_eq!(
        phrase(&[(Attribute::UserAgent, Test::Is(4)), (Attribute::Language, Test::Is(5))]),
        "refuse requests from clients whose user agent is `evil\\u{1b}[31m` and language is always the same"
    );
    assert_eq!(phrase(&[method, (Attribute::Path, Test::New)]), "refuse POST from clients whose path is new");
}

#[test]
fn a_rule_that_is_given_up_says_why() {
    let rule = rule(&[(Attribute::Host, Test::New)], Action::Demote, false);
    let change = Change::Discarded { rule, why: Why::Known(Share { hits: 1, of: 1 }) };
    assert_eq!(
        Ruling::default().sentence(&change),
        "rule 3 gone: put last requests from clients whose host is new: it matches up to 100.00 % of what known clients do"
    );
}

#[test]
fn the_table_counts_what_each_rule_matched() {
    let mut ruling = Ruling::default();
    let rules = Rules {
        rules: vec![rule(&[(Attribute::Path, Test::New)], Action::Challenge, true)],
        calm: Arc::default(),
    };
    ruling.rules = vec![Counted { rule: rules.rules[0].clone(), others: 5, known: 0 }];
    let matches = vec![Matches { rule: 3, others: 7, known: 1 }, Matches { rule: 4, others: 9, known: 9 }];
    ruling.counted(&Traffic { matches, ..Traffic::default() });
    let table = ruling.table();
    assert_eq!(
        table[0].text,
        "rule 3, armed: challenge requests from clients whose path is new\n  matched 12 requests; of known clients, who are exempt, 1; would hit at most 0.04 % of calm requests and 0.02 % of those of known clients"
    );
    assert_eq!((&table[0].value["matched"], &table[0].value["armed"]), (&json!(12), &json!(true)));
}

#[test]
fn words_are_bounded_and_the_oldest_go_first() {
    let mut vocabulary = Vocabulary::default();
    for value in 1..=u64::try_from(vocabulary::WORDS_MAX).unwrap() + 2 {
        vocabulary.learn(&[Name { value, text: value.to_string() }, Name { value, text: value.to_string() }]);
    }
    assert_eq!((vocabulary.word(2), vocabulary.word(3)), (None, Some("3")));
}
