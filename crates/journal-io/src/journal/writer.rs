//! The one thread that writes the journal.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use model::{AccountId, SiteId, Timestamp};

use super::error::is_full;
use super::rows::{Importance, Row};
use super::store::Store;
use super::upkeep::SweepState;
use crate::ballast::Ballast;
use crate::disk::SpaceProbe;

/// Rows that may wait for the disk: 10,000 in all (contracts, "Privacy, quotas, keys").
///
/// Each importance has places of its own, so history never takes those of a login, and is the first that is lost
/// because it is the last that is written.
const PLACES: [usize; 3] = [6_000, 2_000, 2_000];

/// Requests other than rows that may wait.
const CONTROLS_MAX: usize = 64;

/// How long rows gather before they are written together; a login waits no longer than this.
const GATHER: Duration = Duration::from_millis(100);

/// How often the thread looks for work unasked, and how long it waits before it tries a failed write again.
const LOOK: Duration = Duration::from_millis(500);

/// Less free than this, and a refused write is taken for a full disk rather than for a full quota.
const DISK_SHORT_BYTES: u64 = 16 << 20;

/// What everybody who records shares with the thread.
pub(super) struct Shared {
    queues: [ArrayQueue<Row>; 3],
    controls: ArrayQueue<Control>,
    dropped: [AtomicU64; 3],
    written: AtomicU64,
    sweep_at: AtomicU64,
    is_asleep: AtomicBool,
    is_urgent: AtomicBool,
    is_stopped: AtomicBool,
    is_stuck: AtomicBool,
    trouble: Mutex<Option<String>>,
}

