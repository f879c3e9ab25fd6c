//! How common something may be that was seen so often: Clopper–Pearson's upper bound.

use model::Finite;
use serde::{Deserialize, Serialize};

/// How often something was seen among how many requests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Share {
    /// Requests that match, at most `of`.
    pub hits: u64,
    /// Requests that were looked at.
    pub of: u64,
}

impl Share {
    /// The largest share, 0 to 1, at which so few hits are still as likely as 1 in 20: the one-sided bound of Clopper and
    /// Pearson at 95 %. 1 if nothing was looked at.
    ///
    /// It is found by bisection on the binomial distribution, and the same on every machine.
    pub fn upper(self) -> Finite {
        if self.hits >= self.of {
            return Finite::ONE;
        }
        let ways = ln_ways(self);
        let (mut low, mut high) = (self.point(), Finite::ONE);
        for _ in 0..HALVINGS {
            let middle = (low + high) / Finite::new(2.0);
            if likelihood(self, ways, middle) > Finite::new(TAIL) {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The share that was seen, 0 to 1; 0 if nothing was looked at.
    pub fn point(self) -> Finite {
        Finite::count(self.hits) / Finite::count(self.of)
    }

    /// Both taken together.
    #[must_use]
    pub(super) const fn with(self, other: Self) -> Self {
        Self { hits: self.hits.saturating_add(other.hits), of: self.of.saturating_add(other.of) }
    }
}

/// ln of the number of ways to choose the hits.
fn ln_ways(share: Share) -> Finite {
    let misses = share.of - share.hits;
    (1..=share.hits).map(|i| (Finite::count(misses + i) / Finite::count(i)).ln()).sum()
}

/// How likely at most so many hits are, if each request is one with probability `p`, above the share that was seen.
fn likelihood(share: Share, ln_ways: Finite, p: Finite) -> Finite {
    let (hits, misses) = (Finite::count(share.hits), Finite::count(share.of - share.hits));
    let mut term = (ln_ways + hits * p.ln() + misses * (Finite::ONE - p).ln()).exp();
    let odds = (Finite::ONE - p) / p;
    let mut sum = term;
    // The terms fall from `hits` down to 0, because `p` is above the share that was seen.
    for i in (1..=share.hits).rev() {
        term = term * odds * Finite::count(i) / Finite::count(share.of - i + 1);
        sum += term;
        if term < sum * Finite::new(NEGLIGIBLE) {
            break;
        }
    }
    sum
}

/// The probability that the true share is above the bound.
const TAIL: f64 = 0.05;
/// Halvings of the interval 0 to 1: the bound is exact to 4·10⁻¹⁵.
const HALVINGS: u32 = 48;
/// A term this small beside the sum changes nothing that is printed.
const NEGLIGIBLE: f64 = 1e-13;

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(hits: u64, of: u64) -> String {
        format!("{:.4}", Share { hits, of }.upper().get() * 100.0)
    }

    #[test]
    fn bounds_agree_with_published_tables() {
        // With no hits the bound is 1 − 0.05^(1/n). The others were computed with exact fractions.
        assert_eq!(percent(0, 600), "0.4980");
        assert_eq!(percent(0, 8_192), "0.0366");
        assert_eq!(percent(0, 4_096), "0.0731");
        assert_eq!(percent(0, 10), "25.8866");
        assert_eq!(percent(1, 10), "39.4163");
        assert_eq!(percent(5, 10), "77.7559");
        assert_eq!(percent(1, 20), "21.6106");
        assert_eq!(percent(10, 100), "16.3718");
    }

    #[test]
    fn the_ends_are_certain() {
        assert_eq!(Share::default().upper(), Finite::ONE);
        assert_eq!(Share { hits: 7, of: 7 }.upper(), Finite::ONE);
        assert_eq!(Share { hits: 9, of: 7 }.upper(), Finite::ONE);
    }

    #[test]
    fn more_hits_never_lower_the_bound_and_it_lies_above_what_was_seen() {
        for of in [1_u64, 2, 37, 600, 8_192] {
            let mut last = Finite::ZERO;
            for hits in (0..=of).step_by(usize::try_from(of / 16 + 1).unwrap()) {
                let share = Share { hits, of };
                assert!(share.upper() >= last && share.upper() >= share.point(), "{share:?}");
                last = share.upper();
            }
        }
    }

    proptest::proptest! {
        /// What the bound says, checked by adding up the distribution from the other end.
        #[test]
        fn at_the_bound_so_few_hits_have_one_chance_in_twenty(of in 1_u64..300, part in 0_u64..90) {
            let share = Share { hits: of * part / 100, of };
            let p = share.upper().get();
            // In logarithms: (1 − p) to the power of 300 is too small for a number.
            let mut chance = libm::log1p(-p) * f64::from(u32::try_from(of).unwrap());
            let mut sum = 0.0;
            for i in 0..=share.hits {
                sum += libm::exp(chance);
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                let ratio = (of - i) as f64 / (i + 1) as f64;
                chance += libm::log(ratio * p / (1.0 - p));
            }
            proptest::prop_assert!((sum - TAIL).abs() < 1e-6, "{} of {}: {}", share.hits, of, sum);
        }
    }
}
