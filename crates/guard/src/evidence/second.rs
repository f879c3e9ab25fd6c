//! Steps of 100 ms to 1 s, put together to seconds.

use model::{Finite, Instant, Sample, Summary, Tier};
use serde::{Deserialize, Serialize};

use super::Context;
use super::samples;

/// What the steps of one second counted together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Second {
    /// The end of its last step.
    pub(super) at: Instant,
    /// How much of it was seen.
    pub(super) millis: u64,
    /// Offered cost by tier, in concurrency-milliseconds, also what rules, challenges and limits took away.
    pub(super) costs: [u64; Tier::COUNT],
    /// The part of it that was left to the threshold.
    pub(super) left: u64,
    /// Requests by tier; those without an outcome of their own (`offered`), and those of them that were not served.
    pub(super) offered: [u64; Tier::COUNT],
    pub(super) unserved: [u64; Tier::COUNT],
    pub(super) refused: [u64; Tier::COUNT],
    pub(super) abandoned: [u64; Tier::COUNT],
    /// The limit of the last step; `None` until it is measured.
    pub(super) limit: Option<Finite>,
    pub(super) inflight: u32,
    /// The worst of the steps.
    pub(super) queue_wait_ms: u64,
    pub(super) connections: Finite,
    pub(super) handshake_share: Finite,
    /// Of the last step.
    pub(super) disk_free: Finite,
    pub(super) hour_of_week: Option<u8>,
    /// Full, resumed, failed.
    pub(super) handshakes: [u64; 3],
    pub(super) logins: [u64; 2],
    pub(super) challenges: [u64; 2],
    pub(super) seen_networks: [u64; 2],
    pub(super) probes: [u64; 2],
    /// A sample of requests of T3 to T6, at most [`samples::KEPT`], and a few more for rounding.
    pub(super) samples: Vec<Sample>,
    /// Sums of their weights: all, navigations, those with a ticket.
    pub(super) sampled: u64,
    pub(super) navigations: u64,
    pub(super) with_cookies: u64,
    /// In every step the gate was at level 0 with nobody closed out.
    pub(super) is_calm: bool,
    /// More than the bound had passed before it without a step.
    pub(super) blind: bool,
}

impl Second {
    /// Requests of these tiers.
    pub(super) fn requests(&self, tiers: &[Tier]) -> u64 {
        sum(&self.offered, tiers)
    }

    /// Offered cost of these tiers, in concurrency-milliseconds.
    pub(super) fn cost(&self, tiers: &[Tier]) -> u64 {
        sum(&self.costs, tiers)
    }

    /// The load that was left to the threshold, in requests in service.
    pub(super) fn left(&self) -> Finite {
        Finite::count(self.left) / Finite::count(self.millis)
    }

    /// A count as a rate.
    pub(super) fn per_second(&self, count: u64) -> Finite {
        Finite::count(count) * Finite::new(1_000.0) / Finite::count(self.millis)
    }
}

/// The sum over these tiers.
pub(super) fn sum(counts: &[u64; Tier::COUNT], tiers: &[Tier]) -> u64 {
    tiers.iter().fold(0, |sum, tier| sum.saturating_add(counts[tier.index()]))
}

/// What a step that was taken led to.
pub(super) struct Taken {
    /// The second in the making began anew with it: what came before is left out.
    pub(super) is_anew: bool,
    /// The second that it completes.
    pub(super) second: Option<Second>,
}

/// Puts steps together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Assembly {
    /// The end of the last step; `None` before the first.
    last: Option<Instant>,
    /// Steps on end that were turned away because their time was not after the last one's.
    turned_away: u32,
    /// When the second in the making began, and what it holds.
    begun: Instant,
    partial: Second,
}

impl Assembly {
    /// Takes a step; `None` if it is turned away.
    ///
    /// A step whose end is not after the last one's is turned away, and so is one without a length.
    pub(super) fn step(&mut self, summary: &Summary, context: &Context) -> Option<Taken> {
        let place = if summary.millis == 0 { Place::Past } else { self.place(summary.at) };
        let (seen, is_anew) = match place {
            Place::Past => return None,
            Place::Next(passed) => (summary.millis.min(passed.max(1)), false),
            Place::First | Place::AfterGap => {
                self.begun = back(summary.at, summary.millis);
                let blind = place == Place::AfterGap;
                self.partial = Second { is_calm: true, blind, ..Second::default() };
                (summary.millis, true)
            }
        };
        self.last = Some(summary.at);
        take(&mut self.partial, summary, context, seen);
        let is_complete = millis(self.begun, summary.at) >= SECOND_MILLIS;
        let second = is_complete.then(|| {
            self.begun = summary.at;
            std::mem::replace(&mut self.partial, Second { is_calm: true, ..Second::default() })
        });
        Some(Taken { is_anew, second })
    }

