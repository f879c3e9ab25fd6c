//! From a text to a configuration.

use std::ops::Range;

use model::Untrusted;
use toml::de::DeTable;

use crate::checks;
use crate::entry::Section;
use crate::finding::{Errors, Problems, Warning};
use crate::settings::{Config, OutpostConfig};
use crate::walk::Walk;

impl Config {
    /// The longest text that is read, in bytes.
    pub const TEXT_BYTES_MAX: usize = 1 << 20;

    /// Reads a configuration. `name` is the file's name for messages.
    ///
    /// # Errors
    /// All errors of the text at once. Only when it is no TOML, the errors are those of its syntax alone: what
    /// the rest means cannot be known.
    pub fn parse(name: &str, text: &str) -> Result<(Self, Vec<Warning>), Errors> {
        parse(name, text, checks::check)
    }
}

impl OutpostConfig {
    /// Reads the configuration of an outpost. `name` is the file's name for messages.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn parse(name: &str, text: &str) -> Result<(Self, Vec<Warning>), Errors> {
        parse(name, text, checks::check_outpost)
    }
}

/// Rules that join several values of a configuration.
type Check<T> = fn(&T, &str, &DeTable<'_>, &mut Problems);

fn parse<T: Section>(name: &str, text: &str, check: Check<T>) -> Result<(T, Vec<Warning>), Errors> {
    let mut problems = Problems::default();
    if text.len() > Config::TEXT_BYTES_MAX {
        let cure =
            format!("a configuration has at most {} bytes; is this the right file?", Config::TEXT_BYTES_MAX);
        problems.error(0..0, "", format!("{} bytes are too many", text.len()), cure);
    } else if let Some(config) = read(text, check, &mut problems) {
        return problems.finish(name, text).map(|warnings| (config, warnings));
    }
    Err(problems.finish(name, text).expect_err("there is no configuration, so there is an error"))
}

fn read<T: Section>(text: &str, check: Check<T>, problems: &mut Problems) -> Option<T> {
    let (root, faults) = DeTable::parse_recoverable(text);
    if faults.is_empty() {
        let config = Walk::whole::<T>(root.get_ref(), problems);
        check(&config, text, root.get_ref(), problems);
        return Some(config);
    }
    let mut last_line = None;
    for fault in &faults {
        let at = clipped(fault.span().unwrap_or(0..0), text);
        let line = line_start(text, at.start);
        // What follows on the same line is mostly the echo of the first.
        if last_line.replace(line) != Some(line) {
            let (what, cure) = explain(fault.message(), &text[line..], at.start - line);
            problems.error(at, "", what, cure);
        }
    }
    None
}

/// The parser's words, and what to write instead. `rest` begins with the faulty line.
fn explain(message: &str, rest: &str, column: usize) -> (String, String) {
    let line = rest.lines().next().unwrap_or_default();
    if message.starts_with("duplicate key") {
        return ("this is there twice".to_owned(), "leave one of them out, or join both".to_owned());
    }
    let is_bare = |value: &str| value.starts_with(|c: char| c.is_alphanumeric() || "/.:*-".contains(c));
    match line.split_once('=').map(|(key, value)| (key, value.trim())) {
        Some((key, value)) if is_bare(value) && column > key.len() => {
            // The value is not repeated: it may be a secret.
            let cure = format!("write {} = \"…\", with the value in quotes", Untrusted::from(key.trim()));
            ("this is not TOML: text stands in quotes".to_owned(), cure)
        }
        Some((_, value)) if value.starts_with('"') && message.contains("expected `\"`") => {
            ("this is not TOML: the text does not end".to_owned(), "write a quote where it ends".to_owned())
        }
        _ => (format!("this is not TOML: {}", sentence(message)), SYNTAX_CURE.to_owned()),
    }
}

fn line_start(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// A fault at the very end is shown on the last line that has something on it.
fn clipped(at: Range<usize>, text: &str) -> Range<usize> {
    let end = text.trim_end().len();
    if at.start < end { at } else { end..end }
}

/// The parser's words on one line.
fn sentence(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

const SYNTAX_CURE: &str = "texts stand in quotes, lists in brackets, one key on each line: key = \"value\"";
