//! A small closed loop: a gate with L slots before an app of so many servers and one queue.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small numbers of a simulation"
)]

use super::*;

/// Median service time in milliseconds, and σ of its logarithm.
const SERVICE_MS: f64 = 40.0;
const SIGMA: f64 = 0.5;

pub(super) struct World {
    pub(super) limit: ConcurrencyLimit,
    pub(super) servers: usize,
    /// Service times are multiplied by this.
    pub(super) slowness: f64,
    /// From this many requests in service the app answers 503 at once.
    pub(super) refuses_from: usize,
    pub(super) calm: bool,
    /// Requests that were wanted at a given load, and found no slot.
    pub(super) shed: usize,
    random: u64,
    millis: u64,
    /// Requests that wait at the app, by arrival, and those in service, by end; in microseconds.
    waiting: VecDeque<u64>,
    ends: BinaryHeap<Reverse<(u64, u64)>>,
}

/// Lowest, mean and highest L over the number of servers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) low: f64,
    pub(super) mean: f64,
    pub(super) high: f64,
}

impl World {
    pub(super) fn new(servers: usize) -> Self {
        Self {
            limit: ConcurrencyLimit::new(None),
            servers,
            slowness: 1.0,
            refuses_from: usize::MAX,
            calm: true,
            shed: 0,
            random: 7,
            millis: 0,
            waiting: VecDeque::new(),
            ends: BinaryHeap::new(),
        }
    }

    /// Seconds of calm in which this share of capacity is asked.
    pub(super) fn calm(&mut self, seconds: u64, load: f64) -> Settled {
        self.calm = true;
        self.run(seconds, Some(load))
    }

    /// Seconds in which every slot is always wanted.
    pub(super) fn flood(&mut self, seconds: u64) -> Settled {
        self.calm = false;
        self.run(seconds, None)
    }

    pub(super) fn run(&mut self, seconds: u64, load: Option<f64>) -> Settled {
        let mut settled = Settled { low: f64::INFINITY, mean: 0.0, high: 0.0 };
        for _ in 0..seconds * 10 {
            let limit = self.step(load) / self.servers as f64;
            settled.low = settled.low.min(limit);
            settled.mean += limit / (seconds * 10) as f64;
            settled.high = settled.high.max(limit);
        }
        settled
    }

    pub(super) fn inflight(&self) -> usize {
        self.waiting.len() + self.ends.len()
    }

    /// One step of the limiter.
    fn step(&mut self, load: Option<f64>) -> f64 {
        let (mut times, mut failures) = (Vec::new(), 0);
        for _ in 0..STEP_MILLIS {
            failures += self.millisecond(load, &mut times);
        }
        times.sort_by(f64::total_cmp);
        let median_ms = times.get(times.len() / 2).copied().unwrap_or(0.0);
        let sample = [ClassSample { class: 0, count: times.len() as u32, median_ms }];
        let full = load.is_none() && self.inflight() as f64 + 1.0 > self.limit.limit();
        let window = Window {
            classes: if times.is_empty() { &[] } else { &sample },
            inflight: self.inflight() as u32,
            completions: times.len() as u32,
            hard_failures: failures,
            queue_wait_ms: if full { 20 } else { 0 },
            level_calm: self.calm,
            known_concurrency: 0.0,
        };
        self.limit.step(Instant::from_millis(self.millis), &window)
    }

    /// Ends what is due and begins what is wanted. Answers how many the app refused.
    fn millisecond(&mut self, load: Option<f64>, times: &mut Vec<f64>) -> u32 {
        let now = self.millis * 1_000;
        while let Some(&Reverse((end, arrived))) = self.ends.peek()
            && end <= now
        {
            self.ends.pop();
            times.push((end - arrived) as f64 / 1_000.0);
            self.serve(end);
        }
        let mean_ms = SERVICE_MS * libm::exp(SIGMA * SIGMA / 2.0);
        let wanted = load.map_or(usize::MAX, |load| self.poisson(load * self.servers as f64 / mean_ms));
        let slots = (self.limit.limit().min(1e4) as usize).saturating_sub(self.inflight());
        if load.is_some() {
            self.shed += wanted.saturating_sub(slots);
        }
        let mut refused = 0;
        for _ in 0..wanted.min(slots) {
            if self.inflight() >= self.refuses_from {
                refused += 1;
            } else {
                self.waiting.push_back(now);
                self.serve(now);
            }
        }
        self.millis += 1;
        refused
    }

    fn serve(&mut self, now: u64) {
        while self.ends.len() < self.servers
            && let Some(arrived) = self.waiting.pop_front()
        {
            let service = SERVICE_MS * self.slowness * libm::exp(SIGMA * self.normal());
            self.ends.push(Reverse((now + (service * 1_000.0) as u64, arrived)));
        }
    }

    fn poisson(&mut self, mean: f64) -> usize {
        let (floor, mut product, mut count) = (libm::exp(-mean), self.uniform(), 0);
        while product > floor {
            product *= self.uniform();
            count += 1;
        }
        count
    }

    /// The sum of a few uniforms is nearly normal.
    fn normal(&mut self) -> f64 {
        ((0..4).map(|_| self.uniform()).sum::<f64>() - 2.0) * libm::sqrt(3.0)
    }

    /// SplitMix64.
    fn uniform(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
