//! How an incident went, as steps over time: what charts of a report are drawn from, and the tables behind them.

use model::{Level, Timestamp};

use crate::case::{Case, Lost};
use crate::record::Entry;
use crate::sight::Services;
use crate::words::{Audience, Service, Stage};

/// One thing that had one of a few values at each moment of an incident.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// The values that it can have, the best first.
    pub values: Vec<&'static str>,
    /// Which it had, oldest first; at least one.
    pub steps: Vec<Step>,
    /// When the incident ended; `None`: it goes on.
    pub until: Option<Timestamp>,
}

/// From when something had a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// When it began.
    pub at: Timestamp,
    /// Its place in [`Chart::values`].
    pub value: usize,
    /// The entry of the record that says so.
    pub entry: u64,
}

/// Those of one incident: how each audience fared, whether it could be reached from outside, and for colleagues what the gate did. Where readers may not know all yet, it is what
/// the public was told, at the moments at which it was told.
pub(crate) fn charts(case: &Case, is_for_colleagues: bool, is_exact: bool) -> Vec<Chart> {
    let mut charts: Vec<Chart> =
        Audience::ALL.into_iter().filter_map(|audience| fared(case, audience, is_exact)).collect();
    charts.extend(outside(case));
    if is_for_colleagues {
        charts.extend(levels(case));
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
    let values = vec!["it could be reached", "nobody could reach it"];
    chart(case, "Seen from outside".to_owned(), values, steps.collect())
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
    chart(case, audience.label().to_owned(), FARES.map(Service::label).to_vec(), steps)
}

fn levels(case: &Case) -> Option<Chart> {
    let mut order = Level::ALL;
    order.sort_by_key(|level| level.severity());
    let place = |level: Level| order.iter().position(|known| *known == level).unwrap_or_default();
    let steps = case.notes.iter().filter_map(|note| {
        let Entry::Level { after, .. } = &note.entry else { return None };
        Some(Step { at: note.at, value: place(after.0), entry: note.seq })
    });
    chart(case, "Level of the gate".to_owned(), order.map(Level::label).to_vec(), steps.collect())
}

/// What is the same before and after is one step; nothing to draw is no chart.
fn chart(case: &Case, title: String, values: Vec<&'static str>, mut steps: Vec<Step>) -> Option<Chart> {
    steps.dedup_by_key(|step| step.value);
    steps.first()?;
    let last = steps.last().map_or(case.since, |step| step.at);
    let resolved = case.said.iter().rev().find(|said| said.stage == Stage::Resolved);
    let until = resolved.map(|said| said.at).or(case.is_ended.then_some(case.updated_at));
    let until = until.filter(|_| !case.is_open()).map(|until| until.max(last));
    Some(Chart { title, values, steps, until })
}

const FARES: [Service; 4] = [Service::Good, Service::Delayed, Service::Part, Service::Down];
