//! What is an attack, what is a crowd, and what hurts.

use model::{Finite, Summary, Tier};

use super::super::{Feature, Findings, Maturity, Metric, Pain, Verdict};
use super::world::{CROWD, FLOOD, Kind, LOGINS, Looks, PEOPLE, World};

/// A site with 100 requests/s of known clients and 100 of others, after a minute of calm.
fn site() -> World {
    let mut world = World::new(7, 100.0, 100.0);
    world.seconds(60, &[]);
    world
}

/// The verdicts of so many seconds of the same.
#[track_caller]
fn check_attack(kind: Kind, rate: u64) {
    let mut world = site();
    let found: Vec<Findings> = (0..30).map(|_| world.second(&[(kind, rate)])).collect();
    let seconds = found.iter().position(Findings::is_malicious);
    assert!(seconds.is_some_and(|seconds| seconds < 5), "{seconds:?}: {:#?}", found[4].malice);
    let last = &found[29];
    assert!(last.is_malicious() && last.is_anomalous(), "{:#?}", last.malice);
}

/// No second of them is malicious; the last one's findings.
#[track_caller]
fn check_people(world: &mut World, rates: impl Iterator<Item = u64>, kind: Kind) -> Findings {
    let mut last = None;
    for rate in rates {
        let found = world.second(&[(kind, rate)]);
        assert!(!found.is_malicious(), "at {rate}/s: {:#?}", found.malice);
        last = Some(found);
    }
    last.unwrap()
}

const fn program(random_agents: bool, random_queries: bool, networks: u64) -> Looks {
    Looks::Program { random_agents, random_queries, networks }
}

#[test]
fn floods_of_every_kind_are_attacks_within_five_seconds() {
    check_attack(FLOOD, 1_000);
    check_attack(Kind { looks: program(true, true, 500), ..FLOOD }, 1_000);
    check_attack(Kind { cost: 1_000, ..FLOOD }, 60);
    check_attack(Kind { cost: 250, looks: program(false, true, 500), ..FLOOD }, 400);
    check_attack(Kind { tier: Tier::T3, cost: 200, logins: Some(0), ..FLOOD }, 300);
    check_attack(Kind { looks: program(false, false, 1 << 40), ..FLOOD }, 1_000);
}

#[test]
fn bots_behind_the_addresses_of_people_are_an_attack() {
    check_attack(Kind { seen: 60, looks: program(false, false, 0), ..FLOOD }, 1_000);
}

#[test]
fn bots_that_keep_cookies_and_answer_challenges_are_an_attack() {
    let mut world = site();
    world.touch = |summary| summary.traffic.challenges = [500, 480];
    let solvers = Kind { cookies: 100, navigations: 100, ..FLOOD };
    let found = world.seconds(30, &[(solvers, 1_000)]);
    assert!(found.is_malicious(), "{:#?}", found.malice);
}

#[test]
fn a_flood_that_grows_slowly_is_an_attack_once_it_is_seen() {
    let mut world = site();
    let found = (1..=300).map(|second| world.second(&[(FLOOD, 2 * second)])).last().unwrap();
    assert!(found.is_malicious() && found.is_anomalous(), "{:#?}", found.malice);
}

#[test]
fn connections_that_ask_for_nothing_are_an_attack() {
    let mut world = site();
    world.touch = |summary| {
        summary.connections = 0.6;
        summary.traffic.handshakes.full += 400;
    };
    let found = world.seconds(6, &[]);
    assert!(found.is_malicious(), "{:#?}", found.malice);
    let silent = found.malice.terms.iter().find(|term| term.feature == Feature::SilentConnections).unwrap();
    assert_eq!(silent.weight, Finite::new(2.0));
}

#[test]
fn a_flash_crowd_is_a_crowd() {
    let mut world = site();
    let found = check_people(&mut world, (1..=300).map(|second| second * 4), CROWD);
    assert!(found.is_anomalous(), "{found:?}");
    assert_eq!(found.malice.verdict, Verdict::Crowd, "{:#?}", found.malice);
}

#[test]
fn a_steep_marketing_mail_is_no_attack() {
    let mut world = site();
    let steep = (1..=120).map(|second: u64| (second * 80).min(800));
    let found = check_people(&mut world, steep, CROWD);
    assert_eq!(found.malice.verdict, Verdict::Crowd, "{:#?}", found.malice);
}

#[test]
fn a_steep_crowd_that_the_gate_refuses_is_no_attack() {
    let mut world = site();
    world.touch = |summary| {
        let others = &mut summary.traffic.tiers[5];
        others.refused[1] = others.offered / 2;
    };
    let pages_alone = Kind { navigations: 70, ..CROWD };
    check_people(&mut world, (1..=60).map(|second: u64| (second * 80).min(800)), pages_alone);
}

#[test]
fn an_office_that_logs_in_on_monday_is_no_attack() {
    let office = Kind { seen: 100, looks: Looks::Office, ..LOGINS };
    check_people(&mut site(), (0..60).map(|second| if second < 40 { 20 } else { 0 }), office);
}

#[test]
fn a_verified_crawler_is_no_attack() {
    let looks = program(false, false, 3);
    let crawler = Kind { tier: Tier::T4, seen: 0, cookies: 0, navigations: 0, looks, ..PEOPLE };
    check_people(&mut site(), std::iter::repeat_n(100, 60), crawler);
}

#[test]
fn a_deploy_is_no_attack() {
    let mut world = site();
    world.touch = |summary| {
        summary.limit /= 2.0;
        summary.offered.iter_mut().flatten().for_each(|cost| *cost = *cost * 3 / 2);
    };
    // Some reload.
    check_people(&mut world, std::iter::repeat_n(40, 60), PEOPLE);
}

