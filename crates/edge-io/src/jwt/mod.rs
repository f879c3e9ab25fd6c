//! JSON web tokens (RFC 7519): a good one makes its client known at once.
//!
//! `algorithm`, `keys`, `token`, `verify` are pure; `cache` bounds what a worker spends; `source` and `keyring` fetch
//! the keys on a thread of their own. What a good token is worth is decided in `admission`.

mod algorithm;
mod cache;
mod json;
mod keyring;
mod keys;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod verify;

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use admission::site::{Site, VerifyJwt};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use model::{AccountId, Instant, Net};

use crate::clock::Clock;

pub use algorithm::Algorithm;
pub use cache::{CHECKS_PER_NETWORK, CHECKS_PER_SECOND};
pub use keyring::KeysNews;
pub use keys::{Ignored, JWKS_BYTES_MAX, KEYS_MAX, KeySet, KeySetError};
pub use source::{JwksError, JwksSource};
pub use token::{Claims, JwtRules, TOKEN_BYTES_MAX, TokenError};
pub use verify::{Proved, Unproved};

/// `[site.known.jwt]`.
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// Where the keys are published.
    pub jwks: JwksSource,
    /// What tokens must say.
    pub rules: JwtRules,
}

/// What all workers share: rules and keys.
pub(crate) struct Jwt {
    rules: JwtRules,
    keyring: Arc<keyring::Keyring>,
}

impl Jwt {
    /// Starts the thread that keeps the keys fresh.
    pub(crate) fn start(settings: &JwtSettings) -> io::Result<(Self, JoinHandle<()>)> {
        let keyring = Arc::new(keyring::Keyring::default());
        let thread = keyring::start(keyring.clone(), settings.jwks.clone())?;
        Ok((Self { rules: settings.rules.clone(), keyring }, thread))
    }

    /// Issuer and account as one identity.
    pub(crate) fn identify(&self, site: &Site, account: &str) -> AccountId {
        site.site_key().jwt(self.rules.issuer.as_bytes(), account.as_bytes())
    }

    /// What became of the keys since the last call.
    pub(crate) fn news(&self) -> Option<KeysNews> {
        self.keyring.news()
    }

    /// Lets the thread end.
    pub(crate) fn stop(&self) {
        self.keyring.stop();
    }
}

/// The tokens of one worker's clients.
pub(crate) struct Tokens(RefCell<cache::Checked>);

impl Tokens {
    /// With a random key.
    pub(crate) fn new() -> Self {
        let key = crate::random::bytes();
        Self(RefCell::new(cache::Checked::new(key.first_chunk().unwrap_or(&[0; 16]), GOOD_MAX)))
    }
}

/// The token of one request, verified when admission asks.
pub(crate) struct Asked<'a> {
    pub(crate) jwt: &'a Jwt,
    pub(crate) tokens: &'a Tokens,
    pub(crate) site: &'a Site,
    pub(crate) clock: &'a Clock,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) address: Option<IpAddr>,
    pub(crate) now: Instant,
}

impl VerifyJwt for Asked<'_> {
    fn account(&self) -> Option<AccountId> {
        let text = bearer(self.headers)?;
        let (keys, generation) = self.jwt.keyring.keys();
        let around = cache::Circumstances {
            keys: &keys,
            generation,
            rules: &self.jwt.rules,
            network: self.address.map(Net::network),
            now: self.now,
            wall: self.clock.wall(),
        };
        let identify = |account: &str| self.jwt.identify(self.site, account);
        let outcome = self.tokens.0.borrow_mut().account(text, &around, identify);
        if outcome == Err(TokenError::UnknownKey) {
            self.jwt.keyring.want();
        }
        outcome.ok()
    }
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1). With several headers nobody knows which one the app
/// believes.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (first, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = first.as_bytes().split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

/// Good tokens that one worker remembers: 2 MiB. One more costs a signature and drives out the longest unused.
const GOOD_MAX: usize = 32_768;
const SCHEME: &[u8] = b"Bearer ";
