//! What is measured of a client's socket: its phase, its bytes, and whether it must end.
//!
//! The HTTP library wants a socket that could move between threads (for upgrades), so these are atomics; only one thread
//! ever writes them, without locked instructions.

use std::io;
use std::mem::take;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use bytes::{Buf, Bytes};
use model::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::call::PROGRESS_BYTES;
use crate::clock::Clock;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Connected, or the first bytes of a request have arrived, but not yet all of its head.
    Head,
    /// Between two requests.
    Idle,
    /// A request is being answered.
    Active,
    /// A long answer or an upgraded connection.
    Stream,
    /// Connected, and the TLS handshake is not complete.
    Handshake,
}

/// Measures of one connection.
pub(crate) struct Gauge {
    phase: AtomicU8,
    since: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// Bytes of answers in memory: of HTTP/1 handed to the library and not yet taken by the socket (roughly), of HTTP/2 what
    /// [`crate::unsent`] counts.
    unsent: AtomicU64,
    /// A write that the client has not taken: since when (0: there is none), and how many bytes had left by then.
    stalled: [AtomicU64; 2],
    /// Since when the client has taken less than [`PROGRESS_BYTES`] of it, and how many bytes had left by then.
    idles: [AtomicU64; 2],
    /// HTTP/2: since when a head is on its way (0: none is).
    in_head: AtomicU64,
    ended: AtomicBool,
    draining: AtomicBool,
    /// HTTP/2: bytes that arrive need not belong to a request's head.
    multiplexed: AtomicBool,
    waker: AtomicWaker,
    /// HTTP/2: frames that the library has written and the socket has not taken.
    kept: AtomicU64,
    /// HTTP/1: so much of an answer waited once that the library keeps a large buffer for as long as the connection lives.
    large: AtomicBool,
    /// Whoever hands on no more until less is unsent; a stream is here once.
    room: Mutex<Vec<Waker>>,
}

