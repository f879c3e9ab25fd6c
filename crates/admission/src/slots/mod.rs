//! Slots at the origin: a process-wide concurrency limit with reserved shares and a short queue.
//!
//! All worker threads share one [`Slots`] by reference. Nothing is locked and nothing is allocated after construction.
//!
//! **No wake-up is lost.** A waiter first publishes its place and counts itself as waiting, and then looks for a free
//! slot ([`Slots::dispatch`]). Who frees a slot first frees it, and then looks for somebody who waits. All four
//! accesses are sequentially consistent, so they have one order that all threads agree on; in it either the waiter's
//! look comes after the slot was freed, or the look of who freed it comes after the waiter was counted. One of the two
//! sees the other, and the place changes hands by a single compare-and-swap, so not both succeed. A slot that
//! is reserved for a waiter who has gone meanwhile is freed again by the same rule: the look is repeated.
//! The shell keeps its half of the bargain by registering its waker *before* it calls `dispatch` after `enqueue`.

mod queue;
mod shares;

#[cfg(test)]
mod tests;

pub use queue::Place;
pub use shares::{INFLIGHT_MAX, LOGIN_SHARE};
pub(crate) use shares::{LOGIN_MOST, TICKET_MOST};

use crossbeam_utils::CachePadded;
use model::{Group, Instant};
use queue::{Left, Ring, Seen};
use shares::{Claim, Counts, ORDER, Shares, UNLENT};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// Fewest places to wait that [`Slots::new`] makes.
pub const PLACES_MIN: usize = 64;
/// Most places to wait that [`Slots::new`] makes.
pub const PLACES_MAX: usize = 65_536;
/// Longest wait of everybody in calm: as long as for a connection. Decision-science, section 0.6, has 1 s; uploads and files that
/// meet by chance at a small app keep others waiting for longer than that (`docs/decisions/049-…`).
pub const CALM_MILLIS: u64 = 3_000;
/// Longest wait of known clients outside calm (decision-science, section 0.6).
pub const PATIENT_MILLIS: u64 = 1_000;
/// Longest wait of everybody else: twice the target (decision-science, sections 0.6 and 3).
pub const IMPATIENT_MILLIS: u64 = 40;
/// The wait from which impatient waiters are served newest first.
pub const TARGET_MILLIS: u64 = 20;
/// Places for known clients, and in calm for everybody, whatever L is.
const PATIENT_PLACES_MIN: f64 = 64.0;
/// Places for known clients in L: until slots come back that others have borrowed for a second, customers within their share
/// ask for about this many (`docs/decisions/021-…`).
const KNOWN_PLACES: f64 = 10.0;
/// Places for everybody else in calm in L (decision-science, section 3).
const CALM_PLACES: f64 = 2.0;
/// Places for everybody else together outside calm in L.
const IMPATIENT_PLACES: f64 = 0.5;

/// Every place that this group may take is taken. The request is refused with [`model::Reason::QueueFull`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no slot at the app is free, and every place to wait for one is taken; the gate sheds this request")]
pub struct QueueFull;

/// How far a wait has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// Nothing yet; it ends at the latest at [`Place::expires`], so poll again then.
    Waiting,
    /// The slot is the waiter's, to be returned with [`Slots::release`]. The place is free for others.
    Granted,
    /// No slot came in time. The place is free for others.
    Expired,
}

/// The slots of one site.
pub struct Slots {
    /// L as the bits of an `f64`.
    limit: CachePadded<AtomicU64>,
    used: CachePadded<AtomicU64>,
    admins: CachePadded<AtomicU32>,
    only_tickets: AtomicBool,
    /// The part of L that is the login lane's own.
    login_share: f64,
    known: Ring,
    login: Ring,
    ticket: Ring,
    unknown: Ring,
}

impl Slots {
    /// Unlimited slots, and about `places` places to wait (within [`PLACES_MIN`] and [`PLACES_MAX`]): half of them for
    /// known clients, a quarter for unknown ones, an eighth each for the login lane and for tickets.
    pub fn new(places: usize) -> Self {
        let places = u32::try_from(places.clamp(PLACES_MIN, PLACES_MAX)).expect("clamped to 16 bits");
        let eighth = places / 8;
        let known = places - 4 * eighth;
        Self {
            limit: CachePadded::new(AtomicU64::new(f64::INFINITY.to_bits())),
            used: CachePadded::new(AtomicU64::new(0)),
            admins: CachePadded::new(AtomicU32::new(0)),
            only_tickets: AtomicBool::new(false),
            login_share: LOGIN_SHARE,
            known: Ring::new(Group::Known, 0, known),
            login: Ring::new(Group::Login, known, eighth),
            ticket: Ring::new(Group::Ticket, known + eighth, eighth),
            unknown: Ring::new(Group::Unknown, known + 2 * eighth, 2 * eighth),
        }
    }

