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
}

/// The answer to a refused request.
pub(crate) fn answer(refusing: &Refusing<'_>) -> Response<AnswerBody> {
    let words = Words::of(refusing.reason);
    let status = status(refusing.reason, refusing.navigation);
    let mut seconds = itoa::Buffer::new();
    let seconds = seconds.format(refusing.retry_after_secs);
    let body = if refusing.navigation {
        let again = refusing.waiting.map_or(Again::Try(seconds), Again::ByItself);
        page(words, refusing.reference, again)
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
/// much again, so that they do not come back together.
pub(crate) fn retry_after(tier: Tier, scatter: u64, wanted: Duration) -> u64 {
    let wanted = wanted.as_secs().clamp(1, RETRY_SECONDS_MAX);
    if tier <= Tier::T3 { 1 + scatter % 2 } else { wanted + scatter % (wanted + 1) }
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
    let body =
        if navigation { page(words, "", Again::Try("10")) } else { problem(words, status, None, Some("10")) };
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

/// What people are told.
struct Words {
    title: &'static str,
    detail: &'static str,
}

impl Words {
    fn of(reason: Reason) -> &'static Self {
        match reason.kind() {
            _ if reason == Reason::BodyTooLarge => &TOO_LARGE_WORDS,
            _ if reason == Reason::CookieChallenge => &COOKIE_WORDS,
            _ if reason == Reason::WaitingChallenge => &TURN_WORDS,
            RefusalKind::Limited => &LIMITED_WORDS,
            RefusalKind::Shed => &SHED_WORDS,
            RefusalKind::Ruled | RefusalKind::Dropped => &RULED_WORDS,
            RefusalKind::Challenged => &WAITING_WORDS,
        }
    }
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

/// What a person is told about asking again.
#[derive(Clone, Copy)]
enum Again<'a> {
    /// To try again in about so many seconds.
    Try(&'a str),
    /// The page asks again by itself after so many seconds.
    ByItself(u64),
}

/// A page of the gate's own: a title, a sentence, and what else there is to say, as HTML.
pub(crate) fn own_page(
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
    more: &str,
) -> Response<AnswerBody> {
    let mut body = page_begun(&Words { title, detail });
    body.extend_from_slice(more.as_bytes());
    body.extend_from_slice(PAGE_END.as_bytes());
    own(status, true, body)
}

/// The page up to its first paragraph.
fn page_begun(words: &Words) -> Vec<u8> {
    let mut body = Vec::with_capacity(PAGE_HEAD.len() + 1_536);
    for part in [PAGE_HEAD, words.title, PAGE_TOP, words.title, "</h1>\n<p>", words.detail, "</p>\n"] {
        body.extend_from_slice(part.as_bytes());
    }
    body
}

fn page(words: &Words, reference: &str, again: Again<'_>) -> Vec<u8> {
    let mut body = page_begun(words);
    let mut put = |text: &str| body.extend_from_slice(text.as_bytes());
    put("<p>");
    match again {
        Again::Try(seconds) => {
            put("Please try again in about <strong>");
            put(seconds);
            put(" seconds</strong>. If");
        }
        Again::ByItself(seconds) => {
            let (mut digits, unit) = (itoa::Buffer::new(), if seconds == 1 { " second" } else { " seconds" });
            put("This page asks again by itself in about <strong>");
            put(digits.format(seconds));
            put(unit);
            put("</strong>. If");
        }
    }
    put(
        " you have an account here, signing in on a device that you have used before lets you in first.</p>\n",
    );
    if !reference.is_empty() {
        put("<p class=\"reference\">If you contact support, tell them this reference:<br><code>");
        put(reference);
        put("</code></p>\n");
    }
    put(PAGE_END);
    body
}

const LIMITED_WORDS: Words = Words {
    title: "Too many requests",
    detail: "More requests came from your connection in a short time than this site can take right now.",
};
const SHED_WORDS: Words = Words {
    title: "We are very busy right now",
    detail: "Far more visitors than usual are here. We serve signed-in customers first and let everybody else in as soon as there is room.",
};
const RULED_WORDS: Words = Words {
    title: "This request was not let through",
    detail: "It looks like traffic that disturbs this site at the moment. You may have done nothing wrong: if you think that this is a mistake, please tell the people who run it.",
};
const WAITING_WORDS: Words = Words {
    title: "You are in the waiting room",
    detail: "Many people want to sign in at this moment. This page keeps your place and asks again by itself; you need not do anything.",
};
const COOKIE_WORDS: Words = Words {
    title: "One moment, please",
    detail: "Many more requests than usual reach this site. Before it lets you in, it checks once that your browser keeps cookies; you need not do anything. If you see this again and again, allow cookies for this site.",
};
const TURN_WORDS: Words = Words {
    title: "Please wait a moment",
    detail: "Many more requests than usual reach this site, so new visitors wait a little. You need not do anything but leave this page open. If you see this again and again, allow cookies for this site: one shows how long you have waited.",
};
const TOO_LARGE_WORDS: Words =
    Words { title: "That is too large", detail: "The upload is larger than this page of the site accepts." };
const ORIGIN_WORDS: Words = Words {
    title: "The site does not answer",
    detail: "The application behind this address cannot be reached at the moment. The people who run it can see this too.",
};

const PAGE_HEAD: &str = concat!(
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">",
    "<meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">\n<style>",
    ":root{--b:#f6f5f1;--f:#23262b;--m:#5b6068;--l:#d9d6cc;--a:#2f5d50}",
    "@media(prefers-color-scheme:dark){:root{--b:#17191c;--f:#e9e7e1;--m:#a3a8b0;--l:#363a40;--a:#8fc4b3}}",
    "*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--b);color:var(--f);",
    "font:1.0625rem/1.6 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}",
    "main{max-width:34rem;padding:2rem 1.5rem}svg{width:3rem;height:3rem;fill:none;stroke:var(--a);stroke-width:1.5;stroke-linecap:round}",
    "h1{font-size:1.6rem;line-height:1.25;margin:1rem 0 .75rem}p{margin:0 0 1rem}",
    ".reference{margin-top:2rem;padding-top:1rem;border-top:1px solid var(--l);color:var(--m);font-size:.9375rem}",
    "a{color:var(--a)}button{font:inherit;font-weight:600;padding:.65rem 1.5rem;border:0;border-radius:.4rem;background:var(--a);color:var(--b);cursor:pointer}",
    ":focus-visible{outline:3px solid var(--f);outline-offset:3px}",
    "code{font:1rem/1.8 ui-monospace,SFMono-Regular,Menlo,monospace;color:var(--f);word-break:break-word}",
    "</style>\n<title>"
);

const PAGE_TOP: &str = concat!(
    "</title></head>\n<body><main>\n<svg aria-hidden=\"true\" viewBox=\"0 0 24 24\">",
    "<path d=\"M4 21V9a8 8 0 0 1 16 0v12M8 21V8M12 21V7M16 21V8M4 12h16M4 16.5h16\"/></svg>\n<h1>"
);
const PAGE_END: &str = "</main></body></html>\n";

const RETRY_SECONDS_MAX: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole answer as text; the only test code that knows the API.
    fn shown(reason: Reason, navigation: bool, waiting: Option<u64>) -> String {
        let refusing = Refusing { reason, retry_after_secs: 42, reference: "AB12-CD34", navigation, waiting };
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
    fn whom_a_rule_refuses_is_told_so() {
        insta::assert_snapshot!(shown(Reason::Rule, true, None));
    }

    #[test]
    fn who_is_asked_for_a_cookie_need_not_do_anything() {
        insta::assert_snapshot!(shown(Reason::CookieChallenge, true, Some(1)));
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
        let seconds: Vec<u64> = (0..60).map(|n| retry_after(Tier::T5, n, Duration::from_secs(30))).collect();
        assert!(
            seconds.iter().all(|&s| (30..=60).contains(&s)) && seconds.contains(&30) && seconds.contains(&60)
        );
        assert!((0..9).all(|n| retry_after(Tier::T2, n, Duration::from_secs(30)) <= 2));
        assert_eq!(retry_after(Tier::T5, 0, Duration::ZERO), 1);
    }
}
