//! What decides at each step of the threshold: load, evidence, standing advice and an admin's pins together.
//!
//! Everything that a step needs is an argument, and what it leaves behind can be written down, so that a recording of the
//! arguments is the decisions once more (decision-science, section 11, invariant 18).

mod handover;
mod snapshot;
#[cfg(test)]
mod tests;

pub use snapshot::{Pin, Posture};

use std::sync::Arc;

use guard::evidence::Context;
use guard::{Advice, Guard};
use model::{Challenge, Decision, Ground, Instant, Level, Mode, Rules, Summary, Timestamp};
use serde::{Deserialize, Serialize};

use crate::threshold::{Bounds, Ferry, Threshold};

/// Names what the core does with its inputs. It counts up with every change after which the same inputs may lead to other
/// decisions, in this crate, in `guard` or in `model`, and whenever what [`Core`] writes down changes.
pub const ALGORITHM: u32 = 6;

/// What is so around a step, beside what was counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Circumstances {
    /// The mode.
    pub mode: Mode,
    /// An admin said yes to customers-first in mode `assist`.
    pub assist_yes: bool,
    /// The level is at least this: a pin that is in force now.
    pub floor: Option<Level>,
    /// The level is at most this; wins over the floor.
    pub ceiling: Option<Level>,
    /// An admin does not want this rule, from this step on.
    pub unwanted_rule: Option<u16>,
}

impl Circumstances {
    /// Whether an admin keeps the level below what an attack may need.
    fn cap(&self) -> bool {
        self.ceiling.is_some_and(|most| most.severity() < Level::CustomersFirst.severity())
    }

    /// Whether cohorts wait for an admin's yes.
    fn need_a_yes(&self) -> bool {
        self.mode == Mode::Assist && !self.assist_yes
    }
}

/// What a step leads to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is to be obeyed from now on.
    pub decision: Decision,
    /// What was found in the second that this step completed.
    pub advice: Option<Advice>,
    /// Whose turn it is while unknown clients are closed out.
    pub ferry: Option<Ferry>,
    /// The load up to which people may come back, in requests in service; infinite while nothing is known of what fits.
    pub comfortable: f64,
    /// In mode `assist`: cohorts would be closed if an admin said yes.
    pub asks: bool,
    /// A new incident begins: the secret that strangers' cohorts are drawn by must be renewed together with putting the
    /// decision in force; never otherwise.
    pub closes_anew: bool,
    /// What this step changed by itself of who is let in and of what is asked of unknown clients, and why; empty when nothing.
    /// What rules do is in [`Advice::changes`] with its numbers; what follows from a pin or the mode is an admin's.
    pub grounds: Vec<Ground>,
}

/// One step with all that went into it and what came of it.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The wall clock then, for people: nothing is decided by it.
    pub wall: Timestamp,
    /// What was counted.
    pub summary: Summary,
    /// What was so around it.
    pub circumstances: Circumstances,
    /// Random; only for jitter.
    pub random: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// The decision core of one site. Memory is that of its parts: 24 MiB at most, mostly what was learnt of calm.
#[derive(Clone)]
pub struct Core {
    threshold: Threshold,
    guard: Guard,
    standing: Standing,
    /// Closings of the threshold that were answered with a new secret.
    closing: u64,
    /// The last one.
    decision: Decision,
}

/// The advice in force until the next one.
#[derive(Clone, Debug, Default)]
struct Standing {
    /// Whether there was any; else there is nothing that the guard's own state tells.
    is_given: bool,
    rules: Arc<Rules>,
    challenge: Challenge,
    /// See [`Advice::usual`].
    usual: Option<f64>,
    /// See [`Advice::holds`].
    holds: bool,
    /// When everybody was last admitted again.
    opened: Option<Instant>,
    was_closed: bool,
}

impl Core {
    /// In calm, with what `guard` has learnt.
    pub fn new(guard: Guard) -> Self {
        Self {
            threshold: Threshold::new(),
            guard,
            standing: Standing::default(),
            closing: 0,
            decision: Decision::default(),
        }
    }

