//! The admin's HTTP listener: what it answers, and to whom.
//!
//! `/healthz` is open, and `/` leads to the pages; all else, loopback included, needs the token, or for pages a session that was begun with it, an allowed `Host` and an `Origin` of its own, so
//! that no web page can speak to it through an admin's browser.

mod access;
mod alertmanager;
mod api;
mod openapi;
mod pages;
mod problem;

pub(crate) use access::Access;
use access::Caller;

use std::net::SocketAddr;

use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::Value;
use web_io::Bytes;

use self::problem::Problem;
use crate::Heard;
use crate::ctl::{self, Command, Reply, SubscriberCommand};
use crate::desk::{Desk, Undone};
use crate::metrics::{Exposition, OLDER_CONTENT_TYPE, in_older_format, wants_older};

/// Answers one request.
pub(crate) async fn answer(
    access: &Access,
    desk: &Desk,
    request: Request<Bytes>,
    peer: SocketAddr,
) -> Response<Bytes> {
    let is_head = request.method() == Method::HEAD;
    let mut answer = route(access, desk, &request, peer).await.unwrap_or_else(Problem::answer);
    guard(answer.headers_mut());
    if is_head {
        *answer.body_mut() = Bytes::new();
    }
    answer
}

type Answer = Result<Response<Bytes>, Problem>;

async fn route(access: &Access, desk: &Desk, request: &Request<Bytes>, peer: SocketAddr) -> Answer {
    let path = request.uri().path();
    if path == "/healthz" {
        allow(request, READ)?;
        return Ok(health(desk.is_healthy()));
    }
    access.check_host(request)?;
    access.check_origin(request)?;
    if path == "/" {
        allow(request, READ)?;
        return Ok(pages::led(pages::TOP));
    }
    if path.starts_with(pages::TOP) {
        return pages::page(&access.door, desk, request, peer.ip()).await;
    }
    if !(path == "/metrics" && access.may_scrape(peer.ip())) {
        match access.check_token(request.headers())? {
            Caller::Admin => {}
            Caller::Mailer => return link(desk, request).await,
        }
    }
    match path {
        "/metrics" => {
            allow(request, READ)?;
            metrics(desk, request.headers()).await
        }
        "/api/v1/status" => shown(desk, request, Command::Status).await,
        "/api/v1/level" => shown(desk, request, Command::Level).await,
        "/api/v1/rules" => shown(desk, request, Command::Rules).await,
        "/api/v1/ctl" => {
            allow(request, &[Method::POST])?;
            ctl(desk, request).await
        }
        "/api/v1/alerts" => {
            allow(request, &[Method::POST])?;
            alerts(desk, request).await
        }
        "/api/v1/openapi.json" => {
            allow(request, READ)?;
            Ok(typed(StatusCode::OK, JSON, openapi::text()))
        }
        "/api/v1/provider-report" => shown(desk, request, Command::ProviderReport { incident: None }).await,
        "/api/v1/subscribers" => {
            let list = SubscriberCommand::List { after: None, limit: 50, addresses: false };
            shown(desk, request, Command::Subscriber(list)).await
        }
        _ => api::answer(desk, request).await.unwrap_or_else(|| {
            Err(Problem::new(
                StatusCode::NOT_FOUND,
                "There is nothing here. GET /api/v1/openapi.json lists what there is; /desk/ is for people.",
            ))
        }),
    }
}

async fn metrics(desk: &Desk, headers: &HeaderMap) -> Answer {
    let text = desk.metrics().await.ok_or_else(|| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The metrics could not be gathered in time; ask less often.",
        )
    })?;
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    Ok(if wants_older(accept) {
        typed(StatusCode::OK, OLDER_CONTENT_TYPE, in_older_format(&text))
    } else {
        typed(StatusCode::OK, Exposition::CONTENT_TYPE, text)
    })
}

