//! What an authority that is about to sign a certificate finds here (RFC 8555, section 8.3; RFC 8737).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// Proofs that the hosts are ours, while somebody looks for them. Whoever has the certificates made sets them.
#[derive(Default)]
pub struct Challenges {
    texts: ArcSwap<HashMap<String, String>>,
    certificates: ArcSwap<HashMap<String, Arc<CertifiedKey>>>,
}

impl Challenges {
    /// `/.well-known/acme-challenge/TOKEN` is answered with this text.
    pub fn answer_http(&self, token: &str, text: &str) {
        self.texts.rcu(|texts| {
            let mut texts = HashMap::clone(texts);
            texts.insert(token.to_owned(), text.to_owned());
            texts
        });
    }

    /// Handshakes for `acme-tls/1` that name this host get this certificate (DER) with this key (PKCS #8, DER). With a key that the TLS
    /// library does not take there is none, and the authority says so.
    pub fn answer_tls(&self, host: &str, certificate: &[u8], key: &[u8]) {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let chain = vec![CertificateDer::from(certificate.to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
        // Not compared with the certificate: its extension is critical, and the library reads none that it does not know.
        let Ok(key) = provider.key_provider.load_private_key(key) else { return };
        let certified = Arc::new(CertifiedKey::new(chain, key));
        self.certificates.rcu(|certificates| {
            let mut certificates = HashMap::clone(certificates);
            certificates.insert(host.to_ascii_lowercase(), certified.clone());
            certificates
        });
    }

    /// Nobody looks any more.
    pub fn forget(&self) {
        self.texts.store(Arc::default());
        self.certificates.store(Arc::default());
    }

    pub(crate) fn text(&self, token: &str) -> Option<String> {
        self.texts.load().get(token).cloned()
    }

    pub(crate) fn certificate(&self, host: Option<&str>) -> Option<Arc<CertifiedKey>> {
        self.certificates.load().get(&host?.to_ascii_lowercase()).cloned()
    }
}

impl fmt::Debug for Challenges {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenges({} texts)", self.texts.load().len())
    }
}
