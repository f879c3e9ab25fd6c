//! The app: so many workers, a queue before them, and what overload does to both.

use std::collections::VecDeque;

/// The app. A worker does one request at a time; the rest waits in order. The app does not notice that a client has gone.
pub(super) struct Origin {
    workers: f64,
    slowness: f64,
    busy: u32,
    /// Requests that wait for a worker, and how long each will take.
    queue: VecDeque<(u32, f64)>,
}

/// What became of a request that reached the app.
#[derive(Debug, PartialEq)]
pub(super) enum Begun {
    /// It is done after so many microseconds.
    Works(f64),
    /// It waits for a worker.
    Waits,
    /// It is answered with 503 at once: too many wait.
    TurnedAway,
}

impl Origin {
    pub(super) fn new(capacity: u32) -> Self {
        Self { workers: capacity.into(), slowness: 1.0, busy: 0, queue: VecDeque::new() }
    }

    /// A request that takes so many microseconds of work reaches the app.
    pub(super) fn begin(&mut self, job: u32, micros: f64) -> Begun {
        if f64::from(self.busy) < self.workers {
            self.busy += 1;
            return Begun::Works(self.drawn_out(micros));
        }
        if self.queue.len() as f64 >= QUEUE_MAX * self.workers.max(1.0) {
            return Begun::TurnedAway;
        }
        self.queue.push_back((job, micros));
        Begun::Waits
    }

    /// A worker is free again: the next request, and how long it takes.
    pub(super) fn end(&mut self) -> Option<(u32, f64)> {
        self.busy = self.busy.saturating_sub(1);
        self.next()
    }

    /// A request that waits, if a worker is free for it.
    pub(super) fn next(&mut self) -> Option<(u32, f64)> {
        if f64::from(self.busy) >= self.workers {
            return None;
        }
        let (job, micros) = self.queue.pop_front()?;
        self.busy += 1;
        Some((job, self.drawn_out(micros)))
    }

    /// Sets how many workers there are, and how slow each is.
    pub(super) fn set(&mut self, workers: f64, slowness: f64) {
        (self.workers, self.slowness) = (workers.max(1.0), slowness);
    }

    /// How long work takes now: caches run cold and memory short while many wait, so overload can outlive its cause.
    fn drawn_out(&self, micros: f64) -> f64 {
        let waiting = self.queue.len() as f64 / self.workers;
        micros * self.slowness * (1.0 + THRASHING * (waiting.min(THRASHING_UP_TO) - THRASHING_FROM).max(0.0))
    }
}

/// Requests that wait for each worker before the app turns others away.
const QUEUE_MAX: f64 = 30.0;
/// How much longer work takes for each request that waits for each worker beyond the first three, up to so many: at most
/// twice as long.
const THRASHING: f64 = 0.25;
const THRASHING_FROM: f64 = 3.0;
const THRASHING_UP_TO: f64 = 7.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_beyond_the_workers_waits_in_order_and_slows_the_rest() {
        let mut origin = Origin::new(2);
        assert_eq!(origin.begin(1, 100.0), Begun::Works(100.0));
        assert_eq!(origin.begin(2, 100.0), Begun::Works(100.0));
        for job in 3..12 {
            assert_eq!(origin.begin(job, 100.0), Begun::Waits);
        }
        assert_eq!(origin.end(), Some((3, 125.0)), "eight still wait before two workers");
        assert_eq!([origin.end(), origin.end()], [Some((4, 112.5)), Some((5, 100.0))]);
        for job in 6..12 {
            assert_eq!(origin.end(), Some((job, 100.0)));
        }
        assert_eq!([origin.end(), origin.end()], [None, None]);
    }

    #[test]
    fn too_many_are_turned_away() {
        let mut origin = Origin::new(1);
        let away = (0..100).filter(|&job| origin.begin(job, 1.0) == Begun::TurnedAway).count();
        assert_eq!(away, 69);
    }
}
