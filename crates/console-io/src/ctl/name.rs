//! How an admin names a known client.

use std::fmt;
use std::str::FromStr;

use model::{AccountId, PassId, Untrusted};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One pass, or all passes of one account.
///
/// ```text
/// pass:00112233445566778899aabbccddeeff      one pass, as `clients list` shows it
/// account:00112233445566778899aabbccddeeff   an account, as `clients list` shows it
/// name:erika@example.com                     an account by the name that the app uses
/// erika@example.com                          the same
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientName {
    /// One pass.
    Pass(PassId),
    /// An account by its pseudonym.
    Account(AccountId),
    /// An account by the name that the app uses. It is turned into the pseudonym and not kept.
    Name(String),
}

/// A text that names no client.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClientNameError {
    /// A pass or pseudonym that is not 32 hexadecimal digits.
    #[error(
        "`{0}` is not complete: after `pass:` and `account:` come 32 hexadecimal digits, as `clients list` shows them"
    )]
    Digits(String),
    /// Nothing, or more than [`ClientName::NAME_BYTES_MAX`] bytes.
    #[error("the name of an account has 1 to {max} bytes, this one has {0}", max = ClientName::NAME_BYTES_MAX)]
    Length(usize),
}

impl ClientName {
    /// Bytes of an account's name.
    pub const NAME_BYTES_MAX: usize = 256;
}

impl FromStr for ClientName {
    type Err = ClientNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(digits) = text.strip_prefix("pass:") {
            return id(text, digits).map(|bits| Self::Pass(PassId(bits)));
        }
        if let Some(digits) = text.strip_prefix("account:") {
            return id(text, digits).map(|bits| Self::Account(AccountId(bits)));
        }
        let name = text.strip_prefix("name:").unwrap_or(text);
        match name.len() {
            1..=Self::NAME_BYTES_MAX => Ok(Self::Name(name.to_owned())),
            length => Err(ClientNameError::Length(length)),
        }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(pass) => write!(f, "{pass:?}"),
            Self::Account(account) => write!(f, "{account:?}"),
            Self::Name(name) => write!(f, "name:{name}"),
        }
    }
}

impl Serialize for ClientName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClientName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ClientName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClientName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "One pass or all passes of one account: `pass:` or `account:` and 32 hexadecimal digits, or the account's name in the app.",
            "examples": ["pass:00112233445566778899aabbccddeeff", "erika@example.com"]
        })
    }
}

fn id(text: &str, digits: &str) -> Result<u128, ClientNameError> {
    let is_whole = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole
        .then(|| u128::from_str_radix(digits, 16).ok())
        .flatten()
        .ok_or_else(|| ClientNameError::Digits(Untrusted::from(text).to_string()))
}
