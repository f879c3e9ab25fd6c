//! How many WebSockets each client has open (decision-science, section 9).

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use admission::site::Identity;
use model::{Net, PassId};

use crate::subject::Subject;
use crate::worker::Worker;

/// Those of all workers. It has an entry for whoever has one open, so it is bounded by the connections.
#[derive(Default)]
pub(crate) struct WebSockets {
    open: Mutex<HashMap<Owner, u32>>,
    all: AtomicU32,
}

/// For whom they are counted together.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Owner {
    /// A known client.
    Pass(PassId),
    /// Unknown clients: an IPv4 address or an IPv6 /64.
    Address(Net),
}

impl Owner {
    /// Of a client at an address; `None` for whoever is known otherwise than by a pass, as partners and admins are, and for whom a
    /// front does not name.
    pub(crate) fn of(identity: &Identity, address: Option<IpAddr>) -> Option<Self> {
        match identity.pass_of_known() {
            Some(pass) => Some(Self::Pass(pass)),
            None if identity.tier().is_known() => None,
            None => address.map(Net::address).map(Self::Address),
        }
    }

    /// How many it may have open before it gets no more while limits refuse; `people` share an unknown client's network.
    pub(crate) const fn most(self, people: u32) -> u32 {
        match self {
            Self::Pass(_) => OF_A_PASS,
            Self::Address(_) => OF_AN_ADDRESS.saturating_mul(people),
        }
    }
}

impl WebSockets {
    /// How many one client has open.
    pub(crate) fn open(&self, owner: Owner) -> u32 {
        self.lock().get(&owner).copied().unwrap_or(0)
    }

    /// Whether all together have so large a share of the connection slots that a client gets no other while limits refuse.
    pub(crate) fn are_too_many(&self, slots: u32, for_known: bool) -> bool {
        let percent = if for_known { SLOTS_PERCENT_KNOWN } else { SLOTS_PERCENT };
        u64::from(self.all.load(Relaxed)) * 100 >= u64::from(slots) * percent
    }

    fn add(&self, owner: Owner) {
        *self.lock().entry(owner).or_default() += 1;
        self.all.fetch_add(1, Relaxed);
    }

    fn remove(&self, owner: Owner) {
        let mut open = self.lock();
        if let Some(count) = open.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                open.remove(&owner);
            }
            self.all.fetch_sub(1, Relaxed);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Owner, u32>> {
        // Nothing between lock and unlock panics.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's WebSocket, counted from when it is asked for until it ends.
pub(crate) struct WebSocketSeat {
    worker: Rc<Worker>,
    owner: Owner,
}

impl WebSocketSeat {
    /// `None` for whom [`Owner::of`] has no name.
    pub(crate) fn take(worker: &Rc<Worker>, subject: &Subject) -> Option<Box<Self>> {
        let owner = Owner::of(&subject.identity, subject.address)?;
        worker.shared().sockets.add(owner);
        Some(Box::new(Self { worker: worker.clone(), owner }))
    }
}

impl Drop for WebSocketSeat {
    fn drop(&mut self) {
        self.worker.shared().sockets.remove(self.owner);
    }
}

const OF_A_PASS: u32 = 16;
const OF_AN_ADDRESS: u32 = 2;
const SLOTS_PERCENT: u64 = 30;
/// An app whose customers keep a WebSocket each is what the gate is for; requests need slots too.
const SLOTS_PERCENT_KNOWN: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_is_counted_by_itself_and_forgotten_with_its_last() {
        let sockets = WebSockets::default();
        let (one, other) = (Owner::Pass(PassId(1)), Owner::Pass(PassId(2)));
        (0..3).for_each(|_| sockets.add(one));
        sockets.add(other);
        assert_eq!([sockets.open(one), sockets.open(other)], [3, 1]);
        assert!(sockets.are_too_many(13, false) && !sockets.are_too_many(14, false));
        assert!(sockets.are_too_many(6, true) && !sockets.are_too_many(7, true));
        (0..3).for_each(|_| sockets.remove(one));
        sockets.remove(one);
        assert_eq!([sockets.open(one), sockets.open(other)], [0, 1]);
        assert_eq!(sockets.lock().len(), 1);
        assert!(!sockets.are_too_many(4, false), "a quarter");
    }

    #[test]
    fn strangers_of_one_address_share_and_people_who_share_it_count() {
        let stranger = |address: &str| Owner::of(&Identity::unjudged(), address.parse().ok()).unwrap();
        assert_eq!(stranger("2001:db8::1"), stranger("2001:db8::2"));
        assert_ne!(stranger("192.0.2.1"), stranger("192.0.2.2"));
        assert_eq!([stranger("192.0.2.1").most(1), stranger("192.0.2.1").most(8)], [2, 16]);
    }
}
