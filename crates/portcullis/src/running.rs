//! A gate with state: keys, journal, logs and console around it, from start to stop.

mod journalled;
mod logs;
mod silence;
mod telling;
mod undeclared;

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admission::pass::PassClock;
use admission::site::Site;
use edge_io::{CertificateNews, Clock, CrawlerNews, Edge, KeysNews};
use incident::Availability;
use journal_io::journal::{Journal, JournalSettings, Loaded};
use journal_io::keys::Keys;
use journal_io::logs::{Events, LogSettings, LogWriter};
use journal_io::recordings::RingSettings;
use model::{Mode, SiteId};
use status_io::Publisher;

use crate::acme::Acme;
use crate::announcer::Announcer;
use crate::desk::Desk;
use crate::erasures::Erasures;
use crate::gate::{self, Around, GateError, Plan};
use crate::handover::{self, Bequest, ChannelError, Takeover};
use crate::host::HostWatch;
use crate::ledger::JournalLedger;
use crate::listeners::{self, Opened};
use crate::memory::{Memory, Restored};
use crate::orders::Orders;
use crate::probing::Probing;
use crate::secrets::Secrets;
use crate::truth::{Outlet, Page, PageError, Truth, Witness};
use journalled::{JournalKeeper, kept, pack_network, restore};
use logs::{Access, logs};
use silence::Silence;
use telling::{consents, open_page, told};

/// Where and how state is kept.
pub(crate) struct StateSettings {
    pub(crate) folder: PathBuf,
    pub(crate) journal: JournalSettings,
    pub(crate) log: LogSettings,
    pub(crate) recordings: RingSettings,
}

impl StateSettings {
    /// The defaults in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            journal: JournalSettings::default(),
            log: LogSettings::new(&folder.join("log")),
            recordings: RingSettings::default(),
        }
    }
}

