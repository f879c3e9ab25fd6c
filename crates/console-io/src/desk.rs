//! Carries commands out beside the listeners, so that a long one keeps nobody waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::ControlPlane;
use crate::ctl::{Command, CommandError, Reply};

/// Between the listeners and the control plane.
pub(crate) struct Desk {
    plane: Arc<dyn ControlPlane>,
    slow: Arc<Semaphore>,
    scrapes: Arc<Semaphore>,
}

/// Why the control plane gave no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undone {
    /// It cannot be meant.
    #[error(transparent)]
    Invalid(#[from] CommandError),
    /// It takes too long.
    #[error(
        "the gate has not finished this within {seconds} s and may still do it; look with `portcullis ctl status`",
        seconds = PATIENCE.as_secs()
    )]
    Late,
    /// It panicked.
    #[error("the gate failed at this command; its log says more")]
    Failed,
}

impl Desk {
    /// Threads that the runtime needs: slow commands and scrapes never take the last two, which `bypass` needs.
    pub(crate) const THREADS: usize = SLOW_MAX + SCRAPES_MAX + 2;

    pub(crate) fn new(plane: Arc<dyn ControlPlane>) -> Self {
        let seats = |count| Arc::new(Semaphore::new(count));
        Self { plane, slow: seats(SLOW_MAX), scrapes: seats(SCRAPES_MAX) }
    }

    /// Checks a command and carries it out.
    pub(crate) async fn command(&self, uid: Option<u32>, command: Command) -> Result<Reply, Undone> {
        command.check()?;
        let working = async {
            let seat = if command.is_slow() { self.slow.clone().acquire_owned().await.ok() } else { None };
            let plane = self.plane.clone();
            spawn_blocking(move || {
                let reply = plane.command(uid, command);
                // Held by the work, not by the one who waits for it and may give up.
                drop(seat);
                reply
            })
            .await
        };
        match timeout(PATIENCE, working).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(Undone::Failed),
            Err(_) => Err(Undone::Late),
        }
    }

    /// Asks the control plane something that the record of incidents knows; nothing if that takes too long.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn ControlPlane) -> T + Send + 'static,
    ) -> Option<T> {
        let working = async {
            let seat = self.slow.clone().acquire_owned().await.ok()?;
            let plane = self.plane.clone();
            let working = spawn_blocking(move || {
                let answer = question(&*plane);
                drop(seat);
                answer
            });
            working.await.ok()
        };
        timeout(PATIENCE, working).await.ok().flatten()
    }

    pub(crate) fn moment(&self) -> incident::Moment {
        self.plane.moment()
    }

    /// The metrics; nothing if they cannot be had in time.
    pub(crate) async fn metrics(&self) -> Option<String> {
        let working = async {
            let seat = self.scrapes.clone().acquire_owned().await.ok()?;
            let plane = self.plane.clone();
            let working = spawn_blocking(move || {
                let metrics = plane.metrics();
                drop(seat);
                metrics
            });
            working.await.ok()
        };
        timeout(PATIENCE, working).await.ok().flatten()
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.plane.is_healthy()
    }
}

const SLOW_MAX: usize = 2;
const SCRAPES_MAX: usize = 1;
/// Longer than the longest wait of a command (30 s for the journal), shorter than what the client waits.
const PATIENCE: Duration = Duration::from_secs(40);
