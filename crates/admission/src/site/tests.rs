//! Scenarios over the whole of admission: a small shop's customers, step by step.

mod accounts;
mod handover;
mod invariants;
mod rising;
mod rules;
mod silence;
mod tickets;
mod turns;
mod visitors;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{AccountId, Instant, Level, Masks, Mode, PassId, Reason, SiteId, Tier, Values};

use super::*;
use crate::caps::ConnectionSettings;
use crate::challenge::{TICKET_COOKIE, VISIT_COOKIE};
use crate::concurrency::Snapshot;
use crate::crawlers::Crawler;
use crate::lane::{Holder, LanePaths};
use crate::limits::{LadderSettings, TableName};
use crate::partners::Partner;
use crate::pass::Scheme;

/// A site and the only test code that knows its API.
struct Shop {
    site: Arc<Site>,
    now: Instant,
    ids: u128,
}

/// What an app answers.
#[derive(Clone, Copy, Default)]
struct Says<'a> {
    status: u16,
    sets: &'a [(&'a str, &'a str)],
    location: Option<&'a str>,
    login: Option<&'a str>,
    shared: bool,
}

struct Sent<'a>(&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)]);

impl Headers for Sent<'_> {
    fn value(&self, name: &str) -> Option<&[u8]> {
        self.1.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_bytes())
    }

    fn cookies(&self, each: &mut dyn FnMut(&[u8], &[u8])) {
        self.0.iter().for_each(|(name, value)| each(name.as_bytes(), value.as_bytes()));
    }
}

impl SetCookies for Says<'_> {
    fn each(&self, each: &mut dyn FnMut(&[u8], &[u8])) {
        self.sets.iter().for_each(|(name, value)| each(name.as_bytes(), value.as_bytes()));
    }
}

/// A request's parts.
#[derive(Clone, Copy)]
struct Ask<'a> {
    line: &'a str,
    from: &'a str,
    cookies: &'a [(&'a str, &'a str)],
    headers: &'a [(&'a str, &'a str)],
    /// Whose good JSON web token came along.
    jwt: Option<AccountId>,
    /// What rules look at.
    values: Option<&'a Values>,
}

impl VerifyJwt for Ask<'_> {
    fn account(&self) -> Option<AccountId> {
        self.jwt
    }
}

fn ask<'a>(line: &'a str, from: &'a str, cookies: &'a [(&'a str, &'a str)]) -> Ask<'a> {
    Ask { line, from, cookies, headers: &[], jwt: None, values: None }
}

impl Shop {
    fn new(mode: Mode) -> Self {
        let one = |path: &str| vec![path.to_owned()];
        let site = Site::new(SiteSettings {
            id: SiteId(0),
            mode,
            ladder: LadderSettings::new([[1; 16]; TableName::COUNT]),
            connections: ConnectionSettings::new(1_000, [2; 16]),
            waiting_places: 256,
            passes_in_use: 256,
            known_max: 1_000,
            tokens: 64,
            networks: 64,
            session: Some(SessionProof { cookie: "sid".into(), path: "/me".into() }),
            token_header: Some("authorization".into()),
            lane: LanePaths { pages: one("/login"), submit: one("/login"), steps: vec![], assets: vec![] },
            login_share: crate::slots::LOGIN_SHARE,
            login_evidence: true,
            login_secret: None,
            scheme: Scheme::Https,
            monitors: vec![Monitor {
                source: "198.51.100.0/24".parse().unwrap(),
                header: "x-probe".into(),
                secret: b"s3cret".to_vec(),
            }],
            partners: vec![Partner {
                name: "payments".into(),
                paths: vec!["/hooks/".into()],
                sources: vec!["198.18.5.0/24".parse().unwrap()],
                secret: None,
                share: 0.1,
            }],
            crawlers: vec![Crawler { user_agent: "Browser".into(), by_name: false }],
            pass_keys: vec![(1, [3; 32])],
            site_key: [4; 32],
            reference_key: [5; 32],
            table_seed: [6; 32],
            node: 0,
            gates: 1,
            limit_max: None,
        });
        site.pass_time.store(1_700_000_000_000, Relaxed);
        Self { site, now: Instant::from_secs(1_000), ids: 0 }
    }

    fn identify(&self, ask: Ask<'_>) -> Identity {
        self.identify_as(ask, b"browser")
    }

