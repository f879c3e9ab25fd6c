//! What one worker remembers and spends, second by second.

use model::{AccountId, Instant, Net, Timestamp};

use super::super::cache::{CHECKS_PER_NETWORK, CHECKS_PER_SECOND, Checked, Circumstances};
use super::super::keys::KeySet;
use super::super::token::TokenError;
use super::signer::{Signer, base64url};
use super::{GOOD, NOW, rules, set};

/// A worker with its keys, and the only test code that knows its API.
struct Desk {
    checked: Checked,
    keys: KeySet,
    generation: u64,
    seconds: u64,
}

impl Desk {
    fn new(keys: &[String]) -> Self {
        Self { checked: Checked::new(&[9; 16], 1_024), keys: set(keys), generation: 1, seconds: 0 }
    }

    fn rotate(&mut self, keys: &[String]) {
        self.keys = set(keys);
        self.generation += 1;
    }

    fn ask(&mut self, token: &str, network: u8) -> Result<AccountId, TokenError> {
        let around = Circumstances {
            keys: &self.keys,
            generation: self.generation,
            rules: &rules(),
            network: Some(Net::network([203, 0, network, 1].into())),
            now: Instant::from_secs(1_000 + self.seconds),
            wall: Timestamp::from_secs(NOW + self.seconds),
        };
        self.checked.account(token.as_bytes(), &around, |name| AccountId(name.len() as u128))
    }

    /// How many of so many invented tokens cost a signature.
    fn flood(&mut self, tokens: std::ops::Range<u32>, network: impl Fn(u32) -> u8) -> u32 {
        let mut spent = 0;
        for number in tokens {
            match self.ask(&invented(number), network(number)) {
                Err(TokenError::Signature) => spent += 1,
                Err(TokenError::Busy) => {}
                other => panic!("an invented token: {other:?}"),
            }
        }
        spent
    }
}

/// Good in all but its signature.
fn invented(number: u32) -> String {
    let claims = GOOD.replace("ann", &format!("bot-{number}"));
    format!("{}.{}.{}", base64url(r#"{"alg":"EdDSA","kid":"k"}"#), base64url(claims), base64url([7; 64]))
}

const ANN: Result<AccountId, TokenError> = Ok(AccountId(3));

#[test]
fn a_flood_of_invented_tokens_has_a_budget_and_forgets_nobody() {
    let signer = Signer::new("k", "EdDSA");
    let mut desk = Desk::new(&[signer.jwk()]);
    let known = signer.token(GOOD);
    assert_eq!(desk.ask(&known, 1), ANN);
    assert_eq!(desk.flood(0..1_000, |_| 66), CHECKS_PER_NETWORK, "one network");
    let newcomer = |number: u32| signer.token(&GOOD.replace("ann", &format!("{number:03}")));
    assert_eq!(desk.ask(&newcomer(0), 1), ANN, "others are served");
    let spent = desk.flood(1_000..6_000, |number| number.to_be_bytes()[3]);
    assert_eq!(spent, CHECKS_PER_SECOND - CHECKS_PER_NETWORK, "all networks");
    assert_eq!(desk.ask(&newcomer(1), 1), Err(TokenError::Busy));
    assert_eq!(desk.ask(&known, 1), ANN, "from memory");
    desk.seconds += 1;
    assert_eq!(desk.ask(&newcomer(1), 1), ANN);
    // Good ones are not counted.
    assert!((2..700).all(|number| desk.ask(&newcomer(number), 1) == ANN));
}

#[test]
fn a_wrong_token_that_comes_again_costs_one_signature() {
    let signer = Signer::new("k", "EdDSA");
    let mut desk = Desk::new(&[signer.jwk()]);
    let wrong = invented(1);
    assert!((0..10_000).all(|_| desk.ask(&wrong, 1) == Err(TokenError::Signature)));
}

#[test]
fn what_is_remembered_ends_with_the_token_and_with_its_key() {
    let (old, new) = (Signer::new("k", "EdDSA"), Signer::new("k2", "EdDSA"));
    let mut desk = Desk::new(&[old.jwk()]);
    let token = old.token(GOOD);
    assert_eq!(desk.ask(&token, 1), ANN);
    desk.rotate(&[old.jwk(), new.jwk()]);
    assert_eq!((desk.ask(&token, 1), desk.ask(&new.token(GOOD), 1)), (ANN, ANN));
    desk.rotate(&[new.jwk()]);
    assert_eq!(desk.ask(&token, 1), Err(TokenError::UnknownKey), "its key has been withdrawn");
    assert_eq!(desk.ask(&new.token(GOOD), 1), ANN);
    desk.seconds += 659;
    assert_eq!(desk.ask(&new.token(GOOD), 1), ANN);
    desk.seconds += 1;
    assert_eq!(desk.ask(&new.token(GOOD), 1), Err(TokenError::Expired));
}

#[test]
fn a_key_replaced_under_its_name_takes_its_tokens_along() {
    let (old, new) = (Signer::new("k", "EdDSA"), Signer::new("k", "EdDSA"));
    let mut desk = Desk::new(&[old.jwk()]);
    let [by_old, by_new] = [&old, &new].map(|signer| signer.token(GOOD));
    assert_eq!((desk.ask(&by_old, 1), desk.ask(&by_new, 1)), (ANN, Err(TokenError::Signature)));
    desk.rotate(&[new.jwk()]);
    assert_eq!((desk.ask(&by_old, 1), desk.ask(&by_new, 1)), (Err(TokenError::Signature), ANN));
}

#[test]
fn a_full_memory_forgets_the_longest_unused() {
    let signer = Signer::new("k", "EdDSA");
    let mut desk = Desk::new(&[signer.jwk()]);
    desk.checked = Checked::new(&[9; 16], 8);
    let token = |number: u32| signer.token(&GOOD.replacen('{', &format!(r#"{{"jti":"{number}","#), 1));
    let known = token(0);
    for number in 0..50 {
        desk.seconds += 1;
        assert_eq!((desk.ask(&known, 1), desk.ask(&token(number), 1)), (ANN, ANN));
    }
    // With its budget spent, a worker tells only what it remembers.
    desk.flood(0..CHECKS_PER_SECOND * 2, |number| number.to_be_bytes()[3]);
    assert_eq!(desk.ask(&known, 1), ANN);
    let remembered = (0..50).filter(|&number| desk.ask(&token(number), 1) == ANN).count();
    assert_eq!(remembered, 8);
}
