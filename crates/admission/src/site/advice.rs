//! What the decision core advises, and the decision that it makes together with the threshold.

use std::sync::Arc;

use guard::Advice;
use guard::evidence::Context;
use model::{Challenge, Decision, Instant, Level, Mode, Rules};

use super::{Controller, Site};
use crate::threshold::Bounds;

/// The advice in force until the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    rules: Arc<Rules>,
    challenge: Challenge,
    /// See [`Advice::comfortable`].
    pub(super) comfortable: Option<f64>,
    /// When everybody was last admitted again.
    opened: Option<Instant>,
    was_closed: bool,
}

impl Controller {
    /// Shows the core what was counted since the last step.
    pub(super) fn take_advice(&mut self, site: &Site) -> Option<Advice> {
        let decision = site.decision();
        let is_closed = !decision.masks.is_open();
        if self.advice.was_closed && !is_closed {
            self.advice.opened = Some(self.summary.at);
        }
        self.advice.was_closed = is_closed;
        let context = Context {
            level: decision.level,
            is_closed,
            opened: self.advice.opened,
            observing: site.mode() == Mode::Observe,
        };
        let advice = self.guard.step(&self.summary, &context)?;
        self.advice.rules = advice.rules.clone();
        self.advice.challenge = advice.challenge;
        self.advice.comfortable = advice.comfortable.map(f64::from);
        Some(advice)
    }

    /// The threshold's decision with rules and challenge, within an admin's pins.
    pub(super) fn compose(&self, site: &Site, bounds: &Bounds, by_load: Decision) -> Decision {
        let allows =
            |level: Level| bounds.ceiling.is_none_or(|ceiling| ceiling.severity() >= level.severity());
        let asked = bounds.floor.is_some_and(|floor| floor.severity() >= Level::Challenging.severity());
        let challenge = match self.advice.challenge {
            _ if !allows(Level::Challenging) => Challenge::Off,
            Challenge::Off if asked => Challenge::Cookie,
            challenge @ (Challenge::Off | Challenge::Cookie | Challenge::Waiting) => challenge,
        };
        let rules = if allows(Level::Filtering) { self.advice.rules.clone() } else { Arc::default() };
        let acts = rules.rules.iter().any(|rule| rule.armed);
        let level = match by_load.level {
            Level::Calm | Level::Filtering | Level::Limiting if challenge != Challenge::Off => {
                Level::Challenging
            }
            Level::Calm if acts => Level::Filtering,
            Level::Calm
            | Level::Filtering
            | Level::Limiting
            | Level::Challenging
            | Level::CustomersFirst
            | Level::Reopening => by_load.level,
        };
        let limits_refuse = by_load.limits_refuse || level != Level::Calm;
        let before = site.decision();
        let decision = Decision { level, limits_refuse, challenge, rules, seq: before.seq, ..by_load };
        let same =
            decision == Decision { at: decision.at, offered: decision.offered, ..Decision::clone(&before) };
        Decision { seq: before.seq + u64::from(!same), ..decision }
    }
}
