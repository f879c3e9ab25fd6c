//! One protected site: everything that admission knows of it, joined.
//!
//! A request goes [`Site::identify`] → [`Site::admit`] → a slot of [`Site::slots`] → the origin → [`Site::learn`].
//! Once every 100 ms the [`Controller`] moves limit, threshold and level from what the workers counted.

mod accounts;
mod admit;
mod arrive;
mod classes;
mod control;
mod facts;
mod handover;
mod identify;
mod inherit;
mod learn;
mod lists;
mod rules;
mod settings;
mod silence;
#[cfg(test)]
mod tests;
mod tickets;

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use model::{Cohort, Decision, Instant, Level, Mode, Prefix, Reason, SiteId, Tier, Timestamp};
use siphasher::sip::SipHasher13;

use crate::account::SiteKey;
use crate::caps::ConnectionTable;
use crate::challenge::Challenges;
use crate::crawlers::Crawlers;
use crate::handshakes::Handshakes;
use crate::known::{LoginHeader, Paths, Pending, Tokens};
use crate::lane::Lane;
use crate::limits::{Budgets, Charge, Ladder, Rate, Table};
use crate::nat::NatTable;
use crate::partners::Partners;
use crate::pass::{LinkKeys, PassKeys, PassTable, Registry};
use crate::reference::{Reference, ReferenceError, ReferenceKey, ReferenceText};
use crate::slots::Slots;
use crate::threshold::Ferry;
use crate::trip::Layer;

pub use accounts::Attempt;
pub use classes::{CLASSES, Classes};
pub use control::{Controller, Served, Tick, Turn};
pub use facts::{
    Demand, Facts, Headers, Identity, PASS_COPIES_MAX, Proof, Refusal, Verdict, VerifyJwt, Waiting,
};
pub use inherit::INHERIT_FOR;
pub use learn::{Answered, Confirmed, Lesson, SetCookies, Watch};
pub use lists::{ENTRIES_MAX, Entry, List, ListFull};
pub use settings::{Monitor, SessionProof, SiteSettings};
pub use silence::DECISION_LIVES;

/// One protected site, shared by all workers.
pub struct Site {
    settings: SiteSettings,
    pass_keys: PassKeys,
    passes: PassTable,
    registry: Mutex<Registry>,
    site_key: SiteKey,
    references: ReferenceKey,
    login_header: LoginHeader,
    paths: Paths,
    pending: Pending,
    tokens: Tokens,
    lane: Lane,
    challenges: Challenges,
    links: LinkKeys,
    /// Links that were used, by id.
    redeemed: Table,
    ladder: Ladder,
    budgets: Budgets,
    /// Requests that inherited a pass, by pass.
    heirs: Table,
    handshakes: Handshakes,
    connections: ConnectionTable,
    partners: Partners,
    crawlers: Crawlers,
    nat: NatTable,
    slots: Slots,
    classes: Classes,
    inheritance: inherit::Inheritance<Proof>,
    /// Tickets shown lately, by address and user agent.
    tickets_shown: inherit::Inheritance<inherit::TicketProof>,
    /// Addresses that an admin denied.
    denied: List,
    /// Addresses that an admin exempted from client limits.
    allowed: List,
    decision: ArcSwap<Decision>,
    /// When the last decision came, in nanoseconds; 0 while none is awaited. See [`silence`].
    decided: AtomicU64,
    rule_counts: rules::RuleCounts,
    /// When the level rose above calm, by pass time; 0 in calm.
    incident_since: AtomicU64,
    mode: AtomicU8,
    bypass: AtomicBool,
    assist_yes: AtomicBool,
    /// Cohorts of unknown clients to whom refusals apply, 0 to 128.
    enforced: AtomicU32,
    /// Bit per [`Layer`]: it only reports.
    tripped: AtomicU32,
    /// It is calm only because an admin says so, or has not said yes.
    held_down: AtomicBool,
    cohort_key: AtomicU64,
    pass_time: AtomicU64,
    usual_cost_micros: AtomicU64,
    /// Requests that a predecessor has in service at the app.
    elsewhere: AtomicU32,
    /// Login POSTs that were judged, and those judged successful.
    logins: [AtomicU64; 2],
    /// Whose turn it is while some unknown clients are closed out: cohort and rate.
    ferry: ArcSwap<Option<(Cohort, Rate)>>,
    ferried: Table,
    harm: crossbeam_queue::ArrayQueue<(Layer, model::AccountId)>,
}

