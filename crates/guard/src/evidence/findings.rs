//! What one second said, each statement with the numbers from which it can be computed again.

use model::{Attribute, Finite, Instant};
use serde::{Deserialize, Serialize};

use super::Metric;

/// What one completed second said.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Findings {
    /// The end of the second.
    pub at: Instant,
    /// How much of it was seen, in milliseconds; counts are divided by this.
    pub millis: u64,
    /// What hurts users or is about to; empty when nothing does.
    pub pain: Vec<Hurt>,
    /// The volumes against what was expected; empty without a baseline.
    pub volume: Vec<Volume>,
    /// The mix of requests of T3 to T6 against calm; attributes without a calm mix, or with too few samples, are absent.
    pub mix: Vec<Mix>,
    /// Whether what came beyond the expected looks made.
    pub malice: Malice,
    /// Whether traffic is missing that should be there.
    pub upstream: Upstream,
    /// More than [`super::BLIND_AFTER_MILLIS`] had passed without a summary before this second.
    pub blind: bool,
    /// The second is learnt from, if nothing speaks against it in the half minute that follows.
    pub is_learnt: bool,
    /// How much calm the baseline rests on.
    pub maturity: Maturity,
    /// The load that the baseline expects for this hour, in requests in service; `None` without a baseline.
    pub expected_load: Option<Finite>,
}

impl Findings {
    /// Whether users are hurt or about to be.
    pub const fn hurts(&self) -> bool {
        !self.pain.is_empty()
    }

    /// Whether a volume or the mix deviates from calm.
    pub fn is_anomalous(&self) -> bool {
        self.volume.iter().any(Volume::is_anomalous) || self.mix.iter().any(|mix| mix.is_anomalous)
    }

    /// Whether what came beyond the expected looks made.
    pub fn is_malicious(&self) -> bool {
        self.malice.verdict == Verdict::Attack
    }
}

/// How much calm a baseline rests on (decision-science, section 0.8).
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub enum Maturity {
    /// Less than 10 minutes of calm: nothing is expected.
    #[default]
    Absent,
    /// At least 10 minutes: enough to challenge and to demote.
    Provisional,
    /// At least 24 hours: enough to block.
    Full,
}

/// One thing that hurts, with its figure and the bound that it passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Hurt {
    /// What hurts.
    pub pain: Pain,
    /// What was measured, in the unit of the bound.
    pub figure: Finite,
    /// The bound.
    pub bound: Finite,
}

/// What can hurt (decision-science, section 5).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub enum Pain {
    /// Offered load, as a share of L, was at or over the bound for two seconds.
    Utilisation,
    /// The longest wait for a slot, in milliseconds.
    QueueWait,
    /// Share of known clients' requests that were served in the last three seconds; below the bound.
    KnownSuccess,
    /// Share of connection slots in use.
    Connections,
    /// Share of the processor time for handshakes in use.
    Handshakes,
    /// Free share of the disk; below the bound.
    Disk,
}

/// A volume against what was expected of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Volume {
    /// Which volume.
    pub metric: Metric,
    /// What was measured, in the metric's unit.
    pub value: Finite,
    /// What was expected.
    pub expected: Finite,
    /// The spread of ln((value + 1) ÷ (expected + 1)) by which it is judged; its floor is 0.20, or 0.5 while provisional.
    pub spread: Finite,
    /// ln((value + 1) ÷ (expected + 1)) ÷ spread, cut to −4 … 8.
    pub z: Finite,
    /// max(0, the second before + z − 2), at most 16: too much when at least 8.
    pub high: Finite,
    /// max(0, the second before − z − 2), at most 32: too little when at least 16.
    pub low: Finite,
}

impl Volume {
    /// Whether there is clearly more than expected.
    pub fn is_anomalous(&self) -> bool {
        self.high >= super::volume::HIGH_ALARM
    }
}

