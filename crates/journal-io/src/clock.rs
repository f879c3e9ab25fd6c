//! Time, as the threads of this crate are given it.

use std::sync::Arc;

use model::{Instant, Timestamp};

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// The monotonic clock: budgets and pauses rest on it.
    pub instant: Instant,
    /// The wall clock: ages of files and times in records.
    pub wall: Timestamp,
}

/// Reads both clocks. The binary gives its one clock; a test gives a number.
pub type Clock = Arc<dyn Fn() -> Now + Send + Sync>;
