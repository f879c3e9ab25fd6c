//! Attempts to sign in to one account.

use super::*;

/// What becomes of so many attempts from one address.
fn tries(shop: &Shop, asks: Ask<'_>, name: &str, times: usize) -> Vec<Result<Attempt, Reason>> {
    let identity = shop.identify(asks);
    let attempt = |_| shop.site.try_account(&identity, name.as_bytes(), 0, shop.now);
    (0..times).map(attempt).map(|tried| tried.map_err(|refusal| refusal.reason)).collect()
}

fn let_in(tried: &[Result<Attempt, Reason>]) -> usize {
    tried.iter().filter(|tried| matches!(tried, Ok(Attempt { would: None, .. }))).count()
}

const LOGIN: &str = "POST /login";

#[test]
fn an_account_is_tried_five_times_a_minute_from_one_network() {
    let mut shop = Shop::new(Mode::Auto);
    shop.decide(Level::Limiting, Masks::OPEN, true);
    let tried = tries(&shop, ask(LOGIN, HOME, &[]), "ann", 7);
    assert_eq!((let_in(&tried), tried[6]), (5, Err(Reason::AccountLoginLimit)));
    assert_eq!(
        let_in(&tries(&shop, ask(LOGIN, "192.0.2.99", &[]), " ANN ", 1)),
        0,
        "the same network and name"
    );
    assert_eq!(let_in(&tries(&shop, ask(LOGIN, HOME, &[]), "bob", 1)), 1, "another account");
    assert_eq!(let_in(&tries(&shop, ask(LOGIN, "203.0.113.9", &[]), "ann", 1)), 1, "another network");
    shop.now = shop.now + Duration::from_secs(12);
    assert_eq!(let_in(&tries(&shop, ask(LOGIN, HOME, &[]), "ann", 2)), 1, "a minute has five");
}

#[test]
fn in_calm_attempts_only_count() {
    let shop = Shop::new(Mode::Auto);
    let tried = tries(&shop, ask(LOGIN, HOME, &[]), "ann", 6);
    let would = Attempt { would: Some(Reason::AccountLoginLimit), ..Attempt::default() };
    assert_eq!((let_in(&tried), tried[5]), (5, Ok(would)));
}

#[test]
fn who_has_a_pass_of_the_account_is_not_counted_and_cannot_be_locked_out() {
    let mut shop = Shop::new(Mode::Auto);
    let word = Says { status: 200, login: Some("Ann"), ..Says::default() };
    let (pass, _) = shop.exchange(ask("GET /", HOME, &[]), word);
    let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
    shop.decide(Level::Limiting, Masks::OPEN, true);
    tries(&shop, ask(LOGIN, HOME, &[]), "Ann", 100);
    let own = tries(&shop, ask(LOGIN, HOME, &cookies), "Ann", 100);
    assert!(own.iter().all(|tried| *tried == Ok(Attempt::default())), "{own:?}");
    assert_eq!(
        let_in(&tries(&shop, ask(LOGIN, HOME, &cookies), "bob", 6)),
        5,
        "another account's pass says nothing"
    );
    tries(&shop, ask(LOGIN, HOME, &[]), "eve", 100);
    let known = tries(&shop, ask(LOGIN, HOME, &cookies), "eve", 1);
    assert_eq!(
        known,
        [Ok(Attempt::default())],
        "who is known is counted without its neighbours, and waits for nobody"
    );
}

#[test]
fn an_account_that_is_tried_from_everywhere_answers_slowly_and_is_not_locked() {
    let shop = Shop::new(Mode::Auto);
    shop.decide(Level::Limiting, Masks::OPEN, true);
    let from = |network: usize| format!("198.18.{network}.1");
    let tried: Vec<_> =
        (0..100).flat_map(|network| tries(&shop, ask(LOGIN, &from(network), &[]), "ann", 1)).collect();
    assert_eq!(let_in(&tried), 100);
    let delays: Vec<_> = tried.iter().map(|tried| tried.unwrap().delay).collect();
    assert!(delays[..20].iter().all(|delay| delay.is_zero()));
    assert!(delays[20..].iter().all(|delay| !delay.is_zero() && *delay <= Duration::from_secs(2)));
}

#[test]
fn an_empty_name_is_nobody() {
    let shop = Shop::new(Mode::Auto);
    shop.decide(Level::Limiting, Masks::OPEN, true);
    assert_eq!(let_in(&tries(&shop, ask(LOGIN, HOME, &[]), "  ", 100)), 100);
}

#[test]
fn attackers_with_passes_do_not_switch_limits_of_attempts_off() {
    let mut shop = Shop::new(Mode::Auto);
    for who in ["ann", "bob", "carol", "dave", "eve", "frank"] {
        let word = Says { status: 200, login: Some(who), ..Says::default() };
        let (pass, _) = shop.exchange(ask("GET /", HOME, &[]), word);
        let cookies = [("__Host-portcullis", pass.as_deref().unwrap())];
        let identity = shop.identify(ask(LOGIN, HOME, &cookies));
        (0..20).for_each(|_| shop.site.count_refusal(&identity, Reason::AccountLoginLimit, true));
    }
    assert!(shop.site.harm.is_empty());
}
