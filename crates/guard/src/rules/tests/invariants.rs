//! What must hold whatever comes (decision-science, section 11).

use std::sync::OnceLock;

use model::{Action, Attribute, Cohort, Condition, Finite, Instant, Matches, Sample, Test, Tier, Values};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::checker::Checker;
use super::story::{Second, Story, play, warm_book};
use super::world::{World, sampled};
use crate::rules::{Book, Change, Changes, Input, Maturity};

/// One second as it might come, with no sense in it.
#[derive(Clone, Debug)]
struct Odd {
    known: Vec<Sample>,
    others: Vec<Sample>,
    /// Hits on others and on known clients of the rule that stands there, where it is counted.
    matches: Vec<Option<(u64, u64)>>,
    hour: Option<u8>,
    learns: bool,
    wanted: bool,
    pain: bool,
    expected: Option<f64>,
    maturity: Maturity,
    /// Milliseconds since the second before.
    later: u64,
}

/// A request with few different values; a mark of 1 to 3 gives it what a flood has.
fn sample(tiers: &'static [Tier], marked: bool) -> impl Strategy<Value = Sample> {
    let values = proptest::collection::vec(1_u64..5, Attribute::COUNT);
    let mark = if marked { 0_u64..4 } else { 0..1 };
    (1_u32..40, proptest::sample::select(tiers), values, mark).prop_map(|(weight, tier, numbers, mark)| {
        let mut values = Values::default();
        for (attribute, number) in Attribute::ALL.iter().zip(numbers) {
            let is_of_flood = mark > 0 && attribute.index() % 4 == usize::try_from(mark).unwrap();
            values.set(*attribute, if is_of_flood { 100 + mark } else { number });
        }
        Sample {
            weight,
            tier,
            cohort: Cohort::new(0),
            cost_micros: 1,
            navigation: true,
            keeps_cookies: false,
            values,
        }
    })
}

/// A book that has seen calm of the same kind; without known clients or with many.
fn odd_book(has_known: bool) -> Book {
    static BOOKS: OnceLock<[Book; 2]> = OnceLock::new();
    BOOKS.get_or_init(|| [make_odd_book(0), make_odd_book(700)])[usize::from(has_known)].clone()
}

fn make_odd_book(known: usize) -> Book {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut draw = |tiers, count| {
        proptest::collection::vec(sample(tiers, false), count).new_tree(&mut runner).unwrap().current()
    };
    let others = draw(&[Tier::T5], 300);
    Book::warm(1, &draw(&[Tier::T1], known), &others, 50)
}

fn odd() -> impl Strategy<Value = Odd> {
    let known = proptest::collection::vec(sample(&[Tier::T0, Tier::T1, Tier::T2], false), 0..20);
    let others = proptest::collection::vec(sample(&[Tier::T3, Tier::T5, Tier::T6], true), 0..40);
    let harm = prop_oneof![20 => Just(0_u64), 1 => 0_u64..50];
    let matches = proptest::collection::vec(proptest::option::weighted(0.9, (0_u64..1_000, harm)), 8);
    let flags = (proptest::bool::weighted(0.2), proptest::bool::weighted(0.8), proptest::bool::weighted(0.8));
    let expected = proptest::option::of(-10.0_f64..100.0);
    let maturity =
        prop_oneof![1 => Just(Maturity::None), 2 => Just(Maturity::Provisional), 9 => Just(Maturity::Full)];
    let hour = proptest::option::of(0_u8..170);
    let later = prop_oneof![1 => Just(0_u64), 1 => Just(900), 40 => Just(1_000), 1 => Just(30_000), 1 => Just(200_000)];
    (known, others, matches, hour, flags, expected, maturity, later).prop_map(
        |(known, others, matches, hour, (learns, wanted, pain), expected, maturity, later)| Odd {
            known,
            others,
            matches,
            hour,
            learns,
            wanted,
            pain,
            expected,
            maturity,
            later,
        },
    )
}

