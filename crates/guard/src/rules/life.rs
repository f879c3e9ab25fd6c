//! The life of one rule: in trial, armed, harsher when the mild action does not suffice, gone when nothing matches.
//!
//! ```text
//!            ≥ 80 % of what 2 s would bring             120 s with hardly a match
//!   Trial ──────────────────────────────────────▶ Armed ───────────────────────────▶ remembered for 10 min
//!     │ 2 s of a flood that it does not match       │  ▲ 5 s of pain: harsher        │
//!     ▼                                             ▼  │ harms known: milder, or gone │ it covers excess again: armed at once
//!   gone, set aside for a while                   Armed ◀────────────────────────────┘
//! ```

use std::time::Duration;

use model::{Action, Condition, Finite, Instant, Matches, Rule};
use serde::{Deserialize, Serialize};

use super::bound::Share;
use super::budget::{Budget, Claim, SAMPLES_MIN, known_bound};
use super::change::{Proof, Trial, Why};
use super::search::Finding;

/// One rule with what is known of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Life {
    pub(super) id: u16,
    pub(super) conditions: Vec<Condition>,
    pub(super) action: Action,
    /// It never gets a harsher action than this.
    pub(super) ceiling: Action,
    stage: Stage,
    pub(super) expires: Instant,
    proof: Proof,
    /// Requests of known clients: those that were kept when it was found, and those counted since.
    pub(super) known: Share,
    forecast: Finite,
    /// Matches in the last second, and the most in one.
    pub(super) hits: u64,
    pub(super) peak: u64,
    /// Seconds in a row for which users were hurt since it has this action.
    pub(super) painful: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
enum Stage {
    /// Seconds in which it matched what was forecast, its matches in them, seconds of a flood in which it did not, and seconds in
    /// which nobody counted. Who stops when the flood was seen and comes back is tried again then.
    Trial {
        counted: u32,
        hits: u64,
        missed: u32,
        waited: u32,
    },
    Armed,
}

/// How a trial ends.
pub(super) enum Verdict {
    Arm(Trial),
    Discard(Why),
}

impl Life {
    /// A rule that was just found.
    pub(super) fn found(id: u16, finding: &Finding, now: Instant) -> Self {
        Self {
            id,
            conditions: finding.conditions.clone(),
            action: Action::Demote,
            ceiling: Action::Block,
            stage: Stage::Trial { counted: 0, hits: 0, missed: 0, waited: 0 },
            expires: now + TTL,
            proof: finding.proof,
            known: finding.proof.known,
            forecast: finding.forecast,
            hits: 0,
            peak: 0,
            painful: 0,
        }
    }

    /// The same rule again, after it had expired.
    pub(super) fn again(self, proof: Proof, now: Instant) -> Self {
        Self { stage: Stage::Armed, expires: now + TTL, proof, hits: 0, peak: 0, painful: 0, ..self }
    }

    /// As the data plane gets it.
    pub(super) fn rule(&self) -> Rule {
        Rule {
            id: self.id,
            conditions: self.conditions.clone(),
            action: self.action,
            armed: self.is_armed(),
            expires: self.expires,
            collateral_calm: self.proof.calm.upper(),
            collateral_known: self.known.upper(),
        }
    }

    pub(super) fn claim(&self) -> Claim {
        self.claim_as(self.action)
    }

    pub(super) fn claim_as(&self, action: Action) -> Claim {
        Claim::new(action, self.proof.calm, self.known)
    }

    pub(super) fn known_bound(&self) -> Finite {
        known_bound(self.action, self.known)
    }

    pub(super) fn calm(&self) -> Share {
        self.proof.calm
    }

    pub(super) fn is_armed(&self) -> bool {
        self.stage == Stage::Armed
    }

