//! The threshold as plain values, to be written down and read back.

use model::{COHORTS, Decision, Instant, Level, Masks, Tier};
use serde::{Deserialize, Serialize};

use super::costs::{Recent, Shadow};
use super::knee::Knee;
use super::reopen::BACK_OFF_STEPS;
use super::{Ferry, Step, Threshold};

/// All of it. What was computed from the rest is not kept.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Kept {
    /// The steps of about the last second, the oldest first: milliseconds, and cost by tier and cohort.
    recent: Vec<(u64, Vec<u64>)>,
    shadow: Vec<f64>,
    wanted: Masks,
    reopening: bool,
    knee: Knee,
    over_since: Option<Instant>,
    far_over_since: Option<Instant>,
    quiet_since: Option<Instant>,
    settled_since: Option<Instant>,
    changed: Instant,
    next_try: Instant,
    reverts: u32,
    forgiven: Instant,
    closing: u64,
    last: Option<Instant>,
    seq: u64,
    at: Instant,
    level: Level,
    masks: Masks,
    offered: f64,
    limits_refuse: bool,
    wants_to_close: bool,
    ferry: Option<Ferry>,
    /// `None`: infinite.
    comfortable: Option<f64>,
}

/// What was written is no threshold.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a threshold is kept with other numbers of tiers, cohorts or steps, or with numbers that are none")]
pub(super) struct NoThreshold;

impl From<Threshold> for Kept {
    fn from(threshold: Threshold) -> Self {
        let Threshold { recent, shadow, .. } = &threshold;
        let Step { decision, wants_to_close, ferry, comfortable, .. } = &threshold.step;
        let cells = |costs: &[[u64; COHORTS]; Tier::COUNT]| costs.iter().flatten().copied().collect();
        Self {
            recent: recent.steps().map(|(millis, costs)| (millis, cells(costs))).collect(),
            shadow: shadow.0.iter().flatten().copied().collect(),
            wanted: threshold.wanted,
            reopening: threshold.reopening,
            knee: threshold.knee,
            over_since: threshold.over_since,
            far_over_since: threshold.far_over_since,
            quiet_since: threshold.quiet_since,
            settled_since: threshold.settled_since,
            changed: threshold.changed,
            next_try: threshold.next_try,
            reverts: threshold.reverts,
            forgiven: threshold.forgiven,
            closing: threshold.closing,
            last: threshold.last,
            seq: decision.seq,
            at: decision.at,
            level: decision.level,
            masks: decision.masks,
            offered: decision.offered,
            limits_refuse: decision.limits_refuse,
            wants_to_close: *wants_to_close,
            ferry: *ferry,
            comfortable: comfortable.is_finite().then_some(*comfortable),
        }
    }
}

impl TryFrom<Kept> for Threshold {
    type Error = NoThreshold;

    fn try_from(kept: Kept) -> Result<Self, NoThreshold> {
        let mut recent = Recent::new();
        for (millis, costs) in &kept.recent {
            recent.add(*millis, &*table(costs)?);
        }
        let shadow = table(&kept.shadow)?;
        let is_sane = kept.offered.is_finite() && kept.knee.is_sane();
        if !shadow.iter().flatten().all(|cost| cost.is_finite() && *cost >= 0.0) || !is_sane {
            return Err(NoThreshold);
        }
        let (seq, at, level, masks) = (kept.seq, kept.at, kept.level, kept.masks);
        let (offered, limits_refuse) = (kept.offered, kept.limits_refuse);
        let decision = Decision { seq, at, level, masks, offered, limits_refuse, ..Decision::default() };
        let (closing, wants_to_close, ferry) = (kept.closing, kept.wants_to_close, kept.ferry);
        let comfortable = kept.comfortable.unwrap_or(f64::INFINITY);
        Ok(Self {
            recent,
            shadow: Shadow(shadow),
            wanted: kept.wanted,
            reopening: kept.reopening,
            knee: kept.knee,
            over_since: kept.over_since,
            far_over_since: kept.far_over_since,
            quiet_since: kept.quiet_since,
            settled_since: kept.settled_since,
            changed: kept.changed,
            next_try: kept.next_try,
            reverts: kept.reverts.min(BACK_OFF_STEPS),
            forgiven: kept.forgiven,
            closing,
            last: kept.last,
            step: Step { decision, closing, wants_to_close, ferry, comfortable, grounds: Vec::new() },
        })
    }
}

/// One cell for each cohort of each tier.
fn table<T: Copy + Default>(cells: &[T]) -> Result<Box<[[T; COHORTS]; Tier::COUNT]>, NoThreshold> {
    let mut table = Box::new([[T::default(); COHORTS]; Tier::COUNT]);
    let (rows, rest) = cells.as_chunks::<COHORTS>();
    if rows.len() != Tier::COUNT || !rest.is_empty() {
        return Err(NoThreshold);
    }
    table.copy_from_slice(rows);
    Ok(table)
}
