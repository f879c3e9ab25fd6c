//! The edge as a whole: its settings, what all workers share, its start and its stop.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use admission::site::{Controller, Site};
use atomic_waker::AtomicWaker;
use http::HeaderValue;
use model::{AccountId, Group, Instant};
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Notify, watch};

use crate::access_log::LogSink;
use crate::attributes::AttributeKey;
use crate::balance::{Balance, Handed};
use crate::clock::Clock;
use crate::connection::Connection;
use crate::consent::Consents;
use crate::counters::Counters;
use crate::crawlers::{CrawlerNews, CrawlerSettings, Crawling};
use crate::forwarded::Front;
use crate::jwt::{Jwt, JwtSettings, KeysNews};
use crate::ledger::Ledger;
use crate::origin::Origins;
use crate::remembered::Remembered;
use crate::reservoir::Baskets;
use crate::routes::Routes;
use crate::socket::bound_untaken;
use crate::sockets::WebSockets;
use crate::ticker;
use crate::tls::{CertificateNews, CertificateWatch, Challenges, Tls};
use crate::undeclared::{Undeclared, UndeclaredFront};
use crate::uptime::Uptime;
use crate::worker::{Listening, Worker};

/// How the edge serves one site.
pub struct EdgeSettings {
    /// Threads, each with listeners and a pool of its own.
    pub workers: usize,
    /// Host names of the site, lower case, without a port; empty serves any host.
    pub hosts: Vec<String>,
    /// CDNs and load balancers before the gate.
    pub fronts: Vec<Front>,
    /// What single paths need.
    pub routes: Routes,
    /// The field of a login's form, or of the top level of its JSON, that names the account.
    pub account_field: Option<String>,
    /// JSON web tokens that make a client known.
    pub jwt: Option<JwtSettings>,
    /// How crawlers are verified, in the order in which admission has them.
    pub crawlers: Vec<CrawlerSettings>,
    /// Proofs for an authority that signs certificates.
    pub challenges: Option<Arc<Challenges>>,
    /// Who knows what links in alerts are about; `None`: there are none.
    pub consents: Option<Arc<dyn Consents>>,
    /// From accept, or the first byte of a later request, to the end of its head.
    pub head_timeout: Duration,
    /// For a whole body of an unknown client while bodies are refused.
    pub body_timeout: Duration,
    /// Between two requests on a connection.
    pub idle_timeout: Duration,
    /// Bytes of request bodies and answers that may be in the gate at once.
    pub buffer_bytes: u64,
    /// Streams (downloads, event streams, WebSockets) of unknown clients from which they may open no further WebSocket while
    /// limits refuse.
    pub streams_unknown_max: u32,
    /// Whether answers are logged.
    pub access_log: bool,
    /// One line for so many refusals.
    pub refusals_per_line: u32,
    /// Random; makes request ids unique over restarts.
    pub run_id: u64,
    /// How long open exchanges may take to end at a stop.
    pub drain: Duration,
}

/// One address to serve, with one socket for each worker.
pub struct Listener {
    /// As many as there are workers (see [`crate::listen`]), or more; with fewer, workers share them.
    pub sockets: Vec<TcpListener>,
    /// What is spoken there.
    pub manner: Manner,
}

/// What is spoken on a listener.
#[derive(Clone, Default)]
pub struct Manner {
    /// Connections begin with a PROXY protocol header.
    pub proxy_protocol: bool,
    /// TLS; without it, plain HTTP/1.1.
    pub tls: Option<Arc<Tls>>,
    /// Every request is sent on to https, on this port; only proofs for certificates are forwarded.
    pub redirect: Option<u16>,
    /// The `Strict-Transport-Security` of answers (RFC 6797).
    pub hsts: Option<HeaderValue>,
}

