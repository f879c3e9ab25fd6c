//! Who the people and their addresses are: nothing but numbers, from which the rest follows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::random::{Random, mix};

/// A sealed pass as the cookie carries it.
pub(super) type PassBytes = [u8; 83];

/// Somebody with a browser, at an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    pub(super) browser: u8,
    pub(super) pass: Option<PassBytes>,
    /// The keyed number that its account's name is made of.
    pub(super) account: u64,
}

/// Where the monitor asks from.
pub(super) const MONITOR: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 4));

/// Where people live: their networks, of which a few hold many people each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Town {
    seed: u64,
    /// Networks in which many people share one address.
    pub(super) shared: u32,
}

impl Town {
    /// A town for so many people.
    pub(super) fn new(seed: u64, people: u64) -> Self {
        let shared = u32::try_from((people / PEOPLE_PER_SHARED).clamp(1, 60_000)).unwrap_or(1);
        Self { seed, shared }
    }

    /// A customer or visitor by number, without a pass.
    pub(super) fn person(&self, number: u32, known: bool) -> Client {
        let draw = mix(self.seed ^ mix(u64::from(number) << 1 | u64::from(known)));
        let place = draw % 100;
        let address = if place < SHARED_PERCENT {
            self.shared_address(draw >> 8)
        } else if place < SHARED_PERCENT + IPV6_PERCENT {
            let high = u16::try_from(number >> 16).unwrap_or(0) | if known { 0x1000 } else { 0x2000 };
            let low = u16::try_from(number & 0xFFFF).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::new(0x2a02, high, low, 1, 0, 0, 0, 0x77))
        } else {
            let first = if known { KNOWN_FIRST } else { UNKNOWN_FIRST };
            IpAddr::V4(Ipv4Addr::from_bits(first + number / 3 * 256 + 10 + number % 3))
        };
        Client { address, browser: browser(draw >> 40), pass: None, account: draw }
    }

    /// An address that was never seen before.
    pub(super) fn newcomer(&self, number: u32) -> Client {
        let draw = mix(self.seed ^ mix(u64::from(number) << 2 | 0x5000_0000_0000_0000));
        let address = IpAddr::V4(Ipv4Addr::from_bits(NEW_FIRST + number % 1_000_000 * 256 + 9));
        Client { address, browser: browser(draw), pass: None, account: draw }
    }

    /// The address of an office.
    pub(super) fn office(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(90, 1, 2, 3))
    }

    /// The one address of a shared network; some have many more people than others.
    fn shared_address(&self, draw: u64) -> IpAddr {
        let spread = (draw & 0xFFFF) as f64 / 65_536.0;
        let network = crate::random::whole(spread * spread * f64::from(self.shared));
        self.shared_network(u32::try_from(network).unwrap_or(0), 7)
    }

    /// A host of a shared network.
    pub(super) fn shared_network(&self, network: u32, host: u8) -> IpAddr {
        let [.., high, low] = (network % self.shared).to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(91, high, low, host))
    }
}

/// The address of a source of an attack over IPv4: four to a /24, and the networks scattered over a quarter of all.
pub(super) fn hostile_address(attack: u16, source: u32) -> IpAddr {
    let network = (source / 4 + u32::from(attack) * 0x0006_1A80).wrapping_mul(SCATTER) % HOSTILE_NETWORKS;
    IpAddr::V4(Ipv4Addr::from_bits(HOSTILE_FIRST + network * 256 + source % 4 + 1))
}

/// The address of a source that takes another network of IPv6 from time to time: four to a /48.
pub(super) fn churning_address(attack: u16, source: u32, generation: u64) -> IpAddr {
    let draw = mix(mix(generation) ^ u64::from(source / 4) ^ u64::from(attack) << 40);
    let segment = |shift: u32| u16::try_from(draw >> shift & 0xFFFF).unwrap_or(0);
    let host = u16::try_from(source % 4).unwrap_or(0);
    IpAddr::V6(Ipv6Addr::new(0x2a0e, segment(0), segment(16), host, 0, 0, 0, 1))
}

/// Somebody whose number is drawn so that some come more often than others.
pub(super) fn popular(random: &mut Random, people: u32) -> u32 {
    let spread = random.unit();
    let number = crate::random::whole(spread * libm::sqrt(spread) * f64::from(people));
    u32::try_from(number).unwrap_or(0).min(people.saturating_sub(1))
}

/// The number of somebody who comes once. They live all over the country.
pub(super) fn never_seen(number: u32) -> u32 {
    u32::try_from(mix(number.into()) & 0xF_FFFF).unwrap_or(0) | NEVER_SEEN
}

/// Some browsers are much more common than others, and so are some builds of each.
fn browser(draw: u64) -> u8 {
    let share = draw % 100;
    let place = SHARES.iter().position(|&upto| share < upto).unwrap_or(0);
    let build = BUILDS.iter().position(|&upto| draw / 100 % 100 < upto).unwrap_or(0);
    u8::try_from(build * SHARES.len() + place).unwrap_or(0)
}

/// People who come once have numbers from here.
const NEVER_SEEN: u32 = 1 << 24;
const SHARED_PERCENT: u64 = 25;
const IPV6_PERCENT: u64 = 20;
const PEOPLE_PER_SHARED: u64 = 200;
/// Cumulated shares of the browsers, in percent.
const SHARES: [u64; 12] = [30, 48, 60, 70, 77, 83, 88, 92, 95, 97, 99, 100];
/// Cumulated shares of the builds of one browser.
const BUILDS: [u64; 8] = [35, 55, 70, 80, 87, 93, 97, 100];
const HOSTILE_FIRST: u32 = 0x0200_0000;
/// Networks of IPv4 from which attacks come, and an odd number that scatters them.
const HOSTILE_NETWORKS: u32 = 1 << 22;
const SCATTER: u32 = 2_654_435_761;
const KNOWN_FIRST: u32 = 0x5000_0000;
const UNKNOWN_FIRST: u32 = 0x7800_0000;
const NEW_FIRST: u32 = 0xB000_0000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::Net;

    use super::*;

    #[test]
    fn four_sources_lie_in_a_network_and_no_customer_in_theirs() {
        let town = Town::new(1, 10_000);
        let hostile: BTreeSet<Net> =
            (0..4_000).map(|source| Net::network(hostile_address(0, source))).collect();
        assert_eq!(hostile.len(), 1_000);
        let people = (0..5_000).flat_map(|number| [town.person(number, true), town.person(number, false)]);
        assert!(people.into_iter().all(|person| !hostile.contains(&Net::network(person.address))));
    }

    #[test]
    fn a_quarter_of_the_people_share_addresses() {
        let town = Town::new(3, 20_000);
        let addresses: Vec<IpAddr> = (0..10_000).map(|number| town.person(number, true).address).collect();
        let shared =
            addresses.iter().filter(|address| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 91));
        assert!((2_300..2_700).contains(&shared.count()));
    }
}
