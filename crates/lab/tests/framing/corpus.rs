//! The corpus: what is sent, what must come back, and what the app must see.

use std::fmt::Write as _;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct File {
    case: Vec<Case>,
}

/// One case of `corpus/http1.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) rule: u8,
    pub(crate) rfc: String,
    send: String,
    pub(crate) status: Vec<u16>,
    pub(crate) origin: Vec<String>,
    pub(crate) closes: bool,
    #[serde(default)]
    pub(crate) body_error: bool,
}

impl Case {
    pub(crate) fn all() -> Vec<Self> {
        let file: File = toml::from_str(include_str!("../../corpus/http1.toml")).expect("the corpus is TOML");
        file.case
    }

    /// The bytes to send.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        let mut rest = self.send.as_str();
        while let Some((before, after)) = rest.split_once("{repeat ") {
            let (count, after) = after.split_once(' ').expect("a count");
            let (what, after) = after.split_once('}').expect("an end");
            text.push_str(before);
            (0..count.parse().expect("a count")).for_each(|_| text.push_str(what));
            rest = after;
        }
        text.push_str(rest);
        text.chars()
            .map(|char| u8::try_from(u32::from(char)).expect("bytes are written as Latin-1"))
            .collect()
    }

    /// What must be seen, in words.
    pub(crate) fn expected(&self) -> String {
        let mut text = String::new();
        if !self.body_error {
            write!(text, "{:?} ", self.status).expect("a text");
        }
        write!(text, "origin {:?} {}", self.origin, if self.closes { "closes" } else { "stays" })
            .expect("a text");
        text
    }
}