/// What all workers share.
pub struct Shared {
    /// Admission for the site.
    pub site: Arc<Site>,
    /// The protected app.
    pub origins: Arc<Origins>,
    /// The one clock.
    pub clock: Clock,
    /// The settings.
    pub settings: EdgeSettings,
    /// One set of counters for each worker.
    pub counters: Box<[Counters]>,
    /// Long answers in progress.
    pub streams: Streams,
    pub(crate) sockets: WebSockets,
    /// Logins that wait because their account is tried from everywhere.
    pub(crate) sleepers: AtomicU32,
    /// For how much of their time customers were served.
    pub uptime: Uptime,
    /// The same for visitors whom the gate had met before.
    pub uptime_of_returning: Uptime,
    /// Each listener's TLS.
    pub tls: Box<[Arc<Tls>]>,
    pub(crate) attributes: AttributeKey,
    pub(crate) baskets: Baskets,
    pub(crate) undeclared: Undeclared,
    pub(crate) balance: Balance,
    pub(crate) wakers: Box<[AtomicWaker]>,
    pub(crate) log: Arc<dyn LogSink>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) remembered: Remembered,
    pub(crate) jwt: Option<Jwt>,
    pub(crate) stopping: AtomicBool,
    /// True once nothing more is to be accepted.
    pub(crate) halted: watch::Sender<bool>,
    /// One for each worker: another one needs room in the connection table.
    pub(crate) room_wanted: Box<[Notify]>,
    /// Bytes of request bodies that are being held.
    pub(crate) held: Arc<AtomicI64>,
    pub(crate) ticks: Mutex<ticker::Ticks>,
    /// What the ticker said when it panicked.
    pub(crate) ticker_panic: OnceLock<String>,
    /// When each worker, and last the ticker, last did its rounds, in nanoseconds.
    pub(crate) rounds: Box<[AtomicU64]>,
    scarce: AtomicBool,
    stop_at: AtomicU64,
    /// When a successor took over, in nanoseconds; 0 is never.
    retired_at: AtomicU64,
}

impl Shared {
    /// The front that a peer is, if it is one.
    pub(crate) fn front(&self, peer: IpAddr) -> Option<&Front> {
        self.settings.fronts.iter().find(|front| front.is(peer))
    }

    /// The front that a connection comes from, if it comes from one.
    pub(crate) fn front_of(&self, connection: &Connection) -> Option<&Front> {
        if connection.front { self.front(connection.address) } else { None }
    }

    /// A proxy that most requests come from and that no front names, as far as the last minute of calm shows.
    pub fn undeclared_front(&self) -> Option<Arc<UndeclaredFront>> {
        self.undeclared.found()
    }

    /// Whether a connection brings the requests of many clients, of whom none is to answer for another.
    pub(crate) fn carries_many(&self, connection: &Connection) -> bool {
        connection.front || self.undeclared.is(connection.address)
    }

    /// Whether the byte budget of bodies is used up; looked at twice a second.
    pub(crate) fn buffers_are_scarce(&self) -> bool {
        self.scarce.load(Relaxed)
    }

    /// Looks at the byte budget again.
    pub(crate) fn weigh_buffers(&self) {
        let unsent: u64 = self.counters.iter().map(|counters| counters.unsent.load(Relaxed)).sum();
        let held = u64::try_from(self.held.load(Relaxed)).unwrap_or(0);
        self.scarce.store(unsent + held > self.settings.buffer_bytes, Relaxed);
    }

    /// What became of the keys of JSON web tokens since the last call.
    pub fn keys_news(&self) -> Option<KeysNews> {
        self.jwt.as_ref()?.news()
    }

    /// The identity of an account by its JSON web tokens.
    pub fn token_account(&self, account: &str) -> Option<AccountId> {
        Some(self.jwt.as_ref()?.identify(&self.site, account))
    }

    /// How long the steps of the ticker took so far.
    pub fn ticks(&self) -> ticker::Ticks {
        ticker::lock(&self.ticks).clone()
    }

    /// What the ticker's last words were, if it has panicked: L, threshold and level stay as they are until the process ends.
    pub fn ticker_panic(&self) -> Option<&str> {
        self.ticker_panic.get().map(String::as_str)
    }

    /// For how long the slowest of workers and ticker has not done its rounds, which are due twice and ten times a second:
    /// what a watchdog asks.
    pub fn stuck_for(&self) -> Duration {
        let oldest = self.rounds.iter().map(|round| round.load(Relaxed)).min().unwrap_or(0);
        self.clock.now().since(Instant::from_nanos(oldest))
    }

    /// Notes that a worker (by its number) or the ticker (the number of workers) does its rounds.
    pub(crate) fn does_rounds(&self, who: usize, now: Instant) {
        self.rounds[who].store(now.as_nanos(), Relaxed);
    }