    fn identify_as(&self, ask: Ask<'_>, user_agent: &[u8]) -> Identity {
        let (method, path) = ask.line.split_once(' ').unwrap();
        let find = |wanted: &str| {
            ask.cookies.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_bytes())
        };
        let from: IpAddr = ask.from.parse().unwrap();
        let headers = Sent(ask.cookies, ask.headers);
        let facts = Facts {
            address: Some(from),
            peer: from,
            passes: [find("__Host-portcullis"), None, None, None],
            pass_header: None,
            lane: find("portcullis-lane"),
            ticket: find(TICKET_COOKIE),
            visit: find(VISIT_COOKIE),
            session: find("sid"),
            user_agent,
            method,
            path,
            // Pages are what people look at; what has no such path is a file of theirs.
            navigation: path == "/",
            inherited: None,
            headers: &headers,
            jwt: Some(&ask),
            values: ask.values,
        };
        self.site.identify(&facts, self.now)
    }

    fn tier(&self, ask: Ask<'_>) -> Tier {
        self.identify(ask).tier()
    }

    /// One request and the app's answer; a pass that was given out, and the path that the gate wants to ask for.
    fn exchange(&mut self, ask: Ask<'_>, says: Says<'_>) -> (Option<String>, Option<String>) {
        let identity = self.identify(ask);
        let (method, path) = ask.line.split_once(' ').unwrap();
        let demand = Demand { class: 0, method, path, navigation: true, user_agent: b"browser", scatter: 0 };
        let watch = self.site.watch(&identity, &demand, &Sent(ask.cookies, ask.headers), self.now);
        let answered = Answered {
            status: says.status,
            login: says.login.map(str::as_bytes),
            request_id: b"id",
            location: says.location.map(str::as_bytes),
            cookies: &says,
            is_shared: says.shared,
        };
        self.ids += 1;
        let lesson = self.site.learn(&identity, watch.as_deref(), &answered, PassId(self.ids), self.now);
        let pass = lesson.set_cookies.iter().find_map(|cookie| cookie.strip_prefix("__Host-portcullis="));
        (pass.map(|rest| rest.split(';').next().unwrap().to_owned()), lesson.probe)
    }

    fn admit(&self, ask: Ask<'_>) -> Verdict {
        let (method, path) = ask.line.split_once(' ').unwrap();
        self.site.admit(
            &self.identify(ask),
            &Demand { class: 0, method, path, navigation: true, user_agent: b"browser", scatter: 0 },
            self.now,
        )
    }

    fn decide(&self, level: Level, masks: Masks, limits_refuse: bool) {
        self.site.obey(Decision { level, masks, limits_refuse, ..Decision::default() });
    }
}

const HOME: &str = "192.0.2.7";

/// What an earlier process measured: L is 10.
fn measured() -> Snapshot {
    Snapshot { limit: 10.0, healthy_seconds: 600, highest_healthy: 10.0, known_p95: 2.0, bases: vec![] }
}

#[test]
fn the_apps_own_word_makes_a_customer() {
    let mut shop = Shop::new(Mode::Auto);
    let (pass, _) =
        shop.exchange(ask("GET /", HOME, &[]), Says { status: 200, login: Some("ann"), ..Says::default() });
    let pass = pass.unwrap();
    let cookies = [("__Host-portcullis", pass.as_str())];
    assert_eq!(shop.tier(ask("GET /", "203.0.113.9", &cookies)), Tier::T2, "the pass travels");
    shop.site.pass_time.fetch_add(86_400_000, Relaxed);
    assert_eq!(shop.tier(ask("GET /", HOME, &cookies)), Tier::T1);
    let again = shop
        .exchange(ask("GET /", HOME, &cookies), Says { status: 200, login: Some("ann"), ..Says::default() });
    assert_eq!(again.0, None, "who has a pass of the account gets no second one");
}

#[test]
fn nothing_is_inherited_from_a_pass_that_was_taken_back() {
    let mut shop = Shop::new(Mode::Auto);
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    let (pass, _) = shop.exchange(ask("GET /", HOME, &[]), word);
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    assert_eq!(shop.tier(ask("GET /", HOME, &cookies)), Tier::T2);
    let without = || ask("GET /font.woff2", HOME, &[]);
    assert_eq!(shop.tier(without()), Tier::T2, "the same browser, without cookies");
    shop.site.passes().revoke(PassId(shop.ids));
    assert_eq!([shop.tier(ask("GET /", HOME, &cookies)), shop.tier(without())], [Tier::T5, Tier::T5]);
}

