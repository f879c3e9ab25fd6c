//! The samples of a step.

use model::{Sample, Values};

use super::dice::Dice;

/// A step's samples in an order that doesn't depend on the order in which they came (invariant 20).
pub(super) fn sorted(samples: &[Sample]) -> Vec<Sample> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by_key(|sample| (sample.values, sample.tier, sample.weight));
    sorted
}

/// At most `count` of the samples so that each stands for the same number of requests: each is taken as often as its
/// weight asks (systematic resampling). Equal weights that fit are each taken once.
pub(super) fn even<'a>(samples: &'a [Sample], count: usize, dice: &mut Dice) -> Vec<&'a Sample> {
    let total: u64 = samples.iter().map(|sample| u64::from(sample.weight)).sum();
    let count = count.min(samples.len()) as u64;
    if total == 0 {
        return Vec::new();
    }
    let start = dice.below(total);
    let mut taken = Vec::new();
    let mut before = 0_u64;
    for sample in samples {
        // The k-th draw lies at start/count + k·total/count: in whole numbers, at start + k·total of total·count.
        let end = before + u64::from(sample.weight) * count;
        while taken.len() < samples.len() && start + taken.len() as u64 * total < end {
            taken.push(sample);
        }
        before = end;
    }
    taken
}

/// What these samples look like.
pub(super) fn values_of(samples: &[&Sample]) -> Vec<Values> {
    samples.iter().map(|sample| sample.values).collect()
}

/// How many requests samples stand for.
pub(super) fn requests(samples: &[Sample]) -> u64 {
    samples.iter().map(|sample| u64::from(sample.weight)).sum()
}
