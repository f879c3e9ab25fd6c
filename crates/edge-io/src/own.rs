//! What the gate answers by itself before anybody is judged: what cannot be read, other hosts, its health, the way to https,
//! links that make a client known.

use http::header::{CONNECTION, HeaderValue, STRICT_TRANSPORT_SECURITY};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};

use crate::body::AnswerBody;
use crate::connection::Connection;
use crate::counters::add;
use crate::pass_link;
use crate::refusal;
use crate::strict::{self, Length};
use crate::subject::is_host;
use crate::worker::Worker;

/// Whether the HTTP library found the same end of the message as the strict reading (RFC 9112, section 11.2).
pub(crate) fn agrees(connection: &Connection, body: &Incoming) -> bool {
    if connection.gauge.is_multiplexed() {
        return true;
    }
    match connection.borders.next_length() {
        Some(Length::None) => body.is_end_stream(),
        Some(Length::Bytes(bytes)) => body.size_hint().exact() == Some(bytes),
        Some(Length::Chunked) => !body.is_end_stream() && body.size_hint().exact().is_none(),
        None => false,
    }
}

/// Paths and methods that never reach admission.
pub(crate) fn own_answer(
    worker: &Worker,
    connection: &Connection,
    parts: &Parts,
) -> Option<Response<AnswerBody>> {
    if parts.version == Version::HTTP_2
        && parts.method != Method::CONNECT
        && let Err(fault) = strict::check(parts)
    {
        add(&worker.counters().malformed[fault.index()], 1);
        return Some(refusal::malformed(fault));
    }
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Some(refusal::method_not_allowed());
    }
    if parts.uri.path() == HEALTH_PATH {
        return Some(refusal::health(!worker.shared().is_stopping()));
    }
    if let Some(token) = parts.uri.path().strip_prefix(ACME_PATH)
        && let Some(text) = worker.shared().settings.challenges.as_ref().and_then(|all| all.text(token))
    {
        return Some(refusal::proof(text));
    }
    let hosts = &worker.shared().settings.hosts;
    if !hosts.is_empty() && !hosts.iter().any(|host| is_host(parts, host)) {
        return Some(refusal::wrong_host());
    }
    match connection.security.redirect {
        // Whoever makes the certificates may ask for its proof in the clear (RFC 8555, section 8.3).
        Some(_) if parts.uri.path().starts_with(ACME_PATH) => None,
        Some(port) => Some(refusal::to_https(parts, port)),
        None => pass_link::answer(worker, connection, parts),
    }
}

/// What its connection adds to an answer: that browsers are to come back by https alone, unless the app has its own word
/// for it, and that it is the last one when a successor serves or the client had many.
pub(crate) fn of_connection(
    worker: &Worker,
    connection: &Connection,
    mut answer: Response<AnswerBody>,
) -> Response<AnswerBody> {
    let lowered = worker.is_lowered();
    let has_had_enough = connection.has_had_enough(lowered);
    if connection.gauge.is_multiplexed() {
        if has_had_enough && lowered {
            // It says goodbye and answers what has been asked (RFC 9113, section 6.8). In calm it does not: some clients
            // count what they had meant to ask next as failed.
            connection.gauge.drain();
        }
        return with_hsts(connection, answer);
    }
    let is_last = worker.shared().is_stopping() || has_had_enough || connection.gauge.is_large();
    if is_last && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    with_hsts(connection, answer)
}

fn with_hsts(connection: &Connection, mut answer: Response<AnswerBody>) -> Response<AnswerBody> {
    if let Some(hsts) = &connection.security.hsts {
        answer.headers_mut().entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
    }
    answer
}

const ACME_PATH: &str = "/.well-known/acme-challenge/";
const HEALTH_PATH: &str = "/.well-known/portcullis/health";
