//! How many people are behind one network, told by the passes seen there.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{Net, PassId, Timestamp};
use siphasher::sip::SipHasher13;

use crate::bits::halves;

/// Cells in one bucket.
const WAYS: usize = 4;

/// The most networks that are remembered: 1 GiB.
const SLOTS_MAX: usize = 1 << 24;

/// Bits in one generation of one network.
const BITS: u32 = 128;

/// Three generations of 3.5 days: whatever was seen within 7 days is in one of them, and nothing older than 10.5 days.
const GENERATIONS: usize = 3;

/// How long one generation collects.
const GENERATION: Duration = Duration::from_secs(302_400);

/// The largest NAT factor (decision-science, section 4).
const FACTOR_MAX: u32 = 64;

/// Stands for the network of a cell while it changes hands. No IPv4 /24 and no IPv6 /48 looks like this.
const CHANGING: u64 = u64::MAX;

/// Where a known number of people behind a network comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seed {
    /// An admin named the network: the number holds until it is seeded again, and the network is never forgotten.
    Named,
    /// An import from access logs, now: it counts like passes that are seen now, and expires like them.
    Imported(Timestamp),
}

/// What is remembered of one network, for the journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NatRow {
    /// [`Net::bits`] of the [`Net::network`], 1 for 0.
    pub network: u64,
    /// The number of each generation (time since 1970 ÷ 3.5 days); 0 for none.
    pub generations: [u16; GENERATIONS],
    /// One bit for the passes seen in each generation.
    pub bits: [u128; GENERATIONS],
}

/// Distinct known passes by network over 7 to 10.5 days, by linear counting in 128 bits. Fixed memory of 64 bytes for
/// each network, shared by all workers.
///
/// Only clients with a verified pass write here. A pass is random and the gate's own, so its low bits are the hash that
/// counting needs, over restarts too. Races between workers can lose a bit, which the pass's next request sets again.
///
/// `wall` is the pass clock everywhere; a clock that jumps back by more than a week forgets until it has caught up.
pub struct NatTable {
    buckets: Box<[[Cell; WAYS]]>,
    hasher: SipHasher13,
    /// The estimated number of passes for each number of set bits.
    people: [u16; BITS as usize + 1],
    overflows: AtomicU64,
}

impl NatTable {
    /// A table for `networks` networks, rounded up to a power of two between 4 and 2²⁴, and its secret random key.
    pub fn new(networks: usize, key: [u8; 16]) -> Self {
        let slots = networks.clamp(WAYS, SLOTS_MAX).next_power_of_two();
        Self {
            buckets: std::iter::repeat_with(Default::default).take(slots / WAYS).collect(),
            hasher: SipHasher13::new_with_key(&key),
            people: std::array::from_fn(people),
            overflows: AtomicU64::new(0),
        }
    }

    /// A client proved that it holds `pass` at a moment, from the [`Net::network`] `net`.
    pub fn saw(&self, net: Net, pass: PassId, wall: Timestamp) {
        let generation = generation(wall);
        match self.find(net).or_else(|| self.claim(net, generation)) {
            Some(cell) => cell.set(generation, 1 << (pass.0 % u128::from(BITS))),
            None => self.count_overflow(),
        }
    }

    /// What multiplies the limits of a network: half the distinct passes seen there, or the people known to be there,
    /// but at least 1 and at most 64.
    pub fn factor(&self, net: Net, wall: Timestamp) -> u32 {
        let people = self.find(net).map_or(0, |cell| {
            let seen = self.people[cell.seen(generation(wall)).count_ones() as usize];
            seen.max(cell.meta().named)
        });
        (u32::from(people) / 2).clamp(1, FACTOR_MAX)
    }

    /// Whether a known pass was seen there within 7 days, or the network is named or imported.
    pub fn is_hinted(&self, net: Net, wall: Timestamp) -> bool {
        self.find(net).is_some_and(|cell| cell.meta().named > 0 || cell.seen(generation(wall)) != 0)
    }

    /// Notes that there are about `people` people behind a network. Beyond 128 they make no difference.
    ///
    /// `Seed::Named` with no people takes an earlier name back.
    pub fn seed(&self, net: Net, people: u32, seed: Seed) {
        let (generation, named) = match seed {
            Seed::Named => (None, true),
            Seed::Imported(wall) => (Some(generation(wall)), false),
        };
        let people = u16::try_from(people).unwrap_or(u16::MAX);
        let Some(cell) = self.find(net).or_else(|| self.claim(net, generation.unwrap_or(u16::MAX))) else {
            self.count_overflow();
            return;
        };
        if named {
            cell.change_meta(|meta| Meta { named: people, ..meta });
        }
        if let Some(generation) = generation {
            cell.set(generation, self.filled(cell.seen(generation), people));
        }
    }

