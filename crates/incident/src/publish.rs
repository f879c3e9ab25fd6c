//! From what the record says to what may be published.

use aws_lc_rs::digest::{SHA256, digest};
use model::Timestamp;

use crate::case::Case;
use crate::course;
use crate::outside::{KeptSpell, Spell};
use crate::served::{self, Times};
use crate::settings::{ComponentSetting, NEWEST, Settings, UPDATES_SHOWN, UPDATES_SHOWN_OLD, Watches};
use crate::state::{State, Watched, Work};
use crate::view::{Component, Incident, Maintenance, Progress, Update, View};
use crate::words::{Audience, PublicId, Stage, Status};

/// What may be published at a moment.
pub(crate) fn view(state: &State, settings: &Settings, times: &Times, now: Timestamp) -> View {
    let listed = Listed::of(settings);
    let mut components: Vec<Component> = listed.rows.iter().map(|row| row.component(state, now)).collect();
    for work in state.maintenances.iter().filter(|work| progress(work, now) == Progress::InProgress) {
        for &place in &work.components {
            let component = &mut components[listed.row_of[place]];
            component.status = component.status.max(Status::UnderMaintenance);
        }
    }
    // Groups come before what is in them, so that from the end each has its whole.
    for place in (0..components.len()).rev() {
        let Component { status, since, updated_at, group, .. } = components[place];
        if let Some(group) = group {
            let group = &mut components[group];
            (group.status, group.updated_at) = (group.status.max(status), group.updated_at.max(updated_at));
            group.since = if group.since == Timestamp::default() { since } else { group.since.min(since) };
        }
    }
    let told = state.cases.iter().rev().filter(|case| !case.said.is_empty());
    let is_shown = settings.audience_figures;
    let charts = |place: usize, case: &Case| {
        if place < NEWEST { course::shown(case, state, is_shown, now) } else { Vec::new() }
    };
    let incidents = told.enumerate().map(|(place, case)| Incident {
        served: is_shown.then(|| served::during(case, state, times, now)).flatten(),
        charts: charts(place, case),
        ..incident(case, &listed, shown(place))
    });
    View {
        components,
        incidents: incidents.collect(),
        maintenances: state.maintenances.iter().rev().map(|work| maintenance(work, &listed, now)).collect(),
        outside: spells(state),
        served: is_shown.then(|| served::lately(times, state, now)),
        places: 0,
        updated_at: if state.updated_at == Timestamp::default() { now } else { state.updated_at },
    }
}

/// Those that the public was told of, and those that an outpost told of and that were none: so that it no longer does.
fn spells(state: &State) -> Vec<Spell> {
    let told =
        |number: u32| state.cases.iter().rev().find(|case| case.number == number && !case.said.is_empty());
    let spell = |kept: &KeptSpell| {
        let id = kept.doubted.or_else(|| told(kept.incident).map(|case| case.id))?;
        Some(Spell { id, from: kept.from, until: kept.until })
    };
    state.spells.iter().filter_map(spell).collect()
}

/// How many updates of an incident are shown: every page and feed has them.
const fn shown(place: usize) -> usize {
    if place < NEWEST { UPDATES_SHOWN } else { UPDATES_SHOWN_OLD }
}

/// Components with their groups, in the order of the page.
struct Listed<'a> {
    rows: Vec<Row<'a>>,
    /// The row of each component of the configuration.
    row_of: Vec<usize>,
}

struct Row<'a> {
    name: &'a str,
    full_name: String,
    group: Option<usize>,
    /// `None`: a group.
    leaf: Option<(&'a ComponentSetting, usize)>,
}

impl<'a> Listed<'a> {
    fn of(settings: &'a Settings) -> Self {
        let mut listed = Self { rows: Vec::new(), row_of: Vec::new() };
        for (place, leaf) in settings.components.iter().take(Settings::COMPONENTS_MAX).enumerate() {
            let mut group = None;
            for (depth, name) in leaf.groups.iter().enumerate() {
                let full_name = leaf.groups[..=depth].join(" / ");
                group = Some(listed.group(name, full_name, group));
            }
            listed.row_of.push(listed.rows.len());
            let full_name = leaf.full_name();
            listed.rows.push(Row { name: &leaf.name, full_name, group, leaf: Some((leaf, place)) });
        }
        listed
    }

    fn group(&mut self, name: &'a str, full_name: String, group: Option<usize>) -> usize {
        let there = self.rows.iter().position(|row| row.leaf.is_none() && row.full_name == full_name);
        there.unwrap_or_else(|| {
            self.rows.push(Row { name, full_name, group, leaf: None });
            self.rows.len() - 1
        })
    }

