//! Recordings on disk: a ring of segments within a quota, the oldest of which go first, those of incidents last.
//!
//! ```text
//!  recordings/00001775000000000.recording           a segment, by the millisecond in which it began
//!  recordings/00001775000300000.pinned.recording    one of an incident: it stays when others are too old
//! ```
//!
//! What stands in a segment is the business of whoever writes it: here it is bytes.

mod export;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use model::Timestamp;

pub use export::{ExportError, Exported, Single, export};

use crate::disk::{self, Space, SpaceProbe};

/// How recordings are kept.
#[derive(Clone)]
pub struct RingSettings {
    /// All segments together are never larger, in bytes. Default 512 MiB (contracts, "Privacy, quotas, keys").
    pub quota_bytes: u64,
    /// How long a segment is kept that is not pinned. Default 6 h (the same).
    pub keep: Duration,
    /// Asks how much room there is; below a twentieth nothing is written.
    pub space: SpaceProbe,
}

impl Default for RingSettings {
    fn default() -> Self {
        Self { quota_bytes: 512 << 20, keep: Duration::from_secs(6 * 3_600), space: Space::probe() }
    }
}

/// Why a segment does not go on.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The disk is nearly full, or the quota is smaller than one segment.
    #[error("there is no room for recordings in {}; free some, and they go on by themselves", .0.display())]
    NoRoom(PathBuf),
    /// The operating system failed.
    #[error("cannot write recordings in {}: {source}", path.display())]
    Write {
        /// The folder.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
}

/// One file of a ring.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Segment {
    /// When it began.
    pub begun: Timestamp,
    /// When it was last written to.
    pub ended: Timestamp,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it is kept for an incident.
    pub is_pinned: bool,
    /// The file.
    pub path: PathBuf,
}

/// The writing side. One at a time for a folder; it is not shared between threads.
pub struct Ring {
    folder: PathBuf,
    settings: RingSettings,
    /// The oldest first; the last one is open while `open` is there.
    segments: Vec<Segment>,
    open: Option<File>,
}

impl Ring {
    /// The folder's name in the state folder.
    pub const FOLDER: &'static str = "recordings";

    /// Goes on with what an earlier process left in a state folder, or begins.
    ///
    /// # Errors
    /// [`RingError::Write`] when the folder cannot be made or read.
    pub fn open(state: &Path, settings: RingSettings) -> Result<Self, RingError> {
        let folder = state.join(Self::FOLDER);
        let failed = |source| RingError::Write { path: folder.clone(), source };
        disk::make_folder(&folder).map_err(failed)?;
        let segments = list(state).map_err(failed)?;
        Ok(Self { folder, settings, segments, open: None })
    }

