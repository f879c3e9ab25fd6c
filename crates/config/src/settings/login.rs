//! `[site.login]` and `[site.known]`.

use std::path::PathBuf;

use super::SecretSource;
use crate::entry::{default, optional, optional_table, required, settings};
use crate::kinds::{COOKIE, FILE, FLAG, HEADER, JWKS, Jwks, PATH, RequestPath, SECRET, Secret, TEXT, list};

settings! {
    /// Where people sign in. It teaches the gate who the customers are, and keeps these paths open to new
    /// addresses while other unknown clients wait.
    pub struct Login {
        /// Pages with the sign-in form, compared as a whole.
        pages: Vec<RequestPath> = default("", list(PATH, 64));
        /// Where the form is sent (POST), compared as a whole.
        submit: Vec<RequestPath> = default("", list(PATH, 64));
        /// The field that names the account in the form, in the query, or at the top level of the login's JSON. While limits refuse,
        /// strangers from one network try an account five times a minute, and their attempts from everywhere beyond twenty a
        /// minute wait up to two seconds. A client who is known has five a minute for itself; who is known by `Portcullis-Login` under
        /// the very name is not counted. Meanwhile a login may have 64 KiB, and one that is compressed, or malformed JSON, gets 400. Without the field, and in
        /// forms of another kind (`multipart/form-data`), attempts are limited per address and network only.
        account_field: Option<String> = optional("username", TEXT);
        /// Files of the sign-in pages (styles, scripts, pictures): paths that begin with one of these.
        /// Without any, all paths that end like a file's name.
        assets: Vec<RequestPath> = default("", list(PATH, 64));
        /// Where an identity provider sends people back to: paths that begin with one of these.
        return_to ("return"): Vec<RequestPath> = default("", list(PATH, 64));
        /// The second factor: paths that begin with one of these.
        mfa: Vec<RequestPath> = default("", list(PATH, 64));
        /// Password reset: paths that begin with one of these.
        reset: Vec<RequestPath> = default("", list(PATH, 64));
        /// A secret with which the app signs `Portcullis-Login` (`;sig=HMAC`), for an app behind which others
        /// could write that header. Without one, the header is believed as it is from an origin with
        /// `confirms_logins`.
        secret: Option<Secret> = optional("write-the-output-of-openssl-rand-hex-32", SECRET);
        /// The file that holds that secret, instead of `secret`.
        secret_file: Option<PathBuf> = optional("/etc/portcullis/login.secret", FILE);
        /// Whether signing in and then getting a page that only signed-in people get makes a client known,
        /// for an app that is left as it is. A wrong password proves nothing. Needs `submit`.
        evidence: bool = default("true", FLAG);
    }
}

impl Login {
    /// Where the secret of `Portcullis-Login` is.
    pub fn secret_source(&self) -> Option<SecretSource<'_>> {
        SecretSource::of(self.secret.as_ref(), self.secret_file.as_deref())
    }
}

settings! {
    /// Further ways in which the app's own answers show who is a customer.
    pub struct Known {
        /// The app's session cookie.
        session: Option<Session> = optional_table();
        /// Tokens of programs and phones.
        token: Option<Token> = optional_table();
        /// JSON web tokens.
        jwt: Option<Jwt> = optional_table();
    }
}

settings! {
    /// The app's session cookie and a path that proves a session, so that people who signed in weeks ago are
    /// known on the first day.
    pub struct Session {
        /// The name of the session cookie.
        cookie: String = required("sessionid", COOKIE);
        /// A path that only signed-in people get with 2xx. The gate asks for it once without the cookie: if
        /// that is answered too, the path proves nothing and nobody becomes known by it. `portcullis ctl clients list` shows
        /// after a day whether people do.
        proof: RequestPath = required("/account", PATH);
    }
}

settings! {
    /// Tokens of programs and phones. A token is known once the app has answered it 2xx at least 20 times
    /// over at least 24 hours on paths that refuse without it.
    pub struct Token {
        /// The header that carries the token.
        header: String = default("authorization", HEADER);
    }
}

settings! {
    /// JSON web tokens (RFC 7519) in the `Authorization: Bearer` header. A client is known at once when its
    /// token has a good signature (RS256, PS256, ES256, ES384 or EdDSA), comes from this issuer for this
    /// audience, and has not expired. Each account has one budget, from whatever network.
    pub struct Jwt {
        /// The keys that verify them (RFC 7517): a file, an https:// address, or an http:// address of a private network. They are
        /// read every ten minutes, and within one when a token names a new key. A key without `alg` is for
        /// the usual algorithm of its kind: RS256, ES256, ES384, EdDSA.
        jwks: Jwks = required("/etc/portcullis/jwks.json", JWKS);
        /// The authority that an https server of keys is verified with, as PEM. Without it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
        /// What `iss` must be, to the letter.
        issuer: String = required("https://login.example", TEXT);
        /// What `aud` must be, or hold.
        audience: String = required("shop", TEXT);
        /// The claim that names the account: a text, or a whole number.
        account_claim: String = default("sub", TEXT);
    }
}
