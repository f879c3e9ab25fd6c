use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::ctl::PageCommand;
use crate::{ConsoleSettings, ControlPlane};

/// A gate that carries out all but `enforce`, and remembers who asked for what.
#[derive(Default)]
struct Gate {
    is_ill: bool,
    heard: Mutex<Vec<(Option<u32>, Command)>>,
    /// What becomes of alerts.
    heeds: Option<Heard>,
    alerts: Mutex<Vec<incident::Alert>>,
}

impl ControlPlane for Gate {
    fn command(&self, uid: Option<u32>, command: Command) -> Reply {
        self.heard.lock().unwrap().push((uid, command.clone()));
        assert!(command != Command::Recordings, "a gate with a fault");
        if let Command::Enforce { .. } | Command::Page(PageCommand::Hold { .. }) = command {
            Reply::failed("not now")
        } else {
            Reply::done("done", json!(null))
        }
    }

    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }

    fn is_healthy(&self) -> bool {
        !self.is_ill
    }

    fn heed(&self, alerts: Vec<incident::Alert>) -> Heard {
        self.alerts.lock().unwrap().extend(alerts);
        self.heeds.clone().unwrap_or(Heard::NotHere)
    }

    fn moment(&self) -> incident::Moment {
        incident::Moment {
            now: model::Instant::from_secs(60),
            wall: model::Timestamp::from_secs(1_795_876_200),
        }
    }
}

const TOKEN: &str = "authorization: Bearer s3cret-token";
const HOST: &str = "host: 127.0.0.1:8081";
const JSON_TYPE: &str = "content-type: application/json";

/// Sends `METHOD PATH` with header lines from an address; the only test code that knows the API.
fn ask(gate: Gate, line: &str, headers: &[&str], body: &str, peer: &str) -> (Response<Bytes>, Arc<Gate>) {
    let settings = ConsoleSettings {
        hosts: vec!["console.example".to_owned()],
        token: "s3cret-token".to_owned(),
        mailer_token: Some("mailers-token".to_owned()),
        metrics_allow: vec!["192.0.2.0/24".parse().unwrap()],
        ..ConsoleSettings::default()
    };
    let access = Access::new("127.0.0.1:8081".parse().unwrap(), &settings);
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let gate = Arc::new(gate);
    let desk = Desk::new(gate.clone());
    let peer = SocketAddr::new(peer.parse().unwrap(), 9);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    (runtime.block_on(answer(&access, &desk, request, peer)), gate)
}

#[track_caller]
fn check(line: &str, headers: &[&str], body: &str, peer: &str, status: u16) {
    let (answer, _) = ask(Gate::default(), line, headers, body, peer);
    let text = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status().as_u16(), status, "{line} {headers:?}: {text}");
}

const LOCAL: &str = "127.0.0.1";

#[test]
fn only_health_is_open_even_on_loopback() {
    check("GET /healthz", &[], "", LOCAL, 200);
    for path in ["/metrics", "/api/v1/status", "/api/v1/openapi.json", "/desk/", "/desk/open", "/nothing"] {
        check(&format!("GET {path}"), &[HOST], "", LOCAL, 401);
    }
    check("GET /metrics", &[HOST, "authorization: Bearer another"], "", LOCAL, 401);
    check("GET /metrics", &[HOST, "authorization: Bearer "], "", LOCAL, 401);
    check("GET /metrics", &[HOST, TOKEN, TOKEN], "", LOCAL, 401);
    check("GET /metrics?token=s3cret-token", &[HOST], "", LOCAL, 401);
    check("GET /metrics", &[HOST, "cookie: token=s3cret-token"], "", LOCAL, 401);
    for path in ["/metrics", "/api/v1/status", "/api/v1/openapi.json"] {
        check(&format!("GET {path}"), &[HOST, TOKEN], "", LOCAL, 200);
    }
}

