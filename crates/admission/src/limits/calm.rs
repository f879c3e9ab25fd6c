//! How full the limits of addresses and networks get in calm, and how far they are above their floors for that.
//!
//! A limit is four times what 99.5 % of calm stays within, and never below its floor (decision-science, section 4). How full a limit is
//! can be read from the debts that it keeps, so that nothing else is kept of anybody: a limit that is more than a quarter full for more
//! than one of two hundred requests of calm is too low for this site.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Address, near, wide and widest network.
pub(super) const LEVELS: usize = 4;

/// How full limits were in calm, and their factors. Fixed memory, shared by all workers.
pub(super) struct Fills {
    levels: [Fill; LEVELS],
}

struct Fill {
    /// Requests in calm by how full the limit was after them.
    counts: [AtomicU32; PARTS],
    /// How many times its floor the limit is, in 256 parts.
    factor: AtomicU32,
}

impl Fills {
    pub(super) fn new() -> Self {
        let fill = || Fill { counts: [const { AtomicU32::new(0) }; PARTS], factor: AtomicU32::new(ONE) };
        Self { levels: std::array::from_fn(|_| fill()) }
    }

    /// How many times its floor a level's limit is, in 256 parts, 256 to [`FACTOR_MAX`].
    pub(super) fn factor(&self, level: usize) -> u32 {
        self.levels[level].factor.load(Relaxed)
    }

    /// A request in calm left a limit so full, 0 to 1.
    pub(super) fn note(&self, level: usize, fill: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a few dozen")]
        let part = (fill.clamp(0.0, 1.0) * PARTS as f64) as usize;
        self.levels[level].counts[part.min(PARTS - 1)].fetch_add(1, Relaxed);
    }

    /// Moves the factors of those levels that were seen often enough. To be called now and then, by one thread.
    pub(super) fn step(&self) {
        self.levels.iter().for_each(Fill::step);
    }

    /// The factors, for a successor and for the next start.
    pub(super) fn factors(&self) -> [u32; LEVELS] {
        std::array::from_fn(|level| self.factor(level))
    }

    /// Goes on with the factors of an earlier process.
    pub(super) fn restore(&self, factors: &[u32]) {
        for (level, &factor) in self.levels.iter().zip(factors) {
            level.factor.store(factor.clamp(ONE, FACTOR_MAX), Relaxed);
        }
    }
}

impl Fill {
    fn step(&self) {
        let counts: Vec<u32> = self.counts.iter().map(|count| count.load(Relaxed)).collect();
        let seen: u32 = counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
        if seen < SEEN_MIN {
            return;
        }
        // What was counted was counted under the factor that ends here.
        self.counts.iter().for_each(|count| count.store(0, Relaxed));
        let factor = f64::from(self.factor.load(Relaxed));
        let next = factor * change(full(&counts, seen));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to a few thousand"
        )]
        let next = next.clamp(f64::from(ONE), f64::from(FACTOR_MAX)) as u32;
        self.factor.store(next, Relaxed);
    }
}

/// How full the limit was at most after 99.5 % of the requests, 0 to 1.
fn full(counts: &[u32], seen: u32) -> f64 {
    let beyond = seen / RARE;
    let mut sum = 0;
    let place = counts.iter().rposition(|count| {
        sum += count;
        sum > beyond
    });
    (place.unwrap_or(0) + 1) as f64 / PARTS as f64
}

/// What the factor is multiplied with.
fn change(full: f64) -> f64 {
    if full > AIM {
        (full / AIM).min(RISE_MOST)
    } else if full <= AIM / 2.0 {
        FALL
    } else {
        1.0
    }
}

const PARTS: usize = 32;
const ONE: u32 = 256;
/// Sixteen times the floor: whoever asks for much in calm, to be allowed much in an attack, gets no further.
const FACTOR_MAX: u32 = 16 * ONE;
/// Requests that must have been looked at before anything is concluded from them.
const SEEN_MIN: u32 = 1_000;
/// One of so many requests may fill the limit further.
const RARE: u32 = 200;
/// A quarter: the limit is four times what calm needs.
const AIM: f64 = 0.25;
/// Within a thousand requests.
const RISE_MOST: f64 = 1.25;
/// What was a habit once is forgotten slowly.
const FALL: f64 = 0.98;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many thousand requests of calm that leave the limit so full as long as its factor is one.
    fn calm(fills: &Fills, thousands: u32, fill: f64) {
        for _ in 0..thousands {
            for _ in 0..1_000 {
                fills.note(0, fill * f64::from(ONE) / f64::from(fills.factor(0)));
            }
            fills.step();
        }
    }

    #[test]
    fn a_limit_is_four_times_what_calm_needs_and_never_below_its_floor() {
        let fills = Fills::new();
        calm(&fills, 50, 0.1);
        assert_eq!(fills.factors(), [ONE; LEVELS]);
        calm(&fills, 50, 0.8);
        let factor = f64::from(fills.factor(0)) / f64::from(ONE);
        assert!((3.0..3.6).contains(&factor), "0.8 of the floor: {factor}");
        calm(&fills, 200, 0.1);
        assert_eq!(fills.factors(), [ONE; LEVELS], "it is forgotten");
    }

    #[test]
    fn what_one_of_a_thousand_does_raises_nothing_and_nobody_gets_far() {
        let fills = Fills::new();
        for at in 0..20_000 {
            fills.note(1, if at % 1_000 == 0 { 1.0 } else { 0.1 });
            fills.note(2, 1.0);
            if at % 100 == 0 {
                fills.step();
            }
        }
        assert_eq!(fills.factors()[1], ONE);
        assert!(fills.factors()[2] <= FACTOR_MAX && fills.factors()[2] > 8 * ONE, "{:?}", fills.factors());
    }

    #[test]
    fn factors_go_on_in_another_process_within_their_bounds() {
        let fills = Fills::new();
        fills.restore(&[0, 512, u32::MAX]);
        assert_eq!(fills.factors(), [ONE, 512, FACTOR_MAX, ONE]);
    }
}
