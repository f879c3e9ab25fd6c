//! Rules that join several values: what each key says may be right, and the whole still wrong.

mod clients;
mod listeners;
mod notify;
mod probes;
mod publish;
mod signal;
mod site;
mod status;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::Problems;
use crate::settings::{Config, OutpostConfig};

/// Notes everything that is wrong with, or worth knowing about, a configuration whose values have been read.
pub(crate) fn check(config: &Config, text: &str, root: &DeTable<'_>, problems: &mut Problems) {
    let mut desk = Desk { text, root, problems };
    listeners::check(config, &mut desk);
    site::check(config, &mut desk);
    clients::check(config, &mut desk);
    status::check(config, &mut desk);
    notify::check(&config.notify, &mut desk);
    publish::check(config, &mut desk);
    signal::check(config, &mut desk);
    probes::check(config, &mut desk);
    room(config, &mut desk);
}

/// The same for an outpost's.
pub(crate) fn check_outpost(config: &OutpostConfig, text: &str, root: &DeTable<'_>, problems: &mut Problems) {
    let mut desk = Desk { text, root, problems };
    probes::check_outpost(config, &mut desk);
    notify::check(&config.notify, &mut desk);
}

/// What does not fit into the memory that is allowed.
fn room(config: &Config, desk: &mut Desk<'_>) {
    let limits = &config.limits;
    if limits.buffers > limits.memory && desk.are_sound(&["limits.buffers", "limits.memory"]) {
        let what = format!("buffers of {} do not fit into a memory of {}", limits.buffers, limits.memory);
        let at = if desk.is_written("limits.buffers") { "limits.buffers" } else { "limits.memory" };
        desk.error(at, what, "write less than `memory`, or more memory");
    }
}

/// Where rules say what they found.
struct Desk<'a> {
    text: &'a str,
    root: &'a DeTable<'a>,
    problems: &'a mut Problems,
}

impl Desk<'_> {
    /// Something that must be mended. Nothing is said of a value that could not be read in the first place.
    fn error(&mut self, path: &str, what: impl Into<String>, cure: impl Into<String>) {
        if self.problems.is_sound(path) {
            let at = self.place(path).0;
            self.problems.error(at, path, what, cure);
        }
    }

    /// Something worth knowing.
    fn warning(&mut self, path: &str, what: impl Into<String>, cure: impl Into<String>) {
        if self.problems.is_sound(path) {
            let at = self.place(path).0;
            self.problems.warning(at, what, cure);
        }
    }

    /// Whether every one of these values could be read.
    fn are_sound(&self, paths: &[&str]) -> bool {
        paths.iter().all(|path| self.problems.is_sound(path))
    }

    /// Whether a key stands in the text.
    fn is_written(&self, path: &str) -> bool {
        self.place(path).1
    }

    /// Says of every value but the first of its kind that it was there before. `paths` are those of the
    /// values.
    fn refuse_repeats<T: Ord>(
        &mut self,
        values: impl IntoIterator<Item = (String, T)>,
        what: &str,
        cure: &str,
    ) {
        let mut seen: BTreeMap<T, String> = BTreeMap::new();
        for (path, value) in values {
            // A value that could not be read stands here as an example: it repeats nothing.
            if !self.problems.is_sound(&path) {
                continue;
            }
            match seen.get(&value) {
                Some(first) => {
                    let line = self.line(first);
                    self.error(&path, format!("{what} is there already, on line {line}"), cure);
                }
                None => {
                    seen.insert(value, path);
                }
            }
        }
    }

    /// Where a value is and whether it is there; else the innermost table that is.
    fn place(&self, path: &str) -> (Range<usize>, bool) {
        let mut place = 0..0;
        let mut table = Some(self.root);
        let mut list: Option<&[Spanned<DeValue<'_>>]> = None;
        for step in path.split('.') {
            let item = match (table, list) {
                (Some(table), _) => table.get(step),
                (None, Some(list)) => step.parse::<usize>().ok().and_then(|index| list.get(index)),
                (None, None) => None,
            };
            // `[site]` for `[[site]]` has been refused already; its one table is number 0.
            let Some(item) = item else { return (place, step == "0") };
            place = item.span();
            table = item.get_ref().as_table();
            list = item.get_ref().as_array().map(|items| &items[..]);
            if let (Some(first), true) = (list.and_then(<[_]>::first), item.span().is_empty()) {
                place = first.span();
            }
        }
        (place, true)
    }

    /// The line of a value, from 1.
    fn line(&self, path: &str) -> usize {
        let before = self.text.bytes().take(self.place(path).0.start);
        before.filter(|byte| *byte == b'\n').count() + 1
    }
}
