//! Identities without names: keyed hashes of accounts, cookies and tokens.

use aws_lc_rs::hmac;
use model::AccountId;

/// The site's key for hashing identities. It never leaves the key file.
pub struct SiteKey(hmac::Key);

/// Keyed hash of a cookie or token, cut to 64 bits; for tables that only live in memory.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Trace(pub u64);

impl SiteKey {
    /// The key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// HMAC(site key, account) cut to 128 bits (contract).
    pub fn account(&self, name: &[u8]) -> AccountId {
        AccountId(self.hash(b"account", &[name]))
    }

    /// The identity of somebody of whom only a session cookie is known.
    pub fn session(&self, cookie: &[u8]) -> AccountId {
        AccountId(self.hash(b"session", &[cookie]))
    }

    /// The identity of a bearer token.
    pub fn token(&self, token: &[u8]) -> u128 {
        self.hash(b"token", &[token])
    }

    /// The account of a JSON web token: accounts of different issuers never meet (RFC 7519, section 4.1.2).
    pub fn jwt(&self, issuer: &[u8], account: &[u8]) -> AccountId {
        // The length keeps the border between both parts.
        AccountId(self.hash(b"jwt", &[&issuer.len().to_be_bytes(), issuer, account]))
    }

    /// A cookie by name and value.
    pub fn cookie(&self, name: &[u8], value: &[u8]) -> Trace {
        let hash = self.hash(b"cookie", &[name, b"=", value]);
        Trace((hash >> 64) as u64)
    }

    /// The key under which attributes of requests are hashed; the same as long as the site's key is.
    pub fn attributes(&self) -> [u8; 16] {
        self.hash(b"attributes", &[]).to_be_bytes()
    }

    fn hash(&self, label: &[u8], parts: &[&[u8]]) -> u128 {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(label);
        context.update(&[0]);
        parts.iter().for_each(|part| context.update(part));
        let tag = context.sign();
        tag.as_ref().first_chunk().map_or(0, |bytes: &[u8; 16]| u128::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_identity_never_meet() {
        let key = SiteKey::new(&[7; 32]);
        assert_eq!(key.account(b"ann"), key.account(b"ann"));
        assert_ne!(key.account(b"ann").0, key.session(b"ann").0);
        assert_ne!(key.account(b"ann"), SiteKey::new(&[8; 32]).account(b"ann"));
        assert_ne!(key.jwt(b"issuer", b"ann"), key.account(b"ann"));
        assert_ne!(key.jwt(b"issuer", b"ann"), key.jwt(b"issue", b"rann"));
        assert_ne!(key.cookie(b"a", b"b=c"), key.cookie(b"a", b"b"));
    }
}
