//! Nobody decides any more: what goes on, and what ends.

use model::{Action, Attribute, Challenge, Condition, Finite, Rule, Rules, Test};

use super::*;

const STRANGER: &str = "203.0.113.1";

/// What an attack of `second` 1000 put in force.
fn attacked() -> Shop {
    let shop = Shop::new(Mode::Auto);
    shop.site.obey(last_decision(shop.now));
    shop
}

/// Strangers are closed out and asked for a cookie, and a rule matches path 7 until second 1060.
fn last_decision(at: Instant) -> Decision {
    let rule = |id, path, action| Rule {
        id,
        conditions: vec![Condition { attribute: Attribute::Path, test: Test::Is(path) }],
        action,
        armed: true,
        expires: Instant::from_secs(1_060),
        collateral_calm: Finite::ZERO,
        collateral_known: Finite::ZERO,
    };
    let rules = vec![rule(1, 7, Action::Block), rule(2, 8, Action::Challenge)];
    Decision {
        at,
        level: Level::CustomersFirst,
        masks: Masks::OPEN.with(Tier::T5, 0).with(Tier::T6, 0),
        challenge: Challenge::Cookie,
        rules: Arc::new(Rules { rules, ..Rules::default() }),
        ..Decision::default()
    }
}

fn refused(shop: &Shop, ask: Ask<'_>) -> Option<Reason> {
    shop.admit(ask).refuse.map(|refusal| refusal.reason)
}

/// A stranger's request whose path has this value.
fn of(values: &Values) -> Ask<'_> {
    Ask { values: Some(values), ..ask("GET /", STRANGER, &[]) }
}

/// How many of one address's requests are refused by its limit.
fn limited(shop: &Shop) -> usize {
    let refusals = (0..10_000).filter_map(|_| refused(shop, ask("GET /", STRANGER, &[])));
    refusals.inspect(|&reason| assert_eq!(reason, Reason::AddressLimit)).count()
}

fn path(value: u64) -> Values {
    let mut values = Values::default();
    values.set(Attribute::Path, value);
    values
}

#[test]
fn a_threshold_that_nobody_moves_closes_nobody_out_after_ten_seconds() {
    let mut shop = attacked();
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    let pass = shop.exchange(ask("GET /", HOME, &[]), word).0.unwrap();
    let cookies = [("__Host-portcullis", pass.as_str())];
    let stranger = shop.identify(ask("GET /", STRANGER, &[]));
    for (seconds, page, file, waits) in [
        (0, Some(Reason::CookieChallenge), Some(Reason::Threshold), Some(Reason::Threshold)),
        (10, Some(Reason::CookieChallenge), Some(Reason::Threshold), Some(Reason::Threshold)),
        (11, None, None, None),
        (3_600, None, None, None),
    ] {
        shop.now = Instant::from_secs(1_000 + seconds);
        assert_eq!(refused(&shop, ask("GET /", STRANGER, &[])), page, "after {seconds} s");
        assert_eq!(
            refused(&shop, ask("POST /", STRANGER, &[])).is_some(),
            file.is_some(),
            "after {seconds} s"
        );
        assert_eq!(shop.site.reconsider(&stranger, None, shop.now), waits, "after {seconds} s");
        assert_eq!(refused(&shop, ask("GET /", HOME, &cookies)), None, "after {seconds} s");
    }
    assert_eq!(shop.tier(ask("GET /", HOME, &cookies)), Tier::T2, "customers come first all the same");
}

#[test]
fn strangers_take_no_more_than_their_slots_then() {
    let mut shop = attacked();
    shop.now = Instant::from_secs(1_011);
    shop.site.slots().set_limit(100.0, shop.now, &mut |_| {});
    let group = shop.admit(ask("GET /", STRANGER, &[])).identity.tier().group();
    let taken = (0..200).filter(|_| shop.site.slots().try_acquire(group, shop.now)).count();
    assert!((1..100).contains(&taken), "{taken} of 100: customers find the rest");
    assert!(shop.site.slots().try_acquire(Tier::T2.group(), shop.now));
}

