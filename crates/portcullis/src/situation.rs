//! What the gate sees and does at a moment, and why: what `ctl level` shows.
//!
//! The ticker notes it after each step; nothing here decides anything. The words are in [`told`], the numbers for programs in
//! [`value`].

#[cfg(test)]
mod tests;
mod told;
mod value;
mod words;

use std::sync::Arc;
use std::time::Duration;

use admission::core::Taken;
use guard::Advice;
use guard::evidence::Findings;
use model::{Act, Challenge, Decision, Ground, Instant, Level, Masks, Mode, Summary, Tier};

use crate::desk::Pins;
use crate::lines::{Moment, span};
use crate::ruling::Ruling;

/// What the ticker saw last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Situation {
    /// What is obeyed.
    pub(crate) decision: Decision,
    /// A step was taken.
    has_begun: bool,
    /// Since when the level is what it is; `None`: since before this process began.
    since: Option<Instant>,
    /// Since when it is not calm; `None` in calm, and if it was not calm when this process began.
    unrest: Option<Instant>,
    demand: Demand,
    /// L, and whether it rests on enough healthy seconds.
    pub(crate) limit: (f64, bool),
    /// The load up to which people come back, in requests in service; 0 before the first step, infinite while nothing is known.
    comfortable: f64,
    /// What the last second said.
    sight: Option<Sight>,
    /// Why people were last closed out or let in, and why something was last asked of them or no longer.
    grounds: Vec<Ground>,
    /// In mode `assist`: unknown clients would be closed out if an admin said yes.
    asks: bool,
    /// In mode `assist`: an admin said yes.
    is_allowed: bool,
}

/// What was asked for in one step, in requests in service.
#[derive(Clone, Copy, Debug, Default)]
struct Demand {
    admitted: f64,
    refused: f64,
    /// Taken away by rules, challenges and client limits.
    removed: f64,
}

/// What a second said, and what was made of it.
#[derive(Clone, Debug)]
struct Sight {
    findings: Arc<Findings>,
    /// The value that grew most of each attribute whose mix is unusual, in the same order as there, if it was named.
    tops: Vec<Option<String>>,
    /// Nothing that protects may be lowered.
    holds: bool,
}

/// A situation with what else an admin has to know to read it.
pub(crate) struct Report<'a> {
    pub(crate) situation: &'a Situation,
    pub(crate) moment: Moment,
    /// For how long nothing was decided, if that is longer than a decision lives.
    pub(crate) silent_for: Option<Duration>,
    pub(crate) pins: Pins,
    pub(crate) mode: Mode,
    pub(crate) is_bypassed: bool,
    /// Share of unknown clients to whom refusals apply, in percent.
    pub(crate) enforced: u8,
    /// Rules that are armed, and rules on trial.
    pub(crate) rules: (usize, usize),
    /// What is said of a proxy before the gate that nobody has named.
    pub(crate) undeclared_front: Option<String>,
}

impl Situation {
    /// As it is after the first step of a process.
    pub(crate) fn begun(decision: &Decision, now: Instant) -> Self {
        // An incident that is going on began before.
        let since = (decision.level == Level::Calm).then_some(now);
        Self { decision: decision.clone(), since, ..Self::default() }
    }

    /// This, or before the first step what a process begins with.
    pub(crate) fn or_beginning(&self, decision: &Decision) -> Self {
        if self.has_begun { self.clone() } else { Self { decision: decision.clone(), ..Self::default() } }
    }

    /// Notes that the level is another one now.
    pub(crate) fn note_level(&mut self, before: Level, after: Level, now: Instant) {
        self.since = Some(now);
        match (before, after) {
            (_, Level::Calm) => self.unrest = None,
            (Level::Calm, _) => self.unrest = Some(now),
            _ => {}
        }
    }

    /// Takes a step of the core.
    pub(crate) fn note_step(&mut self, taken: &Taken) {
        (self.has_begun, self.decision) = (true, taken.outcome.decision.clone());
        self.demand = Demand::of(&taken.summary, &self.decision.masks);
        self.comfortable = taken.outcome.comfortable;
        (self.asks, self.is_allowed) = (taken.outcome.asks, taken.circumstances.assist_yes);
        self.note_grounds(&taken.outcome.grounds);
    }

