//! The console's bearer token.

use std::fmt;
use std::path::Path;

use data_encoding::HEXLOWER;

use super::{KeyError, Secret, load_or_create};

/// The text that a console client must show; its file is made with mode 0600.
#[derive(Clone, Eq, PartialEq)]
pub struct ConsoleToken(Box<str>);

impl ConsoleToken {
    /// The name of the token file in the state folder, unless the configuration names another.
    pub const FILE: &'static str = "console.token";

    /// Shortest accepted token in characters.
    pub const LENGTH_MIN: usize = 32;

    /// Longest accepted token in characters.
    pub const LENGTH_MAX: usize = 256;

    /// Reads the token, or makes one of 256 random bits. An admin may write one of their own into the file.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        load_or_create(path, || Ok(format!("{}\n", HEXLOWER.encode(&Secret::random()?.0))), parse)
    }

    /// The token; never log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConsoleToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsoleToken(secret)")
    }
}

fn parse(path: &Path, text: &str) -> Result<ConsoleToken, KeyError> {
    let token = text.trim();
    let is_long_enough = (ConsoleToken::LENGTH_MIN..=ConsoleToken::LENGTH_MAX).contains(&token.len());
    if is_long_enough && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(ConsoleToken(token.into()))
    } else {
        let (min, max) = (ConsoleToken::LENGTH_MIN, ConsoleToken::LENGTH_MAX);
        Err(KeyError::Token { path: path.to_owned(), min, max })
    }
}
