//! Rules: whom they touch, and whom never.

use model::{Action, Attribute, Condition, Dictionary, Finite, Matches, RULES_MAX, Rule, Rules, Test};
use proptest::prelude::*;

use super::*;

const BOT: &str = "203.0.113.1";

fn rule(id: u16, path: u64, action: Action, armed: bool) -> Rule {
    Rule {
        id,
        conditions: vec![Condition { attribute: Attribute::Path, test: Test::Is(path) }],
        action,
        armed,
        expires: Instant::from_secs(2_000),
        collateral_calm: Finite::ZERO,
        collateral_known: Finite::ZERO,
    }
}

fn values(path: u64) -> Values {
    let mut values = Values::default();
    values.set(Attribute::Path, path);
    values
}

fn decide(shop: &Shop, level: Level, rules: Vec<Rule>) {
    let rules = Arc::new(Rules { rules, calm: Arc::new(Dictionary::default()) });
    shop.site.obey(Decision { level, rules, ..Decision::default() });
}

/// A customer's cookies.
fn customer(shop: &mut Shop) -> String {
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    shop.exchange(ask("GET /", HOME, &[]), word).0.unwrap()
}

fn matches(shop: &Shop) -> Vec<Matches> {
    let mut matches = shop.site.take_matches();
    matches.sort_by_key(|matches| matches.rule);
    matches
}

#[test]
fn a_rule_refuses_strangers_and_its_number_stands_in_the_reference() {
    let shop = Shop::new(Mode::Auto);
    decide(&shop, Level::Filtering, vec![rule(0x107, 7, Action::Block, true)]);
    let (bad, good) = (values(7), values(8));
    let verdict = shop.admit(Ask { values: Some(&bad), ..ask("GET /", BOT, &[]) });
    let refusal = verdict.refuse.unwrap();
    assert_eq!((refusal.reason, refusal.reason.kind().label()), (Reason::Rule, "ruled"));
    let text = shop.site.reference(&verdict.identity, refusal.reason, shop.site.pass_time());
    assert_eq!(shop.site.open_reference(text.as_str()).unwrap().rule, 7);
    assert!(shop.admit(Ask { values: Some(&good), ..ask("GET /", BOT, &[]) }).refuse.is_none());
    let lane = Ask { values: Some(&bad), ..ask("POST /login", BOT, &[]) };
    assert_eq!(shop.admit(lane).refuse.unwrap().reason, Reason::Rule, "also on the way of signing in");
}

/// A person who signs in at a new address comes from a network that nobody has seen: that alone must not shut the way in.
#[test]
fn a_rule_against_new_networks_leaves_the_way_of_signing_in_open() {
    let shop = Shop::new(Mode::Auto);
    let mut seen = vec![Vec::new(); Attribute::COUNT];
    seen[Attribute::Network.index()] = vec![1];
    for action in [Action::Block, Action::Demote, Action::Challenge] {
        let mut rule = rule(1, 7, action, true);
        rule.conditions.push(Condition { attribute: Attribute::Network, test: Test::New });
        let rules = Arc::new(Rules { rules: vec![rule], calm: Arc::new(Dictionary::new(seen.clone())) });
        shop.site.obey(Decision { level: Level::Filtering, rules, ..Decision::default() });
        let mut new = values(7);
        new.set(Attribute::Network, 2);
        for line in ["GET /login", "POST /login"] {
            let verdict = shop.admit(Ask { values: Some(&new), ..ask(line, BOT, &[]) });
            assert!(verdict.refuse.is_none() && verdict.would.is_none(), "{line}: {verdict:?}");
            assert_eq!((verdict.identity.tier(), verdict.identity.rule()), (Tier::T3, None));
        }
        let verdict = shop.admit(Ask { values: Some(&new), ..ask("GET /", BOT, &[]) });
        assert_eq!(verdict.identity.rule(), Some(1), "{action:?}");
        assert_eq!(matches(&shop)[0].others, 1, "who signs in is none of its matches");
    }
}

#[test]
fn a_rule_that_puts_last_leaves_the_request_to_the_threshold() {
    let shop = Shop::new(Mode::Auto);
    let rules = vec![rule(1, 7, Action::Demote, true)];
    decide(&shop, Level::Filtering, rules.clone());
    let bad = values(7);
    let request = Ask { values: Some(&bad), ..ask("GET /", BOT, &[]) };
    let identity = shop.admit(request).identity;
    assert_eq!((identity.tier(), identity.tier_before_rules()), (Tier::T6, Tier::T5));
    let rules = Arc::new(Rules { rules, ..Rules::default() });
    let masks = Masks::OPEN.with(Tier::T6, 0);
    shop.site.obey(Decision { level: Level::CustomersFirst, masks, rules, ..Decision::default() });
    assert_eq!(shop.admit(request).refuse.unwrap().reason, Reason::Threshold);
    assert!(shop.admit(ask("GET /", BOT, &[])).refuse.is_none());
}

