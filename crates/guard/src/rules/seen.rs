//! Which values are seen often in calm.

use std::sync::Arc;

use model::{Attribute, DICTIONARY_MAX, Dictionary, Values};
use serde::{Deserialize, Serialize};

/// Values of one attribute with the number of times they were seen, in ascending order of values.
pub(super) type Runs = Vec<(u64, u32)>;

/// How often each value of each attribute was seen, and the dictionary made of that.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Seen {
    sketches: Vec<Sketch>,
    /// Seconds that were learnt from.
    seconds: u64,
    #[serde(with = "shared")]
    pub(super) calm: Arc<Dictionary>,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self { sketches: vec![Sketch::default(); Attribute::COUNT], seconds: 0, calm: Arc::default() }
    }

    /// Learns from one second of calm.
    pub(super) fn learn(&mut self, known: &[Runs], others: &[Runs]) {
        for (sketch, runs) in self.sketches.iter_mut().zip(known) {
            sketch.add(runs, 1);
        }
        for (sketch, runs) in self.sketches.iter_mut().zip(others) {
            sketch.add(runs, 1);
        }
        self.seconds += 1;
        if self.seconds.is_multiple_of(HALVE_EVERY) {
            self.sketches.iter_mut().for_each(Sketch::halve);
        }
        if self.seconds.is_multiple_of(REBUILD_EVERY) {
            self.calm = Arc::new(self.often(OFTEN));
        }
    }

    /// Learns as if these samples had come over four weeks. Returns what the dictionary would be for each of these
    /// samples without itself: told by the dictionary that they made, fewer of them would be new than of others.
    pub(super) fn warm(&mut self, runs: &[Runs]) -> Dictionary {
        for (sketch, runs) in self.sketches.iter_mut().zip(runs) {
            sketch.add(runs, WARM_TIMES);
        }
        self.calm = Arc::new(self.often(OFTEN));
        self.often(OFTEN + WARM_TIMES)
    }

    fn often(&self, times: u32) -> Dictionary {
        Dictionary::new(self.sketches.iter().map(|sketch| sketch.often(times)).collect())
    }

    /// Bytes that it holds, at most twice the dictionary: an older one may still be in force.
    pub(super) fn bytes(&self) -> usize {
        let entries: usize = self.sketches.iter().map(|sketch| sketch.entries.capacity()).sum();
        let words: usize = self.sketches.iter().map(|sketch| sketch.entries.len()).sum();
        entries * size_of::<Entry>() + 2 * words * size_of::<u64>()
    }
}

/// How often each value of each attribute occurs.
pub(super) fn runs(values: &[Values]) -> Vec<Runs> {
    Attribute::ALL
        .iter()
        .map(|attribute| {
            let mut column: Vec<u64> = values.iter().map(|values| values.get(*attribute)).collect();
            column.sort_unstable();
            let runs = column.chunk_by(|one, other| one == other);
            runs.map(|run| (run[0], u32::try_from(run.len()).unwrap_or(u32::MAX))).collect()
        })
        .collect()
}

/// The values of one attribute that are seen most: Space-Saving (Metwally, Agrawal, El Abbadi 2005).
///
/// A value without a place takes the place of the rarest and its count, which is noted as possible error. Whatever makes
/// up more than 1 of [`DICTIONARY_MAX`] of all that is seen has a place.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Sketch {
    /// In ascending order of values.
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
struct Entry {
    value: u64,
    /// At least as often as it was seen.
    count: u32,
    /// At most so many of the count are of others.
    error: u32,
}

impl Sketch {
    fn add(&mut self, runs: &[(u64, u32)], times: u32) {
        let mut strangers = Vec::new();
        let mut from = 0;
        for (value, count) in runs.iter().filter(|(value, _)| *value != 0) {
            from += self.entries[from..].partition_point(|entry| entry.value < *value);
            let count = count.saturating_mul(times);
            match self.entries.get_mut(from) {
                Some(entry) if entry.value == *value => entry.count = entry.count.saturating_add(count),
                Some(_) | None => strangers.push(Entry { value: *value, count, error: 0 }),
            }
        }
        if !strangers.is_empty() {
            strangers.truncate(DICTIONARY_MAX);
            self.admit(strangers);
        }
    }

