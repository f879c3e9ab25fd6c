//! The journal: what the gate remembers over a restart, in one SQLite file with one writer.

mod backup;
mod error;
mod load;
mod read;
mod rows;
mod schema;
mod store;
mod subscribers;
#[cfg(test)]
mod tests;
mod upkeep;
mod write;
mod writer;

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use model::{AccountId, SiteId, Timestamp};

pub use backup::{BackupError, Checked};
pub use error::JournalError;
pub use load::Loaded;
pub use read::{Dimension, LoginSeen, Reader, RefusedTotal, SampledNetworks, SampledTotal, Window};
pub use rows::{
    ACT_BYTES_MAX, ADDRESS_BYTES_MAX, ActRow, AttemptRow, CHOSEN_BYTES_MAX, DELIVERY_BYTES_MAX,
    DELIVERY_KEY_BYTES_MAX, DeliveryRow, INCIDENT_BYTES_MAX, INCIDENTS_TOGETHER_MAX, Importance, IncidentRow,
    LoginRow, NETWORK_BITMAP_BYTES_MAX, NEWS_BYTES_MAX, NetworkRow, NewsRow, PATH_BYTES_MAX, PassRow,
    PathRow, RefusedRow, Row, SAMPLES_AN_HOUR_MAX, SORTS_AN_HOUR_MAX, STATE_KEY_BYTES_MAX,
    STATE_VALUE_BYTES_MAX, SampleRow, SubscriberRow, TokenRow, ToldRow,
};

use crate::ballast::Ballast;
use crate::disk::{self, Space, SpaceProbe};
use store::Store;
use upkeep::SweepState;
use writer::{Control, Shared, Writer};

/// How the journal is kept.
#[derive(Clone)]
pub struct JournalSettings {
    /// The database with its log is never larger, in bytes. Default 256 MiB; at least [`QUOTA_BYTES_MIN`].
    pub quota_bytes: u64,
    /// Bytes set aside for a full disk. Default 32 MiB.
    pub ballast_bytes: u64,
    /// Asks how much room there is.
    pub space: SpaceProbe,
    /// How long what is about people is kept.
    pub ages: Ages,
}

/// How long the journal keeps what is about people, at most (contracts, "Privacy"). What is older goes with the next sweep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ages {
    /// Hashes of whole addresses. Default and most a day.
    pub addresses: Duration,
    /// Sign-ins, networks and what was refused. Default and most 30 days.
    pub history: Duration,
}

impl Ages {
    const LONGEST: Self =
        Self { addresses: Duration::from_hours(24), history: Duration::from_hours(24 * 30) };

    fn bounded(self) -> Self {
        Self {
            addresses: self.addresses.min(Self::LONGEST.addresses),
            history: self.history.min(Self::LONGEST.history),
        }
    }
}

impl Default for Ages {
    fn default() -> Self {
        Self::LONGEST
    }
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            quota_bytes: 256 << 20,
            ballast_bytes: Ballast::BYTES,
            space: Space::probe(),
            ages: Ages::default(),
        }
    }
}

/// The smallest quota that a journal works in, in bytes; a smaller setting counts as this.
pub const QUOTA_BYTES_MIN: u64 = 1 << 20;

/// How the journal is doing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct JournalHealth {
    /// Rows written since the start.
    pub written_rows: u64,
    /// Rows lost since the start, for want of room or because they were larger than their limits, by [`Importance`].
    pub dropped_rows: [u64; 3],
    /// Whether writing fails at present; logins and acts wait in memory meanwhile.
    pub is_stuck: bool,
    /// The last trouble, in words for the log.
    pub trouble: Option<String>,
}

/// The writing side. Recording never waits; dropping it writes what is queued.
pub struct Journal {
    shared: Arc<Shared>,
    thread: Thread,
    /// Behind a lock only so that the whole can be shared between threads; looked at once, at the end.
    ended: Mutex<Receiver<()>>,
    // Held for as long as this process writes; the kernel lets go of it even after kill -9.
    lock: File,
}

impl Journal {
    /// The database's name in the state folder.
    pub const FILE: &'static str = "journal.db";

    /// Opens the journal of a state folder, or begins one, and reads what the gate needs to know.
    ///
    /// A damaged file is moved aside; [`Loaded::notices`] then says so.
    pub fn open(folder: &Path, settings: JournalSettings) -> Result<(Self, Loaded), JournalError> {
        Self::open_with(folder, settings, None)
    }

