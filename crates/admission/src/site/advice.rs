//! What the decision core advises, and the decision that it makes together with the threshold.

use std::sync::Arc;

use guard::evidence::Context;
use guard::{Advice, Guard};
use model::{Challenge, Decision, Instant, Level, Mode, Rules, Timestamp};

use super::{Controller, Site};
use crate::handover::Handover;
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
    /// That of the last decision.
    seq: u64,
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
    pub(super) fn compose(&mut self, site: &Site, bounds: &Bounds, by_load: Decision) -> Decision {
        let allows =
            |level: Level| bounds.ceiling.is_none_or(|ceiling| ceiling.severity() >= level.severity());
        let asked = bounds.floor == Some(Level::Challenging);
        let challenge = match self.advice.challenge {
            _ if !allows(Level::Challenging) => Challenge::Off,
            Challenge::Off if asked => Challenge::Cookie,
            challenge @ (Challenge::Off | Challenge::Cookie | Challenge::Waiting) => challenge,
        };
        let rules = if allows(Level::Filtering) { self.advice.rules.clone() } else { Arc::default() };
        let acts = rules.rules.iter().any(|rule| rule.armed);
        let by_advice = match challenge {
            Challenge::Off if acts => Level::Filtering,
            Challenge::Off => Level::Calm,
            Challenge::Cookie | Challenge::Waiting => Level::Challenging,
        };
        let level = if by_advice.severity() > by_load.level.severity() { by_advice } else { by_load.level };
        let limits_refuse = by_load.limits_refuse || level != Level::Calm;
        let before = site.decision();
        let decision = Decision { level, limits_refuse, challenge, rules, seq: before.seq, ..by_load };
        let same =
            decision == Decision { at: decision.at, offered: decision.offered, ..Decision::clone(&before) };
        self.advice.seq = before.seq + u64::from(!same);
        Decision { seq: self.advice.seq, ..decision }
    }

    /// Adds what the core has learnt and what it advises.
    pub(super) fn hand_advice_over(&self, estate: &mut Handover) {
        estate.put_bytes("guard", &self.guard.to_bytes());
        let opened = self.advice.opened.map_or(u64::MAX, Instant::as_nanos);
        estate.put("advice", [self.advice.seq, opened, u64::from(self.advice.was_closed)]);
    }

    /// Goes on with what a predecessor's core had learnt; the decision with its advice.
    pub(super) fn take_advice_over(
        &mut self,
        site: &Site,
        estate: &Handover,
        by_load: Decision,
        wall: Timestamp,
    ) -> Decision {
        if let Some(guard) = estate.bytes("guard").and_then(|bytes| Guard::from_bytes(&bytes)) {
            (self.advice.rules, self.advice.challenge) = guard.standing();
            self.guard = guard;
        }
        let bounds = self.bounds(site, wall);
        let decision = self.compose(site, &bounds, by_load);
        let Some([seq, opened, was_closed]) = estate.array("advice") else { return decision };
        self.advice.opened = (opened != u64::MAX).then(|| Instant::from_nanos(opened));
        self.advice.was_closed = was_closed != 0;
        self.advice.seq = seq;
        Decision { seq, ..decision }
    }
}
