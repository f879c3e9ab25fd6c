//! The thread that reads all workers' counters ten times a second and moves L, the threshold and the level.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use admission::concurrency::ClassSample;
use admission::site::{Controller, Served, Tick, Turn};
use model::{COHORTS, Cohort, Instant, Outcome, Tier, Traffic};

use crate::counters::{CLASSES, SERVICE_BUCKETS, service_bucket_millis};
use crate::edge::Shared;
use crate::traffic::TrafficSeen;
use crate::undeclared::Watch;

/// What the rest of the gate hears from the ticker.
pub trait Listener: Send {
    /// Called after each step; must be quick.
    fn turned(&mut self, turn: &Turn, controller: &mut Controller, now: Instant);

    /// Called before each step with what it is about to tell the decision core; must be quick.
    fn counted(&mut self, _traffic: &Traffic) {}

    /// Called once after the last step.
    fn ends(&mut self, _controller: &Controller, _now: Instant) {}

    /// The free share of the disk that state lies on, 0 to 1; asked for once a minute.
    fn disk_free(&mut self) -> f64 {
        1.0
    }

    /// Probes of the way to the gate from outside since the last call: those that failed, and all.
    fn probes(&mut self) -> [u32; 2] {
        [0; 2]
    }
}

/// Starts the thread. It ends with the edge, or with a panic, which [`Shared::ticker_panic`] tells: it is not begun anew, because
/// nobody knows what the controller is worth then. The data plane does without ([`Site::is_undecided`]), and a watchdog ends the
/// process ([`Shared::stuck_for`]).
///
/// [`Site::is_undecided`]: admission::site::Site::is_undecided
pub(crate) fn start(
    shared: Arc<Shared>,
    controller: Controller,
    listener: Box<dyn Listener>,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("ticker".to_owned()).spawn(move || {
        if let Some(words) = last_words(|| run(&shared, controller, listener)) {
            let _first = shared.ticker_panic.set(words);
        }
    })
}

fn run(shared: &Shared, mut controller: Controller, mut listener: Box<dyn Listener>) {
    let mut seen = Seen::new();
    let mut undeclared = Watch::default();
    let mut last = shared.clock.now();
    while !shared.stopping.load(Relaxed) {
        std::thread::park_timeout(STEP);
        let now = shared.clock.now();
        if now.since(last) < STEP / 2 {
            continue;
        }
        shared.does_rounds(shared.rounds.len() - 1, now);
        let turn = step(shared, &mut controller, &mut *listener, &mut seen, last, now);
        last = now;
        listener.turned(&turn, &mut controller, now);
        shared.weigh_buffers();
        undeclared.look(shared, now);
        lock(&shared.ticks).count(shared.clock.now().since(now));
    }
    shared.site.await_no_decision();
    listener.ends(&controller, shared.clock.now());
}

/// What a panic says that ends `work`.
fn last_words(work: impl FnOnce()) -> Option<String> {
    // Nothing that it may have left half done is looked at again, but for what is made of atomics and survives it.
    let panic: Box<dyn Any + Send> = catch_unwind(AssertUnwindSafe(work)).err()?;
    let literal = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    let words = literal.or_else(|| panic.downcast_ref::<String>().cloned());
    Some(words.unwrap_or_else(|| "it said nothing".to_owned()))
}

fn step(
    shared: &Shared,
    controller: &mut Controller,
    listener: &mut dyn Listener,
    seen: &mut Seen,
    last: Instant,
    now: Instant,
) -> Turn {
    seen.read(shared);
    let [random, secret] = crate::random::words();
    let mut traffic = seen.traffic.read(shared, now.since(last), random, || listener.disk_free());
    traffic.probes = listener.probes();
    listener.counted(&traffic);
    let turn = controller.step(
        &shared.site,
        Tick {
            now,
            wall: shared.clock.wall(),
            millis: u64::try_from(now.since(last).as_millis()).unwrap_or(u64::MAX),
            classes: &seen.classes,
            offered_micros: &seen.offered,
            removed_micros: &seen.traffic.removed_micros(shared),
            traffic,
            served: seen.served,
            queue_wait_ms: seen.queue_wait_ms,
            known_requests: seen.known_requests,
            random,
            secret,
        },
    );
    let wake = &mut |place: admission::slots::Place| shared.wakers[place.index()].wake();
    shared.site.slots().set_limit(turn.slots_limit, now, wake);
    shared.origins.follow(turn.slots_limit);
    turn
}

/// The counters as they were at the step before, and what has come since.
struct Seen {
    service_before: Vec<[u32; SERVICE_BUCKETS]>,
    offered_before: Box<[[u64; COHORTS]; Tier::COUNT]>,
    served_before: Served,
    known_before: u64,
    classes: Vec<ClassSample>,
    offered: Box<[[u64; COHORTS]; Tier::COUNT]>,
    served: Served,
    queue_wait_ms: u64,
    known_requests: u64,
    traffic: TrafficSeen,
}