    /// Whether nothing more is accepted.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// When a successor took over, if one has.
    pub(crate) fn retired_at(&self) -> Option<Instant> {
        Some(self.retired_at.load(Relaxed)).filter(|&nanos| nanos != 0).map(Instant::from_nanos)
    }

    /// Whether open exchanges have had their time at a stop.
    pub(crate) fn drained(&self, now: Instant) -> bool {
        now.as_nanos() >= self.stop_at.load(Relaxed)
    }
}

/// How many long answers each group of clients has open.
#[derive(Debug, Default)]
pub struct Streams([AtomicI64; Group::COUNT]);

impl Streams {
    /// Streams open for one group.
    pub fn open(&self, group: Group) -> u64 {
        u64::try_from(self.0[group.index()].load(Relaxed)).unwrap_or(0)
    }

    pub(crate) fn add(&self, group: Group) {
        self.0[group.index()].fetch_add(1, Relaxed);
    }

    pub(crate) fn remove(&self, group: Group) {
        self.0[group.index()].fetch_sub(1, Relaxed);
    }
}

/// A running edge.
pub struct Edge {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    ticker: Option<JoinHandle<()>>,
    /// Keeps the keys of JSON web tokens fresh.
    keys: Option<JoinHandle<()>>,
    /// Keeps certificates fresh.
    certificates: CertificateWatch,
    /// Verifies crawlers.
    crawling: Crawling,
    /// Its listening sockets, for a successor.
    sockets: Vec<OwnedFd>,
}

/// What the edge needs of the rest of the gate.
pub struct Parts {
    /// Admission for the site.
    pub site: Arc<Site>,
    /// The protected app.
    pub origins: Arc<Origins>,
    /// The one clock.
    pub clock: Clock,
    /// Takes access log lines.
    pub log: Arc<dyn LogSink>,
    /// Takes what must be kept.
    pub ledger: Arc<dyn Ledger>,
    /// Moves limit, threshold and level.
    pub controller: Controller,
    /// Hears what it did.
    pub listener: Box<dyn ticker::Listener>,
}

impl Edge {
    /// Starts all workers and the ticker that moves limit and threshold.
    ///
    /// # Errors
    /// When a thread or a runtime cannot be made.
    pub fn start(settings: EdgeSettings, listeners: Vec<Listener>, parts: Parts) -> io::Result<Self> {
        let places = parts.site.settings().waiting_places.max(admission::slots::PLACES_MAX);
        let (jwt, keys) = settings.jwt.as_ref().map(Jwt::start).transpose()?.unzip();
        let tls: Vec<Arc<Tls>> =
            listeners.iter().filter_map(|listener| listener.manner.tls.clone()).collect();
        let (balance, mut handed) = Balance::new(settings.workers.max(1));
        let shared = Arc::new(Shared {
            attributes: AttributeKey::new(parts.site.site_key().attributes()),
            baskets: Baskets::new(settings.workers.max(1)),
            undeclared: Undeclared::new(settings.workers.max(1)),
            balance,
            tls: tls.clone().into(),
            counters: (0..settings.workers.max(1)).map(|_| Counters::default()).collect(),
            streams: Streams::default(),
            sleepers: AtomicU32::new(0),
            sockets: WebSockets::default(),
            uptime: Uptime::default(),
            uptime_of_returning: Uptime::default(),
            wakers: (0..places).map(|_| AtomicWaker::new()).collect(),
            site: parts.site,
            origins: parts.origins,
            clock: parts.clock,
            log: parts.log,
            ledger: parts.ledger,
            remembered: Remembered::default(),
            jwt,
            stopping: AtomicBool::new(false),
            halted: watch::Sender::new(false),
            room_wanted: (0..settings.workers.max(1)).map(|_| Notify::new()).collect(),
            held: Arc::default(),
            ticks: Mutex::default(),
            ticker_panic: OnceLock::new(),
            rounds: (0..=settings.workers.max(1))
                .map(|_| AtomicU64::new(parts.clock.now().as_nanos()))
                .collect(),
            scarce: AtomicBool::new(false),
            stop_at: AtomicU64::new(u64::MAX),
            retired_at: AtomicU64::new(0),
            settings,
        });
        // What a process before this one decided holds until the ticker has had its time.
        shared.site.await_decisions(shared.clock.now());
        let certificates = CertificateWatch::start(tls)?;
        let crawling = Crawling::start(&shared.site, shared.clock, &shared.settings.crawlers)?;
        let sockets = || listeners.iter().flat_map(|listener| &listener.sockets);
        sockets().for_each(bound_untaken);
        let sockets =
            sockets().map(|socket| socket.as_fd().try_clone_to_owned()).collect::<io::Result<_>>()?;
        let workers = shared.settings.workers.max(1);
        let mut threads = Vec::with_capacity(workers);
        for (index, (listening, handed)) in
            deal(listeners, workers).into_iter().zip(handed.drain(..)).enumerate()
        {
            threads.push(start_worker(&shared, index, listening, handed)?);
        }
        let ticker = ticker::start(shared.clone(), parts.controller, parts.listener)?;
        Ok(Self { shared, threads, ticker: Some(ticker), keys, certificates, crawling, sockets })
    }

