//! Service times per route class: those of calm, and those of the last seconds.

use model::Instant;
use std::time::Duration;

/// How many route classes are told apart.
pub const CLASSES: usize = 256;

/// Service times of one route class in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassSample {
    /// The route class.
    pub class: u8,
    /// How many requests.
    pub count: u32,
    /// Their median time from dispatch to the first response byte, in milliseconds.
    pub median_ms: f64,
}

/// What one route class takes in calm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassBase {
    /// The route class.
    pub class: u8,
    /// The typical median of a second, in milliseconds.
    pub median_ms: f64,
    /// Requests that it rests on.
    pub samples: u64,
    /// Seconds that it rests on.
    pub seconds: u32,
}

/// Steps in one pane.
const PANE_STEPS: usize = 2;
/// Panes that are kept: 10 s.
const PANES: usize = 50;
/// Panes in a second.
const PANES_SECOND: usize = 5;
/// Panes that are always looked at: the running one and the one before it.
const PANES_MIN: usize = 2;
/// Samples that a judgement needs; also the most that one class weighs, so that a flood of one expensive route does
/// not pass for a slow app.
const SAMPLES: u32 = 30;
/// Samples after which a class has a base of its own.
const SAMPLES_KNOWN: u64 = 100;
/// The base of a class without one, in milliseconds, unless even its fastest answers took longer.
const BASE_UNKNOWN_MS: f64 = 100.0;
/// Seconds over which a base is averaged.
const BASE_SECONDS: u32 = 600;
/// Added to both sides of the comparison, in milliseconds: below that, times are those of timers and schedulers.
const NOISE_MS: f64 = 1.0;
/// A pause in the steps after which old samples say nothing about now.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Default)]
struct Pane {
    count: u32,
    /// Sum of medians, each times its count.
    sum: f64,
}

impl Pane {
    fn add(&mut self, count: u32, median_ms: f64) {
        self.count = self.count.saturating_add(count);
        self.sum += f64::from(count) * median_ms;
    }

    fn mean(self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }
}

#[derive(Clone, Copy, Debug)]
struct Base {
    median_ms: f64,
    /// The fastest pane so far, for as long as the base is not known.
    fastest_ms: f64,
    samples: u64,
    seconds: u32,
    second: Pane,
}

/// Service times of all route classes.
pub(super) struct Services {
    bases: Box<[Base]>,
    /// [`PANES`] rows of [`CLASSES`].
    panes: Box<[Pane]>,
    /// One more than the highest class seen: the rest of each row is empty.
    classes: usize,
    row: usize,
    row_steps: usize,
    second_steps: u64,
    second_clean: bool,
    last: Option<Instant>,
}

impl Services {
    pub(super) fn new() -> Self {
        let base = Base {
            median_ms: 0.0,
            fastest_ms: f64::INFINITY,
            samples: 0,
            seconds: 0,
            second: Pane::default(),
        };
        Self {
            bases: vec![base; CLASSES].into(),
            panes: vec![Pane::default(); CLASSES * PANES].into(),
            classes: 0,
            row: 0,
            row_steps: 0,
            second_steps: 0,
            second_clean: true,
            last: None,
        }
    }

    pub(super) fn restore(&mut self, bases: &[ClassBase]) {
        for kept in bases.iter().filter(|kept| kept.median_ms.is_finite() && kept.median_ms > 0.0) {
            let base = &mut self.bases[usize::from(kept.class)];
            (base.median_ms, base.samples, base.seconds) = (kept.median_ms, kept.samples, kept.seconds);
        }
    }

    pub(super) fn bases(&self) -> Vec<ClassBase> {
        let kept = |(class, base): (u8, &Base)| ClassBase {
            class,
            median_ms: base.median_ms,
            samples: base.samples,
            seconds: base.seconds,
        };
        (0..=u8::MAX).zip(&self.bases).filter(|(_, base)| base.samples > 0).map(kept).collect()
    }

    /// Takes the samples of one step.
    pub(super) fn record(&mut self, now: Instant, samples: &[ClassSample]) {
        if self.last.is_some_and(|last| now.since(last) > PAUSE) {
            self.forget_recent();
        }
        self.last = Some(now);
        if self.row_steps == PANE_STEPS {
            self.turn_row();
        }
        self.row_steps += 1;
        let valid = |sample: &&ClassSample| sample.median_ms.is_finite() && sample.median_ms >= 0.0;
        for sample in samples.iter().take(CLASSES).filter(valid) {
            let class = usize::from(sample.class);
            self.classes = self.classes.max(class + 1);
            self.panes[self.row * CLASSES + class].add(sample.count, sample.median_ms);
            self.bases[class].second.add(sample.count, sample.median_ms);
        }
    }

