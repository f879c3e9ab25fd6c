//! What the data plane counted in one step, and what is to be done about it.

use crate::{Cohort, Instant, Level, Tier};

/// Cohorts in each tier.
pub const COHORTS: usize = 128;

/// Which cohorts of each tier are admitted: one bit each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
}

/// What the data plane counted in one step of `millis` milliseconds.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The end of the step.
    pub at: Instant,
    /// Length of the step in milliseconds.
    pub millis: u64,
    /// Offered cost of each cohort, in concurrency-milliseconds (requests × service time of their route class).
    pub offered: Box<[[u64; COHORTS]; Tier::COUNT]>,
    /// The concurrency limit L; infinite until it is measured.
    pub limit: f64,
    /// Requests in service at the origin now.
    pub inflight: u32,
    /// The longest that a request waited for a slot in this step, in milliseconds.
    pub queue_wait_ms: u64,
    /// Share of connection slots in use, 0 to 1.
    pub connections: f64,
    /// Answers of the origin in this step that were failures, and all of its answers.
    pub origin_failures: u64,
    /// All answers of the origin in this step.
    pub origin_answers: u64,
}
