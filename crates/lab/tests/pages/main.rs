//! The gate's own pages as people meet them: in a browser whose scripts are off, in a text browser, with curl, and as
//! axe-core sees them for those who cannot see or point.

mod look;
mod waiting;
mod world;

use std::time::Duration;

/// Generous on a busy machine; the longest wait is 30 s.
pub(crate) const SOON: Duration = Duration::from_secs(20);