    /// Forgets moments: the next step may come from another clock.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The end of the last step.
    pub(super) const fn last(&self) -> Option<Instant> {
        self.last
    }

    /// How many samples are kept for the second in the making.
    pub(super) fn samples_room(&self) -> usize {
        self.partial.samples.capacity()
    }

    fn place(&mut self, at: Instant) -> Place {
        let Some(last) = self.last else { return Place::First };
        if at <= last {
            self.turned_away += 1;
            // So many on end come from a clock that began anew.
            return if self.turned_away < ANOTHER_CLOCK { Place::Past } else { self.begin_anew() };
        }
        self.turned_away = 0;
        let passed = millis(last, at);
        if passed > super::BLIND_AFTER_MILLIS { Place::AfterGap } else { Place::Next(passed) }
    }

    const fn begin_anew(&mut self) -> Place {
        self.turned_away = 0;
        Place::AfterGap
    }
}

/// Where a step stands to those before it.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    /// It is the first of all.
    First,
    /// It ends so many milliseconds after the last one.
    Next(u64),
    /// Too long after the last one, or on another clock.
    AfterGap,
    /// It does not end after the last one.
    Past,
}

fn take(second: &mut Second, summary: &Summary, context: &Context, seen: u64) {
    let traffic = &summary.traffic;
    second.at = summary.at;
    second.millis = second.millis.saturating_add(seen);
    for (tier, counts) in Tier::ALL.iter().zip(&traffic.tiers) {
        let index = tier.index();
        let refused = counts.refused.iter().fold(0_u64, |sum, kind| sum.saturating_add(*kind));
        let cost = summary.offered[index].iter().fold(0_u64, |sum, cost| sum.saturating_add(*cost));
        add(&mut second.costs[index], cost.saturating_add(summary.removed[index]));
        add(&mut second.left, cost);
        add(&mut second.offered[index], counts.offered);
        add(&mut second.refused[index], refused);
        add(&mut second.unserved[index], refused.saturating_add(counts.failed));
        add(&mut second.abandoned[index], counts.abandoned);
    }
    take_gauges(second, summary);
    let handshakes = [traffic.handshakes.full, traffic.handshakes.resumed, traffic.handshakes.failed];
    add_all(&mut second.handshakes, handshakes);
    add_all(&mut second.logins, traffic.logins);
    add_all(&mut second.challenges, traffic.challenges);
    add_all(&mut second.seen_networks, traffic.seen_networks);
    add_all(&mut second.probes, traffic.probes);
    second.is_calm &= context.is_calm();
    samples::take(second, &traffic.others, summary.millis);
}

fn take_gauges(second: &mut Second, summary: &Summary) {
    second.limit = (summary.limit.is_finite() && summary.limit > 0.0).then(|| Finite::new(summary.limit));
    second.inflight = summary.inflight;
    second.queue_wait_ms = second.queue_wait_ms.max(summary.queue_wait_ms);
    second.connections = second.connections.max(part(summary.connections));
    second.handshake_share = second.handshake_share.max(part(summary.traffic.handshake_share));
    second.disk_free = part(summary.traffic.disk_free);
    second.hour_of_week = summary.traffic.hour_of_week.filter(|hour| *hour < super::baseline::HOURS);
}

fn part(value: f64) -> Finite {
    Finite::new(value).clamp(Finite::ZERO, Finite::ONE)
}

fn add(to: &mut u64, count: u64) {
    *to = to.saturating_add(count);
}

fn add_all<const N: usize>(to: &mut [u64; N], counts: [u32; N]) {
    to.iter_mut().zip(counts).for_each(|(to, count)| add(to, u64::from(count)));
}

fn millis(earlier: Instant, later: Instant) -> u64 {
    later.as_millis().saturating_sub(earlier.as_millis())
}

fn back(at: Instant, millis: u64) -> Instant {
    Instant::from_millis(at.as_millis().saturating_sub(millis))
}

/// A second is complete from here on, in milliseconds: steps do not end on time to the last millisecond.
const SECOND_MILLIS: u64 = 950;
/// After so many steps on end from the past, the clock is another one.
const ANOTHER_CLOCK: u32 = 30;
