//! What kinds of requests came in a step, as the decision core is told.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::{Handshakes, NAMES_MAX, Name, Outcome, Tier, TierCounts, Timestamp, Traffic};

use crate::counters::Counters;
use crate::edge::Shared;
use crate::hours::Hours;
use crate::reservoir::Taken;
use crate::sampling::NAMES_PER_STEP;

/// The counters as they were at the step before.
#[derive(Default)]
pub(crate) struct TrafficSeen {
    tiers: [[u64; 1 + Outcome::COUNT]; Tier::COUNT],
    handshakes: [u64; 3],
    handshake_nanos: u64,
    logins: [u64; 2],
    removed: [u64; Tier::COUNT],
    taken: Taken,
    hours: Hours,
    /// Names that did not fit into the last step: a worker says each but once in a while.
    names: Vec<Name>,
    /// Free share of the disk, and the minute in which it was asked for.
    disk: Option<(u64, f64)>,
}

impl TrafficSeen {
    /// What came since the last call.
    pub(crate) fn read(
        &mut self,
        shared: &Shared,
        step: Duration,
        random: u64,
        disk_free: impl FnOnce() -> f64,
    ) -> Traffic {
        let wall = shared.clock.wall();
        let drawn = shared.baskets.empty(&mut self.taken, random);
        let (handshakes, handshake_share) = self.handshakes(shared, step);
        let names = self.names(drawn.names);
        Traffic {
            hour_of_week: self.hours.at(wall),
            tiers: Tier::ALL.map(|tier| self.tier(shared, tier)),
            handshakes,
            handshake_share,
            logins: self.logins(shared),
            challenges: shared.site.take_challenges(),
            disk_free: self.disk_free(wall, disk_free),
            seen_networks: drawn.seen_networks,
            matches: shared.site.take_matches(),
            known: drawn.known,
            others: drawn.others,
            names,
            // Whoever hears of probes adds them.
            probes: [0; 2],
        }
    }

    /// The names for this step; what does not fit comes in the next, as far as that is bounded.
    fn names(&mut self, drawn: Vec<Name>) -> Vec<Name> {
        for name in drawn {
            if self.names.len() < NAMES_MAX && self.names.iter().all(|other| other.value != name.value) {
                self.names.push(name);
            }
        }
        let fit = self.names.len().min(NAMES_PER_STEP);
        self.names.drain(..fit).collect()
    }

    /// Cost by tier that rules, challenges and client limits took away since the last call, in microseconds.
    pub(crate) fn removed_micros(&mut self, shared: &Shared) -> [u64; Tier::COUNT] {
        Tier::ALL.map(|tier| {
            let total = sum(shared, |counters| counters.removed_micros(tier));
            since(&mut self.removed[tier.index()], total)
        })
    }

    fn tier(&mut self, shared: &Shared, tier: Tier) -> TierCounts {
        let [asked, ended @ ..] = &mut self.tiers[tier.index()];
        let offered = since(asked, sum(shared, |counters| counters.asked_requests(tier)));
        let mut of = |outcome: Outcome| {
            let total = sum(shared, |counters| counters.judged(tier, outcome));
            since(&mut ended[outcome.index()], total)
        };
        let failed = of(Outcome::OriginError);
        TierCounts {
            offered,
            forwarded: of(Outcome::Forwarded) + failed,
            failed,
            refused: [Outcome::Limited, Outcome::Shed, Outcome::Ruled, Outcome::Challenged].map(&mut of),
            abandoned: of(Outcome::Abandoned),
        }
    }

    fn handshakes(&mut self, shared: &Shared, step: Duration) -> (Handshakes, f64) {
        let cell = |cell: fn(&Counters) -> &AtomicU64| sum(shared, |counters| cell(counters).load(Relaxed));
        let [all, resumed, failed] = &mut self.handshakes;
        let to_count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        // A handshake between both looks is taken for a full one for a moment.
        let resumed = since(resumed, cell(|counters| &counters.handshakes_resumed));
        let full = since(all, cell(|counters| &counters.handshakes)).saturating_sub(resumed);
        let failed = since(failed, cell(|counters| &counters.handshakes_failed));
        let spent = since(&mut self.handshake_nanos, cell(|counters| &counters.handshake_nanos));
        let workers = u32::try_from(shared.counters.len()).unwrap_or(u32::MAX);
        let budget = (step * workers).as_secs_f64() * HANDSHAKE_TIME;
        let share = if budget > 0.0 { Duration::from_nanos(spent).as_secs_f64() / budget } else { 0.0 };
        let counts =
            Handshakes { full: to_count(full), resumed: to_count(resumed), failed: to_count(failed) };
        (counts, share.min(1.0))
    }

    fn logins(&mut self, shared: &Shared) -> [u32; 2] {
        let (judged, confirmed) = shared.site.login_counts();
        let [judged_before, confirmed_before] = &mut self.logins;
        [since(judged_before, judged), since(confirmed_before, confirmed)]
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn disk_free(&mut self, wall: Timestamp, ask: impl FnOnce() -> f64) -> f64 {
        let minute = wall.as_secs() / 60;
        match self.disk {
            Some((at, share)) if at == minute => share,
            _ => self.disk.insert((minute, ask())).1,
        }
    }
}

fn sum(shared: &Shared, of: impl Fn(&Counters) -> u64) -> u64 {
    shared.counters.iter().map(of).sum()
}

fn since(before: &mut u64, total: u64) -> u64 {
    total.wrapping_sub(std::mem::replace(before, total))
}

/// The share of its time that a worker may spend on handshakes ([`admission::handshakes::HandshakeTime`]).
const HANDSHAKE_TIME: f64 = 0.6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_do_not_fit_into_a_step_come_in_the_next_each_once() {
        let name = |value: u64| Name { value, text: value.to_string() };
        let mut seen = TrafficSeen::default();
        let step = |seen: &mut TrafficSeen, drawn: std::ops::Range<u64>| -> Vec<u64> {
            seen.names(drawn.map(name).collect()).iter().map(|name| name.value).collect()
        };
        assert_eq!(step(&mut seen, 0..20), (0..12).collect::<Vec<_>>());
        assert_eq!(step(&mut seen, 15..22), (12..22).collect::<Vec<_>>());
        assert_eq!(step(&mut seen, 0..0), [0_u64; 0]);
        step(&mut seen, 0..1_000);
        let later: usize = (0..100).map(|_| step(&mut seen, 0..0).len()).sum();
        assert_eq!(later, NAMES_MAX - NAMES_PER_STEP, "what waits is bounded");
    }
}