/// The values of one attribute in the last ten seconds against calm.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Mix {
    /// Which attribute.
    pub attribute: Attribute,
    /// Jensen–Shannon distance, 0 (the same) to 1 (nothing in common).
    pub distance: Finite,
    /// What the distance stays below in calm.
    pub distance_bound: Finite,
    /// Entropy now, in nats; nothing is decided by it alone.
    pub entropy: Finite,
    /// Entropy in calm.
    pub calm_entropy: Finite,
    /// The value whose share grew most; 0 is "absent".
    pub top: u64,
    /// Its share now.
    pub top_share: Finite,
    /// Its share in calm.
    pub top_calm: Finite,
    /// What `top_share` − `top_calm` stays below in calm.
    pub excess_bound: Finite,
    /// Share now of all values that are rare in calm.
    pub rare: Finite,
    /// Share in calm of all values that are rare in calm.
    pub rare_calm: Finite,
    /// Seconds on end in which a bound was passed.
    pub seconds: u32,
    /// A bound was passed for three seconds on end.
    pub is_anomalous: bool,
}

/// Whether what came beyond the expected looks made.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Malice {
    /// M: the sum of the terms.
    pub score: Finite,
    /// The evidence; what cannot be told has no term.
    pub terms: Vec<Term>,
    /// What the score says.
    pub verdict: Verdict,
}

/// One piece of evidence for or against an attack.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Term {
    /// Which feature.
    pub feature: Feature,
    /// What was measured of the traffic beyond the expected, in the feature's unit.
    pub figure: Finite,
    /// What it is in calm, or what tells a crowd from an attack.
    pub calm: Finite,
    /// The figure at which the term says nothing.
    pub even: Finite,
    /// How far from there it says 1.
    pub scale: Finite,
    /// (figure − even) ÷ scale, cut to the feature's bounds, which lie within ±2.
    pub weight: Finite,
}

/// What tells an attack from a crowd (decision-science, section 5).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub enum Feature {
    /// Share of requests from networks in which known clients or calm visitors were seen: a crowd has seen ones.
    SeenNetworks,
    /// The steepest growth within ten seconds since the excess began, as a logarithm: a crowd takes minutes.
    Ramp,
    /// Requests a second of the network of a typical request while the app is short of room, ln of now ÷ calm.
    Pace,
    /// The share by which one value, or values unknown in calm, of what a client's program makes of itself grew.
    Likeness,
    /// The change in the share of navigations: programs fetch one kind of thing.
    Navigation,
    /// Share of requests that bring a ticket which the gate gave.
    Cookies,
    /// Share of challenges that were answered.
    Challenges,
    /// Cost of a request of T4 to T6, ln of now ÷ calm.
    Cost,
    /// Share of login attempts that the app confirms, when there are more attempts than expected.
    Logins,
    /// Share of new connections that ask for nothing.
    SilentConnections,
    /// Share of handshakes that fail.
    FailedHandshakes,
}

/// What the score of malice says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub enum Verdict {
    /// M ≤ −1: people.
    Crowd,
    /// In between, or nothing to judge.
    #[default]
    Undecided,
    /// M ≥ 3: made.
    Attack,
}

/// Whether traffic is missing that should be there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Upstream {
    /// Requests a second.
    pub value: Finite,
    /// Expected requests a second; 0 without a baseline.
    pub expected: Finite,
    /// The low-side sum of [`Metric::Requests`]; suspicious from 16 on.
    pub low: Finite,
    /// The sum is over its bound and less than a quarter of the expected comes; or nothing for 30 s.
    pub has_vanished: bool,
    /// Probes from outside in the last 30 s: failed, and all.
    pub probes: [u64; 2],
    /// At least two probes failed, and at least half.
    pub probes_fail: bool,
    /// Either: nothing is learnt, no defence is lowered, help is asked for upstream.
    pub is_suspected: bool,
    /// Offered load of the second, and requests in service at its end.
    pub load: Finite,
    /// See `load`.
    pub inflight: Finite,
    /// It is suspected, and the app has next to nothing to do: the way to it is dead, not the app.
    pub app_is_idle: bool,
}
