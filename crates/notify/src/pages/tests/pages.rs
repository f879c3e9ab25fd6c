//! Pages elsewhere, as those of others behave: they look at what is written, keep it, and let people change it.

use incident::{Civil, Status};
use model::Timestamp;
use serde_json::{Map, Value, json};

use super::{Answer, Kind, Request};

/// How the next answers are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::pages) enum Mood {
    #[default]
    Well,
    /// What is written is taken, and the answer is lost.
    Mute,
    /// Nothing arrives.
    Away,
    /// Too many requests.
    Busy,
    /// The same, without a word when to come again.
    Crowded,
}

/// A page and what is on it. Incidents are as its API shows them.
pub(in crate::pages) struct Elsewhere {
    kind: Kind,
    pub(in crate::pages) incidents: Vec<Value>,
    pub(in crate::pages) works: Vec<Value>,
    pub(in crate::pages) components: Vec<(String, String)>,
    pub(in crate::pages) mood: Mood,
    /// Methods and paths that were asked for.
    pub(in crate::pages) log: Vec<String>,
    /// The key may not see or write reports.
    pub(in crate::pages) refuses_reports: bool,
    count: u32,
}

impl Elsewhere {
    pub(super) fn new(kind: Kind) -> Self {
        let well = if kind == Kind::Statuspage { "operational" } else { "OPERATIONAL" };
        let components = ["web1", "pay1", "other"].map(|id| (id.to_owned(), well.to_owned())).into();
        Self {
            kind,
            incidents: Vec::new(),
            works: Vec::new(),
            components,
            mood: Mood::Well,
            log: Vec::new(),
            refuses_reports: false,
            count: 0,
        }
    }

    pub(super) fn answer(&mut self, request: &Request, now: Timestamp) -> Answer {
        let (_, path) = request.url.split_once(".io").or_else(|| request.url.split_once(".com")).unwrap();
        self.log.push(format!("{} {path}", request.method));
        let failed = |words: &str| Answer::Failed { is_permanent: false, words: words.to_owned() };
        match self.mood {
            Mood::Away => return failed("connection refused"),
            Mood::Busy => return http(429, &json!({ "error": "Too many requests" }), Some("3")),
            Mood::Crowded => return http(429, &json!({ "error": "Too many requests" }), None),
            Mood::Well | Mood::Mute => {}
        }
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let (status, answer) = match self.kind {
            Kind::Statuspage => self.statuspage(request.method, path, &body, now),
            Kind::Instatus => self.instatus(request.method, path, &body, now),
        };
        if self.mood == Mood::Mute && request.method != "GET" {
            return failed("did not answer within 15 s");
        }
        http(status, &answer, None)
    }