#[test]
fn who_inherits_a_pass_is_charged_what_its_requests_cost() {
    let mut shop = Shop::new(Mode::Auto);
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    let (pass, _) = shop.exchange(ask("GET /", HOME, &[]), word);
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    shop.site.usual_cost_micros.store(50_000, Relaxed);
    let search = shop.site.classes.found("GET", "/search");
    shop.site.classes.set_cost(usize::from(search), 740.0);
    let known = |line: &str| (0..100).filter(|_| shop.tier(ask(line, HOME, &[])) == Tier::T2).count();
    assert_eq!(shop.tier(ask("GET /", HOME, &cookies)), Tier::T2);
    assert_eq!(known("GET /search"), 5, "dear pages in the customer's name");
    assert_eq!(known("GET /font.woff2"), 0, "the minute's budget is one");
    assert_eq!(shop.tier(ask("GET /search", HOME, &cookies)), Tier::T2, "with the pass itself");
}

#[test]
fn the_owner_of_a_stolen_pass_signs_in_again_and_gets_a_new_one() {
    let mut shop = Shop::new(Mode::Auto);
    let word = Says { status: 200, login: Some("ann"), ..Says::default() };
    let (pass, _) = shop.exchange(ask("GET /", HOME, &[]), word);
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    let thieves: Vec<String> = (0..20).map(|n| format!("198.18.{n}.1")).collect();
    assert!(thieves.iter().map(|from| shop.tier(ask("GET /", from, &cookies))).any(|tier| tier == Tier::T5));
    let away = "203.0.113.200";
    assert_eq!(shop.tier(ask("GET /", away, &cookies)), Tier::T5);
    let (renewed, _) = shop.exchange(ask("GET /", away, &cookies), word);
    let renewed = [("__Host-portcullis", renewed.as_deref().unwrap())];
    assert_eq!(shop.tier(ask("GET /", away, &renewed)), Tier::T2);
}

#[test]
fn a_login_and_then_a_private_page_make_a_customer_and_a_wrong_password_never() {
    let mut shop = Shop::new(Mode::Auto);
    let failed = Says {
        status: 303,
        location: Some("/login?failed"),
        sets: &[("sid", "anonymous-session")],
        ..Says::default()
    };
    shop.exchange(ask("POST /login", HOME, &[]), failed);
    let anonymous = [("sid", "anonymous-session")];
    assert_eq!(
        shop.exchange(ask("GET /account", HOME, &anonymous), Says { status: 200, ..Says::default() }),
        (None, None)
    );
    let worked = Says {
        status: 303,
        location: Some("/account"),
        sets: &[("sid", "session-of-ann")],
        ..Says::default()
    };
    shop.exchange(ask("POST /login", HOME, &anonymous), worked);
    let session = [("sid", "session-of-ann")];
    let page = Says { status: 200, ..Says::default() };
    let (pass, probe) = shop.exchange(ask("GET /account", HOME, &session), page);
    assert_eq!((pass, probe.as_deref()), (None, Some("/account")), "is the page private? the gate asks");
    shop.site.probed("/account", 302, Some(b"/login?next=/account"), shop.now);
    let (pass, _) = shop.exchange(ask("GET /account", HOME, &session), page);
    assert!(pass.is_some());
}

#[test]
fn public_pages_prove_no_login() {
    let mut shop = Shop::new(Mode::Auto);
    let worked = Says { status: 200, sets: &[("sid", "session-of-bot")], ..Says::default() };
    shop.exchange(ask("POST /login", HOME, &[]), worked);
    let session = [("sid", "session-of-bot")];
    let page = Says { status: 200, ..Says::default() };
    shop.exchange(ask("GET /", HOME, &session), page);
    shop.site.probed("/", 200, None, shop.now);
    assert_eq!(shop.exchange(ask("GET /", HOME, &session), page).0, None);
}

