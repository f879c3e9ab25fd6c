//! What the page says that subscribers should hear: updates of incidents, and announced work.

use std::time::Duration;

use incident::{Component, Incident, Maintenance, PublicId, Stage, Update, View, without_marks};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that was said, in the words of the page.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub(super) struct News {
    /// What no other has: the update's identity, or that of the work.
    pub(super) key: PublicId,
    /// The incident or the work: of one, the newest counts.
    pub(super) subject: PublicId,
    /// One line.
    pub(super) title: String,
    /// Such as `Identified`.
    pub(super) label: String,
    /// Plain text; an empty line is between two paragraphs.
    pub(super) body: String,
    /// Components that it concerns, with the groups that they are in; none: it concerns everybody.
    pub(super) concerns: Vec<PublicId>,
    /// The same as people read them, and what became of them.
    pub(super) named: Vec<String>,
    /// When it was said.
    pub(super) at: Timestamp,
}

/// Everything that was said since a moment, oldest first.
pub(super) fn since(view: &View, from: Timestamp) -> Vec<News> {
    let updates = view.incidents.iter().flat_map(|incident| {
        let fresh = incident.updates.iter().filter(|update| update.at >= from);
        fresh.map(|update| of_update(view, incident, update))
    });
    let works = view.maintenances.iter().filter(|work| work.created_at >= from);
    let mut news: Vec<News> = updates.chain(works.map(|work| of_work(view, work))).collect();
    // The newest is first on the page, and two may be of the same moment: the one behind was first.
    news.reverse();
    news.sort_by_key(|news| news.at);
    news
}

fn of_update(view: &View, incident: &Incident, update: &Update) -> News {
    let changed = update.affected.iter().map(|(place, ..)| *place);
    let places: Vec<usize> = incident.components.iter().copied().chain(changed).collect();
    let became = update.affected.iter().filter_map(|(place, before, after)| {
        Some(format!("{}: {} → {}", full_name(view, *place)?, before.label(), after.label()))
    });
    let named: Vec<String> = became.collect();
    News {
        key: update.id,
        subject: incident.id,
        title: incident.title.clone(),
        label: if update.is_same_stage { "Update" } else { update.stage.label() }.to_owned(),
        body: if update.stage == Stage::Postmortem {
            without_marks(&update.body)
        } else {
            update.body.clone()
        },
        concerns: concerns(view, &places),
        named: if named.is_empty() { names(view, &incident.components) } else { named },
        at: update.at,
    }
}

fn of_work(view: &View, work: &Maintenance) -> News {
    let until = |at: Timestamp| incident::Civil::of(at).rfc3339();
    News {
        key: work.id,
        subject: work.id,
        title: work.title.clone(),
        label: "Announced work".to_owned(),
        body: format!("From {} until {}.\n\n{}", until(work.from), until(work.until), work.body),
        concerns: concerns(view, &work.components),
        named: names(view, &work.components),
        at: work.created_at,
    }
}

fn names(view: &View, places: &[usize]) -> Vec<String> {
    places.iter().filter_map(|place| full_name(view, *place)).collect()
}

fn concerns(view: &View, places: &[usize]) -> Vec<PublicId> {
    let mut ids: Vec<PublicId> =
        places.iter().flat_map(|place| way_up(view, *place)).map(|component| component.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// `Shop / Checkout`.
fn full_name(view: &View, place: usize) -> Option<String> {
    let mut names: Vec<&str> = way_up(view, place).map(|component| component.name.as_str()).collect();
    names.reverse();
    (!names.is_empty()).then(|| names.join(" / "))
}

/// A component, its group, the group of that, and so on; never longer than there are any.
fn way_up(view: &View, place: usize) -> impl Iterator<Item = &Component> {
    let first = view.components.get(place);
    std::iter::successors(first, |component| view.components.get(component.group?)).take(DEPTH_MAX)
}

/// Groups within groups, with the component: as many as a configuration may write.
const DEPTH_MAX: usize = 8;

/// What is older is no news any more: a mail that comes a day late helps nobody.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(86_400);