    /// Begins a segment with these bytes; the one before has ended. What is too old goes, by `now`, a clock that does not
    /// jump.
    ///
    /// # Errors
    /// [`RingError`]; no segment is open then.
    pub fn begin(
        &mut self,
        begun: Timestamp,
        now: Timestamp,
        is_pinned: bool,
        bytes: &[u8],
    ) -> Result<(), RingError> {
        self.end();
        self.drop_old(now);
        // A clock that was set back must not make a segment older than those before it.
        let newest = self.segments.last().map_or(0, |segment| segment.begun.as_millis() + 1);
        let begun = Timestamp::from_millis(begun.as_millis().max(newest));
        let path = self.folder.join(name(begun, is_pinned));
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|source| RingError::Write { path: self.folder.clone(), source })?;
        self.open = Some(file);
        self.segments.push(Segment { begun, ended: begun, bytes: 0, is_pinned, path });
        self.append(bytes, begun)
    }

    /// Adds bytes to the open segment; nothing happens without one.
    ///
    /// # Errors
    /// [`RingError`]; the segment has ended then, perhaps in the middle of these bytes.
    pub fn append(&mut self, bytes: &[u8], at: Timestamp) -> Result<(), RingError> {
        if self.open.is_none() {
            return Ok(());
        }
        let written = self.make_room(bytes.len() as u64).and_then(|()| self.write(bytes, at));
        if written.is_err() {
            self.end();
        }
        written
    }

    /// Ends the open segment.
    pub fn end(&mut self) {
        self.open = None;
        if let Some(empty) = self.segments.pop_if(|segment| segment.bytes == 0) {
            remove(&empty);
        }
    }

    /// Keeps every segment that was written to since a moment, the open one included, for an incident.
    pub fn pin_since(&mut self, since: Timestamp) {
        for segment in self.segments.iter_mut().filter(|segment| !segment.is_pinned && segment.ended >= since)
        {
            let path = self.folder.join(name(segment.begun, true));
            // An open file goes on under its new name; one that cannot be renamed is merely not kept as long.
            if fs::rename(&segment.path, &path).is_ok() {
                (segment.is_pinned, segment.path) = (true, path);
            }
        }
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn write(&mut self, bytes: &[u8], at: Timestamp) -> Result<(), RingError> {
        let (Some(file), Some(segment)) = (&mut self.open, self.segments.last_mut()) else { return Ok(()) };
        file.write_all(bytes).map_err(|source| RingError::Write { path: self.folder.clone(), source })?;
        segment.bytes += bytes.len() as u64;
        segment.ended = segment.ended.max(at);
        Ok(())
    }

    /// Drops segments until so many bytes fit, the open one never.
    fn make_room(&mut self, bytes: u64) -> Result<(), RingError> {
        let no_room = || RingError::NoRoom(self.folder.clone());
        let is_scarce =
            (self.settings.space)(&self.folder).is_ok_and(|space| !space.has_free_part(FREE_PARTS));
        if is_scarce {
            return Err(no_room());
        }
        while self.bytes() + bytes > self.settings.quota_bytes {
            match self.next_to_go() {
                Some(place) => remove(&self.segments.remove(place)),
                None => return Err(RingError::NoRoom(self.folder.clone())),
            }
        }
        Ok(())
    }

    /// Which closed segment goes when there is no room: one that is not pinned, or where those that are have more than their
    /// part, the oldest of all.
    fn next_to_go(&self) -> Option<usize> {
        let closed = self.segments.len().saturating_sub(usize::from(self.open.is_some()));
        let pinned: u64 = self.segments.iter().filter(|segment| segment.is_pinned).map(|of| of.bytes).sum();
        let oldest = (closed > 0).then_some(0);
        if pinned > self.settings.quota_bytes / 4 * PINNED_QUARTERS {
            return oldest;
        }
        let unpinned = self.segments[..closed].iter().position(|segment| !segment.is_pinned);
        unpinned.or(oldest)
    }

    fn drop_old(&mut self, now: Timestamp) {
        let keep = self.settings.keep;
        let is_old = |segment: &mut Segment| !segment.is_pinned && now.since(segment.ended) > keep;
        self.segments.extract_if(.., is_old).for_each(|segment| remove(&segment));
    }
}

/// The segments of a state folder, the oldest first; none where nothing was ever recorded.
///
/// # Errors
/// Those of the operating system.
pub fn list(state: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(state.join(Ring::FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut segments = Vec::new();
    for entry in entries.take(ENTRIES_MAX) {
        let entry = entry?;
        let Some((begun, is_pinned)) = entry.file_name().to_str().and_then(parse) else { continue };
        // The gate may drop it at this moment.
        let Ok(metadata) = entry.metadata() else { continue };
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let ended = begun.max(Timestamp::from_millis(modified));
        segments.push(Segment { begun, ended, bytes: metadata.len(), is_pinned, path: entry.path() });
    }
    segments.sort_unstable_by_key(|segment| segment.begun);
    Ok(segments)
}

fn remove(segment: &Segment) {
    // If it is gone already, that is what was wanted; if it cannot be removed, the next start finds and counts it again.
    fs::remove_file(&segment.path).ok();
}

fn name(begun: Timestamp, is_pinned: bool) -> String {
    let pinned = if is_pinned { PINNED } else { "" };
    format!("{:017}{pinned}{SUFFIX}", begun.as_millis())
}

fn parse(name: &str) -> Option<(Timestamp, bool)> {
    let stem = name.strip_suffix(SUFFIX)?;
    let (digits, is_pinned) = stem.strip_suffix(PINNED).map_or((stem, false), |digits| (digits, true));
    Some((Timestamp::from_millis(digits.parse().ok()?), is_pinned))
}

const SUFFIX: &str = ".recording";
const PINNED: &str = ".pinned";
/// Below a twentieth of the disk nothing is recorded.
const FREE_PARTS: u64 = 20;
/// Quarters of the quota in which incidents last longer than the rest. Nothing else takes their pin off: with all four, a gate that
/// has had a day of incidents in its life would drop each hour of calm as soon as it is recorded. The last quarter of 512 MiB
/// holds about the six hours that are promised of a quiet gate, and hours of a busy one.
const PINNED_QUARTERS: u64 = 3;
/// Files that are looked at; a full ring has far fewer.
const ENTRIES_MAX: usize = 100_000;