#[test]
fn a_session_that_the_app_renews_with_every_answer_is_followed() {
    let mut shop = Shop::new(Mode::Auto);
    shop.exchange(
        ask("POST /login", HOME, &[]),
        Says { status: 302, sets: &[("sid", "value-one")], ..Says::default() },
    );
    let next = Says { status: 302, sets: &[("sid", "value-two")], ..Says::default() };
    shop.exchange(ask("GET /welcome", HOME, &[("sid", "value-one")]), next);
    let page = Says { status: 200, sets: &[("sid", "value-three")], ..Says::default() };
    shop.exchange(ask("GET /account", HOME, &[("sid", "value-two")]), page);
    shop.site.probed("/account", 401, None, shop.now);
    let (pass, _) = shop.exchange(ask("GET /account", HOME, &[("sid", "value-three")]), page);
    assert!(pass.is_some());
}

#[test]
fn an_old_session_is_known_on_the_first_day_if_its_path_proves_something() {
    let mut shop = Shop::new(Mode::Auto);
    let page = Says { status: 200, ..Says::default() };
    let session = [("sid", "month-old-session")];
    let (pass, probe) = shop.exchange(ask("GET /me", HOME, &session), page);
    assert_eq!((pass, probe.as_deref()), (None, Some("/me")));
    shop.site.probed("/me", 403, None, shop.now);
    assert!(shop.exchange(ask("GET /me", HOME, &session), page).0.is_some());
    assert_eq!(shop.exchange(ask("GET /me", HOME, &[]), page).0, None);
}

#[test]
fn while_customers_first_known_clients_and_logins_pass_and_others_are_shed() {
    let mut shop = Shop::new(Mode::Auto);
    let (pass, _) =
        shop.exchange(ask("GET /", HOME, &[]), Says { status: 200, login: Some("ann"), ..Says::default() });
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    shop.decide(Level::CustomersFirst, Masks::OPEN.with(Tier::T5, 0), true);
    let refused = |verdict: Verdict| verdict.refuse.map(|refusal| refusal.reason);
    assert_eq!(refused(shop.admit(ask("GET /", HOME, &cookies))), None);
    assert_eq!(refused(shop.admit(ask("GET /login", "203.0.113.1", &[]))), None);
    assert_eq!(refused(shop.admit(ask("GET /", "203.0.113.1", &[]))), Some(Reason::Threshold));
    shop.site.set_mode(Mode::Observe);
    let verdict = shop.admit(ask("GET /", "203.0.113.1", &[]));
    assert_eq!((verdict.refuse.is_none(), verdict.would), (true, Some(Reason::Threshold)));
}

#[test]
fn in_calm_limits_only_count() {
    let shop = Shop::new(Mode::Auto);
    let over = |shop: &Shop| {
        (0..100).map(|_| shop.admit(ask("GET /", "203.0.113.1", &[]))).filter(|v| v.refuse.is_some()).count()
    };
    assert_eq!(over(&shop), 0);
    assert_eq!(shop.admit(ask("GET /", "203.0.113.1", &[])).would, Some(Reason::AddressLimit));
    shop.decide(Level::Limiting, Masks::OPEN, true);
    assert!(over(&shop) > 50);
}

#[test]
fn bots_use_up_the_limit_of_their_network_and_not_its_way_of_signing_in() {
    let shop = Shop::new(Mode::Auto);
    shop.decide(Level::Limiting, Masks::OPEN, true);
    let refused = |line, from: &str| shop.admit(ask(line, from, &[])).refuse.map(|refusal| refusal.reason);
    for bot in (1..=4).map(|host| format!("203.0.113.{host}")) {
        let over = (0..200).filter(|_| refused("GET /", &bot).is_some()).count();
        assert!(over >= 160, "{bot}");
    }
    let neighbour = "203.0.113.9";
    assert_eq!(refused("GET /", neighbour), Some(Reason::NetworkLimit));
    assert_eq!([refused("GET /login", neighbour), refused("POST /login", neighbour)], [None, None]);
    let flood =
        (0..200).filter(|_| refused("GET /login", "203.0.113.1") == Some(Reason::AddressLimit)).count();
    assert_eq!(flood, 160, "the lane has the same limits, on accounts of its own");
}

