//! Why the journal did not open or answer.

use std::io;
use std::path::PathBuf;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The state folder or a file in it cannot be made.
    #[error(
        "cannot use `{path}` for the journal: {source}; it must be writable for the user that the gate runs as"
    )]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process writes this journal.
    #[error(
        "another gate uses the state folder `{path}`; stop it, or give this one a folder of its own with `[state] dir`"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A newer version wrote the file.
    #[error(
        "`{path}` was written by a newer Portcullis (layout {found}, this one knows {known}); run the newer version, \
         or move the file away to begin with an empty journal"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The layout in the file.
        found: u32,
        /// The newest layout of this version.
        known: u32,
    },
    /// An older version wrote the file, and reading does not change it.
    #[error("`{path}` was written by an older Portcullis; start the gate once, which brings it up to date")]
    Older {
        /// The file.
        path: PathBuf,
    },
    /// There is no journal to read.
    #[error("there is no journal at `{path}`; name the state folder of a gate that has run, or start one")]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("the journal `{path}` failed: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The writer's thread could not be started.
    #[error("cannot start the journal's thread: {0}; the machine is out of threads or memory")]
    Thread(io::Error),
}

/// Whether SQLite says that the disk, or the journal's quota, is used up.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

/// Whether SQLite says that the file is damaged.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
