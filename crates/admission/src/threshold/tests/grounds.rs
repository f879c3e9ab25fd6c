//! Whoever has the counts can compute again why people were closed out and let in.

use super::*;
use crate::threshold::prefix::cost_of_known;

/// Computes each ground again from what was asked for, by nothing but its name.
struct Checker {
    /// What was asked for in the steps of the last second, the newest last.
    asked: Vec<Costs>,
    changed: u64,
    /// L at the last closing, and when that was, as far as it is remembered.
    too_much: Option<(u64, f64)>,
    seen: Vec<Does>,
}

impl Checker {
    /// Takes one step of the story, and checks what it did.
    fn step(&mut self, story: &mut Story) -> Result<(), TestCaseError> {
        let (before, closing) = (story.threshold.wanted, story.step.closing);
        story.advance(story.now + story.millis);
        self.asked.push(story.costs());
        let steps = usize::try_from(1_000 / story.millis).unwrap_or(1);
        self.asked.drain(..self.asked.len().saturating_sub(steps));
        let (after, grounds) = (story.threshold.wanted, story.step.grounds.clone());
        prop_assert_eq!(before == after, grounds.is_empty(), "{:?}", grounds);
        let mut masks = before;
        for ground in &grounds {
            prop_assert!(ground.holds(), "{:?}", ground);
            let [figure, bound] = self.again(ground, story, &masks, &after);
            prop_assert!(is_near(ground.figure / 1_000.0, figure), "{} {:?}", figure, ground);
            prop_assert!(is_near(ground.bound / 1_000.0, bound), "{} {:?}", bound, ground);
            self.direction(ground, story, &before, &after)?;
            masks = if ground.act == Does::Readmit { known_of(&after, &masks) } else { masks };
        }
        let restarts =
            |ground: &Ground| ground.act != Does::Readmit && ground.comparison != Comparison::InVain;
        self.remember(story, &grounds);
        if grounds.iter().any(restarts) {
            self.changed = story.now;
        }
        if story.step.closing != closing {
            // Cohorts were drawn anew: what they asked for before says nothing.
            self.asked.clear();
        }
        self.seen.extend(grounds.iter().map(|ground| ground.act));
        Ok(())
    }

    /// What is known to fit at a moment: what was too much doubles in 120 s.
    fn fits(&self, story: &Story) -> f64 {
        let seconds = |at: u64| (story.now - at) as f64 / 1_000.0;
        let remembered = self.too_much.map(|(at, load)| load * 2.0_f64.powf(seconds(at) / 120.0));
        remembered.map_or(story.limit, |load| load.min(story.limit))
    }

    fn remember(&mut self, story: &Story, grounds: &[Ground]) {
        let closes = |ground: &Ground| {
            matches!(ground.act, Does::Close | Does::CloseMore | Does::Revert)
                && ground.comparison != Comparison::InVain
        };
        if let Some(ground) = grounds.iter().find(|ground| closes(ground)) {
            let is_new = ground.act == Does::Close && story.now - self.changed >= 60_000;
            let load = if is_new { story.limit } else { self.fits(story) };
            self.too_much = Some((story.now, load));
        }
    }

    fn again(&self, ground: &Ground, story: &Story, before: &Masks, after: &Masks) -> [f64; 2] {
        let limit = story.limit;
        let mean = |tier: usize, cohort: usize| {
            let asked = self.asked.iter().map(|costs| costs[tier][cohort]);
            asked.sum::<f64>() / self.asked.len() as f64
        };
        let second: Costs = std::array::from_fn(|tier| std::array::from_fn(|cohort| mean(tier, cohort)));
        let newest = self.asked.last().copied().unwrap_or([[0.0; COHORTS]; Tier::COUNT]);
        let shadow = story.threshold.shadow.0.map(|tier| tier.map(|cost| cost / 1_000.0));
        match ground.comparison {
            Comparison::Over => [let_in(&second, before, limit), CLOSE * limit],
            Comparison::FarOver => [let_in(&second, before, limit), CLOSE_AT_ONCE * limit],
            Comparison::Unmistakable => [let_in(&newest, before, limit), UNMISTAKABLE * limit],
            Comparison::InVain => {
                let all: f64 = newest.iter().flatten().sum();
                [all - let_in(&newest, &Masks::OPEN, limit), IN_VAIN * limit]
            }
            Comparison::Forecast => {
                let more = Tier::ALL.iter().fold(Masks::OPEN, |masks, &tier| {
                    masks.with(tier, after.tier(tier) & !before.tier(tier))
                });
                let more: f64 = Tier::ALL[1..].iter().map(|tier| tier_of(&shadow, &more, *tier)).sum();
                [let_in(&second, before, limit) + 2.0 * more, OPEN * self.fits(story)]
            }
            Comparison::Settled => [let_in(&shadow, &Masks::OPEN, limit), OPEN * self.fits(story)],
            Comparison::KnownFit => [cost_of_known(after, &second), READMIT * limit],
            other @ (Comparison::Load
            | Comparison::Wait
            | Comparison::KnownSuccess
            | Comparison::LooksMade
            | Comparison::Quiet) => panic!("the threshold never compares {other:?}"),
        }
    }

