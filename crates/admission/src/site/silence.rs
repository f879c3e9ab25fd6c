//! What is obeyed while nobody decides: the thread that steps the core hangs, or is gone (decision-science, section 11,
//! "Fail-safe").
//!
//! A decision lives [`DECISION_LIVES`]. Without a fresh one nobody is closed out by a threshold that nobody moves, nothing is asked
//! of new visitors, nobody waits for a turn to sign in, and client limits refuse. Rules go on until each expires; tiers, reserved
//! shares and the slots of L stay as they are. `docs/decisions/042-…` says why.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use model::{Challenge, Instant, Level, Mode};

use super::Site;
use super::facts::Identity;
use crate::trip::Layer;

/// How long a decision is obeyed without a fresh one; they come every 500 ms (decision-science, section 11).
pub const DECISION_LIVES: Duration = Duration::from_secs(10);

impl Site {
    /// Decisions are going to come: what is in force lives from now on, whenever it was taken. To be called before the first request.
    pub fn await_decisions(&self, now: Instant) {
        self.decided.store(now.as_nanos(), Relaxed);
    }

    /// No decision will come any more, because the gate ends: what is in force stays in force.
    pub fn await_no_decision(&self) {
        self.decided.store(0, Relaxed);
    }

    /// How long ago the last decision came; nothing while none is awaited.
    pub fn decision_age(&self, now: Instant) -> Duration {
        match self.decided.load(Relaxed) {
            0 => Duration::ZERO,
            decided => now.since(Instant::from_nanos(decided)),
        }
    }

    /// Whether the last decision is older than [`DECISION_LIVES`].
    pub fn is_undecided(&self, now: Instant) -> bool {
        self.decision_age(now) > DECISION_LIVES
    }

    /// Whether the threshold has no room for this client.
    pub(super) fn closes_out(&self, identity: &Identity, now: Instant) -> bool {
        !self.decision().masks.admits(identity.tier, identity.cohort) && !self.is_undecided(now)
    }

    /// What every unknown client must show.
    pub(super) fn asked_of_all(&self, now: Instant) -> Challenge {
        if self.is_undecided(now) { Challenge::Off } else { self.decision().challenge }
    }

    /// Whether client limits refuse, or only count.
    pub(super) fn limits_refuse(&self, now: Instant) -> bool {
        self.decision().limits_refuse || self.is_undecided(now)
    }

    /// Whether budgets of request bodies refuse: not in calm, not while observing, not while tripped.
    pub fn refuses_bodies(&self, now: Instant) -> bool {
        self.mode() != Mode::Observe
            && !self.is_bypassed()
            && self.limits_refuse(now)
            && !self.only_reports(Layer::BodyLimits)
    }

    /// Whether something is learnt from what clients ask for: it is calm by itself, and was looked at lately.
    pub fn learns(&self, now: Instant) -> bool {
        self.is_surely_calm(now) && !self.is_held_down()
    }

    /// See [`crate::core::Core::is_held_down`].
    pub(super) fn is_held_down(&self) -> bool {
        self.held_down.load(Relaxed)
    }

    /// Whether it is calm, and was looked at lately.
    pub(super) fn is_surely_calm(&self, now: Instant) -> bool {
        self.decision().level == Level::Calm && !self.is_undecided(now)
    }
}
