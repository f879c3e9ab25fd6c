//! One client connection: what phase it is in, how long it may stay there, and how it is ended from outside.
//!
//! No timer runs per connection. Each worker looks at all its connections twice a second ([`Registry::sweep`]) and
//! wakes those whose time is up; so deadlines are absolute, cost nothing on the way of a request, and are late by at
//! most half a second.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use admission::caps::Ticket;
use admission::site::{Identity, Proof};
use bytes::{Buf, Bytes};
use http::HeaderValue;
use model::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::Clock;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Connected, or the first bytes of a request have arrived, but not yet all of its head.
    Head,
    /// Between two requests.
    Idle,
    /// A request is being answered.
    Active,
    /// A long answer or an upgraded connection.
    Stream,
}

/// How long each phase may last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PhaseLimits {
    /// From accept, or the first byte of a later request, to the end of its head. Progress does not extend it.
    pub(crate) head: Duration,
    /// Between requests, for clients that have shown no pass on this connection.
    pub(crate) idle: Duration,
    /// Between requests, for known clients.
    pub(crate) idle_known: Duration,
}

/// State that the worker, the socket and the request in progress share.
pub(crate) struct Connection {
    /// Who speaks: the socket's peer, or what the PROXY protocol said.
    pub(crate) address: IpAddr,
    /// Whether the peer is a front, whose clients are named in a header.
    pub(crate) front: bool,
    /// The client's address as `X-Forwarded-For` and `Forwarded` want it, made once.
    pub(crate) forwarded_for: HeaderValue,
    /// See `forwarded_for`.
    pub(crate) forwarded: HeaderValue,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    known: Cell<bool>,
    proof: Cell<Option<(Proof, Instant)>>,
    /// Deadline of the origin's first byte; `None` while no request waits for one.
    origin_deadline: Cell<Option<Instant>>,
    /// The last sweep found the deadline passed.
    origin_late: Cell<bool>,
    body_began: Cell<Option<(Instant, u64)>>,
    bytes_in: Cell<u64>,
    head_bytes: Cell<usize>,
    /// Bytes of answers handed to the HTTP library and not yet taken by the socket (roughly).
    unsent: Cell<u64>,
    /// A write that the client has not taken: since when, and how many bytes had left by then.
    stalled: Cell<Option<(Instant, u64)>>,
    bytes_out: Cell<u64>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Connection {
    /// A connection accepted at `now`.
    pub(crate) fn new(address: IpAddr, front: bool, now: Instant) -> Self {
        let forwarded = match address {
            IpAddr::V4(v4) => format!("for={v4};proto=http"),
            IpAddr::V6(v6) => format!("for=\"[{v6}]\";proto=http"),
        };
        let text = "an address is a valid header value";
        Self {
            address,
            front,
            forwarded_for: HeaderValue::from_str(&address.to_string()).expect(text),
            forwarded: HeaderValue::from_str(&forwarded).expect(text),
            phase: Cell::new(Phase::Head),
            since: Cell::new(now),
            known: Cell::new(false),
            proof: Cell::new(None),
            origin_deadline: Cell::new(None),
            origin_late: Cell::new(false),
            body_began: Cell::new(None),
            bytes_in: Cell::new(0),
            head_bytes: Cell::new(0),
            unsent: Cell::new(0),
            stalled: Cell::new(None),
            bytes_out: Cell::new(0),
            ended: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Enters a phase at `now`.
    pub(crate) fn enter(&self, phase: Phase, now: Instant) {
        self.phase.set(phase);
        self.since.set(now);
        if phase == Phase::Idle {
            self.body_began.set(None);
        }
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

    /// The gate begins to read a request body.
    pub(crate) fn begin_body(&self, now: Instant) {
        self.body_began.set(Some((now, self.bytes_in.get())));
    }

    /// The body has been read, or nobody waits for it any more.
    pub(crate) fn end_body(&self) {
        self.body_began.set(None);
    }

    /// Sets or clears the moment by which the origin must have begun its answer.
    pub(crate) fn await_origin(&self, deadline: Option<Instant>) {
        self.origin_deadline.set(deadline);
        self.origin_late.set(false);
    }

    /// Whether a sweep found that the origin has missed its deadline.
    pub(crate) fn origin_is_late(&self) -> bool {
        self.origin_late.get()
    }

    fn note_origin(&self, now: Instant) {
        if self.origin_deadline.get().is_some_and(|deadline| now >= deadline) {
            self.origin_late.set(true);
            self.wake();
        }
    }

    /// Whether the connection is to be closed without another word.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Ends the connection: whatever it does next fails.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.wake();
    }

    /// Bytes of an answer were handed to the HTTP library.
    pub(crate) fn queue_bytes(&self, bytes: usize) {
        self.unsent.set(self.unsent.get().saturating_add(bytes as u64));
    }

    /// Bytes of answers that the client has not taken yet.
    pub(crate) fn unsent(&self) -> u64 {
        self.unsent.get()
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Remembers whom to wake when something changes from outside.
    pub(crate) fn remember_waker(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Whether the connection's time is up, by the limits in force now.
    fn is_overdue(&self, limits: &PhaseLimits, now: Instant) -> bool {
        let spent = now.since(self.since.get());
        match self.phase.get() {
            Phase::Head => spent >= limits.head,
            // The last answer may still be on its way to a slow client.
            Phase::Idle if self.stalled.get().is_some() => self.reads_too_slowly(now),
            Phase::Idle => spent >= if self.known.get() { limits.idle_known } else { limits.idle },
            Phase::Active | Phase::Stream => self.reads_too_slowly(now) || self.sends_too_slowly(now),
        }
    }

    /// Slow body: 10 s of grace, then 500 bytes a second on average (decision-science, section 9).
    fn sends_too_slowly(&self, now: Instant) -> bool {
        self.body_began.get().is_some_and(|(began, bytes_before)| {
            let spent = now.since(began);
            let bytes = self.bytes_in.get().saturating_sub(bytes_before);
            spent > BODY_GRACE && bytes < (spent - BODY_GRACE).as_secs() * BODY_BYTES_PER_SECOND_MIN
        })
    }

    /// Slow read: a blocked answer must lose 10 KiB in 10 s (decision-science, section 9).
    fn reads_too_slowly(&self, now: Instant) -> bool {
        let Some((since, bytes_before)) = self.stalled.get() else { return false };
        if now.since(since) < READ_WINDOW {
            return false;
        }
        let bytes = self.bytes_out.get().saturating_sub(bytes_before);
        self.stalled.set(Some((now, self.bytes_out.get())));
        bytes < READ_WINDOW.as_secs() * READ_BYTES_PER_SECOND_MIN
    }
}

/// All connections of one worker.
#[derive(Default)]
pub(crate) struct Registry {
    connections: RefCell<slab::Slab<Rc<Connection>>>,
    /// Keys of connections to evict next, newest candidate last; refilled by one scan for many evictions.
    victims: RefCell<Vec<usize>>,
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
                connection.end();
            }
            connection.note_origin(now);
            census.unsent += connection.unsent();
            match connection.phase() {
                Phase::Idle => census.idle += 1,
                Phase::Head | Phase::Active => census.active += 1,
                Phase::Stream => census.stream += 1,
            }
        }
        census
    }

    /// Ends the unknown connection that has been idle the longest, or failing that the oldest one that has never
    /// completed a request head. Returns whether there was one.
    pub(crate) fn evict(&self) -> bool {
        if self.victims.borrow().is_empty() {
            self.choose_victims();
        }
        let connections = self.connections.borrow();
        while let Some(key) = self.victims.borrow_mut().pop() {
            if let Some(connection) = connections.get(key)
                && connection.may_be_evicted()
            {
                connection.end();
                return true;
            }
        }
        false
    }

    /// Ends all connections that wait for a request; for a stop.
    pub(crate) fn end_idle(&self) {
        for (_, connection) in self.connections.borrow().iter() {
            if matches!(connection.phase(), Phase::Idle | Phase::Head) {
                connection.end();
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.borrow().len()
    }

    fn choose_victims(&self) {
        let connections = self.connections.borrow();
        let mut candidates: Vec<(bool, Instant, usize)> = connections
            .iter()
            .filter(|(_, connection)| connection.may_be_evicted())
            .map(|(key, connection)| (connection.phase() == Phase::Head, connection.since.get(), key))
            .collect();
        let batch = candidates.len().min(VICTIMS_PER_SCAN);
        if batch < candidates.len() {
            candidates.select_nth_unstable(batch);
            candidates.truncate(batch);
        }
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        self.victims.borrow_mut().extend(candidates.into_iter().map(|(_, _, key)| key));
    }
}

impl Connection {
    fn may_be_evicted(&self) -> bool {
        !self.known.get() && !self.ended.get() && !self.front && matches!(self.phase.get(), Phase::Idle | Phase::Head)
    }
}

/// How many connections are in which state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Census {
    pub(crate) idle: u64,
    pub(crate) active: u64,
    pub(crate) stream: u64,
    /// Bytes of answers that clients have not taken yet.
    pub(crate) unsent: u64,
}

/// A slot in the process-wide connection table, given back when the connection goes.
pub(crate) struct Seat {
    pub(crate) site: std::sync::Arc<admission::site::Site>,
    pub(crate) ticket: Option<Ticket>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.site.connections().close(ticket);
        }
    }
}

/// A client's socket that keeps its [`Connection`] up to date.
pub(crate) struct Metered {
    stream: TcpStream,
    connection: Rc<Connection>,
    clock: Clock,
    /// Bytes read past a PROXY header.
    unread: Bytes,
}

impl Metered {
    pub(crate) fn new(stream: TcpStream, unread: Bytes, connection: Rc<Connection>, clock: Clock) -> Self {
        Self { stream, connection, clock, unread }
    }

