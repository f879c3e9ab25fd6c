//! Attackers: what each kind sends, from where, and how it takes refusals.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use admission::caps::Ticket;
use admission::site::{Verdict, Waiting};
use model::{Sample, Tier, Values};

use super::agenda::Plan;
use super::clients::{self, PassBytes};
use super::gate::{Ask, Jar};
use super::looks;
use super::routes::Route;
use super::warm::CONNECTIONS;
use super::{Micros, SECOND, TICK, TICKS_PER_SECOND, World};
use crate::invariants::Broken;
use crate::random::{Random, index, mix, whole};
use crate::scenario::{Attack, AttackKind};

/// One attack and what its attackers remember.
pub(super) struct Hostile {
    number: u16,
    attack: Attack,
    random: Random,
    /// Counts sources in their turn.
    turn: u64,
    /// Passes of those who signed in long before, by source.
    aged: Vec<PassBytes>,
    /// Cookies that the gate gave, by source, and when it told which source to come back.
    cookies: BTreeMap<u32, Jar>,
    due: BTreeSet<(Micros, u32)>,
    /// Sources that were let in.
    kept: Vec<u32>,
    /// Requests of the last seconds that were let in, and all.
    fate: [f64; 2],
    is_hiding: bool,
    /// Open connections, and when the gate's deadline closes each.
    connections: VecDeque<(Micros, Ticket)>,
}

/// Requests alike, sent by one source.
struct Bundle {
    source: u32,
    address: IpAddr,
    requests: u32,
}

impl Hostile {
    pub(super) fn new(number: u16, attack: Attack, aged: Vec<PassBytes>, seed: u64) -> Self {
        Self {
            number,
            attack,
            random: Random::stream(seed, PART + u64::from(number)),
            turn: 0,
            aged,
            cookies: BTreeMap::new(),
            due: BTreeSet::new(),
            kept: Vec::new(),
            fate: [0.0; 2],
            is_hiding: false,
            connections: VecDeque::new(),
        }
    }

    /// How many requests are sent in a tenth of a second; `served` is what the app can do of ordinary ones in a second.
    fn requests(&mut self, served: f64, now: Micros) -> u64 {
        let second = now / SECOND;
        if !self.attack.sends(second) {
            return 0;
        }
        let full = self.attack.factor * served / self.attack.kind.services() / TICKS_PER_SECOND as f64;
        let share = match self.attack.kind {
            AttackKind::LowAndSlow => {
                (now as f64 / 1e6 - self.attack.start as f64) / self.attack.seconds as f64
            }
            AttackKind::Watcher if self.is_hiding => return self.random.poisson(PROBES_PER_SECOND / 10.0),
            AttackKind::DumbFlood
            | AttackKind::RandomUaQuery
            | AttackKind::ExpensiveRoute
            | AttackKind::LoginFlood
            | AttackKind::CacheBust
            | AttackKind::SlowConnections
            | AttackKind::PrefixChurn
            | AttackKind::NatBots
            | AttackKind::ChallengeSolvers
            | AttackKind::AgedAccounts
            | AttackKind::Watcher
            | AttackKind::CohortLearner => 1.0,
        };
        self.random.round(full * share)
    }

    /// Whether a watcher hides.
    #[cfg(test)]
    pub(super) fn hides(&self) -> bool {
        self.is_hiding
    }

    /// Whether anything is sent at a moment.
    #[cfg(test)]
    pub(super) fn would_send(&mut self, served: f64, now: Micros) -> bool {
        self.requests(served, now) > 0
    }

