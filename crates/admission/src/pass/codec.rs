//! The text of a pass.
//!
//! ```text
//! version 1 │ key 1 │ site 2 │ id 16 │ tier 1 │ class 1 │ issued 8 (ms) │ account 16 │ MAC 16      (bytes, big endian)
//! ```
//! HMAC-SHA-256 over all before it, cut to 128 bits; base64url without padding.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE64URL_NOPAD;
use model::{AccountId, PassId, SiteId, Timestamp};

/// What a pass says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pass {
    /// Where it is valid.
    pub site: SiteId,
    /// Which pass.
    pub id: PassId,
    /// The app's first confirmation of this account: the age that counts. Logging in again does not change it.
    pub issued: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// Minted at level 3 or above: it does not age before calm.
    pub in_incident: bool,
}

/// Why a text is no valid pass. Always the client's fault, or that of a rotated key; never shown to the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PassError {
    /// It has another length than every pass, or characters that no pass has.
    #[error("the text is no pass")]
    Shape,
    /// Its key is none of ours, or the MAC is wrong.
    #[error("the pass was not signed by this gate; its key may have been rotated out")]
    Forged,
    /// A later version of this program made it.
    #[error("the pass is of an unknown version")]
    Version,
}

/// The keys that sign passes: the newest signs, all verify.
pub struct PassKeys(Vec<(u8, hmac::Key)>);

/// A sealed pass as text.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct PassText([u8; TEXT_BYTES]);

impl PassKeys {
    /// The keys with their ids, the newest last. At most [`PassKeys::COUNT_MAX`]; older ones are left out.
    pub fn new(keys: &[(u8, [u8; 32])]) -> Self {
        let newest_first = keys.iter().rev().take(Self::COUNT_MAX);
        Self(newest_first.map(|(id, key)| (*id, hmac::Key::new(hmac::HMAC_SHA256, key))).collect())
    }

    /// Keys that are tried.
    pub const COUNT_MAX: usize = 4;

    /// Signs a pass with the newest key.
    pub fn seal(&self, pass: &Pass) -> PassText {
        let mut bytes = [0; BYTES];
        let mut rest = &mut bytes[..];
        let mut put = |part: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        };
        let key = self.0.first();
        put(&[VERSION, key.map_or(0, |(id, _)| *id)]);
        put(&pass.site.0.to_be_bytes());
        put(&pass.id.0.to_be_bytes());
        put(&[2, u8::from(pass.in_incident)]);
        put(&pass.issued.as_millis().to_be_bytes());
        put(&pass.account.0.to_be_bytes());
        if let Some((_, key)) = key {
            let tag = hmac::sign(key, &bytes[..SIGNED_BYTES]);
            bytes[SIGNED_BYTES..].copy_from_slice(&tag.as_ref()[..MAC_BYTES]);
        }
        let mut text = [0; TEXT_BYTES];
        BASE64URL_NOPAD.encode_mut(&bytes, &mut text);
        PassText(text)
    }

    /// Verifies a text; its MAC, in constant time, before anything in it is believed.
    ///
    /// # Errors
    /// [`PassError`].
    pub fn open(&self, text: &[u8]) -> Result<Pass, PassError> {
        if text.len() != TEXT_BYTES {
            return Err(PassError::Shape);
        }
        let mut bytes = [0; BYTES];
        BASE64URL_NOPAD.decode_mut(text, &mut bytes).map_err(|_| PassError::Shape)?;
        let (_, key) = self.0.iter().find(|(id, _)| *id == bytes[1]).ok_or(PassError::Forged)?;
        let tag = hmac::sign(key, &bytes[..SIGNED_BYTES]);
        constant_time::verify_slices_are_equal(&tag.as_ref()[..MAC_BYTES], &bytes[SIGNED_BYTES..])
            .map_err(|_| PassError::Forged)?;
        if bytes[0] != VERSION {
            return Err(PassError::Version);
        }
        Ok(Pass {
            site: SiteId(u16::from_be_bytes(chunk(&bytes, 2))),
            id: PassId(u128::from_be_bytes(chunk(&bytes, 4))),
            in_incident: bytes[21] == 1,
            issued: Timestamp::from_millis(u64::from_be_bytes(chunk(&bytes, 22))),
            account: AccountId(u128::from_be_bytes(chunk(&bytes, 30))),
        })
    }
}

fn chunk<const N: usize>(bytes: &[u8; BYTES], at: usize) -> [u8; N] {
    bytes[at..].first_chunk().copied().unwrap_or([0; N])
}

impl PassText {
    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl fmt::Display for PassText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PassText {
    /// A pass is a secret of its owner.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassText(…)")
    }
}

const VERSION: u8 = 1;
const MAC_BYTES: usize = 16;
const SIGNED_BYTES: usize = 46;
const BYTES: usize = SIGNED_BYTES + MAC_BYTES;
const TEXT_BYTES: usize = 83;
