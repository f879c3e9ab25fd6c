//! A key that takes another's place, with that one's word for it.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::BASE64;
use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dates;
use crate::signed::PublicKey;

/// The word of a key for the one that came after it, as manifests have it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Successor {
    key: String,
    until: String,
    signature: String,
}

impl Successor {
    /// A new key; `signature` is that of the old one over [`Successor::words`], which are good until a moment.
    pub fn new(key: &PublicKey, until: Timestamp, signature: &[u8; 64]) -> Self {
        Self { key: key.to_string(), until: dates::rfc3339(until), signature: BASE64.encode(signature) }
    }

    /// What an old key signs. No manifest begins like this.
    pub fn words(key: &PublicKey, until: Timestamp) -> Vec<u8> {
        words(&key.to_string(), &dates::rfc3339(until))
    }

    /// The new key, if this is the word of an old one, and until when that is good (RFC 3339).
    pub(crate) fn vouched_by(&self, old: &PublicKey) -> Option<(PublicKey, &str)> {
        let signature = BASE64.decode(self.signature.as_bytes()).ok()?;
        let verified =
            UnparsedPublicKey::new(&ED25519, old.bytes()).verify(&words(&self.key, &self.until), &signature);
        verified.ok()?;
        Some((self.key.parse().ok()?, &self.until))
    }
}

fn words(key: &str, until: &str) -> Vec<u8> {
    format!("portcullis status key\n{key}\n{until}\n").into_bytes()
}
