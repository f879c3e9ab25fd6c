//! The kinds of values that a key can hold: how each is written, read and described.

mod alerts;
mod consent;
mod measures;
mod mirrors;
mod names;
mod networks;
mod page;
mod paths;
mod plain;
mod probes;
mod publish;
mod secrets;
mod signal;

use std::ops::Range;

use model::Untrusted;
use toml::Spanned;
use toml::de::DeValue;

pub(crate) use alerts::{MAIL_SERVER, MAIL_TLS, NOTIFY_KIND, SEVERITY, WEB_URL};
pub use alerts::{MailServer, WebUrl, WebUrlError};
pub use consent::Consent;
pub(crate) use consent::{CONSENT, FIRST_CONSENT};
pub(crate) use measures::{LINK_SPEED, RATE, duration, share, size};
pub use measures::{LinkSpeed, Rate, Share, Size};
pub use mirrors::SshUrl;
pub(crate) use mirrors::{BUCKET, ENDPOINT, HOST_KEY, PREFIX_IN_BUCKET, SSH_KEY, SSH_URL, WORD};
pub(crate) use names::{
    ACME_DIRECTORY, CLIENT_ADDRESS, CONTACT, COOKIE, DOMAIN, GRPC, HEADER, HOST, MODE, MONITOR_AS, NAME,
    PROOF, TEXT, TLS_VERSION,
};
pub use names::{ClientAddress, Grpc, Proof, TlsVersion};
pub(crate) use networks::{ADDRESS, FRONT_SOURCE, ORIGIN_URL, PREFIX};
pub use networks::{OriginUrl, OriginUrlError};
pub(crate) use page::{COMPONENT, FOLDER, GROUP, PAGE_URL, WATCHES};
pub use page::{GroupPath, PageUrl};
pub(crate) use paths::{FILE, JWKS, PATH, RANGES};
pub use paths::{Jwks, ParsePathError, RequestPath};
pub(crate) use plain::{FLAG, grouped, list, whole};
pub use probes::ProbeTarget;
pub(crate) use probes::{PAGE_KEY, PROBE_SHOWS, PROBE_TARGET, SERVER_URL};
pub(crate) use publish::{BODY, FULL_NAME, HEADER_LINE, METHOD, PUBLISH_KIND, REMOTE_ID};
pub(crate) use secrets::SECRET;
pub use secrets::Secret;
pub use signal::SignalLabel;
pub(crate) use signal::{SIGNAL_LABEL, SIGNAL_STATUS};

use crate::finding::Problems;

/// How one kind of value is read and described.
pub(crate) trait Kind {
    /// What is read.
    type Value;

    /// Reads a value, or says what is wrong with it.
    fn read(&self, value: Found<'_>, problems: &mut Problems) -> Option<Self::Value>;

    /// What is allowed, for schema and reference.
    fn shape(&self) -> Shape;

    /// A value as TOML, from how the tables of keys write it.
    fn toml(&self, plain: &str) -> String;
}

/// A value with its place.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) value: &'a Spanned<DeValue<'a>>,
    /// Its path: keys and indices, joined by dots.
    pub(crate) path: &'a str,
}

impl Found<'_> {
    pub(crate) fn span(&self) -> Range<usize> {
        self.value.span()
    }
}

/// What is allowed.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole {
        /// The smallest.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Text.
    Text {
        /// What it is, in words.
        words: String,
        /// A regular expression that every good value matches (ECMA 262); a bad one may match it too.
        pattern: &'static str,
    },
    /// Several of a kind.
    List {
        /// Of what.
        of: Box<Self>,
        /// How many at most.
        most: usize,
    },
}

/// Why a text is no value of its kind, and what to write instead.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Bad {
    pub(crate) what: String,
    pub(crate) cure: String,
}

impl Bad {
    pub(crate) fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { what: what.into(), cure: cure.into() }
    }
}

/// A kind of value that is written as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<T: 'static> {
    /// With its article: "a duration".
    pub(crate) noun: &'static str,
    /// A regular expression (ECMA 262) for the schema.
    pub(crate) pattern: &'static str,
    /// A good value.
    pub(crate) example: &'static str,
    /// What somebody who wrote a bare number probably means.
    pub(crate) meant: Option<fn(&str) -> String>,
    /// Which texts are never shown.
    pub(crate) hides: fn(&str) -> bool,
    pub(crate) parse: fn(&str) -> Result<T, Bad>,
}

impl<T> Text<T> {
    pub(crate) const fn new(
        noun: &'static str,
        pattern: &'static str,
        example: &'static str,
        parse: fn(&str) -> Result<T, Bad>,
    ) -> Self {
        Self { noun, pattern, example, meant: None, hides: |_| false, parse }
    }

    pub(crate) const fn meaning(mut self, meant: fn(&str) -> String) -> Self {
        self.meant = Some(meant);
        self
    }

    pub(crate) const fn hiding(mut self, hides: fn(&str) -> bool) -> Self {
        self.hides = hides;
        self
    }

    /// The text of a value, if it is text.
    fn text<'a>(&self, found: Found<'a>, problems: &mut Problems) -> Option<&'a str> {
        if let Some(text) = found.value.get_ref().as_str() {
            if (self.hides)(text) {
                problems.hide(found.span());
            }
            return Some(text);
        }
        let number = match found.value.get_ref() {
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let (what, cure) = match (number, self.meant) {
            (Some(number), Some(meant)) => {
                let number = shorten(&number);
                (
                    format!("`{number}` has no unit"),
                    format!("write \"{}\", if that is what you mean", meant(number)),
                )
            }
            _ => {
                let what = format!("this is {}, not {}", kind_of(found.value.get_ref()), self.noun);
                (what, format!("write it in quotes, such as \"{}\"", self.example))
            }
        };
        problems.error(found.span(), found.path, what, cure);
        None
    }
}

impl<T> Kind for Text<T> {
    type Value = T;

    fn read(&self, found: Found<'_>, problems: &mut Problems) -> Option<T> {
        let text = self.text(found, problems)?;
        let parsed = (self.parse)(text);
        parsed.map_err(|bad| problems.error(found.span(), found.path, bad.what, bad.cure)).ok()
    }

    fn shape(&self) -> Shape {
        Shape::Text { words: self.noun.to_owned(), pattern: self.pattern }
    }

    fn toml(&self, plain: &str) -> String {
        format!("\"{plain}\"")
    }
}

/// Text from the file, in backticks, escaped and short enough for a message.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", Untrusted::from(shorten(text)))
}

fn shorten(text: &str) -> &str {
    let end = text.char_indices().nth(QUOTED_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// What was found, with its article.
pub(crate) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Characters of a value that a message quotes.
const QUOTED_CHARS_MAX: usize = 60;

#[cfg(test)]
mod tests;
