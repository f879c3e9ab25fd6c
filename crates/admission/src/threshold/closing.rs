//! Closing out what does not fit, and letting known clients in again as soon as they do (decision-science, section 2).

use std::time::Duration;

use model::{Act, COHORTS, Comparison, Ground, Instant, Masks, Tier};

use super::costs::{Costs, admitted, mean, total};
use super::prefix::{self, Cut};
use super::{CLOSE, CLOSE_AT_ONCE, FREE, HOLD, REFILL, Threshold, note};

impl Threshold {
    /// What says that more is admitted than fits.
    pub(super) fn over(&mut self, now: Instant, costs: &Costs, newest: &Costs, limit: f64) -> Option<Over> {
        let load = admitted(costs, &self.wanted, limit);
        let seen = self.recent.millis() >= SEEN_MILLIS;
        note(&mut self.over_since, seen && load > CLOSE * limit, now);
        note(&mut self.far_over_since, seen && load > CLOSE_AT_ONCE * limit, now);
        // Once something is closed there is no doubt that it is an incident.
        let doubt = |enough| if self.wanted.is_open() { noise(limit, enough) } else { Duration::ZERO };
        let at_once = admitted(newest, &self.wanted, limit);
        if at_once > UNMISTAKABLE * limit {
            let (comparison, lasted) = (Comparison::Unmistakable, Duration::ZERO);
            return Some(Over {
                comparison,
                figure: at_once,
                bound: UNMISTAKABLE * limit,
                lasted,
                hold: lasted,
            });
        }
        let bounds = [
            (self.far_over_since, Comparison::FarOver, CLOSE_AT_ONCE, doubt(NO_NOISE)),
            (self.over_since, Comparison::Over, CLOSE, CLOSE_AFTER + doubt(NO_NOISE_NEAR)),
        ];
        bounds.into_iter().find_map(|(since, comparison, share, hold)| {
            let lasted = now.since(since?);
            (lasted >= hold).then_some(Over { comparison, figure: load, bound: share * limit, lasted, hold })
        })
    }

    /// A flood of logins is held by the lane's share; but those of whom a rule says that they do not belong there are put last,
    /// from one moment to the next, and must find no room.
    pub(super) fn close_last(&mut self, newest: &Costs, limit: f64) -> Option<Ground> {
        let in_vain = total(newest) - admitted(newest, &Masks::OPEN, limit);
        let is_flood = self.wanted.is_open() && in_vain > IN_VAIN * limit;
        is_flood.then(|| {
            self.wanted = self.wanted.with(Tier::T6, 0);
            at_once(Act::Close, Comparison::InVain, in_vain, IN_VAIN * limit)
        })
    }

    /// Known clients are in again as soon as they fit.
    pub(super) fn readmit(&mut self, costs: &Costs, limit: f64) -> Option<Ground> {
        let bound = READMIT * limit;
        let wanted = prefix::readmit_known(self.wanted, costs, bound);
        (wanted != self.wanted).then(|| {
            self.wanted = wanted;
            at_once(Act::Readmit, Comparison::KnownFit, prefix::cost_of_known(&wanted, costs), bound)
        })
    }

    /// Closes out what does not fit; answers what that is, if there is anything. Customers come in bursts, so that nothing is said of them
    /// by less than a second.
    pub(super) fn close_or_revert(
        &mut self,
        now: Instant,
        mut costs: Costs,
        limit: f64,
        random: u64,
    ) -> Option<Act> {
        let is_closing = self.wanted.is_open();
        if is_closing {
            // Who is in which cohort is drawn anew at a closing, so what each of them cost says nothing but the mean.
            for tier in Tier::ALL.into_iter().filter(|tier| !tier.is_known()) {
                costs[tier.index()] = [mean(&costs[tier.index()]); COHORTS];
            }
        }
        let cut = Cut {
            limit,
            known: if self.recent.is_full() { CLOSE_AT_ONCE * limit } else { f64::INFINITY },
            target: REFILL * limit,
            free: FREE * limit,
            halve: !is_closing,
        };
        let kept = prefix::shrink(self.wanted, &costs, cut);
        if kept == self.wanted {
            return None;
        }
        let act = match (is_closing, self.reopening) {
            (true, _) => Act::Close,
            (false, true) => Act::Revert,
            (false, false) => Act::CloseMore,
        };
        let wait = if act == Act::Revert { self.back_off(now, random) } else { HOLD };
        self.wanted = kept;
        self.reopening = false;
        self.knee.note(now, limit, is_closing.then(|| now.since(self.changed)));
        (self.over_since, self.far_over_since, self.quiet_since) = (None, None, None);
        self.changed = now;
        self.next_try = now + wait;
        Some(act)
    }
}

/// How much longer than others a small app must be asked for too much before that is no chance: people come in bursts, and the fewer
/// of them fit at a time, the more a burst is of what fits. Those who wait for a slot bridge it. From `enough` it is no chance.
fn noise(limit: f64, enough: f64) -> Duration {
    Duration::from_secs_f64((enough / limit - 1.0).clamp(0.0, NOISE_MOST_SECONDS))
}

/// More is admitted than fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over {
    comparison: Comparison,
    figure: f64,
    bound: f64,
    lasted: Duration,
    hold: Duration,
}

impl Over {
    /// Why something was done about it.
    pub(super) const fn of(self, act: Act) -> Ground {
        let Self { comparison, figure, bound, lasted, hold } = self;
        Ground { act, comparison, figure, bound, lasted, hold }
    }
}

/// Why something was done for which once is enough.
const fn at_once(act: Act, comparison: Comparison, figure: f64, bound: f64) -> Ground {
    Ground { act, comparison, figure, bound, lasted: Duration::ZERO, hold: Duration::ZERO }
}

/// Share of L up to which known clients are admitted again at once: steps are for those whose load is a guess.
pub(super) const READMIT: f64 = 0.80;
/// A single step above this multiple of L closes, however short it is.
pub(super) const UNMISTAKABLE: f64 = 2.0;
/// Otherwise at least so much must have been seen: shorter steps are noise.
const SEEN_MILLIS: u64 = 500;
/// Share of L that is asked of the login lane beyond what it can give from which it is a flood: an office that signs in is not.
pub(super) const IN_VAIN: f64 = 0.5;
/// L from which a second of load above [`CLOSE_AT_ONCE`] is no chance, the same for one that is between [`CLOSE`] and that, which the app can
/// do still, and how much longer smaller ones are looked at.
const NO_NOISE: f64 = 32.0;
const NO_NOISE_NEAR: f64 = 96.0;
const NOISE_MOST_SECONDS: f64 = 1.5;
/// How long [`CLOSE`] must be exceeded.
const CLOSE_AFTER: Duration = Duration::from_secs(1);
