//! What the counts say: pain, anomaly and malice, kept apart (decision-science, section 5).
//!
//! [`Evidence`] takes what the data plane counted, step by step, puts steps together to seconds, and answers [`Findings`]
//! once for each. It decides nothing: load is the threshold's matter, and what follows from findings the decision's.
//!
//! ```text
//!  Summary ─▶ Assembly ─▶ Second ─┬▶ figures ─▶ volume (z, sums) ─┬▶ upstream ─▶ learning ─▶ baselines, mixes
//!  100 ms…1 s                     ├▶ samples ─▶ mixes ────────────┼▶ malice
//!                                 └▶ history ─▶ pain ─────────────┘
//! ```
//!
//! What is counted ([`Metric`]), and why:
//!
//! - *Volumes*, judged every second on both sides: requests of everybody, of known and of other clients (a flood; silence),
//!   the load that they offer (a few dear requests), handshakes and connections in use (what never becomes a request), login
//!   attempts. Only [`Metric::Requests`] tells that traffic has vanished; only known clients' counts form what is expected of
//!   known clients.
//! - *Shares and sizes*, which malice compares: requests from networks seen before, logins confirmed, handshakes failed,
//!   navigations, requests with a ticket, the cost of a request, the pace of a network.
//! - *Attributes* of samples of T3 to T6, all 21: known clients are never judged by what they are made of, nor are verified
//!   crawlers. Which rules match, what the app failed, and names of values are not evidence.
//!
//! Learning is slow and careful. A second is learnt when it was calm for a minute and no doubt arose in the half minute
//! after it; never while blind, while upstream is suspected, in an hour that is ambiguous, or within five minutes after
//! everybody was admitted again. Baselines rise by at most 10 % an hour beyond what the same hours of other weeks say.
//!
//! Everything is a value: it can be copied, written down and read back at any step, and goes on as if nothing was.

mod baseline;
mod findings;
mod histogram;
mod history;
mod learning;
mod malice;
mod metric;
mod mix;
mod pain;
mod profile;
mod ramp;
mod samples;
mod second;
#[cfg(test)]
mod tests;
mod upstream;
mod volume;

pub use findings::{Feature, Findings, Hurt, Malice, Maturity, Mix, Pain, Term, Upstream, Verdict, Volume};
pub use metric::Metric;
pub use profile::Profile;

use baseline::{Baseline, HOURS, SPREAD_FLOOR};
use history::History;
use learning::Learning;
pub(crate) use malice::ATTACK;
use malice::Case;
use metric::Figures;
use mix::Mixes;
use model::{Finite, Instant, Level, Summary};
use pain::Pains;
use ramp::Ramps;
use second::{Assembly, Second, Taken};
use serde::{Deserialize, Serialize};
use volume::Cusum;

/// After so many milliseconds without a summary the gate is blind (decision-science, section 11).
pub const BLIND_AFTER_MILLIS: u64 = 3_000;

/// Bytes that evidence takes at most, whatever comes.
pub const STATE_BYTES_MAX: usize = 8 << 20;

/// What the decision says at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Context {
    /// The level.
    pub level: Level,
    /// Some cohort is not admitted.
    pub is_closed: bool,
    /// When everybody was last admitted again.
    pub opened: Option<Instant>,
    /// Nothing is refused, whatever is decided.
    pub observing: bool,
    /// It is calm only because an admin says so, or has not said yes: that says nothing of what comes.
    pub held_down: bool,
}

impl Context {
    /// Level 0 by itself, with everybody admitted.
    pub(crate) fn is_calm(&self) -> bool {
        self.level == Level::Calm && !self.is_closed && !self.held_down
    }
}

/// What became of a step that was not passed over.
pub(crate) struct Step {
    /// The second in the making began anew with it, the first of all or after a gap: what came before belongs to none.
    pub(crate) is_anew: bool,
    /// What the second says that it completes.
    pub(crate) findings: Option<Findings>,
}

