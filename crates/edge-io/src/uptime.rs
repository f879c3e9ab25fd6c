//! For how much of their time customers were served, as they feel it: windowed user-uptime (Hauer and others, "Meaningful
//! Availability", NSDI 2020).
//!
//! Between two requests of one customer, the time counts as what the first of them was: up, or down. Who stays away for longer than
//! [`AWAY_AFTER`] is not there, and counts as nothing. So a customer who reloads a hundred times counts no more than one who waits. Who
//! belongs to an audience is known before an attack begins (`admission` says who), so an attacker does not count at all.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::{Instant, Timestamp, UserTime};

/// Adds up the time of one audience. Its memory is fixed: of two who share a place, the later takes it.
pub struct Uptime {
    /// Who was there last, when, and whether that went well: 24, 39 and 1 bits. 0: nobody.
    places: Box<[AtomicU64]>,
    up: AtomicU64,
    down: AtomicU64,
    came: AtomicU64,
    there: AtomicU64,
}

impl Default for Uptime {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            came: AtomicU64::new(0),
            there: AtomicU64::new(0),
        }
    }
}

impl Uptime {
    /// A request of somebody has ended, well or not. `who` is a keyed hash, so nobody can choose it; both clocks tell the same moment.
    pub(crate) fn saw(&self, who: u128, is_good: bool, now: Instant, wall: Timestamp) {
        let (place, who) = split(who);
        let millis = now.as_millis() & MILLIS_MASK;
        let before = self.places[place].swap(who << WHO_SHIFT | millis << 1 | u64::from(is_good), Relaxed);
        let passed = millis.saturating_sub(before >> 1 & MILLIS_MASK);
        let is_other = before >> WHO_SHIFT != who;
        if is_other || u128::from(passed) > u128::from(wall.as_millis()) % WINDOW.as_millis() {
            self.there.fetch_add(1, Relaxed);
        }
        if is_other || Duration::from_millis(passed) > AWAY_AFTER {
            self.came.fetch_add(1, Relaxed);
            return;
        }
        let sum = if before & 1 == 1 { &self.up } else { &self.down };
        sum.fetch_add(passed, Relaxed);
    }

    /// What was added up since the start.
    pub fn total(&self) -> UserTime {
        UserTime {
            up: self.up.load(Relaxed),
            down: self.down.load(Relaxed),
            came: self.came.load(Relaxed),
            there: self.there.load(Relaxed),
        }
    }
}

/// The place of somebody, and what tells them from others there.
fn split(who: u128) -> (usize, u64) {
    let [a, b, c, d, e, ..] = who.to_be_bytes();
    // Nobody is 0: that is an empty place.
    (usize::from(u16::from_be_bytes([a, b])), u64::from(u32::from_be_bytes([0, c, d, e])).max(1))
}

/// Who has asked for nothing for so long is not there.
const AWAY_AFTER: Duration = Duration::from_secs(300);
/// In windows of this length it is counted how many are there.
const WINDOW: Duration = Duration::from_secs(300);
/// Those who are there at one time; 512 KiB.
const PLACES: usize = 1 << 16;
const WHO_SHIFT: u32 = 40;
/// 17 years.
const MILLIS_MASK: u64 = (1 << 39) - 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn time_counts_as_what_the_request_before_it_was() {
        let story = [(0, true), (10, true), (20, false), (50, true), (60, true)];
        check(&story, UserTime { up: 30_000, down: 30_000, came: 1, there: 1 });
        check(&[(0, false), (300, true)], UserTime { up: 0, down: 300_000, came: 1, there: 2 });
        check(&[(0, false), (301, true), (302, true)], UserTime { up: 1_000, down: 0, came: 2, there: 2 });
    }

    #[test]
    fn who_asks_a_hundred_times_counts_no_more_than_who_waits() {
        let busy: Vec<_> = (0..=100).map(|tenth| (tenth, true)).collect();
        check(&busy, UserTime { up: 100_000, down: 0, came: 1, there: 1 });
        check(&[(0, true), (100, true)], UserTime { up: 100_000, down: 0, came: 1, there: 1 });
    }

    #[test]
    fn who_stays_is_there_once_in_each_five_minutes() {
        let stays: Vec<_> = (0..10).map(|tenth| (tenth * 100, true)).collect();
        check(&stays, UserTime { up: 900_000, down: 0, came: 1, there: 4 });
    }

    proptest! {
        /// Nobody has more time than has passed, whether users share a place (a shift of 100 bits) or have places of their own.
        #[test]
        fn nobody_has_more_time_than_has_passed(
            mut events in proptest::collection::vec((0_u128..20, 0_u64..1_000, any::<bool>()), 0..200),
            shift in prop::sample::select(vec![100_u32, 112]),
        ) {
            let uptime = Uptime::default();
            events.sort_by_key(|(_, second, _)| *second);
            for (user, second, is_good) in &events {
                uptime.saw(user << shift, *is_good, Instant::from_secs(*second), Timestamp::from_secs(*second));
            }
            let of = |user: u128| events.iter().filter(move |(other, ..)| *other == user).map(|(_, second, _)| *second);
            let passed: u64 = (0..20).map(|user| of(user).max().unwrap_or(0) - of(user).min().unwrap_or(0)).sum();
            let total = uptime.total();
            prop_assert!(total.up + total.down <= passed * 1_000);
            prop_assert!(total.came <= total.there && total.there <= u64::try_from(events.len()).unwrap());
        }
    }

    /// Seconds in which one customer's requests end, and whether they went well.
    #[track_caller]
    fn check(story: &[(u64, bool)], expected: UserTime) {
        let uptime = Uptime::default();
        for (second, is_good) in story {
            uptime.saw(7 << 64, *is_good, Instant::from_secs(*second), Timestamp::from_secs(*second));
        }
        assert_eq!(uptime.total(), expected);
    }
}
