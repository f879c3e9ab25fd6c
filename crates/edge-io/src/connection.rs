//! One client connection: what phase it is in, how long it may stay there, and how it is ended from outside.
//!
//! No timer runs per connection. Each worker looks at all its connections twice a second ([`Registry::sweep`]) and
//! wakes those whose time is up; so deadlines are absolute, cost nothing on the way of a request, and are late by at
//! most half a second.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use admission::caps::Ticket;
use admission::site::{Identity, Proof, Site};
use http::HeaderValue;
use model::Instant;

use crate::call::{Call, Stage};
use crate::gauge::{Gauge, Phase};
use crate::strict::Borders;
use crate::tls::{Hello, Ja4};

/// How long each phase may last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PhaseLimits {
    /// From accept to the end of the TLS handshake.
    pub(crate) handshake: Duration,
    /// From accept, or the first byte of a later request, to the end of its head. Progress does not extend it.
    pub(crate) head: Duration,
    /// Between requests, for clients that have shown no pass on this connection.
    pub(crate) idle: Duration,
    /// Between requests, for known clients.
    pub(crate) idle_known: Duration,
    /// Between requests, for fronts.
    pub(crate) idle_front: Duration,
    /// For how long a stream of an unknown client may take next to nothing of its answer; `None` while limits only count.
    pub(crate) unread: Option<Duration>,
}

/// State that the worker and the request in progress share.
pub(crate) struct Connection {
    /// Who speaks: the socket's peer, or what the PROXY protocol said.
    pub(crate) address: IpAddr,
    /// Whether the peer is a front, whose clients are named in a header.
    pub(crate) front: bool,
    /// How it is secured.
    pub(crate) security: Security,
    /// The fingerprint of the client's TLS.
    ja4: Cell<Option<Ja4>>,
    /// The client's address as `X-Forwarded-For` and `Forwarded` want it, made once.
    pub(crate) forwarded_for: HeaderValue,
    /// See `forwarded_for`.
    pub(crate) forwarded: HeaderValue,
    /// What is measured of its socket.
    pub(crate) gauge: Arc<Gauge>,
    /// What the strict reading of HTTP/1 found.
    pub(crate) borders: Arc<Borders>,
    known: Cell<bool>,
    proof: Cell<Option<(Proof, Instant)>>,
    /// What is on it has no end of its own: a WebSocket, an event stream.
    endless: Cell<bool>,
    /// Requests so far.
    requests: Cell<u32>,
    /// Requests in progress.
    open: Cell<u32>,
    /// How many of them are streams.
    streams: Cell<u32>,
    /// What a sweep looks at; those that have ended are left out at the next sweep.
    calls: RefCell<Vec<Weak<Call>>>,
    /// Who waits for the end of the last request.
    waits: Cell<Option<Waker>>,
}

/// How a connection is secured, as its listener says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Security {
    /// It is under TLS.
    pub(crate) tls: bool,
    /// Its requests are sent on to https, on this port.
    pub(crate) redirect: Option<u16>,
    /// The `Strict-Transport-Security` of its answers.
    pub(crate) hsts: Option<HeaderValue>,
}

impl Connection {
    /// A connection accepted at `now`.
    pub(crate) fn new(address: IpAddr, front: bool, security: Security, now: Instant) -> Self {
        let proto = if security.tls { "https" } else { "http" };
        let forwarded = match address {
            IpAddr::V4(v4) => format!("for={v4};proto={proto}"),
            IpAddr::V6(v6) => format!("for=\"[{v6}]\";proto={proto}"),
        };
        let text = "an address is a valid header value";
        Self {
            address,
            front,
            security,
            ja4: Cell::new(None),
            forwarded_for: HeaderValue::from_str(&address.to_string()).expect(text),
            forwarded: HeaderValue::from_str(&forwarded).expect(text),
            gauge: Arc::new(Gauge::new(now)),
            borders: Arc::default(),
            known: Cell::new(false),
            proof: Cell::new(None),
            endless: Cell::new(false),
            requests: Cell::new(0),
            open: Cell::new(0),
            streams: Cell::new(0),
            calls: RefCell::new(Vec::with_capacity(1)),
            waits: Cell::new(None),
        }
    }

