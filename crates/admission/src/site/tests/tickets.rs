//! Challenges and tickets, as a visitor's browser and a bot see them.

use model::{Action, Attribute, Challenge, Condition, Finite, Rule, Rules, Test};
use proptest::prelude::*;

use super::*;
use crate::handover::Handover;
use crate::pass::LinkError;

const VISITOR: &str = "203.0.113.1";
const ELSEWHERE: &str = "198.18.7.1";

/// A browser that keeps the gate's cookies.
#[derive(Clone, Default)]
struct Jar {
    ticket: String,
    visit: String,
}

impl Jar {
    fn keep(&mut self, set_cookie: &str) {
        let (name, rest) = set_cookie.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap().to_owned();
        match name {
            TICKET_COOKIE => self.ticket = value,
            VISIT_COOKIE => self.visit = value,
            other => panic!("{other}"),
        }
    }
}

impl Shop {
    fn asks_for(&self, challenge: Challenge) {
        self.site.obey(Decision { level: Level::Challenging, challenge, ..Decision::default() });
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.site.pass_time.fetch_add(seconds * 1_000, Relaxed);
    }

    /// One request with a jar; cookies are kept whatever the answer is. Why it was refused, its tier, and when to ask again.
    fn visit(&mut self, line: &str, from: &str, jar: &mut Jar) -> (Option<Reason>, Tier, u64) {
        let sent = jar.clone();
        let cookies = [(TICKET_COOKIE, sent.ticket.as_str()), (VISIT_COOKIE, sent.visit.as_str())];
        let verdict = self.admit(ask(line, from, &cookies));
        let tier = verdict.identity.tier();
        if let Some(refusal) = verdict.refuse {
            let waiting = refusal.waiting.as_ref();
            waiting.and_then(|waiting| waiting.set_cookie.as_deref()).into_iter().for_each(|c| jar.keep(c));
            return (Some(refusal.reason), tier, waiting.map_or(0, |waiting| waiting.refresh_secs));
        }
        self.answer(line, &verdict.identity, jar, false);
        (None, tier, 0)
    }

    fn answer(&self, line: &str, identity: &Identity, jar: &mut Jar, is_shared: bool) {
        let (method, path) = line.split_once(' ').unwrap();
        let demand = Demand { class: 0, method, path, navigation: true, user_agent: b"browser", scatter: 0 };
        let headers = Sent(&[], &[("user-agent", "browser")]);
        let watch = self.site.watch(identity, &demand, &headers, self.now);
        let says = Says::default();
        let answered = Answered {
            status: 200,
            login: None,
            request_id: b"id",
            location: None,
            cookies: &says,
            is_shared,
        };
        let lesson = self.site.learn(identity, watch.as_deref(), &answered, PassId(99), self.now);
        lesson.set_cookies.iter().for_each(|cookie| jar.keep(cookie));
    }
}

#[test]
fn who_keeps_cookies_is_through_at_once_and_who_does_not_never() {
    let mut shop = Shop::new(Mode::Auto);
    shop.asks_for(Challenge::Cookie);
    let mut jar = Jar::default();
    assert_eq!(shop.visit("GET /", VISITOR, &mut jar), (Some(Reason::CookieChallenge), Tier::T5, 0));
    assert_eq!(shop.visit("GET /", VISITOR, &mut jar), (None, Tier::T4, 0));
    assert_eq!(shop.visit("GET /", VISITOR, &mut jar), (None, Tier::T4, 0), "for ten minutes");
    for _ in 0..5 {
        assert_eq!(shop.visit("GET /", ELSEWHERE, &mut Jar::default()).0, Some(Reason::CookieChallenge));
    }
    assert_eq!(shop.site.take_challenges(), [6, 1]);
    assert_eq!(shop.site.take_challenges(), [0, 0]);
    shop.wait(601);
    assert_eq!(shop.visit("GET /", VISITOR, &mut jar).0, Some(Reason::CookieChallenge));
}

