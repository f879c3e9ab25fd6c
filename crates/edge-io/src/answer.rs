//! What becomes of the origin's answer: what is learnt from it, what is added and removed, how it is passed on.

use admission::site::{Answered, Confirmed, Lesson, Watch};
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE,
};
use http::{Response, StatusCode};
use http::response::Parts;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use model::Instant;

use crate::body::AnswerBody;
use crate::exchange::Exchange;
use crate::headers::{self, PORTCULLIS_LOGIN};
use crate::probe;
use crate::refusal;
use crate::request::Way;
use crate::upgrade;

/// Turns the origin's answer into the client's.
pub(crate) fn to_client(
    way: &Way,
    watch: Option<Box<Watch>>,
    response: Response<Incoming>,
    mut exchange: Box<Exchange>,
    client: Option<OnUpgrade>,
    now: Instant,
) -> Response<AnswerBody> {
    let (mut parts, incoming) = response.into_parts();
    learn(way, watch, &mut parts, &exchange, now);
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return switch(way, parts, incoming, exchange, client);
    }
    headers::for_client(&mut parts.headers);
    way.worker.shared().remember(way, &parts);
    if is_event_stream(&parts.headers) {
        exchange.become_stream();
    }
    Response::from_parts(parts, AnswerBody::Origin { incoming, exchange })
}

/// Only `websocket` is upgraded, and only after a valid 101 that the client asked for.
fn switch(
    way: &Way,
    mut parts: Parts,
    incoming: Incoming,
    mut exchange: Box<Exchange>,
    client: Option<OnUpgrade>,
) -> Response<AnswerBody> {
    let origin = hyper::upgrade::on(Response::from_parts(parts.clone(), incoming));
    let Some(client) = client.filter(|_| upgrade::is_valid_101(&parts.headers)) else {
        exchange.broke_off();
        return refusal::origin_unreachable(way.subject.navigation);
    };
    exchange.become_stream();
    tokio::task::spawn_local(upgrade::relay(client, origin, exchange));
    parts.headers.remove(PORTCULLIS_LOGIN);
    Response::from_parts(parts, AnswerBody::Whole(None))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// Lets admission learn from the answer, and hands on what follows: a pass for the client, a note for the journal, a
/// question to the app.
fn learn(way: &Way, watch: Option<Box<Watch>>, parts: &mut Parts, exchange: &Exchange, now: Instant) {
    let login = parts.headers.remove(PORTCULLIS_LOGIN);
    if watch.is_none() && login.is_none() {
        return;
    }
    let shared = way.worker.shared();
    let answered = Answered {
        status: parts.status.as_u16(),
        login: login.as_ref().filter(|_| exchange.origin_confirms_logins()).map(HeaderValue::as_bytes),
        request_id: exchange.request_id.as_bytes(),
        location: parts.headers.get(LOCATION).map(HeaderValue::as_bytes),
        headers: &SetCookies(&parts.headers),
        may_set_cookie: may_set_cookie(way, &parts.headers),
    };
    let random = crate::random::bytes();
    let lesson = shared.site.learn(&way.subject.identity, watch.as_deref(), &answered, &random, now, shared.clock.wall());
    let Lesson { confirmed, set_cookie, probe } = lesson;
    if let Some(confirmed) = confirmed {
        note(way, &confirmed);
    }
    if let Some(cookie) = set_cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        set_pass(&mut parts.headers, cookie);
        way.worker.counters().minted();
    }
    if let Some(path) = probe {
        probe::ask(&way.worker, path);
    }
}

fn note(way: &Way, confirmed: &Confirmed) {
    way.worker.shared().ledger.confirmed(confirmed, way.subject.address);
}

/// Adds a pass. No shared cache may keep an answer that carries one.
fn set_pass(headers: &mut HeaderMap, cookie: HeaderValue) {
    headers.append(SET_COOKIE, cookie);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.remove(SURROGATE_CONTROL);
    headers.remove(CDN_CACHE_CONTROL);
}

/// Whether an answer that confirms nothing itself may carry a pass: a navigation that no shared cache may store.
fn may_set_cookie(way: &Way, headers: &HeaderMap) -> bool {
    let private = |value: &HeaderValue| {
        let text = value.as_bytes();
        memchr::memmem::find(text, b"private").is_some() || memchr::memmem::find(text, b"no-store").is_some()
    };
    way.subject.navigation && headers.get(CACHE_CONTROL).is_some_and(private)
}

/// Gives admission the cookies that the app sets.
struct SetCookies<'a>(&'a HeaderMap);

impl admission::site::SetCookies for SetCookies<'_> {
    fn each(&self, each: &mut dyn FnMut(&[u8], &[u8])) {
        for value in self.0.get_all(SET_COOKIE) {
            let pair = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
            if let Some(equals) = memchr::memchr(b'=', pair) {
                each(pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
            }
        }
    }
}

const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
