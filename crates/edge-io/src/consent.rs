//! Links with which whoever is alerted decides about words that wait to be published: the gate answers them itself, so that they work
//! from every telephone and while the app does not.
//!
//! Programs that look into messages open every link, so opening one only shows a page; its buttons decide. What a link is about and
//! what becomes of it is asked of [`Consents`].

use std::pin::Pin;

use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::body::AnswerBody;
use crate::call::Call;
use crate::connection::Connection;
use crate::pass_link::{comes_from_its_page, guarded, other_method};
use crate::refusal;
use crate::worker::Worker;

/// The path under which such links are asked for; what is signed follows.
pub const CONSENT_PATH: &str = "/.well-known/portcullis/consent/";

/// What somebody decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// To publish the words now.
    Publish,
    /// To hold them back.
    Hold,
}

impl Decision {
    /// At the end of the path to which its button leads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Hold => "hold",
        }
    }
}

/// A page of the gate's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConsentPage {
    /// The answer's status.
    pub status: StatusCode,
    /// What it is called.
    pub title: &'static str,
    /// What it says first.
    pub detail: &'static str,
    /// HTML of what else it says.
    pub more: String,
}

/// A page that comes when what it says is known.
pub type ComingPage = Pin<Box<dyn Future<Output = ConsentPage> + Send>>;

/// Who knows what links are about.
pub trait Consents: Send + Sync {
    /// What to answer to whoever has a link, and to what they decide; `None`: it was not made here. Whatever waits does so in what is
    /// returned, and for no longer than a few seconds.
    fn page(&self, token: &str, decision: Option<Decision>) -> Option<ComingPage>;
}

/// The answer to a request for such a link, with which its call ends; `None` for every other path, and where nobody knows of any.
pub(crate) fn answer<'a>(
    worker: &'a Worker,
    connection: &'a Connection,
    call: &'a Call,
    parts: &Parts,
) -> Option<impl Future<Output = Response<AnswerBody>> + use<'a>> {
    let asked = parts.uri.path().strip_prefix(CONSENT_PATH)?;
    let consents = worker.shared().settings.consents.as_ref()?;
    let (token, wanted) = asked.split_once('/').unwrap_or((asked, ""));
    let wanted = [Decision::Publish, Decision::Hold].into_iter().find(|of| of.name() == wanted);
    let is_post = parts.method == Method::POST;
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    let decision = wanted.filter(|_| is_post && comes_from_its_page(parts));
    let page = if is_post || is_read { consents.page(token, decision) } else { None };
    let waits = Waits { worker, connection, call };
    Some(async move {
        let _waits = waits;
        guarded(match page {
            Some(page) => {
                let ConsentPage { status, title, detail, more } = page.await;
                refusal::own_page(status, title, detail, &more)
            }
            None if is_post || is_read => refusal::own_page(StatusCode::NOT_FOUND, TITLE, DETAIL, ""),
            None => other_method(),
        })
    })
}

/// A call that waits for a page. It ends when the page is there, or the client is not.
struct Waits<'a> {
    worker: &'a Worker,
    connection: &'a Connection,
    call: &'a Call,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.connection.end(self.call, self.worker.now());
    }
}

const TITLE: &str = "This link is not complete";
const DETAIL: &str = "A part of it is missing, or this gate did not make it. Copy the whole link from the message that you got.";