    /// Keeps another part of L for those who sign in, between [`LOGIN_SHARE`] and the most that they may borrow (0.20).
    #[must_use]
    pub fn with_login_share(self, share: f64) -> Self {
        let login_share = if share.is_nan() { LOGIN_SHARE } else { share.clamp(LOGIN_SHARE, LOGIN_MOST) };
        Self { login_share, ..self }
    }

    /// Sets L, in slots; infinite is unlimited, less than one is one, and what is no number changes nothing.
    ///
    /// Also hands out what became free, and is therefore to be called at every step of the limiter even when L stays
    /// the same: fractions of slots become available as time passes.
    pub fn set_limit(&self, limit: f64, now: Instant, wake: &mut impl FnMut(Place)) {
        if !limit.is_nan() {
            self.limit.store(limit.max(1.0).to_bits(), SeqCst);
        }
        self.dispatch(now, wake);
    }

    /// Whether every unknown client is asked for a ticket: then those who have one may borrow as others do.
    pub fn set_only_tickets(&self, only: bool) {
        self.only_tickets.store(only, SeqCst);
    }

    /// L in slots.
    pub fn limit(&self) -> f64 {
        f64::from_bits(self.limit.load(SeqCst))
    }

    /// How many slots the login lane may count on now: what known clients leave of L, between its own share and the most
    /// that it may borrow.
    pub fn lane_slots(&self) -> f64 {
        let limit = self.limit();
        let left =
            limit * (1.0 - UNLENT) - f64::from(self.inflight(Group::Known) + self.inflight(Group::Admin));
        if left.is_nan() { limit } else { left.min(limit * LOGIN_MOST).max(limit * self.login_share) }
    }

    /// Takes a slot if one is free for this group and nobody of the same or a better group waits for it.
    ///
    /// Admins always get one, also beyond L. A false answer may be too careful while others wait: enqueue, and
    /// `dispatch` decides exactly.
    pub fn try_acquire(&self, group: Group, now: Instant) -> bool {
        !self.is_behind_others(group) && self.reserve(group, Claim::Any, now)
    }

    /// Takes a place to wait until `deadline`, the moment after which the answer is of no use to the client.
    ///
    /// In calm everybody waits up to 3 s, outside calm known clients up to 1 s, and they are served oldest first; others wait up to
    /// 40 ms then and are served newest first once the oldest has waited 20 ms. Register the waker for
    /// [`Place::index`], then call [`Slots::dispatch`], then [`Slots::poll`]. The place must be given up again: by
    /// `poll` until it is not waiting any more, or by [`Slots::abandon`].
    ///
    /// # Errors
    /// [`QueueFull`], beyond max(64, 10 L) places for known clients, and for all others together max(64, 2 L) in calm and L/2 outside
    /// it; always for admins, who need not wait.
    pub fn enqueue(
        &self,
        group: Group,
        calm: bool,
        now: Instant,
        deadline: Instant,
    ) -> Result<Place, QueueFull> {
        let ring = self.ring(group).ok_or(QueueFull)?;
        let patient = calm || group == Group::Known;
        let most = self.places_for(group, patient).saturating_sub(self.taken_beside(group));
        let longest = match (calm, patient) {
            (true, _) => CALM_MILLIS,
            (false, true) => PATIENT_MILLIS,
            (false, false) => IMPATIENT_MILLIS,
        };
        let until = deadline.min(now + Duration::from_millis(longest));
        ring.join(patient, now, until, most).ok_or(QueueFull)
    }

    /// Grants free slots to the best of those who wait, and calls `wake` for each of them, and for each that has waited
    /// too long. To be called after `enqueue`; `release`, `set_limit` and `abandon` do it themselves.
    pub fn dispatch(&self, now: Instant, wake: &mut impl FnMut(Place)) {
        while self.waits_anybody() && self.grant_one(now, wake) {}
    }

    /// What became of a wait. Answers `Granted` or `Expired` once; afterwards the place is not the caller's any more,
    /// and the answer is `Expired`.
    pub fn poll(&self, place: &Place, now: Instant) -> Progress {
        let Some(ring) = self.ring(place.group()) else { return Progress::Expired };
        if now < place.expires() && ring.look(*place) == Seen::Waiting {
            return Progress::Waiting;
        }
        match ring.leave(*place) {
            Left::Slot => Progress::Granted,
            Left::Nothing | Left::Stranger => Progress::Expired,
        }
    }

    /// Leaves the queue: the client has gone. A slot that was granted meanwhile goes to the next.
    pub fn abandon(&self, place: Place, now: Instant, wake: &mut impl FnMut(Place)) {
        let Some(ring) = self.ring(place.group()) else { return };
        if ring.leave(place) == Left::Slot {
            self.release(place.group(), now, wake);
        }
    }

