//! The admission order, cut where it no longer fits: the longest prefix of (tier, cohort).

use super::costs::{Costs, admitted, sum_of};
use model::{COHORTS, Masks, Tier};

/// Tiers of strangers, best first. The login lane is bounded by its share of the slots, not by masks.
const STRANGERS: [Tier; 3] = [Tier::T4, Tier::T5, Tier::T6];
/// Known tiers that masks can touch, best first.
const KNOWN: [Tier; 2] = [Tier::T1, Tier::T2];
/// All tiers that masks can touch, in the order of admission.
const MASKED: [Tier; 5] = [Tier::T1, Tier::T2, Tier::T4, Tier::T5, Tier::T6];

/// Most cohorts that one step of re-opening adds to so many.
pub(super) const fn step_to(cohorts: u32) -> u32 {
    let doubled = 2 * cohorts;
    let two_more = cohorts + 2;
    let next = if doubled > two_more { doubled } else { two_more };
    if next > COHORTS_MAX { COHORTS_MAX } else { next }
}

/// What is wanted of [`shrink`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// L.
    pub(super) limit: f64,
    /// What known clients may have.
    pub(super) known: f64,
    /// What may be admitted in all.
    pub(super) target: f64,
    /// A tier that costs no more than this is not worth closing.
    pub(super) free: f64,
    /// The worst tier that is admitted at all loses at least half of its cohorts.
    pub(super) halve: bool,
}

/// The cheapest of what `masks` admits, as far as it fits. Known clients are touched only where they alone cost more
/// than they may, the youngest first.
pub(super) fn shrink(masks: Masks, costs: &Costs, cut: Cut) -> Masks {
    let worst = STRANGERS.into_iter().rev().find(|&tier| masks.tier(tier) != 0);
    let (mut kept, mut whole) = shrink_known(masks, costs, cut.known);
    let strangers_closed = STRANGERS.into_iter().fold(kept, |kept, tier| kept.with(tier, 0));
    let mut room = cut.target - admitted(costs, &strangers_closed, cut.limit);
    for tier in STRANGERS {
        let before = masks.tier(tier);
        let half = if cut.halve && worst == Some(tier) { before.count_ones() / 2 } else { COHORTS_MAX };
        let most = if whole { half } else { 0 };
        let cost = &costs[tier.index()];
        let is_free = most == COHORTS_MAX && sum_of(cost, before) <= cut.free;
        let mask = if is_free { before } else { cheapest(before, cost, most, &mut room) };
        whole &= mask == u128::MAX;
        kept = kept.with(tier, mask);
    }
    kept
}

/// `masks` with all known clients that fit into `room`, the oldest first.
pub(super) fn readmit_known(masks: Masks, costs: &Costs, room: f64) -> Masks {
    if KNOWN.iter().all(|&tier| masks.tier(tier) == u128::MAX) {
        return masks;
    }
    let (fits, _) = shrink_known(Masks::OPEN, costs, room);
    let first = masks.tier(Tier::T1) | fits.tier(Tier::T1);
    let second =
        if first == u128::MAX { masks.tier(Tier::T2) | fits.tier(Tier::T2) } else { masks.tier(Tier::T2) };
    masks.with(Tier::T1, first).with(Tier::T2, second)
}

/// What one step of re-opening admits beside `masks`. `room` is the cost that may be added, `expected` what each cohort
/// costs. Stays within the best tier that is not whole, and may go on into tiers that cost no more than `free`: wholly into the
/// last, or if all that is closed `is_free`, else by a step, because what they cost while worse ones are kept out may be a wrong guess.
pub(super) fn grow(masks: Masks, expected: &Costs, mut room: f64, free: f64, is_free: bool) -> Masks {
    let mut grown = masks;
    let mut first = true;
    for tier in MASKED {
        let before = grown.tier(tier);
        if before == u128::MAX {
            continue;
        }
        let cost = &expected[tier.index()];
        let closed = !before;
        let costs_little = sum_of(cost, closed) <= free;
        let most = if !first && (is_free || (costs_little && tier == Tier::T6)) {
            COHORTS_MAX
        } else if first || costs_little {
            step_to(before.count_ones()) - before.count_ones()
        } else {
            0
        };
        let added = if KNOWN.contains(&tier) {
            oldest(closed, cost, most, &mut room)
        } else {
            cheapest(closed, cost, most, &mut room)
        };
        grown = grown.with(tier, before | added);
        if before | added != u128::MAX {
            break;
        }
        first = false;
    }
    grown
}

/// What `more` admits beside `masks`, at such costs.
pub(super) fn cost_of_more(masks: &Masks, more: &Masks, costs: &Costs) -> f64 {
    MASKED.into_iter().map(|tier| sum_of(&costs[tier.index()], more.tier(tier) & !masks.tier(tier))).sum()
}

/// What those who are known and admitted cost, admins among them.
pub(super) fn cost_of_known(masks: &Masks, costs: &Costs) -> f64 {
    let known = KNOWN.into_iter().map(|tier| sum_of(&costs[tier.index()], masks.tier(tier)));
    costs[Tier::T0.index()].iter().sum::<f64>() + known.sum::<f64>()
}

/// Known clients up to `most`, oldest first; and whether that is all of them.
fn shrink_known(masks: Masks, costs: &Costs, most: f64) -> (Masks, bool) {
    let mut room = most - costs[Tier::T0.index()].iter().sum::<f64>();
    let mut kept = masks;
    let mut whole = true;
    for tier in KNOWN {
        let most = if whole { COHORTS_MAX } else { 0 };
        let mask = oldest(masks.tier(tier), &costs[tier.index()], most, &mut room);
        whole &= mask == u128::MAX;
        kept = kept.with(tier, mask);
    }
    (kept, whole)
}

/// Up to `most` cohorts of `from` with the lowest cost that fit into `room`, which is used up by them.
fn cheapest(from: u128, costs: &[f64; COHORTS], most: u32, room: &mut f64) -> u128 {
    let mut order: [usize; COHORTS] = std::array::from_fn(|cohort| cohort);
    order.sort_unstable_by(|&left, &right| costs[left].total_cmp(&costs[right]).then(left.cmp(&right)));
    take(order, from, costs, most, room)
}

/// The same in the order of their numbers: in known tiers these are ranks by age.
fn oldest(from: u128, costs: &[f64; COHORTS], most: u32, room: &mut f64) -> u128 {
    take(std::array::from_fn(|cohort| cohort), from, costs, most, room)
}

fn take(order: [usize; COHORTS], from: u128, costs: &[f64; COHORTS], most: u32, room: &mut f64) -> u128 {
    let mut taken = 0_u128;
    for cohort in order.into_iter().filter(|cohort| from >> cohort & 1 == 1) {
        if taken.count_ones() >= most || costs[cohort] > *room {
            break;
        }
        taken |= 1 << cohort;
        *room -= costs[cohort];
    }
    taken
}

const COHORTS_MAX: u32 = u128::BITS;
const _: () = assert!(COHORTS_MAX as usize == COHORTS);
