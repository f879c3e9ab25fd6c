//! A fixed table of debts, shared by all workers.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::Instant;
use siphasher::sip::SipHasher13;

use super::Rate;

/// Cells in one bucket: a bucket is one cache line.
const WAYS: usize = 4;

/// The most cells of one table: 1 GiB.
const SLOTS_MAX: usize = 1 << 26;

/// How often a charge may lose a race before it counts as having no room.
const TRIES_MAX: usize = 64;

/// Stands in a cell's `paid` while its owner changes. No debt reaches it: see [`Table::update`].
const CHANGING: u64 = u64::MAX;

/// What became of a charge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Charge {
    /// Within the rate; the debt is noted.
    Allowed,
    /// Above the rate; nothing is noted.
    Refused {
        /// When the same charge would be allowed, if nothing else is charged.
        retry_after: Duration,
    },
    /// The key has no entry, and every cell that it could take holds the unpaid debt of another key.
    NoRoom,
}

/// Debts by key in buckets of four cells, each a fingerprint and the moment at which its debt is paid (GCRA).
///
/// An entry whose debt is paid carries no information, so replacing it loses nothing; an entry with debt is never
/// replaced (decision-science, section 0.9). So no flood of other keys can give a client its burst back.
///
/// Workers share the table without locks. In one cell `paid` only ever grows, and the fingerprint changes only while
/// `paid` is `CHANGING`: so whoever reads `paid`, then the fingerprint, and then swaps that same `paid` for a new one
/// has certainly charged the owner of the fingerprint, and nobody else. The one race left is that two workers enter
/// the same *new* key at once, in two cells: the second cell is not found again, and its single charge is forgotten.
pub struct Table {
    buckets: Box<[Bucket]>,
    hasher: SipHasher13,
    overflows: AtomicU64,
}

/// The keyed hash of a key: its fingerprint, which also tells its bucket. Never 0, the mark of an unused cell.
///
/// Two keys share one with probability 2⁻⁶⁴; they would share a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print(u64);

impl Print {
    /// The print under which those are charged in this bucket's table who found no room at a narrower rung.
    pub(super) const fn shared(self) -> Self {
        let mixed = self.0 ^ 0x9E37_79B9_7F4A_7C15;
        Self(if mixed == 0 { 1 } else { mixed })
    }
}

/// What [`Table::update`] did.
pub(super) enum Update {
    Stored(u64),
    Refused(Duration),
    NoRoom,
}

impl Table {
    /// A table of `slots` cells of 16 bytes, rounded up to a power of two between 4 and 2²⁶.
    ///
    /// `key` must be secret and random: whoever knows it can choose keys that crowd one bucket.
    pub fn new(slots: usize, key: [u8; 16]) -> Self {
        let slots = slots.clamp(WAYS, SLOTS_MAX).next_power_of_two();
        Self {
            buckets: std::iter::repeat_with(Bucket::default).take(slots / WAYS).collect(),
            hasher: SipHasher13::new_with_key(&key),
            overflows: AtomicU64::new(0),
        }
    }

    /// Charges `cost_milli` thousandths of a unit to a key. A cost of zero is always allowed and leaves no trace.
    pub fn charge<K: Hash>(&self, key: &K, now: Instant, cost_milli: u32, rate: Rate) -> Charge {
        let charge = self.charge_print(self.print(key), now, cost_milli, rate);
        if charge == Charge::NoRoom {
            self.count_overflow();
        }
        charge
    }

    /// What [`Table::charge`] would answer now; nothing is noted but that there is no room.
    pub(crate) fn peek<K: Hash>(&self, key: &K, now: Instant, cost_milli: u32, rate: Rate) -> Charge {
        let charge = self.peek_print(self.print(key), now, cost_milli, rate);
        if charge == Charge::NoRoom {
            self.count_overflow();
        }
        charge
    }