    /// Returns a slot, and hands it to the best of those who wait. Also called when a response becomes a long stream,
    /// which has a budget of its own.
    pub fn release(&self, group: Group, now: Instant, wake: &mut impl FnMut(Place)) {
        self.give_back(group);
        self.dispatch(now, wake);
    }

    /// Slots that the group holds.
    pub fn inflight(&self, group: Group) -> u32 {
        match group {
            Group::Admin => self.admins.load(SeqCst),
            Group::Known | Group::Login | Group::Ticket | Group::Unknown => self.counts().of(group),
        }
    }

    /// Slots that all groups hold.
    pub fn total(&self) -> u32 {
        self.counts().sum().saturating_add(self.admins.load(SeqCst))
    }

    /// Requests of the group that wait for a slot.
    pub fn waiting(&self, group: Group) -> u32 {
        self.ring(group).map_or(0, Ring::waiting)
    }

    /// One slot for one waiter. False when there is nobody to whom a slot can be given.
    fn grant_one(&self, now: Instant, wake: &mut impl FnMut(Place)) -> bool {
        for (group, claim) in ORDER {
            let Some(ring) = self.ring(group) else { continue };
            if ring.waiting() == 0 || !self.reserve(group, claim, now) {
                continue;
            }
            match ring.grant(now, wake) {
                Some(place) => wake(place),
                // They have gone, or another thread served them. While the slot was reserved another thread may
                // have found none free, so the look is repeated on its behalf.
                None => self.give_back(group),
            }
            return true;
        }
        false
    }

    fn reserve(&self, group: Group, claim: Claim, now: Instant) -> bool {
        if group == Group::Admin {
            self.admins.fetch_add(1, SeqCst);
            return true;
        }
        let limit = self.limit();
        let admins = self.admins.load(SeqCst);
        let taken = self.used.fetch_update(SeqCst, SeqCst, |used| {
            let counts = Counts(used);
            let shares = Shares {
                counts,
                admins,
                limit,
                login_share: self.login_share,
                only_tickets: self.only_tickets.load(SeqCst),
                now,
            };
            let next = if shares.allow(group, claim) { counts.plus(group) } else { None };
            next.map(|counts| counts.0)
        });
        taken.is_ok()
    }

    fn give_back(&self, group: Group) {
        let returned = if group == Group::Admin {
            self.admins.fetch_update(SeqCst, SeqCst, |admins| admins.checked_sub(1)).is_ok()
        } else {
            let less = |used| Counts(used).minus(group).map(|counts| counts.0);
            self.used.fetch_update(SeqCst, SeqCst, less).is_ok()
        };
        debug_assert!(returned, "a slot of {group:?} was returned that nobody held");
    }

    /// Whether somebody of the same or a better group waits. Newcomers must not pass them.
    fn is_behind_others(&self, group: Group) -> bool {
        match group {
            Group::Admin => false,
            Group::Known => self.known.waiting() > 0,
            Group::Login => self.known.waiting() + self.login.waiting() > 0,
            Group::Ticket => self.known.waiting() + self.login.waiting() + self.ticket.waiting() > 0,
            Group::Unknown => self.waits_anybody(),
        }
    }

    fn waits_anybody(&self) -> bool {
        [&self.known, &self.login, &self.ticket, &self.unknown].into_iter().any(|ring| ring.waiting() > 0)
    }

    /// Places taken by the other groups that share this group's number of places. Known clients share theirs with
    /// nobody.
    fn taken_beside(&self, group: Group) -> u32 {
        let strangers = [Group::Login, Group::Ticket, Group::Unknown];
        let beside = strangers.into_iter().filter(|&other| group != Group::Known && other != group);
        beside.filter_map(|other| self.ring(other)).map(Ring::taken).sum()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the number of places"
    )]
    fn places_for(&self, group: Group, patient: bool) -> u32 {
        let limit = self.limit();
        let places = if group == Group::Known {
            PATIENT_PLACES_MIN.max(KNOWN_PLACES * limit)
        } else if patient {
            PATIENT_PLACES_MIN.max(CALM_PLACES * limit)
        } else {
            (IMPATIENT_PLACES * limit).max(1.0)
        };
        places.clamp(1.0, PLACES_MAX as f64) as u32
    }

    fn ring(&self, group: Group) -> Option<&Ring> {
        match group {
            Group::Admin => None,
            Group::Known => Some(&self.known),
            Group::Login => Some(&self.login),
            Group::Ticket => Some(&self.ticket),
            Group::Unknown => Some(&self.unknown),
        }
    }

    fn counts(&self) -> Counts {
        Counts(self.used.load(SeqCst))
    }
}
