//! The requests of T3 to T6 of the last ten seconds: what a rule is to be found in (set A of decision-science, section 6).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{Attribute, Condition, Dictionary, Finite, Instant, SAMPLES_MAX, Sample, Test};
use serde::{Deserialize, Serialize};

use super::rows::Rows;
use super::seen::Runs;

/// Words of bits that one second takes: a bit for each of its samples.
pub(super) const SECOND_WORDS: usize = SAMPLES_MAX / 64;
/// Seconds that are looked back (decision-science, section 6). With 256 samples each there are at most 2,560 of the
/// 4,096 that the section allows.
pub(super) const SECONDS: usize = 10;

/// The last ten seconds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Flood {
    pub(super) seconds: VecDeque<Second>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Second {
    at: Instant,
    pub(super) rows: Rows,
    /// For how many requests each row stands.
    pub(super) weight: Finite,
    /// By attribute the values that came at least twice.
    repeated: Vec<Runs>,
}

impl Flood {
    /// Adds a second with so many requests, of which `samples` were drawn evenly, and forgets what is too old.
    pub(super) fn push(
        &mut self,
        now: Instant,
        samples: &[&Sample],
        runs: Vec<Runs>,
        requests: u64,
        calm: &Dictionary,
    ) {
        let mut rows = Rows::default();
        samples.iter().for_each(|sample| rows.push_for(sample.tier, &sample.values, calm));
        let mut repeated = runs;
        for runs in &mut repeated {
            runs.retain(|(_, count)| *count > 1);
            runs.shrink_to_fit();
        }
        let weight = Finite::count(requests) / Finite::count(rows.len() as u64);
        self.seconds.push_back(Second { at: now, rows, weight, repeated });
        while self.seconds.len() > SECONDS
            || self.seconds.front().is_some_and(|old| now.since(old.at) >= WINDOW)
        {
            self.seconds.pop_front();
        }
    }

    /// How many seconds there are.
    pub(super) fn len(&self) -> Finite {
        Finite::count(self.seconds.len() as u64)
    }

    /// Requests that came.
    pub(super) fn volume(&self) -> Finite {
        self.seconds.iter().map(|second| second.weight * Finite::count(second.rows.len() as u64)).sum()
    }

    /// The conditions that so many requests meet, the commonest first, at most `count`.
    pub(super) fn common(&self, at_least: Finite, count: usize, calm: &Dictionary) -> Vec<Condition> {
        let mut found: Vec<(Finite, Condition)> = Vec::new();
        for attribute in Attribute::ALL {
            let mut weights: BTreeMap<u64, Finite> = BTreeMap::new();
            for second in &self.seconds {
                for (value, count) in second.repeated.get(attribute.index()).into_iter().flatten() {
                    *weights.entry(*value).or_default() += second.weight * Finite::count(u64::from(*count));
                }
            }
            found.extend(
                weights
                    .into_iter()
                    .map(|(value, weight)| (weight, Condition { attribute, test: Test::Is(value) })),
            );
            if calm.is_learnt(attribute) {
                let condition = Condition { attribute, test: Test::New };
                found.push((self.weight_of(condition), condition));
            }
        }
        found.retain(|(weight, _)| *weight >= at_least);
        found.sort_unstable_by(|(one, a), (other, b)| other.cmp(one).then(a.cmp(b)));
        found.truncate(count);
        found.into_iter().map(|(_, condition)| condition).collect()
    }

    /// Requests that meet one condition.
    fn weight_of(&self, condition: Condition) -> Finite {
        let weigh = |second: &Second| {
            let mut words = [0; SECOND_WORDS];
            second.rows.find(condition, &mut words);
            second.weight * Finite::count(words.iter().map(|word| u64::from(word.count_ones())).sum())
        };
        self.seconds.iter().map(weigh).sum()
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let runs = |second: &Second| -> usize {
            second.repeated.iter().map(|runs| runs.capacity() * size_of::<(u64, u32)>()).sum()
        };
        self.seconds.iter().map(|second| second.rows.bytes() + size_of::<Second>() + runs(second)).sum()
    }
}

/// The same in time, for seconds that are missing.
const WINDOW: Duration = Duration::from_secs(SECONDS as u64);
