//! Connecting, from an address of the loopback network to a listener of this very process.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;
use web_io::{ClientError, Connection};

use crate::browser::Browser;

/// A listener that this process opened. Only the arena makes one; the generators connect nowhere else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    nonce: u64,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The connection could not be made.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// It broke, or what came was no HTTP.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The listener does not echo this run's number: it is not ours, and gets no load.
    #[error("the listener does not echo this run's number; no load is sent to it")]
    Stranger,
}

impl Door {
    /// The door of a listener that the arena holds open.
    pub(crate) fn of(listener: &std::net::TcpListener, nonce: u64) -> std::io::Result<Self> {
        Ok(Self { address: listener.local_addr()?, nonce })
    }

    /// Where it is, for people to look at.
    pub(crate) fn address(self) -> SocketAddr {
        self.address
    }

    /// Connects from a loopback address.
    pub(crate) async fn connect(self, from: Ipv4Addr) -> Result<Connection, DialError> {
        let socket = TcpSocket::new_v4()?;
        // Many short connections from few ports: the kernel may reuse one that is only waiting.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(from.into(), 0))?;
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection::open(stream).await?)
    }

    /// Asks the listener for this run's number.
    ///
    /// # Errors
    /// [`DialError::Stranger`] when it answers anything else; nothing more may be sent to it then.
    pub(crate) async fn verify(self, from: Ipv4Addr) -> Result<(), DialError> {
        let mut connection = self.connect(from).await?;
        let answer = connection.send(Browser::of(0).get("/run-nonce", ""), 1_024).await?;
        if answer.body().as_ref() == nonce_text(self.nonce).as_bytes() {
            Ok(())
        } else {
            Err(DialError::Stranger)
        }
    }
}

/// The run's number as the shop echoes it.
pub(crate) fn nonce_text(nonce: u64) -> String {
    format!("{nonce:016x}")
}
