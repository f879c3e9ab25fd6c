//! What came of a step: a number that tells any difference, and a part of it for people.

use std::hash::Hasher;
use std::sync::Arc;

use admission::core::Outcome;
use admission::threshold::Ferry;
use guard::Advice;
use guard::evidence::Findings;
use guard::rules::Change;
use model::{
    Action, CONDITIONS_MAX, Challenge, Condition, Decision, Dictionary, Instant, Level, Masks, RULES_MAX,
    Rule, Tier,
};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// The part of a decision that people can read.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Shown {
    /// Counts the decisions that differ from those before them.
    pub seq: u64,
    /// The level.
    pub level: Level,
    /// How many of the 128 parts of each tier are admitted.
    pub admitted: [u8; Tier::COUNT],
    /// Share of L that was asked for.
    pub offered: f64,
    /// What unknown clients must show.
    pub challenge: Challenge,
    /// The rules in force.
    pub rules: Vec<ShownRule>,
}

/// A rule; what it asks of a request stands there as keyed hashes.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct ShownRule {
    /// Its number.
    pub id: u16,
    /// What becomes of a match.
    pub action: Action,
    /// Whether it acts.
    pub armed: bool,
    /// What it asks.
    pub conditions: Vec<Condition>,
}

impl Shown {
    /// That of a decision.
    pub fn of(decision: &Decision) -> Self {
        let admitted = |tier| u8::try_from(decision.masks.admitted(tier)).unwrap_or(u8::MAX);
        let rule = |rule: &Rule| ShownRule {
            id: rule.id,
            action: rule.action,
            armed: rule.armed,
            conditions: rule.conditions.clone(),
        };
        Self {
            seq: decision.seq,
            level: decision.level,
            admitted: Tier::ALL.map(admitted),
            offered: decision.offered,
            challenge: decision.challenge,
            rules: decision.rules.rules.iter().map(rule).collect(),
        }
    }

    /// Whether it is no larger than a decision can be.
    pub(crate) fn is_within(&self) -> bool {
        self.rules.len() <= RULES_MAX && self.rules.iter().all(|rule| rule.conditions.len() <= CONDITIONS_MAX)
    }
}

/// Makes digests. Dictionaries change seldom, so the last one's is kept.
#[derive(Clone, Debug, Default)]
pub struct Digester {
    dictionary: Option<(Arc<Dictionary>, u64)>,
}

/// All that a step led to, in a fixed order.
#[derive(Serialize)]
struct Everything<'a> {
    decision: Parts<'a>,
    ferry: Option<Ferry>,
    /// Its bits: it may be infinite.
    comfortable: u64,
    asks: bool,
    closes_anew: bool,
    advice: Option<Advised<'a>>,
    dictionaries: [u64; 2],
}

#[derive(Serialize)]
struct Advised<'a> {
    findings: &'a Findings,
    changes: &'a [Change],
    usual: Option<f64>,
    holds: bool,
    challenge: Challenge,
    rules: &'a [Rule],
}

#[derive(Serialize)]
struct Parts<'a> {
    seq: u64,
    at: Instant,
    level: Level,
    masks: Masks,
    offered: f64,
    limits_refuse: bool,
    challenge: Challenge,
    rules: &'a [Rule],
}

impl Digester {
    /// 64 bits over decision and advice, every number in them included: SipHash-1-3 with key 0 over their bytes.
    pub fn digest(&mut self, outcome: &Outcome) -> u64 {
        // Grounds follow from the same numbers as the decision.
        let Outcome { decision, advice, ferry, comfortable, asks, closes_anew, grounds: _ } = outcome;
        let in_force = self.of_dictionary(&decision.rules.calm);
        let advised = advice.as_ref().map_or(0, |advice| self.of_dictionary(&advice.rules.calm));
        let advice = advice.as_ref().map(|advice| {
            let Advice { findings, changes, rules, challenge, usual, holds, grounds: _ } = advice;
            let (rules, usual) = (&rules.rules[..], usual.map(f64::from));
            Advised { findings, changes, usual, holds: *holds, challenge: *challenge, rules }
        });
        of_bytes(&Everything {
            decision: Parts {
                seq: decision.seq,
                at: decision.at,
                level: decision.level,
                masks: decision.masks,
                offered: decision.offered,
                limits_refuse: decision.limits_refuse,
                challenge: decision.challenge,
                rules: &decision.rules.rules,
            },
            ferry: *ferry,
            comfortable: comfortable.to_bits(),
            asks: *asks,
            closes_anew: *closes_anew,
            advice,
            dictionaries: [in_force, advised],
        })
    }

    fn of_dictionary(&mut self, dictionary: &Arc<Dictionary>) -> u64 {
        match &self.dictionary {
            Some((last, digest)) if Arc::ptr_eq(last, dictionary) => *digest,
            _ => {
                let digest = of_bytes(&**dictionary);
                self.dictionary = Some((dictionary.clone(), digest));
                digest
            }
        }
    }
}

fn of_bytes(value: &impl Serialize) -> u64 {
    // It cannot fail: there are no maps in it and nothing of unknown length.
    let bytes = postcard::to_allocvec(value).unwrap_or_default();
    let mut hasher = SipHasher13::new();
    hasher.write(&bytes);
    hasher.finish()
}
