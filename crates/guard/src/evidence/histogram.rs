//! Weights of values, exact: what was added can be taken away again.

use model::Finite;
use serde::{Deserialize, Serialize};

/// Weights by value, in the order of the values.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Histogram {
    weights: Vec<(u64, u64)>,
    total: u64,
}

impl Histogram {
    /// Of values with their weights, in any order.
    pub(super) fn of(values: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut weights: Vec<(u64, u64)> = values.collect();
        weights.sort_unstable();
        weights.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            same
        });
        let total = weights.iter().fold(0, |sum: u64, (_, weight)| sum.saturating_add(*weight));
        Self { weights, total }
    }

    /// Adds another one.
    pub(super) fn add(&mut self, other: &Self) {
        self.merge(other, u64::saturating_add);
    }

    /// Takes away what was added before.
    pub(super) fn remove(&mut self, other: &Self) {
        self.merge(other, u64::saturating_sub);
    }

    /// The sum of all weights.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// The weight of each value, in the order of the values.
    pub(super) fn weights(&self) -> &[(u64, u64)] {
        &self.weights
    }

    /// A weight as a share of all.
    pub(super) fn share(&self, weight: u64) -> Finite {
        Finite::count(weight) / Finite::count(self.total)
    }

    /// The entropy, in nats.
    pub(super) fn entropy(&self) -> Finite {
        // Σ w ln w, where many neighbours weigh the same.
        let (mut last, mut term, mut sum) = (1, Finite::ZERO, Finite::ZERO);
        for (_, weight) in &self.weights {
            if *weight != last {
                last = *weight;
                term = Finite::count(*weight) * Finite::count(*weight).ln();
            }
            sum += term;
        }
        if self.total == 0 {
            return Finite::ZERO;
        }
        let total = Finite::count(self.total);
        (total.ln() - sum / total).max(Finite::ZERO)
    }

    /// The probability that two of `draws` samples have the same value; `None` below two.
    pub(super) fn coincidence(&self, draws: u64) -> Option<Finite> {
        if draws < 2 || self.total == 0 {
            return None;
        }
        let (draws, total) = (Finite::count(draws), Finite::count(self.total));
        let of_one = total / draws;
        let squares: Finite = self
            .weights
            .iter()
            .map(|(_, weight)| {
                let hits = Finite::count(*weight) / of_one;
                hits * hits
            })
            .sum();
        Some(((squares - draws) / (draws * (draws - Finite::ONE))).clamp(Finite::ZERO, Finite::ONE))
    }

    /// How many values there is room for.
    pub(super) fn room(&self) -> usize {
        self.weights.capacity()
    }

    fn merge(&mut self, other: &Self, join: fn(u64, u64) -> u64) {
        let mut merged = Vec::with_capacity(self.weights.len() + other.weights.len());
        let (mut ours, mut theirs) = (self.weights.as_slice(), other.weights.as_slice());
        while let Some((value, a, b)) = next_of(&mut ours, &mut theirs) {
            let weight = join(a, b);
            if weight > 0 {
                merged.push((value, weight));
            }
        }
        self.total = join(self.total, other.total);
        merged.shrink_to_fit();
        self.weights = merged;
    }
}

/// The next value of two lists in the order of their values, with what each has of it.
pub(super) fn next_of<A: Copy + Default, B: Copy + Default>(
    ours: &mut &[(u64, A)],
    theirs: &mut &[(u64, B)],
) -> Option<(u64, A, B)> {
    let (first, second) = (ours.first().copied(), theirs.first().copied());
    let value = match (first, second) {
        (Some(a), Some(b)) => a.0.min(b.0),
        (Some((value, _)), None) | (None, Some((value, _))) => value,
        (None, None) => return None,
    };
    let a = first.filter(|(next, _)| *next == value).map(|(_, a)| a);
    let b = second.filter(|(next, _)| *next == value).map(|(_, b)| b);
    *ours = &ours[usize::from(a.is_some())..];
    *theirs = &theirs[usize::from(b.is_some())..];
    Some((value, a.unwrap_or_default(), b.unwrap_or_default()))
}
