//! What becomes of the origin's answer: what is learnt from it, what is added and removed, how it is passed on.

use admission::site::{Answered, Lesson, Watch};
use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::response::Parts;
use http::{Method, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use model::{Instant, PassId};

use crate::body::AnswerBody;
use crate::exchange::Exchange;
use crate::headers::{self, PORTCULLIS_LOGIN};
use crate::probe;
use crate::refusal;
use crate::remembered::{Recording, is_small_public_file};
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
    let scan = headers::scan_answer(&parts.headers);
    let login = if scan.login { parts.headers.remove(PORTCULLIS_LOGIN) } else { None };
    learn(way, watch, login.as_ref(), &mut parts, &exchange, now);
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return switch(way, parts, incoming, exchange, client);
    }
    // The version belongs to the hop between gate and origin.
    parts.version = Version::HTTP_11;
    headers::for_client(&mut parts.headers, scan);
    remember(way, &parts, &mut exchange, now);
    if scan.event_stream {
        way.connection.mark_endless();
        exchange.become_stream();
    }
    if incoming.is_end_stream() {
        // The library does not ask for a body that is none, and the app's connection would end with it.
        exchange.passed(b"", true);
    }
    Response::from_parts(parts, AnswerBody::Origin { incoming, exchange })
}

/// Keeps what may be repeated while the gate must refuse: only from calm answers.
fn remember(way: &Way, parts: &Parts, exchange: &mut Exchange, now: Instant) {
    let shared = way.worker.shared();
    if !shared.site.learns(now) {
        return;
    }
    if parts.status.is_success() && way.subject.class == 0 {
        shared.site.found_class(way.subject.method.as_str(), way.subject.path());
    }
    if let Some(asked) = &way.subject.cors {
        shared.remembered.note_cors(way.subject.path(), asked, parts, now);
    }
    if is_small_public_file(way.subject.path()) && way.subject.method == Method::GET {
        exchange.record(Recording::begin(way.subject.path(), parts));
    }
}

/// Only `websocket` is upgraded, and only after a valid 101 that the client asked for.
fn switch(
    way: &Way,
    parts: Parts,
    incoming: Incoming,
    mut exchange: Box<Exchange>,
    client: Option<OnUpgrade>,
) -> Response<AnswerBody> {
    let origin = hyper::upgrade::on(Response::from_parts(parts.clone(), incoming));
    let Some(client) = client.filter(|_| upgrade::is_valid_101(&parts.headers)) else {
        exchange.broke_off();
        return refusal::origin_unreachable(way.subject.navigation);
    };
    way.connection.borders.upgraded();
    way.connection.mark_endless();
    exchange.become_stream();
    tokio::task::spawn_local(upgrade::relay(client, origin, exchange));
    Response::from_parts(parts, AnswerBody::Whole(None))
}

/// Lets admission learn from the answer, and hands on what follows: a pass for the client, a note for the journal, a
/// question to the app.
fn learn(
    way: &Way,
    watch: Option<Box<Watch>>,
    login: Option<&HeaderValue>,
    parts: &mut Parts,
    exchange: &Exchange,
    now: Instant,
) {
    if watch.is_none() && login.is_none() && !way.subject.identity.may_get_ticket() {
        return;
    }
    let shared = way.worker.shared();
    let answered = Answered {
        status: parts.status.as_u16(),
        login: login.filter(|_| exchange.origin_confirms_logins()).map(HeaderValue::as_bytes),
        request_id: exchange.request_id.as_bytes(),
        location: parts.headers.get(LOCATION).map(HeaderValue::as_bytes),
        cookies: &SetCookies(&parts.headers),
        is_shared: is_shared(&parts.headers),
    };
    let id = PassId(u128::from_be_bytes(*crate::random::bytes().first_chunk().unwrap_or(&[0; 16])));
    let Lesson { confirmed, set_cookies, probe } =
        shared.site.learn(&way.subject.identity, watch.as_deref(), &answered, id, now);
    if let Some(confirmed) = confirmed {
        shared.ledger.confirmed(&confirmed, way.subject.address);
    }
    for cookie in set_cookies {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            set_private_cookie(&mut parts.headers, by_https(cookie, way.subject.https));
            way.worker.counters().minted();
        }
    }
    if let Some(path) = probe {
        probe::ask(&way.worker, path);
    }
}

/// Whether a shared cache may store an answer: unless it is told not to, it may (RFC 9111, section 3).
fn is_shared(headers: &HeaderMap) -> bool {
    let told =
        headers.get_all(CACHE_CONTROL).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    !told.into_iter().map(<[u8]>::trim_ascii).any(|directive| {
        [&b"private"[..], b"no-store"].iter().any(|word| directive.eq_ignore_ascii_case(word))
    })
}

/// A cookie for a client that comes by https goes back by https alone: also where only the front before the gate speaks it.
pub(crate) fn by_https(cookie: HeaderValue, https: bool) -> HeaderValue {
    if !https || memchr::memmem::find(cookie.as_bytes(), b"; Secure").is_some() {
        return cookie;
    }
    HeaderValue::from_bytes(&[cookie.as_bytes(), b"; Secure"].concat()).unwrap_or(cookie)
}

/// Adds a pass or ticket. No shared cache may keep an answer that carries one.
fn set_private_cookie(headers: &mut HeaderMap, cookie: HeaderValue) {
    headers.append(SET_COOKIE, cookie);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.remove(SURROGATE_CONTROL);
    headers.remove(CDN_CACHE_CONTROL);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_for_https_stays_there() {
        let made = |cookie: &'static str, https| by_https(HeaderValue::from_static(cookie), https);
        assert_eq!(made("portcullis=x; HttpOnly", true), "portcullis=x; HttpOnly; Secure");
        assert_eq!(
            made("__Host-portcullis=x; Secure; HttpOnly", true),
            "__Host-portcullis=x; Secure; HttpOnly"
        );
        assert_eq!(made("portcullis=x; HttpOnly", false), "portcullis=x; HttpOnly");
    }
}
