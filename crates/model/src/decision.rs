//! What is to be done about what the data plane counted.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Cohort, Instant, Level, Rules, Tier};

/// Cohorts in each tier.
pub const COHORTS: usize = 128;

/// Which cohorts of each tier are admitted: one bit each.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Masks([u128; Tier::COUNT]);

impl Masks {
    /// Everybody is admitted.
    pub const OPEN: Self = Self([u128::MAX; Tier::COUNT]);

    /// Whether a cohort is admitted. T0 always is.
    pub const fn admits(&self, tier: Tier, cohort: Cohort) -> bool {
        matches!(tier, Tier::T0) || self.0[tier.index()] >> cohort.index() & 1 == 1
    }

    /// The mask of one tier.
    pub const fn tier(&self, tier: Tier) -> u128 {
        self.0[tier.index()]
    }

    /// The same masks with one tier replaced.
    #[must_use]
    pub const fn with(mut self, tier: Tier, mask: u128) -> Self {
        self.0[tier.index()] = mask;
        self
    }

    /// How many cohorts of a tier are admitted, 0 to 128.
    pub const fn admitted(&self, tier: Tier) -> u32 {
        self.0[tier.index()].count_ones()
    }

    /// Whether every cohort of every tier is admitted.
    pub fn is_open(&self) -> bool {
        *self == Self::OPEN
    }
}

impl Default for Masks {
    fn default() -> Self {
        Self::OPEN
    }
}

/// What the data plane obeys until the next decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Counts up by one with every decision that differs from the one before it.
    pub seq: u64,
    /// When it was taken.
    pub at: Instant,
    /// The label derived from it.
    pub level: Level,
    /// Which cohorts are admitted.
    pub masks: Masks,
    /// Share of L used by what is offered, admitted or not, at the last step. 1.0 is all of it.
    pub offered: f64,
    /// Whether client limits refuse, or only count (in calm they only count, unless load is high).
    pub limits_refuse: bool,
    /// What unknown clients must show before they are judged as T4 instead of T5.
    pub challenge: Challenge,
    /// Rules, armed and in shadow.
    pub rules: Arc<Rules>,
}

/// What a navigation of an unknown client is answered with, until it comes back with a ticket (decision-science, section 7).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum Challenge {
    /// Nothing is asked.
    #[default]
    Off,
    /// To come back with a cookie, at once.
    Cookie,
    /// To come back with a cookie after waiting; needs no JavaScript.
    Waiting,
}