/// What a command shows that changes nothing.
async fn shown(desk: &Desk, request: &Request<Bytes>, command: Command) -> Answer {
    allow(request, READ)?;
    replied(desk.command(None, command).await)
}

async fn ctl(desk: &Desk, request: &Request<Bytes>) -> Answer {
    check_json(request)?;
    let command = ctl::parse(request.body()).map_err(|text| Problem::new(StatusCode::BAD_REQUEST, text))?;
    replied(desk.command(None, command).await)
}

/// All that the app's mailer may: whoever breaks into it must not command the gate.
async fn link(desk: &Desk, request: &Request<Bytes>) -> Answer {
    let only = || Problem::new(StatusCode::FORBIDDEN, ONLY_LINKS);
    if request.uri().path() != "/api/v1/ctl" {
        return Err(only());
    }
    allow(request, &[Method::POST])?;
    check_json(request)?;
    let command = ctl::parse(request.body()).map_err(|text| Problem::new(StatusCode::BAD_REQUEST, text))?;
    if !matches!(command, Command::Link { .. }) {
        return Err(only());
    }
    replied(desk.command(None, command).await)
}

/// Whoever posts alerts tries again after 5xx, complains of 4xx and forgets it, and takes 2xx for done (an Alertmanager's webhook): what
/// is not news is done, and what could not be kept is asked for again.
async fn alerts(desk: &Desk, request: &Request<Bytes>) -> Answer {
    check_json(request)?;
    let alerts = alertmanager::alerts(request.body()).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("This is no webhook of an Alertmanager: {error}"))
    })?;
    if alerts.is_empty() {
        return Ok(typed(StatusCode::OK, "text/plain; charset=utf-8", OURS.to_owned()));
    }
    match desk.ask(move |plane| plane.heed(alerts)).await.unwrap_or(Heard::Later) {
        Heard::Taken(text) => replied(Ok(Reply::done(text, Value::Null))),
        Heard::TooMany(text) => Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, text)),
        Heard::Later => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, LATER)
            .with(RETRY_AFTER, HeaderValue::from_static("5"))),
        Heard::NotHere => Err(Problem::new(StatusCode::NOT_FOUND, "This is no gate: it takes no alerts.")),
    }
}

/// A form of another site cannot send this type.
fn check_json(request: &Request<Bytes>) -> Result<(), Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(JSON)) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Send it as JSON, with the header Content-Type: application/json.",
    ))
}

/// 409 for a command that was understood and not carried out.
fn replied(outcome: Result<Reply, Undone>) -> Answer {
    let reply = outcome?;
    let status = if reply.ok { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok(typed(status, JSON, serde_json::to_string(&reply).expect("a reply has only texts as keys")))
}

fn health(is_healthy: bool) -> Response<Bytes> {
    let (status, text) = if is_healthy {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not serving\n")
    };
    typed(status, "text/plain; charset=utf-8", text.to_owned())
}

fn allow(request: &Request<Bytes>, methods: &[Method]) -> Result<(), Problem> {
    if methods.contains(request.method()) {
        return Ok(());
    }
    let list = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let detail = format!("Only {list} is possible here.");
    let list = HeaderValue::try_from(list).expect("names of methods are plain text");
    Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).with(ALLOW, list))
}

fn typed(status: StatusCode, kind: &'static str, text: String) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// Nothing of the console is kept by a cache, guessed at, framed or read by another site.
fn guard(headers: &mut HeaderMap) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
    ] {
        // Pages have a policy of their own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

const READ: &[Method] = &[Method::GET, Method::HEAD];
const ONLY_LINKS: &str =
    "This is the mailer's token: it posts the command `link` to /api/v1/ctl, and nothing else.";
const JSON: &str = "application/json";
const LATER: &str =
    "The record of incidents did not take this in time, or another process is taking over; send it again.";
const OURS: &str = "Nothing but this gate's own alerts.\n";

#[cfg(test)]
mod tests;
