//! One process takes the place of another in the middle of an attack.

use model::{COHORTS, Timestamp, Traffic};

use super::*;
use crate::handover::Handover;
use crate::site::{Controller, Served, Tick};

const WALL: Timestamp = Timestamp::from_secs(1_700_000_000);

/// One process: its site and its controller.
struct Process {
    shop: Shop,
    controller: Controller,
}

impl Process {
    fn new(mode: Mode) -> Self {
        let shop = Shop::new(mode);
        let controller = Controller::new(&shop.site, None, None, WALL);
        Self { shop, controller }
    }

    /// One whose L was measured before.
    fn measured(mode: Mode) -> Self {
        let shop = Shop::new(mode);
        let controller = Controller::new(&shop.site, Some(&measured()), None, WALL);
        Self { shop, controller }
    }

    /// The process that takes its place, by way of bytes.
    fn successor(&self, mode: Mode) -> Self {
        let mut estate = Handover::default();
        self.shop.site.hand_over(&mut estate, self.shop.now);
        self.controller.hand_over(&mut estate);
        let estate = Handover::decode(&estate.encode()).unwrap();
        let mut next = Self::new(mode);
        next.shop.now = self.shop.now;
        next.shop.site.take_over(&estate, Some(Mode::Auto), next.shop.now, WALL);
        next.controller.take_over(&next.shop.site, &estate, WALL);
        next
    }

    fn estate(&self) -> Handover {
        let mut estate = Handover::default();
        self.shop.site.hand_over(&mut estate, self.shop.now);
        self.controller.hand_over(&mut estate);
        estate
    }

    /// Steps of 100 ms in which strangers ask for so many slots.
    fn runs(&mut self, steps: u32, strangers: u64) -> f64 {
        let mut offered = vec![[0; COHORTS]; Tier::COUNT];
        offered[Tier::T5.index()].fill(strangers * 100_000 / COHORTS as u64);
        let mut slots_limit = 0.0;
        for step in 0..steps {
            self.shop.now = self.shop.now + Duration::from_millis(100);
            let tick = Tick {
                now: self.shop.now,
                wall: WALL,
                millis: 100,
                classes: &[],
                offered_micros: offered.as_slice().try_into().unwrap(),
                removed_micros: &[0; Tier::COUNT],
                traffic: Traffic::default(),
                served: Served { answers: 10, failures: 5, overloads: 5 },
                queue_wait_ms: 100,
                known_requests: 0,
                random: u64::from(step).wrapping_mul(0x9E37_79B9_7F4A_7C15),
                secret: u64::from(step) + 1,
            };
            slots_limit = self.controller.step(&self.shop.site, tick).slots_limit;
        }
        slots_limit
    }
}

#[test]
fn an_upgrade_in_the_middle_of_an_attack_gives_nobody_a_second_chance() {
    let mut before = Process::new(Mode::Auto);
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    let (pass, _) = before.shop.exchange(ask("GET /", HOME, &[]), word);
    before.controller.pin(Some((Level::CustomersFirst, Timestamp::from_secs(2_000_000_000))), None);
    before.shop.decide(Level::Calm, Masks::OPEN, true);
    let stranger = || ask("GET /", "203.0.113.9", &[]);
    let admitted = (0..100).take_while(|_| before.shop.admit(stranger()).refuse.is_none()).count();
    assert!((1..100).contains(&admitted), "{admitted}");
    before.runs(10, 5_000);
    assert_eq!(before.shop.site.level(), Level::CustomersFirst);

    let mut after = before.successor(Mode::Auto);
    assert_eq!(**after.shop.site.decision(), **before.shop.site.decision());
    assert!(after.shop.admit(stranger()).refuse.is_some(), "its burst is spent, as it was before");
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    assert_eq!(after.shop.tier(ask("GET /", HOME, &cookies)), Tier::T2);
    assert!(after.shop.admit(ask("GET /", HOME, &cookies)).refuse.is_none());
    after.runs(10, 5_000);
    assert_eq!(after.shop.site.level(), Level::CustomersFirst, "the pin is still there");
}

#[test]
fn what_is_taken_over_could_be_handed_over_again_unchanged() {
    let mut before = Process::new(Mode::Auto);
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    before.shop.exchange(ask("GET /", HOME, &[]), word);
    before
        .shop
        .exchange(ask("POST /login", HOME, &[]), Says { status: 302, sets: &[("sid", "new")], ..word });
    before.shop.admit(ask("GET /", "203.0.113.9", &[]));
    before.runs(10, 5_000);
    assert_eq!(before.successor(Mode::Auto).estate(), before.estate());
}

#[test]
fn what_an_admin_switched_holds_until_the_configuration_says_otherwise() {
    let before = Process::new(Mode::Auto);
    before.shop.site.set_mode(Mode::Observe);
    before.shop.site.set_bypass(true);
    let same = before.successor(Mode::Auto).shop.site;
    assert_eq!((same.mode(), same.is_bypassed()), (Mode::Observe, true));
    assert_eq!(before.successor(Mode::Assist).shop.site.mode(), Mode::Assist, "the file was changed");
}

