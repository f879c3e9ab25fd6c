//! What each worker counts. One writer per set of cells, so counting takes no locked instruction.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use admission::site::Identity;
use model::{COHORTS, Cohort, Outcome, Tier};

use crate::strict::Fault;

/// Upper bounds of the duration histogram's buckets, in seconds; the last bucket is open.
pub const SECONDS_BUCKETS: [f64; 12] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Route classes that are told apart (decision-science, section 11).
pub(crate) const CLASSES: usize = 256;

/// Buckets of a route class's service time: eight per power of two from 31 µs to 65 s.
pub(crate) const SERVICE_BUCKETS: usize = 8 * 21 + 1;

/// One worker's counters. They only grow; readers take differences.
pub struct Counters {
    requests: [[AtomicU64; Outcome::COUNT]; Tier::COUNT],
    would_refuse: [[AtomicU64; Outcome::COUNT]; Tier::COUNT],
    seconds: [[AtomicU64; SECONDS_BUCKETS.len() + 1]; Tier::COUNT],
    nanos: [AtomicU64; Tier::COUNT],
    offered_micros: Box<[[AtomicU64; COHORTS]; Tier::COUNT]>,
    removed_micros: [AtomicU64; Tier::COUNT],
    /// Requests that were judged, and what became of them, by the tier before any rule put them last.
    asked: [AtomicU64; Tier::COUNT],
    judged: [[AtomicU64; Outcome::COUNT]; Tier::COUNT],
    service: Box<[[AtomicU32; SERVICE_BUCKETS]]>,
    /// Answers of the origin, failures included.
    pub origin_answers: AtomicU64,
    /// 500, 502, 503, 504, no answer, broken connection.
    pub origin_failures: AtomicU64,
    /// Refused connections and answers 503: the origin says that it has too much to do.
    pub origin_overloads: AtomicU64,
    /// The longest wait for a slot since the reader last took it, in microseconds.
    pub queue_wait_micros: AtomicU64,
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections closed at accept because a cap or the table was full.
    pub turned_away: AtomicU64,
    /// Idle unknown connections closed to make room.
    pub evicted: AtomicU64,
    /// Connections between requests, as of the last sweep.
    pub idle: AtomicU64,
    /// Connections in their TLS handshake.
    pub handshaking: AtomicU64,
    /// TLS handshakes that were completed.
    pub handshakes: AtomicU64,
    /// Those of them that went on with an earlier session.
    pub handshakes_resumed: AtomicU64,
    /// Processor time that TLS handshakes took, in nanoseconds.
    pub handshake_nanos: AtomicU64,
    /// TLS handshakes that failed or were broken off.
    pub handshakes_failed: AtomicU64,
    /// Requests refused because their bytes break a rule of framing, by [`Fault::index`].
    pub malformed: [AtomicU64; Fault::COUNT],
    /// Connections in a request, as of the last sweep.
    pub active: AtomicU64,
    /// Connections that carry a stream, as of the last sweep.
    pub stream: AtomicU64,
    /// Bytes of answers that clients have not taken yet, as of the last sweep.
    pub unsent: AtomicU64,
    /// Passes minted.
    pub minted: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            requests: Default::default(),
            would_refuse: Default::default(),
            seconds: Default::default(),
            nanos: Default::default(),
            offered_micros: Box::new(std::array::from_fn(|_| std::array::from_fn(|_| zero()))),
            removed_micros: Default::default(),
            asked: Default::default(),
            judged: Default::default(),
            service: (0..CLASSES).map(|_| std::array::from_fn(|_| AtomicU32::new(0))).collect(),
            origin_answers: zero(),
            origin_failures: zero(),
            origin_overloads: zero(),
            queue_wait_micros: zero(),
            accepted: zero(),
            turned_away: zero(),
            evicted: zero(),
            idle: zero(),
            handshaking: zero(),
            handshakes: zero(),
            handshakes_resumed: zero(),
            handshake_nanos: zero(),
            handshakes_failed: zero(),
            malformed: std::array::from_fn(|_| zero()),
            active: zero(),
            stream: zero(),
            unsent: zero(),
            minted: zero(),
        }
    }
}

/// Adds to a cell that only this thread writes.
pub(crate) fn add(cell: &AtomicU64, amount: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(amount), Relaxed);
}

impl Counters {
    /// A request ended.
    pub(crate) fn ended(&self, identity: &Identity, outcome: Outcome, nanos: u64) {
        let tier = identity.tier();
        add(&self.judged[identity.tier_before_rules().index()][outcome.index()], 1);
        add(&self.requests[tier.index()][outcome.index()], 1);
        #[expect(clippy::cast_precision_loss, reason = "a duration in nanoseconds is far below 2^53")]
        let seconds = nanos as f64 / 1e9;
        let bucket =
            SECONDS_BUCKETS.iter().position(|&bound| seconds <= bound).unwrap_or(SECONDS_BUCKETS.len());
        add(&self.seconds[tier.index()][bucket], 1);
        add(&self.nanos[tier.index()], nanos);
    }

    /// A request went on although a layer that only observes would have refused it.
    pub(crate) fn would_have_refused(&self, tier: Tier, outcome: Outcome) {
        add(&self.would_refuse[tier.index()][outcome.index()], 1);
    }

