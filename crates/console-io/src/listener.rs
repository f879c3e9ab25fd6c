//! The admin's HTTP listener: `/healthz` is open; all else, loopback included, needs the token, an allowed `Host` and an
//! `Origin` of its own, so that no web page can speak to it through an admin's browser.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use subtle::ConstantTimeEq;
use web_io::{Bytes, ServerLimits};

use crate::ctl::Command;
use crate::metrics::Exposition;
use crate::{ConsoleSettings, ControlPlane};

/// Who is answered.
pub(crate) struct Rules {
    settings: ConsoleSettings,
}

impl Rules {
    pub(crate) fn new(settings: ConsoleSettings) -> Self {
        Self { settings }
    }

    /// Whether `Host` names this listener: a name that an attacker's DNS points here does not.
    fn is_host_allowed(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
        let own = self.settings.address.map(|address| address.to_string());
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        own.as_deref() == Some(host)
            || name == "localhost"
            || self.settings.hosts.iter().any(|allowed| allowed == name)
    }

    /// Browsers say where a page comes from; a page of another origin has no business here.
    fn is_origin_own(headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let host = headers.get(HOST).map_or(&b""[..], |host| host.as_bytes());
        origin.as_bytes().strip_prefix(b"http://") == Some(host)
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let token = self.settings.token.as_bytes();
        !token.is_empty() && sent.is_some_and(|sent| sent.ct_eq(token).into())
    }

    fn may_read_metrics(&self, peer: SocketAddr) -> bool {
        self.settings.metrics_allow.iter().any(|prefix| prefix.contains(peer.ip()))
    }
}

pub(crate) async fn serve(
    listener: TcpListener,
    rules: Rules,
    plane: Arc<dyn ControlPlane>,
    stop: impl Future<Output = ()>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let rules = Arc::new(rules);
    let handler = move |request: Request<Bytes>, peer| {
        let (rules, plane) = (rules.clone(), plane.clone());
        async move { answer(&rules, &*plane, &request, peer) }
    };
    web_io::serve(listener, ServerLimits::default(), handler, stop).await;
}

fn answer(
    rules: &Rules,
    plane: &dyn ControlPlane,
    request: &Request<Bytes>,
    peer: SocketAddr,
) -> Response<Bytes> {
    let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
    if path == "/healthz" {
        let status = if plane.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        return text(status, "text/plain; charset=utf-8", "ok\n".to_owned());
    }
    if !rules.is_host_allowed(headers) {
        return problem(
            StatusCode::MISDIRECTED_REQUEST,
            "this host name is not one of the console's; add it to [console] hosts",
        );
    }
    if !Rules::is_origin_own(headers) {
        return problem(StatusCode::FORBIDDEN, "pages of other origins may not use the console");
    }
    let by_network = path == "/metrics" && rules.may_read_metrics(peer);
    if !by_network && !rules.has_token(headers) {
        return problem(
            StatusCode::UNAUTHORIZED,
            "send `Authorization: Bearer …` with the token of the file console.token",
        );
    }
    match (method, path) {
        (&Method::GET, "/metrics") => text(StatusCode::OK, Exposition::CONTENT_TYPE, plane.metrics()),
        (&Method::GET, "/api/v1/status") => reply(plane, Command::Status),
        (&Method::POST, "/api/v1/ctl") => match serde_json::from_slice::<Command>(request.body()) {
            Ok(command) => match command.check() {
                Ok(()) => reply(plane, command),
                Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
            },
            Err(error) => problem(StatusCode::BAD_REQUEST, &format!("this is no command: {error}")),
        },
        _ => problem(
            StatusCode::NOT_FOUND,
            "the console has no such page; incidents and the status page come with part 4",
        ),
    }
}

fn reply(plane: &dyn ControlPlane, command: Command) -> Response<Bytes> {
    let reply = plane.command(None, command);
    let status = if reply.ok { StatusCode::OK } else { StatusCode::CONFLICT };
    text(status, "application/json", serde_json::to_string(&reply).unwrap_or_default())
}

fn problem(status: StatusCode, detail: &str) -> Response<Bytes> {
    let title = status.canonical_reason().unwrap_or("error");
    let body = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail });
    text(status, "application/problem+json", body.to_string())
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::Reply;

    struct Gate;

    impl ControlPlane for Gate {
        fn command(&self, uid: Option<u32>, command: Command) -> Reply {
            Reply::done(format!("{uid:?} {command:?}"), serde_json::Value::Null)
        }

        fn metrics(&self) -> String {
            "# EOF\n".to_owned()
        }

        fn is_healthy(&self) -> bool {
            true
        }
    }

    /// Asks `METHOD PATH` with headers; the only test code that knows the API.
    fn ask(line: &str, headers: &[(&str, &str)], body: &str, peer: &str) -> u16 {
        let rules = Rules::new(ConsoleSettings {
            address: Some("127.0.0.1:8081".parse().unwrap()),
            hosts: vec!["console.example".to_owned()],
            token: "s3cret-token".to_owned(),
            metrics_allow: vec!["192.0.2.0/24".parse().unwrap()],
            socket: None,
        });
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        answer(&rules, &Gate, &request, format!("{peer}:9").parse().unwrap()).status().as_u16()
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:8081");
    const TOKEN: (&str, &str) = ("authorization", "Bearer s3cret-token");

    #[test]
    fn only_health_is_open_even_on_loopback() {
        assert_eq!(ask("GET /healthz", &[], "", "127.0.0.1"), 200);
        assert_eq!(ask("GET /metrics", &[HOST], "", "127.0.0.1"), 401);
        assert_eq!(
            ask("GET /metrics", &[HOST, ("authorization", "Bearer wrong-token!")], "", "127.0.0.1"),
            401
        );
        assert_eq!(ask("GET /metrics", &[HOST, TOKEN], "", "127.0.0.1"), 200);
        assert_eq!(ask("GET /metrics", &[HOST], "", "192.0.2.9"), 200);
        assert_eq!(ask("GET /api/v1/status", &[HOST], "", "192.0.2.9"), 401);
    }

    #[test]
    fn neither_a_rebound_name_nor_a_foreign_page_gets_through() {
        assert_eq!(ask("GET /metrics", &[("host", "evil.example"), TOKEN], "", "127.0.0.1"), 421);
        assert_eq!(ask("GET /metrics", &[("host", "console.example:8081"), TOKEN], "", "127.0.0.1"), 200);
        let origin = |origin| ask("GET /metrics", &[HOST, TOKEN, ("origin", origin)], "", "127.0.0.1");
        assert_eq!(
            (origin("http://evil.example"), origin("http://127.0.0.1:8081"), origin("null")),
            (403, 200, 403)
        );
    }

    #[test]
    fn commands_are_checked_before_they_are_given() {
        let post = |body| ask("POST /api/v1/ctl", &[HOST, TOKEN], body, "127.0.0.1");
        assert_eq!(post(r#"{"command":"bypass","on":true}"#), 200);
        assert_eq!(post(r#"{"command":"enforce","percent":3}"#), 400);
        assert_eq!(post("hello"), 400);
        assert_eq!(ask("GET /api/v1/incidents", &[HOST, TOKEN], "", "127.0.0.1"), 404);
    }
}
