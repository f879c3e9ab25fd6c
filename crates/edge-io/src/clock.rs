//! The one place where the data plane reads a clock.

use std::time::Duration;

use model::{Instant, Timestamp};

/// Reads the operating system's clocks.
///
/// [`Clock::now`] never goes back; [`Clock::wall`] may jump, and is only for records and the pass clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    /// What [`Clock::now`] read at its origin.
    begun: Instant,
}

impl Clock {
    /// A clock whose origin lies one hour back, so that "long ago" is representable at the start.
    #[expect(clippy::disallowed_methods, reason = "the data plane's one clock")]
    pub fn start() -> Self {
        Self { origin: std::time::Instant::now(), begun: Instant::from_secs(HEAD_START_SECONDS) }
    }

    /// A clock that goes on from what a predecessor's read just now, so that moments which it noted keep their meaning.
    pub fn resume(now: Instant) -> Self {
        Self { begun: now.max(Instant::from_secs(HEAD_START_SECONDS)), ..Self::start() }
    }

    /// Monotonic time.
    #[expect(clippy::disallowed_methods, reason = "the data plane's one clock")]
    pub fn now(&self) -> Instant {
        let elapsed = std::time::Instant::now().saturating_duration_since(self.origin);
        self.begun + elapsed
    }

    /// Wall-clock time; a clock before 1970 reads as 1970.
    #[expect(clippy::disallowed_methods, reason = "the data plane's one clock")]
    pub fn wall(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// The processor time that this thread has taken: unlike the time that passes, it says nothing of other programs.
    pub(crate) fn thread_time() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap_or_default()
    }

    /// The same moment for the runtime's timers.
    pub(crate) fn timer(&self, at: Instant) -> tokio::time::Instant {
        let since_origin = at.since(self.begun);
        tokio::time::Instant::from_std(self.origin + since_origin)
    }
}

const HEAD_START_SECONDS: u64 = 3_600;
