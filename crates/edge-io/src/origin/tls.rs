//! TLS to the app.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How an origin is spoken to over TLS: always verified, by its name in `url`.
#[derive(Clone)]
pub struct OriginTls {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// Why an origin cannot be spoken to over TLS.
#[derive(Debug, thiserror::Error)]
pub enum OriginTlsError {
    /// There are no authorities.
    #[error(transparent)]
    Roots(#[from] web_io::RootsError),
    /// The host is no name that a certificate could be for.
    #[error("`{0}` is no name that a certificate could be for")]
    Name(String),
    /// The TLS library refuses what is configured.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

impl OriginTls {
    /// For an origin at `host` (an IPv6 address in brackets), verified with the authorities in a PEM file, or with those of the
    /// system.
    ///
    /// # Errors
    /// When there are none, or the host is no name.
    pub fn new(host: &str, authorities: Option<&Path>) -> Result<Self, OriginTlsError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name =
            ServerName::try_from(bare.to_owned()).map_err(|_| OriginTlsError::Name(host.to_owned()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut http1 = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(web_io::roots(authorities)?)
            .with_no_client_auth();
        let mut http2 = http1.clone();
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        http2.alpn_protocols = vec![H2.to_vec()];
        Ok(Self { http1: Arc::new(http1), http2: Arc::new(http2), name })
    }

    /// Speaks TLS on a connection to the origin.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        speaks: Speaks,
    ) -> io::Result<TlsStream<TcpStream>> {
        let config = match speaks {
            Speaks::Http1 => &self.http1,
            Speaks::Http2 => &self.http2,
        };
        let stream = TlsConnector::from(config.clone()).connect(self.name.clone(), stream).await?;
        if speaks == Speaks::Http2 && stream.get_ref().1.alpn_protocol() != Some(H2) {
            return Err(io::Error::other("the origin's TLS does not agree to HTTP/2 (ALPN h2)"));
        }
        Ok(stream)
    }
}

impl fmt::Debug for OriginTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OriginTls({:?})", self.name)
    }
}

/// What is to be spoken under TLS.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Speaks {
    Http1,
    Http2,
}

/// RFC 9113, section 3.2.
const H2: &[u8] = b"h2";