/// What a process kept, and another that begins so long after it was killed.
fn begin_again(before: &Process, stopped: Duration) -> Process {
    let (core, posture) = (before.controller.core().clone(), before.controller.posture());
    let mut next = Process::new(Mode::Auto);
    next.shop.now = before.shop.now + stopped;
    next.controller.go_on(&next.shop.site, Some(core), Some(posture), stopped);
    next
}

#[test]
fn after_a_crash_in_an_incident_it_begins_where_it_was_and_opens_by_the_usual_rules() {
    let limit =
        Snapshot { limit: 20.0, healthy_seconds: 300, highest_healthy: 20.0, known_p95: 1.0, bases: vec![] };
    let mut before = Process::new(Mode::Auto);
    before.controller = Controller::new(&before.shop.site, Some(&limit), None, WALL);
    before.runs(20, 5_000);
    let decision = before.shop.site.decision().clone();
    assert_eq!(decision.level, Level::CustomersFirst);

    let mut after = begin_again(&before, Duration::from_secs(40));
    assert_eq!(**after.shop.site.decision(), *decision, "before anything was counted");
    after.runs(95, 0);
    assert_eq!(after.shop.site.level(), Level::CustomersFirst, "nothing is opened at once");
    after.runs(900, 0);
    assert_eq!(after.shop.site.level(), Level::Calm);

    let later = begin_again(&before, Duration::from_secs(601));
    assert_eq!(later.shop.site.level(), Level::Calm, "that incident is over");
}

#[test]
fn a_pin_outlives_a_stop_of_any_length_until_its_time() {
    let mut before = Process::new(Mode::Auto);
    before.controller.pin(Some((Level::CustomersFirst, WALL + Duration::from_secs(3_600))), None);
    before.runs(10, 1);
    let mut after = begin_again(&before, Duration::from_secs(1_200));
    after.runs(10, 1);
    assert_eq!(after.shop.site.level(), Level::CustomersFirst);
}

#[test]
fn what_a_predecessor_still_has_at_the_app_is_not_there_for_its_successor() {
    let mut process = Process::new(Mode::Auto);
    let limit =
        Snapshot { limit: 20.0, healthy_seconds: 300, highest_healthy: 20.0, known_p95: 1.0, bases: vec![] };
    process.controller = Controller::new(&process.shop.site, Some(&limit), None, WALL);
    process.shop.site.set_elsewhere(4);
    let shared = process.runs(1, 1);
    assert!((process.controller.in_force - 4.0 - shared).abs() < 1e-9 && shared > 1.0, "{shared}");
    process.shop.site.set_elsewhere(u32::MAX);
    assert!((process.runs(1, 1) - 1.0).abs() < f64::EPSILON, "something always moves");
}

#[test]
fn an_estate_that_makes_no_sense_changes_nothing() {
    let mut estate = Handover::default();
    for part in [
        "switches",
        "limit",
        "limit.bases",
        "threshold.wanted",
        "threshold.numbers",
        "threshold.decision",
        "pins",
        "passes",
        "tokens",
        "classes",
        "networks",
        "pending",
        "paths",
        "ladder.passes",
        "incidents",
    ] {
        estate.put(part, (0..40).map(|word| u64::MAX - word));
    }
    let mut next = Process::new(Mode::Auto);
    next.shop.site.take_over(&estate, None, next.shop.now, WALL);
    next.controller.take_over(&next.shop.site, &estate, WALL);
    next.runs(10, 1);
    assert_eq!(next.shop.site.level(), Level::Calm);
}

#[test]
fn a_yes_that_was_given_holds_over_an_upgrade_as_long_as_the_attack() {
    let mut before = Process::measured(Mode::Assist);
    before.shop.site.set_assist_yes(true);
    before.controller.pin(Some((Level::CustomersFirst, WALL + Duration::from_secs(60))), None);
    before.runs(20, 5_000);
    before.controller.pin(None, None);
    before.runs(20, 5_000);
    assert_eq!(before.shop.site.level(), Level::CustomersFirst, "the pin is over, the attack is not");
    let mut after = before.successor(Mode::Assist);
    after.runs(20, 5_000);
    assert_eq!(after.shop.site.level(), Level::CustomersFirst);
}

#[test]
fn a_yes_that_comes_before_its_pin_and_before_the_attack_is_not_lost() {
    let mut process = Process::measured(Mode::Assist);
    process.runs(20, 0);
    process.shop.site.set_assist_yes(true);
    process.runs(20, 0);
    process.controller.pin(Some((Level::CustomersFirst, WALL + Duration::from_secs(60))), None);
    process.runs(20, 5_000);
    process.controller.pin(None, None);
    process.runs(20, 5_000);
    assert_eq!(process.shop.site.level(), Level::CustomersFirst);
}
