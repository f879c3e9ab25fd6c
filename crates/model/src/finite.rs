//! Numbers that are always numbers.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use serde::{Deserialize, Serialize};

/// An `f64` that is neither NaN nor infinite, nor the negative zero.
///
/// Only + − × ÷ √ and comparison are used, which IEEE 754 fixes to the last bit on every machine, and [`Finite::ln`] and
/// [`Finite::exp`] from the pinned `libm`; sums are taken in the order of their terms. So a replay finds the same numbers
/// everywhere. What would leave the range stops at its end; 0 ÷ 0 is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(from = "f64", into = "f64")]
pub struct Finite(f64);

impl Finite {
    /// 0.
    pub const ZERO: Self = Self(0.0);
    /// 1.
    pub const ONE: Self = Self(1.0);

    /// The number; NaN becomes 0, and what is infinite the largest number of its sign.
    pub const fn new(value: f64) -> Self {
        if value.is_nan() || value == 0.0 {
            return Self(0.0);
        }
        Self(value.clamp(f64::MIN, f64::MAX))
    }

    /// A count; above 2^53 to the nearest number.
    #[expect(clippy::cast_precision_loss, reason = "counts that large are estimates anyway")]
    pub const fn count(count: u64) -> Self {
        Self(count as f64)
    }

    /// As a plain number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The natural logarithm; of what is not positive that of the smallest positive number, about −745.
    pub fn ln(self) -> Self {
        Self::new(libm::log(self.0.max(f64::from_bits(1))))
    }

    /// e to the power of this.
    pub fn exp(self) -> Self {
        Self::new(libm::exp(self.0))
    }

    /// The square root; of what is negative 0.
    pub fn sqrt(self) -> Self {
        Self::new(self.0.max(0.0).sqrt())
    }

    /// The distance from 0.
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Whether it is above 0.
    pub fn is_positive(self) -> bool {
        self.0 > 0.0
    }
}

impl From<f64> for Finite {
    fn from(value: f64) -> Self {
        Self::new(value)
    }
}

impl From<Finite> for f64 {
    fn from(value: Finite) -> Self {
        value.0
    }
}

impl Eq for Finite {}

impl Ord for Finite {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Finite {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Add for Finite {
    type Output = Self;

    fn add(self, rhs: Self) -> Self {
        Self::new(self.0 + rhs.0)
    }
}

impl AddAssign for Finite {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl Sub for Finite {
    type Output = Self;

    fn sub(self, rhs: Self) -> Self {
        Self::new(self.0 - rhs.0)
    }
}

impl Mul for Finite {
    type Output = Self;

    fn mul(self, rhs: Self) -> Self {
        Self::new(self.0 * rhs.0)
    }
}

impl Div for Finite {
    type Output = Self;

    fn div(self, rhs: Self) -> Self {
        Self::new(self.0 / rhs.0)
    }
}

impl Neg for Finite {
    type Output = Self;

    fn neg(self) -> Self {
        Self::new(-self.0)
    }
}

impl Sum for Finite {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_computed_stays_a_number(a in any::<f64>(), b in any::<f64>()) {
            let (a, b) = (Finite::new(a), Finite::new(b));
            for found in [a, a + b, a - b, a * b, a / b, -a, a.ln(), a.exp(), a.sqrt(), a.abs(), [a, b].into_iter().sum()] {
                prop_assert!(found.get().is_finite(), "{found:?}");
                prop_assert!(found.get().to_bits() != (-0.0_f64).to_bits());
            }
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        }
    }

    #[test]
    fn the_ends_of_the_range_hold() {
        assert_eq!(Finite::ZERO / Finite::ZERO, Finite::ZERO);
        assert_eq!(Finite::ONE / Finite::ZERO, Finite::new(f64::MAX));
        assert_eq!(Finite::new(-4.0).sqrt(), Finite::ZERO);
        assert_eq!(Finite::count(1 << 60).get(), f64::from(1_u32 << 30) * f64::from(1_u32 << 30));
    }
}
