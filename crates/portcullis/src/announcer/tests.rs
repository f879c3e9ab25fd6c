//! What an admin asks of the ticker, with a real decision core behind it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use admission::site::{Served, Site, Tick};
use edge_io::Clock;
use guard::Guard;
use guard::evidence::Profile;
use model::{
    Attribute, COHORTS, Cohort, Finite, Level, Matches, Mode, Name, Sample, Tier, TierCounts, Values,
};

use super::*;
use crate::gate::{self, Plan};
use crate::lines::Moment;
use crate::secrets::Secrets;

/// A gate's ticker whose time goes on by itself, before an app for 20 requests at once.
struct Ticker {
    site: Arc<Site>,
    controller: Controller,
    announcer: Announcer,
    now: Instant,
    wall: Timestamp,
}

impl Ticker {
    /// One that has seen four weeks of calm.
    fn new() -> Self {
        let mut plan = Plan::new(Mode::Auto, vec![gate::origin("127.0.0.1:1")]);
        plan.connections_max = Some(1_000);
        let site = gate::site(&plan, &Secrets::ephemeral().unwrap());
        let wall = Clock::start().wall();
        let others: Vec<Sample> = (0..16_384).map(|n| sample(Tier::T5, n, 1 + n % 4)).collect();
        let known: Vec<Sample> = (0..8_192).map(|n| sample(Tier::T1, n, 1 + n % 4)).collect();
        let guard = Guard::warm(1, &profile(&others), &known, &others, 20);
        let controller =
            Controller::new(&site, Some(&gate::tests::learnt()), None, wall).with_guard(guard).recorded();
        let announcer = Announcer::new(Arc::new(Desk::default()), None, None);
        Self { site, controller, announcer, now: Instant::from_secs(3_600), wall }
    }

    /// A tenth of a second with what usually comes, and a hundred requests that one user agent gives away.
    fn steps(&mut self, is_flooded: bool) {
        self.now = self.now + Duration::from_millis(100);
        self.wall = self.wall + Duration::from_millis(100);
        let tenth = self.now.as_millis() / 100;
        let flood = if is_flooded { 100 } else { 0 };
        let mut offered = vec![[0; COHORTS]; Tier::COUNT];
        offered[Tier::T5.index()]
            .fill((1_000 + 60_000 * u64::from(is_flooded)) * 2_000 / COHORTS as u64 / 10);
        let mut traffic = Traffic { disk_free: 1.0, hour_of_week: Some(7), ..Traffic::default() };
        traffic.names = vec![Name { value: 99, text: "flood\u{1b}[2J".to_owned() }];
        traffic.known = (0..2).map(|n| sample(Tier::T1, tenth + n, 1 + (tenth + n) % 4)).collect();
        traffic.others = (0..2).map(|n| sample(Tier::T5, tenth + n, 1 + (tenth + n) % 4)).collect();
        traffic.others.extend((0..flood).map(|n| sample(Tier::T5, tenth * 100 + n, 99)));
        let counts = |offered| TierCounts { offered, forwarded: offered, ..TierCounts::default() };
        traffic.tiers[Tier::T1.index()] = counts(2);
        traffic.tiers[Tier::T5.index()] = counts(2 + flood);
        let rules = self.controller.decision().rules.clone();
        let hits =
            |rule| traffic.others.iter().filter(|sample| rules.matches(rule, &sample.values)).count() as u64;
        let matches = rules.rules.iter().map(|rule| Matches { rule: rule.id, others: hits(rule), known: 0 });
        traffic.matches = matches.collect();
        self.announcer.counted(&traffic);
        let tick = Tick {
            now: self.now,
            wall: self.wall,
            millis: 100,
            classes: &[],
            offered_micros: offered.as_slice().try_into().unwrap(),
            removed_micros: &[0; Tier::COUNT],
            traffic,
            served: Served { answers: 10, ..Served::default() },
            queue_wait_ms: 0,
            known_requests: 2,
            random: tenth,
            secret: 9,
        };
        let turn = self.controller.step(&self.site, tick);
        self.announcer.turned(&turn, &mut self.controller, self.now);
    }

    /// Steps of a flood until a rule is armed; its number.
    fn finds_a_rule(&mut self) -> u16 {
        for step in 0..600 {
            self.steps(step > 100);
            let rules = self.controller.decision().rules.clone();
            if let Some(rule) = rules.rules.iter().find(|rule| rule.armed) {
                return rule.id;
            }
        }
        panic!("no rule acts: {:?}", self.announcer.desk.situation())
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, wall: self.wall }
    }

    /// Lets an admin ask while the flood goes on.
    fn is_asked<T: Send>(&mut self, ask: impl FnOnce(&Desk) -> T + Send) -> T {
        let (desk, is_done) = (self.announcer.desk.clone(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let answer = ask(&desk);
                is_done.store(true, Relaxed);
                answer
            });
            while !is_done.load(Relaxed) {
                self.steps(true);
            }
            asking.join().unwrap()
        })
    }
}

