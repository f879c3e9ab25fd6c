//! The page in memory, and the server that hands it out.
//!
//! It must stand a flood of readers itself: answers are made when a page is published, and a request costs a look-up.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use web_io::{Bytes, ServerLimits};

use crate::files::{Files, Served};
use crate::unchanged::is_unchanged;

/// A page that readers are served; what is published replaces it whole, from one request to the next.
///
/// Clones are the same page.
#[derive(Clone)]
pub struct Site {
    page: Arc<ArcSwapOption<Page>>,
    /// On every answer.
    secure: Arc<HeaderMap>,
}

/// The text is no value of `Content-Security-Policy`.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no content security policy; write visible ASCII")]
pub struct PolicyError(String);

/// A published page: every file with its answer.
struct Page {
    files: BTreeMap<String, Whole>,
    /// What unknown paths are answered with.
    missing: Option<Whole>,
}

impl Page {
    /// The file that a path means: a page is asked for with or without its ending, and links between pages have it, so that they lead
    /// somewhere in a folder, too.
    fn find(&self, path: &str) -> Option<&Whole> {
        self.files.get(path).or_else(|| match path.rsplit('/').next() {
            Some("index.html") => self.files.get(path.strip_suffix("index.html")?),
            Some(last) if !last.is_empty() && !last.contains('.') => self.files.get(&format!("{path}.html")),
            _ => None,
        })
    }
}

/// A file with all headers of its answer.
#[derive(Clone)]
struct Whole {
    bytes: Bytes,
    etag: Box<str>,
    headers: HeaderMap,
}

impl Site {
    /// A site without a page; readers are asked to come back until one is published. The policy says what pages may load.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn new(content_security_policy: &str) -> Result<Self, PolicyError> {
        let policy = HeaderValue::from_str(content_security_policy)
            .map_err(|_| PolicyError(content_security_policy.escape_debug().take(80).collect()))?;
        let mut secure = HeaderMap::new();
        secure.insert(CONTENT_SECURITY_POLICY, policy);
        secure.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        secure.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        secure.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        Ok(Self { page: Arc::default(), secure: Arc::new(secure) })
    }

    /// Replaces the page.
    pub fn publish(&self, files: &Files) {
        let whole = |(path, file): (&str, &Served)| (path.to_owned(), self.whole(path, file));
        let files: BTreeMap<_, _> = files.iter().map(whole).collect();
        let missing = files.get(MISSING).cloned().map(|mut missing| {
            missing.headers.remove(ETAG);
            missing
        });
        self.page.store(Some(Arc::new(Page { files, missing })));
    }

    /// The answer to one request.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        if request.method() == Method::OPTIONS && path.starts_with(API) {
            return self.preflight();
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return self.plain(StatusCode::METHOD_NOT_ALLOWED, ALLOW, allowed(path));
        }
        let page = self.page.load();
        let Some(page) = page.as_deref() else {
            return self.plain(StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER, RETRY_SECONDS);
        };
        match (page.find(path), &page.missing) {
            (Some(file), _) if has_already(request.headers(), &file.etag) => unchanged(file),
            (Some(file), _) => answer(StatusCode::OK, file.bytes.clone(), file.headers.clone()),
            (None, Some(missing)) => {
                answer(StatusCode::NOT_FOUND, missing.bytes.clone(), missing.headers.clone())
            }
            (None, None) => self.plain(StatusCode::NOT_FOUND, CACHE_CONTROL, "public, max-age=10"),
        }
    }

    fn whole(&self, path: &str, file: &Served) -> Whole {
        let mut headers = self.secure.as_ref().clone();
        // `Files` takes no others.
        let value = |text: &str| HeaderValue::from_str(text).expect("the headers of files are values");
        headers.insert(CONTENT_TYPE, value(&file.content_type));
        headers.insert(CACHE_CONTROL, value(&file.cache_control));
        headers.insert(ETAG, value(&file.etag));
        if is_open(path) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        Whole { bytes: file.bytes.clone(), etag: file.etag.as_str().into(), headers }
    }

    /// Programs on other pages may ask for the data (fetch.spec.whatwg.org, "CORS-preflight request").
    fn preflight(&self) -> Response<Bytes> {
        let mut headers = self.secure.as_ref().clone();
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "*"),
            (ACCESS_CONTROL_MAX_AGE, "86400"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        answer(StatusCode::NO_CONTENT, Bytes::new(), headers)
    }

    fn received(&self, Received { status, page }: Received) -> Response<Bytes> {
        let mut headers = self.secure.as_ref().clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_LATER_SECONDS));
        }
        answer(status, page, headers)
    }

    /// A short answer of our own, with one header more.
    fn plain(&self, status: StatusCode, name: http::HeaderName, value: &'static str) -> Response<Bytes> {
        let mut headers = self.secure.as_ref().clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(name, HeaderValue::from_static(value));
        let text = status.canonical_reason().unwrap_or("error");
        answer(status, Bytes::from_static(text.as_bytes()), headers)
    }
}

