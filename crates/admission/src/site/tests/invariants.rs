//! What holds for every request, whatever is decided and whatever is sent (decision-science, section 11).

use proptest::prelude::*;

use super::*;

const STRANGER: &str = "203.0.113.1";
const LEVELS: [Level; 6] = [
    Level::Calm,
    Level::Filtering,
    Level::Limiting,
    Level::Challenging,
    Level::CustomersFirst,
    Level::Reopening,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Invariant 3.
    #[test]
    fn a_monitor_is_never_refused(
        decided in decided(), mode in mode(), lines in lines(40), everybody_denied in any::<bool>(),
    ) {
        let shop = Shop::new(mode);
        shop.decide(decided.0, decided.1, decided.2);
        if everybody_denied {
            shop.site.denied().add(Entry { prefix: "0.0.0.0/0".parse().unwrap(), until: None }).unwrap();
        }
        let secret = [("x-probe", "s3cret")];
        for line in &lines {
            let verdict =
                shop.admit(Ask { line, from: "198.51.100.4", cookies: &[], headers: &secret, jwt: None, values: None });
            prop_assert_eq!(verdict.identity.tier(), Tier::T0);
            prop_assert!(verdict.refuse.is_none() && verdict.would.is_none(), "{:?}", verdict);
        }
    }

    /// Invariant 7: neither tier nor cohort, from which everything else follows, can be chosen by what is sent.
    #[test]
    fn what_is_sent_without_proof_chooses_no_place_in_the_order(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "DELETE"]), path in "/x[a-z/.]{0,12}",
        pass in "[A-Za-z0-9_-]{0,90}", session in "[ -~]{0,40}", token in "[!-~]{0,60}", name in header(),
    ) {
        let shop = Shop::new(Mode::Auto);
        let line = format!("{method} {path}");
        let cookies = [
            ("__Host-portcullis", pass.as_str()), ("portcullis-lane", pass.as_str()), ("sid", session.as_str()),
        ];
        let headers = [("x-probe", "s3cret"), ("authorization", token.as_str()), (name, "t0")];
        let sent = Ask { line: &line, from: STRANGER, cookies: &cookies, headers: &headers, jwt: None, values: None };
        let (told, plain) = (shop.identify(sent), shop.identify(ask("GET /", STRANGER, &[])));
        prop_assert_eq!((told.tier(), told.cohort()), (Tier::T5, plain.cohort()));
        prop_assert_eq!(told.account(), None);
    }

    /// Invariant 28, and the contract of `observe`: in calm and while observing a limit only counts.
    #[test]
    fn nobody_is_refused_in_calm_or_while_the_gate_observes(
        decided in decided(), mode in mode(), observes in any::<bool>(), lines in lines(120), hosts in 1_u8..6,
    ) {
        let shop = Shop::new(if observes { Mode::Observe } else { mode });
        let (level, masks, limits_refuse) =
            if observes { decided } else { (Level::Calm, Masks::OPEN, false) };
        shop.decide(level, masks, limits_refuse);
        for (number, line) in (0..).zip(&lines) {
            let from = format!("203.0.113.{}", number % hosts);
            let verdict = shop.admit(ask(line, &from, &[]));
            prop_assert!(verdict.refuse.is_none(), "{} {:?}", line, verdict);
        }
    }

    /// Invariants 4 and 25: who is refused is told the step that refused it, and a closed cohort is refused by no
    /// other than the threshold. Known clients whom the masks admit are served within their budget.
    #[test]
    fn a_refusal_names_its_step_and_known_clients_within_their_budget_get_none(
        decided in decided(), lines in lines(100), mode in prop::sample::select(vec![Mode::Assist, Mode::Auto]),
    ) {
        let mut shop = Shop::new(mode);
        let says = Says { status: 200, login: Some("ann"), ..Says::default() };
        let (pass, _) = shop.exchange(ask("GET /", HOME, &[]), says);
        let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
        let (level, masks, limits_refuse) = decided;
        shop.decide(level, masks.with(Tier::T2, u128::MAX), limits_refuse);
        for line in &lines {
            let known = shop.admit(ask(line, HOME, &cookies));
            prop_assert!(known.refuse.is_none(), "{:?}", known);
            let stranger = shop.admit(ask(line, STRANGER, &[]));
            let is_open = masks.admits(stranger.identity.tier(), stranger.identity.cohort());
            let reason = stranger.refuse.map(|refusal| refusal.reason);
            let limited = matches!(reason, Some(Reason::AddressLimit | Reason::NetworkLimit | Reason::LoginLimit));
            prop_assert!(!limited || limits_refuse, "{:?}", reason);
            prop_assert!(limited || reason == (!is_open).then_some(Reason::Threshold), "{:?} {}", reason, is_open);
        }
    }

    /// A wrong password never teaches, whatever the app sets and wherever it sends the client.
    #[test]
    fn a_login_that_failed_makes_no_customer(
        status in prop_oneof![400_u16..600, Just(302_u16), Just(303)], cookie in "[a-z0-9]{1,20}", tries in 1_usize..5,
    ) {
        let mut shop = Shop::new(Mode::Auto);
        let sets = [("sid", cookie.as_str())];
        let location = (status < 400).then_some("/login?failed");
        for _ in 0..tries {
            let failed = Says { status, sets: &sets, location, ..Says::default() };
            prop_assert_eq!(shop.exchange(ask("POST /login", STRANGER, &[]), failed).0, None);
        }
        let page = Says { status: 200, ..Says::default() };
        shop.exchange(ask("GET /private", STRANGER, &sets), page);
        shop.site.probed("/private", 401, None, shop.now);
        prop_assert_eq!(shop.exchange(ask("GET /private", STRANGER, &sets), page).0, None);
        prop_assert_eq!(shop.tier(ask("GET /", STRANGER, &sets)), Tier::T5);
    }
}

/// Anything that could be decided: level, masks, and whether client limits refuse.
fn decided() -> impl Strategy<Value = (Level, Masks, bool)> {
    let mask = prop_oneof![Just(0), Just(u128::MAX), any::<u128>()];
    let masks = prop::collection::vec((prop::sample::select(&Tier::ALL[..]), mask), 0..6);
    let masks =
        masks.prop_map(|masks| masks.into_iter().fold(Masks::OPEN, |all, (tier, mask)| all.with(tier, mask)));
    (prop::sample::select(&LEVELS[..]), masks, any::<bool>())
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(vec![Mode::Observe, Mode::Assist, Mode::Auto])
}

/// Request lines: pages, files, and what belongs to signing in.
fn lines(most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    let lines = vec!["GET /", "GET /search", "POST /cart", "GET /style.css", "GET /login", "POST /login"];
    prop::collection::vec(prop::sample::select(lines), 1..most)
}

/// Headers that name a tier, an address or a person without proving it.
fn header() -> impl Strategy<Value = &'static str> {
    let names =
        ["portcullis-tier", "portcullis-login", "x-forwarded-for", "forwarded", "x-real-ip", "user-agent"];
    prop::sample::select(names.to_vec())
}
