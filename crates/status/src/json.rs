//! The public API of Statuspage, version 2, as its clients read it.
//!
//! Lists are never null, values of closed lists are never added to, and identities have no prefix. What that API has no place for is in one
//! object, `portcullis`. Two levels of components are all that it knows, so names of deeper groups are paths.

mod shapes;

use incident::{Incident, Maintenance, Progress, PublicId, Update, View};
use serde::Serialize;

use crate::bundle::sha256;
use crate::dates::{iso_date, rfc3339};
use crate::page::Page;
use crate::tree::Tree;
use crate::verdict::{Verdict, is_active};
use shapes::{
    AffectedComponent, AudienceOf, ComponentOf, IncidentOf, MaintenanceTimes, OursOf, PageOf, StatusOf,
    Summary, UpdateOf,
};

/// Incidents and maintenances in a list, as Statuspage has it.
const LIST_MAX: usize = 50;

/// The files of the API: path, bytes.
pub(crate) fn files(view: &View, page: &Page) -> Vec<(&'static str, Vec<u8>)> {
    let api = Api::of(view, page);
    let any = |_: &Incident| true;
    let open = |incident: &Incident| incident.stage.is_open();
    let whole = Summary {
        components: Some(api.components()),
        incidents: Some(api.incidents(open)),
        scheduled_maintenances: Some(api.maintenances(|progress| progress != Progress::Completed)),
        status: Some(api.status()),
        ..api.empty()
    };
    let incidents = |list| Summary { incidents: Some(list), ..api.empty() };
    let maintenances = |list| Summary { scheduled_maintenances: Some(list), ..api.empty() };
    let upcoming = api.maintenances(|progress| progress == Progress::Scheduled);
    let files = [
        ("api/v2/status.json", Summary { status: Some(api.status()), ..api.empty() }),
        ("api/v2/summary.json", whole),
        ("api/v2/components.json", Summary { components: Some(api.components()), ..api.empty() }),
        ("api/v2/incidents.json", incidents(api.incidents(any))),
        ("api/v2/incidents/unresolved.json", incidents(api.incidents(open))),
        ("api/v2/scheduled-maintenances.json", maintenances(api.maintenances(|_| true))),
        ("api/v2/scheduled-maintenances/upcoming.json", maintenances(upcoming)),
        ("api/v2/scheduled-maintenances/active.json", maintenances(api.maintenances(is_active))),
    ];
    files.map(|(path, summary)| (path, bytes(&summary))).into()
}

/// JSON of something that has only text, numbers and lists.
pub(crate) fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    // Writing to memory fails only for keys that are no text.
    serde_json::to_vec(value).unwrap_or_default()
}

struct Api<'a> {
    view: &'a View,
    page: &'a Page,
    tree: Tree<'a>,
    page_id: PublicId,
}

impl<'a> Api<'a> {
    fn of(view: &'a View, page: &'a Page) -> Self {
        Self { view, page, tree: Tree::of(view), page_id: page.id() }
    }

