//! Links in alerts with which whoever is told decides about words that wait.
//!
//! ```text
//! incident 4 │ entry 8 │ MAC 16      (bytes, big endian)
//! ```
//! HMAC-SHA-256 over all before it, cut to 128 bits; base64url without padding. A link says nothing of its end: it is good as long as
//! the words wait that it was sent about, which the record knows.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;

/// Signs links about words that wait, and knows its own.
#[derive(Clone, Debug)]
pub struct ConsentKey(Box<hmac::Key>);

/// What a link is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The incident's number in the record; its public id may become another one.
    pub number: u32,
    /// The entry of the record that the news followed from.
    pub seq: u64,
}

/// Links as they are put into alerts.
#[derive(Clone, Debug)]
pub struct ConsentLinks {
    /// The whole address of the place where they are answered, with a slash at its end.
    pub place: String,
    /// What they are signed with.
    pub key: ConsentKey,
}

impl ConsentKey {
    /// Of 256 bits that nobody else knows.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The part of a link that says what it is about.
    pub fn seal(&self, asked: &Asked) -> String {
        let signed = [&asked.number.to_be_bytes()[..], &asked.seq.to_be_bytes()].concat();
        let tag = hmac::sign(&self.0, &signed);
        BASE64URL_NOPAD.encode(&[&signed, &tag.as_ref()[..MAC_BYTES]].concat())
    }

    /// What a link is about; `None`: it was not made with this key, or was cut off.
    pub fn open(&self, token: &str) -> Option<Asked> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let (signed, sent) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        let tag = hmac::sign(&self.0, signed);
        verify_slices_are_equal(&tag.as_ref()[..MAC_BYTES], sent).ok()?;
        let (number, seq) = signed.split_first_chunk::<4>()?;
        Some(Asked { number: u32::from_be_bytes(*number), seq: u64::from_be_bytes(seq.try_into().ok()?) })
    }
}

impl ConsentLinks {
    /// The whole address.
    pub(crate) fn link(&self, asked: &Asked) -> String {
        format!("{}{}", self.place, self.key.seal(asked))
    }
}

const MAC_BYTES: usize = 16;
/// More than a link of ours has.
const TOKEN_CHARS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_link_says_what_was_sealed_and_no_letter_of_it_may_change(number in any::<u32>(), seq in any::<u64>(), place in 0_usize..38, letter in "[A-Za-z0-9_-]") {
            let key = ConsentKey::new(&[7; 32]);
            let asked = Asked { number, seq };
            let token = key.seal(&asked);
            prop_assert_eq!(key.open(&token), Some(asked));
            prop_assert_eq!(ConsentKey::new(&[8; 32]).open(&token), None);
            let place = place.min(token.len() - 1);
            let mut changed = token.clone();
            changed.replace_range(place..=place, &letter);
            if changed != token {
                prop_assert_eq!(key.open(&changed), None);
            }
            prop_assert_eq!(key.open(&token[..place]), None);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            prop_assert_eq!(ConsentKey::new(&[7; 32]).open(&text), None);
        }
    }
}
