//! Challenges: what an unknown client must show before it is judged as T4, and the tickets that it gets for it.
//!
//! A navigation without a ticket is answered with a page and a cookie; whoever comes back with the cookie, at once or after
//! a wait, gets a ticket for ten minutes (decision-science, section 7). What a flood can buy is bounded by the rates at
//! which tickets are given, not by how hard a challenge is. Visit tickets are for those who were let in without one
//! (section 0.12). Nothing here is asked of known clients.

mod guests;
mod mint;
mod unanswered;

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use model::{Cohort, Instant, Net, Timestamp};
use siphasher::sip::SipHasher13;

use crate::bits::low_u32;
use crate::handover::Handover;
use crate::lane::Holder;
use crate::limits::{Charge, Rate, Table};
use crate::ticket::{Bound, Purpose, Sealed, Ticket, TicketKey, derived_key, second};
use guests::Guests;
use mint::Mint;
use unanswered::Unanswered;

pub(crate) use mint::Load;

/// The cookie of a challenge, and then of the ticket that it earned.
pub const TICKET_COOKIE: &str = "portcullis-ticket";

/// The cookie of a visit ticket.
pub const VISIT_COOKIE: &str = "portcullis-visit";

/// The challenges of one site.
pub(crate) struct Challenges {
    key: TicketKey,
    hasher: SipHasher13,
    browsers: SipHasher13,
    serial: AtomicU32,
    /// Challenge tickets that were used, by number.
    used: Table,
    /// Addresses with a waiting ticket that is not due yet.
    waiting: Table,
    /// What tickets have used of their budgets, by number.
    budgets: Table,
    mint: Mint,
    unanswered: Unanswered,
    guests: Guests,
    /// Challenges that were given, and tickets that came back from one.
    counts: [AtomicU64; 2],
}

/// What the two kinds of challenge ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// To come back with the cookie.
    Cookie,
    /// To come back with it after waiting.
    Wait,
}

/// What the cookie [`TICKET_COOKIE`] says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Came {
    /// Nothing that counts.
    Empty,
    /// It waits, and comes too early by so many seconds.
    Early(u32),
    /// It did what it was asked; the number of its ticket.
    Back(Kind, u128),
    /// It passed a challenge within ten minutes; the number of its ticket.
    Passed(u128),
}

/// A visit ticket that was verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Visit {
    /// Its own number.
    pub(crate) number: u128,
    /// When it was given, in seconds of pass time.
    pub(crate) second: u32,
    /// It was given in calm.
    pub(crate) in_calm: bool,
    /// The cohort that was let in.
    pub(crate) cohort: Cohort,
    /// Under which secret the cohort was drawn: eight bits of its hash.
    pub(crate) draw: u8,
}

/// Keyed hash of a user agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Browser([u8; 8]);

/// An unknown client that was let in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stranger {
    /// From where.
    pub(crate) address: IpAddr,
    /// With what.
    pub(crate) browser: Browser,
    /// The cohort that was let in, and under which secret it was drawn.
    pub(crate) cohort: Cohort,
    /// See [`Visit::draw`].
    pub(crate) draw: u8,
    /// In calm.
    pub(crate) in_calm: bool,
}

/// A challenge that is given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Given {
    /// The cookie; none if another client of the address holds the one waiting ticket.
    pub(crate) set_cookie: Option<String>,
    /// When the page asks again, in seconds.
    pub(crate) refresh_secs: u64,
}

impl Challenges {
    /// Challenges under a site's key, with the key and seed of their tables.
    pub(crate) fn new(key: &[u8; 32], table_key: [u8; 16]) -> Self {
        let key_of = |label: u8| table_key.map(|byte| byte ^ label);
        Self {
            key: TicketKey::new(key, b"visitor ticket"),
            hasher: SipHasher13::new_with_key(&table_key),
            browsers: SipHasher13::new_with_key(&derived_key(key, b"browser")),
            serial: AtomicU32::new(1),
            used: Table::new(USED, key_of(0x11)),
            waiting: Table::new(WAITING, key_of(0x22)),
            budgets: Table::new(BUDGETS, key_of(0x33)),
            mint: Mint::new(key_of(0x44)),
            unanswered: Unanswered::new(key_of(0x55)),
            guests: Guests::new(key_of(0x66)),
            counts: Default::default(),
        }
    }