impl Odd {
    fn play(&self, book: &mut Book, now: &mut u64, checker: Option<&mut Checker>) -> Changes {
        *now += self.later;
        let rules = book.in_force();
        let counted = rules.rules.iter().zip(&self.matches).filter_map(|(rule, counted)| {
            let (others, known) = (*counted)?;
            Some(Matches { rule: rule.id, others, known })
        });
        let input = Input {
            known: &self.known,
            others: &self.others,
            matches: &counted.collect::<Vec<_>>(),
            unwanted: &[],
            hour_of_week: self.hour,
            learns: self.learns,
            wanted: self.wanted,
            pain: self.pain,
            holds: false,
            fits: false,
            expected: self.expected.map(Finite::new),
            maturity: self.maturity,
        };
        let changes = book.step(Instant::from_millis(*now), &input);
        if let Some(checker) = checker.filter(|_| self.later > 0) {
            checker.check(&changes, &input);
        }
        changes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Invariants 5, 18, 19, 20 and 25: whatever comes, every change is told and can be computed again, budgets hold; a copy
    /// made of a snapshot that gets everything in another order goes on in the same way.
    #[test]
    fn whatever_comes_claims_hold_and_a_snapshot_goes_on_alike(
        seconds in proptest::collection::vec(odd(), 1..40),
        split in 0_usize..40,
        has_known in proptest::bool::weighted(0.8),
    ) {
        let mut book = odd_book(has_known);
        book.step(Instant::ORIGIN, &quiet(&[], &[]));
        let mut checker = Checker::default();
        let mut copy = None;
        let (mut now, mut now_of_copy) = (0, 0);
        for (place, second) in seconds.iter().enumerate() {
            if place == split {
                copy = Some(restored(&book));
                now_of_copy = now;
            }
            let changes = second.play(&mut book, &mut now, Some(&mut checker));
            if let Some(copy) = &mut copy {
                let mut turned = second.clone();
                turned.known.reverse();
                turned.others.reverse();
                prop_assert_eq!(&turned.play(copy, &mut now_of_copy, None), &changes);
            }
        }
        if let Some(copy) = copy {
            prop_assert!(copy == book);
        }
    }
}

fn restored(book: &Book) -> Book {
    serde_json::from_str(&serde_json::to_string(book).unwrap()).unwrap()
}

fn dumb(world: &mut World) -> Values {
    let mut values = world.visitor();
    world.set(&mut values, Attribute::UserAgent, "bot");
    world.set(&mut values, Attribute::Path, "/");
    values
}

/// One second of a story with everything that the rules ask for.
fn second(book: &mut Book, world: &mut World, at: u64, is_flood: bool, learns: bool) -> Changes {
    let second = Second::draw(world, &Story::flood(600, dumb), is_flood);
    let matches = second.matches(&book.in_force());
    let (known, others) = (sampled(Tier::T1, &second.known), sampled(Tier::T5, &second.others));
    let input =
        Input { matches: &matches, learns, wanted: is_flood, pain: is_flood, ..quiet(&known, &others) };
    book.step(Instant::from_secs(at), &input)
}

fn quiet<'a>(known: &'a [Sample], others: &'a [Sample]) -> Input<'a> {
    Input {
        known,
        others,
        matches: &[],
        unwanted: &[],
        hour_of_week: Some(10),
        learns: false,
        wanted: false,
        pain: false,
        holds: false,
        fits: false,
        expected: Some(Finite::count(60)),
        maturity: Maturity::Full,
    }
}

/// Invariant 12, and the memory of ten minutes.
#[test]
fn a_rule_without_hits_is_gone_in_time_and_back_at_once() {
    let (mut book, mut world) = (warm_book(1), World::new(2, 1));
    for at in 1..=10 {
        second(&mut book, &mut world, at, true, false);
    }
    assert!(book.in_force().rules[0].armed);
    let gone = (11..=250).find(|at| {
        let step = second(&mut book, &mut world, *at, false, false);
        step.changes.iter().any(|change| matches!(change, Change::Expired { .. }))
    });
    assert_eq!(gone, Some(130), "120 s after the last second with hits");
    assert!(book.in_force().rules.is_empty());
    let back = (300..=310).find(|at| {
        let step = second(&mut book, &mut world, *at, true, false);
        step.changes.iter().any(|change| matches!(change, Change::Rearmed { rule, .. } if rule.armed))
    });
    assert_eq!(back, Some(300), "it is remembered");
    assert_eq!(book.in_force().rules[0].id, 1);
}

/// Invariant 13.
#[test]
fn what_is_not_calm_teaches_nothing_about_calm() {
    let (mut book, mut world) = (warm_book(1), World::new(2, 1));
    second(&mut book, &mut world, 1, false, false);
    let part = |book: &Book, part: &str| serde_json::to_value(book).unwrap()[part].clone();
    let before = (part(&book, "calm"), part(&book, "seen"));
    for at in 2..100 {
        second(&mut book, &mut world, at, at % 2 == 0, false);
    }
    assert!((part(&book, "calm"), part(&book, "seen")) == before);
    second(&mut book, &mut world, 100, false, true);
    assert!((part(&book, "calm"), part(&book, "seen")) != before, "calm does");
}

/// Invariant 19.
#[test]
fn time_that_stands_or_runs_backwards_changes_nothing() {
    let (mut book, mut world) = (warm_book(1), World::new(2, 1));
    for at in 10..16 {
        second(&mut book, &mut world, at, true, false);
    }
    let before = book.clone();
    for at in [15, 3, 0] {
        let step = second(&mut book, &mut world, at, true, true);
        assert!(step.changes.is_empty() && step.rules == book.in_force());
    }
    assert!(book == before);
}

/// Invariant 23: with other names for all values the same kinds of rules are found.
#[test]
fn renaming_all_values_leaves_the_shape_of_rules() {
    for request in [dumb, World::visitor, novel, slow] {
        let shapes = [1, 77].map(|salt| {
            let played = play(&Story { salt, seconds: 15, ..Story::flood(500, request) });
            let found = played.steps.iter().flat_map(|step| &step.changes);
            found.map(shape).collect::<Vec<_>>()
        });
        assert_eq!(shapes[0], shapes[1]);
    }
}

fn novel(world: &mut World) -> Values {
    let mut values = world.visitor();
    world.set_unique(&mut values, Attribute::UserAgent);
    world.set_unique(&mut values, Attribute::Query);
    values
}

fn slow(world: &mut World) -> Values {
    let mut values = world.visitor();
    world.set(&mut values, Attribute::Path, "/search");
    world.set(&mut values, Attribute::Cookies, "none");
    world.set_unique(&mut values, Attribute::Query);
    values
}

/// A change without names and numbers: what kind it is, and what kind of rule.
fn shape(change: &Change) -> String {
    let kind = format!("{change:?}");
    let rule = match change {
        Change::Found { rule, .. }
        | Change::Armed { rule, .. }
        | Change::Discarded { rule, .. }
        | Change::Hardened { rule, .. }
        | Change::Softened { rule, .. }
        | Change::Expired { rule, .. }
        | Change::Needless { rule, .. }
        | Change::Rearmed { rule, .. } => Some(rule),
        Change::NotSurgical(_) => None,
    };
    let attribute = |condition: &Condition| (condition.attribute, condition.test == Test::New);
    let conditions = rule.map(|rule| rule.conditions.iter().map(attribute).collect::<Vec<_>>());
    let kind = kind.split([' ', '(']).next().unwrap();
    format!("{kind} {:?} {conditions:?}", rule.map(|rule| rule.action))
}

/// Invariant 16: no stream of new values makes the book larger than it may be.
#[test]
fn no_traffic_makes_the_state_larger_than_16_mib() {
    let mut number = 0;
    let mut odd = |count: usize| -> Vec<Values> {
        let mut fresh = || {
            let mut values = Values::default();
            for attribute in Attribute::ALL {
                number += 1;
                values.set(attribute, number * 0x9E37_79B9);
            }
            values
        };
        (0..count).map(|_| fresh()).collect()
    };
    let samples = |tier, values: &[Values]| {
        values.chunks(256).flat_map(|chunk| sampled(tier, chunk)).collect::<Vec<_>>()
    };
    let mut book = Book::warm(1, &samples(Tier::T1, &odd(4_096)), &samples(Tier::T5, &odd(4_096)), 100);
    for at in 1..=80 {
        let (known, others) = (sampled(Tier::T1, &odd(256)), sampled(Tier::T5, &odd(256)));
        let input = Input { learns: at < 70, wanted: at >= 70, ..quiet(&known, &others) };
        book.step(Instant::from_secs(at), &input);
    }
    let bytes = book.bytes();
    assert!((8 << 20..16 << 20).contains(&bytes), "{bytes}");
}

/// Known clients that do what the flood does, though none did before, take a rule back.
#[test]
fn a_rule_that_known_clients_begin_to_match_is_softened_and_then_given_up() {
    let (mut book, mut world) = (warm_book(1), World::new(2, 1));
    let mut told = Vec::new();
    for at in 1..=60 {
        let second = Second::draw(&mut world, &Story::flood(600, dumb), true);
        let mut matches = second.matches(&book.in_force());
        let harm = if at > 20 { 2 } else { 0 };
        matches.iter_mut().for_each(|matches| matches.known = harm);
        let (known, others) = (sampled(Tier::T1, &second.known), sampled(Tier::T5, &second.others));
        let input = Input { matches: &matches, wanted: true, pain: true, ..quiet(&known, &others) };
        let step = book.step(Instant::from_secs(at), &input);
        told.extend(step.changes.iter().map(|change| shape(change).split(' ').next().unwrap().to_owned()));
    }
    assert_eq!(told[..5], ["Found", "Armed", "Hardened", "Softened", "Discarded"]);
}

#[test]
fn a_provisional_baseline_never_refuses_and_none_finds_nothing() {
    for (maturity, harshest) in [
        (Maturity::Provisional, Some(Action::Challenge)),
        (Maturity::Full, Some(Action::Block)),
        (Maturity::None, None),
    ] {
        let (mut book, mut world) = (warm_book(1), World::new(2, 1));
        for at in 1..=60 {
            let second = Second::draw(&mut world, &Story::flood(300, dumb), true);
            let mut known = sampled(Tier::T1, &second.known);
            known.iter_mut().for_each(|sample| sample.weight = 10);
            let others = sampled(Tier::T5, &second.others);
            let matches = second.matches(&book.in_force());
            let input =
                Input { matches: &matches, wanted: true, pain: true, maturity, ..quiet(&known, &others) };
            book.step(Instant::from_secs(at), &input);
        }
        assert_eq!(book.in_force().rules.iter().map(|rule| rule.action).max(), harshest, "{maturity:?}");
    }
}
