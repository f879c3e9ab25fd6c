//! Size, order, time, and going on from what was written down (invariants 16 and 18 to 20).

use std::time::Duration;

use model::{Finite, Instant, SAMPLES_MAX, Summary};
use proptest::prelude::*;

use super::super::{Context, Evidence, Findings, STATE_BYTES_MAX};
use super::world::{FLOOD, Looks, World};

/// Steps of 100 ms to 1 s, some calm, some with a flood.
fn steps(seed: u64, count: u32) -> (Evidence, Vec<Summary>) {
    let mut world = World::new(seed, 30.0, 50.0);
    let steps = (0..count).map(|_| {
        let millis = 100 + world.dice.below(10) * 100;
        world.millis += millis;
        let flood = if world.dice.below(3) == 0 { world.dice.below(600) } else { 0 };
        world.summary(millis, &[(FLOOD, flood)])
    });
    let steps = steps.collect();
    (world.evidence, steps)
}

fn take(evidence: &mut Evidence, steps: &[Summary]) -> Vec<Option<Findings>> {
    steps.iter().map(|step| evidence.step(step, &Context::default())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn going_on_from_what_was_written_down_changes_nothing(seed in any::<u64>(), split in 0_usize..150) {
        let (mut straight, steps) = steps(seed, 150);
        let mut first = straight.clone();
        let whole = take(&mut straight, &steps);
        let mut parts = take(&mut first, &steps[..split]);
        let written = serde_json::to_value(&first).unwrap();
        let mut second: Evidence = serde_json::from_value(written).unwrap();
        prop_assert!(second == first);
        parts.extend(take(&mut second, &steps[split..]));
        prop_assert!(parts == whole);
        prop_assert!(second == straight);
    }

    #[test]
    fn the_order_of_samples_in_a_step_changes_nothing(seed in any::<u64>(), keys in any::<u64>()) {
        let (mut straight, steps) = steps(seed, 60);
        let mut other = straight.clone();
        let mut keys = super::world::Dice(keys);
        let mut shuffled = steps.clone();
        for step in &mut shuffled {
            step.traffic.others.sort_by_cached_key(|_| keys.next());
        }
        prop_assert!(take(&mut straight, &steps) == take(&mut other, &shuffled));
        prop_assert!(straight == other);
    }

    #[test]
    fn steps_that_come_twice_or_late_change_nothing(seed in any::<u64>(), again in prop::collection::vec(0_usize..60, 0..25)) {
        let (mut straight, steps) = steps(seed, 60);
        let mut other = straight.clone();
        let whole: Vec<Findings> = take(&mut straight, &steps).into_iter().flatten().collect();
        let mut found = Vec::new();
        for (place, step) in steps.iter().enumerate() {
            found.extend(other.step(step, &Context::default()));
            for late in again.iter().filter(|late| **late <= place) {
                prop_assert!(other.step(&steps[*late], &Context::default()).is_none());
            }
        }
        prop_assert!(found == whole);
    }

    #[test]
    fn no_time_and_no_number_makes_it_panic(
        seed in any::<u64>(),
        wild in prop::collection::vec((any::<u64>(), any::<u64>(), any::<f64>(), any::<u64>()), 1..80),
    ) {
        let mut evidence = World::new(seed, 30.0, 50.0).evidence;
        let mut dice = super::world::Dice(seed);
        for (at, millis, number, count) in wild {
            // A second now and then, else anything.
            let millis = if dice.below(2) == 0 { 1_000 } else { millis };
            let mut step = Summary::empty(Instant::from_nanos(at >> dice.below(40)), millis);
            step.offered[5][0] = count;
            step.offered[6] = [u64::MAX; model::COHORTS];
            (step.limit, step.connections) = (number, -number);
            step.traffic.handshake_share = number;
            step.traffic.disk_free = number;
            step.traffic.hour_of_week = u8::try_from(count % 256).ok();
            step.traffic.tiers[5].offered = count;
            step.traffic.tiers[1].offered = u64::MAX;
            step.traffic.tiers[1].refused = [u64::MAX; 4];
            step.traffic.seen_networks = [u32::MAX, 1];
            step.traffic.logins = [3, u32::MAX];
            if let Some(found) = evidence.step(&step, &Context::default()) {
                prop_assert!(found.malice.score.get().abs() <= 22.0);
                prop_assert!(found.volume.iter().all(|volume| volume.z.get().abs() <= 8.0));
            }
        }
        prop_assert!(evidence.state_bytes() <= STATE_BYTES_MAX);
    }
}

#[test]
fn ten_steps_of_100_ms_say_what_one_second_says() {
    let (mut coarse, _) = steps(1, 0);
    let mut fine = coarse.clone();
    let step = |at: u64, millis: u64, count: u64| {
        let mut summary = Summary::empty(Instant::from_millis(at), millis);
        summary.traffic.tiers[5].offered = count;
        summary.offered[5][3] = count * 50;
        summary
    };
    for second in 1..=30 {
        let of_coarse = coarse.step(&step(second * 1_000, 1_000, 200), &Context::default());
        let of_fine = (1..=10)
            .map(|tenth| fine.step(&step((second - 1) * 1_000 + tenth * 100, 100, 20), &Context::default()));
        let of_fine: Vec<Findings> = of_fine.flatten().collect();
        assert_eq!(of_fine.len(), 1);
        assert_eq!(of_coarse.as_ref(), of_fine.first());
    }
}

#[test]
fn a_lost_step_does_not_look_like_less_traffic() {
    let (mut evidence, _) = steps(1, 0);
    for tenth in 1..=100_u64 {
        let mut summary = Summary::empty(Instant::from_millis(tenth * 100), 100);
        summary.traffic.tiers[5].offered = 20;
        let found = if tenth % 7 == 0 { None } else { evidence.step(&summary, &Context::default()) };
        if let Some(found) = found {
            let requests = found.volume[0].value.get();
            assert!((requests - 200.0).abs() < 1e-6, "{requests}");
        }
    }
}

#[test]
fn another_clock_is_taken_after_three_seconds_and_is_blind_at_first() {
    let mut world = World::new(1, 20.0, 20.0);
    world.seconds(5, &[]);
    let mut late =
        |at: u64| world.evidence.step(&Summary::empty(Instant::from_millis(at), 100), &Context::default());
    let found: Vec<Findings> = (1..=50).filter_map(|tenth| late(tenth * 100)).collect();
    assert_eq!(found.len(), 2);
    assert!(found[0].blind && !found[1].blind);
}

#[test]
fn a_successor_goes_on_with_what_was_learnt() {
    let mut world = World::new(1, 20.0, 20.0);
    let before = world.seconds(100, &[]).expected_load.unwrap();
    world.evidence.resume();
    world.millis = 0;
    assert!(!world.evidence.is_blind(Instant::ORIGIN + Duration::from_secs(9)));
    let found = world.second(&[]);
    assert!(!found.blind && !found.is_learnt);
    assert!((found.expected_load.unwrap() - before).abs() < Finite::new(0.01));
}

#[test]
fn state_is_bounded_whatever_comes() {
    let mut world = World::new(1, 20.0, 20.0);
    let mut most = 0;
    for _ in 0..100 {
        world.millis += 1_000;
        let all_new = super::world::Kind {
            looks: Looks::Program { random_agents: true, random_queries: true, networks: u64::MAX >> 1 },
            ..FLOOD
        };
        let mut summary = world.summary(1_000, &[(all_new, 100_000)]);
        // Not one value twice.
        for sample in &mut summary.traffic.others {
            for attribute in model::Attribute::ALL {
                sample.values.set(attribute, world.dice.next());
            }
        }
        assert!(summary.traffic.others.len() <= SAMPLES_MAX);
        world.evidence.step(&summary, &world.context);
        most = most.max(world.evidence.state_bytes());
    }
    assert!(most > 1 << 20 && most <= STATE_BYTES_MAX, "{most}");
}
