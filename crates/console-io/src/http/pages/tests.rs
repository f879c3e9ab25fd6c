use std::sync::{Arc, Mutex};

use incident::{Moment, Stage};
use model::{Instant, Level, Mode, Timestamp};
use serde_json::json;

use super::*;
use crate::ConsoleSettings;
use crate::ControlPlane;
use crate::http::{Access, answer};

const TOKEN: &str = "s3cret-token-of-at-least-32-letters";
const KIND: &str = "content-type: application/x-www-form-urlencoded";
const NOW: Timestamp = Timestamp::from_secs(1_795_876_200);

/// A gate that does everything but what was seen at revision 1, and remembers what it was asked for.
#[derive(Default)]
struct Gate {
    heard: Mutex<Vec<PageCommand>>,
}

impl ControlPlane for Gate {
    fn command(&self, _uid: Option<u32>, command: Command) -> Reply {
        let Command::Page(command) = command else { return Reply::failed("no page") };
        let is_old = serde_json::to_value(&command).is_ok_and(|command| command["seen"] == 1);
        self.heard.lock().unwrap().push(command);
        if is_old {
            return Reply { data: json!({ "changed": true }), ..Reply::failed("it has changed") };
        }
        Reply::done("done", json!(null))
    }

    fn metrics(&self) -> String {
        String::new()
    }

    fn is_healthy(&self) -> bool {
        true
    }

    fn moment(&self) -> Moment {
        Moment { now: Instant::from_secs(60), wall: NOW }
    }

    fn known(&self) -> Option<Known> {
        Some(Known {
            now: NOW,
            site: "shop.example".into(),
            level: Level::Calm,
            meaning: "everybody is served",
            mode: Mode::Auto,
            is_bypassed: false,
            undeclared_front: None,
            incidents: Vec::new(),
            components: Vec::new(),
            works: Vec::new(),
            counts: [0, 0],
            page: None,
            view: View::default(),
        })
    }

    fn foresee(&self, _: PageCommand) -> Result<View, Reply> {
        Ok(View::default())
    }
}

/// The console of a gate, and a browser that is in.
struct Console {
    gate: Arc<Gate>,
    access: Access,
    desk: Desk,
    cookie: String,
    form: String,
}

impl Console {
    fn new() -> Self {
        let settings = ConsoleSettings { token: TOKEN.to_owned(), ..ConsoleSettings::default() };
        let access = Access::new("127.0.0.1:8081".parse().unwrap(), &settings);
        let gate = Arc::new(Gate::default());
        let mut console =
            Self { desk: Desk::new(gate.clone()), gate, access, cookie: String::new(), form: String::new() };
        let answer = console.ask("POST /desk/log-in", &[KIND], &format!("token={TOKEN}"));
        assert_eq!(answer.status(), 303);
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        console.cookie = format!("cookie: {}", cookie.split(';').next().unwrap());
        let value = console.cookie.split_once('=').unwrap().1;
        console.form = console.access.door.borrow().session_of(value, NOW).unwrap().form;
        console
    }

    fn ask(&self, line: &str, headers: &[&str], body: &str) -> Response<Bytes> {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8081");
        for header in headers {
            let (name, value) = header.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        runtime.block_on(answer(&self.access, &self.desk, request, peer))
    }

    /// Sends a form from a page of the session.
    fn send(&self, path: &str, fields: &str) -> Response<Bytes> {
        let body = format!("form={}&{fields}", self.form);
        self.ask(&format!("POST {path}"), &[KIND, &self.cookie], &body)
    }

    fn heard(&self) -> Vec<PageCommand> {
        std::mem::take(&mut *self.gate.heard.lock().unwrap())
    }
}

fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8_lossy(answer.body()).into_owned()
}

#[test]
fn without_a_session_there_is_only_the_question_for_the_token() {
    let console = Console::new();
    for path in ["/desk/", "/desk/open", "/desk/i/abcdefghijkl", "/desk/no-such-page"] {
        let answer = console.ask(&format!("GET {path}"), &[], "");
        assert_eq!(answer.status(), 401, "{path}");
        assert!(
            text(&answer).contains("type=\"password\"") && !text(&answer).contains("shop.example"),
            "{path}"
        );
    }
    let bearer = format!("authorization: Bearer {TOKEN}");
    assert_eq!(console.ask("GET /desk/", &[&bearer], "").status(), 401, "programs have the API");
    let led = console.ask("GET /", &[], "");
    assert_eq!((led.status().as_u16(), led.headers()[LOCATION].to_str().unwrap()), (303, "/desk/"));
    assert_eq!(console.ask("GET /desk/", &[&console.cookie], "").status(), 200);
}