    /// How often a key found no room.
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    /// Memory held, in bytes; it never changes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    pub(super) fn print<K: Hash>(&self, key: &K) -> Print {
        let mut hasher = self.hasher;
        key.hash(&mut hasher);
        Print(hasher.finish().max(1))
    }

    pub(super) fn count_overflow(&self) {
        self.overflows.fetch_add(1, Ordering::Relaxed);
    }

    /// What [`Table::charge_print`] would answer now; nothing is noted.
    pub(super) fn peek_print(&self, print: Print, now: Instant, cost_milli: u32, rate: Rate) -> Charge {
        if cost_milli == 0 {
            return Charge::Allowed;
        }
        let bucket = self.bucket(print);
        match bucket.owned_by(print).or_else(|| bucket.paid_by(now)) {
            Some((_, paid)) => match rate.advance(paid, now, cost_milli) {
                Ok(_) => Charge::Allowed,
                Err(retry_after) => Charge::Refused { retry_after },
            },
            None => Charge::NoRoom,
        }
    }

    /// How much of its burst a key has used up, 0 to 1; none for a key without room.
    pub(super) fn fill(&self, print: Print, now: Instant, rate: Rate) -> f64 {
        self.bucket(print).owned_by(print).map_or(0.0, |(_, paid)| rate.fill(paid, now))
    }

    /// [`Table::charge`] by print, without counting an overflow.
    pub(super) fn charge_print(&self, print: Print, now: Instant, cost_milli: u32, rate: Rate) -> Charge {
        if cost_milli == 0 {
            return Charge::Allowed;
        }
        match self.update(print, now, |paid| rate.advance(paid, now, cost_milli)) {
            Update::Stored(_) => Charge::Allowed,
            Update::Refused(retry_after) => Charge::Refused { retry_after },
            Update::NoRoom => Charge::NoRoom,
        }
    }

    /// Moves the key's debt from the moment that `next` is given to the one that it returns.
    ///
    /// `next` returns no less than it was given, and for a debt already paid a moment after `now`.
    pub(super) fn update(
        &self,
        print: Print,
        now: Instant,
        next: impl Fn(u64) -> Result<u64, Duration>,
    ) -> Update {
        let bucket = self.bucket(print);
        for _ in 0..TRIES_MAX {
            let owned = bucket.owned_by(print);
            let Some((cell, paid)) = owned.or_else(|| bucket.paid_by(now)) else {
                return Update::NoRoom;
            };
            let next = match next(paid) {
                Ok(next) => next.min(CHANGING - 1),
                Err(wait) => return Update::Refused(wait),
            };
            let done = if owned.is_some() { cell.move_to(paid, next) } else { cell.claim(paid, print, next) };
            if done {
                return Update::Stored(next);
            }
        }
        Update::NoRoom
    }

    /// Debts that are not paid, for a successor: pairs of fingerprint and moment.
    pub(crate) fn debts(&self, now: Instant) -> Vec<u64> {
        let cells = self.buckets.iter().flat_map(|bucket| &bucket.0);
        let debts = cells.filter_map(|cell| {
            let paid = cell.paid.load(Ordering::Acquire);
            let print = cell.print.load(Ordering::Acquire);
            (paid != CHANGING && paid > now.as_nanos()).then_some([print, paid])
        });
        debts.flatten().collect()
    }

    /// Notes the debts of a predecessor whose table had the same key.
    pub(crate) fn take_over(&self, debts: &[[u64; 2]], now: Instant) {
        for &[print, paid] in debts {
            // Without room it is lost, as it would be for a newcomer.
            let _noted = self.update(Print(print.max(1)), now, |there| Ok(there.max(paid)));
        }
    }

    fn bucket(&self, print: Print) -> &Bucket {
        let mask = self.buckets.len() as u64 - 1;
        #[expect(clippy::cast_possible_truncation, reason = "below the number of buckets, a usize")]
        let index = (print.0 & mask) as usize;
        &self.buckets[index]
    }
}

#[derive(Default)]
#[repr(align(64))]
struct Bucket([Cell; WAYS]);

impl Bucket {
    /// The key's cell, and the moment at which its debt is paid.
    fn owned_by(&self, print: Print) -> Option<(&Cell, u64)> {
        self.0.iter().find_map(|cell| {
            // In this order: see `Table`.
            let paid = cell.paid.load(Ordering::Acquire);
            (paid != CHANGING && cell.print.load(Ordering::Acquire) == print.0).then_some((cell, paid))
        })
    }

    /// A cell whose debt is paid, so that anybody may take it.
    fn paid_by(&self, now: Instant) -> Option<(&Cell, u64)> {
        self.0.iter().find_map(|cell| {
            let paid = cell.paid.load(Ordering::Acquire);
            (paid != CHANGING && paid <= now.as_nanos()).then_some((cell, paid))
        })
    }
}

#[derive(Default)]
struct Cell {
    print: AtomicU64,
    /// The moment at which all debt is paid, in nanoseconds of [`Instant`].
    paid: AtomicU64,
}

impl Cell {
    fn move_to(&self, paid: u64, next: u64) -> bool {
        self.paid.compare_exchange(paid, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Gives the cell a new owner, unless it was charged or claimed since `paid` was read.
    fn claim(&self, paid: u64, print: Print, next: u64) -> bool {
        let claimed = self.move_to(paid, CHANGING);
        if claimed {
            self.print.store(print.0, Ordering::Release);
            self.paid.store(next, Ordering::Release);
        }
        claimed
    }
}

#[cfg(test)]
mod tests;
