//! The pages of the gate's own: what people are told, and how it looks.
//!
//! A page is written under a flood: its parts are constants, and only numbers, the reference and one path are spliced in.
//! It asks for no script, no second request and no colour that it could not do without.

use model::{Reason, RefusalKind, Tier};

/// A title, and what follows from it.
pub(crate) struct Words {
    pub(crate) title: &'static str,
    pub(crate) detail: &'static str,
}

/// What a page says besides its words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    /// The reference that `portcullis ctl why` opens; empty for none.
    pub(crate) reference: &'a str,
    pub(crate) again: Again,
    pub(crate) sign_in: SignIn<'a>,
}

/// What a person is told about asking again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Again {
    /// Nothing: it would be in vain.
    InVain,
    /// To try again in about so many seconds.
    Try(u64),
    /// The page asks again by itself after so many seconds.
    ByItself(u64),
}

/// What a person is told about signing in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SignIn<'a> {
    /// Nothing: it would not help, or has been done.
    Silent,
    /// That devices are let in first on which it was done before.
    Before,
    /// Where it can be done now.
    At(&'a str),
}

impl Words {
    /// `navigation`: a person reads them, not a program; `waits`: the page asks again by itself.
    pub(crate) fn of(reason: Reason, navigation: bool, waits: bool) -> &'static Self {
        match reason.kind() {
            _ if reason == Reason::BodyTooLarge => &TOO_LARGE_WORDS,
            _ if reason == Reason::Denied => &DENIED_WORDS,
            RefusalKind::Limited => &LIMITED_WORDS,
            RefusalKind::Shed => &SHED_WORDS,
            RefusalKind::Ruled | RefusalKind::Dropped => &RULED_WORDS,
            RefusalKind::Challenged => Self::of_challenge(reason, navigation, waits),
        }
    }

    fn of_challenge(reason: Reason, navigation: bool, waits: bool) -> &'static Self {
        match (navigation, waits) {
            (_, true) if reason == Reason::LaneFull => &ROOM_WORDS,
            (_, false) if reason == Reason::LaneFull => &FULL_WORDS,
            (false, _) => &PROGRAM_WORDS,
            (true, false) => &FORM_WORDS,
            (true, true) if reason == Reason::CookieChallenge => &COOKIE_WORDS,
            (true, true) => &TURN_WORDS,
        }
    }
}

impl Again {
    /// After a refusal: `seconds` is its `Retry-After`, `waiting` its `Refresh`.
    pub(crate) const fn after(reason: Reason, seconds: u64, waiting: Option<u64>) -> Self {
        match (reason, waiting) {
            (_, Some(seconds)) => Self::ByItself(seconds),
            // The way in leads over another page, the list is an admin's, and what is too large stays so.
            (
                Reason::CookieChallenge | Reason::WaitingChallenge | Reason::Denied | Reason::BodyTooLarge,
                None,
            ) => Self::InVain,
            (_, None) => Self::Try(seconds),
        }
    }
}

impl<'a> SignIn<'a> {
    /// `page` is where the login begins, if a stranger reaches it.
    pub(crate) const fn after(reason: Reason, tier: Tier, page: Option<&'a str>) -> Self {
        match (reason, page) {
            // Those who are known have signed in, and those in the login lane are about to.
            _ if (tier as u8) <= (Tier::T3 as u8) => Self::Silent,
            (Reason::Denied | Reason::BodyTooLarge | Reason::LaneFull, _) => Self::Silent,
            // A rule that matches here may match on the way to the login; it never acts on known clients.
            (Reason::Rule, _) | (_, None) => Self::Before,
            (_, Some(page)) => Self::At(page),
        }
    }
}

/// A page with these words and what else there is to say, as HTML.
pub(crate) fn with(words: &Words, more: &str) -> Vec<u8> {
    let mut body = begun(words);
    body.extend_from_slice(more.as_bytes());
    body.extend_from_slice(END.as_bytes());
    body
}

/// A page about a request that was not served.
pub(crate) fn about(words: &Words, telling: &Telling<'_>) -> Vec<u8> {
    let mut body = begun(words);
    put_again(&mut body, telling.again);
    put_sign_in(&mut body, telling.sign_in);
    if !telling.reference.is_empty() {
        put(&mut body, "<p class=\"reference\">If you contact support, tell them this reference:<br><code>");
        put(&mut body, telling.reference);
        put(&mut body, "</code></p>\n");
    }
    put(&mut body, END);
    body
}

/// The page up to its first paragraph.
fn begun(words: &Words) -> Vec<u8> {
    let mut body = Vec::with_capacity(HEAD.len() + 2_048);
    for part in [HEAD, words.title, TOP, words.title, "</h1>\n<p>", words.detail, "</p>\n"] {
        put(&mut body, part);
    }
    body
}

fn put_again(body: &mut Vec<u8>, again: Again) {
    match again {
        Again::InVain => {}
        Again::Try(seconds) => {
            put(body, "<p>Please try again in about <strong>");
            put_seconds(body, seconds);
            put(body, "</strong>.</p>\n");
        }
        Again::ByItself(seconds) => {
            put(body, "<p>This page asks again by itself ");
            if seconds == 0 {
                put(body, "<strong>at once");
            } else {
                put(body, "in about <strong>");
                put_seconds(body, seconds);
            }
            // Some browsers are told not to, and text browsers wait for a word.
            put(body, "</strong>. If it does not, <a href=\"\">ask again</a> then.</p>\n");
            // Without it every time is the first.
            put(
                body,
                "<p>If you see this page again and again, allow cookies for this site: one keeps your place.</p>\n",
            );
        }
    }
}

