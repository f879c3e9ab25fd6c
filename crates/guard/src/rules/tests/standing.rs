//! Rules that go on in another process, beside what was learnt long before they were found.

use model::{Attribute, Finite, Instant, Matches, Tier};

use super::story::{Second, Story, VISITORS, warm_book};
use super::world::{World, sampled};
use crate::rules::{Book, Input, Maturity};

#[test]
fn rules_outlive_a_crash_with_the_time_that_they_had_left() {
    let story = Story::flood(1_200, |world| {
        let mut values = world.visitor();
        world.set(&mut values, Attribute::UserAgent, "bot");
        values
    });
    let (mut book, mut world) = (warm_book(1), World::new(5, 1));
    for at in 1..=20 {
        let second = Second::draw(&mut world, &story, true);
        let matches = second.matches(&book.in_force());
        let input = Input {
            known: &sampled(Tier::T1, &second.known),
            others: &sampled(Tier::T5, &second.others),
            matches: &matches,
            wanted: at > 2,
            pain: true,
            ..quiet(&matches)
        };
        book.step(Instant::from_secs(at), &input);
    }
    let rules = book.in_force().rules.clone();
    assert!(rules.iter().any(|rule| rule.armed), "{rules:?}");
    let mut next = warm_book(1);
    next.stand(book.standing());
    assert_eq!(next.in_force().rules, rules);
    assert_eq!(gone_at(&mut next), 140, "a hundred and twenty seconds after the last hit");
    assert_eq!(gone_at(&mut book), 140, "as if nothing had been");
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
        hour_of_week: Some(10),
        learns: false,
        wanted: false,
        pain: false,
        holds: false,
        expected: Some(Finite::count(VISITORS)),
        maturity: Maturity::Full,
    }
}
