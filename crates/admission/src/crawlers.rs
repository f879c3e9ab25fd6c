//! Crawlers: whose name in `User-Agent` counts only together with their address.
//!
//! An address proves a crawler if it lies in ranges that its operator publishes, or if its reverse name is in the operator's
//! domain and leads back to it. Names are looked up elsewhere and told here; until then a crawler is a client like any other.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use model::{Instant, Prefix};

/// One crawler.
#[derive(Clone, Debug)]
pub struct Crawler {
    /// What its `User-Agent` contains, whatever the case.
    pub user_agent: String,
    /// Whether names are looked up to verify it.
    pub by_name: bool,
}

/// All crawlers of a site, with what is known of addresses.
pub struct Crawlers {
    all: Box<[One]>,
    names: Mutex<Names>,
    /// Addresses whose names are to be looked up, with the crawler's place.
    wanted: crossbeam_queue::ArrayQueue<(usize, IpAddr)>,
}

struct One {
    crawler: Crawler,
    ranges: ArcSwap<Ranges>,
}

/// What lookups of names have shown. Addresses that proved to be a crawler's are kept apart: those of impostors, of whom there
/// may be any number, must not push them out.
#[derive(Default)]
struct Names {
    proved: Bounded,
    refuted: Bounded,
}

impl Crawlers {
    pub(crate) fn new(crawlers: &[Crawler]) -> Self {
        let one = |crawler: &Crawler| One { crawler: crawler.clone(), ranges: ArcSwap::default() };
        Self {
            all: crawlers.iter().map(one).collect(),
            names: Mutex::default(),
            wanted: crossbeam_queue::ArrayQueue::new(WANTED_MAX),
        }
    }

    /// Whether a request is from the crawler that its `User-Agent` names. If only a name can tell, it is put down to be looked
    /// up.
    pub(crate) fn verify(&self, user_agent: &[u8], address: IpAddr, now: Instant) -> bool {
        let Some(place) = self.named(user_agent) else { return false };
        let one = &self.all[place];
        if one.ranges.load().contain(address) {
            return true;
        }
        if !one.crawler.by_name {
            return false;
        }
        let (key, mut names) = ((place, address.to_canonical()), self.names());
        if names.proved.holds(key, now) {
            return true;
        }
        // Asked once, it counts as refuted until the answer is there.
        if !names.refuted.holds(key, now) && self.wanted.push(key).is_ok() {
            names.refuted.insert(key, now + ASK_AGAIN_AFTER, REFUTED_MAX);
        }
        false
    }

    /// The ranges that a crawler's operator publishes, in place of those before.
    pub fn set_ranges(&self, place: usize, ranges: &[Prefix]) {
        if let Some(one) = self.all.get(place) {
            one.ranges.store(Ranges::new(ranges).into());
        }
    }

    /// The next address whose name is to be looked up, with the crawler's place.
    pub fn wanted(&self) -> Option<(usize, IpAddr)> {
        self.wanted.pop()
    }

    /// What the names have shown: `None` if nothing, because they could not be had.
    pub fn learn(&self, place: usize, address: IpAddr, verified: Option<bool>, now: Instant) {
        let (key, mut names) = ((place, address.to_canonical()), self.names());
        match verified {
            Some(true) => names.proved.insert(key, now + PROVED_FOR, PROVED_MAX),
            Some(false) => names.refuted.insert(key, now + REFUTED_FOR, REFUTED_MAX),
            None => {}
        }
    }

