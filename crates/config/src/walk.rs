//! Reading one table of a text, key by key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::entry::Section;
use crate::finding::Problems;
use crate::kinds::{Found, Kind, kind_of, quoted};
use crate::nearest::nearest;
use crate::reference::home_of;

/// A table that is being read.
pub(crate) struct Walk<'a> {
    table: &'a DeTable<'a>,
    /// What is marked when a key is missing.
    header: Range<usize>,
    place: Place,
    problems: &'a mut Problems,
}

/// Where a table is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// Keys and indices, joined by dots.
    path: String,
    /// Keys alone, joined by dots: `site.origin`.
    name: String,
    many: bool,
}

impl Place {
    fn child(&self, key: &str, index: Option<usize>) -> Self {
        let path = match index {
            Some(index) => format!("{}.{index}", join(&self.path, key)),
            None => join(&self.path, key),
        };
        Self { path, name: join(&self.name, key), many: index.is_some() }
    }

    /// As it is written in the file: `[limits]`, `[[site.origin]]`.
    fn shown(&self) -> String {
        match (self.name.as_str(), self.many) {
            ("", _) => "the configuration".to_owned(),
            (name, true) => format!("[[{name}]]"),
            (name, false) => format!("[{name}]"),
        }
    }
}

impl<'a> Walk<'a> {
    /// Reads the outermost table.
    pub(crate) fn whole<T: Section>(table: &'a DeTable<'a>, problems: &'a mut Problems) -> T {
        T::read(&mut Walk { table, header: 0..0, place: Place::default(), problems })
    }

    /// The value of a key, if it is there; `None` also if it is bad, which is noted.
    pub(crate) fn value<K: Kind>(&mut self, key: &str, kind: &K) -> Option<K::Value> {
        let value = self.table.get(key)?;
        kind.read(Found { value, path: &join(&self.place.path, key) }, self.problems)
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Notes that a key must be there.
    pub(crate) fn miss(&mut self, key: &str, example: &str) {
        let path = join(&self.place.path, key);
        if self.problems.is_sound(&path) {
            let what = format!("{} has no `{key}`", self.place.shown());
            self.problems.error(
                self.header.clone(),
                &path,
                what,
                format!("write, for example, {key} = {example}"),
            );
        }
    }

    /// Notes that a table must be there.
    pub(crate) fn miss_table(&mut self, key: &str) {
        let path = join(&self.place.path, key);
        if !self.problems.is_sound(&path) {
            return;
        }
        let place = self.place.child(key, Some(0));
        let what = format!("{} has no {}", self.place.shown(), place.shown());
        let cure = format!(
            "write {} and its keys on the lines below; `portcullis check --print-default` shows them",
            place.shown()
        );
        self.problems.error(self.header.clone(), &path, what, cure);
    }

    /// Reads the table of a key, if it is there.
    pub(crate) fn table<T: Section>(&mut self, key: &str) -> Option<T> {
        let value = self.table.get(key)?;
        let place = self.place.child(key, None);
        let table = match (value.get_ref().as_table(), value.get_ref().as_array()) {
            (Some(table), _) => table,
            (None, Some(items)) => {
                let what = format!("{} can be there only once", place.shown());
                let cure = format!("write {} once, with single brackets", place.shown());
                self.problems.error(span_of(value), &place.path, what, cure);
                items.first()?.get_ref().as_table()?
            }
            (None, None) => {
                self.refuse_for_table(value, &place);
                return None;
            }
        };
        Some(self.child(table, value.span(), place))
    }

    /// Reads all tables of a key, in their order.
    pub(crate) fn tables<T: Section>(&mut self, key: &str, most: usize, beyond: &str) -> Vec<T> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let place = self.place.child(key, Some(0));
        let items = match (value.get_ref().as_table(), value.get_ref().as_array()) {
            (_, Some(items)) => items,
            (Some(table), None) => {
                let cure = format!("write {}, with double brackets", place.shown());
                let what = format!("{} is written with single brackets", place.shown());
                self.problems.error(value.span(), &join(&self.place.path, key), what, cure);
                return vec![self.child(table, value.span(), place)];
            }
            (None, None) => {
                self.refuse_for_table(value, &place);
                return Vec::new();
            }
        };
        if let Some(extra) = items.get(most) {
            let what = format!("{} of {} are too many", items.len(), place.shown());
            self.problems.error(extra.span(), &join(&self.place.path, key), what, beyond);
        }
        let mut read = Vec::with_capacity(items.len().min(most));
        for (index, item) in items.iter().enumerate().take(most) {
            let place = self.place.child(key, Some(index));
            match item.get_ref().as_table() {
                Some(table) => read.push(self.child(table, item.span(), place)),
                None => {
                    self.refuse_for_table(item, &place);
                    read.push(T::example());
                }
            }
        }
        read
    }

    /// Notes every key that is none of this table's.
    pub(crate) fn refuse_others(&mut self, keys: &[&str]) {
        for (key, value) in self.table.iter().filter(|(key, _)| !keys.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let path = join(&self.place.path, name);
            if value.get_ref().is_str() && nearest(name, ["secret", "password", "token"]).is_some() {
                self.problems.hide(value.span());
            }
            let near = nearest(name, keys.iter().copied());
            let cure = near.map_or_else(|| self.cure_for(name, keys), |near| format!("write `{near}`"));
            let is_table = value.get_ref().is_table() || value.get_ref().as_array().is_some_and(is_tables);
            let kind = if is_table { "table" } else { "key" };
            let what = format!("{} has no {kind} {}", self.place.shown(), quoted(name));
            // The key that was meant is not missing, and what it says is not known.
            self.problems.error(
                key.span(),
                &near.map_or(path, |near| join(&self.place.path, near)),
                what,
                cure,
            );
        }
    }

    fn cure_for(&self, name: &str, keys: &[&str]) -> String {
        match home_of(name) {
            Some(home) if home != self.place.shown() => {
                format!("`{name}` belongs to {home}: write it below that line, or leave it out here")
            }
            _ => format!("leave it out; {} has {}", self.place.shown(), listed(keys)),
        }
    }

    fn refuse_for_table(&mut self, value: &Spanned<DeValue<'_>>, place: &Place) {
        let what = format!("this is {}, not a table", kind_of(value.get_ref()));
        let cure = format!("write {} on a line of its own and its keys below", place.shown());
        self.problems.error(value.span(), &place.path, what, cure);
    }

    fn child<T: Section>(&mut self, table: &DeTable<'_>, header: Range<usize>, place: Place) -> T {
        T::read(&mut Walk { table, header, place, problems: &mut *self.problems })
    }
}

/// The place of the first table of a list: the list itself has none.
fn span_of(value: &Spanned<DeValue<'_>>) -> Range<usize> {
    let first = value.get_ref().as_array().and_then(|items| items.first());
    first.map_or(value.span(), Spanned::span)
}

fn is_tables(items: &DeArray<'_>) -> bool {
    items.first().is_some_and(|item| item.get_ref().is_table())
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}
