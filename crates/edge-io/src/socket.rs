//! Sockets and the limits of the process.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Connections that the kernel queues for one listener before they are accepted.
const BACKLOG: i32 = 4_096;

/// Opens `workers` listeners on one address; the kernel spreads connections over them (`SO_REUSEPORT`).
///
/// With port 0 all of them share the port that the first was given.
///
/// # Errors
/// The operating system's, for instance when the address is taken or the port needs a privilege.
pub fn listen(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    let mut address = address;
    let mut listeners = Vec::with_capacity(workers);
    for _ in 0..workers.max(1) {
        let listener = listen_once(address)?;
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn listen_once(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Ends each connection of a listener by itself when what it is sent has not been taken for 20 s (decision-science, section 9):
/// neither acknowledged nor, behind a closed window, asked for. Sockets get it from the one that accepts them; it also bounds
/// what the kernel keeps of connections that the gate has closed. Where nothing is on its way, it does nothing.
pub(crate) fn bound_untaken(listener: &TcpListener) {
    // A kernel without it is no reason not to serve.
    let _unchanged = SockRef::from(listener).set_tcp_user_timeout(Some(UNTAKEN_MAX));
}

/// Raises the soft limit of open files to the hard one and returns what is in force now.
pub fn raise_open_files() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        let wanted = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, wanted).is_ok() {
            limit = wanted;
        }
    }
    limit.current.unwrap_or(FILES_WHEN_UNLIMITED)
}

/// Connection slots that files and memory allow: min(0.8 × files, memory ÷ 64 KiB) (decision-science, section 9).
pub fn connection_slots(open_files: u64, memory_bytes: u64) -> u32 {
    let by_files = open_files / 10 * 8;
    let by_memory = memory_bytes / (64 * 1024);
    u32::try_from(by_files.min(by_memory)).unwrap_or(u32::MAX).max(SLOTS_MIN)
}

const UNTAKEN_MAX: Duration = Duration::from_secs(20);
const FILES_WHEN_UNLIMITED: u64 = 1 << 20;
const SLOTS_MIN: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_follow_the_scarcer_of_files_and_memory() {
        assert_eq!(connection_slots(20_000, 1 << 34), 16_000);
        assert_eq!(connection_slots(1 << 20, 64 << 20), 1_024);
        assert_eq!(connection_slots(10, 1), 64);
    }

    #[test]
    fn listeners_of_one_address_share_a_port() {
        let listeners = listen("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        assert_eq!(listeners[0].local_addr().unwrap(), listeners[1].local_addr().unwrap());
    }
}
