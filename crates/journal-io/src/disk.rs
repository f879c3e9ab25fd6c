//! What every writer here needs of a file system: room, folders, and replacing a file whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;
use std::sync::Arc;

/// Room on the file system of a folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Space {
    /// Bytes that this process may still write.
    pub free_bytes: u64,
    /// Bytes of the whole file system.
    pub total_bytes: u64,
}

/// Asks how much room a folder's file system has; a test answers with numbers of its own.
pub type SpaceProbe = Arc<dyn Fn(&Path) -> io::Result<Space> + Send + Sync>;

impl Space {
    /// Asks the operating system (`statvfs`).
    pub fn of(folder: &Path) -> io::Result<Self> {
        let stat = rustix::fs::statvfs(folder)?;
        Ok(Self {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    /// The probe that asks the operating system.
    pub fn probe() -> SpaceProbe {
        Arc::new(Self::of)
    }

    /// The free share of the file system, 0 to 1. A file system without a size counts as free.
    pub fn free_share(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
        let share = self.free_bytes as f64 / self.total_bytes as f64;
        if self.total_bytes == 0 { 1.0 } else { share.min(1.0) }
    }

    /// Whether at least one part in `parts` of the file system is free. A file system without a size counts as free.
    pub const fn has_free_part(self, parts: u64) -> bool {
        self.free_bytes.saturating_mul(parts) >= self.total_bytes
    }
}

/// Makes a folder, and those above it, that only this user may enter; an existing one is left as it is.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a file so that after a crash at any moment either the old or the new content is there whole.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    // A left-over of a crash may have other permissions: begin with a file of our own.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    give_to_owner(&file, path)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The name itself is durable only once the folder is.
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Gives a new file to whom the one before it belongs, else to whom its folder does: an admin who makes or renews a key must not lock
/// out the gate, which runs as another user.
fn give_to_owner(file: &File, path: &Path) -> io::Result<()> {
    let before = fs::metadata(path).or_else(|_| fs::metadata(path.parent().unwrap_or(Path::new("."))))?;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    // The group alone differs where folders hand theirs on: that locks nobody out.
    match fchown(file, Some(before.uid()), Some(before.gid())) {
        Err(_) if new.uid() == before.uid() => Ok(()),
        done => done,
    }
}

/// Opens the file that stands for a lock, and waits for it or not.
///
/// The lock ends when the returned file is closed, also when the process is killed.
pub(crate) fn lock(path: &Path, waits: bool) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.uid() == rustix::process::geteuid().as_raw() {
        let folder = path.parent().unwrap_or(Path::new("."));
        // Who cannot give it away owns the folder, or could not use it anyway.
        let _as_it_is = fs::metadata(folder).and_then(|of| fchown(&file, Some(of.uid()), Some(of.gid())));
    }
    let operation = if waits {
        rustix::fs::FlockOperation::LockExclusive
    } else {
        rustix::fs::FlockOperation::NonBlockingLockExclusive
    };
    rustix::fs::flock(&file, operation)?;
    Ok(file)
}