    /// The next source to send.
    fn source(&mut self, now: Micros) -> u32 {
        if self.due.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, source)) = self.due.pop_first()
        {
            return source;
        }
        let sources = u64::from(self.attack.sources);
        if self.attack.kind == AttackKind::CohortLearner && !self.kept.is_empty() && self.random.chance(KEEPS)
        {
            return self.kept[index(self.random.below(self.kept.len() as u64))];
        }
        self.turn += 1;
        // A walk through all sources in an order that looks random.
        let step = self.turn.wrapping_mul(STRIDE) % sources;
        u32::try_from(step).unwrap_or(0)
    }

    fn address(&mut self, source: u32, town: &clients::Town, now: Micros) -> IpAddr {
        match self.attack.kind {
            AttackKind::PrefixChurn => clients::churning_address(self.number, source, now / CHURN),
            AttackKind::NatBots => {
                // Half of them behind the same address as customers, half beside it.
                let host =
                    if source.is_multiple_of(2) { 7 } else { u8::try_from(20 + source % 200).unwrap_or(20) };
                town.shared_network(source / 2, host)
            }
            AttackKind::DumbFlood
            | AttackKind::RandomUaQuery
            | AttackKind::ExpensiveRoute
            | AttackKind::LoginFlood
            | AttackKind::CacheBust
            | AttackKind::SlowConnections
            | AttackKind::LowAndSlow
            | AttackKind::ChallengeSolvers
            | AttackKind::AgedAccounts
            | AttackKind::Watcher
            | AttackKind::CohortLearner => clients::hostile_address(self.number, source),
        }
    }

    fn route(&self) -> Route {
        match self.attack.kind {
            AttackKind::ExpensiveRoute => Route::Search,
            AttackKind::LoginFlood => Route::LoginSubmit,
            AttackKind::CacheBust => Route::Product,
            AttackKind::RandomUaQuery | AttackKind::NatBots | AttackKind::ChallengeSolvers => Route::Products,
            AttackKind::AgedAccounts => Route::Account,
            AttackKind::DumbFlood
            | AttackKind::SlowConnections
            | AttackKind::LowAndSlow
            | AttackKind::PrefixChurn
            | AttackKind::Watcher
            | AttackKind::CohortLearner => Route::Home,
        }
    }

    /// The browser whose user agent it sends; for those who copy customers the same ones.
    fn browser(&self, source: u32) -> u8 {
        match self.attack.kind {
            // The most common browsers, in their three most common builds.
            AttackKind::NatBots => {
                let draw = mix(source.into());
                u8::try_from(draw % 6 + 12 * (draw / 6 % 3)).unwrap_or(0)
            }
            AttackKind::ChallengeSolvers => 0,
            AttackKind::DumbFlood
            | AttackKind::RandomUaQuery
            | AttackKind::ExpensiveRoute
            | AttackKind::LoginFlood
            | AttackKind::CacheBust
            | AttackKind::SlowConnections
            | AttackKind::LowAndSlow
            | AttackKind::PrefixChurn
            | AttackKind::AgedAccounts
            | AttackKind::Watcher
            | AttackKind::CohortLearner => TOOL,
        }
    }

    /// What attackers make of it that so many requests were let in or not.
    fn hears(&mut self, source: u32, requests: u32, let_in: bool) {
        self.fate[0] += if let_in { f64::from(requests) } else { 0.0 };
        self.fate[1] += f64::from(requests);
        if self.attack.kind != AttackKind::CohortLearner {
            return;
        }
        let place = self.kept.iter().position(|&kept| kept == source);
        match (let_in, place) {
            (true, None) if self.kept.len() < KEPT_MAX => self.kept.push(source),
            (false, Some(place)) => {
                self.kept.swap_remove(place);
            }
            (true, _) | (false, None) => {}
        }
    }

    /// Once a second a watcher looks at how it fares.
    fn watch(&mut self) {
        let [let_in, all] = self.fate;
        if self.attack.kind == AttackKind::Watcher && all >= 3.0 {
            self.is_hiding = if self.is_hiding { let_in < 0.9 * all } else { let_in < 0.5 * all };
        }
        let fade = if self.is_hiding { PROBE_MEMORY } else { 0.0 };
        self.fate = self.fate.map(|count| count * fade);
    }
}

