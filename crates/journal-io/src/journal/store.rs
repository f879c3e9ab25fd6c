//! The database itself: opened, checked, and written row by row.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::error::{JournalError, is_damage};
use super::rows::{ROW_PAGES, Row};
use super::schema::{self, Migrated};
use super::write::{HourCounts, write_row};

/// The one writing connection.
pub(super) struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    /// Pages that the file may have.
    pub(super) pages_max: u64,
    /// Bytes that the write-ahead log may have.
    wal_bytes_max: u64,
    sorts: HourCounts,
    samples: HourCounts,
}

/// How long the writer waits for somebody else's lock, for instance of a reader that closes; rows gather meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

/// Bytes of a database page.
pub(super) const PAGE_BYTES: u64 = 4_096;

/// The largest write-ahead log; a quarter of the quota if that is less.
const WAL_BYTES_MAX: u64 = 32 << 20;

impl Store {
    /// Opens or makes the database. A damaged file is moved aside, and a notice says so.
    pub(super) fn open(path: &Path, quota_bytes: u64) -> Result<(Self, Option<String>), JournalError> {
        match Self::open_once(path, quota_bytes) {
            Err(JournalError::Sqlite { source, .. }) if is_damage(&source) => {
                let aside = move_aside(path)?;
                let notice = format!(
                    "the journal `{}` was damaged ({source}) and is now `{}`; a new one begins: customers stay known \
                     by their passes, reports begin today, revoked passes must be revoked again",
                    path.display(),
                    aside.display()
                );
                Self::open_once(path, quota_bytes).map(|store| (store, Some(notice)))
            }
            opened => opened.map(|store| (store, None)),
        }
    }

    fn open_once(path: &Path, quota_bytes: u64) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Sqlite { path: path.to_owned(), source };
        make_private(path).map_err(|source| JournalError::Folder { path: path.to_owned(), source })?;
        let mut connection = Connection::open(path).map_err(failed)?;
        let wal_bytes_max = WAL_BYTES_MAX.min(quota_bytes / 4);
        let pages_max = (quota_bytes - wal_bytes_max) / PAGE_BYTES;
        set_up(&connection, pages_max).map_err(failed)?;
        match schema::migrate(&mut connection, schema::STEPS).map_err(failed)? {
            Migrated::Newest => {}
            Migrated::Newer(found) => {
                let known = schema::newest();
                return Err(JournalError::Newer { path: path.to_owned(), found, known });
            }
        }
        let (sorts, samples) = (HourCounts::default(), HourCounts::default());
        Ok(Self { connection, path: path.to_owned(), pages_max, wal_bytes_max, sorts, samples })
    }

    /// Writes some rows in one transaction; through to the disk if one of them asks for that.
    pub(super) fn write(&mut self, rows: &[Row]) -> rusqlite::Result<()> {
        let is_synced = rows.iter().any(Row::is_synced);
        if is_synced {
            self.connection.pragma_update(None, "synchronous", "FULL")?;
        }
        let is_personal = rows.iter().any(Row::is_personal);
        if is_personal {
            self.connection.pragma_update(None, "secure_delete", true)?;
        }
        let written = self.write_all(rows);
        if is_personal {
            // Should this fail, later rows are erased as thoroughly.
            self.connection.pragma_update(None, "secure_delete", false).ok();
        }
        if rows.iter().any(Row::is_erasure) {
            self.clear_log();
        }
        if is_synced {
            // Should this fail, later rows are synced too; the rows above are written all the same.
            self.connection.pragma_update(None, "synchronous", "NORMAL").ok();
        }
        if written.is_err() {
            // The counts may include rows that were rolled back.
            self.sorts = HourCounts::default();
            self.samples = HourCounts::default();
        }
        written
    }

    fn write_all(&mut self, rows: &[Row]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for row in rows {
            write_row(&transaction, row, &mut self.sorts, &mut self.samples)?;
        }
        transaction.commit()
    }

    /// Rows in one transaction, so that the write-ahead log stays within its limit.
    ///
    /// A row touches at most six pages (its own, those of three indices, and splits), and half of the limit may be in
    /// use before: see [`Store::checkpoint`]. 682 rows by default.
    pub(super) fn transaction_rows(&self) -> usize {
        let rows = self.wal_bytes_max / 2 / (ROW_PAGES * PAGE_BYTES);
        usize::try_from(rows).unwrap_or(usize::MAX).clamp(8, 1_000)
    }

    /// How many of the first rows go into one transaction: fewer where there are long ones among them, at least one.
    pub(super) fn fitting_rows<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> usize {
        let pages_max = self.transaction_rows() as u64 * ROW_PAGES;
        let pages = rows.into_iter().take(self.transaction_rows()).scan(0, |pages, row| {
            *pages += row.pages_max(PAGE_BYTES);
            Some(*pages)
        });
        pages.take_while(|pages| *pages <= pages_max).count().max(1)
    }

    /// Keeps the write-ahead log short. False when a reader holds it so that another transaction might not fit.
    pub(super) fn checkpoint(&self) -> bool {
        if self.wal_bytes() <= self.wal_bytes_max / 4 {
            return true;
        }
        // No patience with readers: the next transaction tries again.
        self.connection.busy_timeout(Duration::ZERO).ok();
        let checkpointed = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.connection.busy_timeout(PATIENCE).ok();
        checkpointed.is_ok() && self.wal_bytes() <= self.wal_bytes_max / 2
    }

    /// What was erased is gone from the write-ahead log too, unless a reader holds it: then with the next one.
    fn clear_log(&self) {
        self.connection.busy_timeout(Duration::ZERO).ok();
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).ok();
        self.connection.busy_timeout(PATIENCE).ok();
    }

    fn wal_bytes(&self) -> u64 {
        fs::metadata(with_suffix(&self.path, "-wal")).map_or(0, |metadata| metadata.len())
    }

    /// Pages that hold something.
    pub(super) fn pages_used(&self) -> rusqlite::Result<u64> {
        let number = |pragma| self.connection.query_row(pragma, [], |row| row.get::<_, u64>(0));
        Ok(number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?))
    }
}

fn set_up(connection: &Connection, pages_max: u64) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    connection.pragma_update(None, "max_page_count", pages_max)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(corrupt, Some(verdict)))
}

/// SQLite gives its log and shared memory the permissions of the database.
fn make_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(|_| ())
}

/// Moves a damaged database and its log away. Only the last damaged one is kept: the quota binds here too.
fn move_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let aside = broken(path);
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (with_suffix(path, suffix), with_suffix(&aside, suffix));
        let moved = match fs::rename(&from, &to) {
            // What is not there must not stay from an earlier time either: a log belongs to its database.
            Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::remove_file(&to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            moved => moved,
        };
        moved.map_err(|source| JournalError::Folder { path: from, source })?;
    }
    Ok(aside)
}

/// Where a damaged database is put.
pub(super) fn broken(path: &Path) -> PathBuf {
    path.with_extension("broken.db")
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
