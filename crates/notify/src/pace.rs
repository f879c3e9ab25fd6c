//! How fast a receiver is written to.

use std::time::Duration;

use model::Instant;

/// So many in a minute, a few of them at once (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    apart: Duration,
    /// When the next would be due if all were evenly apart.
    due: Instant,
}

impl Pace {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { apart: Duration::from_secs(60) / per_minute.max(1), due: Instant::default() }
    }

    /// From one to the next, if they are evenly apart.
    pub(crate) const fn apart(&self) -> Duration {
        self.apart
    }

    /// How long the next has to wait.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        self.due.since(now).saturating_sub(self.apart * (AT_ONCE - 1))
    }

    /// One is sent.
    pub(crate) fn spend(&mut self, now: Instant) {
        self.due = self.due.max(now) + self.apart;
    }
}

/// After so many failures in a row: 5 s, twice as long each time, never more than five minutes.
pub(crate) fn back_off(failures: u32) -> Duration {
    let doubled = FIRST * 2_u32.pow(failures.saturating_sub(1).min(16));
    doubled.min(BACK_OFF_MAX)
}

/// Messages that may come at once.
const AT_ONCE: u32 = 5;
const FIRST: Duration = Duration::from_secs(5);
/// Between two tries at most, unless the receiver asks for more.
const BACK_OFF_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_few_come_at_once_and_then_they_are_apart() {
        let mut pace = Pace::new(30);
        let mut now = Instant::from_secs(100);
        let mut waits = Vec::new();
        for _ in 0..7 {
            let wait = pace.wait(now);
            waits.push(wait.as_secs());
            now = now + wait;
            pace.spend(now);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 2, 2]);
    }

    #[test]
    fn tries_get_rarer_and_never_stop() {
        let seconds: Vec<u64> = (1..=8).map(|failures| back_off(failures).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(back_off(u32::MAX), BACK_OFF_MAX);
    }

    proptest! {
        #[test]
        fn nobody_is_written_to_more_often_than_that(per_minute in 1_u32..600, pauses in proptest::collection::vec(0_u64..5_000, 1..200)) {
            let mut pace = Pace::new(per_minute);
            let (begun, mut now, mut sent) = (Instant::from_secs(7), Instant::from_secs(7), 0_u32);
            for pause in pauses {
                now = now + Duration::from_millis(pause);
                if pace.wait(now).is_zero() {
                    pace.spend(now);
                    sent += 1;
                }
                let allowed = f64::from(AT_ONCE) + now.since(begun).as_secs_f64() / 60.0 * f64::from(per_minute);
                prop_assert!(f64::from(sent) <= allowed + 1e-6, "{sent} of {allowed}");
            }
        }
    }
}