    /// The listening sockets, so that a successor can take them over with the connections that wait in them.
    pub fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(AsFd::as_fd)
    }

    /// A successor accepts from now on: requests end in their own time, for at most [`RETIRE_MAX`]; idle connections,
    /// WebSockets and event streams end spread over [`EdgeSettings::drain`]. Returns at once.
    pub fn retire(&mut self) {
        let now = self.shared.clock.now();
        self.shared.retired_at.store(now.as_nanos().max(1), Relaxed);
        self.halt(now + RETIRE_MAX);
        self.sockets.clear();
    }

    /// Whether every connection has ended after [`Edge::retire`].
    pub fn is_drained(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// What the workers share: counters, origins, admission.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What became of certificates whose files have changed since the last call.
    pub fn certificate_news(&self) -> Option<CertificateNews> {
        self.certificates.news()
    }

    /// What became of the ranges of crawlers since the last call.
    pub fn crawler_news(&self) -> Vec<CrawlerNews> {
        self.crawling.news()
    }

    /// Stops accepting, lets open exchanges end for as long as [`EdgeSettings::drain`], then returns.
    pub fn stop(mut self) {
        self.shared.retired_at.store(0, Relaxed);
        self.halt(self.shared.clock.now() + self.shared.settings.drain);
        self.certificates.stop();
        self.crawling.stop();
        if let Some(jwt) = &self.shared.jwt {
            jwt.stop();
        }
        if let Some(ticker) = self.ticker.take() {
            ticker.thread().unpark();
            let _panicked = ticker.join();
        }
        for thread in self.threads.drain(..).chain(self.keys.take()) {
            let _panicked = thread.join();
        }
    }
}

impl Edge {
    fn halt(&self, until: Instant) {
        self.shared.stop_at.store(until.as_nanos(), Relaxed);
        self.shared.stopping.store(true, Relaxed);
        self.shared.halted.send_replace(true);
    }
}

/// The sockets of each listener, dealt out to the workers: each has at least one, if need be one that it shares.
fn deal(listeners: Vec<Listener>, workers: usize) -> Vec<Vec<Listening>> {
    let mut hands: Vec<Vec<Listening>> = (0..workers).map(|_| Vec::new()).collect();
    for Listener { sockets, manner } in listeners {
        for (at, hand) in hands.iter_mut().enumerate().skip(sockets.len()) {
            // Its failure leaves this worker without work, not the address without a listener.
            let shared = sockets.get(at % sockets.len().max(1)).and_then(|socket| socket.try_clone().ok());
            hand.extend(shared.map(|listener| Listening { listener, manner: manner.clone() }));
        }
        for (at, listener) in sockets.into_iter().enumerate() {
            hands[at % workers].push(Listening { listener, manner: manner.clone() });
        }
    }
    hands
}

fn start_worker(
    shared: &Arc<Shared>,
    index: usize,
    listening: Vec<Listening>,
    handed: Receiver<Handed>,
) -> io::Result<JoinHandle<()>> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().event_interval(EVENT_INTERVAL).build()?;
    let shared = shared.clone();
    std::thread::Builder::new().name(format!("edge-{index}")).spawn(move || {
        let tasks = tokio::task::LocalSet::new();
        tasks.block_on(&runtime, async move { Worker::new(shared, index).run(listening, handed).await });
    })
}

/// How long requests may take to end once a successor serves: large transfers over slow lines.
pub const RETIRE_MAX: Duration = Duration::from_secs(3_600);
/// Tasks that run between two looks at the sockets: tokio's default of 61 lets a flood delay everybody's events.
const EVENT_INTERVAL: u32 = 31;
