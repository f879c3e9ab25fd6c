//! Steps: all that the core was told in one, and what it decided.

use admission::core::{Circumstances, Taken};
use model::{COHORTS, Handshakes, Instant, Matches, Summary, Tier, TierCounts, Timestamp, Traffic};
use serde::{Deserialize, Serialize};

use crate::digest::Shown;
use crate::samples::{Listed, Table, unlist};

/// One step as it was recorded.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Counts up by one with each step of a process.
    pub number: u64,
    /// The wall clock then, for people.
    pub wall: Timestamp,
    /// What was counted. Values of samples in words are left out.
    pub summary: Summary,
    /// What was so around it.
    pub circumstances: Circumstances,
    /// Random; only for jitter.
    pub random: u64,
    /// [`crate::Digester::digest`] of what came of it.
    pub digest: u64,
    /// The same for people.
    pub shown: Shown,
}

/// As it is written. There is no place for words of clients.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Wire {
    number: u64,
    wall: u64,
    random: u64,
    circumstances: Circumstances,
    at: Instant,
    millis: u64,
    offered: Vec<u64>,
    removed: [u64; Tier::COUNT],
    limit: f64,
    inflight: u32,
    queue_wait_ms: u64,
    connections: f64,
    origin: [u64; 2],
    counted: Counted,
    known: Vec<Listed>,
    others: Vec<Listed>,
    digest: u64,
    shown: Shown,
}

/// [`Traffic`] without samples and words.
#[derive(Debug, Deserialize, Serialize)]
struct Counted {
    hour_of_week: Option<u8>,
    tiers: [TierCounts; Tier::COUNT],
    handshakes: Handshakes,
    handshake_share: f64,
    logins: [u32; 2],
    challenges: [u32; 2],
    disk_free: f64,
    seen_networks: [u32; 2],
    matches: Vec<Matches>,
    probes: [u32; 2],
}

impl Wire {
    pub(crate) fn new(number: u64, taken: &Taken, digest: u64, table: &mut Table) -> Self {
        let Taken { wall, summary, circumstances, random, outcome } = taken;
        let traffic = &summary.traffic;
        Self {
            number,
            wall: wall.as_millis(),
            random: *random,
            circumstances: *circumstances,
            at: summary.at,
            millis: summary.millis,
            offered: summary.offered.iter().flatten().copied().collect(),
            removed: summary.removed,
            limit: summary.limit,
            inflight: summary.inflight,
            queue_wait_ms: summary.queue_wait_ms,
            connections: summary.connections,
            origin: [summary.origin_failures, summary.origin_answers],
            counted: Counted {
                hour_of_week: traffic.hour_of_week,
                tiers: traffic.tiers,
                handshakes: traffic.handshakes,
                handshake_share: traffic.handshake_share,
                logins: traffic.logins,
                challenges: traffic.challenges,
                disk_free: traffic.disk_free,
                seen_networks: traffic.seen_networks,
                matches: traffic.matches.iter().copied().take(MATCHES_MAX).collect(),
                probes: traffic.probes,
            },
            known: table.list(&traffic.known),
            others: table.list(&traffic.others),
            digest,
            shown: Shown::of(&outcome.decision),
        }
    }

    /// `None` if something in it is larger than it can be, or names a value that is not in the table.
    pub(crate) fn frame(self, table: &[u64]) -> Option<Frame> {
        let offered: &[[u64; COHORTS]; Tier::COUNT] = self.offered.as_chunks().0.try_into().ok()?;
        let [origin_failures, origin_answers] = self.origin;
        let counted = self.counted;
        let is_within = counted.matches.len() <= MATCHES_MAX && self.shown.is_within();
        let is_whole = self.offered.len() == COHORTS * Tier::COUNT;
        (is_within && is_whole).then_some(())?;
        let traffic = Traffic {
            hour_of_week: counted.hour_of_week,
            tiers: counted.tiers,
            handshakes: counted.handshakes,
            handshake_share: counted.handshake_share,
            logins: counted.logins,
            challenges: counted.challenges,
            disk_free: counted.disk_free,
            seen_networks: counted.seen_networks,
            matches: counted.matches,
            known: unlist(&self.known, table)?,
            others: unlist(&self.others, table)?,
            names: Vec::new(),
            probes: counted.probes,
        };
        let summary = Summary {
            at: self.at,
            millis: self.millis,
            offered: Box::new(*offered),
            removed: self.removed,
            limit: self.limit,
            inflight: self.inflight,
            queue_wait_ms: self.queue_wait_ms,
            connections: self.connections,
            origin_failures,
            origin_answers,
            traffic,
        };
        Some(Frame {
            number: self.number,
            wall: Timestamp::from_millis(self.wall),
            summary,
            circumstances: self.circumstances,
            random: self.random,
            digest: self.digest,
            shown: self.shown,
        })
    }
}

/// More rules than a step can have counted.
const MATCHES_MAX: usize = 4 * model::RULES_MAX;
