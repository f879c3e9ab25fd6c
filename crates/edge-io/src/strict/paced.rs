//! The meter of HTTP/2 frames between a client's connection and the HTTP library, and one write for many frames.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::http2::{Excess, Meter};
use crate::clock::Clock;
use crate::gauge::Gauge;
use crate::transport::Transport;

/// A client's connection whose frames are counted, for the HTTP library.
///
/// The library writes each frame by itself. They are kept until it has done all that it can, and then go out together by
/// [`Outlet::poll_drain`], which whoever polls the library calls after it: one TLS record and one system call instead of two for
/// each answer.
pub(crate) struct Paced(Rc<RefCell<Outlet>>);

/// What [`Paced`] shares with whoever polls the library.
pub(crate) struct Outlet {
    inner: Transport,
    meter: Meter,
    gauge: Arc<Gauge>,
    clock: Clock,
    /// Frames that are to go out; those up to `gone` have.
    kept: Vec<u8>,
    gone: usize,
    /// Something was written that TLS may still hold.
    unflushed: bool,
}

impl Paced {
    pub(crate) fn new(inner: Transport, gauge: Arc<Gauge>, clock: Clock) -> (Self, Rc<RefCell<Outlet>>) {
        let meter = Meter::new(clock.now());
        let outlet = Outlet { inner, meter, gauge, clock, kept: Vec::new(), gone: 0, unflushed: false };
        let outlet = Rc::new(RefCell::new(outlet));
        (Self(outlet.clone()), outlet)
    }
}

impl Outlet {
    /// Writes what was kept; ready when all of it has left.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.gone < self.kept.len() {
            let wrote = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.kept[self.gone..]))?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gone += wrote;
            self.unflushed = true;
            self.gauge.keeps(self.kept.len() - self.gone);
        }
        self.gone = 0;
        if self.kept.capacity() > KEPT_WHILE_IDLE {
            self.kept = Vec::new();
        } else {
            self.kept.clear();
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
            self.unflushed = false;
        }
        self.gauge.drained(&self.clock);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.kept.len() >= KEPT_MAX {
            ready!(self.poll_drain(cx))?;
        }
        let clock = self.clock;
        if let Err(excess) = self.meter.sent(buf, &|| clock.now()) {
            return Poll::Ready(Err(self.end(excess, cx)));
        }
        self.kept.extend_from_slice(buf);
        self.gauge.keeps(self.kept.len() - self.gone);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let clock = self.clock;
        if let Err(excess) = self.meter.received(&buf.filled()[before..], &|| clock.now()) {
            return Poll::Ready(Err(self.end(excess, cx)));
        }
        self.gauge.is_in_head(self.meter.is_in_head(), &clock);
        Poll::Ready(Ok(()))
    }

    /// Says goodbye, if that is possible without waiting, and ends the connection.
    fn end(&mut self, excess: Excess, cx: &mut Context<'_>) -> io::Error {
        if let Some(goaway) = self.meter.goaway() {
            self.kept.extend_from_slice(&goaway);
            let _said = self.poll_drain(cx).is_ready();
        }
        self.gauge.end();
        io::Error::new(io::ErrorKind::InvalidData, excess)
    }
}

impl AsyncRead for Paced {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, buf)
    }

    /// What was kept goes out after the library's turn.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut outlet = self.0.borrow_mut();
        ready!(outlet.poll_drain(cx))?;
        Pin::new(&mut outlet.inner).poll_shutdown(cx)
    }
}

/// From so many bytes on the library waits until they have left; one frame of 16 KiB may come on top.
const KEPT_MAX: usize = 32 * 1024;
/// A connection at rest holds no larger buffer.
const KEPT_WHILE_IDLE: usize = 1024;
