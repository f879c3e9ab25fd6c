mod grounds;
mod knee;

use super::closing::{IN_VAIN, READMIT, UNMISTAKABLE};
use super::costs::{Costs, sum_of};
use super::*;
use model::{Act as Does, COHORTS, Comparison};
use proptest::prelude::*;
use std::ops::Add;

/// L in most tests.
const LIMIT: f64 = 100.0;

#[test]
fn ordinary_traffic_changes_nothing() {
    check("0s T1 30 T5 20, 60s end", "");
}

#[test]
fn a_flood_is_closed_out_at_once_and_let_in_again_step_by_step_when_it_ends() {
    check(
        "0s T1 30 T3 2 T5 20, 60s T5 2000, 120s T5 20, 400s end",
        "60.25s customers-first T4 128 T5 1 T6 0, 120.5s reopening T4 128 T5 2 T6 0, \
         130.5s reopening T4 128 T5 4 T6 0, 140.5s reopening T4 128 T5 8 T6 0, \
         150.5s reopening T4 128 T5 16 T6 0, 160.5s reopening T4 128 T5 32 T6 0, \
         170.5s reopening T4 128 T5 64 T6 0, 180.5s calm T4 128 T5 128 T6 128",
    );
}

#[test]
fn a_crowd_within_capacity_closes_nothing_and_makes_client_limits_refuse() {
    let mut story = Story::new(250);
    story.plays("0s T1 30 T5 10, 10s T1 40 T5 25, 20s T1 45 T5 35, 80s end");
    assert_eq!(story.log, Vec::<String>::new());
    assert!(story.step.decision.limits_refuse);
    story.plays("80s T1 30 T5 10, 90s end");
    assert!(!story.step.decision.limits_refuse);
}

#[test]
fn the_worst_tier_goes_first_and_the_login_lane_is_never_masked() {
    check(
        "0s T1 20 T3 5 T4 10 T5 20 T6 40, 0s T6 80, 3s T4 300, 6s T3 3000, 8s end",
        "0.5s customers-first T4 128 T5 128 T6 8, 3.25s customers-first T4 14 T5 0 T6 0",
    );
}

#[test]
fn known_clients_are_cut_only_when_they_alone_exceed_the_limit_and_the_youngest_first() {
    let mut story = Story::new(500);
    story.plays("0s T1 60 T2 30 T5 50, 5s end");
    let masks = story.step.decision.masks;
    assert_eq!((masks.tier(Tier::T1), masks.tier(Tier::T2)), (u128::MAX, u128::MAX));
    story.plays("5s T1 60 T2 79 T5 50, 10s end");
    let masks = story.step.decision.masks;
    assert_eq!(masks.tier(Tier::T1), u128::MAX);
    assert_eq!(masks.tier(Tier::T2), (1 << 56) - 1, "the oldest of them: 35 of 79");
    assert_eq!(masks.admitted(Tier::T4), 0);
    story.plays("10s T1 60 T2 19 T5 50, 12s end");
    let masks = story.step.decision.masks;
    assert_eq!((masks.tier(Tier::T1), masks.tier(Tier::T2)), (u128::MAX, u128::MAX), "at once when they fit");
}

/// Customers load pages with their files: in one step they ask for more than L, in the second for two thirds of it.
#[test]
fn a_burst_of_customers_while_a_flood_swells_cuts_none_of_them() {
    let mut story = Story::new(100);
    story.plays("0s T1 40 T2 20 T5 10, 5s T1 60 T2 50 T6 3000, 5.1s end");
    let masks = story.step.decision.masks;
    assert_eq!(story.step.decision.level, Level::CustomersFirst);
    assert_eq!((masks.tier(Tier::T1), masks.tier(Tier::T2)), (u128::MAX, u128::MAX), "{:?}", story.log);
}

