//! The time by which passes age.

use std::time::Duration;

use model::{Instant, Timestamp};

/// A high-water wall time, advanced by the monotonic clock, that a jump of the wall clock cannot advance.
///
/// Otherwise a clock jump would make every attacker a customer. It is kept over restarts; after one it may follow the
/// wall clock forward by the time the process was away, at most [`PassClock::ABSENCE_MAX`].
#[derive(Clone, Copy, Debug)]
pub struct PassClock {
    time: Timestamp,
    last: Option<Instant>,
}

impl PassClock {
    /// The longest absence that ages passes.
    pub const ABSENCE_MAX: Duration = Duration::from_secs(7 * 86_400);
    /// A wall clock that differs by more than this has jumped (decision-science, section 0.14).
    pub const JUMP: Duration = Duration::from_secs(60);

    /// Goes on from the time that was kept, or begins with the wall clock.
    pub fn resume(kept: Option<Timestamp>, wall: Timestamp) -> Self {
        let time = kept.map_or(wall, |kept| kept.max(wall.min(kept + Self::ABSENCE_MAX)));
        Self { time, last: None }
    }

    /// Advances to `now` and returns the pass time. It never goes back; it follows the wall clock only as far as the
    /// monotonic clock moved, and a little (at most a second a call) when the wall clock is slightly ahead.
    pub fn tick(&mut self, now: Instant, wall: Timestamp) -> Timestamp {
        let elapsed = self.last.map_or(Duration::ZERO, |last| now.since(last));
        self.last = Some(self.last.map_or(now, |last| last.max(now)));
        self.time = self.time + elapsed;
        let ahead = wall.since(self.time);
        if ahead > Duration::ZERO && ahead <= Self::JUMP {
            self.time = self.time + ahead.min(Duration::from_secs(1));
        }
        self.time
    }

    /// The pass time; to be kept.
    pub const fn time(&self) -> Timestamp {
        self.time
    }
}
