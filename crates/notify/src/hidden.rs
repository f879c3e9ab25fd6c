//! Secrets of receivers, which no message and no log shows.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::BASE64;

/// A text that is never shown: a key, or an address that is one.
#[derive(Clone, Eq, PartialEq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whoever sends it.
    pub const fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// What messages are signed with, by the rules of Standard Webhooks 1.0: HMAC-SHA-256.
#[derive(Clone)]
pub struct SigningKey(Box<hmac::Key>);

/// A text that is no [`SigningKey`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SigningKeyError {
    /// It is not written as such keys are.
    #[error(
        "a signing key is `whsec_` and base64: write the output of `echo whsec_$(openssl rand -base64 32)`"
    )]
    Form,
    /// It can be guessed, or is no key.
    #[error(
        "a signing key has 24 to 64 bytes, and this one has {0}: write the output of `echo whsec_$(openssl rand -base64 32)`"
    )]
    Length(usize),
}

impl SigningKey {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// If it is something else, or has fewer than 24 or more than 64 bytes.
    pub fn parse(text: &str) -> Result<Self, SigningKeyError> {
        let coded = text.trim().strip_prefix("whsec_").ok_or(SigningKeyError::Form)?;
        let bytes = BASE64.decode(coded.as_bytes()).map_err(|_| SigningKeyError::Form)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(SigningKeyError::Length(bytes.len()));
        }
        Ok(Self(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes))))
    }

    /// The value of `webhook-signature` for a message of this id and second.
    pub(crate) fn sign(&self, id: &str, second: u64, body: &[u8]) -> String {
        let signed = [id.as_bytes(), b".", second.to_string().as_bytes(), b".", body].concat();
        format!("v1,{}", BASE64.encode(hmac::sign(&self.0, &signed).as_ref()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_signed_as_it_says() {
        // From the specification's repository.
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_can_be_guessed_is_no_key() {
        assert_eq!(SigningKey::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap_err(), SigningKeyError::Form);
        assert_eq!(SigningKey::parse("whsec_c2hvcnQ=").unwrap_err(), SigningKeyError::Length(5));
        let shown = format!("{:?}", SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        assert!(!shown.contains("MfKQ"), "{shown}");
        assert!(!format!("{:?}", Hidden::new("hunter2".into())).contains("hunter2"));
    }
}