/// Answers what is no file of the page: forms.
pub trait Reception: Send + Sync {
    /// `None`: the files of the page answer. It must not wait; what it returns may.
    fn receive(&self, request: &Request<Bytes>, peer: SocketAddr) -> Option<Receiving>;
}

/// An answer that is being made.
pub type Receiving = Pin<Box<dyn Future<Output = Received>>>;

/// What a form is answered with: a page for one reader, which nobody may keep.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Received {
    /// The status.
    pub status: StatusCode,
    /// The page, HTML.
    pub page: Bytes,
}

/// Serves a site until `stop` resolves; see [`web_io::serve`].
pub async fn serve(
    listener: TcpListener,
    limits: ServerLimits,
    site: Site,
    reception: Option<Arc<dyn Reception>>,
    stop: impl Future<Output = ()>,
) {
    let handler = move |request: Request<Bytes>, peer| {
        let receiving = reception.as_ref().and_then(|reception| reception.receive(&request, peer));
        let answer = if receiving.is_none() { Some(site.answer(&request)) } else { None };
        let site = site.clone();
        async move {
            match (receiving, answer) {
                (Some(receiving), _) => site.received(receiving.await),
                (None, Some(answer)) => answer,
                (None, None) => site.plain(StatusCode::NOT_FOUND, CACHE_CONTROL, "no-store"),
            }
        }
    };
    web_io::serve(listener, limits, handler, stop).await;
}

/// Limits for many readers who send nothing but short forms and do not stay.
pub const fn server_limits() -> ServerLimits {
    ServerLimits { connections: 2_048, body_bytes: 8 * 1_024, header_seconds: 5, idle_seconds: 15 }
}

fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|value| is_unchanged(value.as_bytes(), etag))
}

/// RFC 9110, section 15.4.5: what a cache needs to go on, and nothing about a content that is not there.
fn unchanged(file: &Whole) -> Response<Bytes> {
    let mut headers = file.headers.clone();
    headers.remove(CONTENT_TYPE);
    answer(StatusCode::NOT_MODIFIED, Bytes::new(), headers)
}

fn answer(status: StatusCode, body: Bytes, headers: HeaderMap) -> Response<Bytes> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// Whether programs on other pages may read it: data, feeds and badges.
fn is_open(path: &str) -> bool {
    let has_ending = |ending| path.ends_with(ending);
    path.starts_with(API)
        || path == "/status.txt"
        || path == "/manifest.json"
        || ((path.starts_with("/badge") || path.starts_with("/c/")) && has_ending(".svg"))
        || has_ending(".atom")
        || has_ending(".rss")
}

fn allowed(path: &str) -> &'static str {
    if path.starts_with(API) { "GET, HEAD, OPTIONS" } else { "GET, HEAD" }
}

const API: &str = "/api/";
/// The file that unknown paths are answered with.
const MISSING: &str = "/404.html";
const RETRY_SECONDS: &str = "5";
const RETRY_LATER_SECONDS: &str = "60";

#[cfg(test)]
mod tests;
