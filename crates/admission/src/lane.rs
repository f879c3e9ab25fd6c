//! The login lane: the paths of signing in stay open to new addresses, with a capacity of their own.
//!
//! The first page of a login needs nothing. It comes with a lane ticket, bound to the client's network and user agent,
//! that covers the page's own files for ten minutes. Waiting is on the GET, never on the POST: a filled-in form is never
//! lost to a queue.

use std::net::IpAddr;

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE64URL_NOPAD;
use model::{Instant, Net, Timestamp};

use crate::limits::{Charge, Rate, Table};

/// Which paths belong to signing in.
#[derive(Clone, Debug, Default)]
pub struct LanePaths {
    /// Pages with the form, exact.
    pub pages: Vec<String>,
    /// Where the form is sent, exact.
    pub submit: Vec<String>,
    /// Second factor, password reset, return from an identity provider: paths that begin with one of these.
    pub steps: Vec<String>,
    /// Files of these pages: paths that begin with one of these. Empty means any file, by its extension.
    pub assets: Vec<String>,
}

/// The lane of one site.
pub struct Lane {
    paths: LanePaths,
    key: hmac::Key,
    assets: Table,
    posts: Table,
}

/// What a request is to the lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// A page of the login.
    Page,
    /// The form that is sent.
    Submit,
    /// A later step of the login.
    Later,
    /// Perhaps a file of one of its pages.
    Asset,
    /// Nothing of the login.
    Elsewhere,
}

/// Who holds, or asks for, a lane ticket.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The client's address.
    pub address: IpAddr,
    /// Its user agent.
    pub user_agent: &'a [u8],
}

