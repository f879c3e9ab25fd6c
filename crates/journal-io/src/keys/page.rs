//! The key that status pages are signed with.

use std::fmt;
use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::HEXLOWER_PERMISSIVE;

use super::{KeyError, Secret, load_or_create};

/// Signs status pages (Ed25519, RFC 8032), so that a copy of one can be checked by whoever knows the public half. It signs nothing
/// else, and is no part of the other secrets: whoever has to replace it loses no passes.
pub struct PageKey(Ed25519KeyPair);

impl PageKey {
    /// The name of its file in the state folder.
    pub const FILE: &'static str = "status.key";

    /// Reads the file in a folder, or makes folder and file with a new key, mode 0600.
    ///
    /// # Errors
    /// See [`KeyError`]; a file that is no key is left alone.
    pub fn load_or_create(folder: &Path) -> Result<Self, KeyError> {
        let make =
            || Ok(format!("{FIRST_LINE}\n{COMMENT}{}\n", HEXLOWER_PERMISSIVE.encode(&Secret::random()?.0)));
        load_or_create(&folder.join(Self::FILE), make, parse)
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("a public key has 32 bytes")
    }

    /// The signature of some bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).as_ref().try_into().expect("a signature has 64 bytes")
    }
}

impl fmt::Debug for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageKey(secret)")
    }
}

fn parse(path: &Path, text: &str) -> Result<PageKey, KeyError> {
    let no_key = || KeyError::PageKey { path: path.to_owned() };
    let mut lines = text.lines().map(str::trim);
    if lines.next() != Some(FIRST_LINE) {
        return Err(no_key());
    }
    let mut secrets = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (Some(secret), None) = (secrets.next(), secrets.next()) else { return Err(no_key()) };
    let seed = HEXLOWER_PERMISSIVE.decode(secret.as_bytes()).map_err(|_| no_key())?;
    Ed25519KeyPair::from_seed_unchecked(&seed).map(PageKey).map_err(|_| no_key())
}

const FIRST_LINE: &str = "portcullis-status-key 1";

const COMMENT: &str = "\
# What the status page and its copies are signed with. Keep this file to its owner (mode 600), and a copy where it is safe.
# Without it a new one is made, and everybody who checks copies has to be told (`portcullis status key`).
";
