//! Seeded draws, the same on every machine.

use model::{Dictionary, Values};
use rand_pcg::Pcg32;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::rows::Rows;

/// The only randomness of the rules.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Dice(Pcg32);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Pcg32::seed_from_u64(seed))
    }

    /// A number below `end`; 0 if that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// An index below `len`; 0 if that is 0.
    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// `count` different indices below `len`, or all.
    pub(super) fn indices(&mut self, len: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..len).collect();
        for place in 0..count.min(len) {
            let other = place + self.index(len - place);
            all.swap(place, other);
        }
        all.truncate(count);
        all
    }
}

/// Requests drawn from all that were offered, each with the same chance per weight (Chao 1982), as long as weights do
/// not differ much.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Reservoir {
    places: usize,
    pub(super) rows: Rows,
    weight: u64,
}

impl Reservoir {
    pub(super) fn new(places: usize) -> Self {
        Self { places, rows: Rows::default(), weight: 0 }
    }

    pub(super) fn offer(&mut self, values: &Values, weight: u64, calm: &Dictionary, dice: &mut Dice) {
        self.weight = self.weight.saturating_add(weight);
        if self.rows.len() < self.places {
            self.rows.push(values, calm);
        } else if dice.below(self.weight) < weight.saturating_mul(self.places as u64) {
            self.rows.set(dice.index(self.places), values, calm);
        }
    }

    /// What was drawn; it begins again.
    pub(super) fn take(&mut self) -> Rows {
        std::mem::replace(self, Self::new(self.places)).rows
    }
}
