//! Instatus, its API (<https://instatus.com/help/api>), version 1 of what is used here.
//!
//! Nothing can be attached to an incident there, but its moment and those of its updates are ours to write, to the millisecond: they tell
//! after a lost answer whether it was taken.

use incident::{Civil, Progress, Stage, Status};
use serde_json::{Value, json};

use super::board::{Board, Step, There, ThereUpdate, moment, plain_id};
use super::write::{Plan, Words};
use super::{Access, Request};

/// A list of components holds so many at most.
const PAGE_LENGTH: usize = super::statuspage::PAGE_LENGTH;
/// And one of incidents or work, with all that was said of each: open ones that are older are looked at one by one.
const NEWEST: usize = 25;

pub(super) fn look(access: &Access, step: &Step) -> Request {
    let path = match step {
        Step::Incidents => format!("incidents?page=1&per_page={NEWEST}"),
        Step::Works => format!("maintenances?page=1&per_page={NEWEST}"),
        Step::Components(page) => format!("components?page={page}&per_page={PAGE_LENGTH}"),
        // It has no place for reports, and nobody asks for one.
        Step::Incident(id) | Step::Report(_, id) => format!("incidents/{id}"),
    };
    asked(access, "GET", &path, None)
}

pub(super) fn say(access: &Access, words: &Words<'_>) -> Request {
    let ids: Vec<_> = words.components.iter().map(|(id, _)| *id).collect();
    let known = words.components.iter().filter_map(|(id, status)| Some((id, (*status)?)));
    let statuses: Vec<_> = known.map(|(id, status)| json!({ "id": id, "status": upper(status) })).collect();
    let mut body = json!({
        "message": words.update.body,
        "components": ids,
        "status": stage(words.update.stage),
        "notify": words.tells,
        "statuses": statuses,
    });
    match words.there {
        Some(there) => {
            body["started"] = Civil::of(words.update.at).rfc3339().into();
            asked(access, "POST", &format!("incidents/{there}/incident-updates"), Some(&body))
        }
        None => {
            body["name"] = words.incident.title.clone().into();
            body["started"] = Civil::of(words.incident.started_at).rfc3339().into();
            asked(access, "POST", "incidents", Some(&body))
        }
    }
}

/// The page itself says when it begins and ends.
pub(super) fn announce(access: &Access, plan: &Plan<'_>) -> Request {
    let work = plan.work;
    let has_begun = work.progress != Progress::Scheduled;
    let body = json!({
        "name": work.title,
        "message": work.body,
        "components": plan.components,
        "start": Civil::of(work.from).rfc3339(),
        "end": Civil::of(work.until).rfc3339(),
        "duration": work.until.since(work.from).as_secs() / 60,
        "status": if has_begun { "INPROGRESS" } else { "NOTSTARTEDYET" },
        "autoStart": true,
        "autoEnd": true,
        "notify": plan.tells,
        "notifyStart": plan.tells,
        "notifyEnd": plan.tells,
        "notifyEarly": false,
    });
    asked(access, "POST", "maintenances", Some(&body))
}

pub(super) fn finish(access: &Access, there: &str, plan: &Plan<'_>) -> Request {
    let body = json!({
        "message": "",
        "components": plan.components,
        "status": "COMPLETED",
        "notify": plan.tells,
        "statuses": [],
    });
    asked(access, "POST", &format!("maintenances/{there}/maintenance-updates"), Some(&body))
}

pub(super) fn component(access: &Access, id: &str, status: Status) -> Request {
    asked(access, "PUT", &format!("components/{id}"), Some(&json!({ "status": upper(status) })))
}

fn asked(access: &Access, method: &'static str, path: &str, body: Option<&Value>) -> Request {
    let Access { url, page, key } = access;
    Request::json(method, format!("{url}/v1/{page}/{path}"), format!("Bearer {}", key.expose()), body)
}

/// Takes what a part of a look has shown; how many it were, `None` if it cannot be read.
pub(super) fn seen(board: &mut Board, step: &Step, body: &Value) -> Option<usize> {
    match step {
        Step::Incidents => {
            let list = body.as_array()?;
            board.incidents = list.iter().filter_map(incident).collect();
            Some(list.len())
        }
        Step::Works => {
            let list = body.as_array()?;
            board.works = list.iter().filter_map(incident).collect();
            Some(list.len())
        }
        Step::Components(_) => {
            let list = body.as_array()?;
            for component in list {
                let Some(id) = component["id"].as_str() else { continue };
                board.components.insert(id.to_owned(), component["status"].as_str().and_then(status));
            }
            Some(list.len())
        }
        Step::Report(..) => None,
        Step::Incident(_) => {
            board.put(incident(body)?);
            Some(1)
        }
    }
}

/// An incident or maintenance.
pub(super) fn incident(value: &Value) -> Option<There> {
    let status = value["status"].as_str()?;
    let updates = value["updates"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some(There {
        id: plain_id(&value["id"])?,
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        is_over: matches!(status, "RESOLVED" | "COMPLETED"),
        started: value["started"].as_str().or(value["start"].as_str()).and_then(moment),
        mark: None,
        metadata: serde_json::Map::new(),
        updates: updates.iter().filter_map(update).collect(),
    })
}

/// One of its updates, alone or in a list.
pub(super) fn update(value: &Value) -> Option<ThereUpdate> {
    Some(ThereUpdate {
        id: value["id"].as_str()?.to_owned(),
        body: value["message"].as_str().unwrap_or_default().to_owned(),
        stage: value["status"].as_str().unwrap_or_default().to_lowercase(),
        started: value["started"].as_str().and_then(moment),
    })
}

const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Investigating => "INVESTIGATING",
        Stage::Identified => "IDENTIFIED",
        Stage::Monitoring => "MONITORING",
        Stage::Resolved | Stage::Postmortem => "RESOLVED",
    }
}

const fn upper(status: Status) -> &'static str {
    match status {
        Status::Operational => "OPERATIONAL",
        Status::UnderMaintenance => "UNDERMAINTENANCE",
        Status::DegradedPerformance => "DEGRADEDPERFORMANCE",
        Status::PartialOutage => "PARTIALOUTAGE",
        Status::MajorOutage => "MAJOROUTAGE",
    }
}

fn status(name: &str) -> Option<Status> {
    Status::ALL.into_iter().find(|status| upper(*status) == name)
}
