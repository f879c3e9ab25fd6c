//! The gate's own answers: refusals, and what it says when the app cannot be reached.
//!
//! Navigations get a page, everything else `application/problem+json` (RFC 9457). A refusal is written under a flood,
//! so its fixed parts are constants and only the reference and the waiting time are spliced in.

use std::time::Duration;

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, REFRESH, RETRY_AFTER,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use model::{Reason, RefusalKind, Tier};

use crate::body::AnswerBody;
use crate::headers::PORTCULLIS_REFERENCE;
use crate::page::{self, Again, ORIGIN_WORDS, SignIn, Telling, Words};
use crate::strict::Fault;

/// What a refusal says.
pub(crate) struct Refusing<'a> {
    pub(crate) reason: Reason,
    pub(crate) retry_after_secs: u64,
    /// The reference that `portcullis ctl why` opens.
    pub(crate) reference: &'a str,
    pub(crate) navigation: bool,
    /// The page asks again by itself after so many seconds.
    pub(crate) waiting: Option<u64>,
    /// What a page says about signing in.
    pub(crate) sign_in: SignIn<'a>,
}

/// The answer to a refused request.
pub(crate) fn answer(refusing: &Refusing<'_>) -> Response<AnswerBody> {
    let words = Words::of(refusing.reason, refusing.navigation, refusing.waiting.is_some());
    let status = status(refusing.reason, refusing.navigation);
    let mut seconds = itoa::Buffer::new();
    let seconds = seconds.format(refusing.retry_after_secs);
    let body = if refusing.navigation {
        let again = Again::after(refusing.reason, refusing.retry_after_secs, refusing.waiting);
        page::about(words, &Telling { reference: refusing.reference, again, sign_in: refusing.sign_in })
    } else {
        problem(words, status, Some(refusing.reference), Some(seconds))
    };
    let mut answer = own(status, refusing.navigation, body);
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(seconds) {
        headers.insert(RETRY_AFTER, value);
    }
    if let Ok(value) = HeaderValue::from_str(refusing.reference) {
        headers.insert(PORTCULLIS_REFERENCE, value);
    }
    if let Some(value) = refusing.waiting.map(HeaderValue::from) {
        headers.insert(REFRESH, value);
    }
    answer
}

