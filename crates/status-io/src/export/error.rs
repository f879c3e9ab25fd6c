//! Why a page could not be written into a folder, and what to do.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

/// Why an export failed. What readers found before is still there, whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder cannot be opened or made.
    #[error(
        "cannot use the folder `{path}`: {source}; make it, and give it to the user that the gate runs as"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder holds what no export put there.
    #[error(
        "`{path}` holds `{name}`, which no export put there; name a new or empty folder, or move it away if nobody needs it"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// One of the things in it.
        name: String,
    },
    /// Something else stands where a file or folder of the page belongs.
    #[error("`{path}` is in the way of the page: a link, or a file for a folder; move it away")]
    Obstacle {
        /// Where.
        path: PathBuf,
    },
    /// Another export into this folder has not ended.
    #[error("another gate exports into `{path}` at present; give each a folder of its own")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The disk, or what this user may use of it, is full.
    #[error(
        "there is no room for `{path}`; make room on its disk: until then readers see the page as it was"
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The operating system failed otherwise.
    #[error("cannot write `{path}`: {source}; see to its disk and who may write there")]
    Failed {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl ExportError {
    /// What a failure with a file or folder of the page means.
    pub(super) fn of(path: PathBuf, source: io::Error) -> Self {
        let error = Errno::from_io_error(&source);
        let is_one_of = |errors: &[Errno]| error.is_some_and(|error| errors.contains(&error));
        if is_one_of(&FULL) {
            Self::Full { path }
        } else if is_one_of(&IN_THE_WAY) {
            Self::Obstacle { path }
        } else {
            Self::Failed { path, source }
        }
    }
}

const FULL: [Errno; 2] = [Errno::NOSPC, Errno::DQUOT];
const IN_THE_WAY: [Errno; 5] = [Errno::NOTDIR, Errno::ISDIR, Errno::NOTEMPTY, Errno::EXIST, Errno::LOOP];
