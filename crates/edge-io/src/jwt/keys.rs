//! Sets of verification keys (RFC 7517), from text.

use std::fmt;
use std::hash::Hasher;

use aws_lc_rs::signature::ParsedPublicKey;
use serde::Deserialize;
use siphasher::sip::SipHasher13;

use super::algorithm::Algorithm;
use super::json::{base64url, is_shallow};

/// Bytes of a set of keys. Large issuers publish some 20 KiB.
pub const JWKS_BYTES_MAX: usize = 256 * 1024;

/// Keys of one set that are used; issuers publish two to ten.
pub const KEYS_MAX: usize = 64;

/// Keys that verify tokens, and why others of the same set do not.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    ignored: Vec<Ignored>,
}

/// One key with its one algorithm.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: ParsedPublicKey,
    /// Tells this key from every other, so that what it proved is forgotten when it leaves the set.
    pub(super) mark: u64,
}

/// A key that is not used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ignored {
    /// Its place in the set, from 1.
    pub number: usize,
    /// Why.
    pub why: &'static str,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {} is not used: {}", self.number, self.why)
    }
}

/// Why a text is no usable set of keys.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeySetError {
    /// Too many bytes.
    #[error("the set of keys is larger than {} KiB; is this the right address?", JWKS_BYTES_MAX / 1024)]
    TooLarge,
    /// No set of keys.
    #[error("this is no set of keys: it must be JSON such as {{\"keys\": [...]}} (RFC 7517)")]
    Shape,
    /// A set without a key that may be used.
    #[error("no key of the set is for RS256, PS256, ES256, ES384 or EdDSA{}", reasons(.0))]
    NoKey(Vec<Ignored>),
}

fn reasons(ignored: &[Ignored]) -> String {
    ignored.iter().take(REASONS_SHOWN).map(|ignored| format!("; {ignored}")).collect()
}

impl KeySet {
    /// Reads a set of keys. Keys of other kinds and purposes are left out; [`KeySet::ignored`] says why.
    ///
    /// # Errors
    /// See [`KeySetError`].
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        if text.len() > JWKS_BYTES_MAX {
            return Err(KeySetError::TooLarge);
        }
        if !is_shallow(text) {
            return Err(KeySetError::Shape);
        }
        let published: Published = serde_json::from_slice(text).map_err(|_| KeySetError::Shape)?;
        let mut set = Self::default();
        for (at, value) in published.keys.into_iter().enumerate() {
            if let Err(why) = set.add(value) {
                set.ignored.push(Ignored { number: at + 1, why });
            }
        }
        if set.keys.is_empty() { Err(KeySetError::NoKey(set.ignored)) } else { Ok(set) }
    }

    /// How many keys verify tokens.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// Keys of the set that are not used.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// The key that a token names. Without a name, the only key of its algorithm.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let fits = |key: &&Key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id);
        let mut found = self.keys.iter().filter(fits);
        let first = found.next()?;
        // Trying several would let a token without a name cost several checks.
        if id.is_none() && found.next().is_some() { None } else { Some(first) }
    }

    /// Whether any key has this name, of whatever algorithm.
    pub(super) fn names(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// Whether the key that left this mark is still in the set.
    pub(super) fn holds(&self, mark: u64) -> bool {
        self.keys.iter().any(|key| key.mark == mark)
    }

    fn add(&mut self, value: serde_json::Value) -> Result<(), &'static str> {
        if self.keys.len() >= KEYS_MAX {
            return Err("there are too many keys");
        }
        let jwk: Jwk = serde_json::from_value(value).map_err(|_| "its members are malformed")?;
        let key = jwk.key()?;
        if key.id.is_some() && self.find(key.id.as_deref(), key.algorithm).is_some() {
            return Err("an earlier key has its `kid`");
        }
        self.keys.push(key);
        Ok(())
    }
}

/// RFC 7517, section 5.
#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

/// RFC 7517, section 4, and RFC 7518, section 6. Unknown members are ignored, as it says.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    fn key(self) -> Result<Key, &'static str> {
        if self.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err("its `use` is not \"sig\"");
        }
        if self.key_ops.as_ref().is_some_and(|purposes| !purposes.iter().any(|purpose| purpose == "verify")) {
            return Err("its `key_ops` have no \"verify\"");
        }
        if self.kty == "oct" {
            return Err("a shared secret in a published set verifies nothing");
        }
        let algorithm = self.algorithm()?;
        let key = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => self.rsa(algorithm)?,
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => {
                algorithm.point(&self.point(algorithm)?).ok_or("its point is not on its curve")?
            }
        };
        let mark = mark(&key, algorithm);
        Ok(Key { id: self.kid, algorithm, key, mark })
    }

    /// One key, one algorithm: that of `alg`, or the usual one of its kind. They must agree.
    fn algorithm(&self) -> Result<Algorithm, &'static str> {
        let (kind, curve) = (self.kty.as_str(), self.crv.as_deref());
        let Some(name) = &self.alg else {
            return Algorithm::usual(kind, curve).ok_or("its kind or curve is not supported");
        };
        let algorithm = Algorithm::of(name).ok_or("its `alg` is not supported")?;
        if algorithm.family() == (kind, curve) {
            Ok(algorithm)
        } else {
            Err("its `alg` does not fit its kind")
        }
    }

    fn rsa(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, &'static str> {
        let part = |text: &Option<String>| base64url(text.as_ref()?.as_bytes());
        let (Some(n), Some(e)) = (part(&self.n), part(&self.e)) else {
            return Err("`n` or `e` is malformed");
        };
        // Some issuers write a leading zero, as in ASN.1.
        let n = &n[n.iter().take_while(|&&byte| byte == 0).count()..];
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
            return Err("its modulus has not 2048 to 4096 bits");
        }
        let odd = e.last().is_some_and(|byte| byte % 2 == 1);
        if !odd || e == [1] || e.len() > EXPONENT_BYTES_MAX {
            return Err("its exponent is unsafe or dear");
        }
        algorithm.rsa(n, &e).ok_or("`n` or `e` is malformed")
    }

    fn point(&self, algorithm: Algorithm) -> Result<Vec<u8>, &'static str> {
        let coordinate = |text: &Option<String>| {
            let bytes = base64url(text.as_ref()?.as_bytes())?;
            (bytes.len() == algorithm.coordinate_bytes()).then_some(bytes)
        };
        let x = coordinate(&self.x).ok_or("`x` is malformed")?;
        if algorithm == Algorithm::EdDsa {
            return Ok(x);
        }
        let y = coordinate(&self.y).ok_or("`y` is malformed")?;
        Ok([&[UNCOMPRESSED][..], &x, &y].concat())
    }
}

fn mark(key: &ParsedPublicKey, algorithm: Algorithm) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write_u8(algorithm as u8);
    hasher.write(key.as_ref());
    hasher.finish()
}

/// Smaller keys are broken; larger ones make each check dear (RFC 7518, section 3.3).
const RSA_BITS_MIN: usize = 2_048;
const RSA_BITS_MAX: usize = 4_096;
/// 65537 has three.
const EXPONENT_BYTES_MAX: usize = 4;
/// SEC 1, section 2.3.3.
const UNCOMPRESSED: u8 = 4;
const REASONS_SHOWN: usize = 4;
