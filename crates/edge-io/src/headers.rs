//! Header rules: what is read from a request, what never reaches the app, what the app is told.
//!
//! RFC 9110 section 7.6.1 (hop-by-hop), RFC 7239 (`Forwarded`), and the gate's own contract: inbound forwarding
//! headers and `Portcullis-*` are removed after case and `_` → `-` folding, except from fronts.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Uri, Version};

use crate::cookies;
use crate::ranges;

/// What one walk over a request's headers found.
#[derive(Debug, Default)]
pub(crate) struct Scan<'a> {
    /// The `Cookie` header, if there is exactly one (the usual case).
    pub(crate) cookie: Option<&'a HeaderValue>,
    /// There is more than one `Cookie` header.
    pub(crate) cookies_many: bool,
    /// `Portcullis-Pass`.
    pub(crate) pass: Option<&'a HeaderValue>,
    /// `User-Agent`.
    pub(crate) user_agent: Option<&'a HeaderValue>,
    /// `Connection`.
    pub(crate) connection: Option<&'a HeaderValue>,
    /// `Upgrade: websocket`.
    pub(crate) websocket: bool,
    /// `Content-Type`.
    pub(crate) content_type: Option<&'a HeaderValue>,
    /// `Host`.
    pub(crate) host: Option<&'a HeaderValue>,
    /// `Origin`.
    pub(crate) origin: Option<&'a HeaderValue>,
    /// A browser navigates: `Sec-Fetch-Mode: navigate`, or without that header `Accept` names `text/html`.
    pub(crate) navigation: bool,
    /// A header that only the gate may set is there.
    pub(crate) forged: bool,
    /// A hop-by-hop header other than `Connection` is there.
    pub(crate) hop_by_hop: bool,
    /// A `Connection` header that names more than `keep-alive` and `close`.
    pub(crate) connection_names: bool,
    /// `Expect: 100-continue`.
    pub(crate) expects: bool,
    /// `Range` asks for many parts, or for some twice.
    pub(crate) many_ranges: bool,
    /// Whom the request is said to come from: `X-Forwarded-For`, `X-Real-IP` or `Forwarded`.
    pub(crate) forwarded_for: Option<&'a HeaderValue>,
    /// A front says that its client came by https.
    pub(crate) proto_https: bool,
    /// `Transfer-Encoding` is there.
    pub(crate) chunked: bool,
    /// `Content-Length` as a number.
    pub(crate) content_length: Option<u64>,
}

/// Reads a request's headers once.
pub(crate) fn scan(headers: &HeaderMap) -> Scan<'_> {
    let mut scan = Scan::default();
    let (mut fetch_mode, mut accepts_html) = (None, false);
    for (name, value) in headers {
        match name.as_str() {
            "host" => scan.host = Some(value),
            "cookie" => {
                scan.cookies_many |= scan.cookie.is_some();
                scan.cookie = Some(value);
            }
            "user-agent" => scan.user_agent = Some(value),
            "accept" => accepts_html = memchr::memmem::find(value.as_bytes(), b"text/html").is_some(),
            "sec-fetch-mode" => fetch_mode = Some(value.as_bytes() == b"navigate"),
            "connection" => {
                scan.connection = Some(value);
                scan.connection_names |= !is_plain_connection(value.as_bytes());
            }
            "content-length" => scan.content_length = value.to_str().ok().and_then(|text| text.parse().ok()),
            "transfer-encoding" => {
                scan.chunked = true;
                scan.hop_by_hop = true;
            }
            "content-type" => scan.content_type = Some(value),
            "expect" => scan.expects = true,
            "range" => scan.many_ranges |= !ranges::is_modest(value.as_bytes()),
            "x-forwarded-proto" => {
                scan.proto_https = value.as_bytes().eq_ignore_ascii_case(b"https");
                scan.forged = true;
            }
            "x-forwarded-for" | "x-real-ip" | "forwarded" => {
                scan.forwarded_for = Some(value);
                scan.forged = true;
            }
            "origin" => scan.origin = Some(value),
            "upgrade" => {
                scan.websocket = value.as_bytes().eq_ignore_ascii_case(b"websocket");
                scan.hop_by_hop = true;
            }
            "te" | "keep-alive" | "proxy-connection" | "proxy-authenticate" => scan.hop_by_hop = true,
            "portcullis-pass" => {
                scan.pass = Some(value);
                scan.forged = true;
            }
            other => scan.forged |= is_ours(other),
        }
    }
    scan.navigation = fetch_mode.unwrap_or(accepts_html);
    scan
}

