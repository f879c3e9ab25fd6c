//! The threshold over the admission order (tier, cohort), moved by local load alone.
//!
//! What is offered is counted in one currency, concurrency, against L. When it does not fit, the cheapest prefix of the
//! order that does is admitted; when what is refused would fit again, cohorts are admitted in small steps
//! (decision-science, sections 2, 8 and 11). It needs no evidence and no baseline, and stays as the fallback of the
//! core that has them.
//!
//! ```text
//!          > 0.95 L, or > 0.85 L for a while            the forecast fits 0.70 of what is known to fit
//!   calm ────────────────────────────────▶ customers-first ─────────────────▶ reopening ─ all admitted ─▶ calm
//!                                                ▲                                │ ▲│
//!                                                └──── > 0.95 L, or > 0.85 L ─────┘ └┘ every 10 s
//! ```

mod closing;
mod costs;
mod handover;
mod knee;
mod prefix;
mod reopen;
mod snapshot;
#[cfg(test)]
mod tests;

use costs::{Costs, Recent, Shadow, admitted, worse_of};
use knee::Knee;
use model::{Cohort, Decision, Ground, Instant, Level, Masks, Summary, Tier};
use reopen::Room;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Share of L above which the threshold closes at once.
pub const CLOSE_AT_ONCE: f64 = 0.95;
/// Share of L above which it closes after `CLOSE_AFTER`.
pub const CLOSE: f64 = 0.85;
/// Share of L up to which it opens.
pub const OPEN: f64 = 0.70;
/// Share of L that is admitted when it closes or reverts.
pub const REFILL: f64 = 0.60;
/// Share of L, or of connection slots, from which client limits refuse also in calm (design, idea 3).
pub const LIMITS_REFUSE: f64 = 0.70;

/// Time between two steps of re-opening, and before the first.
const HOLD: Duration = Duration::from_secs(10);
/// How much more a cohort may cost when it is admitted than while it is refused.
const EXPANSION: f64 = 2.0;
/// Share of L that counts as next to nothing: a tier that costs less is not closed while all better ones are open, and
/// begins to be opened along with the one before it.
const FREE: f64 = 0.01;
/// A gap in the summaries after which nothing is opened for a while.
const BLIND: Duration = Duration::from_secs(3);
/// How long one closed cohort has its turn, and what it may cost in all, as a share of L (decision-science, 8.6).
const FERRY_SECONDS: u64 = 60;
const FERRY_SHARE: f64 = 0.04;

/// What the mode and the admin allow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The level is at least this: a pin. Customers-first closes all unknown clients out, also where `may_close` is
    /// unset, because the pin is a yes.
    pub floor: Option<Level>,
    /// The level is at most this; wins over the floor.
    pub ceiling: Option<Level>,
    /// A load that is usual at this hour, in requests in service: up to it everybody may come back, also where it is more than
    /// [`OPEN`] of what fits.
    pub usual: Option<f64>,
    /// Whether nothing may be opened: traffic is missing that should be there.
    pub holds: bool,
    /// Whether cohorts may be closed: mode auto, or assist with a yes; also observe, which only reports it.
    pub may_close: bool,
}

/// One closed cohort of unknown clients that is let through for a minute, so that everybody has a turn, and so that
/// it is seen what admitted strangers cost.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Ferry {
    /// The cohort of T5.
    pub cohort: Cohort,
    /// What it may cost in all, in requests in service; beyond that it is refused like the others.
    pub concurrency: f64,
}

/// What a step answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What the data plane obeys from now on.
    pub decision: Decision,
    /// Counts closings. When it changes, the secret that strangers' cohorts are drawn by must be renewed, together
    /// with putting the decision in force; never otherwise.
    pub closing: u64,
    /// Whether cohorts would be closed if [`Bounds::may_close`] were set; assist asks the admin then.
    pub wants_to_close: bool,
    /// Whose turn it is, while some cohorts of T5 are closed.
    pub ferry: Option<Ferry>,
    /// The load up to which people may come back, in requests in service; infinite while nothing is known of what fits.
    pub comfortable: f64,
    /// What this step changed of what the load asks for, and why; empty when nothing. At most three.
    pub grounds: Vec<Ground>,
}

