//! How much of their time an audience was served: windowed user-uptime (Hauer and others, "Meaningful Availability", NSDI 2020). What
//! counts as a user's time is decided where requests end; here it is put into windows and judged.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Timestamp, UserTime};
use serde::{Deserialize, Serialize};

/// The last two days of one audience, in windows of five minutes of the wall clock.
#[derive(Clone, Debug, Default)]
pub struct Availability {
    /// The newest last; each with its number since the epoch.
    windows: VecDeque<(u64, UserTime)>,
    /// What was added up when it was looked at last.
    seen: UserTime,
}

/// What can be said of a day; shares are of users' time, 0 to 1. `None`: too few were there to say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Of the last hour.
    pub hour: Option<f64>,
    /// Of the last 24 hours.
    pub day: Option<f64>,
    /// Of the quarter of an hour in which it was worst: one long outage and many short ones differ in it.
    pub worst: Option<f64>,
}

/// What can be said of an audience over some time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Measure {
    /// The share of its time in which it was served, in 1/10,000, rounded down: 99.999 % is no 100.
    pub share: u16,
    /// The quarter of an hour in which it was worst: when it began, and the share in it. `None`: in each of them too few were there.
    pub worst: Option<(Timestamp, u16)>,
    /// How many visits there were: who stays away for five minutes and comes back is another.
    pub visits: u64,
}

impl Availability {
    /// Takes what has been added up so far; to be called every few seconds.
    pub fn look(&mut self, total: UserTime, now: Timestamp) {
        let since = |now: u64, before: u64| now.saturating_sub(before);
        let new = UserTime {
            up: since(total.up, self.seen.up),
            down: since(total.down, self.seen.down),
            came: since(total.came, self.seen.came),
            there: since(total.there, self.seen.there),
        };
        self.seen = total;
        if self.windows.is_empty() && new == UserTime::default() {
            // It begins with the first who is there.
            return;
        }
        let number = window(now);
        // A clock that is set back does not know what comes after it.
        while self.windows.back().is_some_and(|(last, _)| *last > number) {
            self.windows.pop_back();
        }
        match self.windows.back_mut() {
            Some((last, time)) if *last == number => *time = sum(*time, new),
            _ => self.windows.push_back((number, new)),
        }
        while self.windows.front().is_some_and(|(first, _)| first + WINDOWS_MAX <= number) {
            self.windows.pop_front();
        }
    }

    /// What can be said of the last day.
    pub fn figures(&self) -> Figures {
        let newest = self.windows.back().map_or(0, |(number, _)| *number);
        let of_last = |count: u64| self.spent((newest + 1).saturating_sub(count), newest + 1).share();
        let worst = self.quarters((newest + 1).saturating_sub(WINDOWS_A_DAY), newest + 1);
        Figures {
            hour: of_last(WINDOWS_AN_HOUR),
            day: of_last(WINDOWS_A_DAY),
            worst: worst.filter_map(|(_, spent)| spent.share()).min_by(f64::total_cmp),
        }
    }

    /// The first window in which anything is known.
    pub(crate) fn first(&self) -> Option<u64> {
        self.windows.front().map(|(number, _)| *number)
    }

    /// The share of one window, in 1/10,000.
    pub(crate) fn window(&self, number: u64) -> Option<u16> {
        self.spent(number, number + 1).parts()
    }

    /// What can be said of the windows from one on and before another.
    pub(crate) fn measure(&self, from: u64, until: u64) -> Option<Measure> {
        let spent = self.spent(from, until);
        let worst = self.quarters(from, until).filter_map(|(at, spent)| Some((begin(at), spent.parts()?)));
        Some(Measure {
            share: spent.parts()?,
            worst: worst.min_by_key(|(_, share)| *share),
            visits: spent.visits,
        })
    }

    fn within(&self, from: u64, until: u64) -> impl Iterator<Item = &(u64, UserTime)> {
        self.windows.iter().filter(move |(number, _)| (from..until).contains(number))
    }

    fn spent(&self, from: u64, until: u64) -> Spent {
        self.within(from, until).fold(Spent::default(), |spent, (_, time)| spent.then(*time))
    }

