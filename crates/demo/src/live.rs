//! What happens at this moment, for the narration.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters that the worlds' threads write and the narrator reads.
#[derive(Debug, Default)]
pub struct Live {
    pub(crate) customers_ok: AtomicU64,
    pub(crate) customers_failed: AtomicU64,
    pub(crate) visitors_ok: AtomicU64,
    pub(crate) visitors_failed: AtomicU64,
    pub(crate) logins_ok: AtomicU64,
    pub(crate) logins_failed: AtomicU64,
    pub(crate) attack_sent: AtomicU64,
    pub(crate) attack_late: AtomicU64,
    pub(crate) attack_ok: AtomicU64,
    pub(crate) attack_refused: AtomicU64,
}

/// The counters at one moment, or the difference of two.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// Attempts of customers that succeeded.
    pub customers_ok: u64,
    /// Attempts of customers that failed.
    pub customers_failed: u64,
    /// Attempts of unknown visitors that succeeded.
    pub visitors_ok: u64,
    /// Attempts of unknown visitors that failed.
    pub visitors_failed: u64,
    /// Logins from new addresses that succeeded.
    pub logins_ok: u64,
    /// Logins from new addresses that failed.
    pub logins_failed: u64,
    /// Requests that the attack sent.
    pub attack_sent: u64,
    /// Requests that were due but could not be sent, because their connection was still busy.
    pub attack_late: u64,
    /// Pages that the attack received.
    pub attack_ok: u64,
    /// Requests of the attack that were refused or broke off.
    pub attack_refused: u64,
}

impl Live {
    /// The counters now.
    pub fn moment(&self) -> Moment {
        Moment {
            customers_ok: self.customers_ok.load(Relaxed),
            customers_failed: self.customers_failed.load(Relaxed),
            visitors_ok: self.visitors_ok.load(Relaxed),
            visitors_failed: self.visitors_failed.load(Relaxed),
            logins_ok: self.logins_ok.load(Relaxed),
            logins_failed: self.logins_failed.load(Relaxed),
            attack_sent: self.attack_sent.load(Relaxed),
            attack_late: self.attack_late.load(Relaxed),
            attack_ok: self.attack_ok.load(Relaxed),
            attack_refused: self.attack_refused.load(Relaxed),
        }
    }
}

impl Moment {
    /// What happened between `before` and this.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            customers_ok: self.customers_ok - before.customers_ok,
            customers_failed: self.customers_failed - before.customers_failed,
            visitors_ok: self.visitors_ok - before.visitors_ok,
            visitors_failed: self.visitors_failed - before.visitors_failed,
            logins_ok: self.logins_ok - before.logins_ok,
            logins_failed: self.logins_failed - before.logins_failed,
            attack_sent: self.attack_sent - before.attack_sent,
            attack_late: self.attack_late - before.attack_late,
            attack_ok: self.attack_ok - before.attack_ok,
            attack_refused: self.attack_refused - before.attack_refused,
        }
    }
}
