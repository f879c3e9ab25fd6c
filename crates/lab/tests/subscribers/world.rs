//! A gate with a page that can be subscribed to, and the mail server that it sends over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab::clock::wait_for;
use lab::mail::{MailServer, waiting_and_subscribed, with_readers};
use lab::origin::{Origin, plain};
use lab::{Gate, free_address};
use serde_json::Value;

/// The first mail to an address that has these words.
pub(crate) fn first_mail(mail: &MailServer, address: &str, words: &str) -> Value {
    mail.until(address, words)
        .unwrap_or_else(|| panic!("{address} never got `{words}`: {:#?}\n{}", mail.lines(), mail.log()))
}

/// A gate with its page, before an app that fails when it is told to.
pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) page: SocketAddr,
    pub(crate) fails: Arc<AtomicBool>,
    _app: Origin,
}

impl World {
    pub(crate) fn start(mail: &MailServer, per_second: u32, more: &str) -> Self {
        let fails = Arc::new(AtomicBool::new(false));
        let answer = {
            let fails = fails.clone();
            move |_: &str| {
                plain(if fails.load(Relaxed) { "500 Internal Server Error" } else { "200 OK" }, "", "")
            }
        };
        let app = Origin::start(answer).expect("loopback has a port");
        let page = free_address();
        let keys = mail.keys();
        let tables = format!(
            "[status]\nlisten = \"{page}\"\nurl = \"https://status.shop.example\"\nname = \"Example Shop\"\nfirst_notice = \"0s\"\n\
             [[status.component]]\nname = \"Website\"\n[[status.component]]\nname = \"Phone support\"\nwatches = \"nothing\"\n\
             [status.subscribers]\n{keys}from = \"status@shop.example\"\nper_second = {per_second}\n{more}"
        );
        let config = format!("{}{tables}", Gate::CONFIG.replace("{origin}", &app.url()));
        let gate = Gate::start(&config).expect("the gate starts");
        Self { gate, page, fails, _app: app }
    }

    /// So many people have subscribed before; the gate starts again and knows them.
    pub(crate) fn with_people(&mut self, count: u32) {
        self.gate.tell(&["subscriber", "list"]).expect("it is up");
        with_readers(&mut self.gate, count).expect("it starts again");
        let list = self.gate.tell(&["subscriber", "list"]).expect("it is up");
        assert!(list.starts_with(&format!("{count} subscribers")), "{list}");
    }

    /// Somebody tells the public of something.
    pub(crate) fn open(&self, title: &str, component: &str) {
        let component = format!("{component}=partial-outage");
        let words = ["incident", "open", title, "--text", "We look into it.", "--component", &component];
        self.gate.tell(&words).expect("it is told");
    }

    /// And says more about the newest.
    pub(crate) fn say(&self, text: &str) {
        let list = self.gate.tell(&["incident", "list", "--json"]).expect("it is up");
        let list: Value = serde_json::from_str(&list).expect("it is JSON");
        let id = list["data"]["incidents"][0]["id"].as_str().expect("there is one");
        self.gate.tell(&["incident", "update", id, "--text", text]).expect("it is told");
    }

    /// How many mails with news wait, and how many subscribers there are.
    pub(crate) fn figures(&self) -> (u64, u64) {
        waiting_and_subscribed(&self.gate)
    }

    pub(crate) fn until_nothing_waits(&self, within: Duration) {
        let done = wait_for(within, || (self.figures().0 == 0).then_some(()));
        assert!(done.is_some(), "{:?}\n{}", self.figures(), self.gate.log());
    }
}

/// A start on a busy machine, and some tries.
pub(crate) const SOON: Duration = Duration::from_secs(40);
