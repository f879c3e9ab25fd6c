//! For how much of their time people were served, as the public may read it.
//!
//! Nobody who attacks may read how well that goes: while an incident is open, and for half an hour after it, figures are bands of whole
//! five minutes that ended five minutes ago (status-contracts, section 0.2). What is exact is half an hour old. All of it depends on how
//! people fared and on what the public was told, never on what the gate does.

use std::time::Duration;

use model::{Timestamp, UserTime};
use serde::{Deserialize, Serialize};

use crate::availability::{Availability, Measure, WINDOWS_A_DAY, WINDOWS_AN_HOUR, begin, window};
use crate::case::Case;
use crate::civil::Civil;
use crate::state::State;
use crate::texts::day_and_clock;
use crate::words::Stage;

/// Whose time is measured. Whether somebody belongs to one of them is known before an attack begins.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Users {
    /// Customers who had signed in.
    Known,
    /// Visitors without an account who had been here in calm, at least ten minutes before and within a day.
    Returning,
}

impl Users {
    /// All of them, in the order of [`crate::Sight::spent`].
    pub const ALL: [Self; 2] = [Self::Known, Self::Returning];

    /// As in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Returning => "returning",
        }
    }

    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Known => "Customers who have signed in",
            Self::Returning => "Visitors who had been here before",
        }
    }
}

/// How much of their time people were served, in a word.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// 99 % or more.
    Nearly,
    /// 95 to 99 %.
    Mostly,
    /// 50 to 95 %.
    Partly,
    /// Under 50 %.
    Hardly,
}

impl Band {
    /// All of them, from best to worst.
    pub const ALL: [Self; 4] = [Self::Nearly, Self::Mostly, Self::Partly, Self::Hardly];

    /// The band of a share in 1/10,000.
    pub(crate) const fn of(share: u16) -> Self {
        match share {
            9_900.. => Self::Nearly,
            9_500.. => Self::Mostly,
            5_000.. => Self::Partly,
            _ => Self::Hardly,
        }
    }

    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nearly => "99\u{A0}% or more",
            Self::Mostly => "95 to 99\u{A0}%",
            Self::Partly => "50 to 95\u{A0}%",
            Self::Hardly => "under 50\u{A0}%",
        }
    }
}

/// Times that were alike, in bands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Stretch {
    /// On a whole five minutes.
    pub from: Timestamp,
    /// On a whole five minutes.
    pub until: Timestamp,
    /// By [`Users::ALL`]; `None`: not enough data.
    pub bands: [Option<Band>; 2],
}

/// Exact figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Measured {
    /// On a whole five minutes.
    pub from: Timestamp,
    /// On a whole five minutes.
    pub until: Timestamp,
    /// By [`Users::ALL`]; `None`: not enough data.
    pub of: [Option<Measure>; 2],
}

/// What the public reads of a time.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Served {
    /// Newest first; empty: no five minutes of it are old enough.
    Bands(Vec<Stretch>),
    /// Exact.
    Exact(Measured),
}

impl Served {
    /// Stretches at most.
    pub const STRETCHES_MAX: usize = 48;

    /// Whether nothing of the time is known: the gate has just started, or nobody was there.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Bands(stretches) => stretches.is_empty(),
            Self::Exact(measured) => measured.from >= measured.until,
        }
    }
}

impl Measured {
    /// A sentence about each of [`Users::ALL`].
    pub(crate) fn lines(&self) -> [String; 2] {
        std::array::from_fn(|place| {
            let who = Users::ALL[place].label();
            let Some(Measure { share, worst, visits }) = self.of[place] else {
                return format!("{who}: not enough data for a figure.");
            };
            let worst = worst.map(|(at, share)| {
                format!(
                    ", {} in the quarter of an hour from {} on, which was the worst",
                    percent(share),
                    Civil::of(at).clock()
                )
            });
            let (share, worst) = (percent(share), worst.unwrap_or_default());
            let (from, until) = (day_and_clock(self.from, self.until), Civil::of(self.until).clock());
            format!(
                "{who}: served for {share} of their time from {from} to {until}{worst}; about {} visits.",
                rounded(visits)
            )
        })
    }

    /// With visits rounded, for the public.
    fn rounded(mut self) -> Self {
        for measure in self.of.iter_mut().flatten() {
            measure.visits = rounded(measure.visits);
        }
        self
    }
}

/// `87.31 %`, of a share in 1/10,000.
pub fn percent(share: u16) -> String {
    format!("{}.{:02}\u{A0}%", share / 100, share % 100)
}

/// Two digits, and below a hundred whole tens: how many they were exactly is the company's business.
fn rounded(visits: u64) -> u64 {
    let unit = unit_of_two_digits(visits, 10);
    (visits + unit / 2) / unit * unit
}

/// The power of ten, no less than this, of which a count has at most 99.
pub(crate) fn unit_of_two_digits(count: u64, least: u64) -> u64 {
    let mut unit = least;
    while count / unit >= 100 {
        unit = unit.saturating_mul(10);
    }
    unit
}

/// What is known of everybody's time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    /// By [`Users::ALL`].
    of: [Availability; 2],
    /// Since when it is measured: a process that is younger than an outage has not seen the worst of it.
    began: Option<Timestamp>,
}

impl Times {
    /// Takes what has been added up so far, by [`Users::ALL`].
    pub(crate) fn look(&mut self, spent: [UserTime; 2], now: Timestamp) {
        let _first = self.began.get_or_insert(now);
        for (of, spent) in self.of.iter_mut().zip(spent) {
            of.look(spent, now);
        }
    }

