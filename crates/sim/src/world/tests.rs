//! Whole runs of small worlds.

use model::{Masks, Tier};

use super::*;
use crate::invariants::Failure;
use crate::library::BuiltIn;
use crate::scenario::{AttackKind, Pulse};

mod long;
mod trial;

const SMALL: &str = "name = \"small\"\nseconds = 40\norigin = { capacity = 10, service_ms = 40 }\n\
    known = { clients = 100, load = 0.3 }\nunknown = { clients = 100, load = 0.2 }\nlogin = { per_second = 0.5 }\n";

/// A small scenario, with more in it.
fn small(more: &str) -> Scenario {
    Scenario::parse(&format!("{SMALL}{more}")).unwrap()
}

fn flood(kind: &str, factor: f64) -> String {
    format!("[[attack]]\nkind = \"{kind}\"\nstart = 10\nseconds = 20\nfactor = {factor}\nsources = 400\n")
}

fn play(scenario: &Scenario, seed: u64) -> Outcome {
    let played = World::new(scenario, seed).play(&mut || 0);
    played
        .map_err(|broken| Failure::new(scenario, seed, Layers::All, broken))
        .unwrap_or_else(|failure| panic!("{failure}"))
}

/// Invariant 18.
#[test]
fn the_same_seed_plays_the_same_world() {
    let scenario = small(&flood("random-ua-query", 10.0));
    let (one, same, other) = (play(&scenario, 1), play(&scenario, 1), play(&scenario, 2));
    assert_eq!(one, same);
    assert_ne!(one.decision_hash, other.decision_hash);
}

/// The seed of forty in which the most customers found no place to wait while slots were lent to requests of a second.
#[test]
fn customers_wait_for_slots_that_slow_requests_have_borrowed() {
    let mut scenario = BuiltIn::named("expensive-route").unwrap().scenario().unwrap();
    scenario.seconds = 320;
    let outcome = play(&scenario, 36);
    assert_eq!(outcome.seconds_to_protect, Some(1.0));
}

/// The clock is read for two figures alone.
#[test]
fn a_slow_clock_changes_no_decision() {
    let scenario = small(&flood("dumb-flood", 10.0));
    let mut nanos = 0;
    let mut slow = || {
        nanos += 7_000_000;
        nanos
    };
    let slow = World::new(&scenario, 1).play(&mut slow).unwrap();
    assert_eq!(slow.tick_p99_us, 7_000);
    assert!(slow.seconds_per_hour > 0.0);
    assert_eq!(Outcome { tick_p99_us: 0, seconds_per_hour: 0.0, ..slow }, play(&scenario, 1));
}

#[test]
fn a_calm_minute_refuses_nobody_and_has_no_figures_of_attacks() {
    let outcome = play(&small(""), 1);
    assert_eq!((outcome.refused_in_calm, outcome.false_closings, outcome.reverts), (0.0, 0, 0));
    assert_eq!((outcome.seconds_to_detect, outcome.known_success, outcome.login_success), (None, None, None));
}

#[test]
fn a_flood_is_seen_and_customers_do_not_notice() {
    let outcome = play(&small(&flood("dumb-flood", 20.0)), 1);
    assert!(outcome.seconds_to_detect.unwrap() <= 1.0, "{outcome:?}");
    assert!(outcome.known_success_after_protect.unwrap() >= 0.99, "{outcome:?}");
    assert!(outcome.unknown_success.unwrap() < 0.9, "strangers do: {outcome:?}");
    assert!(outcome.collateral < 0.02, "{outcome:?}");
}

/// What the core says while a scenario is played.
fn told(scenario: &Scenario, seed: u64) -> Vec<(f64, String)> {
    let mut lines = Vec::new();
    let mut tell = |at: f64, line: String| lines.push((at, line));
    World::new(scenario, seed).telling(&mut tell).play(&mut || 0).unwrap();
    lines
}

#[test]
fn a_rule_is_found_and_acts_within_ten_seconds() {
    let lines = told(&small(&flood("random-ua-query", 20.0)), 1);
    let acts = lines.iter().find(|(_, line)| line.ends_with("acts: put last"));
    assert!(acts.is_some_and(|(at, _)| (10.0..20.0).contains(at)), "{lines:?}");
}