/// What is known of calm, and what the last seconds said.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Evidence {
    assembly: Assembly,
    history: History,
    baselines: Vec<Baseline>,
    cusums: Vec<Cusum>,
    mixes: Mixes,
    ramps: Ramps,
    pains: Pains,
    learning: Learning,
    /// Seconds learnt, or waiting to be: attributes take turns by it.
    turn: u32,
}

impl Default for Evidence {
    fn default() -> Self {
        Self::new()
    }
}

impl Evidence {
    /// Nothing learnt.
    pub fn new() -> Self {
        Self {
            assembly: Assembly::default(),
            history: History::default(),
            baselines: vec![Baseline::new(); Metric::COUNT],
            cusums: vec![Cusum::default(); Metric::VOLUMES.len()],
            mixes: Mixes::new(),
            ramps: Ramps::default(),
            pains: Pains::default(),
            learning: Learning::default(),
            turn: 0,
        }
    }

    /// What 28 calm days would have taught, computed.
    pub fn warm(profile: &Profile) -> Self {
        let baselines = Metric::ALL.map(|metric| {
            let Some(level) = profile.level(metric) else { return Baseline::new() };
            let is_volume = Metric::VOLUMES.contains(&metric);
            let factor = |hour| if is_volume { profile.factor(hour) } else { Finite::ONE };
            let now = profile.hour_of_week.min(HOURS - 1);
            Baseline::warm(level, profile.spread(metric, level * factor(now)), factor, now)
        });
        let draws = (profile.others() * Finite::new(10.0))
            .clamp(Finite::ONE, Finite::count(10 * samples::KEPT as u64));
        Self { baselines: baselines.to_vec(), mixes: Mixes::warm(&profile.samples, draws), ..Self::new() }
    }

    /// Takes what was counted in one step; answers what it completes a second with.
    ///
    /// A step that does not end after the one before is passed over. Without a step for more than [`BLIND_AFTER_MILLIS`]
    /// the second after it is blind: it is not learnt, and every run of quiet begins anew.
    pub fn step(&mut self, summary: &Summary, context: &Context) -> Option<Findings> {
        self.take(summary, context)?.findings
    }

    /// [`Evidence::step`], for whoever puts steps together as well; `None` if this one is passed over.
    pub(crate) fn take(&mut self, summary: &Summary, context: &Context) -> Option<Step> {
        let Taken { is_anew, second } = self.assembly.step(summary, context)?;
        Some(Step { is_anew, findings: second.map(|second| self.judge(second, context)) })
    }

    fn judge(&mut self, mut second: Second, context: &Context) -> Findings {
        let maturity = self.maturity();
        if second.blind {
            self.pains.forget();
        }
        self.mixes.push(&std::mem::take(&mut second.samples));
        let pace = self.mixes.pace(second.per_second(second.requests(metric::OTHERS)));
        let figures = metric::measure(&second, pace);
        let expected = self.expected(second.hour_of_week);
        let (load, left) = (figures[Metric::Load.index()].unwrap_or_default(), second.left());
        let volume = self.judge_volumes(&figures, &expected);
        self.history.push(second.clone(), figures);
        self.ramps.push(&self.history, |metric| expected[metric.index()]);
        let mix = if maturity == Maturity::Absent { Vec::new() } else { self.mixes.judge() };
        let upstream = upstream::judge(&self.history, &volume, load);
        let pain = self.pains.judge(&self.history, left);
        let malice = self.judge_malice(&mix, expected, &pain, context);
        let is_learnt = self.learn(&second, &figures, context, upstream.is_suspected);
        Findings {
            at: second.at,
            millis: second.millis,
            pain,
            volume,
            mix,
            malice,
            upstream,
            blind: second.blind,
            is_learnt,
            maturity,
            expected_load: expected[Metric::Load.index()],
        }
    }

    /// Whether more than [`BLIND_AFTER_MILLIS`] passed without a step, at this moment; not before the first.
    pub fn is_blind(&self, now: Instant) -> bool {
        self.assembly.last().is_some_and(|last| now.since(last).as_millis() > u128::from(BLIND_AFTER_MILLIS))
    }

