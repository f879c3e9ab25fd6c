//! Programs that never sign in: partners and crawlers, and many requests judged as one.

use super::*;

const PARTNER: &str = "198.18.5.1";
const HOOK: &str = "GET /hooks/paid";

#[test]
fn a_partner_beyond_its_share_is_unknown_while_capacity_is_scarce() {
    let shop = Shop::new(Mode::Auto);
    shop.site.slots().set_limit(20.0, shop.now, &mut |_| {});
    let tier = || shop.tier(ask(HOOK, PARTNER, &[]));
    let partner = shop.identify(ask(HOOK, PARTNER, &[])).partner().unwrap();
    for _ in 0..5 {
        assert_eq!(tier(), Tier::T2, "in calm it has what it asks for");
        shop.site.partners().take(partner);
    }
    shop.decide(Level::CustomersFirst, Masks::OPEN, true);
    assert_eq!(tier(), Tier::T5, "a tenth of 20 are two");
    for _ in 0..3 {
        shop.site.partners().give_back(partner);
        assert_eq!(tier(), Tier::T5);
    }
    shop.site.partners().give_back(partner);
    assert_eq!(tier(), Tier::T2);
    shop.site.partners().give_back(partner);
    shop.site.slots().set_limit(1.0, shop.now, &mut |_| {});
    assert_eq!(tier(), Tier::T2, "one it may always have");
}

#[test]
fn a_partner_is_one_on_its_paths_and_from_its_sources_alone() {
    let shop = Shop::new(Mode::Auto);
    assert_eq!(shop.tier(ask("GET /", PARTNER, &[])), Tier::T5);
    assert_eq!(shop.tier(ask(HOOK, "198.18.6.1", &[])), Tier::T5);
}

#[test]
fn a_verified_crawler_comes_before_unknown_clients_and_after_customers() {
    let mut shop = Shop::new(Mode::Auto);
    let page = ask("GET /", "203.0.113.9", &[]);
    assert_eq!(shop.tier(page), Tier::T5);
    shop.site.crawlers().set_ranges(0, &["203.0.113.8/30".parse().unwrap()]);
    assert_eq!(shop.tier(page), Tier::T4);
    assert_eq!(shop.tier(ask("GET /", "203.0.113.12", &[])), Tier::T5);
    let signed_in = Says { status: 200, login: Some("ann"), ..Says::default() };
    let (pass, _) = shop.exchange(page, signed_in);
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    assert!(shop.tier(ask("GET /", "203.0.113.9", &cookies)).is_known());
}

/// Requests alike that are judged together are charged like as many one by one.
#[test]
fn many_requests_are_charged_as_so_many() {
    let shop = Shop::new(Mode::Auto);
    shop.decide(Level::Limiting, Masks::OPEN, true);
    let many = |line: &str, from: &str, requests: u32| {
        let (method, path) = line.split_once(' ').unwrap();
        let demand = Demand { class: 0, method, path, navigation: true, user_agent: b"browser", scatter: 0 };
        let verdict = shop.site.admit_many(&shop.identify(ask(line, from, &[])), &demand, requests, shop.now);
        verdict.refuse.map(|refusal| refusal.reason)
    };
    assert_eq!(many("GET /", "203.0.113.1", 30), None);
    assert_eq!(many("GET /", "203.0.113.1", 30), Some(Reason::AddressLimit), "the burst is 40");
    assert_eq!(many("GET /", "203.0.113.1", 10), None, "what was refused left no debt");
    assert_eq!(many("GET /", "203.0.113.1", 1), Some(Reason::AddressLimit));
    assert_eq!(many("POST /login", "203.0.113.9", 6), None);
    assert_eq!(many("POST /login", "203.0.113.9", 1), Some(Reason::LoginLimit), "six attempts a minute");
}

/// A pass that many requests carry is beyond its budget as soon as they are more than that.
#[test]
fn many_requests_of_a_pass_use_its_budget_up() {
    let mut shop = Shop::new(Mode::Auto);
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    let (pass, _) = shop.exchange(ask("GET /", HOME, &[]), word);
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    shop.decide(Level::Limiting, Masks::OPEN, true);
    let demand =
        Demand { class: 0, method: "GET", path: "/", navigation: true, user_agent: b"browser", scatter: 0 };
    let tier = |requests| {
        let identity = shop.identify(ask("GET /", HOME, &cookies));
        shop.site.admit_many(&identity, &demand, requests, shop.now).identity.tier()
    };
    assert_eq!([tier(150), tier(50), tier(1)], [Tier::T2, Tier::T2, Tier::T5]);
}