/// Whether only the gate (or a front) may set the header; `name` is lower case already.
fn is_ours(name: &str) -> bool {
    if name.len() < SHORTEST_OF_OURS || !matches!(name.as_bytes()[0], b'x' | b'f' | b'p') {
        return false;
    }
    if name.contains('_') {
        let folded = name.replace('_', "-");
        return is_ours_folded(&folded);
    }
    is_ours_folded(name)
}

fn is_ours_folded(name: &str) -> bool {
    name.starts_with("x-forwarded-")
        || name.starts_with("portcullis-")
        || matches!(name, "forwarded" | "x-real-ip" | "x-request-id")
}

/// `keep-alive`, `close` or both: nothing that names a header.
fn is_plain_connection(value: &[u8]) -> bool {
    value.split(|&byte| byte == b',').all(|word| {
        let word = word.trim_ascii();
        word.eq_ignore_ascii_case(b"keep-alive") || word.eq_ignore_ascii_case(b"close")
    })
}

/// What the walk found, without borrowing the headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chores {
    forged: bool,
    hop_by_hop: bool,
    connection: bool,
    connection_names: bool,
    expects: bool,
    many_ranges: bool,
    gate_cookies: bool,
    cookies_many: bool,
    websocket: bool,
    /// `Host` is there.
    pub(crate) host: bool,
}

impl Scan<'_> {
    /// What must be done to the headers before they go to the origin.
    pub(crate) fn chores(&self, gate_cookies: bool) -> Chores {
        Chores {
            forged: self.forged,
            hop_by_hop: self.hop_by_hop,
            connection: self.connection.is_some(),
            connection_names: self.connection_names,
            expects: self.expects,
            many_ranges: self.many_ranges,
            gate_cookies,
            cookies_many: self.cookies_many,
            host: self.host.is_some(),
            websocket: self.websocket && self.connection.is_some_and(|value| names(value, "upgrade")),
        }
    }

    /// Whether the request asks for a WebSocket.
    pub(crate) fn wants_websocket(&self) -> bool {
        self.websocket && self.connection.is_some_and(|value| names(value, "upgrade"))
    }
}

