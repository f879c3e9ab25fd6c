//! Where sets of keys come from: a file, or a server of the own network.

use std::fmt;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{Request, Response, StatusCode};
use tokio::net::TcpStream;

use super::keys::{JWKS_BYTES_MAX, KeySet, KeySetError};

/// Where the keys are published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JwksSource {
    /// A file.
    File(PathBuf),
    /// A server that is asked over plain http; it must be on this machine or in a private network.
    Http {
        /// `HOST:PORT`.
        authority: String,
        /// The path.
        path: String,
    },
    /// A server anywhere that is asked over https.
    Https {
        /// `HOST:PORT`.
        authority: String,
        /// The path.
        path: String,
        /// Authorities to verify it with, PEM; without it, those of the system.
        authorities: Option<PathBuf>,
    },
}

impl fmt::Display for JwksSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Http { authority, path } => write!(f, "http://{authority}{path}"),
            Self::Https { authority, path, .. } => write!(f, "https://{authority}{path}"),
        }
    }
}

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// The server is not there.
    #[error("cannot reach {authority}: {error}")]
    Connect {
        /// `HOST:PORT`.
        authority: String,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// Whoever is on the way could publish keys of his own.
    #[error(
        "{authority} is at {address}, which is no private address: over plain http anybody on the way could replace the keys; write https:// if it speaks that, or the path of a file"
    )]
    Public {
        /// `HOST:PORT`.
        authority: String,
        /// Where it is.
        address: IpAddr,
    },
    /// No answer that can be read.
    #[error("{authority} gives no keys: {error}")]
    Answer {
        /// `HOST:PORT`.
        authority: String,
        /// What is wrong.
        error: web_io::ClientError,
    },
    /// An answer, but no keys.
    #[error("{authority} answers {status} for its keys; redirects are not followed")]
    Status {
        /// `HOST:PORT`.
        authority: String,
        /// The status.
        status: StatusCode,
    },
    /// There is nothing to verify the server with.
    #[error(transparent)]
    Roots(#[from] web_io::RootsError),
    /// The server cannot be reached over https, or gives no answer that can be read.
    #[error(transparent)]
    Fetch(#[from] web_io::FetchError),
    /// It took too long.
    #[error("the keys did not come within {} s", FETCH_TIMEOUT.as_secs())]
    Late,
    /// What came is no set of keys.
    #[error("{place}: {error}")]
    Keys {
        /// File or address.
        place: String,
        /// What is wrong.
        error: KeySetError,
    },
}

impl JwksSource {
    /// Reads the keys, within 10 s and 256 KiB.
    ///
    /// # Errors
    /// See [`JwksError`].
    pub async fn read(&self) -> Result<KeySet, JwksError> {
        let reading = async {
            match self {
                Self::File(path) => {
                    read_file(path).map_err(|error| JwksError::File { path: path.clone(), error })
                }
                Self::Http { authority, path } => fetch(authority, path).await,
                Self::Https { authority, authorities, .. } => {
                    fetch_https(authority, &self.to_string(), authorities.as_deref()).await
                }
            }
        };
        let text = tokio::time::timeout(FETCH_TIMEOUT, reading).await.map_err(|_| JwksError::Late)??;
        KeySet::parse(&text).map_err(|error| JwksError::Keys { place: self.to_string(), error })
    }
}

/// One byte more than allowed, so that too much is seen.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        // A pipe could keep us waiting for ever.
        return Err(std::io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(JWKS_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

async fn fetch(authority: &str, path: &str) -> Result<Vec<u8>, JwksError> {
    let unreachable = |error| JwksError::Connect { authority: authority.to_owned(), error };
    let unreadable = |error| JwksError::Answer { authority: authority.to_owned(), error };
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host(authority).await.map_err(unreachable)?.take(ADDRESSES_MAX).collect();
    if let Some(public) = found.iter().map(|found| found.ip()).find(|&address| !is_private(address)) {
        return Err(JwksError::Public { authority: authority.to_owned(), address: public });
    }
    let stream = TcpStream::connect(found.as_slice()).await.map_err(unreachable)?;
    let mut connection = web_io::Connection::open(stream).await.map_err(unreadable)?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(host) = HeaderValue::from_str(authority) {
        headers.insert(HOST, host);
    }
    describe(headers);
    taken(authority, connection.send(request, JWKS_BYTES_MAX).await.map_err(unreadable)?)
}

async fn fetch_https(authority: &str, url: &str, authorities: Option<&Path>) -> Result<Vec<u8>, JwksError> {
    let client = web_io::Client::new(authorities, FETCH_TIMEOUT, JWKS_BYTES_MAX)?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = url.parse().unwrap_or_default();
    describe(request.headers_mut());
    taken(authority, client.send(request).await?)
}

fn describe(headers: &mut HeaderMap) {
    headers.insert(ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("portcullis"));
}

fn taken(authority: &str, answer: Response<Bytes>) -> Result<Vec<u8>, JwksError> {
    if answer.status() != StatusCode::OK {
        return Err(JwksError::Status { authority: authority.to_owned(), status: answer.status() });
    }
    Ok(answer.into_body().into())
}

/// This machine, a private network (RFC 1918, RFC 4193) or the own link.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
const ADDRESSES_MAX: usize = 16;