#[test]
fn every_match_is_counted_for_known_and_other_clients_and_outlives_a_change_of_rules() {
    let mut shop = Shop::new(Mode::Auto);
    let pass = customer(&mut shop);
    let cookies = [("__Host-portcullis", pass.as_str())];
    decide(&shop, Level::Filtering, vec![rule(1, 7, Action::Block, true), rule(2, 7, Action::Block, false)]);
    let bad = values(7);
    let bot = Ask { values: Some(&bad), ..ask("GET /", BOT, &[]) };
    let ann = Ask { values: Some(&bad), ..ask("GET /", HOME, &cookies) };
    shop.admit(bot);
    decide(&shop, Level::Filtering, vec![rule(2, 7, Action::Block, false), rule(3, 9, Action::Block, true)]);
    for request in [bot, bot, ann] {
        shop.admit(request);
    }
    let (second, third) =
        (Matches { rule: 2, others: 3, known: 1 }, Matches { rule: 3, others: 0, known: 0 });
    assert_eq!(matches(&shop), [second, third]);
    assert_eq!(matches(&shop).iter().map(|rule| rule.others).sum::<u64>(), 0, "counted once");
}

#[test]
fn a_rule_that_has_ended_does_nothing() {
    let mut shop = Shop::new(Mode::Auto);
    decide(&shop, Level::Filtering, vec![rule(1, 7, Action::Block, true)]);
    let bad = values(7);
    shop.now = Instant::from_secs(2_000);
    assert!(shop.admit(Ask { values: Some(&bad), ..ask("GET /", BOT, &[]) }).refuse.is_none());
    assert_eq!(matches(&shop)[0].others, 0);
}

#[test]
fn whom_an_admin_exempted_no_rule_refuses() {
    let shop = Shop::new(Mode::Auto);
    decide(&shop, Level::Filtering, vec![rule(1, 7, Action::Block, true)]);
    shop.site.allowed().add(Entry { prefix: "203.0.113.0/24".parse().unwrap(), until: None }).unwrap();
    let bad = values(7);
    assert!(shop.admit(Ask { values: Some(&bad), ..ask("GET /", BOT, &[]) }).refuse.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Invariant 3, and 28: no rule touches known clients, and none anybody in calm or while the gate observes.
    #[test]
    fn no_rule_touches_known_clients_or_anybody_in_calm(
        actions in prop::collection::vec((action(), any::<bool>(), 0_u64..3), 1..RULES_MAX),
        level in prop::sample::select(&Level::ALL[..]), observes in any::<bool>(), path in 0_u64..3,
        challenge in prop::sample::select(vec![model::Challenge::Off, model::Challenge::Cookie, model::Challenge::Waiting]),
        line in prop::sample::select(vec!["GET /", "POST /cart", "GET /login", "POST /login", "GET /a.css"]),
    ) {
        let mut shop = Shop::new(if observes { Mode::Observe } else { Mode::Auto });
        let pass = customer(&mut shop);
        let cookies = [("__Host-portcullis", pass.as_str())];
        let rules = (1..).zip(actions).map(|(id, (action, armed, path))| rule(id, path, action, armed));
        let rules = Arc::new(Rules { rules: rules.collect(), calm: Arc::default() });
        shop.site.obey(Decision { level, rules, challenge, ..Decision::default() });
        let sent = values(path);
        let monitor = [("x-probe", "s3cret")];
        for known in [
            Ask { values: Some(&sent), ..ask(line, HOME, &cookies) },
            Ask { values: Some(&sent), headers: &monitor, ..ask(line, "198.51.100.4", &[]) },
            Ask { values: Some(&sent), ..ask("POST /hooks/paid", "198.18.5.1", &[]) },
        ] {
            let verdict = shop.admit(known);
            prop_assert!(verdict.identity.tier().is_known(), "{:?}", verdict);
            prop_assert!(verdict.refuse.is_none() && verdict.would.is_none(), "{:?}", verdict);
            prop_assert_eq!(verdict.identity.rule(), None);
        }
        let stranger = shop.admit(Ask { values: Some(&sent), ..ask(line, BOT, &[]) });
        if observes || level == Level::Calm {
            prop_assert!(stranger.refuse.is_none(), "{:?}", stranger);
            prop_assert!(stranger.identity.tier() <= Tier::T5);
        }
    }
}

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![Action::Demote, Action::Challenge, Action::Block])
}