    /// How often a network found no room.
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    /// Memory held, in bytes; it never changes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// All networks seen within the window, for the journal. Names are not among them: they come from configuration.
    pub fn rows(&self, wall: Timestamp) -> Vec<NatRow> {
        let generation = generation(wall);
        let cells = self.buckets.iter().flatten();
        cells.filter_map(|cell| cell.row()).filter(|row| row.seen(generation) != 0).collect()
    }

    /// Adds what a journal remembers. Rows without room are left out and counted; rows of no network are left out.
    pub fn restore(&self, rows: &[NatRow], wall: Timestamp) {
        for row in rows {
            let now = generation(wall);
            let network = row.network;
            if network == 0 || network == CHANGING {
                continue;
            }
            let Some(cell) = self.find_bits(network).or_else(|| self.claim_bits(network, now)) else {
                self.count_overflow();
                continue;
            };
            for (generation, bits) in row.generations.into_iter().zip(row.bits) {
                if is_live(generation, now) && bits != 0 {
                    cell.set(generation, bits);
                }
            }
        }
    }

    /// All networks seen within the window, for a successor.
    pub(crate) fn hand_over(&self, wall: Timestamp) -> Vec<u64> {
        let words = |row: NatRow| {
            let [a, b, c] = row.generations.map(u64::from);
            let [d, e, f] = row.bits.map(halves);
            [row.network, a, b, c, d[0], d[1], e[0], e[1], f[0], f[1]]
        };
        self.rows(wall).into_iter().flat_map(words).collect()
    }

    /// Goes on with the networks of a predecessor.
    pub(crate) fn take_over(&self, rows: &[[u64; 10]], wall: Timestamp) {
        let row = |&[network, a, b, c, d0, d1, e0, e1, f0, f1]: &[u64; 10]| NatRow {
            network,
            generations: [a, b, c].map(|generation| u16::try_from(generation).unwrap_or(0)),
            bits: [[d0, d1], [e0, e1], [f0, f1]].map(|[high, low]| u128::from(high) << 64 | u128::from(low)),
        };
        self.restore(&rows.iter().map(row).collect::<Vec<_>>(), wall);
    }

    fn find(&self, net: Net) -> Option<&Cell> {
        self.find_bits(number(net))
    }

    fn find_bits(&self, network: u64) -> Option<&Cell> {
        self.bucket(network).iter().find(|cell| cell.network.load(Ordering::Acquire) == network)
    }

    fn claim(&self, net: Net, generation: u16) -> Option<&Cell> {
        self.claim_bits(number(net), generation)
    }

    /// Takes over the cell that was seen longest ago, unless all were seen in this generation or are named.
    fn claim_bits(&self, network: u64, generation: u16) -> Option<&Cell> {
        let bucket = self.bucket(network);
        let stale =
            bucket.iter().filter(|cell| cell.meta().named == 0).min_by_key(|cell| cell.meta().newest())?;
        let owner = stale.network.load(Ordering::Acquire);
        let is_free = owner == 0 || (owner != CHANGING && stale.meta().newest() < generation);
        (is_free && stale.change_hands(owner, network)).then_some(stale)
    }

    fn bucket(&self, network: u64) -> &[Cell; WAYS] {
        let mut hasher = self.hasher;
        hasher.write_u64(network);
        #[expect(clippy::cast_possible_truncation, reason = "cut to the number of buckets right away")]
        let index = hasher.finish() as usize & (self.buckets.len() - 1);
        &self.buckets[index]
    }

    /// As many bits as it takes to estimate `people`, of those in `seen` first: they are likely to be the same people.
    fn filled(&self, seen: u128, people: u16) -> u128 {
        let (known, new) = (0..BITS).partition::<Vec<_>, _>(|bit| seen >> bit & 1 == 1);
        let mut filled: u128 = 0;
        for bit in known.into_iter().chain(new) {
            if self.people[filled.count_ones() as usize] >= people {
                break;
            }
            filled |= 1 << bit;
        }
        filled
    }

    fn count_overflow(&self) {
        self.overflows.fetch_add(1, Ordering::Relaxed);
    }
}

impl NatRow {
    fn seen(&self, now: u16) -> u128 {
        let live =
            self.generations.iter().zip(self.bits).filter(|(generation, _)| is_live(**generation, now));
        live.fold(0, |seen, (_, bits)| seen | bits)
    }
}