#[test]
fn the_mailers_token_makes_links_and_does_nothing_else() {
    let mailer = "authorization: Bearer mailers-token";
    let post = |body: &str, status| {
        check("POST /api/v1/ctl", &[HOST, mailer, JSON_TYPE], body, LOCAL, status);
    };
    post(r#"{"command":"link","client":"ann@example.com"}"#, 200);
    post(r#"{"command":"link","client":"ann@example.com","minutes":1441}"#, 400);
    for other in [r#"{"command":"status"}"#, r#"{"command":"bypass","on":true}"#, r#"{"command":"unpin"}"#] {
        post(other, 403);
    }
    check("POST /api/v1/ctl", &[HOST, mailer], r#"{"command":"link","client":"ann"}"#, LOCAL, 415);
    check("GET /api/v1/ctl", &[HOST, mailer], "", LOCAL, 405);
    for path in ["/metrics", "/api/v1/status", "/api/v1/openapi.json", "/api/v1/subscribers", "/nothing"] {
        check(&format!("GET {path}"), &[HOST, mailer], "", LOCAL, 403);
    }
    check("GET /desk/", &[HOST, mailer], "", LOCAL, 401);
    check("POST /api/v1/alerts", &[HOST, mailer, JSON_TYPE], "{}", LOCAL, 403);
}

/// Posts one firing alert of that name to a gate that heeds it so.
fn post(name: &str, heeds: Heard) -> (Response<Bytes>, Vec<String>) {
    let body =
        format!(r#"{{"version":"4","alerts":[{{"status":"firing","labels":{{"alertname":"{name}"}}}}]}}"#);
    let gate = Gate { heeds: Some(heeds), ..Gate::default() };
    let (answer, gate) = ask(gate, "POST /api/v1/alerts", &[HOST, TOKEN, JSON_TYPE], &body, LOCAL);
    let alerts = gate.alerts.lock().unwrap();
    (answer, alerts.iter().map(|alert| alert.text.clone()).collect())
}

#[test]
fn what_an_alertmanager_posts_is_heeded_and_our_own_alerts_are_not() {
    let (answer, alerts) = post("DiskFull", Heard::Taken("it is in the record".into()));
    assert_eq!((answer.status().as_u16(), alerts), (200, vec!["Alertmanager, firing: DiskFull".into()]));
    assert!(String::from_utf8_lossy(answer.body()).contains("it is in the record"));
    let (answer, alerts) = post("PortcullisWatchdog", Heard::Later);
    assert_eq!((answer.status().as_u16(), alerts), (200, Vec::new()));
    check("POST /api/v1/alerts", &[HOST, TOKEN, JSON_TYPE], "{}", LOCAL, 400);
    check("POST /api/v1/alerts", &[HOST, TOKEN], "{}", LOCAL, 415);
    check("POST /api/v1/alerts", &[HOST, JSON_TYPE], "{}", LOCAL, 401);
    check("GET /api/v1/alerts", &[HOST, TOKEN], "", LOCAL, 405);
}

/// It sends again what is answered with 5xx, and nothing else.
#[test]
fn an_alertmanager_is_told_to_send_again_only_what_can_be_kept_later() {
    let status = |heeds| post("DiskFull", heeds).0.status().as_u16();
    assert_eq!(status(Heard::Later), 503);
    assert_eq!(status(Heard::TooMany("64 fire".into())), 429);
    assert_eq!(status(Heard::NotHere), 404);
}

#[test]
fn a_gate_that_serves_nobody_is_not_healthy() {
    let (answer, _) = ask(Gate { is_ill: true, ..Gate::default() }, "GET /healthz", &[], "", LOCAL);
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (503, &b"not serving\n"[..]));
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let kind = |headers: &[&str]| {
        let (answer, _) = ask(Gate::default(), "GET /metrics", headers, "", "192.0.2.9");
        answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned()
    };
    assert!(kind(&[HOST]).starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(kind(&[HOST, "accept: text/plain"]).starts_with("text/plain; version=0.0.4"));
}

#[test]
fn named_networks_read_metrics_and_nothing_else_without_the_token() {
    check("GET /metrics", &[HOST], "", "192.0.2.9", 200);
    check("GET /metrics", &[HOST], "", "192.0.3.9", 401);
    check("GET /api/v1/status", &[HOST], "", "192.0.2.9", 401);
}

#[test]
fn a_name_that_was_pointed_at_the_console_gets_nothing() {
    for host in ["evil.example", "evil.example:8081", "192.0.2.1", "console.example.evil.example"] {
        check("GET /metrics", &[&format!("host: {host}"), TOKEN], "", LOCAL, 421);
    }
    for host in ["console.example", "Console.Example.:9", "localhost:8081", "[::1]:8081", "127.0.0.2"] {
        check("GET /metrics", &[&format!("host: {host}"), TOKEN], "", LOCAL, 200);
    }
    check("GET /metrics", &[TOKEN], "", LOCAL, 400);
    check("GET /metrics", &[HOST, "host: evil.example", TOKEN], "", LOCAL, 400);
    check("GET http://evil.example/metrics", &[HOST, TOKEN], "", LOCAL, 421);
}

#[test]
fn pages_of_other_origins_may_not_use_the_console() {
    for origin in ["http://evil.example", "null", "https://console.example.evil", "file:///etc/passwd"] {
        check("GET /metrics", &[HOST, TOKEN, &format!("origin: {origin}")], "", LOCAL, 403);
    }
    check("GET /metrics", &[HOST, TOKEN, "origin: http://127.0.0.1:8081"], "", LOCAL, 200);
    check("GET /metrics", &[HOST, TOKEN, "origin: https://console.example"], "", LOCAL, 200);
    // With metrics_allow too: it frees from the token alone.
    check("GET /metrics", &[HOST, "origin: http://evil.example"], "", "192.0.2.9", 403);
}

#[test]
fn a_command_is_a_json_post_with_the_token_and_is_checked_before_it_is_given() {
    let bypass = r#"{"command":"bypass","on":true}"#;
    let post = |headers: &[&str], body| ask(Gate::default(), "POST /api/v1/ctl", headers, body, LOCAL);
    let (answer, gate) = post(&[HOST, TOKEN, JSON_TYPE], bypass);
    assert_eq!(answer.body().as_ref(), br#"{"ok":true,"text":"done","data":null}"#);
    assert_eq!(*gate.heard.lock().unwrap(), [(None, Command::Bypass { on: true })]);
    for (headers, body, status) in [
        (&[HOST, JSON_TYPE][..], bypass, 401),
        (&[HOST, TOKEN], bypass, 415),
        (&[HOST, TOKEN, "content-type: text/plain"], bypass, 415),
        (&[HOST, TOKEN, JSON_TYPE], "hello", 400),
        (&[HOST, TOKEN, JSON_TYPE], r#"{"command":"enforce","percent":3}"#, 400),
        (&[HOST, TOKEN, JSON_TYPE], r#"{"command":"bypass","on":true,"off":true}"#, 400),
    ] {
        let (answer, gate) = post(headers, body);
        assert_eq!(answer.status().as_u16(), status, "{headers:?} {body}");
        assert!(gate.heard.lock().unwrap().is_empty(), "{headers:?} {body}");
    }
    assert_eq!(post(&[HOST, TOKEN, JSON_TYPE], r#"{"command":"enforce","percent":30}"#).0.status(), 409);
    assert_eq!(post(&[HOST, TOKEN, JSON_TYPE], r#"{"command":"recordings"}"#).0.status(), 500);
}

#[test]
fn what_only_shows_something_is_a_get_and_the_same_as_the_command() {
    for (page, command) in [("status", Command::Status), ("level", Command::Level), ("rules", Command::Rules)]
    {
        let path = format!("/api/v1/{page}");
        let (answer, gate) = ask(Gate::default(), &format!("GET {path}"), &[HOST, TOKEN], "", LOCAL);
        assert_eq!(answer.body().as_ref(), br#"{"ok":true,"text":"done","data":null}"#, "{path}");
        assert_eq!(*gate.heard.lock().unwrap(), [(None, command)]);
        check(&format!("POST {path}"), &[HOST, TOKEN], "", LOCAL, 405);
        check(&format!("GET {path}"), &[HOST], "", LOCAL, 401);
        check(&format!("GET {path}"), &[HOST], "", "192.0.2.9", 401);
    }
}

#[test]
fn other_methods_and_pages_are_said_to_be_impossible() {
    let (answer, _) = ask(Gate::default(), "GET /api/v1/ctl", &[HOST, TOKEN], "", LOCAL);
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "POST"));
    check("POST /metrics", &[HOST, TOKEN], "", LOCAL, 405);
    check("DELETE /healthz", &[], "", LOCAL, 405);
    check("GET /nothing", &[HOST, TOKEN], "", LOCAL, 404);
    check("GET /api/v1/incidents", &[HOST, TOKEN], "", LOCAL, 200);
}

#[test]
fn every_answer_keeps_out_of_caches_and_frames_and_a_head_has_no_body() {
    let (answer, _) = ask(Gate::default(), "HEAD /metrics", &[HOST, TOKEN], "", LOCAL);
    assert!(answer.status().is_success() && answer.body().is_empty());
    let (refused, _) = ask(Gate::default(), "GET /metrics", &[HOST], "", LOCAL);
    for answer in [answer, refused] {
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
}

#[test]
fn the_committed_description_is_the_one_that_is_served() {
    let (answer, _) = ask(Gate::default(), "GET /api/v1/openapi.json", &[HOST, TOKEN], "", LOCAL);
    let served = std::str::from_utf8(answer.body()).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("UPDATE_DOCS").is_some_and(|set| set == "1") {
        std::fs::write(&path, served).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, served, "run the tests with UPDATE_DOCS=1");
}

#[test]
fn the_acts_of_ctl_have_addresses_and_refusals_are_problems() {
    let (answer, gate) = ask(
        Gate::default(),
        "POST /api/v1/incidents/abcdefghijkl/updates",
        &[HOST, TOKEN, JSON_TYPE],
        r#"{"text":"x","seen":3}"#,
        LOCAL,
    );
    assert_eq!(answer.status(), 200);
    let id = Some("abcdefghijkl".parse().unwrap());
    let update = PageCommand::Update { id, stage: None, text: "x".into(), reason: None, seen: Some(3) };
    assert_eq!(*gate.heard.lock().unwrap(), [(None, Command::Page(update))]);
    // This gate holds nothing back.
    let (refused, _) = ask(Gate::default(), "POST /api/v1/notice/hold", &[HOST, TOKEN], "", LOCAL);
    assert_eq!(refused.status(), 409);
    let problem: Value = serde_json::from_slice(refused.body()).unwrap();
    assert_eq!(problem["detail"], "not now");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    check("POST /api/v1/notice/hold", &[HOST], "", LOCAL, 401);
    check("GET /api/v1/notice/hold", &[HOST, TOKEN], "", LOCAL, 405);
    check("POST /api/v1/incidents/abcdefghijkl/notes", &[HOST, TOKEN], r#"{"text":"x"}"#, LOCAL, 415);
    check("POST /api/v1/incidents/x/notes", &[HOST, TOKEN, JSON_TYPE], r#"{"text":"x"}"#, LOCAL, 400);
    check("POST /api/v1/incidents/abcdefghijkl/notes", &[HOST, TOKEN, JSON_TYPE], "[]", LOCAL, 400);
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(70_000));
    check("POST /api/v1/incidents/abcdefghijkl/notes", &[HOST, TOKEN, JSON_TYPE], &long, LOCAL, 413);
}
