use std::io;
use std::path::PathBuf;

/// Why TLS cannot be had as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}; does it exist, and may the gate's user read it?", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// A file is larger than any certificate or key.
    #[error("{} is larger than 1 MiB, so it is neither a certificate nor a key", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A file is no PEM, or has nothing of what is needed.
    #[error("{} holds no {wanted}: {why}", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Key and certificate do not belong together, or are of a kind that is not spoken.
    #[error("the key in {} cannot be used with the certificate in {}: {error}", key.display(), chain.display())]
    Pair {
        /// The certificate.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
        /// The library's words.
        error: rustls::Error,
    },
    /// The certificate names no host.
    #[error("the certificate in {} cannot be used: {why}", path.display())]
    Certificate {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The TLS library refuses what is configured.
    #[error("TLS cannot be set up: {0}")]
    Library(rustls::Error),
}
