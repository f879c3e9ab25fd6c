//! Volumes against what is expected: how far off, and for how long (decision-science, section 5).

use model::Finite;
use serde::{Deserialize, Serialize};

use super::baseline::log_ratio;
use super::{Metric, Volume};

/// The sums of one volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Cusum {
    high: Finite,
    low: Finite,
}

impl Cusum {
    /// Judges one second; `spread` has its floor already.
    pub(super) fn judge(
        &mut self,
        metric: Metric,
        value: Finite,
        expected: Finite,
        spread: Finite,
    ) -> Volume {
        let z = (log_ratio(value, expected) / spread).clamp(Z_MIN, Z_MAX);
        self.high = (self.high + z - SLACK).clamp(Finite::ZERO, HIGH_MAX);
        self.low = (self.low - z - SLACK).clamp(Finite::ZERO, LOW_MAX);
        Volume { metric, value, expected, spread, z, high: self.high, low: self.low }
    }
}

/// k: by how many spreads a second must be off to count at all.
pub(super) const SLACK: Finite = Finite::new(2.0);
/// h: from this sum on there is too much.
pub(super) const HIGH_ALARM: Finite = Finite::new(8.0);
/// From this sum on there is too little.
pub(super) const LOW_ALARM: Finite = Finite::new(16.0);
/// Sums stop at twice their alarm: what is over is over four to eight seconds later.
pub(super) const HIGH_MAX: Finite = Finite::new(16.0);
/// See [`HIGH_MAX`].
pub(super) const LOW_MAX: Finite = Finite::new(32.0);
/// What one second may weigh.
pub(super) const Z_MIN: Finite = Finite::new(-4.0);
/// See [`Z_MIN`].
pub(super) const Z_MAX: Finite = Finite::new(8.0);