/// Visitors who cost next to nothing while they are closed out may cost more when they are let in: as long as anything else is
/// closed out, they come back by steps.
#[test]
fn who_seems_to_cost_nothing_is_let_in_by_steps_while_a_flood_is_closed_out() {
    let first = "5.25s customers-first T4 12 T5 0 T6 0, 15.25s reopening T4 14 T5 0 T6 0, 25.25s reopening T4 28 T5 0 T6 0, \
                 35.25s reopening T4 56 T5 0 T6 0, 45.25s reopening T4 112 T5 0 T6 0";
    check(
        "0s T1 30 T4 10 T5 0.5, 5s T4 300 T6 300, 20s T4 10, 76s end",
        &format!(
            "{first}, 55.25s reopening T4 128 T5 2 T6 0, 65.25s reopening T4 128 T5 4 T6 0, 75.25s reopening T4 128 T5 8 T6 0"
        ),
    );
    check(
        "0s T1 30 T4 4 T5 0.5, 5s T4 300, 20s T4 4, 76s end",
        &format!("{first}, 55.25s calm T4 128 T5 128 T6 128"),
    );
}

/// Right after a closing, or after a gap, half a second is all that has been seen.
#[test]
fn less_than_a_second_cuts_no_customers() {
    let mut story = Story::new(500);
    story.plays("0s T1 40 T2 20 T5 10, 5s T5 3000, 5.5s T2 70, 6s end");
    let masks = story.step.decision.masks;
    assert_eq!((story.step.decision.level, masks.tier(Tier::T2)), (Level::CustomersFirst, u128::MAX));
    story.plays("6s end, 6.5s end");
    assert_ne!(story.step.decision.masks.tier(Tier::T2), u128::MAX, "{:?}", story.log);
}

#[test]
fn a_flood_of_logins_leaves_no_room_for_those_who_are_put_last() {
    check("0s T1 30 T5 10, 5s T3 400, 8s T3 5 T6 400, 9s end", "5.25s customers-first T4 128 T5 128 T6 0");
}

#[test]
fn a_burst_at_a_small_app_is_no_attack_and_a_flood_is_at_once() {
    let closes = |limit: f64, load: u64, steps: u64| {
        let mut threshold = Threshold::new();
        (1..=steps).any(|step| {
            let mut summary = Summary::empty(Instant::from_millis(step * 500), 500);
            summary.limit = limit;
            summary.offered[Tier::T5.index()] = [load * 500 / 128; COHORTS];
            !threshold.step(&summary, &Story::new(500).bounds, 0).decision.masks.is_open()
        })
    };
    assert!(!closes(8.0, 9, 3) && closes(8.0, 9, 8), "a burst, and more than that");
    assert!(closes(8.0, 20, 1), "no burst at all");
    assert!(closes(64.0, 72, 1), "of 64 slots nothing is chance");
    assert!(!closes(64.0, 58, 3) && closes(64.0, 58, 4), "unless the app can do it still");
    assert!(closes(96.0, 87, 3), "and nine tenths of 96 are none for a second");
}

/// The attack pauses whenever it is refused, and comes back when it is let in.
#[test]
fn each_revert_lengthens_the_wait() {
    let mut story = Story::new(250);
    story.plays("0s T1 30 T5 2000, 1s end");
    let mut reverts = Vec::new();
    for quarter in 4..1_400 {
        let attack = if story.step.decision.level == Level::Reopening { 9_000.0 } else { 22.0 };
        let before = story.step.decision.level;
        // Just too much to be quiet or settled: known clients take 50.
        story.demand(Tier::T1, 50.0);
        story.demand(Tier::T5, attack);
        story.advance(quarter * 250 + 250);
        if before == Level::Reopening && story.step.decision.level == Level::CustomersFirst {
            reverts.push(quarter / 4);
        }
    }
    let gaps: Vec<u64> = reverts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() >= 4, "{reverts:?} {:?}", story.log);
    assert!(gaps[0] < gaps[2] && gaps.iter().all(|&gap| (12..=146).contains(&gap)), "{gaps:?}");
}