    /// Whether all of the time from then on was measured, as far as it is remembered.
    fn covers(&self, from: Timestamp) -> bool {
        self.began.is_some_and(|began| began <= from)
    }

    /// The first window of which something is known.
    fn first(&self) -> Option<u64> {
        self.of.iter().filter_map(Availability::first).min()
    }

    /// The windows from one on and before another, alike ones in one piece, newest first.
    fn bands(&self, state: &State, from: u64, until: u64) -> Served {
        let mut stretches: Vec<Stretch> = Vec::new();
        for number in (from.max(self.first().unwrap_or(until))..until).rev() {
            let is_seen = !is_blind(state, begin(number), begin(number + 1));
            let band = |of: &Availability| of.window(number).filter(|_| is_seen).map(Band::of);
            let bands = self.of.each_ref().map(band);
            let is_full = stretches.len() == Served::STRETCHES_MAX;
            match stretches.last_mut().filter(|last| last.bands == bands) {
                Some(last) => last.from = begin(number),
                None if is_full => break,
                None => stretches.push(Stretch { from: begin(number), until: begin(number + 1), bands }),
            }
        }
        Served::Bands(stretches)
    }

    fn exact(&self, state: &State, from: u64, until: u64) -> Measured {
        let from = from.max(self.first().unwrap_or(until)).min(until);
        let of = std::array::from_fn(|place| self.of[place].measure(from, until));
        seen(Measured { from: begin(from), until: begin(until), of }, state)
    }
}

/// What the public reads on the first page: of the last day, or of the last hour while an incident is open or just over.
pub(crate) fn lately(times: &Times, state: &State, now: Timestamp) -> Served {
    let is_recent = |case: &Case| resolved(case).is_some_and(|at| now.since(at) < EXACT_AFTER || now < at);
    let told = || state.cases.iter().filter(|case| !case.said.is_empty());
    let until = shown_until(now);
    if told().any(|case| case.is_open() || is_recent(case)) {
        return times.bands(state, until.saturating_sub(WINDOWS_AN_HOUR), until);
    }
    let until = window(now.before(EXACT_AFTER));
    Served::Exact(times.exact(state, until.saturating_sub(WINDOWS_A_DAY), until).rounded())
}

/// What the public reads of an incident; `None`: nothing is known of it.
pub(crate) fn during(case: &Case, state: &State, times: &Times, now: Timestamp) -> Option<Served> {
    // What people tell of, or alerts, is not what the gate measures.
    if !case.is_own() {
        return None;
    }
    if let Some((_, measured)) = case.measured.filter(|_| !case.is_open()) {
        return Some(Served::Exact(seen(measured, state).rounded()));
    }
    let over = resolved(case).filter(|_| !case.is_open());
    let is_fresh = over.is_none_or(|at| now.since(at) < EXACT_AFTER + GRACE);
    let until = over.map_or(u64::MAX, |at| window(at) + 1).min(shown_until(now));
    is_fresh.then(|| times.bands(state, window(case.since), until))
}

/// What is to be written down of an incident that has been over for long enough; `None`: it is not, or was already, or nothing is known.
pub(crate) fn due<'a>(state: &'a State, times: &Times, now: Timestamp) -> Option<(&'a Case, Measured)> {
    // Where nobody was ever counted there is nothing to say.
    times.first()?;
    let is_due = |over: Timestamp| (EXACT_AFTER..FORGOTTEN_AFTER).contains(&now.since(over));
    let unmeasured =
        state.cases.iter().filter(|case| case.is_own() && !case.is_open() && case.measured.is_none());
    let (case, over) =
        unmeasured.filter_map(|case| Some((case, resolved(case)?))).find(|(_, over)| is_due(*over))?;
    let (from, until) = (window(case.since), window(over) + 1);
    if times.covers(case.since) {
        return Some((case, times.exact(state, from, until)));
    }
    // Who measures since a restart would say of an outage before it that all was well.
    Some((case, Measured { from: begin(from), until: begin(until), of: [None; 2] }))
}

/// Without figures where part of the time was not seen: an outpost may tell of that later than they were taken.
pub(crate) fn seen(mut measured: Measured, state: &State) -> Measured {
    if is_blind(state, measured.from, measured.until) {
        measured.of = [None; 2];
    }
    measured
}

/// Whether nobody outside could reach the site in some of this time: who does not get through is in no figure, and those of the others
/// would say that all was well.
pub(crate) fn is_blind(state: &State, from: Timestamp, until: Timestamp) -> bool {
    let believed = state.spells.iter().filter(|spell| spell.doubted.is_none());
    believed.into_iter().any(|spell| spell.from < until && spell.until.is_none_or(|end| end > from))
}

/// When it was last called over.
fn resolved(case: &Case) -> Option<Timestamp> {
    case.said.iter().rev().find(|said| said.stage == Stage::Resolved).map(|said| said.at)
}

/// The first window that is not shown: the last one goes on, and those before it must have ended a while ago.
fn shown_until(now: Timestamp) -> u64 {
    window(now.before(LATE))
}

/// Windows are shown so long after they ended (status-contracts, section 0.2).
const LATE: Duration = Duration::from_secs(300);
/// Exact figures are shown so long after an incident is over (status-contracts, section 0.2), and of other times so late.
const EXACT_AFTER: Duration = Duration::from_secs(1_800);
/// What was over for so long when a process began is measured by nobody any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(2 * 86_400);
/// What is due is written down within seconds.
const GRACE: Duration = Duration::from_secs(60);
