//! Links that make a client known: the app's mailer or support sent one to a customer who cannot reach the login.
//!
//! Programs that look into mail open every link, so opening one only shows a page; its button gives the pass. Nothing here
//! needs a slot, the app or a place in the admission order: a link works at every level.

use admission::pass::LinkError;
use http::header::{ALLOW, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::answer::by_https;
use crate::body::AnswerBody;
use crate::connection::Connection;
use crate::headers;
use crate::refusal;
use crate::subject::{client_address, is_https};
use crate::worker::Worker;

/// The answer to a request for a link; `None` for every other path.
pub(crate) fn answer(
    worker: &Worker,
    connection: &Connection,
    parts: &Parts,
) -> Option<Response<AnswerBody>> {
    let state = worker.shared().site.look_at_link(parts.uri.path())?;
    let answer = match (&parts.method, state) {
        (&Method::GET | &Method::HEAD | &Method::POST, Err(error)) => refused(error),
        (&Method::POST, Ok(())) if comes_from_its_page(parts) => {
            redeem(worker, connection, parts).unwrap_or_else(refused)
        }
        (&Method::GET | &Method::HEAD | &Method::POST, Ok(())) => {
            refusal::own_page(StatusCode::OK, TITLE, DETAIL, BUTTON)
        }
        _ => other_method(),
    };
    Some(guarded(answer))
}

/// Gives the pass, and leads to the app.
fn redeem(
    worker: &Worker,
    connection: &Connection,
    parts: &Parts,
) -> Result<Response<AnswerBody>, LinkError> {
    let shared = worker.shared();
    let address = client_address(worker, connection, &parts.headers);
    let lesson = shared.site.redeem(parts.uri.path(), address, worker.now()).ok_or(LinkError::Forged)??;
    if let Some(confirmed) = &lesson.confirmed {
        shared.ledger.confirmed(confirmed, address);
    }
    let mut answer = refusal::own_page(StatusCode::SEE_OTHER, "You are let in", "", HOME);
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    let https = is_https(connection, &headers::scan(&parts.headers));
    for cookie in lesson.set_cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        answer.headers_mut().append(SET_COOKIE, by_https(cookie, https));
        worker.counters().minted();
    }
    Ok(answer)
}

/// Whether nobody else's page sent the form: a person shall not get another person's pass without knowing. Browsers say so
/// (Fetch Metadata); programs need not.
pub(crate) fn comes_from_its_page(parts: &Parts) -> bool {
    let site = parts.headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    matches!(site, None | Some(b"same-origin" | b"none"))
}

fn refused(error: LinkError) -> Response<AnswerBody> {
    let (status, title, detail) = match error {
        LinkError::Forged => (StatusCode::NOT_FOUND, "This link is not complete", FORGED),
        LinkError::Expired => (StatusCode::GONE, "This link is too old", EXPIRED),
        LinkError::Used => (StatusCode::GONE, "This link was used already", USED),
    };
    refusal::own_page(status, title, detail, HOME)
}

pub(crate) fn other_method() -> Response<AnswerBody> {
    let mut answer = refusal::method_not_allowed();
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    answer
}

/// The address holds the secret: no other site hears it. Nobody puts the button into a frame of theirs.
pub(crate) fn guarded(mut answer: Response<AnswerBody>) -> Response<AnswerBody> {
    let headers = answer.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}

/// Where a form leads is left open: the app's first page may be elsewhere, and browsers count redirects.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
const TITLE: &str = "Come in with this link";
const DETAIL: &str = "It was made for you, so that you reach this site even while it is very busy. Press the button, and this browser is let in before others from then on.";
const BUTTON: &str = "<form method=\"post\"><button>Let this browser in</button></form>\n<p class=\"reference\">The link works once, and opens nobody's account: you sign in as usual. Is this not your own device? Close this page; the link stays good.</p>\n";
const HOME: &str = "<p><a href=\"/\">Go to the site</a></p>\n";
const FORGED: &str = "A part of it is missing, or this site did not make it. Copy the whole link from the message that you got, or ask for a new one.";
const EXPIRED: &str = "Such links are good for a day at most. Ask whoever sent it to you for a new one.";
const USED: &str = "Each link lets one browser in, once. If that was not you, or you need it for another device, ask for a new one.";

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(answer: Response<AnswerBody>) -> String {
        let (parts, body) = guarded(answer).into_parts();
        let AnswerBody::Whole(Some(body)) = body else { panic!("a page has a body") };
        assert!(body.len() <= 10 * 1024, "a page is at most 10 KiB");
        format!("{} {:#?}\n{}", parts.status, parts.headers, String::from_utf8_lossy(&body))
    }

    #[test]
    fn the_page_of_a_link_has_one_button() {
        insta::assert_snapshot!(shown(refusal::own_page(StatusCode::OK, TITLE, DETAIL, BUTTON)));
    }

    #[test]
    fn a_link_that_gives_nothing_says_why_and_what_to_do() {
        let errors = [LinkError::Forged, LinkError::Expired, LinkError::Used];
        let pages = errors.map(|error| {
            let page = shown(refused(error));
            let (start, end) = (page.find("<h1>").unwrap(), page.find("</main>").unwrap());
            format!("{}\n{}", &page[..3], &page[start..end])
        });
        insta::assert_snapshot!(pages.join("\n"));
    }
}
