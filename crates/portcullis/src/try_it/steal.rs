//! What other machines take from this one.

/// Processor time that other machines took, from /proc/stat.
pub(super) struct Steal {
    stolen: u64,
    all: u64,
}

impl Steal {
    pub(super) fn now() -> Self {
        let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let ticks: Vec<u64> = text
            .lines()
            .next()
            .unwrap_or("")
            .split_whitespace()
            .skip(1)
            .filter_map(|word| word.parse().ok())
            .collect();
        Self { stolen: ticks.get(7).copied().unwrap_or(0), all: ticks.iter().take(8).sum() }
    }

    /// The share since then.
    pub(super) fn share(&self) -> f64 {
        let now = Self::now();
        #[expect(clippy::cast_precision_loss, reason = "ticks of one run are far below 2^53")]
        let share = (now.stolen - self.stolen) as f64 / (now.all - self.all).max(1) as f64;
        share
    }
}
