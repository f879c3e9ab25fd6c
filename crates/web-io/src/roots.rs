//! Authorities that servers are verified with.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why there are no authorities to verify a server with.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the certificates that a server is verified with ({from}): {why}")]
pub struct RootsError {
    /// A file, or "the system's".
    from: String,
    /// What is wrong.
    why: String,
}

/// The authorities in a PEM file, or those of the system.
///
/// # Errors
/// When there are none.
pub fn roots(authorities: Option<&Path>) -> Result<RootCertStore, RootsError> {
    let from = authorities.map_or("the system's".to_owned(), |path| path.display().to_string());
    let cannot = |why: String| RootsError { from: from.clone(), why };
    let certificates = match authorities {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| cannot(error.to_string()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    // A system's bundle may hold a few that no library takes.
    let (taken, _ignored) = roots.add_parsable_certificates(certificates);
    if taken == 0 {
        return Err(cannot("there are none; name a file with the authority's certificate".to_owned()));
    }
    Ok(roots)
}

/// TLS for clients, which verifies servers with the authorities in a PEM file, or with those of the system.
///
/// # Errors
/// When there are none.
pub fn tls_client(authorities: Option<&Path>) -> Result<ClientConfig, RootsError> {
    Ok(tls_trusting(roots(authorities)?))
}

/// TLS for clients that verify servers with these authorities alone.
pub(crate) fn tls_trusting(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the protocols' suites")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
