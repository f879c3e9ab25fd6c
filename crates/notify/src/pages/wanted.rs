//! What a page elsewhere should say: a part of what our own says.

use incident::{Component, Incident, Maintenance, Progress, PublicId, Stage, Status, View};
use model::Timestamp;

use super::PageSettings;

/// What a page elsewhere should say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Wanted {
    /// Oldest first.
    pub(super) incidents: Vec<WantedIncident>,
    /// Oldest first.
    pub(super) works: Vec<WantedWork>,
    /// Ids there, and how they do; only those that are mapped.
    pub(super) components: Vec<(String, Status)>,
}

/// An incident, as it should be there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct WantedIncident {
    pub(super) id: PublicId,
    pub(super) title: String,
    pub(super) started_at: Timestamp,
    pub(super) is_open: bool,
    pub(super) impact: &'static str,
    /// Oldest first; without reports.
    pub(super) updates: Vec<WantedUpdate>,
    /// Ids there.
    pub(super) components: Vec<String>,
    /// Full names, also of those that are not mapped.
    pub(super) names: Vec<String>,
    /// The worst of how its components do.
    pub(super) worst: Status,
    /// The published report, and when it was published.
    pub(super) report: Option<(String, Timestamp)>,
}

/// One thing that was said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct WantedUpdate {
    pub(super) id: PublicId,
    pub(super) stage: Stage,
    pub(super) body: String,
    pub(super) at: Timestamp,
}

/// Announced work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct WantedWork {
    pub(super) id: PublicId,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) progress: Progress,
    /// Ids there.
    pub(super) components: Vec<String>,
}

impl Wanted {
    pub(super) fn of(view: &View, settings: &PageSettings) -> Self {
        let names = Names { view, settings };
        let leaves = view.components.iter().enumerate().filter(|(_, component)| !component.is_group);
        let components =
            leaves.filter_map(|(place, component)| Some((names.there(place)?, component.status)));
        let told = view.incidents.iter().rev().filter(|incident| incident.updates.iter().any(is_news));
        Self {
            incidents: told.map(|incident| names.incident(incident)).collect(),
            works: view.maintenances.iter().rev().map(|work| names.work(work)).collect(),
            components: components.collect(),
        }
    }

    /// Whether something is said that was not said before.
    pub(super) fn has_news(&self, before: &Self) -> bool {
        let is_new = |incident: &WantedIncident, update: &WantedUpdate| {
            let known = before.incident(incident.id);
            known.is_none_or(|known| known.updates.iter().all(|known| known.id != update.id))
        };
        self.incidents.iter().any(|incident| incident.updates.iter().any(|update| is_new(incident, update)))
    }

    pub(super) fn incident(&self, id: PublicId) -> Option<&WantedIncident> {
        self.incidents.iter().find(|incident| incident.id == id)
    }

    pub(super) fn work(&self, id: PublicId) -> Option<&WantedWork> {
        self.works.iter().find(|work| work.id == id)
    }
}

impl WantedIncident {
    pub(super) fn update(&self, id: PublicId) -> Option<&WantedUpdate> {
        self.updates.iter().find(|update| update.id == id)
    }

    /// When the newest was said.
    pub(super) fn last_at(&self) -> Timestamp {
        self.updates.last().map(|update| update.at).unwrap_or_default()
    }
}

/// A report is no update elsewhere: where there is a place for reports, it is brought there.
fn is_news(update: &incident::Update) -> bool {
    update.stage != Stage::Postmortem
}

struct Names<'a> {
    view: &'a View,
    settings: &'a PageSettings,
}

impl Names<'_> {
    /// With its groups before it, as the configuration has it.
    fn full(&self, place: usize) -> Option<String> {
        let mut component: &Component = self.view.components.get(place)?;
        let mut name = component.name.clone();
        // A group comes before what is in it, so that this ends.
        let mut before = place;
        while let Some(group) = component.group.filter(|group| *group < before) {
            (component, before) = (&self.view.components[group], group);
            name = format!("{} / {name}", component.name);
        }
        Some(name)
    }

    fn there(&self, place: usize) -> Option<String> {
        let full = self.full(place)?;
        self.settings.components.iter().find(|(name, _)| *name == full).map(|(_, id)| id.clone())
    }

    fn ids(&self, places: &[usize]) -> Vec<String> {
        places.iter().filter_map(|place| self.there(*place)).collect()
    }

    fn incident(&self, incident: &Incident) -> WantedIncident {
        let news = incident.updates.iter().rev().filter(|update| is_news(update));
        let updates = news.map(|update| WantedUpdate {
            id: update.id,
            stage: update.stage,
            body: cut(&update.body, BODY_CHARS_MAX),
            at: update.at,
        });
        let statuses = incident.components.iter().filter_map(|place| self.view.components.get(*place));
        WantedIncident {
            id: incident.id,
            title: cut(&incident.title, TITLE_CHARS_MAX),
            started_at: incident.started_at,
            is_open: incident.stage.is_open(),
            impact: incident.impact.name(),
            updates: updates.collect(),
            components: self.ids(&incident.components),
            names: incident.components.iter().filter_map(|place| self.full(*place)).collect(),
            worst: statuses.map(|component| component.status).max().unwrap_or_default(),
            report: report(incident),
        }
    }

    fn work(&self, work: &Maintenance) -> WantedWork {
        WantedWork {
            id: work.id,
            title: cut(&work.title, TITLE_CHARS_MAX),
            body: cut(&work.body, BODY_CHARS_MAX),
            from: work.from,
            until: work.until,
            progress: work.progress,
            components: self.ids(&work.components),
        }
    }
}

fn report(incident: &Incident) -> Option<(String, Timestamp)> {
    let at = incident.updates.iter().find(|update| !is_news(update))?.at;
    (!incident.postmortem.is_empty()).then(|| (cut(&incident.postmortem, BODY_CHARS_MAX), at))
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

/// What Statuspage takes as a name.
const TITLE_CHARS_MAX: usize = 255;
/// What Statuspage takes as a text.
const BODY_CHARS_MAX: usize = 25_000;
