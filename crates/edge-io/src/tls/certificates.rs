//! Certificates: read from files, chosen by the name that a client asks for.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use model::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::time::Time;

use super::{CertificateFiles, TlsError};

/// All certificates of one listener.
#[derive(Debug)]
pub(crate) struct Certificates {
    /// By host name in lower case, with wildcards as they are written; RSA last, whose signatures cost ten times as much, and
    /// otherwise in the order of configuration.
    names: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For clients that name no host, or one that no certificate is for.
    fallback: Vec<Arc<CertifiedKey>>,
    lives: Vec<CertificateLife>,
}

/// How long a certificate is valid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateLife {
    /// The first host that it is for; its file, if it is for none.
    pub name: String,
    /// Its first second.
    pub not_before: Timestamp,
    /// Its last second.
    pub not_after: Timestamp,
}

impl Certificates {
    /// Reads the files of all certificates, of which there is at least one.
    pub(crate) fn load(files: &[CertificateFiles], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let mut loaded =
            Self { names: HashMap::new(), fallback: Vec::with_capacity(files.len()), lives: Vec::new() };
        for files in files {
            let (certified, names) = load_one(files, provider)?;
            let certified = Arc::new(certified);
            let name = names.first().cloned().unwrap_or_else(|| files.chain.display().to_string());
            loaded.lives.extend(certified.cert.first().and_then(|certificate| life(name, certificate)));
            for name in names {
                let of_name: &mut Vec<Arc<CertifiedKey>> = loaded.names.entry(name).or_default();
                let before_rsa = of_name.partition_point(|other| !is_rsa(other));
                let at = if is_rsa(&certified) { of_name.len() } else { before_rsa };
                of_name.insert(at, certified.clone());
            }
            loaded.fallback.push(certified);
        }
        Ok(loaded)
    }

    /// How long each is valid.
    pub(crate) fn lives(&self) -> &[CertificateLife] {
        &self.lives
    }

    /// The certificate for a name, else for its wildcard, else the first of all; of several the first whose key can sign as the
    /// client wants (so that RSA and ECDSA can stand beside each other).
    pub(crate) fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Arc<CertifiedKey> {
        let exact = name.and_then(|name| {
            // Most clients write lower case; RFC 6066 lets them write as they please.
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                self.names_of(&name.to_ascii_lowercase())
            } else {
                self.names_of(name)
            }
        });
        let of_name = exact.unwrap_or(&self.fallback);
        let fits = |certified: &&Arc<CertifiedKey>| certified.key.choose_scheme(schemes).is_some();
        of_name.iter().find(fits).or_else(|| of_name.first()).unwrap_or(&self.fallback[0]).clone()
    }

    fn names_of(&self, name: &str) -> Option<&Vec<Arc<CertifiedKey>>> {
        self.names.get(name).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.names.get(&format!("*.{parent}"))
        })
    }
}

fn is_rsa(certified: &CertifiedKey) -> bool {
    certified.key.algorithm() == SignatureAlgorithm::RSA
}

/// `None` if a certificate that the TLS library takes cannot be read here: then nothing is said of it.
fn life(name: String, certificate: &CertificateDer<'_>) -> Option<CertificateLife> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let at = |time: &Time| Timestamp::from_secs(time.to_unix_duration().as_secs());
    Some(CertificateLife { name, not_before: at(&validity.not_before), not_after: at(&validity.not_after) })
}

fn load_one(
    files: &CertificateFiles,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, Vec<String>), TlsError> {
    let chain = CertificateDer::pem_slice_iter(&read(&files.chain)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| not_pem(&files.chain, CERTIFICATE, &error))?;
    let Some(end_entity) = chain.first() else {
        return Err(not_pem(&files.chain, CERTIFICATE, &pem::Error::NoItemsFound));
    };
    let names = names(end_entity, &files.chain)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|error| not_pem(&files.key, PRIVATE_KEY, &error))?;
    let mut certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| TlsError::Pair {
        chain: files.chain.clone(),
        key: files.key.clone(),
        error,
    })?;
    certified.ocsp = files.ocsp.as_deref().map(read).transpose()?;
    Ok((certified, names))
}

/// The host names that a certificate is for.
fn names(certificate: &CertificateDer<'_>, path: &Path) -> Result<Vec<String>, TlsError> {
    let bad = |why: String| TlsError::Certificate { path: path.to_owned(), why };
    let parsed = EndEntityCert::try_from(certificate).map_err(|error| bad(error.to_string()))?;
    Ok(parsed.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

fn not_pem(path: &Path, wanted: &'static str, error: &pem::Error) -> TlsError {
    TlsError::Pem { path: path.to_owned(), wanted, why: error.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let cannot = |error| TlsError::Read { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    let read = File::open(path).map_err(cannot)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    if read.map_err(cannot)? as u64 > FILE_BYTES_MAX {
        return Err(TlsError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

const CERTIFICATE: &str = "certificate";
const PRIVATE_KEY: &str = "private key";
const FILE_BYTES_MAX: u64 = 1 << 20;
