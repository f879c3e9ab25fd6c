//! A budget in bytes per second.

use model::Instant;

/// A token bucket: over any span of time at most `rate × span + burst` bytes are taken.
///
/// It remembers one moment, that at which the bucket is full again. A clock that stands still or goes back gives
/// nothing, and takes nothing away.
#[derive(Clone, Debug)]
pub struct Bucket {
    bytes_per_second: u64,
    burst_nanos: u64,
    full_at: Instant,
}

impl Bucket {
    /// A full bucket. A rate of zero counts as one byte per second.
    pub fn new(bytes_per_second: u64, burst_bytes: u64) -> Self {
        let bytes_per_second = bytes_per_second.max(1);
        let burst = u128::from(burst_bytes) * NANOS / u128::from(bytes_per_second);
        let burst_nanos = u64::try_from(burst).unwrap_or(u64::MAX);
        Self { bytes_per_second, burst_nanos, full_at: Instant::ORIGIN }
    }

    /// Takes `bytes` if they are there; else takes none.
    pub fn take(&mut self, bytes: usize, now: Instant) -> bool {
        // Rounded up: many small takes never add up to more than the rate.
        let cost = (bytes as u128 * NANOS).div_ceil(u128::from(self.bytes_per_second));
        let full_at = u128::from(self.full_at.max(now).as_nanos()) + cost;
        if full_at > u128::from(now.as_nanos()) + u128::from(self.burst_nanos) {
            return false;
        }
        self.full_at = Instant::from_nanos(u64::try_from(full_at).unwrap_or(u64::MAX));
        true
    }
}

const NANOS: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_span_of_time_ever_holds_more_than_its_budget(
            rate in 1_u64..5_000_000,
            burst in 0_u64..2_000_000,
            offers in proptest::collection::vec((0_u64..2_000_000_000, 0_usize..300_000), 1..60),
        ) {
            let mut bucket = Bucket::new(rate, burst);
            let mut now = 0;
            let mut taken = Vec::new();
            for (pause, bytes) in offers {
                now += pause;
                if bucket.take(bytes, Instant::from_nanos(now)) {
                    taken.push((now, bytes as u128));
                }
            }
            for (first, (begin, _)) in taken.iter().enumerate() {
                let mut sum = 0;
                for (end, bytes) in &taken[first..] {
                    sum += bytes;
                    let budget = u128::from(burst) + u128::from(end - begin) * u128::from(rate) / NANOS;
                    prop_assert!(sum <= budget + 1, "{sum} bytes in {} ns, {budget} allowed", end - begin);
                }
            }
        }

        #[test]
        fn a_clock_that_goes_back_opens_nothing(times in proptest::collection::vec(0_u64..10_000_000_000, 1..60)) {
            let mut bucket = Bucket::new(1_000, 1_000);
            let latest = times.iter().copied().max().unwrap_or(0);
            let taken = times.iter().filter(|at| bucket.take(500, Instant::from_nanos(**at))).count();
            prop_assert!(taken as u64 * 500 <= 1_000 + latest / 1_000_000 + 1);
        }
    }

    #[test]
    fn takes_that_cost_less_than_a_nanosecond_are_not_free() {
        let mut bucket = Bucket::new(4_000_000_000, 10);
        assert!((0..1_000).filter(|_| bucket.take(1, Instant::ORIGIN)).count() <= 10);
    }

    #[test]
    fn a_full_budget_is_used_in_full() {
        let mut bucket = Bucket::new(1_000, 1_000);
        let takes = (0..100).filter(|tenth| bucket.take(100, Instant::from_millis(tenth * 100))).count();
        assert_eq!(takes, 100);
        assert!((0..9).all(|_| bucket.take(100, Instant::from_millis(9_900))));
        assert!(!bucket.take(1, Instant::from_millis(9_900)));
    }
}
