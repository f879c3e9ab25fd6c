//! What is believed of alerts of other systems.

use std::fmt;

use super::names::Choice;
use super::{Bad, Text, quoted};
use crate::settings::SignalStatus;

/// A label with its value, as Prometheus has them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SignalLabel {
    name: String,
    value: String,
}

impl SignalLabel {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value that it must have.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for SignalLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// See [`SignalLabel`].
pub(crate) const SIGNAL_LABEL: Text<SignalLabel> =
    Text::new("a label and its value", r"^[a-zA-Z_][a-zA-Z0-9_]*=.{1,256}$", "alertname=PaymentsDown", parse);

/// See [`SignalStatus`].
pub(crate) const SIGNAL_STATUS: Choice<SignalStatus> = Choice {
    words: &["degraded-performance", "partial-outage", "major-outage"],
    choose: |word| match word {
        "degraded-performance" => Some(SignalStatus::Degraded),
        "partial-outage" => Some(SignalStatus::Partial),
        "major-outage" => Some(SignalStatus::Major),
        _ => None,
    },
    needless: &[],
};

fn parse(text: &str) -> Result<SignalLabel, Bad> {
    let is_name = |name: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let mut bytes = name.bytes();
        bytes.next().is_some_and(is_letter) && bytes.all(|byte| is_letter(byte) || byte.is_ascii_digit())
    };
    let parts = text.split_once('=').filter(|(name, value)| {
        is_name(name) && (1..=VALUE_BYTES_MAX).contains(&value.len()) && !value.chars().any(char::is_control)
    });
    match parts {
        Some((name, value)) => Ok(SignalLabel { name: name.to_owned(), value: value.to_owned() }),
        None => Err(Bad::new(
            format!("{} is no label with its value", quoted(text)),
            "write NAME=VALUE, such as \"alertname=PaymentsDown\"; the value is compared letter by letter",
        )),
    }
}

const VALUE_BYTES_MAX: usize = 256;