#[test]
fn in_calm_and_in_a_crowd_that_fits_nobody_is_asked_for_anything() {
    let crowd = "[[event]]\nkind = \"flash-crowd\"\nstart = 10\nseconds = 20\nfactor = 1.5\n";
    for seed in 1..4 {
        assert_eq!(told(&small(""), seed), []);
        assert_eq!(told(&small(crowd), seed), []);
    }
}

/// Challenges that were given in a flood, and requests of those who were put last.
fn asked(layers: Layers) -> [u64; 2] {
    let scenario = small(&flood("dumb-flood", 20.0));
    let mut world = World::with(&scenario, 1, layers);
    world.open_doors();
    let mut counts = [0; 2];
    for tick in 0..300 {
        world.tick(tick * TICK, &mut || 0).unwrap();
        if let Some(traffic) = world.gate.census.last.take() {
            counts[0] += u64::from(traffic.challenges[0]);
            counts[1] += traffic.tiers[Tier::T6.index()].offered;
        }
    }
    counts
}

#[test]
fn with_the_threshold_alone_nobody_is_told_to_wait_or_put_last() {
    let whole = asked(Layers::All);
    assert!(whole[0] > 0, "{whole:?}");
    assert_eq!(asked(Layers::Threshold), [0, 0]);
}

#[test]
fn with_the_threshold_alone_no_pass_is_bounded() {
    let scenario = small(&flood("aged-accounts", 20.0));
    let is_bounded = |layers| {
        let mut world = World::with(&scenario, 1, layers);
        world.open_doors();
        (0..300)
            .map_while(|tick| {
                world.tick(tick * TICK, &mut || 0).ok().map(|()| world.gate.site.budgets().bound())
            })
            .any(|bound| bound.is_some())
    };
    assert!(is_bounded(Layers::All) && !is_bounded(Layers::Threshold));
}

/// After ten minutes of calm the core has learnt enough to act.
#[test]
fn with_the_threshold_alone_the_core_learns_nothing_and_asks_for_nothing() {
    let mut scenario = small(&flood("random-ua-query", 20.0));
    (scenario.seconds, scenario.warm, scenario.attacks[0].start) = (730, false, 700);
    let asked = |layers| {
        let mut world = World::with(&scenario, 1, layers);
        world.open_doors();
        (0..7_300).any(|tick| {
            world.tick(tick * TICK, &mut || 0).unwrap();
            let decision = world.gate.site.decision();
            decision.challenge != Challenge::Off || !decision.rules.rules.is_empty()
        })
    };
    assert!(asked(Layers::All) && !asked(Layers::Threshold));
}

#[test]
fn refusals_in_calm_are_told_of_everybody_and_of_customers() {
    let scenario = small(&flood("dumb-flood", 2.0));
    let mut score = Score::new(scenario.seconds);
    let row = |known_refused| score::Second {
        requests: [100, 3],
        known_requests: 50,
        known_refused,
        ..score::Second::default()
    };
    (score.seconds[5], score.seconds[15]) = (row(1), row(9));
    let outcome = score.result(&scenario, 1);
    assert_eq!(
        (outcome.refused_in_calm, outcome.known_refused_in_calm),
        (0.03, 0.02),
        "second 15 is attacked"
    );
}

#[test]
fn it_is_told_when_it_was_noticed_that_nothing_arrives() {
    let scenario = small("[[event]]\nkind = \"upstream-outage\"\nstart = 10\nseconds = 25\n");
    let alarm = play(&scenario, 1).seconds_to_alarm.unwrap();
    assert!(0.0 < alarm && alarm <= 20.0, "{alarm}");
    let alone = World::with(&scenario, 1, Layers::Threshold).play(&mut || 0).unwrap();
    assert_eq!(alone.seconds_to_alarm, Some(25.0), "the threshold looks for nothing");
    assert_eq!(play(&small(""), 1).seconds_to_alarm, None);
}

/// Robots that keep cookies are told apart from people by nothing but their budget.
#[test]
fn robots_that_keep_cookies_come_back_with_tickets() {
    let mut scenario = small(&flood("challenge-solvers", 20.0));
    (scenario.seconds, scenario.attacks[0].seconds) = (60, 50);
    let mut world = World::new(&scenario, 1);
    world.open_doors();
    let mut answered = 0;
    for tick in 0..600 {
        world.tick(tick * TICK, &mut || 0).unwrap();
        answered += world.gate.census.last.take().map_or(0, |traffic| traffic.challenges[1]);
    }
    assert!(answered > 0);
}