/// Twice the last closed cohort never fits then; it is let in because everybody has fitted for half a minute.
#[test]
fn demand_just_below_what_may_be_opened_is_let_in_whole() {
    let mut story = Story::new(250);
    story.plays("0s T5 2000, 10s T5 69.9, 180s end");
    assert_eq!(story.step.decision.level, Level::Calm, "{:?}", story.log);
}

#[test]
fn without_a_measured_limit_nothing_is_closed() {
    let mut story = Story::new(250);
    story.limit = f64::INFINITY;
    story.plays("0s T1 30 T5 5000, 20s end");
    assert_eq!(story.log, Vec::<String>::new());
    assert_eq!(story.step.decision.offered, 0.0);
}

#[test]
fn what_may_not_be_closed_stays_open_and_is_asked_for() {
    let mut story = Story::new(250);
    story.bounds.may_close = false;
    story.plays("0s T1 30 T5 2000, 10s end");
    assert_eq!((story.log.len(), story.step.wants_to_close, story.step.closing), (0, true, 0));
    story.bounds.may_close = true;
    story.plays("10s end, 10.25s end");
    assert_eq!((story.step.decision.level, story.step.closing), (Level::CustomersFirst, 1));
    story.bounds.may_close = false;
    story.plays("10.5s end, 10.75s end");
    assert!(story.step.decision.masks.is_open());
    assert_eq!(story.step.decision.level, Level::Calm);
}

#[test]
fn pins_hold_the_level_up_and_down() {
    let mut story = Story::new(250);
    story.bounds = Bounds {
        floor: Some(Level::CustomersFirst),
        ceiling: None,
        usual: None,
        holds: false,
        may_close: false,
    };
    story.plays("0s T1 30 T5 10, 5s end");
    let decision = story.step.decision.clone();
    assert_eq!((decision.level, story.step.closing), (Level::CustomersFirst, 1));
    assert_eq!((decision.masks.admitted(Tier::T4), decision.masks.admitted(Tier::T5)), (128, 0));
    story.bounds =
        Bounds { floor: Some(Level::Limiting), ceiling: None, usual: None, holds: false, may_close: true };
    story.plays("5s end, 6s end");
    let decision = story.step.decision.clone();
    assert_eq!((decision.level, decision.masks.is_open()), (Level::Limiting, true));
    assert!(decision.limits_refuse);
    story.bounds =
        Bounds { floor: None, ceiling: Some(Level::Challenging), usual: None, holds: false, may_close: true };
    story.plays("6s T5 2000, 9s end");
    let decision = story.step.decision.clone();
    assert_eq!((decision.level, decision.masks.is_open()), (Level::Calm, true));
}

#[test]
fn everybody_who_is_closed_out_has_a_turn_within_128_minutes() {
    let mut story = Story::new(20_000);
    story.plays("0s T1 30 T5 2000, 40s end");
    let mut turns = std::collections::BTreeSet::new();
    for minute in 1..=129 {
        story.advance(minute * 60_000);
        let ferry = story.step.ferry.expect("cohorts are closed");
        assert!(!story.step.decision.masks.admits(Tier::T5, ferry.cohort));
        assert_eq!(ferry.concurrency, 4.0);
        turns.insert(ferry.cohort);
    }
    assert_eq!(turns.len(), 128 - story.step.decision.masks.admitted(Tier::T5) as usize);
}

