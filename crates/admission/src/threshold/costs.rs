//! What each cohort costs: over the last second, and smoothed.

use model::{COHORTS, Group, Instant, Masks, Summary, Tier};

/// Steps that are kept at most.
const STEPS: usize = 10;
/// Most cost of one cohort in one step that is believed, so that sums cannot overflow.
const COST_MAX: u64 = u64::MAX / 1_024;
/// Longest step that is believed, in milliseconds.
const STEP_MILLIS_MAX: u64 = 3_600_000;
/// The time over which offered cost is averaged, in milliseconds: shorter is noise, longer is late.
const SPAN_MILLIS: u64 = 1_000;
/// Share of L that the login lane can use at most; what is asked beyond it costs nothing.
const LOGIN_MOST: f64 = 0.20;

/// Concurrency by tier and cohort.
pub(super) type Costs = [[f64; COHORTS]; Tier::COUNT];

/// Cost in requests in service, of those that `masks` admit; the login lane's is cut to its share of `limit`.
pub(super) fn admitted(costs: &Costs, masks: &Masks, limit: f64) -> f64 {
    let tier_cost = |tier: Tier| {
        let mask = if tier == Tier::T0 { u128::MAX } else { masks.tier(tier) };
        let cost = sum_of(&costs[tier.index()], mask);
        if tier.group() == Group::Login { cost.min(LOGIN_MOST * limit) } else { cost }
    };
    Tier::ALL.into_iter().map(tier_cost).sum()
}

/// The cost of everybody.
pub(super) fn total(costs: &Costs) -> f64 {
    costs.iter().flatten().sum()
}

/// While a flood swells, the last step says more about it than the last second. But what customers do comes in bursts, and a
/// step in which many of them ask at once is no reason to cut them.
pub(super) fn worse_of(second: &Costs, newest: &Costs) -> Costs {
    let strangers = || Tier::ALL.into_iter().filter(|tier| !tier.is_known()).map(Tier::index);
    let of_strangers = |costs: &Costs| strangers().flat_map(|tier| costs[tier]).sum::<f64>();
    let mut worse = *second;
    if of_strangers(newest) > of_strangers(second) {
        strangers().for_each(|tier| worse[tier] = newest[tier]);
    }
    worse
}

/// The cost of the cohorts whose bits are set.
pub(super) fn sum_of(costs: &[f64; COHORTS], mask: u128) -> f64 {
    match mask {
        0 => return 0.0,
        u128::MAX => return costs.iter().sum(),
        _ => {}
    }
    costs.iter().enumerate().filter(|(cohort, _)| mask >> cohort & 1 == 1).map(|(_, cost)| cost).sum()
}

/// The steps of about the last second.
#[derive(Clone)]
pub(super) struct Recent {
    steps: Box<[Step]>,
    /// The sum of the steps that count.
    sums: Box<Offered>,
    millis: u64,
    len: usize,
    next: usize,
}

#[derive(Clone)]
struct Step {
    millis: u64,
    offered: Offered,
}

/// Concurrency-milliseconds by tier and cohort.
pub(super) type Offered = [[u64; COHORTS]; Tier::COUNT];

impl Recent {
    pub(super) fn new() -> Self {
        let step = Step { millis: 0, offered: [[0; COHORTS]; Tier::COUNT] };
        Self { sums: Box::new(step.offered), steps: vec![step; STEPS].into(), millis: 0, len: 0, next: 0 }
    }

    /// Takes a step, and forgets those that are not needed to cover a second.
    pub(super) fn push(&mut self, summary: &Summary) {
        self.add(summary.millis, &summary.offered);
    }

