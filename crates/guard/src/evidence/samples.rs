//! Which samples of a step are kept: so many in a second, whatever the length of its steps.

use std::cmp::Ordering;

use model::{Attribute, Sample, Tier};

use super::second::Second;

/// Samples of T3 to T6 kept in one second (decision-science, section 11: 512 of all tiers).
pub(super) const KEPT: usize = 256;

/// Keeps an even part of the samples of a step of `millis`.
///
/// They are put in an order of their own first, so that the order in which they came decides nothing, and then every
/// n-th is kept with n-fold weight: what is frequent stays so, to within one sample.
pub(super) fn take(second: &mut Second, samples: &[Sample], millis: u64) {
    let samples = &samples[..samples.len().min(model::SAMPLES_MAX)];
    let mut ordered: Vec<&Sample> = samples.iter().filter(|sample| !is_verified_crawler(sample)).collect();
    for sample in &ordered {
        let weight = u64::from(sample.weight);
        second.sampled = second.sampled.saturating_add(weight);
        if sample.navigation {
            second.navigations = second.navigations.saturating_add(weight);
        }
        if sample.keeps_cookies {
            second.with_cookies = second.with_cookies.saturating_add(weight);
        }
    }
    let budget = usize::try_from(millis.saturating_mul(KEPT as u64).div_ceil(1_000)).unwrap_or(KEPT);
    let budget = budget.min(KEPT.saturating_sub(second.samples.len()));
    ordered.sort_unstable_by(|a, b| compare(a, b));
    if ordered.len() <= budget {
        second.samples.extend(ordered.into_iter().copied());
        return;
    }
    for kept in 0..budget {
        // From the middle of each part.
        let sample = ordered[(2 * kept + 1) * ordered.len() / (2 * budget)];
        let weight = u64::from(sample.weight) * ordered.len() as u64 / budget as u64;
        second.samples.push(Sample { weight: u32::try_from(weight).unwrap_or(u32::MAX), ..*sample });
    }
}

/// Verified crawlers are programs, alike and without tickets, and no attack: nobody else is in T4 without a ticket.
fn is_verified_crawler(sample: &Sample) -> bool {
    sample.tier == Tier::T4 && !sample.keeps_cookies
}

/// A total order over samples.
fn compare(a: &Sample, b: &Sample) -> Ordering {
    let values = |sample: &Sample| Attribute::ALL.map(|attribute| sample.values.get(attribute));
    let facts = |sample: &Sample| (sample.tier, sample.cohort, sample.navigation, sample.keeps_cookies);
    let weights = |sample: &Sample| (sample.weight, sample.cost_micros);
    let network = Attribute::Network;
    // Most differ in their network.
    (a.values.get(network).cmp(&b.values.get(network)))
        .then_with(|| values(a).cmp(&values(b)))
        .then_with(|| facts(a).cmp(&facts(b)))
        .then_with(|| weights(a).cmp(&weights(b)))
}