impl Seen {
    fn new() -> Self {
        Self {
            service_before: vec![[0; SERVICE_BUCKETS]; CLASSES],
            offered_before: Box::new([[0; COHORTS]; Tier::COUNT]),
            served_before: Served::default(),
            known_before: 0,
            classes: Vec::with_capacity(CLASSES),
            offered: Box::new([[0; COHORTS]; Tier::COUNT]),
            served: Served::default(),
            queue_wait_ms: 0,
            known_requests: 0,
            traffic: TrafficSeen::default(),
        }
    }

    fn read(&mut self, shared: &Shared) {
        self.read_service(shared);
        for tier in Tier::ALL {
            for cohort in 0..COHORTS {
                let which = Cohort::new(u8::try_from(cohort).unwrap_or(0));
                let total = shared.counters.iter().map(|counters| counters.offered_micros(tier, which)).sum();
                let before = &mut self.offered_before[tier.index()][cohort];
                self.offered[tier.index()][cohort] = total - *before;
                *before = total;
            }
        }
        let sum = |cell: fn(&crate::Counters) -> u64| shared.counters.iter().map(cell).sum::<u64>();
        let total = Served {
            answers: sum(|c| c.origin_answers.load(Relaxed)),
            failures: sum(|c| c.origin_failures.load(Relaxed)),
            overloads: sum(|c| c.origin_overloads.load(Relaxed)),
        };
        self.served = Served {
            answers: total.answers - self.served_before.answers,
            failures: total.failures - self.served_before.failures,
            overloads: total.overloads - self.served_before.overloads,
        };
        self.served_before = total;
        let waits = shared.counters.iter().map(|counters| counters.queue_wait_micros.swap(0, Relaxed));
        self.queue_wait_ms = waits.max().unwrap_or(0) / 1_000;
        let known: u64 = [Tier::T1, Tier::T2]
            .into_iter()
            .flat_map(|tier| Outcome::ALL.map(|outcome| sum_requests(shared, tier, outcome)))
            .sum();
        self.known_requests = known - self.known_before;
        self.known_before = known;
    }

    /// The median service time of each class with data in this step.
    fn read_service(&mut self, shared: &Shared) {
        self.classes.clear();
        for class in 0..CLASSES {
            let before = &mut self.service_before[class];
            let mut counts = [0_u32; SERVICE_BUCKETS];
            for (bucket, count) in counts.iter_mut().enumerate() {
                let total =
                    shared.counters.iter().fold(0_u32, |sum, c| sum.wrapping_add(c.service(class, bucket)));
                *count = total.wrapping_sub(before[bucket]);
                before[bucket] = total;
            }
            let count: u32 = counts.iter().sum();
            if count > 0 {
                let class = u8::try_from(class).unwrap_or(0);
                self.classes.push(ClassSample { class, count, median_ms: median(&counts, count) });
            }
        }
    }
}

fn sum_requests(shared: &Shared, tier: Tier, outcome: Outcome) -> u64 {
    shared.counters.iter().map(|counters| counters.requests(tier, outcome)).sum()
}

fn median(counts: &[u32; SERVICE_BUCKETS], count: u32) -> f64 {
    let mut rest = count.div_ceil(2);
    for (bucket, &n) in counts.iter().enumerate() {
        if n >= rest {
            return service_bucket_millis(bucket);
        }
        rest -= n;
    }
    service_bucket_millis(SERVICE_BUCKETS - 1)
}

const STEP: Duration = Duration::from_millis(100);

/// How long steps of the ticker took.
#[derive(Clone, Debug, Default)]
pub struct Ticks {
    /// Steps by the bucket of [`TICK_BUCKETS`] that they fall into, not summed up; the last is open.
    pub counts: [u64; TICK_BUCKETS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

/// Upper bounds of the buckets, in seconds; a step should take less than 5 ms.
pub const TICK_BUCKETS: [f64; 9] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.1, 1.0];

impl Ticks {
    fn count(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = TICK_BUCKETS.iter().position(|&bound| seconds <= bound);
        self.counts[bucket.unwrap_or(TICK_BUCKETS.len())] += 1;
        self.sum += time;
    }
}

pub(crate) fn lock(ticks: &Mutex<Ticks>) -> MutexGuard<'_, Ticks> {
    ticks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        assert_eq!(last_words(|| {}), None);
        assert_eq!(last_words(|| panic!("attempt to add")).as_deref(), Some("attempt to add"));
        let step = 7;
        assert_eq!(last_words(move || panic!("step {step}")).as_deref(), Some("step 7"));
        assert_eq!(last_words(|| std::panic::panic_any(7)).as_deref(), Some("it said nothing"));
    }
}
