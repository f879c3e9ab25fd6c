//! A gate with a page, before an app that fails when it is told to, and a person at the console.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::web::{Answer, Request};
use lab::{Browser, Gate, free_address, web};

pub(crate) struct World {
    pub(crate) gate: Gate,
    page: SocketAddr,
    fails: Arc<AtomicBool>,
    _app: Origin,
}

impl World {
    pub(crate) fn start(first_notice: &str) -> Self {
        let fails = Arc::new(AtomicBool::new(false));
        let told = fails.clone();
        let app = Origin::start(move |_: &str| {
            if told.load(Relaxed) {
                plain("500 Internal Server Error", "", "no")
            } else {
                plain("200 OK", "", "yes")
            }
        })
        .expect("loopback has a port");
        let page = free_address();
        let table = format!(
            "[status]\nlisten = \"{page}\"\nurl = \"https://status.shop.example\"\nname = \"Example Shop\"\nfirst_notice = \"{first_notice}\"\n[[status.component]]\nname = \"Website\"\ngroup = \"Shop\"\n[[status.component]]\nname = \"Phone support\"\nwatches = \"nothing\"\n"
        );
        let config = format!("{}{table}", Gate::CONFIG.replace("{origin}", &app.url()));
        Self { gate: Gate::start(&config).expect("the gate starts"), page, fails, _app: app }
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.gate.console())
    }

    pub(crate) fn token(&self) -> String {
        let file = self.gate.folder().join("state/console.token");
        std::fs::read_to_string(file).expect("the gate has made one").trim().to_owned()
    }

    pub(crate) fn public(&self, path: &str) -> String {
        web::get(self.page, path, &[]).map(|answer| answer.body).unwrap_or_default()
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Relaxed);
    }

    /// Types a token where it is asked for.
    pub(crate) fn log_in(&self, browser: &Browser, token: &str) {
        browser.open(&self.address("/desk/"));
        browser.write("#token", token);
        browser.press("button");
    }

    /// Waits until the page that is shown says this.
    pub(crate) fn says(&self, browser: &Browser, text: &str) {
        let said = wait_for(SOON, || browser.page().contains(text).then_some(()));
        assert!(said.is_some(), "never `{text}`: {}\n{}", browser.page(), self.gate.log());
    }

    /// Visitors go on asking until a notice waits.
    pub(crate) fn until_waiting(&self, browser: &Browser) {
        let waits = || {
            let _whatever = web::get(self.gate.listen(), "/", &[]);
            self.gate.control(&["incident"]).ok().filter(|(_, text)| text.contains("notice planned"))
        };
        wait_for(SOON, waits).unwrap_or_else(|| panic!("{}", self.gate.log()));
        browser.open(&self.address("/desk/"));
        self.says(browser, "Waiting to be published");
    }

    /// Visitors go on asking until the public is told.
    pub(crate) fn until_told(&self) {
        let told = || {
            let _whatever = web::get(self.gate.listen(), "/", &[]);
            self.public("/status.txt").contains("Incident: Disruption").then_some(())
        };
        wait_for(SOON, told).unwrap_or_else(|| panic!("{}", self.gate.log()));
    }

    /// The app works again, and a person says that it is over.
    pub(crate) fn resolve(&self) {
        self.fail(false);
        let words = [
            "incident",
            "update",
            "--text",
            "It is over.",
            "--stage",
            "resolved",
            "--reason",
            "We have looked.",
        ];
        self.gate.tell(&words).expect("a person may");
    }

    /// The identity of the newest incident.
    pub(crate) fn incident(&self) -> String {
        let (_, json) = self.gate.control(&["incident", "show", "--json"]).expect("it runs");
        let id = json.split_once(r#""id":""#).and_then(|(_, rest)| rest.split('"').next());
        id.unwrap_or_else(|| panic!("{json}")).to_owned()
    }

    /// A cookie as a header, and what forms must hold.
    pub(crate) fn session(&self) -> (String, String) {
        let answer = post(&self.gate, "/desk/log-in", "", &format!("token={}", self.token()));
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{}", answer.body));
        assert!(
            cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Strict")
                && !cookie.contains(&self.token())
        );
        let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap_or_default());
        let page = self.read("/desk/", &cookie);
        let form = page.split_once("name=\"form\" value=\"").and_then(|(_, rest)| rest.split('"').next());
        (cookie, form.unwrap_or_else(|| panic!("{page}")).to_owned())
    }

    pub(crate) fn read(&self, path: &str, cookie: &str) -> String {
        web::get(self.gate.console(), path, &[cookie]).expect("it answers").body
    }
}

/// Sends a form.
pub(crate) fn post(gate: &Gate, path: &str, cookie: &str, body: &str) -> Answer {
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let headers: &[&str] = if cookie.is_empty() { &[kind] } else { &[kind, cookie] };
    let request = Request { method: "POST", headers, body, ..Request::get(path) };
    web::send(gate.console(), &request).expect("it answers")
}

pub(crate) const SOON: Duration = Duration::from_secs(20);
