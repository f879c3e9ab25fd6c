//! How much of their time an audience was served: windowed user-uptime over a day (Hauer and others, "Meaningful Availability", NSDI
//! 2020). What counts as a user's time is decided where requests end; here it is put into windows and judged.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Instant, UserTime};

/// The last day of one audience, in quarters of an hour.
#[derive(Clone, Debug, Default)]
pub struct Availability {
    /// The newest last; each with its number since the clock began.
    quarters: VecDeque<(u64, UserTime)>,
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

impl Availability {
    /// Takes what has been added up so far; to be called every few seconds. `now` never goes back.
    pub fn look(&mut self, total: UserTime, now: Instant) {
        let since = |now: u64, before: u64| now.saturating_sub(before);
        let new = UserTime {
            up: since(total.up, self.seen.up),
            down: since(total.down, self.seen.down),
            came: since(total.came, self.seen.came),
        };
        self.seen = total;
        let number = now.as_secs() / QUARTER.as_secs();
        match self.quarters.back_mut() {
            Some((last, time)) if *last == number => *time = sum(*time, new),
            _ => self.quarters.push_back((number, new)),
        }
        while self.quarters.front().is_some_and(|(first, _)| first + QUARTERS <= number) {
            self.quarters.pop_front();
        }
    }

    /// What can be said.
    pub fn figures(&self) -> Figures {
        let newest = self.quarters.back().map_or(0, |(number, _)| *number);
        let of_last = |count: u64| {
            let within = self.quarters.iter().filter(|(number, _)| number + count > newest);
            share(within.fold(UserTime::default(), |all, (_, time)| sum(all, *time)))
        };
        Figures {
            hour: of_last(QUARTERS_AN_HOUR),
            day: of_last(QUARTERS),
            worst: self.quarters.iter().filter_map(|(_, time)| share(*time)).min_by(f64::total_cmp),
        }
    }
}

/// The share that was served, if enough users were there for long enough to say.
fn share(time: UserTime) -> Option<f64> {
    let all = time.up.saturating_add(time.down);
    if time.came < ENOUGH_CAME || u128::from(all) < ENOUGH_TIME.as_millis() {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    let share = time.up as f64 / all as f64;
    Some(share)
}

const fn sum(one: UserTime, other: UserTime) -> UserTime {
    UserTime {
        up: one.up.saturating_add(other.up),
        down: one.down.saturating_add(other.down),
        came: one.came.saturating_add(other.came),
    }
}

const QUARTER: Duration = Duration::from_secs(900);
const QUARTERS_AN_HOUR: u64 = 4;
/// A day.
const QUARTERS: u64 = 96;
/// Below so many visits in a window nothing is said: one person with a bad link must not be a figure.
const ENOUGH_CAME: u64 = 20;
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

    proptest! {
        #[test]
        fn shares_are_shares_and_memory_is_a_days(
            steps in proptest::collection::vec((0_u64..100_000, 0_u64..1_000_000, 0_u64..1_000_000, 0_u64..100), 0..300),
        ) {
            let (mut availability, mut total, mut now) = (Availability::default(), UserTime::default(), Instant::ORIGIN);
            for (passed, up, down, came) in steps {
                total = sum(total, UserTime { up, down, came });
                now = now + Duration::from_secs(passed);
                availability.look(total, now);
                let Figures { hour, day, worst } = availability.figures();
                for share in [hour, day, worst].into_iter().flatten() {
                    prop_assert!((0.0..=1.0).contains(&share));
                }
                prop_assert!(availability.quarters.len() <= 96);
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
                self.total = sum(self.total, UserTime { up: up * 1_000, down: down * 1_000, came });
                self.availability.look(self.total, Instant::from_secs(self.quarters * 900 + 60));
                self.quarters += 1;
            }
        }
    }
}
