//! For how much of their time customers were served, as they feel it: windowed user-uptime (Hauer and others, "Meaningful
//! Availability", NSDI 2020).
//!
//! Between two requests of one customer, the time counts as what the first of them was: up, or down. Who stays away for longer than
//! [`AWAY_AFTER`] is not there, and counts as nothing. So a customer who reloads a hundred times counts no more than one who waits, and
//! whoever has not signed in, an attacker for one, does not count at all.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::{AccountId, Instant, UserTime};

/// Adds up the time of customers. Its memory is fixed: of two who share a place, the later takes it.
pub struct Uptime {
    /// Who was there last, when, and whether that went well: 24, 39 and 1 bits. 0: nobody.
    places: Box<[AtomicU64]>,
    up: AtomicU64,
    down: AtomicU64,
    came: AtomicU64,
}

impl Default for Uptime {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            came: AtomicU64::new(0),
        }
    }
}

impl Uptime {
    /// A request of a customer has ended, well or not.
    pub(crate) fn saw(&self, account: AccountId, is_good: bool, now: Instant) {
        let (place, who) = split(account);
        let millis = now.as_millis() & MILLIS_MASK;
        let before = self.places[place].swap(who << WHO_SHIFT | millis << 1 | u64::from(is_good), Relaxed);
        let passed = millis.saturating_sub(before >> 1 & MILLIS_MASK);
        if before >> WHO_SHIFT != who || Duration::from_millis(passed) > AWAY_AFTER {
            self.came.fetch_add(1, Relaxed);
            return;
        }
        let sum = if before & 1 == 1 { &self.up } else { &self.down };
        sum.fetch_add(passed, Relaxed);
    }

    /// What was added up since the start.
    pub fn total(&self) -> UserTime {
        UserTime { up: self.up.load(Relaxed), down: self.down.load(Relaxed), came: self.came.load(Relaxed) }
    }
}

/// The place of an account, and what tells it from others there. Accounts are keyed hashes, so nobody can choose them.
fn split(account: AccountId) -> (usize, u64) {
    let [a, b, c, d, e, ..] = account.0.to_be_bytes();
    // Nobody is 0: that is an empty place.
    (usize::from(u16::from_be_bytes([a, b])), u64::from(u32::from_be_bytes([0, c, d, e])).max(1))
}

/// Who has asked for nothing for so long is not there.
const AWAY_AFTER: Duration = Duration::from_secs(300);
/// Customers who are there at one time; 512 KiB.
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
        check(&story, UserTime { up: 30_000, down: 30_000, came: 1 });
        check(&[(0, false), (300, true)], UserTime { up: 0, down: 300_000, came: 1 });
        check(&[(0, false), (301, true), (302, true)], UserTime { up: 1_000, down: 0, came: 2 });
    }

    #[test]
    fn who_asks_a_hundred_times_counts_no_more_than_who_waits() {
        let busy: Vec<_> = (0..=100).map(|tenth| (tenth, true)).collect();
        check(&busy, UserTime { up: 100_000, down: 0, came: 1 });
        check(&[(0, true), (100, true)], UserTime { up: 100_000, down: 0, came: 1 });
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
                uptime.saw(AccountId(user << shift), *is_good, Instant::from_secs(*second));
            }
            let of = |user: u128| events.iter().filter(move |(other, ..)| *other == user).map(|(_, second, _)| *second);
            let passed: u64 = (0..20).map(|user| of(user).max().unwrap_or(0) - of(user).min().unwrap_or(0)).sum();
            let total = uptime.total();
            prop_assert!(total.up + total.down <= passed * 1_000);
            prop_assert!(total.came <= u64::try_from(events.len()).unwrap());
        }
    }

    /// Seconds in which one customer's requests end, and whether they went well.
    #[track_caller]
    fn check(story: &[(u64, bool)], expected: UserTime) {
        let uptime = Uptime::default();
        for (second, is_good) in story {
            uptime.saw(AccountId(7 << 64), *is_good, Instant::from_secs(*second));
        }
        assert_eq!(uptime.total(), expected);
    }
}
