//! A gate with a page in a folder and two receivers of alerts, and the ways in which its power is cut.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use journal_io::journal::{Journal, JournalSettings};
use lab::clock::{pause, wait_for};
use lab::origin::{Origin, plain};
use lab::{Gate, Peer, Running, free_address, web};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::teller::Teller;

pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) export: tempfile::TempDir,
    key: String,
    received: PathBuf,
    _receivers: Running,
    _folder: tempfile::TempDir,
    _app: Origin,
}

/// What receivers took, in the order in which it came.
pub(crate) struct Heard {
    /// The number of an act, and the key that it came under.
    pub(crate) acts: Vec<(u64, String)>,
    /// Incidents that the webhook heard of.
    pub(crate) incidents: BTreeSet<String>,
    /// Incidents that somebody was called for.
    pub(crate) called: BTreeSet<String>,
}

impl World {
    pub(crate) fn start(python: &Peer) -> Self {
        let (folder, export) =
            (tempfile::tempdir().expect("there is room"), tempfile::tempdir().expect("there is room"));
        let (at, listen) = (|name: &str| folder.path().join(name), free_address());
        fs::write(at("key"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("there is room");
        fs::write(at("routing"), "k".repeat(32)).expect("there is room");
        let received = at("received.jsonl");
        let mut command = python.command();
        command.arg(RECEIVERS).arg(&received).arg(listen.port().to_string());
        let receivers =
            Running::start_and_wait(&mut command, &at("receivers.log"), SOON, || web::accepts(listen));
        let app = Origin::start(|_| plain("200 OK", "", "yes")).expect("loopback has a port");
        let config = format!(
            "{}[status]\nurl = \"https://status.shop.example\"\nname = \"Example Shop\"\nexport = [\"{}\"]\n\
             [[status.component]]\nname = \"Phone\"\nwatches = \"nothing\"\n\
             [[notify]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://{listen}/hook\"\nsecret_file = \"{}\"\nper_minute = 600\n\
             [[notify]]\nname = \"pager\"\nkind = \"pagerduty\"\nurl = \"http://{listen}/pager\"\nsecret_file = \"{}\"\nper_minute = 600\n",
            Gate::CONFIG.replace("{origin}", &app.url()),
            export.path().display(),
            at("key").display(),
            at("routing").display(),
        );
        let gate = Gate::start(&config).expect("the gate starts");
        let receivers = receivers.unwrap_or_else(|error| panic!("{error}"));
        let mut world = Self {
            gate,
            export,
            key: String::new(),
            received,
            _receivers: receivers,
            _folder: folder,
            _app: app,
        };
        let (_, said) = world.status(&["key"]);
        world.key = said.lines().next().unwrap_or_default().to_owned();
        world
    }

    /// Somebody tells of things until the power is cut, so many milliseconds from now.
    pub(crate) fn cut_while(&mut self, teller: &mut Teller, millis: u64) {
        let is_cut = AtomicBool::new(false);
        let process = self.process();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pause(Duration::from_millis(millis));
                kill_process(process, Signal::KILL).expect("it ran until now");
                is_cut.store(true, Relaxed);
            });
            while !is_cut.load(Relaxed) {
                teller.tell(self);
            }
        });
        self.gate.process().kill();
    }

    /// The power is cut as soon as the gate has said that an act is done.
    pub(crate) fn cut_when_acknowledged(&mut self, teller: &mut Teller) {
        let process = self.process();
        teller.tell_at_once(self, || kill_process(process, Signal::KILL).expect("it has just answered"));
        self.gate.process().kill();
    }

    fn process(&self) -> Pid {
        i32::try_from(self.gate.id()).ok().and_then(Pid::from_raw).expect("it runs")
    }

    /// Two cuts in one: that of the gate that serves, and so many milliseconds after it was started again.
    pub(crate) fn cut_while_starting(&mut self, millis: u64) {
        self.gate.process().kill();
        let mut command = Command::new(Gate::binary().expect("it was there"));
        let folder = self.gate.folder();
        command.arg("run").arg("--config").arg(folder.join("portcullis.toml")).current_dir(folder);
        let mut starting = Running::start(&mut command, &folder.join("portcullis.log")).expect("it starts");
        pause(Duration::from_millis(millis));
        starting.kill();
    }

    /// Waits until the folder has a page that is not between two.
    pub(crate) fn until_copied(&self) {
        let good = wait_for(SOON, || self.verify(self.export.path()).0.then_some(()));
        assert!(good.is_some(), "{:?}\n{}", self.verify(self.export.path()), self.gate.log());
    }

    /// Waits until nothing waits to be told.
    pub(crate) fn until_all_is_told(&self) -> Heard {
        let all_told = || {
            let (_, said) = self.gate.control(&["alerts", "--json"]).ok()?;
            let said: Value = serde_json::from_str(&said).ok()?;
            let receivers = said["data"]["receivers"].as_array()?;
            receivers.iter().all(|receiver| receiver["waiting"] == 0).then_some(())
        };
        assert!(
            wait_for(TOLD_WITHIN, all_told).is_some(),
            "{:?}\n{}",
            self.gate.control(&["alerts"]),
            self.gate.log()
        );
        let text = fs::read_to_string(&self.received).expect("something came");
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
        let to = |path: &'static str| lines.iter().filter(move |line| line["to"] == path);
        let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let act =
            |line: &Value| Some((number_in(line["said"]["data"]["text"].as_str()?)?, words(&line["id"])));
        let key =
            |line: &Value| words(&line["said"]["dedup_key"]).trim_start_matches("portcullis/").to_owned();
        Heard {
            acts: to("/hook").filter_map(act).collect(),
            incidents: to("/hook").map(|line| words(&line["said"]["data"]["incident"])).collect(),
            called: to("/pager/v2/enqueue").map(key).collect(),
        }
    }

    /// Ends the gate; the numbers of the acts in its record, in order.
    pub(crate) fn recorded(&mut self) -> Vec<u64> {
        let status = self.gate.process().stop().expect("it ends within its time");
        assert!(status.success(), "{status}\n{}", self.gate.log());
        let state = self.gate.folder().join("state");
        let (_journal, loaded) =
            Journal::open(&state, JournalSettings::default()).expect("the gate has let go of it");
        let texts = loaded.incidents.iter().map(|row| String::from_utf8_lossy(&row.bytes).into_owned());
        texts.filter_map(|text| number_in(&text)).collect()
    }

    /// `portcullis status verify` of a folder.
    pub(crate) fn verify(&self, folder: &Path) -> (bool, String) {
        self.status(&["verify", &folder.display().to_string(), "--key", &self.key])
    }

    fn status(&self, words: &[&str]) -> (bool, String) {
        let mut command = Command::new(Gate::binary().expect("it was there"));
        let output =
            command.arg("status").args(words).current_dir(self.gate.folder()).output().expect("it runs");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), text)
    }
}

/// The number of the act whose words these are.
fn number_in(text: &str) -> Option<u64> {
    text.split("Act number ").nth(1)?.get(..6)?.parse().ok()
}

/// The same moments for the same seed (Marsaglia's xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

const RECEIVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notify/receivers.py");
/// A start on a busy machine, an export of many pages.
const SOON: Duration = Duration::from_secs(30);
/// What a queue holds, at ten messages a second.
const TOLD_WITHIN: Duration = Duration::from_secs(60);
