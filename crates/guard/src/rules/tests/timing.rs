//! How long the dearest steps take; printed, never asserted, and only built with optimisation:
//! `cargo test --release -p guard -- --nocapture how_long`.

use std::time::Instant as Clock;

use model::{Attribute, Finite, Instant, Tier, Values};

use super::story::{Second, Story, VISITORS, warm_book};
use super::world::{World, sampled};
use crate::rules::{Input, Maturity};

#[test]
fn how_long_a_step_takes_is_printed() {
    let copied = Story::flood(1_200, |world| {
        let mut values = world.visitor();
        world.new_network(&mut values);
        values
    });
    measure("copied browsers", &copied, false);
    measure("four botnets", &Story::flood(1_600, four_botnets), false);
    measure("twenty of everything", &Story::flood(1_600, twenty_of_everything), false);
    measure("twenty of everything, customers too", &Story::flood(1_600, twenty_of_everything), true);
}

fn four_botnets(world: &mut World) -> Values {
    let mut values = world.visitor();
    let net = world.below(4);
    world.set(&mut values, Attribute::UserAgent, &format!("bot {net}"));
    values
}

/// Nothing goes together: no rule reaches far, and all that may be combined is.
fn twenty_of_everything(world: &mut World) -> Values {
    let mut values = Values::default();
    for attribute in Attribute::ALL {
        let of = world.below(20);
        world.set(&mut values, attribute, &format!("odd {of}"));
    }
    values
}

#[expect(clippy::disallowed_methods, reason = "a measurement by hand, of which nothing depends")]
fn measure(name: &str, story: &Story, known_too: bool) {
    let mut book = warm_book(1);
    let mut world = World::new(5, 1);
    let mut micros = Vec::new();
    for at in 1..=30_u64 {
        let mut second = Second::draw(&mut world, story, at > 3);
        if known_too {
            second.known.extend((0..80).map(|_| (story.request)(&mut world)));
        }
        let matches = second.matches(&book.in_force());
        let (known, others) = (sampled(Tier::T1, &second.known), sampled(Tier::T5, &second.others));
        let input = Input {
            known: &known,
            others: &others,
            matches: &matches,
            unwanted: &[],
            hour_of_week: Some(10),
            learns: at <= 3,
            wanted: at > 5,
            pain: true,
            holds: false,
            fits: false,
            expected: Some(Finite::count(VISITORS)),
            maturity: Maturity::Full,
        };
        // Somebody else may have had the processor: the shortest of some runs counts.
        let runs = (0..15).map(|_| {
            let mut copy = book.clone();
            let begun = Clock::now();
            copy.step(Instant::from_secs(at), &input);
            begun.elapsed().as_micros()
        });
        micros.extend(runs.min());
        book.step(Instant::from_secs(at), &input);
    }
    let (calm, flood) = micros.split_at(5);
    println!("{name}: calm {calm:?} µs, flood at most {:?} µs, all {flood:?}", flood.iter().max());
    println!("{} KiB of state", book.bytes() / 1_024);
}