/// The status of a refusal (contract): client limit 429, threshold and queue 503, rule 403, waiting page 503 or 429.
pub(crate) fn status(reason: Reason, navigation: bool) -> StatusCode {
    match reason.kind() {
        _ if reason == Reason::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RefusalKind::Limited => StatusCode::TOO_MANY_REQUESTS,
        RefusalKind::Shed => StatusCode::SERVICE_UNAVAILABLE,
        RefusalKind::Ruled | RefusalKind::Dropped => StatusCode::FORBIDDEN,
        RefusalKind::Challenged if navigation => StatusCode::SERVICE_UNAVAILABLE,
        RefusalKind::Challenged => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// When a refused client should come back, in seconds: T0 to T3 at most 2 s, others what the step said and up to as
/// much again, so that they do not come back together. Whoever signs in is T3, but has no slot before the waiting room has a place.
pub(crate) fn retry_after(reason: Reason, tier: Tier, scatter: u64, wanted: Duration) -> u64 {
    let wanted = wanted.as_secs().clamp(1, RETRY_SECONDS_MAX);
    let comes_soon = tier <= Tier::T3 && reason != Reason::LaneFull;
    if comes_soon { 1 + scatter % 2 } else { wanted + scatter % (wanted + 1) }
}

/// After how many seconds a waiting page loads itself again. A browser that takes no cookies would do it without end where the
/// page with the cookie says at once: whoever has left 32 of them unanswered (T6) gets time to read why.
pub(crate) fn refresh(reason: Reason, tier: Tier, seconds: u64) -> u64 {
    let ignores_all = reason == Reason::CookieChallenge && tier == Tier::T6;
    if ignores_all { seconds.max(UNANSWERED_SECONDS) } else { seconds }
}

/// CONNECT and TRACE.
pub(crate) fn method_not_allowed() -> Response<AnswerBody> {
    let mut answer = plain_problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "This method is not allowed here",
        "Use another method.",
    );
    answer
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    answer
}

/// The request is for a host that this gate does not serve.
pub(crate) fn wrong_host() -> Response<AnswerBody> {
    plain_problem(StatusCode::MISDIRECTED_REQUEST, "This host is not served here", "Check the address.")
}

/// The request is no HTTP that the gate takes.
pub(crate) fn malformed(fault: Fault) -> Response<AnswerBody> {
    let detail = "It cannot be read in one way only, or is too large.";
    plain_problem(fault.status(), "The request cannot be read", detail)
}

/// Sends a request on to https: with the same method, unless it is one that asks for a page.
pub(crate) fn to_https(parts: &Parts, port: u16) -> Response<AnswerBody> {
    let named = parts.uri.host().map(str::to_owned).or_else(|| {
        let host = parts.headers.get(HOST)?.to_str().ok()?;
        let end =
            if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
        Some(host[..end].to_owned())
    });
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let place = match (named, port) {
        (None, _) => return bad_request("There is no Host."),
        (Some(host), 443) => format!("https://{host}{path}"),
        (Some(host), port) => format!("https://{host}:{port}{path}"),
    };
    let asks_for_page = matches!(parts.method, Method::GET | Method::HEAD);
    let status = if asks_for_page { StatusCode::MOVED_PERMANENTLY } else { StatusCode::PERMANENT_REDIRECT };
    let mut answer = own(status, false, Vec::new());
    answer.headers_mut().remove(CONTENT_TYPE);
    match HeaderValue::from_str(&place) {
        Ok(place) => answer.headers_mut().insert(LOCATION, place),
        Err(_) => return bad_request("The Host is malformed."),
    };
    answer
}

/// The request cannot be served as it is.
pub(crate) fn bad_request(detail: &'static str) -> Response<AnswerBody> {
    plain_problem(StatusCode::BAD_REQUEST, "The request cannot be served", detail)
}

/// The app cannot be reached, or broke its answer off.
pub(crate) fn origin_unreachable(navigation: bool) -> Response<AnswerBody> {
    origin(StatusCode::BAD_GATEWAY, navigation)
}

/// The app did not answer in time.
pub(crate) fn origin_late(navigation: bool) -> Response<AnswerBody> {
    origin(StatusCode::GATEWAY_TIMEOUT, navigation)
}

/// The answer of `/.well-known/portcullis/health`.
pub(crate) fn health(serving: bool) -> Response<AnswerBody> {
    let (status, text) =
        if serving { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "stopping\n") };
    let mut answer = own(status, false, text.as_bytes().to_vec());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// What an authority finds before it signs a certificate (RFC 8555, section 8.3).
pub(crate) fn proof(text: String) -> Response<AnswerBody> {
    let mut answer = own(StatusCode::OK, false, text.into_bytes());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    answer
}

fn origin(status: StatusCode, navigation: bool) -> Response<AnswerBody> {
    let words = &ORIGIN_WORDS;
    let telling = Telling { reference: "", again: Again::Try(10), sign_in: SignIn::Silent };
    let body =
        if navigation { page::about(words, &telling) } else { problem(words, status, None, Some("10")) };
    let mut answer = own(status, navigation, body);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    answer
}

fn plain_problem(status: StatusCode, title: &'static str, detail: &'static str) -> Response<AnswerBody> {
    own(status, false, problem(&Words { title, detail }, status, None, None))
}

fn own(status: StatusCode, page: bool, body: Vec<u8>) -> Response<AnswerBody> {
    let mut headers = HeaderMap::with_capacity(8);
    let kind = if page { "text/html; charset=utf-8" } else { "application/problem+json" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut answer = Response::new(AnswerBody::whole(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

fn problem(words: &Words, status: StatusCode, reference: Option<&str>, seconds: Option<&str>) -> Vec<u8> {
    let mut body = Vec::with_capacity(320);
    let mut put = |text: &str| body.extend_from_slice(text.as_bytes());
    put("{\"title\":\"");
    put(words.title);
    put("\",\"status\":");
    put(status.as_str());
    put(",\"detail\":\"");
    put(words.detail);
    put("\"");
    if let Some(reference) = reference {
        put(",\"reference\":\"");
        put(reference);
        put("\"");
    }
    if let Some(seconds) = seconds {
        put(",\"retry_after\":");
        put(seconds);
    }
    put("}\n");
    body
}

/// A page of the gate's own: a title, a sentence, and what else there is to say, as HTML.
pub(crate) fn own_page(
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
    more: &str,
) -> Response<AnswerBody> {
    own(status, true, page::with(&Words { title, detail }, more))
}

const RETRY_SECONDS_MAX: u64 = 600;

/// Long enough to read the page, short enough for a person who has just allowed cookies.
const UNANSWERED_SECONDS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole answer as text; the only test code that knows the API.
    fn shown(reason: Reason, navigation: bool, waiting: Option<u64>) -> String {
        let refusing = Refusing {
            reason,
            retry_after_secs: 42,
            reference: "AB12-CD34",
            navigation,
            waiting,
            sign_in: SignIn::Before,
        };
        let (parts, body) = answer(&refusing).into_parts();
        let AnswerBody::Whole(Some(body)) = body else { panic!("a refusal has a body") };
        assert!(body.len() <= 10 * 1024, "a page is at most 10 KiB");
        format!("{} {:#?}\n{}", parts.status, parts.headers, String::from_utf8_lossy(&body))
    }

    #[test]
    fn a_program_gets_a_problem() {
        insta::assert_snapshot!(shown(Reason::AddressLimit, false, None));
    }

    #[test]
    fn a_person_gets_a_page() {
        insta::assert_snapshot!(shown(Reason::Threshold, true, None));
    }

    #[test]
    fn who_waits_is_told_for_how_long() {
        insta::assert_snapshot!(shown(Reason::WaitingChallenge, true, Some(12)));
    }

    #[test]
    fn a_program_is_told_what_is_asked_of_it() {
        let challenges = [Reason::CookieChallenge, Reason::WaitingChallenge];
        insta::assert_snapshot!(challenges.map(|reason| shown(reason, false, None)).join("\n"));
    }

    #[test]
    fn every_kind_has_its_status() {
        let status = |reason, navigation| status(reason, navigation).as_u16();
        assert_eq!(status(Reason::AddressLimit, true), 429);
        assert_eq!(status(Reason::QueueTimeout, true), 503);
        assert_eq!(status(Reason::Denied, true), 403);
        assert_eq!((status(Reason::LaneFull, true), status(Reason::LaneFull, false)), (503, 429));
        assert_eq!(status(Reason::BodyTooLarge, false), 413);
    }

    #[test]
    fn clients_do_not_come_back_together_and_known_ones_come_back_soon() {
        let seconds: Vec<u64> =
            (0..60).map(|n| retry_after(Reason::Threshold, Tier::T5, n, Duration::from_secs(30))).collect();
        assert!(
            seconds.iter().all(|&s| (30..=60).contains(&s)) && seconds.contains(&30) && seconds.contains(&60)
        );
        assert!((0..9).all(|n| retry_after(Reason::Threshold, Tier::T2, n, Duration::from_secs(30)) <= 2));
        assert_eq!(retry_after(Reason::Threshold, Tier::T5, 0, Duration::ZERO), 1);
    }

    #[test]
    fn a_waiting_room_that_is_full_sends_nobody_back_at_once() {
        let full = |n| retry_after(Reason::LaneFull, Tier::T3, n, Duration::from_secs(30));
        assert!((0..60).map(full).all(|seconds| seconds >= 30));
    }

    #[test]
    fn a_browser_without_cookies_is_not_told_to_come_back_at_once_for_ever() {
        assert_eq!(
            refresh(Reason::CookieChallenge, Tier::T5, 0),
            0,
            "a person with cookies sees nothing of it"
        );
        assert_eq!(refresh(Reason::CookieChallenge, Tier::T6, 0), UNANSWERED_SECONDS);
        assert_eq!(refresh(Reason::WaitingChallenge, Tier::T6, 17), 17);
    }
}
