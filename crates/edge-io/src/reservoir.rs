//! Samples of requests: each worker keeps a few of every step, drawn evenly; the ticker takes them and stops nobody.
//!
//! ```text
//! worker   counts each request, draws one now and then, and puts it into its basket, if nobody has his hand in it
//! ticker   begins a new step, empties every basket, and lets the samples stand for all that were counted
//! ```

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crossbeam_utils::CachePadded;
use model::{Name, Sample, Tier};

use crate::counters::add;
use crate::worker::splitmix;

/// Who is sampled together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
pub(crate) enum Crowd {
    /// T0 to T2.
    Known,
    /// T3 to T6.
    Others,
}

impl Crowd {
    pub(crate) const fn of(tier: Tier) -> Self {
        match tier {
            Tier::T0 | Tier::T1 | Tier::T2 => Self::Known,
            Tier::T3 | Tier::T4 | Tier::T5 | Tier::T6 => Self::Others,
        }
    }

    const ALL: [Self; 2] = [Self::Known, Self::Others];
}

/// A request that was drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    /// Its weight is set when the step is over.
    pub(crate) sample: Sample,
    /// Known clients or calm visitors were seen in its network before.
    pub(crate) is_from_seen_network: bool,
}

/// The baskets of all workers.
pub(crate) struct Baskets {
    step: AtomicU64,
    baskets: Box<[CachePadded<Basket>]>,
}

#[derive(Default)]
struct Basket {
    /// Requests of each crowd so far; only the worker writes.
    requests: [AtomicU64; 2],
    /// Only tried by the worker.
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    step: u64,
    drawn: [Vec<Drawn>; 2],
    names: Vec<Name>,
}

/// How far one worker is with its step.
#[derive(Debug)]
pub(crate) struct Draws {
    step: Cell<u64>,
    seen: [Cell<u64>; 2],
    dice: Cell<u64>,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self { step: Cell::new(0), seen: Default::default(), dice: Cell::new(splitmix(seed)) }
    }

    /// Counts a request of a step; its place if it is one of those to keep, so that each is kept as likely as any other.
    fn draw(&self, crowd: Crowd, step: u64) -> Option<usize> {
        if self.step.replace(step) != step {
            self.seen.iter().for_each(|seen| seen.set(0));
        }
        let seen = self.seen[crowd as usize].get();
        self.seen[crowd as usize].set(seen + 1);
        if seen < KEPT as u64 {
            return usize::try_from(seen).ok();
        }
        let dice = self.dice.get().wrapping_add(1);
        self.dice.set(dice);
        let place = (u128::from(splitmix(dice)) * u128::from(seen + 1)) >> 64;
        usize::try_from(place).ok().filter(|place| *place < KEPT)
    }
}

impl Baskets {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            step: AtomicU64::new(1),
            baskets: (0..workers)
                .map(|_| {
                    let basket = Basket::default();
                    basket.held.lock().unwrap_or_else(PoisonError::into_inner).step = 1;
                    CachePadded::new(basket)
                })
                .collect(),
        }
    }

    /// A worker counts a request. If it is to be kept, `look` looks at it; it may add names.
    pub(crate) fn count(
        &self,
        worker: usize,
        draws: &Draws,
        crowd: Crowd,
        look: impl FnOnce(&mut Vec<Name>) -> Drawn,
    ) {
        let basket = &self.baskets[worker];
        add(&basket.requests[crowd as usize], 1);
        let step = self.step.load(Relaxed);
        let Some(place) = draws.draw(crowd, step) else { return };
        // Whoever else holds it empties it this moment.
        let Ok(mut held) = basket.held.try_lock() else { return };
        if held.step != step {
            return;
        }
        let Held { drawn, names, .. } = &mut *held;
        let (drawn, sample) = (&mut drawn[crowd as usize], look(names));
        match drawn.get_mut(place) {
            Some(there) => *there = sample,
            None => drawn.push(sample),
        }
    }

    /// Ends the step: what every worker has drawn since the last one. Called by one thread.
    pub(crate) fn empty(&self, seen: &mut Taken, random: u64) -> Step {
        seen.before.resize(self.baskets.len(), [0; 2]);
        let next = self.step.load(Relaxed) + 1;
        self.step.store(next, Relaxed);
        let mut step = Step::default();
        let mut all = [Vec::new(), Vec::new()];
        for (basket, before) in self.baskets.iter().zip(&mut seen.before) {
            let mut held = basket.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.step = next;
            step.names.append(&mut held.names);
            let drawn = held.drawn.each_mut().map(std::mem::take);
            drop(held);
            for (crowd, mut drawn) in Crowd::ALL.into_iter().zip(drawn) {
                // What left no sample is told with the next step.
                if !drawn.is_empty() {
                    let count = basket.requests[crowd as usize].load(Relaxed);
                    let before = std::mem::replace(&mut before[crowd as usize], count);
                    weigh(&mut drawn, count.wrapping_sub(before));
                    all[crowd as usize].append(&mut drawn);
                }
            }
        }
        let others = &all[Crowd::Others as usize];
        let from_seen = others.iter().filter(|drawn| drawn.is_from_seen_network).count();
        step.seen_networks = [from_seen, others.len()].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let [known, others] = all.map(|drawn| thin(&drawn, KEPT, random));
        (step.known, step.others) = (known, others);
        step
    }
}

/// How many requests each worker had counted when a step last left samples.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    before: Vec<[u64; 2]>,
}

