//! Is a token good? Pure: keys, rules and the wall clock are arguments.

use model::Timestamp;

use super::keys::KeySet;
use super::token::{Claims, JwtRules, Token, TokenError};

/// A token that is good but for its signature, which is the dear part.
pub struct Unproved<'a> {
    token: Token<'a>,
    claims: Claims,
}

/// A good token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proved {
    /// What it says.
    pub claims: Claims,
    /// The mark of the key that signed it.
    pub(super) key_mark: u64,
}

impl<'a> Unproved<'a> {
    /// Reads a token and checks all but its signature, so that only tokens which would otherwise be good cost one:
    /// algorithm and key (RFC 8725, sections 3.1 and 3.5), issuer, audience, times, account.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn read(
        text: &'a [u8],
        keys: &KeySet,
        rules: &JwtRules,
        wall: Timestamp,
    ) -> Result<Self, TokenError> {
        let token = Token::split(text)?;
        let claims = token.claims(rules, wall)?;
        if keys.find(token.key_id.as_deref(), token.algorithm).is_none() {
            // A name that is there for another algorithm is confusion; one that is nowhere may be a new key.
            let known = token.key_id.as_ref().is_none_or(|id| keys.names(id));
            return Err(if known && keys.count() > 0 {
                TokenError::WrongKey
            } else {
                TokenError::UnknownKey
            });
        }
        Ok(Self { token, claims })
    }

    /// Checks the signature with the key that the token names.
    ///
    /// # Errors
    /// [`TokenError::Signature`]; [`TokenError::UnknownKey`] with other keys than those of [`Unproved::read`].
    pub fn prove(self, keys: &KeySet) -> Result<Proved, TokenError> {
        let Token { algorithm, key_id, signed, signature, .. } = &self.token;
        let key = keys.find(key_id.as_deref(), *algorithm).ok_or(TokenError::UnknownKey)?;
        key.key.verify_sig(signed, signature).map_err(|_| TokenError::Signature)?;
        Ok(Proved { claims: self.claims, key_mark: key.mark })
    }
}