#[test]
fn who_waits_is_through_and_who_comes_early_waits_on() {
    let mut shop = Shop::new(Mode::Auto);
    shop.asks_for(Challenge::Waiting);
    let mut jar = Jar::default();
    let (reason, _, refresh) = shop.visit("GET /", VISITOR, &mut jar);
    assert_eq!(reason, Some(Reason::WaitingChallenge));
    assert!((11..=31).contains(&refresh), "{refresh}");
    let first = jar.ticket.clone();
    shop.wait(3);
    let (reason, _, early) = shop.visit("GET /", VISITOR, &mut jar);
    assert_eq!((reason, early, &jar.ticket), (Some(Reason::WaitingChallenge), refresh - 3, &first));
    let mut second = Jar::default();
    let (reason, ..) = shop.visit("GET /", VISITOR, &mut second);
    assert_eq!((reason, second.ticket.as_str()), (Some(Reason::WaitingChallenge), ""), "one for an address");
    shop.wait(early);
    assert_eq!(shop.visit("GET /", VISITOR, &mut jar), (None, Tier::T4, 0));
    let mut again = Jar { ticket: first, ..Jar::default() };
    assert_eq!(shop.visit("GET /", VISITOR, &mut again).0, Some(Reason::WaitingChallenge), "used");
}

#[test]
fn who_is_closed_out_may_wait_for_a_ticket_although_nothing_is_asked_of_others() {
    let mut shop = Shop::new(Mode::Auto);
    shop.decide(Level::CustomersFirst, Masks::OPEN.with(Tier::T5, 0), true);
    let mut jar = Jar::default();
    let (reason, _, refresh) = shop.visit("GET /", VISITOR, &mut jar);
    assert_eq!(reason, Some(Reason::Threshold));
    assert!((11..=31).contains(&refresh), "{refresh}");
    assert_eq!(shop.visit("POST /cart", VISITOR, &mut jar), (Some(Reason::Threshold), Tier::T5, 0));
    shop.wait(refresh);
    assert_eq!(shop.visit("GET /", VISITOR, &mut jar), (None, Tier::T4, 0));
    assert_eq!(shop.visit("POST /cart", VISITOR, &mut jar), (None, Tier::T4, 0));
    shop.decide(Level::CustomersFirst, Masks::OPEN.with(Tier::T4, 0).with(Tier::T5, 0), true);
    let (reason, _, refresh) = shop.visit("GET /", ELSEWHERE, &mut Jar::default());
    assert_eq!((reason, refresh), (Some(Reason::Threshold), 0), "there is nothing to wait for");
}

#[test]
fn what_is_no_navigation_is_told_to_come_later_and_gets_no_cookie() {
    let mut shop = Shop::new(Mode::Auto);
    shop.asks_for(Challenge::Cookie);
    let mut jar = Jar::default();
    assert_eq!(shop.visit("POST /cart", VISITOR, &mut jar), (Some(Reason::CookieChallenge), Tier::T5, 0));
    assert_eq!(jar.ticket, "");
    let wanted = shop.admit(ask("POST /cart", VISITOR, &[])).refuse.unwrap();
    assert!(wanted.waiting.is_none() && wanted.retry_after >= Duration::from_secs(10));
}

#[test]
fn a_ticket_of_another_address_or_user_agent_does_not_count() {
    let mut shop = Shop::new(Mode::Auto);
    shop.asks_for(Challenge::Cookie);
    let mut jar = Jar::default();
    shop.visit("GET /", VISITOR, &mut jar);
    let mut stolen = jar.clone();
    assert!(shop.visit("GET /", "203.0.113.2", &mut stolen).0.is_some(), "a challenge is its address's");
    shop.visit("GET /", VISITOR, &mut jar);
    for from in [ELSEWHERE, "2001:db8::1"] {
        assert!(shop.visit("GET /", from, &mut jar.clone()).0.is_some(), "{from}");
    }
    let cookies = [(TICKET_COOKIE, jar.ticket.as_str())];
    let mine = ask("GET /", VISITOR, &cookies);
    assert_eq!(shop.identify(mine).tier(), Tier::T4);
    let agent = |user_agent| shop.identify_as(mine, user_agent).tier();
    assert_eq!([agent(b"browser"), agent(b"bot")], [Tier::T4, Tier::T5]);
}

