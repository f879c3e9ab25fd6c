//! Where things lie: the checkout, the target folder, installed peers, shared data, free ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The root of the checkout that this binary was built from.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("a crate lies in `crates/` of the checkout")
        .to_path_buf()
}

/// Cargo's target folder: of the running test or command, so that an odd `CARGO_TARGET_DIR` is followed.
pub fn target_folder() -> PathBuf {
    let running = std::env::current_exe().unwrap_or_default();
    running
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .map_or_else(|| checkout().join("target"), Path::to_path_buf)
}

/// Where `cargo xtask test --install-peers` puts peers that are not Debian packages.
pub fn peers_folder() -> PathBuf {
    checkout().join("target").join("peers")
}

/// The data sets that are too large for the repository: `$PORTCULLIS_DATA`, or `shared/data` beside the checkout.
pub fn shared_data() -> Option<PathBuf> {
    let named = std::env::var_os("PORTCULLIS_DATA").map(PathBuf::from);
    let beside = checkout().parent().map(|above| above.join("shared").join("data"));
    named.or(beside).filter(|folder| folder.is_dir())
}

/// A loopback address whose port was free a moment ago, which this process hands out once only, and which the kernel never
/// takes for a connection's own end: a client that waits for a server at a port of that range can meet itself there
/// ("simultaneous open", RFC 9293 section 3.5), and then takes the server for started.
///
/// # Panics
/// When the machine has no free port left.
pub fn free_address() -> SocketAddr {
    let span = usize::from(ephemeral_from() - PORTS_FROM);
    let first = std::process::id() as usize * PORTS_OF_A_PROCESS;
    (0..span)
        .map(|_| (first + NEXT_PORT.fetch_add(1, Ordering::Relaxed)) % span)
        .filter_map(|offset| PORTS_FROM.checked_add(u16::try_from(offset).ok()?))
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("loopback has a free port")
}

/// Where the ports begin that the kernel gives to connections, above those that tests may have.
fn ephemeral_from() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|port| port.parse().ok());
    first.filter(|port| *port > PORTS_FROM + 1_000).unwrap_or(EPHEMERAL_FROM_USUALLY)
}

/// The first port for tests.
const PORTS_FROM: u16 = 10_000;

/// Linux's default for the first port of connections.
const EPHEMERAL_FROM_USUALLY: u16 = 32_768;

/// How far apart two processes with neighbouring numbers begin to look.
const PORTS_OF_A_PROCESS: usize = 101;

/// How many ports this process has looked at.
static NEXT_PORT: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn free_addresses_are_handed_out_once_and_are_none_that_a_connection_could_get() {
        let ports: BTreeSet<_> = (0..500).map(|_| free_address().port()).collect();
        assert_eq!(ports.len(), 500);
        assert!(ports.iter().all(|port| (PORTS_FROM..ephemeral_from()).contains(port)), "{ports:?}");
    }
}