    /// Takes what was counted in one second, in which known clients made so many requests; `wanted` while a flood lasts.
    pub(super) fn count(
        &mut self,
        now: Instant,
        matches: Option<&Matches>,
        known_requests: u64,
        wanted: bool,
    ) {
        self.hits = matches.map_or(0, |matches| matches.others);
        self.peak = self.peak.max(self.hits);
        if let Some(matches) = matches {
            self.known =
                self.known.with(Share { hits: matches.known.min(known_requests), of: known_requests });
        }
        if self.is_hit() {
            self.expires = now + TTL;
        }
        if let Stage::Trial { counted, hits, missed, waited } = &mut self.stage {
            let does = Finite::count(self.hits) >= self.forecast * Finite::new(TRIAL_SHARE);
            match matches {
                Some(_) if does => (*counted, *hits) = (*counted + 1, hits.saturating_add(self.hits)),
                Some(_) => *missed += u32::from(wanted),
                None => *waited += 1,
            }
        }
    }

    /// The second that has just passed does not count towards its end.
    pub(super) fn hold(&mut self) {
        if self.is_armed() {
            self.expires = self.expires + Duration::from_secs(1);
        }
    }

    /// Whether it still matches what it is for.
    fn is_hit(&self) -> bool {
        self.hits > 0 && Finite::count(self.hits) >= Finite::count(self.peak) * Finite::new(ALIVE_SHARE)
    }

    /// The end of its trial, if it is in one that ends now.
    pub(super) fn judge(&mut self) -> Option<Verdict> {
        let Stage::Trial { hits, missed, waited, .. } = self.stage else { return None };
        if waited >= TRIAL_PATIENCE {
            return Some(Verdict::Discard(Why::NotCounted));
        }
        if missed >= TRIAL_SECONDS {
            return Some(Verdict::Discard(Why::TooFewHits(self.trial())));
        }
        let asked = self.forecast * Finite::count(u64::from(TRIAL_SECONDS)) * Finite::new(TRIAL_SHARE);
        if Finite::count(hits) < asked {
            return None;
        }
        let trial = self.trial();
        self.stage = Stage::Armed;
        Some(Verdict::Arm(trial))
    }

    /// What its trial has shown so far.
    pub(super) fn trial(&self) -> Trial {
        let (seconds, hits) = match self.stage {
            Stage::Trial { counted, missed, hits, .. } => (counted + missed, hits),
            Stage::Armed => (0, 0),
        };
        Trial { seconds, hits, forecast: self.forecast, known: self.known }
    }

    /// Notes whether users are hurt.
    pub(super) fn feel(&mut self, pain: bool) {
        self.painful = if pain && self.is_armed() { self.painful.saturating_add(1) } else { 0 };
    }

    /// The next harsher action, if the present one had its time, did not suffice, and the rule is good enough for it.
    /// Budgets are not looked at here.
    pub(super) fn harsher(&self, may_block: bool) -> Option<Action> {
        let next = match self.action {
            Action::Demote => Action::Challenge,
            Action::Challenge => Action::Block,
            Action::Block => return None,
        };
        let samples = self.proof.calm.of.min(self.known.of) >= SAMPLES_MIN;
        let may = next <= self.ceiling && (next < Action::Block || may_block) && samples;
        let is_precise = self.proof.precision() >= Budget::of(next).precision;
        (may && is_precise && self.painful >= HARDEN_AFTER && self.is_hit()).then_some(next)
    }

    /// Gives it the mildest action for good.
    pub(super) fn soften(&mut self) {
        (self.action, self.ceiling, self.painful) = (Action::Demote, Action::Demote, 0);
    }

    /// Gives it a harsher action.
    pub(super) fn harden(&mut self, action: Action) {
        (self.action, self.painful) = (action, 0);
    }
}

/// How long a rule stays without matches (decision-science, section 6, point 9).
const TTL: Duration = Duration::from_secs(120);
/// Share of its peak that a rule must match to stay (the same).
const ALIVE_SHARE: f64 = 0.05;
/// Seconds of the trial, and the share of its forecast that a rule must match in it (the same, point 8): as much in one second
/// of a short flood will do.
const TRIAL_SECONDS: u32 = 2;
const TRIAL_SHARE: f64 = 0.8;
/// Seconds without a count after which a trial is given up.
const TRIAL_PATIENCE: u32 = 5;
/// Seconds of pain after which an action does not suffice: longer than demoting needs to show in the app's queue.
const HARDEN_AFTER: u32 = 5;
