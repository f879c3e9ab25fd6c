//! References: what a refused person reads to support on the telephone, and what `portcullis ctl why` opens.
//!
//! The reference *is* the record, so no log is needed to explain a refusal. Sixteen bytes say what happened; a
//! synthetic nonce of four bytes (a MAC over them) encrypts and authenticates them, as the scheme SIV does with its own
//! functions (RFC 5297): equal records give equal references, which gives nothing away. Both come from SipHash-2-4, a
//! pseudorandom function under a secret key of 128 bits (Aumasson and Bernstein, 2012): every refusal of a flood is
//! sealed, and two HMAC-SHA-256 were half of what a refusal cost (decision record 008).
//!
//! ```text
//! time 32 │ site 8 │ tier 3 │ family 1 │ reason 6 │ rule 8 │ decision 16 │ prefix 48 │ node 6      (bits)
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::{constant_time, hmac};
use data_encoding::{Encoding, Specification};
use model::{Prefix, Reason, SiteId, Tier, Timestamp};
use siphasher::{sip, sip128};

/// What a reference says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reference {
    /// When, to the second.
    pub time: Timestamp,
    /// Which site, its low eight bits.
    pub site: SiteId,
    /// Whose request.
    pub tier: Tier,
    /// Which step refused.
    pub reason: Reason,
    /// The low eight bits of the rule's id, if a rule did; 0 otherwise.
    pub rule: u8,
    /// The low 16 bits of the decision's number.
    pub decision: u16,
    /// The client's network, IPv4 /24 or IPv6 /48.
    pub prefix: Prefix,
    /// Which node, below 64.
    pub node: u8,
}

/// Seals and opens references.
pub struct ReferenceKey {
    mac: sip::SipHasher24,
    stream: sip128::SipHasher24,
    alphabet: Encoding,
}

/// A reference as text: 32 letters and digits in eight groups.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReferenceText([u8; TEXT_BYTES]);

/// Why a text is no reference.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    /// It has the wrong length or characters.
    #[error(
        "a reference is 32 letters and digits, such as those on the page or in the header Portcullis-Reference"
    )]
    Shape,
    /// It was mistyped, or made with another key.
    #[error("this reference was not made by this gate, or was mistyped; ask for it again")]
    Forged,
}

impl ReferenceKey {
    /// The key; both halves of the scheme are derived from it.
    pub fn new(key: &[u8; 32]) -> Self {
        let derive = |label: &[u8]| {
            let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), label);
            *derived.as_ref().first_chunk::<16>().expect("a tag of SHA-256 has 32 bytes")
        };
        Self {
            mac: sip::SipHasher24::new_with_key(&derive(b"reference mac")),
            stream: sip128::SipHasher24::new_with_key(&derive(b"reference stream")),
            alphabet: alphabet(),
        }
    }

    /// Seals a record.
    pub fn seal(&self, reference: &Reference) -> ReferenceText {
        let plain = pack(reference);
        let nonce = self.nonce(&plain);
        let mut bytes = [0; BYTES];
        bytes[..NONCE_BYTES].copy_from_slice(&nonce);
        bytes[NONCE_BYTES..].copy_from_slice(&self.crypt(&nonce, plain));
        let mut letters = [0; LETTERS];
        self.alphabet.encode_mut(&bytes, &mut letters);
        let mut text = [b'-'; TEXT_BYTES];
        for (group, letters) in text.chunks_mut(5).zip(letters.chunks(4)) {
            group[..4].copy_from_slice(letters);
        }
        ReferenceText(text)
    }

    /// Opens what a person typed: case, spaces and dashes do not matter, `O` is zero, `I` and `L` are one.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn open(&self, text: &str) -> Result<Reference, ReferenceError> {
        let mut letters = [0; LETTERS];
        let mut count = 0;
        for byte in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            *letters.get_mut(count).ok_or(ReferenceError::Shape)? = byte;
            count += 1;
        }
        let mut bytes = [0; BYTES];
        if count != LETTERS || self.alphabet.decode_mut(&letters, &mut bytes).is_err() {
            return Err(ReferenceError::Shape);
        }
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(ReferenceError::Shape)?;
        let sealed: [u8; PLAIN_BYTES] = sealed.try_into().map_err(|_| ReferenceError::Shape)?;
        let plain = self.crypt(nonce, sealed);
        constant_time::verify_slices_are_equal(&self.nonce(&plain), nonce)
            .map_err(|_| ReferenceError::Forged)?;
        unpack(plain).ok_or(ReferenceError::Forged)
    }

    fn nonce(&self, plain: &[u8; PLAIN_BYTES]) -> [u8; NONCE_BYTES] {
        let [a, b, c, d, ..] = self.mac.hash(plain).to_le_bytes();
        [a, b, c, d]
    }

    fn crypt(&self, nonce: &[u8; NONCE_BYTES], bytes: [u8; PLAIN_BYTES]) -> [u8; PLAIN_BYTES] {
        let stream = self.stream.hash(nonce).as_bytes();
        (u128::from_le_bytes(bytes) ^ u128::from_le_bytes(stream)).to_le_bytes()
    }
}

