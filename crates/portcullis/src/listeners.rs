//! From what is said of listeners to listeners.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use config::TlsVersion;
use edge_io::{CertificateFiles, Clock, Listener, Manner, TicketKeys, Tls, TlsError, TlsSettings};
use journal_io::keys::Keys;

use crate::gate::{self, GateError};
use crate::handover::Inherited;

/// A listener whose sockets are open and whose certificates have not been read.
pub(crate) struct Opened {
    sockets: Vec<TcpListener>,
    proxy_protocol: bool,
    redirect: Option<u16>,
    hsts: Option<Duration>,
    tls: Option<TlsSettings>,
}

impl Opened {
    /// Plain HTTP, or TLS with one certificate.
    pub(crate) fn plain(
        address: SocketAddr,
        workers: usize,
        tls: Option<TlsSettings>,
        inherited: &mut Inherited,
    ) -> Result<Self, GateError> {
        let sockets = gate::listen(address, workers, inherited)?;
        Ok(Self { sockets, proxy_protocol: false, redirect: None, hsts: None, tls })
    }

    /// As the configuration says; `all` are its listeners.
    pub(crate) fn configured(
        listen: &config::Listen,
        all: &[config::Listen],
        workers: usize,
        inherited: &mut Inherited,
    ) -> Result<Self, GateError> {
        let https = all.iter().find(|other| other.tls.is_some());
        let redirect = https.filter(|_| listen.https_redirect).map(|https| https.address.port());
        Ok(Self {
            sockets: gate::listen(listen.address, workers, inherited)?,
            proxy_protocol: listen.proxy_protocol,
            redirect,
            hsts: listen.tls.as_ref().and_then(|tls| tls.hsts),
            tls: listen.tls.as_ref().map(settings),
        })
    }

    /// Reads the certificates.
    pub(crate) fn ready(self, keys: &Arc<Keys>, clock: Clock) -> Result<Listener, TlsError> {
        let tls = self.tls.map(|tls| Tls::load(tls, ticket_keys(keys), clock)).transpose()?;
        let hsts = self.hsts.and_then(|age| format!("max-age={}", age.as_secs()).parse().ok());
        let manner = Manner {
            proxy_protocol: self.proxy_protocol,
            tls: tls.map(Arc::new),
            redirect: self.redirect,
            hsts,
        };
        Ok(Listener { sockets: self.sockets, manner })
    }
}

/// TLS with one certificate and every default.
pub(crate) fn one_certificate(chain: &Path, key: &Path) -> TlsSettings {
    let files = CertificateFiles { chain: chain.to_owned(), key: key.to_owned(), ocsp: None };
    TlsSettings { certificates: vec![files], http2: true, tls12: true }
}

/// The certificates of all listeners can be read, and each fits its key.
pub(crate) fn check(config: &config::Config) -> Result<usize, TlsError> {
    let no_tickets: TicketKeys = Arc::new(|_| [0; 32]);
    let all = config.listen.iter().filter_map(|listen| listen.tls.as_ref());
    let mut count = 0;
    for tls in all {
        Tls::load(settings(tls), no_tickets.clone(), Clock::start())?;
        count += tls.certificate.len();
    }
    Ok(count)
}

fn settings(tls: &config::Tls) -> TlsSettings {
    let files = |certificate: &config::Certificate| CertificateFiles {
        chain: certificate.chain.clone(),
        key: certificate.key.clone(),
        ocsp: certificate.ocsp.clone(),
    };
    TlsSettings {
        certificates: tls.certificate.iter().map(files).collect(),
        http2: tls.http2,
        tls12: tls.min_version == TlsVersion::Tls12,
    }
}

fn ticket_keys(keys: &Arc<Keys>) -> TicketKeys {
    let keys = keys.clone();
    Arc::new(move |day| keys.ticket_key(day))
}