    fn named(&self, user_agent: &[u8]) -> Option<usize> {
        if self.all.is_empty() {
            return None;
        }
        let text = &user_agent[..user_agent.len().min(USER_AGENT_BYTES_MAX)];
        self.all.iter().position(|one| contains(text, one.crawler.user_agent.as_bytes()))
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Networks as sorted spans of addresses that do not touch: found in a few steps however many there are.
#[derive(Default)]
struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    fn new(prefixes: &[Prefix]) -> Self {
        let mut spans: Vec<(u128, u128)> =
            prefixes.iter().take(RANGES_MAX).map(|&prefix| span(prefix)).collect();
        spans.sort_unstable();
        let mut joined: Vec<(u128, u128)> = Vec::with_capacity(spans.len());
        for (first, last) in spans {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    fn contain(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        let after = self.0.partition_point(|&(first, _)| first <= bits);
        after.checked_sub(1).is_some_and(|at| bits <= self.0[at].1)
    }
}

fn span(prefix: Prefix) -> (u128, u128) {
    let first = bits(prefix.addr());
    let width = if prefix.addr().is_ipv4() { 32 } else { 128 };
    let host_bits = width - u32::from(prefix.length());
    (first, first | 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1))
}

/// IPv4 as IPv6 has it (RFC 4291, section 2.5.5.2).
fn bits(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// What is known of addresses for a while; the oldest make room.
#[derive(Default)]
struct Bounded {
    until: BTreeMap<(usize, IpAddr), Instant>,
    order: VecDeque<(usize, IpAddr)>,
}

impl Bounded {
    fn holds(&self, key: (usize, IpAddr), now: Instant) -> bool {
        self.until.get(&key).is_some_and(|&until| now < until)
    }

    fn insert(&mut self, key: (usize, IpAddr), until: Instant, most: usize) {
        if self.until.insert(key, until).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > most {
            if let Some(oldest) = self.order.pop_front() {
                self.until.remove(&oldest);
            }
        }
    }
}

/// Ranges of one crawler; the largest published list has about 2,000.
pub const RANGES_MAX: usize = 16_384;
const WANTED_MAX: usize = 256;
const PROVED_MAX: usize = 4_096;
const REFUTED_MAX: usize = 8_192;
const PROVED_FOR: Duration = Duration::from_secs(24 * 3_600);
const REFUTED_FOR: Duration = Duration::from_secs(3_600);
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);
const USER_AGENT_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const NOW: Instant = Instant::from_secs(1_000);
    const AGENT: &[u8] = b"Mozilla/5.0 (compatible; Examplebot/2.1; +http://crawler.example/)";

    fn crawlers(by_name: bool) -> Crawlers {
        Crawlers::new(&[Crawler { user_agent: "examplebot".into(), by_name }])
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn neither_name_nor_address_alone_is_a_crawler() {
        let crawlers = crawlers(false);
        crawlers.set_ranges(0, &["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        assert!(crawlers.verify(AGENT, ip("192.0.2.7"), NOW));
        assert!(crawlers.verify(b"EXAMPLEBOT", ip("::ffff:192.0.2.255"), NOW));
        assert!(crawlers.verify(AGENT, ip("2001:db8::1"), NOW));
        assert!(!crawlers.verify(AGENT, ip("192.0.3.0"), NOW));
        assert!(!crawlers.verify(b"Mozilla/5.0", ip("192.0.2.7"), NOW));
        assert_eq!(crawlers.wanted(), None, "no names are looked up for it");
        crawlers.set_ranges(0, &[]);
        assert!(!crawlers.verify(AGENT, ip("192.0.2.7"), NOW));
    }

    #[test]
    fn a_name_proves_for_a_day_and_its_absence_refutes_for_an_hour() {
        let crawlers = crawlers(true);
        let (good, bad) = (ip("192.0.2.1"), ip("198.51.100.1"));
        for address in [good, bad] {
            assert!(!crawlers.verify(AGENT, address, NOW));
            assert!(!crawlers.verify(AGENT, address, NOW), "asked once");
            assert_eq!(crawlers.wanted(), Some((0, address)));
            assert_eq!(crawlers.wanted(), None);
        }
        crawlers.learn(0, good, Some(true), NOW);
        crawlers.learn(0, bad, Some(false), NOW);
        assert!(crawlers.verify(AGENT, good, NOW + Duration::from_secs(86_399)));
        assert!(!crawlers.verify(AGENT, bad, NOW + Duration::from_secs(3_599)));
        assert_eq!(crawlers.wanted(), None);
        assert!(!crawlers.verify(AGENT, good, NOW + Duration::from_secs(86_400)));
        assert_eq!(crawlers.wanted(), Some((0, good)), "looked up again");
    }

    #[test]
    fn a_lookup_that_fails_is_repeated() {
        let crawlers = crawlers(true);
        crawlers.verify(AGENT, ip("192.0.2.1"), NOW);
        crawlers.wanted();
        crawlers.learn(0, ip("192.0.2.1"), None, NOW);
        crawlers.verify(AGENT, ip("192.0.2.1"), NOW + Duration::from_secs(29));
        assert_eq!(crawlers.wanted(), None);
        crawlers.verify(AGENT, ip("192.0.2.1"), NOW + Duration::from_secs(30));
        assert_eq!(crawlers.wanted(), Some((0, ip("192.0.2.1"))));
    }

    #[test]
    fn a_hundred_thousand_impostors_push_no_crawler_out_and_fill_nothing() {
        let crawlers = crawlers(true);
        crawlers.learn(0, ip("192.0.2.1"), Some(true), NOW);
        for number in 0..100_000_u32 {
            let address = IpAddr::V4(Ipv4Addr::from_bits(0x6440_0000 + number));
            crawlers.verify(AGENT, address, NOW);
            crawlers.learn(0, address, Some(false), NOW);
        }
        assert!(crawlers.verify(AGENT, ip("192.0.2.1"), NOW));
        let names = crawlers.names();
        assert_eq!((names.refuted.order.len(), names.refuted.until.len()), (REFUTED_MAX, REFUTED_MAX));
        drop(names);
        assert_eq!(std::iter::from_fn(|| crawlers.wanted()).count(), WANTED_MAX);
    }

    proptest! {
        #[test]
        fn joined_ranges_hold_what_their_networks_hold(
            networks in prop::collection::vec((any::<u32>(), 8_u8..=32), 0..40),
            others in prop::collection::vec(any::<u32>(), 40),
        ) {
            let prefixes: Vec<Prefix> =
                networks.iter().map(|&(bits, len)| Prefix::of(Ipv4Addr::from_bits(bits).into(), len)).collect();
            let ranges = Ranges::new(&prefixes);
            let near = networks.iter().flat_map(|&(bits, _)| [bits, bits.wrapping_add(1), bits ^ 0x100]);
            for bits in near.chain(others) {
                let address = IpAddr::from(Ipv4Addr::from_bits(bits));
                let expected = prefixes.iter().any(|prefix| prefix.contains(address));
                prop_assert_eq!(ranges.contain(address), expected);
            }
        }
    }
}