    /// Quarters of an hour, each with the window in which it begins.
    fn quarters(&self, from: u64, until: u64) -> impl Iterator<Item = (u64, Spent)> {
        let mut quarters: Vec<(u64, Spent)> = Vec::new();
        for (number, time) in self.within(from, until) {
            let quarter = number / WINDOWS_A_QUARTER * WINDOWS_A_QUARTER;
            match quarters.last_mut().filter(|(last, _)| *last == quarter) {
                Some((_, spent)) => *spent = spent.then(*time),
                None => quarters.push((quarter, Spent::default().then(*time))),
            }
        }
        quarters.into_iter()
    }
}

/// What users spent in windows one after the other.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    time: UserTime,
    /// Those who were there in the first window, and those who came after it.
    visits: u64,
}

impl Spent {
    fn then(self, time: UserTime) -> Self {
        let is_first = self.time == UserTime::default();
        let visits = if is_first { time.there.max(time.came) } else { time.came };
        Self { time: sum(self.time, time), visits: self.visits.saturating_add(visits) }
    }

    /// All time of theirs in milliseconds, if enough users were there for long enough to say something.
    fn enough(&self) -> Option<u64> {
        let all = self.time.up.saturating_add(self.time.down);
        (self.visits >= ENOUGH_VISITS && u128::from(all) >= ENOUGH_TIME.as_millis()).then_some(all)
    }

    /// The share that was served.
    fn share(&self) -> Option<f64> {
        let all = self.enough()?;
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
        let share = self.time.up as f64 / all as f64;
        Some(share)
    }

    /// The same in 1/10,000, never more than it was.
    fn parts(&self) -> Option<u16> {
        let all = u128::from(self.enough()?);
        u16::try_from(u128::from(self.time.up) * WHOLE / all).ok()
    }
}

/// The number of the window in which a moment is.
pub(crate) const fn window(at: Timestamp) -> u64 {
    at.as_secs() / WINDOW_SECONDS
}

/// When a window begins.
pub(crate) const fn begin(number: u64) -> Timestamp {
    Timestamp::from_secs(number.saturating_mul(WINDOW_SECONDS))
}

const fn sum(one: UserTime, other: UserTime) -> UserTime {
    UserTime {
        up: one.up.saturating_add(other.up),
        down: one.down.saturating_add(other.down),
        came: one.came.saturating_add(other.came),
        there: one.there.saturating_add(other.there),
    }
}