#[test]
fn a_session_opens_the_pages_and_nothing_else() {
    let console = Console::new();
    for line in [
        "GET /metrics",
        "GET /api/v1/status",
        "GET /api/v1/incidents",
        "POST /api/v1/ctl",
        "POST /api/v1/notice/publish",
    ] {
        assert_eq!(console.ask(line, &[&console.cookie], "").status(), 401, "{line}");
    }
    assert!(console.heard().is_empty());
}

#[test]
fn the_cookie_is_for_these_pages_alone_and_secure_where_the_browser_came_over_tls() {
    let console = Console::new();
    let cookie = |headers: &[&str]| {
        let answer = console.ask("POST /desk/log-in", headers, &format!("token={TOKEN}"));
        answer.headers()[SET_COOKIE].to_str().unwrap().to_owned()
    };
    let plain = cookie(&[KIND, "origin: http://127.0.0.1:8081"]);
    assert!(plain.ends_with("; Path=/desk; Max-Age=28800; HttpOnly; SameSite=Strict"), "{plain}");
    assert!(!plain.contains(TOKEN));
    assert!(cookie(&[KIND, "origin: https://127.0.0.1"]).ends_with("; Secure"));
}

#[test]
fn whoever_guesses_has_to_wait_and_is_led_nowhere_else() {
    let console = Console::new();
    let guess = |token: &str| {
        console.ask("POST /desk/log-in", &[KIND], &format!("token={token}&to=https://evil.example/"))
    };
    let led = guess(TOKEN);
    assert_eq!(led.headers()[LOCATION], "/desk/");
    for _ in 0..5 {
        assert_eq!(guess("wrong").status(), 401);
    }
    let late = guess("wrong");
    assert_eq!((late.status().as_u16(), late.headers()[RETRY_AFTER].to_str().unwrap()), (429, "10"));
    assert_eq!(guess(TOKEN).status(), 303, "who has it is not locked out");
}

#[test]
fn a_form_from_elsewhere_does_nothing() {
    let console = Console::new();
    let (form, cookie) = (format!("form={}&do=publish&seen=7", console.form), console.cookie.clone());
    let ask =
        |headers: &[&str], body: &str| console.ask("POST /desk/notice", headers, body).status().as_u16();
    assert_eq!(ask(&[KIND], &form), 401, "no cookie");
    assert_eq!(ask(&[KIND, &cookie], "do=publish&seen=7"), 403, "nothing of the session in it");
    assert_eq!(ask(&[KIND, &cookie], "form=&do=publish&seen=7"), 403);
    assert_eq!(ask(&[KIND, &cookie], &form.replace("form=", "form=0")), 403);
    assert_eq!(ask(&[&cookie], &form), 415, "no form");
    assert_eq!(ask(&["content-type: text/plain", &cookie], &form), 415);
    assert_eq!(ask(&[KIND, &cookie, "origin: http://evil.example"], &form), 403);
    assert_eq!(ask(&[KIND, &cookie, "origin: null"], &form), 403);
    assert_eq!(ask(&[KIND, &cookie, "sec-fetch-site: same-site"], &form), 403, "another port of this host");
    assert_eq!(ask(&[KIND, &cookie, "sec-fetch-site: cross-site"], &form), 403);
    let by_address = console.ask(&format!("GET /desk/notice?{form}"), &[&cookie], "");
    assert!(by_address.status().is_success());
    assert_eq!(console.heard(), [], "none of them has done anything");
    assert_eq!(ask(&[KIND, &cookie, "sec-fetch-site: same-origin"], &form), 303);
    assert_eq!(console.heard(), [PageCommand::Publish { seen: Some(7) }]);
}