#[test]
fn the_excess_of_a_pass_is_unknown_and_its_budget_stays() {
    let mut shop = Shop::new(Mode::Auto);
    let (pass, _) =
        shop.exchange(ask("GET /", HOME, &[]), Says { status: 200, login: Some("ann"), ..Says::default() });
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    shop.decide(Level::CustomersFirst, Masks::OPEN.with(Tier::T5, 0), true);
    let verdicts: Vec<Tier> =
        (0..400).map(|_| shop.admit(ask("GET /", HOME, &cookies)).identity.tier()).collect();
    let kept = verdicts.iter().filter(|&&tier| tier == Tier::T2).count();
    assert!((190..=210).contains(&kept), "{kept} of 400 were within the budget");
}

#[test]
fn a_good_json_web_token_is_known_at_once_and_comes_of_age() {
    let mut shop = Shop::new(Mode::Auto);
    let ann = Some(AccountId(7 << 64 | 7));
    let call = Ask { jwt: ann, ..ask("GET /api", HOME, &[]) };
    let first = shop.identify(call);
    assert_eq!((first.tier(), first.account(), first.cohort().index()), (Tier::T2, ann, 127));
    // No pass is minted for it, and its age begins where the app refuses without it.
    let good = Says { status: 200, ..Says::default() };
    assert_eq!(shop.exchange(call, good), (None, Some("/api".into())));
    shop.site.probed("/api", 401, None, shop.now);
    for _ in 0..30 {
        assert_eq!(shop.exchange(call, good).0, None);
        shop.site.pass_time.fetch_add(3_600_000, Relaxed);
    }
    let aged = shop.identify(call);
    assert_eq!((aged.tier(), aged.cohort().index()), (Tier::T1, 126));
    shop.exchange(call, Says { status: 401, ..Says::default() });
    assert_eq!(shop.tier(call), Tier::T2, "the signature still holds");
    assert_eq!(shop.tier(Ask { jwt: None, ..call }), Tier::T5);
}

#[test]
fn the_budget_of_a_json_web_token_is_that_of_its_account() {
    let shop = Shop::new(Mode::Auto);
    shop.decide(Level::CustomersFirst, Masks::OPEN.with(Tier::T5, 0), true);
    let from = |network: u32| format!("203.0.{network}.1");
    let known = (0..400).filter(|&number| {
        let from = from(number % 100);
        let call = Ask { jwt: Some(AccountId(9)), ..ask("GET /api", &from, &[]) };
        shop.admit(call).identity.tier() == Tier::T2
    });
    let known = known.count();
    assert!((190..=210).contains(&known), "{known} of 400 were within the budget, from whatever network");
}

#[test]
fn a_monitor_is_its_source_and_its_secret() {
    let shop = Shop::new(Mode::Auto);
    let secret = [("x-probe", "s3cret")];
    let from = |from, headers| {
        shop.tier(Ask { line: "GET /", from, cookies: &[], headers, jwt: None, values: None })
    };
    assert_eq!(from("198.51.100.4", &secret[..]), Tier::T0);
    assert_eq!(from("198.51.100.4", &[]), Tier::T5);
    assert_eq!(from("203.0.113.1", &secret[..]), Tier::T5);
}

#[test]
fn what_a_client_can_invent_changes_nothing_to_its_advantage() {
    let shop = Shop::new(Mode::Auto);
    let forged = [(
        "__Host-portcullis",
        "AQEAAAAAAAAAAAAAAAAAAAAAAAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    )];
    assert_eq!(shop.tier(ask("GET /", HOME, &forged)), Tier::T5);
    let plain = shop.identify(ask("GET /", HOME, &[])).cohort();
    assert_eq!(shop.identify(ask("GET /other", HOME, &forged)).cohort(), plain);
}

#[test]
fn a_denied_address_is_refused_in_every_mode_and_an_exempt_one_has_no_limits() {
    let shop = Shop::new(Mode::Observe);
    shop.site.denied().add(Entry { prefix: "192.0.2.0/24".parse().unwrap(), until: None }).unwrap();
    assert_eq!(shop.admit(ask("GET /", HOME, &[])).refuse.unwrap().reason, Reason::Denied);
    shop.site.allowed().add(Entry { prefix: "203.0.113.0/24".parse().unwrap(), until: None }).unwrap();
    assert!((0..200).all(|_| shop.admit(ask("GET /", "203.0.113.1", &[])).would.is_none()));
}