    /// What the client offered in its TLS handshake.
    pub(crate) fn saw_hello(&self, hello: &Hello) {
        self.ja4.set(Some(hello.ja4));
    }

    /// The fingerprint of the client's TLS.
    pub(crate) fn ja4(&self) -> Option<Ja4> {
        self.ja4.get()
    }

    /// Requests before the one that was read last.
    pub(crate) fn requests_before(&self) -> u32 {
        self.requests.get().saturating_sub(1)
    }

    /// Requests in progress.
    pub(crate) fn open(&self) -> u32 {
        self.open.get()
    }

    /// Whether the request that was read last is to be the last one: unknown clients come back on a connection of their
    /// own now and then, which is judged anew.
    pub(crate) fn has_had_enough(&self, lowered: bool) -> bool {
        let most = if lowered { REQUESTS_MAX_LOWERED } else { REQUESTS_MAX };
        !self.known.get() && !self.front && self.requests.get() >= most
    }

    /// Whether a known client has shown itself here.
    pub(crate) fn is_known(&self) -> bool {
        self.known.get()
    }

    /// What is on it now has no end of its own. Other streams of HTTP/2 have: such a connection is not marked.
    pub(crate) fn mark_endless(&self) {
        self.endless.set(!self.gauge.is_multiplexed());
    }

    /// See [`Connection::mark_endless`].
    pub(crate) fn is_endless(&self) -> bool {
        self.endless.get()
    }

    /// A call for the requests of an HTTP/1 connection, or for one stream of HTTP/2.
    pub(crate) fn new_call(&self) -> Rc<Call> {
        let call = Rc::new(Call::new());
        let mut calls = self.calls.borrow_mut();
        if calls.len() >= CALLS_BEFORE_CLEANING && calls.len() == calls.capacity() {
            calls.retain(|call| call.strong_count() > 0);
        }
        calls.push(Rc::downgrade(&call));
        call
    }

    /// A request has been read.
    pub(crate) fn begin(&self, call: &Call, now: Instant) {
        call.enter(Stage::Asked);
        self.open.set(self.open.get() + 1);
        self.requests.set(self.requests.get().saturating_add(1));
        if self.streams.get() == 0 {
            self.gauge.enter(Phase::Active, now);
        }
    }

    /// A request has become a stream.
    pub(crate) fn become_stream(&self, call: &Call, now: Instant) {
        if call.enter(Stage::Streaming) != Stage::Streaming {
            self.streams.set(self.streams.get() + 1);
            self.gauge.enter(Phase::Stream, now);
        }
    }

    /// A request has ended. What has ended before does not end again.
    pub(crate) fn end(&self, call: &Call, now: Instant) {
        let stage = call.enter(Stage::Idle);
        if stage == Stage::Idle {
            return;
        }
        self.open.set(self.open.get().saturating_sub(1));
        if let Some(waker) = self.waits.take() {
            waker.wake();
        }
        self.borders.request_ended();
        self.streams.set(self.streams.get() - u32::from(stage == Stage::Streaming));
        match (self.open.get(), self.streams.get()) {
            (0, _) => self.gauge.enter(Phase::Idle, now),
            (_, 0) => self.gauge.enter(Phase::Active, now),
            _ => {}
        }
    }

