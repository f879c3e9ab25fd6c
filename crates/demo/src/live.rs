//! What happens at this moment, for the narration.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Who makes an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Signed in to the shop days ago or more.
    Customer,
    /// Unknown, and gone after four seconds.
    Visitor,
    /// Unknown, and waits as it is told, up to a minute.
    Patient,
    /// Signs in at an address that nobody has seen.
    Login,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = 4;
}

/// Counters that the worlds' threads write and the narrator reads.
#[derive(Debug, Default)]
pub(crate) struct Live {
    ok: [AtomicU64; Kind::COUNT],
    failed: [AtomicU64; Kind::COUNT],
    pub(crate) attack_sent: AtomicU64,
    pub(crate) attack_late: AtomicU64,
    pub(crate) attack_ok: AtomicU64,
    pub(crate) attack_refused: AtomicU64,
}

/// The counters at one moment, or the difference of two.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// Attempts that succeeded, by [`Kind`].
    ok: [u64; Kind::COUNT],
    /// Attempts that failed, by [`Kind`].
    failed: [u64; Kind::COUNT],
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
    pub(crate) fn moment(&self) -> Moment {
        let all = |cells: &[AtomicU64; Kind::COUNT]| std::array::from_fn(|at| cells[at].load(Relaxed));
        Moment {
            ok: all(&self.ok),
            failed: all(&self.failed),
            attack_sent: self.attack_sent.load(Relaxed),
            attack_late: self.attack_late.load(Relaxed),
            attack_ok: self.attack_ok.load(Relaxed),
            attack_refused: self.attack_refused.load(Relaxed),
        }
    }

    pub(crate) fn count(&self, kind: Kind, ok: bool) {
        let cells = if ok { &self.ok } else { &self.failed };
        cells[kind as usize].fetch_add(1, Relaxed);
    }
}

impl Moment {
    /// Attempts that succeeded.
    pub const fn ok(&self, kind: Kind) -> u64 {
        self.ok[kind as usize]
    }

    /// Attempts that ended, well or not.
    pub const fn tried(&self, kind: Kind) -> u64 {
        self.ok[kind as usize] + self.failed[kind as usize]
    }

    /// What happened between `before` and this.
    #[must_use]
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            ok: std::array::from_fn(|at| self.ok[at] - before.ok[at]),
            failed: std::array::from_fn(|at| self.failed[at] - before.failed[at]),
            attack_sent: self.attack_sent - before.attack_sent,
            attack_late: self.attack_late - before.attack_late,
            attack_ok: self.attack_ok - before.attack_ok,
            attack_refused: self.attack_refused - before.attack_refused,
        }
    }
}
