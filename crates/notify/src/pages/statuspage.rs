//! Atlassian Statuspage, its manage API (<https://developer.statuspage.io>), version 1.
//!
//! An incident carries `metadata` that readers never see: whose it is, and which of our updates was written last. It is written in the
//! same request as the update, so that after a lost answer it is certain whether it was taken.

use incident::{Civil, Progress, PublicId, Status};
use serde_json::{Map, Value, json};

use super::board::{Board, Mark, Step, There, ThereReport, ThereUpdate, moment, plain_id};
use super::write::{Plan, Words};
use super::{Access, Request};

/// A list of components holds so many at most.
pub(super) const PAGE_LENGTH: usize = 100;
/// And one of incidents, with all that was said of each: open ones that are older are looked at one by one.
const NEWEST: usize = 25;

pub(super) fn look(access: &Access, step: &Step) -> Request {
    let path = match step {
        Step::Incidents | Step::Works => format!("incidents?limit={NEWEST}"),
        // Lists that are not asked for page by page may be asked for once a minute.
        Step::Components(page) => format!("components?page={page}&per_page={PAGE_LENGTH}"),
        Step::Incident(id) => format!("incidents/{id}"),
        Step::Report(_, id) => format!("incidents/{id}/postmortem"),
    };
    asked(access, "GET", &path, None)
}

pub(super) fn say(access: &Access, words: &Words<'_>) -> Request {
    let ids: Vec<_> = words.components.iter().map(|(id, _)| *id).collect();
    let statuses: Map<_, _> = words
        .components
        .iter()
        .filter_map(|(id, status)| Some(((*id).to_owned(), (*status)?.name().into())))
        .collect();
    let mut metadata = words.seen.map(|seen| seen.metadata.clone()).unwrap_or_default();
    let mark = json!({ "incident": words.incident.id.as_str(), "update": words.update.id.as_str() });
    metadata.insert(OURS.to_owned(), mark);
    let mut incident = json!({
        "status": words.update.stage.name(),
        "body": words.update.body,
        "metadata": metadata,
        "deliver_notifications": words.tells,
    });
    if !ids.is_empty() {
        incident["component_ids"] = ids.into();
    }
    if !statuses.is_empty() {
        incident["components"] = statuses.into();
    }
    match words.there {
        // The name is not written again: a person may have changed it.
        Some(there) => {
            asked(access, "PATCH", &format!("incidents/{there}"), Some(json!({ "incident": incident })))
        }
        None => {
            incident["name"] = words.incident.title.clone().into();
            asked(access, "POST", "incidents", Some(json!({ "incident": incident })))
        }
    }
}

/// The page itself says when it begins and ends.
pub(super) fn announce(access: &Access, plan: &Plan<'_>) -> Request {
    let work = plan.work;
    let has_begun = work.progress != Progress::Scheduled;
    let mut incident = json!({
        "name": work.title,
        "status": if has_begun { "in_progress" } else { "scheduled" },
        "body": work.body,
        "scheduled_for": Civil::of(work.from).rfc3339(),
        "scheduled_until": Civil::of(work.until).rfc3339(),
        "scheduled_auto_in_progress": true,
        "scheduled_auto_completed": true,
        "auto_transition_to_maintenance_state": false,
        "auto_transition_to_operational_state": false,
        "metadata": { OURS: { "maintenance": work.id.as_str() } },
        "deliver_notifications": plan.tells,
    });
    if !plan.components.is_empty() {
        incident["component_ids"] = plan.components.clone().into();
    }
    asked(access, "POST", "incidents", Some(json!({ "incident": incident })))
}

pub(super) fn finish(access: &Access, there: &str, tells: bool) -> Request {
    let incident = json!({ "status": "completed", "deliver_notifications": tells });
    asked(access, "PATCH", &format!("incidents/{there}"), Some(json!({ "incident": incident })))
}

pub(super) fn component(access: &Access, id: &str, status: Status) -> Request {
    let body = json!({ "component": { "status": status.name() } });
    asked(access, "PATCH", &format!("components/{id}"), Some(body))
}

/// A draft, which nobody reads who does not work on the page.
pub(super) fn report(access: &Access, there: &str, text: &str) -> Request {
    let body = json!({ "postmortem": { "body_draft": text } });
    asked(access, "PUT", &format!("incidents/{there}/postmortem"), Some(body))
}

/// The report of an incident; `None` if it cannot be read.
pub(super) fn report_there(body: &Value) -> Option<ThereReport> {
    let body = body.as_object()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let is_published = !text("published_at").is_empty();
    let draft = text("body_draft");
    let of = if is_published || draft.is_empty() { text("body") } else { draft };
    Some(ThereReport { text: of.to_owned(), is_published })
}

fn asked(access: &Access, method: &'static str, path: &str, body: Option<Value>) -> Request {
    let Access { url, page, key } = access;
    let authorization = format!("OAuth {}", key.expose());
    Request::json(method, format!("{url}/v1/pages/{page}/{path}"), authorization, body.as_ref())
}

/// Takes what a part of a look has shown; how many it were, `None` if it cannot be read.
pub(super) fn seen(board: &mut Board, step: &Step, body: &Value) -> Option<usize> {
    match step {
        Step::Incidents | Step::Works => {
            let list = body.as_array()?;
            board.incidents = list.iter().filter_map(incident).collect();
            Some(list.len())
        }
        Step::Components(_) => {
            let list = body.as_array()?;
            for component in list {
                let Some(id) = component["id"].as_str() else { continue };
                let status = component["status"].as_str().and_then(|name| name.parse().ok());
                board.components.insert(id.to_owned(), status);
            }
            Some(list.len())
        }
        Step::Incident(_) => {
            board.put(incident(body)?);
            Some(1)
        }
        // It is taken by itself.
        Step::Report(..) => None,
    }
}

/// An incident or maintenance.
pub(super) fn incident(value: &Value) -> Option<There> {
    let status = value["status"].as_str()?;
    let ours = &value["metadata"][OURS];
    let id = |value: &Value| value.as_str()?.parse::<PublicId>().ok();
    let of = id(&ours["incident"]).or_else(|| id(&ours["maintenance"]));
    let updates = value["incident_updates"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some(There {
        id: plain_id(&value["id"])?,
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        is_over: matches!(status, "resolved" | "completed" | "postmortem"),
        started: value["scheduled_for"].as_str().and_then(moment),
        mark: of.map(|of| Mark { of, update: id(&ours["update"]) }),
        metadata: value["metadata"].as_object().cloned().unwrap_or_default(),
        updates: updates.iter().filter_map(update).collect(),
    })
}

fn update(value: &Value) -> Option<ThereUpdate> {
    Some(ThereUpdate {
        id: value["id"].as_str()?.to_owned(),
        body: value["body"].as_str().unwrap_or_default().to_owned(),
        stage: value["status"].as_str().unwrap_or_default().to_owned(),
        // When it was written there, not when it was said here.
        started: None,
    })
}

/// The key of what is ours in `metadata`, where all values at the top are objects.
const OURS: &str = "portcullis";
