//! A mail server that writes down what it gets, and people who have subscribed to the mails of a gate's page.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_io::journal::{Journal, JournalSettings, Row, SubscriberRow};
use model::{SiteId, Timestamp};
use serde_json::Value;

use crate::certificate::{Authority, Signed};
use crate::clock::wait_for;
use crate::{Gate, GateError, Peer, Running, StartError, free_address, web};

/// aiosmtpd with STARTTLS and a password, on a port of its own. It refuses addresses that begin with `never` for good, and those
/// that begin with `later` once for a while.
pub struct MailServer {
    address: SocketAddr,
    authority: PathBuf,
    signed: Signed,
    folder: tempfile::TempDir,
    running: Option<Running>,
}

/// Why there is no mail server, or nobody who has subscribed.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Keys or a password cannot be made, or the journal does not keep them.
    #[error("cannot prepare mail: {0}")]
    Io(#[from] io::Error),
    /// It did not come up.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The gate did not come up again.
    #[error(transparent)]
    Gate(#[from] GateError),
}

impl MailServer {
    /// Starts it with this Python, of [`Peer::alerts`].
    ///
    /// # Errors
    /// When its keys cannot be made, or it is not up within 40 seconds.
    pub fn start(python: &Peer) -> Result<Self, MailError> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new(folder.path(), "authority")?;
        let signed = authority.sign(folder.path(), "mail", &["localhost"])?;
        fs::write(folder.path().join("password"), "a pass word\n")?;
        let address = free_address();
        let mut server = Self { address, authority: authority.file, signed, folder, running: None };
        server.switch_on(python)?;
        Ok(server)
    }

    /// Lets it begin, again if it ran.
    ///
    /// # Errors
    /// When it is not up within 40 seconds.
    pub fn switch_on(&mut self, python: &Peer) -> Result<(), StartError> {
        self.running = None;
        let mut command = python.command();
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail.py")).arg(self.file());
        command.arg(self.address.port().to_string()).arg(&self.signed.chain).arg(&self.signed.key);
        let (log, address) = (self.folder.path().join("mail.log"), self.address);
        self.running = Some(Running::start_and_wait(&mut command, &log, SOON, || web::accepts(address))?);
        Ok(())
    }

    /// Everything that came so far, refusals too.
    pub fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Mails that were taken for an address.
    pub fn mails_to(&self, address: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["to"][0] == address).collect()
    }

    /// The first mail to an address that has these words; waits for it for 40 seconds.
    pub fn until(&self, address: &str, words: &str) -> Option<Value> {
        let has_words = |mail: &Value| mail.to_string().contains(words);
        wait_for(SOON, || self.mails_to(address).into_iter().find(has_words))
    }

    /// How many mails with these words in the subject each address got.
    pub fn counts(&self, words: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.lines().iter().filter(|mail| mail["headers"]["subject"].to_string().contains(words))
        {
            let to = mail["to"][0].as_str().unwrap_or_default();
            *counts.entry(to.to_owned()).or_default() += 1;
        }
        counts
    }

    /// What a table of the configuration needs to send over it.
    pub fn keys(&self) -> String {
        format!(
            "server = \"localhost:{}\"\nca = \"{}\"\nuser = \"portcullis\"\nsecret_file = \"{}\"\n",
            self.address.port(),
            self.authority.display(),
            self.folder.path().join("password").display()
        )
    }

    /// What it said.
    pub fn log(&self) -> String {
        self.running.as_ref().map(Running::log).unwrap_or_default()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("mails.jsonl")
    }
}

/// So many people have subscribed to a page before: the gate is killed, they are written into its journal, and it starts again.
///
/// # Errors
/// When the journal does not keep them, or the gate does not come up again.
pub fn with_readers(gate: &mut Gate, count: u32) -> Result<(), MailError> {
    gate.process().kill();
    write(&gate.folder().join("state"), count)?;
    Ok(gate.cut_and_restart()?)
}

/// Writes people into a journal that no gate has open.
fn write(state: &Path, count: u32) -> io::Result<()> {
    let (journal, _loaded) = Journal::open(state, JournalSettings::default()).map_err(io::Error::other)?;
    let settle = || if journal.settle(SOON) { Ok(()) } else { Err(io::Error::other("the disk is too slow")) };
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
        if !journal.record(Row::Subscriber(person)) {
            return Err(io::Error::other("the journal has no room"));
        }
        if number % 1_000 == 999 {
            settle()?;
        }
    }
    settle()
}

/// How many mails with news wait, and how many subscribers there are, from the gate's metrics.
pub fn waiting_and_subscribed(gate: &Gate) -> (u64, u64) {
    let metrics = gate.metrics().unwrap_or_default();
    let of = |name: &str| {
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        format!("{:.0}", value.unwrap_or(-1.0)).parse().unwrap_or(u64::MAX)
    };
    (of("portcullis_subscriber_mails_waiting "), of("portcullis_subscribers "))
}

/// A start on a busy machine, and some tries.
const SOON: Duration = Duration::from_secs(40);