#[test]
fn client_limits_refuse_then_also_where_it_was_calm() {
    let mut shop = Shop::new(Mode::Auto);
    shop.site.obey(Decision { at: shop.now, ..Decision::default() });
    shop.now = Instant::from_secs(1_010);
    assert_eq!(limited(&shop), 0);
    assert!(!shop.site.refuses_bodies(shop.now));
    shop.now = Instant::from_secs(1_011);
    assert!(limited(&shop) > 0);
    assert!(shop.site.refuses_bodies(shop.now));
    shop.site.set_mode(Mode::Observe);
    assert_eq!(limited(&shop), 0);
    assert!(!shop.site.refuses_bodies(shop.now), "who observes refuses nobody, whatever happens");
}

#[test]
fn rules_go_on_until_each_expires_and_ask_for_nothing_that_takes_a_decision() {
    let mut shop = attacked();
    let (blocked, asked, other) = (path(7), path(8), path(9));
    for (second, block, challenge) in [
        (1_000, Some(Reason::Rule), Some(Reason::WaitingChallenge)),
        // Nobody moves the time by which waits are measured.
        (1_011, Some(Reason::Rule), Some(Reason::CookieChallenge)),
        (1_059, Some(Reason::Rule), Some(Reason::CookieChallenge)),
        (1_060, None, None),
    ] {
        shop.now = Instant::from_secs(second);
        assert_eq!(refused(&shop, of(&blocked)), block, "second {second}");
        assert_eq!(refused(&shop, of(&asked)), challenge, "second {second}");
        assert_eq!(refused(&shop, of(&other)).is_some(), second == 1_000, "second {second}");
    }
}

#[test]
fn who_comes_back_to_a_rule_that_asks_is_let_in_then() {
    let mut shop = attacked();
    let asked = path(8);
    shop.now = Instant::from_secs(1_030);
    let verdict = shop.admit(of(&asked));
    let cookie = verdict.refuse.unwrap().waiting.unwrap().set_cookie.unwrap();
    let ticket = cookie.split(['=', ';']).nth(1).unwrap();
    let cookies = [(TICKET_COOKIE, ticket)];
    assert_eq!(refused(&shop, Ask { cookies: &cookies, ..of(&asked) }), None);
}

#[test]
fn nobody_waits_for_a_turn_to_sign_in_that_nobody_draws() {
    let mut shop = attacked();
    shop.site.lane.set_waiting_room(true);
    assert_eq!(refused(&shop, ask("GET /login", STRANGER, &[])), Some(Reason::LaneFull));
    shop.now = Instant::from_secs(1_011);
    assert_eq!(refused(&shop, ask("GET /login", STRANGER, &[])), None);
}

#[test]
fn the_next_decision_is_obeyed_as_a_whole_again() {
    let mut shop = attacked();
    shop.now = Instant::from_secs(1_100);
    assert_eq!(refused(&shop, ask("GET /", STRANGER, &[])), None);
    shop.site.obey(last_decision(shop.now));
    assert_eq!(refused(&shop, ask("GET /", STRANGER, &[])), Some(Reason::CookieChallenge));
}

#[test]
fn what_was_decided_before_a_start_lives_from_the_start_on_and_after_the_end_for_good() {
    let mut shop = attacked();
    shop.now = Instant::from_secs(1_300);
    shop.site.await_decisions(shop.now);
    assert_eq!(refused(&shop, ask("GET /", STRANGER, &[])), Some(Reason::CookieChallenge));
    shop.now = Instant::from_secs(1_311);
    assert_eq!(shop.site.decision_age(shop.now), Duration::from_secs(11));
    assert_eq!(refused(&shop, ask("GET /", STRANGER, &[])), None);
    shop.site.await_no_decision();
    assert_eq!(shop.site.decision_age(shop.now), Duration::ZERO);
    assert_eq!(refused(&shop, ask("GET /", STRANGER, &[])), Some(Reason::CookieChallenge));
}

#[test]
fn what_nobody_decided_never_grows_old() {
    let mut shop = Shop::new(Mode::Auto);
    shop.decide(Level::CustomersFirst, Masks::OPEN.with(Tier::T5, 0), true);
    shop.now = Instant::from_secs(1_000_000);
    assert_eq!(refused(&shop, ask("GET /", STRANGER, &[])), Some(Reason::Threshold));
}
