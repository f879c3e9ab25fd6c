//! Certificates from an authority, by ACME (RFC 8555): one for each host, had, kept in files and renewed without anybody.
//!
//! [`prepare`] makes sure that every host has a file that a TLS listener can read, if need be with a certificate that the gate
//! signs itself; [`Agent::start`] then has real ones made, and again when two thirds of their time are over. Whoever serves
//! answers the authority's questions through a [`Prover`], by HTTP (RFC 8555, section 8.3) or in a TLS handshake (RFC 8737),
//! and reads the files again when they change.

mod agent;
mod client;
mod files;
mod order;
mod schedule;

use std::path::PathBuf;

use model::{Instant, Timestamp};

pub use agent::{Agent, News};
pub use files::{FileError, Files, prepare};
pub use order::IssueError;

/// From whom certificates are had, and for whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The authority's directory.
    pub directory: String,
    /// Authorities to verify its own https with, PEM; without it, those of the system.
    pub authorities: Option<PathBuf>,
    /// Addresses that the authority writes to, such as `mailto:ops@shop.example`.
    pub contacts: Vec<String>,
    /// What binds the account to a customer of the authority.
    pub external: Option<ExternalAccount>,
    /// The host names, in lower case; each has a certificate of its own.
    pub hosts: Vec<String>,
    /// How a host may be proved, tried in turn.
    pub methods: Vec<Method>,
    /// The folder for account and certificates; made if need be.
    pub folder: PathBuf,
}

/// What binds an account to a customer of the authority (RFC 8555, section 7.3.4).
#[derive(Clone)]
pub struct ExternalAccount {
    id: String,
    key: Vec<u8>,
}

/// The key is not as authorities write it.
#[derive(Debug, thiserror::Error)]
#[error("it is no base64url: {0}")]
pub struct ExternalKeyError(data_encoding::DecodeError);

impl ExternalAccount {
    /// The name of a key, and the key itself as the authority shows it (base64url, padded or not).
    ///
    /// # Errors
    /// When the key is no base64url.
    pub fn new(id: &str, key: &[u8]) -> Result<Self, ExternalKeyError> {
        let unpadded = key.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
        let key = data_encoding::BASE64URL_NOPAD.decode(&key[..unpadded]).map_err(ExternalKeyError)?;
        Ok(Self { id: id.to_owned(), key })
    }
}

impl std::fmt::Debug for ExternalAccount {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExternalAccount({})", self.id)
    }
}

/// How the authority is shown that a host is ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// It asks for a file on port 80 (`http-01`).
    Http,
    /// It looks for a certificate on port 443 (`tls-alpn-01`).
    Tls,
}

impl Method {
    /// Its name in the protocol.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Http => "http-01",
            Self::Tls => "tls-alpn-01",
        }
    }
}

/// What time it is, twice: for waiting, and for what certificates say.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Never goes back.
    pub instant: Instant,
    /// The wall's.
    pub wall: Timestamp,
}

/// Whoever answers the authority's questions.
pub trait Prover: Send + Sync {
    /// From now on `/.well-known/acme-challenge/TOKEN` is answered with this text.
    fn answer_http(&self, token: &str, text: &str);

    /// From now on handshakes for `acme-tls/1` with this host get this certificate (DER) with this key (PKCS #8, DER).
    fn answer_tls(&self, host: &str, certificate: &[u8], key: &[u8]);

    /// Nothing is asked any more.
    fn forget(&self);
}