/// The finest that the public reads (status-contracts, section 0.2).
const WINDOW_SECONDS: u64 = 300;
const WHOLE: u128 = 10_000;
const WINDOWS_A_QUARTER: u64 = 3;
pub(crate) const WINDOWS_AN_HOUR: u64 = 12;
pub(crate) const WINDOWS_A_DAY: u64 = 288;
/// Two days: an incident longer than that is measured from two days before its end on.
const WINDOWS_MAX: u64 = 576;
/// Below so many visits nothing is said: one person with a bad link must not be a figure.
const ENOUGH_VISITS: u64 = 20;
/// And below so much time of theirs.
const ENOUGH_TIME: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_outage_of_a_quarter_of_an_hour_is_in_the_hour_the_day_and_the_worst_quarter() {
        let mut day = Day::default();
        day.pass(23 * 4, 30, 900, 0);
        day.pass(1, 30, 450, 450);
        day.pass(3, 30, 900, 0);
        let figures = day.availability.figures();
        assert_eq!(figures.hour, Some(0.875));
        assert_eq!(figures.worst, Some(0.5));
        assert!(figures.day.is_some_and(|share| (0.994..0.995).contains(&share)), "{figures:?}");
    }

    #[test]
    fn of_too_few_or_too_short_visits_nothing_is_said() {
        let mut day = Day::default();
        day.pass(4, 4, 0, 900);
        assert_eq!(day.availability.figures(), Figures::default());
        let mut day = Day::default();
        day.pass(4, 30, 0, 1);
        assert_eq!(day.availability.figures(), Figures::default());
    }

    #[test]
    fn what_is_older_than_a_day_is_forgotten() {
        let mut day = Day::default();
        day.pass(8, 30, 0, 900);
        day.pass(96, 30, 900, 0);
        assert_eq!(day.availability.figures(), Figures { hour: Some(1.0), day: Some(1.0), worst: Some(1.0) });
    }

    #[test]
    fn a_time_is_measured_in_windows_with_its_worst_quarter_and_never_rounded_up() {
        let mut day = Day::default();
        day.pass(4, 30, 900, 0);
        day.pass(1, 30, 450, 450);
        day.pass(1, 30, 899, 1);
        let quarter = |number: u64| number * WINDOWS_A_QUARTER;
        let worst = Some((Timestamp::from_secs(4 * 900), 5_000));
        let all = Measure { share: 9_164, worst, visits: 180 };
        assert_eq!(day.availability.measure(0, quarter(6)), Some(all));
        let last = Measure { share: 9_988, worst: Some((Timestamp::from_secs(5 * 900), 9_988)), visits: 30 };
        assert_eq!(day.availability.measure(quarter(5), quarter(6)), Some(last));
        assert_eq!(day.availability.measure(quarter(6), quarter(7)), None);
        assert_eq!(day.availability.window(quarter(4)), Some(5_000));
    }

    /// Those who stay all the time come once: they are as many visits as they are people.
    #[test]
    fn who_stays_is_one_visit() {
        let (mut availability, mut total) = (Availability::default(), UserTime::default());
        for number in 0..10 {
            let came = if number == 0 { 25 } else { 1 };
            total = sum(total, UserTime { up: 600_000, down: 0, came, there: 25 });
            availability.look(total, begin(number));
        }
        assert_eq!(availability.measure(0, 10).map(|of| of.visits), Some(34));
        assert_eq!(availability.measure(5, 10).map(|of| of.visits), Some(29));
        assert_eq!(availability.window(5), Some(10_000));
    }

    #[test]
    fn a_clock_that_is_set_back_knows_nothing_of_what_comes_after_it() {
        let mut availability = Availability::default();
        let spent =
            |times: u64| UserTime { up: 600_000 * times, down: 0, came: 20 * times, there: 20 * times };
        availability.look(spent(1), begin(100));
        availability.look(spent(2), begin(200));
        availability.look(spent(3), begin(150));
        assert_eq!((availability.first(), availability.window(200)), (Some(100), None));
        assert_eq!(availability.window(150), Some(10_000));
    }

    proptest! {
        #[test]
        fn shares_are_shares_and_memory_is_a_days(
            steps in proptest::collection::vec(
                (0_u64..100_000, prop::bool::weighted(0.1), 0_u64..1_000_000, 0_u64..1_000_000, 0_u64..100), 0..300
            ),
        ) {
            let (mut availability, mut total) = (Availability::default(), UserTime::default());
            let mut now = Timestamp::from_secs(1_000_000);
            for (passed, is_set_back, up, down, came) in steps {
                total = sum(total, UserTime { up, down, came, there: came });
                let passed = Duration::from_secs(passed);
                now = if is_set_back { now.before(passed) } else { now + passed };
                availability.look(total, now);
                let Figures { hour, day, worst } = availability.figures();
                for share in [hour, day, worst].into_iter().flatten() {
                    prop_assert!((0.0..=1.0).contains(&share));
                }
                prop_assert!(availability.windows.len() <= 576);
                let (first, last) = (availability.first().unwrap_or(0), window(now) + 1);
                if let Some(Measure { share, worst, .. }) = availability.measure(first, last) {
                    prop_assert!(share <= 10_000 && worst.is_none_or(|(_, worst)| worst <= 10_000));
                }
            }
        }
    }

    #[derive(Default)]
    struct Day {
        availability: Availability,
        total: UserTime,
        quarters: u64,
    }

    impl Day {
        /// So many quarters in each of which so many come, who have so many seconds of each kind together.
        fn pass(&mut self, quarters: u64, came: u64, up: u64, down: u64) {
            for _ in 0..quarters {
                let time = UserTime { up: up * 1_000, down: down * 1_000, came, there: came };
                self.total = sum(self.total, time);
                self.availability.look(self.total, Timestamp::from_secs(self.quarters * 900 + 60));
                self.quarters += 1;
            }
        }
    }
}
