//! Room set aside for the day on which the disk is full.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::disk::Space;

/// A really allocated file that is given up when the disk is full, so that the journal can still write what matters.
///
/// ```text
///          disk full                 4 × its size is free
///   Held ─────────────▶ Given up ───────────────────────▶ Held
/// ```
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
    bytes: u64,
    is_held: bool,
}

impl Ballast {
    /// The file's name in the state folder.
    pub const FILE: &'static str = "ballast";

    /// The usual size in bytes (contracts, "Privacy, quotas, keys").
    pub const BYTES: u64 = 32 * 1024 * 1024;

    /// The ballast of a folder; an existing file of the right size is taken over, nothing is written yet.
    pub fn new(folder: &Path, bytes: u64) -> Self {
        let path = folder.join(Self::FILE);
        let is_held = fs::metadata(&path).is_ok_and(|metadata| metadata.len() == bytes);
        Self { path, bytes, is_held }
    }

    /// Whether the room is set aside now.
    pub const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Gives the room up; true when there was some to give.
    pub fn give_up(&mut self) -> bool {
        let was_held = std::mem::take(&mut self.is_held);
        fs::remove_file(&self.path).is_ok() && was_held
    }

    /// Sets the room aside again once four times as much is free; does nothing while it is held or room is short.
    pub fn restore(&mut self, space: Space) -> io::Result<()> {
        if self.is_held || space.free_bytes < self.bytes.saturating_mul(4) {
            return Ok(());
        }
        let made = self.allocate();
        if made.is_err() {
            self.give_up();
        }
        self.is_held = made.is_ok();
        made
    }

    fn allocate(&self) -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, self.bytes) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
        // No `fallocate` here (ZFS, some network file systems): write what no file system can compress away.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut left = self.bytes;
        while left > 0 {
            let block = noise(&mut state);
            let length = left.min(BLOCK_BYTES as u64);
            file.write_all(&block[..usize::try_from(length).unwrap_or(BLOCK_BYTES)])?;
            left -= length;
        }
        file.sync_all()
    }
}

/// One block of xorshift64 output.
fn noise(state: &mut u64) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    for chunk in block.as_chunks_mut::<8>().0 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *chunk = state.to_le_bytes();
    }
    block
}

const BLOCK_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const BYTES: u64 = 1 << 20;
    const AMPLE: Space = Space { free_bytes: 4 << 20, total_bytes: 8 << 20 };

    #[test]
    fn ballast_is_allocated_given_up_and_restored_only_when_room_is_ample() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Ballast::FILE);
        let mut ballast = Ballast::new(folder.path(), BYTES);
        assert!(!ballast.give_up(), "there is nothing yet");
        ballast.restore(AMPLE).unwrap();
        assert!(fs::metadata(&path).unwrap().blocks() * 512 >= BYTES, "a sparse file would hold nothing");
        assert!(ballast.give_up() && !path.exists());
        ballast.restore(Space { free_bytes: BYTES * 4 - 1, ..AMPLE }).unwrap();
        assert!(!ballast.is_held());
        ballast.restore(AMPLE).unwrap();
        assert!(Ballast::new(folder.path(), BYTES).is_held(), "the next start takes it over");
        assert!(!Ballast::new(folder.path(), BYTES * 2).is_held(), "another size is made anew");
    }

    #[test]
    fn noise_does_not_repeat() {
        let mut state = 1;
        assert_ne!(noise(&mut state), noise(&mut state));
    }
}
