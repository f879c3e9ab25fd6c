//! What takes hours to break: the siege is long enough for it.

use std::sync::Arc;

use model::{Action, Finite, Level, Matches, Rule, Rules};

use super::*;
use crate::scenario::Attack;

/// A way in which a core may be stubborn.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Stubborn {
    /// Nobody who is closed out has a turn.
    GivesNoTurn,
    /// It stays closed while only a trickle comes.
    StaysClosed,
    /// It opens in the trickle, and never calls it calm.
    NeverCalms,
}

/// What the checks say of a core that closes at the flood's first second and is stubborn from then on, second by second.
fn found(scenario: &Scenario, stubborn: Stubborn) -> Failure {
    let world = World::new(scenario, 1);
    let mut checks = Checks::new(Layers::All);
    let flood = scenario.attacks[0];
    let closed = Masks::OPEN.with(Tier::T6, 0).with(Tier::T5, 0);
    for second in 0..scenario.seconds {
        let now = (second + 1) * SECOND;
        let attacks = scenario.attacks.iter().filter(|attack| attack.lasts(second));
        let asked =
            (scenario.known.load + scenario.unknown.load + attacks.map(|attack| attack.factor).sum::<f64>())
                * CAPACITY_IN_L;
        checks.offer(asked, asked.min(0.8));
        if stubborn != Stubborn::GivesNoTurn {
            let turn = model::Cohort::from_hash(second / 60);
            checks.asked(Tier::T5, turn, false, now);
        }
        let is_closed = second >= flood.start && (stubborn != Stubborn::NeverCalms || flood.lasts(second));
        let masks = if is_closed { closed } else { Masks::OPEN };
        let level = if second < flood.start {
            Level::Calm
        } else if is_closed {
            Level::CustomersFirst
        } else {
            Level::Filtering
        };
        let seen = Seen { now, masks, level, bases: None, ..world.seen() };
        if let Err(broken) = checks.tick(&seen, &world.score, scenario) {
            return Failure::new(scenario, 1, Layers::All, broken);
        }
    }
    panic!("nothing was found");
}

/// Invariants 9, 11 and 8, each in its part of the siege.
#[test]
fn the_siege_is_long_enough_to_find_a_core_that_is_stubborn() {
    let siege = BuiltIn::named("siege").unwrap().scenario().unwrap();
    let in_part = |attack: Attack, second: f64| (attack.start as f64..=attack.end() as f64).contains(&second);
    let (flood, trickle) = (siege.attacks[0], siege.attacks[1]);
    let turns = found(&siege, Stubborn::GivesNoTurn);
    assert!(turns.number == 9 && in_part(flood, turns.seconds), "{turns}");
    let closed = found(&siege, Stubborn::StaysClosed);
    assert!(closed.number == 11 && in_part(trickle, closed.seconds), "{closed}");
    let calm = found(&siege, Stubborn::NeverCalms);
    assert!(calm.number == 8 && calm.seconds > trickle.end() as f64, "{calm}");
}

/// Invariant 12.
#[test]
fn a_rule_that_matches_nothing_and_stays_is_found() {
    let scenario = small(&flood("dumb-flood", 5.0));
    let world = World::new(&scenario, 1);
    let rule = Rule {
        id: 7,
        conditions: Vec::new(),
        action: Action::Demote,
        armed: true,
        expires: instant(0),
        collateral_calm: Finite::ZERO,
        collateral_known: Finite::ZERO,
    };
    let rules = Arc::new(Rules { rules: vec![rule], ..Rules::default() });
    let lasts = |hits_until: u64, blind_until: u64| {
        let mut checks = Checks::new(Layers::All);
        let found = (1..1_000).find_map(|second| {
            let others = u64::from(second <= hits_until);
            checks.matched(&[Matches { rule: 7, others, known: 0 }], 0);
            let (rules, is_blind) = (rules.clone(), second <= blind_until);
            let seen = Seen { now: second * SECOND, rules, is_blind, bases: None, ..world.seen() };
            checks.tick(&seen, &world.score, &scenario).err()
        });
        let failure = Failure::new(&scenario, 1, Layers::All, found.expect("it matches nothing any more"));
        (failure.number, failure.seconds)
    };
    assert_eq!(lasts(0, 0), (12, 242.0));
    assert_eq!(lasts(100, 0), (12, 341.0));
    assert_eq!(lasts(0, 300), (12, 541.0), "nothing was counted");
}

/// What the app can do, as a share of L: an L that is as tight as it gets.
const CAPACITY_IN_L: f64 = 1.0;