/// The load that a scenario asks for is the load that comes.
#[test]
fn people_ask_for_as_much_as_the_scenario_says() {
    let mut scenario = small("");
    scenario.seconds = 600;
    let mut loads = [0.0; 4];
    for (seed, load) in (1..).zip(&mut loads) {
        let mut world = World::new(&scenario, seed);
        world.open_doors();
        for tick in 0..6_000 {
            world.tick(tick * TICK, &mut || 0).unwrap();
        }
        let work: f64 = world.score.seconds.iter().map(|row| f64::from(row.legitimate)).sum();
        *load = work / 600.0 / 10.0;
    }
    // 0.5 of people, and logins: half a second one of form, page and file, and a page after them.
    let mean = loads.iter().sum::<f64>() / 4.0;
    let logins = 0.5 * 0.04 * (4.0 + 2.0 + 4.0) / 10.0;
    assert!((mean / (0.5 + logins) - 1.0).abs() < 0.12, "{loads:?}");
}

/// What the warm start computes is about what calm minutes lead to.
#[test]
fn a_gate_that_has_learnt_in_calm_knows_what_a_warm_one_knows() {
    let mut scenario = small("");
    scenario.seconds = 400;
    let learnt = |seed: u64, warm: bool, seconds: u64| {
        let scenario = Scenario { warm, ..scenario.clone() };
        let mut world = World::new(&scenario, seed);
        world.open_doors();
        for tick in 0..seconds * TICKS_PER_SECOND {
            world.tick(tick * TICK, &mut || 0).unwrap();
        }
        let home = world.gate.class_of(routes::Route::Home);
        let base = world.gate.controller.snapshot().0.bases.into_iter().find(|base| base.class == home);
        (world.gate.controller.limit().0, base.unwrap().median_ms)
    };
    let (cold, warm) = (learnt(3, false, 400), learnt(3, true, 1));
    // A few minutes show less or more than weeks: over some seeds they show the same.
    let ratios = [1, 2, 3, 4, 5].map(|seed| learnt(seed, false, 400).0 / learnt(seed, true, 1).0);
    let mean = libm::exp(ratios.iter().map(|ratio| libm::log(*ratio)).sum::<f64>() / 5.0);
    assert!((0.5..2.0).contains(&mean), "L: {ratios:?}");
    // At an app as small as this, requests wait a little for each other in calm too, which is not computed.
    assert!((0.8..1.5).contains(&(cold.1 / warm.1)), "service time in calm: {cold:?} {warm:?}");
}

/// Every kind of attack and event plays, and none breaks an invariant in a short run.
#[test]
fn every_kind_plays() {
    let kinds = [
        "dumb-flood",
        "random-ua-query",
        "expensive-route",
        "login-flood",
        "cache-bust",
        "slow-connections",
        "low-and-slow",
        "prefix-churn",
        "nat-bots",
        "challenge-solvers",
        "aged-accounts",
        "watcher",
        "cohort-learner",
    ];
    for kind in kinds {
        play(&small(&flood(kind, 2.0)), 1);
    }
    let events = [
        "flash-crowd",
        "marketing-mail",
        "crawler",
        "deploy",
        "upstream-outage",
        "telemetry-gap",
        "clock-jump",
        "office-monday",
        "asset-burst",
        "big-upload",
        "sse-5000",
    ];
    for kind in events {
        play(&small(&format!("[[event]]\nkind = \"{kind}\"\nstart = 10\nseconds = 10\nfactor = 0.05\n")), 1);
    }
    play(&small("[[event]]\nkind = \"ceiling\"\nstart = 10\nseconds = 10\nfactor = 0\n"), 1);
}

/// The number of the invariant that a broken core breaks.
#[track_caller]
fn broken_by(mutation: Mutation, scenario: &Scenario) -> u8 {
    let played = World::new(scenario, 1).mutated(mutation).play(&mut || 0);
    Failure::new(scenario, 1, Layers::All, played.expect_err("the core is broken")).number
}

