//! Whose account a login tries: read from the form before the app hears of it.

use std::time::Duration;

use http::header::CONTENT_TYPE;

use crate::body::RequestBody;
use crate::request::{Declined, Way};

impl Way {
    /// The field that names the account, if this request tries to sign in to one.
    pub(crate) fn account_field(&self) -> Option<&str> {
        let shared = self.worker.shared();
        let field = shared.settings.account_field.as_deref()?;
        let tries = shared.site.tries_accounts(self.subject.method.as_str(), self.subject.path());
        (tries && !shared.site.is_bypassed()).then_some(field)
    }

    /// Judges a login by the accounts that it names; says how long it has to wait.
    pub(crate) fn try_accounts(&self, body: &RequestBody) -> Result<Duration, Declined> {
        let Some((field, bytes)) = self.account_field().zip(body.bytes()) else { return Ok(Duration::ZERO) };
        let kind = self.parts.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let names = named(bytes, kind, field);
        if names.len() > NAMES_MAX {
            return Err(Declined::Bad("the form names the account too many times"));
        }
        let (site, now) = (&self.worker.shared().site, self.worker.now());
        let mut delay = Duration::ZERO;
        for name in names {
            let tried = site.try_account(&self.subject.identity, &name, self.worker.scatter(), now);
            let attempt = tried.map_err(Declined::Refused)?;
            if let Some(reason) = attempt.would {
                self.note(reason, false);
            }
            delay = delay.max(attempt.delay);
        }
        Ok(delay)
    }
}

/// The values of a field of a form (URL Standard, 5.1) or of the top level of a JSON object (RFC 8259), at most one more than
/// [`NAMES_MAX`]. Other kinds of bodies, and those that are malformed, name nobody.
fn named(body: &[u8], kind: &[u8], field: &str) -> Vec<Vec<u8>> {
    let kind = String::from_utf8_lossy(kind).to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or("").trim();
    if kind == "application/x-www-form-urlencoded" {
        // Which of several the app takes is not known: each counts.
        let values = form_urlencoded::parse(body).filter(|(name, _)| name == field);
        return values.map(|(_, value)| value.into_owned().into_bytes()).take(NAMES_MAX + 1).collect();
    }
    if kind == "application/json" || kind.ends_with("+json") {
        let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
        return match object.ok().and_then(|mut object| object.remove(field)) {
            Some(serde_json::Value::String(name)) => vec![name.into_bytes()],
            Some(serde_json::Value::Number(number)) => vec![number.to_string().into_bytes()],
            _ => Vec::new(),
        };
    }
    Vec::new()
}

/// Values of the field in one form; no form has so many.
const NAMES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(kind: &str, body: &str, names: &[&str]) {
        let found = named(body.as_bytes(), kind.as_bytes(), "user");
        let found: Vec<_> = found.iter().map(|name| std::str::from_utf8(name).unwrap()).collect();
        assert_eq!(found, names, "{kind} {body}");
    }

    #[test]
    fn a_form_names_the_account_in_its_field() {
        let form = "application/x-www-form-urlencoded";
        check(form, "csrf=1&user=ann%40shop.example&password=x", &["ann@shop.example"]);
        check("Application/X-WWW-Form-URLEncoded; charset=utf-8", "user=a+b", &["a b"]);
        check(form, "us%65r=ann", &["ann"]);
        check(form, "user=ann&user=bob", &["ann", "bob"]);
        check(form, "username=ann&user", &[""]);
        check("text/plain", "user=ann", &[]);
        check("", "user=ann", &[]);
    }

    #[test]
    fn json_names_the_account_at_its_top_level() {
        check("application/json", r#"{"user": "ann", "password": "x"}"#, &["ann"]);
        check("application/vnd.shop+json", r#"{"user": 17}"#, &["17"]);
        check("application/json", r#"{"a": {"user": "ann"}}"#, &[]);
        check("application/json", r#"{"user": ["ann"]}"#, &[]);
        check("application/json", r#"["user"]"#, &[]);
        check("application/json", r#"{"user": "ann""#, &[]);
    }

    #[test]
    fn names_are_bounded() {
        let many = "user=a&".repeat(10_000);
        let names = named(many.as_bytes(), b"application/x-www-form-urlencoded", "user");
        assert_eq!(names.len(), NAMES_MAX + 1);
    }

    proptest! {
        #[test]
        fn any_body_is_read_without_trouble(body in prop::collection::vec(any::<u8>(), 0..300), json: bool) {
            let kind: &[u8] = if json { b"application/json" } else { b"application/x-www-form-urlencoded" };
            prop_assert!(named(&body, kind, "user").len() <= NAMES_MAX + 1);
        }
    }
}
