//! Where a page is brought to: folders of this machine, and mirrors on others.
//!
//! ```text
//!   Files ─▶ what has changed since the last time ─▶ data ─▶ pages ─▶ manifest ─▶ index ─▶ what ended is removed
//! ```
//!
//! A mirror is never told to remove what was not put there from here. Passwords are not used, programs get fixed arguments and no
//! shell, everything ends in time, and what the other side says is cut and escaped before people see it.

mod bucket;
mod error;
mod known;
mod program;
mod sigv4;
mod ssh;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Mutex;

pub use bucket::{BucketAccess, BucketMirror, BucketPlace};
pub use error::PushError;
pub use ssh::{SshMirror, SshProgram};

use crate::export::export;
use crate::files::Files;
use crate::publisher::Clock;

/// One place that a page is brought to.
#[derive(Clone, Debug)]
pub enum Mirror {
    /// A folder of this machine; see [`export()`].
    Folder(PathBuf),
    /// A folder on a machine that is reached over ssh.
    Ssh(SshMirror),
    /// A bucket of a store that speaks S3.
    Bucket(BucketMirror),
    /// One that cannot be written to as it is configured, which is said again and again: a gate does not stop for it.
    Unusable {
        /// Its address.
        name: String,
        /// Why, and what to do.
        why: String,
    },
}

/// Brings pages to one place; one call at a time.
pub(crate) type Pusher = Arc<dyn Fn(Arc<Files>) -> Pushing + Send + Sync>;

/// A page on its way.
pub(crate) type Pushing = Pin<Box<dyn Future<Output = Result<(), PushError>> + Send>>;

impl Mirror {
    /// What metrics and people call it: its address, without users and keys.
    pub fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Ssh(mirror) => mirror.name(),
            Self::Bucket(mirror) => mirror.name(),
            Self::Unusable { name, .. } => name.clone(),
        }
    }

    pub(crate) fn pusher(self, clock: Clock) -> Pusher {
        match self {
            Self::Folder(folder) => Arc::new(move |files: Arc<Files>| -> Pushing {
                let folder = folder.clone();
                Box::pin(blocking(move || export(&folder, &files).map_err(PushError::from)))
            }),
            Self::Ssh(mirror) => {
                let mirror = Arc::new(Mutex::new(ssh::Desk::new(mirror)));
                Arc::new(move |files: Arc<Files>| -> Pushing {
                    let mirror = mirror.clone();
                    Box::pin(async move { mirror.lock().await.push(files).await })
                })
            }
            Self::Unusable { why, .. } => Arc::new(move |_: Arc<Files>| -> Pushing {
                let why = why.clone();
                Box::pin(async move { Err(PushError::Unusable { why }) })
            }),
            Self::Bucket(mirror) => {
                let mirror = Arc::new(Mutex::new(bucket::Desk::new(mirror, clock)));
                Arc::new(move |files: Arc<Files>| -> Pushing {
                    let mirror = mirror.clone();
                    Box::pin(async move { mirror.lock().await.push(files).await })
                })
            }
        }
    }
}

/// Does what waits for disks where nobody else waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PushError> + Send + 'static,
) -> Result<T, PushError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| PushError::Broken(error.to_string()))?
}
