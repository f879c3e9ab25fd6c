//! How much of the app one customer may take while customers alone ask for more than it can do.
//!
//! Whoever signed in long before an attack is a customer as far as the gate can tell. What tells such bots from people is that they
//! ask for more, for longer: each pass has a debt that is paid back at a steady pace, calm teaches how high the debts of people get, and
//! while the passes together ask for more than fits, the debt that a pass may have is lowered until they do. Beyond it, only the
//! excess counts as unknown (contracts; decision-science, section 7). While customers fit, nobody is bounded by this.
//!
//! Whoever goes on to ask beyond the bound shows within seconds that it is no visit, and stays bounded; for all others the bound is
//! soon lifted again, so that people are not held to it for as long as the bots come (`docs/decisions/040-who-presses-on-stays-bounded.md`).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::{Instant, PassId};

use super::table::Update;
use super::{Rate, Table};

/// Debts of passes, and what calm showed of them. Fixed memory, shared by all workers.
pub struct Budgets {
    debts: Table,
    /// How much each has lately asked for beyond its bound, in requests that are forgotten one a second.
    pressing: Table,
    /// Requests in calm by the debt that they led to, a quarter of a power of two in each.
    calm: [AtomicU32; BUCKETS],
    /// The most debt that a pass may have that presses on, in thousandths of a request; the largest number while nobody is bounded.
    bound_milli: AtomicU32,
    /// The same for all others.
    free_milli: AtomicU32,
    /// Cost of what was in excess since the last step, in microseconds.
    excess_micros: AtomicU64,
}

/// What moves the bound. Owned by one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bounding {
    bound: Option<f64>,
    /// For those who do not press on.
    free: f64,
    fits_since: Option<Instant>,
    /// When customers last asked for too much.
    over: Option<Instant>,
}

/// What customers ask for now, in requests in service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Within their budgets.
    pub(crate) within: f64,
    /// In excess of them.
    pub(crate) excess: f64,
    /// L.
    pub(crate) limit: f64,
}

impl Budgets {
    /// Room for the debts of so many passes at a time.
    pub fn new(passes: usize, key: [u8; 16]) -> Self {
        Self {
            debts: Table::new(2 * passes, key),
            // Only those who are over the bound have a place here; without one nobody is marked.
            pressing: Table::new(passes / 2, key),
            calm: [const { AtomicU32::new(0) }; BUCKETS],
            bound_milli: AtomicU32::new(u32::MAX),
            free_milli: AtomicU32::new(u32::MAX),
            excess_micros: AtomicU64::new(0),
        }
    }

    /// Charges a request; whether it is within the pass's budget. In excess of it nothing is charged. A pass for which there is no
    /// room is within it. `learns` in calm.
    pub fn charge(&self, pass: PassId, cost_milli: u32, learns: bool, now: Instant) -> bool {
        let print = self.debts.print(&pass);
        let is_bound = self.bound_milli.load(Relaxed) != u32::MAX;
        let presses = is_bound && self.pressing.fill(print, now, pressing()) >= PRESSES_FROM;
        let bound = if presses { &self.bound_milli } else { &self.free_milli }.load(Relaxed);
        let most = if bound == u32::MAX { u64::MAX } else { u64::from(bound) * MILLI_NANOS };
        let (charge, now_nanos) = (u64::from(cost_milli.max(1)) * MILLI_NANOS, now.as_nanos());
        let update = self.debts.update(print, now, |paid| {
            let next = paid.max(now_nanos).saturating_add(charge);
            if next - now_nanos > most {
                return Err(Duration::from_nanos(next - now_nanos - most));
            }
            // Who asks for much day and night must not wait for hours once there is a bound.
            Ok(next.min(now_nanos.saturating_add(DEBT_MAX_NANOS)).max(paid))
        });
        match update {
            Update::Refused(_) => {
                // What is beyond its burst is not noted: the mark is full then.
                let _full = self.pressing.charge_print(print, now, 1_000, pressing());
                false
            }
            Update::NoRoom => true,
            Update::Stored(paid) => {
                if learns {
                    self.learn(paid.saturating_sub(now_nanos) / MILLI_NANOS);
                }
                true
            }
        }
    }

    /// What a request in excess would have cost.
    pub(crate) fn note_excess(&self, cost_micros: u64) {
        self.excess_micros.fetch_add(cost_micros, Relaxed);
    }

