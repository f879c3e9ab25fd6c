//! Single requests to other servers, over http or https.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Request, Response};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{ClientError, Connection};
use crate::roots::{RootsError, tls_client, tls_trusting};

/// Asks servers anywhere, each request on a connection of its own.
#[derive(Clone)]
pub struct Client {
    tls: Arc<ClientConfig>,
    within: Duration,
    body_bytes_max: usize,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address says neither http nor https, or no host.
    #[error("`{0}` is no address of a web server")]
    Address(String),
    /// The server cannot be reached, or its certificate is not in order.
    #[error("cannot reach {authority}: {error}")]
    Connect {
        /// Host, and port if it is written.
        authority: String,
        /// The operating system's or the TLS library's words.
        error: io::Error,
    },
    /// It answers nothing that can be read.
    #[error("{authority} gives no answer: {error}")]
    Answer {
        /// As above.
        authority: String,
        /// What is wrong.
        error: ClientError,
    },
    /// It took too long.
    #[error("{authority} did not answer within {} s", within.as_secs())]
    Late {
        /// As above.
        authority: String,
        /// How long was waited.
        within: Duration,
    },
}

impl Client {
    /// A client that verifies https servers with the authorities in a PEM file, or with those of the system, and takes answers of
    /// at most so many bytes within so much time.
    ///
    /// # Errors
    /// When there are no authorities.
    pub fn new(
        authorities: Option<&Path>,
        within: Duration,
        body_bytes_max: usize,
    ) -> Result<Self, RootsError> {
        Ok(Self { tls: Arc::new(tls_client(authorities)?), within, body_bytes_max })
    }

    /// As [`Client::new`], for servers without TLS alone: it needs no authorities, and believes no https server.
    pub fn without_tls(within: Duration, body_bytes_max: usize) -> Self {
        Self { tls: Arc::new(tls_trusting(RootCertStore::empty())), within, body_bytes_max }
    }

    /// Sends a request whose URI names scheme and host, and reads the whole answer.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        self.ask(request, false).await
    }

    /// As [`Client::send`], for those whom the status alone tells what came of it: of the body no more than the first bytes are
    /// read, and what is wrong with it, or takes too long, is no error.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn send_briefly(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        self.ask(request, true).await
    }

    async fn ask(&self, mut request: Request<Bytes>, is_brief: bool) -> Result<Response<Bytes>, FetchError> {
        let no_address = || FetchError::Address(request.uri().to_string());
        let https = match request.uri().scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(_) | None => return Err(no_address()),
        };
        let authority = request.uri().authority().cloned().ok_or_else(no_address)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| no_address())?;
        request.headers_mut().insert(HOST, host);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map(Into::into).unwrap_or_default();
        let exchange = self.exchange(request, &authority, https, is_brief);
        let late = |_| FetchError::Late { authority: authority.to_string(), within: self.within };
        tokio::time::timeout(self.within, exchange).await.map_err(late)?
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        authority: &Authority,
        https: bool,
        is_brief: bool,
    ) -> Result<Response<Bytes>, FetchError> {
        let unreachable = |error| FetchError::Connect { authority: authority.to_string(), error };
        let unreadable = |error| FetchError::Answer { authority: authority.to_string(), error };
        let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
        let bare = authority.host().trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, port)).await.map_err(unreachable)?;
        // Small requests must not wait for an acknowledgement.
        let _unchanged = stream.set_nodelay(true);
        let mut connection = if https {
            let name = ServerName::try_from(bare.to_owned())
                .map_err(|_| FetchError::Address(authority.to_string()))?;
            let tls =
                TlsConnector::from(self.tls.clone()).connect(name, stream).await.map_err(unreachable)?;
            Connection::open(tls).await.map_err(unreadable)?
        } else {
            Connection::open(stream).await.map_err(unreadable)?
        };
        if is_brief {
            connection.send_briefly(request, self.body_bytes_max).await.map_err(unreadable)
        } else {
            connection.send(request, self.body_bytes_max).await.map_err(unreadable)
        }
    }
}

#[cfg(test)]
mod tests;
