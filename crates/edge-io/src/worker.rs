//! One worker: a thread with a runtime of its own, its listeners, its connections, its pool.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use admission::caps::CapRefused;
use admission::handshakes::HandshakeTime;
use admission::site::Identity;
use admission::slots::Place;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use model::{Group, Instant, Level, Name, Outcome, Tier, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;

use crate::access_log::{Line, LogBuffer};
use crate::attributes::Named;
use crate::balance::Handed;
use crate::clock::Clock;
use crate::connection::{PhaseLimits, Registry, Seat};
use crate::counters::{Counters, add};
use crate::edge::{Manner, Shared};
use crate::jwt;
use crate::origin::{For, Pool};
use crate::reservoir::{Crowd, Drawn, Draws};
use crate::serve::{Caller, serve};

/// What the tasks of one worker share.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    index: usize,
    pool: Rc<Pool>,
    registry: Registry,
    log: RefCell<LogBuffer>,
    request_ids: Cell<u64>,
    refusals: Cell<u64>,
    draws: Draws,
    named: Named,
    named_since: Cell<Instant>,
    handshake_time: Cell<HandshakeTime>,
    /// One moment on both clocks.
    wall_at: Cell<(Instant, Timestamp)>,
    /// Tokens that were checked, where `[site.known.jwt]` is set.
    tokens: Option<jwt::Tokens>,
}

