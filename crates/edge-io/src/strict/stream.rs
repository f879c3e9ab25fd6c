//! The strict reading between a client's connection and the HTTP library.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use atomic_waker::AtomicWaker;
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::fault::Fault;
use super::http1::{Http1, Length, Piece};
use crate::transport::Transport;

/// What the strict reading and the requests of a connection tell each other. One thread uses it; the HTTP library wants a
/// connection that could move between threads.
#[derive(Debug, Default)]
pub(crate) struct Borders {
    /// How the bodies of the requests end that were passed on and not yet taken.
    lengths: Mutex<VecDeque<Length>>,
    /// Requests that were passed on and have not ended.
    open: AtomicU32,
    /// What became of a wish for a WebSocket.
    upgrade: AtomicU8,
    /// What the stream was refused for: the fault's place, counted from 1; 0 is nothing.
    fault: AtomicU8,
    waker: AtomicWaker,
}

const NOT_ASKED: u8 = 0;
const ASKED: u8 = 1;
const AGREED: u8 = 2;

impl Borders {
    /// How the body of the next request ends.
    pub(crate) fn next_length(&self) -> Option<Length> {
        self.lengths.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// A request has ended.
    pub(crate) fn request_ended(&self) {
        self.open.store(self.open.load(Relaxed).saturating_sub(1), Relaxed);
        if self.upgrade.load(Relaxed) == ASKED {
            self.upgrade.store(NOT_ASKED, Relaxed);
        }
        self.waker.wake();
    }

    /// The app has agreed to a WebSocket: what follows is no HTTP.
    pub(crate) fn upgraded(&self) {
        self.upgrade.store(AGREED, Relaxed);
        self.waker.wake();
    }

    /// What the stream was refused for, if it was.
    pub(crate) fn fault(&self) -> Option<Fault> {
        Fault::ALL.get(usize::from(self.fault.load(Relaxed)).checked_sub(1)?).copied()
    }

    fn refused(&self, fault: Fault) {
        self.fault.store(u8::try_from(fault.index() + 1).unwrap_or(0), Relaxed);
    }

    fn passed(&self, length: Length) {
        self.open.store(self.open.load(Relaxed) + 1, Relaxed);
        self.lengths.lock().unwrap_or_else(PoisonError::into_inner).push_back(length);
    }
}

/// A client's connection of which the HTTP library sees only whole heads and the bytes of bodies.
pub(crate) struct Strict {
    inner: Transport,
    http1: Http1,
    borders: Arc<Borders>,
    /// Bytes that were read and not passed on.
    held: BytesMut,
    /// How many of them may be.
    ready: usize,
    /// Nothing more is read; with the answer that is still to be given.
    end: Option<Option<Fault>>,
}

impl Strict {
    pub(crate) fn new(inner: Transport, borders: Arc<Borders>) -> Self {
        Self { inner, http1: Http1::default(), borders, held: BytesMut::new(), ready: 0, end: None }
    }

