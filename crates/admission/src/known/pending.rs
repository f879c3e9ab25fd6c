//! Logins that wait for their proof: a session cookie was set, and within ten minutes it must open a private page.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
    fence,
};
use std::time::Duration;

use model::{AccountId, Instant};

use crate::account::Trace;
use crate::bits::halves;

/// A fixed table of session cookies that a login set. Each belongs to an identity: the first cookie of its chain, for
/// apps that give the cookie a new value on later answers.
pub struct Pending {
    cells: Box<[Cell]>,
    count: AtomicU64,
}

#[derive(Default)]
struct Cell {
    trace: AtomicU64,
    identity: [AtomicU64; 2],
    /// When the login was, in milliseconds; 0 is free. Written last, so that readers can tell half an entry.
    since: AtomicU64,
}

impl Pending {
    /// A table for this many logins within ten minutes, rounded up to a power of two.
    pub fn new(logins: usize) -> Self {
        Self {
            cells: (0..logins.next_power_of_two().max(WAYS)).map(|_| Cell::default()).collect(),
            count: AtomicU64::new(0),
        }
    }

    /// Whether any login has ever waited: while none has, cookies need not be hashed.
    pub fn is_idle(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    /// A login set this cookie. Without room it is forgotten: the client must log in again later.
    pub fn wait(&self, cookie: Trace, identity: AccountId, now: Instant) {
        let cells = self.bucket(cookie);
        let same = cells.iter().find(|cell| cell.trace.load(Relaxed) == cookie.0);
        let free = || cells.iter().find(|cell| is_free(cell.since.load(Relaxed), now));
        let Some(cell) = same.or_else(free) else { return };
        let since = cell.since.load(Relaxed);
        let claimed = cell.since.compare_exchange(since, CHANGING, AcqRel, Relaxed).is_ok();
        if since == CHANGING || !claimed {
            // Somebody else is writing here this very moment.
            return;
        }
        for (cell, half) in cell.identity.iter().zip(halves(identity.0)) {
            cell.store(half, Relaxed);
        }
        cell.trace.store(cookie.0, Relaxed);
        cell.since.store(now.as_millis().max(1), Release);
        self.count.fetch_add(1, Relaxed);
    }

    /// Whose login a cookie belongs to, if it waits for proof.
    pub fn find(&self, cookie: Trace, now: Instant) -> Option<AccountId> {
        let cells = self.bucket(cookie);
        cells.iter().find_map(|cell| {
            let since = cell.since.load(Acquire);
            let trace = cell.trace.load(Relaxed);
            let [high, low] = [0, 1].map(|half| u128::from(cell.identity[half].load(Relaxed)));
            fence(Acquire);
            // The same moment before and after: nobody wrote in between, so the halves belong together.
            let intact = cell.since.load(Relaxed) == since && is_live(since, now);
            (intact && trace == cookie.0).then_some(AccountId(high << 64 | low))
        })
    }

    /// The proof has come.
    pub fn done(&self, cookie: Trace) {
        if let Some(cell) = self.bucket(cookie).iter().find(|cell| cell.trace.load(Relaxed) == cookie.0) {
            let since = cell.since.load(Relaxed);
            if since != CHANGING {
                // Whoever wrote in between has a newer login.
                let _raced = cell.since.compare_exchange(since, 0, Relaxed, Relaxed);
            }
        }
    }

    /// Logins that wait, for a successor: cookie, identity, moment in milliseconds.
    pub(crate) fn rows(&self, now: Instant) -> Vec<u64> {
        let rows = self.cells.iter().filter_map(|cell| {
            let trace = cell.trace.load(Relaxed);
            let identity = self.find(Trace(trace), now)?;
            let [high, low] = halves(identity.0);
            Some([trace, high, low, cell.since.load(Relaxed)])
        });
        rows.flatten().collect()
    }

    /// Goes on with the logins of a predecessor.
    pub(crate) fn take_over(&self, rows: &[[u64; 4]]) {
        for &[trace, high, low, since] in rows.iter().filter(|row| row[3] != CHANGING) {
            let identity = AccountId(u128::from(high) << 64 | u128::from(low));
            self.wait(Trace(trace), identity, Instant::from_millis(since));
        }
    }

    fn bucket(&self, cookie: Trace) -> &[Cell] {
        let buckets = self.cells.len() / WAYS;
        let at = usize::try_from(cookie.0 >> 8).unwrap_or(0) & (buckets - 1);
        &self.cells[at * WAYS..(at + 1) * WAYS]
    }
}

/// A login that waits is no older than ten minutes; a cell that is being written is nobody's.
fn is_live(since: u64, now: Instant) -> bool {
    since != 0 && since != CHANGING && now.since(Instant::from_millis(since)) <= PROOF_WITHIN
}

fn is_free(since: u64, now: Instant) -> bool {
    since != CHANGING && !is_live(since, now)
}

/// Stands for the time of a login while its cell is being written.
const CHANGING: u64 = u64::MAX;
/// Contract: within ten minutes.
const PROOF_WITHIN: Duration = Duration::from_secs(600);
const WAYS: usize = 4;
