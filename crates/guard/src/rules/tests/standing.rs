//! Rules that go on in another process, beside what was learnt long before they were found.

use model::{Attribute, Condition, Finite, Instant, Matches, Rules, Tier};

use super::story::{Second, Story, VISITORS, warm_book};
use super::world::{World, sampled};
use crate::rules::{Book, Change, Changes, Input, Maturity, Why};

#[test]
fn rules_outlive_a_crash_with_the_time_that_they_had_left() {
    let (mut book, mut world) = (warm_book(1), World::new(5, 1));
    for at in 1..=20 {
        under_flood(&mut book, &mut world, at, &[]);
    }
    let rules = book.in_force().rules.clone();
    assert!(rules.iter().any(|rule| rule.armed), "{rules:?}");
    let mut next = warm_book(1);
    next.stand(book.standing());
    assert_eq!(next.in_force().rules, rules);
    assert_eq!(gone_at(&mut next), 140, "a hundred and twenty seconds after the last hit");
    assert_eq!(gone_at(&mut book), 140, "as if nothing had been");
}

#[test]
fn what_an_admin_does_not_want_is_not_tried_again_for_an_hour() {
    let (mut book, mut world) = (warm_book(1), World::new(5, 1));
    for at in 1..=20 {
        under_flood(&mut book, &mut world, at, &[]);
    }
    let before = book.in_force();
    let rule = before.rules.iter().find(|rule| rule.armed).unwrap();
    let changes = under_flood(&mut book, &mut world, 21, &[rule.id, 999]).changes;
    let is_unwanted = |change: &Change| matches!(change, Change::Discarded { rule: gone, why: Why::Unwanted } if gone.id == rule.id);
    assert_eq!(changes.iter().filter(|change| is_unwanted(change)).count(), 1, "{changes:?}");
    for at in 22..=3_600 {
        // A flood is costly to draw; each minute has ten seconds of one.
        if at % 60 < 10 {
            under_flood(&mut book, &mut world, at, &[]);
        }
        assert!(!says(&book.in_force(), &rule.conditions), "at {at}");
    }
    assert!(book.standing().aside.iter().any(|(conditions, _)| *conditions == rule.conditions));
    under_flood(&mut book, &mut world, 3_700, &[]);
    assert!(book.standing().aside.iter().all(|(conditions, _)| *conditions != rule.conditions));
}

/// Whom a rule refuses by mistake asks again and again, and so keeps it alive by its matches.
#[test]
fn a_rule_that_still_matches_ends_when_everything_would_fit_for_half_a_minute() {
    let (mut book, mut world) = (warm_book(1), World::new(5, 1));
    for at in 1..=20 {
        under_flood(&mut book, &mut world, at, &[]);
    }
    let rules = book.in_force().rules.clone();
    let mut ended = Vec::new();
    for at in 21..=120 {
        let matches: Vec<Matches> =
            rules.iter().map(|rule| Matches { rule: rule.id, others: 120, known: 0 }).collect();
        // Until the fortieth second more comes than would fit.
        let input = Input { fits: at > 40, wanted: at == 60, ..quiet(&matches) };
        let changes = book.step(Instant::from_secs(at), &input).changes;
        ended.extend(changes.into_iter().map(|change| (at, change)));
    }
    assert!(book.in_force().rules.is_empty());
    let needless = ended
        .iter()
        .filter(|(at, change)| *at == 90 && matches!(change, Change::Needless { seconds: 30, .. }));
    assert_eq!(needless.count(), rules.len(), "{ended:?}");
    for at in 121..=130 {
        under_flood(&mut book, &mut world, at, &[]);
    }
    assert!(book.in_force().rules.iter().any(|rule| rule.armed), "what comes back is known");
}

fn says(rules: &Rules, conditions: &[Condition]) -> bool {
    rules.rules.iter().any(|rule| rule.conditions == conditions)
}

/// One second of a flood that one user agent gives away.
fn under_flood(book: &mut Book, world: &mut World, at: u64, unwanted: &[u16]) -> Changes {
    let story = Story::flood(1_200, |world| {
        let mut values = world.visitor();
        world.set(&mut values, Attribute::UserAgent, "bot");
        values
    });
    let second = Second::draw(world, &story, true);
    let matches = second.matches(&book.in_force());
    let input = Input {
        known: &sampled(Tier::T1, &second.known),
        others: &sampled(Tier::T5, &second.others),
        unwanted,
        wanted: at > 2,
        pain: true,
        ..quiet(&matches)
    };
    book.step(Instant::from_secs(at), &input)
}

/// The second in which the last rule ends when half a minute passes without anything, and then nothing comes any more.
fn gone_at(book: &mut Book) -> u64 {
    let gone = (50..400).find(|at| {
        let rules = book.in_force();
        let none = |rule: &model::Rule| Matches { rule: rule.id, others: 0, known: 0 };
        let matches: Vec<Matches> = rules.rules.iter().map(none).collect();
        book.step(Instant::from_secs(*at), &quiet(&matches)).rules.rules.is_empty()
    });
    gone.unwrap()
}

fn quiet(matches: &[Matches]) -> Input<'_> {
    Input {
        known: &[],
        others: &[],
        matches,
        unwanted: &[],
        hour_of_week: Some(10),
        learns: false,
        wanted: false,
        pain: false,
        holds: false,
        fits: false,
        expected: Some(Finite::count(VISITORS)),
        maturity: Maturity::Full,
    }
}
