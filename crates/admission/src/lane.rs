//! The login lane: the paths of signing in stay open to new addresses, with a capacity of their own.
//!
//! The first page of a login needs nothing. It comes with a lane ticket, bound to the client's network and user agent,
//! that covers the page's own files for ten minutes. Waiting is on the GET, never on the POST: a filled-in form is never
//! lost to a queue.

mod room;
mod turns;

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use model::{Instant, Net, Timestamp};

use crate::bits::low_u32;
use crate::handover::Handover;
use crate::limits::{Charge, Rate, Table};
use crate::ticket::{Bound, Purpose, TicketKey, second};
use room::{Knock, Room};

pub(crate) use turns::Turns;

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
    key: TicketKey,
    assets: Table,
    posts: Table,
    /// Tickets of their own, by network.
    tickets: Table,
    serial: AtomicU32,
    room: Room,
    /// More want to sign in than the lane can serve: who has not been let in waits.
    has_waiting_room: AtomicBool,
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

/// What a client's ticket says of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It has no valid ticket.
    Stranger,
    /// It was told to wait for its turn.
    Waiting,
    /// It was let in; the number of its ticket.
    Admitted(u128),
}

/// What a client that wants to sign in is told while there is a waiting room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LaneVerdict {
    /// It is its turn; the page's answer carries a lane ticket, and nothing waits after that.
    Enter,
    /// Its network has a place in the waiting room.
    Wait {
        /// The waiting ticket, as the value of a `Set-Cookie` header.
        set_cookie: String,
        /// When it should come again, in seconds.
        refresh_seconds: u64,
    },
    /// Even the waiting room is full.
    Full {
        /// When it makes sense to try again, in seconds.
        retry_seconds: u64,
    },
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
        let key_of = |label: u8| table_key.map(|byte| byte ^ label);
        Self {
            paths,
            key: TicketKey::new(key, b"lane ticket"),
            assets: Table::new(tickets, table_key),
            posts: Table::new(tickets, key_of(0xFF)),
            tickets: Table::new(tickets, key_of(0x55)),
            serial: AtomicU32::new(1),
            room: Room::new(key_of(0xAA)),
            has_waiting_room: AtomicBool::new(false),
        }
    }

    /// What its tickets have used up, for a successor. Those who wait ask again, and get a place as they come.
    pub(crate) fn hand_over(&self, estate: &mut Handover, now: Instant) {
        estate.put("lane.assets", self.assets.debts(now));
        estate.put("lane.posts", self.posts.debts(now));
        estate.put("lane.tickets", self.tickets.debts(now));
        estate.put("lane.serial", [self.serial.load(Relaxed).into()]);
    }

    /// Goes on from what a predecessor with the same keys left.
    pub(crate) fn take_over(&self, estate: &Handover, now: Instant) {
        self.assets.take_over(estate.rows("lane.assets"), now);
        self.posts.take_over(estate.rows("lane.posts"), now);
        self.tickets.take_over(estate.rows("lane.tickets"), now);
        if let Some([serial]) = estate.array("lane.serial") {
            self.serial.store(low_u32(serial), Relaxed);
        }
    }

    /// What a request is to the lane.
    pub fn step(&self, method: &str, path: &str) -> Step {
        let paths = &self.paths;
        let exact = |list: &[String]| list.iter().any(|entry| entry == path);
        if self.is_submit(method, path) {
            return Step::Submit;
        }
        let begins = |list: &[String]| list.iter().any(|entry| path.starts_with(entry.as_str()));
        match method {
            "GET" | "HEAD" if exact(&paths.pages) => Step::Page,
            _ if begins(&paths.steps) => Step::Later,
            "GET" | "HEAD" if begins(&paths.assets) || (paths.assets.is_empty() && is_file(path)) => {
                Step::Asset
            }
            _ => Step::Elsewhere,
        }
    }

    /// What the cookie [`COOKIE`] says of its holder; it carries a ticket of either kind.
    pub fn standing(&self, holder: Holder<'_>, ticket: Option<&[u8]>, time: Timestamp) -> Standing {
        let Some(ticket) = ticket else { return Standing::Stranger };
        if let Some(number) = self.verify(Purpose::Lane, ticket, holder, time) {
            return Standing::Admitted(number);
        }
        let waits = self.verify(Purpose::Place, ticket, holder, time).is_some();
        if waits { Standing::Waiting } else { Standing::Stranger }
    }

    /// Whether a request belongs to the lane: any step of the login, and with a valid ticket 40 of its files. POSTs
    /// are five for each ticket; without one they are counted against the address alone.
    pub fn admits(&self, step: Step, standing: Standing, now: Instant) -> bool {
        match (step, standing) {
            (Step::Page | Step::Later, _) => true,
            (Step::Submit, Standing::Admitted(ticket)) => {
                is_allowed(&self.posts, ticket, now, posts_per_ticket)
            }
            (Step::Submit, Standing::Stranger | Standing::Waiting) => true,
            (Step::Asset, Standing::Admitted(ticket)) => {
                is_allowed(&self.assets, ticket, now, assets_per_ticket)
            }
            (Step::Asset, Standing::Stranger | Standing::Waiting) | (Step::Elsewhere, _) => false,
        }
    }

    /// Whether a step of the lane must wait for its turn: while there is a waiting room, everybody who has not been let
    /// in. A form that is sent carries the ticket of its page, so it never waits.
    pub fn must_knock(&self, step: Step, standing: Standing) -> bool {
        self.has_waiting_room.load(Relaxed)
            && matches!(step, Step::Page | Step::Submit | Step::Later)
            && !matches!(standing, Standing::Admitted(_))
    }

    /// Opens the waiting room, or lets everybody in at once again.
    pub fn set_waiting_room(&self, open: bool) {
        self.has_waiting_room.store(open, Relaxed);
    }

    /// Whether there is a waiting room at the moment.
    pub fn has_waiting_room(&self) -> bool {
        self.has_waiting_room.load(Relaxed)
    }

    /// Where a login begins.
    pub fn first_page(&self) -> Option<&str> {
        self.paths.pages.first().map(String::as_str)
    }

    /// The first page of the login and where its form goes, as method and path: what one who signs in asks the app.
    pub fn journey(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let page = self.first_page().map(|path| ("GET", path));
        let submit = self.paths.submit.first().map(|path| ("POST", path.as_str()));
        page.into_iter().chain(submit)
    }

    /// Whether a path takes the filled-in form.
    pub fn is_submit(&self, method: &str, path: &str) -> bool {
        method == "POST" && self.paths.submit.iter().any(|entry| entry == path)
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
    ///
    /// People behind one address with the same browser get one each. A network that takes more than 60 a minute shares
    /// one of that minute: otherwise a loop over the page would buy any number of files.
    pub fn ticket(&self, holder: Holder<'_>, time: Timestamp) -> String {
        let (network, now) = (Net::network(holder.address), Instant::from_millis(time.as_millis()));
        let own = is_allowed(&self.tickets, network.bits(), now, tickets_per_network);
        let second = second(time);
        let (second, serial) =
            if own { (second, self.serial.fetch_add(1, Relaxed).max(1)) } else { (second - second % 60, 0) };
        self.cookie(Purpose::Lane, second, serial, holder)
    }

    /// Somebody who [must knock](Lane::must_knock) does so: enter, or wait. `has_waited`: with [`Standing::Waiting`].
    pub fn knock(&self, holder: Holder<'_>, has_waited: bool, time: Timestamp, now: Instant) -> LaneVerdict {
        let (network, address) = (Net::network(holder.address), Net::address(holder.address));
        match self.room.knock(network, address, has_waited, now) {
            Knock::Enter => LaneVerdict::Enter,
            Knock::Wait => {
                let serial = self.serial.fetch_add(1, Relaxed).max(1);
                LaneVerdict::Wait {
                    set_cookie: self.cookie(Purpose::Place, second(time), serial, holder),
                    // Spread a little, so that those who came together do not come again together.
                    refresh_seconds: REFRESH_SECONDS + u64::from(serial % 3),
                }
            }
            Knock::Full => LaneVerdict::Full { retry_seconds: FULL_RETRY_SECONDS },
        }
    }

    /// Lets at most `entries` of the waiting networks enter, drawn evenly. To be called at every step of the
    /// controller, by one thread; `random` is fresh each time.
    pub fn draw(&self, entries: u32, random: u64, now: Instant) {
        self.room.draw(entries, random, now);
    }

    /// Networks in the waiting room, at most 4,096.
    pub fn waiting(&self, now: Instant) -> usize {
        self.room.waiting(now)
    }

    fn cookie(&self, purpose: Purpose, second: u32, serial: u32, holder: Holder<'_>) -> String {
        self.key.seal(purpose, second, serial, holder.bound()).set_cookie(COOKIE, TICKET_SECONDS)
    }

    /// The ticket's own number, if it is valid for this purpose and holder now.
    fn verify(&self, purpose: Purpose, ticket: &[u8], holder: Holder<'_>, time: Timestamp) -> Option<u128> {
        let ticket = self.key.open(purpose, ticket, holder.bound())?;
        (ticket.age(time)? <= TICKET_SECONDS).then_some(ticket.number)
    }
}

impl<'a> Holder<'a> {
    fn bound(self) -> Bound<'a> {
        Bound::to_network(self.address, self.user_agent)
    }
}

fn is_allowed<K: Hash>(table: &Table, key: K, now: Instant, rate: fn() -> Rate) -> bool {
    !matches!(table.charge(&key, now, 1_000, rate()), Charge::Refused { .. })
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

/// The cookie of a lane ticket.
pub const COOKIE: &str = "portcullis-lane";
const TICKET_SECONDS: u32 = 600;
/// Who waits comes again after five to seven seconds: three times before a place is left.
const REFRESH_SECONDS: u64 = 5;
const FULL_RETRY_SECONDS: u64 = 30;

/// 40 files in ten minutes, all at once if need be (contract).
fn assets_per_ticket() -> Rate {
    Rate::per_second(40.0 / 600.0, 40.0)
}

/// Tickets for one network: 60 a minute (decision-science, section 7, mint rate).
fn tickets_per_network() -> Rate {
    Rate::per_minute(60.0)
}

/// 5 forms in ten minutes (contract).
fn posts_per_ticket() -> Rate {
    Rate::per_second(5.0 / 600.0, 5.0)
}

#[cfg(test)]
mod tests;
