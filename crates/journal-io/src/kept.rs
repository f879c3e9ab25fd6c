//! Small files beside the journal that a process goes on from after a stop: each is replaced whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::disk;

/// Which of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kept {
    /// What was learnt of calm: some megabytes, every few minutes.
    Learnt,
    /// What is in force: some kilobytes, every few seconds.
    InForce,
    /// The gate's status page, which an outpost holds: some hundred kilobytes, every minute at most.
    Page,
}

impl Kept {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Learnt, Self::InForce, Self::Page];

    /// The file in a state folder.
    pub fn path(self, state: &Path) -> PathBuf {
        state.join(match self {
            Self::Learnt => "core.learnt",
            Self::InForce => "core.in-force",
            Self::Page => "page.copy",
        })
    }

    /// Replaces it (0600): after a crash at any moment the old or the new content is there whole.
    ///
    /// # Errors
    /// Those of the operating system; the old content is there then.
    pub fn write(self, state: &Path, content: &[u8]) -> io::Result<()> {
        disk::replace(&self.path(state), content)
    }

    /// Reads it; `None` if there is none. What lies beyond [`KEPT_BYTES_MAX`] is left out.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn read(self, state: &Path) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(state)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut content = Vec::new();
        file.take(KEPT_BYTES_MAX).read_to_end(&mut content)?;
        Ok(Some(content))
    }
}

/// Bytes of any of them at most.
pub const KEPT_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn each_is_replaced_whole_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Kept::Learnt.read(folder.path()).unwrap(), None);
        for kept in Kept::ALL {
            kept.write(folder.path(), b"first").unwrap();
            kept.write(folder.path(), format!("{kept:?}").as_bytes()).unwrap();
            let metadata = std::fs::metadata(kept.path(folder.path())).unwrap();
            assert_eq!(metadata.mode() & 0o777, 0o600);
        }
        assert_eq!(Kept::InForce.read(folder.path()).unwrap().unwrap(), b"InForce");
        assert_eq!(Kept::Learnt.read(folder.path()).unwrap().unwrap(), b"Learnt");
    }
}
