//! Samples of one block of steps: values stand once in a table, requests name them by their place.

use std::collections::BTreeMap;

use model::{Attribute, Cohort, SAMPLES_MAX, Sample, Tier, Values};
use serde::{Deserialize, Serialize};

/// A sample whose values are places in a table.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Listed {
    weight: u32,
    tier: Tier,
    cohort: Cohort,
    cost_micros: u32,
    navigation: bool,
    keeps_cookies: bool,
    values: [u32; Attribute::COUNT],
}

/// Values in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Table {
    places: BTreeMap<u64, u32>,
    values: Vec<u64>,
}

impl Table {
    /// Lists samples, and adds the values that are not in the table yet.
    pub(crate) fn list(&mut self, samples: &[Sample]) -> Vec<Listed> {
        let samples = &samples[..samples.len().min(SAMPLES_MAX)];
        samples.iter().map(|sample| self.listed(sample)).collect()
    }

    fn listed(&mut self, sample: &Sample) -> Listed {
        let Sample { weight, tier, cohort, cost_micros, navigation, keeps_cookies, values } = *sample;
        let values = Attribute::ALL.map(|attribute| self.place(values.get(attribute)));
        Listed { weight, tier, cohort, cost_micros, navigation, keeps_cookies, values }
    }

    fn place(&mut self, value: u64) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(value).or_insert(next);
        if place == next {
            self.values.push(value);
        }
        place
    }

    /// Takes what is in it; it is empty again.
    pub(crate) fn take(&mut self) -> Vec<u64> {
        self.places.clear();
        std::mem::take(&mut self.values)
    }
}

/// The samples that were listed; `None` if one names a place that is not there, or they are too many.
pub(crate) fn unlist(listed: &[Listed], table: &[u64]) -> Option<Vec<Sample>> {
    if listed.len() > SAMPLES_MAX {
        return None;
    }
    listed.iter().map(|listed| sample(listed, table)).collect()
}

fn sample(listed: &Listed, table: &[u64]) -> Option<Sample> {
    let Listed { weight, tier, cohort, cost_micros, navigation, keeps_cookies, .. } = *listed;
    let mut values = Values::default();
    for (attribute, place) in Attribute::ALL.into_iter().zip(listed.values) {
        values.set(attribute, *table.get(usize::try_from(place).ok()?)?);
    }
    // A number of its own type that is none of it must not be indexed with.
    let cohort = Cohort::new(u8::try_from(cohort.index()).unwrap_or(0));
    Some(Sample { weight, tier, cohort, cost_micros, navigation, keeps_cookies, values })
}