impl Gauge {
    /// Of a connection accepted at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU64::new(now.as_nanos()),
            bytes_in: zero(),
            bytes_out: zero(),
            unsent: zero(),
            stalled: [zero(), zero()],
            idles: [zero(), zero()],
            in_head: zero(),
            ended: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            kept: zero(),
            large: AtomicBool::new(false),
            room: Mutex::default(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Head,
            1 => Phase::Idle,
            2 => Phase::Active,
            3 => Phase::Stream,
            _ => Phase::Handshake,
        }
    }

    /// Enters a phase at `now`.
    pub(crate) fn enter(&self, phase: Phase, now: Instant) {
        self.phase.store(phase as u8, Relaxed);
        self.since.store(now.as_nanos(), Relaxed);
    }

    /// The connection begins with a TLS handshake.
    pub(crate) fn enter_handshake(&self) {
        self.enter(Phase::Handshake, self.since());
    }

    /// The connection carries several requests at once.
    pub(crate) fn multiplex(&self) {
        self.multiplexed.store(true, Relaxed);
    }

    /// See [`Gauge::multiplex`].
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Relaxed)
    }

    /// HTTP/2: whether a head is on its way.
    pub(crate) fn is_in_head(&self, is: bool, clock: &Clock) {
        let was = self.in_head.load(Relaxed) != 0;
        if is != was {
            self.in_head.store(if is { clock.now().as_nanos().max(1) } else { 0 }, Relaxed);
        }
    }

    /// HTTP/2: whether a head has been on its way for longer than it may be. Progress does not extend it.
    pub(crate) fn sends_head_too_slowly(&self, most: Duration, now: Instant) -> bool {
        let since = self.in_head.load(Relaxed);
        since != 0 && now.since(Instant::from_nanos(since)) >= most
    }

    /// No further request is to be taken.
    pub(crate) fn drain(&self) {
        if !self.draining.swap(true, Relaxed) {
            self.wake();
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// When the phase began.
    pub(crate) fn since(&self) -> Instant {
        Instant::from_nanos(self.since.load(Relaxed))
    }

    /// Bytes that have arrived.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Relaxed)
    }

    /// Bytes of an answer were handed to the HTTP library; over HTTP/2 [`Gauge::let_go`] takes them back.
    pub(crate) fn queue_bytes(&self, bytes: usize) {
        let unsent = self.unsent.load(Relaxed) + bytes as u64;
        self.unsent.store(unsent, Relaxed);
        if unsent > LARGE_BYTES {
            self.large.store(true, Relaxed);
        }
    }

    /// Bytes of answers that the client has not taken yet.
    pub(crate) fn unsent(&self) -> u64 {
        self.unsent.load(Relaxed) + self.kept.load(Relaxed)
    }

    /// HTTP/1: whether the connection has grown so large that it should end with the next answer.
    pub(crate) fn is_large(&self) -> bool {
        self.large.load(Relaxed) && !self.is_multiplexed()
    }

    /// Bytes of an answer are not in memory any more.
    pub(crate) fn let_go(&self, bytes: usize, clock: &Clock) {
        let before = self.unsent();
        let unsent = self.unsent.load(Relaxed).saturating_sub(bytes as u64);
        self.unsent.store(unsent, Relaxed);
        // Over HTTP/2 an answer may wait for its stream's window long after the socket has taken all that it was given.
        if unsent == 0 && !self.is_multiplexed() {
            self.drained(clock);
        }
        self.make_room(before);
    }

    /// HTTP/2: so many bytes of frames are to be written to the socket.
    pub(crate) fn keeps(&self, bytes: usize) {
        let before = self.unsent();
        self.kept.store(bytes as u64, Relaxed);
        self.make_room(before);
    }

    /// The client has taken everything that was written.
    pub(crate) fn drained(&self, clock: &Clock) {
        if self.is_stalled() {
            self.stalled[0].store(0, Relaxed);
            self.since.store(clock.now().as_nanos(), Relaxed);
        }
    }

    fn make_room(&self, before: u64) {
        if before > UNSENT_WHEN_SCARCE && !self.has_no_room() {
            let waiting = take(&mut *self.room.lock().unwrap_or_else(PoisonError::into_inner));
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Whether so much is unsent that nothing is to be added while memory is scarce.
    pub(crate) fn has_no_room(&self) -> bool {
        self.unsent() > UNSENT_WHEN_SCARCE
    }

    /// Wakes this one when [`Gauge::has_no_room`] is not so any more.
    pub(crate) fn wait_for_room(&self, cx: &Context<'_>) {
        let mut waiting = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            // Streams that were reset leave theirs here; whoever is left out has the next sweep.
            if waiting.len() >= WAITING_MAX {
                waiting.clear();
            }
            waiting.push(cx.waker().clone());
        }
    }

    /// Whether the connection is to be closed without another word.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Ends the connection: whatever it does next fails.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
        self.wake();
    }

    /// Lets the connection's task look at its state again.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Remembers whom to wake when something changes from outside.
    pub(crate) fn remember_waker(&self, cx: &Context<'_>) {
        self.waker.register(cx.waker());
    }

    /// Whether a write waits for the client.
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled[0].load(Relaxed) != 0
    }

    /// Slow read: a stalled answer must lose 10 KiB in 10 s (decision-science, section 9).
    pub(crate) fn reads_too_slowly(&self, now: Instant) -> bool {
        let since = self.stalled[0].load(Relaxed);
        if since == 0 || now.since(Instant::from_nanos(since)) < READ_WINDOW {
            return false;
        }
        let bytes = self.bytes_out.load(Relaxed).saturating_sub(self.stalled[1].load(Relaxed));
        self.begin_stall(now);
        bytes < READ_WINDOW.as_secs() * READ_BYTES_PER_SECOND_MIN
    }

    /// For how long the client has taken less than [`PROGRESS_BYTES`] of an answer that waits for it, as if it had begun later the
    /// more it took before: up to [`CREDIT_MAX`] times as late. It may have taken that in one go as the buffers of both systems
    /// filled, which says little about now; but to have the app make it again for the next one costs the app as much.
    pub(crate) fn stalled_for(&self, now: Instant) -> Option<Duration> {
        let taken = self.idles[1].load(Relaxed).saturating_sub(self.stalled[1].load(Relaxed));
        let credit = u32::try_from(1 + taken / PROGRESS_BYTES as u64).unwrap_or(u32::MAX).min(CREDIT_MAX);
        self.is_stalled().then(|| now.since(Instant::from_nanos(self.idles[0].load(Relaxed))) / credit)
    }

    /// The client does not take what is to be written.
    fn waits_for_client(&self, now: Instant) {
        let out = self.bytes_out.load(Relaxed);
        let begins = !self.is_stalled();
        if begins {
            self.begin_stall(now);
        }
        if begins || out.saturating_sub(self.idles[1].load(Relaxed)) >= PROGRESS_BYTES as u64 {
            self.idles[0].store(now.as_nanos(), Relaxed);
            self.idles[1].store(out, Relaxed);
        }
    }

    /// A write waits for the client from `now` on.
    #[cfg(test)]
    pub(crate) fn stall_at(&self, now: Instant) {
        self.begin_stall(now);
    }

    fn begin_stall(&self, now: Instant) {
        self.stalled[0].store(now.as_nanos().max(1), Relaxed);
        self.stalled[1].store(self.bytes_out.load(Relaxed), Relaxed);
    }

    /// Counts bytes that arrived.
    fn received(&self, bytes: usize, clock: &Clock) {
        self.bytes_in.store(self.bytes_in() + bytes as u64, Relaxed);
        if self.is_multiplexed() {
            return;
        }
        if self.phase() == Phase::Idle {
            self.enter(Phase::Head, clock.now());
        }
    }

    fn wrote(&self, outcome: &Poll<io::Result<usize>>, clock: &Clock) {
        match outcome {
            Poll::Ready(Ok(bytes)) => {
                self.bytes_out.store(self.bytes_out.load(Relaxed) + *bytes as u64, Relaxed);
                // Over HTTP/2 much is not an answer's, and answers are let go by themselves.
                if !self.is_multiplexed() {
                    self.let_go(*bytes, clock);
                }
            }
            Poll::Pending => self.waits_for_client(clock.now()),
            Poll::Ready(Err(_)) => {}
        }
    }
}

