//! How long a client may keep a connection waiting.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::ServerLimits;

/// The deadline of one connection.
///
/// ```text
///              first byte              head complete             answer ready
///   Idle ──────────────────▶ Head ─────────────────────▶ Work ─────────────────▶ Idle
///   idle_seconds             header_seconds              none
/// ```
///
/// hyper has one timeout for idleness and slow heads together, so that a head could take as long as an idle
/// connection may last.
pub(crate) struct Patience {
    head: Duration,
    idle: Duration,
    phase: Cell<Phase>,
}

#[derive(Clone, Copy)]
enum Phase {
    Idle { until: Instant },
    Head { until: Instant },
    Work,
}

impl Patience {
    pub(crate) fn new(limits: ServerLimits) -> Self {
        let (head, idle) =
            (Duration::from_secs(limits.header_seconds), Duration::from_secs(limits.idle_seconds));
        Self { head, idle, phase: Cell::new(Phase::Idle { until: Instant::now() + idle }) }
    }

    /// A request is complete but for its body.
    pub(crate) fn work_begins(&self) {
        self.phase.set(Phase::Work);
    }

    /// Its answer is ready to be written.
    pub(crate) fn work_ends(&self) {
        self.phase.set(Phase::Idle { until: Instant::now() + self.idle });
    }

    /// Resolves when the client is too late.
    ///
    /// Looks at least once in each of its shortest spans, so that no new deadline is missed though the timer is not
    /// set anew with every request.
    pub(crate) async fn run_out(&self) {
        loop {
            let now = Instant::now();
            let look_again = now + self.head.min(self.idle).max(Duration::from_millis(1));
            let wake = match self.phase.get() {
                Phase::Idle { until } | Phase::Head { until } if until <= now => return,
                Phase::Idle { until } | Phase::Head { until } => until.min(look_again),
                Phase::Work => look_again,
            };
            tokio::time::sleep_until(wake).await;
        }
    }

    fn bytes_arrived(&self) {
        if let Phase::Idle { .. } = self.phase.get() {
            self.phase.set(Phase::Head { until: Instant::now() + self.head });
        }
    }
}

/// A stream that tells its [`Patience`] when bytes arrive.
pub(crate) struct Watched {
    stream: TcpStream,
    patience: Rc<Patience>,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream, patience: Rc<Patience>) -> Self {
        Self { stream, patience }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.patience.bytes_arrived();
        }
        outcome
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
