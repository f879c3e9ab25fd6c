//! Who connects, before anything is read; and tables that others look into.

use std::net::IpAddr;

use model::{Instant, Mode, Net};

use super::Site;
use crate::caps::{CapRefused, ConnectionTable, Ticket};
use crate::crawlers::Crawlers;
use crate::partners::Partners;

impl Site {
    /// The connection table.
    pub fn connections(&self) -> &ConnectionTable {
        &self.connections
    }

    /// Takes a slot in the connection table for a peer. A network in which known clients were seen counts as a hint.
    ///
    /// # Errors
    /// See [`CapRefused`].
    pub fn open_connection(&self, address: IpAddr, front: bool) -> Result<Ticket, CapRefused> {
        if front {
            return Ok(self.connections.open_front());
        }
        let (network, time) = (Net::network(address), self.pass_time());
        let hinted = self.nat.is_hinted(network, time);
        self.connections.open(address, hinted, self.nat.factor(network, time))
    }

    /// How many people share an address's network at least, as far as passes show: limits of its clients are so many times as high.
    pub fn people_at(&self, address: IpAddr) -> u32 {
        self.nat.factor(Net::network(address), self.pass_time())
    }

    /// Whether an admin denied an address and that is to be obeyed now.
    pub fn denies(&self, address: IpAddr) -> bool {
        self.denied.holds(address) && self.mode() != Mode::Observe && !self.is_bypassed()
    }

    /// Counts a TLS handshake that a peer wants to begin. `None` when it is to be refused: an admin denied the address, or it
    /// begins too many while it is not calm. Else whether customers were seen in its network.
    pub fn begin_handshake(&self, address: IpAddr, front: bool, now: Instant) -> Option<bool> {
        let (network, time) = (Net::network(address), self.pass_time());
        let hinted = self.nat.is_hinted(network, time);
        if front || self.mode() == Mode::Observe || self.is_bypassed() {
            return Some(true);
        }
        let within = self.handshakes.begin(address, self.nat.factor(network, time), now);
        let refuses = self.denies(address) || !(within || self.is_calm());
        (!refuses).then_some(hinted)
    }

    /// See [`crate::handshakes::Handshakes::counts_as_return`].
    pub fn counts_as_return(&self, ticket: &[u8], now: Instant) -> bool {
        self.handshakes.counts_as_return(ticket, now)
    }

    /// Partners, and what each has in service.
    pub fn partners(&self) -> &Partners {
        &self.partners
    }

    /// Crawlers, and what is known of their addresses.
    pub fn crawlers(&self) -> &Crawlers {
        &self.crawlers
    }
}
