//! When a certificate is to be had, and when to try again.

use std::time::Duration;

use crate::files::Validity;

/// How long a certificate can be left alone, at `now` in seconds since 1970: until two thirds of its time are over, as
/// authorities advise, or not at all if the gate signed it itself.
pub(crate) fn rest(validity: &Validity, now: u64) -> Duration {
    if validity.own {
        return Duration::ZERO;
    }
    let life = validity.not_after.saturating_sub(validity.not_before);
    let due = validity.not_after.saturating_sub(life / 3);
    Duration::from_secs(due.saturating_sub(now))
}

/// How long to wait after so many failures in a row: authorities allow few of them in an hour.
pub(crate) fn pause(failures: u32) -> Duration {
    let doubled = PAUSE_FIRST * 2_u32.pow(failures.saturating_sub(1).min(12));
    doubled.min(PAUSE_MAX)
}

const PAUSE_FIRST: Duration = Duration::from_secs(60);
const PAUSE_MAX: Duration = Duration::from_secs(6 * 3_600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400;

    fn ninety_days() -> Validity {
        Validity { not_before: 1_000 * DAY, not_after: 1_090 * DAY, own: false }
    }

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_time_is_left() {
        assert_eq!(rest(&ninety_days(), 1_000 * DAY), Duration::from_secs(60 * DAY));
        assert_eq!(rest(&ninety_days(), 1_060 * DAY), Duration::ZERO);
        assert_eq!(rest(&ninety_days(), 2_000 * DAY), Duration::ZERO);
        let six_days = Validity { not_before: 0, not_after: 6 * DAY, own: false };
        assert_eq!(rest(&six_days, 0), Duration::from_secs(4 * DAY));
    }

    #[test]
    fn what_the_gate_signed_itself_is_replaced_at_once() {
        assert_eq!(rest(&Validity { own: true, ..ninety_days() }, 1_000 * DAY), Duration::ZERO);
    }

    #[test]
    fn failures_are_repeated_ever_more_rarely() {
        let minutes: Vec<u64> = (1..=11).map(|failures| pause(failures).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
        assert_eq!(pause(u32::MAX), PAUSE_MAX);
    }

    proptest! {
        #[test]
        fn nothing_overflows(not_before: u64, not_after: u64, now: u64) {
            let validity = Validity { not_before, not_after, own: false };
            prop_assert!(rest(&validity, now) <= Duration::from_secs(not_after));
        }
    }
}
