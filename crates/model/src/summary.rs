//! What the data plane counted in one step.

use serde::{Deserialize, Serialize};

use crate::{COHORTS, Instant, SAMPLES_MAX, Sample, Tier};

/// What the data plane counted in one step of `millis` milliseconds, 100 ms to 1 s.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The end of the step.
    pub at: Instant,
    /// Length of the step in milliseconds.
    pub millis: u64,
    /// Offered cost of each cohort, in concurrency-milliseconds (requests × service time of their route class).
    pub offered: Box<[[u64; COHORTS]; Tier::COUNT]>,
    /// Cost by tier that rules, challenges and client limits have taken away, in the same unit; `offered` is what they left.
    pub removed: [u64; Tier::COUNT],
    /// The concurrency limit L; infinite until it is measured.
    pub limit: f64,
    /// Requests in service at the origin now.
    pub inflight: u32,
    /// The longest that a request waited for a slot in this step, in milliseconds.
    pub queue_wait_ms: u64,
    /// Share of connection slots in use, 0 to 1.
    pub connections: f64,
    /// Failures of the origin in this step that say that it can do no more: connects and answers that failed or took too long, and 503.
    pub origin_failures: u64,
    /// All answers of the origin in this step.
    pub origin_answers: u64,
    /// What evidence is drawn from.
    pub traffic: Traffic,
}

impl Summary {
    /// A step in which nothing happened.
    pub fn empty(at: Instant, millis: u64) -> Self {
        Self {
            at,
            millis,
            offered: Box::new([[0; COHORTS]; Tier::COUNT]),
            removed: [0; Tier::COUNT],
            limit: f64::INFINITY,
            inflight: 0,
            queue_wait_ms: 0,
            connections: 0.0,
            origin_failures: 0,
            origin_answers: 0,
            traffic: Traffic { disk_free: 1.0, ..Traffic::default() },
        }
    }
}

/// What kinds of requests came and what became of them, in one step.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Traffic {
    /// The hour of the week in the site's time zone, 0 (Monday, midnight) to 167; `None` in an hour that a change to or
    /// from summer time makes ambiguous, which is not learnt from.
    pub hour_of_week: Option<u8>,
    /// By tier, as judged before any rule demoted.
    pub tiers: [TierCounts; Tier::COUNT],
    /// TLS handshakes from nothing, resumed ones, and those that failed or were refused.
    pub handshakes: Handshakes,
    /// Share of the processor time for handshakes that was used, 0 to 1.
    pub handshake_share: f64,
    /// Login attempts that the app answered, and those that it confirmed.
    pub logins: [u32; 2],
    /// Challenges that were given, and tickets that came back from one.
    pub challenges: [u32; 2],
    /// Free share of the disk that state lies on, 0 to 1.
    pub disk_free: f64,
    /// Requests of T3 to T6 from networks in which known clients or calm visitors were seen before, of all of theirs.
    pub seen_networks: [u32; 2],
    /// Matches of each rule since the step before.
    pub matches: Vec<Matches>,
    /// At most [`crate::SAMPLES_MAX`] requests of T0 to T2, drawn evenly.
    pub known: Vec<Sample>,
    /// At most [`crate::SAMPLES_MAX`] requests of T3 to T6, drawn evenly; also those that were refused.
    pub others: Vec<Sample>,
    /// What sampled values are in words, for admins alone: nothing is decided by it. At most [`NAMES_MAX`].
    pub names: Vec<Name>,
    /// Probes of the way to the gate from outside that failed, and all; both 0 without probes.
    pub probes: [u32; 2],
}

impl Traffic {
    /// Adds what was counted in the step after this one. Samples and names beyond their bounds are left out.
    pub fn absorb(&mut self, later: Self) {
        self.hour_of_week = later.hour_of_week;
        for (tier, counts) in self.tiers.iter_mut().zip(later.tiers) {
            tier.absorb(counts);
        }
        let Handshakes { full, resumed, failed } = later.handshakes;
        add(&mut self.handshakes.full, full);
        add(&mut self.handshakes.resumed, resumed);
        add(&mut self.handshakes.failed, failed);
        self.handshake_share = self.handshake_share.max(later.handshake_share);
        self.disk_free = later.disk_free;
        let pairs = [
            (&mut self.logins, later.logins),
            (&mut self.challenges, later.challenges),
            (&mut self.seen_networks, later.seen_networks),
            (&mut self.probes, later.probes),
        ];
        for (sums, counts) in pairs {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| add(sum, count));
        }
        for matches in later.matches {
            match self.matches.iter_mut().find(|known| known.rule == matches.rule) {
                Some(known) => {
                    known.others = known.others.saturating_add(matches.others);
                    known.known = known.known.saturating_add(matches.known);
                }
                None => self.matches.push(matches),
            }
        }
        extend(&mut self.known, later.known, SAMPLES_MAX);
        extend(&mut self.others, later.others, SAMPLES_MAX);
        extend(&mut self.names, later.names, NAMES_MAX);
    }
}

fn add(sum: &mut u32, count: u32) {
    *sum = sum.saturating_add(count);
}

fn extend<T>(list: &mut Vec<T>, more: Vec<T>, most: usize) {
    let room = most.saturating_sub(list.len());
    list.extend(more.into_iter().take(room));
}

/// Names of values in one [`Traffic`] at most.
pub const NAMES_MAX: usize = 64;

/// What a value of an attribute is in words.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Name {
    /// The keyed hash.
    pub value: u64,
    /// What the client sent, at most 80 bytes; it is printed through [`crate::Untrusted`] alone.
    pub text: String,
}

/// Requests of one tier.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct TierCounts {
    /// All that came.
    pub offered: u64,
    /// Those that went on to the app.
    pub forwarded: u64,
    /// Of those, the ones that the app failed.
    pub failed: u64,
    /// Those that were refused, by client limits, threshold or queue, rules, challenges.
    pub refused: [u64; 4],
    /// Those whose client went away.
    pub abandoned: u64,
}

impl TierCounts {
    /// Adds the counts of the step after this one.
    fn absorb(&mut self, later: Self) {
        self.offered += later.offered;
        self.forwarded += later.forwarded;
        self.failed += later.failed;
        self.abandoned += later.abandoned;
        self.refused.iter_mut().zip(later.refused).for_each(|(sum, count)| *sum += count);
    }
}

/// TLS handshakes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Handshakes {
    /// From nothing.
    pub full: u32,
    /// With a ticket.
    pub resumed: u32,
    /// Failed, late or refused.
    pub failed: u32,
}

/// How often a rule matched, armed or in shadow.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Matches {
    /// Which rule.
    pub rule: u16,
    /// Requests of T3 to T6 that it matched.
    pub others: u64,
    /// Requests of T0 to T2 that it would have matched.
    pub known: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_are_one_with_the_sums_of_both() {
        let step = |count: u32| Traffic {
            hour_of_week: Some(7),
            tiers: [TierCounts { offered: count.into(), refused: [1, 0, 0, 2], ..TierCounts::default() }; 7],
            logins: [count, 1],
            handshake_share: f64::from(count) / 10.0,
            matches: vec![Matches { rule: 3, others: count.into(), known: 0 }],
            ..Traffic::default()
        };
        let mut sum = step(2);
        sum.absorb(step(5));
        assert_eq!((sum.tiers[5].offered, sum.tiers[5].refused), (7, [2, 0, 0, 4]));
        assert_eq!((sum.logins, sum.handshake_share), ([7, 2], 0.5));
        assert_eq!(sum.matches, [Matches { rule: 3, others: 7, known: 0 }]);
    }
}