/// Why a gate with state does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The state folder cannot be made.
    #[error("cannot make the state folder {}: {error}; choose another with --state or [state] dir", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// The key file.
    #[error(transparent)]
    Keys(#[from] journal_io::keys::KeyError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal_io::journal::JournalError),
    /// A certificate or its key.
    #[error(transparent)]
    Tls(#[from] edge_io::TlsError),
    /// The folder of certificates that are had by ACME.
    #[error(transparent)]
    Acme(#[from] acme_io::FileError),
    /// The status page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The data plane.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The console.
    #[error(transparent)]
    Console(#[from] console_io::ConsoleError),
    /// Whoever breaks into the mailer would command the gate.
    #[error(
        "the mailer's token ([console] mailer_token_file) is the console's own, with which it could command the gate; take another file"
    )]
    SameToken,
    /// The process whose place this one was to take.
    #[error("cannot take over from the running gate: {0}")]
    Takeover(#[from] ChannelError),
    /// A log or another thread.
    #[error("cannot start: {0}")]
    Io(#[from] std::io::Error),
}

/// A running gate.
pub(crate) struct Running {
    pub(crate) edge: Edge,
    pub(crate) site: Arc<Site>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) erasures: Arc<Erasures>,
    pub(crate) orders: Arc<Orders>,
    pub(crate) events: Arc<Events>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) access: Arc<LogWriter>,
    pub(crate) clock: Clock,
    pub(crate) memory: Arc<Memory>,
    pub(crate) truth: Arc<Truth>,
    pub(crate) probing: Arc<Probing>,
    pub(crate) host: Arc<HostWatch>,
    outlet: Option<Outlet>,
    pub(crate) folders: Option<Arc<Publisher>>,
    /// For how much of their time people were served, by [`incident::Users::ALL`].
    pub(crate) availability: Arc<Mutex<[Availability; 2]>>,
    table_seed: [u8; 32],
    configured: Mode,
    /// The process whose place this one takes, until it serves.
    predecessor: Mutex<Option<Takeover>>,
    /// The wall clock as it was at the start, moved by the monotonic one: a jump of the wall clock must not make
    /// everything in the journal too old at once. (Its pass time would not do: after a long absence it stays behind.)
    aging: Mutex<PassClock>,
    acme: Option<Acme>,
    silence: Mutex<Silence>,
    /// Whether there is a proxy that nobody has named, and whether it is local, as it was told last.
    undeclared_front: Mutex<Option<bool>>,
}

/// Starts a gate on sockets that are open already, perhaps in the place of another process.
pub(crate) fn start(
    mut plan: Plan,
    state: &StateSettings,
    listeners: Vec<Opened>,
    mut page: Page,
    mut predecessor: Option<Takeover>,
) -> Result<Running, RunError> {
    make_folder(&state.folder)?;
    let handed = predecessor.as_ref().map(Takeover::keys);
    // Where another process lives on, that one tells more than what it kept.
    let restored = if handed.is_none() { Restored::read(&state.folder) } else { Restored::default() };
    let begun = restored.now(Clock::start().wall());
    let clock = handed.and_then(handover::clock).or(begun).map_or_else(Clock::start, Clock::resume);
    let (table_seed, mode_before) = (handed.and_then(handover::table_seed), handed.and_then(handover::mode));
    let (events, access) = logs(state, clock)?;
    let keys = Arc::new(Keys::load_or_create(&state.folder)?);
    let acme = plan.acme.clone().map(Acme::prepare).transpose()?;
    let ready = listeners.into_iter().map(|opened| opened.ready(&keys, clock, acme.as_ref()));
    let listeners = ready.collect::<Result<Vec<_>, _>>()?;
    let (journal, loaded) = open_journal(state, predecessor.as_mut(), &events)?;
    let secrets = Secrets::of(&keys, SITE, clock.wall(), table_seed)?;
    let site = gate::site(&plan, &secrets);
    restore(&site, &loaded, clock.wall());
    let orders = Arc::new(Orders::resume(site.clone(), journal.clone(), &loaded, clock.wall(), &events));
    let ledger = Arc::new(JournalLedger::new(journal.clone(), SITE, secrets.pseudonym_key, clock));
    let desk = Arc::new(Desk::default());
    let keeper = Box::new(JournalKeeper { journal: journal.clone(), site: site.clone() });
    let go_on = restored.of_site(secrets.site_pseudonym(), clock.wall(), &events);
    let memory = Arc::new(Memory::of_state(state, &secrets, &events, clock)?);
    let is_heir = predecessor.is_some();
    let told = told(&mut plan, &keys, &loaded, &journal, &events, clock, is_heir)?;
    let (outlet, folders) = open_page(&plan, &mut page, &told)?;
    let truth = Arc::new(Truth::start(page, &loaded, journal.clone(), events.clone(), clock, told, is_heir)?);
    let probing = Arc::new(Probing::new(plan.probing.clone(), clock, &events));
    let announcer = Announcer::new(desk.clone(), Some(events.clone()), Some(keeper))
        .watching(state.folder.clone())
        .writing(memory.scribe(clock))
        .telling(truth.clone(), Witness::new(site.clone(), orders.clone(), probing.clone()), clock);
    let around = Around {
        log: Arc::new(Access(access.clone())),
        ledger: ledger.clone(),
        challenges: acme.as_ref().map(Acme::challenges),
        consents: consents(&plan, &keys, &truth, clock),
        listener: Box::new(announcer),
        is_recorded: true,
    };
    let estate = predecessor.as_ref().map(Takeover::estate).transpose()?;
    estate.iter().for_each(|estate| site.take_over(estate, mode_before, clock.now(), clock.wall()));
    let kept = kept(&loaded, go_on, &orders, estate);
    let (configured, host) = (plan.mode, std::mem::take(&mut plan.host));
    let edge = gate::start(plan, site.clone(), &secrets, listeners, clock, kept, around)?;
    say_incident(&site, is_heir, &events);
    let host = HostWatch::new(host, edge.shared().clone(), journal.clone(), &loaded, clock, &events);
    Ok(Running {
        edge,
        site,
        erasures: Arc::new(Erasures::new(journal.clone())),
        journal,
        orders,
        events,
        desk,
        access,
        clock,
        memory,
        truth,
        probing,
        host: Arc::new(host),
        outlet,
        folders,
        availability: Arc::default(),
        table_seed: secrets.table_seed,
        configured,
        predecessor: Mutex::new(predecessor),
        aging: Mutex::new(PassClock::resume(None, clock.wall())),
        acme,
        silence: Mutex::default(),
        undeclared_front: Mutex::default(),
    })
}

fn make_folder(folder: &Path) -> Result<(), RunError> {
    std::fs::create_dir_all(folder).map_err(|error| RunError::Folder { folder: folder.to_owned(), error })
}

fn open_journal(
    state: &StateSettings,
    predecessor: Option<&mut Takeover>,
    events: &Events,
) -> Result<(Arc<Journal>, Loaded), RunError> {
    let lock = predecessor.and_then(Takeover::take_lock);
    let (journal, loaded) = Journal::open_with(&state.folder, state.journal.clone(), lock)?;
    loaded.notices.iter().for_each(|notice| events.warning(format_args!("{notice}")));
    Ok((Arc::new(journal), loaded))
}

/// What an admin should know whose gate begins in the middle of an incident. Of a takeover more is said later.
fn say_incident(site: &Site, is_successor: bool, events: &Events) {
    if !is_successor && !site.is_calm() {
        events.warning(format_args!(
            "goes on with the incident before the stop: the level is {}",
            site.level()
        ));
    }
}

impl Running {
    /// What is to be done once a second: rows that wait, and every few seconds the sweep.
    pub(crate) fn keep_house(&self, second: u64) {
        self.look_at_people();
        self.say_silence();
        self.say_undeclared_front();
        if let Some(is_allowed) = self.desk.situation().is_allowed() {
            self.orders.note_allowed(is_allowed);
        }
        if let Some(news) = self.edge.shared().keys_news() {
            self.say_keys(&news);
        }
        for news in self.edge.crawler_news() {
            match news {
                CrawlerNews::Read { name, count } => {
                    self.events.info(format_args!("crawler {name}: networks in use: {count}"));
                }
                CrawlerNews::Failed { name, why } => {
                    self.events.warning(format_args!("crawler {name}: those before stay in use: {why}"));
                }
            }
        }
        match self.edge.certificate_news() {
            None => {}
            Some(CertificateNews::Read) => self.events.info(format_args!("certificates: read again")),
            Some(CertificateNews::Failed(why)) => {
                self.events.error(format_args!("certificates: those before stay in use: {why}"));
            }
        }
        if second % EXPIRY_SECONDS == EXPIRY_FIRST {
            self.say_expiries();
        }
        if second.is_multiple_of(SWEEP_SECONDS) {
            let wall = self.clock.wall();
            let aged = self.aging.lock().unwrap_or_else(PoisonError::into_inner).tick(self.clock.now(), wall);
            self.journal.sweep(wall.min(aged));
        }
        let unerased = self.erasures.try_again();
        if unerased > 0 && second.is_multiple_of(UNERASED_SECONDS) {
            self.events.error(format_args!(
                "{unerased} forgotten accounts cannot be erased from the journal yet: {}",
                self.journal.health().trouble.as_deref().unwrap_or("another program reads it")
            ));
        }
        if second % NETWORKS_SECONDS == NETWORKS_SECONDS - 1 {
            self.keep_networks();
        }
        if second.is_multiple_of(MIRRORS_SECONDS) {
            self.say_mirrors();
        }
    }

    fn look_at_people(&self) {
        let shared = self.edge.shared();
        let spent = [shared.uptime.total(), shared.uptime_of_returning.total()];
        self.truth.spent(spent);
        let mut availability = self.availability.lock().unwrap_or_else(PoisonError::into_inner);
        availability.iter_mut().zip(spent).for_each(|(of, spent)| of.look(spent, self.clock.wall()));
    }

    /// A mirror that is behind for longer than a few attempts take.
    fn say_mirrors(&self) {
        for target in self.folders.iter().flat_map(|folders| folders.targets()) {
            if let (Some(failure), Some(behind)) = (target.failure, target.behind) {
                self.events.warning(format_args!(
                    "status page: {} is behind by {} s: {}",
                    target.name,
                    behind.as_secs(),
                    failure.text
                ));
            }
        }
    }

    /// Console and all stand: the process whose place this one takes may go.
    pub(crate) fn serves(&self) -> Result<(), RunError> {
        let predecessor = self.predecessor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(predecessor) = predecessor {
            predecessor.serves(self.site.clone())?;
            self.events
                .info(format_args!("took over from the process before; the level is {}", self.site.level()));
            self.truth.go_on();
        }
        if let Some(acme) = &self.acme {
            acme.start(self.events.clone(), self.clock)?;
        }
        self.probing.begin(self.truth.clone(), self.events.clone())?;
        self.host.begin(self.truth.clone(), self.probing.clone(), self.events.clone())?;
        Ok(())
    }

    /// A successor serves: what is open here may end, and all else is its business.
    pub(crate) fn retire(&mut self) {
        if let Some(acme) = &self.acme {
            acme.stop();
        }
        self.probing.stop();
        self.host.stop();
        self.edge.retire();
        self.memory.retire();
        // The successor serves the page, and exports it.
        if let Some(outlet) = &self.outlet {
            outlet.retire();
        }
    }

    /// Whether another process serves in whose place this one is to come.
    pub(crate) fn succeeds(&self) -> bool {
        self.predecessor.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// All that a successor gets; `console` is the console's listener.
    pub(crate) fn bequest(&self, console: Option<BorrowedFd<'_>>) -> std::io::Result<Bequest> {
        let page = self.outlet.as_ref().and_then(Outlet::listener).map(AsFd::as_fd);
        let sockets = self.edge.sockets().chain(console).chain(page);
        Ok(Bequest {
            sockets: sockets.map(|socket| socket.try_clone_to_owned()).collect::<Result<_, _>>()?,
            journal: self.journal.clone(),
            truth: self.truth.clone(),
            site: self.site.clone(),
            desk: self.desk.clone(),
            clock: self.clock,
            table_seed: self.table_seed,
            configured: self.configured,
        })
    }

    fn say_expiries(&self) {
        for life in self.edge.shared().tls.iter().flat_map(|tls| tls.lives()) {
            if let Some(warning) = listeners::ends_soon(&life, self.clock.wall()) {
                self.events.warning(format_args!("{warning}"));
            }
        }
    }

    fn say_keys(&self, news: &KeysNews) {
        match news {
            KeysNews::Read { count, ignored } => {
                self.events.info(format_args!("jwks: read; keys in use: {count}"));
                for ignored in ignored.iter().take(IGNORED_SHOWN) {
                    self.events.info(format_args!("jwks: {ignored}"));
                }
            }
            KeysNews::Failed { why, count: 0 } => self.events.warning(format_args!(
                "jwks: no JSON web token can be verified, so none makes a client known: {why}"
            )),
            KeysNews::Failed { why, count } => {
                self.events.warning(format_args!(
                    "jwks: keys that stay in use: {count}; new ones cannot be had: {why}"
                ));
            }
        }
    }

    fn keep_networks(&self) {
        for row in self.site.nat().rows(self.site.pass_time()).iter().take(NETWORKS_AT_ONCE) {
            // Address history is the first thing that a full queue drops; the next turn brings it again.
            let _queued =
                self.journal.record(journal_io::journal::Row::Network(pack_network(row, self.clock.wall())));
        }
    }

    /// Stops: open exchanges end, then everything that waits is written.
    pub(crate) fn stop(self) {
        self.probing.stop();
        self.host.stop();
        self.edge.stop();
        self.truth.stop();
        let unerased = self.erasures.try_again();
        if unerased > 0 {
            self.events.error(format_args!(
                "{unerased} forgotten accounts are still in the journal: repeat `ctl clients forget` after the start"
            ));
        }
        self.journal.settle(SETTLE);
        if !self.memory.stop() {
            self.events.error(format_args!("what the next start goes on with could not be kept in time"));
        }
    }
}

pub(crate) const SITE: SiteId = SiteId(0);
const SWEEP_SECONDS: u64 = 5;
const MIRRORS_SECONDS: u64 = 60;
/// Forgetting is promised within a minute (contracts, "Privacy").
const UNERASED_SECONDS: u64 = 60;
const NETWORKS_SECONDS: u64 = 300;
const NETWORKS_AT_ONCE: usize = 5_000;
/// Keys of a set that are not used are named one by one up to here.
const IGNORED_SHOWN: usize = 8;
/// How often certificates that end soon are spoken of, and when for the first time.
const EXPIRY_SECONDS: u64 = 86_400;
const EXPIRY_FIRST: u64 = 10;
const SETTLE: Duration = Duration::from_secs(5);