    fn id(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}{}", self.count)
    }

    fn statuspage(&mut self, method: &str, path: &str, body: &Value, now: Timestamp) -> (u16, Value) {
        let path = path.strip_prefix("/v1/pages/kctbh9vrtdwd/").expect("the page");
        let (list, id) = split(path);
        match (method, list, id) {
            ("GET", "incidents", None) => (200, newest(&self.incidents, path)),
            ("GET", "components", None) => (200, self.shown_components()),
            ("GET" | "PUT", "incidents", Some(id)) if id.ends_with("/postmortem") => {
                self.postmortem(id.trim_end_matches("/postmortem"), body, now)
            }
            ("GET", "incidents", Some(id)) => found(&self.incidents, id),
            ("POST", "incidents", None) => {
                let said = &body["incident"];
                if said["name"].as_str().is_none_or(str::is_empty) {
                    return (422, json!({ "error": ["Name can't be blank"] }));
                }
                let id = self.id("inc");
                let mut incident =
                    json!({ "id": id, "name": said["name"], "metadata": {}, "incident_updates": [] });
                if !said["scheduled_for"].is_null() {
                    incident["scheduled_for"] = said["scheduled_for"].clone();
                }
                self.incidents.insert(0, incident);
                self.statuspage_said(0, said, now)
            }
            ("PATCH", "incidents", Some(id)) => match place(&self.incidents, id) {
                Some(place) => self.statuspage_said(place, &body["incident"], now),
                None => (404, json!({ "error": "not found" })),
            },
            ("PATCH", "components", Some(id)) => {
                self.set(id, body["component"]["status"].as_str().unwrap_or_default())
            }
            _ => panic!("{method} {path}"),
        }
    }

    /// Without a body it is asked for.
    fn postmortem(&mut self, id: &str, body: &Value, now: Timestamp) -> (u16, Value) {
        if self.refuses_reports {
            return (403, json!({ "error": "you may not" }));
        }
        let Some(place) = place(&self.incidents, id) else { return (404, json!({ "error": "not found" })) };
        if let Some(text) = body["postmortem"]["body_draft"].as_str() {
            let at = Civil::of(now).rfc3339();
            // It takes spaces off line ends.
            self.incidents[place]["report"] = json!({
                "body": null, "body_draft": text.trim_end(), "body_draft_updated_at": at, "published_at": null
            });
        }
        let report = &self.incidents[place]["report"];
        if report.is_null() { (404, json!({ "error": "not found" })) } else { (200, report.clone()) }
    }

    fn statuspage_said(&mut self, place: usize, said: &Value, now: Timestamp) -> (u16, Value) {
        assert!(said.as_object().is_some_and(|said| !said.contains_key("incident_updates")));
        for (id, status) in said["components"].as_object().into_iter().flatten() {
            let (code, answer) = self.set(id, status.as_str().unwrap_or_default());
            if code != 200 {
                return (422, answer);
            }
        }
        let update = self.id("upd");
        let incident = &mut self.incidents[place];
        incident["status"] = said["status"].clone();
        if let Some(metadata) = said["metadata"].as_object() {
            assert!(metadata.values().all(Value::is_object), "top level values must be objects");
            incident["metadata"] = metadata.clone().into();
        }
        // It takes spaces off line ends.
        let text = said["body"].as_str().unwrap_or_default().trim_end();
        let update = json!({ "id": update, "status": said["status"], "body": text, "created_at": Civil::of(now).rfc3339() });
        incident["incident_updates"].as_array_mut().unwrap().insert(0, update);
        (200, incident.clone())
    }

    fn instatus(&mut self, method: &str, path: &str, body: &Value, now: Timestamp) -> (u16, Value) {
        let path = path.strip_prefix("/v1/ckf01fvnxywz60a35vw5qhhgg/").expect("the page");
        let (list, id) = split(path);
        let started =
            if body["started"].is_null() { Civil::of(now).rfc3339().into() } else { body["started"].clone() };
        match (method, list, id) {
            ("GET", "incidents", None) => (200, newest(&self.incidents, path)),
            ("GET", "maintenances", None) => (200, newest(&self.works, path)),
            ("GET", "components", None) => (200, self.shown_components()),
            ("GET", "incidents", Some(id)) => found(&self.incidents, id),
            ("POST", "incidents", None) => {
                let (id, update) = (self.id("inc"), self.id("upd"));
                let update = json!({ "id": update, "message": body["message"], "status": body["status"], "started": started });
                let incident = json!({
                    "id": id, "name": body["name"], "status": body["status"], "started": started, "updates": [update],
                });
                self.set_all(&body["statuses"]);
                self.incidents.insert(0, incident.clone());
                (200, incident)
            }
            ("POST", "incidents", Some(rest)) => {
                let (id, _) = rest.split_once("/incident-updates").expect("an update");
                let Some(place) = place(&self.incidents, id) else { return (404, json!({})) };
                assert!(body["components"].is_array() && body["statuses"].is_array(), "required");
                self.set_all(&body["statuses"]);
                let update = self.id("upd");
                let update = json!({ "id": update, "message": body["message"], "status": body["status"], "started": started });
                let incident = &mut self.incidents[place];
                incident["status"] = body["status"].clone();
                incident["updates"].as_array_mut().unwrap().insert(0, update.clone());
                (200, update)
            }
            ("POST", "maintenances", None) => {
                let id = self.id("mnt");
                let work = json!({ "id": id, "name": body["name"], "status": body["status"], "start": body["start"], "updates": [] });
                self.works.insert(0, work.clone());
                (200, work)
            }
            ("POST", "maintenances", Some(rest)) => {
                let (id, _) = rest.split_once("/maintenance-updates").expect("an update");
                let Some(place) = place(&self.works, id) else { return (404, json!({})) };
                self.works[place]["status"] = body["status"].clone();
                (200, json!({ "id": self.id("upd"), "message": "", "status": body["status"] }))
            }
            ("PUT", "components", Some(id)) => self.set(id, body["status"].as_str().unwrap_or_default()),
            _ => panic!("{method} {path}"),
        }
    }

    fn set_all(&mut self, statuses: &Value) {
        for status in statuses.as_array().into_iter().flatten() {
            let (code, _) = self.set(status["id"].as_str().unwrap(), status["status"].as_str().unwrap());
            assert_eq!(code, 200);
        }
    }

    fn set(&mut self, id: &str, status: &str) -> (u16, Value) {
        let plain = status.to_lowercase().replace('_', "");
        let is_known = Status::ALL.iter().any(|known| known.name().replace('_', "") == plain);
        match self.components.iter_mut().find(|(known, _)| known == id).filter(|_| is_known) {
            Some((id, known)) => {
                status.clone_into(known);
                (200, json!({ "id": id, "status": known }))
            }
            None => (404, json!({ "error": "not found" })),
        }
    }

    fn shown_components(&self) -> Value {
        self.components.iter().map(|(id, status)| json!({ "id": id, "status": status })).collect()
    }

    /// How a component is shown, in the words of the page.
    pub(in crate::pages) fn component(&self, id: &str) -> &str {
        self.components.iter().find(|(known, _)| known == id).map(|(_, status)| status.as_str()).unwrap()
    }

    pub(in crate::pages) fn set_component(&mut self, id: &str, status: &str) {
        assert_eq!(self.set(id, status).0, 200);
    }

    /// What is said of an incident, oldest first: state and text.
    pub(in crate::pages) fn told(&self, place: usize) -> Vec<String> {
        let incident = &self.incidents[place];
        let updates =
            incident.get("incident_updates").or(incident.get("updates")).and_then(Value::as_array).unwrap();
        let text = |update: &Value, key: &str| update[key].as_str().unwrap_or_default().to_owned();
        let line = |update: &Value| {
            let body = text(update, "body") + &text(update, "message");
            format!("{}: {}", text(update, "status").to_lowercase(), body.replace('\n', " "))
        };
        updates.iter().rev().map(line).collect()
    }

    pub(in crate::pages) fn updates(&mut self, place: usize) -> &mut Vec<Value> {
        let incident = &mut self.incidents[place];
        let key = if incident["updates"].is_array() { "updates" } else { "incident_updates" };
        incident[key].as_array_mut().unwrap()
    }

    /// A person changes the text of an update.
    pub(in crate::pages) fn edit(&mut self, place: usize, update: usize, text: &str) {
        let key = if self.kind == Kind::Statuspage { "body" } else { "message" };
        self.updates(place)[update][key] = text.into();
    }

    /// A person says something.
    pub(in crate::pages) fn add(&mut self, place: usize, status: &str, text: &str, now: Timestamp) {
        let id = self.id("own");
        let status = if self.kind == Kind::Statuspage { status.to_owned() } else { status.to_uppercase() };
        let key = if self.kind == Kind::Statuspage { "body" } else { "message" };
        let update = json!({ "id": id, "status": status, key: text, "started": Civil::of(now).rfc3339() });
        self.updates(place).insert(0, update);
        self.incidents[place]["status"] = status.into();
    }

    pub(in crate::pages) fn metadata(&mut self, place: usize) -> &mut Map<String, Value> {
        self.incidents[place]["metadata"].as_object_mut().unwrap()
    }
}

fn split(path: &str) -> (&str, Option<&str>) {
    let path = path.split('?').next().unwrap_or_default();
    path.split_once('/').map_or((path, None), |(list, id)| (list, Some(id)))
}

/// As many as were asked for.
fn newest(list: &[Value], path: &str) -> Value {
    let (_, many) = path.rsplit_once('=').expect("a length");
    list.iter().take(many.parse().expect("a number")).cloned().collect()
}

fn place(list: &[Value], id: &str) -> Option<usize> {
    list.iter().position(|known| known["id"] == id)
}

fn found(list: &[Value], id: &str) -> (u16, Value) {
    place(list, id).map_or((404, json!({ "error": "not found" })), |place| (200, list[place].clone()))
}

fn http(status: u16, body: &Value, retry_after: Option<&str>) -> Answer {
    Answer::Http { status, retry_after: retry_after.map(str::to_owned), body: body.to_string().into_bytes() }
}
