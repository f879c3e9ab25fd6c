//! Requests that an admin has written, for pages that we do not know.
//!
//! A body is JSON before anything is put into it, and only into its texts: whatever a title or a text holds, it stays one text. In an
//! address it is percent-encoded. Nobody is asked what is there, so that a request whose answer was lost is sent again, with the same
//! `Idempotency-Key`.

use std::fmt::Write as _;

use incident::{Civil, Stage};
use serde_json::Value;

use super::Request;
use super::write::Words;
use crate::hidden::Hidden;

/// What is sent to a page that is written to by templates.
#[derive(Clone, Debug)]
pub struct Templates {
    /// When an incident is told for the first time.
    pub opened: Template,
    /// When there is news; `None`: then nothing is sent.
    pub updated: Option<Template>,
    /// When it is over; `None`: that is news as any other.
    pub resolved: Option<Template>,
    /// Names, in lower case, and values, of all requests.
    headers: Vec<(String, Hidden)>,
    /// Where the answer to the first request has the incident's id there: a JSON pointer (RFC 6901).
    id: Option<String>,
}

/// One request with places for what changes.
#[derive(Clone, Debug)]
pub struct Template {
    method: &'static str,
    url: String,
    body: Value,
}

/// Why something makes no [`Template`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// The method.
    #[error("`{0}` is no method for this; write \"POST\", \"PUT\" or \"PATCH\"")]
    Method(String),
    /// The body.
    #[error("the body is no JSON ({0}); write JSON with places such as {{{{title}}}} only within quotes")]
    Body(String),
    /// A place nobody knows, or one that is not allowed where it stands.
    #[error("`{{{{{0}}}}}` is no place that is known here; write one of {1}")]
    Place(String, String),
    /// The name of a member.
    #[error("names in a body stay as they are; write `{0}` without a place")]
    Member(String),
    /// The address.
    #[error("scheme, host and port of an address stay as they are; write places only behind them")]
    Address,
    /// A header.
    #[error("`{0}` is no header; write \"Name: value\", such as \"Authorization: Bearer {{{{secret}}}}\"")]
    Header(String),
    /// A header that is ours.
    #[error("the header `{0}` is written by the gate; leave it out")]
    OurHeader(String),
    /// The pointer.
    #[error("`{0}` does not say where the id is; write a JSON pointer, such as \"/data/id\"")]
    Pointer(String),
    /// There is a place for the id, and it is not known where to have it from.
    #[error("`{{{{id}}}}` needs `id`, which says where the answer to `opened` has it, such as \"/data/id\"")]
    NoPointer,
}

impl Template {
    /// Reads what an admin has written.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn parse(method: &str, url: &str, body: &str) -> Result<Self, TemplateError> {
        let known = ["POST", "PUT", "PATCH"].into_iter().find(|known| *known == method);
        let method = known.ok_or_else(|| TemplateError::Method(method.to_owned()))?;
        let (_, rest) = url.split_once("://").ok_or(TemplateError::Address)?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains("{{") || url.contains('#') {
            return Err(TemplateError::Address);
        }
        check_places(url)?;
        let body: Value =
            serde_json::from_str(body).map_err(|error| TemplateError::Body(error.to_string()))?;
        check(&body)?;
        Ok(Self { method, url: url.to_owned(), body })
    }

    /// The address, with its places.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn needs_id(&self) -> bool {
        self.url.contains("{{id}}") || self.body.to_string().contains("{{id}}")
    }
}

impl Templates {
    /// Joins templates with the headers of all requests, `Name: value` with the key in the place of `{{secret}}`.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn new(
        opened: Template,
        updated: Option<Template>,
        resolved: Option<Template>,
        headers: &[String],
        id: Option<&str>,
        key: Option<&Hidden>,
    ) -> Result<Self, TemplateError> {
        if let Some(pointer) = id.filter(|pointer| !pointer.starts_with('/')) {
            return Err(TemplateError::Pointer(pointer.to_owned()));
        }
        let later = [&updated, &resolved].into_iter().flatten().any(Template::needs_id);
        if opened.needs_id() || (later && id.is_none()) {
            return Err(TemplateError::NoPointer);
        }
        let headers = headers.iter().map(|text| header(text, key)).collect::<Result<_, _>>()?;
        Ok(Self { opened, updated, resolved, headers, id: id.map(str::to_owned) })
    }

    /// The request for an update; `None` if nothing is sent for it.
    pub(super) fn request(&self, words: &Words<'_>, page: Option<&str>) -> Option<Result<Request, String>> {
        let is_first = words.incident.updates.first().is_some_and(|first| first.id == words.update.id);
        let template = match words.update.stage {
            Stage::Investigating
            | Stage::Identified
            | Stage::Monitoring
            | Stage::Resolved
            | Stage::Postmortem
                if is_first =>
            {
                &self.opened
            }
            Stage::Resolved => self.resolved.as_ref().or(self.updated.as_ref())?,
            Stage::Investigating | Stage::Identified | Stage::Monitoring | Stage::Postmortem => {
                self.updated.as_ref()?
            }
        };
        if template.needs_id() && words.there.is_none() {
            let pointer = self.id.as_deref().unwrap_or_default();
            return Some(Err(format!(
                "its id there is not known: `opened` was not taken, or its answer had no text or number at {pointer}: look at `id`"
            )));
        }
        let values = Values { words, page };
        let mut headers = self.headers.clone();
        let key = format!("portcullis-{}-{}", words.incident.id, words.update.id);
        headers.push(("content-type".to_owned(), Hidden::new("application/json".to_owned())));
        headers.push(("idempotency-key".to_owned(), Hidden::new(key)));
        Some(Ok(Request {
            method: template.method,
            url: fill(&template.url, |name| percent(&values.of(name))),
            headers,
            body: values.fill_all(&template.body).to_string().into_bytes(),
        }))
    }

    /// The incident's id there, from the answer to the first request.
    pub(super) fn id(&self, answer: &[u8]) -> Option<String> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        match answer.pointer(self.id.as_deref()?)? {
            Value::String(id) if !id.is_empty() && id.len() <= ID_BYTES_MAX => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// What is put into places.
struct Values<'a> {
    words: &'a Words<'a>,
    page: Option<&'a str>,
}

