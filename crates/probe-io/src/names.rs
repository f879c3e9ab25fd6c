//! Names to addresses, as the operating system resolves them.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::task::JoinHandle;

/// The look-ups of one target: never more than one at a time, also when an attempt gave up waiting for it, because the system's
/// resolver cannot be told to stop.
#[derive(Default)]
pub(crate) struct Names {
    pending: Option<JoinHandle<io::Result<Vec<IpAddr>>>>,
}

impl Names {
    /// The addresses of a host, at most [`ADDRESSES_MAX`].
    pub(crate) async fn resolve(&mut self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let name = host.to_owned();
        let pending = self.pending.get_or_insert_with(|| tokio::task::spawn_blocking(move || look_up(&name)));
        let found = pending.await;
        self.pending = None;
        found.unwrap_or_else(|broken| Err(io::Error::other(broken)))
    }
}

fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> =
        (name, 0).to_socket_addrs()?.map(|address: SocketAddr| address.ip()).collect();
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    if addresses.is_empty() { Err(io::Error::other("it has no address")) } else { Ok(addresses) }
}

/// Addresses of a name that are looked at.
const ADDRESSES_MAX: usize = 8;
