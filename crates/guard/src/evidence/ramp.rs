//! How steeply an excess grew.

use model::Finite;
use serde::{Deserialize, Serialize};

use super::Metric;
use super::baseline::log_ratio;
use super::history::History;

/// The steepest growth of each volume since its excess began.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Ramps([Ramp; WATCHED.len()]);

impl Ramps {
    /// Takes the newest second.
    pub(super) fn push(&mut self, history: &History, expected: impl Fn(Metric) -> Option<Finite>) {
        for (metric, ramp) in WATCHED.into_iter().zip(&mut self.0) {
            let now = history.mean(metric, 0, NOW_SECONDS);
            if let (Some(now), Some(expected)) = (now, expected(metric)) {
                let before = history.mean(metric, BEFORE_SKIPPED, BEFORE_SECONDS).unwrap_or(expected);
                ramp.push(log_ratio(now, expected), log_ratio(now, before));
            }
        }
    }

    /// The steepest of the volumes that are in excess now.
    pub(super) fn steepest(&self) -> Option<Finite> {
        self.0.iter().filter(|ramp| ramp.quiet == 0).filter_map(|ramp| ramp.steepest).max()
    }
}

/// One volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Ramp {
    steepest: Option<Finite>,
    /// Seconds on end without an excess.
    quiet: u32,
}

impl Ramp {
    fn push(&mut self, excess: Finite, growth: Finite) {
        if excess >= EXCESS {
            self.steepest = Some(self.steepest.map_or(growth, |steepest| steepest.max(growth)));
            self.quiet = 0;
            return;
        }
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet >= OVER_SECONDS {
            self.steepest = None;
        }
    }
}

/// What is watched: a flood shows in requests, in their cost, or in connections.
const WATCHED: [Metric; 4] = [Metric::Others, Metric::OthersLoad, Metric::Handshakes, Metric::Connections];
/// Growth is from the mean of five seconds, ten seconds ago, to that of the last two.
const NOW_SECONDS: usize = 2;
const BEFORE_SKIPPED: usize = 8;
const BEFORE_SECONDS: usize = 5;
/// ln 1.5: an excess.
const EXCESS: Finite = Finite::new(0.405_465_108_108_164_4);
/// After so many seconds without one, the next excess is another one.
const OVER_SECONDS: u32 = 30;