    /// What a holder's cookie says.
    pub(crate) fn read(&self, holder: Holder<'_>, text: &[u8], time: Timestamp) -> Came {
        let (address, user_agent) = (holder.address, holder.user_agent);
        let near = Bound::to_network(address, user_agent);
        if let Some(ticket) = self.open(Purpose::Passed, text, near, time, PASSED_SECONDS) {
            return Came::Passed(ticket.number);
        }
        let here = Bound::to_address(address, user_agent);
        if let Some(ticket) = self.open(Purpose::Cookie, text, here, time, COOKIE_SECONDS) {
            return Came::Back(Kind::Cookie, ticket.number);
        }
        let Some(ticket) = self.open(Purpose::Wait, text, here, time, WAIT_SECONDS_MAX + LATE_SECONDS) else {
            return Came::Empty;
        };
        let (wait, age) = (self.wait_of(ticket.word), ticket.age(time).unwrap_or(0));
        if age < wait {
            Came::Early(wait - age)
        } else if age <= wait + LATE_SECONDS {
            Came::Back(Kind::Wait, ticket.number)
        } else {
            Came::Empty
        }
    }

    /// Asks a client to come back. At most one waiting ticket for an address (times its NAT factor) is not due at a time.
    pub(crate) fn give(
        &self,
        kind: Kind,
        holder: Holder<'_>,
        factor: u32,
        time: Timestamp,
        now: Instant,
    ) -> Given {
        let serial = self.serial.fetch_add(1, Relaxed);
        let (purpose, life, refresh_secs) = match kind {
            Kind::Cookie => (Purpose::Cookie, COOKIE_SECONDS, 0),
            Kind::Wait => {
                let wait = self.wait_of(serial);
                if let Err(more_secs) = self.take_place(holder, wait, factor, now) {
                    return Given { set_cookie: None, refresh_secs: more_secs };
                }
                // One second more, so that the ticket is due by the gate's clock too.
                (Purpose::Wait, WAIT_SECONDS_MAX + LATE_SECONDS, u64::from(wait) + 1)
            }
        };
        self.mint.note_given(kind, now);
        self.unanswered.given(Net::network(holder.address), holder.user_agent, now);
        self.counts[0].fetch_add(1, Relaxed);
        let here = Bound::to_address(holder.address, holder.user_agent);
        let ticket = self.key.seal(purpose, second(time), serial, here);
        Given { set_cookie: Some(ticket.set_cookie(TICKET_COOKIE, life)), refresh_secs }
    }

    /// Somebody [came back](Came::Back): the ticket for ten minutes, unless this one was used before, others were drawn, or
    /// more tickets than there may be would be given.
    ///
    /// Rates of address and network come first: beyond them nobody takes a cell that others need, and nobody is in the draw.
    pub(crate) fn redeem(
        &self,
        kind: Kind,
        number: u128,
        holder: Holder<'_>,
        factor: u32,
        time: Timestamp,
        now: Instant,
    ) -> Option<Sealed> {
        let network = Net::network(holder.address);
        if !self.mint.admits(holder.address, factor, now) {
            // It was answered, although it is not noted which: people in a busy network do not ignore challenges.
            self.unanswered.answered(network, holder.user_agent, now);
            return None;
        }
        if self.used.charge(&number, now, 1_000, once()) != Charge::Allowed {
            return None;
        }
        self.unanswered.answered(network, holder.user_agent, now);
        self.counts[1].fetch_add(1, Relaxed);
        let luck = low_u32(self.hash(number, b"draw"));
        if !self.mint.gives(kind, luck, now) {
            return None;
        }
        let serial = self.serial.fetch_add(1, Relaxed);
        let near = Bound::to_network(holder.address, holder.user_agent);
        Some(self.key.seal(Purpose::Passed, second(time), serial, near))
    }

    /// A ticket that was [earned](Challenges::redeem), as the value of a `Set-Cookie` header.
    pub(crate) fn cookie(ticket: Sealed) -> String {
        ticket.set_cookie(TICKET_COOKIE, PASSED_SECONDS)
    }

