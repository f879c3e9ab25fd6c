//! Secrets: texts that are never printed.

use std::fmt;

use super::{Bad, Text};

/// A secret. Neither `Debug` nor an error message shows it.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// The shortest secret, in bytes: shorter ones can be guessed over the network.
    pub const BYTES_MIN: usize = 16;
    /// The longest secret, in bytes.
    pub const BYTES_MAX: usize = 256;

    /// The secret itself, for whoever signs or compares with it.
    pub const fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret.
pub(crate) const SECRET: Text<Secret> =
    Text::new("a secret", "^[!-~]{16,256}$", "the output of openssl rand -hex 32", parse_secret)
        .hiding(|_| true);

fn parse_secret(text: &str) -> Result<Secret, Bad> {
    const CURE: &str =
        "write 16 to 256 printable ASCII characters, such as the output of `openssl rand -hex 32`";
    if text.len() < Secret::BYTES_MIN {
        return Err(Bad::new(
            format!("this secret has {} characters and can be guessed", text.chars().count()),
            CURE,
        ));
    }
    if text == PLACEHOLDER {
        return Err(Bad::new("this secret stands in the manual, so everybody knows it", CURE));
    }
    // It travels in a header field, where other bytes are cut or folded on the way (RFC 9110, 5.5).
    if text.len() > Secret::BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Bad::new(
            "this secret is too long, or has characters that do not travel in a header",
            CURE,
        ));
    }
    Ok(Secret(text.to_owned()))
}

/// What the default configuration shows as an example.
const PLACEHOLDER: &str = "write-the-output-of-openssl-rand-hex-32";