    /// Keeps the newest of either kind.
    fn note_grounds(&mut self, grounds: &[Ground]) {
        let is_about_asking =
            |ground: &Ground| matches!(ground.act, Act::AskForCookie | Act::AskToWait | Act::CeaseAsking);
        for kind in [false, true] {
            if grounds.iter().any(|ground| is_about_asking(ground) == kind) {
                self.grounds.retain(|ground| is_about_asking(ground) != kind);
                self.grounds.extend(grounds.iter().filter(|ground| is_about_asking(ground) == kind));
            }
        }
    }

    /// Takes what a second said.
    pub(crate) fn note_advice(&mut self, advice: &Advice, ruling: &Ruling) {
        let unusual = advice.findings.mix.iter().filter(|mix| mix.is_anomalous);
        self.sight = Some(Sight {
            tops: unusual.map(|mix| ruling.word(mix.top)).collect(),
            findings: Arc::new(advice.findings.clone()),
            holds: advice.holds,
        });
    }

    /// In mode `assist`: an admin said yes. Before the first step it is not known whether an earlier yes goes on.
    pub(crate) fn is_allowed(&self) -> Option<bool> {
        self.has_begun.then_some(self.is_allowed)
    }

    /// Nothing was decided for longer than a decision lives: only a part of the last one is obeyed still.
    pub(crate) fn note_silence(&mut self) {
        let decision = &mut self.decision;
        (decision.masks, decision.challenge, decision.limits_refuse) = (Masks::OPEN, Challenge::Off, true);
    }

    /// Whether some unknown clients are closed out.
    fn is_closed(&self) -> bool {
        !self.decision.masks.is_open()
    }
}

impl Demand {
    fn of(summary: &Summary, masks: &Masks) -> Self {
        let millis = summary.millis.max(1);
        let mut demand = Self::default();
        for tier in Tier::ALL {
            let mut admitted = 0.0;
            for (cohort, cost) in summary.offered[tier.index()].iter().enumerate() {
                let is_in = tier == Tier::T0 || masks.tier(tier) >> cohort & 1 == 1;
                let load = concurrency(*cost, millis);
                if is_in { admitted += load } else { demand.refused += load }
            }
            // Beyond that the login lane lets nobody in, whatever the masks say.
            let lane = if tier == Tier::T3 { LANE_MOST * summary.limit } else { f64::INFINITY };
            demand.refused += (admitted - lane).max(0.0);
            demand.admitted += admitted.min(lane);
        }
        demand.removed =
            concurrency(summary.removed.iter().fold(0, |sum, cost| sum.saturating_add(*cost)), millis);
        demand
    }

    fn all(self) -> f64 {
        self.admitted + self.refused + self.removed
    }
}

/// The most of L that signing in gets (decision-science, section 3).
const LANE_MOST: f64 = 0.20;

#[expect(clippy::cast_precision_loss, reason = "costs are estimates; 53 bits are enough")]
fn concurrency(cost: u64, millis: u64) -> f64 {
    cost as f64 / millis as f64
}

/// What a level means, for people.
pub(crate) const fn meaning(level: Level) -> &'static str {
    match level {
        Level::Calm => "everybody is served",
        Level::Filtering => "rules match attack traffic",
        Level::Limiting => "client limits refuse, where in calm they only count",
        Level::Challenging => "unknown clients must show that they are people",
        Level::CustomersFirst => {
            "known customers are served first, some unknown clients are asked to come back"
        }
        Level::Reopening => "unknown clients are being let in again, step by step",
    }
}

/// That nothing was decided for so long, for people.
pub(crate) fn silence(time: Duration) -> String {
    format!(
        "NOTHING WAS DECIDED FOR {}: nobody is closed out or challenged, client limits refuse, rules end by themselves; restart the gate",
        span(time)
    )
}

/// What mode `assist` makes of a challenge that nobody has said yes to.
pub(crate) const NOBODY_IS_ASKED: &str = "challenge: nobody is asked before an admin says yes (`ctl level pin customers-first`, or `ctl mode auto`)";

/// What a mode lets the gate do, for people.
pub(crate) const fn leave(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => {
            "it decides and reports, and refuses only denied networks, hosts that are not yours, malformed requests, WebSockets where a route forbids them, and connections beyond the bounds"
        }
        Mode::Assist => "challenges and customers-first need an admin's yes, all else is done by itself",
        Mode::Auto => "everything is done by itself",
    }
}
