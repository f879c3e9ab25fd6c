//! How many TLS handshakes a client may begin, and how much of a worker's time they may take (decision-science, section 9).
//!
//! A full handshake costs the gate some hundred times what it costs the client's kernel, so a flood of them is a flood
//! that no request limit sees. Clients that show a ticket cost a tenth and have been here before.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use model::{Instant, Net};

use crate::limits::{Charge, Rate, Table};

/// Handshakes of addresses and networks. Fixed memory, shared by all workers.
pub struct Handshakes {
    table: Table,
    /// Tickets that were shown lately; only those that a gate gave out come here.
    tickets: Table,
}

#[derive(Hash)]
enum Key {
    Address(Net),
    Network(Net),
}

impl Handshakes {
    /// A table under a secret key.
    pub fn new(key: [u8; 16]) -> Self {
        Self { table: Table::new(CELLS, key), tickets: Table::new(TICKETS, key) }
    }

    /// Debts that are not paid, for a successor.
    pub(crate) fn debts(&self, now: Instant) -> Vec<u64> {
        self.table.debts(now)
    }

    /// Notes the debts of a predecessor.
    pub(crate) fn take_over(&self, debts: &[[u64; 2]], now: Instant) {
        self.table.take_over(debts, now);
    }

    /// Whether a client that shows this ticket, which a gate has given out, counts as coming back: eight times at once and once a minute from
    /// then on. Browsers show a ticket once (TLS 1.3) or for the few connections of a visit; who has got one and shows it without
    /// being able to go on from it has a full handshake each time.
    pub fn counts_as_return(&self, ticket: &[u8], now: Instant) -> bool {
        let rate = Rate::per_second(1.0 / 60.0, 8.0);
        !matches!(self.tickets.charge(&ticket, now, 1_000, rate), Charge::Refused { .. })
    }

    /// Counts a handshake: 10 a second (burst 20) of an IPv4 /32 or IPv6 /64, 100 a second (burst 200) of a /24 or /48, both
    /// times the people who share the network. Returns whether that is within both. Without room, as
    /// under a flood of sources, only the share of time limits them.
    pub fn begin(&self, address: IpAddr, nat_factor: u32, now: Instant) -> bool {
        let charge = |key: Key, rate: Rate| {
            !matches!(self.table.charge(&key, now, 1_000, rate.times(nat_factor)), Charge::Refused { .. })
        };
        charge(Key::Address(Net::address(address)), Rate::per_second(10.0, 20.0))
            && charge(Key::Network(Net::network(address)), Rate::per_second(100.0, 200.0))
    }
}

/// The time that one worker may spend on handshakes: 60 % of it, half of which is kept for clients that come back with a
/// ticket, or from networks of customers.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeTime {
    /// Nanoseconds that are left for anybody, and for those who come back.
    left: [i64; 2],
    at: Instant,
}

impl HandshakeTime {
    /// With a full account at `now`.
    pub const fn new(now: Instant) -> Self {
        Self { left: [ACCOUNT_NANOS; 2], at: now }
    }

    /// Whether there is time for another handshake at `now`.
    pub fn has_time(&mut self, comes_back: bool, now: Instant) -> bool {
        let earned = i64::try_from(now.since(self.at).as_nanos()).unwrap_or(i64::MAX) / 10 * 3;
        self.at = self.at.max(now);
        for left in &mut self.left {
            *left = left.saturating_add(earned).min(ACCOUNT_NANOS);
        }
        self.left[0] > 0 || (comes_back && self.left[1] > 0)
    }

    /// A handshake took so much of the worker's processor time. What those who come back need is taken from their own half first.
    pub fn spend(&mut self, comes_back: bool, spent: Duration) {
        let nanos = i64::try_from(spent.as_nanos()).unwrap_or(i64::MAX);
        let half = usize::from(comes_back && self.left[1] > 0);
        self.left[half] = self.left[half].saturating_sub(nanos).max(-ACCOUNT_NANOS);
    }
}

/// Keys that have begun handshakes within the last seconds.
const CELLS: usize = 1 << 16;
/// Tickets shown within the last minutes.
const TICKETS: usize = 1 << 14;
/// What a worker may spend at once: half a second of each half, some thousand handshakes, so that a shop that opens is none.
const ACCOUNT_NANOS: i64 = 500_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_twenty_at_once_and_ten_a_second() {
        let handshakes = Handshakes::new([1; 16]);
        let from: IpAddr = "192.0.2.7".parse().unwrap();
        let mut now = Instant::from_secs(100);
        let count = |n: u32, now| (0..n).filter(|_| handshakes.begin(from, 1, now)).count();
        assert!((20..=21).contains(&count(100, now)));
        now = now + Duration::from_secs(1);
        assert!((10..=11).contains(&count(100, now)));
    }

    #[test]
    fn a_ticket_that_is_shown_again_and_again_does_not_count() {
        let handshakes = Handshakes::new([1; 16]);
        let now = Instant::from_secs(100);
        let count =
            |ticket: &[u8], now| (0..100).filter(|_| handshakes.counts_as_return(ticket, now)).count();
        assert!((8..=9).contains(&count(b"one", now)));
        assert!((8..=9).contains(&count(b"other", now)));
        assert_eq!(count(b"one", now + Duration::from_secs(60)), 1);
    }

    #[test]
    fn a_network_has_two_hundred_and_more_when_people_share_it() {
        let now = Instant::from_secs(100);
        let count = |factor| {
            let handshakes = Handshakes::new([1; 16]);
            (0..255_u8)
                .flat_map(|host| [host; 4])
                .filter(|host| handshakes.begin(IpAddr::from([192, 0, 2, *host]), factor, now))
                .count()
        };
        assert!((200..=201).contains(&count(1)));
        assert!((800..=801).contains(&count(4)));
    }

    #[test]
    fn a_flood_of_new_clients_leaves_time_for_those_who_come_back() {
        let mut time = HandshakeTime::new(Instant::from_secs(100));
        let mut spent = [Duration::ZERO; 2];
        let step = Duration::from_micros(150);
        let mut now = Instant::from_secs(100);
        // Every microsecond of ten seconds somebody wants a handshake of 150 µs, in turns.
        for at in 0..2_000_000_u32 {
            now = now + Duration::from_micros(5);
            let comes_back = at.is_multiple_of(50);
            if time.has_time(comes_back, now) {
                time.spend(comes_back, step);
                spent[usize::from(comes_back)] += step;
            }
        }
        // Half a second at the begin, then 30 % of ten seconds, each.
        let seconds = spent.map(|part| part.as_secs_f64());
        assert!((3.4..3.6).contains(&seconds[0]), "new clients: {spent:?}");
        assert!((3.0..3.6).contains(&seconds[1]), "those who come back: {spent:?}");
    }

    #[test]
    fn a_clock_that_stands_earns_nothing() {
        let now = Instant::from_secs(100);
        let mut time = HandshakeTime::new(now);
        let served = (0..10_000).filter(|_| {
            let has_time = time.has_time(false, now);
            time.spend(false, if has_time { Duration::from_millis(1) } else { Duration::ZERO });
            has_time
        });
        assert_eq!(served.count(), 500);
    }
}
