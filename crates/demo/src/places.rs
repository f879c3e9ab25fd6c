//! Who lives where on the loopback network.

use std::net::Ipv4Addr;

/// Networks (/24) that the attack comes from.
pub(crate) const ATTACK_NETWORKS: u32 = 1_024;
/// Attacking addresses in each of them.
pub(crate) const BOTS_PER_NETWORK: u32 = 4;
/// Attacking addresses in all.
pub(crate) const BOTS: u32 = ATTACK_NETWORKS * BOTS_PER_NETWORK;

/// The address of an attacker: 127.32.0.0/14, four to a /24.
pub(crate) fn bot(index: u32) -> Ipv4Addr {
    let network = index / BOTS_PER_NETWORK % ATTACK_NETWORKS;
    in_network(32, network, 10 + index % BOTS_PER_NETWORK * 50)
}

/// Networks (/24) that visitors come from: as few as make most of the visits to a small shop, so that a short evening shows them.
const VISITORS_NETWORKS: u32 = 160;

/// The address of a visitor, who is no customer: 7,680 people in 160 networks, a quarter of which are attacked from.
pub(crate) fn visitor(person: u32) -> Ipv4Addr {
    among_visitors(person, 112 + person / VISITORS_NETWORKS % 48)
}

/// The address of an attacker that hides among visitors.
pub(crate) fn disguised(index: u32) -> Ipv4Addr {
    among_visitors(index, 20 + index / VISITORS_NETWORKS)
}

fn among_visitors(index: u32, host: u32) -> Ipv4Addr {
    let network = index % VISITORS_NETWORKS;
    let base = if network.is_multiple_of(4) { 32 } else { 96 };
    in_network(base, network * 6, host)
}

/// The home of a person: one in four lives inside an attacked /24, the others in 127.64.0.0/12, two to a /24.
pub(crate) fn home(person: u32) -> Ipv4Addr {
    if person.is_multiple_of(4) {
        in_network(32, person / 4 % ATTACK_NETWORKS, 100 + person / 4 / ATTACK_NETWORKS % 100)
    } else {
        in_network(64, person / 2 % 4_096, 20 + person % 2 * 100 + person / 8_192 % 50)
    }
}

/// An address that the person has never had before; one in four is inside an attacked /24.
pub(crate) fn elsewhere(visit: u32) -> Ipv4Addr {
    if visit.is_multiple_of(4) {
        in_network(32, visit.wrapping_mul(2_654_435_761) % ATTACK_NETWORKS, 210 + visit / 4 % 40)
    } else {
        in_network(80, visit % 4_096, 20 + visit / 4_096 % 200)
    }
}

/// Host `host` of the `network`th /24 above 127.`base`.0.0.
fn in_network(base: u32, network: u32, host: u32) -> Ipv4Addr {
    let octet = |value: u32| u8::try_from(value & 0xFF).unwrap_or(0);
    Ipv4Addr::new(127, octet(base + network / 256), octet(network), octet(host))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_attack_comes_from_enough_places_and_a_quarter_of_people_live_among_it() {
        let network = |address: Ipv4Addr| address.octets()[..3].to_vec();
        let bots: BTreeSet<_> = (0..BOTS).map(bot).collect();
        let networks: BTreeSet<_> = bots.iter().copied().map(network).collect();
        assert!(bots.len() >= 4_000 && networks.len() >= 1_000);
        let among = (0..4_000).filter(|&person| networks.contains(&network(home(person)))).count();
        assert_eq!(among, 1_000);
        assert!((0..4_000).all(|person| !bots.contains(&home(person)) && !bots.contains(&elsewhere(person))));
        assert!(bots.iter().all(|address| address.is_loopback() && address.octets()[1] != 0));
    }

    #[test]
    fn attackers_in_disguise_live_where_visitors_live() {
        let network = |address: &Ipv4Addr| address.octets()[..3].to_vec();
        let networks =
            |addresses: &BTreeSet<Ipv4Addr>| addresses.iter().map(network).collect::<BTreeSet<_>>();
        let visitors: BTreeSet<_> = (0..7_680).map(visitor).collect();
        let hidden: BTreeSet<_> = (0..BOTS).map(disguised).collect();
        let others: BTreeSet<_> = (0..BOTS).map(bot).chain((0..4_000).map(home)).collect();
        assert_eq!((visitors.len(), hidden.len()), (7_680, 4_096));
        assert_eq!(networks(&visitors), networks(&hidden));
        assert_eq!(networks(&visitors).len(), 160);
        assert!(
            visitors.is_disjoint(&hidden) && hidden.is_disjoint(&others) && visitors.is_disjoint(&others)
        );
        assert!(visitors.union(&hidden).all(Ipv4Addr::is_loopback));
    }
}