impl World<'_> {
    /// What all attacks send in the next tenth of a second.
    pub(super) fn attack(&mut self) -> Result<(), Broken> {
        let served = f64::from(self.scenario.origin.capacity) / self.service();
        for number in 0..self.hostiles.len() {
            if self.hostiles[number].attack.kind == AttackKind::SlowConnections {
                self.hold_connections(number);
                continue;
            }
            let all = self.hostiles[number].requests(served, self.now);
            if !self.weather.is_cut_off {
                self.send_bundles(number, all);
            }
            if self.now.is_multiple_of(SECOND) {
                self.hostiles[number].watch();
            }
        }
        self.settle();
        Ok(())
    }

    fn send_bundles(&mut self, number: usize, all: u64) {
        let bundles = (all / PER_BUNDLE).clamp(BUNDLES_LEAST, BUNDLES_MOST).min(all);
        for bundle in 0..bundles {
            let requests = all / bundles + u64::from(bundle < all % bundles);
            let requests = u32::try_from(requests).unwrap_or(u32::MAX);
            let hostile = &mut self.hostiles[number];
            let source = hostile.source(self.now);
            let address = hostile.address(source, &self.town, self.now);
            self.send_bundle(number, Bundle { source, address, requests });
        }
    }

    /// Bundles of what has or inherits a customer's pass, or shows a ticket, are taken apart: each request is charged to it by itself.
    fn send_bundle(&mut self, number: usize, bundle: Bundle) {
        let hostile = &self.hostiles[number];
        let has_ticket = hostile.cookies.contains_key(&bundle.source);
        let has_pass = index(bundle.source.into()) < hostile.aged.len();
        if hostile.attack.kind != AttackKind::NatBots && !has_ticket && !has_pass {
            return self.judge_bundle(number, &bundle);
        }
        for _ in 0..bundle.requests {
            self.judge_bundle(number, &Bundle { requests: 1, ..bundle });
        }
    }

    fn judge_bundle(&mut self, number: usize, bundle: &Bundle) {
        let hostile = &mut self.hostiles[number];
        let pass = hostile.aged.get(index(bundle.source.into())).copied();
        let cookie = hostile.cookies.get(&bundle.source).cloned();
        let (kind, route, draw) = (hostile.attack.kind, hostile.route(), hostile.random.bits());
        let ask = Ask {
            address: bundle.address,
            pass: pass.as_ref(),
            lane: None,
            jar: cookie.as_ref(),
            browser: hostile.browser(bundle.source),
            route,
            is_monitor: false,
        };
        let values = looks::hostile(kind, route, bundle.address, draw);
        let looked_at = Some(&values).filter(|_| self.gate.site.has_rules());
        let verdict = self.gate.judge(&ask, looked_at, bundle.requests, self.now);
        let (identity, tier) = (verdict.identity, verdict.identity.tier());
        self.look_at_bundle(bundle, &ask, values, &verdict);
        self.keep_cookies(number, bundle, &verdict);
        let refuse = verdict.refuse;
        self.checks.asked_by_stranger(tier, identity.cohort(), refuse.is_some(), self.now);
        let hostile = &mut self.hostiles[number];
        hostile.hears(bundle.source, bundle.requests, refuse.is_none());
        let Some(refusal) = refuse else {
            return self.plan_bundle(number, bundle.requests, tier);
        };
        self.checks.refused(&identity, &refusal, &self.gate.site.decision());
        self.gate.refused(identity.tier_before_rules(), refusal.reason.kind(), bundle.requests);
    }

    /// What was let in asks for slots one by one, spread over the tenth of a second.
    fn plan_bundle(&mut self, number: usize, requests: u32, tier: Tier) {
        let attack = self.hostiles[number].number;
        let tier = u8::try_from(tier.index()).unwrap_or(5);
        for _ in 0..requests {
            let at = self.now + self.hostiles[number].random.below(TICK);
            self.agenda.plan(at, Plan::Hostile { attack, tier });
        }
    }

    pub(super) fn ask_hostile(&mut self, attack: u16, tier: u8) {
        let hostile = &self.hostiles[usize::from(attack)];
        let (route, services) = (hostile.route(), hostile.attack.kind.services());
        let tier = Tier::ALL[usize::from(tier)];
        if hostile.attack.kind == AttackKind::LoginFlood {
            self.gate.census.login(false);
        }
        self.send_hostile(tier, route, services);
    }

    fn look_at_bundle(&mut self, bundle: &Bundle, ask: &Ask<'_>, values: Values, verdict: &Verdict) {
        let (identity, cost_micros) = (verdict.identity, verdict.cost_micros);
        let tier = identity.tier_before_rules();
        if tier >= Tier::T3 {
            self.gate.note_network(ask.address, bundle.requests);
        }
        self.gate.census.handshakes(bundle.requests / 8, 0, 0);
        self.gate.census.sample(tier, || Sample {
            weight: bundle.requests,
            tier,
            cohort: identity.cohort(),
            cost_micros: u32::try_from(cost_micros).unwrap_or(u32::MAX),
            navigation: ask.route.is_navigation(),
            keeps_cookies: identity.keeps_cookies(),
            values,
        });
    }

    /// What robots make of the cookies that they are given: few keep them, and come back when they are told to.
    fn keep_cookies(&mut self, number: usize, bundle: &Bundle, verdict: &Verdict) {
        let waiting = verdict.refuse.as_ref().and_then(|refusal| refusal.waiting.as_ref());
        if waiting.is_some_and(|waiting| waiting.set_cookie.is_some() && waiting.refresh_secs == 0) {
            self.gate.census.challenged(bundle.requests - 1);
        }
        let hostile = &self.hostiles[number];
        let is_full = hostile.cookies.len() >= KEPT_MAX && !hostile.cookies.contains_key(&bundle.source);
        if hostile.attack.kind != AttackKind::ChallengeSolvers || is_full {
            return;
        }
        let mut given: Vec<String> =
            waiting.and_then(|waiting| waiting.set_cookie.clone()).into_iter().collect();
        if verdict.refuse.is_none() && verdict.identity.may_get_ticket() {
            given.extend(self.gate.learn(&verdict.identity, None, None, self.now).set_cookies);
        }
        if given.is_empty() {
            return;
        }
        let hostile = &mut self.hostiles[number];
        let jar = hostile.cookies.entry(bundle.source).or_default();
        given.iter().for_each(|cookie| jar.keep(cookie));
        if let Some(Waiting { refresh_secs, .. }) = waiting {
            hostile.due.insert((self.now + refresh_secs * SECOND, bundle.source));
        }
    }

    /// Opens connections on which next to nothing is sent; the gate's deadline for a head closes each.
    fn hold_connections(&mut self, number: usize) {
        let now = self.now;
        let hostile = &mut self.hostiles[number];
        while let Some((_, ticket)) = hostile.connections.pop_front_if(|(ends, _)| *ends <= now) {
            self.gate.site.connections().close(ticket);
        }
        if !hostile.attack.sends(now / SECOND) || self.weather.is_cut_off {
            return;
        }
        let wanted = index(whole(hostile.attack.factor * f64::from(CONNECTIONS)));
        let missing = wanted.saturating_sub(hostile.connections.len());
        for _ in 0..missing.min(CONNECTIONS_PER_TICK) {
            let source = hostile.source(now);
            let address = clients::hostile_address(hostile.number, source);
            match self.gate.site.open_connection(address, false) {
                Ok(ticket) => hostile.connections.push_back((now + HEAD_DEADLINE, ticket)),
                Err(_) => self.gate.census.handshakes(0, 0, 1),
            }
        }
    }
}

const PART: u64 = 100;
/// Requests of one bundle, as long as that takes no more and no fewer bundles each tenth of a second.
const PER_BUNDLE: u64 = 16;
const BUNDLES_LEAST: u64 = 64;
const BUNDLES_MOST: u64 = 256;
/// Coprime to all numbers of sources that are not a multiple of it, and larger than them.
const STRIDE: u64 = 2_654_435_761;
/// How long addresses last that change all the time.
const CHURN: Micros = 10 * SECOND;
/// What a hiding watcher sends to see whether it is let in again.
const PROBES_PER_SECOND: f64 = 3.0;
/// What is left of a watcher's memory of its probes after a second.
const PROBE_MEMORY: f64 = 0.6;
/// How often a learner sends from addresses that were let in.
const KEEPS: f64 = 0.95;
/// The number of a user agent that no browser has.
const TOOL: u8 = 255;
const KEPT_MAX: usize = 4_096;
const CONNECTIONS_PER_TICK: usize = 400;
/// The gate's deadline for the head of a request (decision-science, section 9).
const HEAD_DEADLINE: Micros = 10 * SECOND;
