//! A copy of a journal, also while a gate writes it, and whether one is whole.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::error::JournalError;
use super::read::Reader;
use super::store::PAGE_BYTES;

/// What a look at all of a journal found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checked {
    /// The version of its layout.
    pub layout: u32,
    /// Bytes of the database, without what is still in the write-ahead log.
    pub bytes: u64,
    /// What SQLite says is wrong, at most ten lines; empty if it is whole.
    pub damage: Vec<String>,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file is there already.
    #[error("`{path}` exists already, and nothing is written over; name a new file")]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot write `{path}`: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
    /// The copy is not whole; it was removed.
    #[error(
        "the copy was not whole and is removed again: {0}; check the journal itself with `ctl journal check`"
    )]
    Damaged(String),
}

impl Reader {
    /// Looks at all of the journal. It takes as long as reading it does, and holds nobody up.
    ///
    /// # Errors
    ///
    /// If it cannot be read at all.
    pub fn check(&self) -> Result<Checked, JournalError> {
        checked(&self.connection).map_err(|source| self.failed(source))
    }

    /// Copies the journal as it is at one moment to a new file that only its owner can read, with SQLite's own means for that, and checks the
    /// copy. Keys are no part of a journal.
    ///
    /// # Errors
    ///
    /// [`BackupError`]; no file is left then that was not there before.
    pub fn backup(&self, to: &Path) -> Result<Checked, BackupError> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
        made.map_err(|source| {
            let path = to.to_owned();
            if source.kind() == io::ErrorKind::AlreadyExists {
                BackupError::Exists { path }
            } else {
                BackupError::File { path, source }
            }
        })?;
        let copied = self.copy(to).and_then(|checked| match checked.damage.first() {
            None => Ok(checked),
            Some(damage) => Err(BackupError::Damaged(damage.clone())),
        });
        if copied.is_err() {
            // What cannot be removed is said to be no copy all the same.
            let _gone = fs::remove_file(to);
        }
        copied
    }

    fn copy(&self, to: &Path) -> Result<Checked, BackupError> {
        let failed = |source| JournalError::Sqlite { path: to.to_owned(), source };
        let mut copy = Connection::open(to).map_err(failed)?;
        let step = Backup::new(&self.connection, &mut copy)
            .and_then(|backup| backup.step(ALL_PAGES))
            .map_err(failed)?;
        if step != StepResult::Done {
            return Err(BackupError::Damaged("the journal is locked by somebody".to_owned()));
        }
        // One file, that can be carried away: without a write-ahead log beside it.
        copy.pragma_update(None, "journal_mode", "DELETE").map_err(failed)?;
        let checked = checked(&copy).map_err(failed)?;
        copy.close().map_err(|(_, source)| failed(source))?;
        Ok(checked)
    }
}

fn checked(connection: &Connection) -> rusqlite::Result<Checked> {
    let layout = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let pages: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    let lines =
        statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let damage = lines.into_iter().filter(|line| line != "ok").collect();
    Ok(Checked { layout, bytes: u64::from(pages) * PAGE_BYTES, damage })
}

/// At once: in the mode that the journal is in, whoever reads keeps nobody from writing.
const ALL_PAGES: i32 = -1;

#[cfg(test)]
mod tests;
