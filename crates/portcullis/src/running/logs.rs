//! The gate's own log and the access log.

use std::sync::Arc;

use edge_io::{Clock, LogSink};
use journal_io::Now;
use journal_io::logs::{Events, LogWriter};

use super::{RunError, StateSettings};

/// The gate's own log, and that of requests.
pub(super) fn logs(state: &StateSettings, clock: Clock) -> Result<(Arc<Events>, Arc<LogWriter>), RunError> {
    let both: journal_io::Clock = Arc::new(move || Now { instant: clock.now(), wall: clock.wall() });
    let events = Arc::new(state.log.start_own(&both)?);
    Ok((events, Arc::new(state.log.start_access(both)?)))
}

/// Hands batches of access log lines on.
pub(super) struct Access(pub(super) Arc<LogWriter>);

impl LogSink for Access {
    fn offer(&self, lines: Vec<u8>, _count: u32) {
        // What it cannot take it counts itself.
        let _dropped = self.0.offer(lines);
    }
}
