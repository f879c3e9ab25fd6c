//! Letting people in again, step by step (decision-science, section 8).

use std::time::Duration;

use model::{Act, Comparison, Ground, Instant, Masks};

use super::costs::{Costs, admitted};
use super::{EXPANSION, FREE, HOLD, Threshold, has_lasted, prefix};

/// What there is to come back to, in requests in service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// L.
    pub(super) limit: f64,
    /// The load up to which people may come back.
    pub(super) comfortable: f64,
    /// Everything that is asked for, let in or not.
    pub(super) demand: f64,
}

impl Threshold {
    /// Takes a step of re-opening when it is time and the forecast fits.
    pub(super) fn open_if_due(&mut self, now: Instant, costs: &Costs, room: Room) -> Option<Ground> {
        let settled = has_lasted(self.settled_since, SETTLED, now);
        let hurry = settled || has_lasted(self.quiet_since, QUIET, now);
        if now.since(self.changed) < HOLD || (now < self.next_try && !hurry) {
            return None;
        }
        let open = admitted(costs, &self.wanted, room.limit);
        let most = if settled { f64::INFINITY } else { (room.comfortable - open) / EXPANSION };
        let costs_little =
            |costs| prefix::cost_of_more(&self.wanted, &Masks::OPEN, costs) <= ALL_FREE * room.limit;
        let is_free = costs_little(costs) && costs_little(&self.shadow.0);
        let grown = prefix::grow(self.wanted, &self.shadow.0, most, FREE * room.limit, is_free);
        if grown == self.wanted {
            return None;
        }
        let added = prefix::cost_of_more(&self.wanted, &grown, &self.shadow.0);
        let lasted = |since: Option<Instant>| since.map_or(Duration::ZERO, |since| now.since(since));
        let (comparison, figure, lasted, hold) = if settled {
            (Comparison::Settled, room.demand, lasted(self.settled_since), SETTLED)
        } else {
            (Comparison::Forecast, open + EXPANSION * added, now.since(self.changed), HOLD)
        };
        self.wanted = grown;
        self.reopening = true;
        self.changed = now;
        self.next_try = now + HOLD;
        Some(Ground { act: Act::Open, comparison, figure, bound: room.comfortable, lasted, hold })
    }

    /// The wait after a revert, which is longer after each.
    pub(super) fn back_off(&mut self, now: Instant, random: u64) -> Duration {
        let doublings = self.reverts.min(BACK_OFF_STEPS);
        self.reverts = (self.reverts + 1).min(BACK_OFF_STEPS);
        self.forgiven = now;
        #[expect(clippy::cast_precision_loss, reason = "32 bits fit")]
        let jitter = (random >> 32) as f64 / f64::from(u32::MAX);
        let factor = 1.0 - BACK_OFF_JITTER + 2.0 * BACK_OFF_JITTER * jitter;
        Duration::from_secs_f64(BACK_OFF_SECONDS * f64::from(1_u32 << doublings) * factor)
    }

    pub(super) fn forgive(&mut self, now: Instant) {
        if self.reverts > 0 && now.since(self.forgiven) >= FORGIVE {
            self.reverts -= 1;
            self.forgiven = now;
        }
    }
}

/// Share of L up to which all that is closed counts as next to nothing, so that worse tiers are opened wholly along with a better one.
const ALL_FREE: f64 = 0.015;
/// Everything, with its expansion, has fitted for so long: back-off is void.
const QUIET: Duration = Duration::from_secs(10);
/// Everything as offered has fitted for so long: expansion and back-off are void. Without this, demand just below
/// [`super::OPEN`] would never be let in again, because twice its last part never fits.
const SETTLED: Duration = Duration::from_secs(30);
/// Wait after the first revert in seconds; doubled by each further one, up to [`BACK_OFF_STEPS`] times.
const BACK_OFF_SECONDS: f64 = 15.0;
pub(super) const BACK_OFF_STEPS: u32 = 3;
/// Jitter of the back-off to either side.
const BACK_OFF_JITTER: f64 = 0.2;
/// Time without a revert after which the back-off is halved.
const FORGIVE: Duration = Duration::from_secs(300);
