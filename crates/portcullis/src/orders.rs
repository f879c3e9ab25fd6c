//! What an admin switched and listed, so that a restart does not undo it (contracts, `ctl`: `bypass` stays until it is
//! switched off).

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use admission::site::{Entry, List, Site};
use journal_io::journal::{Journal, Loaded, Row};
use journal_io::logs::Events;
use model::{Prefix, Timestamp};

use crate::running::SITE;

/// An admin's standing orders: bypass, the enforced share, both lists. Mode and pins are not among them: the one is
/// configured, the others are kept with what is in force.
pub(crate) struct Orders {
    site: Arc<Site>,
    journal: Arc<Journal>,
    /// The enforced share in percent.
    enforced: AtomicU8,
    /// In mode `assist`: an admin has said yes to the incident that goes on.
    allowed: AtomicBool,
    /// Held over a change and until it is kept.
    changing: Mutex<()>,
}

/// A change that is being made; all others wait until it is dropped.
pub(crate) struct Change<'a> {
    orders: &'a Orders,
    _alone: MutexGuard<'a, ()>,
}

impl Orders {
    /// Puts in force again what an earlier process kept, and says so.
    pub(crate) fn resume(
        site: Arc<Site>,
        journal: Arc<Journal>,
        loaded: &Loaded,
        wall: Timestamp,
        events: &Events,
    ) -> Self {
        let kept = String::from_utf8_lossy(loaded.state(SITE, KEY).unwrap_or_default()).into_owned();
        let (enforced, allowed) = (AtomicU8::new(EVERYBODY), AtomicBool::default());
        let orders = Self { site, journal, enforced, allowed, changing: Mutex::default() };
        for order in kept.lines() {
            match orders.obey(order, wall) {
                Some(true) => events.warning(format_args!("in force from before the start: {order}")),
                Some(false) => {}
                None => events.error(format_args!("cannot be read and is not in force any more: {order}")),
            }
        }
        orders
    }

    /// Begins a change. Commands come at the same time, a list is changed by a copy that takes its place, and what is kept is all
    /// that is in force: without this, one command would undo another's change, or keep what was before it.
    pub(crate) fn change(&self) -> Change<'_> {
        // The lock guards no value that a panic could leave half made.
        let alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        Change { orders: self, _alone: alone }
    }

    /// Applies refusals to a share of unknown clients, 5 to 100 %.
    pub(crate) fn enforce(&self, percent: u8) {
        self.site.set_enforced(percent);
        self.enforced.store(percent, Relaxed);
    }

    /// The share of unknown clients that refusals apply to, in percent.
    pub(crate) fn enforced(&self) -> u8 {
        self.enforced.load(Relaxed)
    }

    /// Whether a yes was in force when the process before this one ended, or is since.
    pub(crate) fn is_allowed(&self) -> bool {
        self.allowed.load(Relaxed)
    }

    /// Keeps whether a yes is in force; called once a second with what the gate's last step saw.
    pub(crate) fn note_allowed(&self, is_allowed: bool) {
        if self.is_allowed() != is_allowed {
            let change = self.change();
            self.allowed.store(is_allowed, Relaxed);
            change.keep();
        }
    }

    fn keep(&self) {
        let row = Row::State { site: SITE, key: KEY.into(), value: self.text().into_bytes().into() };
        // State is vital: a full queue drops everything else before it.
        let _queued = self.journal.record(row);
    }

    /// One order a line, as `ctl` takes them; a time is in seconds since 1970.
    fn text(&self) -> String {
        let mut lines = Vec::new();
        if self.site.is_bypassed() {
            lines.push("bypass on".to_owned());
        }
        if self.is_allowed() {
            lines.push("assist yes".to_owned());
        }
        let percent = self.enforced();
        if percent != EVERYBODY {
            lines.push(format!("enforce {percent}"));
        }
        for (word, list) in [("allow", self.site.allowed()), ("deny", self.site.denied())] {
            lines.extend(list.entries().iter().map(|Entry { prefix, until }| match until {
                Some(until) => format!("{word} {prefix} {}", until.as_secs()),
                None => format!("{word} {prefix}"),
            }));
        }
        lines.join("\n")
    }

    /// Whether an order of an earlier process is in force again; `None` if it is none.
    fn obey(&self, order: &str, wall: Timestamp) -> Option<bool> {
        let mut words = order.split(' ');
        match (words.next()?, words.next()?, words.next()) {
            ("bypass", "on", None) => {
                self.site.set_bypass(true);
                Some(true)
            }
            ("enforce", percent, None) => {
                self.enforce(percent.parse().ok()?);
                Some(true)
            }
            // Whether it is in force again is seen where the incident is that it was said to.
            ("assist", "yes", None) => {
                self.allowed.store(true, Relaxed);
                Some(false)
            }
            ("allow", prefix, until) => add(self.site.allowed(), prefix, until, wall),
            ("deny", prefix, until) => add(self.site.denied(), prefix, until, wall),
            _ => None,
        }
    }
}

impl Change<'_> {
    /// Keeps what is in force now.
    pub(crate) fn keep(&self) {
        self.orders.keep();
    }

    /// Keeps what is in force now, with a network on a list as it was put there, or without it (`None`).
    ///
    /// The gate's own steps take off what is over, and know nothing of changes: one that had read the list before this change may have
    /// written it after that. It writes at once what it has read, so by the time that all is kept it has nearly always done so: what
    /// it undid is done again.
    pub(crate) fn keep_listed(&self, list: &List, prefix: Prefix, entry: Option<Entry>) {
        self.keep();
        for _try in 0..TRIES_MAX {
            let there = list.entries().into_iter().find(|there| there.prefix == prefix);
            if there == entry {
                return;
            }
            if let Some(entry) = entry {
                // There was room for it, and nobody else puts something there.
                list.add(entry).ok();
            } else {
                list.remove(prefix);
            }
            self.keep();
        }
    }
}

fn add(list: &List, prefix: &str, until: Option<&str>, wall: Timestamp) -> Option<bool> {
    let prefix: Prefix = prefix.parse().ok()?;
    let until = until.map(|until| until.parse().map(Timestamp::from_secs)).transpose().ok()?;
    if until.is_some_and(|until| until <= wall) {
        return Some(false);
    }
    list.add(Entry { prefix, until }).ok().map(|()| true)
}

const KEY: &str = "orders";
/// How often a change is made again at most. The gate's steps are a tenth of a second apart: twice would be odd already.
const TRIES_MAX: usize = 3;
/// Refusals apply to all unknown clients unless an admin says less.
const EVERYBODY: u8 = 100;

#[cfg(test)]
mod tests;
