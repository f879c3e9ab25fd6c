//! Bearer tokens: known once the app has answered them well twenty times over a day, on paths that refuse without one.
//! The accounts of JSON web tokens, which are known at once, come of age in the same table.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::Timestamp;

use crate::bits::{halves, low_u64};

/// A fixed table of tokens by keyed hash.
pub struct Tokens {
    cells: Box<[Cell]>,
}

#[derive(Default)]
struct Cell {
    /// High and low half of the hash; high is never 0 for a token.
    hash: [AtomicU64; 2],
    /// The app's last word on it was 401.
    refused: AtomicBool,
    /// Seconds of the first good answer (high half) and of the last (low half).
    times: AtomicU64,
    good: AtomicU64,
}

/// One token as it is kept, so that its age survives a restart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenRow {
    /// Keyed hash of the token.
    pub hash: u128,
    /// The first good answer.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// How many.
    pub good: u64,
}

impl Tokens {
    /// A table for this many tokens, rounded up to a power of two.
    pub fn new(tokens: usize) -> Self {
        Self { cells: (0..tokens.next_power_of_two().max(WAYS)).map(|_| Cell::default()).collect() }
    }

    /// Whether a token counts as known: it is of age, and the app has not just answered it with 401.
    pub fn is_known(&self, hash: u128) -> bool {
        self.find(hash).is_some_and(Cell::is_known)
    }

    /// When the app first answered a token well, if it is in the table.
    pub fn first(&self, hash: u128) -> Option<Timestamp> {
        self.find(hash).map(|cell| cell.row().first)
    }

    /// The app answered well where it refuses without a token. Returns the row for the journal when it has been
    /// answered often enough, when it comes of age, and once an hour from then on: a restart takes nobody's age.
    pub fn good(&self, hash: u128, time: Timestamp) -> Option<TokenRow> {
        let seconds = time.as_secs() & SECONDS_MASK;
        let Some(cell) = self.find(hash) else {
            self.insert(TokenRow { hash, first: time, last: time, good: 1 });
            return None;
        };
        let before = cell.row();
        cell.refused.store(false, Relaxed);
        cell.good.fetch_add(1, Relaxed);
        let times = cell.times.load(Relaxed);
        if seconds > times & SECONDS_MASK {
            cell.times.store(times & !SECONDS_MASK | seconds, Relaxed);
        }
        let after = cell.row();
        let hourly = after.last.as_secs() / 3_600 != before.last.as_secs() / 3_600;
        let is_new =
            after.is_of_age() != before.is_of_age() || after.is_often_used() != before.is_often_used();
        (is_new || hourly && after.is_often_used()).then_some(after)
    }

    /// The app has just refused the token with 401: it counts for nothing until it is answered well again. It keeps
    /// its age, for an app in trouble may refuse a good token once.
    pub fn refused(&self, hash: u128) {
        if let Some(cell) = self.find(hash) {
            cell.refused.store(true, Relaxed);
        }
    }

    /// Forgets a token, as when a person asks for it.
    pub fn forget(&self, hash: u128) {
        if let Some(cell) = self.find(hash) {
            cell.hash[0].store(0, Relaxed);
            cell.good.store(0, Relaxed);
        }
    }

    /// Takes back a kept row.
    pub fn insert(&self, row: TokenRow) {
        let bucket = self.bucket(row.hash);
        // A free cell, or that of the least used token that is not known: known ones are never driven out.
        let free = bucket.iter().find(|cell| cell.hash[0].load(Relaxed) == 0);
        let young =
            || bucket.iter().filter(|cell| !cell.is_known()).min_by_key(|cell| cell.good.load(Relaxed));
        if let Some(cell) = free.or_else(young) {
            cell.good.store(row.good, Relaxed);
            cell.refused.store(false, Relaxed);
            cell.times.store(
                (row.first.as_secs() & SECONDS_MASK) << 32 | row.last.as_secs() & SECONDS_MASK,
                Relaxed,
            );
            cell.hash[1].store(low_u64(row.hash), Relaxed);
            cell.hash[0].store(high(row.hash), Relaxed);
        }
    }

    /// Known tokens, to be kept.
    pub fn rows(&self) -> Vec<TokenRow> {
        self.cells.iter().filter(|cell| cell.is_known()).map(Cell::row).collect()
    }

    /// All tokens, young ones too, for a successor: hash, first and last answer in seconds, how many, refused.
    pub(crate) fn hand_over(&self) -> Vec<u64> {
        let live = self.cells.iter().filter(|cell| cell.hash[0].load(Relaxed) != 0);
        let rows = live.flat_map(|cell| {
            let row = cell.row();
            let [high, low] = halves(row.hash);
            let refused = u64::from(cell.refused.load(Relaxed));
            [high, low, row.first.as_secs(), row.last.as_secs(), row.good, refused]
        });
        rows.collect()
    }

    /// Goes on with what a predecessor knew; it is newer than what the journal kept.
    pub(crate) fn take_over(&self, rows: &[[u64; 6]]) {
        for &[high, low, first, last, good, refused] in rows {
            let hash = u128::from(high) << 64 | u128::from(low);
            self.forget(hash);
            self.insert(TokenRow {
                hash,
                first: Timestamp::from_secs(first),
                last: Timestamp::from_secs(last),
                good,
            });
            if refused != 0 {
                self.refused(hash);
            }
        }
    }

    fn find(&self, hash: u128) -> Option<&Cell> {
        self.bucket(hash).iter().find(|cell| {
            cell.hash[0].load(Relaxed) == high(hash) && cell.hash[1].load(Relaxed) == low_u64(hash)
        })
    }

    fn bucket(&self, hash: u128) -> &[Cell] {
        let buckets = self.cells.len() / WAYS;
        let at = usize::try_from(low_u64(hash) & 0xFFFF_FFFF).unwrap_or(0) & (buckets - 1);
        &self.cells[at * WAYS..(at + 1) * WAYS]
    }
}

fn high(hash: u128) -> u64 {
    halves(hash)[0].max(1)
}

impl Cell {
    fn is_known(&self) -> bool {
        self.row().is_of_age() && !self.refused.load(Relaxed)
    }

    fn row(&self) -> TokenRow {
        let times = self.times.load(Relaxed);
        let [high, low] = [0, 1].map(|half| u128::from(self.hash[half].load(Relaxed)));
        TokenRow {
            hash: high << 64 | low,
            first: Timestamp::from_secs(times >> 32),
            last: Timestamp::from_secs(times & SECONDS_MASK),
            good: self.good.load(Relaxed),
        }
    }
}

impl TokenRow {
    fn is_of_age(&self) -> bool {
        self.is_often_used() && self.last.since(self.first) >= AGE_MIN
    }

    fn is_often_used(&self) -> bool {
        self.hash >> 64 != 0 && self.good >= GOOD_MIN
    }
}

/// Contract: at least 20 good answers over at least 24 hours.
const GOOD_MIN: u64 = 20;
const AGE_MIN: Duration = Duration::from_secs(24 * 3_600);
const SECONDS_MASK: u64 = 0xFFFF_FFFF;
const WAYS: usize = 4;
