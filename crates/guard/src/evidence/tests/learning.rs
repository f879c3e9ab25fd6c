//! What is learnt, and what never is (invariants 13, 14 and 15).

use model::{Finite, Instant, Level, Summary};
use proptest::prelude::*;

use super::super::baseline::{Baseline, RISE_AN_HOUR};
use super::super::{Context, Evidence, Maturity, Metric};
use super::world::{FLOOD, PEOPLE, World};

/// A second in which so many requests of known and of other clients came, each of 50 ms.
fn plain(second: u64, known: u64, others: u64) -> Summary {
    let mut summary = Summary::empty(Instant::from_secs(second), 1_000);
    summary.traffic.hour_of_week = Some(10);
    for (tier, count) in [(1, known), (5, others)] {
        summary.traffic.tiers[tier].offered = count;
        summary.offered[tier][0] = count * 50;
    }
    summary
}

fn expected(evidence: &Evidence, metric: Metric) -> Option<Finite> {
    evidence.expected(Some(10))[metric.index()]
}

/// Ways in which a second is not to be learnt from.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Level(Level),
    Closed,
    JustOpened,
    Gap,
    AmbiguousHour,
    ProbesFail,
    HeldDown,
}

fn troubles() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        (1_usize..6).prop_map(|level| Trouble::Level(Level::ALL[level])),
        Just(Trouble::Closed),
        Just(Trouble::JustOpened),
        Just(Trouble::Gap),
        Just(Trouble::AmbiguousHour),
        Just(Trouble::ProbesFail),
        Just(Trouble::HeldDown),
    ]
}

/// One second with traffic and this trouble.
fn suffer(world: &mut World, trouble: Trouble, rate: u64) {
    world.context = Context::default();
    world.hour = Some(10);
    world.touch = |_| {};
    match trouble {
        Trouble::Level(level) => world.context.level = level,
        Trouble::Closed => world.context.is_closed = true,
        Trouble::JustOpened => world.context.opened = Some(Instant::from_millis(world.millis - 200_000)),
        Trouble::Gap => world.millis += 3_000,
        Trouble::AmbiguousHour => world.hour = None,
        Trouble::HeldDown => world.context.held_down = true,
        Trouble::ProbesFail => world.touch = |summary| summary.traffic.probes = [3, 3],
    }
    let found = world.second(&[(FLOOD, rate), (PEOPLE, rate)]);
    assert!(!found.is_learnt, "{trouble:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn nothing_is_learnt_in_trouble(
        seed in any::<u64>(), troubles in prop::collection::vec((troubles(), 0_u64..200), 1..30),
    ) {
        let mut world = World::new(seed, 20.0, 20.0);
        world.seconds(95, &[]);
        let before = (world.evidence.baselines.clone(), world.evidence.mixes.calm());
        for (trouble, rate) in troubles {
            suffer(&mut world, trouble, rate);
        }
        prop_assert!(before == (world.evidence.baselines.clone(), world.evidence.mixes.calm()));
    }

    #[test]
    fn others_alone_never_change_what_is_expected_of_known_clients(
        known in 0_u64..300, others in 20_u64..300, slope in 0_u64..20, seconds in 700_u64..1_200,
    ) {
        let run = |slope: u64| {
            let mut evidence = Evidence::new();
            for second in 1..seconds {
                // A wave, so that there is something to learn.
                let others = others + second * slope;
                evidence.step(&plain(second, known + second % 7, others), &Context::default());
            }
            [Metric::Known, Metric::KnownLoad].map(|metric| expected(&evidence, metric))
        };
        let calm = run(0);
        prop_assert!(calm[0].is_some());
        prop_assert_eq!(run(slope), calm);
    }

    #[test]
    fn expectation_rises_by_at_most_ten_per_cent_an_hour(
        levels in prop::collection::vec(0.0..100_000.0_f64, 1..40), first in 0.0..1_000.0_f64,
    ) {
        let mut baseline = Baseline::new();
        (0..600).for_each(|_| baseline.learn(1, Finite::new(first)));
        let begun = baseline.expected(None).unwrap();
        for (tenths, level) in levels.into_iter().enumerate() {
            (0..360).for_each(|_| baseline.learn(1, Finite::new(level)));
            let hours = Finite::new(1.0 + (tenths as f64 + 1.0) * 0.1);
            let most = (begun + Finite::ONE) * (hours * RISE_AN_HOUR).exp() + Finite::new(1e-6);
            let now = baseline.expected(None).unwrap() + Finite::ONE;
            prop_assert!(now <= most, "{now:?} > {most:?} after {hours:?} h");
        }
    }

    #[test]
    fn silence_is_never_learnt_as_calm(known in 1_u64..500, others in 1_u64..500, silent in 1_u64..300) {
        let mut evidence = Evidence::new();
        (1..=800).for_each(|second| {
            evidence.step(&plain(second, known, others), &Context::default());
        });
        for second in 801..=800 + silent {
            let found = evidence.step(&plain(second, 0, 0), &Context::default()).unwrap();
            prop_assert!(found.upstream.is_suspected || second <= 830);
        }
        let requests = expected(&evidence, Metric::Requests).unwrap().get();
        prop_assert!((requests - (known + others) as f64).abs() < 1e-6, "{}", requests);
    }
}

