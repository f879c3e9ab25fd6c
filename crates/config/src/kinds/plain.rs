//! Values that are no text: flags, whole numbers, lists.

use toml::de::DeValue;

use super::{Found, Kind, Shape, kind_of, quoted};
use crate::finding::Problems;

/// `true` or `false`.
pub(crate) struct Flag;

/// See [`Flag`].
pub(crate) const FLAG: Flag = Flag;

/// A whole number within bounds, both included.
pub(crate) struct Whole {
    least: u32,
    most: u32,
}

/// A whole number from `least` to `most`.
pub(crate) const fn whole(least: u32, most: u32) -> Whole {
    Whole { least, most }
}

/// Several of a kind.
pub(crate) struct List<K> {
    of: K,
    most: usize,
}

/// At most `most` values of a kind, in brackets.
pub(crate) const fn list<K>(of: K, most: usize) -> List<K> {
    List { of, most }
}

impl Whole {
    fn words(&self) -> String {
        format!("a whole number from {} to {}", grouped(self.least), grouped(self.most))
    }
}

/// A number with its thousands grouped, as TOML allows: `1_000_000`.
pub(crate) fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let is_border = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    let groups = digits.char_indices();
    groups.flat_map(|(at, digit)| is_border(at).then_some('_').into_iter().chain([digit])).collect()
}

impl Kind for Flag {
    type Value = bool;

    fn read(&self, found: Found<'_>, problems: &mut Problems) -> Option<bool> {
        let flag = found.value.get_ref().as_bool();
        if flag.is_none() {
            let what = format!("this is {}, not true or false", kind_of(found.value.get_ref()));
            problems.error(found.span(), found.path, what, "write true or false, without quotes");
        }
        flag
    }

    fn shape(&self) -> Shape {
        Shape::Flag
    }

    fn toml(&self, plain: &str) -> String {
        plain.to_owned()
    }
}

impl Kind for Whole {
    type Value = u32;

    fn read(&self, found: Found<'_>, problems: &mut Problems) -> Option<u32> {
        let Some(number) = found.value.get_ref().as_integer() else {
            let what = format!("this is {}, not a whole number", kind_of_number(found.value.get_ref()));
            let cure = format!("write {}, without quotes and without a unit", self.words());
            problems.error(found.span(), found.path, what, cure);
            return None;
        };
        let read =
            i64::from_str_radix(number.as_str(), number.radix()).ok().and_then(|n| u32::try_from(n).ok());
        let within = read.filter(|n| (self.least..=self.most).contains(n));
        if within.is_none() {
            let what = format!("{} is out of range", quoted(&number.to_string()));
            problems.error(found.span(), found.path, what, format!("write {}", self.words()));
        }
        within
    }

    fn shape(&self) -> Shape {
        Shape::Whole { least: self.least, most: self.most }
    }

    fn toml(&self, plain: &str) -> String {
        plain.to_owned()
    }
}

fn kind_of_number(value: &DeValue<'_>) -> &'static str {
    if value.is_float() { "a number with a fraction" } else { kind_of(value) }
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    /// All items are read, so that all errors are found; one bad item makes the list bad.
    fn read(&self, found: Found<'_>, problems: &mut Problems) -> Option<Self::Value> {
        let Some(items) = found.value.get_ref().as_array() else {
            let what = format!("this is {}, not a list", kind_of(found.value.get_ref()));
            problems.error(
                found.span(),
                found.path,
                what,
                "write the value in brackets: [ … ], several with commas",
            );
            return None;
        };
        if items.len() > self.most {
            let what = format!("{} entries are too many", items.len());
            problems.error(found.span(), found.path, what, format!("write at most {}", self.most));
            return None;
        }
        let mut read = Vec::with_capacity(items.len());
        for (index, value) in items.iter().enumerate() {
            let path = format!("{}.{index}", found.path);
            read.push(self.of.read(Found { value, path: &path }, problems));
        }
        let read: Option<Vec<_>> = read.into_iter().collect();
        if read.is_none() {
            problems.spoil(found.path);
        }
        read
    }

    fn shape(&self) -> Shape {
        Shape::List { of: Box::new(self.of.shape()), most: self.most }
    }

    fn toml(&self, plain: &str) -> String {
        let items: Vec<_> =
            plain.split(", ").filter(|item| !item.is_empty()).map(|item| self.of.toml(item)).collect();
        format!("[{}]", items.join(", "))
    }
}
