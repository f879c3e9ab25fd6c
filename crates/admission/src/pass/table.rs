//! What the process remembers of passes in use: where each was seen lately, and which are revoked.
//!
//! A stolen pass shows by being in too many networks at once. The table is fixed; an entry that has not been used for
//! ten minutes may be replaced, for it says nothing any more.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

use model::{Net, PassId, Tier, Timestamp};
use siphasher::sip::SipHasher13;

use super::Pass;
use super::incidents::Incidents;
use super::revoked::Revoked;
use crate::bits::low_u32;
use crate::handover::Handover;

/// Fixed memory of passes in use.
pub struct PassTable {
    key: [u8; 16],
    cells: Box<[Cell]>,
    revoked: Revoked,
    incidents: Incidents,
}

/// What a valid pass is worth at this moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// T1, T2, or T5 when it was stolen and is used away from home.
    pub tier: Tier,
    /// It was stolen, and this is one of its home networks: half the budget.
    pub half_budget: bool,
}

#[derive(Default)]
struct Cell {
    pass: AtomicU64,
    last_used: AtomicU32,
    last_confirmed: AtomicU32,
    stolen: AtomicBool,
    /// Networks of the last ten minutes: a hash in the high half, seconds in the low half.
    seen: [AtomicU64; NETWORKS_MAX],
    /// Home networks, the latest first: hashes of networks that it was used in before it was seen in too many.
    homes: [AtomicU32; HOMES],
}

impl PassTable {
    /// A table for this many passes in use within ten minutes, rounded up to a power of two.
    pub fn new(passes: usize, key: [u8; 16]) -> Self {
        let cells = passes.next_power_of_two().max(WAYS);
        Self {
            key,
            cells: (0..cells).map(|_| Cell::default()).collect(),
            revoked: Revoked::new(key),
            incidents: Incidents::default(),
        }
    }

    /// Notes that a valid pass is used from a network, and says what it is worth.
    ///
    /// `time` is pass time. `trusted_way` is false on plain http outside loopback: then T2 is the best it can be.
    pub fn use_pass(
        &self,
        pass: &Pass,
        network: Option<Net>,
        time: Timestamp,
        trusted_way: bool,
    ) -> Option<Standing> {
        if self.is_revoked(pass.id) {
            return None;
        }
        let tier = if trusted_way { self.age_tier(pass, time) } else { Tier::T2 };
        let (Some(network), Some(cell)) = (network, self.cell(pass.id, time)) else {
            return Some(Standing { tier, half_budget: false });
        };
        let place = self.hash32(network.bits());
        let stolen = cell.see(place, seconds(time));
        let home = cell.homes.iter().any(|home| home.load(Relaxed) == place);
        Some(match (stolen, home) {
            (false, _) => Standing { tier, half_budget: false },
            (true, true) => Standing { tier, half_budget: true },
            (true, false) => Standing { tier: Tier::T5, half_budget: false },
        })
    }

    /// Whether a confirmation of this pass is worth noting: the first, and one every few minutes. An app may confirm
    /// on every answer; the registry is behind a lock.
    pub fn is_confirmation_due(&self, pass: PassId, time: Timestamp) -> bool {
        let Some(cell) = self.cell(pass, time) else { return true };
        let (now, last) = (seconds(time), cell.last_confirmed.load(Relaxed));
        let due = last == 0 || now.saturating_sub(last) >= CONFIRM_SECONDS;
        if due {
            cell.last_confirmed.store(now, Relaxed);
        }
        due
    }

    /// The owner has signed in again with this pass: it is theirs, and this network is home.
    pub fn relogin(&self, pass: PassId, network: Option<Net>, time: Timestamp) {
        let Some(cell) = self.cell(pass, time) else { return };
        cell.stolen.store(false, Relaxed);
        cell.seen.iter().for_each(|seen| seen.store(0, Relaxed));
        if let Some(network) = network {
            cell.add_home(self.hash32(network.bits()));
        }
    }