    fn rows_of(&self, places: &[usize]) -> Vec<usize> {
        places.iter().filter_map(|&place| self.row_of.get(place).copied()).collect()
    }
}

impl Row<'_> {
    fn component(&self, state: &State, now: Timestamp) -> Component {
        let watched: Option<&Watched> = self.leaf.and_then(|(_, place)| state.components.get(place));
        let kind = if self.leaf.is_some() { "component" } else { "group" };
        Component {
            id: named(kind, &self.full_name),
            name: self.name.to_owned(),
            description: self.leaf.map(|(leaf, _)| leaf.description.clone()).unwrap_or_default(),
            group: self.group,
            is_group: self.leaf.is_none(),
            is_watched: self.leaf.is_some_and(|(leaf, _)| leaf.watches != Watches::Nothing),
            status: watched.map_or(Status::Operational, Watched::status),
            // One that the record does not know yet is watched from now on.
            since: watched.map(|watched| watched.since.unwrap_or(now)).unwrap_or_default(),
            updated_at: watched.map_or(now, |watched| watched.updated_at),
            troubles: watched.map(|watched| watched.troubles.clone()).unwrap_or_default(),
        }
    }
}

fn named(kind: &str, full_name: &str) -> PublicId {
    let hash = digest(&SHA256, format!("{kind}\n{full_name}").as_bytes());
    // SHA-256 has 32 bytes.
    PublicId::of(&hash.as_ref().try_into().unwrap_or_default())
}

fn incident(case: &Case, listed: &Listed<'_>, shown: usize) -> Incident {
    let stage = case.stage().unwrap_or(Stage::Investigating);
    // News within a stage do not reach it again.
    let before = [None].into_iter().chain(case.said.iter().map(|said| Some(said.stage)));
    let turns: Vec<_> = before.zip(&case.said).filter(|(before, said)| *before != Some(said.stage)).collect();
    let reached =
        |stage: Stage| turns.iter().rev().find(|(_, said)| said.stage == stage).map(|(_, said)| said.at);
    let last = case.said.last();
    let is_over = !stage.is_open();
    let services = last.map(|said| said.services).unwrap_or_default();
    let now = if is_over { Vec::new() } else { Audience::ALL.map(|of| (of, services.of(of))).into() };
    Incident {
        id: case.id,
        title: case.title.clone(),
        stage,
        impact: case.impact,
        started_at: case.since,
        published_at: case.said.first().map_or(case.since, |said| said.at),
        identified_at: reached(Stage::Identified),
        monitoring_at: reached(Stage::Monitoring).filter(|_| stage >= Stage::Monitoring),
        served_again_at: case.served_again().map(|(at, _)| at).filter(|_| stage >= Stage::Monitoring),
        resolved_at: reached(Stage::Resolved).filter(|_| is_over),
        reopened: case.reopened.clone(),
        updates: updates(case, listed, shown),
        components: listed.rows_of(&case.components),
        audiences: if case.is_own() { now } else { Vec::new() },
        next_update_by: last.and_then(|said| said.next).filter(|_| !is_over),
        updated_at: case.updated_at,
        postmortem: case.report.clone(),
        served: None,
        charts: Vec::new(),
    }
}

/// The newest that fit, and the first.
fn updates(case: &Case, listed: &Listed<'_>, shown: usize) -> Vec<Update> {
    let mut before = None;
    let mut updates = Vec::with_capacity(case.said.len());
    for said in &case.said {
        let affected = said.affected.iter();
        let row = |&(place, old, new): &(usize, Status, Status)| Some((*listed.row_of.get(place)?, old, new));
        let body = match &said.reason {
            Some(reason) => format!("{}\n\nCalled {} by a person: {reason}", said.body, said.stage.name()),
            None => said.body.clone(),
        };
        updates.push(Update {
            id: said.id,
            stage: said.stage,
            is_same_stage: before == Some(said.stage),
            body,
            at: said.at,
            affected: affected.filter_map(row).collect(),
            is_by_person: said.is_by_person,
        });
        before = Some(said.stage);
    }
    if updates.len() > shown {
        updates.drain(1..=updates.len() - shown);
    }
    updates.reverse();
    updates
}

fn maintenance(work: &Work, listed: &Listed<'_>, now: Timestamp) -> Maintenance {
    Maintenance {
        id: work.id,
        title: work.title.clone(),
        body: work.body.clone(),
        created_at: work.created_at,
        updated_at: work.updated_at,
        from: work.from,
        until: work.until,
        progress: progress(work, now),
        components: listed.rows_of(&work.components),
    }
}

fn progress(work: &Work, now: Timestamp) -> Progress {
    match () {
        () if work.is_over || now >= work.until => Progress::Completed,
        () if now >= work.from => Progress::InProgress,
        () => Progress::Scheduled,
    }
}
