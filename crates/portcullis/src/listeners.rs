//! From what is said of listeners to listeners.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use config::TlsVersion;
use edge_io::{
    CertificateFiles, CertificateLife, Clock, Listener, Manner, TicketKeys, Tls, TlsError, TlsSettings,
};
use journal_io::keys::Keys;
use model::Timestamp;

use crate::acme::Acme;
use crate::control::Door;
use crate::gate::{self, GateError};
use crate::handover::Inherited;

/// A listener whose sockets are open and whose certificates have not been read.
pub(crate) struct Opened {
    sockets: Vec<TcpListener>,
    proxy_protocol: bool,
    redirect: Option<u16>,
    hsts: Option<Duration>,
    tls: Option<TlsSettings>,
    acme: bool,
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
        Ok(Self { sockets, proxy_protocol: false, redirect: None, hsts: None, tls, acme: false })
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
            acme: listen.tls.as_ref().is_some_and(|tls| tls.acme),
        })
    }

    /// Reads the certificates; those that are had by ACME come last.
    pub(crate) fn ready(
        mut self,
        keys: &Arc<Keys>,
        clock: Clock,
        acme: Option<&Acme>,
    ) -> Result<Listener, TlsError> {
        if let (Some(tls), Some(acme), true) = (&mut self.tls, acme, self.acme) {
            tls.certificates.extend(acme.certificates());
            tls.challenges = Some(acme.challenges());
        }
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

/// Where clients reach a configured gate.
pub(crate) fn doors(config: &config::Config) -> Vec<Door> {
    let door = |listen: &config::Listen| Door {
        port: listen.address.port(),
        tls: listen.tls.is_some(),
        is_indirect: listen.proxy_protocol || listen.https_redirect,
    };
    config.listen.iter().map(door).collect()
}

/// TLS with one certificate and every default.
pub(crate) fn one_certificate(chain: &Path, key: &Path) -> TlsSettings {
    let files = CertificateFiles { chain: chain.to_owned(), key: key.to_owned(), ocsp: None };
    TlsSettings { certificates: vec![files], http2: true, tls12: true, challenges: None }
}

/// The certificates of all listeners can be read, and each fits its key.
pub(crate) fn check(config: &config::Config) -> Result<Vec<CertificateLife>, TlsError> {
    let no_tickets: TicketKeys = Arc::new(|_| [0; 32]);
    let all = config.listen.iter().filter_map(|listen| listen.tls.as_ref());
    let all = all.filter(|tls| !tls.certificate.is_empty());
    let mut lives = Vec::new();
    for tls in all {
        lives.extend(Tls::load(settings(tls), no_tickets.clone(), Clock::start())?.lives());
    }
    Ok(lives)
}

/// What people are to know of a certificate that should have been renewed by now: less than a quarter of its time is left, and
/// less than two weeks.
pub(crate) fn ends_soon(life: &CertificateLife, now: Timestamp) -> Option<String> {
    let whole = life.not_after.since(life.not_before);
    let left = life.not_after.since(now);
    if left == Duration::ZERO {
        return Some(format!("the certificate for {} has ended: browsers refuse it", life.name));
    }
    let soon = left < (whole / 4).min(ENDS_SOON);
    let hours = left.as_secs() / 3_600;
    soon.then(|| format!("the certificate for {} ends in {} d {} h", life.name, hours / 24, hours % 24))
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
        challenges: None,
    }
}

fn ticket_keys(keys: &Arc<Keys>) -> TicketKeys {
    let keys = keys.clone();
    Arc::new(move |day| keys.ticket_key(day))
}

const ENDS_SOON: Duration = Duration::from_secs(14 * 86_400);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A socket of systemd is known by its address alone.
    #[test]
    fn the_socket_unit_opens_the_addresses_of_the_manual() {
        let of = |text: &str, begin: &str| -> BTreeSet<SocketAddr> {
            let values = text.lines().filter_map(|line| line.strip_prefix(begin));
            values.map(|value| value.trim_matches('"').parse().unwrap()).collect()
        };
        let opened = of(include_str!("../../../packaging/portcullis.socket"), "ListenStream=");
        let listens = of(include_str!("../../../docs/first-day.md"), "address = ");
        assert_eq!(opened, listens);
        assert_eq!(opened.iter().map(SocketAddr::port).collect::<Vec<_>>(), [80, 443]);
    }

    #[test]
    fn a_certificate_that_should_have_been_renewed_is_spoken_of() {
        let day = |day: u64| Timestamp::from_secs(day * 86_400);
        let life = |days: u64| CertificateLife {
            name: "shop.example".into(),
            not_before: day(1_000),
            not_after: day(1_000 + days),
        };
        assert_eq!(ends_soon(&life(90), day(1_075)), None, "two weeks and a day");
        assert_eq!(
            ends_soon(&life(90), day(1_080)).unwrap(),
            "the certificate for shop.example ends in 10 d 0 h"
        );
        assert_eq!(ends_soon(&life(6), day(1_002)), None, "four of six days are left");
        assert!(ends_soon(&life(6), day(1_005)).is_some());
        assert!(ends_soon(&life(90), day(1_090)).unwrap().contains("has ended"));
    }
}
