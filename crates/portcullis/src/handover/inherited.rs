//! Listening sockets that were open before this process began: a predecessor's, or those of systemd.

use std::net::{SocketAddr, TcpListener};

/// Sockets to be used instead of new ones.
#[derive(Debug, Default)]
pub(crate) struct Inherited(Vec<TcpListener>);

impl Inherited {
    pub(super) fn new(sockets: Vec<TcpListener>) -> Self {
        Self(sockets)
    }

    /// Those that systemd opened (`sd_listen_fds(3)`).
    pub(crate) fn from_systemd() -> Self {
        let mut given = listenfd::ListenFd::from_env();
        let all = (0..given.len()).filter_map(|at| given.take_tcp_listener(at).ok().flatten());
        let all = all.filter(|socket| socket.set_nonblocking(true).is_ok());
        Self(all.collect())
    }

    /// Takes all sockets of an address.
    pub(crate) fn take(&mut self, address: SocketAddr) -> Vec<TcpListener> {
        let is_there = |socket: &mut TcpListener| socket.local_addr().is_ok_and(|there| there == address);
        self.0.extract_if(.., is_there).collect()
    }

    /// Addresses that nobody asked for.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<_> = self.0.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}