/// The samples of one step of all workers.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// At most [`KEPT`]; their weights add up to the requests of T0 to T2.
    pub(crate) known: Vec<Sample>,
    /// At most [`KEPT`]; their weights add up to the requests of T3 to T6.
    pub(crate) others: Vec<Sample>,
    /// Samples of others from networks seen before, and all that were drawn.
    pub(crate) seen_networks: [u32; 2],
    pub(crate) names: Vec<Name>,
}

/// Lets samples stand for so many requests, as evenly as it goes.
fn weigh(drawn: &mut [Drawn], requests: u64) {
    let (each, rest) = (requests / drawn.len().max(1) as u64, requests % drawn.len().max(1) as u64);
    for (at, drawn) in drawn.iter_mut().enumerate() {
        drawn.sample.weight = u32::try_from(each + u64::from((at as u64) < rest)).unwrap_or(u32::MAX).max(1);
    }
}

/// At most so many of the samples, each as likely as it weighs; their weights add up to the same.
fn thin(drawn: &[Drawn], most: usize, random: u64) -> Vec<Sample> {
    let weights = drawn.iter().map(|drawn| u64::from(drawn.sample.weight));
    let total: u64 = weights.sum();
    if drawn.len() <= most || total == 0 {
        return drawn.iter().map(|drawn| drawn.sample).collect();
    }
    // Points at even distances on a line on which each sample takes as much room as it weighs.
    let (most, start) = (most as u64, random % total);
    let (mut kept, mut point, mut end) = (Vec::with_capacity(KEPT), 0, 0);
    for drawn in drawn {
        end += u64::from(drawn.sample.weight);
        let mut weight = 0;
        while point < most && (point * total + start) / most < end {
            weight += total / most + u64::from(point < total % most);
            point += 1;
        }
        if weight > 0 {
            kept.push(Sample { weight: u32::try_from(weight).unwrap_or(u32::MAX), ..drawn.sample });
        }
    }
    kept
}

/// Samples of each crowd in one step: those of ten steps, a second, are no more than [`model::SAMPLES_MAX`].
pub(crate) const KEPT: usize = 25;

#[cfg(test)]
mod tests {
    use model::{Cohort, SAMPLES_MAX, Values};
    use proptest::prelude::*;

    use super::*;

    fn drawn(number: u32) -> Drawn {
        let sample = Sample {
            weight: 0,
            tier: Tier::T5,
            cohort: Cohort::new(0),
            cost_micros: number,
            navigation: false,
            keeps_cookies: false,
            values: Values::default(),
        };
        Drawn { sample, is_from_seen_network: number.is_multiple_of(2) }
    }

    /// One step in which each worker counts so many requests; the first 1,000 belong to the first worker.
    fn step(requests: &[u32], seed: u64) -> Step {
        let (baskets, mut taken) = (Baskets::new(requests.len()), Taken::default());
        for (worker, requests) in requests.iter().enumerate() {
            let draws = Draws::new(seed + worker as u64);
            for number in 0..*requests {
                let number = number + u32::try_from(worker).unwrap() * 1_000;
                baskets.count(worker, &draws, Crowd::Others, |_| drawn(number));
            }
        }
        baskets.empty(&mut taken, splitmix(seed))
    }

    proptest! {
        #[test]
        fn weights_add_up_to_the_requests(requests in proptest::collection::vec(0_u32..3_000, 1..5), seed: u64) {
            let step = step(&requests, seed % 1_000_000);
            let sum: u32 = step.others.iter().map(|sample| sample.weight).sum();
            prop_assert_eq!(sum, requests.iter().sum::<u32>());
            prop_assert!(step.others.len() <= KEPT && step.others.iter().all(|sample| sample.weight > 0));
            prop_assert!(step.known.is_empty());
        }
    }

    #[test]
    fn each_request_is_drawn_as_often_as_any_other() {
        // 4,000 steps of two workers, one of which has a third of the requests of the other.
        let mut parts = [0_u32; 8];
        for seed in 0..4_000 {
            for sample in step(&[300, 100], seed * 7).others {
                let number =
                    if sample.cost_micros < 1_000 { sample.cost_micros } else { sample.cost_micros - 700 };
                parts[number as usize / 50] += 1;
            }
        }
        let all: u32 = parts.iter().sum();
        assert!(all > 90_000, "{all}");
        let even = all / 8;
        assert!(parts.iter().all(|part| part.abs_diff(even) < even / 25), "{parts:?}");
    }

    #[test]
    fn steps_do_not_mix_and_what_was_not_sampled_is_told_later() {
        let (baskets, mut taken, draws) = (Baskets::new(1), Taken::default(), Draws::new(1));
        let count = |number| baskets.count(0, &draws, Crowd::Known, |_| drawn(number));
        count(1);
        assert_eq!(baskets.empty(&mut taken, 0).known.len(), 1);
        let held = baskets.baskets[0].held.lock().unwrap();
        count(2);
        drop(held);
        assert!(baskets.empty(&mut taken, 0).known.is_empty());
        count(3);
        let step = baskets.empty(&mut taken, 0);
        assert_eq!(
            step.known.iter().map(|sample| (sample.cost_micros, sample.weight)).collect::<Vec<_>>(),
            [(3, 2)]
        );
        assert!(baskets.empty(&mut taken, 0).known.is_empty());
    }

    #[test]
    fn ten_steps_fit_in_what_the_core_takes_of_a_second() {
        const { assert!(10 * KEPT <= SAMPLES_MAX) };
        assert_eq!(step(&[40], 1).seen_networks[1], 25);
    }
}