    /// The cost of what was in excess since the last call, in microseconds.
    pub(crate) fn take_excess(&self) -> u64 {
        self.excess_micros.swap(0, Relaxed)
    }

    /// The most debt that a pass may have, in requests; `None` while nobody is bounded.
    pub fn bound(&self) -> Option<f64> {
        let bound = self.bound_milli.load(Relaxed);
        (bound != u32::MAX).then(|| f64::from(bound) / 1_000.0)
    }

    /// Lifts the bound until the next step.
    pub fn unbind(&self) {
        self.set_bounds(None);
    }

    /// For those who press on, and for others.
    fn set_bounds(&self, bounds: Option<[f64; 2]>) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let milli = |bound: f64| (bound * 1_000.0).clamp(1_000.0, 4e9) as u32;
        let [bound, free] = bounds.map_or([u32::MAX; 2], |bounds| bounds.map(milli));
        self.bound_milli.store(bound, Relaxed);
        self.free_milli.store(free, Relaxed);
    }

    fn learn(&self, debt_milli: u64) {
        let before = self.calm[bucket(debt_milli)].fetch_add(1, Relaxed);
        if before >= COUNT_MAX {
            // Older days fade. Others may count meanwhile: a few requests more or less say nothing.
            self.calm.iter().for_each(|count| count.store(count.load(Relaxed) / 2, Relaxed));
        }
    }

    /// The debt in requests that such a share of calm requests stayed within; `None` before calm has shown enough.
    fn calm_quantile(&self, share: f64) -> Option<f64> {
        let counts: Vec<u64> = self.calm.iter().map(|count| count.load(Relaxed).into()).collect();
        let all: u64 = counts.iter().sum();
        if all < SAMPLES_MIN {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let most = all as f64 * share;
        let mut sum = 0;
        let place = counts.iter().position(|count| {
            sum += count;
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
            let reached = sum as f64 >= most;
            reached
        });
        Some(upper(place.unwrap_or(BUCKETS - 1)))
    }

    /// What calm showed, for a successor and for the next start.
    pub fn counts(&self) -> Vec<u64> {
        self.calm.iter().map(|count| count.load(Relaxed).into()).collect()
    }

    /// Goes on with what calm showed before.
    pub fn restore(&self, counts: &[u64]) {
        for (count, &before) in self.calm.iter().zip(counts) {
            count.store(u32::try_from(before).unwrap_or(COUNT_MAX).min(COUNT_MAX), Relaxed);
        }
    }

    pub(crate) fn debts(&self, now: Instant) -> Vec<u64> {
        self.debts.debts(now)
    }

    pub(crate) fn take_over(&self, debts: &[[u64; 2]], now: Instant) {
        self.debts.take_over(debts, now);
    }

    /// Memory held by the table, in bytes; it never changes.
    pub fn bytes(&self) -> usize {
        self.debts.bytes() + self.pressing.bytes()
    }
}

impl Bounding {
    /// Takes half a second.
    ///
    /// What holds for those who do not press on goes up quickly once customers have fitted for five seconds.
    ///
    /// The bound begins at twice what calm has shown and goes down quickly to what nineteen of twenty requests of calm stayed within:
    /// below that it would stop people, and the threshold, which closes out the youngest accounts first, does the rest.
    pub(crate) fn step(&mut self, budgets: &Budgets, asked: Asked, now: Instant) {
        // What L will be is not known while nothing is refused; whether anybody asks for much more than others is.
        let fits = asked.limit.is_infinite() || asked.excess <= LITTLE * asked.within;
        self.fits_since = if fits { self.fits_since.or(Some(now)) } else { None };
        let most = 2.0 * budgets.calm_quantile(MOST_OF_CALM).unwrap_or(UNLEARNT);
        if asked.within > TOO_MUCH * asked.limit {
            let least = budgets.calm_quantile(MUCH_OF_CALM).unwrap_or(UNLEARNT / 4.0).max(LEAST);
            let bound = self.bound.map_or(most, |bound| bound * TIGHTEN).max(least);
            (self.bound, self.free) = (Some(bound), bound);
            (self.fits_since, self.over) = (None, Some(now));
        } else if self.fits_since.is_some_and(|since| now.since(since) >= QUIET) {
            self.bound = None;
        } else if asked.within < MUCH_LESS * asked.limit {
            // There is room for more of each; who is at the bound gets that much more in each step.
            self.bound = self.bound.map(|bound| (bound + LOOSEN).min(most));
            // Bots have shown by then that they press on.
            if self.over.is_none_or(|over| now.since(over) >= SHOWN_WITHIN) {
                self.free = (self.free * FREE).clamp(self.bound.unwrap_or(0.0), most);
            }
        }
        budgets.set_bounds(self.bound.map(|bound| [bound, self.free.max(bound)]));
    }
}

