//! Concurrency and throughput of the last six seconds, and what one did to the other.

/// Steps that are kept.
const STEPS: usize = 60;
/// Steps in each half of the comparison in [`History::overshoot`].
const HALF: usize = 10;
/// How often the whole history is looked at, in steps.
const KNEE_EVERY: u32 = 10;
/// Concurrency must have varied by so much of itself ...
const KNEE_VARIED: f64 = 0.03;
/// ... and throughput by less than this part of that.
const KNEE_ELASTICITY: f64 = 0.2;
/// Concurrency must have fallen to this share of what it was, for throughput to say something.
const FALLEN: f64 = 0.9;

/// The last [`STEPS`] steps.
pub(super) struct History {
    inflight: [f64; STEPS],
    completions: [f64; STEPS],
    len: usize,
    next: usize,
    since_look: u32,
}

impl History {
    pub(super) const fn new() -> Self {
        Self { inflight: [0.0; STEPS], completions: [0.0; STEPS], len: 0, next: 0, since_look: 0 }
    }

    pub(super) fn push(&mut self, inflight: u32, completions: u32) {
        self.inflight[self.next] = f64::from(inflight);
        self.completions[self.next] = f64::from(completions);
        self.next = (self.next + 1) % STEPS;
        self.len = (self.len + 1).min(STEPS);
        self.since_look += 1;
    }

    pub(super) fn clear(&mut self) {
        (self.len, self.since_look) = (0, 0);
    }

    /// Whether more concurrency has brought hardly more throughput over the whole history, with concurrency not the same
    /// all the time (the covariance guard of decision-science, section 3). Looks once a second at most.
    pub(super) fn is_past_the_knee(&mut self) -> bool {
        if self.since_look < KNEE_EVERY || self.len < STEPS {
            return false;
        }
        self.since_look = 0;
        let (inflight, completions) = (mean(&self.inflight), mean(&self.completions));
        let pairs = self.inflight.iter().zip(&self.completions);
        let covariance: f64 = pairs.map(|(x, y)| (x - inflight) * (y - completions)).sum();
        let variance: f64 = self.inflight.iter().map(|x| (x - inflight) * (x - inflight)).sum();
        let varied = variance > STEPS as f64 * (KNEE_VARIED * inflight) * (KNEE_VARIED * inflight);
        varied && covariance * inflight <= KNEE_ELASTICITY * variance * completions
    }

    /// If concurrency fell in the last second and throughput clearly with it: the concurrency of the second before.
    pub(super) fn overshoot(&self) -> Option<f64> {
        if self.len < 2 * HALF || !self.len.is_multiple_of(HALF) {
            return None;
        }
        let (before, after) = (self.sums(2 * HALF, HALF), self.sums(HALF, 0));
        let concurrency = after.0 / before.0;
        let throughput = after.1 / before.1;
        // At least half of the fall in concurrency, and more than chance does to so many completions.
        let fallen = concurrency < FALLEN
            && throughput < 1.0 - 0.5 * (1.0 - concurrency)
            && before.1 - after.1 > 1.5 * before.1.sqrt();
        #[expect(clippy::cast_precision_loss, reason = "ten")]
        fallen.then_some(before.0 / HALF as f64)
    }

    /// Concurrency and completions summed over the steps from `from` back to `to` back.
    fn sums(&self, from: usize, to: usize) -> (f64, f64) {
        let steps = (to + 1..=from).map(|back| (self.next + STEPS - back) % STEPS);
        steps.fold((0.0, 0.0), |(x, y), at| (x + self.inflight[at], y + self.completions[at]))
    }
}

#[expect(clippy::cast_precision_loss, reason = "sixty")]
fn mean(values: &[f64; STEPS]) -> f64 {
    values.iter().sum::<f64>() / STEPS as f64
}