    /// Charges a request to a ticket: 30 a minute where a challenge was passed, 60 for a visit.
    pub(crate) fn spend(&self, number: u128, is_visit: bool, cost_milli: u32, now: Instant) -> bool {
        let per_minute = if is_visit { VISIT_PER_MINUTE } else { PASSED_PER_MINUTE };
        let charge = self.budgets.charge(&number, now, cost_milli, Rate::per_minute(per_minute));
        matches!(charge, Charge::Allowed)
    }

    /// Charges a request in calm to a visit ticket, on an account of its own: what people do before an attack leaves them all of
    /// their requests when it begins.
    pub(crate) fn counts(&self, number: u128, cost_milli: u32, now: Instant) -> bool {
        self.spend(!number, true, cost_milli, now)
    }

    /// A browser by its user agent, the same over restarts.
    pub(crate) fn browser(&self, user_agent: &[u8]) -> Browser {
        let mut hasher = self.browsers;
        hasher.write(user_agent);
        Browser(hasher.finish().to_be_bytes())
    }

    /// What a visit ticket says.
    pub(crate) fn visit(&self, user_agent: &[u8], text: &[u8], time: Timestamp) -> Option<Visit> {
        let browser = self.browser(user_agent);
        let ticket = self.open(Purpose::Visit, text, Bound::to_browser(&browser.0), time, VISIT_SECONDS)?;
        let [flags, draw, _, _] = ticket.word.to_be_bytes();
        Some(Visit {
            number: ticket.number,
            second: ticket.second,
            in_calm: flags >> 7 == 1,
            cohort: Cohort::new(flags),
            draw,
        })
    }

    /// A visit ticket for a client that was let in, as the value of a `Set-Cookie` header; none if its address or network got
    /// too many.
    pub(crate) fn welcome(
        &self,
        stranger: &Stranger,
        factor: u32,
        time: Timestamp,
        now: Instant,
    ) -> Option<String> {
        if !self.mint.allows_visit(stranger.address, factor, now) {
            return None;
        }
        let flags = u8::from(stranger.in_calm) << 7 | u8::try_from(stranger.cohort.index()).unwrap_or(0);
        let [_, _, c, d] = self.serial.fetch_add(1, Relaxed).to_be_bytes();
        let word = u32::from_be_bytes([flags, stranger.draw, c, d]);
        let bound = Bound::to_browser(&stranger.browser.0);
        let ticket = self.key.seal(Purpose::Visit, second(time), word, bound);
        Some(ticket.set_cookie(VISIT_COOKIE, VISIT_SECONDS))
    }

    /// Whether a visit ticket makes a guest: given in calm, before the incident that began at `since`, and old enough.
    pub(crate) fn is_old_guest(visit: Visit, since: Timestamp, time: Timestamp) -> bool {
        visit.in_calm
            && visit.second <= second(since)
            && second(time).saturating_sub(visit.second) >= GUEST_SECONDS_MIN
    }

    /// A seat for a guest: 32 for each network.
    pub(crate) fn seat(&self, network: Net, visit: Visit, now: Instant) -> bool {
        self.guests.seat(network, visit.number, now)
    }

    /// Whether 32 challenges within ten minutes went unanswered by this network and user agent.
    pub(crate) fn are_ignored(&self, holder: Holder<'_>, now: Instant) -> bool {
        self.unanswered.is_over(Net::network(holder.address), holder.user_agent, now)
    }

    /// How many tickets may be given from now on. To be called at every step of the threshold, by one thread.
    pub(crate) fn follow(&self, load: Load, now: Instant) {
        self.mint.follow(load, now);
    }

    /// Challenges that were given, and tickets that came back from one, since the last call.
    pub(crate) fn take_counts(&self) -> [u32; 2] {
        let take = |count: &AtomicU64| u32::try_from(count.swap(0, Relaxed)).unwrap_or(u32::MAX);
        [take(&self.counts[0]), take(&self.counts[1])]
    }

