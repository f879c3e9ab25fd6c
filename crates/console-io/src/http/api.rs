//! Incidents, components, work and reports over HTTP, each at an address of its own: the same acts as those of `ctl`, and the same refusals.

use http::{Method, Request, StatusCode};
use serde_json::{Map, Value};
use web_io::Bytes;

use super::problem::Problem;
use super::{Answer, JSON, allow, check_json, typed};
use crate::ctl::{self, Command, PageCommand, Reply};
use crate::desk::Desk;

/// One way to do or see something.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) method: Method,
    /// `{id}` stands for an identity.
    pub(super) path: &'static str,
    /// Its name in the description.
    pub(super) name: &'static str,
    /// Its act as `ctl` has it.
    pub(super) act: &'static str,
    pub(super) summary: &'static str,
}

const fn way(
    method: Method,
    path: &'static str,
    name: &'static str,
    act: &'static str,
    summary: &'static str,
) -> Way {
    Way { method, path, name, act, summary }
}

/// All of them.
pub(super) static WAYS: [Way; 16] = [
    way(
        Method::GET,
        "/api/v1/incidents",
        "incidents",
        "incidents",
        "Incidents, newest first, also those that the public is not told of.",
    ),
    way(
        Method::POST,
        "/api/v1/incidents",
        "openIncident",
        "open",
        "Tells the public of something that the gate does not see.",
    ),
    way(
        Method::GET,
        "/api/v1/incidents/{id}",
        "incident",
        "incident",
        "All about one: what happened, what was said, the kept draft of its report, and its revisions.",
    ),
    way(
        Method::POST,
        "/api/v1/incidents/{id}/updates",
        "updateIncident",
        "update",
        "Says something about an incident.",
    ),
    way(
        Method::POST,
        "/api/v1/incidents/{id}/notes",
        "noteIncident",
        "note",
        "Writes something down that the public does not read.",
    ),
    way(
        Method::POST,
        "/api/v1/incidents/{id}/acknowledgement",
        "acknowledgeIncident",
        "acknowledge",
        "Sees to an incident: nobody is called about it until it gets worse.",
    ),
    way(
        Method::GET,
        "/api/v1/incidents/{id}/draft",
        "draftReport",
        "draft",
        "Drafts the report from the record, as Markdown for everybody; nothing is published.",
    ),
    way(
        Method::PUT,
        "/api/v1/incidents/{id}/draft",
        "keepDraft",
        "keep-draft",
        "Keeps what people have written of the report; nothing is published.",
    ),
    way(
        Method::POST,
        "/api/v1/incidents/{id}/report",
        "publishReport",
        "report",
        "Publishes the report about an incident that is over.",
    ),
    way(
        Method::POST,
        "/api/v1/notice/publish",
        "publishNotice",
        "publish",
        "Publishes the notice that waits, now.",
    ),
    way(
        Method::POST,
        "/api/v1/notice/hold",
        "holdNotice",
        "hold",
        "Does not publish the notice that waits, nor another about the same.",
    ),
    way(
        Method::GET,
        "/api/v1/elsewhere",
        "elsewhere",
        "elsewhere",
        "Whether pages elsewhere say what the status page says, and the last tries.",
    ),
    way(Method::GET, "/api/v1/components", "components", "components", "The components of the status page."),
    way(
        Method::PUT,
        "/api/v1/components",
        "setComponent",
        "component",
        "Says how a component does, or without a status leaves it to the gate again.",
    ),
    way(Method::POST, "/api/v1/maintenances", "announce", "announce", "Announces work."),
    way(
        Method::POST,
        "/api/v1/maintenances/{id}/finish",
        "finish",
        "finish",
        "Announced work is over, or does not take place.",
    ),
];

/// The answer, if there is anything at the path.
pub(super) async fn answer(desk: &Desk, request: &Request<Bytes>) -> Option<Answer> {
    let path = request.uri().path();
    let found: Vec<(&Way, Option<&str>)> =
        WAYS.iter().filter_map(|way| Some((way, matched(way.path, path)?))).collect();
    if found.is_empty() {
        return None;
    }
    let asked = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let Some((way, id)) = found.iter().find(|(way, _)| way.method == *asked) else {
        let methods: Vec<Method> = found.iter().map(|(way, _)| way.method.clone()).collect();
        return Some(allow(request, &methods).and(Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, ""))));
    };
    Some(done(desk, way, *id, request).await)
}

async fn done(desk: &Desk, way: &Way, id: Option<&str>, request: &Request<Bytes>) -> Answer {
    let body = if way.method == Method::GET { Map::new() } else { body(request)? };
    let command = command(way, id, body).map_err(|text| Problem::new(StatusCode::BAD_REQUEST, text))?;
    let reply = desk.command(None, Command::Page(command)).await.map_err(Problem::from)?;
    if reply.ok { Ok(told(&reply)) } else { Err(refused(reply)) }
}

fn told(reply: &Reply) -> http::Response<Bytes> {
    typed(StatusCode::OK, JSON, serde_json::to_string(reply).expect("a reply has only texts as keys"))
}

/// Understood, and not done.
fn refused(reply: Reply) -> Problem {
    let problem = Problem::new(StatusCode::CONFLICT, reply.text);
    if reply.data.is_null() { problem } else { problem.with_data(reply.data) }
}

/// What a way does with a body.
fn command(way: &Way, id: Option<&str>, mut body: Map<String, Value>) -> Result<PageCommand, String> {
    if let Some(name) = ["command", "act", "id", "ids"].into_iter().find(|name| body.contains_key(*name)) {
        return Err(format!("`{name}` has no place in the body: the address says it"));
    }
    body.insert("act".to_owned(), way.act.into());
    match id {
        Some(id) if way.act == "draft" => {
            body.insert("ids".to_owned(), vec![id].into());
            body.insert("public".to_owned(), true.into());
        }
        Some(id) => {
            body.insert("id".to_owned(), id.into());
        }
        None => {}
    }
    serde_json::from_value(Value::Object(body)).map_err(|error| error.to_string())
}

fn body(request: &Request<Bytes>) -> Result<Map<String, Value>, Problem> {
    if request.body().is_empty() {
        return Ok(Map::new());
    }
    check_json(request)?;
    if request.body().len() > ctl::LINE_BYTES_MAX {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "That is longer than anything that can be said.",
        ));
    }
    serde_json::from_slice(request.body()).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("The body is no JSON object: {error}"))
    })
}

/// The identity in a path that a template leads to, empty where it has none; `None` if it leads elsewhere.
fn matched<'a>(template: &str, path: &'a str) -> Option<Option<&'a str>> {
    let (mut parts, mut id) = (path.split('/'), None);
    for wanted in template.split('/') {
        let part = parts.next()?;
        if wanted == "{id}" {
            id = Some(part);
        } else if wanted != part {
            return None;
        }
    }
    parts.next().is_none().then_some(id)
}

#[cfg(test)]
mod tests;
