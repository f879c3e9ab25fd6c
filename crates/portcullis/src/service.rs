//! A gate that runs until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::running::Running;

/// Keeps house once a second until SIGTERM or SIGINT, then stops in good order.
pub(crate) fn until_stopped(
    running: Running,
    _state: &Path,
    _console: Option<SocketAddr>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut seconds = 0;
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = interrupt.recv() => break,
                _ = second.tick() => {
                    seconds += 1;
                    running.keep_house(seconds);
                }
            }
        }
        Ok::<_, std::io::Error>(())
    })?;
    running.events.info(format_args!("stopping: open requests may end first"));
    running.stop();
    Ok(())
}
