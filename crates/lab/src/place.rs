//! Where things lie: the checkout, the target folder, installed peers, shared data, free ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

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

/// A loopback address whose port was free a moment ago.
///
/// # Panics
/// When the machine has no free port left.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("loopback has a free port")
}
