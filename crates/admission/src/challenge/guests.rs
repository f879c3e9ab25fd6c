//! Seats for guests: those who were here before an attack began. Each network has 32 (decision-science, section 0.12), so that
//! a swarm that came by beforehand gains little.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use model::{Instant, Net};
use siphasher::sip::SipHasher13;

/// A fixed table of seats. A seat that nobody used for ten minutes is free.
///
/// `network 16 │ ticket 24 │ seconds 24`; 0 is free. Networks share a bucket; what one of them takes of it is bounded.
pub(super) struct Guests {
    hasher: SipHasher13,
    buckets: Box<[Bucket]>,
}

type Bucket = [AtomicU64; SEATS];

impl Guests {
    pub(super) fn new(key: [u8; 16]) -> Self {
        let buckets = std::iter::repeat_with(|| std::array::from_fn(|_| AtomicU64::new(0)));
        Self { hasher: SipHasher13::new_with_key(&key), buckets: buckets.take(BUCKETS).collect() }
    }

    /// Whether a ticket has a seat in a network, or could take one.
    pub(super) fn seat(&self, network: Net, ticket: u128, now: Instant) -> bool {
        let place = self.hash(u128::from(network.bits()));
        let bucket = &self.buckets[usize::try_from(place & 0xFFFF_FFFF).unwrap_or(0) % self.buckets.len()];
        let network = (place >> 48).max(1);
        let who = network << 48 | (self.hash(ticket) & 0xFF_FFFF) << 24;
        let next = who | seconds(now);
        let (mut taken, mut free) = (0, None);
        for seat in bucket {
            let word = seat.load(Relaxed);
            if is_past(word, now) {
                free = free.or(Some((seat, word)));
            } else if word & !SECONDS_MASK == who {
                // Somebody else may just have noted the same.
                let _same = seat.compare_exchange(word, next, Relaxed, Relaxed);
                return true;
            } else if word >> 48 == network {
                taken += 1;
            }
        }
        taken < MOST
            && free.is_some_and(|(seat, word)| seat.compare_exchange(word, next, Relaxed, Relaxed).is_ok())
    }

    /// Seats that are taken, with their buckets.
    pub(super) fn rows(&self, now: Instant) -> Vec<u64> {
        let buckets = (0..).zip(&self.buckets);
        let words = buckets.flat_map(|(at, bucket)| bucket.iter().map(move |seat| [at, seat.load(Relaxed)]));
        words.filter(|[_, word]| !is_past(*word, now)).flatten().collect()
    }

    /// Goes on with a predecessor's rows. Called before the first request.
    pub(super) fn take_over(&self, rows: &[[u64; 2]]) {
        for &[bucket, word] in rows {
            let bucket = usize::try_from(bucket).ok().and_then(|at| self.buckets.get(at));
            if let Some(free) = bucket.and_then(|seats| seats.iter().find(|seat| seat.load(Relaxed) == 0)) {
                free.store(word, Relaxed);
            }
        }
    }

    fn hash(&self, number: u128) -> u64 {
        let mut hasher = self.hasher;
        hasher.write_u128(number);
        hasher.finish()
    }
}

fn is_past(word: u64, now: Instant) -> bool {
    word == 0 || seconds(now).wrapping_sub(word) & SECONDS_MASK >= IDLE_SECONDS
}

fn seconds(now: Instant) -> u64 {
    now.as_secs() & SECONDS_MASK
}

/// Guests of one network at a time (decision-science, section 0.12).
const MOST: u32 = 32;
const IDLE_SECONDS: u64 = 600;
const SECONDS_MASK: u64 = (1 << 24) - 1;
/// Seats in a bucket: two networks can fill it.
const SEATS: usize = 64;
/// 2 MiB of seats.
const BUCKETS: usize = 1 << 12;