/// What is asked of the thread beside rows.
pub(super) enum Control {
    /// Answer once everything recorded before is written.
    Settle(SyncSender<bool>),
    /// Erase an account, then answer.
    Forget(SiteId, AccountId, SyncSender<bool>),
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            queues: PLACES.map(ArrayQueue::new),
            controls: ArrayQueue::new(CONTROLS_MAX),
            dropped: Default::default(),
            written: AtomicU64::new(0),
            sweep_at: AtomicU64::new(0),
            is_asleep: AtomicBool::new(false),
            is_urgent: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
            is_stuck: AtomicBool::new(false),
            trouble: Mutex::new(None),
        }
    }

    /// Queues a row; false, and counted, when there is no place for it. Never waits.
    pub(super) fn offer(&self, row: Row, thread: &thread::Thread) -> bool {
        let importance = row.importance();
        let is_urgent = row.is_synced();
        let is_taken = self.queues[importance as usize].push(row).is_ok();
        if !is_taken {
            self.drop_rows(importance, 1);
        }
        self.wake(is_urgent, thread);
        is_taken
    }

    /// Counts a row that is not taken at all.
    pub(super) fn refuse(&self, importance: Importance) {
        self.drop_rows(importance, 1);
        self.report(Some("a row for the journal is larger than its limits".to_owned()));
    }

    /// Queues a request; false when too many wait.
    pub(super) fn ask(&self, control: Control, thread: &thread::Thread) -> bool {
        let is_taken = self.controls.push(control).is_ok();
        self.wake(true, thread);
        is_taken
    }

    pub(super) fn sweep(&self, now: Timestamp, thread: &thread::Thread) {
        self.sweep_at.store(now.as_millis(), Ordering::SeqCst);
        self.wake(false, thread);
    }

    pub(super) fn stop(&self, thread: &thread::Thread) {
        self.is_stopped.store(true, Ordering::SeqCst);
        self.wake(true, thread);
    }

    pub(super) fn dropped(&self, importance: Importance) -> u64 {
        self.dropped[importance as usize].load(Ordering::Relaxed)
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Most rows find the thread gathering and cost no system call.
    fn wake(&self, is_urgent: bool, thread: &thread::Thread) {
        if is_urgent {
            self.is_urgent.store(true, Ordering::SeqCst);
        }
        // Pairs with the fence in `wait`: either this sees the thread asleep, or it sees the row.
        fence(Ordering::SeqCst);
        if is_urgent || self.is_asleep.swap(false, Ordering::SeqCst) {
            thread.unpark();
        }
    }

    fn has_work(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
            || self.sweep_at.load(Ordering::SeqCst) != 0
            || !self.controls.is_empty()
            || self.queues.iter().any(|queue| !queue.is_empty())
    }

    fn drop_rows(&self, importance: Importance, rows: u64) {
        self.dropped[importance as usize].fetch_add(rows, Ordering::Relaxed);
    }

    fn report(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// The thread's own state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    store: Store,
    ballast: Ballast,
    space: SpaceProbe,
    folder: PathBuf,
    sweep_state: SweepState,
    /// Rows taken from the queues and not yet written; while the disk is full, at most those of [`PLACES`].
    pending: VecDeque<Row>,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        store: Store,
        ballast: Ballast,
        space: SpaceProbe,
        folder: &Path,
        sweep_state: SweepState,
    ) -> Self {
        let (folder, pending) = (folder.to_owned(), VecDeque::new());
        Self { shared, store, ballast, space, folder, sweep_state, pending }
    }

    /// Writes until it is stopped; what is queued by then is written before it returns.
    pub(super) fn run(mut self) {
        self.restore_ballast();
        loop {
            self.wait();
            let is_last = self.shared.is_stopped.load(Ordering::SeqCst);
            // Asked before the queues are emptied, so "everything recorded before" is in this round.
            let controls: Vec<_> =
                std::iter::from_fn(|| self.shared.controls.pop()).take(CONTROLS_MAX).collect();
            self.take_rows();
            self.write_pending();
            for control in controls {
                self.obey(control);
            }
            self.sweep();
            if is_last {
                return;
            }
        }
    }

    /// Sleeps until there is work, then lets rows gather, unless something is urgent.
    fn wait(&self) {
        self.shared.is_asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // A stuck write is tried again after the pause, however many rows arrive meanwhile.
        let is_stuck = !self.pending.is_empty() && !self.shared.is_stopped.load(Ordering::SeqCst);
        if is_stuck || !self.shared.has_work() {
            thread::park_timeout(LOOK);
        }
        self.shared.is_asleep.store(false, Ordering::SeqCst);
        let is_idle = !self.shared.has_work();
        if !is_idle && !self.shared.is_urgent.swap(false, Ordering::SeqCst) {
            thread::park_timeout(GATHER);
            self.shared.is_urgent.store(false, Ordering::SeqCst);
        }
    }

    /// Empties the queues, the most important first; each at most as deep as it is, whatever arrives meanwhile.
    fn take_rows(&mut self) {
        let room = PLACES.iter().sum::<usize>().saturating_sub(self.pending.len());
        let shared = &self.shared;
        let rows = shared
            .queues
            .iter()
            .flat_map(|queue| std::iter::from_fn(|| queue.pop()).take(queue.capacity()))
            .take(room);
        self.pending.extend(rows);
    }

    fn write_pending(&mut self) {
        while !self.pending.is_empty() {
            if !self.store.checkpoint() {
                return self
                    .shed("a reader holds the journal's log; logins and acts wait in memory until it ends");
            }
            let rows = self.store.fitting_rows(&self.pending);
            match self.write_front(rows) {
                Ok(()) => {
                    self.pending.drain(..rows);
                    self.shared.written.fetch_add(rows as u64, Ordering::Relaxed);
                }
                Err(error) => return self.keep_vital(&error),
            }
        }
        if self.shared.is_stuck.swap(false, Ordering::Relaxed) {
            self.shared.report(None);
        }
    }

    /// Writes the first rows in one transaction; makes room once if there is none.
    fn write_front(&mut self, rows: usize) -> rusqlite::Result<()> {
        let front = &self.pending.make_contiguous()[..rows];
        match self.store.write(front) {
            Err(error) if is_full(&error) => {
                self.make_room();
                self.store.write(&self.pending.make_contiguous()[..rows])
            }
            Err(error) if is_of_a_row(&error) => {
                self.write_each(rows);
                Ok(())
            }
            written => written,
        }
    }

    /// One row that the database refuses must not hold up the others.
    fn write_each(&mut self, rows: usize) {
        for row in &self.pending.make_contiguous()[..rows] {
            if let Err(error) = self.store.write(std::slice::from_ref(row)) {
                self.shared.drop_rows(row.importance(), 1);
                self.shared.report(Some(format!("the journal left out a row: {error}")));
            }
        }
    }

    /// The disk or the quota is full: the ballast makes room on the disk, old history within the quota.
    fn make_room(&mut self) {
        let is_disk_short =
            (self.space)(&self.folder).map_or(true, |space| space.free_bytes < DISK_SHORT_BYTES);
        let has_given_up = is_disk_short && self.ballast.give_up();
        if !has_given_up && let Err(error) = self.store.trim(true) {
            self.shared.report(Some(format!("the journal could not make room: {error}")));
        }
    }

    /// A write failed for good: vital rows stay for another try, the rest goes, so that memory stays bounded.
    fn keep_vital(&mut self, error: &rusqlite::Error) {
        self.shed(&format!("the journal cannot be written ({error}); logins and acts wait in memory"));
    }

    fn shed(&mut self, trouble: &str) {
        let shared = &self.shared;
        let mut vital = 0;
        self.pending.retain(|row| {
            let importance = row.importance();
            vital += usize::from(importance == Importance::Vital);
            let is_kept = importance == Importance::Vital && vital <= PLACES[0];
            if !is_kept {
                shared.drop_rows(importance, 1);
            }
            is_kept
        });
        self.shared.is_stuck.store(true, Ordering::Relaxed);
        self.shared.report(Some(trouble.to_owned()));
    }

    fn obey(&mut self, control: Control) {
        let (is_done, asker) = match control {
            Control::Settle(asker) => (self.pending.is_empty(), asker),
            Control::Forget(site, account, asker) => {
                let erased = self.pending.is_empty().then(|| self.store.forget(site, account));
                if let Some(Err(error)) = &erased {
                    self.shared.report(Some(format!("the journal could not erase an account: {error}")));
                }
                (matches!(erased, Some(Ok(true))), asker)
            }
        };
        // Whoever asked may have stopped waiting.
        asker.try_send(is_done).ok();
    }

    fn sweep(&mut self) {
        let at = self.shared.sweep_at.swap(0, Ordering::SeqCst);
        if at == 0 || !self.store.checkpoint() {
            return;
        }
        if let Err(error) = self.store.sweep(Timestamp::from_millis(at), &mut self.sweep_state) {
            self.shared.report(Some(format!("the journal could not be tidied: {error}")));
        }
        self.restore_ballast();
    }

    fn restore_ballast(&mut self) {
        let restored: io::Result<()> =
            (self.space)(&self.folder).and_then(|space| self.ballast.restore(space));
        if let Err(error) = restored {
            self.shared.report(Some(format!("no room could be set aside for a full disk: {error}")));
        }
    }
}

/// Whether the database refuses one row for what it holds, rather than all rows for the state of the disk.
fn is_of_a_row(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    !matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory
        )
    )
}