impl Values<'_> {
    fn of(&self, name: &str) -> String {
        let Words { incident, update, there, .. } = self.words;
        match name {
            "id" => there.unwrap_or_default().to_owned(),
            "incident" => incident.id.to_string(),
            "update" => update.id.to_string(),
            "title" => incident.title.clone(),
            "text" => update.body.clone(),
            "stage" => update.stage.name().to_owned(),
            "impact" => incident.impact.to_owned(),
            "status" => incident.worst.name().to_owned(),
            "components" => incident.names.join(", "),
            "at" => Civil::of(update.at).rfc3339(),
            "since" => Civil::of(incident.started_at).rfc3339(),
            "url" => self.page.map(|page| format!("{page}/i/{}", incident.id)).unwrap_or_default(),
            // Others were refused when they were read.
            _ => String::new(),
        }
    }

    fn fill_all(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(fill(text, |name| self.of(name))),
            Value::Array(values) => values.iter().map(|value| self.fill_all(value)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), self.fill_all(value))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

/// Puts values into the places of a text; what is put in is not looked at again.
fn fill(text: &str, value: impl Fn(&str) -> String) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, place)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, after)) = place.split_once("}}") else {
            filled.push_str("{{");
            rest = place;
            continue;
        };
        filled.push_str(&value(name.trim()));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// For an address: all but unreserved characters (RFC 3986, section 2.3).
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut coded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            coded.push(char::from(byte));
        } else {
            // A `String` takes everything.
            let _never_fails = write!(coded, "%{byte:02X}");
        }
        coded
    })
}

fn check(body: &Value) -> Result<(), TemplateError> {
    match body {
        Value::String(text) => check_places(text),
        Value::Array(values) => values.iter().try_for_each(check),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name.contains("{{") {
                return Err(TemplateError::Member(name.clone()));
            }
            check(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check_places(text: &str) -> Result<(), TemplateError> {
    for place in text.split("{{").skip(1) {
        let name = place.split_once("}}").map_or(place, |(name, _)| name).trim();
        if !PLACES.contains(&name) {
            let name = name.chars().take(SHOWN_CHARS).collect();
            return Err(TemplateError::Place(name, PLACES.join(", ")));
        }
    }
    Ok(())
}

fn header(text: &str, key: Option<&Hidden>) -> Result<(String, Hidden), TemplateError> {
    // A value may be a secret, and is not repeated.
    let (name, value) = text.split_once(':').ok_or_else(|| TemplateError::Header("…".to_owned()))?;
    let name = name.trim().to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(TemplateError::Header(name));
    }
    if OURS.contains(&name.as_str()) {
        return Err(TemplateError::OurHeader(name));
    }
    let mut places =
        value.split("{{").skip(1).map(|place| place.split_once("}}").map_or(place, |(name, _)| name).trim());
    if let Some(place) = places.find(|place| *place != "secret") {
        return Err(TemplateError::Place(place.to_owned(), "secret".to_owned()));
    }
    let secret = key.map(|key| key.expose().to_owned()).unwrap_or_default();
    let value = fill(value.trim(), |_| secret.clone());
    if value.chars().any(char::is_control) || !value.is_ascii() {
        return Err(TemplateError::Header(name));
    }
    Ok((name, Hidden::new(value)))
}

/// What can be put into an address and a body.
const PLACES: [&str; 12] = [
    "id",
    "incident",
    "update",
    "title",
    "text",
    "stage",
    "impact",
    "status",
    "components",
    "at",
    "since",
    "url",
];
/// Headers that the gate writes.
const OURS: [&str; 7] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "user-agent",
];
const ID_BYTES_MAX: usize = 200;
const SHOWN_CHARS: usize = 40;
