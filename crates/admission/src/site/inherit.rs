//! Requests that browsers send without cookies, over a second connection: fonts, modules, manifests.
//!
//! They are recognised by address and user agent for 60 s after a pass was proved there (contract). The table is
//! fixed; an entry is a few words guarded by a sequence number, so that readers never lock and never see half of one.

use std::hash::Hasher;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{AccountId, Instant, Net, PassId, Tier, Timestamp};
use siphasher::sip::SipHasher13;

use super::facts::Proof;
use crate::bits::halves;

/// What was proved lately, by address and user agent.
pub(super) struct Inheritance<P> {
    key: u64,
    cells: Box<[Cell]>,
    proofs: PhantomData<fn() -> P>,
}

/// What can be kept in a few words.
pub(super) trait Words: Sized {
    /// The words.
    fn pack(&self) -> [u64; 6];
    /// What they were; `None` if they are none of this kind.
    fn unpack(words: [u64; 6]) -> Option<Self>;
}

/// A ticket that was shown: of a challenge, or of an earlier visit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TicketProof {
    pub(super) number: u128,
    pub(super) is_visit: bool,
}

#[derive(Default)]
struct Cell {
    /// Odd while it is being written.
    sequence: AtomicU64,
    who: AtomicU64,
    at: AtomicU64,
    words: [AtomicU64; 6],
}

impl<P: Words> Inheritance<P> {
    /// A table of this many entries, rounded up to a power of two.
    pub(super) fn new(entries: usize, key: u64) -> Self {
        let cells = (0..entries.next_power_of_two().max(64)).map(|_| Cell::default()).collect();
        Self { key, cells, proofs: PhantomData }
    }

    /// Something was proved from this address and user agent. Written at most every few seconds for one of them.
    pub(super) fn prove(&self, address: IpAddr, user_agent: &[u8], proof: &P, now: Instant) {
        let who = self.hash(address, user_agent);
        let bucket = self.bucket(who);
        let age = |cell: &&Cell| cell.at.load(Ordering::Relaxed);
        let own = bucket.iter().find(|cell| cell.who.load(Ordering::Relaxed) == who);
        let Some(cell) = own.or_else(|| bucket.iter().min_by_key(age)) else { return };
        let fresh =
            Duration::from_nanos(now.as_nanos().saturating_sub(cell.at.load(Ordering::Relaxed))) < REWRITE;
        if fresh && cell.who.load(Ordering::Relaxed) == who {
            return;
        }
        let sequence = cell.sequence.load(Ordering::Relaxed);
        let claimed = sequence.is_multiple_of(2)
            && cell
                .sequence
                .compare_exchange(sequence, sequence + 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !claimed {
            // Somebody else is writing this very moment; the next proof comes soon.
            return;
        }
        cell.who.store(who, Ordering::Relaxed);
        cell.at.store(now.as_nanos(), Ordering::Relaxed);
        for (word, value) in cell.words.iter().zip(proof.pack()) {
            word.store(value, Ordering::Relaxed);
        }
        cell.sequence.store(sequence + 2, Ordering::Release);
    }

    /// What was proved from this address and user agent within the last minute.
    pub(super) fn find(&self, address: IpAddr, user_agent: &[u8], now: Instant) -> Option<P> {
        let who = self.hash(address, user_agent);
        self.bucket(who).iter().find_map(|cell| Self::read(cell, who, now))
    }

    fn read(cell: &Cell, who: u64, now: Instant) -> Option<P> {
        let before = cell.sequence.load(Ordering::Acquire);
        let found = cell.who.load(Ordering::Relaxed) == who;
        let age = now.as_nanos().saturating_sub(cell.at.load(Ordering::Relaxed));
        let words = std::array::from_fn(|at| cell.words[at].load(Ordering::Relaxed));
        std::sync::atomic::fence(Ordering::Acquire);
        let intact = before.is_multiple_of(2) && cell.sequence.load(Ordering::Relaxed) == before;
        if intact && found && Duration::from_nanos(age) <= INHERIT_FOR { P::unpack(words) } else { None }
    }

    /// The cells that this one may have: of several, so that two who share them do not push each other out.
    fn bucket(&self, who: u64) -> &[Cell] {
        let mask = (self.cells.len() / WAYS) as u64 - 1;
        let first = usize::try_from(who & mask).unwrap_or(0) * WAYS;
        &self.cells[first..first + WAYS]
    }

    fn hash(&self, address: IpAddr, user_agent: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key, self.key.rotate_left(17));
        hasher.write_u64(Net::address(address).bits());
        hasher.write(user_agent);
        hasher.finish().max(1)
    }
}

impl Words for Proof {
    fn pack(&self) -> [u64; 6] {
        let ([a, b], [c, d]) = (halves(self.pass.0), halves(self.account.0));
        let flags = self.tier as u64 | u64::from(self.half_budget) << 8 | u64::from(self.in_incident) << 9;
        [a, b, c, d, self.issued.as_millis(), flags]
    }

    fn unpack([a, b, c, d, issued, flags]: [u64; 6]) -> Option<Self> {
        let tier = Tier::ALL.into_iter().find(|&tier| tier as u64 == flags & 0xFF)?;
        Some(Self {
            pass: PassId(wide(a, b)),
            account: AccountId(wide(c, d)),
            tier,
            issued: Timestamp::from_millis(issued),
            in_incident: flags >> 9 & 1 == 1,
            half_budget: flags >> 8 & 1 == 1,
        })
    }
}

impl Words for TicketProof {
    fn pack(&self) -> [u64; 6] {
        let [a, b] = halves(self.number);
        [a, b, self.is_visit.into(), 0, 0, 0]
    }

    fn unpack([a, b, is_visit, ..]: [u64; 6]) -> Option<Self> {
        Some(Self { number: wide(a, b), is_visit: is_visit == 1 })
    }
}

fn wide(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// How long a proof is inherited (contract: 60 s).
pub const INHERIT_FOR: Duration = Duration::from_secs(60);
/// Cells that one address and user agent may have.
const WAYS: usize = 4;
const REWRITE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_inherited_by_the_same_browser_for_a_minute() {
        let table = Inheritance::new(64, 3);
        let proof = Proof {
            pass: PassId(7 << 70),
            account: AccountId(9),
            tier: Tier::T1,
            issued: Timestamp::from_secs(5),
            in_incident: false,
            half_budget: true,
        };
        let (home, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        table.prove(home, b"browser", &proof, Instant::from_secs(10));
        assert_eq!(table.find(home, b"browser", Instant::from_secs(70)), Some(proof));
        assert_eq!(table.find(home, b"browser", Instant::from_secs(71)), None);
        assert_eq!(table.find(home, b"bot", Instant::from_secs(11)), None);
        assert_eq!(table.find(other, b"browser", Instant::from_secs(11)), None);
    }

    #[test]
    fn a_proof_makes_room_for_the_newest_when_its_cells_are_taken() {
        let table: Inheritance<TicketProof> = Inheritance::new(64, 3);
        let address = "192.0.2.1".parse().unwrap();
        let find = |number: u128, at| table.find(address, &number.to_be_bytes(), Instant::from_secs(at));
        for number in 0..640_u128 {
            let proof = TicketProof { number, is_visit: false };
            let at = u64::try_from(number / 64).unwrap();
            table.prove(address, &number.to_be_bytes(), &proof, Instant::from_secs(at));
        }
        let kept = |from: u128| (from..from + 64).filter(|&number| find(number, 10).is_some()).count();
        assert!(kept(576) > 40 && kept(0) == 0, "{} of the last, {} of the first", kept(576), kept(0));
    }
}
