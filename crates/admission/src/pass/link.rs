//! Passes out of band: a link that an admin or the app's mailer sends to a customer who cannot reach the login.
//!
//! ```text
//! version 1 │ key 1 │ site 2 │ id 16 │ expires 8 (ms) │ account 16 │ MAC 16      (bytes, big endian)
//! ```
//! HMAC-SHA-256 over all before it under a key derived from that of passes, cut to 128 bits; base64url without padding. The
//! link's id becomes the id of its pass: so the pass's row in the journal says, over restarts too, that the link was used,
//! and even a link that were used twice would give one pass with one budget.

use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE64URL_NOPAD;
use model::{AccountId, PassId, SiteId, Timestamp};

use super::PassKeys;

/// The path under which links are asked for; the token follows.
pub const LINK_PATH: &str = "/.well-known/portcullis/pass/";

/// The longest that a link is valid.
pub const LINK_LIFE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// What a link says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link {
    /// Where it is valid.
    pub site: SiteId,
    /// The id of the pass that it gives.
    pub id: PassId,
    /// Until when, by pass time.
    pub expires: Timestamp,
    /// Whose.
    pub account: AccountId,
}

/// Why a link gives no pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LinkError {
    /// It is damaged, or was made by somebody else, or for another site.
    #[error("this link was not made by this gate, or was cut off; copy the whole link, or ask for a new one")]
    Forged,
    /// Its time is over.
    #[error("this link is too old; ask for a new one")]
    Expired,
    /// It was used before.
    #[error("this link was used already; ask for a new one")]
    Used,
}

/// The keys that sign links: the newest signs, all verify.
pub struct LinkKeys(Vec<(u8, hmac::Key)>);

/// The token in a path, if the path is that of a link.
pub fn link_token(path: &str) -> Option<&str> {
    path.strip_prefix(LINK_PATH)
}

impl LinkKeys {
    /// Derives them from the keys of passes with their ids, the newest last.
    pub fn new(keys: &[(u8, [u8; 32])]) -> Self {
        let derive = |key: &[u8; 32]| {
            let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"pass link");
            hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
        };
        Self(keys.iter().rev().take(PassKeys::COUNT_MAX).map(|(id, key)| (*id, derive(key))).collect())
    }

    /// Signs a link: the path that a browser asks for.
    pub fn seal(&self, link: &Link) -> String {
        let key = self.0.first();
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(&[VERSION, key.map_or(0, |(id, _)| *id)]);
        bytes.extend_from_slice(&link.site.0.to_be_bytes());
        bytes.extend_from_slice(&link.id.0.to_be_bytes());
        bytes.extend_from_slice(&link.expires.as_millis().to_be_bytes());
        bytes.extend_from_slice(&link.account.0.to_be_bytes());
        let tag = key.map(|(_, key)| hmac::sign(key, &bytes));
        bytes.extend_from_slice(tag.as_ref().map_or(&[0; MAC_BYTES], |tag| &tag.as_ref()[..MAC_BYTES]));
        format!("{LINK_PATH}{}", BASE64URL_NOPAD.encode(&bytes))
    }

    /// Verifies a token; its MAC, in constant time, before anything in it is believed.
    ///
    /// # Errors
    /// [`LinkError::Forged`] and [`LinkError::Expired`].
    pub fn open(&self, token: &str, time: Timestamp) -> Result<Link, LinkError> {
        let mut bytes = [0; BYTES];
        if token.len() != TEXT_BYTES || BASE64URL_NOPAD.decode_mut(token.as_bytes(), &mut bytes).is_err() {
            return Err(LinkError::Forged);
        }
        let (signed, sent) = bytes.split_at(SIGNED_BYTES);
        let (_, key) = self.0.iter().find(|(id, _)| *id == bytes[1]).ok_or(LinkError::Forged)?;
        let tag = hmac::sign(key, signed);
        constant_time::verify_slices_are_equal(&tag.as_ref()[..MAC_BYTES], sent)
            .map_err(|_| LinkError::Forged)?;
        let link = Link {
            site: SiteId(u16::from_be_bytes(chunk(&bytes, 2))),
            id: PassId(u128::from_be_bytes(chunk(&bytes, 4))),
            expires: Timestamp::from_millis(u64::from_be_bytes(chunk(&bytes, 20))),
            account: AccountId(u128::from_be_bytes(chunk(&bytes, 28))),
        };
        match bytes[0] {
            VERSION if time <= link.expires => Ok(link),
            VERSION => Err(LinkError::Expired),
            _ => Err(LinkError::Forged),
        }
    }
}

fn chunk<const N: usize>(bytes: &[u8; BYTES], at: usize) -> [u8; N] {
    bytes[at..].first_chunk().copied().unwrap_or([0; N])
}

const VERSION: u8 = 1;
const MAC_BYTES: usize = 16;
const SIGNED_BYTES: usize = 44;
const BYTES: usize = SIGNED_BYTES + MAC_BYTES;
const TEXT_BYTES: usize = 80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> LinkKeys {
        LinkKeys::new(&[(1, [3; 32]), (2, [4; 32])])
    }

    proptest! {
        #[test]
        fn a_link_says_what_was_sealed_until_its_time_is_over(
            site in any::<u16>(), id in any::<u128>(), account in any::<u128>(), until in 1_u64..1 << 50,
        ) {
            let (id, account) = (PassId(id), AccountId(account));
            let link = Link { site: SiteId(site), id, expires: Timestamp::from_millis(until), account };
            let path = keys().seal(&link);
            let token = link_token(&path).unwrap();
            prop_assert_eq!(keys().open(token, link.expires), Ok(link));
            prop_assert_eq!(keys().open(token, Timestamp::from_millis(until + 1)), Err(LinkError::Expired));
            prop_assert_eq!(LinkKeys::new(&[(2, [9; 32])]).open(token, link.expires), Err(LinkError::Forged));
        }

        #[test]
        fn a_changed_letter_makes_a_link_worthless(at in 0_usize..TEXT_BYTES, letter in "[A-Za-z0-9_-]") {
            let (id, account) = (PassId(1), AccountId(2));
            let link = Link { site: SiteId(0), id, expires: Timestamp::from_secs(9), account };
            let path = keys().seal(&link);
            let token = link_token(&path).unwrap();
            let mut changed = token.to_owned();
            changed.replace_range(at..=at, &letter);
            let is_same = changed == token;
            prop_assert_eq!(keys().open(&changed, Timestamp::default()).is_ok(), is_same);
        }

        #[test]
        fn arbitrary_tokens_never_panic(token in "\\PC{0,100}") {
            let _ignored = keys().open(&token, Timestamp::default());
        }
    }
}