    /// Waits until no request is left: what was upgraded goes on after HTTP has ended, and still takes a slot.
    pub(crate) async fn emptied(&self) {
        poll_fn(|cx| {
            self.waits.set(Some(cx.waker().clone()));
            if self.open.get() == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Remembers who was recognised here, for requests that browsers send without cookies.
    pub(crate) fn note_identity(&self, identity: &Identity, now: Instant) {
        if let Some(proof) = identity.proof() {
            self.proof.set(Some((proof, now)));
            self.known.set(true);
        }
    }

    /// The pass last proved on this connection, and when.
    pub(crate) fn proof(&self) -> Option<(Proof, Instant)> {
        self.proof.get()
    }

    /// Lets every request in progress look at its deadlines.
    fn sweep_calls(&self, now: Instant) {
        self.calls.borrow_mut().retain(|call| match call.upgrade() {
            Some(call) => {
                call.sweep(now);
                true
            }
            None => false,
        });
    }

    /// Whether the connection's time is up, by the limits in force now.
    fn is_overdue(&self, limits: &PhaseLimits, now: Instant) -> bool {
        if self.gauge.sends_head_too_slowly(limits.head, now) || self.has_unread_stream(limits, now) {
            return true;
        }
        let spent = now.since(self.gauge.since());
        match self.gauge.phase() {
            Phase::Handshake => spent >= limits.handshake,
            Phase::Head => spent >= limits.head,
            // The last answer may still be on its way to a slow client.
            Phase::Idle if self.gauge.is_stalled() => self.gauge.reads_too_slowly(now),
            Phase::Idle => spent >= self.idle_limit(limits),
            Phase::Active | Phase::Stream => self.gauge.reads_too_slowly(now),
        }
    }

    /// How long it may be idle. A front keeps connections for many clients, and sends a request on one that is just being
    /// closed for nothing: its client gets a 502 where the front may not repeat the request.
    fn idle_limit(&self, limits: &PhaseLimits) -> Duration {
        match (self.front, self.known.get()) {
            (true, _) => limits.idle_front,
            (false, true) => limits.idle_known,
            (false, false) => limits.idle,
        }
    }

    /// Slow reading of single streams, whose window the client keeps closed while the socket takes what others are sent. The
    /// library ends streams only together with their connection, so honest clients' are left alone.
    fn has_unread_stream(&self, limits: &PhaseLimits, now: Instant) -> bool {
        let Some(most) = limits.unread.filter(|_| self.gauge.is_multiplexed()) else { return false };
        let is_unread = |call: &Weak<Call>| {
            let since =
                call.upgrade().filter(|call| !call.wants_body()).and_then(|call| call.keeps_waiting_since());
            since.is_some_and(|since| now.since(since) >= most)
        };
        !self.known.get() && !self.front && self.calls.borrow().iter().any(is_unread)
    }

    /// In which turn the connection would go to make room, if it may: idle ones first, then those without a whole request,
    /// last what nobody waits for the end of.
    fn turn_to_go(&self) -> Option<u8> {
        let turn = match self.gauge.phase() {
            Phase::Idle => 0,
            Phase::Head | Phase::Handshake => 1,
            Phase::Stream if self.endless.get() => 2,
            Phase::Active | Phase::Stream => return None,
        };
        (!self.known.get() && !self.gauge.has_ended() && !self.front).then_some(turn)
    }
}

/// All connections of one worker.
#[derive(Default)]
pub(crate) struct Registry {
    connections: RefCell<slab::Slab<Rc<Connection>>>,
    /// Connections to evict next by key and the begin of their phase, the next one last; refilled by one scan for
    /// many evictions. A key may belong to another connection by then.
    victims: RefCell<Vec<(usize, Instant)>>,
}

impl Registry {
    /// Adds a connection and returns its key for [`Registry::remove`].
    pub(crate) fn insert(&self, connection: Rc<Connection>) -> usize {
        self.connections.borrow_mut().insert(connection)
    }

    /// Forgets a connection that has ended.
    pub(crate) fn remove(&self, key: usize) {
        self.connections.borrow_mut().try_remove(key);
    }

    /// Ends every connection whose time is up and wakes requests whose origin is overdue. Returns how many are idle.
    pub(crate) fn sweep(&self, limits: &PhaseLimits, now: Instant) -> Census {
        let mut census = Census::default();
        for (_, connection) in self.connections.borrow().iter() {
            if connection.is_overdue(limits, now) {
                connection.gauge.end();
            }
            connection.sweep_calls(now);
            census.unsent += connection.gauge.unsent();
            match connection.gauge.phase() {
                Phase::Handshake => census.handshaking += 1,
                Phase::Idle => census.idle += 1,
                Phase::Head | Phase::Active => census.active += 1,
                Phase::Stream => census.stream += 1,
            }
        }
        census
    }

    /// Ends the unknown connection that has been idle the longest, or failing that the oldest one that has never
    /// completed a request head, or failing that the oldest WebSocket or event stream. Returns whether there was one.
    pub(crate) fn evict(&self) -> bool {
        if self.victims.borrow().is_empty() {
            self.choose_victims();
        }
        let connections = self.connections.borrow();
        while let Some((key, since)) = self.victims.borrow_mut().pop() {
            if let Some(connection) = connections.get(key)
                && connection.gauge.since() == since
                && connection.turn_to_go().is_some()
            {
                connection.gauge.end();
                return true;
            }
        }
        false
    }

    /// Ends all connections that wait for a request, and lets the others end after the requests that they have; for a stop.
    pub(crate) fn drain(&self) {
        for (_, connection) in self.connections.borrow().iter() {
            let waits = matches!(connection.gauge.phase(), Phase::Idle | Phase::Head | Phase::Handshake);
            if waits && !connection.gauge.is_multiplexed() {
                connection.gauge.end();
            } else {
                // HTTP/2 says goodbye first, so that the client knows which requests were taken (RFC 9113, section 6.8).
                connection.gauge.drain();
            }
        }
    }

    /// Lets connections end without a trace while a successor serves: requests end in their own time and are the last of
    /// theirs; what waits or never ends does so at a moment of its own within `over`, so that not all come back at once.
    pub(crate) fn retire(&self, begun: Instant, over: Duration, now: Instant) {
        for (key, connection) in self.connections.borrow().iter() {
            let (gauge, is_time) = (&connection.gauge, now >= begun + moment_within(over, key));
            match gauge.phase() {
                _ if gauge.is_multiplexed() => {
                    if is_time {
                        gauge.drain();
                    }
                }
                Phase::Idle if is_time => gauge.end(),
                Phase::Stream if connection.endless.get() && is_time => gauge.end(),
                Phase::Active => gauge.drain(),
                Phase::Idle | Phase::Stream | Phase::Head | Phase::Handshake => {}
            }
        }
    }

    fn choose_victims(&self) {
        let connections = self.connections.borrow();
        let mut candidates: Vec<(u8, Instant, usize)> = connections
            .iter()
            .filter_map(|(key, connection)| Some((connection.turn_to_go()?, connection.gauge.since(), key)))
            .collect();
        let batch = candidates.len().min(VICTIMS_PER_SCAN);
        if batch < candidates.len() {
            candidates.select_nth_unstable(batch);
            candidates.truncate(batch);
        }
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        self.victims.borrow_mut().extend(candidates.into_iter().map(|(_, since, key)| (key, since)));
    }
}

/// How many connections are in which state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Census {
    pub(crate) handshaking: u64,
    pub(crate) idle: u64,
    pub(crate) active: u64,
    pub(crate) stream: u64,
    /// Bytes of answers that clients have not taken yet.
    pub(crate) unsent: u64,
}

/// A slot in the process-wide connection table, given back when the connection goes.
pub(crate) struct Seat {
    pub(crate) site: Arc<Site>,
    pub(crate) ticket: Option<Ticket>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.site.connections().close(ticket);
        }
    }
}

/// A moment that neighbours do not share.
fn moment_within(over: Duration, key: usize) -> Duration {
    let scattered = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44;
    over * u32::try_from(scattered).unwrap_or(0) / (1 << 20)
}

/// Requests of unknown clients on one connection (decision-science, section 9), and while some are closed out (mission-anchors,
/// section 5).
const REQUESTS_MAX: u32 = 1_000;
const REQUESTS_MAX_LOWERED: u32 = 100;
/// Ended calls that may lie about between two sweeps, at the least.
const CALLS_BEFORE_CLEANING: usize = 16;
const VICTIMS_PER_SCAN: usize = 256;

#[cfg(test)]
mod tests;
