//! Publishes a status page: serves its files from memory, and brings them to folders and mirrors for web servers elsewhere.
//!
//! It is *not* where pages are made or signed: files come as bytes with a name, and are neither read nor changed. It decides nothing,
//! knows no incident, and reads no clock but the one that the binary gives.
//! Its main types are [`Files`], [`Site`] with [`serve`], and [`Publisher`] with [`Mirror`] and [`export()`].
//!
//! ```
//! use status_io::{Files, Served, export};
//!
//! let mut files = Files::new(7);
//! files.insert("/", Served::new("<p>All is well.", "text/html; charset=utf-8", "\"a1\""))?;
//! files.insert("/status.txt", Served::new("ok\n", "text/plain; charset=utf-8", "\"b2\""))?;
//! let folder = tempfile::tempdir()?;
//! export(folder.path(), &files)?;
//! assert_eq!(std::fs::read(folder.path().join("index.html"))?, b"<p>All is well.");
//! assert_eq!(std::fs::read(folder.path().join("b/7/status.txt"))?, b"ok\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod copy;
mod export;
mod files;
mod mirror;
mod publisher;
mod site;
mod unchanged;

pub use copy::{CopyReadError, PageCopy};
pub use export::{ExportError, GENERATIONS_KEPT, MARKER, export};
pub use files::{DEFAULT_CACHE_CONTROL, FileError, Files, Served};
pub use mirror::{BucketAccess, BucketMirror, BucketPlace, Mirror, PushError, SshMirror, SshProgram};
pub use publisher::{Clock, Failure, Publisher, TargetHealth, Work};
pub use site::{PolicyError, Received, Receiving, Reception, Site, serve, server_limits};
pub use unchanged::is_unchanged;
