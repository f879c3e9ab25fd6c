//! Signing in while more want to than the lane can serve.

use model::{COHORTS, Timestamp, Traffic};

use super::*;
use crate::site::{Controller, Served, Tick};

/// A shop whose controller runs, pinned to customers-first, with L at 10.
struct Busy {
    shop: Shop,
    controller: Controller,
}

const WALL: Timestamp = Timestamp::from_secs(1_700_000_000);

impl Busy {
    fn new(mode: Mode) -> Self {
        let shop = Shop::new(mode);
        let mut controller = Controller::new(&shop.site, None, None, WALL);
        controller.pin(Some((Level::CustomersFirst, Timestamp::from_secs(2_000_000_000))), None);
        Self { shop, controller }
    }

    /// As it is in calm: nobody has pinned anything, and L has been measured.
    fn unpinned(mode: Mode) -> Self {
        let shop = Shop::new(mode);
        let controller = Controller::new(&shop.site, Some(&measured()), None, WALL);
        Self { shop, controller }
    }

    /// Seconds in which logins ask for so many slots.
    fn runs(&mut self, seconds: u32, slots: u64) {
        self.is_asked_for(Tier::T3, seconds, slots);
    }

    /// Seconds in which a tier asks for so many slots.
    fn is_asked_for(&mut self, tier: Tier, seconds: u32, slots: u64) {
        let mut offered = vec![[0; COHORTS]; Tier::COUNT];
        offered[tier.index()].fill(slots * 100_000 / COHORTS as u64);
        for step in 0..seconds * 10 {
            self.shop.now = self.shop.now + Duration::from_millis(100);
            self.shop.site.slots().set_limit(10.0, self.shop.now, &mut |_| {});
            self.controller.step(
                &self.shop.site,
                Tick {
                    now: self.shop.now,
                    wall: WALL,
                    millis: 100,
                    classes: &[],
                    offered_micros: offered.as_slice().try_into().unwrap(),
                    removed_micros: &[0; Tier::COUNT],
                    traffic: Traffic::default(),
                    served: Served::default(),
                    queue_wait_ms: 0,
                    known_requests: 0,
                    random: u64::from(step).wrapping_mul(0x9E37_79B9_7F4A_7C15),
                    secret: u64::from(step) + 1,
                },
            );
        }
    }

    /// The reason of the refusal and the cookie that comes with it.
    fn asks(&self, line: &str, ticket: Option<&str>) -> Option<(Reason, Option<String>)> {
        let cookies: Vec<_> = ticket.map(|ticket| ("portcullis-lane", ticket)).into_iter().collect();
        let refusal = self.shop.admit(ask(line, HOME, &cookies)).refuse?;
        Some((refusal.reason, refusal.waiting.map(|waiting| value(waiting.set_cookie.as_deref().unwrap()))))
    }
}

fn value(cookie: &str) -> String {
    cookie.split(['=', ';']).nth(1).unwrap().to_owned()
}

#[test]
fn who_wants_to_sign_in_waits_for_a_turn_on_the_page_and_never_on_the_form() {
    let mut busy = Busy::new(Mode::Auto);
    busy.runs(2, 1);
    assert_eq!(busy.asks("GET /login", None), None, "the lane can serve all of them");
    busy.runs(2, 50);
    let Some((Reason::LaneFull, Some(ticket))) = busy.asks("GET /login", None) else {
        panic!("no place in the waiting room")
    };
    busy.runs(6, 50);
    assert_eq!(busy.asks("GET /login", None).map(|(reason, _)| reason), Some(Reason::LaneFull));
    assert_eq!(busy.asks("GET /login", Some(&ticket)), None, "its turn has come");
    let holder = Holder { address: HOME.parse().unwrap(), user_agent: b"browser" };
    let ticket = value(&busy.shop.site.lane.ticket(holder, busy.shop.site.pass_time()));
    assert_eq!(busy.asks("POST /login", Some(&ticket)), None, "the form of a page that was let in");
    assert_eq!(busy.asks("POST /login", None).map(|(reason, _)| reason), Some(Reason::LaneFull));
    busy.runs(12, 1);
    assert_eq!(busy.asks("GET /login", None), None, "nobody waits any more");
}

#[test]
fn nobody_waits_while_the_gate_only_observes() {
    let mut busy = Busy::new(Mode::Observe);
    busy.runs(5, 50);
    assert_eq!(busy.asks("GET /login", None), None);
}

#[test]
fn known_clients_never_wait_to_sign_in() {
    let mut busy = Busy::new(Mode::Auto);
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    let (pass, _) = busy.shop.exchange(ask("GET /", HOME, &[]), word);
    busy.runs(5, 50);
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    assert!(busy.shop.admit(ask("GET /login", HOME, &cookies)).refuse.is_none());
}

#[test]
fn strangers_are_sent_to_the_login_while_its_lane_is_open() {
    let shop = Shop::new(Mode::Auto);
    let open = Masks::default().with(Tier::T5, 0);
    shop.decide(Level::CustomersFirst, open, true);
    assert_eq!(shop.site.login_page(), Some("/login"));
    shop.decide(Level::CustomersFirst, open.with(Tier::T3, 0), true);
    assert_eq!(shop.site.login_page(), None);
}

#[test]
fn while_an_admin_keeps_the_level_down_calm_teaches_nothing() {
    let mut busy = Busy::new(Mode::Auto);
    let until = Timestamp::from_secs(2_000_000_000);
    for (most, learns) in [(None, true), (Some(Level::Calm), false), (Some(Level::CustomersFirst), true)] {
        busy.controller.pin(None, most.map(|level| (level, until)));
        busy.runs(1, 0);
        assert_eq!(busy.shop.site.level(), Level::Calm);
        assert_eq!(busy.shop.site.learns(busy.shop.now), learns, "{most:?}");
    }
}

#[test]
fn while_assist_waits_for_a_yes_an_attack_teaches_nothing() {
    let mut busy = Busy::unpinned(Mode::Assist);
    busy.runs(1, 0);
    assert!(busy.shop.site.learns(busy.shop.now), "nobody has to be closed out");
    busy.is_asked_for(Tier::T5, 10, 100);
    assert_eq!(busy.shop.site.level(), Level::Calm, "nobody has said yes");
    assert!(!busy.shop.site.learns(busy.shop.now));
}

#[test]
fn a_yes_is_for_one_incident() {
    let mut busy = Busy::unpinned(Mode::Assist);
    busy.shop.site.set_assist_yes(true);
    busy.controller.pin(Some((Level::CustomersFirst, WALL + Duration::from_secs(60))), None);
    busy.is_asked_for(Tier::T5, 10, 100);
    busy.controller.pin(None, None);
    busy.is_asked_for(Tier::T5, 10, 100);
    assert_eq!(busy.shop.site.level(), Level::CustomersFirst, "the pin is over, the attack is not");
    busy.runs(900, 0);
    assert_eq!(busy.shop.site.level(), Level::Calm);
    busy.is_asked_for(Tier::T5, 10, 100);
    assert_eq!(busy.shop.site.level(), Level::Calm, "the next one needs a yes of its own");
}
