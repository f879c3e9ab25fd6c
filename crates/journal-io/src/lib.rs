//! What outlives a restart: the journal (SQLite), keys, quotas, logs, recordings, and what the decision core goes on from.
//!
//! This is the only crate that writes state. It decides nothing about requests, knows no HTTP, and reads no clock:
//! time comes with the rows or from a [`Clock`] that the binary gives.
//! Its main types are [`journal::Journal`], [`keys::Keys`] and [`logs::LogWriter`].
//!
//! ```
//! use journal_io::journal::{Journal, JournalSettings, LoginRow, Reader, Row, Window};
//! use model::{AccountId, SiteId, Timestamp};
//!
//! let folder = tempfile::tempdir()?;
//! let (journal, loaded) = Journal::open(folder.path(), JournalSettings::default())?;
//! assert!(loaded.passes.is_empty(), "nobody is known yet");
//! let (site, at) = (SiteId(0), Timestamp::from_secs(1_775_000_000));
//! let network = "192.0.2.0/24".parse()?;
//! journal.record(Row::Login(LoginRow { site, at, account: AccountId(7), address_hash: 1, network }));
//! drop(journal);
//! let today = Window { since: at, until: Timestamp::from_secs(1_775_086_400) };
//! assert_eq!(Reader::open(folder.path())?.logins(site, today)?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod ballast;
pub mod journal;
pub mod keys;
pub mod logs;
pub mod recordings;

mod clock;
mod disk;
mod kept;

pub use clock::{Clock, Now};
pub use disk::{Space, SpaceProbe};
pub use kept::{KEPT_BYTES_MAX, Kept};
