//! What was last found to be too much.

use std::time::Duration;

use model::{Instant, Summary};
use serde::{Deserialize, Serialize};

use super::has_lasted;
use crate::handover::Handover;

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
        let failures = summary.origin_failures.saturating_mul(FAILURE_PARTS);
        if failures > 0 && failures >= summary.origin_answers {
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

    /// Adds what a successor needs to an estate.
    pub(super) fn hand_over(&self, estate: &mut Handover) {
        let noted = self.noted.into_iter().flat_map(|(at, knee)| [at.as_nanos(), knee.to_bits()]);
        estate.put("threshold.knee", noted);
        estate.put("threshold.failed", self.failed.map(Instant::as_nanos));
    }

    /// What a predecessor left; what makes no sense is none.
    pub(super) fn of(estate: &Handover) -> Self {
        let noted = estate.array("threshold.knee");
        let noted = noted.map(|[at, knee]| (Instant::from_nanos(at), f64::from_bits(knee)));
        let failed = estate.array("threshold.failed").map(|[at]| Instant::from_nanos(at));
        let knee = Self { noted, failed };
        if knee.is_sane() { knee } else { Self { noted: None, failed } }
    }

    /// Whether what was kept is a number of requests.
    pub(super) fn is_sane(&self) -> bool {
        self.noted.is_none_or(|(_, knee)| knee.is_finite() && knee > 0.0)
    }
}

/// Time in which what is remembered doubles: the app may be able to do more by now, and nothing but a step tells. After ten minutes
/// it is 32 times as much, so that L at its floor when people were closed out, without failures that would tell why, keeps nobody out
/// for longer before an app of 100 at once (invariant 8).
const DOUBLED_AFTER_SECONDS: f64 = 120.0;
/// Whatever was too much before everybody was let in for so long is no longer remembered.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// One answer in so many is a failure that may take L down, which looks at tenths of a second in which it is one in twenty; and how soon
/// after the last one L is itself again.
const FAILURE_PARTS: u64 = 50;
const WELL_FOR: Duration = Duration::from_secs(10);