    /// Notes, once a step, whether the level is 3 or above: passes minted then age only from the end of it.
    pub fn note_level(&self, severe: bool, time: Timestamp) {
        self.incidents.note(severe, time);
    }

    /// A pass that is no longer accepted. There is room for 262,144; beyond it the oldest leave.
    pub fn revoke(&self, pass: PassId) {
        self.revoked.insert(pass);
    }

    /// Whether a pass was revoked.
    pub fn is_revoked(&self, pass: PassId) -> bool {
        self.revoked.contains(pass)
    }

    /// Passes in use and incidents, for a successor.
    pub(crate) fn hand_over(&self, estate: &mut Handover) {
        let live = self.cells.iter().filter(|cell| !matches!(cell.pass.load(Acquire), 0 | CHANGING));
        estate.put(PART, live.flat_map(Cell::words));
        estate.put("incidents", self.incidents.words());
    }

    /// Goes on with what a predecessor with the same key knew. Called before the first request.
    pub(crate) fn take_over(&self, estate: &Handover) {
        for row in estate.rows(PART) {
            if let Some(cell) = self.bucket(row[0]).iter().find(|cell| cell.pass.load(Relaxed) == 0) {
                cell.fill(row);
            }
        }
        self.incidents.take_over(estate.words("incidents"));
    }

    /// T1 for a pass whose account was confirmed at least 24 h ago, counted from the end of the incident that it was
    /// minted in, if in one. A pass from the future is T2 (decision-science, section 0.14).
    fn age_tier(&self, pass: &Pass, time: Timestamp) -> Tier {
        let from = if pass.in_incident { self.incidents.ages_from(pass.issued) } else { Some(pass.issued) };
        if from.is_some_and(|from| time.since(from) >= AGED) { Tier::T1 } else { Tier::T2 }
    }

    /// The entry of a pass; a new one takes the place of the longest unused, if that is ten minutes old.
    fn cell(&self, pass: PassId, time: Timestamp) -> Option<&Cell> {
        let print = self.print(pass);
        let cells = self.bucket(print);
        let now = seconds(time);
        if let Some(cell) = cells.iter().find(|cell| cell.pass.load(Acquire) == print) {
            cell.last_used.store(now, Relaxed);
            return Some(cell);
        }
        let oldest = cells.iter().min_by_key(|cell| cell.last_used.load(Relaxed))?;
        let there = oldest.pass.load(Relaxed);
        let unused = there == 0 || now.saturating_sub(oldest.last_used.load(Relaxed)) > WINDOW_SECONDS;
        let free = unused && there != CHANGING;
        if !free || oldest.pass.compare_exchange(there, CHANGING, Acquire, Relaxed).is_err() {
            // No room: the pass is good by its MAC; only theft of it goes unnoticed for the moment.
            return None;
        }
        oldest.clear();
        oldest.last_used.store(now, Relaxed);
        oldest.pass.store(print, Release);
        Some(oldest)
    }

    fn bucket(&self, print: u64) -> &[Cell] {
        let mask = self.cells.len() / WAYS - 1;
        let bucket = (usize::try_from(print).unwrap_or(0) & mask) * WAYS;
        &self.cells[bucket..bucket + WAYS]
    }

    fn print(&self, pass: PassId) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        pass.0.hash(&mut hasher);
        hasher.finish().clamp(1, CHANGING - 1)
    }

    fn hash32(&self, bits: u64) -> u32 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u64(bits);
        ((hasher.finish() >> 32) as u32).max(1)
    }
}

impl Cell {
    fn words(&self) -> [u64; CELL_WORDS] {
        let mut words = [0; CELL_WORDS];
        words[0] = self.pass.load(Acquire);
        words[1] = self.last_used.load(Relaxed).into();
        words[2] = self.last_confirmed.load(Relaxed).into();
        words[3] = self.stolen.load(Relaxed).into();
        let seen = self.seen.iter().map(|seen| seen.load(Relaxed));
        let homes = self.homes.iter().map(|home| home.load(Relaxed).into());
        words[4..].iter_mut().zip(seen.chain(homes)).for_each(|(word, value)| *word = value);
        words
    }

