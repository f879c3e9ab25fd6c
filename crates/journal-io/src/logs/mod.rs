//! Logs that can fill neither the disk nor the machine's time: a byte budget, a fixed ring of files, exact tallies.

mod bucket;
mod events;
mod ring;
mod sampler;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use bucket::Bucket;
pub use events::{Events, LINE_EVERY_SECONDS, LINES_AT_ONCE, MESSAGE_BYTES_MAX, Severity};
pub use ring::{FileRing, RingSettings, Sink};
pub use sampler::Sampler;
pub use writer::{Dropped, LogCounters, LogWriter};

use crate::clock::Clock;
use crate::disk::{Space, SpaceProbe};

/// Where logs go and how much they may take (contracts, "Privacy, quotas, keys").
#[derive(Clone)]
pub struct LogSettings {
    /// The folder of all logs.
    pub folder: PathBuf,
    /// Budget of the access log in bytes per second. Default 2 MiB.
    pub bytes_per_second: u64,
    /// Bytes of all logs together. Default 1 GiB, at least [`LOG_BYTES_MIN`]; one sixteenth is for the gate's own log.
    pub bytes_max: u64,
    /// Files of the access log's ring. Default 16.
    pub files: u32,
    /// No line is kept longer. Default 14 days.
    pub age_max: Duration,
    /// Asks how much room there is.
    pub space: SpaceProbe,
}

impl LogSettings {
    /// The defaults in a folder.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            bytes_per_second: 2 << 20,
            bytes_max: 1 << 30,
            files: 16,
            age_max: Duration::from_secs(14 * 86_400),
            space: Space::probe(),
        }
    }

    /// Starts the access log: `access.jsonl`, `access.1.jsonl` and so on.
    pub fn start_access(&self, clock: Clock) -> io::Result<LogWriter> {
        let ring = self.ring(ACCESS_LOG, self.files, self.bytes_max - self.bytes_max / OWN_LOG_PART);
        LogWriter::start(ACCESS_LOG, self.bytes_per_second, clock, ring)
    }

    /// Starts the gate's own log: `gate.jsonl` and so on, and the same as text on the standard error stream.
    pub fn start_own(&self, clock: &Clock) -> io::Result<Events> {
        let ring = self.ring(OWN_LOG, OWN_LOG_FILES, self.bytes_max / OWN_LOG_PART);
        Events::start(OWN_LOG_BYTES_PER_SECOND, clock, Some(ring))
    }

    fn ring(&self, name: &str, files: u32, bytes_max: u64) -> FileRing {
        let bytes_max = bytes_max.max(2 * LogWriter::BATCH_BYTES_MAX as u64);
        // A file holds at least one batch: a small quota has fewer files.
        let files_max = u32::try_from(bytes_max / LogWriter::BATCH_BYTES_MAX as u64).unwrap_or(u32::MAX);
        let files = files.min(files_max);
        let (folder, name, space) = (self.folder.clone(), name.to_owned(), self.space.clone());
        FileRing::new(RingSettings { folder, name, files, bytes_max, age_max: self.age_max, space })
    }
}

/// The smallest quota that logs keep to, in bytes.
pub const LOG_BYTES_MIN: u64 = 8 << 20;

/// The first part of the names of the access log's files.
pub const ACCESS_LOG: &str = "access";

/// The first part of the names of the files of the gate's own log.
pub const OWN_LOG: &str = "gate";

const OWN_LOG_FILES: u32 = 4;
const OWN_LOG_PART: u64 = 16;

/// Far more than call sites with their limits can say.
const OWN_LOG_BYTES_PER_SECOND: u64 = 64 * 1024;