/// A core that closes customers out is found by invariant 1 or 4, whichever looks first.
#[test]
fn a_core_that_closes_customers_out_is_found() {
    let scenario = small(&flood("dumb-flood", 5.0));
    assert_eq!(broken_by(Mutation::ClosesCustomers, &scenario), 4, "worse ones are let in");
    assert_eq!(broken_by(Mutation::ClosesEverybody, &scenario), 1, "nobody is");
    assert_eq!(broken_by(Mutation::OpensStrangersFirst, &scenario), 4);
}

#[test]
fn a_core_that_ignores_the_threshold_is_found() {
    assert_eq!(broken_by(Mutation::IgnoresThreshold, &small(&flood("random-ua-query", 20.0))), 2);
}

#[test]
fn a_core_without_reserves_is_found() {
    assert_eq!(broken_by(Mutation::DropsReserve, &small(&flood("login-flood", 20.0))), 1);
}

#[test]
fn a_core_that_learns_in_an_attack_is_found() {
    assert_eq!(broken_by(Mutation::LearnsInAttack, &small(&flood("dumb-flood", 20.0))), 13);
}

/// The gate obeys what the core decides; what the core learns from is told that it is calm, for longer than it waits.
#[test]
fn a_core_whose_learning_takes_an_attack_for_calm_is_found() {
    let mut scenario = small(&flood("dumb-flood", 20.0));
    (scenario.seconds, scenario.attacks[0].seconds) = (110, 100);
    play(&scenario, 1);
    assert_eq!(broken_by(Mutation::LearnsWhileClosed, &scenario), 13);
}

#[test]
fn a_core_that_never_reverts_is_found() {
    let scenario = BuiltIn::named("watcher").unwrap().scenario().unwrap();
    assert_eq!(broken_by(Mutation::NeverReverts, &scenario), 2);
}

#[test]
fn a_core_whose_rules_are_not_compared_with_customers_is_found() {
    let scenario = BuiltIn::named("aged-accounts").unwrap().scenario().unwrap();
    assert_eq!(broken_by(Mutation::RulesIgnoreCustomers, &scenario), 5);
}

#[test]
fn a_core_without_budgets_of_passes_is_found() {
    let scenario = BuiltIn::named("aged-accounts").unwrap().scenario().unwrap();
    assert_eq!(broken_by(Mutation::DropsBudgets, &scenario), 1);
}

/// A core that opens by leaps is found by invariant 6.
#[test]
fn a_core_that_opens_by_leaps_is_found() {
    let mut scenario = small(&flood("random-ua-query", 20.0));
    scenario.attacks[0].seconds = 30;
    let whole_or_nothing = |masks: Masks| {
        let open = masks.admitted(Tier::T5) > 3;
        if open { masks.with(Tier::T5, u128::MAX >> 8) } else { masks.with(Tier::T5, 1) }
    };
    let mut checks = Checks::new(Layers::All);
    let mut world = World::new(&scenario, 1);
    world.open_doors();
    for tick in 0..110 {
        world.tick(tick * TICK, &mut || 0).unwrap();
    }
    let seen = |masks| Seen { masks, now: 11_050_000, ..world.seen() };
    let closed = Masks::OPEN.with(Tier::T6, 0).with(Tier::T5, 0b111);
    checks.offer(9.0, 0.8);
    checks.tick(&seen(whole_or_nothing(closed)), &world.score, &scenario).unwrap();
    let wide = Masks::OPEN.with(Tier::T6, 0).with(Tier::T5, 0b1111);
    let broken = checks.tick(&seen(whole_or_nothing(wide)), &world.score, &scenario).unwrap_err();
    assert_eq!(Failure::new(&scenario, 1, Layers::All, broken).number, 6);
}

/// Invariant 19: steps that come twice, or from the past, open nothing.
#[test]
fn time_that_stands_still_or_runs_backwards_opens_nothing() {
    let scenario = small(&flood("random-ua-query", 20.0));
    let open_with = |back: Micros| {
        let mut world = World::new(&scenario, 1);
        world.open_doors();
        for tick in 0..150 {
            world.tick(tick * TICK, &mut || 0).unwrap();
            if tick > 110 {
                let before = world.masks().admitted(Tier::T5);
                world.gate.step_again(world.now - back, world.wall());
                assert!(world.masks().admitted(Tier::T5) <= before);
            }
        }
        world.masks().admitted(Tier::T5)
    };
    assert!(open_with(0) < 128 && open_with(3 * SECOND) < 128);
}