/// One of the worker's listeners.
pub(crate) struct Listening {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) manner: Manner,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Rc<Self> {
        let pool = Rc::new(Pool::new(shared.origins.clone(), shared.clock, shared.settings.workers));
        Rc::new(Self {
            index,
            pool,
            registry: Registry::default(),
            log: RefCell::new(LogBuffer::new()),
            request_ids: Cell::new(0),
            refusals: Cell::new(0),
            draws: Draws::new(shared.settings.run_id ^ index as u64),
            named: Named::default(),
            named_since: Cell::new(shared.clock.now()),
            handshake_time: Cell::new(HandshakeTime::new(shared.clock.now())),
            wall_at: Cell::new((shared.clock.now(), shared.clock.wall())),
            tokens: shared.jwt.is_some().then(jwt::Tokens::new),
            shared,
        })
    }

    /// Accepts and serves until the edge stops.
    pub(crate) async fn run(self: Rc<Self>, listeners: Vec<Listening>, handed: Receiver<Handed>) {
        for listening in listeners {
            if let Ok(listener) = TcpListener::from_std(listening.listener) {
                let worker = self.clone();
                let manner = Rc::new(listening.manner);
                tokio::task::spawn_local(async move { worker.accept(listener, manner).await });
            }
        }
        let worker = self.clone();
        tokio::task::spawn_local(async move { worker.make_room_for_others().await });
        let worker = self.clone();
        tokio::task::spawn_local(async move { worker.relieve_others(handed).await });
        if self.index == 0 {
            crate::origin::watch(self.shared.origins.clone(), self.pool.clone(), *self.clock()).await;
        }
        self.keep_house().await;
    }

    /// Its number among the workers.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
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

    /// A request has ended: that of a customer, or of a visitor whom the gate had met before, tells for how much of their time such
    /// people are served.
    pub(crate) fn felt(&self, identity: &Identity, outcome: Outcome, now: Instant) {
        let is_good = match outcome {
            Outcome::Forwarded => true,
            Outcome::OriginError | Outcome::Shed => false,
            // Who asks for more than is his, or goes away, tells nothing; rules and challenges meet neither customers nor guests.
            Outcome::Limited | Outcome::Ruled | Outcome::Challenged | Outcome::Abandoned => return,
        };
        if let Some(account) = identity.account().filter(|_| identity.tier().is_known()) {
            self.shared.uptime.saw(account.0, is_good, now, self.wall_at(now));
        } else if let Some(visit) = identity.met_before() {
            self.shared.uptime_of_returning.saw(visit, is_good, now, self.wall_at(now));
        }
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

    /// Counts a request of a crowd; if it is drawn, `look` looks at it and may name what it sees.
    pub(crate) fn sample(&self, crowd: Crowd, look: impl FnOnce(&Named, &mut Vec<Name>) -> Drawn) {
        self.shared.baskets.count(self.index, &self.draws, crowd, |names| look(&self.named, names));
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

    /// Whether there is time for another handshake.
    pub(crate) fn has_time_for_handshake(&self, comes_back: bool) -> bool {
        let mut time = self.handshake_time.get();
        let has_time = time.has_time(comes_back, self.now());
        self.handshake_time.set(time);
        has_time
    }

    /// A handshake took so much of this worker's time.
    pub(crate) fn spent_on_handshake(&self, comes_back: bool, spent: Duration) {
        let mut time = self.handshake_time.get();
        time.spend(comes_back, spent);
        self.handshake_time.set(time);
        add(&self.counters().handshake_nanos, u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX));
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

    async fn accept(self: Rc<Self>, listener: TcpListener, manner: Rc<Manner>) {
        let mut halted = self.shared.halted.subscribe();
        loop {
            let accepted = tokio::select! {
                biased;
                _halted = halted.wait_for(|halted| *halted) => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, &manner).await,
                Err(_) => {
                    // Out of files, most likely: make room and let others run before the next try.
                    self.evict();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn admit(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr, manner: &Rc<Manner>) {
        add(&self.counters().accepted, 1);
        let address = peer.ip().to_canonical();
        let named = self.shared.front(address).is_some();
        if manner.proxy_protocol && !named && !self.shared.settings.fronts.is_empty() {
            // Somebody who is not the balancer could claim to be anybody.
            add(&self.counters().turned_away, 1);
            return;
        }
        let front = manner.proxy_protocol || named;
        if manner.tls.is_some() && !front && self.shared.site.denies(address) {
            // Before anything is made for it: this is what a judged source costs.
            add(&self.counters().turned_away, 1);
            return;
        }
        let Some(seat) = self.seat(address, front).await else {
            add(&self.counters().turned_away, 1);
            return;
        };
        let balance = &self.shared.balance;
        let Some((other, way)) = balance.other(self.index) else {
            let caller = Caller { stream, peer: address, front, seat, load: balance.begin(self.index) };
            tokio::task::spawn_local(serve(self.clone(), caller, manner.clone()));
            return;
        };
        // Its failure would be that of the runtime, and the connection is lost.
        if let Ok(stream) = stream.into_std() {
            let load = balance.begin(other);
            way.send(Handed { stream, peer: address, front, seat, load, manner: Manner::clone(manner) });
        }
    }

    /// Serves what others have accepted that have more than their share.
    async fn relieve_others(self: Rc<Self>, mut handed: Receiver<Handed>) {
        while let Some(Handed { stream, peer, front, seat, load, manner }) = handed.recv().await {
            if let Ok(stream) = TcpStream::from_std(stream) {
                let caller = Caller { stream, peer, front, seat, load };
                tokio::task::spawn_local(serve(self.clone(), caller, Rc::new(manner)));
            }
        }
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
        if self.evict() {
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
            self.evict();
        }
    }

    /// Ends a connection of this worker to make room, and counts it. Returns whether there was one.
    fn evict(&self) -> bool {
        let evicted = self.registry.evict();
        if evicted {
            add(&self.counters().evicted, 1);
        }
        evicted
    }

    /// Twice a second: deadlines, idle connections, the log buffer, the connection counts.
    async fn keep_house(&self) {
        let mut pause = tokio::time::interval(SWEEP_INTERVAL);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pause.tick().await;
            let now = self.now();
            self.shared.does_rounds(self.index, now);
            self.wall_at.set((now, self.wall()));
            let census = self.registry.sweep(&self.limits(now), now);
            let counters = self.counters();
            counters.handshaking.store(census.handshaking, Relaxed);
            counters.idle.store(census.idle, Relaxed);
            counters.active.store(census.active, Relaxed);
            counters.stream.store(census.stream, Relaxed);
            counters.unsent.store(census.unsent, Relaxed);
            self.pool.sweep(now);
            if self.shared.site.slots().waiting(Group::Known) > 0 {
                // They may wait at another worker for what is held here.
                self.pool.make_room(For::Known, now);
            }
            self.name_again(now);
            self.log.borrow_mut().flush(&*self.shared.log);
            if self.shared.stopping.load(Relaxed) {
                match self.shared.retired_at() {
                    Some(at) => self.registry.retire(at, self.shared.settings.drain, now),
                    None => self.registry.drain(),
                }
                if self.shared.balance.is_idle(self.index) || self.shared.drained(now) {
                    return;
                }
            }
        }
    }

    /// Names are kept for a bounded time elsewhere.
    fn name_again(&self, now: Instant) {
        if now.since(self.named_since.get()) >= NAMED_FOR {
            self.named_since.set(now);
            self.named.forget();
        }
    }

    /// Whether some unknown clients are closed out.
    pub(crate) fn is_lowered(&self) -> bool {
        matches!(self.shared.site.level(), Level::CustomersFirst | Level::Reopening)
    }

    /// The deadlines of connections at the level in force (decision-science, section 9; mission-anchors, section 5).
    fn limits(&self, now: Instant) -> PhaseLimits {
        let settings = &self.shared.settings;
        let lowered = self.is_lowered();
        PhaseLimits {
            handshake: HANDSHAKE_MAX,
            head: if lowered { settings.head_timeout.min(HEAD_LOWERED) } else { settings.head_timeout },
            idle: if lowered { settings.idle_timeout.min(IDLE_LOWERED) } else { settings.idle_timeout },
            idle_known: settings.idle_timeout.max(IDLE_KNOWN_MIN),
            idle_front: settings.idle_timeout.max(IDLE_FRONT_MIN),
            unread: self.shared.site.refuses_bodies(now).then_some(UNREAD_MAX),
        }
    }
}

fn hex_digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 15)]
}

/// A bijection of 64-bit numbers that scatters neighbours (Steele, Lea, Flood, 2014).
pub(crate) fn splitmix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// How long what was put into words is not put into words again.
const NAMED_FOR: Duration = Duration::from_secs(300);
const SWEEP_INTERVAL: Duration = Duration::from_millis(500);
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Time for another worker to close a connection.
const ROOM_PAUSE: Duration = Duration::from_millis(2);
/// Workers compete for the slots that each of them frees, so one try may not be enough.
const SEAT_TRIES: usize = 16;
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
const HEAD_LOWERED: Duration = Duration::from_secs(5);
const IDLE_LOWERED: Duration = Duration::from_secs(2);
/// A slow line needs up to half a minute for a window of 64 KiB, and this is told from the window alone.
const UNREAD_MAX: Duration = Duration::from_secs(60);
const IDLE_KNOWN_MIN: Duration = Duration::from_secs(60);
/// Longer than nginx and the balancers of clouds keep theirs (`keepalive_timeout` of nginx's upstreams: 60 s), so that it is the
/// front that closes.
const IDLE_FRONT_MIN: Duration = Duration::from_secs(75);
