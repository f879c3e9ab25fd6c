//! What holds for L whatever is seen (decision-science, section 11).

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Invariants 13 and 14: what strangers do outside calm, for however long, teaches nothing about calm.
    #[test]
    fn outside_calm_nothing_is_learnt_about_calm(seen in seen(16)) {
        let mut limit = known(50.0);
        let before = limit.snapshot();
        play(&mut limit, &seen, false);
        let after = limit.snapshot();
        prop_assert_eq!((after.bases, after.known_p95), (before.bases, before.known_p95));
        prop_assert_eq!(after.healthy_seconds, before.healthy_seconds);
    }

    /// Invariant 15: while nothing reaches the gate, L stays and nothing is learnt.
    #[test]
    fn silence_neither_opens_nor_closes(seen in seen(10), silent in 1_u64..300, level_calm in any::<bool>()) {
        let mut limit = known(50.0);
        let end = play(&mut limit, &seen, false);
        let before = (limit.limit(), limit.snapshot().bases);
        for step in 1..=silent {
            limit.step(Instant::from_millis(end + step * STEP_MILLIS), &Window { level_calm, ..quiet() });
        }
        prop_assert_eq!((limit.limit(), limit.snapshot().bases), before);
    }

    /// Invariant 20: in which order route classes are reported changes nothing.
    #[test]
    fn the_order_of_route_classes_changes_nothing(seen in seen(10)) {
        let backwards: Vec<Seen> =
            seen.iter().map(|seen| Seen { classes: seen.classes.iter().rev().copied().collect(), ..seen.clone() }).collect();
        let [mut one, mut other] = [known(50.0), known(50.0)];
        play(&mut one, &seen, true);
        play(&mut other, &backwards, true);
        prop_assert_eq!(one.snapshot(), other.snapshot());
    }

    /// Invariant 18: the same run seen twice agrees bit for bit.
    #[test]
    fn the_same_windows_give_the_same_limit(seen in seen(10)) {
        let [mut one, mut other] = [known(50.0), known(50.0)];
        play(&mut one, &seen, true);
        play(&mut other, &seen, true);
        prop_assert_eq!(one.limit().to_bits(), other.limit().to_bits());
        prop_assert_eq!(one.snapshot(), other.snapshot());
    }
}

/// One step of an app that may be slow, full or failing.
#[derive(Clone, Debug)]
struct Seen {
    classes: Vec<ClassSample>,
    inflight: u32,
    completions: u32,
    hard_failures: u32,
    queue_wait_ms: u64,
}

/// Stretches of up to three seconds in which the app does alike: well or badly, idle or full.
fn seen(most: usize) -> impl Strategy<Value = Vec<Seen>> {
    let median = || prop_oneof![10.0..45.0_f64, 10.0..45.0_f64, 1.0..2_000.0_f64];
    let class = |class| {
        (1_u32..60, median()).prop_map(move |(count, median_ms)| ClassSample { class, count, median_ms })
    };
    let inflight = prop_oneof![0_u32..30, 30_u32..60, 0_u32..200];
    let hard_failures = prop_oneof![3 => Just(0), 1 => 0_u32..9];
    let waits = prop_oneof![Just(0), 0_u64..500];
    let seen = ((class(0), class(3), class(20)), inflight, 0_u32..100, hard_failures, waits, 1_usize..30);
    let seen = seen.prop_map(|((a, b, c), inflight, completions, hard_failures, queue_wait_ms, steps)| {
        let classes = vec![a, b, c];
        vec![Seen { classes, inflight, completions, hard_failures, queue_wait_ms }; steps]
    });
    prop::collection::vec(seen, 1..most).prop_map(|stretches| stretches.concat())
}

/// Plays each for one step; the milliseconds at the end.
fn play(limit: &mut ConcurrencyLimit, all: &[Seen], level_calm: bool) -> u64 {
    let mut now = 0;
    for seen in all {
        now += STEP_MILLIS;
        let Seen { inflight, completions, hard_failures, queue_wait_ms, .. } = *seen;
        let known_concurrency = f64::from(inflight);
        let classes = &seen.classes;
        let window = Window {
            classes,
            inflight,
            completions,
            hard_failures,
            queue_wait_ms,
            level_calm,
            known_concurrency,
        };
        limit.step(Instant::from_millis(now), &window);
    }
    now
}