    fn fill(&self, words: &[u64; CELL_WORDS]) {
        self.last_used.store(low_u32(words[1]), Relaxed);
        self.last_confirmed.store(low_u32(words[2]), Relaxed);
        self.stolen.store(words[3] != 0, Relaxed);
        let (seen, homes) = words[4..].split_at(NETWORKS_MAX);
        self.seen.iter().zip(seen).for_each(|(cell, word)| cell.store(*word, Relaxed));
        self.homes.iter().zip(homes).for_each(|(cell, word)| cell.store(low_u32(*word), Relaxed));
        self.pass.store(words[0].clamp(1, CHANGING - 1), Release);
    }

    fn clear(&self) {
        self.last_confirmed.store(0, Relaxed);
        self.stolen.store(false, Relaxed);
        self.seen.iter().for_each(|seen| seen.store(0, Relaxed));
        self.homes.iter().for_each(|home| home.store(0, Relaxed));
    }

    /// Notes a network; whether the pass is in too many (contract: more than 8 in 10 minutes).
    fn see(&self, place: u32, now: u32) -> bool {
        let entry = u64::from(place) << 32 | u64::from(now);
        let mut free = None;
        for seen in &self.seen {
            let there = seen.load(Relaxed);
            if (there >> 32) as u32 == place {
                let pause = now.saturating_sub(low_u32(there));
                if pause >= REFRESH_SECONDS {
                    seen.store(entry, Relaxed);
                    self.settle(place, pause, now);
                }
                return self.stolen.load(Relaxed);
            }
            if !is_recent(there, now) {
                free = Some(seen);
            }
        }
        match free {
            Some(seen) => {
                seen.store(entry, Relaxed);
                if !self.stolen.load(Relaxed) {
                    self.keep_first_home(place);
                }
            }
            None => self.stolen.store(true, Relaxed),
        }
        self.stolen.load(Relaxed)
    }

    /// A network that the pass is used in again after a while, with few others, becomes home: so a phone has one at
    /// home, one on the way, and one of each address family. A thousand thieves come at once and settle nowhere.
    fn settle(&self, place: u32, pause: u32, now: u32) {
        let networks = self.seen.iter().filter(|seen| is_recent(seen.load(Relaxed), now)).count();
        if pause <= WINDOW_SECONDS && networks <= HOMES && !self.stolen.load(Relaxed) {
            self.add_home(place);
        }
    }

    /// The first network of an entry is home: that is where the pass was minted, or first seen after a restart.
    fn keep_first_home(&self, place: u32) {
        if self.homes.iter().all(|home| home.load(Relaxed) == 0) {
            self.homes[0].store(place, Relaxed);
        }
    }

    fn add_home(&self, place: u32) {
        if self.homes.iter().any(|home| home.load(Relaxed) == place) {
            return;
        }
        // The newest home first; the oldest leaves.
        for at in (1..HOMES).rev() {
            self.homes[at].store(self.homes[at - 1].load(Relaxed), Relaxed);
        }
        self.homes[0].store(place, Relaxed);
    }
}

fn is_recent(seen: u64, now: u32) -> bool {
    seen != 0 && now.saturating_sub(low_u32(seen)) <= WINDOW_SECONDS
}

fn seconds(time: Timestamp) -> u32 {
    // Wraps in 2106; differences of minutes survive that.
    low_u32(time.as_secs())
}

const AGED: Duration = Duration::from_secs(24 * 3_600);
const WAYS: usize = 4;
/// Networks in ten minutes beyond which a pass counts as stolen (contract).
const NETWORKS_MAX: usize = 8;
const HOMES: usize = 4;
const CELL_WORDS: usize = 4 + NETWORKS_MAX + HOMES;
const PART: &str = "passes";
const WINDOW_SECONDS: u32 = 600;
const REFRESH_SECONDS: u32 = 30;
const CONFIRM_SECONDS: u32 = 300;
/// Stands for the pass of a cell while its owner changes.
const CHANGING: u64 = u64::MAX;
