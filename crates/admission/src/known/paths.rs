//! Which paths of the app are private: asked once by the gate without any cookie, they are not answered.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::Instant;
use siphasher::sip::SipHasher13;

/// What is known of a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PathVerdict {
    /// Nothing: the gate should ask, and this caller is the one to do it.
    Ask,
    /// It is being asked, or there is no room to remember the answer.
    Unknown,
    /// It is answered to anybody: proves nothing.
    Public,
    /// 401, 403 or a redirect to the login without a session: proves one.
    Private,
}

/// A fixed table of paths. An entry is one word: fingerprint, verdict, and the minute it was made.
pub struct Paths {
    key: [u8; 16],
    cells: Box<[AtomicU64]>,
}

impl Paths {
    /// A table for this many paths, rounded up to a power of two.
    pub fn new(paths: usize, key: [u8; 16]) -> Self {
        Self { key, cells: (0..paths.next_power_of_two().max(WAYS)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// What is known of a path. `Ask` is answered to one caller only; it must report with [`Paths::settle`].
    pub fn look(&self, path: &str, now: Instant) -> PathVerdict {
        let print = self.print(path);
        let bucket = self.bucket(print);
        for cell in bucket {
            let there = cell.load(Relaxed);
            if there & PRINT_MASK == print && there != 0 {
                return match (there >> STATE_SHIFT & 3, is_stale(there, now)) {
                    (PUBLIC, false) => PathVerdict::Public,
                    (PRIVATE, false) => PathVerdict::Private,
                    (ASKED, false) => PathVerdict::Unknown,
                    _ => claim(cell, there, entry(print, ASKED, now)),
                };
            }
        }
        let cells = || bucket.iter().map(|cell| (cell, cell.load(Relaxed)));
        let free = cells().find(|(_, there)| *there == 0 || is_stale(*there, now));
        // Anybody can make the gate learn of public paths, nobody of private ones: only the former make room.
        let public =
            || cells().filter(|(_, there)| yields(*there, now)).max_by_key(|(_, there)| age(*there, now));
        let place = free.or_else(public);
        place.map_or(PathVerdict::Unknown, |(cell, there)| claim(cell, there, entry(print, ASKED, now)))
    }

    /// The app's answer to a path without a session.
    pub fn settle(&self, path: &str, private: bool, now: Instant) {
        let print = self.print(path);
        let state = if private { PRIVATE } else { PUBLIC };
        for cell in self.bucket(print) {
            let there = cell.load(Relaxed);
            if there & PRINT_MASK == print && there != 0 {
                // Whoever wrote in between knows as much.
                let _raced = cell.compare_exchange(there, entry(print, state, now), Relaxed, Relaxed);
                return;
            }
        }
    }

    /// What is known of each path, for a successor.
    pub(crate) fn entries(&self) -> Vec<u64> {
        let entries = self.cells.iter().map(|cell| cell.load(Relaxed));
        entries.filter(|entry| matches!(entry >> STATE_SHIFT & 3, PUBLIC | PRIVATE)).collect()
    }

    /// Goes on with what a predecessor with the same key knew. Called before anybody asks.
    pub(crate) fn take_over(&self, entries: &[u64]) {
        for &entry in entries {
            let free = self.bucket(entry & PRINT_MASK).iter().find(|cell| cell.load(Relaxed) == 0);
            if let Some(cell) = free {
                cell.store(entry, Relaxed);
            }
        }
    }

    fn bucket(&self, print: u64) -> &[AtomicU64] {
        let buckets = self.cells.len() / WAYS;
        let at = usize::try_from(print).unwrap_or(0) & (buckets - 1);
        &self.cells[at * WAYS..(at + 1) * WAYS]
    }

    fn print(&self, path: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(path.as_bytes());
        (hasher.finish() & PRINT_MASK).max(1)
    }
}

fn claim(cell: &AtomicU64, there: u64, entry: u64) -> PathVerdict {
    match cell.compare_exchange(there, entry, Relaxed, Relaxed) {
        Ok(_) => PathVerdict::Ask,
        Err(_) => PathVerdict::Unknown,
    }
}

fn entry(print: u64, state: u64, now: Instant) -> u64 {
    print | state << STATE_SHIFT | (minute(now) & MINUTE_MASK) << MINUTE_SHIFT
}

/// A verdict lasts a day, an unanswered question a minute or two.
fn is_stale(entry: u64, now: Instant) -> bool {
    let keep = if entry >> STATE_SHIFT & 3 == ASKED { ASKED_MINUTES } else { KEEP.as_secs() / 60 };
    age(entry, now) > keep
}

/// A path that proves nothing need not be remembered for long: forgotten, it is only asked again.
fn yields(entry: u64, now: Instant) -> bool {
    entry >> STATE_SHIFT & 3 == PUBLIC && age(entry, now) >= PUBLIC_MINUTES
}

/// Whole minutes since an entry was made.
fn age(entry: u64, now: Instant) -> u64 {
    minute(now).wrapping_sub(entry >> MINUTE_SHIFT) & MINUTE_MASK
}

fn minute(now: Instant) -> u64 {
    now.as_secs() / 60
}

const ASKED: u64 = 1;
const PUBLIC: u64 = 2;
const PRIVATE: u64 = 3;
const PRINT_MASK: u64 = (1 << 44) - 1;
const STATE_SHIFT: u32 = 44;
const MINUTE_SHIFT: u32 = 46;
const MINUTE_MASK: u64 = (1 << 18) - 1;
const KEEP: Duration = Duration::from_secs(24 * 3_600);
const ASKED_MINUTES: u64 = 1;
/// A full bucket learns one new path in so many minutes for each public one in it: that bounds the gate's questions.
const PUBLIC_MINUTES: u64 = 10;
const WAYS: usize = 4;