impl ReferenceText {
    /// The text, such as `8Q4T-…`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

/// Base 32 without letters that look like digits (Crockford's).
fn alphabet() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.translate.from.push_str("abcdefghjkmnpqrstvwxyzoOiIlL");
    specification.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    specification.encoding().expect("the alphabet is complete and unambiguous")
}

fn pack(reference: &Reference) -> [u8; PLAIN_BYTES] {
    let (family, prefix) = match reference.prefix.addr() {
        IpAddr::V4(v4) => (0, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (1, v6.to_bits() >> 80),
    };
    let fields = [
        (u128::from(reference.time.as_secs() & 0xFFFF_FFFF), 32),
        (u128::from(reference.site.0 & 0xFF), 8),
        (reference.tier as u128, 3),
        (family, 1),
        (u128::from(reference.reason.number()), 6),
        (u128::from(reference.rule), 8),
        (u128::from(reference.decision), 16),
        (prefix, 48),
        (u128::from(reference.node & 63), 6),
    ];
    fields.into_iter().fold(0_u128, |all, (value, bits)| all << bits | value).to_be_bytes()
}

fn unpack(plain: [u8; PLAIN_BYTES]) -> Option<Reference> {
    let mut rest = u128::from_be_bytes(plain);
    let mut take = |bits: u32| {
        let value = rest & ((1 << bits) - 1);
        rest >>= bits;
        u64::try_from(value).unwrap_or(0)
    };
    let (node, prefix, decision, rule) = (take(6), take(48), take(16), take(8));
    let (reason, family, tier, site, time) = (take(6), take(1), take(3), take(8), take(32));
    let address = if family == 0 {
        IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(prefix).ok()?))
    } else {
        IpAddr::V6(Ipv6Addr::from_bits(u128::from(prefix) << 80))
    };
    Some(Reference {
        time: Timestamp::from_secs(time),
        site: SiteId(u16::try_from(site).ok()?),
        tier: Tier::ALL.get(usize::try_from(tier).ok()?).copied()?,
        reason: Reason::from_number(u8::try_from(reason).ok()?)?,
        rule: u8::try_from(rule).ok()?,
        decision: u16::try_from(decision).ok()?,
        prefix: Prefix::of(address, if family == 0 { 24 } else { 48 }),
        node: u8::try_from(node).ok()?,
    })
}

const PLAIN_BYTES: usize = 16;
const NONCE_BYTES: usize = 4;
const BYTES: usize = PLAIN_BYTES + NONCE_BYTES;
const LETTERS: usize = 32;
const TEXT_BYTES: usize = 39;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_reference() -> impl Strategy<Value = Reference> {
        (
            any::<u32>(),
            any::<u8>(),
            0..7_usize,
            0..Reason::ALL.len(),
            any::<u8>(),
            any::<u16>(),
            any::<(bool, u128)>(),
            0..64_u8,
        )
            .prop_map(|(time, site, tier, reason, rule, decision, (v6, address), node)| {
                let v4 = IpAddr::V4(Ipv4Addr::from_bits((address & 0xFFFF_FFFF) as u32));
                let address = if v6 { IpAddr::V6(Ipv6Addr::from_bits(address | 0x2000 << 112)) } else { v4 };
                Reference {
                    time: Timestamp::from_secs(time.into()),
                    site: SiteId(site.into()),
                    tier: Tier::ALL[tier],
                    reason: Reason::ALL[reason],
                    rule,
                    decision,
                    prefix: Prefix::of(address, if v6 { 48 } else { 24 }),
                    node,
                }
            })
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened_however_it_is_typed(reference in any_reference()) {
            let key = ReferenceKey::new(&[5; 32]);
            let text = key.seal(&reference);
            prop_assert_eq!(key.open(text.as_str()), Ok(reference));
            let sloppy = text.as_str().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(key.open(&sloppy), Ok(reference));
        }

        #[test]
        fn a_changed_letter_is_noticed(reference in any_reference(), at in 0..32_usize) {
            let key = ReferenceKey::new(&[5; 32]);
            let mut letters: Vec<char> = key.seal(&reference).as_str().replace('-', "").chars().collect();
            letters[at] = if letters[at] == '7' { '8' } else { '7' };
            let changed: String = letters.into_iter().collect();
            prop_assert_eq!(key.open(&changed), Err(ReferenceError::Forged));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,60}") {
            let _ignored = ReferenceKey::new(&[5; 32]).open(&text);
        }
    }
}
