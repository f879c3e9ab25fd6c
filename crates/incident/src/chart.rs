//! How an incident went, as steps over time: what charts of a report are drawn from, and the tables behind them.

use model::{Level, Timestamp};
use serde::{Deserialize, Serialize};

use crate::case::{Case, Lost};
use crate::course;
use crate::record::Entry;
use crate::sight::Services;
use crate::state::State;
use crate::words::{Audience, Service, Stage};

/// Figures over the time of an incident, one thing that had one of a few values at each moment of it, or both.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Figures, all of one unit and drawn on one scale.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curves: Vec<Curve>,
    /// The values that it can have, the best first.
    pub values: Vec<String>,
    /// Which it had, oldest first; at least one, unless there are curves.
    pub steps: Vec<Step>,
    /// When the incident ended; `None`: it goes on.
    pub until: Option<Timestamp>,
}

/// From when something had a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Step {
    /// When it began.
    pub at: Timestamp,
    /// Its place in [`Chart::values`].
    pub value: usize,
    /// The entry of the record that says so; 0: readers are not told.
    #[serde(default, skip_serializing_if = "is_untold")]
    pub entry: u64,
}

/// One figure over time.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Curve {
    /// What it counts.
    pub name: String,
    /// In what.
    pub unit: Unit,
    /// Oldest first, at least one; at most [`Curve::POINTS_MAX`].
    pub points: Vec<Point>,
}

/// What a figure is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Requests a second.
    ASecond,
    /// A share in 1/10,000.
    Share,
}

/// A figure of some time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Point {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// `None`: not enough data.
    pub value: Option<u64>,
    /// The entry of the record that says so; 0: readers are not told.
    #[serde(default, skip_serializing_if = "is_untold")]
    pub entry: u64,
}

impl Curve {
    /// Points of a curve at most.
    pub const POINTS_MAX: usize = crate::load::TALLIES_MAX;
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_untold(entry: &u64) -> bool {
    *entry == 0
}

/// For whom charts are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct For<'a> {
    /// What else is known, such as when nobody outside could reach the site.
    pub(crate) state: &'a State,
    /// For those who may know what the gate thought.
    pub(crate) colleagues: bool,
    /// They may know everything that is told at all. Otherwise it is what the public was told, at the moments at which it was told.
    pub(crate) all_is_told: bool,
    /// They are told what the gate did, not only what came.
    pub(crate) done: bool,
    /// They are told for how much of their time people were served.
    pub(crate) figures: bool,
}

/// Those of one incident: how each audience fared, whether it could be reached from outside, what came and what the gate did.
pub(crate) fn charts(case: &Case, readers: For<'_>) -> Vec<Chart> {
    let is_exact = readers.all_is_told;
    let mut charts: Vec<Chart> =
        Audience::ALL.into_iter().filter_map(|audience| fared(case, audience, is_exact)).collect();
    charts.extend(outside(case));
    match (readers.all_is_told, readers.colleagues) {
        (false, _) => {}
        (true, true) => charts.extend(course::exact(case, readers.state)),
        (true, false) => charts.extend(course::coarse(case, readers)),
    }
    charts
}

fn outside(case: &Case) -> Option<Chart> {
    let times = case.notes.iter().filter_map(|note| {
        let Entry::Outside { from, until, is_doubted: false, .. } = &note.entry else { return None };
        Some((*from, *until, note.seq))
    });
    let steps = times.flat_map(|(from, until, entry)| {
        let step = |at, value| Step { at: Timestamp::from_millis(at), value, entry };
        [Some(step(from, 1)), until.map(|until| step(until, 0))].into_iter().flatten()
    });
    let values = ["it could be reached", "nobody could reach it"];
    chart(case, "Seen from outside".to_owned(), &values, steps.collect())
}

fn fared(case: &Case, audience: Audience, is_exact: bool) -> Option<Chart> {
    if case.is_by_alert {
        // It says nothing of how anybody fared.
        return None;
    }
    let told = case.said.iter().map(|said| (said.at, said.services, said.seq));
    let noted = case.notes.iter().filter_map(|note| {
        let Entry::Fared { services, .. } = &note.entry else { return None };
        Some((note.at, *services, note.seq))
    });
    // Of what only people saw, or probes elsewhere, nothing was told of how anybody fared.
    let is_exact = is_exact || case.lost == [Lost::default(); 2];
    let seen: Vec<(Timestamp, Services, u64)> = if is_exact { noted.collect() } else { told.collect() };
    let steps = seen.into_iter().map(|(at, services, entry)| {
        let fares = services.of(audience);
        let value = FARES.iter().position(|known| *known == fares).unwrap_or_default();
        Step { at, value, entry }
    });
    let mut steps: Vec<Step> = steps.collect();
    if let Some(first) = steps.first_mut() {
        // Who fared badly when it began to count had done so from the beginning on.
        first.at = first.at.min(case.since);
    }
    chart(case, audience.label().to_owned(), &FARES.map(Service::label), steps)
}

/// What the gate did, in these words for each of [`SEVERITY`].
pub(crate) fn levels(case: &Case, title: &str, words: &[&str; Level::ALL.len()]) -> Option<Chart> {
    let place = |level: Level| SEVERITY.iter().position(|known| *known == level).unwrap_or_default();
    let steps = case.notes.iter().filter_map(|note| {
        let Entry::Level { after, .. } = &note.entry else { return None };
        Some(Step { at: note.at, value: place(after.0), entry: note.seq })
    });
    chart(case, title.to_owned(), words, steps.collect())
}

/// What is the same before and after is one step; nothing to draw is no chart.
pub(crate) fn chart(case: &Case, title: String, values: &[&str], mut steps: Vec<Step>) -> Option<Chart> {
    steps.dedup_by_key(|step| step.value);
    steps.first()?;
    let last = steps.last().map_or(case.since, |step| step.at);
    let until = ended(case).map(|until| until.max(last));
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Some(Chart { title, curves: Vec::new(), values, steps, until })
}

/// When it was over; `None`: it goes on.
pub(crate) fn ended(case: &Case) -> Option<Timestamp> {
    // What is said of it afterwards moves no end.
    let over = case.said.iter().rev().take_while(|said| !said.stage.is_open());
    let resolved = over.filter(|said| said.stage == Stage::Resolved).last();
    let until = resolved.map(|said| said.at).or(case.is_ended.then_some(case.updated_at));
    until.filter(|_| !case.is_open())
}

/// Levels from the mildest to the most severe.
pub(crate) const SEVERITY: [Level; Level::ALL.len()] = [
    Level::Calm,
    Level::Filtering,
    Level::Limiting,
    Level::Challenging,
    Level::Reopening,
    Level::CustomersFirst,
];

const FARES: [Service; 4] = [Service::Good, Service::Delayed, Service::Part, Service::Down];