#[test]
fn a_gap_in_the_summaries_delays_what_rests_on_quiet() {
    let mut story = Story::new(250);
    story.plays("0s T1 30 T5 2000, 30s T5 5, 44s end");
    let before = story.step.decision.masks;
    story.now += 60_000;
    story.plays("104s end, 113s end");
    assert_eq!(story.step.decision.masks, before);
    story.plays("113s end, 125s end");
    assert_ne!(story.step.decision.masks, before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn masks_are_always_a_prefix_of_the_order(acts in acts(25)) {
        let mut story = Story::new(250);
        for act in &acts {
            let (known, before) = (story.known_demand(), story.step.decision.clone());
            story.act(act);
            let (masks, step) = (story.step.decision.masks, story.step.clone());
            prop_assert!(Cohort::from_hash(7) == Cohort::new(7) && masks.admits(Tier::T0, Cohort::new(7)));
            prop_assert_eq!(masks.tier(Tier::T3), u128::MAX, "bounded by its share");
            let order = [Tier::T1, Tier::T2, Tier::T4, Tier::T5, Tier::T6];
            for (better, worse) in order.iter().zip(&order[1..]) {
                prop_assert!(masks.tier(*better) == u128::MAX || masks.tier(*worse) == 0, "{:?} {:?}", better, masks);
            }
            let youngest_first = |mask: u128| mask.count_ones() + mask.leading_zeros() == 128;
            prop_assert!(youngest_first(masks.tier(Tier::T1)) && youngest_first(masks.tier(Tier::T2)));
            if known.max(story.known_demand()) < 0.94 * story.limit && before.masks.tier(Tier::T2) == u128::MAX {
                prop_assert_eq!(masks.tier(Tier::T1), u128::MAX);
                prop_assert_eq!(masks.tier(Tier::T2), u128::MAX);
            }
            prop_assert_eq!(step.decision.level == Level::Calm, masks.is_open());
            prop_assert!(step.decision.seq >= before.seq && step.decision.seq <= before.seq + 40);
        }
    }

    #[test]
    fn more_attack_never_admits_more_strangers(acts in acts(15), attack in 0.0..5_000.0_f64, more in 0.0..5_000.0_f64) {
        let admitted = |attack| {
            let mut story = Story::played(&acts, 1, LIMIT);
            story.demand(Tier::T5, attack);
            story.advance(story.now + 1_000);
            story.step.decision.masks.admitted(Tier::T5)
        };
        prop_assert!(admitted(attack + more) <= admitted(attack));
    }

    #[test]
    fn a_site_sixteen_times_as_large_is_treated_alike(acts in acts(20)) {
        let small = Story::played(&acts, 1, LIMIT);
        let large = Story::played(&acts, 16, 16.0 * LIMIT);
        prop_assert_eq!(small.step.decision.masks, large.step.decision.masks);
        prop_assert_eq!(small.step.decision.level, large.step.decision.level);
    }

    #[test]
    fn twice_the_limit_never_admits_fewer(acts in acts(20)) {
        let (last, before) = acts.split_last().expect("there is one");
        let after = |factor: f64| {
            let mut story = Story::played(before, 1, LIMIT);
            story.limit *= factor;
            story.demand(last.tier, last.demand);
            story.advance(story.now + 250);
            story.step.decision.masks
        };
        let (once, twice) = (after(1.0), after(2.0));
        for tier in Tier::ALL {
            prop_assert_eq!(once.tier(tier) & !twice.tier(tier), 0, "{:?}", tier);
        }
    }

    #[test]
    fn it_is_calm_again_within_ten_minutes(
        acts in acts(25),
        shares in prop::array::uniform7(0.0..1.0_f64),
        load in 0.0..0.699_f64,
    ) {
        let mut story = Story::new(250);
        for act in &acts {
            story.swings(act);
            story.act(act);
        }
        story.limit = LIMIT;
        let sum: f64 = shares.iter().sum::<f64>().max(0.1);
        for tier in Tier::ALL {
            story.demand(tier, shares[tier.index()] / sum * load * LIMIT);
        }
        story.millis = 2_000;
        story.advance(story.now + 600_000);
        prop_assert_eq!(story.step.decision.level, Level::Calm);
        prop_assert!(story.step.decision.masks.is_open());
    }

    #[test]
    fn a_flood_of_twenty_times_capacity_is_contained_by_the_second_step(
        known in 5.0..60.0_f64, unknown in 0.0..15.0_f64, start in 0_u64..1_000, tier in 4_usize..7,
        millis in prop::sample::select(vec![100_u64, 250, 500, 1_000]),
    ) {
        let mut story = Story::new(millis);
        story.demand(Tier::T1, known);
        story.demand(Tier::T5, unknown);
        story.advance(3_000 + start / millis * millis);
        story.demand(Tier::ALL[tier], 20.0 * LIMIT);
        story.advance(story.now + 1_000);
        story.advance(story.now + 2 * millis);
        let admitted = story.admitted();
        prop_assert!(admitted <= 0.95 * LIMIT, "{} with {:?}", admitted, story.log);
        prop_assert!(admitted >= known - 0.1);
    }

    #[test]
    fn a_summary_that_makes_no_sense_changes_nothing(acts in acts(15), kind in 0..5, back in 0_u64..9_000) {
        let mut story = Story::played(&acts, 1, LIMIT);
        let before = story.step.clone();
        let mut summary = story.summary();
        match kind {
            0 => summary.at = Instant::from_millis(story.now),
            1 => summary.at = Instant::from_millis(story.now.saturating_sub(back)),
            2 => summary.limit = f64::NAN,
            3 => summary.limit = -1.0,
            _ => summary.millis = 0,
        }
        let after = story.threshold.step(&summary, &story.bounds, 1);
        prop_assert_eq!((after.decision, after.closing), (before.decision, before.closing));
    }

    #[test]
    fn noise_below_three_quarters_of_the_limit_never_closes(noise in prop::collection::vec(-0.15..0.15_f64, 100)) {
        let mut story = Story::new(250);
        for noise in noise {
            story.demand(Tier::T1, 40.0 * (1.0 + noise));
            story.demand(Tier::T5, 33.0 * (1.0 - noise));
            story.advance(story.now + 250);
        }
        prop_assert_eq!(story.log.len(), 0);
    }

    #[test]
    fn the_same_inputs_give_the_same_decisions(acts in acts(20)) {
        prop_assert_eq!(Story::played(&acts, 1, LIMIT).log, Story::played(&acts, 1, LIMIT).log);
    }
}

/// From now on this tier asks for this much, for this time; uneven as given.
#[derive(Clone, Debug)]
struct Act {
    tier: Tier,
    demand: f64,
    steps: u64,
    skew: u64,
}

fn acts(most: usize) -> impl Strategy<Value = Vec<Act>> {
    let demand = prop_oneof![0.0..40.0_f64, 40.0..400.0_f64, 1_000.0..8_000.0_f64];
    let act = (prop::sample::select(&Tier::ALL[1..]), demand, 1_u64..16, any::<u64>());
    let act = act.prop_map(|(tier, demand, steps, skew)| Act { tier, demand, steps, skew });
    prop::collection::vec(act, 1..most)
}

/// A threshold, and who asks for how much.
struct Story {
    threshold: Threshold,
    bounds: Bounds,
    limit: f64,
    /// Whether the app fails.
    fails: bool,
    /// Concurrency that each cohort asks for, in thousandths.
    demand: Box<[[u64; COHORTS]; Tier::COUNT]>,
    scale: u64,
    millis: u64,
    now: u64,
    step: Step,
    log: Vec<String>,
}

impl Story {
    fn new(millis: u64) -> Self {
        Self {
            threshold: Threshold::new(),
            bounds: Bounds { floor: None, ceiling: None, usual: None, holds: false, may_close: true },
            limit: LIMIT,
            fails: false,
            demand: Box::new([[0; COHORTS]; Tier::COUNT]),
            scale: 1,
            millis,
            now: 0,
            step: Threshold::new().step,
            log: Vec::new(),
        }
    }

    fn played(acts: &[Act], scale: u64, limit: f64) -> Self {
        let mut story = Self { scale, limit, ..Self::new(250) };
        acts.iter().for_each(|act| story.act(act));
        story
    }

    fn act(&mut self, act: &Act) {
        self.demand(act.tier, act.demand);
        let skew = |cohort: u64| 1 + (act.skew.rotate_left((cohort % 64) as u32) & 3);
        for (cohort, demand) in (0..).zip(&mut self.demand[act.tier.index()]) {
            *demand *= skew(cohort);
        }
        self.advance(self.now + act.steps * self.millis);
    }

    /// Sets L to what it may be in an act: it falls and rises by much, at times to its floor.
    fn swings(&mut self, act: &Act) {
        self.limit = LIMIT * [1.0, 0.4, 2.5, 0.08][(act.skew >> 8 & 3) as usize];
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
    fn demand(&mut self, tier: Tier, concurrency: f64) {
        let cohort = (concurrency * 1_000.0 / 128.0).round() as u64;
        self.demand[tier.index()] = [cohort; COHORTS];
    }

    fn known_demand(&self) -> f64 {
        let tiers = [Tier::T0, Tier::T1, Tier::T2];
        tiers.into_iter().map(|tier| sum_of(&self.costs()[tier.index()], u128::MAX)).sum()
    }

    /// What the admitted ask for now.
    fn admitted(&self) -> f64 {
        admitted(&self.costs(), &self.step.decision.masks, self.limit)
    }

    #[expect(clippy::cast_precision_loss, reason = "small")]
    fn costs(&self) -> Costs {
        self.demand.map(|tier| tier.map(|demand| demand as f64 / 1_000.0))
    }

    fn summary(&self) -> Summary {
        let cost = |demand: u64| demand * self.scale * self.millis;
        Summary {
            offered: Box::new(self.demand.map(|tier| tier.map(cost))),
            limit: self.limit,
            connections: 0.1,
            origin_answers: 100,
            origin_failures: if self.fails { 6 } else { 0 },
            ..Summary::empty(Instant::from_millis(self.now), self.millis * 1_000)
        }
    }

    fn advance(&mut self, until: u64) {
        while self.now + self.millis <= until {
            self.now += self.millis;
            // Costs are given in thousandths here, and the length of the step is true.
            let mut summary = self.summary();
            summary.millis = self.millis;
            summary.limit = self.limit * 1_000.0;
            let before = self.step.decision.clone();
            self.step =
                self.threshold.step(&summary, &self.bounds, self.now.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            self.step.ferry =
                self.step.ferry.map(|ferry| Ferry { concurrency: ferry.concurrency / 1_000.0, ..ferry });
            let decision = &self.step.decision;
            if (decision.level, decision.masks) != (before.level, before.masks) {
                let [t4, t5, t6] = [Tier::T4, Tier::T5, Tier::T6].map(|tier| decision.masks.admitted(tier));
                let at = Duration::from_millis(self.now).as_secs_f64();
                self.log.push(format!("{at}s {} T4 {t4} T5 {t5} T6 {t6}", decision.level));
            }
        }
    }

    /// Plays `<seconds>s <tier> <concurrency> …` lines up to `<seconds>s end`.
    fn plays(&mut self, script: &str) {
        for line in script.split(", ") {
            let (at, rest) = line.split_once("s ").expect("a line is `<seconds>s <tier> <concurrency> …`");
            let at: f64 = at.parse().expect("seconds are a number");
            self.advance(Instant::ORIGIN.add(Duration::from_secs_f64(at)).as_millis());
            let words: Vec<&str> = rest.split_whitespace().collect();
            for pair in words.chunks_exact(2) {
                let tier = Tier::ALL.into_iter().find(|tier| tier.label().eq_ignore_ascii_case(pair[0]));
                let tier = tier.unwrap_or_else(|| panic!("no tier is called `{}`", pair[0]));
                self.demand(tier, pair[1].parse().expect("concurrency is a number"));
            }
        }
    }
}

/// Plays a script in steps of 250 ms, and compares the changes of level and masks.
#[track_caller]
fn check(script: &str, expected: &str) {
    let mut story = Story::new(250);
    story.plays(script);
    assert_eq!(story.log.join(", "), expected);
}
