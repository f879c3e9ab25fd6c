//! Whose words a copy of the page is: what of it must be true before it is believed.
//!
//! A copy has two files more than its pages: `manifest.json`, which names every file with its hash, when it was made, and until when
//! it may be taken for the present; and `manifest.json.sig`, the signature of exactly those bytes (Ed25519, RFC 8032) as base64.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use model::Timestamp;
use serde::Deserialize;

use crate::bundle::sha256;
use crate::dates;
use crate::successor::Successor;

/// The key that the pages of one gate are signed with: its public half (Ed25519, RFC 8032), written as base64.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey([u8; 32]);

/// A text is no [`PublicKey`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no key of a page: `portcullis status key` prints it, 44 letters that end with `=`")]
pub struct NoKey;

impl PublicKey {
    /// From its bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What a manifest calls the key: the first 8 bytes of its SHA-256, in hexadecimal digits.
    pub fn id(&self) -> String {
        HEXLOWER.encode(&sha256(&self.0)[..ID_BYTES])
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let bytes = BASE64.decode(text.trim().as_bytes()).map_err(|_| NoKey)?;
        bytes.try_into().map(Self).map_err(|_| NoKey)
    }
}

/// What a copy says of itself, and whose word for it there is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    said: Said,
    files: BTreeMap<String, [u8; 32]>,
    /// It is signed with the key after the one that was given, until then.
    successor: Option<(PublicKey, String)>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
struct Said {
    site: String,
    seq: Option<u64>,
    generated_at: String,
    valid_until: String,
    #[serde(default)]
    successor: Option<Successor>,
    files: BTreeMap<String, String>,
}

/// Why a copy must not be believed. Each message says whose fault it is, as far as that can be told from a copy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CopyError {
    /// The signature is none.
    #[error(
        "{} is no signature: the copy is damaged, or of a version that did not sign; have it published again",
        SIGNATURE
    )]
    NoSignature,
    /// Somebody else signed it, or it was changed since.
    #[error(
        "{} is not signed with this key: either the key is that of another page (`portcullis status key` prints the right \
         one), or whoever can write to the mirror has changed it",
        MANIFEST
    )]
    Foreign,
    /// The signature is right, and what it is for cannot be read.
    #[error(
        "{} is signed with this key and cannot be read: a newer Portcullis made it; check it with that one",
        MANIFEST
    )]
    Unreadable,
    /// It is of another page.
    #[error("this is a copy of {found}, not of {wanted}: the mirror's address or the key is another page's")]
    OtherPage {
        /// As the manifest has it.
        found: String,
        /// As it was asked for.
        wanted: String,
    },
    /// The key was replaced too long ago.
    #[error(
        "the key was replaced, and its word for the new one was good until {until}: get the new one from whoever runs the page \
         (`portcullis status key`)"
    )]
    Replaced {
        /// Until when.
        until: String,
    },
    /// It was never published.
    #[error(
        "this copy has no number, so it was never published: whoever put it there took it from elsewhere"
    )]
    Unpublished,
    /// It is too old.
    #[error(
        "this copy was made {made} and was valid until {until}: the mirror gets no new pages; look at `portcullis ctl status` \
         on the gate, then at the mirror"
    )]
    Expired {
        /// When it was made.
        made: String,
        /// Until when it was valid.
        until: String,
    },
    /// It was made in the future.
    #[error(
        "this copy was made {made}, which is still to come: the clock of the gate or that of this machine is wrong"
    )]
    Early {
        /// When it was made.
        made: String,
    },
    /// A newer one was seen before.
    #[error("this copy has number {seq}, though {seen} was out before: the mirror shows an old page again")]
    Older {
        /// Its number.
        seq: u64,
        /// What was seen.
        seen: u64,
    },
    /// A file is not what the manifest says.
    #[error("{path} is not as it was published: the mirror lost part of it, or somebody changed it there")]
    Altered {
        /// Which.
        path: String,
    },
}

