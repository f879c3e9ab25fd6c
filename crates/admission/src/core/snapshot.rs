//! The core as a value that can be written down: it goes on exactly as the original.

use std::sync::Arc;

use guard::Guard;
use model::{Challenge, Decision, Instant, Level, Masks};
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
    comfortable: Option<f64>,
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

impl Serialize for Core {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Standing { is_given, rules, challenge, comfortable, holds, opened, was_closed } = &self.standing;
        let Decision { seq, at, level, masks, offered, limits_refuse, .. } = self.decision;
        let kept = Kept {
            threshold: &self.threshold,
            guard: &self.guard,
            is_given: *is_given,
            challenge: *challenge,
            comfortable: *comfortable,
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
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Core {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Kept::<Threshold, Guard>::deserialize(deserializer)?;
        let rules = if kept.is_given { kept.guard.standing().0 } else { Arc::default() };
        let InForce { seq, at, level, masks, offered, limits_refuse, challenge, has_rules } = kept.decision;
        let in_force = if has_rules { rules.clone() } else { Arc::default() };
        Ok(Self {
            threshold: kept.threshold,
            guard: kept.guard,
            standing: Standing {
                is_given: kept.is_given,
                rules,
                challenge: kept.challenge,
                comfortable: kept.comfortable.filter(|bound| bound.is_finite()),
                holds: kept.holds,
                opened: kept.opened,
                was_closed: kept.was_closed,
            },
            closing: kept.closing,
            decision: Decision { seq, at, level, masks, offered, limits_refuse, challenge, rules: in_force },
        })
    }
}
