//! What was last found to be too much.

use std::time::Duration;

use model::{Instant, Summary};
use serde::{Deserialize, Serialize};

use super::has_lasted;

/// L as it was when more was asked for than fits. L falls to what the app can do while too much is asked of it, and rises to a multiple of
/// that while less is; a forecast that believed the latter would let in again what has just been too much
/// (`docs/decisions/046-what-bursts-move.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Knee {
    /// When, and how much, in requests in service.
    noted: Option<(Instant, f64)>,
    /// When the app last failed.
    failed: Option<Instant>,
}

impl Knee {
    /// Takes what was counted in a step.
    pub(super) fn see(&mut self, summary: &Summary) {
        if summary.origin_failures > 0 && FAILURE_PARTS * summary.origin_failures >= summary.origin_answers {
            self.failed = Some(summary.at);
        }
    }

    /// Takes L at a moment at which people are closed out. `open_for` is how long everybody had been let in, if that was so.
    pub(super) fn note(&mut self, now: Instant, limit: f64, open_for: Option<Duration>) {
        // An app that fails takes L down to next to nothing, whatever it can do when it is well.
        if self.failed.is_some() && !has_lasted(self.failed, WELL_FOR, now) {
            return;
        }
        let is_new = open_for.is_some_and(|time| time >= FORGOTTEN_AFTER);
        let bound = if is_new { limit } else { self.bound(now, limit) };
        self.noted = bound.is_finite().then_some((now, bound));
    }

    /// What is known to fit, in requests in service: at most L.
    pub(super) fn bound(&self, now: Instant, limit: f64) -> f64 {
        let doublings = |at: Instant| now.since(at).as_secs_f64() / DOUBLED_AFTER_SECONDS;
        self.noted.map_or(limit, |(at, knee)| limit.min(knee * libm::exp2(doublings(at))))
    }

    /// As words for a successor; nothing when there is none.
    pub(super) fn words(&self) -> impl Iterator<Item = u64> {
        self.noted.into_iter().flat_map(|(at, knee)| [at.as_nanos(), knee.to_bits()])
    }

    /// From [`Knee::words`]; what makes no sense is none.
    pub(super) fn from_words([at, knee]: [u64; 2]) -> Self {
        let knee = Self { noted: Some((Instant::from_nanos(at), f64::from_bits(knee))), failed: None };
        if knee.is_sane() { knee } else { Self::default() }
    }

    /// Whether what was kept is a number of requests.
    pub(super) fn is_sane(&self) -> bool {
        self.noted.is_none_or(|(_, knee)| knee.is_finite() && knee > 0.0)
    }
}

/// Time in which what is remembered doubles: the app may be able to do more by now, and nothing but a step tells. After ten minutes
/// it is 32 times as much, whatever it was (invariant 8).
const DOUBLED_AFTER_SECONDS: f64 = 120.0;
/// Whatever was too much before everybody was let in for so long is no longer remembered.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// One answer in so many is a failure that takes L down (`concurrency`, `FAILURE_SHARE`), and how soon after the last one L is itself again.
const FAILURE_PARTS: u64 = 20;
const WELL_FOR: Duration = Duration::from_secs(10);
