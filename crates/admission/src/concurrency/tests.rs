use super::*;
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

mod invariants;
mod world;
use world::World;

#[test]
fn under_a_flood_the_limit_settles_a_little_above_capacity() {
    for (servers, most) in [(8, 1.3), (16, 1.2), (32, 1.2), (64, 1.2), (256, 1.2)] {
        let mut world = warm(servers);
        world.flood(4);
        let settled = world.flood(10);
        assert!((1.0..most).contains(&settled.mean), "{servers} servers: {settled:?}");
        assert!(settled.low > 0.95 && settled.high < most + 0.35, "{servers} servers: {settled:?}");
    }
}

/// Three kinds of files are asked for with each page, and answered from memory however long pages wait.
#[test]
fn files_that_cost_nothing_do_not_hide_that_pages_wait() {
    let (page, files) = (1, [2, 3, 4]);
    let base = |class, median_ms| ClassBase { class, median_ms, samples: 100_000, seconds: 600 };
    let mut services = Services::new();
    services.restore(&[base(page, 38.0), base(2, 0.3), base(3, 0.3), base(4, 0.3)]);
    let sample = |class, median_ms| ClassSample { class, count: 12, median_ms };
    for step in 1..=10 {
        let pages = [sample(page, 380.0)];
        let all: Vec<_> = pages.into_iter().chain(files.map(|file| sample(file, 0.3))).collect();
        services.record(Instant::from_millis(100 * step), &all);
    }
    assert!(services.ratio().is_some_and(|ratio| ratio < 0.11), "{:?}", services.ratio());
}

#[test]
fn the_admins_own_maximum_is_in_force_before_anything_is_measured() {
    let limit = ConcurrencyLimit::new(Some(20.0));
    assert_eq!((limit.limit(), limit.in_force()), (f64::INFINITY, 20.0));
    assert_eq!(ConcurrencyLimit::new(None).in_force(), f64::INFINITY);
}

#[test]
fn a_growing_app_is_followed_within_five_seconds() {
    for servers in [16, 64] {
        let mut world = warm(servers);
        world.flood(10);
        world.servers *= 2;
        world.flood(5);
        let settled = world.flood(10);
        assert!((0.9..1.2).contains(&settled.mean), "{servers} servers doubled: {settled:?}");
    }
}

#[test]
fn a_shrinking_app_is_followed_within_five_seconds() {
    for servers in [32, 64, 128] {
        let mut world = warm(servers);
        world.flood(10);
        world.servers /= 2;
        world.flood(5);
        let settled = world.flood(10);
        assert!((0.95..1.25).contains(&settled.mean), "{servers} servers halved: {settled:?}");
    }
}

/// A cold cache, a slow database: fewer requests a second are served, but not because too many are in service.
#[test]
fn an_app_that_is_slow_by_itself_keeps_its_concurrency() {
    for servers in [16, 64, 128] {
        let mut world = warm(servers);
        world.flood(10);
        world.slowness = 1.5;
        let settled = world.flood(40);
        assert!(settled.low > 0.55 && settled.mean > 0.9, "{servers} servers: {settled:?}");
        world.slowness = 1.0;
        world.calm(10, 0.5);
        world.flood(5);
        let settled = world.flood(10);
        assert!(settled.mean < 1.25, "{servers} servers, the allowance is gone: {settled:?}");
    }
}

#[test]
fn slow_answers_with_slots_to_spare_do_not_shrink_the_limit() {
    let mut world = warm(64);
    world.flood(10);
    let before = world.limit.limit();
    world.slowness = 1.5;
    world.run(30, Some(0.4));
    assert!(world.limit.limit() >= before, "{} after {before}", world.limit.limit());
}

#[test]
fn without_a_measure_an_attack_from_the_first_second_gives_an_estimate() {
    let mut world = World::new(16);
    world.run(3, Some(20.0));
    assert!(!world.limit.is_measured());
    let settled = world.flood(60);
    // The service time in calm is taken to be 100 ms, because nothing is known, and is 40: the queue is that much longer.
    assert!(settled.low > 0.9 && settled.high < 4.0, "{settled:?}");
}

