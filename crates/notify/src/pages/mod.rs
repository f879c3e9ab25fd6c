//! Pages that a company already has elsewhere: what our own page says, brought there, and nothing else.
//!
//! What may be published goes in as a [`View`](incident::View), so that nothing can leave that the public does not read anyway. Before
//! anything is written it is looked at what is there; what a person wrote, renamed, closed or deleted there stays as it is.
//!
//! ```text
//!  View ─▶ wanted ──┐
//!  memory (kept) ───┼─▶ the next request ─▶ (sent elsewhere) ─▶ answer ─▶ memory, board
//!  board (looked) ──┘
//! ```

mod answer;
mod board;
mod compare;
mod instatus;
mod keeper;
mod memory;
mod statuspage;
mod template;
#[cfg(test)]
mod tests;
mod wanted;
mod write;

pub use keeper::{PageChange, PageFigures, PageKeeper, PageNext};
pub use template::{Template, TemplateError, Templates};

use crate::hidden::Hidden;

/// A page elsewhere.
#[derive(Clone, Debug)]
pub struct PageSettings {
    /// What it is called in logs and metrics.
    pub name: String,
    /// How it is written to.
    pub way: PageWay,
    /// Our components by their full names, and the ids that they have there.
    pub components: Vec<(String, String)>,
    /// Whether those who subscribed there are told of what is new.
    pub tells_subscribers: bool,
    /// Requests in a minute at most.
    pub per_minute: u32,
    /// The public address of our own page, without a slash at its end.
    pub page: Option<String>,
}

/// How a page is written to.
#[derive(Clone, Debug)]
pub enum PageWay {
    /// Atlassian Statuspage, its manage API (v1).
    Statuspage(Access),
    /// Instatus, its API (v1).
    Instatus(Access),
    /// Any other, by requests that an admin has written.
    Template(Box<Templates>),
}

/// What is needed to write to a page.
#[derive(Clone, Debug)]
pub struct Access {
    /// Scheme and host, without a slash at its end.
    pub url: String,
    /// The page's id there.
    pub page: String,
    /// The key.
    pub key: Hidden,
}

impl PageSettings {
    /// The web server that is spoken to, if it is one alone.
    pub fn url(&self) -> Option<&str> {
        match &self.way {
            PageWay::Statuspage(access) | PageWay::Instatus(access) => Some(&access.url),
            PageWay::Template(_) => None,
        }
    }

    /// Whether nothing can be looked at there.
    const fn is_blind(&self) -> bool {
        matches!(self.way, PageWay::Template(_))
    }

    /// Whether maintenances are a list of their own there.
    const fn lists_works(&self) -> bool {
        matches!(self.way, PageWay::Instatus(_))
    }
}

/// A request to a web server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// `GET`, `POST`, `PUT` or `PATCH`.
    pub method: &'static str,
    /// The whole address.
    pub url: String,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, Hidden)>,
    /// The body; empty without one.
    pub body: Vec<u8>,
}

impl Request {
    /// With JSON, or without a body.
    fn json(
        method: &'static str,
        url: String,
        authorization: String,
        body: Option<&serde_json::Value>,
    ) -> Self {
        let mut headers = vec![
            ("authorization".to_owned(), Hidden::new(authorization)),
            ("accept".to_owned(), Hidden::new(JSON.to_owned())),
        ];
        if body.is_some() {
            headers.push(("content-type".to_owned(), Hidden::new(JSON.to_owned())));
        }
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        Self { method, url, headers, body }
    }
}

const JSON: &str = "application/json";