/// The network's number in its cell: [`Net::bits`], but never 0, which IPv6 loopback has. No /48 has the number 1.
fn number(net: Net) -> u64 {
    net.bits().max(1)
}

/// The number of the generation that collects at a moment. 16 bits reach the year 2598.
fn generation(wall: Timestamp) -> u16 {
    u16::try_from(wall.as_secs() / GENERATION.as_secs()).unwrap_or(u16::MAX).max(1)
}

/// A generation after `now` is live too: the clock was set back.
fn is_live(generation: u16, now: u16) -> bool {
    generation != 0 && usize::from(generation.abs_diff(now)) < GENERATIONS
}

/// Linear counting: −m · ln(zeros ÷ m) for m = 128 bits. With all bits set it is as for half a zero.
fn people(ones: usize) -> u16 {
    let all = f64::from(BITS);
    let ones = u32::try_from(ones).map_or(all, f64::from);
    let zeros = (all - ones).max(0.5);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 711")]
    let people = libm::round(-all * libm::log(zeros / all)) as u16;
    people
}

/// One network in one cache line.
#[derive(Default)]
#[repr(align(64))]
struct Cell {
    /// As from [`number`]; 0 while unused.
    network: AtomicU64,
    meta: AtomicU64,
    /// Two words for each generation.
    words: [[AtomicU64; 2]; GENERATIONS],
}

/// The other word of a cell.
#[derive(Clone, Copy)]
struct Meta {
    /// Which generation each pair of words holds.
    generations: [u16; GENERATIONS],
    /// People that an admin named.
    named: u16,
}

impl Meta {
    fn from_word(word: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = word.to_be_bytes();
        let generations = [[a, b], [c, d], [e, f]].map(u16::from_be_bytes);
        Self { generations, named: u16::from_be_bytes([g, h]) }
    }

    fn word(self) -> u64 {
        let [a, b, c] = self.generations.map(u64::from);
        a << 48 | b << 32 | c << 16 | u64::from(self.named)
    }

    fn newest(self) -> u16 {
        self.generations.into_iter().max().unwrap_or(0)
    }
}

impl Cell {
    fn set(&self, generation: u16, bits: u128) {
        let place = usize::from(generation) % GENERATIONS;
        let words = &self.words[place];
        if self.meta().generations[place] != generation {
            words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
            self.change_meta(|mut meta| {
                meta.generations[place] = generation;
                meta
            });
        }
        for (word, bits) in words.iter().zip(halves(bits)) {
            // Most requests change nothing, and then the cache line stays shared.
            if word.load(Ordering::Relaxed) & bits != bits {
                word.fetch_or(bits, Ordering::Relaxed);
            }
        }
    }

    /// The passes seen in all generations that are live.
    fn seen(&self, now: u16) -> u128 {
        let row = NatRow { network: 0, generations: self.meta().generations, bits: self.bits() };
        row.seen(now)
    }

    fn row(&self) -> Option<NatRow> {
        let network = self.network.load(Ordering::Acquire);
        let is_used = network != 0 && network != CHANGING;
        is_used.then(|| NatRow { network, generations: self.meta().generations, bits: self.bits() })
    }

    fn bits(&self) -> [u128; GENERATIONS] {
        std::array::from_fn(|place| {
            let [high, low] = &self.words[place];
            u128::from(high.load(Ordering::Relaxed)) << 64 | u128::from(low.load(Ordering::Relaxed))
        })
    }

    fn meta(&self) -> Meta {
        Meta::from_word(self.meta.load(Ordering::Relaxed))
    }

    fn change_meta(&self, change: impl Fn(Meta) -> Meta) {
        let mut word = self.meta.load(Ordering::Relaxed);
        // Each failure is another worker's change; beyond this many the change is lost, like a bit in a race.
        for _ in 0..64 {
            let next = change(Meta::from_word(word)).word();
            match self.meta.compare_exchange(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
    }

    fn change_hands(&self, owner: u64, network: u64) -> bool {
        let swapped = self.network.compare_exchange(owner, CHANGING, Ordering::AcqRel, Ordering::Relaxed);
        if swapped.is_ok() {
            self.words.iter().flatten().for_each(|word| word.store(0, Ordering::Relaxed));
            self.meta.store(0, Ordering::Relaxed);
            self.network.store(network, Ordering::Release);
        }
        swapped.is_ok()
    }
}

#[cfg(test)]
mod tests;
