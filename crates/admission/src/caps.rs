//! How many connections there are, and how many one client may hold.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Net, Reason};
use siphasher::sip::SipHasher13;

/// Cells in one bucket: a bucket is one cache line.
const WAYS: usize = 8;

/// The most cells of one table: 512 MiB.
const SLOTS_MAX: usize = 1 << 26;

/// How often an update may lose a race before the key counts as having no room.
const TRIES_MAX: usize = 64;

/// Bits of a cell that count connections; the rest is the key's fingerprint.
const COUNT_BITS: u32 = 24;

/// The most connections of one key that a cell can count.
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// One connection of a client with a hint, or of a front, in the word that counts them all.
const ONE: u64 = 1 << 32;

/// One connection of a client without a hint: it counts in the low half too.
const UNHINTED: u64 = ONE | 1;

/// How many connections are accepted, and from whom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConnectionSettings {
    /// Connections in all: min(0.8 × file descriptors, memory ÷ 64 KiB).
    pub max: u32,
    /// Connections of one IPv4 /32 or IPv6 /64, before the NAT factor.
    pub per_address: u32,
    /// Connections of one IPv4 /24 or IPv6 /48, before the NAT factor.
    pub per_network: u32,
    /// The share of `max`, 0 to 1, that is kept for clients with a hint that they are known.
    pub reserve_hinted: f64,
    /// Cells of 8 bytes in each of the two tables. With fewer than open connections, some are counted only in all.
    pub slots: usize,
    /// The secret random key under which addresses are hashed.
    pub key: [u8; 16],
}

impl ConnectionSettings {
    /// The defaults of decision-science, sections 3 and 9, with room for twice the connections that can be open.
    pub fn new(max: u32, key: [u8; 16]) -> Self {
        let slots = usize::try_from(max).unwrap_or(usize::MAX).saturating_mul(2);
        Self { max, per_address: 100, per_network: 500, reserve_hinted: 0.30, slots, key }
    }
}

/// Why a connection was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CapRefused {
    /// The part of the table that is open to this client is full. Close an idle connection of an unknown client and ask
    /// again; the client is within its own limits.
    #[error("all connections open to this client are in use")]
    Full,
    /// Its address holds as many as it may.
    #[error("this address holds as many connections as one address may")]
    Address,
    /// Its network holds as many as it may.
    #[error("this network holds as many connections as one network may")]
    Network,
}

impl CapRefused {
    /// The reason for logs and reports.
    pub const fn reason(self) -> Reason {
        Reason::ConnectionLimit
    }
}

/// One open connection. Give it back with [`ConnectionTable::close`], exactly once: dropping it leaks its place.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "a ticket that is not closed holds its place for ever"]
pub struct Ticket {
    address: Option<u32>,
    network: Option<u32>,
    hinted: bool,
}

/// Connections of the whole process: in all, by address, by network. Fixed memory, shared by all workers.
///
/// Clients without a hint may use all but the reserve; clients with a hint may use all. A cell holds fingerprint and
/// count in one word, so that every update is one compare-and-swap; it is free when its count is zero. Workers that
/// enter the same new key at once may count it in two cells: such a key may exceed its limit by those few connections
/// until they close. No update ever takes a connection from another key's count.
pub struct ConnectionTable {
    settings: ConnectionSettings,
    /// The connections in all (high half) and of clients without a hint (low half).
    used: AtomicU64,
    addresses: Counts,
    networks: Counts,
    hasher: SipHasher13,
    overflows: AtomicU64,
}

#[derive(Hash)]
enum Key {
    Address(Net),
    Network(Net),
}

impl ConnectionTable {
    /// A table whose memory is fixed from here on.
    pub fn new(settings: ConnectionSettings) -> Self {
        Self {
            settings,
            used: AtomicU64::new(0),
            addresses: Counts::new(settings.slots),
            networks: Counts::new(settings.slots),
            hasher: SipHasher13::new_with_key(&settings.key),
            overflows: AtomicU64::new(0),
        }
    }

    /// Takes a place for a connection from `addr`.
    ///
    /// `hinted` says that the client is likely to be known: a resumption ticket, or a known client seen in its network.
    /// `nat_factor` (1 to 64) multiplies both limits. The client's own limits are looked at first: whoever is above
    /// them never causes another's connection to be closed.
    pub fn open(&self, addr: IpAddr, hinted: bool, nat_factor: u32) -> Result<Ticket, CapRefused> {
        let mut ticket = Ticket { address: None, network: None, hinted };
        let cap = |limit: u32| u64::from(limit).saturating_mul(u64::from(nat_factor.max(1))).min(COUNT_MAX);
        let address = self.hash(&Key::Address(Net::address(addr)));
        let cell = self.addresses.add(address, cap(self.settings.per_address));
        ticket.address = self.counted(cell.map_err(|AtCap| CapRefused::Address)?);
        let network = self.hash(&Key::Network(Net::network(addr)));
        match self.networks.add(network, cap(self.settings.per_network)) {
            Ok(cell) => ticket.network = self.counted(cell),
            Err(AtCap) => {
                self.forget(&ticket);
                return Err(CapRefused::Network);
            }
        }
        if self.take_place(hinted) {
            Ok(ticket)
        } else {
            self.forget(&ticket);
            Err(CapRefused::Full)
        }
    }

