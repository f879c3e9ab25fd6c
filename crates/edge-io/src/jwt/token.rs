//! One token: its parts and claims, read without believing them.

use std::fmt;

use model::Timestamp;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::algorithm::Algorithm;
use super::json::{base64url, is_shallow};

/// Bytes of a token. Larger ones do not fit into the usual cookies and headers either.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Bytes of an account's name.
pub(super) const ACCOUNT_BYTES_MAX: usize = 256;

/// A token in its compact form (RFC 7515, section 7.1).
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// What is signed.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    claims: Vec<u8>,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// No compact JWS of a JWT, or too large.
    #[error("it is malformed")]
    Shape,
    /// `none`, a shared secret, or another algorithm that is not accepted.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// `crit`: it must be understood, and nothing of it is (RFC 7515, section 4.1.11).
    #[error("it demands an extension")]
    Critical,
    /// No key has its `kid`.
    #[error("its key is unknown")]
    UnknownKey,
    /// The key that it names is for another algorithm, or it names none and several would do.
    #[error("its key does not fit")]
    WrongKey,
    /// `iss`.
    #[error("it is of another issuer")]
    Issuer,
    /// `aud`.
    #[error("it is for another audience")]
    Audience,
    /// `exp`.
    #[error("it has expired, or never does")]
    Expired,
    /// `nbf`.
    #[error("it is not valid yet")]
    NotYet,
    /// The account's claim is missing, empty or too long.
    #[error("it names no account")]
    Account,
    /// The signature is not of the key.
    #[error("its signature is wrong")]
    Signature,
    /// Too many signatures were checked in this second.
    #[error("too many signatures were checked just now")]
    Busy,
}

/// What a token must say.
#[derive(Clone, Debug)]
pub struct JwtRules {
    /// `iss`, compared byte for byte.
    pub issuer: String,
    /// `aud` is or holds it.
    pub audience: String,
    /// The claim that names the account: text, or a whole number.
    pub account_claim: String,
}

/// What a token says, if it is to be believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    /// The account.
    pub account: String,
    /// When it ends, leeway included.
    pub until: Timestamp,
}

impl<'a> Token<'a> {
    /// Whether a text could be a token at all: three parts, and a header that begins like a JSON object.
    pub(super) fn is_likely(text: &[u8]) -> bool {
        text.len() <= TOKEN_BYTES_MAX
            && (text.starts_with(b"ey") || text.starts_with(b"ew"))
            && text.iter().filter(|&&byte| byte == b'.').count() == 2
    }

    /// Splits a token and reads its header.
    pub(super) fn split(text: &'a [u8]) -> Result<Self, TokenError> {
        if !Self::is_likely(text) {
            return Err(TokenError::Shape);
        }
        let last = text.iter().rposition(|&byte| byte == b'.').ok_or(TokenError::Shape)?;
        let (signed, signature) = (&text[..last], &text[last + 1..]);
        let first = signed.iter().position(|&byte| byte == b'.').ok_or(TokenError::Shape)?;
        let header = decode(&signed[..first])?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| TokenError::Shape)?;
        if header.crit.is_some() || header.b64.is_some() {
            return Err(TokenError::Critical);
        }
        let is_jwt = |kind: &String| KINDS.iter().any(|jwt| kind.eq_ignore_ascii_case(jwt));
        if !header.typ.as_ref().is_none_or(is_jwt) {
            return Err(TokenError::Shape);
        }
        let algorithm = Algorithm::of(&header.alg).ok_or(TokenError::Algorithm)?;
        let signature = base64url(signature).ok_or(TokenError::Shape)?;
        let claims = decode(&signed[first + 1..])?;
        Ok(Self { algorithm, key_id: header.kid, signed, signature, claims })
    }

    /// Reads the claims and holds them against the rules and the wall clock.
    pub(super) fn claims(&self, rules: &JwtRules, wall: Timestamp) -> Result<Claims, TokenError> {
        let mut reader = serde_json::Deserializer::from_slice(&self.claims);
        let said = Wanted(rules).deserialize(&mut reader).map_err(|_| TokenError::Shape)?;
        reader.end().map_err(|_| TokenError::Shape)?;
        if !said.issuer {
            return Err(TokenError::Issuer);
        }
        if !said.audience {
            return Err(TokenError::Audience);
        }
        let now = wall.as_secs();
        let until = said.expires.map(|expires| expires.saturating_add(LEEWAY_SECONDS));
        let until = until.filter(|&until| now < until).ok_or(TokenError::Expired)?;
        if said.not_before.is_some_and(|from| now.saturating_add(LEEWAY_SECONDS) < from) {
            return Err(TokenError::NotYet);
        }
        let account = said.account.filter(|name| (1..=ACCOUNT_BYTES_MAX).contains(&name.len()));
        let account = account.ok_or(TokenError::Account)?;
        Ok(Claims { account, until: Timestamp::from_secs(until.min(SECONDS_MAX)) })
    }
}