#[test]
fn a_ticket_is_good_for_thirty_requests_a_minute() {
    let mut shop = Shop::new(Mode::Auto);
    shop.asks_for(Challenge::Cookie);
    let mut jar = Jar::default();
    shop.visit("GET /", VISITOR, &mut jar);
    shop.visit("GET /", VISITOR, &mut jar);
    let cookies = [(TICKET_COOKIE, jar.ticket.as_str())];
    let through = |shop: &Shop| {
        (0..100).filter(|_| shop.tier(ask("GET /a.css", VISITOR, &cookies)) == Tier::T4).count()
    };
    assert_eq!(through(&shop), 30);
    shop.wait(60);
    assert_eq!(through(&shop), 30);
}

#[test]
fn an_address_buys_six_tickets_a_minute() {
    let mut shop = Shop::new(Mode::Auto);
    shop.asks_for(Challenge::Cookie);
    let mut minted = 0;
    for _ in 0..40 {
        let mut jar = Jar::default();
        shop.visit("GET /", VISITOR, &mut jar);
        minted += u32::from(shop.visit("GET /", VISITOR, &mut jar).0.is_none());
    }
    assert_eq!(minted, 6);
}

#[test]
fn clients_that_ignore_challenges_are_put_last_until_they_answer() {
    let mut shop = Shop::new(Mode::Auto);
    shop.asks_for(Challenge::Cookie);
    for host in 1..=32 {
        shop.visit("GET /", &format!("198.18.7.{host}"), &mut Jar::default());
    }
    assert_eq!(shop.tier(ask("GET /", ELSEWHERE, &[])), Tier::T6);
    assert_eq!(shop.tier(ask("GET /", "198.18.8.1", &[])), Tier::T5, "another network");
    let mut person = Jar::default();
    shop.visit("GET /", ELSEWHERE, &mut person);
    assert_eq!(shop.visit("GET /", ELSEWHERE, &mut person), (None, Tier::T4, 0), "and not shut out");
    shop.wait(600);
    assert_eq!(shop.tier(ask("GET /", ELSEWHERE, &[])), Tier::T5);
}

#[test]
fn those_who_sign_in_monitors_and_crawlers_are_asked_nothing() {
    let shop = Shop::new(Mode::Auto);
    shop.asks_for(Challenge::Waiting);
    let reason = |line| shop.admit(ask(line, VISITOR, &[])).refuse.map(|refusal| refusal.reason);
    assert_eq!([reason("GET /login"), reason("POST /login")], [None, None]);
    assert_eq!(reason("GET /.well-known/portcullis/health"), None);
    assert_eq!(reason("GET /"), Some(Reason::WaitingChallenge));
}

#[test]
fn assist_asks_nobody_without_a_yes_and_a_share_of_enforcement_holds() {
    let shop = Shop::new(Mode::Assist);
    shop.asks_for(Challenge::Cookie);
    let verdict = shop.admit(ask("GET /", VISITOR, &[]));
    assert_eq!((verdict.refuse.is_none(), verdict.would), (true, Some(Reason::CookieChallenge)));
    shop.site.set_assist_yes(true);
    assert!(shop.admit(ask("GET /", VISITOR, &[])).refuse.is_some());
    shop.site.set_enforced(25);
    let asked =
        (0..=255).filter(|host| shop.admit(ask("GET /", &format!("198.18.9.{host}"), &[])).refuse.is_some());
    assert!((20..110).contains(&asked.count()));
}

