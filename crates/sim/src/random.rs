//! Seeded random numbers, the same on every machine: logarithms and exponentials come from the pinned `libm`.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;

/// One stream of random numbers. Each part of the world has its own, so that an attack more changes no customer.
pub(crate) struct Random {
    pcg: Pcg64Mcg,
    /// The second of two normal numbers that are drawn together.
    spare: Option<f64>,
}

impl Random {
    /// The stream of a seed for one part of the world.
    pub(crate) fn stream(seed: u64, part: u64) -> Self {
        let high = mix(seed ^ mix(part));
        let low = mix(high ^ part.rotate_left(32));
        Self { pcg: Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low) | 1), spare: None }
    }

    /// Any 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.pcg.next_u64()
    }

    /// Between 0 and 1, 1 excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// One of `bound` numbers from 0; 0 if there is none.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.bits()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or(0)
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponentially distributed.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -libm::log(1.0 - self.unit()) * mean
    }

    /// Normally distributed with mean 0 and deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        let (sine, cosine) = libm::sincos(std::f64::consts::TAU * self.unit());
        self.spare = Some(radius * sine);
        radius * cosine
    }

    /// Log-normally distributed with this median; `sigma` is the deviation of the logarithm.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// Poisson distributed; from a mean of 64 on by its normal approximation.
    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        if mean >= 64.0 {
            return whole(mean + libm::sqrt(mean) * self.normal());
        }
        let (floor, mut product, mut count) = (libm::exp(-mean), self.unit(), 0);
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A whole number whose mean is `mean`.
    pub(crate) fn round(&mut self, mean: f64) -> u64 {
        let floor = mean.max(0.0).floor();
        whole(floor) + u64::from(self.chance(mean - floor))
    }

    /// At least 1, geometrically distributed.
    pub(crate) fn geometric(&mut self, mean: f64) -> u64 {
        let stop = 1.0 / mean.max(1.0);
        if stop >= 1.0 {
            return 1;
        }
        1 + whole(libm::log(1.0 - self.unit()) / libm::log(1.0 - stop))
    }
}

/// The nearest whole number, 0 for what is negative or none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what an f64 holds exactly"
)]
pub(crate) fn whole(value: f64) -> u64 {
    if value.is_nan() { 0 } else { value.clamp(0.0, 9e15) as u64 }
}

/// As an index; numbers that large do not occur.
pub(crate) fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Scrambles all bits (the finaliser of SplitMix64).
pub(crate) const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_means_that_they_claim() {
        let mut random = Random::stream(1, 2);
        let mut mean = |draw: &mut dyn FnMut(&mut Random) -> f64| {
            (0..20_000).map(|_| draw(&mut random)).sum::<f64>() / 20_000.0
        };
        let near =
            |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 0.05, "{found} for {wanted}");
        near(mean(&mut |random| random.exponential(3.0)), 3.0);
        near(mean(&mut |random| random.poisson(2.5) as f64), 2.5);
        near(mean(&mut |random| random.poisson(100.0) as f64), 100.0);
        near(mean(&mut |random| random.geometric(6.0) as f64), 6.0);
        near(mean(&mut |random| random.log_normal(1.0, 0.5)), libm::exp(0.125));
        near(mean(&mut |random| random.round(0.3) as f64), 0.3);
        near(mean(&mut |random| random.normal() + 1.0), 1.0);
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |seed, part| Random::stream(seed, part).bits();
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }
}
