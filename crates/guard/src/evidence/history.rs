//! The last half minute, second by second.

use std::collections::VecDeque;

use model::Finite;
use serde::{Deserialize, Serialize};

use super::Metric;
use super::metric::Figures;
use super::second::Second;

/// The last [`KEPT`] seconds, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct History {
    seconds: VecDeque<Second>,
    figures: VecDeque<Figures>,
}

impl History {
    /// Takes a second, without its samples, and its figures.
    pub(super) fn push(&mut self, second: Second, figures: Figures) {
        self.seconds.push_back(second);
        self.figures.push_back(figures);
        if self.seconds.len() > KEPT {
            self.seconds.pop_front();
            self.figures.pop_front();
        }
    }

    /// The newest second.
    pub(super) fn last(&self) -> Option<&Second> {
        self.seconds.back()
    }

    /// Whether there are as many seconds as are kept.
    pub(super) fn is_full(&self) -> bool {
        self.seconds.len() == KEPT
    }

    /// The sum of a count over the last seconds.
    pub(super) fn sum(&self, seconds: usize, count: impl Fn(&Second) -> u64) -> u64 {
        self.sum_before(0, seconds, count)
    }

    /// The sum of a count over the last seconds but for the `skipped` newest.
    pub(super) fn sum_before(&self, skipped: usize, seconds: usize, count: impl Fn(&Second) -> u64) -> u64 {
        let chosen = self.seconds.iter().rev().skip(skipped).take(seconds);
        chosen.fold(0, |sum, second| sum.saturating_add(count(second)))
    }

    /// The mean of a metric over the last seconds but for the `skipped` newest; `None` if there is none so old.
    pub(super) fn mean(&self, metric: Metric, skipped: usize, seconds: usize) -> Option<Finite> {
        let chosen = self.figures.iter().rev().skip(skipped).take(seconds);
        let (mut sum, mut count) = (Finite::ZERO, 0_u64);
        for value in chosen.filter_map(|figures| figures[metric.index()]) {
            sum += value;
            count += 1;
        }
        (count > 0).then(|| sum / Finite::count(count))
    }

    /// Bytes that are kept outside of the structure itself.
    pub(super) fn bytes(&self) -> usize {
        self.seconds.capacity() * size_of::<Second>() + self.figures.capacity() * size_of::<Figures>()
    }
}

/// Seconds that are kept: the longest look back, at challenges and logins.
const KEPT: usize = 30;