    /// Forgets the last seconds, not what was learnt in calm.
    pub(super) fn forget_recent(&mut self) {
        self.panes.fill(Pane::default());
    }

    /// Ends a step. At the end of a second in which all steps were `calm`, its times are learnt.
    pub(super) fn learn(&mut self, calm: bool) {
        self.second_clean &= calm;
        self.second_steps += 1;
        if self.second_steps * super::STEP_MILLIS < 1_000 {
            return;
        }
        for base in &mut self.bases[..self.classes] {
            if self.second_clean && base.second.count > 0 {
                base.learn_second();
            }
            base.second = Pane::default();
        }
        (self.second_steps, self.second_clean) = (0, true);
    }

    /// The service time in calm over that of now, as the median over route classes weighted by their samples, from as
    /// many of the last panes as hold 30 samples. Nothing when the last 10 s do not hold them.
    pub(super) fn ratio(&self) -> Option<f64> {
        self.ratio_of(|base| base.samples >= SAMPLES_KNOWN).or_else(|| self.ratio_of(|_| true))
    }

    /// The concurrency that would have sufficed for the work of the last second at the speed of calm.
    pub(super) fn concurrency(&self) -> f64 {
        let rows = (1..=PANES_SECOND).map(|back| (self.row + PANES - back) % PANES * CLASSES);
        let panes = rows.flat_map(|row| self.panes[row..row + self.classes].iter().zip(&self.bases));
        panes.map(|(pane, base)| f64::from(pane.count) * base.expected_ms()).sum::<f64>() / 1_000.0
    }

    fn ratio_of(&self, counts: impl Fn(&Base) -> bool) -> Option<f64> {
        let mut seen = [Pane::default(); CLASSES];
        let mut enough = false;
        for back in 0..PANES {
            let row = (self.row + PANES - back) % PANES * CLASSES;
            for (class, pane) in self.panes[row..row + self.classes].iter().enumerate() {
                if pane.count > 0 && counts(&self.bases[class]) {
                    seen[class].count = seen[class].count.saturating_add(pane.count);
                    seen[class].sum += pane.sum;
                }
            }
            enough = seen[..self.classes].iter().map(|seen| seen.count.min(SAMPLES)).sum::<u32>() >= SAMPLES;
            if enough && back + 1 >= PANES_MIN {
                break;
            }
        }
        enough.then(|| self.median_ratio(&seen[..self.classes]))
    }

    fn median_ratio(&self, seen: &[Pane]) -> f64 {
        // Files answered from memory are as fast as ever while all pages wait, and there may be more kinds of them than of
        // pages (`docs/decisions/017-…`).
        let tells = |base: &Base| base.expected_ms() >= NOISE_MS;
        let any_tells = seen.iter().zip(&self.bases).any(|(pane, base)| pane.count > 0 && tells(base));
        let mut votes = [(f64::INFINITY, 0); CLASSES];
        let votes = &mut votes[..seen.len()];
        let mut weight = 0;
        for ((vote, pane), base) in votes.iter_mut().zip(seen).zip(&self.bases) {
            if pane.count > 0 && (tells(base) || !any_tells) {
                *vote = ((base.expected_ms() + NOISE_MS) / (pane.mean() + NOISE_MS), pane.count.min(SAMPLES));
                weight += vote.1;
            }
        }
        votes.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
        let mut below = 0;
        let middle = votes.iter().find(|vote| {
            below += vote.1;
            2 * below >= weight
        });
        middle.map_or(1.0, |vote| vote.0)
    }

    fn turn_row(&mut self) {
        let row = &self.panes[self.row * CLASSES..][..self.classes];
        for (base, pane) in self.bases.iter_mut().zip(row) {
            if pane.count > 0 && base.samples < SAMPLES_KNOWN {
                base.fastest_ms = base.fastest_ms.min(pane.mean());
            }
        }
        self.row = (self.row + 1) % PANES;
        self.row_steps = 0;
        self.panes[self.row * CLASSES..][..self.classes].fill(Pane::default());
    }
}

impl Base {
    fn expected_ms(&self) -> f64 {
        if self.samples >= SAMPLES_KNOWN {
            self.median_ms
        } else if self.fastest_ms.is_finite() {
            self.fastest_ms.max(BASE_UNKNOWN_MS)
        } else {
            BASE_UNKNOWN_MS
        }
    }

    fn learn_second(&mut self) {
        self.seconds = (self.seconds + 1).min(BASE_SECONDS);
        self.samples = self.samples.saturating_add(u64::from(self.second.count));
        self.median_ms += (self.second.mean() - self.median_ms) / f64::from(self.seconds);
    }
}
