//! Passes that are no longer accepted.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use model::PassId;
use siphasher::sip::SipHasher13;

/// A fixed set of revoked passes, shared by all workers without a lock.
///
/// An entry is one word: 40 bits of a keyed hash, and its number in the order of revocations. A pass may be in either
/// of two buckets of eight words, and goes to the emptier one, so that the set fills evenly. When both are full the
/// oldest entry makes room, for the key that signed its pass is the nearest to leaving. Two passes are mistaken for one
/// another with probability 2⁻³⁶, in a full set.
pub(super) struct Revoked {
    hasher: SipHasher13,
    count: AtomicU64,
    buckets: Box<[[AtomicU64; WAYS]]>,
}

impl Revoked {
    /// An empty set of [`REVOKED_MAX`] places.
    pub(super) fn new(key: [u8; 16]) -> Self {
        let buckets = std::iter::repeat_with(Default::default).take(REVOKED_MAX / WAYS).collect();
        Self { hasher: SipHasher13::new_with_key(&key), count: AtomicU64::new(1), buckets }
    }

    /// Adds a pass.
    pub(super) fn insert(&self, pass: PassId) {
        let (pair, print) = self.places(pass);
        let number = self.count.fetch_add(1, Relaxed) & NUMBER_MASK;
        // Losing a race means that another pass was revoked in the same bucket this moment: look again.
        for _try in 0..TRIES_MAX {
            if self.contains(pass) {
                return;
            }
            // An empty place in the emptier bucket, or else the oldest entry of both.
            let places = pair.into_iter().flat_map(|bucket| {
                let free = bucket.iter().filter(|word| word.load(Relaxed) == 0).count();
                bucket.iter().map(move |word| (word, word.load(Relaxed), free))
            });
            // Numbers wrap after 16 million; what counts is how far back one lies.
            let age = |word: u64| number.wrapping_sub(word >> NUMBER_SHIFT) & NUMBER_MASK;
            let best =
                places.max_by_key(|&(_, word, free)| if word == 0 { (free, 0) } else { (0, age(word)) });
            let Some((place, there, _)) = best else { return };
            let entry = number << NUMBER_SHIFT | print;
            if place.compare_exchange(there, entry, Relaxed, Relaxed).is_ok() {
                return;
            }
        }
    }

    /// Whether a pass was revoked.
    pub(super) fn contains(&self, pass: PassId) -> bool {
        let (pair, print) = self.places(pass);
        pair.into_iter().flatten().any(|word| word.load(Relaxed) & PRINT_MASK == print)
    }

    /// The two buckets of a pass, and its print in them.
    fn places(&self, pass: PassId) -> ([&[AtomicU64; WAYS]; 2], u64) {
        let mut hasher = self.hasher;
        hasher.write_u128(pass.0);
        let hash = hasher.finish();
        let bucket = |bits: u64| &self.buckets[usize::try_from(bits & BUCKET_MASK).unwrap_or(0)];
        ([bucket(hash >> NUMBER_SHIFT), bucket(hash >> (64 - BUCKET_BITS))], (hash & PRINT_MASK).max(1))
    }
}

/// Revoked passes for which there is room: 2 MiB. Whoever needs more should rotate the key.
pub(super) const REVOKED_MAX: usize = WAYS << BUCKET_BITS;
const WAYS: usize = 8;
const BUCKET_BITS: u32 = 15;
const BUCKET_MASK: u64 = (1 << BUCKET_BITS) - 1;
const NUMBER_SHIFT: u32 = 40;
const NUMBER_MASK: u64 = u64::MAX >> NUMBER_SHIFT;
const PRINT_MASK: u64 = (1 << NUMBER_SHIFT) - 1;
/// Races that are lost before a revocation is given up; each loss is another one's success.
const TRIES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_thousand_revocations_are_all_remembered() {
        let revoked = Revoked::new([1; 16]);
        for n in 0..100_000_u128 {
            revoked.insert(PassId(n << 70 | n));
        }
        assert!((0..100_000_u128).all(|n| revoked.contains(PassId(n << 70 | n))));
        assert!((0..100_000_u128).all(|n| !revoked.contains(PassId(n << 70 | n | 1 << 126))));
    }

    #[test]
    fn in_a_full_set_the_oldest_leave() {
        let revoked = Revoked::new([1; 16]);
        let many = 3 * REVOKED_MAX as u128;
        (0..many).for_each(|id| revoked.insert(PassId(id)));
        let kept = |from: u128, to: u128| (from..to).filter(|&id| revoked.contains(PassId(id))).count();
        assert_eq!(kept(many - 100_000, many), 100_000, "the latest are all there");
        assert!(kept(0, 100_000) < 1_000);
    }

    #[test]
    fn revocations_of_several_threads_at_once_are_all_kept() {
        let revoked = Revoked::new([1; 16]);
        std::thread::scope(|scope| {
            for thread in 0..4_u128 {
                let revoked = &revoked;
                scope.spawn(move || {
                    (0..2_000_u128).for_each(|n| revoked.insert(PassId(n << 8 | thread)));
                });
            }
        });
        let kept = (0..4).flat_map(|thread| (0..2_000).map(move |n| PassId(n << 8 | thread)));
        assert!(kept.into_iter().all(|pass| revoked.contains(pass)));
    }
}
