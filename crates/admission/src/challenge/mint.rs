//! How many tickets are given: to an address, to a network, and in all.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use model::{Instant, Net};

use super::Kind;
use crate::limits::{Charge, Rate, Table};

/// The rates at which tickets are given.
pub(super) struct Mint {
    table: Table,
    bound: ArcSwap<Bound>,
    /// When each kind was last given, in seconds after 1.
    given: [AtomicU64; 2],
    /// Waiting tickets that came back since the last step, within the rates of their addresses and networks.
    returns: AtomicU32,
    /// The same per second, smoothed: the bits of an `f64`.
    demand: AtomicU64,
    /// Tickets that were given since the last step.
    minted: AtomicU32,
    usage: Mutex<Usage>,
    /// The last step, in nanoseconds.
    stepped: AtomicU64,
    /// Of those who waited, the share that is drawn, in 2³² parts.
    drawn: AtomicU32,
}

/// What the app can take of clients with tickets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// What they may have, in requests in service; infinite until L is measured.
    pub(crate) share: f64,
    /// What T4 asks for now, in requests in service; `None` while tickets put nobody first, so that nothing is known of what holders
    /// ask for.
    pub(crate) tickets: Option<f64>,
    /// What an ordinary request costs, in seconds of service.
    pub(crate) request_seconds: f64,
}

/// What holders of tickets made of them lately.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    tickets: f64,
    /// What they asked for, in seconds of service.
    spent: f64,
    /// What they ask for, smoothed, in requests in service: the half second in which some requests happen to come says little.
    asked: f64,
    /// For so many seconds more they are taken to be used up, because their share was.
    strict_for: f64,
}

/// How many may be given in all.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    /// L is not measured yet.
    Open,
    /// T4 has its share already.
    Full,
    /// So many of both kinds, and of cookies alone.
    Rates { all: Rate, cookies: Rate },
}

#[derive(Hash)]
enum Key {
    Address(Net),
    Network(Net),
    VisitAddress(Net),
    VisitNetwork(Net),
    Cookies,
    All,
}