impl Site {
    /// A site with all its memory.
    pub fn new(settings: SiteSettings) -> Arc<Self> {
        let seed = TableSeed(settings.table_seed);
        Arc::new(Self {
            pass_keys: PassKeys::new(&settings.pass_keys),
            passes: PassTable::new(settings.passes_in_use, seed.key(1)),
            registry: Mutex::new(Registry::new(settings.known_max)),
            site_key: SiteKey::new(&settings.site_key),
            references: ReferenceKey::new(&settings.reference_key),
            login_header: LoginHeader::new(settings.login_secret.as_deref()),
            paths: Paths::new(PATHS, seed.key(2)),
            pending: Pending::new(LOGINS_PENDING),
            tokens: Tokens::new(settings.tokens),
            lane: Lane::new(settings.lane.clone(), &settings.site_key, LANE_TICKETS, seed.key(3)),
            challenges: Challenges::new(&settings.site_key, seed.key(10)),
            links: LinkKeys::new(&settings.pass_keys),
            redeemed: Table::new(LINKS, seed.key(11)),
            ladder: Ladder::new(&settings.ladder),
            budgets: Budgets::new(settings.passes_in_use, seed.key(13)),
            heirs: Table::new(HEIRS, seed.key(4)),
            handshakes: Handshakes::new(seed.key(6)),
            partners: Partners::new(&settings.partners),
            crawlers: Crawlers::new(&settings.crawlers),
            connections: ConnectionTable::new(settings.connections),
            nat: NatTable::new(settings.networks, seed.key(5)),
            slots: Slots::new(settings.waiting_places).with_login_share(settings.login_share),
            classes: Classes::new(seed.number(6)),
            inheritance: inherit::Inheritance::new(HEIRS, seed.number(7)),
            tickets_shown: inherit::Inheritance::new(HEIRS, seed.number(12)),
            denied: List::default(),
            allowed: List::default(),
            decision: ArcSwap::from_pointee(Decision::default()),
            decided: AtomicU64::new(0),
            rule_counts: rules::RuleCounts::default(),
            incident_since: AtomicU64::new(0),
            mode: AtomicU8::new(settings.mode as u8),
            bypass: AtomicBool::new(false),
            assist_yes: AtomicBool::new(false),
            enforced: AtomicU32::new(128),
            tripped: AtomicU32::new(0),
            held_down: AtomicBool::new(false),
            cohort_key: AtomicU64::new(seed.number(8)),
            pass_time: AtomicU64::new(0),
            usual_cost_micros: AtomicU64::new(100_000),
            elsewhere: AtomicU32::new(0),
            logins: Default::default(),
            ferry: ArcSwap::from_pointee(None),
            ferried: Table::new(4, seed.key(9)),
            harm: crossbeam_queue::ArrayQueue::new(HARM_NOTES),
            settings,
        })
    }

    /// What it was built from.
    pub fn settings(&self) -> &SiteSettings {
        &self.settings
    }

    /// The decision in force.
    pub fn decision(&self) -> Guard<Arc<Decision>> {
        self.decision.load()
    }

    /// The level in force.
    pub fn level(&self) -> Level {
        self.decision.load().level
    }

    /// Whether the level is calm.
    pub fn is_calm(&self) -> bool {
        self.level() == Level::Calm
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        match self.mode.load(Relaxed) {
            0 => Mode::Observe,
            1 => Mode::Assist,
            _ => Mode::Auto,
        }
    }