#[test]
fn many_streams_at_once_are_no_attack() {
    let mut world = site();
    world.touch = |summary| summary.connections = 0.55;
    check_people(&mut world, std::iter::repeat_n(300, 17), Kind { handshakes: 100, ..PEOPLE });
    check_people(&mut world, std::iter::repeat_n(0, 60), PEOPLE);
}

#[test]
fn what_hurts_says_by_how_much() {
    type Touch = fn(&mut Summary);
    let hurts: [(Touch, Pain, f64); 6] = [
        (|summary| summary.limit = 5.0, Pain::Utilisation, 0.85),
        (|summary| summary.queue_wait_ms = 41, Pain::QueueWait, 40.0),
        (|summary| summary.traffic.tiers[1].failed = 10, Pain::KnownSuccess, 0.98),
        (|summary| summary.connections = 0.71, Pain::Connections, 0.70),
        (|summary| summary.traffic.handshake_share = 0.61, Pain::Handshakes, 0.60),
        (|summary| summary.traffic.disk_free = 0.09, Pain::Disk, 0.10),
    ];
    for (touch, pain, bound) in hurts {
        let mut world = site();
        assert_eq!(world.second(&[]).pain, []);
        world.touch = touch;
        let found = [world.second(&[]), world.second(&[])];
        let kinds: Vec<Pain> = found[1].pain.iter().map(|hurt| hurt.pain).collect();
        assert_eq!(kinds, [pain]);
        assert_eq!(found[1].pain[0].bound, Finite::new(bound));
        assert_eq!(found[0].hurts(), pain != Pain::Utilisation, "only load must last for two seconds");
    }
}

#[test]
fn an_app_without_a_measured_limit_is_not_busy() {
    let mut world = site();
    world.touch = |summary| summary.limit = f64::INFINITY;
    assert!(!world.seconds(3, &[(FLOOD, 5_000)]).hurts());
}

#[test]
fn vanished_traffic_is_suspected_within_twenty_seconds_and_over_soon_after_it_is_back() {
    for rate in [5.0, 20.0, 500.0] {
        let mut world = World::new(3, rate / 2.0, rate / 2.0);
        world.seconds(30, &[]);
        (world.known, world.others, world.logins) = (0.0, 0.0, 0.0);
        let seconds = (1..60).find(|_| world.second(&[]).upstream.has_vanished);
        assert!(seconds.is_some_and(|seconds| seconds <= 20), "{rate}/s: {seconds:?}");
        world.seconds(60, &[]);
        let found = world.second(&[]);
        assert!(found.upstream.app_is_idle, "{:?}", found.upstream);
        (world.known, world.others) = (rate / 2.0, rate / 2.0);
        let seconds = (1..60).find(|_| !world.second(&[]).upstream.is_suspected);
        assert!(seconds.is_some_and(|seconds| seconds <= 10), "{rate}/s: {seconds:?}");
    }
}

#[test]
fn a_holiday_with_half_the_traffic_is_not_suspected() {
    let mut world = site();
    (world.known, world.others) = (50.0, 50.0);
    assert!((0..600).all(|_| !world.second(&[]).upstream.is_suspected));
}

#[test]
fn failed_probes_make_upstream_suspected() {
    let mut world = site();
    world.touch = |summary| summary.traffic.probes = [1, 2];
    assert!(!world.second(&[]).upstream.is_suspected, "one may fail");
    let found = world.second(&[]);
    assert!(found.upstream.is_suspected && !found.is_learnt);
    assert_eq!(found.upstream.probes, [2, 4]);
}

#[test]
fn without_a_baseline_only_pain_is_found() {
    let mut world = site();
    world.evidence = super::super::Evidence::new();
    world.touch = |summary| summary.limit = 50.0;
    let found = world.seconds(5, &[(FLOOD, 2_000)]);
    assert!(found.hurts() && !found.is_anomalous() && !found.is_malicious());
    assert_eq!((found.maturity, found.expected_load), (Maturity::Absent, None));
}

#[test]
fn every_statement_can_be_computed_again_from_its_numbers() {
    let mut world = site();
    let mut before = [Finite::ZERO; 2];
    for second in 0..40 {
        let found = world.second(&[(FLOOD, if second < 20 { 800 } else { 0 })]);
        let others = found.volume.iter().find(|volume| volume.metric == Metric::Others).unwrap();
        let ratio = (others.value + Finite::ONE) / (others.expected + Finite::ONE);
        let z = (ratio.ln() / others.spread).clamp(Finite::new(-4.0), Finite::new(8.0));
        let two = Finite::new(2.0);
        let high = (before[0] + z - two).clamp(Finite::ZERO, Finite::new(16.0));
        let low = (before[1] - z - two).clamp(Finite::ZERO, Finite::new(32.0));
        // The minute before may have left something in the sums.
        if second > 10 {
            assert_eq!((others.z, others.high, others.low), (z, high, low));
        }
        before = [others.high, others.low];
        let terms = &found.malice.terms;
        let sum: Finite = terms.iter().map(|term| term.weight).sum();
        assert_eq!(found.malice.score, sum);
        for term in terms {
            let weight = (term.figure - term.even) / term.scale;
            let is_cut = term.weight.abs() < weight.abs();
            assert!(term.weight.abs() <= two && (is_cut || term.weight == weight), "{term:?}");
        }
        let verdict = match sum.get() {
            sum if sum >= 3.0 => Verdict::Attack,
            sum if sum <= -1.0 => Verdict::Crowd,
            _ => Verdict::Undecided,
        };
        assert_eq!(found.malice.verdict, verdict);
    }
}