    /// What every answer has.
    fn empty(&self) -> Summary<'a> {
        let page = PageOf {
            id: self.page_id.to_string(),
            name: self.page.name(),
            url: self.page.url(),
            time_zone: "Etc/UTC",
            updated_at: rfc3339(self.view.updated_at),
        };
        Summary { page, components: None, incidents: None, scheduled_maintenances: None, status: None }
    }

    fn status(&self) -> StatusOf {
        let verdict = Verdict::of(self.view);
        StatusOf { indicator: verdict.indicator(), description: verdict.description() }
    }

    fn components(&self) -> Vec<ComponentOf<'a>> {
        self.tree.all().filter_map(|(place, _)| self.component(place)).collect()
    }

    fn component(&self, place: usize) -> Option<ComponentOf<'a>> {
        let component = self.tree.at(place)?;
        let group = component.is_group;
        // Groups are all beside each other here.
        let parent = if group { None } else { self.tree.parent(place) };
        let id_of = |place| self.tree.at(place).map(|component| component.id.to_string());
        let leaves = |group| {
            let children = self.tree.children(Some(group)).into_iter();
            children.filter(|child| self.tree.at(*child).is_some_and(|child| !child.is_group))
        };
        let siblings = self.tree.children(self.tree.parent(place));
        let position = siblings.iter().position(|sibling| *sibling == place).map_or(0, |found| found + 1);
        Some(ComponentOf {
            id: component.id.to_string(),
            name: if group { self.tree.path(place) } else { component.name.clone() },
            status: component.status.name(),
            created_at: rfc3339(component.since),
            updated_at: rfc3339(component.updated_at),
            position,
            description: (!component.description.is_empty()).then_some(component.description.as_str()),
            showcase: !group,
            start_date: (!group).then(|| iso_date(component.since)),
            group_id: parent.and_then(id_of),
            page_id: self.page_id.to_string(),
            group,
            only_show_if_degraded: false,
            components: group.then(|| leaves(place).filter_map(id_of).collect()),
        })
    }

    fn listed(&self, places: &[usize]) -> Vec<ComponentOf<'a>> {
        places.iter().filter_map(|place| self.component(*place)).collect()
    }

    fn incidents(&self, wanted: impl Fn(&Incident) -> bool) -> Vec<IncidentOf<'a>> {
        let wanted = self.view.incidents.iter().filter(|incident| wanted(incident));
        wanted.take(LIST_MAX).map(|incident| self.incident(incident)).collect()
    }

    fn incident(&self, incident: &'a Incident) -> IncidentOf<'a> {
        let id = incident.id.to_string();
        let audiences = incident.audiences.iter();
        let ours = OursOf {
            audiences: audiences.map(|(audience, service)| AudienceOf { audience, service }).collect(),
            identified_at: incident.identified_at.map(rfc3339),
            next_update_by: incident.next_update_by.map(rfc3339),
            reopened_at: incident.reopened.iter().copied().map(rfc3339).collect(),
            postmortem: (!incident.postmortem.is_empty()).then_some(incident.postmortem.as_str()),
        };
        IncidentOf {
            name: &incident.title,
            status: incident.stage.name(),
            created_at: rfc3339(incident.published_at),
            updated_at: rfc3339(incident.updated_at),
            monitoring_at: incident.monitoring_at.map(rfc3339),
            resolved_at: incident.resolved_at.map(rfc3339),
            impact: incident.impact.name(),
            shortlink: format!("{}/i/{id}", self.page.url()),
            started_at: rfc3339(incident.started_at),
            page_id: self.page_id.to_string(),
            reminder_intervals: None,
            incident_updates: incident.updates.iter().map(|update| self.update(update, &id)).collect(),
            components: self.listed(&incident.components),
            times: None,
            portcullis: Some(ours),
            id,
        }
    }

    fn update(&self, update: &'a Update, incident_id: &str) -> UpdateOf<'a> {
        let affected = update.affected.iter().filter_map(|(place, old, new)| {
            Some(AffectedComponent {
                code: self.tree.at(*place)?.id.to_string(),
                name: self.tree.title(*place),
                old_status: old.name(),
                new_status: new.name(),
            })
        });
        UpdateOf {
            id: update.id.to_string(),
            status: update.stage.name(),
            body: &update.body,
            incident_id: incident_id.to_owned(),
            created_at: rfc3339(update.at),
            updated_at: rfc3339(update.at),
            display_at: rfc3339(update.at),
            affected_components: affected.collect(),
            deliver_notifications: true,
            custom_tweet: None,
            tweet_id: None,
        }
    }

    fn maintenances(&self, wanted: impl Fn(Progress) -> bool) -> Vec<IncidentOf<'a>> {
        let wanted = self.view.maintenances.iter().filter(|work| wanted(work.progress));
        wanted.take(LIST_MAX).map(|work| self.maintenance(work)).collect()
    }

    fn maintenance(&self, work: &'a Maintenance) -> IncidentOf<'a> {
        let id = work.id.to_string();
        let (created, updated) = (rfc3339(work.created_at), rfc3339(work.updated_at));
        let notice = UpdateOf {
            id: notice_id(work).to_string(),
            status: work.progress.name(),
            body: &work.body,
            incident_id: id.clone(),
            created_at: created.clone(),
            updated_at: updated.clone(),
            display_at: created.clone(),
            affected_components: Vec::new(),
            deliver_notifications: true,
            custom_tweet: None,
            tweet_id: None,
        };
        IncidentOf {
            name: &work.title,
            status: work.progress.name(),
            created_at: created,
            monitoring_at: None,
            resolved_at: (work.progress == Progress::Completed).then(|| updated.clone()),
            updated_at: updated,
            impact: "maintenance",
            shortlink: format!("{}/i/{id}", self.page.url()),
            started_at: rfc3339(work.from),
            page_id: self.page_id.to_string(),
            reminder_intervals: None,
            incident_updates: vec![notice],
            components: self.listed(&work.components),
            times: Some(MaintenanceTimes {
                scheduled_for: rfc3339(work.from),
                scheduled_until: rfc3339(work.until),
            }),
            portcullis: None,
            id,
        }
    }
}

/// What was announced has one text, which is an update of its own to clients of the API.
fn notice_id(work: &Maintenance) -> PublicId {
    PublicId::of(&sha256(format!("notice of {}", work.id).as_bytes()))
}