/// The threshold of one site. Memory is fixed: about 90 KiB.
#[derive(Clone, Deserialize, Serialize)]
#[serde(into = "snapshot::Kept", try_from = "snapshot::Kept")]
pub struct Threshold {
    recent: Recent,
    shadow: Shadow,
    /// What the load asks for, whether or not it is allowed.
    wanted: Masks,
    /// Whether a step of re-opening has been taken since the last closing or revert.
    reopening: bool,
    knee: Knee,
    over_since: Option<Instant>,
    far_over_since: Option<Instant>,
    quiet_since: Option<Instant>,
    settled_since: Option<Instant>,
    /// The last step of re-opening, revert or closing.
    changed: Instant,
    /// The earliest moment of the next step of re-opening, unless back-off is void.
    next_try: Instant,
    reverts: u32,
    forgiven: Instant,
    closing: u64,
    last: Option<Instant>,
    step: Step,
}

impl Default for Threshold {
    fn default() -> Self {
        Self::new()
    }
}

impl Threshold {
    /// In calm, everybody admitted.
    pub fn new() -> Self {
        Self {
            recent: Recent::new(),
            shadow: Shadow::new(),
            wanted: Masks::OPEN,
            reopening: false,
            knee: Knee::default(),
            over_since: None,
            far_over_since: None,
            quiet_since: None,
            settled_since: None,
            changed: Instant::ORIGIN,
            next_try: Instant::ORIGIN,
            reverts: 0,
            forgiven: Instant::ORIGIN,
            closing: 0,
            last: None,
            step: Step {
                decision: Decision::default(),
                closing: 0,
                wants_to_close: false,
                ferry: None,
                comfortable: f64::INFINITY,
                grounds: Vec::new(),
            },
        }
    }

    /// How many closings there were; see [`Step::closing`].
    pub const fn closing(&self) -> u64 {
        self.closing
    }

    /// Whether the load asks for somebody to be closed out, allowed or not.
    pub fn wants_to_close(&self) -> bool {
        !self.wanted.is_open()
    }

    /// Takes what was counted in 100 ms to 1 s, and decides. `random` serves the jitter of the back-off alone.
    ///
    /// A summary that makes no sense (no time, time not after the last one's, a limit that is no number) changes
    /// nothing: neither does it open nor close.
    pub fn step(&mut self, summary: &Summary, bounds: &Bounds, random: u64) -> Step {
        let now = summary.at;
        let is_sane = summary.millis > 0 && summary.limit > 0.0 && self.last.is_none_or(|last| now > last);
        if !is_sane {
            return self.step.clone();
        }
        self.note_gap(summary);
        self.recent.push(summary);
        self.knee.see(summary);
        let (costs, newest) = (self.recent.costs(), self.recent.newest());
        self.shadow.follow(&costs, self.last, now);
        self.last = Some(now);
        self.forgive(now);
        let comfortable = self.comfortable(summary, bounds);
        let demand = self.note_demand(summary, comfortable);
        if bounds.holds {
            // An empty line says nothing about what comes when it is back.
            (self.quiet_since, self.settled_since) = (None, None);
            self.next_try = self.next_try.max(now + HOLD);
        }
        let mut grounds = Vec::new();
        if let Some(over) = self.over(now, &costs, &newest, summary.limit) {
            let worse = worse_of(&costs, &newest);
            grounds.extend(self.close_or_revert(now, worse, summary.limit, random).map(|act| over.of(act)));
        } else if !self.wanted.is_open() {
            if !bounds.holds {
                grounds.extend(self.readmit(&costs, summary.limit));
            }
            let room = Room { limit: summary.limit, comfortable, demand };
            grounds.extend(self.open_if_due(now, &costs, room));
        } else {
            grounds.extend(self.close_last(&newest, summary.limit));
        }
        self.step.comfortable = comfortable;
        Step { grounds, ..self.answer(summary, bounds, &costs) }
    }

    /// min(0.85 L, max(0.70 of what is known to fit, what is usual)).
    fn comfortable(&self, summary: &Summary, bounds: &Bounds) -> f64 {
        let fits = OPEN * self.knee.bound(summary.at, summary.limit);
        bounds.usual.map_or(fits, |usual| usual.max(fits)).min(CLOSE * summary.limit)
    }

    /// After a gap it is not known what was refused meanwhile: whatever rests on a time of quiet begins anew.
    fn note_gap(&mut self, summary: &Summary) {
        let now = summary.at;
        let gap = self.last.map_or(Duration::ZERO, |last| now.since(last));
        if gap > BLIND + Duration::from_millis(summary.millis) {
            self.recent.clear();
            (self.over_since, self.far_over_since) = (None, None);
            (self.quiet_since, self.settled_since) = (None, None);
            self.changed = now;
            self.next_try = self.next_try.max(now + HOLD);
        }
    }

