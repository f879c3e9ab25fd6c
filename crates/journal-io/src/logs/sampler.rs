//! One in so many.

use std::sync::atomic::{AtomicU64, Ordering};

/// Chooses the first of every `n`, and counts all exactly; shared by all workers.
#[derive(Debug)]
pub struct Sampler {
    n: u64,
    seen: AtomicU64,
}

impl Sampler {
    /// One in `n`; zero counts as one. Refusals: 100 (decision-science, section 9).
    pub fn one_in(n: u64) -> Self {
        Self { n: n.max(1), seen: AtomicU64::new(0) }
    }

    /// Counts one, and says whether it is chosen.
    pub fn choose(&self) -> bool {
        self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.n)
    }

    /// How many there were.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// How many each chosen one stands for.
    pub const fn weight(&self) -> u64 {
        self.n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_every_hundred_is_chosen_and_all_are_counted() {
        let sampler = Sampler::one_in(100);
        let chosen: Vec<u64> = (0..250).filter(|_| sampler.choose()).collect();
        assert_eq!((chosen, sampler.seen()), (vec![0, 100, 200], 250));
        assert!((0..3).all(|_| Sampler::one_in(0).choose()));
    }
}
