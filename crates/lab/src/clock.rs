//! The one place outside the product that reads a clock and sleeps.

use std::time::{Duration, Instant};

/// How long a condition is given between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Measures how long something took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    begun: Instant,
}

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "the lab's one reading of the clock")]
    pub fn start() -> Self {
        Self { begun: Instant::now() }
    }

    /// The time since the start.
    #[expect(clippy::disallowed_methods, reason = "the lab's one reading of the clock")]
    pub fn elapsed(self) -> Duration {
        self.begun.elapsed()
    }
}

/// Sleeps. Real processes need real time; nothing else may.
#[expect(clippy::disallowed_methods, reason = "real processes need real time")]
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}

/// Looks every 20 ms until `look` gives something, at most for `limit`.
pub fn wait_for<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if watch.elapsed() >= limit {
            return None;
        }
        pause(LOOK_EVERY);
    }
}
