//! A gate with a page that can be subscribed to, and the mail server that it sends over.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use journal_io::journal::{Journal, JournalSettings, Row, SubscriberRow};
use lab::certificate::{Authority, Signed};
use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::{Gate, Peer, Running, free_address, web};
use model::{SiteId, Timestamp};
use serde_json::Value;

/// A mail server that writes down what it gets.
pub(crate) struct MailServer {
    address: SocketAddr,
    authority: PathBuf,
    signed: Signed,
    folder: tempfile::TempDir,
    running: Option<Running>,
}

impl MailServer {
    pub(crate) fn start(python: &Peer) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
        let signed = authority.sign(folder.path(), "mail", &["localhost"]).expect("keys can be made");
        fs::write(folder.path().join("password"), "a pass word\n").expect("there is room");
        let address = free_address();
        let mut server = Self { address, authority: authority.file, signed, folder, running: None };
        server.switch_on(python);
        server
    }

    /// Lets it begin, again if it ran.
    pub(crate) fn switch_on(&mut self, python: &Peer) {
        self.running = None;
        let mut command = python.command();
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/subscribers/mail.py")).arg(self.file());
        command.arg(self.address.port().to_string()).arg(&self.signed.chain).arg(&self.signed.key);
        let (log, address) = (self.folder.path().join("mail.log"), self.address);
        let running = Running::start_and_wait(&mut command, &log, SOON, || web::accepts(address));
        self.running = Some(running.unwrap_or_else(|error| panic!("{error}")));
    }

    /// Everything that came so far, refusals too.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Mails that were taken for an address.
    pub(crate) fn mails_to(&self, address: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["to"][0] == address).collect()
    }

    /// The first mail to an address that has these words.
    pub(crate) fn until(&self, address: &str, words: &str) -> Value {
        let has_words = |mail: &Value| mail.to_string().contains(words);
        let found = || self.mails_to(address).into_iter().find(has_words);
        wait_for(SOON, found).unwrap_or_else(|| {
            let log = self.running.as_ref().map(Running::log).unwrap_or_default();
            panic!("{address} never got `{words}`: {:#?}\n{log}", self.lines())
        })
    }

    /// How many mails with these words each address got.
    pub(crate) fn counts(&self, words: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.lines().iter().filter(|mail| mail["headers"]["subject"].to_string().contains(words))
        {
            let to = mail["to"][0].as_str().unwrap_or_default();
            *counts.entry(to.to_owned()).or_default() += 1;
        }
        counts
    }

    /// What a table needs to send over it.
    pub(crate) fn keys(&self) -> String {
        format!(
            "server = \"localhost:{}\"\nca = \"{}\"\nuser = \"portcullis\"\nsecret_file = \"{}\"\n",
            self.address.port(),
            self.authority.display(),
            self.folder.path().join("password").display()
        )
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("mails.jsonl")
    }
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
        self.gate.process().kill();
        people(&self.gate.folder().join("state"), count);
        self.gate.cut_and_restart().expect("it starts again");
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
        let metrics = self.gate.metrics().unwrap_or_default();
        let of = |name: &str| {
            let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            format!("{:.0}", value.unwrap_or(-1.0)).parse().unwrap_or(u64::MAX)
        };
        (of("portcullis_subscriber_mails_waiting "), of("portcullis_subscribers "))
    }

    pub(crate) fn until_nothing_waits(&self, within: Duration) {
        let done = wait_for(within, || (self.figures().0 == 0).then_some(()));
        assert!(done.is_some(), "{:?}\n{}", self.figures(), self.gate.log());
    }
}

/// Writes people into a journal that no gate has open.
fn people(state: &Path, count: u32) {
    let (journal, _loaded) =
        Journal::open(state, JournalSettings::default()).expect("nobody else has it open");
    for number in 0..count {
        let mut id = [7; 16];
        id[..4].copy_from_slice(&number.reverse_bits().to_be_bytes());
        let person = SubscriberRow {
            site: SiteId(0),
            id,
            since: Timestamp::from_secs(1_700_000_000),
            refusals: 0,
            address: format!("reader-{number}@shop.example").into(),
            chosen: "".into(),
        };
        assert!(journal.record(Row::Subscriber(person)));
        if number % 1_000 == 999 {
            assert!(journal.settle(SOON));
        }
    }
    assert!(journal.settle(SOON));
}

/// A start on a busy machine, and some tries.
pub(crate) const SOON: Duration = Duration::from_secs(40);