#[test]
fn a_rule_can_ask_for_a_ticket() {
    let mut shop = Shop::new(Mode::Auto);
    let rule = Rule {
        id: 5,
        conditions: vec![Condition { attribute: Attribute::Path, test: Test::Is(7) }],
        action: Action::Challenge,
        armed: true,
        expires: Instant::from_secs(9_000),
        collateral_calm: Finite::ZERO,
        collateral_known: Finite::ZERO,
    };
    let rules = Arc::new(Rules { rules: vec![rule], calm: Arc::default() });
    shop.site.obey(Decision { level: Level::Filtering, rules, ..Decision::default() });
    let mut values = Values::default();
    values.set(Attribute::Path, 7);
    let reason = |verdict: &Verdict| verdict.refuse.as_ref().map(|refusal| refusal.reason);
    let asked = shop.admit(Ask { values: Some(&values), ..ask("GET /", VISITOR, &[]) });
    assert_eq!(reason(&asked), Some(Reason::WaitingChallenge));
    assert_eq!(reason(&shop.admit(ask("GET /", VISITOR, &[]))), None, "others are asked nothing");
    let mut jar = Jar::default();
    let waiting = asked.refuse.unwrap().waiting.unwrap();
    jar.keep(&waiting.set_cookie.unwrap());
    shop.wait(waiting.refresh_secs);
    let sent = jar.clone();
    let cookies = [(TICKET_COOKIE, sent.ticket.as_str())];
    let back = shop.admit(Ask { values: Some(&values), ..ask("GET /", VISITOR, &cookies) });
    assert_eq!(
        (reason(&back), back.identity.tier()),
        (None, Tier::T5),
        "T4 is for when strangers are closed out"
    );
    shop.answer("GET /", &back.identity, &mut jar, true);
    let cookies = [(TICKET_COOKIE, jar.ticket.as_str())];
    assert_eq!(
        reason(&shop.admit(Ask { values: Some(&values), ..ask("POST /cart", VISITOR, &cookies) })),
        None
    );
}

#[test]
fn who_was_let_in_is_let_in_over_the_other_address_family_too() {
    let mut shop = Shop::new(Mode::Auto);
    let cohort = shop.identify(ask("GET /", VISITOR, &[])).cohort();
    let only = Masks::OPEN.with(Tier::T5, 1 << cohort.index());
    shop.decide(Level::CustomersFirst, only, true);
    let mut jar = Jar::default();
    assert_eq!(shop.visit("GET /", VISITOR, &mut jar), (None, Tier::T5, 0));
    let other = "2001:db8::1";
    assert_eq!(shop.visit("GET /", other, &mut Jar::default()).0, Some(Reason::Threshold));
    assert_eq!(shop.visit("GET /", other, &mut jar), (None, Tier::T5, 0));
    let hosts = (0..100).map(|n| if n % 2 == 0 { "2001:db8:7::1" } else { "2001:db8:8::1" });
    let through = hosts.filter(|from| shop.visit("GET /", from, &mut jar.clone()).0.is_none()).count();
    assert_eq!(through, 59, "one ticket is sixty requests a minute, wherever it is shown");
    shop.wait(60);
    let cookies = [(VISIT_COOKIE, jar.visit.as_str())];
    let told = |shop: &Shop| shop.identify(ask("GET /", other, &cookies)).cohort();
    let own = |shop: &Shop| shop.identify(ask("GET /", other, &[])).cohort();
    assert_eq!((told(&shop), told(&shop) == own(&shop)), (cohort, false));
    shop.site.cohort_key.store(77, Relaxed);
    assert_eq!(told(&shop), own(&shop), "the next closing draws anew");
}

