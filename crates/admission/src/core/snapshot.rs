//! The core as a value that can be written down: it goes on exactly as the original.

use std::sync::Arc;

use guard::{Acting, Guard};
use model::{Challenge, Decision, Instant, Level, Masks, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Core, Standing};
use crate::threshold::Threshold;

/// What is written. Rules are not among it: those in force are the guard's own.
#[derive(Deserialize, Serialize)]
struct Kept<T, G> {
    threshold: T,
    guard: G,
    is_given: bool,
    challenge: Challenge,
    usual: Option<f64>,
    holds: bool,
    opened: Option<Instant>,
    was_closed: bool,
    closing: u64,
    decision: InForce,
}

/// A decision whose rules are those that are advised, or none.
#[derive(Deserialize, Serialize)]
struct InForce {
    seq: u64,
    at: Instant,
    level: Level,
    masks: Masks,
    offered: f64,
    limits_refuse: bool,
    challenge: Challenge,
    has_rules: bool,
}

/// What is in force at a moment: masks, level, rules, and what is asked of unknown clients. A few KiB, to be kept often,
/// beside a whole core that is kept seldom.
#[derive(Deserialize, Serialize)]
pub struct Posture {
    kept: Kept<Threshold, Acting>,
    /// An admin's pins: the level, and until when in milliseconds since 1970.
    pins: [Option<(Level, u64)>; 2],
}

/// A level that an admin holds up or down until a moment.
pub type Pin = Option<(Level, Timestamp)>;

impl Posture {
    /// The level that is in force.
    pub const fn level(&self) -> Level {
        self.kept.decision.level
    }

    /// Floor and ceiling.
    pub fn pins(&self) -> [Pin; 2] {
        self.pins.map(|pin| pin.map(|(level, until)| (level, Timestamp::from_millis(until))))
    }
}

impl Core {
    /// What is in force, with an admin's floor and ceiling.
    pub fn posture(&self, pins: [Pin; 2]) -> Posture {
        let pins = pins.map(|pin| pin.map(|(level, until)| (level, until.as_millis())));
        Posture { kept: self.kept(self.threshold.clone(), self.guard.acting()), pins }
    }

    /// With what was in force at a later moment; what was learnt until then stays.
    #[must_use]
    pub fn with_posture(self, Posture { kept: posture, .. }: Posture) -> Self {
        let mut guard = self.guard;
        guard.act(posture.guard);
        Kept {
            threshold: posture.threshold,
            guard,
            is_given: posture.is_given,
            challenge: posture.challenge,
            usual: posture.usual,
            holds: posture.holds,
            opened: posture.opened,
            was_closed: posture.was_closed,
            closing: posture.closing,
            decision: posture.decision,
        }
        .core()
    }

    /// In calm again, after so long that nothing of what was in force means anything; what was learnt stays.
    #[must_use]
    pub fn rested(mut self) -> Self {
        self.guard.resume();
        Self::new(self.guard)
    }

    fn kept<T, G>(&self, threshold: T, guard: G) -> Kept<T, G> {
        let Standing { is_given, rules, challenge, usual, holds, opened, was_closed } = &self.standing;
        let Decision { seq, at, level, masks, offered, limits_refuse, .. } = self.decision;
        Kept {
            threshold,
            guard,
            is_given: *is_given,
            challenge: *challenge,
            usual: *usual,
            holds: *holds,
            opened: *opened,
            was_closed: *was_closed,
            closing: self.closing,
            decision: InForce {
                seq,
                at,
                level,
                masks,
                offered,
                limits_refuse,
                challenge: self.decision.challenge,
                has_rules: self.decision.rules == *rules,
            },
        }
    }
}

impl Kept<Threshold, Guard> {
    fn core(self) -> Core {
        let rules = if self.is_given { self.guard.standing().0 } else { Arc::default() };
        let InForce { seq, at, level, masks, offered, limits_refuse, challenge, has_rules } = self.decision;
        let in_force = if has_rules { rules.clone() } else { Arc::default() };
        Core {
            threshold: self.threshold,
            guard: self.guard,
            standing: Standing {
                is_given: self.is_given,
                rules,
                challenge: self.challenge,
                usual: self.usual.filter(|bound| bound.is_finite()),
                holds: self.holds,
                opened: self.opened,
                was_closed: self.was_closed,
            },
            closing: self.closing,
            decision: Decision { seq, at, level, masks, offered, limits_refuse, challenge, rules: in_force },
        }
    }
}

impl Serialize for Core {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.kept(&self.threshold, &self.guard).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Core {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Kept::<Threshold, Guard>::deserialize(deserializer).map(Kept::core)
    }
}

impl std::fmt::Debug for Posture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Posture({})", self.kept.decision.level)
    }
}