    /// How many of these bytes may be passed on, and how many behind them are left out.
    fn judge(&mut self, bytes: &[u8]) -> io::Result<(usize, usize)> {
        let mut at = 0;
        while at < bytes.len() {
            match self.http1.read(&bytes[at..]) {
                Ok(Piece::Incomplete) => break,
                Ok(Piece::Skip(skip)) => return Ok((at, skip)),
                Ok(Piece::Head(taken, head)) => {
                    at += taken;
                    self.borders.passed(head.length);
                    if head.websocket {
                        // What follows is a WebSocket's or a request's; only the answer can tell.
                        self.borders.upgrade.store(ASKED, Relaxed);
                        break;
                    }
                }
                Ok(Piece::Body(taken, _)) => at += taken,
                Ok(Piece::Nothing) => break,
                Err(fault) if self.http1.is_in_body() => {
                    self.borders.refused(fault);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, fault));
                }
                Err(fault) => {
                    self.borders.refused(fault);
                    self.end = Some(Some(fault));
                    break;
                }
            }
        }
        if self.http1.is_closed() {
            self.end.get_or_insert(None);
        }
        Ok((at, 0))
    }

    /// Judges what is held.
    fn judge_held(&mut self) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.held);
        loop {
            let (pass, skip) = self.judge(&held)?;
            self.ready = pass;
            let mut rest = held.split_off(pass);
            rest.advance(skip);
            held.unsplit(rest);
            if skip == 0 || pass > 0 {
                break;
            }
        }
        self.held = held;
        if self.end.is_some() {
            self.held.truncate(self.ready);
        }
        Ok(())
    }

    /// Reads more behind what is held. Whether something came.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut piece = [0; READ_BYTES];
        let mut buf = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf))?;
        self.held.extend_from_slice(buf.filled());
        Poll::Ready(Ok(!buf.filled().is_empty()))
    }

    /// Reads straight into the library's buffer, which is what nearly always happens, and takes back what may not be passed.
    fn poll_straight(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buf.filled().len();
        ready!(self.poll_some(cx, buf))?;
        if buf.filled().len() == before {
            return Poll::Ready(Ok(true));
        }
        let (pass, skip) = self.judge(&buf.filled()[before..])?;
        if self.end.is_none() {
            self.held.extend_from_slice(&buf.filled()[before + pass + skip..]);
        }
        buf.set_filled(before + pass);
        if !self.held.is_empty() && !self.waits_for_upgrade() {
            // Behind an empty line there may be a whole request.
            self.judge_held()?;
        }
        Poll::Ready(Ok(pass > 0))
    }

    /// Reads some. The library gives more room for the next read whenever one has filled it, and keeps that for as long as the connection
    /// is open; so it gets no more than [`READ_BYTES`] of a long body at once.
    fn poll_some(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() <= ROOM_MAX {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let mut piece = [0; READ_BYTES];
        let mut read = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut read))?;
        buf.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }

    fn waits_for_upgrade(&self) -> bool {
        self.borders.upgrade.load(Relaxed) == ASKED
    }

    fn give_ready(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.ready.min(buf.remaining());
        buf.put_slice(&self.held[..count]);
        self.held.advance(count);
        self.ready -= count;
    }
}

impl AsyncRead for Strict {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.ready > 0 {
                this.give_ready(buf);
                return Poll::Ready(Ok(()));
            }
            match this.borders.upgrade.load(Relaxed) {
                AGREED if this.held.is_empty() => return Pin::new(&mut this.inner).poll_read(cx, buf),
                AGREED => {
                    this.ready = this.held.len();
                    continue;
                }
                ASKED => {
                    this.borders.waker.register(cx.waker());
                    return if this.waits_for_upgrade() { Poll::Pending } else { continue };
                }
                _ => {}
            }
            if this.end.is_some() {
                // The library takes an end for a client that has gone, and would drop what it is answering.
                this.borders.waker.register(cx.waker());
                return if this.borders.open.load(Relaxed) > 0 { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
            if this.held.is_empty() {
                if ready!(this.poll_straight(cx, buf))? {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            this.judge_held()?;
            if this.ready == 0 && this.end.is_none() && !this.held.is_empty() && !this.waits_for_upgrade() {
                if !ready!(this.poll_more(cx))? {
                    // The client went away in the middle of a head.
                    return Poll::Ready(Ok(()));
                }
                this.judge_held()?;
            }
        }
    }
}

impl AsyncWrite for Strict {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Before the end, the answer to what was refused. It is short, so a socket that does not take it at once is not waited for.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(fault) = self.end.as_mut().and_then(Option::take) {
            let _gone = Pin::new(&mut self.inner).poll_write(cx, &fault.answer())?;
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

const READ_BYTES: usize = 8 * 1024;
/// A read into at most so much room goes straight into the library's buffer.
const ROOM_MAX: usize = 2 * READ_BYTES;
