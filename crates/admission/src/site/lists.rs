//! Addresses that an admin allowed or denied for a time.

use arc_swap::ArcSwap;
use model::{Prefix, Timestamp};
use std::net::IpAddr;

/// A list of networks, read without a lock and replaced as a whole when it changes.
#[derive(Debug, Default)]
pub struct List(ArcSwap<Vec<Entry>>);

/// One network and how long it stays on the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The network.
    pub prefix: Prefix,
    /// Until when; `None` until it is taken off.
    pub until: Option<Timestamp>,
}

/// Networks that one list holds.
pub const ENTRIES_MAX: usize = 1_000;

/// The list has [`ENTRIES_MAX`] networks already.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("the list holds {ENTRIES_MAX} networks already; take some off, or write wider networks")]
pub struct ListFull;

impl List {
    /// Whether an address is on the list. Entries past their time count until the next [`List::sweep`].
    pub fn holds(&self, address: IpAddr) -> bool {
        let entries = self.0.load();
        !entries.is_empty() && entries.iter().any(|entry| entry.prefix.contains(address))
    }

    /// Puts a network on the list, or changes its time.
    ///
    /// # Errors
    /// [`ListFull`].
    pub fn add(&self, entry: Entry) -> Result<(), ListFull> {
        let mut entries = self.entries();
        entries.retain(|there| there.prefix != entry.prefix);
        if entries.len() >= ENTRIES_MAX {
            return Err(ListFull);
        }
        entries.push(entry);
        entries.sort_by_key(|entry| entry.prefix);
        self.0.store(entries.into());
        Ok(())
    }

    /// Takes a network off; whether it was on.
    pub fn remove(&self, prefix: Prefix) -> bool {
        let mut entries = self.entries();
        let before = entries.len();
        entries.retain(|entry| entry.prefix != prefix);
        let removed = entries.len() < before;
        self.0.store(entries.into());
        removed
    }

    /// Takes entries off whose time is over.
    pub fn sweep(&self, wall: Timestamp) {
        if self.0.load().iter().any(|entry| entry.is_over(wall)) {
            let mut entries = self.entries();
            entries.retain(|entry| !entry.is_over(wall));
            self.0.store(entries.into());
        }
    }

    /// What is on the list, by network.
    pub fn entries(&self) -> Vec<Entry> {
        self.0.load().as_ref().clone()
    }
}

impl Entry {
    fn is_over(&self, wall: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lasts_until_its_time() {
        let list = List::default();
        let prefix: Prefix = "192.0.2.0/24".parse().unwrap();
        list.add(Entry { prefix, until: Some(Timestamp::from_secs(60)) }).unwrap();
        assert!(list.holds("192.0.2.9".parse().unwrap()));
        list.sweep(Timestamp::from_secs(59));
        assert!(list.holds("192.0.2.9".parse().unwrap()));
        list.sweep(Timestamp::from_secs(60));
        assert!(!list.holds("192.0.2.9".parse().unwrap()));
        assert!(!list.remove(prefix));
    }
}
