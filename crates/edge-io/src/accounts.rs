//! Whose account a login tries: read from the form before the app hears of it.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::de::{IgnoredAny, MapAccess, Visitor};

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

    /// Judges a login by the accounts that it names, and waits where one of them is tried from everywhere.
    pub(crate) async fn try_accounts(&self, body: &RequestBody) -> Result<(), Declined> {
        let delay = self.judge_accounts(body)?;
        if delay > Duration::ZERO
            && let Some(_seat) = Seat::take(&self.worker.shared().sleepers)
        {
            tokio::time::sleep(delay).await;
        }
        Ok(())
    }

    fn judge_accounts(&self, body: &RequestBody) -> Result<Duration, Declined> {
        let Some(field) = self.account_field() else { return Ok(Duration::ZERO) };
        let header = |name| self.parts.headers.get(name).map_or(&b""[..], |value| value.as_bytes());
        let mut names = Vec::new();
        let query = self.parts.uri.query().unwrap_or("");
        let read = in_form(query.as_bytes(), field, &mut names).and_then(|()| {
            let bytes = body.bytes().unwrap_or(b"");
            in_body(bytes, header(CONTENT_TYPE), header(CONTENT_ENCODING), field, &mut names)
        });
        let (site, now) = (&self.worker.shared().site, self.worker.now());
        match read {
            Err(Unclear(why)) if site.limits_attempts(&self.subject.identity, now) => {
                return Err(Declined::Bad(why));
            }
            Ok(()) | Err(_) => {}
        }
        let mut delay = Duration::ZERO;
        for name in names {
            let tried = site.try_account(&self.subject.identity, name.as_bytes(), self.worker.scatter(), now);
            let attempt = tried.map_err(Declined::Refused)?;
            if let Some(reason) = attempt.would {
                self.note(reason, false);
            }
            delay = delay.max(attempt.delay);
        }
        Ok(delay)
    }
}

/// It cannot be said whom it names, though an app may know it. What was found until then counts.
#[derive(Debug, Eq, PartialEq)]
struct Unclear(&'static str);

/// Names of a body of a kind that is read; others name nobody.
fn in_body(
    body: &[u8],
    kind: &[u8],
    encoding: &[u8],
    field: &str,
    names: &mut Vec<String>,
) -> Result<(), Unclear> {
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity") {
        return Err(Unclear("a login takes no compressed form"));
    }
    let kind = String::from_utf8_lossy(kind).to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or("").trim();
    match kind {
        "application/x-www-form-urlencoded" => in_form(body, field, names),
        _ if kind == "application/json" || kind.ends_with("+json") => in_json(body, field, names),
        _ => Ok(()),
    }
}

/// Names in a form or a query (URL Standard, 5.1). Which of several the app takes is not known: each counts.
fn in_form(form: &[u8], field: &str, names: &mut Vec<String>) -> Result<(), Unclear> {
    let values = form_urlencoded::parse(form).filter(|(name, _)| is_field(name, field));
    for (_, value) in values {
        note(value.into_owned(), names)?;
    }
    Ok(())
}

/// Names at the top level of a JSON object (RFC 8259), each of several with the same name.
fn in_json(body: &[u8], field: &str, names: &mut Vec<String>) -> Result<(), Unclear> {
    let mut found = Vec::new();
    let mut decoder = serde_json::Deserializer::from_slice(body);
    let read = serde::Deserializer::deserialize_any(&mut decoder, Fields { field, found: &mut found });
    found.into_iter().try_for_each(|name| note(name, names))?;
    read.and_then(|()| decoder.end()).map_err(|_| Unclear("the login's JSON is malformed"))
}

/// Some stacks drop spaces around names or take any case.
fn is_field(name: &str, field: &str) -> bool {
    name.trim().eq_ignore_ascii_case(field)
}

fn note(name: String, names: &mut Vec<String>) -> Result<(), Unclear> {
    if names.contains(&name) {
        return Ok(());
    }
    if names.len() == NAMES_MAX {
        return Err(Unclear("the login names too many accounts"));
    }
    names.push(name);
    Ok(())
}