#[test]
fn the_limit_is_measured_after_300_healthy_seconds_with_traffic() {
    let mut world = World::new(16);
    world.calm(299, 0.3);
    assert_eq!((world.limit.limit(), world.limit.is_measured()), (f64::INFINITY, false));
    world.calm(30, 0.3);
    assert_eq!((world.limit.limit(), world.limit.is_measured()), (FIRST_LIMIT_MIN, true));
    let mut idle = World::new(16);
    idle.calm(400, 0.0);
    assert!(!idle.limit.is_measured());
}

#[test]
fn a_steep_crowd_in_calm_is_never_refused_for_a_limit_too_low() {
    let mut world = World::new(96);
    world.calm(305, 0.02);
    assert!(world.limit.is_measured());
    for load in 1..=40 {
        world.calm(1, f64::from(load) / 50.0);
    }
    world.calm(5, 0.8);
    assert_eq!(world.shed, 0);
}

#[test]
fn what_calm_is_like_is_not_learnt_from_an_attack() {
    let mut world = warm(16);
    let before = world.limit.snapshot().bases;
    world.slowness = 3.0;
    world.flood(60);
    assert_eq!(world.limit.snapshot().bases, before);
}

#[test]
fn an_app_that_refuses_takes_the_limit_down_to_what_it_accepts() {
    let mut world = warm(64);
    world.refuses_from = 40;
    world.flood(5);
    let settled = world.flood(20);
    assert!(settled.high * 64.0 < 48.0 && settled.mean * 64.0 > 24.0, "{settled:?}");
    world.refuses_from = usize::MAX;
    world.flood(5);
    assert!(world.limit.limit() > 60.0, "{}", world.limit.limit());
}

#[test]
fn after_a_restart_of_the_app_the_limit_is_back_within_five_seconds() {
    let mut world = warm(512);
    world.flood(10);
    world.refuses_from = 0;
    world.flood(4);
    assert!(world.limit.limit() < 0.3 * 512.0);
    world.refuses_from = usize::MAX;
    world.flood(5);
    assert!(world.limit.limit() > 0.8 * 512.0, "{}", world.limit.limit());
}

#[test]
fn one_route_that_always_fails_is_not_overload() {
    let mut limit = known(64.0);
    feed(&mut limit, 50, |window| (window.inflight, window.completions, window.hard_failures) = (20, 98, 2));
    assert_eq!(limit.limit(), 64.0);
}

#[test]
fn the_first_failures_of_a_few_requests_are_not_overload() {
    let mut limit = ConcurrencyLimit::new(None);
    feed(&mut limit, 50, |window| (window.inflight, window.completions, window.hard_failures) = (3, 0, 4));
    assert!(limit.limit().is_infinite(), "{}", limit.limit());
    let many = Window { inflight: 20, completions: 0, hard_failures: 4, ..quiet() };
    assert!(limit.step(Instant::from_millis(51 * STEP_MILLIS), &many) <= 20.0, "{}", limit.limit());
}

#[test]
fn a_flood_of_one_expensive_route_does_not_pass_for_a_slow_app() {
    let mut limit = known(64.0);
    let quick = |class| ClassSample { class, count: 10, median_ms: 40.0 };
    let slow = ClassSample { class: 9, count: 5_000, median_ms: 900.0 };
    let classes = [quick(0), quick(1), quick(2), slow];
    feed(&mut limit, 50, |window| (window.inflight, window.classes) = (64, &classes));
    assert!(limit.limit() >= 64.0, "{}", limit.limit());
}

/// The covariance guard: a brake where the base is wrong, and nothing else can see that L is too high.
#[test]
fn more_concurrency_without_more_throughput_is_past_the_knee() {
    let past = |completions: fn(u32) -> u32| {
        let mut history = History::new();
        (0..200)
            .filter(|&step| {
                history.push(100 + step, completions(step));
                history.is_past_the_knee()
            })
            .count()
    };
    assert_eq!(past(|_| 50), 15, "once a second, when the history is full");
    assert_eq!(past(|step| 50 - step / 5), 15);
    assert_eq!(past(|step| 50 + step / 5), 0);
    // The service time in calm is believed to be a thousand times what it is. Without the guard L reaches 450 times the
    // number of servers here.
    let mut snapshot = warm(16).limit.snapshot();
    snapshot.bases[0].median_ms = 40_000.0;
    snapshot.highest_healthy = 9_000.0;
    let mut world = World::new(16);
    world.limit = ConcurrencyLimit::restore(None, &snapshot);
    let settled = world.flood(40);
    assert!(settled.high < 60.0, "{settled:?}");
}

