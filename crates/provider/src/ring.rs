//! What was measured in the last quarter of an hour and, by minutes, in the last day. Its memory is fixed.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Instant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::measure::{Measure, Rates, Totals};

/// One second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Second {
    /// Its end.
    pub at: Timestamp,
    /// What grew in it.
    pub rates: Rates,
}

/// The most that was measured, and when.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Peak {
    /// Per second.
    pub rate: u64,
    /// The end of that second, in milliseconds since the epoch.
    pub at: u64,
}

/// The most of each measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Peaks([Peak; Measure::COUNT]);

impl Peaks {
    /// Of one.
    pub const fn get(&self, measure: Measure) -> Peak {
        self.0[measure.index()]
    }

    /// Takes a second.
    pub fn take(&mut self, second: &Second) {
        for (measure, peak) in Measure::ALL.into_iter().zip(&mut self.0) {
            let rate = second.rates.get(measure);
            if rate > peak.rate {
                *peak = Peak { rate, at: second.at.as_millis() };
            }
        }
    }

    /// Takes what was the most elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (peak, other) in self.0.iter_mut().zip(other.0) {
            if other.rate > peak.rate {
                *peak = other;
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Minute {
    begun: Timestamp,
    peaks: Peaks,
    sums: Rates,
    seconds: u64,
}

/// What was measured, second by second.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    last: Option<(Instant, Totals)>,
    since: Option<Timestamp>,
    /// Oldest first.
    seconds: VecDeque<Second>,
    /// Oldest first.
    minutes: VecDeque<Minute>,
}

impl Ring {
    /// Takes what has been counted; to be called about once a second. A step of less than a tenth of a second or more than ten tells
    /// no rate and is left out.
    pub fn take(&mut self, totals: Totals, now: Instant, wall: Timestamp) {
        let Some((before, counted)) = self.last.replace((now, totals)) else {
            self.since = Some(wall);
            return;
        };
        let Some(rates) = totals.rates(&counted, now.since(before)) else { return };
        let second = Second { at: wall, rates };
        if self.seconds.len() >= SECONDS_MAX {
            self.seconds.pop_front();
        }
        self.seconds.push_back(second);
        let begun = Timestamp::from_secs(wall.as_secs() / 60 * 60);
        if self.minutes.back().is_none_or(|minute| minute.begun != begun) {
            if self.minutes.len() >= MINUTES_MAX {
                self.minutes.pop_front();
            }
            self.minutes.push_back(Minute {
                begun,
                peaks: Peaks::default(),
                sums: Rates::default(),
                seconds: 0,
            });
        }
        if let Some(minute) = self.minutes.back_mut() {
            minute.peaks.take(&second);
            minute.sums.add(&second.rates);
            minute.seconds += 1;
        }
    }

    /// Goes on with another interface: what comes next is not compared with what was.
    pub fn begin_anew(&mut self) {
        self.last = None;
    }

    /// Since when it is counted.
    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// The last seconds, newest first, at most 900.
    pub fn recent(&self) -> impl Iterator<Item = &Second> {
        self.seconds.iter().rev()
    }

    /// The most between two moments, by whole minutes.
    pub fn peaks(&self, from: Timestamp, until: Timestamp) -> Peaks {
        let mut peaks = Peaks::default();
        let ends = |minute: &Minute| minute.begun + MINUTE;
        let within = self.minutes.iter().filter(|minute| ends(minute) > from && minute.begun <= until);
        within.for_each(|minute| peaks.merge(&minute.peaks));
        peaks
    }