/// Collects the values of one field; whatever else there is, is skipped.
struct Fields<'a> {
    field: &'a str,
    found: &'a mut Vec<String>,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if is_field(&name, self.field) && self.found.len() <= NAMES_MAX {
                match map.next_value()? {
                    serde_json::Value::String(name) => self.found.push(name),
                    serde_json::Value::Number(number) => self.found.push(number.to_string()),
                    serde_json::Value::Null
                    | serde_json::Value::Bool(_)
                    | serde_json::Value::Array(_)
                    | serde_json::Value::Object(_) => {}
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// A place among those who wait with a form in memory: beyond [`SLEEPERS_MAX`] nobody waits.
struct Seat<'a>(&'a AtomicU32);

impl<'a> Seat<'a> {
    fn take(sleepers: &'a AtomicU32) -> Option<Self> {
        let seat = Self(sleepers);
        (sleepers.fetch_add(1, Relaxed) < SLEEPERS_MAX).then_some(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Different accounts in one login: a form may have the name in its address too.
const NAMES_MAX: usize = 2;
/// With 64 KiB each, 64 MiB.
const SLEEPERS_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(kind: &str, body: &str, names: &[&str]) {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(read(kind, body), (names, true), "{kind} {body}");
    }

    fn read(kind: &str, body: &str) -> (Vec<String>, bool) {
        let mut names = Vec::new();
        let read = in_body(body.as_bytes(), kind.as_bytes(), b"", "user", &mut names);
        (names, read.is_ok())
    }

    #[test]
    fn a_form_names_the_account_in_its_field() {
        let form = "application/x-www-form-urlencoded";
        check(form, "csrf=1&user=ann%40shop.example&password=x", &["ann@shop.example"]);
        check("Application/X-WWW-Form-URLEncoded; charset=utf-8", "user=a+b", &["a b"]);
        check(form, "us%65r=ann", &["ann"]);
        check(form, "+USER=ann", &["ann"]);
        check(form, "user=ann&user=bob&user=ann", &["ann", "bob"]);
        check(form, "username=ann", &[]);
        check("multipart/form-data; boundary=x", "user=ann", &[]);
        check("", "user=ann", &[]);
    }

    #[test]
    fn json_names_the_account_at_its_top_level() {
        check("application/json", r#"{"user": "ann", "password": "x"}"#, &["ann"]);
        check("application/vnd.shop+json", r#"{"user": 17}"#, &["17"]);
        check("application/json", r#"{"user": "ann", "user": "bob"}"#, &["ann", "bob"]);
        check("application/json", r#"{"a": {"user": "ann"}, "deep": [[[1e999, "\ud800"]]]}"#, &[]);
        check("application/json", r#"{"user": ["ann"]}"#, &[]);
    }

    #[test]
    fn what_an_app_may_read_otherwise_is_unclear_and_what_was_found_counts() {
        let json = "application/json";
        let ann = || (vec!["ann".to_owned()], false);
        assert_eq!(read(json, r#"{"user": "ann", "x": "#), ann());
        assert_eq!(read(json, r#"{"user": "ann"} x"#), ann());
        assert_eq!(read(json, r#"["user"]"#), (vec![], false));
        assert_eq!(read(json, r#"{"x": NaN, "user": "ann"}"#), (vec![], false));
        let three = read("application/x-www-form-urlencoded", "user=a&user=b&user=c");
        assert_eq!(three, (vec!["a".to_owned(), "b".to_owned()], false));
        let packed = in_body(b"", b"application/json", b"gzip", "user", &mut Vec::new());
        assert!(packed.is_err());
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let sleepers = AtomicU32::new(SLEEPERS_MAX - 1);
        let last = Seat::take(&sleepers);
        assert!(last.is_some() && Seat::take(&sleepers).is_none());
        drop(last);
        assert!(Seat::take(&sleepers).is_some());
        assert_eq!(sleepers.load(Relaxed), SLEEPERS_MAX - 1);
    }

    proptest! {
        #[test]
        fn any_body_is_read_without_trouble(body in prop::collection::vec(any::<u8>(), 0..300), json: bool) {
            let kind: &[u8] = if json { b"application/json" } else { b"application/x-www-form-urlencoded" };
            let mut names = Vec::new();
            let _clear = in_body(&body, kind, b"", "user", &mut names);
            prop_assert!(names.len() <= NAMES_MAX);
        }
    }
}