impl Manifest {
    /// Reads the bytes of a `manifest.json` if a signature (the content of `manifest.json.sig`) says that they are the key's, or those of
    /// the key after it, for which it has given its word.
    ///
    /// # Errors
    /// [`CopyError::NoSignature`], [`CopyError::Foreign`], [`CopyError::Unreadable`].
    pub fn open(bytes: &[u8], signature: &[u8], key: &PublicKey) -> Result<Self, CopyError> {
        let signature = BASE64.decode(signature.trim_ascii()).map_err(|_| CopyError::NoSignature)?;
        let is_by =
            |key: &PublicKey| UnparsedPublicKey::new(&ED25519, key.0).verify(bytes, &signature).is_ok();
        let said: Option<Said> = serde_json::from_slice(bytes).ok();
        let successor = if is_by(key) {
            None
        } else {
            let vouched = said.as_ref().and_then(|said| said.successor.as_ref()?.vouched_by(key));
            let (next, until) = vouched.filter(|(next, _)| is_by(next)).ok_or(CopyError::Foreign)?;
            Some((next, until.to_owned()))
        };
        let mut said = said.ok_or(CopyError::Unreadable)?;
        let hash = |text: &str| HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok();
        let files =
            std::mem::take(&mut said.files).into_iter().map(|(path, text)| Some((path, hash(&text)?)));
        let files = files.collect::<Option<_>>().ok_or(CopyError::Unreadable)?;
        Ok(Self { said, files, successor })
    }

    /// Whether it may be taken for the present state of the page with this address; `seen` is the number of the newest copy that
    /// was seen anywhere.
    ///
    /// # Errors
    /// [`CopyError::OtherPage`], [`CopyError::Replaced`], [`CopyError::Unpublished`], [`CopyError::Early`], [`CopyError::Expired`],
    /// [`CopyError::Older`].
    pub fn check(&self, url: Option<&str>, now: Timestamp, seen: Option<u64>) -> Result<(), CopyError> {
        if let Some(wanted) = url.filter(|url| *url != self.said.site) {
            return Err(CopyError::OtherPage { found: self.said.site.clone(), wanted: wanted.to_owned() });
        }
        if let Some((_, until)) = self.successor.as_ref().filter(|(_, until)| *until < dates::rfc3339(now)) {
            return Err(CopyError::Replaced { until: until.clone() });
        }
        let seq = self.said.seq.ok_or(CopyError::Unpublished)?;
        let (made, until) = (self.said.generated_at.clone(), self.said.valid_until.clone());
        // Moments that are written like this are in order as texts, too.
        if made > dates::rfc3339(now + CLOCKS_DIFFER) {
            return Err(CopyError::Early { made });
        }
        if until < dates::rfc3339(now) {
            return Err(CopyError::Expired { made, until });
        }
        match seen.filter(|seen| seq < *seen) {
            Some(seen) => Err(CopyError::Older { seq, seen }),
            None => Ok(()),
        }
    }

    /// Whether a file has these bytes; one that the manifest does not name has not.
    ///
    /// # Errors
    /// [`CopyError::Altered`].
    pub fn check_file(&self, path: &str, bytes: &[u8]) -> Result<(), CopyError> {
        let is_same = self.files.get(path).is_some_and(|hash| *hash == sha256(bytes));
        if is_same { Ok(()) } else { Err(CopyError::Altered { path: path.to_owned() }) }
    }

    /// The files that it names, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The key that it is signed with, where that is the one after the key that was given.
    pub fn successor(&self) -> Option<&PublicKey> {
        self.successor.as_ref().map(|(key, _)| key)
    }

    /// The number of the copy; each that is published has a larger one.
    pub const fn seq(&self) -> Option<u64> {
        self.said.seq
    }

    /// When it was made (RFC 3339).
    pub fn generated_at(&self) -> &str {
        &self.said.generated_at
    }

    /// Until when it may be taken for the present (RFC 3339).
    pub fn valid_until(&self) -> &str {
        &self.said.valid_until
    }
}

/// The file that names all others.
pub const MANIFEST: &str = "manifest.json";
/// The file with the signature of [`MANIFEST`].
pub const SIGNATURE: &str = "manifest.json.sig";

const ID_BYTES: usize = 8;
/// Clocks of machines that are in order differ by less.
const CLOCKS_DIFFER: Duration = Duration::from_secs(120);