    /// A request of this cost (expected service time) asked for admission.
    pub(crate) fn offered(&self, tier: Tier, cohort: Cohort, micros: u64) {
        add(&self.offered_micros[tier.index()][cohort.index()], micros);
    }

    /// A request of this cost was taken away by a rule, a challenge or a client limit.
    pub(crate) fn removed(&self, tier: Tier, micros: u64) {
        add(&self.removed_micros[tier.index()], micros);
    }

    /// A request was judged to be of this tier, before any rule put it last.
    pub(crate) fn asked(&self, tier: Tier) {
        add(&self.asked[tier.index()], 1);
    }

    /// The origin began to answer a request of a route class after this time.
    pub(crate) fn served(&self, class: u8, nanos: u64) {
        let cell = &self.service[usize::from(class)][service_bucket(nanos)];
        cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The origin answered with this status.
    pub(crate) fn origin_answered(&self, status: u16) {
        add(&self.origin_answers, 1);
        if matches!(status, 500 | 502..=504) {
            add(&self.origin_failures, 1);
        }
        if status == 503 {
            add(&self.origin_overloads, 1);
        }
    }

    /// The origin could not be reached, did not answer in time or broke its answer off.
    pub(crate) fn origin_broke_off(&self) {
        add(&self.origin_answers, 1);
        add(&self.origin_failures, 1);
        add(&self.origin_overloads, 1);
    }

    /// A pass was given to a client.
    pub(crate) fn minted(&self) {
        add(&self.minted, 1);
    }

    /// Remembers the longest wait.
    pub(crate) fn waited(&self, nanos: u64) {
        self.queue_wait_micros.fetch_max(nanos / 1_000, Relaxed);
    }

    /// Requests by tier and outcome.
    pub fn requests(&self, tier: Tier, outcome: Outcome) -> u64 {
        self.requests[tier.index()][outcome.index()].load(Relaxed)
    }

    /// Requests that a layer which only observes would have refused.
    pub fn would_refuse(&self, tier: Tier, outcome: Outcome) -> u64 {
        self.would_refuse[tier.index()][outcome.index()].load(Relaxed)
    }

    /// The histogram of request durations: counts per bucket (not cumulative), and their sum in nanoseconds.
    pub fn seconds(&self, tier: Tier) -> ([u64; SECONDS_BUCKETS.len() + 1], u64) {
        let counts = std::array::from_fn(|bucket| self.seconds[tier.index()][bucket].load(Relaxed));
        (counts, self.nanos[tier.index()].load(Relaxed))
    }

    /// Cost offered by a cohort so far, in microseconds of service.
    pub fn offered_micros(&self, tier: Tier, cohort: Cohort) -> u64 {
        self.offered_micros[tier.index()][cohort.index()].load(Relaxed)
    }

    /// Cost that rules, challenges and client limits took away so far, in microseconds of service.
    pub fn removed_micros(&self, tier: Tier) -> u64 {
        self.removed_micros[tier.index()].load(Relaxed)
    }

    /// Requests that were judged so far, by tier before any rule put them last.
    pub fn asked_requests(&self, tier: Tier) -> u64 {
        self.asked[tier.index()].load(Relaxed)
    }

    /// What became of them.
    pub fn judged(&self, tier: Tier, outcome: Outcome) -> u64 {
        self.judged[tier.index()][outcome.index()].load(Relaxed)
    }

    /// Answers of a route class in a service time bucket so far.
    pub fn service(&self, class: usize, bucket: usize) -> u32 {
        self.service[class][bucket].load(Relaxed)
    }
}

/// The bucket of a service time.
pub(crate) fn service_bucket(nanos: u64) -> usize {
    let units = nanos / SERVICE_UNIT_NANOS;
    if units == 0 {
        return 0;
    }
    let power = units.ilog2();
    // The three bits after the leading one: eight buckets in each power of two.
    let fraction = if power >= 3 { (units >> (power - 3)) & 7 } else { (units << (3 - power)) & 7 };
    let bucket = 1 + power as usize * 8 + usize::try_from(fraction).unwrap_or(7);
    bucket.min(SERVICE_BUCKETS - 1)
}

/// The middle of a service time bucket, in milliseconds.
pub(crate) fn service_bucket_millis(bucket: usize) -> f64 {
    let unit = 0.031_25;
    if bucket == 0 {
        return unit / 2.0;
    }
    let (power, fraction) = ((bucket - 1) / 8, (bucket - 1) % 8);
    #[expect(clippy::cast_precision_loss, reason = "at most 2^21")]
    let (base, fraction) = ((1_u64 << power) as f64, fraction as f64);
    unit * base * (1.0 + (fraction + 0.5) / 8.0)
}

const SERVICE_UNIT_NANOS: u64 = 31_250;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_within_seven_percent_of_its_middle() {
        for millis in [0.3, 0.9, 1.0, 7.0, 40.0, 333.0, 5_000.0, 60_000.0] {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "small positive constants"
            )]
            let nanos = (millis * 1e6) as u64;
            let middle = service_bucket_millis(service_bucket(nanos));
            assert!((middle / millis - 1.0).abs() < 0.07, "{millis} ms is shown as {middle} ms");
        }
        assert_eq!(service_bucket(u64::MAX), SERVICE_BUCKETS - 1);
    }
}
