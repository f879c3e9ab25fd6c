//! The middle of a few measurements, and how sure it is.

/// Resamples of the bootstrap.
const RESAMPLES: usize = 4_000;

/// The part of resamples left out on each side of a 90 % interval.
const TAIL: f64 = 0.05;

/// A middle with the bounds of its bootstrap 90 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    /// The median of the measurements.
    pub(crate) middle: f64,
    /// 5 % of resampled medians lie below.
    pub(crate) low: f64,
    /// 5 % of resampled medians lie above.
    pub(crate) high: f64,
}

/// The median; of an even count the mean of the middle two. Not a number without measurements.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}

/// The median with its bootstrap 90 % interval. The resamples are drawn from a fixed seed: equal input, equal answer.
pub(crate) fn bootstrap(values: &[f64]) -> Interval {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut medians: Vec<f64> = (0..RESAMPLES).map(|_| median(&resample(values, &mut state))).collect();
    medians.sort_by(f64::total_cmp);
    Interval { middle: median(values), low: quantile(&medians, TAIL), high: quantile(&medians, 1.0 - TAIL) }
}

fn resample(values: &[f64], state: &mut u64) -> Vec<f64> {
    let count = u64::try_from(values.len()).unwrap_or(1).max(1);
    let draw = |_: &f64| {
        let index = usize::try_from(next_random(state) % count).unwrap_or(0);
        values.get(index).copied().unwrap_or(f64::NAN)
    };
    values.iter().map(draw).collect()
}

/// `SplitMix64` (Steele, Lea, Flood 2014): enough for resampling.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand resamples")]
    let place = share * (sorted.len().saturating_sub(1)) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length")]
    let index = place.round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-12);
        assert!((median(&[9.0, 1.0, 3.0]) - 3.0).abs() < 1e-12);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_interval_holds_the_middle_and_narrows_with_agreement() {
        let apart = bootstrap(&[0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5]);
        let close = bootstrap(&[1.08, 1.09, 1.09, 1.10, 1.10, 1.10, 1.11, 1.11, 1.12]);
        assert!(apart.low <= apart.middle && apart.middle <= apart.high);
        assert!(close.high - close.low < apart.high - apart.low);
        assert_eq!(bootstrap(&[0.5, 0.7, 0.6]), bootstrap(&[0.5, 0.7, 0.6]), "equal input, equal answer");
    }
}
