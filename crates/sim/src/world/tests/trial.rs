//! The operators' trial at 16:00: in the middle of the flood everybody is let in for two minutes.

use super::*;
use crate::scenario::EventKind;

/// Attempts of customers begun in these seconds, and those of them that succeeded.
fn known(world: &World<'_>, seconds: std::ops::Range<u64>) -> [u64; 2] {
    let rows = &world.score.seconds[index(seconds.start)..index(seconds.end)];
    rows.iter().fold([0; 2], |sums, row| [0, 1].map(|at| sums[at] + u64::from(row.known[at])))
}

#[test]
fn a_trial_in_the_middle_of_a_flood_costs_customers_nothing() {
    let mut scenario = BuiltIn::named("web-application-trial").unwrap().scenario().unwrap();
    let (flood, trial) = (scenario.attacks[0], scenario.events[0]);
    assert_eq!(trial.kind, EventKind::Ceiling);
    let (begins, ends) = (trial.start, trial.start + trial.seconds);
    // What is begun in the last seconds has no time to succeed.
    scenario.seconds = ends + AFTER + 4;
    assert!(flood.start + 60 < begins && scenario.seconds < flood.end());
    let mut world = World::new(&scenario, 1);
    world.open_doors();
    let mut strangers = 0;
    for tick in 0..scenario.seconds * TICKS_PER_SECOND {
        world.tick(tick * TICK, &mut || 0).unwrap();
        let (second, decision) = (world.second(), world.gate.site.decision().clone());
        if (begins + 1..ends).contains(&second) {
            assert!(decision.masks.is_open() && decision.level == model::Level::Calm);
            strangers +=
                world.gate.census.last.take().map_or(0, |traffic| traffic.tiers[Tier::T5.index()].forwarded);
        }
    }
    assert!(strangers > 10_000, "the flood was let in: {strangers}");
    for seconds in [begins..ends, ends..ends + AFTER] {
        let [begun, succeeded] = known(&world, seconds.clone());
        assert!(
            begun > 5_000 && succeeded as f64 >= 0.999 * begun as f64,
            "{seconds:?}: {succeeded} of {begun}"
        );
    }
}

/// Seconds after the trial that are looked at.
const AFTER: u64 = 300;