/// Whether a comma-separated list of tokens holds a word.
fn names(value: &HeaderValue, word: &str) -> bool {
    value
        .as_bytes()
        .split(|&byte| byte == b',')
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// What the app is told about a request.
pub(crate) struct Told {
    pub(crate) forwarded_for: HeaderValue,
    pub(crate) forwarded: HeaderValue,
    pub(crate) request_id: HeaderValue,
    pub(crate) tier: HeaderValue,
    /// The client speaks https to the gate.
    pub(crate) https: bool,
    /// The client is known: it may ask for as many parts as it likes.
    pub(crate) known: bool,
    /// The request came through a front, whose forwarding headers stay.
    pub(crate) front: bool,
}

/// Turns a client's headers into those of the request to the origin.
pub(crate) fn for_origin(headers: &mut HeaderMap, chores: Chores, told: Told) {
    if chores.connection_names {
        remove_named(headers);
    }
    if chores.connection {
        headers.remove(header::CONNECTION);
    }
    if chores.hop_by_hop {
        remove_hop_by_hop(headers);
    }
    if chores.expects {
        // The gate itself answers 100 when it begins to read the body.
        headers.remove(header::EXPECT);
    }
    if chores.many_ranges && !told.known {
        headers.remove(header::RANGE);
    }
    if chores.forged {
        remove_forged(headers, told.front);
    }
    if chores.cookies_many {
        join_cookies(headers);
    }
    if chores.gate_cookies {
        cookies::remove_gate_cookies(headers);
    }
    if chores.websocket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    tell(headers, told);
}

/// Turns a request for an origin into one of HTTP/2: what names the host and who frames the body are no fields there (RFC 9113,
/// sections 8.3.1 and 8.2.2). Left as it is when its target cannot be written so.
pub(crate) fn over_http2<B>(request: &mut Request<B>, tls: bool) {
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let target = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let scheme = if tls { Scheme::HTTPS } else { Scheme::HTTP };
    let Ok(uri) = Uri::builder().scheme(scheme).authority(host).path_and_query(target).build() else {
        return;
    };
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(header::HOST);
    request.headers_mut().remove(header::TRANSFER_ENCODING);
}

/// Joins several `Cookie` headers into one: HTTP/2 clients may cut theirs into crumbs, and HTTP/1 knows one alone (RFC 9113,
/// section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

fn tell(headers: &mut HeaderMap, told: Told) {
    let proto = HeaderValue::from_static(if told.https { "https" } else { "http" });
    if told.front {
        append(headers, &X_FORWARDED_FOR, &told.forwarded_for);
        append(headers, &header::FORWARDED, &told.forwarded);
        headers.entry(X_FORWARDED_PROTO).or_insert(proto);
    } else {
        headers.insert(X_FORWARDED_FOR, told.forwarded_for);
        headers.insert(header::FORWARDED, told.forwarded);
        headers.insert(X_FORWARDED_PROTO, proto);
    }
    headers.insert(X_REQUEST_ID, told.request_id);
    headers.insert(PORTCULLIS_TIER, told.tier);
}

/// Adds to a list that a front began; without one, begins it.
fn append(headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) {
    let joined = headers.get(name).and_then(|before| {
        HeaderValue::from_bytes(&[before.as_bytes(), b", ", value.as_bytes()].concat()).ok()
    });
    headers.insert(name, joined.unwrap_or_else(|| value.clone()));
}

/// Removes the headers that `Connection` names. Names that the gate needs for itself are never honoured: a client
/// must not be able to strip `Host`, `Cookie` or a length.
fn remove_named(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
        .filter(|name| !NEVER_NAMED.contains(name))
        .take(NAMED_MAX)
        .collect();
    for name in named {
        headers.remove(name);
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let trailers = headers.get(header::TE).is_some_and(|value| names(value, "trailers"));
    for name in [
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::TE,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        header::PROXY_AUTHENTICATE,
    ] {
        headers.remove(name);
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

fn remove_forged(headers: &mut HeaderMap, front: bool) {
    let forged: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name.as_str())).cloned().collect();
    for name in forged {
        let forwarding =
            matches!(name.as_str(), "forwarded" | "x-real-ip") || name.as_str().starts_with("x-forwarded-");
        if !(front && forwarding) {
            headers.remove(name);
        }
    }
}

/// Removes what must not reach the app from a request's trailers.
pub(crate) fn clean_trailers(trailers: &mut HeaderMap) {
    remove_forged(trailers, false);
    for name in [
        header::COOKIE,
        header::AUTHORIZATION,
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        trailers.remove(name);
    }
}

/// What one walk over an answer's headers found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AnswerScan {
    /// `Portcullis-Login` is there.
    pub(crate) login: bool,
    /// `Content-Type: text/event-stream`.
    pub(crate) event_stream: bool,
    connection: bool,
    connection_names: bool,
    hop_by_hop: bool,
}

/// Reads an answer's headers once.
pub(crate) fn scan_answer(headers: &HeaderMap) -> AnswerScan {
    let mut scan = AnswerScan::default();
    for (name, value) in headers {
        match name.as_str() {
            "connection" => {
                scan.connection = true;
                scan.connection_names |= !is_plain_connection(value.as_bytes());
            }
            "content-type" => scan.event_stream = value.as_bytes().starts_with(b"text/event-stream"),
            "portcullis-login" => scan.login = true,
            "transfer-encoding" | "keep-alive" | "proxy-connection" => scan.hop_by_hop = true,
            _ => {}
        }
    }
    scan
}

/// Removes what belongs to the hop between gate and origin from an answer.
pub(crate) fn for_client(headers: &mut HeaderMap, scan: AnswerScan) {
    if scan.connection_names {
        remove_named(headers);
    }
    if scan.connection {
        headers.remove(header::CONNECTION);
    }
    if scan.hop_by_hop {
        for name in [header::TRANSFER_ENCODING, KEEP_ALIVE, PROXY_CONNECTION] {
            headers.remove(name);
        }
    }
}

/// `Portcullis-Login`.
pub(crate) const PORTCULLIS_LOGIN: HeaderName = HeaderName::from_static("portcullis-login");
/// `Portcullis-Reference`.
pub(crate) const PORTCULLIS_REFERENCE: HeaderName = HeaderName::from_static("portcullis-reference");
/// `Portcullis-Tier`.
pub(crate) const PORTCULLIS_TIER: HeaderName = HeaderName::from_static("portcullis-tier");
/// `X-Request-Id`.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// `X-Forwarded-For`.
pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

const NEVER_NAMED: [HeaderName; 7] = [
    header::HOST,
    header::COOKIE,
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TE,
    header::CONNECTION,
];
const NAMED_MAX: usize = 16;
/// The length of `forwarded` and `x-real-ip`.
const SHORTEST_OF_OURS: usize = 9;

#[cfg(test)]
mod tests;