    /// Counts bytes that arrived; an error when a request head is longer than it may be.
    fn received(&self, bytes: usize) -> io::Result<()> {
        let connection = &self.connection;
        connection.bytes_in.set(connection.bytes_in.get() + bytes as u64);
        match connection.phase.get() {
            Phase::Idle => {
                connection.enter(Phase::Head, self.clock.now());
                connection.head_bytes.set(bytes);
            }
            Phase::Head => connection.head_bytes.set(connection.head_bytes.get() + bytes),
            Phase::Active | Phase::Stream => connection.head_bytes.set(0),
        }
        // One read may bring the whole head and some of the body, so only a head that needs a further read is cut.
        if connection.head_bytes.get() > HEAD_BYTES_MAX + READ_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the request head is too long"));
        }
        Ok(())
    }

    fn sent(&self, bytes: usize) {
        let connection = &self.connection;
        connection.bytes_out.set(connection.bytes_out.get() + bytes as u64);
        connection.unsent.set(connection.unsent.get().saturating_sub(bytes as u64));
    }

    fn ended(&self) -> io::Result<()> {
        if self.connection.has_ended() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    fn note_write(&self, outcome: &Poll<io::Result<usize>>) {
        match outcome {
            Poll::Ready(Ok(bytes)) => {
                self.sent(*bytes);
                if self.connection.unsent() == 0 && self.connection.stalled.take().is_some() {
                    self.connection.since.set(self.clock.now());
                }
            }
            Poll::Pending if self.connection.stalled.get().is_none() => {
                self.connection.stalled.set(Some((self.clock.now(), self.connection.bytes_out.get())));
            }
            Poll::Pending | Poll::Ready(Err(_)) => {}
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.ended()?;
        if !self.unread.is_empty() {
            let n = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread[..n]);
            self.unread.advance(n);
            return Poll::Ready(self.received(n));
        }
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buf);
        match outcome {
            Poll::Ready(Ok(())) if buf.filled().len() > before => {
                Poll::Ready(self.received(buf.filled().len() - before))
            }
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => {
                self.connection.remember_waker(cx);
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.ended()?;
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.ended()?;
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

const BODY_GRACE: Duration = Duration::from_secs(10);
const BODY_BYTES_PER_SECOND_MIN: u64 = 500;
const READ_WINDOW: Duration = Duration::from_secs(10);
const READ_BYTES_PER_SECOND_MIN: u64 = 1_024;
/// The longest request head (decision-science, section 9: 32 KiB for HTTP/1).
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The HTTP library reads at most this much at once.
const READ_BYTES_MAX: usize = 32 * 1024;
const VICTIMS_PER_SCAN: usize = 256;