#[test]
fn guests_of_calm_days_are_asked_nothing_and_a_network_has_thirty_two() {
    let mut shop = Shop::new(Mode::Auto);
    let mut guests: Vec<Jar> = Vec::new();
    for host in 1..=40 {
        let mut jar = Jar::default();
        assert_eq!(shop.visit("GET /", &format!("203.0.113.{host}"), &mut jar).0, None);
        guests.push(jar);
        shop.wait(10);
    }
    let mut late = Jar::default();
    shop.wait(590);
    shop.visit("GET /", ELSEWHERE, &mut late);
    shop.asks_for(Challenge::Waiting);
    let tier = |shop: &mut Shop, jar: &Jar, from: &str| shop.visit("GET /", from, &mut jar.clone()).1;
    let seated = guests.iter().filter(|jar| tier(&mut shop, jar, VISITOR) == Tier::T4).count();
    assert_eq!(seated, 32);
    let is_met = |shop: &Shop, jar: &Jar, from: &str| {
        shop.identify(ask("GET /", from, &[(VISIT_COOKIE, jar.visit.as_str())])).met_before().is_some()
    };
    let met = guests.iter().filter(|jar| is_met(&shop, jar, VISITOR)).count();
    assert_eq!(met, 32, "a swarm that came by beforehand counts for little");
    assert_eq!(tier(&mut shop, &guests[0], VISITOR), Tier::T4, "with a seat of its own");
    assert_eq!(tier(&mut shop, &late, ELSEWHERE), Tier::T5, "too young");
    shop.wait(700);
    assert_eq!(tier(&mut shop, &late, ELSEWHERE), Tier::T4, "given in calm, and old enough by now");
    assert!(!is_met(&shop, &late, ELSEWHERE), "but not when it began");
    let mut during = Jar::default();
    shop.decide(Level::Limiting, Masks::OPEN, false);
    shop.visit("GET /", "198.18.9.1", &mut during);
    shop.wait(700);
    shop.decide(Level::Calm, Masks::OPEN, false);
    shop.asks_for(Challenge::Waiting);
    assert_eq!(tier(&mut shop, &during, "198.18.9.1"), Tier::T5, "given during an earlier incident");
}

#[test]
fn in_calm_one_network_speaks_for_thirty_two_visitors_and_each_for_sixty_requests_a_minute() {
    let mut shop = Shop::new(Mode::Auto);
    let mut jars: Vec<Jar> = Vec::new();
    for host in 1..=40 {
        let mut jar = Jar::default();
        shop.visit("GET /", &format!("203.0.113.{host}"), &mut jar);
        jars.push(jar);
        shop.wait(10);
    }
    shop.wait(600);
    let met = |shop: &Shop, jar: &Jar, from: &str| {
        shop.identify(ask("GET /", from, &[(VISIT_COOKIE, jar.visit.as_str())])).met_before().is_some()
    };
    let seated = jars.iter().filter(|jar| met(&shop, jar, VISITOR)).count();
    assert_eq!(seated, 32, "of forty in one network");
    assert!(met(&shop, &jars[39], ELSEWHERE), "who has no seat here may have one elsewhere");
    let counted = (0..100).filter(|_| met(&shop, &jars[0], VISITOR)).count();
    assert_eq!(counted, 59, "sixty with the one before");
    for jar in &jars {
        assert_eq!(shop.visit("GET /", VISITOR, &mut jar.clone()).0, None, "nobody is refused for that");
    }
    shop.asks_for(Challenge::Waiting);
    assert_eq!(shop.visit("GET /", VISITOR, &mut jars[0].clone()).1, Tier::T4, "with all of its requests");
}

