//! Proxies before the gate that no `[[front]]` names. Whoever comes through one has its address, so that a limit of that address
//! is everybody's, and what one client has shown on a connection would count for all (contracts, "Behind fronts"). Its network then
//! counts as one that many people share, and nothing is inherited on its connections.
//!
//! ```text
//! worker   notes from whom requests come that name another client, if nobody has his hand in it
//! ticker   judges once a minute, in calm alone: in a flood each may name whom he likes
//! ```
//!
//! What the gate *does* about it, it does for addresses of private networks alone: whoever attacks from the internet has none, and
//! could else raise his own limits by a header.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admission::nat::Seed;
use arc_swap::ArcSwapOption;
use crossbeam_utils::CachePadded;
use model::{Instant, Net, Outcome, Tier};

use crate::edge::Shared;

/// A proxy, or a few, that most requests come from and that nobody has named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UndeclaredFront {
    /// Its addresses, those with most requests first; 16 at most.
    pub addresses: Vec<IpAddr>,
    /// All of them are in private networks, which count as shared by many people.
    pub is_local: bool,
}

/// What is known of such proxies; shared by all workers.
pub(crate) struct Undeclared {
    baskets: Box<[CachePadded<Mutex<Tally>>]>,
    found: ArcSwapOption<UndeclaredFront>,
}

impl Undeclared {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            baskets: (0..workers).map(|_| CachePadded::default()).collect(),
            found: ArcSwapOption::empty(),
        }
    }

    /// A worker notes a request of a peer that is no front and names a client.
    pub(crate) fn note(&self, worker: usize, peer: IpAddr, named: &[u8]) {
        // The ticker takes what there is once a minute; one request more or less is no matter.
        if let Ok(mut tally) = self.baskets[worker].try_lock() {
            tally.note(peer, named);
        }
    }

    /// Whether a peer is such a proxy in a private network.
    pub(crate) fn is(&self, peer: IpAddr) -> bool {
        is_local(peer)
            && self
                .found
                .load()
                .as_ref()
                .is_some_and(|found| found.is_local && found.addresses.contains(&peer))
    }

    pub(crate) fn found(&self) -> Option<Arc<UndeclaredFront>> {
        self.found.load_full()
    }

    fn take(&self) -> Tally {
        let mut all = Tally::default();
        for basket in &self.baskets {
            let mut held = basket.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(&std::mem::take(&mut *held));
        }
        all
    }
}

/// Looks from the ticker's side.
#[derive(Default)]
pub(crate) struct Watch {
    /// When it began to count, and the requests that were counted until then.
    begun: Option<(Instant, u64)>,
}

impl Watch {
    /// Judges if it is time to; called at each step.
    pub(crate) fn look(&mut self, shared: &Shared, now: Instant) {
        if !shared.settings.fronts.is_empty() {
            return;
        }
        let Some((since, before)) = self.begun.filter(|_| shared.site.learns(now)) else {
            self.begin(shared, now);
            return;
        };
        if now.since(since) < WINDOW {
            return;
        }
        let requests = requests(shared) - before;
        if requests < REQUESTS_MIN {
            return;
        }
        let was_local = shared.undeclared.found().is_some_and(|found| found.is_local);
        let found = shared.undeclared.take().judge(requests, was_local);
        let local = found.iter().filter(|found| found.is_local).flat_map(|found| &found.addresses);
        for address in local {
            // Kept like a network in which many customers were seen: over restarts, and a week when nobody comes through it any more.
            let time = shared.site.pass_time();
            shared.site.nat().seed(Net::network(*address), PEOPLE, Seed::Imported(time));
        }
        shared.undeclared.found.store(found.map(Arc::new));
        self.begin(shared, now);
    }

    /// Whatever was noted is of before.
    fn begin(&mut self, shared: &Shared, now: Instant) {
        let _of_before = shared.undeclared.take();
        self.begun = Some((now, requests(shared)));
    }
}

/// All requests so far.
fn requests(shared: &Shared) -> u64 {
    let of = |tier| {
        Outcome::ALL.map(|outcome| shared.counters.iter().map(|c| c.requests(tier, outcome)).sum::<u64>())
    };
    Tier::ALL.into_iter().flat_map(of).sum()
}

/// Who named other clients, those in private networks by themselves: nobody on the internet can crowd them out.
#[derive(Clone, Debug, Default)]
struct Tally {
    local: Peers,
    others: Peers,
}

impl Tally {
    fn note(&mut self, peer: IpAddr, named: &[u8]) {
        let peers = if is_local(peer) { &mut self.local } else { &mut self.others };
        peers.add(Peer { address: peer, requests: 1, names: bit(named) });
    }

    fn add(&mut self, other: &Self) {
        other.local.0.iter().for_each(|peer| self.local.add(*peer));
        other.others.0.iter().for_each(|peer| self.others.add(*peer));
    }

    /// What it says of so many requests. A proxy in a private network stays one while it names clients, whatever others bring.
    fn judge(&self, requests: u64, was_local: bool) -> Option<UndeclaredFront> {
        let local = Peers(self.local.0.clone()).proxies();
        if was_local && !local.is_empty() {
            return Some(local.front(true));
        }
        let all = Peers(self.local.0.iter().chain(&self.others.0).copied().collect()).proxies();
        [(local, true), (all, false)]
            .into_iter()
            .find(|(peers, _)| 2 * peers.requests() > requests)
            .map(|(peers, is_local)| peers.front(is_local))
    }
}

/// The first that came, [`PEERS_MAX`] of them.
#[derive(Clone, Debug, Default)]
struct Peers(Vec<Peer>);

#[derive(Clone, Copy, Debug)]
struct Peer {
    address: IpAddr,
    requests: u64,
    /// A bit for each client that was named, so that two in sixty-four share one.
    names: u64,
}

impl Peers {
    fn add(&mut self, peer: Peer) {
        if let Some(held) = self.0.iter_mut().find(|held| held.address == peer.address) {
            held.requests += peer.requests;
            held.names |= peer.names;
        } else if self.0.len() < PEERS_MAX {
            self.0.push(peer);
        }
    }

    /// Those that name many clients and bring a part worth naming, those with most requests first.
    fn proxies(mut self) -> Self {
        let least = self.requests() / PEERS_MAX as u64;
        self.0.retain(|peer| peer.names.count_ones() >= NAMES_MIN && peer.requests >= least);
        self.0.sort_by_key(|peer| (Reverse(peer.requests), peer.address));
        self.0.truncate(PEERS_MAX);
        self
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn requests(&self) -> u64 {
        self.0.iter().map(|peer| peer.requests).sum()
    }

    fn front(&self, is_local: bool) -> UndeclaredFront {
        UndeclaredFront { addresses: self.0.iter().map(|peer| peer.address).collect(), is_local }
    }
}

fn bit(named: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    named.hash(&mut hasher);
    1 << (hasher.finish() % 64)
}

/// An address that nobody on the internet has (RFC 1918, 3927, 4193, 4291, 6598).
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// So few addresses bring what a front brings (contracts, "Behind fronts").
const PEERS_MAX: usize = 16;

/// So many that limits of the address are as high as they can be: 64 times those of one person (decision-science, section 4).
const PEOPLE: u32 = 128;

/// "Many forwarded addresses": more than the developers of an office.
const NAMES_MIN: u32 = 8;

/// For how long requests are counted before they are judged.
const WINDOW: Duration = Duration::from_secs(60);

/// And how many there must be; where fewer come, it takes longer.
const REQUESTS_MIN: u64 = 64;