    /// As [`Journal::open`], for a process that takes the place of another: `lock` is what that one's [`Journal::lock`]
    /// gave. Both hold it until both have ended; the database itself keeps their writes apart.
    pub fn open_with(
        folder: &Path,
        settings: JournalSettings,
        lock: Option<OwnedFd>,
    ) -> Result<(Self, Loaded), JournalError> {
        let path = folder.join(Self::FILE);
        let cannot_use = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Folder { path, source }
        };
        disk::make_folder(folder).map_err(cannot_use(folder))?;
        let lock_path = folder.join("journal.lock");
        // A successor may have been told to keep its state elsewhere.
        let lock = lock.map(File::from).filter(|lock| is_at(lock, &lock_path));
        let lock = lock.map_or_else(|| disk::lock(&lock_path, false), Ok);
        let lock = lock.map_err(|source| {
            if source.kind() == std::io::ErrorKind::WouldBlock {
                JournalError::InUse { path: folder.to_owned() }
            } else {
                JournalError::Folder { path: lock_path.clone(), source }
            }
        })?;
        let (store, notice) = Store::open(&path, settings.quota_bytes.max(QUOTA_BYTES_MIN))?;
        let loaded = load::load(&store.connection, notice)
            .map_err(|source| JournalError::Sqlite { path: path.clone(), source })?;
        let shared = Arc::new(Shared::new());
        let ballast = Ballast::new(folder, settings.ballast_bytes);
        let sweeping = SweepState::new(settings.ages.bounded());
        let writer = Writer::new(shared.clone(), store, ballast, settings.space, folder, sweeping);
        let (end, ended) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                writer.run();
                // Whoever waited may have lost patience.
                end.try_send(()).ok();
            })
            .map_err(JournalError::Thread)?;
        Ok((Self { shared, thread: thread.thread().clone(), ended: Mutex::new(ended), lock }, loaded))
    }

    /// The lock on the state folder, for a successor.
    pub fn lock(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }

    /// Takes a row to be written within 100 ms, acts, incidents and revocations at once. Never waits, never fails the caller.
    ///
    /// False, and counted in [`Journal::health`], when there was no place for it, or it is larger than its limits say.
    pub fn record(&self, row: Row) -> bool {
        let is_within_limits = match &row {
            Row::State { key, value, .. } => {
                key.len() <= STATE_KEY_BYTES_MAX && value.len() <= STATE_VALUE_BYTES_MAX
            }
            Row::Incidents(records) => {
                records.len() <= INCIDENTS_TOGETHER_MAX
                    && records.iter().all(|record| {
                        record.bytes.len() <= INCIDENT_BYTES_MAX && i64::try_from(record.seq).is_ok()
                    })
            }
            Row::Delivery(delivery) => {
                delivery.key.len() <= DELIVERY_KEY_BYTES_MAX && delivery.bytes.len() <= DELIVERY_BYTES_MAX
            }
            Row::Subscriber(row) => {
                row.address.len() <= ADDRESS_BYTES_MAX && row.chosen.len() <= CHOSEN_BYTES_MAX
            }
            Row::News(news) => news.bytes.len() <= NEWS_BYTES_MAX && i64::try_from(news.seq).is_ok(),
            Row::Told(told) => {
                told.subject.len() <= DELIVERY_KEY_BYTES_MAX && i64::try_from(told.seq).is_ok()
            }
            Row::Network(network) => network.bitmap.len() <= NETWORK_BITMAP_BYTES_MAX,
            Row::Pass(_)
            | Row::PassSeen { .. }
            | Row::Revoked { .. }
            | Row::PassGone { .. }
            | Row::Token(_)
            | Row::TokenGone { .. }
            | Row::Refused(_)
            | Row::Sample(_)
            | Row::Login(_)
            | Row::Act(_)
            | Row::Attempt(_)
            | Row::SubscriberGone { .. }
            | Row::Path(_) => true,
        };
        if !is_within_limits {
            self.shared.refuse(row.importance());
        }
        is_within_limits && self.shared.offer(row, &self.thread)
    }

    /// Forgets what is too old at `now`, keeps the quota, and sets the ballast aside again when there is room.
    ///
    /// A bounded piece of work on the writer's thread: call it every 5 s or so.
    pub fn sweep(&self, now: Timestamp) {
        self.shared.sweep(now, &self.thread);
    }

    /// Waits until everything recorded before is written, acts, incidents and revocations through to the disk.
    ///
    /// False if that did not happen within `patience`. Not for the way of a request.
    pub fn settle(&self, patience: Duration) -> bool {
        let (asker, answer) = sync_channel(1);
        self.ask(Control::Settle(asker)) && answer.recv_timeout(patience).unwrap_or(false)
    }

    /// Erases all rows about an account, from free pages and log too, and waits for it.
    ///
    /// False if that did not happen within `patience` (contracts: a minute); the caller then says so and asks again.
    pub fn forget(&self, site: SiteId, account: AccountId, patience: Duration) -> bool {
        let (asker, answer) = sync_channel(1);
        self.ask(Control::Forget(site, account, asker)) && answer.recv_timeout(patience).unwrap_or(false)
    }

    /// How the journal is doing, for metrics and the log.
    pub fn health(&self) -> JournalHealth {
        JournalHealth {
            written_rows: self.shared.written(),
            dropped_rows: Importance::ALL.map(|importance| self.shared.dropped(importance)),
            is_stuck: self.shared.is_stuck(),
            trouble: self.shared.trouble(),
        }
    }

    fn ask(&self, control: Control) -> bool {
        self.shared.ask(control, &self.thread)
    }
}

impl Drop for Journal {
    /// Writes what is queued; a disk that hangs is left behind after 10 s.
    fn drop(&mut self) {
        self.shared.stop(&self.thread);
        self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(PARTING).ok();
    }
}

/// Whether a file is the one that has this name now.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().ok().map(identity) == fs::metadata(path).ok().map(identity)
}

/// How long the end of the process waits for the last rows.
const PARTING: Duration = Duration::from_secs(10);

/// The journal's file in a state folder.
pub(crate) fn file(folder: &Path) -> PathBuf {
    folder.join(Journal::FILE)
}