#[test]
fn forms_become_the_commands_of_ctl() {
    let console = Console::new();
    let id: PublicId = "abcdefghijkl".parse().unwrap();
    let done = |path: &str, fields: &str| {
        assert_eq!(console.send(path, fields).status(), 303, "{path} {fields}");
        console.heard().remove(0)
    };
    let page = "/desk/i/abcdefghijkl";
    let seen = Some(7);
    assert_eq!(done("/desk/notice", "seen=7&do=withhold"), PageCommand::Hold { seen });
    let text = "two\nlines".to_owned();
    assert_eq!(
        done(page, "seen=7&do=publish&stage=resolved&text=two%0D%0Alines&reason=+"),
        PageCommand::Update {
            id: Some(id),
            stage: Some(Stage::Resolved),
            text: text.clone(),
            reason: None,
            seen
        }
    );
    assert_eq!(done(page, "seen=7&do=note&note=x"), PageCommand::Note { id: Some(id), text: "x".into() });
    assert_eq!(done(page, "seen=7&do=acknowledge"), PageCommand::Acknowledge { id: Some(id) });
    let report = format!("{page}/report");
    assert_eq!(
        done(&report, "seen=7&do=keep&text=two%0Alines"),
        PageCommand::KeepDraft { id, text: text.clone(), seen }
    );
    assert_eq!(done(&report, "seen=7&do=publish&text=two%0Alines"), PageCommand::Report { id, text, seen });
    assert_eq!(
        done("/desk/components", "seen=7&name=Shop+%2F+Web&status="),
        PageCommand::Component { name: "Shop / Web".into(), status: None, seen }
    );
    assert_eq!(
        done("/desk/maintenance", "seen=7&do=finish&id=abcdefghijkl"),
        PageCommand::Finish { id, seen }
    );
    let PageCommand::Announce { from, until, components, .. } = done(
        "/desk/maintenance",
        "seen=7&do=publish&title=t&text=x&from=2026-12-01T02:00&until=2026-12-01T03:00&component=A&component=B",
    ) else {
        panic!("work is announced")
    };
    assert_eq!((until - from, components), (3_600, vec!["A".to_owned(), "B".to_owned()]));
    let PageCommand::Open { components, .. } = done(
        "/desk/open",
        "seen=7&do=publish&title=t&text=x&stage=identified&of%3AShop=partial_outage&of%3AB=",
    ) else {
        panic!("an incident is opened")
    };
    assert_eq!(components.len(), 1);
}

#[test]
fn what_cannot_be_meant_is_said_and_what_was_written_stays() {
    let console = Console::new();
    for fields in [
        "do=publish&title=t&text=Kept",
        "seen=x&do=publish&title=t&text=Kept",
        "seen=7&do=publish&title=t&text=Kept&stage=wild",
        "seen=7&do=launch&text=Kept",
    ] {
        let answer = console.send("/desk/open", fields);
        assert_eq!(answer.status(), 400, "{fields}");
        assert!(text(&answer).contains("It was not done") && text(&answer).contains("Kept"), "{fields}");
    }
    let stale = console.send("/desk/open", "seen=1&do=publish&title=t&text=Kept");
    assert_eq!(stale.status(), 409);
    assert!(
        text(&stale).contains("Somebody was faster") && text(&stale).contains("Kept"),
        "{}",
        text(&stale)
    );
    console.heard();
    assert_eq!(console.send("/desk/open", "seen=7&do=preview&title=t&text=Kept").status(), 200);
    assert_eq!(console.heard(), [], "a look does nothing");
    let changed = console.send("/desk/open", "seen=0&do=edit&title=t&text=Kept");
    assert!(text(&changed).contains("Kept") && !text(&changed).contains("Somebody was faster"));
    let changed = console.send("/desk/open", "seen=7&do=edit&title=t&text=Kept");
    assert!(text(&changed).contains("Kept") && text(&changed).contains("Somebody was faster"));
    let over = console.ask("POST /desk/open", &[KIND], "text=Kept");
    assert_eq!(over.status(), 401);
    assert!(text(&over).contains("Kept"), "it can be copied");
}

#[test]
fn what_was_written_can_be_copied_also_where_the_incident_is_not_known_any_more() {
    let console = Console::new();
    let answer = console.send("/desk/i/abcdefghijkl", "do=note&note=Kept");
    assert_eq!(answer.status(), 404);
    assert!(text(&answer).contains(">\nKept</textarea>"), "{}", text(&answer));
    for field in ["title", "text", "reason", "note"] {
        let over = console.ask("POST /desk/i/abcdefghijkl", &[KIND], &format!("{field}=Kept"));
        assert!(text(&over).contains(">\nKept</textarea>"), "{field}");
    }
}

#[test]
fn who_logs_out_is_out() {
    let console = Console::new();
    assert_eq!(console.send("/desk/log-out", "").status(), 303);
    assert_eq!(console.ask("GET /desk/", &[&console.cookie], "").status(), 401);
}

#[test]
fn pages_run_no_script_and_stay_in_no_cache_and_no_frame() {
    let console = Console::new();
    let page = console.ask("GET /desk/", &[&console.cookie], "");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert_eq!(policy, admin::content_security_policy());
    assert_eq!(page.headers()["cache-control"], "no-store");
    assert_eq!(page.headers()["referrer-policy"], "same-origin");
    assert!(!text(&page).contains("<script"));
}