#[test]
fn a_slow_flood_of_an_hour_raises_the_expected_load_by_a_fifth_at_most() {
    let mut evidence = Evidence::new();
    (1..=1_000).for_each(|second| {
        evidence.step(&plain(second, 100, 100), &Context::default());
    });
    let before = expected(&evidence, Metric::Load).unwrap();
    (1_001..=4_600).for_each(|second| {
        evidence.step(&plain(second, 100, second / 2), &Context::default());
    });
    let after = expected(&evidence, Metric::Load).unwrap();
    assert!(after > before && after <= before * Finite::new(1.24), "{before:?} {after:?}");
}

#[test]
fn ten_minutes_of_calm_make_a_provisional_baseline() {
    let mut evidence = Evidence::new();
    let mut first = None;
    for second in 1..=800 {
        let found = evidence.step(&plain(second, 100, 100), &Context::default()).unwrap();
        if found.maturity == Maturity::Provisional && first.is_none() {
            first = Some(second);
            assert_eq!(found.volume[0].spread, Finite::new(0.5));
            assert!(found.expected_load.is_some());
        }
    }
    // A minute of calm before the first second is learnt, half a minute before it is believed, and the next one tells.
    assert_eq!(first, Some(59 + 600 + 30 + 1));
    assert_eq!(World::new(1, 1.0, 1.0).evidence.maturity(), Maturity::Full);
}

#[test]
fn after_a_blind_second_calm_begins_anew() {
    let mut world = World::new(1, 20.0, 20.0);
    assert!(world.seconds(61, &[]).is_learnt);
    assert!(!world.evidence.is_blind(Instant::from_millis(world.millis + 3_000)));
    world.millis += 3_001;
    assert!(world.evidence.is_blind(Instant::from_millis(world.millis)));
    let found = world.second(&[]);
    assert!(found.blind && !found.is_learnt);
    assert!(!world.seconds(59, &[]).is_learnt);
    assert!(world.second(&[]).is_learnt);
}

#[test]
fn five_minutes_after_everybody_is_admitted_again_learning_goes_on() {
    let mut world = World::new(1, 20.0, 20.0);
    world.seconds(100, &[]);
    world.context.opened = Some(Instant::from_millis(world.millis));
    assert!(!world.seconds(299, &[]).is_learnt);
    assert!(world.second(&[]).is_learnt);
}

/// Ten minutes of each hour of a week, with ten times as much by day as by night.
fn live_a_week(baseline: &mut Baseline, times: f64) {
    for hour in 0..168_u8 {
        let value = if (8..20).contains(&(hour % 24)) { 1_000.0 } else { 100.0 };
        (0..600).for_each(|_| baseline.learn(hour, Finite::new(value * times)));
    }
}

#[test]
fn an_hour_is_expected_as_the_median_of_its_weeks() {
    let mut baseline = Baseline::new();
    let half = |baseline: &Baseline| {
        // It is a Sunday night: half is the last half hour, half the median of Tuesdays at nine.
        let recent = baseline.expected(None).unwrap();
        let off = baseline.expected(Some(33)).unwrap() - (recent + Finite::new(1_000.0)) / Finite::new(2.0);
        assert!(off.abs() < Finite::new(1.0), "{off:?}");
    };
    (0..3).for_each(|_| live_a_week(&mut baseline, 1.0));
    half(&baseline);
    live_a_week(&mut baseline, 20.0);
    half(&baseline);
}
