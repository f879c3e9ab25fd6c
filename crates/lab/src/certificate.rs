//! Certificates for tests: an authority of their own, and what it signs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority that exists for one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, for clients to trust.
    pub file: PathBuf,
}

/// Where a certificate and its key lie.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The certificate.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Signed {
    /// The tables of a `[[listen]]` that speaks TLS with this certificate.
    pub fn tables(&self) -> String {
        let (chain, key) = (self.chain.display(), self.key.display());
        format!("[listen.tls]\n[[listen.tls.certificate]]\nchain = \"{chain}\"\nkey = \"{key}\"\n")
    }
}

impl Authority {
    /// A new authority; its certificate is written into the folder.
    ///
    /// # Errors
    /// When the folder cannot be written to, or no key can be made.
    pub fn new(folder: &Path, name: &str) -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let file = folder.join(format!("{name}.pem"));
        fs::write(&file, certificate.pem())?;
        Ok(Self { issuer: Issuer::new(params, key), file })
    }

    /// Signs a certificate for these host names and writes it, with its key, into two files of the folder.
    ///
    /// # Errors
    /// As [`Authority::new`].
    pub fn sign(&self, folder: &Path, file: &str, hosts: &[&str]) -> io::Result<Signed> {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let params = CertificateParams::new(hosts).map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        let signed =
            Signed { chain: folder.join(format!("{file}.pem")), key: folder.join(format!("{file}.key")) };
        fs::write(&signed.chain, certificate.pem())?;
        fs::write(&signed.key, key.serialize_pem())?;
        Ok(signed)
    }
}