impl Mint {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Self {
            table: Table::new(MINTS, key),
            bound: ArcSwap::from_pointee(Bound::Open),
            given: Default::default(),
            returns: AtomicU32::new(0),
            demand: AtomicU64::new(0),
            minted: AtomicU32::new(0),
            usage: Mutex::default(),
            stepped: AtomicU64::new(0),
            drawn: AtomicU32::new(u32::MAX),
        }
    }

    /// A challenge of this kind was given.
    pub(super) fn note_given(&self, kind: Kind, now: Instant) {
        self.given[kind as usize].store(now.as_secs() + 1, Relaxed);
    }

    /// Whether one who came back may try for a ticket: an address and a network may have as many tries as tickets.
    ///
    /// Who then is not drawn has used up a try all the same. If only tickets counted, a network could return as often as it
    /// liked for each that it may have, and everybody else's share of the draw would fall with every return.
    pub(super) fn admits(&self, address: IpAddr, factor: u32, now: Instant) -> bool {
        let keys = (Key::Address(Net::address(address)), Key::Network(Net::network(address)));
        self.charge_nets(&keys, factor, now)
    }

    /// Whether one who was [admitted](Mint::admits) gets a ticket. `luck` decides among those who waited: it is unknown to them,
    /// and even.
    pub(super) fn gives(&self, kind: Kind, luck: u32, now: Instant) -> bool {
        if kind == Kind::Wait {
            self.returns.fetch_add(1, Relaxed);
            if luck > self.drawn.load(Relaxed) {
                return false;
            }
        }
        let gives = self.charge_all(kind, now);
        self.minted.fetch_add(u32::from(gives), Relaxed);
        gives
    }

    /// Whether one who was let in may have a visit ticket.
    pub(super) fn allows_visit(&self, address: IpAddr, factor: u32, now: Instant) -> bool {
        let keys = (Key::VisitAddress(Net::address(address)), Key::VisitNetwork(Net::network(address)));
        self.charge_nets(&keys, factor, now)
    }

    /// Moves the rates with the app's capacity and with demand.
    pub(super) fn follow(&self, load: Load, now: Instant) {
        let share = load.share;
        let before = Instant::from_nanos(self.stepped.swap(now.as_nanos(), Relaxed));
        let seconds = now.since(before).as_secs_f64().clamp(0.05, 10.0);
        let ticket_seconds = self.ticket_seconds(&load, seconds);
        let both = self.given.iter().all(|at| {
            let at = at.load(Relaxed);
            at != 0 && now.as_secs() + 1 - at.min(now.as_secs() + 1) <= BOTH_SECONDS
        });
        let per_second = share / ticket_seconds;
        let bound = if !share.is_finite() {
            Bound::Open
        } else if load.tickets.is_some_and(|tickets| tickets >= share) {
            Bound::Full
        } else {
            let rate = |share: f64| Rate::per_second(per_second * share, (per_second * share).max(1.0));
            Bound::Rates {
                all: rate(1.0),
                cookies: rate(if both { 1.0 - RESERVED_FOR_WAITING } else { 1.0 }),
            }
        };
        let for_waiting = if both { per_second * RESERVED_FOR_WAITING } else { per_second };
        self.draw(if bound == Bound::Open { f64::INFINITY } else { for_waiting }, seconds);
        if **self.bound.load() != bound {
            self.bound.store(bound.into());
        }
    }

    /// Of those who wait, the share that is drawn, in 2³² parts.
    #[cfg(test)]
    pub(super) fn drawn(&self) -> u32 {
        self.drawn.load(Relaxed)
    }

    /// What addresses and networks have used up, for a successor.
    pub(super) fn debts(&self, now: Instant) -> Vec<u64> {
        self.table.debts(now)
    }

    pub(super) fn take_over(&self, debts: &[[u64; 2]], now: Instant) {
        self.table.take_over(debts, now);
    }

    /// How often an address or a network found no room.
    pub(super) fn overflows(&self) -> u64 {
        self.table.overflows()
    }

    /// The network is asked before its address is charged: or a network with many addresses would fill the table with them, long
    /// after it had what it may have.
    fn charge_nets(&self, (address, network): &(Key, Key), factor: u32, now: Instant) -> bool {
        let rate = |per_minute| Rate::per_minute(per_minute).times(factor);
        let (of_address, of_network) = (rate(PER_ADDRESS), rate(PER_NETWORK));
        self.table.peek(network, now, 1_000, of_network) == Charge::Allowed
            && self.table.charge(address, now, 1_000, of_address) == Charge::Allowed
            && self.table.charge(network, now, 1_000, of_network) == Charge::Allowed
    }

    fn charge_all(&self, kind: Kind, now: Instant) -> bool {
        let charge = |key: Key, rate| matches!(self.table.charge(&key, now, 1_000, rate), Charge::Allowed);
        match **self.bound.load() {
            Bound::Open => true,
            Bound::Full => false,
            Bound::Rates { all, cookies } => {
                (kind == Kind::Wait || charge(Key::Cookies, cookies)) && charge(Key::All, all)
            }
        }
    }

    /// What a ticket is counted as, in seconds of service: what its holders made of the last ones, and until there were some, all
    /// that it allows in a minute. People read one page and go; who uses tickets up makes them dear for as long as that goes on:
    /// what was given can be used for minutes, so that it is known too late what it was.
    fn ticket_seconds(&self, load: &Load, seconds: f64) -> f64 {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = libm::exp(-seconds / USAGE_SECONDS);
        let minted = f64::from(self.minted.swap(0, Relaxed));
        let request = load.request_seconds.max(REQUEST_SECONDS_MIN);
        let most = REQUESTS_PER_TICKET * request;
        (usage.tickets, usage.spent) = (usage.tickets * kept, usage.spent * kept);
        usage.strict_for -= seconds;
        let Some(tickets) = load.tickets else { return most };
        usage.tickets += minted;
        usage.spent += tickets.max(0.0) * seconds;
        usage.asked += (tickets - usage.asked) * (1.0 - libm::exp(-seconds / ASKED_SECONDS));
        if usage.asked > NEARLY_FULL * load.share {
            usage.strict_for = STRICT_SECONDS;
        }
        if usage.strict_for > 0.0 {
            return most;
        }
        let measured = (UNPROVED * most + usage.spent) / (UNPROVED + usage.tickets) / AIM;
        measured.clamp(REQUESTS_PER_TICKET_LEAST * request, most)
    }

    /// What holders made of tickets, for a successor.
    pub(super) fn usage(&self) -> Vec<u64> {
        let usage = *self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        [usage.tickets, usage.spent, usage.asked, usage.strict_for].map(f64::to_bits).to_vec()
    }

    pub(super) fn go_on(&self, usage: &[u64]) {
        let number = |at: usize| usage.get(at).map(|bits| f64::from_bits(*bits)).filter(|it| it.is_finite());
        if let [Some(tickets), Some(spent), Some(asked), Some(strict_for)] = [0, 1, 2, 3].map(number) {
            *self.usage.lock().unwrap_or_else(PoisonError::into_inner) =
                Usage { tickets, spent, asked, strict_for };
        }
    }

    /// The share of those who waited that can have a ticket: whoever is quicker than others has no better chance.
    fn draw(&self, per_second: f64, seconds: f64) {
        let newest = f64::from(self.returns.swap(0, Relaxed)) / seconds;
        let demand = 0.7 * f64::from_bits(self.demand.load(Relaxed)) + 0.3 * newest;
        self.demand.store(demand.to_bits(), Relaxed);
        let share = if demand <= per_second { 1.0 } else { per_second / demand };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 2^32 - 1")]
        let drawn = (share.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u32;
        self.drawn.store(drawn, Relaxed);
    }
}

/// Tickets for one address, and for one network, in a minute (decision-science, section 7).
const PER_ADDRESS: f64 = 6.0;
const PER_NETWORK: f64 = 60.0;
/// What a ticket counts as at most: one minute's budget (decision-science, section 7).
const REQUESTS_PER_TICKET: f64 = 30.0;
/// What it counts as at least, so that nobody who hoards tickets gets more than ten times as many (decision record 018).
const REQUESTS_PER_TICKET_LEAST: f64 = 3.0;
/// So many tickets are taken to be used up before it is looked at what was made of them.
const UNPROVED: f64 = 10.0;
/// Holders of tickets who ask for more than this part of their share use them up.
const NEARLY_FULL: f64 = 0.8;
/// Over so long it is looked at what they ask for.
const ASKED_SECONDS: f64 = 5.0;
/// For so long: a ticket's life.
const STRICT_SECONDS: f64 = 600.0;
/// By what was made of them, tickets are to ask for this part of their share: so far below the one before that chance does not
/// reach it.
const AIM: f64 = 0.6;
/// What was made of tickets is forgotten with this time constant.
const USAGE_SECONDS: f64 = 60.0;
/// The part of the tickets that only waiting earns, while both kinds of challenge are given (decision-science, section 7).
const RESERVED_FOR_WAITING: f64 = 1.0 / 3.0;
/// A kind that was given within so many seconds is in use.
const BOTH_SECONDS: u64 = 60;
const REQUEST_SECONDS_MIN: f64 = 0.000_1;
/// Cells of 16 bytes: a debt lasts ten seconds for an address and one for a network.
const MINTS: usize = 1 << 16;
