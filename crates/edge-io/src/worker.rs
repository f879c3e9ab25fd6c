//! One worker: a thread with a runtime of its own, its listeners, its connections, its pool.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use admission::caps::CapRefused;
use admission::slots::Place;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use model::{Group, Instant, Level, Tier, Timestamp};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::access_log::{Line, LogBuffer};
use crate::clock::Clock;
use crate::connection::{Connection, PhaseLimits, Registry, Seat};
use crate::counters::{Counters, add};
use crate::edge::Shared;
use crate::gauge::Metered;
use crate::jwt;
use crate::origin::Pool;
use crate::proxy_protocol::{self, Decoded, HEADER_BYTES_MAX, Proxied};
use crate::request;

/// What the tasks of one worker share.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    index: usize,
    pool: Rc<Pool>,
    registry: Registry,
    log: RefCell<LogBuffer>,
    request_ids: Cell<u64>,
    refusals: Cell<u64>,
    /// One moment on both clocks.
    wall_at: Cell<(Instant, Timestamp)>,
    /// Tokens that were checked, where `[site.known.jwt]` is set.
    tokens: Option<jwt::Tokens>,
}

/// One of the worker's listeners.
pub(crate) struct Listening {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) proxy_protocol: bool,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Rc<Self> {
        let pool = Rc::new(Pool::new(shared.origins.clone()));
        Rc::new(Self {
            index,
            pool,
            registry: Registry::default(),
            log: RefCell::new(LogBuffer::new()),
            request_ids: Cell::new(0),
            refusals: Cell::new(0),
            wall_at: Cell::new((shared.clock.now(), shared.clock.wall())),
            tokens: shared.jwt.is_some().then(jwt::Tokens::new),
            shared,
        })
    }

    /// Accepts and serves until the edge stops.
    pub(crate) async fn run(self: Rc<Self>, listeners: Vec<Listening>) {
        for listening in listeners {
            if let Ok(listener) = TcpListener::from_std(listening.listener) {
                let worker = self.clone();
                tokio::task::spawn_local(
                    async move { worker.accept(listener, listening.proxy_protocol).await },
                );
            }
        }
        let worker = self.clone();
        tokio::task::spawn_local(async move { worker.make_room_for_others().await });
        if self.index == 0 {
            crate::origin::watch(self.shared.origins.clone(), self.pool.clone(), *self.clock()).await;
        }
        self.keep_house().await;
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn pool(&self) -> &Rc<Pool> {
        &self.pool
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(crate) fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.shared.clock.wall()
    }

    /// The wall clock at a moment that has just been read, for records: a jump of that clock shows within half a second.
    pub(crate) fn wall_at(&self, now: Instant) -> Timestamp {
        let (at, wall) = self.wall_at.get();
        let since = u64::try_from(now.since(at).as_millis()).unwrap_or(0);
        Timestamp::from_millis(wall.as_millis().saturating_add(since))
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters[self.index]
    }

    /// Appends a line to the access log.
    pub(crate) fn log(&self, line: &Line<'_>) {
        if self.shared.settings.access_log {
            self.log.borrow_mut().write(line, &*self.shared.log);
        }
    }

    /// Whether this refusal is one of those that are logged, and how many it stands for: each one of a known client,
    /// else the first of each run of [`crate::EdgeSettings::refusals_per_line`].
    pub(crate) fn sample_refusal(&self, tier: Tier) -> Option<u32> {
        if tier.is_known() {
            return Some(1);
        }
        let every = self.shared.settings.refusals_per_line.max(1);
        let count = self.refusals.get();
        self.refusals.set(count.wrapping_add(1));
        count.is_multiple_of(u64::from(every)).then_some(every)
    }

    /// The request's JSON web token, to be verified when somebody asks.
    pub(crate) fn jwt<'a>(
        &'a self,
        headers: &'a HeaderMap,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Option<jwt::Asked<'a>> {
        let (jwt, tokens) = self.shared.jwt.as_ref().zip(self.tokens.as_ref())?;
        Some(jwt::Asked { jwt, tokens, site: &self.shared.site, clock: self.clock(), headers, address, now })
    }

    /// Nanoseconds since a moment.
    pub(crate) fn nanos_since(&self, begun: Instant) -> u64 {
        u64::try_from(self.now().since(begun).as_nanos()).unwrap_or(u64::MAX)
    }

    /// A number that is unlike the one before it; for jitter, not for secrets.
    pub(crate) fn scatter(&self) -> u64 {
        splitmix(self.request_ids.get() ^ self.shared.settings.run_id)
    }

    /// A new request id: 32 hexadecimal digits, unique over workers and restarts.
    pub(crate) fn request_id(&self) -> HeaderValue {
        let count = self.request_ids.get();
        self.request_ids.set(count.wrapping_add(1));
        let low = splitmix((count << 8) | self.index as u64 & 0xFF);
        let mut text = [0; 32];
        for (half, digits) in [self.shared.settings.run_id, low].into_iter().zip(text.chunks_exact_mut(16)) {
            for (byte, pair) in half.to_be_bytes().into_iter().zip(digits.chunks_exact_mut(2)) {
                pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte)]);
            }
        }
        let text = Bytes::copy_from_slice(&text);
        HeaderValue::from_maybe_shared(text).expect("hexadecimal digits are a valid header value")
    }

    /// Gives a slot back; the best waiter of any worker gets it.
    pub(crate) fn release(&self, group: Group, now: Instant) {
        self.shared.site.slots().release(group, now, &mut |place| self.wake(place));
    }

    /// Wakes the task that waits in a place.
    pub(crate) fn wake(&self, place: Place) {
        self.shared.wakers[place.index()].wake();
    }

    async fn accept(self: Rc<Self>, listener: TcpListener, proxy_protocol: bool) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer, proxy_protocol).await,
                Err(_) => {
                    // Out of files, most likely: make room and let others run before the next try.
                    self.registry.evict();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            if self.shared.stopping.load(Relaxed) {
                return;
            }
        }
    }

    async fn admit(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr, proxy_protocol: bool) {
        add(&self.counters().accepted, 1);
        let address = peer.ip().to_canonical();
        let named = self.shared.front(address).is_some();
        if proxy_protocol && !named && !self.shared.settings.fronts.is_empty() {
            // Somebody who is not the balancer could claim to be anybody.
            add(&self.counters().turned_away, 1);
            return;
        }
        let front = proxy_protocol || named;
        let Some(seat) = self.seat(address, front).await else {
            add(&self.counters().turned_away, 1);
            return;
        };
        let worker = self.clone();
        tokio::task::spawn_local(
            async move { worker.serve(stream, address, front, proxy_protocol, seat).await },
        );
    }

    /// A slot in the connection table; with a full table the oldest idle unknown connection goes, of this worker or
    /// failing that of another.
    async fn seat(&self, address: IpAddr, front: bool) -> Option<Seat> {
        let site = &self.shared.site;
        for _ in 0..SEAT_TRIES {
            match site.open_connection(address, front) {
                Ok(ticket) => return Some(Seat { site: site.clone(), ticket: Some(ticket) }),
                Err(CapRefused::Full) => self.make_room().await,
                Err(CapRefused::Address | CapRefused::Network) => return None,
            }
        }
        None
    }

    async fn make_room(&self) {
        if self.registry.evict() {
            add(&self.counters().evicted, 1);
            tokio::task::yield_now().await;
            return;
        }
        self.shared.room_wanted.iter().for_each(Notify::notify_one);
        tokio::time::sleep(ROOM_PAUSE).await;
    }

    /// Ends an idle unknown connection whenever another worker finds the table full and has none itself.
    async fn make_room_for_others(&self) {
        loop {
            self.shared.room_wanted[self.index].notified().await;
            if self.registry.evict() {
                add(&self.counters().evicted, 1);
            }
        }
    }

    async fn serve(
        self: Rc<Self>,
        mut stream: TcpStream,
        peer: IpAddr,
        front: bool,
        proxy_protocol: bool,
        seat: Seat,
    ) {
        // Without it small answers wait for the client's acknowledgement; its failure is no reason to hang up.
        let _unchanged = stream.set_nodelay(true);
        let (address, unread, front) = if proxy_protocol {
            let reading = tokio::time::timeout(PROXY_HEADER_TIMEOUT, read_proxy_header(&mut stream)).await;
            let Ok(Some((proxied, unread))) = reading else { return };
            match proxied {
                Proxied::Client(client) => (client.to_canonical(), unread, false),
                Proxied::Local => (peer, unread, true),
            }
        } else {
            (peer, Bytes::new(), front)
        };
        let connection = Rc::new(Connection::new(address, front, self.now()));
        let key = self.registry.insert(connection.clone());
        let _entry = Entry { worker: self.clone(), key, _seat: seat };
        let io = TokioIo::new(Metered::new(stream, unread, connection.gauge.clone(), *self.clock()));
        let (worker, call, shared_connection) = (self.clone(), connection.new_call(), connection);
        let service = service_fn(move |request| {
            let (worker, connection, call) = (worker.clone(), shared_connection.clone(), call.clone());
            async move { request::handle(worker, connection, call, request).await }
        });
        let serving = hyper::server::conn::http1::Builder::new()
            .max_buf_size(BUFFER_BYTES)
            .pipeline_flush(true)
            .serve_connection(io, service)
            .with_upgrades();
        // Errors here are the client's: broken off, malformed, ended by the sweep.
        let _ended = serving.await;
    }

    /// Twice a second: deadlines, idle connections, the log buffer, the connection counts.
    async fn keep_house(&self) {
        let mut pause = tokio::time::interval(SWEEP_INTERVAL);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pause.tick().await;
            let now = self.now();
            self.wall_at.set((now, self.wall()));
            let census = self.registry.sweep(&self.limits(), now);
            let counters = self.counters();
            counters.idle.store(census.idle, Relaxed);
            counters.active.store(census.active, Relaxed);
            counters.stream.store(census.stream, Relaxed);
            counters.unsent.store(census.unsent, Relaxed);
            self.pool.sweep(now);
            self.log.borrow_mut().flush(&*self.shared.log);
            if self.shared.stopping.load(Relaxed) {
                self.registry.end_idle();
                if self.registry.len() == 0 || self.shared.drained(now) {
                    return;
                }
            }
        }
    }

    /// The deadlines of connections at the level in force (decision-science, section 9; mission-anchors, section 5).
    fn limits(&self) -> PhaseLimits {
        let settings = &self.shared.settings;
        let lowered = matches!(self.shared.site.level(), Level::CustomersFirst | Level::Reopening);
        PhaseLimits {
            head: if lowered { settings.head_timeout.min(HEAD_LOWERED) } else { settings.head_timeout },
            idle: if lowered { settings.idle_timeout.min(IDLE_LOWERED) } else { settings.idle_timeout },
            idle_known: settings.idle_timeout.max(IDLE_KNOWN_MIN),
        }
    }
}

