//! The meter of HTTP/2 frames between a client's connection and the HTTP library.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::http2::{Excess, Meter};
use crate::clock::Clock;
use crate::gauge::Gauge;
use crate::transport::Transport;

/// A client's connection whose frames are counted.
pub(crate) struct Paced {
    inner: Transport,
    meter: Meter,
    gauge: Arc<Gauge>,
    clock: Clock,
}

impl Paced {
    pub(crate) fn new(inner: Transport, gauge: Arc<Gauge>, clock: Clock) -> Self {
        Self { inner, meter: Meter::new(clock.now()), gauge, clock }
    }

    /// Says goodbye, if that is possible without waiting, and ends the connection.
    fn end(&mut self, excess: Excess, cx: &mut Context<'_>) -> io::Error {
        if let Some(goaway) = self.meter.goaway() {
            let inner = Pin::new(&mut self.inner);
            let wrote = inner.poll_write(cx, &goaway).is_ready();
            let _flushed = wrote && Pin::new(&mut self.inner).poll_flush(cx).is_ready();
        }
        self.gauge.end();
        io::Error::new(io::ErrorKind::InvalidData, excess)
    }
}

impl AsyncRead for Paced {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let clock = this.clock;
        if let Err(excess) = this.meter.received(&buf.filled()[before..], &|| clock.now()) {
            return Poll::Ready(Err(this.end(excess, cx)));
        }
        this.gauge.is_in_head(this.meter.is_in_head(), &clock);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paced {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = ready!(Pin::new(&mut this.inner).poll_write(cx, buf))?;
        let clock = this.clock;
        if let Err(excess) = this.meter.sent(&buf[..wrote], &|| clock.now()) {
            return Poll::Ready(Err(this.end(excess, cx)));
        }
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