/// Whose time tells how visitors are served: nobody's who may have come because of an attack.
#[test]
fn who_was_met_before_is_known_before_an_attack_and_is_the_same_in_it() {
    let mut shop = Shop::new(Mode::Auto);
    let mut jar = Jar::default();
    shop.visit("GET /", VISITOR, &mut jar);
    let cookies = [(VISIT_COOKIE, jar.visit.as_str())];
    let met = |shop: &Shop, from: &str| shop.identify(ask("GET /", from, &cookies)).met_before();
    assert_eq!(met(&shop, VISITOR), None, "nobody knows yet whether this one comes again");
    shop.wait(600);
    let number = met(&shop, VISITOR);
    assert!(number.is_some());
    assert_eq!(shop.identify(ask("GET /", VISITOR, &[])).met_before(), None);
    shop.asks_for(Challenge::Waiting);
    assert_eq!([met(&shop, VISITOR), met(&shop, ELSEWHERE)], [number; 2]);
    let rest = (0..100).filter(|_| met(&shop, VISITOR).is_some()).count();
    assert_eq!(rest, 58, "who asks for more than sixty requests a minute may be anybody");
    shop.wait(60);
    let rule = Rule {
        id: 5,
        conditions: vec![Condition { attribute: Attribute::Path, test: Test::Is(7) }],
        action: Action::Demote,
        armed: true,
        expires: Instant::from_secs(9_000),
        collateral_calm: Finite::ZERO,
        collateral_known: Finite::ZERO,
    };
    let rules = Arc::new(Rules { rules: vec![rule], calm: Arc::default() });
    shop.site.obey(Decision { level: Level::Filtering, rules, ..Decision::default() });
    let mut values = Values::default();
    values.set(Attribute::Path, 7);
    let ruled = Ask { values: Some(&values), ..ask("GET /", VISITOR, &cookies) };
    assert_eq!((shop.identify(ruled).met_before(), met(&shop, VISITOR)), (None, number));
}

#[test]
fn a_visit_ticket_comes_with_no_answer_that_a_shared_cache_may_store() {
    let shop = Shop::new(Mode::Auto);
    let identity = shop.admit(ask("GET /", VISITOR, &[])).identity;
    let mut jar = Jar::default();
    shop.answer("GET /", &identity, &mut jar, true);
    assert_eq!(jar.visit, "");
    shop.answer("GET /", &identity, &mut jar, false);
    assert!(!jar.visit.is_empty());
    let known = [(VISIT_COOKIE, jar.visit.as_str())];
    let again = shop.admit(ask("GET /", VISITOR, &known)).identity;
    let mut second = Jar::default();
    shop.answer("GET /", &again, &mut second, false);
    assert_eq!(second.visit, "", "who has one gets no other");
    assert!(again.keeps_cookies() && !identity.keeps_cookies());
}

#[test]
fn a_successor_takes_no_ticket_twice() {
    let mut shop = Shop::new(Mode::Auto);
    let mut guest = Jar::default();
    shop.visit("GET /", VISITOR, &mut guest);
    shop.wait(700);
    shop.asks_for(Challenge::Waiting);
    shop.visit("GET /", "198.18.8.1", &mut Jar::default());
    assert_eq!(shop.visit("GET /", VISITOR, &mut guest).1, Tier::T4);
    shop.asks_for(Challenge::Cookie);
    let mut jar = Jar::default();
    shop.visit("GET /", VISITOR, &mut jar);
    let challenge = jar.clone();
    assert_eq!(shop.visit("GET /", VISITOR, &mut jar).1, Tier::T4);
    for host in 1..=32 {
        shop.visit("GET /", &format!("198.18.7.{host}"), &mut Jar::default());
    }
    let mut estate = Handover::default();
    shop.site.hand_over(&mut estate, shop.now);
    let mut next = Shop::new(Mode::Auto);
    next.site.take_over(&estate, None, shop.now, shop.site.pass_time());
    let mut again = Handover::default();
    next.site.hand_over(&mut again, shop.now);
    for part in ["used", "waiting", "budgets", "mints", "unanswered", "guests", "serial"] {
        let part = format!("challenge.{part}");
        assert!(!estate.words(&part).is_empty(), "{part}");
        assert_eq!(estate.words(&part), again.words(&part), "{part}");
    }
    (next.now, next.ids) = (shop.now, 0);
    next.site.pass_time.store(shop.site.pass_time().as_millis(), Relaxed);
    next.asks_for(Challenge::Cookie);
    assert!(next.visit("GET /", VISITOR, &mut challenge.clone()).0.is_some(), "used before");
    assert_eq!(next.visit("GET /", VISITOR, &mut jar).1, Tier::T4, "what was earned holds");
    assert_eq!(next.tier(ask("GET /", ELSEWHERE, &[])), Tier::T6, "what was ignored is remembered");
}