    /// What was usual in the hour before a moment, but for its last minute: of each measure the minute in the middle. `None` where fewer
    /// than five minutes of it were measured.
    pub fn usual(&self, before: Timestamp) -> Option<Rates> {
        let (from, until) = (before.before(HOUR), before.before(MINUTE));
        let within = |minute: &&Minute| minute.begun >= from && minute.begun + MINUTE <= until;
        let means: Vec<Rates> =
            self.minutes.iter().filter(within).map(|minute| minute.sums.divided(minute.seconds)).collect();
        if means.len() < MINUTES_TELL {
            return None;
        }
        let mut usual = Rates::default();
        for measure in Measure::ALL {
            let mut sorted: Vec<u64> = means.iter().map(|mean| mean.get(measure)).collect();
            sorted.sort_unstable();
            usual.set(measure, sorted.get(sorted.len() / 2).copied().unwrap_or(0));
        }
        Some(usual)
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// A quarter of an hour: 130 KB.
const SECONDS_MAX: usize = 900;
/// A day: 600 KB.
const MINUTES_MAX: usize = 1_440;
/// So many minutes tell what is usual.
const MINUTES_TELL: usize = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Seconds of one measure, from a wall clock of 6,000 s on.
    fn ring(rates: impl IntoIterator<Item = u64>) -> Ring {
        let (mut ring, mut totals, mut sum) = (Ring::default(), Totals::default(), 0);
        ring.take(totals, Instant::ORIGIN, Timestamp::from_secs(6_000));
        for (second, rate) in (1..).zip(rates) {
            sum += rate;
            totals.set(Measure::Udp, sum);
            ring.take(totals, Instant::from_secs(second), Timestamp::from_secs(6_000 + second));
        }
        ring
    }

    #[test]
    fn peaks_and_what_was_usual_are_told_apart() {
        let ring = ring((0..1_200).map(|second| if second >= 1_000 { 90_000 } else { 100 + second % 3 }));
        let began = Timestamp::from_secs(7_000);
        let peak = ring.peaks(began, Timestamp::from_secs(7_200)).get(Measure::Udp);
        assert_eq!(peak, Peak { rate: 90_000, at: 7_001_000 });
        assert_eq!(ring.usual(began).map(|usual| usual.get(Measure::Udp)), Some(101));
        assert_eq!(ring.usual(Timestamp::from_secs(6_060)), None, "nothing was counted before");
        assert_eq!(ring.peaks(Timestamp::from_secs(100), Timestamp::from_secs(200)), Peaks::default());
        assert_eq!(ring.since(), Some(Timestamp::from_secs(6_000)));
    }

    #[test]
    fn a_counter_that_begins_anew_and_a_machine_that_slept_are_no_peaks() {
        let mut ring = ring([50]);
        ring.take(Totals::default(), Instant::from_secs(2), Timestamp::from_secs(6_002));
        assert_eq!(ring.recent().next().map(|second| second.rates), Some(Rates::default()));
        let mut totals = Totals::default();
        totals.set(Measure::Udp, 1 << 40);
        ring.take(totals, Instant::from_secs(3_600), Timestamp::from_secs(9_600));
        assert_eq!(ring.recent().count(), 2);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_no_peak_is_below_what_came(
            steps in proptest::collection::vec((0_u64..100_000, any::<u64>(), 0_u64..3_000_000), 0..400),
        ) {
            let (mut ring, mut totals, mut now, mut wall) =
                (Ring::default(), Totals::default(), Instant::ORIGIN, Timestamp::default());
            for (passed, total, jump) in steps {
                now = now + Duration::from_millis(passed);
                wall = Timestamp::from_millis(wall.as_millis().wrapping_add(jump) % 10_000_000_000);
                totals.set(Measure::InBits, total);
                ring.take(totals, now, wall);
                prop_assert!(ring.seconds.len() <= SECONDS_MAX && ring.minutes.len() <= MINUTES_MAX);
            }
            let most = ring.recent().map(|second| second.rates.get(Measure::InBits)).max().unwrap_or(0);
            let all = ring.peaks(Timestamp::default(), Timestamp::from_millis(u64::MAX));
            prop_assert!(all.get(Measure::InBits).rate >= most);
        }
    }
}