    /// Goes on in another process, with another clock: moments and runs of quiet are forgotten, what was learnt stays.
    pub fn resume(&mut self) {
        self.assembly.forget();
        self.pains.forget();
        self.learning.forget();
        self.mixes.drop_pending();
    }

    /// How much calm the baselines rest on.
    pub fn maturity(&self) -> Maturity {
        match self.baselines[Metric::Requests.index()].seen() {
            ..PROVISIONAL_SECONDS => Maturity::Absent,
            PROVISIONAL_SECONDS..FULL_SECONDS => Maturity::Provisional,
            FULL_SECONDS.. => Maturity::Full,
        }
    }

    /// Bytes that it takes now; at most [`STATE_BYTES_MAX`].
    pub fn state_bytes(&self) -> usize {
        let hours: usize = self.baselines.iter().map(Baseline::room).sum();
        let values = self.mixes.room();
        size_of::<Self>()
            + self.baselines.capacity() * size_of::<Baseline>()
            + hours * HOUR_BYTES
            + values * VALUE_BYTES
            + self.history.bytes()
            + self.learning.bytes()
            + self.assembly.samples_room() * size_of::<model::Sample>()
    }

    /// What is expected of each metric in this hour; nothing before the baseline is provisional.
    fn expected(&self, hour: Option<u8>) -> Figures {
        let is_absent = self.maturity() == Maturity::Absent;
        Metric::ALL.map(|metric| {
            let baseline = &self.baselines[metric.index()];
            if is_absent || baseline.seen() < MEASURED_SECONDS { None } else { baseline.expected(hour) }
        })
    }

    fn judge_volumes(&mut self, figures: &Figures, expected: &Figures) -> Vec<Volume> {
        let floor = if self.maturity() == Maturity::Full { SPREAD_FLOOR } else { PROVISIONAL_SPREAD };
        let volumes = Metric::VOLUMES.into_iter().zip(&mut self.cusums);
        let judged = volumes.filter_map(|(metric, cusum)| {
            let spread = self.baselines[metric.index()].spread().max(floor);
            Some(cusum.judge(metric, figures[metric.index()]?, expected[metric.index()]?, spread))
        });
        judged.collect()
    }

    fn judge_malice(&self, mix: &[Mix], expected: Figures, pain: &[Hurt], context: &Context) -> Malice {
        let case = Case {
            history: &self.history,
            mix,
            expected,
            steepest: self.ramps.steepest(),
            is_short_of_room: pain.iter().any(|hurt| hurt.pain == Pain::Utilisation),
            observing: context.observing,
        };
        case.judge()
    }

    /// Learns, or drops what waits to be learnt; answers whether this second is to be learnt.
    fn learn(&mut self, second: &Second, figures: &Figures, context: &Context, is_suspected: bool) -> bool {
        let Some(hour) = self.learning.hour(second, context, is_suspected) else {
            self.learning.drop_pending();
            self.mixes.drop_pending();
            return false;
        };
        if let Some(waited) = self.learning.wait(hour, *figures) {
            for (baseline, value) in self.baselines.iter_mut().zip(waited.figures) {
                if let Some(value) = value {
                    baseline.learn(waited.hour, value);
                }
            }
        }
        self.turn = (self.turn + 1) % mix::TURN_SECONDS;
        self.mixes.learn(self.turn);
        true
    }
}

/// Seconds of calm that make a provisional baseline: 10 minutes (decision-science, section 0.8).
const PROVISIONAL_SECONDS: u32 = 600;
/// A metric that was measured in fewer seconds of them, as login success is on a small site, has no expectation yet.
const MEASURED_SECONDS: u32 = 60;
/// Seconds of calm that make a full one: 24 hours.
const FULL_SECONDS: u32 = 86_400;
/// The least spread while the baseline is provisional.
const PROVISIONAL_SPREAD: Finite = Finite::new(0.5);
/// Bytes of the weeks of one hour of one metric.
const HOUR_BYTES: usize = 40;
/// Bytes of one value with its weight or share.
const VALUE_BYTES: usize = 16;
