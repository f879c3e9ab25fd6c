//! Segments as one file that can be carried away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use model::Timestamp;

use super::list;

/// What was exported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exported {
    /// Segments.
    pub segments: usize,
    /// Bytes.
    pub bytes: u64,
    /// When the first of them began, and the last was last written to.
    pub span: (Timestamp, Timestamp),
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder may not be read.
    #[error("cannot read the recordings in {}: {source}; run this as the gate's user, such as with `sudo`", path.display())]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Nothing was recorded then.
    #[error("nothing was recorded in that time; `portcullis ctl recordings list` shows what there is")]
    Nothing,
    /// The file cannot be made.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
}

/// Writes all segments that reach into the time from `from` to `until` to a new file that only its owner can read (0600).
/// `whole` says how many bytes of a segment are whole: the gate may be writing to it, or may have been killed.
///
/// # Errors
/// [`ExportError`]; an existing file is not overwritten, one begun is removed.
pub fn export(
    state: &Path,
    from: Timestamp,
    until: Timestamp,
    file: &Path,
    whole: impl Fn(&[u8]) -> usize,
) -> Result<Exported, ExportError> {
    let unreadable = |path: &Path, source| ExportError::Read { path: path.to_owned(), source };
    let mut segments = list(state).map_err(|source| unreadable(state, source))?;
    segments.retain(|segment| segment.ended >= from && segment.begun <= until);
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return Err(ExportError::Nothing);
    };
    let mut exported = Exported { segments: 0, bytes: 0, span: (first.begun, last.ended) };
    let unwritable = |source| ExportError::Write { path: file.to_owned(), source };
    let mut target =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(unwritable)?;
    let mut copy = || {
        for segment in &segments {
            let bytes = match fs::read(&segment.path) {
                // The ring dropped it, or pinned it under another name, since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                bytes => bytes.map_err(|source| unreadable(&segment.path, source))?,
            };
            let bytes = &bytes[..whole(&bytes).min(bytes.len())];
            target.write_all(bytes).map_err(unwritable)?;
            exported.bytes += bytes.len() as u64;
            exported.segments += usize::from(!bytes.is_empty());
        }
        if exported.bytes == 0 { Err(ExportError::Nothing) } else { target.sync_all().map_err(unwritable) }
    };
    let copied = copy();
    if copied.is_err() {
        fs::remove_file(file).ok();
    }
    copied.map(|()| exported)
}

/// One recording in a file of its own (0600), without a ring: for demonstrations.
#[derive(Debug)]
pub struct Single(File);

impl Single {
    /// Makes the file; it must not exist.
    ///
    /// # Errors
    /// [`ExportError::Write`].
    pub fn create(path: &Path) -> Result<Self, ExportError> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path);
        file.map(Self).map_err(|source| ExportError::Write { path: path.to_owned(), source })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}