    /// The decision in force.
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What it learns with.
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Takes what was counted in 100 ms to 1 s, and decides. `random` serves the jitter of the back-off alone.
    pub fn step(&mut self, summary: &Summary, circumstances: &Circumstances, random: u64) -> Outcome {
        if let Some(id) = circumstances.unwanted_rule {
            self.guard.drop_rule(id);
        }
        let advice = self.take_advice(summary, circumstances);
        let bounds = self.bounds(circumstances);
        let step = self.threshold.step(summary, &bounds, random);
        let closes_anew = step.closing != self.closing;
        self.closing = step.closing;
        let asks = step.wants_to_close && !bounds.may_close;
        self.decision = self.compose(&bounds, step.decision);
        let asked = advice.iter().flat_map(|advice| advice.grounds.iter().copied());
        let grounds = step.grounds.into_iter().chain(asked).collect();
        Outcome {
            decision: self.decision.clone(),
            advice,
            ferry: step.ferry,
            comfortable: step.comfortable,
            asks,
            closes_anew,
            grounds,
        }
    }

    /// Whether it is calm only because an admin says so, or has not said yes: that says nothing of what comes, and teaches nothing.
    pub fn is_held_down(&self, circumstances: &Circumstances) -> bool {
        circumstances.cap() || (circumstances.need_a_yes() && self.threshold.wants_to_close())
    }

    /// Shows the guard what was counted.
    fn take_advice(&mut self, summary: &Summary, circumstances: &Circumstances) -> Option<Advice> {
        let is_closed = !self.decision.masks.is_open();
        let held_down = self.is_held_down(circumstances);
        let standing = &mut self.standing;
        if standing.was_closed && !is_closed {
            standing.opened = Some(summary.at);
        }
        standing.was_closed = is_closed;
        let context = Context {
            level: self.decision.level,
            is_closed,
            opened: standing.opened,
            observing: circumstances.mode == Mode::Observe,
            held_down,
        };
        let advice = self.guard.step(summary, &context)?;
        standing.is_given = true;
        standing.rules = advice.rules.clone();
        standing.challenge = advice.challenge;
        standing.usual = advice.usual.map(f64::from);
        standing.holds = advice.holds;
        Some(advice)
    }

    fn bounds(&self, circumstances: &Circumstances) -> Bounds {
        Bounds {
            floor: circumstances.floor,
            ceiling: circumstances.ceiling,
            usual: self.standing.usual,
            holds: self.standing.holds,
            may_close: match circumstances.mode {
                Mode::Auto => true,
                Mode::Assist => circumstances.assist_yes,
                // It is computed all the same, so that `report` can tell what would have been refused.
                Mode::Observe => true,
            },
        }
    }

    /// The threshold's decision with rules and challenge, within an admin's pins.
    fn compose(&self, bounds: &Bounds, by_load: Decision) -> Decision {
        let allows =
            |level: Level| bounds.ceiling.is_none_or(|ceiling| ceiling.severity() >= level.severity());
        let asked = bounds.floor == Some(Level::Challenging);
        let challenge = match self.standing.challenge {
            _ if !allows(Level::Challenging) => Challenge::Off,
            Challenge::Off if asked => Challenge::Cookie,
            challenge @ (Challenge::Off | Challenge::Cookie | Challenge::Waiting) => challenge,
        };
        let rules = if allows(Level::Filtering) { self.standing.rules.clone() } else { Arc::default() };
        let acts = rules.rules.iter().any(|rule| rule.armed);
        let by_advice = match challenge {
            Challenge::Off if acts => Level::Filtering,
            Challenge::Off => Level::Calm,
            Challenge::Cookie | Challenge::Waiting => Level::Challenging,
        };
        let level = if by_advice.severity() > by_load.level.severity() { by_advice } else { by_load.level };
        let limits_refuse = by_load.limits_refuse || level != Level::Calm;
        let before = &self.decision;
        let decision = Decision { level, limits_refuse, challenge, rules, seq: before.seq, ..by_load };
        let same =
            decision == Decision { at: decision.at, offered: decision.offered, ..Decision::clone(before) };
        Decision { seq: before.seq + u64::from(!same), ..decision }
    }
}
