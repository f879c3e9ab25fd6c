//! The folder of account and certificates. Each certificate lies with its key in one file, so that no reader ever finds one
//! without the other.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::Settings;

/// When a certificate is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Validity {
    /// The first second.
    pub(crate) not_before: u64,
    /// The last second.
    pub(crate) not_after: u64,
    /// Whoever it is for signed it.
    pub(crate) own: bool,
}

/// What cannot be done with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error("cannot {doing} {}: {error}", path.display())]
    File {
        /// What was to be done.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate for {host}: {error}")]
    Make {
        /// For whom.
        host: String,
        /// What is wrong.
        error: rcgen::Error,
    },
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Files(PathBuf);

/// Makes the folder, and for hosts without a certificate that can be read one that the gate signs itself: browsers warn of it,
/// until the real one is there.
///
/// # Errors
/// When a file cannot be written.
pub fn prepare(settings: &Settings) -> Result<Files, FileError> {
    let files = Files(settings.folder.clone());
    fs::create_dir_all(&files.0).map_err(|error| failed("make", &files.0, error))?;
    for host in &settings.hosts {
        if files.validity(host).is_none() {
            files.write_certificate(host, &own_certificate(host)?)?;
        }
    }
    Ok(files)
}

/// When the first certificate of a PEM text is valid; `None` if there is none that can be read.
pub(crate) fn validity(pem: &[u8]) -> Option<Validity> {
    let der = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let certificate = Certificate::from_der(&der).ok()?;
    let told = certificate.tbs_certificate();
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    Some(Validity {
        not_before: seconds(told.validity().not_before),
        not_after: seconds(told.validity().not_after),
        own: told.issuer() == told.subject(),
    })
}

impl Files {
    /// The file of a host's certificate and key, PEM.
    pub fn certificate(&self, host: &str) -> PathBuf {
        self.0.join(format!("{host}.pem"))
    }

    /// When a host's certificate is valid; `None` if there is none that can be read.
    pub(crate) fn validity(&self, host: &str) -> Option<Validity> {
        validity(&read(&self.certificate(host))?)
    }

    /// Replaces a host's certificate.
    pub(crate) fn write_certificate(&self, host: &str, pem: &str) -> Result<(), FileError> {
        replace(&self.certificate(host), pem.as_bytes())
    }

    /// The account, if it was made at this directory.
    pub(crate) fn account(&self, directory: &str) -> Option<serde_json::Value> {
        let mut account: serde_json::Value = serde_json::from_slice(&read(&self.account_file())?).ok()?;
        (account["directory"] == directory).then(|| account["credentials"].take())
    }

    pub(crate) fn write_account(
        &self,
        directory: &str,
        credentials: &serde_json::Value,
    ) -> Result<(), FileError> {
        let account = serde_json::json!({ "directory": directory, "credentials": credentials });
        replace(&self.account_file(), account.to_string().as_bytes())
    }

    /// The authority does not know the account any more.
    pub(crate) fn forget_account(&self) {
        // What cannot be removed is found out at the next attempt, too.
        let _gone = fs::remove_file(self.account_file());
    }

    fn account_file(&self) -> PathBuf {
        self.0.join("account.json")
    }
}

fn own_certificate(host: &str) -> Result<String, FileError> {
    let make = || {
        let mut params = CertificateParams::new([host.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, host);
        let key = KeyPair::generate()?;
        Ok(format!("{}{}", params.self_signed(&key)?.pem(), key.serialize_pem()))
    };
    make().map_err(|error| FileError::Make { host: host.to_owned(), error })
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Writes beside and renames, readable by the owner alone.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let beside = path.with_extension("new");
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| failed("write", path, error))
}

fn failed(doing: &'static str, path: &Path, error: io::Error) -> FileError {
    FileError::File { doing, path: path.to_owned(), error }
}

const FILE_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path) -> Settings {
        Settings {
            directory: "https://ca.example/directory".to_owned(),
            authorities: None,
            contacts: Vec::new(),
            external: None,
            hosts: vec!["shop.example".to_owned(), "www.shop.example".to_owned()],
            methods: vec![crate::Method::Http],
            folder: folder.join("acme"),
        }
    }

    #[test]
    fn every_host_has_a_certificate_from_the_start_and_it_is_not_made_twice() {
        let folder = tempfile::tempdir().unwrap();
        let files = prepare(&settings(folder.path())).unwrap();
        let text = fs::read_to_string(files.certificate("shop.example")).unwrap();
        assert!(validity(text.as_bytes()).unwrap().own);
        assert!(text.contains("PRIVATE KEY"));
        prepare(&settings(folder.path())).unwrap();
        assert_eq!(fs::read_to_string(files.certificate("shop.example")).unwrap(), text);
        fs::write(files.certificate("www.shop.example"), "nonsense").unwrap();
        prepare(&settings(folder.path())).unwrap();
        assert!(files.validity("www.shop.example").unwrap().own, "what cannot be read is made anew");
    }

    #[test]
    fn only_the_owner_reads_keys() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let files = prepare(&settings(folder.path())).unwrap();
        let mode = fs::metadata(files.certificate("shop.example")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_account_belongs_to_its_directory() {
        let folder = tempfile::tempdir().unwrap();
        let files = prepare(&settings(folder.path())).unwrap();
        assert!(files.account("https://ca.example/directory").is_none());
        files.write_account("https://ca.example/directory", &serde_json::json!("key")).unwrap();
        assert_eq!(files.account("https://ca.example/directory"), Some(serde_json::json!("key")));
        assert!(files.account("https://other.example/directory").is_none());
    }
}
