//! Challenges that were given and never answered, by network and user agent: clients that go on asking and never answer are
//! programs (Kill-Bots; decision-science, section 7).

use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use model::{Instant, Net};
use siphasher::sip::SipHasher13;

/// A fixed table of counts. A full bucket forgets its least count.
///
/// `print 32 │ count 8 │ seconds 24`, the seconds from which ten minutes are counted; 0 is free.
pub(super) struct Unanswered {
    hasher: SipHasher13,
    buckets: Box<[[AtomicU64; WAYS]]>,
}

impl Unanswered {
    pub(super) fn new(key: [u8; 16]) -> Self {
        let buckets = std::iter::repeat_with(Default::default).take(CELLS / WAYS).collect();
        Self { hasher: SipHasher13::new_with_key(&key), buckets }
    }

    /// One more was given.
    pub(super) fn given(&self, network: Net, user_agent: &[u8], now: Instant) {
        self.change(network, user_agent, now, true);
    }

    /// One was answered.
    pub(super) fn answered(&self, network: Net, user_agent: &[u8], now: Instant) {
        self.change(network, user_agent, now, false);
    }

    /// Whether too many went unanswered.
    pub(super) fn is_over(&self, network: Net, user_agent: &[u8], now: Instant) -> bool {
        let (bucket, print) = self.place(network, user_agent);
        let counts = bucket.iter().map(|cell| Count::of(cell.load(Relaxed)));
        counts.into_iter().any(|count| count.print == print && !count.is_past(now) && count.number >= MOST)
    }

    /// Counts that are not past, with their buckets.
    pub(super) fn rows(&self, now: Instant) -> Vec<u64> {
        let buckets = (0..).zip(&self.buckets);
        let words = buckets.flat_map(|(at, bucket)| bucket.iter().map(move |cell| [at, cell.load(Relaxed)]));
        words.filter(|[_, word]| !Count::of(*word).is_past(now)).flatten().collect()
    }

    /// Goes on with a predecessor's rows. Called before the first request.
    pub(super) fn take_over(&self, rows: &[[u64; 2]]) {
        for &[bucket, word] in rows {
            let bucket = usize::try_from(bucket).ok().and_then(|at| self.buckets.get(at));
            if let Some(free) = bucket.and_then(|cells| cells.iter().find(|cell| cell.load(Relaxed) == 0)) {
                free.store(word, Relaxed);
            }
        }
    }

    fn change(&self, network: Net, user_agent: &[u8], now: Instant, is_given: bool) {
        let (bucket, print) = self.place(network, user_agent);
        let counts = || bucket.iter().map(|cell| (cell, Count::of(cell.load(Relaxed))));
        let mine = counts().find(|(_, count)| count.print == print && !count.is_past(now));
        let (cell, there, next) = match (mine, is_given) {
            (Some((cell, count)), true) => {
                (cell, count, Count { number: (count.number + 1).min(255), ..count })
            }
            (Some((cell, count)), false) => {
                (cell, count, Count { number: count.number.saturating_sub(1), ..count })
            }
            (None, false) => return,
            (None, true) => {
                let least = |count: &Count| if count.is_past(now) { 0 } else { count.number + 1 };
                let Some((cell, count)) = counts().min_by_key(|(_, count)| least(count)) else { return };
                (cell, count, Count { print, number: 1, seconds: seconds(now) })
            }
        };
        // Who loses the race is one count behind, which changes nothing.
        let _lost = cell.compare_exchange(there.word(), next.word(), Relaxed, Relaxed);
    }

    fn place(&self, network: Net, user_agent: &[u8]) -> (&[AtomicU64; WAYS], u64) {
        let mut hasher = self.hasher;
        hasher.write_u64(network.bits());
        hasher.write(user_agent);
        let hash = hasher.finish();
        let at = usize::try_from(hash & 0xFFFF_FFFF).unwrap_or(0) % self.buckets.len();
        (&self.buckets[at], (hash >> 32).max(1))
    }
}

/// One cell, unpacked.
#[derive(Clone, Copy)]
struct Count {
    print: u64,
    number: u64,
    seconds: u64,
}

impl Count {
    const fn of(word: u64) -> Self {
        Self { print: word >> 32, number: word >> 24 & 0xFF, seconds: word & SECONDS_MASK }
    }

    const fn word(self) -> u64 {
        self.print << 32 | self.number << 24 | self.seconds
    }

    fn is_past(self, now: Instant) -> bool {
        self.print == 0 || seconds(now).wrapping_sub(self.seconds) & SECONDS_MASK >= WINDOW_SECONDS
    }
}

fn seconds(now: Instant) -> u64 {
    now.as_secs() & SECONDS_MASK
}

/// Unanswered challenges within [`WINDOW_SECONDS`] from which on a client is put last (decision-science, section 7).
const MOST: u64 = 32;
const WINDOW_SECONDS: u64 = 600;
const SECONDS_MASK: u64 = (1 << 24) - 1;
const WAYS: usize = 4;
/// Cells of 8 bytes.
const CELLS: usize = 1 << 15;