#[test]
fn what_is_kept_over_a_restart_comes_back() {
    let mut world = warm(16);
    world.flood(5);
    let snapshot = world.limit.snapshot();
    let restored = ConcurrencyLimit::restore(None, &snapshot);
    assert_eq!(restored.snapshot(), snapshot);
    assert!(restored.is_measured());
    let base = ClassBase { class: 3, median_ms: f64::NAN, samples: 500, seconds: 9 };
    let nonsense = Snapshot {
        limit: f64::NAN,
        healthy_seconds: 9_999,
        highest_healthy: f64::NAN,
        known_p95: f64::INFINITY,
        bases: vec![base],
    };
    let restored = ConcurrencyLimit::restore(Some(f64::NAN), &nonsense).snapshot();
    assert_eq!((restored.limit, restored.highest_healthy, restored.bases.len()), (f64::INFINITY, 0.0, 0));
}

#[test]
fn a_clock_that_stands_or_runs_backwards_changes_nothing() {
    let mut limit = known(64.0);
    feed(&mut limit, 10, |_| {});
    let before = limit.snapshot();
    let window = Window { hard_failures: 1_000, ..quiet() };
    assert_eq!(limit.step(Instant::from_millis(1_000), &window), before.limit);
    assert_eq!(limit.step(Instant::ORIGIN, &window), before.limit);
    assert_eq!(limit.snapshot(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn whatever_is_seen_the_limit_stays_a_number_within_its_bounds(
        seen in prop::collection::vec(
            (any::<u8>(), 0_u32..5_000, any::<f64>(), 0_u32..5_000, 0_u32..100, any::<bool>(), any::<f64>(), 0_u64..900),
            1..200,
        ),
        most in prop::option::of(any::<f64>()),
    ) {
        let mut limit = ConcurrencyLimit::new(most);
        let mut now = 0;
        for (class, count, median_ms, inflight, hard_failures, level_calm, known_concurrency, pause) in seen {
            now += pause;
            let classes = [ClassSample { class, count, median_ms }];
            let window = Window {
                classes: &classes, inflight, completions: count, hard_failures,
                queue_wait_ms: pause, level_calm, known_concurrency,
            };
            let answer = limit.step(Instant::from_millis(now), &window);
            prop_assert!(answer >= LIMIT_MIN, "{}", answer);
            if let Some(most) = most.filter(|most| most.is_finite()) {
                prop_assert!(answer.is_infinite() || answer <= most.max(LIMIT_MIN), "{} over {}", answer, most);
            }
        }
    }
}

/// A limiter that knows an app of so many servers from calm, in which a third of it was used.
fn warm(servers: u32) -> World {
    let highest = 0.35 * f64::from(servers);
    let snapshot = Snapshot {
        limit: (GROWTH_MAX * highest).max(FIRST_LIMIT_MIN),
        healthy_seconds: HEALTHY_SECONDS,
        highest_healthy: highest,
        known_p95: 0.0,
        bases: vec![ClassBase { class: 0, median_ms: 40.0, samples: 9_000, seconds: 600 }],
    };
    let mut world = World::new(servers as usize);
    world.limit = ConcurrencyLimit::restore(None, &snapshot);
    world
}

/// A limiter with this L, that knows ten route classes of 40 ms.
fn known(limit: f64) -> ConcurrencyLimit {
    let base = |class| ClassBase { class, median_ms: 40.0, samples: 9_000, seconds: 600 };
    ConcurrencyLimit::restore(
        None,
        &Snapshot {
            limit,
            healthy_seconds: HEALTHY_SECONDS,
            highest_healthy: 60.0,
            known_p95: 10.0,
            bases: (0..10).map(base).collect(),
        },
    )
}

fn quiet() -> Window<'static> {
    Window {
        classes: &[],
        inflight: 0,
        completions: 0,
        hard_failures: 0,
        queue_wait_ms: 0,
        level_calm: true,
        known_concurrency: 0.0,
    }
}

/// So many steps with the same window.
fn feed<'a>(limit: &mut ConcurrencyLimit, steps: u64, change: impl Fn(&mut Window<'a>)) {
    for step in 1..=steps {
        let mut window: Window<'a> = quiet();
        change(&mut window);
        limit.step(Instant::from_millis(step * STEP_MILLIS), &window);
    }
}