/// A client's socket that keeps its [`Gauge`] up to date.
pub(crate) struct Metered {
    stream: TcpStream,
    gauge: Arc<Gauge>,
    clock: Clock,
    /// Bytes read past a PROXY header.
    unread: Bytes,
}

impl Metered {
    pub(crate) fn new(stream: TcpStream, unread: Bytes, gauge: Arc<Gauge>, clock: Clock) -> Self {
        Self { stream, gauge, clock, unread }
    }

    /// Bytes that were read too far are read again.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        self.unread =
            if self.unread.is_empty() { bytes } else { [&bytes[..], &self.unread[..]].concat().into() };
    }

    fn wrote(&self, outcome: &Poll<io::Result<usize>>, cx: &Context<'_>) {
        self.gauge.wrote(outcome, &self.clock);
        if outcome.is_pending() {
            // Whoever ends the connection meanwhile may find it only here.
            self.gauge.remember_waker(cx);
        }
    }

    fn ended(&self) -> io::Result<()> {
        if self.gauge.has_ended() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.ended()?;
        if !self.unread.is_empty() {
            let n = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread[..n]);
            self.unread.advance(n);
            self.gauge.received(n, &self.clock);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) if buf.filled().len() > before => {
                self.gauge.received(buf.filled().len() - before, &self.clock);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => {
                self.gauge.remember_waker(cx);
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.ended()?;
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(&outcome, cx);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.ended()?;
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(&outcome, cx);
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

const CREDIT_MAX: u32 = 8;
/// Streams of one connection that are remembered while they wait for room: as many as may be open.
const WAITING_MAX: usize = 100;
/// More than the library's buffer has at the start, and less than it may have.
const LARGE_BYTES: u64 = 64 * 1024;
/// What one connection may keep in the gate when the byte budget of all answers is used up.
const UNSENT_WHEN_SCARCE: u64 = 16 * 1024;
const READ_WINDOW: Duration = Duration::from_secs(10);
const READ_BYTES_PER_SECOND_MIN: u64 = 1_024;
