//! What values are in words.

use std::collections::{BTreeMap, VecDeque};

use model::Name;

/// The words of the last few thousand values that were named.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: BTreeMap<u64, String>,
    /// In the order in which they were learnt.
    order: VecDeque<u64>,
}

impl Vocabulary {
    /// Takes names; the oldest make room.
    pub(super) fn learn(&mut self, names: &[Name]) {
        for name in names {
            if self.words.insert(name.value, name.text.clone()).is_some() {
                continue;
            }
            self.order.push_back(name.value);
            if self.order.len() > WORDS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.words.remove(&oldest);
            }
        }
    }

    /// What a value is in words, if it was named.
    pub(super) fn word(&self, value: u64) -> Option<&str> {
        self.words.get(&value).map(String::as_str)
    }
}

/// Less than a megabyte.
pub(super) const WORDS_MAX: usize = 4_096;
