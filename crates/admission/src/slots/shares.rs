//! Who may take a slot: the shares of L as a pure function of what is in use.

use model::{Group, Instant};

/// Slots that one group may hold at once, whatever L is (the width of its field in `Counts`).
pub const INFLIGHT_MAX: u32 = u16::MAX as u32;

/// Share of L that is the login lane's own unless an admin says more (decision-science, section 3); at least one slot.
pub const LOGIN_SHARE: f64 = 0.08;
/// Share of L beyond which the login lane gets nothing, even when everything else is idle.
pub(crate) const LOGIN_MOST: f64 = 0.20;
/// Share of L that known clients take without asking whether something has been lent.
const KNOWN_OWN: f64 = 0.50;
/// Share of L up to which known clients go before everybody but the login lane's own share, with that share: 1 less the shares of
/// admins (2 %) and unknown clients (4 %), and the part that is never lent (5 %).
const KNOWN_FIRST: f64 = 0.89;
/// Share of L beyond which clients with a ticket get nothing while others are let in without one; at least one slot.
pub(crate) const TICKET_MOST: f64 = 0.15;
/// Share of L that unknown clients get even while known clients could use all of it.
const UNKNOWN_OWN: f64 = 0.04;
/// Share of L that is never lent, so that the owner of a share need not wait for slow requests to end.
pub(super) const UNLENT: f64 = 0.05;

/// The period over which a fraction of a slot is a slot for that fraction of the time.
const PERIOD_MILLIS: u64 = 1_000;

/// On what ground a slot is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Claim {
    /// Only within the group's own share.
    Own,
    /// Only while the group holds less than the part that it has first claim on.
    First,
    /// Within its own share, or from what others do not use.
    Any,
}

/// In which order free slots are offered to those who wait. Admins never wait.
///
/// Own shares come before the first claim of known clients only where they are small (12 to 24 % together); everything
/// else comes after it, so no tier is served beyond its share while a better one waits within its own.
pub(super) const ORDER: [(Group, Claim); 7] = [
    (Group::Login, Claim::Own),
    (Group::Known, Claim::First),
    (Group::Unknown, Claim::Own),
    (Group::Known, Claim::Any),
    (Group::Login, Claim::Any),
    (Group::Ticket, Claim::Any),
    (Group::Unknown, Claim::Any),
];

/// Slots in use by each group that can be refused one: four fields of 16 bits, so that one atomic operation sees
/// and changes all of them together. Admins are counted elsewhere, because they are never refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Counts(pub(super) u64);

impl Counts {
    pub(super) fn of(self, group: Group) -> u32 {
        shift(group).map_or(0, |by| u32::from(u16::try_from(self.0 >> by & 0xFFFF).unwrap_or(u16::MAX)))
    }

    /// One more; nothing at [`INFLIGHT_MAX`].
    pub(super) fn plus(self, group: Group) -> Option<Self> {
        let by = shift(group)?;
        (self.of(group) < INFLIGHT_MAX).then(|| Self(self.0 + (1 << by)))
    }

    /// One less; nothing at zero, so that a slot returned twice cannot borrow from another group's field.
    pub(super) fn minus(self, group: Group) -> Option<Self> {
        let by = shift(group)?;
        (self.of(group) > 0).then(|| Self(self.0 - (1 << by)))
    }

    pub(super) fn sum(self) -> u32 {
        Group::ALL.into_iter().map(|group| self.of(group)).sum()
    }
}

/// What is in use and how much there is, at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    pub(super) counts: Counts,
    pub(super) admins: u32,
    pub(super) limit: f64,
    /// The part of L that is the login lane's own.
    pub(super) login_share: f64,
    /// Everybody unknown is asked for a ticket, so that nobody else could use what those with tickets leave.
    pub(super) only_tickets: bool,
    pub(super) now: Instant,
}

impl Shares {
    /// Whether the group may take one slot more on this ground.
    pub(super) fn allow(self, group: Group, claim: Claim) -> bool {
        let held = self.counts.of(group);
        if matches!(group, Group::Admin) || self.limit.is_infinite() {
            return held < INFLIGHT_MAX;
        }
        match claim {
            Claim::Own => self.allow_own(group, held),
            Claim::First => {
                let first = self.limit * (KNOWN_FIRST - self.login_share);
                held < self.early(first) && self.allow_any(group, held)
            }
            Claim::Any => self.allow_any(group, held),
        }
    }

    fn allow_any(self, group: Group, held: u32) -> bool {
        self.allow_own(group, held) || held < self.most(group) && self.used() < self.lendable()
    }

    fn allow_own(self, group: Group, held: u32) -> bool {
        held < self.own(group) && self.used() < self.early(self.limit).max(1)
    }

    fn own(self, group: Group) -> u32 {
        match group {
            Group::Admin => INFLIGHT_MAX,
            Group::Known => self.late(self.limit * KNOWN_OWN).max(1),
            Group::Login => self.late(self.limit * self.login_share).max(1),
            Group::Ticket => 0,
            Group::Unknown => self.late(self.limit * UNKNOWN_OWN),
        }
    }

    fn most(self, group: Group) -> u32 {
        match group {
            Group::Login => self.late(self.limit * LOGIN_MOST).max(1),
            Group::Ticket if !self.only_tickets => self.late(self.limit * TICKET_MOST).max(1),
            Group::Ticket | Group::Admin | Group::Known | Group::Unknown => INFLIGHT_MAX,
        }
    }

    fn used(self) -> u32 {
        self.counts.sum().saturating_add(self.admins)
    }

    /// What may be in use when a slot is borrowed; one at least, or an idle gate would serve nobody.
    fn lendable(self) -> u32 {
        self.early(self.limit * (1.0 - UNLENT)).max(1)
    }

    /// [`slots`], with the fraction in the first part of each second: for the limits on what may be lent.
    fn early(self, average: f64) -> u32 {
        slots(average, self.now.as_millis() % PERIOD_MILLIS)
    }

    /// [`slots`], with the fraction in the last part of each second: for a group's own share, so that the slot that
    /// it has for a moment is not the one that is lent in that moment.
    fn late(self, average: f64) -> u32 {
        slots(average, PERIOD_MILLIS - 1 - self.now.as_millis() % PERIOD_MILLIS)
    }
}

/// A number of slots as a whole number whose average over a second is that number: 0.64 slots are one slot for
/// 640 ms of each second. So small limits keep the proportions of their shares.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to 0..=2^18 just before; the phase is below 1,000"
)]
fn slots(average: f64, phase: u64) -> u32 {
    let average = average.clamp(0.0, 262_144.0);
    let whole = average as u32;
    whole + u32::from((average - f64::from(whole)) * PERIOD_MILLIS as f64 > phase as f64)
}

const fn shift(group: Group) -> Option<u32> {
    match group {
        Group::Admin => None,
        Group::Known => Some(0),
        Group::Login => Some(16),
        Group::Ticket => Some(32),
        Group::Unknown => Some(48),
    }
}