/// A connection's place in the registry and the table, left when its task ends.
struct Entry {
    worker: Rc<Worker>,
    key: usize,
    _seat: Seat,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.worker.registry.remove(self.key);
    }
}

async fn read_proxy_header(stream: &mut TcpStream) -> Option<(Proxied, Bytes)> {
    let mut bytes = BytesMut::with_capacity(HEADER_BYTES_MAX);
    while bytes.len() < HEADER_BYTES_MAX {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Decoded::Complete(proxied, used) = proxy_protocol::decode(&bytes).ok()? {
            return Some((proxied, bytes.split_off(used).freeze()));
        }
    }
    None
}

fn hex_digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 15)]
}

/// A bijection of 64-bit numbers that scatters neighbours (Steele, Lea, Flood, 2014).
fn splitmix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

const SWEEP_INTERVAL: Duration = Duration::from_millis(500);
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Time for another worker to close a connection.
const ROOM_PAUSE: Duration = Duration::from_millis(2);
const PROXY_HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Workers compete for the slots that each of them frees, so one try may not be enough.
const SEAT_TRIES: usize = 16;
/// What one connection may hold of an answer that its client has not taken (contract: 256 KiB a response).
const BUFFER_BYTES: usize = 256 * 1024;
const HEAD_LOWERED: Duration = Duration::from_secs(5);
const IDLE_LOWERED: Duration = Duration::from_secs(2);
const IDLE_KNOWN_MIN: Duration = Duration::from_secs(60);
