//! A fixed ring of files: `access.jsonl` is the newest, `access.1.jsonl` the one before, and so on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use model::Timestamp;

use crate::disk::{self, SpaceProbe};

/// Where a log's lines go.
pub trait Sink: Send {
    /// Appends whole lines. After an error nothing of them is there, or the next call removes it.
    fn append(&mut self, lines: &[u8], wall: Timestamp) -> io::Result<()>;

    /// Does what is due from time to time. An error says that nothing may be appended now.
    fn tend(&mut self, wall: Timestamp) -> io::Result<()>;
}

/// Where the files are, how many, how large and how old.
#[derive(Clone)]
pub struct RingSettings {
    /// The folder; it is made if it is absent.
    pub folder: PathBuf,
    /// The first part of the names.
    pub name: String,
    /// How many files at most, 2 to 100.
    pub files: u32,
    /// Bytes of all files together at most.
    pub bytes_max: u64,
    /// No line is kept longer.
    pub age_max: Duration,
    /// Asks how much room there is: below one tenth nothing is written.
    pub space: SpaceProbe,
}

/// The files of one log.
pub struct FileRing {
    settings: RingSettings,
    newest: Option<Newest>,
    has_room: bool,
    tended: u32,
}

struct Newest {
    file: File,
    inode: u64,
    bytes: u64,
    begun: Timestamp,
}

/// A file is begun anew after this time, so that old lines leave in steps of a day.
const FILE_AGE_MAX: Duration = Duration::from_secs(86_400);

/// The most files that settings can ask for.
const FILES_MAX: u32 = 100;

/// Old files are looked for this often, in calls of [`Sink::tend`] (one a second).
const TRIM_EVERY: u32 = 60;

/// A part of a line is not longer, in bytes.
const TORN_BYTES_MAX: u64 = 256 * 1024;

/// Files stop when less than one part in ten of the disk is free (decision-science, section 9)...
const STOP_PARTS: u64 = 10;

/// ...and go on when one in nine is, so that they do not flap.
const RESUME_PARTS: u64 = 9;

impl FileRing {
    /// The ring of some settings; files of an earlier run are continued.
    pub fn new(mut settings: RingSettings) -> Self {
        settings.files = settings.files.clamp(2, FILES_MAX);
        Self { settings, newest: None, has_room: true, tended: 0 }
    }

    /// The name of the `age`-th newest file.
    fn path(&self, age: u32) -> PathBuf {
        let RingSettings { folder, name, .. } = &self.settings;
        folder.join(if age == 0 { format!("{name}.jsonl") } else { format!("{name}.{age}.jsonl") })
    }

    fn file_bytes_max(&self) -> u64 {
        self.settings.bytes_max / u64::from(self.settings.files)
    }

    fn is_due(&self, newest: &Newest, more: u64, wall: Timestamp) -> bool {
        newest.bytes > 0
            && (newest.bytes + more > self.file_bytes_max() || wall.since(newest.begun) >= FILE_AGE_MAX)
    }

    fn open(&self, wall: Timestamp) -> io::Result<Newest> {
        disk::make_folder(&self.settings.folder)?;
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(self.path(0))?;
        let metadata = file.metadata()?;
        let bytes = end_of_last_line(&file, metadata.len())?;
        if bytes < metadata.len() {
            file.set_len(bytes)?;
        }
        let begun = if bytes == 0 { wall } else { begun(&metadata).unwrap_or(wall) };
        Ok(Newest { inode: metadata.ino(), bytes, begun, file })
    }

    /// Moves every file one place on; the last one ends.
    fn rotate(&mut self) -> io::Result<()> {
        self.newest = None;
        for age in (1..self.settings.files).rev() {
            if_present(fs::rename(self.path(age - 1), self.path(age)))?;
        }
        Ok(())
    }

    /// Removes files that are too old, or too many for the settings of this start.
    fn trim(&self, wall: Timestamp) -> io::Result<()> {
        // The newest may still grow to its full size.
        let older_bytes_max = self.settings.bytes_max - self.file_bytes_max();
        let mut older_bytes = 0;
        for age in 0..FILES_MAX {
            let path = self.path(age);
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let bytes = if age == 0 { 0 } else { metadata.len() };
            let is_old = begun(&metadata).is_some_and(|begun| wall.since(begun) > self.settings.age_max);
            if is_old || age >= self.settings.files || older_bytes + bytes > older_bytes_max {
                if_present(fs::remove_file(&path))?;
            } else {
                older_bytes += bytes;
            }
        }
        Ok(())
    }

    /// Lets go of a file that was moved or removed under us, or else it would grow unseen.
    fn forget_moved(&mut self) {
        let inode = fs::metadata(self.path(0)).map(|metadata| metadata.ino()).ok();
        if self.newest.as_ref().is_some_and(|newest| Some(newest.inode) != inode) {
            self.newest = None;
        }
    }
}

impl Sink for FileRing {
    fn append(&mut self, lines: &[u8], wall: Timestamp) -> io::Result<()> {
        let more = lines.len() as u64;
        if self.newest.is_none() {
            self.newest = Some(self.open(wall)?);
        }
        if self.newest.as_ref().is_some_and(|newest| self.is_due(newest, more, wall)) {
            self.rotate()?;
            self.newest = Some(self.open(wall)?);
        }
        let newest = self.newest.as_mut().expect("it was opened above");
        let written = newest.file.write_all(lines);
        match &written {
            Ok(()) => newest.bytes += more,
            Err(_) => {
                // No torn line stays; a full disk gives the room back.
                newest.file.set_len(newest.bytes).ok();
                self.newest = None;
            }
        }
        written
    }

    fn tend(&mut self, wall: Timestamp) -> io::Result<()> {
        if self.tended.is_multiple_of(TRIM_EVERY) {
            self.trim(wall)?;
        }
        self.tended = self.tended.wrapping_add(1);
        self.forget_moved();
        disk::make_folder(&self.settings.folder)?;
        let space = (self.settings.space)(&self.settings.folder)?;
        self.has_room = space.has_free_part(if self.has_room { STOP_PARTS } else { RESUME_PARTS });
        if self.has_room {
            Ok(())
        } else {
            let text =
                format!("less than a tenth of the disk of `{}` is free", self.settings.folder.display());
            Err(io::Error::new(io::ErrorKind::StorageFull, text))
        }
    }
}

/// Where the last whole line ends: a process that was killed may have left a part of one behind it.
fn end_of_last_line(file: &File, bytes: u64) -> io::Result<u64> {
    let from = bytes.saturating_sub(TORN_BYTES_MAX);
    let mut tail = Vec::new();
    let mut reader = file;
    reader.seek(SeekFrom::Start(from))?;
    reader.take(TORN_BYTES_MAX).read_to_end(&mut tail)?;
    // Without any line end it is no log of ours: it is left as it is.
    Ok(tail.iter().rposition(|byte| *byte == b'\n').map_or(bytes, |end| from + end as u64 + 1))
}

/// When a file got its first line: its birth, or where the file system keeps none, its last change.
fn begun(metadata: &fs::Metadata) -> Option<Timestamp> {
    let moment = metadata.created().or_else(|_| metadata.modified()).ok()?;
    let since_epoch = moment.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since_epoch.as_millis()).ok().map(Timestamp::from_millis)
}

fn if_present(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Writes to the standard error stream; a stream that nobody reads any more only stops this log.
pub(crate) struct StandardError;

impl Sink for StandardError {
    fn append(&mut self, lines: &[u8], _: Timestamp) -> io::Result<()> {
        io::stderr().lock().write_all(lines)
    }

    fn tend(&mut self, _: Timestamp) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