fn put_sign_in(body: &mut Vec<u8>, sign_in: SignIn<'_>) {
    match sign_in {
        SignIn::Silent => {}
        SignIn::Before => put(
            body,
            "<p>If you have an account here, use a device on which you signed in lately: it is let in first.</p>\n",
        ),
        SignIn::At(page) => {
            put(body, "<p>If you have an account here, <a href=\"");
            put_escaped(body, page);
            put(body, "\">sign in</a>: customers are let in first.</p>\n");
        }
    }
}

fn put_seconds(body: &mut Vec<u8>, seconds: u64) {
    put(body, itoa::Buffer::new().format(seconds));
    put(body, if seconds == 1 { " second" } else { " seconds" });
}

/// The path is the admin's; nothing in it ends the attribute.
fn put_escaped(body: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'&' => put(body, "&amp;"),
            b'<' => put(body, "&lt;"),
            b'"' => put(body, "&quot;"),
            byte => body.push(byte),
        }
    }
}

fn put(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
}

const LIMITED_WORDS: Words = Words {
    title: "Too many requests",
    detail: "More requests came from your connection in a short time than this site can take right now.",
};
const SHED_WORDS: Words = Words {
    title: "We are very busy right now",
    detail: "Far more visitors than usual are here. We serve signed-in customers first and let everybody else in as soon as there is room.",
};
const RULED_WORDS: Words = Words {
    title: "This request was not let through",
    detail: "It looks like traffic that disturbs this site at the moment. You may have done nothing wrong: if you think that this is a mistake, please tell the people who run it.",
};
const DENIED_WORDS: Words = Words {
    title: "You are not let in from here",
    detail: "The people who run this site have shut out the address or network that you come from. You may have done nothing wrong: if you think that this is a mistake, please tell them.",
};
const ROOM_WORDS: Words = Words {
    title: "You are in the waiting room",
    detail: "Many people want to sign in at this moment. This page keeps your place; you need not do anything but leave it open.",
};
const FULL_WORDS: Words = Words {
    title: "The waiting room is full",
    detail: "So many people want to sign in at this moment that every place to wait is taken.",
};
const COOKIE_WORDS: Words = Words {
    title: "One moment, please",
    detail: "Many more requests than usual reach this site. Before it lets you in, it checks once that your browser keeps cookies; you need not do anything.",
};
const TURN_WORDS: Words = Words {
    title: "Please wait a moment",
    detail: "Many more requests than usual reach this site, so new visitors wait a little. You need not do anything but leave this page open.",
};
const FORM_WORDS: Words = Words {
    title: "Please load the page once more",
    detail: "Many more requests than usual reach this site, so it asks new visitors to come back once, which cannot be done while a form is sent. Go back, load that page again, and send the form when you see it.",
};
const PROGRAM_WORDS: Words = Words {
    title: "Only clients that this site knows are served right now",
    detail: "Many more requests than usual reach this site. Clients with a pass or a token are served; others are let in by a page that a browser opens first.",
};
const TOO_LARGE_WORDS: Words = Words {
    title: "That is too large right now",
    detail: "While this site is as busy as now it takes only smaller uploads here. Please try again later.",
};

/// The app cannot be reached, or answers too late.
pub(crate) const ORIGIN_WORDS: Words = Words {
    title: "The site does not answer",
    detail: "The application behind this address cannot be reached at the moment. The people who run it can see this too.",
};

const HEAD: &str = concat!(
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">",
    "<meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">\n<style>",
    ":root{--b:#f6f5f1;--f:#23262b;--m:#5b6068;--l:#d9d6cc;--a:#2f5d50}",
    "@media(prefers-color-scheme:dark){:root{--b:#17191c;--f:#e9e7e1;--m:#a3a8b0;--l:#363a40;--a:#8fc4b3}}",
    "*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--b);color:var(--f);",
    "font:1.0625rem/1.6 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}",
    "main{max-width:34rem;padding:2rem 1.5rem}svg{width:3rem;height:3rem;margin-left:-.4rem;fill:none;stroke:var(--a);stroke-width:1.5;stroke-linecap:round}",
    "h1{font-size:1.6rem;line-height:1.25;margin:1rem 0 .75rem}p{margin:0 0 1rem}",
    ".reference{margin-top:2rem;padding-top:1rem;border-top:1px solid var(--l);color:var(--m);font-size:.9375rem}",
    "a{color:var(--a);white-space:nowrap}button{font:inherit;font-weight:600;padding:.65rem 1.5rem;border:0;border-radius:.4rem;background:var(--a);color:var(--b);cursor:pointer}",
    ":focus-visible{outline:3px solid var(--f);outline-offset:3px}",
    "code{font:1rem/1.8 ui-monospace,SFMono-Regular,Menlo,monospace;color:var(--f);word-break:break-word}",
    "</style>\n<title>"
);

const TOP: &str = concat!(
    "</title></head>\n<body><main>\n<svg aria-hidden=\"true\" viewBox=\"0 0 24 24\">",
    "<path d=\"M4 21V9a8 8 0 0 1 16 0v12M8 21V8M12 21V7M16 21V8M4 12h16M4 16.5h16\"/></svg>\n<h1>"
);
const END: &str = "</main></body></html>\n";

#[cfg(test)]
mod tests;
