//! What a step says: the rules in force, and why they changed.

use std::sync::Arc;

use model::{Action, Finite, Rule, Rules};
use serde::{Deserialize, Serialize};

use super::bound::Share;

/// What one step decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The rules in force, with what was seen often in calm.
    pub rules: Arc<Rules>,
    /// What changed, in the order in which it was decided.
    pub changes: Vec<Change>,
    /// How much of the excess rules cover; none unless rules are wanted and there is an excess.
    pub reach: Option<Reach>,
}

/// One change, with the numbers from which it can be computed again.
///
/// Each carries the rule as it is after the change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Change {
    /// A rule was found; its matches are counted from now on.
    Found {
        /// The rule.
        rule: Rule,
        /// Why it may exist.
        proof: Proof,
        /// Matches a second that it must show.
        forecast: Finite,
    },
    /// A rule did what was forecast and acts from now on.
    Armed {
        /// The rule.
        rule: Rule,
        /// What it showed.
        trial: Trial,
    },
    /// A rule was given up.
    Discarded {
        /// The rule.
        rule: Rule,
        /// Why.
        why: Why,
    },
    /// A rule has a harsher action, because users were hurt in spite of the milder one.
    Hardened {
        /// The rule.
        rule: Rule,
        /// What it did before.
        from: Action,
        /// Requests of calm that it matches.
        calm: Share,
        /// Requests of known clients that it matches, counted ones included.
        known: Share,
        /// Seconds for which users were hurt meanwhile.
        painful: u32,
    },
    /// A rule has its mildest action again, because it matched too much of what known clients do.
    Softened {
        /// The rule.
        rule: Rule,
        /// What it did before.
        from: Action,
        /// Requests of known clients that it matches.
        known: Share,
    },
    /// A rule ended because nearly nothing matched it any more; it is remembered for ten minutes.
    Expired {
        /// The rule.
        rule: Rule,
        /// Matches in the last second.
        hits: u64,
        /// The most matches in one second.
        peak: u64,
    },
    /// A rule ended although something still matches it, because everything that comes would fit; it is remembered for ten minutes.
    Needless {
        /// The rule.
        rule: Rule,
        /// Matches in the last second.
        hits: u64,
        /// Seconds for which everything would have fit.
        seconds: u32,
    },
    /// A remembered rule acts again.
    Rearmed {
        /// The rule.
        rule: Rule,
        /// Why it may.
        proof: Proof,
    },
    /// Rules cover too little of the excess; limits, challenge and threshold have to do the rest.
    NotSurgical(Reach),
}

/// Why a rule may exist.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Proof {
    /// Requests of calm that it matches.
    pub calm: Share,
    /// Requests of known clients that it would match.
    pub known: Share,
    /// Requests of the last seconds that it matches.
    pub matched: Finite,
    /// Excess of these seconds that only this rule covers.
    pub gained: Finite,
    /// All excess of these seconds.
    pub excess: Finite,
    /// Requests that calm would have brought in these seconds.
    pub expected: Finite,
}

impl Proof {
    /// The share of the excess that the rule adds to what others cover, 0 to 1.
    pub fn coverage(&self) -> Finite {
        (self.gained / self.excess).clamp(Finite::ZERO, Finite::ONE)
    }

    /// The share of what it matches that is excess, 0 to 1, when as much of calm matches as its upper bound allows.
    pub fn precision(&self) -> Finite {
        (Finite::ONE - self.calm.upper() * self.expected / self.matched).max(Finite::ZERO)
    }
}

/// What a rule showed before it was armed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Seconds in which its matches were counted.
    pub seconds: u32,
    /// Matches in them.
    pub hits: u64,
    /// Matches a second that were forecast.
    pub forecast: Finite,
    /// Requests of known clients that it matches, counted ones included.
    pub known: Share,
}

/// Why a rule was given up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Why {
    /// It matched less than forecast.
    TooFewHits(Trial),
    /// It matched too much of what known clients do.
    Known(Share),
    /// Nobody counted its matches.
    NotCounted,
    /// An admin did not want it.
    Unwanted,
}

/// How much of the excess rules cover.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reach {
    /// Requests of the last seconds beyond what calm would have brought.
    pub excess: Finite,
    /// Those of them that a rule matches, in trial or armed.
    pub covered: Finite,
    /// How many rules there are.
    pub rules: usize,
}

impl Reach {
    /// The share that is covered, 0 to 1.
    pub fn share(&self) -> Finite {
        (self.covered / self.excess).clamp(Finite::ZERO, Finite::ONE)
    }
}