    /// Changes the mode.
    pub fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Relaxed);
    }

    /// Whether the gate is plain forwarding: nobody is judged, nothing is counted against L.
    pub fn is_bypassed(&self) -> bool {
        self.bypass.load(Relaxed)
    }

    /// Switches plain forwarding on or off.
    pub fn set_bypass(&self, on: bool) {
        self.bypass.store(on, Relaxed);
    }

    /// Whether an admin said yes to customers-first in mode `assist`.
    pub fn set_assist_yes(&self, yes: bool) {
        self.assist_yes.store(yes, Relaxed);
    }

    /// Applies refusals to a stable share of unknown clients, 5 to 100 %, and observes the rest.
    pub fn set_enforced(&self, percent: u8) {
        self.enforced.store(u32::from(percent.clamp(5, 100)) * 128 / 100, Relaxed);
    }

    fn enforced_cohorts(&self) -> usize {
        self.enforced.load(Relaxed) as usize
    }

    /// The slots of L.
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The app's session cookie, if session proof is configured.
    pub fn session_cookie(&self) -> Option<&str> {
        self.settings.session.as_ref().map(|session| session.cookie.as_str())
    }

    /// The route class of a request.
    pub fn class_of(&self, method: &str, path: &str) -> u8 {
        self.classes.of(method, path)
    }

    /// Founds a route class, after a calm and successful answer.
    pub fn found_class(&self, method: &str, path: &str) {
        if self.is_calm() && !self.is_held_down() {
            self.classes.found(method, path);
        }
    }

    /// What requests of each route class cost.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Networks and the people behind them.
    pub fn nat(&self) -> &NatTable {
        &self.nat
    }

    /// Client limits.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// What customers are used to ask for.
    pub fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// Bearer tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Passes in use and revoked ones.
    pub fn passes(&self) -> &PassTable {
        &self.passes
    }

    /// The keys that sign passes.
    pub fn pass_keys(&self) -> &PassKeys {
        &self.pass_keys
    }

    /// The key that hashes identities.
    pub fn site_key(&self) -> &SiteKey {
        &self.site_key
    }

    /// All known clients. Never locked on the way of a request that confirms nothing.
    pub fn registry(&self) -> MutexGuard<'_, Registry> {
        // A panic while the lock was held cannot leave the registry half-changed in a way that matters.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Addresses that an admin denied.
    pub fn denied(&self) -> &List {
        &self.denied
    }

    /// Addresses that an admin exempted from client limits.
    pub fn allowed(&self) -> &List {
        &self.allowed
    }

    /// Pass time: a wall clock that no jump advances.
    pub fn pass_time(&self) -> Timestamp {
        Timestamp::from_millis(self.pass_time.load(Relaxed))
    }

    /// Login POSTs that were judged, and those judged successful. Nearly all successful means the rule is wrong.
    pub fn login_counts(&self) -> (u64, u64) {
        (self.logins[0].load(Relaxed), self.logins[1].load(Relaxed))
    }

    /// Whether waiting for a slot is only reported.
    pub fn observes_queue(&self) -> bool {
        self.mode() == Mode::Observe
    }

    /// Whether a layer only reports because it harmed known clients.
    pub fn only_reports(&self, layer: Layer) -> bool {
        self.tripped.load(Relaxed) >> layer.index() & 1 == 1
    }

    /// Notes a refusal of a known client, for the self-harm trip.
    pub fn count_refusal(&self, identity: &Identity, reason: Reason, enforced: bool) {
        // Whose account is tried is not its own: that says nothing of harm, and attackers with passes could cause it at will.
        let harms = enforced && reason != Reason::AccountLoginLimit;
        if let (true, Some(layer), Some(account)) = (harms, Layer::of(reason), identity.account()) {
            // When the queue is full there is far more than enough evidence already.
            let _full = self.harm.push((layer, account));
        }
    }

    /// The reference of a refusal.
    pub fn reference(&self, identity: &Identity, reason: Reason, wall: Timestamp) -> ReferenceText {
        let address = identity.address.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        let is_by_rule = matches!(reason, Reason::Rule | Reason::WaitingChallenge);
        self.references.seal(&Reference {
            time: wall,
            site: self.settings.id,
            tier: identity.tier,
            reason,
            rule: identity.rule.filter(|_| is_by_rule).map_or(0, |rule| rule.id.to_be_bytes()[1]),
            decision: (self.decision.load().seq & 0xFFFF) as u16,
            prefix: Prefix::of(address, if address.is_ipv4() { 24 } else { 48 }),
            node: self.settings.node,
        })
    }

    /// Opens a reference that somebody read to support.
    ///
    /// # Errors
    /// See [`ReferenceError`].
    pub fn open_reference(&self, text: &str) -> Result<Reference, ReferenceError> {
        self.references.open(text)
    }

    /// Which site.
    pub fn id(&self) -> SiteId {
        self.settings.id
    }

    /// Whose turn it is. What it may cost is charged in milliseconds of service.
    fn set_ferry(&self, ferry: Option<Ferry>) {
        let turn = ferry.map(|ferry| {
            let millis_per_second = ferry.concurrency * 1_000.0;
            (ferry.cohort, Rate::per_second(millis_per_second, millis_per_second))
        });
        if **self.ferry.load() != turn {
            self.ferry.store(turn.into());
        }
    }

    /// Whether a request of a closed cohort goes through all the same, because it is its cohort's turn.
    fn is_ferried(&self, identity: &Identity, cost_micros: u64, now: Instant) -> bool {
        let ferry = self.ferry.load();
        let Some((cohort, rate)) = **ferry else { return false };
        let cost_milli = u32::try_from(cost_micros).unwrap_or(u32::MAX);
        identity.tier == Tier::T5
            && identity.cohort == cohort
            && self.ferried.charge(&cohort, now, cost_milli, rate) == Charge::Allowed
    }

    /// The operator's bound of L. Each of several gates measures its own share of the app; only this is for all of them.
    fn limit_max(&self) -> Option<f64> {
        self.settings.limit_max.map(|max| max / f64::from(self.settings.gates.max(1)))
    }

    fn cohort_key(&self) -> u64 {
        self.cohort_key.load(Relaxed)
    }
}

/// Derives keys of hash tables from the process's random seed.
struct TableSeed([u8; 32]);

impl TableSeed {
    fn number(&self, label: u8) -> u64 {
        let mut hasher = SipHasher13::new_with_key(self.0.first_chunk().unwrap_or(&[0; 16]));
        hasher.write(&self.0[16..]);
        hasher.write_u8(label);
        hasher.finish()
    }

    fn key(&self, label: u8) -> [u8; 16] {
        let halves = [self.number(label), self.number(label | 0x80)];
        (u128::from(halves[0]) << 64 | u128::from(halves[1])).to_be_bytes()
    }
}

/// Forty requests a minute may inherit one pass (contract); one that is known to be dear counts as up to eight.
fn heir_rate() -> Rate {
    Rate::per_second(40.0 / 60.0, 40.0)
}

/// Paths of the app of which the gate knows whether they are private.
const PATHS: usize = 4_096;
/// Logins that may wait for their proof at once.
const LOGINS_PENDING: usize = 65_536;
const LANE_TICKETS: usize = 16_384;
const HEIRS: usize = 16_384;
/// Links used within a day; beyond it the journal's rows alone tell.
const LINKS: usize = 16_384;
/// Refusals of known clients that wait to be looked at.
const HARM_NOTES: usize = 1_024;