/// Invariant 21: while a flood lasts, a larger one opens no more of the order of admission.
#[test]
fn more_attack_admits_no_more_strangers() {
    let open_after = |factor: f64| {
        let scenario = small(&flood("random-ua-query", factor));
        let mut world = World::new(&scenario, 1);
        world.open_doors();
        for tick in 0..130 {
            world.tick(tick * TICK, &mut || 0).unwrap();
        }
        world.masks().admitted(Tier::T5)
    };
    let open = [1.0, 10.0, 60.0].map(open_after);
    assert!(open.is_sorted_by(|less, more| less >= more), "{open:?}");
    assert!(open[2] < 128);
}

#[test]
fn a_watcher_hides_when_it_is_refused_and_returns_when_it_is_let_in() {
    let mut scenario = small(&flood("watcher", 20.0));
    (scenario.seconds, scenario.attacks[0].seconds) = (160, 140);
    let mut world = World::new(&scenario, 1);
    world.open_doors();
    let mut hides = Vec::new();
    for tick in 0..1_500 {
        world.tick(tick * TICK, &mut || 0).unwrap();
        let now = world.hostiles[0].hides();
        if hides.last() != Some(&now) {
            hides.push(now);
        }
    }
    assert!(hides.len() >= 3, "{hides:?}");
}

#[test]
fn in_an_outage_nothing_arrives_and_people_give_up() {
    let scenario = small("[[event]]\nkind = \"upstream-outage\"\nstart = 10\nseconds = 20\n");
    let mut world = World::new(&scenario, 1);
    world.open_doors();
    for tick in 0..400 {
        world.tick(tick * TICK, &mut || 0).unwrap();
    }
    let served = |second: usize| world.score.seconds[second].requests[0];
    assert_eq!((11..30).map(served).sum::<u32>(), 0);
    assert!(served(5) > 0 && served(35) > 0);
    let [begun, succeeded] = world.score.seconds[15].known;
    assert!(begun > 0 && succeeded == 0, "{begun} {succeeded}");
}

/// What a summary says of a flood of random agents: the samples stand for all requests and look alike where they must.
#[test]
fn the_summary_shows_what_came() {
    let scenario = small(&flood("random-ua-query", 20.0));
    let mut world = World::new(&scenario, 1);
    world.open_doors();
    for tick in 0..120 {
        world.tick(tick * TICK, &mut || 0).unwrap();
    }
    let traffic = world.gate.census.last.as_ref().unwrap();
    let others = &traffic.others;
    let offered: u64 = Tier::ALL[3..].iter().map(|tier| traffic.tiers[tier.index()].offered).sum();
    let stands_for: u64 = others.iter().map(|sample| u64::from(sample.weight)).sum();
    assert!(offered > 3_000, "{offered}");
    assert!((stands_for as f64 / offered as f64 - 1.0).abs() < 0.2, "{stands_for} for {offered}");
    assert!(!traffic.known.is_empty() && traffic.known.len() <= model::SAMPLES_MAX);
    assert!(
        traffic.seen_networks[1] > 3_000 && traffic.tiers[Tier::T5.index()].refused.iter().sum::<u64>() > 0
    );
    let tool =
        looks::hostile(AttackKind::RandomUaQuery, routes::Route::Products, "2.0.0.1".parse().unwrap(), 9);
    let ja4 = model::Attribute::Ja4B;
    let alike: u64 = others
        .iter()
        .filter(|sample| sample.values.get(ja4) == tool.get(ja4))
        .map(|sample| u64::from(sample.weight))
        .sum();
    assert!(alike as f64 > 0.8 * stands_for as f64, "{alike} of {stands_for}");
}

#[test]
fn pauses_of_a_pulse_send_nothing() {
    let mut scenario = small(&flood("dumb-flood", 5.0));
    scenario.attacks[0].pulse = Some(Pulse { on: 2, off: 3 });
    let mut world = World::new(&scenario, 1);
    let sent: Vec<bool> =
        (0..30).map(|second| world.hostiles[0].would_send(100.0, second * SECOND)).collect();
    let on: Vec<usize> =
        sent.iter().enumerate().filter(|(_, sends)| **sends).map(|(second, _)| second).collect();
    assert_eq!(on, [10, 11, 15, 16, 20, 21, 25, 26]);
}
