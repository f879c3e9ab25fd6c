//! How often calm looks like an attack, and how soon an attack does not look like calm.

use model::Finite;

use super::super::baseline::{Baseline, SPREAD_FLOOR, Spread};
use super::super::volume::{Cusum, HIGH_ALARM, LOW_ALARM};
use super::super::{Findings, Metric};
use super::world::{Dice, FLOOD, Kind, World};

/// AR(1) noise: σ 0.12, τ 90 s.
struct Swing {
    dice: Dice,
    noise: f64,
    decay: f64,
}

impl Swing {
    fn new(seed: u64) -> Self {
        Self { dice: Dice(seed), noise: 0.0, decay: (-1.0_f64 / 90.0).exp() }
    }

    /// The noise of the next second, and an independent normal number.
    fn next(&mut self) -> (f64, f64) {
        let (fresh, chance) = self.dice.normal();
        self.noise = self.noise * self.decay + fresh * 0.12 * (1.0 - self.decay * self.decay).sqrt();
        (self.noise, chance)
    }
}

/// Days of one-second counts with AR(1) noise: σ 0.12 of ln(rate), τ 90 s. Answers the seconds in alarm, high and low.
fn alarms(rate: f64, days: u32, seed: u64) -> (u32, u32) {
    let mut swing = Swing::new(seed);
    let spread = Spread { by_chance: Finite::new(rate.sqrt().recip()), lasting: Finite::new(0.12) };
    let mut baseline = Baseline::warm(Finite::new(rate), spread, |_| Finite::ONE, 0);
    let mut cusum = Cusum::default();
    let mut found = (0, 0);
    for second in 0..days * 86_400 {
        let hour = u8::try_from(second / 3_600 % 168).unwrap();
        let (noise, chance) = swing.next();
        let mean = rate * f64::exp(noise);
        let value = Finite::new((mean + mean.sqrt() * chance).round().max(0.0));
        let spread = baseline.spread().max(SPREAD_FLOOR);
        let expected = baseline.expected(Some(hour)).unwrap();
        let judged = cusum.judge(Metric::Requests, value, expected, spread);
        found.0 += u32::from(judged.high >= HIGH_ALARM);
        found.1 += u32::from(judged.low >= LOW_ALARM);
        baseline.learn(hour, value);
    }
    found
}

#[test]
fn ten_days_of_a_small_site_raise_no_alarm() {
    assert_eq!(alarms(20.0, 10, 1), (0, 0));
}

#[test]
fn ten_days_of_a_middling_site_raise_no_alarm() {
    assert_eq!(alarms(200.0, 10, 2), (0, 0));
}

#[test]
fn ten_days_of_a_large_site_raise_no_alarm() {
    assert_eq!(alarms(2_000.0, 10, 3), (0, 0));
}

/// Seconds until the requests of other clients are too many, at so many times the usual, with this spread.
fn delay(times: f64, spread: Finite) -> u32 {
    let (expected, value) = (Finite::new(500.0), Finite::new(500.0 * times));
    let mut cusum = Cusum::default();
    let mut high = || cusum.judge(Metric::Others, value, expected, spread).high;
    (1..60).find(|_| high() >= HIGH_ALARM).unwrap_or(60)
}

#[test]
fn five_times_the_usual_is_seen_in_two_seconds_three_times_in_three_twice_in_six() {
    assert_eq!([5.0, 3.0, 2.0].map(|times| delay(times, SPREAD_FLOOR)), [2, 3, 6]);
}

#[test]
fn with_swings_of_twelve_per_cent_it_takes_two_four_and_ten_seconds() {
    let spread = Spread { by_chance: Finite::new(0.03), lasting: Finite::new(0.12) };
    let baseline = Baseline::warm(Finite::new(1_000.0), spread, |_| Finite::ONE, 0);
    assert_eq!([5.0, 3.0, 2.0].map(|times| delay(times, baseline.spread())), [2, 4, 10]);
}

/// Seconds until `is_seen`, with so many requests of a kind on top of calm.
fn seconds_until(mut world: World, more: &[(Kind, u64)], is_seen: fn(&Findings) -> bool) -> Option<u32> {
    world.seconds(60, &[]);
    (1..=60).find(|_| is_seen(&world.second(more)))
}

#[test]
fn a_flood_of_five_times_the_usual_is_an_anomaly_in_two_seconds_and_an_attack_in_four() {
    let flood = [(FLOOD, 1_500)];
    let anomaly = seconds_until(World::new(1, 100.0, 300.0), &flood, Findings::is_anomalous);
    assert!(anomaly.is_some_and(|seconds| seconds <= 2), "{anomaly:?}");
    let attack = seconds_until(World::new(1, 100.0, 300.0), &flood, Findings::is_malicious);
    assert!(attack.is_some_and(|seconds| seconds <= 4), "{attack:?}");
}

#[test]
fn ten_minutes_of_calm_are_neither_an_anomaly_nor_an_attack() {
    for (known, others) in [(10.0, 10.0), (100.0, 300.0)] {
        let mut world = World::new(5, known, others);
        let loud = (0..600).filter(|_| {
            let found = world.second(&[]);
            found.hurts() || found.is_anomalous() || found.is_malicious() || found.upstream.is_suspected
        });
        assert_eq!(loud.count(), 0, "{known} and {others} requests/s");
    }
}
#[test]
fn half_an_hour_of_a_tiny_site_that_swings_is_no_attack_by_chance() {
    for rate in [1.0, 10.0] {
        let (mut world, mut swing) = (World::new(11, rate, rate), Swing::new(5));
        let loud = (0..1_800).filter(|_| {
            let now = rate * f64::exp(swing.next().0);
            (world.known, world.others) = (now, now);
            let found = world.second(&[]);
            found.is_anomalous() || found.is_malicious() || found.upstream.is_suspected
        });
        assert_eq!(loud.count(), 0, "{rate} requests/s");
    }
}