    /// Gives a place to each stranger.
    fn admit(&mut self, mut strangers: Vec<Entry>) {
        let gone = (self.entries.len() + strangers.len()).saturating_sub(DICTIONARY_MAX);
        if gone > 0 {
            let mut rarest: Vec<(u32, u64)> =
                self.entries.iter().map(|entry| (entry.count, entry.value)).collect();
            rarest.select_nth_unstable(gone - 1);
            rarest.truncate(gone);
            rarest.sort_unstable();
            for (stranger, (count, _)) in strangers.iter_mut().zip(&rarest) {
                stranger.error = *count;
                stranger.count = stranger.count.saturating_add(*count);
            }
            let mut leaving: Vec<u64> = rarest.into_iter().map(|(_, value)| value).collect();
            leaving.sort_unstable();
            self.entries.retain(|entry| leaving.binary_search(&entry.value).is_err());
        }
        self.entries = merge(&self.entries, &strangers);
    }

    /// Forgets half.
    fn halve(&mut self) {
        for entry in &mut self.entries {
            entry.count /= 2;
            entry.error /= 2;
        }
        self.entries.retain(|entry| entry.count > 0);
    }

    /// The values that were certainly seen often, in ascending order.
    fn often(&self, times: u32) -> Vec<u64> {
        let often = self.entries.iter().filter(|entry| entry.count - entry.error >= times);
        often.map(|entry| entry.value).collect()
    }
}

/// Both lists in ascending order of values.
fn merge(one: &[Entry], other: &[Entry]) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(one.len() + other.len());
    let mut rest = other;
    for entry in one {
        let before = rest.partition_point(|other| other.value < entry.value);
        merged.extend_from_slice(&rest[..before]);
        rest = &rest[before..];
        merged.push(*entry);
    }
    merged.extend_from_slice(rest);
    merged
}

/// Samples in which a value must have been seen to be in the dictionary.
const OFTEN: u32 = 3;
/// Seconds of calm after which the dictionary is made anew.
const REBUILD_EVERY: u64 = 60;
/// Seconds of calm after which half is forgotten: a week.
const HALVE_EVERY: u64 = 604_800;
/// How often each sample of a warm start counts: what came twice among some 16,000 comes often in four weeks.
const WARM_TIMES: u32 = 2;

/// The dictionary is shared with those who judge requests; a snapshot holds its values.
mod shared {
    use std::sync::Arc;

    use model::Dictionary;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(calm: &Arc<Dictionary>, to: S) -> Result<S::Ok, S::Error> {
        calm.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Dictionary>, D::Error> {
        Dictionary::deserialize(from).map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_keeps_its_place_among_any_number_of_strangers() {
        let mut sketch = Sketch::default();
        let mut stranger = 1_000_000;
        for _ in 0..400 {
            let mut runs: Runs = vec![(7, 1), (9, 2)];
            runs.extend((0..200).map(|i| (stranger + i, 1)));
            stranger += 200;
            sketch.add(&runs, 1);
            assert!(sketch.entries.len() <= DICTIONARY_MAX);
            assert!(sketch.entries.is_sorted_by_key(|entry| entry.value));
        }
        assert_eq!(sketch.often(OFTEN), [7, 9], "80,000 strangers came once each");
    }

    #[test]
    fn absent_values_are_not_learnt() {
        let mut sketch = Sketch::default();
        sketch.add(&[(0, 9), (5, 3)], 1);
        assert_eq!(sketch.often(OFTEN), [5]);
    }

    #[test]
    fn what_is_not_seen_again_is_forgotten_by_halves() {
        let mut sketch = Sketch::default();
        sketch.add(&[(5, 7)], 1);
        sketch.halve();
        assert_eq!(sketch.often(OFTEN), [5]);
        sketch.halve();
        assert!(sketch.often(OFTEN).is_empty());
        sketch.halve();
        assert!(sketch.entries.is_empty());
    }
}
