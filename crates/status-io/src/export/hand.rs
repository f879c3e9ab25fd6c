//! Everything that an export does to a disk, one operation after the other. No link within the folder is ever followed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::error::ExportError;

/// An open folder.
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// Where one operation on a disk ends and the next has not begun: a test lets it fail here.
pub(super) type Between<'a> = dyn FnMut() -> io::Result<()> + 'a;

/// What writes.
pub(super) struct Hand<'a> {
    between: &'a mut Between<'a>,
    /// Whether it waits for the disk.
    syncs: bool,
}

impl<'a> Hand<'a> {
    pub(super) fn new(between: &'a mut Between<'a>, syncs: bool) -> Self {
        Self { between, syncs }
    }

    /// Opens the folder of an export, or makes it, and keeps others out while it is open. It may be reached through links.
    pub(super) fn root(&mut self, path: &Path) -> Result<Folder, ExportError> {
        let failed = |source: io::Error| ExportError::Folder { path: path.to_owned(), source };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = match rustix::fs::open(path, flags, Mode::empty()) {
            Err(Errno::NOENT) => {
                self.pass().map_err(failed)?;
                rustix::fs::mkdir(path, FOLDER_MODE).map_err(|error| failed(error.into()))?;
                let fd =
                    rustix::fs::open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
                rustix::fs::fchmod(&fd, FOLDER_MODE).map_err(|error| failed(error.into()))?;
                fd
            }
            opened => opened.map_err(|error| failed(error.into()))?,
        };
        match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(ExportError::Busy { path: path.to_owned() }),
            // Some network file systems have no locks: two gates in one folder are rarer than those.
            Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) => {}
            locked => locked.map_err(|error| failed(error.into()))?,
        }
        Ok(Folder { fd, path: path.to_owned() })
    }

    /// Opens a folder in another, or makes it.
    pub(super) fn folder(&mut self, at: &Folder, name: &str) -> Result<Folder, ExportError> {
        if let Some(folder) = at.open(name)? {
            return Ok(folder);
        }
        self.pass().map_err(|error| at.failed(name, error))?;
        rustix::fs::mkdirat(&at.fd, name, FOLDER_MODE).map_err(|error| at.failed(name, error))?;
        let folder = at.open(name)?.ok_or_else(|| at.failed(name, Errno::NOENT))?;
        rustix::fs::fchmod(&folder.fd, FOLDER_MODE).map_err(|error| at.failed(name, error))?;
        Ok(folder)
    }

    /// Opens the folder that a place such as `api/v2/status.json` lies in, or makes it; and the name in it.
    pub(super) fn descend<'p>(
        &mut self,
        at: &Folder,
        place: &'p str,
    ) -> Result<(Folder, &'p str), ExportError> {
        let mut folder = at.again()?;
        let (folders, name) = place.rsplit_once('/').unwrap_or(("", place));
        for inner in folders.split('/').filter(|inner| !inner.is_empty()) {
            folder = self.folder(&folder, inner)?;
        }
        Ok((folder, name))
    }

    /// Writes a file that is not there yet, through to the disk.
    pub(super) fn write(&mut self, at: &Folder, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        self.try_write(at, name, bytes).map_err(|error| at.failed(name, error))
    }

    fn try_write(&mut self, at: &Folder, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.pass()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&at.fd, name, flags, FILE_MODE)?);
        // Web servers read it as another user, whatever this process keeps from others.
        rustix::fs::fchmod(&file, FILE_MODE)?;
        for half in [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
            self.pass()?;
            file.write_all(half)?;
        }
        self.pass()?;
        if self.syncs { file.sync_all() } else { Ok(()) }
    }

    /// Moves a file or folder; a file that has the new name is replaced, a folder is not.
    pub(super) fn rename(&mut self, from: (&Folder, &str), to: (&Folder, &str)) -> Result<(), ExportError> {
        self.pass().map_err(|error| to.0.failed(to.1, error))?;
        rustix::fs::renameat(&from.0.fd, from.1, &to.0.fd, to.1).map_err(|error| to.0.failed(to.1, error))
    }

    /// Lets two names in a folder change places.
    pub(super) fn exchange(&mut self, at: &Folder, one: &str, other: &str) -> Result<(), ExportError> {
        self.pass().map_err(|error| at.failed(other, error))?;
        rustix::fs::renameat_with(&at.fd, one, &at.fd, other, RenameFlags::EXCHANGE)
            .map_err(|error| at.failed(other, error))
    }

    /// Removes a file or link if it is there.
    pub(super) fn remove(&mut self, at: &Folder, name: &str) -> Result<(), ExportError> {
        self.unlink(at, name, AtFlags::empty())
    }

    /// Removes an empty folder; one that is not stays.
    pub(super) fn remove_empty(&mut self, at: &Folder, name: &str) -> Result<(), ExportError> {
        match self.unlink(at, name, AtFlags::REMOVEDIR) {
            Err(ExportError::Obstacle { .. }) => Ok(()),
            removed => removed,
        }
    }

    /// Removes a folder with all that is in it, if it is there.
    pub(super) fn remove_tree(&mut self, at: &Folder, name: &str) -> Result<(), ExportError> {
        self.remove_within(at, name, DEPTH_MAX)
    }

    fn remove_within(&mut self, at: &Folder, name: &str, depth: usize) -> Result<(), ExportError> {
        let Some(folder) = at.open(name)? else { return Ok(()) };
        if depth == 0 {
            return Err(ExportError::Obstacle { path: folder.path });
        }
        for (inner, kind) in folder.entries()? {
            if kind == FileType::Directory {
                self.remove_within(&folder, &inner, depth - 1)?;
            } else {
                self.remove(&folder, &inner)?;
            }
        }
        self.unlink(at, name, AtFlags::REMOVEDIR)
    }

    fn unlink(&mut self, at: &Folder, name: &str, flags: AtFlags) -> Result<(), ExportError> {
        self.pass().map_err(|error| at.failed(name, error))?;
        match rustix::fs::unlinkat(&at.fd, name, flags) {
            Err(Errno::NOENT) => Ok(()),
            removed => removed.map_err(|error| at.failed(name, error)),
        }
    }

    /// Waits until the names in a folder are on the disk.
    pub(super) fn sync(&mut self, at: &Folder) -> Result<(), ExportError> {
        let failed = |source| ExportError::of(at.path.clone(), source);
        self.pass().map_err(failed)?;
        if self.syncs { rustix::fs::fsync(&at.fd).map_err(|error| failed(error.into())) } else { Ok(()) }
    }

    fn pass(&mut self) -> io::Result<()> {
        (self.between)()
    }
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in this one, if it is there.
    pub(super) fn open(&self, name: &str) -> Result<Option<Self>, ExportError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: self.path.join(name) })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    /// The start of a file, if it is there.
    pub(super) fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ExportError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => File::from(opened.map_err(|error| self.failed(name, error))?),
        };
        let mut bytes = Vec::new();
        file.take(bytes_max).read_to_end(&mut bytes).map_err(|error| self.failed(name, error))?;
        Ok(Some(bytes))
    }

    /// What lies in it, in the order of the names; at most [`ENTRIES_MAX`].
    pub(super) fn entries(&self) -> Result<Vec<(String, FileType)>, ExportError> {
        let failed = |error: Errno| ExportError::of(self.path.clone(), error.into());
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)?.take(ENTRIES_MAX) {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "." || name == ".." {
                continue;
            }
            let told = entry.file_type();
            let kind = if told == FileType::Unknown { self.kind(&name)? } else { told };
            entries.push((name, kind));
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(entries)
    }

    /// A folder under this name would be in the way of a file.
    pub(super) fn refuse_folder(&self, name: &str) -> Result<(), ExportError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                Err(self.failed(name, Errno::ISDIR))
            }
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    fn kind(&self, name: &str) -> Result<FileType, ExportError> {
        let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.map(|stat| FileType::from_raw_mode(stat.st_mode)).map_err(|error| self.failed(name, error))
    }

    fn again(&self) -> Result<Self, ExportError> {
        let fd = self.fd.as_fd().try_clone_to_owned();
        let fd = fd.map_err(|source| ExportError::of(self.path.clone(), source))?;
        Ok(Self { fd, path: self.path.clone() })
    }

    fn failed(&self, name: &str, error: impl Into<io::Error>) -> ExportError {
        ExportError::of(self.path.join(name), error.into())
    }
}

const FOLDER_MODE: Mode = Mode::from_raw_mode(0o755);
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);
/// Folders within one another that are removed at most; an export makes ten.
const DEPTH_MAX: usize = 16;
/// Things in one folder that are looked at; an export makes 4,096 and a few.
const ENTRIES_MAX: usize = 65_536;