    /// The same with the two parts of a summary that count here.
    pub(super) fn add(&mut self, millis: u64, offered: &Offered) {
        if self.len == STEPS {
            self.forget_oldest();
        }
        let step = &mut self.steps[self.next];
        step.millis = millis.min(STEP_MILLIS_MAX);
        let cells = step.offered.iter_mut().flatten().zip(self.sums.iter_mut().flatten());
        for ((cell, sum), offered) in cells.zip(offered.iter().flatten()) {
            *cell = (*offered).min(COST_MAX);
            *sum += *cell;
        }
        self.millis += step.millis;
        self.next = (self.next + 1) % STEPS;
        self.len += 1;
        while self.len > 1 && self.millis - self.oldest().millis >= SPAN_MILLIS {
            self.forget_oldest();
        }
    }

    /// The steps that count, the oldest first: milliseconds and cost.
    pub(super) fn steps(&self) -> impl Iterator<Item = (u64, &Offered)> {
        let places = (0..self.len).map(|step| (self.next + STEPS - self.len + step) % STEPS);
        places.map(|place| (self.steps[place].millis, &self.steps[place].offered))
    }

    pub(super) fn clear(&mut self) {
        (self.len, self.millis) = (0, 0);
        *self.sums = [[0; COHORTS]; Tier::COUNT];
    }

    /// How much time is covered, in milliseconds.
    pub(super) fn millis(&self) -> u64 {
        self.millis
    }

    /// Whether that is a whole second, or as much as is kept of steps that are shorter than they should be.
    pub(super) fn is_full(&self) -> bool {
        self.millis >= SPAN_MILLIS || self.len == STEPS
    }

    /// Costs over all that is covered.
    pub(super) fn costs(&self) -> Costs {
        over(&self.sums, self.millis)
    }

    /// Costs of the last step alone.
    pub(super) fn newest(&self) -> Costs {
        let newest = &self.steps[(self.next + STEPS - 1) % STEPS];
        over(&newest.offered, newest.millis)
    }

    fn oldest(&self) -> &Step {
        &self.steps[(self.next + STEPS - self.len) % STEPS]
    }

    fn forget_oldest(&mut self) {
        let oldest = &self.steps[(self.next + STEPS - self.len) % STEPS];
        for (sum, offered) in self.sums.iter_mut().flatten().zip(oldest.offered.iter().flatten()) {
            *sum -= offered;
        }
        self.millis -= oldest.millis;
        self.len -= 1;
    }
}

#[expect(clippy::cast_precision_loss, reason = "costs are estimates; 53 bits are enough")]
fn over(offered: &Offered, millis: u64) -> Costs {
    offered.map(|tier| tier.map(|cost| cost as f64 / millis.max(1) as f64))
}

/// Costs smoothed over some seconds: what a cohort will probably cost when it is admitted. Refused clients are counted
/// like all others, so this works for cohorts that are closed.
#[derive(Clone)]
pub(super) struct Shadow(pub(super) Box<Costs>);

/// The part of the way to the newest cost that the shadow goes in a second.
const PACE_PER_SECOND: f64 = 0.3;

impl Shadow {
    pub(super) fn new() -> Self {
        Self(Box::new([[0.0; COHORTS]; Tier::COUNT]))
    }

    pub(super) fn follow(&mut self, costs: &Costs, since: Option<Instant>, now: Instant) {
        let seconds = since.map_or(0.0, |since| now.since(since).as_secs_f64());
        let pace = (PACE_PER_SECOND * seconds).min(1.0);
        for (shadow, cost) in self.0.iter_mut().flatten().zip(costs.iter().flatten()) {
            *shadow += pace * (cost - *shadow);
        }
    }

    /// Cohorts of strangers have been shuffled: each is as likely as any other to cost what one costs on average.
    pub(super) fn level_out(&mut self, costs: &Costs) {
        for tier in Tier::ALL.into_iter().filter(|tier| !tier.is_known()) {
            self.0[tier.index()] = [mean(&costs[tier.index()]); COHORTS];
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "128")]
pub(super) fn mean(costs: &[f64; COHORTS]) -> f64 {
    costs.iter().sum::<f64>() / COHORTS as f64
}