    /// How often there was no room in a table, by its name.
    pub(crate) fn overflows(&self) -> [(&'static str, u64); 4] {
        [
            ("used", self.used.overflows()),
            ("waiting", self.waiting.overflows()),
            ("budgets", self.budgets.overflows()),
            ("mints", self.mint.overflows()),
        ]
    }

    /// What a successor must know, so that nothing is used twice.
    pub(crate) fn hand_over(&self, estate: &mut Handover, now: Instant) {
        estate.put("challenge.used", self.used.debts(now));
        estate.put("challenge.waiting", self.waiting.debts(now));
        estate.put("challenge.budgets", self.budgets.debts(now));
        estate.put("challenge.mints", self.mint.debts(now));
        estate.put("challenge.usage", self.mint.usage());
        estate.put("challenge.unanswered", self.unanswered.rows(now));
        estate.put("challenge.guests", self.guests.rows(now));
        estate.put("challenge.serial", [self.serial.load(Relaxed).into()]);
    }

    /// Goes on from what a predecessor with the same keys left.
    pub(crate) fn take_over(&self, estate: &Handover, now: Instant) {
        self.used.take_over(estate.rows("challenge.used"), now);
        self.waiting.take_over(estate.rows("challenge.waiting"), now);
        self.budgets.take_over(estate.rows("challenge.budgets"), now);
        self.mint.take_over(estate.rows("challenge.mints"), now);
        self.mint.go_on(estate.words("challenge.usage"));
        self.unanswered.take_over(estate.rows("challenge.unanswered"));
        self.guests.take_over(estate.rows("challenge.guests"));
        if let Some([serial]) = estate.array("challenge.serial") {
            self.serial.store(low_u32(serial), Relaxed);
        }
    }

    fn open(
        &self,
        purpose: Purpose,
        text: &[u8],
        bound: Bound<'_>,
        time: Timestamp,
        life_seconds: u32,
    ) -> Option<Ticket> {
        let ticket = self.key.open(purpose, text, bound)?;
        (ticket.age(time)? <= life_seconds).then_some(ticket)
    }

    /// The one waiting ticket of an address, or in how many seconds to ask again.
    fn take_place(&self, holder: Holder<'_>, wait: u32, factor: u32, now: Instant) -> Result<(), u64> {
        let one = Rate::per_second(1.0 / f64::from(wait), 1.0).times(factor);
        match self.waiting.charge(&Net::address(holder.address), now, 1_000, one) {
            Charge::Allowed => Ok(()),
            Charge::Refused { retry_after } => Err(retry_after.as_secs() + 1),
            Charge::NoRoom => Err(WAIT_SECONDS_MAX.into()),
        }
    }

    /// How long the holder of a waiting ticket waits: 10 to 30 s, so that those who came together do not come back together.
    fn wait_of(&self, serial: u32) -> u32 {
        let spread = u64::from(WAIT_SECONDS_MAX - WAIT_SECONDS_MIN) + 1;
        WAIT_SECONDS_MIN + low_u32(self.hash(serial.into(), b"wait") % spread)
    }

    fn hash(&self, number: u128, label: &[u8]) -> u64 {
        let mut hasher = self.hasher;
        hasher.write_u128(number);
        hasher.write(label);
        hasher.finish()
    }
}

/// How long a cookie ticket can be answered (decision-science, section 7).
const COOKIE_SECONDS: u32 = 60;
/// The shortest and the longest wait (decision-science, section 7).
const WAIT_SECONDS_MIN: u32 = 10;
const WAIT_SECONDS_MAX: u32 = 30;
/// How long after its wait a waiting ticket can be answered.
const LATE_SECONDS: u32 = 30;
/// How long the ticket of a passed challenge counts, and its budget (decision-science, section 7).
const PASSED_SECONDS: u32 = 600;
const PASSED_PER_MINUTE: f64 = 30.0;
/// How long a visit ticket counts, and its budget (decision-science, section 0.12).
const VISIT_SECONDS: u32 = 86_400;
const VISIT_PER_MINUTE: f64 = 60.0;
/// How old the ticket of a guest is at least (decision-science, section 0.12).
const GUEST_SECONDS_MIN: u32 = 600;
/// Cells of 16 bytes: tickets used within two minutes, addresses that wait, and tickets with a debt.
const USED: usize = 1 << 16;
const WAITING: usize = 1 << 17;
const BUDGETS: usize = 1 << 16;

/// Once in two minutes, which is longer than any challenge can be answered.
fn once() -> Rate {
    Rate::per_second(1.0 / 120.0, 1.0)
}

#[cfg(test)]
mod tests;