    /// Takes a place for a connection from a front, which is never refused: it counts in all and nowhere else.
    pub fn open_front(&self) -> Ticket {
        self.used.fetch_add(ONE, Ordering::Relaxed);
        Ticket { address: None, network: None, hinted: true }
    }

    /// The client on this connection proved that it is known: it no longer uses up the part open to the unknown.
    pub fn promote(&self, ticket: &mut Ticket) {
        if !ticket.hinted {
            ticket.hinted = true;
            self.used.fetch_sub(UNHINTED - ONE, Ordering::Relaxed);
        }
    }

    /// Gives a place back.
    pub fn close(&self, ticket: Ticket) {
        self.forget(&ticket);
        self.used.fetch_sub(if ticket.hinted { ONE } else { UNHINTED }, Ordering::Relaxed);
    }

    /// Connections open now.
    pub fn used(&self) -> u32 {
        total(self.used.load(Ordering::Relaxed))
    }

    /// The most that are accepted, but for those that fronts bring.
    pub fn slots(&self) -> u32 {
        self.settings.max
    }

    /// Connections open now as a share of the most that are accepted; above 1 only when fronts bring more.
    pub fn share_used(&self) -> f64 {
        f64::from(self.used()) / f64::from(self.settings.max.max(1))
    }

    /// How often an address or network found no room to be counted.
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    /// Memory held by both tables, in bytes; it never changes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.addresses.buckets) + size_of_val(&*self.networks.buckets)
    }

    fn take_place(&self, hinted: bool) -> bool {
        let max = self.settings.max;
        let step = if hinted { ONE } else { UNHINTED };
        let mut used = self.used.load(Ordering::Relaxed);
        for _ in 0..TRIES_MAX {
            let fits = total(used) < max && (hinted || unhinted(used) < self.unhinted_max());
            if !fits {
                return false;
            }
            match self.used.compare_exchange_weak(used, used + step, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => used = now,
            }
        }
        false
    }

    fn unhinted_max(&self) -> u32 {
        let open = 1.0 - self.settings.reserve_hinted.clamp(0.0, 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `max`")]
        let places = (f64::from(self.settings.max) * open).round() as u32;
        places
    }

    fn counted(&self, cell: Option<u32>) -> Option<u32> {
        if cell.is_none() {
            self.overflows.fetch_add(1, Ordering::Relaxed);
        }
        cell
    }

    fn forget(&self, ticket: &Ticket) {
        if let Some(cell) = ticket.address {
            self.addresses.remove(cell);
        }
        if let Some(cell) = ticket.network {
            self.networks.remove(cell);
        }
    }

    fn hash(&self, key: &Key) -> u64 {
        let mut hasher = self.hasher;
        key.hash(&mut hasher);
        hasher.finish()
    }
}

const fn total(used: u64) -> u32 {
    (used >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the low half")]
const fn unhinted(used: u64) -> u32 {
    used as u32
}

/// Counts by fingerprint.
struct Counts {
    buckets: Box<[Bucket]>,
}

#[derive(Default)]
#[repr(align(64))]
struct Bucket([AtomicU64; WAYS]);

/// The key holds as many as it may.
struct AtCap;

impl Counts {
    fn new(slots: usize) -> Self {
        let slots = slots.clamp(WAYS, SLOTS_MAX).next_power_of_two();
        Self { buckets: std::iter::repeat_with(Bucket::default).take(slots / WAYS).collect() }
    }

    /// Counts one more, and says in which cell; `None` when there is no room for the key.
    fn add(&self, hash: u64, cap: u64) -> Result<Option<u32>, AtCap> {
        #[expect(clippy::cast_possible_truncation, reason = "cut to the number of buckets right away")]
        let index = hash as usize & (self.buckets.len() - 1);
        let fingerprint = hash & !COUNT_MAX;
        let bucket = &self.buckets[index].0;
        for _ in 0..TRIES_MAX {
            let mut words = [0; WAYS];
            for (word, cell) in words.iter_mut().zip(bucket) {
                *word = cell.load(Ordering::Relaxed);
            }
            let own = words.iter().position(|word| word & !COUNT_MAX == fingerprint && word & COUNT_MAX > 0);
            let Some(way) = own.or_else(|| words.iter().position(|word| word & COUNT_MAX == 0)) else {
                return Ok(None);
            };
            let count = if own.is_some() { words[way] & COUNT_MAX } else { 0 };
            if count >= cap {
                return Err(AtCap);
            }
            let next = fingerprint | (count + 1);
            if bucket[way].compare_exchange(words[way], next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                let cell = u32::try_from(index * WAYS + way).expect("fewer than 2²⁶ cells");
                return Ok(Some(cell));
            }
        }
        Ok(None)
    }

    /// Only for a cell that [`Counts::add`] returned: until then its count is above zero, so it has not changed hands.
    fn remove(&self, cell: u32) {
        let cell = usize::try_from(cell).expect("an index into this table");
        self.buckets[cell / WAYS].0[cell % WAYS].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