    /// Who closes lets nobody in, and the other way round; and steps keep their distance.
    fn direction(
        &self,
        ground: &Ground,
        story: &Story,
        before: &Masks,
        after: &Masks,
    ) -> Result<(), TestCaseError> {
        let is_within = |less: &Masks, more: &Masks| {
            Tier::ALL.iter().all(|&tier| less.tier(tier) & !more.tier(tier) == 0)
        };
        match ground.act {
            Does::Close => prop_assert!(before.is_open() && is_within(after, before)),
            Does::CloseMore | Does::Revert => prop_assert!(!before.is_open() && is_within(after, before)),
            Does::Readmit => prop_assert!(is_within(before, after)),
            Does::Open => {
                prop_assert!(is_within(before, after));
                prop_assert!(story.now - self.changed >= 10_000, "{:?}", ground);
                let hold = if ground.comparison == Comparison::Settled { 30 } else { 10 };
                prop_assert_eq!(ground.hold, Duration::from_secs(hold));
            }
            act @ (Does::AskForCookie | Does::AskToWait | Does::CeaseAsking) => {
                panic!("the threshold never does {act:?}")
            }
        }
        Ok(())
    }
}

fn tier_of(costs: &Costs, masks: &Masks, tier: Tier) -> f64 {
    let cohorts = (0..).zip(&costs[tier.index()]);
    cohorts.filter(|(cohort, _)| masks.tier(tier) >> cohort & 1 == 1).map(|(_, cost)| cost).sum()
}

/// What masks let in, with a fifth of L for signing in at most.
fn let_in(costs: &Costs, masks: &Masks, limit: f64) -> f64 {
    let tier_cost = |tier: Tier| match tier {
        Tier::T0 => tier_of(costs, &Masks::OPEN, tier),
        Tier::T3 => tier_of(costs, masks, tier).min(0.2 * limit),
        Tier::T1 | Tier::T2 | Tier::T4 | Tier::T5 | Tier::T6 => tier_of(costs, masks, tier),
    };
    Tier::ALL.into_iter().map(tier_cost).sum()
}

/// The masks of known clients of one, all others of another.
fn known_of(known: &Masks, others: &Masks) -> Masks {
    [Tier::T1, Tier::T2].into_iter().fold(*others, |masks, tier| masks.with(tier, known.tier(tier)))
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * (1.0 + one.abs())
}

fn checker() -> Checker {
    Checker { asked: Vec::new(), changed: 0, too_much: None, seen: Vec::new() }
}

#[test]
fn a_flood_and_its_end_are_computed_again_from_what_was_asked_for() {
    let (mut story, mut checker) = (Story::new(250), checker());
    let script =
        [(30.0, 20.0, 20), (30.0, 2_000.0, 240), (30.0, 20.0, 400), (90.0, 400.0, 40), (96.0, 5.0, 8)];
    for (known, strangers, steps) in script {
        story.demand(Tier::T1, known);
        story.demand(Tier::T5, strangers);
        (0..steps).for_each(|_| checker.step(&mut story).unwrap());
    }
    story.demand(Tier::T1, 40.0);
    (0..400).for_each(|_| checker.step(&mut story).unwrap());
    for act in [Does::Close, Does::CloseMore, Does::Open, Does::Readmit] {
        assert!(checker.seen.contains(&act), "{act:?} {:?}", checker.seen);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_change_carries_numbers_from_which_it_follows(acts in acts(25), pause in 0_usize..100) {
        let (mut story, mut checker) = (Story::new(250), checker());
        for act in &acts {
            story.swings(act);
            story.act(&Act { steps: 0, ..act.clone() });
            for _ in 0..act.steps {
                checker.step(&mut story)?;
            }
            for tier in Tier::ALL {
                // Between waves it is quiet for a while, so that people are let in again and taken back.
                story.demand(tier, 2.0);
            }
            for _ in 0..pause {
                checker.step(&mut story)?;
            }
        }
    }
}