impl Lane {
    /// The lane, with the key that signs its tickets and room for so many of them at once.
    pub fn new(paths: LanePaths, key: &[u8; 32], tickets: usize, table_key: [u8; 16]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"lane ticket");
        let other = table_key.map(|byte| !byte);
        Self {
            paths,
            key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
            assets: Table::new(tickets, table_key),
            posts: Table::new(tickets, other),
        }
    }

    /// What a request is to the lane.
    pub fn step(&self, method: &str, path: &str) -> Step {
        let paths = &self.paths;
        let exact = |list: &[String]| list.iter().any(|entry| entry == path);
        let begins = |list: &[String]| list.iter().any(|entry| path.starts_with(entry.as_str()));
        match method {
            "POST" if exact(&paths.submit) => Step::Submit,
            "GET" | "HEAD" if exact(&paths.pages) => Step::Page,
            _ if begins(&paths.steps) => Step::Later,
            "GET" | "HEAD" if begins(&paths.assets) || (paths.assets.is_empty() && is_file(path)) => {
                Step::Asset
            }
            _ => Step::Elsewhere,
        }
    }

    /// Whether a request belongs to the lane: any step of the login, and with a valid ticket 40 of its files. POSTs
    /// are five for each ticket; without one they are counted against the address alone.
    pub fn admits(
        &self,
        step: Step,
        holder: Holder<'_>,
        ticket: Option<&[u8]>,
        time: Timestamp,
        now: Instant,
    ) -> bool {
        let valid = ticket.and_then(|ticket| self.verify(ticket, holder, time));
        match (step, valid) {
            (Step::Page | Step::Later, _) => true,
            (Step::Submit, None) => true,
            (Step::Submit, Some(ticket)) => is_allowed(&self.posts, ticket, now, posts_per_ticket),
            (Step::Asset, Some(ticket)) => is_allowed(&self.assets, ticket, now, assets_per_ticket),
            (Step::Asset, None) | (Step::Elsewhere, _) => false,
        }
    }

    /// Whether a path takes the filled-in form.
    pub fn is_submit(&self, method: &str, path: &str) -> bool {
        self.step(method, path) == Step::Submit
    }

    /// Whether `location` leads back to a page of the login: then a login has failed.
    pub fn is_page(&self, location: &[u8]) -> bool {
        let Ok(location) = std::str::from_utf8(location) else { return false };
        let path = location
            .split_once("://")
            .map_or(location, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
        let path = path.split(['?', '#']).next().unwrap_or("");
        self.paths.pages.iter().chain(&self.paths.submit).any(|page| page == path)
    }

    /// Whether any login is configured.
    pub fn is_configured(&self) -> bool {
        !self.paths.submit.is_empty() || !self.paths.pages.is_empty()
    }

    /// A ticket, as the value of a `Set-Cookie` header.
    pub fn ticket(&self, holder: Holder<'_>, time: Timestamp) -> String {
        let minute = minute(time);
        let tag = self.tag(minute, holder);
        let mut bytes = [0; TICKET_BYTES];
        bytes[..4].copy_from_slice(&minute.to_be_bytes());
        bytes[4..].copy_from_slice(&tag);
        format!(
            "{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={TICKET_SECONDS}",
            BASE64URL_NOPAD.encode(&bytes)
        )
    }

    /// The ticket's own number, if it is valid for this holder now.
    fn verify(&self, ticket: &[u8], holder: Holder<'_>, time: Timestamp) -> Option<u128> {
        let mut bytes = [0; TICKET_BYTES];
        if ticket.len() != TICKET_TEXT_BYTES {
            return None;
        }
        BASE64URL_NOPAD.decode_mut(ticket, &mut bytes).ok()?;
        let issued = u32::from_be_bytes(*bytes.first_chunk()?);
        let tag = self.tag(issued, holder);
        constant_time::verify_slices_are_equal(&tag, &bytes[4..]).ok()?;
        let age = minute(time).checked_sub(issued)?;
        (age <= TICKET_SECONDS / 60).then(|| u128::from_be_bytes(tag))
    }

    fn tag(&self, minute: u32, holder: Holder<'_>) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&minute.to_be_bytes());
        context.update(&Net::network(holder.address).bits().to_be_bytes());
        context.update(holder.user_agent);
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

fn is_allowed(table: &Table, ticket: u128, now: Instant, rate: fn() -> Rate) -> bool {
    !matches!(table.charge(&ticket, now, 1_000, rate()), Charge::Refused { .. })
}

/// A path whose last segment has the extension of a style, script, font or picture.
fn is_file(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or("");
    let extension = last.rsplit_once('.').map_or("", |(_, extension)| extension);
    [
        "css",
        "js",
        "mjs",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "avif",
        "ico",
        "woff",
        "woff2",
        "ttf",
        "map",
        "json",
        "webmanifest",
    ]
    .contains(&extension)
}

fn minute(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs() / 60).unwrap_or(u32::MAX)
}

/// The cookie of a lane ticket.
pub const COOKIE: &str = "portcullis-lane";
const TICKET_SECONDS: u32 = 600;
const TICKET_BYTES: usize = 20;
const TICKET_TEXT_BYTES: usize = 27;

/// 40 files in ten minutes, all at once if need be (contract).
fn assets_per_ticket() -> Rate {
    Rate::per_second(40.0 / 600.0, 40.0)
}

/// 5 forms in ten minutes (contract).
fn posts_per_ticket() -> Rate {
    Rate::per_second(5.0 / 600.0, 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane() -> Lane {
        let list = |entries: &[&str]| entries.iter().map(|&entry| entry.to_owned()).collect();
        let paths = LanePaths {
            pages: list(&["/login"]),
            submit: list(&["/login"]),
            steps: list(&["/mfa"]),
            assets: vec![],
        };
        Lane::new(paths, &[3; 32], 64, [4; 16])
    }

    fn value(cookie: &str) -> Vec<u8> {
        cookie.split(['=', ';']).nth(1).unwrap().as_bytes().to_vec()
    }

    #[test]
    fn a_ticket_covers_forty_files_of_its_holder_for_ten_minutes() {
        let (lane, time, now) = (lane(), Timestamp::from_secs(6_000), Instant::from_secs(10));
        let holder = Holder { address: "192.0.2.1".parse().unwrap(), user_agent: b"browser" };
        let ticket = value(&lane.ticket(holder, time));
        let admits = |holder, time| lane.admits(lane.step("GET", "/a.css"), holder, Some(&ticket), time, now);
        let admitted = (0..50).filter(|_| admits(holder, time)).count();
        assert_eq!(admitted, 40);
        assert!(!admits(Holder { user_agent: b"bot", ..holder }, time));
        assert!(!admits(Holder { address: "192.0.3.1".parse().unwrap(), ..holder }, time));
        assert!(!lane.admits(Step::Asset, holder, Some(&ticket), Timestamp::from_secs(6_661), now));
        assert!(!lane.admits(Step::Asset, holder, None, time, now));
    }

    #[test]
    fn every_step_of_a_login_is_in_the_lane() {
        let lane = lane();
        assert_eq!(lane.step("GET", "/login"), Step::Page);
        assert_eq!(lane.step("POST", "/login"), Step::Submit);
        assert_eq!(lane.step("POST", "/mfa/code"), Step::Later);
        assert_eq!(lane.step("GET", "/event/1"), Step::Elsewhere);
        assert!(lane.is_page(b"https://shop.example/login?failed=1"));
        assert!(!lane.is_page(b"/account"));
    }
}
