//! TLS for clients: certificates by name, reloaded when their files change; tickets that every worker and the next process
//! accept; the ClientHello read before the TLS library sees it.

mod certificates;
mod challenges;
mod error;
mod hello;
mod ja4;
mod tickets;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};

use crate::clock::Clock;
use certificates::Certificates;

pub use certificates::CertificateLife;
pub use challenges::Challenges;
pub use error::TlsError;
pub(crate) use hello::{Hello, read_hello};
pub use hello::{HelloError, decode as decode_client_hello};
pub use ja4::{Ja4, Shown};
pub use tickets::TicketKeys;
pub use watch::CertificateNews;
pub(crate) use watch::CertificateWatch;

/// How one listener speaks TLS.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// Certificates with their keys. The first is for clients that name no host, or one that none of them is for.
    pub certificates: Vec<CertificateFiles>,
    /// Whether HTTP/2 is offered (ALPN `h2`).
    pub http2: bool,
    /// Whether TLS 1.2 is spoken beside 1.3.
    pub tls12: bool,
    /// Proofs for an authority, if certificates are had by ACME.
    pub challenges: Option<Arc<Challenges>>,
}

/// The files of one certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFiles {
    /// The certificate and those that lead to its root, PEM.
    pub chain: PathBuf,
    /// Its private key, PEM (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
    /// An OCSP answer to staple, DER.
    pub ocsp: Option<PathBuf>,
}

/// One listener's TLS.
pub struct Tls {
    settings: TlsSettings,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads all files.
    ///
    /// # Errors
    /// When a file cannot be read, holds no certificate or key, or key and certificate do not belong together.
    pub fn load(settings: TlsSettings, tickets: TicketKeys, clock: Clock) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificates = Certificates::load(&settings.certificates, &provider)?;
        let current = Arc::new(Current {
            certificates: ArcSwap::from_pointee(certificates),
            challenges: settings.challenges.clone(),
        });
        let config = configure(&settings, provider, current.clone(), tickets, clock)?;
        Ok(Self { settings, current, config: Arc::new(config) })
    }

    /// Reads all files again. With an error, those in use stay in use.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let certificates = Certificates::load(&self.settings.certificates, self.config.crypto_provider())?;
        self.current.certificates.store(certificates.into());
        Ok(())
    }

    pub(crate) fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Whether what a client shows is a ticket that was given out here. Anybody can show something that looks like one.
    pub(crate) fn opens(&self, ticket: &[u8]) -> bool {
        ticket.len() <= TICKET_BYTES_MAX && self.config.ticketer.decrypt(ticket).is_some()
    }

    /// How long the certificates in use are valid.
    pub fn lives(&self) -> Vec<CertificateLife> {
        self.current.certificates.load().lives().to_vec()
    }

    /// All files that are watched.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.settings.certificates.iter().flat_map(|files| {
            [Some(&files.chain), Some(&files.key), files.ocsp.as_ref()].into_iter().flatten()
        })
    }
}

fn configure(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    tickets: TicketKeys,
    clock: Clock,
) -> Result<ServerConfig, TlsError> {
    let versions: &[&SupportedProtocolVersion] = if settings.tls12 {
        &[&rustls::version::TLS13, &rustls::version::TLS12]
    } else {
        &[&rustls::version::TLS13]
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(TlsError::Library)?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols =
        if settings.http2 { vec![H2.to_vec(), HTTP11.to_vec()] } else { vec![HTTP11.to_vec()] };
    if settings.challenges.is_some() {
        config.alpn_protocols.push(ACME_TLS.to_vec());
    }
    // Tickets alone: a table of sessions would grow with the number of clients, and no other worker would know it. There is
    // no early data: whoever repeats it repeats a request (RFC 8446, section 8).
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Arc::new(tickets::Tickets::new(tickets, clock));
    config.max_early_data_size = 0;
    // All suites are sound; the order of the one who is attacked counts, not that of whoever attacks.
    config.ignore_client_order = true;
    Ok(config)
}

/// Longer than any ticket that is given out: those hold some hundred bytes.
const TICKET_BYTES_MAX: usize = 2_048;

/// The certificates in use, exchanged as a whole.
#[derive(Debug)]
struct Current {
    certificates: ArcSwap<Certificates>,
    challenges: Option<Arc<Challenges>>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(challenges) = &self.challenges
            && hello.alpn().is_some_and(|mut offered| offered.any(|protocol| protocol == ACME_TLS))
        {
            return challenges.certificate(hello.server_name());
        }
        Some(self.certificates.load().choose(hello.server_name(), hello.signature_schemes()))
    }
}

/// ALPN identifiers (RFC 7301, RFC 9113).
pub(crate) const H2: &[u8] = b"h2";
/// RFC 8737, section 3: whoever agrees to it gets a proof, and nothing else.
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";
const HTTP11: &[u8] = b"http/1.1";

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

    use super::*;

    /// A listener with its own certificate, and clients that believe it.
    fn listener(folder: &std::path::Path) -> (Tls, Arc<ClientConfig>) {
        let made = rcgen::generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
        let files = CertificateFiles { chain: folder.join("chain"), key: folder.join("key"), ocsp: None };
        std::fs::write(&files.chain, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let settings = TlsSettings { certificates: vec![files], http2: false, tls12: true, challenges: None };
        let tls = Tls::load(settings, Arc::new(|_| [7; 32]), Clock::start()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(made.cert.der().to_vec())).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (tls, Arc::new(client))
    }

    fn client(config: &Arc<ClientConfig>) -> ClientConnection {
        ClientConnection::new(config.clone(), ServerName::try_from("shop.example").unwrap()).unwrap()
    }

    /// Everything that a client says first.
    fn first_words(client: &mut ClientConnection) -> Vec<u8> {
        let mut said = Vec::new();
        client.write_tls(&mut said).unwrap();
        said
    }

    /// The ticket that a client shows first.
    fn shown(config: &Arc<ClientConfig>) -> Option<Vec<u8>> {
        decode_client_hello(&first_words(&mut client(config))).unwrap().unwrap().ticket
    }

    fn shake_hands(tls: &Tls, client: &mut ClientConnection) {
        let mut server = ServerConnection::new(tls.config().clone()).unwrap();
        for _ in 0..8 {
            let mut said = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut said).unwrap();
            }
            server.read_tls(&mut &said[..]).unwrap();
            server.process_new_packets().unwrap();
            let mut answered = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut answered).unwrap();
            }
            client.read_tls(&mut &answered[..]).unwrap();
            client.process_new_packets().unwrap();
        }
    }

    #[test]
    fn only_a_ticket_that_was_given_out_counts_as_coming_back() {
        let folder = tempfile::tempdir().unwrap();
        let (tls, config) = listener(folder.path());
        let mut first = client(&config);
        let ticket = shown(&config);
        assert_eq!(ticket, None, "nothing to show yet");
        shake_hands(&tls, &mut first);
        let ticket = shown(&config);
        let mut ticket = ticket.unwrap();
        assert!(tls.opens(&ticket));
        ticket[40] ^= 1;
        assert!(!tls.opens(&ticket), "made up: it looks like one");
        assert!(!tls.opens(&[0; TICKET_BYTES_MAX + 1]));
    }
}
