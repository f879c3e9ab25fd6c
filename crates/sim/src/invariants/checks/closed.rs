//! How long anybody may stay closed out.

use model::{Cohort, Level, Tier};

use super::{Checks, SECOND, Seen};
use crate::world::score::WITHIN;

impl Checks {
    /// Invariant 8.
    pub(super) fn stays_closed(&mut self, seen: &Seen, attacked: bool) -> Option<String> {
        let fits =
            !attacked && !seen.is_cut_off && self.whole_share <= FITS && !seen.is_blind && !seen.is_weak;
        let since = if fits { self.fits_since.or(Some(seen.now)) } else { None };
        self.fits_since = since;
        let waited = (seen.now - since?) / SECOND;
        (waited > CALM_WITHIN && seen.level != Level::Calm)
            .then(|| format!("{} after {waited} s at {:.2} of L", seen.level, self.whole_share))
    }

    /// Invariant 9: cohorts that are open, or of which somebody is let in, have had their turn.
    pub(super) fn forgets_cohorts(&mut self, seen: &Seen) -> Option<String> {
        for (turn, cohort) in self.turns.iter_mut().zip(0_u8..) {
            if seen.masks.admits(Tier::T5, Cohort::new(cohort)) {
                *turn = seen.now;
            }
        }
        let longest = seen.now - self.turns.iter().min().copied().unwrap_or(seen.now);
        // Who does not ask in its minute has let its turn pass; two rounds leave no doubt.
        (longest > 2 * TURN_WITHIN * SECOND).then(|| format!("one has waited for {} s", longest / SECOND))
    }

    /// Invariant 11.
    pub(super) fn is_stubborn(&mut self, seen: &Seen) -> Option<String> {
        if self.whole_share > WITHIN {
            self.evidence_at = seen.now;
        }
        let since = if seen.masks.is_open() { None } else { self.closed_since.or(Some(seen.now)) };
        self.closed_since = since;
        let alone = (seen.now - since?.max(self.evidence_at)) / SECOND;
        (alone > CLOSED_AT_MOST).then(|| format!("closed for {alone} s at {:.2} of L", self.whole_share))
    }
}

/// Share of L with which it must become calm without an attack, and within how many seconds.
const FITS: f64 = 0.70;
const CALM_WITHIN: u64 = 600;
/// Seconds within which each cohort has its turn.
const TURN_WITHIN: u64 = 128 * 60;
/// Seconds for which somebody may be closed out without fresh evidence.
const CLOSED_AT_MOST: u64 = 3_600;
