//! `Portcullis-Login: ACCOUNT[;sig=…]`: the app says who has signed in.

use aws_lc_rs::{constant_time, hmac};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};

/// The longest account name, in bytes.
const ACCOUNT_BYTES_MAX: usize = 256;

/// Reads and verifies the header.
pub struct LoginHeader {
    secret: Option<hmac::Key>,
}

/// Why a `Portcullis-Login` header is not believed. It is the app's configuration that is at fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LoginHeaderError {
    /// No account, or too long a one.
    #[error("the account is empty or longer than {ACCOUNT_BYTES_MAX} bytes")]
    Account,
    /// `login.secret` is set, but there is no `;sig=`.
    #[error(
        "`login.secret` is set, so the app must add `;sig=` with HMAC-SHA-256(secret, X-Request-Id|ACCOUNT)"
    )]
    Unsigned,
    /// The signature is wrong.
    #[error(
        "the signature is wrong; it is HMAC-SHA-256 over the request's X-Request-Id, `|` and the account, in hex or base64"
    )]
    Signature,
}

impl LoginHeader {
    /// With a secret, only signed headers are believed.
    pub fn new(secret: Option<&[u8]>) -> Self {
        Self { secret: secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret)) }
    }

    /// The account that the header names.
    ///
    /// # Errors
    /// [`LoginHeaderError`].
    pub fn account<'a>(&self, value: &'a [u8], request_id: &[u8]) -> Result<&'a [u8], LoginHeaderError> {
        let (account, signature) = split(value);
        if account.is_empty() || account.len() > ACCOUNT_BYTES_MAX {
            return Err(LoginHeaderError::Account);
        }
        let Some(secret) = &self.secret else { return Ok(account) };
        let signature = signature.and_then(decode).ok_or(LoginHeaderError::Unsigned)?;
        let mut context = hmac::Context::with_key(secret);
        context.update(request_id);
        context.update(b"|");
        context.update(account);
        constant_time::verify_slices_are_equal(context.sign().as_ref(), &signature)
            .map_err(|_| LoginHeaderError::Signature)?;
        Ok(account)
    }
}

/// The account, and what follows the last `;sig=`.
fn split(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    const MARK: &[u8] = b";sig=";
    let value = value.trim_ascii();
    match value.windows(MARK.len()).rposition(|window| window == MARK) {
        Some(at) => (value[..at].trim_ascii(), Some(value[at + MARK.len()..].trim_ascii())),
        None => (value, None),
    }
}

/// A SHA-256 in hexadecimal or base64.
fn decode(text: &[u8]) -> Option<[u8; 32]> {
    let decoded = match text.len() {
        64 => HEXLOWER_PERMISSIVE.decode(text),
        43 => BASE64URL_NOPAD.decode(text),
        44 => BASE64.decode(text),
        _ => return None,
    };
    decoded.ok()?.try_into().ok()
}