    /// For how long everything has fitted: with its expansion, and as offered. Answers the latter, in requests in service.
    fn note_demand(&mut self, summary: &Summary, comfortable: f64) -> f64 {
        let (now, limit) = (summary.at, summary.limit);
        // What rules, challenges and limits take away may come back like what is closed out.
        let all =
            admitted(&self.shadow.0, &Masks::OPEN, limit) + concurrency(&summary.removed, summary.millis);
        let open = admitted(&self.shadow.0, &self.wanted, limit);
        note(&mut self.quiet_since, open + EXPANSION * (all - open) <= comfortable, now);
        note(&mut self.settled_since, all <= comfortable, now);
        all
    }

    /// What the load asks for, within what is allowed.
    fn answer(&mut self, summary: &Summary, bounds: &Bounds, costs: &Costs) -> Step {
        let before = &self.step.decision;
        let masks = self.masks_within(bounds);
        if before.masks.is_open() && !masks.is_open() {
            self.closing += 1;
            self.shadow.level_out(costs);
            self.recent.clear();
        }
        let offered: f64 = self.step_load(summary);
        let level = self.level_of(&masks, bounds);
        let busy = offered >= LIMITS_REFUSE || summary.connections >= LIMITS_REFUSE;
        let limits_refuse = busy || level != Level::Calm;
        let same = (level, masks, limits_refuse) == (before.level, before.masks, before.limits_refuse);
        let seq = before.seq + u64::from(!same);
        self.step = Step {
            decision: Decision {
                seq,
                at: summary.at,
                level,
                masks,
                offered,
                limits_refuse,
                ..Decision::default()
            },
            closing: self.closing,
            wants_to_close: !self.wanted.is_open(),
            ferry: ferry(&masks, summary),
            comfortable: self.step.comfortable,
            grounds: Vec::new(),
        };
        self.step.clone()
    }

    fn masks_within(&self, bounds: &Bounds) -> Masks {
        let closes = Level::CustomersFirst.severity();
        if bounds.ceiling.is_some_and(|ceiling| ceiling.severity() < closes) {
            return Masks::OPEN;
        }
        if bounds.floor.is_some_and(|floor| floor.severity() >= closes) {
            return self.wanted.with(Tier::T5, 0).with(Tier::T6, 0);
        }
        if bounds.may_close { self.wanted } else { Masks::OPEN }
    }

    fn level_of(&self, masks: &Masks, bounds: &Bounds) -> Level {
        let by_load = match (masks.is_open(), self.reopening && *masks == self.wanted) {
            (true, _) => Level::Calm,
            (false, true) => Level::Reopening,
            (false, false) => Level::CustomersFirst,
        };
        let raised = bounds.floor.filter(|floor| floor.severity() > by_load.severity()).unwrap_or(by_load);
        bounds.ceiling.filter(|ceiling| ceiling.severity() < raised.severity()).unwrap_or(raised)
    }

    /// Share of L that the last step offered, everybody counted.
    fn step_load(&self, summary: &Summary) -> f64 {
        let all = summary.offered.iter().flatten().chain(&summary.removed);
        concurrency(all, summary.millis) / summary.limit
    }
}

/// Costs in concurrency-milliseconds, as requests in service.
fn concurrency<'a>(costs: impl IntoIterator<Item = &'a u64>, millis: u64) -> f64 {
    let sum = costs.into_iter().fold(0_u64, |sum, &cost| sum.saturating_add(cost));
    #[expect(clippy::cast_precision_loss, reason = "costs are estimates; 53 bits are enough")]
    let concurrency = sum as f64 / millis as f64;
    concurrency
}

/// The closed cohort of T5 whose turn it is.
fn ferry(masks: &Masks, summary: &Summary) -> Option<Ferry> {
    let first = summary.at.as_secs() / FERRY_SECONDS;
    let turns = (0..=u8::MAX >> 1).map(|turn| Cohort::from_hash(first.wrapping_add(turn.into())));
    let cohort = turns.into_iter().find(|&cohort| !masks.admits(Tier::T5, cohort))?;
    summary.limit.is_finite().then_some(Ferry { cohort, concurrency: FERRY_SHARE * summary.limit })
}

/// Keeps since when something holds.
fn note(since: &mut Option<Instant>, holds: bool, now: Instant) {
    *since = if holds { since.or(Some(now)) } else { None };
}

fn has_lasted(since: Option<Instant>, time: Duration, now: Instant) -> bool {
    since.is_some_and(|since| now.since(since) >= time)
}
