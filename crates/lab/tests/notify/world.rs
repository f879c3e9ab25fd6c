//! A gate before an app that fails when it is told to, and those who are alerted.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab::certificate::{Authority, Signed};
use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::{Gate, Peer, Running, free_address, web};
use serde_json::Value;

/// Web and mail servers that write down what they get.
pub(crate) struct Receivers {
    web: SocketAddr,
    mail: SocketAddr,
    authority: PathBuf,
    signed: Signed,
    folder: tempfile::TempDir,
    running: Option<Running>,
}

impl Receivers {
    pub(crate) fn start(python: &Peer) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
        let signed = authority.sign(folder.path(), "mail", &["localhost"]).expect("keys can be made");
        let (web, mail) = (free_address(), free_address());
        let mut receivers = Self { web, mail, authority: authority.file, signed, folder, running: None };
        receivers.start_again(python);
        receivers
    }

    pub(crate) fn start_again(&mut self, python: &Peer) {
        let mut command = python.command();
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notify/receivers.py"));
        command.arg(self.file()).arg(self.web.port().to_string()).arg(self.mail.port().to_string());
        command.arg(&self.signed.chain).arg(&self.signed.key);
        let (log, web, mail) = (self.folder.path().join("receivers.log"), self.web, self.mail);
        let is_up = || web::accepts(web) && web::accepts(mail);
        let running = Running::start_and_wait(&mut command, &log, Duration::from_secs(20), is_up);
        self.running = Some(running.unwrap_or_else(|error| panic!("{error}")));
    }

    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.web)
    }

    /// Everything that came so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The first that came to a path and is looked for.
    pub(crate) fn until(&self, to: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let found = || self.lines().into_iter().find(|line| line["to"] == to && is_it(line));
        wait_for(SOON, found).unwrap_or_else(|| {
            let log = self.running.as_ref().map(Running::log).unwrap_or_default();
            panic!("{to} never got it: {:#?}\n{log}", self.lines())
        })
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("received.jsonl")
    }

    /// A file of this content.
    fn secret(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("there is room");
        path.display().to_string()
    }
}

/// Somebody of every kind, somebody who is busy, and somebody who takes nothing.
pub(crate) fn config(receivers: &Receivers) -> String {
    let key = receivers.secret("key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let webhook = |name: &str| {
        let url = receivers.url(&format!("/{name}"));
        format!(
            "[[notify]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\nsecret_file = \"{key}\"\n"
        )
    };
    let chat = receivers.secret("chat", &receivers.url("/chat"));
    let beat = receivers.secret("beat", &receivers.url("/beat"));
    let password = receivers.secret("password", "a pass word\n");
    let (authority, mail) = (receivers.authority.display(), receivers.mail.port());
    let broken = receivers.secret("broken", &receivers.url("/broken"));
    let by_mail = |name: &str, to: &str| {
        format!(
            "[[notify]]\nname = \"{name}\"\nkind = \"mail\"\nserver = \"localhost:{mail}\"\nca = \"{authority}\"\nuser = \"portcullis\"\nsecret_file = \"{password}\"\nfrom = \"gate@shop.example\"\nto = [{to}]\n"
        )
    };
    let tables = [
        pager(receivers),
        format!("[[notify]]\nname = \"chat\"\nkind = \"slack\"\nurl_file = \"{chat}\"\n"),
        format!("[[notify]]\nname = \"broken\"\nkind = \"slack\"\nurl_file = \"{broken}\"\n"),
        format!("[[notify]]\nname = \"beat\"\nkind = \"heartbeat\"\nurl_file = \"{beat}\"\nevery = \"5s\"\n"),
        by_mail("ops", "\"ops@shop.example\", \"boss@shop.example\""),
        by_mail("never", "\"never@shop.example\""),
        by_mail("later", "\"later@shop.example\""),
        webhook("hook"),
        webhook("busy"),
    ];
    tables.concat()
}

/// A pager.
pub(crate) fn pager(receivers: &Receivers) -> String {
    let (url, key) = (receivers.url("/pager"), receivers.secret("routing", &"k".repeat(32)));
    format!("[[notify]]\nname = \"pager\"\nkind = \"pagerduty\"\nurl = \"{url}\"\nsecret_file = \"{key}\"\n")
}

/// A gate before its app.
pub(crate) struct World {
    pub(crate) gate: Gate,
    fails: Arc<AtomicBool>,
    _app: Origin,
}

impl World {
    /// With these tables of receivers.
    pub(crate) fn start(receivers: &str) -> Self {
        let fails = Arc::new(AtomicBool::new(false));
        let answer = {
            let fails = fails.clone();
            move |_: &str| {
                let status = if fails.load(Relaxed) { "500 Internal Server Error" } else { "200 OK" };
                plain(status, "", "")
            }
        };
        let app = Origin::start(answer).expect("loopback has a port");
        let page = "[status]\nurl = \"https://status.shop.example\"\nname = \"Example Shop\"\nfirst_notice = \"30m\"\n";
        let site = "[[site]]\nhosts = [\"127.0.0.1\"]";
        let gate = Gate::CONFIG.replace("{origin}", &app.url()).replace("[[site]]", site);
        let gate = Gate::start(&format!("{gate}{page}{receivers}")).expect("the gate starts");
        Self { gate, fails, _app: app }
    }

    /// From now on the app fails, and visitors see it until the gate has; or it works.
    pub(crate) fn fails(&self, fails: bool) {
        self.fails.store(fails, Relaxed);
        let seen = || self.visit().then(|| self.gate.control(&["incident"]).ok()).flatten();
        let seen = wait_for(SOON, || seen().filter(|(_, text)| text.contains("Disruption of Website")));
        assert!(seen.is_some() || !fails, "{}", self.gate.log());
    }

    /// A few people ask.
    pub(crate) fn visit(&self) -> bool {
        (0..5).for_each(|_| drop(web::get(self.gate.listen(), "/", &[])));
        true
    }
}

/// A start on a busy machine, a few seconds until an incident counts, and some tries.
const SOON: Duration = Duration::from_secs(40);
