//! What the decision core leaves on disk: recordings of its steps, and what the next start goes on with.
//!
//! ```text
//!  ticker ─ Scribe ─▶ bounded queue ─▶ Writer: encodes, packs ─┬▶ recordings/       segments, a ring
//!                                                              ├▶ core.learnt       at the beginning of each segment
//!                                                              └▶ core.in-force     every ten seconds
//! ```
//!
//! The ticker never waits. What does not fit is counted, and the next thing in the queue is a new segment with a snapshot of its
//! own, so that a gap shows and nothing is wrong.

mod restore;
mod scribe;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admission::core::{Core, Posture, Taken};
use edge_io::Clock;
use journal_io::logs::Events;
use journal_io::recordings::Ring;
use model::{Instant, Timestamp};

use crate::running::StateSettings;
use crate::secrets::Secrets;

pub(crate) use restore::{GoOn, Restored};
pub(crate) use scribe::Scribe;
pub(crate) use writer::{Place, Writer};

/// What the ticker tells the writer.
enum Note {
    /// A segment begins.
    Begin { core: Box<Core>, next: u64, lost: u64, at: Instant, wall: Timestamp },
    /// A step was taken.
    Step { number: u64, taken: Arc<Taken> },
    /// What is in force.
    InForce { posture: Box<Posture>, at: Instant, wall: Timestamp },
    /// The last one: what the next start goes on with.
    End { core: Box<Core>, posture: Box<Posture>, at: Instant, wall: Timestamp },
    /// Write what waits, and say when it is there.
    Flush(SyncSender<()>),
}

/// What the ticker, the writer and whoever asks count together.
#[derive(Debug, Default)]
struct Counts {
    /// Notes in the queue.
    waiting: AtomicUsize,
    /// Steps that are missing from recordings.
    lost: AtomicU64,
}

/// The writing thread of one gate.
pub(crate) struct Memory {
    /// Nothing once it is to end.
    notes: Mutex<Option<SyncSender<Note>>>,
    counts: Arc<Counts>,
    retired: Arc<AtomicBool>,
    ended: Mutex<Receiver<()>>,
}

impl Memory {
    /// For a gate with a state folder. Without a folder for recordings it runs all the same.
    pub(crate) fn of_state(
        state: &StateSettings,
        secrets: &Secrets,
        events: &Arc<Events>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        let StateSettings { folder, recordings, .. } = state;
        let ring = (recordings.quota_bytes > 0).then(|| Ring::open(folder, recordings.clone())).transpose();
        let ring = ring.inspect_err(|error| events.error(format_args!("{error}"))).unwrap_or_default();
        let place = Place::State { ring, folder: folder.clone() };
        Self::start(Writer::new(secrets, place, Some(events.clone()), clock.wall()))
    }

    /// Starts the thread. It ends after [`Scribe`] and this are gone.
    pub(crate) fn start(writer: Writer) -> std::io::Result<Self> {
        let (notes, queue) = sync_channel(NOTES_MAX);
        let (counts, retired) = (writer.counts(), writer.retired());
        let (end, ended) = sync_channel(1);
        std::thread::Builder::new().name("memory".to_owned()).spawn(move || {
            writer.run(&queue);
            // Whoever waited may have lost patience.
            end.try_send(()).ok();
        })?;
        Ok(Self { notes: Mutex::new(Some(notes)), counts, retired, ended: Mutex::new(ended) })
    }

    /// The ticker's side; there is one.
    pub(crate) fn scribe(&self, clock: Clock) -> Option<Scribe> {
        let notes = lock(&self.notes).clone()?;
        Some(Scribe::new(notes, self.counts.clone(), clock))
    }

    /// Writes what waits, so that an export holds it. False if that takes too long.
    pub(crate) fn flush(&self) -> bool {
        let Some(notes) = lock(&self.notes).clone() else { return false };
        let (asker, answer) = sync_channel(1);
        self.counts.waiting.fetch_add(1, Relaxed);
        let is_asked = notes.try_send(Note::Flush(asker)).is_ok();
        if !is_asked {
            self.counts.waiting.fetch_sub(1, Relaxed);
        }
        is_asked && answer.recv_timeout(FLUSH_WITHIN).is_ok()
    }

    /// Steps that are missing from recordings since the start: the queue was full, or the disk did not take them.
    pub(crate) fn steps_lost(&self) -> u64 {
        self.counts.lost.load(Relaxed)
    }

    /// A successor writes from now on; what waits is written first.
    pub(crate) fn retire(&self) {
        // A disk that hangs costs the last seconds.
        let _written = self.flush();
        self.retired.store(true, Relaxed);
    }

    /// Waits until all is written; the ticker must have ended. False if that takes too long.
    pub(crate) fn stop(&self) -> bool {
        lock(&self.notes).take();
        lock(&self.ended).recv_timeout(STOP_WITHIN).is_ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two minutes of steps: as long as a disk may hang before a gap shows.
const NOTES_MAX: usize = 256;
const FLUSH_WITHIN: Duration = Duration::from_secs(5);
const STOP_WITHIN: Duration = Duration::from_secs(10);