fn decode(part: &[u8]) -> Result<Vec<u8>, TokenError> {
    base64url(part).filter(|json| is_shallow(json)).ok_or(TokenError::Shape)
}

/// The header (RFC 7515, section 4.1). Keys that a token brings itself (`jwk`, `jku`, `x5c`, `x5u`) are never looked at
/// (RFC 8725, section 3.10).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
}

/// Reads the claims that matter; one that comes twice is an error, so that nobody else may have read the other.
struct Wanted<'a>(&'a JwtRules);

#[derive(Default)]
struct Said {
    issuer: bool,
    audience: bool,
    expires: Option<u64>,
    not_before: Option<u64>,
    account: Option<String>,
}

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Said;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Said, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said, A::Error> {
        let (mut said, mut seen) = (Said::default(), [false; 5]);
        while let Some(name) = map.next_key::<String>()? {
            let which = match name.as_str() {
                "iss" => 0,
                "aud" => 1,
                "exp" => 2,
                "nbf" => 3,
                other if other == self.0.account_claim => 4,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if std::mem::replace(&mut seen[which], true) {
                return Err(de::Error::custom("a claim comes twice"));
            }
            match which {
                0 => said.issuer = map.next_value::<String>()? == self.0.issuer,
                1 => said.audience = map.next_value_seed(Holds(&self.0.audience))?,
                2 => said.expires = Some(map.next_value::<Seconds>()?.0),
                3 => said.not_before = Some(map.next_value::<Seconds>()?.0),
                _ => said.account = Some(map.next_value::<Name>()?.0),
            }
        }
        Ok(said)
    }
}

/// Whether a text, or one of a list, is the wanted one (RFC 7519, section 4.1.3).
struct Holds<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Holds<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Holds<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(text == self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut holds = false;
        while let Some(text) = list.next_element::<String>()? {
            holds |= text == self.0;
        }
        Ok(holds)
    }
}

/// Seconds since 1970, maybe with a fraction (RFC 7519, section 2, `NumericDate`).
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..=SECONDS_MAX as f64).contains(&seconds) {
            return Err(de::Error::custom("no date"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the bounds were checked just above"
        )]
        let whole = seconds as u64;
        Ok(Self(whole))
    }
}

/// An account's name: text, or a whole number as some apps use.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Number(u64),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(text) => text,
            Either::Number(number) => number.to_string(),
        }))
    }
}

/// How far the issuer's clock and ours may be apart (RFC 7519, section 4.1.4: no more than a few minutes).
const LEEWAY_SECONDS: u64 = 60;
/// About the year 9999; a later end is no date.
const SECONDS_MAX: u64 = 253_402_300_799;
/// `typ` of tokens that may stand for a client (RFC 7519, section 5.1; RFC 9068). Others have other uses, such as
/// proofs of possession and security events (RFC 8725, section 3.11).
const KINDS: [&str; 4] = ["JWT", "at+jwt", "application/at+jwt", "application/jwt"];