/// What is asked for beyond a bound is forgotten at this rate; a minute of it at most is remembered.
fn pressing() -> Rate {
    Rate::per_second(1.0, 60.0)
}

fn bucket(debt_milli: u64) -> usize {
    let quarters = (debt_milli / 250).max(4);
    let octave = quarters.ilog2() - 2;
    let place = u64::from(octave) * 4 + ((quarters >> octave) & 3);
    usize::try_from(place).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The largest debt of a bucket, in requests.
fn upper(bucket: usize) -> f64 {
    let (octave, quarter) = (bucket / 4, bucket % 4);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let within = 1.0 + (quarter as f64 + 1.0) / 4.0;
    within * 2.0_f64.powi(i32::try_from(octave).unwrap_or(i32::MAX))
}

/// One request of a debt is paid back in a second, which is more than people ask for on average over a visit: time that a
/// thousandth of it takes.
const MILLI_NANOS: u64 = 1_000_000;
/// The highest debt, of 256 requests: above every bound.
const DEBT_MAX_NANOS: u64 = 256_000 * MILLI_NANOS;
/// From one request to 128 of them: twice that is the highest bound.
const BUCKETS: usize = 28;
const COUNT_MAX: u32 = 1 << 24;
/// Requests in calm from which they teach something.
const SAMPLES_MIN: u64 = 10_000;
/// What the first bound is derived from, and the last.
const MOST_OF_CALM: f64 = 0.999;
const MUCH_OF_CALM: f64 = 0.95;
/// Debts before calm has taught any: the burst of a pass (decision-science, section 4).
const UNLEARNT: f64 = 100.0;
const LEAST: f64 = 10.0;
/// How fast the bound goes down, in half a second.
const TIGHTEN: f64 = 0.6;
/// Share of L below which the bound goes up again, by so many requests in half a second.
const MUCH_LESS: f64 = 0.60;
const LOOSEN: f64 = 0.25;
/// Share of L above which what customers ask for is bounded.
const TOO_MUCH: f64 = 0.80;
/// How fast others' bound goes up, in half a second, and how long after customers asked for too much that begins.
const FREE: f64 = 1.5;
const SHOWN_WITHIN: Duration = Duration::from_secs(5);
/// Share of [`pressing`]'s burst: whoever was four requests over the bound lately presses on.
const PRESSES_FROM: f64 = 0.06;
/// The excess, as a share of what is within budgets, that needs no bound; for so long.
const LITTLE: f64 = 0.05;
const QUIET: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Instant {
        Instant::ORIGIN + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn buckets_grow_by_quarters_of_a_power_of_two() {
        for (debt, place) in
            [(0, 0), (1_000, 0), (1_250, 1), (1_999, 3), (2_000, 4), (3_000, 6), (64_000, 24), (256_000, 27)]
        {
            assert_eq!(bucket(debt), place, "{debt}");
        }
        assert_eq!(bucket(u64::MAX / 8), BUCKETS - 1);
        assert_eq!([upper(0), upper(3), upper(4)], [1.25, 2.0, 2.5]);
    }

    /// People load a page of eight files every ten seconds, bots ask four times a second.
    fn busy(budgets: &Budgets, people: u128, bots: u128, from: f64, seconds: u32, learns: bool) -> [u32; 2] {
        let mut within = [0, 0];
        for tenth in 0..seconds * 10 {
            let now = at(from + f64::from(tenth) / 10.0);
            for person in 0..people {
                if (u128::from(tenth) + person * 7).is_multiple_of(100) {
                    let pages = (0..8).filter(|_| budgets.charge(PassId(person), 1_000, learns, now)).count();
                    within[0] += u32::try_from(pages).unwrap();
                }
            }
            for bot in 0..bots {
                if (u128::from(tenth) + bot).is_multiple_of(5) {
                    let more =
                        (0..2).filter(|_| budgets.charge(PassId(1 << 64 | bot), 1_000, false, now)).count();
                    within[1] += u32::try_from(more).unwrap();
                }
            }
        }
        within
    }

    #[test]
    fn bots_with_old_accounts_are_bounded_and_people_are_not() {
        let (budgets, mut bounding) = (Budgets::new(2_000, [7; 16]), Bounding::default());
        busy(&budgets, 200, 0, 0.0, 120, true);
        assert_eq!(busy(&budgets, 200, 100, 130.0, 10, false), [1_600, 4_000], "nobody is bounded in calm");
        let over = Asked { within: 100.0, excess: 0.0, limit: 100.0 };
        for half in 0..10 {
            bounding.step(&budgets, over, at(140.0 + f64::from(half) / 2.0));
        }
        let [people, bots] = busy(&budgets, 200, 100, 145.0, 20, false);
        assert_eq!(people, 3_200);
        assert!(bots < 2_600, "{bots} of 8,000: about one a second each");
    }

    #[test]
    fn who_presses_on_stays_bounded_and_others_are_soon_free() {
        let (budgets, mut bounding) = (Budgets::new(2_000, [7; 16]), Bounding::default());
        busy(&budgets, 200, 0, 0.0, 120, true);
        let asked = |within| Asked { within, excess: 30.0, limit: 100.0 };
        (0..10).for_each(|half| bounding.step(&budgets, asked(100.0), at(130.0 + f64::from(half) / 2.0)));
        busy(&budgets, 0, 100, 135.0, 20, false);
        // A visit of sixteen files at once, of somebody who has asked for nothing so far.
        let visit = |person: u128, from| {
            (0..16).filter(|_| budgets.charge(PassId(person), 1_000, false, at(from))).count()
        };
        assert_eq!(visit(5_000, 155.0), 10, "the lowest bound");
        (0..9).for_each(|half| bounding.step(&budgets, asked(50.0), at(135.0 + f64::from(half) / 2.0)));
        assert!(visit(5_001, 155.0) <= 12, "those who press on have not shown it yet");
        (9..20).for_each(|half| bounding.step(&budgets, asked(50.0), at(135.0 + f64::from(half) / 2.0)));
        assert_eq!(visit(5_002, 155.0), 16);
        assert_eq!(visit(1 << 64, 175.0), 15, "a bot that has paid for all it got, and pressed on");
        // Customers ask for too much again: the same holds for all.
        bounding.step(&budgets, asked(100.0), at(176.0));
        assert!(visit(5_003, 176.0) <= 12);
    }

    #[test]
    fn nobody_is_bounded_once_customers_have_fitted_for_half_a_minute() {
        let (budgets, mut bounding) = (Budgets::new(64, [1; 16]), Bounding::default());
        let asked = |within, excess| Asked { within, excess, limit: 10.0 };
        bounding.step(&budgets, asked(9.0, 0.0), at(1.0));
        assert_eq!(budgets.bound(), Some(200.0), "twice what is usual before anything was learnt");
        bounding.step(&budgets, asked(9.0, 0.0), at(1.5));
        assert_eq!(budgets.bound(), Some(120.0));
        bounding.step(&budgets, asked(7.0, 4.0), at(40.0));
        assert_eq!(budgets.bound(), Some(120.0), "what is refused would come back");
        bounding.step(&budgets, asked(5.0, 4.0), at(40.5));
        assert_eq!(budgets.bound(), Some(120.25), "there is room for a little more of each");
        bounding.step(&budgets, asked(7.0, 0.1), at(50.0));
        bounding.step(&budgets, asked(7.0, 0.1), at(79.0));
        assert!(budgets.bound().is_some());
        bounding.step(&budgets, asked(7.0, 0.1), at(80.0));
        assert_eq!(budgets.bound(), None);
    }

    #[test]
    fn what_calm_showed_goes_on_in_a_successor() {
        let (one, two) = (Budgets::new(64, [1; 16]), Budgets::new(64, [1; 16]));
        busy(&one, 200, 0, 0.0, 120, true);
        two.restore(&one.counts());
        assert_eq!(one.calm_quantile(0.9), two.calm_quantile(0.9));
        assert!(one.calm_quantile(0.9).is_some_and(|debt| (8.0..12.0).contains(&debt)));
    }
}
