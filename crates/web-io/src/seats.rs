//! Who gets one of the connections that are allowed at once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use model::Net;

/// The connections of one server, handed out so that no address (IPv4, or an IPv6 /64) shuts others out by opening many.
///
/// Half of all are for addresses that have fewer than [`OF_AN_ADDRESS`]. Of the other half an address may have as many as it leaves
/// free: alone a quarter of all, and whoever comes next half as many. So it takes seventeen addresses to fill a server of 2,048.
///
/// [`OF_AN_ADDRESS`] alone would be simpler, but a CDN or a TLS server on another machine brings all readers from few addresses, and
/// nobody names them to this server.
pub(crate) struct Seats {
    most: usize,
    is_front: fn(IpAddr) -> bool,
    taken: Cell<usize>,
    /// An entry for each address that has a connection now, so there are no more than connections.
    held: RefCell<BTreeMap<Net, usize>>,
}

impl Seats {
    /// So many connections; those of a front, which brings everybody's, are not counted for its address.
    pub(crate) fn new(most: usize, is_front: fn(IpAddr) -> bool) -> Rc<Self> {
        Rc::new(Self { most, is_front, taken: Cell::new(0), held: RefCell::default() })
    }

    /// A connection for somebody at this address, unless all are taken, or the address has its share.
    pub(crate) fn take(self: &Rc<Self>, peer: IpAddr) -> Option<Seat> {
        let free = self.most - self.taken.get();
        if free == 0 {
            return None;
        }
        let address = if (self.is_front)(peer) { None } else { Some(Net::address(peer)) };
        if let Some(address) = address {
            let mut held = self.held.borrow_mut();
            let of_it = held.get(&address).copied().unwrap_or(0);
            let of_the_other_half = free.saturating_sub(self.most / 2);
            if of_it >= of_the_other_half.max(OF_AN_ADDRESS) {
                return None;
            }
            held.insert(address, of_it + 1);
        }
        self.taken.set(self.taken.get() + 1);
        Some(Seat { seats: self.clone(), address })
    }

    fn leave(&self, address: Option<Net>) {
        self.taken.set(self.taken.get() - 1);
        let Some(address) = address else { return };
        let mut held = self.held.borrow_mut();
        let left = held.get(&address).map_or(0, |of_it| of_it - 1);
        if left == 0 {
            held.remove(&address);
        } else {
            held.insert(address, left);
        }
    }
}

/// One of the connections that are allowed at once.
pub(crate) struct Seat {
    seats: Rc<Seats>,
    address: Option<Net>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.leave(self.address);
    }
}

/// Whether it is this machine: a web server that terminates TLS here, the gate before the sample shop, or somebody who can do worse than
/// open connections.
pub(crate) fn is_this_machine(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Connections that an address may have at once, however few are free: for ten people behind the address of an office or a telephone
/// network, whose browsers open six each.
const OF_AN_ADDRESS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS_PAGE: usize = 2_048;

    /// Takes one connection after the other until there is none for this address.
    fn take_all(seats: &Rc<Seats>, peer: &str) -> Vec<Seat> {
        let peer = peer.parse().unwrap();
        std::iter::from_fn(|| seats.take(peer)).collect()
    }

    fn seats(most: usize) -> Rc<Seats> {
        Seats::new(most, is_this_machine)
    }

    #[test]
    fn one_address_alone_gets_a_quarter_and_a_front_beside_it_still_more_than_a_reader() {
        let seats = seats(STATUS_PAGE);
        let greedy = take_all(&seats, "192.0.2.1");
        let front = take_all(&seats, "198.51.100.7");
        assert_eq!((greedy.len(), front.len()), (STATUS_PAGE / 4, STATUS_PAGE / 8));
    }

    #[test]
    fn sixteen_addresses_do_not_fill_a_status_page_whether_one_after_the_other_or_in_turns() {
        let hosts: Vec<String> = (1..=16).map(|host| format!("192.0.2.{host}")).collect();
        let in_sequence = seats(STATUS_PAGE);
        let _taken: Vec<_> = hosts.iter().map(|host| take_all(&in_sequence, host)).collect();
        let in_turns = seats(STATUS_PAGE);
        let all_once = |_| hosts.iter().filter_map(|host| in_turns.take(host.parse().unwrap())).collect();
        let _turns: Vec<Vec<Seat>> = (0..STATUS_PAGE).map(all_once).collect();
        for seats in [in_sequence, in_turns] {
            assert_eq!(take_all(&seats, "198.51.100.7").len(), OF_AN_ADDRESS);
        }
    }

    #[test]
    fn an_address_gets_its_share_while_there_are_any_and_again_once_others_have_left() {
        let seats = seats(100);
        let greedy = take_all(&seats, "192.0.2.1");
        assert_eq!(greedy.len(), OF_AN_ADDRESS);
        let rest = take_all(&seats, "192.0.2.2");
        assert_eq!(rest.len(), 100 - OF_AN_ADDRESS);
        assert!(seats.take("192.0.2.3".parse().unwrap()).is_none(), "all are taken");
        drop(greedy);
        assert_eq!(take_all(&seats, "192.0.2.2").len(), OF_AN_ADDRESS - rest.len());
    }

    #[test]
    fn a_network_of_one_line_is_one_address_and_ipv4_in_ipv6_is_ipv4() {
        let seats = seats(STATUS_PAGE);
        let _line = take_all(&seats, "2001:db8::1");
        assert!(seats.take("2001:db8::ffff:0:0:2".parse().unwrap()).is_none());
        assert!(seats.take("2001:db8:0:1::1".parse().unwrap()).is_some());
        let _mapped = take_all(&seats, "::ffff:192.0.2.1");
        assert!(seats.take("192.0.2.1".parse().unwrap()).is_none());
        assert!(seats.take("::ffff:192.0.2.2".parse().unwrap()).is_some());
    }

    #[test]
    fn this_machine_may_take_all() {
        for own in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            let seats = seats(200);
            assert_eq!(take_all(&seats, own).len(), 200, "{own}");
            assert!(seats.held.borrow().is_empty());
        }
    }

    #[test]
    fn whoever_has_left_is_forgotten() {
        let seats = seats(STATUS_PAGE);
        for host in 0..10_000_u32 {
            let seat = seats.take(IpAddr::V4(host.into()));
            assert_eq!((seat.is_some(), seats.held.borrow().len()), (true, 1));
        }
        let stay: Vec<_> = (0..10_000_u32).filter_map(|host| seats.take(IpAddr::V4(host.into()))).collect();
        assert_eq!((stay.len(), seats.held.borrow().len()), (STATUS_PAGE, STATUS_PAGE));
        drop(stay);
        assert_eq!((seats.taken.get(), seats.held.borrow().len()), (0, 0));
    }
}
