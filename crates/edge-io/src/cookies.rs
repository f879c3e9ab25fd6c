//! Reading and removing cookies (RFC 6265 section 4.2) without allocating on the usual way.

use admission::challenge::{TICKET_COOKIE, VISIT_COOKIE};
use http::header::{COOKIE, HeaderMap, HeaderValue};

/// Cookies of the gate in one request that are looked at; further copies are ignored.
pub(crate) const COPIES_MAX: usize = 4;

/// The gate's cookies and the app's session cookie in a request.
#[derive(Debug, Default)]
pub(crate) struct Found<'a> {
    /// Passes, in the order in which the client sent them.
    pub(crate) passes: [Option<&'a [u8]>; COPIES_MAX],
    /// A lane ticket.
    pub(crate) lane: Option<&'a [u8]>,
    /// A challenge, or the ticket that it earned.
    pub(crate) ticket: Option<&'a [u8]>,
    /// A visit ticket.
    pub(crate) visit: Option<&'a [u8]>,
    /// The app's session cookie.
    pub(crate) session: Option<&'a [u8]>,
    /// Any cookie of the gate is there.
    pub(crate) gate: bool,
}

/// Looks for the gate's cookies and the session cookie called `session` in a request's `Cookie` headers.
pub(crate) fn find<'a>(headers: impl Iterator<Item = &'a HeaderValue>, session: Option<&str>) -> Found<'a> {
    let mut found = Found::default();
    let mut passes = 0;
    for value in headers {
        for (name, value) in pairs(value.as_bytes()) {
            if is_pass_cookie(name) {
                found.gate = true;
                if passes < COPIES_MAX {
                    found.passes[passes] = Some(value);
                    passes += 1;
                }
            } else if name == LANE_COOKIE.as_bytes() {
                found.gate = true;
                found.lane = Some(value);
            } else if name == TICKET_COOKIE.as_bytes() {
                found.gate = true;
                found.ticket = Some(value);
            } else if name == VISIT_COOKIE.as_bytes() {
                found.gate = true;
                found.visit = Some(value);
            } else if session.is_some_and(|session| session.as_bytes() == name) {
                found.session = Some(value);
            }
        }
    }
    found
}

/// Name and value of each cookie in a `Cookie` header.
pub(crate) fn pairs(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|&byte| byte == b';').filter_map(|pair| {
        let pair = pair.trim_ascii();
        let equals = memchr::memchr(b'=', pair)?;
        Some((&pair[..equals], &pair[equals + 1..]))
    })
}

/// Removes the gate's cookies from a request's `Cookie` headers.
pub(crate) fn remove_gate_cookies(headers: &mut HeaderMap) {
    let kept: Vec<HeaderValue> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| {
            let kept: Vec<&[u8]> = value
                .as_bytes()
                .split(|&byte| byte == b';')
                .map(<[u8]>::trim_ascii)
                .filter(|pair| !is_gate_cookie(pair.split(|&byte| byte == b'=').next().unwrap_or_default()))
                .collect();
            if kept.is_empty() { None } else { HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok() }
        })
        .collect();
    headers.remove(COOKIE);
    for value in kept {
        headers.append(COOKIE, value);
    }
}

/// Whether a cookie of this name is a pass.
fn is_pass_cookie(name: &[u8]) -> bool {
    name.ends_with(b"portcullis")
        && matches!(name, b"portcullis" | b"__Host-portcullis" | b"__Secure-portcullis")
}

/// Whether a cookie of this name belongs to the gate.
pub(crate) fn is_gate_cookie(name: &[u8]) -> bool {
    is_pass_cookie(name)
        || [LANE_COOKIE, TICKET_COOKIE, VISIT_COOKIE].iter().any(|ours| ours.as_bytes() == name)
}

/// The cookie of a lane ticket.
pub(crate) const LANE_COOKIE: &str = "portcullis-lane";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_and_session_are_found_among_other_cookies() {
        let header = HeaderValue::from_static(
            "a=1;portcullis=p1; sid=s=1; __Host-portcullis=p2;broken; portcullis-lane=l",
        );
        let found = find([&header].into_iter(), Some("sid"));
        assert_eq!(found.passes[..3], [Some(&b"p1"[..]), Some(&b"p2"[..]), None]);
        assert_eq!((found.session, found.lane), (Some(&b"s=1"[..]), Some(&b"l"[..])));
    }

    #[test]
    fn no_cookie_of_the_gate_reaches_the_app() {
        let mut headers = HeaderMap::new();
        let ours = "portcullis-ticket=t; a=1; portcullis-visit=v; portcullis-lane=l; portcullis-x=2";
        headers.insert(COOKIE, HeaderValue::from_static(ours));
        let found = find(headers.get_all(COOKIE).iter(), None);
        assert_eq!((found.ticket, found.visit, found.gate), (Some(&b"t"[..]), Some(&b"v"[..]), true));
        remove_gate_cookies(&mut headers);
        assert_eq!(headers[COOKIE], "a=1; portcullis-x=2");
    }

    #[test]
    fn a_fifth_copy_is_ignored() {
        let header =
            HeaderValue::from_static("portcullis=1; portcullis=2; portcullis=3; portcullis=4; portcullis=5");
        let found = find([&header].into_iter(), None);
        assert_eq!(found.passes[3], Some(&b"4"[..]));
    }
}
