//! How a pass travels.

use super::PassText;

/// The header that carries a pass for clients that keep no cookies.
pub const HEADER: &str = "portcullis-pass";

/// What the cookie may rely on, from the scheme that the client used and the site's `cookie_domain`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Plain http: anybody on the way can read it, so it earns T2 at most outside loopback.
    Http,
    /// https: bound to this host.
    Https,
    /// https, shared by the hosts under a domain.
    HttpsDomain(String),
}

/// Whether a cookie of this name is a pass.
pub fn is_pass_cookie(name: &[u8]) -> bool {
    name.ends_with(b"portcullis")
        && matches!(name, b"portcullis" | b"__Host-portcullis" | b"__Secure-portcullis")
}

impl Scheme {
    /// The value of the `Set-Cookie` header for a pass. 180 days, the longest life of a pass.
    pub fn set_cookie(&self, text: &PassText) -> String {
        // `SameSite` is last: lynx takes it, and what follows, for another cookie.
        let rest = format!("Max-Age={MAX_AGE_SECONDS}; Path=/; HttpOnly; SameSite=Lax");
        match self {
            Self::Http => format!("portcullis={text}; {rest}"),
            Self::Https => format!("__Host-portcullis={text}; Secure; {rest}"),
            Self::HttpsDomain(domain) => {
                format!("__Secure-portcullis={text}; Domain={domain}; Secure; {rest}")
            }
        }
    }
}

const MAX_AGE_SECONDS: u64 = 180 * 86_400;