#[test]
fn a_link_gives_a_pass_once() {
    let shop = Shop::new(Mode::Auto);
    shop.decide(Level::CustomersFirst, Masks::OPEN.with(Tier::T5, 0), true);
    let account = shop.site.site_key().account(b"ann");
    let path = shop.site.pass_link(account, PassId(77), Duration::from_secs(7_200));
    let redeem = |path: &str| shop.site.redeem(path, Some(HOME.parse().unwrap()), shop.now);
    assert!(redeem("/account").is_none(), "no link");
    for _ in 0..3 {
        assert_eq!(shop.site.look_at_link(&path), Some(Ok(())), "looking uses nothing up");
    }
    let lesson = redeem(&path).unwrap().unwrap();
    assert_eq!(shop.site.look_at_link(&path), Some(Err(LinkError::Used)));
    let pass = lesson.set_cookies[0].split(['=', ';']).nth(1).unwrap().to_owned();
    let identity = shop.identify(ask("GET /", "203.0.113.77", &[("__Host-portcullis", &pass)]));
    assert_eq!((identity.tier(), identity.account()), (Tier::T2, Some(account)));
    assert_eq!(redeem(&path).unwrap().unwrap_err(), LinkError::Used);
    // After a restart the journal's row tells.
    let next = Shop::new(Mode::Auto);
    let Some(Confirmed::Pass { row, .. }) = lesson.confirmed else { panic!("{lesson:?}") };
    next.site.registry().restore([row]);
    assert_eq!(next.site.redeem(&path, None, next.now).unwrap().unwrap_err(), LinkError::Used);
    shop.site.pass_time.fetch_add(7_200_001, Relaxed);
    assert_eq!(redeem(&path).unwrap().unwrap_err(), LinkError::Expired);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Invariant 7: whatever a client invents or changes, it has no ticket.
    #[test]
    fn forged_and_altered_tickets_never_count(
        text in "[A-Za-z0-9_-]{32}", noise in prop::collection::vec(any::<u8>(), 0..60),
        at in 0_usize..32, letter in "[A-Za-z0-9_-]", waits in any::<bool>(),
    ) {
        let mut shop = Shop::new(Mode::Auto);
        let mut calm = Jar::default();
        shop.visit("GET /", VISITOR, &mut calm);
        shop.wait(1_000);
        shop.asks_for(if waits { Challenge::Waiting } else { Challenge::Cookie });
        let mut jar = Jar::default();
        let (_, _, refresh) = shop.visit("GET /", VISITOR, &mut jar);
        shop.wait(refresh);
        let challenge = jar.ticket.clone();
        shop.visit("GET /", VISITOR, &mut jar);
        let forged = [text.clone()].into_iter().chain([&jar.ticket, &calm.visit, &challenge].map(|real| {
            let mut altered = real.clone();
            altered.replace_range(at..=at, &letter);
            if altered == *real { text.clone() } else { altered }
        }));
        for forged in forged {
            let mut sent = Jar { ticket: forged.clone(), visit: forged };
            prop_assert!(shop.visit("GET /", VISITOR, &mut sent).0.is_some());
        }
        // One kind of ticket is none of the other kinds.
        let mut swapped = Jar { ticket: calm.visit.clone(), visit: jar.ticket.clone() };
        prop_assert!(shop.visit("GET /", VISITOR, &mut swapped).0.is_some());
        let noise = String::from_utf8_lossy(&noise).into_owned();
        let mut sent = Jar { ticket: noise.clone(), visit: noise };
        prop_assert!(shop.visit("GET /", VISITOR, &mut sent).0.is_some());
    }
}