/// A request of somebody; who floods is alike in the user agent alone.
fn sample(tier: Tier, number: u64, agent: u64) -> Sample {
    let mut values = Values::default();
    values.set(Attribute::UserAgent, agent);
    values.set(Attribute::Path, 10 + number % 7);
    values.set(Attribute::Language, 30 + number % 5);
    values.set(Attribute::Network, 1_000 + number % 500);
    Sample {
        weight: 1,
        tier,
        cohort: Cohort::from_hash(number),
        cost_micros: 5_000,
        navigation: number.is_multiple_of(3),
        keeps_cookies: agent != 99,
        values,
    }
}

fn profile(others: &[Sample]) -> Profile {
    let mut profile = Profile { spread: Finite::new(0.2), samples: others.to_vec(), ..Profile::default() };
    for tier in [Tier::T1, Tier::T5] {
        profile.requests[tier.index()] = Finite::new(20.0);
        profile.load[tier.index()] = Finite::new(0.1);
    }
    profile.seen_networks = Finite::new(0.5);
    profile
}

#[test]
fn a_rule_that_an_admin_does_not_want_is_out_of_force_when_it_is_answered() {
    let mut ticker = Ticker::new();
    let id = ticker.finds_a_rule();
    let board = ticker.announcer.desk.rules();
    assert!(board.is_in_force(id));
    let rules = ticker.controller.decision().rules.clone();
    let unwanted = rules.rules.iter().find(|rule| rule.id == id).unwrap().conditions.clone();
    let text = board.find(id).unwrap().text(ticker.moment());
    assert!(text.contains("user agent is `flood\\u{1b}[2J`"), "{text}");
    assert_eq!(ticker.is_asked(|desk| desk.drop_rule(id)), Dropped::Gone);
    let rules = &ticker.controller.decision().rules.rules;
    assert!(rules.iter().all(|rule| rule.id != id), "{rules:?}");
    let board = ticker.announcer.desk.rules();
    assert!(!board.is_in_force(id));
    let ended = board.find(id).unwrap().value(ticker.moment());
    assert_eq!(ended["state"], "ended");
    assert!(ended["ended"]["why"].as_str().unwrap().starts_with("an admin did not want it"), "{ended}");
    let conditions = |rule: &model::Rule| rule.conditions.clone();
    for _ in 0..300 {
        ticker.steps(true);
        let rules = &ticker.controller.decision().rules.rules;
        assert!(rules.iter().all(|rule| conditions(rule) != unwanted), "{rules:?}");
    }
}

#[test]
fn what_is_no_rule_is_not_dropped_and_everybody_who_asks_is_answered() {
    let mut ticker = Ticker::new();
    let id = ticker.finds_a_rule();
    assert_eq!(ticker.is_asked(|desk| desk.drop_rule(999)), Dropped::NotThere);
    let both = ticker.is_asked(|desk| {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| desk.drop_rule(id));
            let mut both = [desk.drop_rule(id), other.join().unwrap()];
            both.sort_by_key(|dropped| *dropped != Dropped::Gone);
            both
        })
    });
    assert_eq!(both, [Dropped::Gone, Dropped::NotThere]);
}

#[test]
fn the_level_is_shown_as_it_is_with_its_pins() {
    let mut ticker = Ticker::new();
    ticker.steps(false);
    let until = ticker.wall + Duration::from_secs(600);
    ticker.announcer.desk.pin(Pins { floor: Some((Level::Limiting, until)), ceiling: None });
    for _ in 0..20 {
        ticker.steps(false);
    }
    let desk = ticker.announcer.desk.clone();
    assert_eq!(
        (desk.situation().decision.level, desk.pins().floor),
        (Level::Limiting, Some((Level::Limiting, until)))
    );
    ticker.announcer.desk.pin(Pins::default());
    ticker.finds_a_rule();
    let situation = ticker.announcer.desk.situation();
    assert_eq!(situation.decision.level, ticker.controller.decision().level);
    assert!(situation.decision.level != Level::Calm && desk.pins() == Pins::default(), "{situation:?}");
}

#[test]
fn pins_of_an_earlier_process_are_shown_too() {
    let mut ticker = Ticker::new();
    let until = ticker.wall + Duration::from_secs(600);
    ticker.controller.pin(None, Some((Level::Filtering, until)));
    for _ in 0..10 {
        ticker.steps(false);
    }
    assert_eq!(ticker.announcer.desk.pins().ceiling, Some((Level::Filtering, until)));
}
