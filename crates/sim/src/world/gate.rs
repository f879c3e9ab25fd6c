//! The data plane of the gate: the real admission, called in the order in which the real gate calls it, and the counters
//! that its ticker reads.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admission::challenge::{TICKET_COOKIE, VISIT_COOKIE};
use admission::concurrency::ClassSample;
use admission::site::{
    Answered, Controller, Demand, Facts, Headers, Identity, Lesson, Served, SetCookies, Site, Tick, Turn,
    Verdict, Watch,
};
use admission::slots::{CALM_MILLIS, Place, Progress};
use model::{
    COHORTS, Group, Instant, Level, Net, PassId, Reason, RefusalKind, Tier, Timestamp, Traffic, Values,
};

use super::census::Census;
use super::clients::PassBytes;
use super::looks;
use super::mutation::Mutation;
use super::routes::Route;
use super::{Layers, Micros, SECOND, instant};
use crate::random::Random;

/// What a request says of itself.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) address: IpAddr,
    pub(super) pass: Option<&'a PassBytes>,
    pub(super) lane: Option<&'a [u8]>,
    pub(super) jar: Option<&'a Jar>,
    pub(super) browser: u8,
    pub(super) route: Route,
    /// It carries the secret of a monitor.
    pub(super) is_monitor: bool,
}

/// The cookies of a browser that the gate gave to a stranger.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Jar {
    ticket: Option<String>,
    visit: Option<String>,
}

impl Jar {
    /// Keeps a cookie as an answer sets it, if it is one of these two.
    pub(super) fn keep(&mut self, set_cookie: &str) {
        for (place, name) in [(&mut self.ticket, TICKET_COOKIE), (&mut self.visit, VISIT_COOKIE)] {
            let value = set_cookie.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
            if let Some(value) = value.and_then(|rest| rest.split(';').next()) {
                *place = Some(value.to_owned());
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ticket.is_none() && self.visit.is_none()
    }

    fn value(cookie: Option<&String>) -> Option<&[u8]> {
        cookie.map(|value| value.as_bytes())
    }
}

/// Where a request stands that asks for a slot.
pub(super) enum Standing {
    Served,
    Waits(Place),
    Refused(Reason),
}

/// The gate.
pub(super) struct Gate {
    pub(super) site: Arc<Site>,
    pub(super) controller: Controller,
    pub(super) census: Census,
    offered: Box<[[u64; COHORTS]; Tier::COUNT]>,
    removed: [u64; Tier::COUNT],
    times: Vec<Vec<f64>>,
    classes: [u8; Route::COUNT],
    served: Served,
    queue_wait_ms: u64,
    known_requests: u64,
    /// Who waits in each place.
    waiting: Vec<Option<(u32, Place)>>,
    /// Places that may have got a slot, or have waited too long.
    woken: Vec<Place>,
    last_step: Micros,
    pub(super) mutation: Option<Mutation>,
    layers: Layers,
    random: Random,
    /// User agents by the number of the browser.
    agents: Vec<String>,
}

/// The headers of a request that only some settings need.
struct Sent<'a> {
    is_monitor: bool,
    user_agent: &'a [u8],
}

impl Headers for Sent<'_> {
    fn value(&self, name: &str) -> Option<&[u8]> {
        match name {
            MONITOR_HEADER if self.is_monitor => Some(MONITOR_SECRET),
            "user-agent" => Some(self.user_agent),
            _ => None,
        }
    }

    fn cookies(&self, _each: &mut dyn FnMut(&[u8], &[u8])) {}
}

/// The app sets no cookies of its own that matter here.
struct NoCookies;

impl SetCookies for NoCookies {
    fn each(&self, _each: &mut dyn FnMut(&[u8], &[u8])) {}
}

impl Gate {
    pub(super) fn new(site: Arc<Site>, controller: Controller, seed: u64, layers: Layers) -> Self {
        let places = site.settings().waiting_places;
        let classes = Route::ALL.map(|route| site.class_of(route.method(), route.path()));
        Self {
            site,
            controller,
            census: Census::new(seed),
            offered: Box::new([[0; COHORTS]; Tier::COUNT]),
            removed: [0; Tier::COUNT],
            times: vec![Vec::new(); admission::site::CLASSES],
            classes,
            served: Served::default(),
            queue_wait_ms: 0,
            known_requests: 0,
            waiting: vec![None; places],
            woken: Vec::new(),
            last_step: 0,
            mutation: None,
            layers,
            random: Random::stream(seed, PART),
            agents: (0..=u8::MAX).map(looks::agent).collect(),
        }
    }

    /// The route class of a request.
    pub(super) fn class_of(&self, route: Route) -> u8 {
        self.classes[route.index()]
    }

    /// Who asks, and may they: for so many requests alike that stand or fall together. `values` are looked at while there
    /// are rules.
    pub(super) fn judge(
        &mut self,
        ask: &Ask<'_>,
        values: Option<&Values>,
        requests: u32,
        now: Micros,
    ) -> Verdict {
        let user_agent = self.agents[usize::from(ask.browser) % self.agents.len()].as_bytes();
        let headers = Sent { is_monitor: ask.is_monitor, user_agent };
        let (method, path) = (ask.route.method(), ask.route.path());
        let jar = ask.jar.filter(|_| self.layers == Layers::All);
        let facts = Facts {
            address: Some(ask.address),
            peer: ask.address,
            passes: [ask.pass.map(|pass| &pass[..]), None, None, None],
            pass_header: None,
            lane: ask.lane,
            ticket: Jar::value(jar.and_then(|jar| jar.ticket.as_ref())),
            visit: Jar::value(jar.and_then(|jar| jar.visit.as_ref())),
            values: values.filter(|_| self.layers == Layers::All),
            session: None,
            user_agent,
            method,
            path,
            navigation: ask.route.is_navigation(),
            inherited: None,
            headers: &headers,
            jwt: None,
        };
        let identity = self.site.identify_many(&facts, requests, instant(now));
        let demand = Demand {
            class: self.class_of(ask.route),
            method,
            path,
            // Nobody is told to wait for a ticket whom nobody can see, so that without tickets there is no page to look at.
            navigation: ask.route.is_navigation() && self.layers == Layers::All,
            user_agent,
            scatter: self.random.bits(),
        };
        let verdict = self.site.admit_many(&identity, &demand, requests, instant(now));
        self.count(&verdict, requests);
        verdict
    }

    /// What must be remembered of an admitted request until its answer comes.
    pub(super) fn watch(&self, identity: &Identity, ask: &Ask<'_>, now: Micros) -> Option<Box<Watch>> {
        let user_agent = self.agents[usize::from(ask.browser) % self.agents.len()].as_bytes();
        let headers = Sent { is_monitor: false, user_agent };
        let demand = Demand {
            class: self.class_of(ask.route),
            method: ask.route.method(),
            path: ask.route.path(),
            navigation: true,
            user_agent,
            scatter: 0,
        };
        self.site.watch(identity, &demand, &headers, instant(now))
    }

    /// Learns from the app's answer; returns the cookies for the client. `account` is whom the app names.
    pub(super) fn learn(
        &mut self,
        identity: &Identity,
        watch: Option<&Watch>,
        account: Option<&str>,
        now: Micros,
    ) -> Lesson {
        let answered = Answered {
            status: if account.is_some() { 303 } else { 200 },
            login: account.map(str::as_bytes),
            request_id: b"request",
            location: None,
            cookies: &NoCookies,
            is_shared: false,
        };
        let random = PassId(u128::from(self.random.bits()) << 64 | u128::from(self.random.bits()));
        self.site.learn(identity, watch, &answered, random, instant(now))
    }

    /// Notes whether customers were seen in the network of so many unknown requests.
    pub(super) fn note_network(&mut self, address: IpAddr, requests: u32) {
        let seen = self.site.nat().is_hinted(Net::network(address), self.site.pass_time());
        self.census.network(seen, requests);
    }

    /// Takes a slot, or a place to wait for one.
    pub(super) fn take_slot(&mut self, group: Group, job: u32, now: Micros) -> Standing {
        let group = self.counted_as(group);
        let (slots, at) = (self.site.slots(), instant(now));
        if slots.try_acquire(group, at) {
            return Standing::Served;
        }
        let deadline = at + Duration::from_millis(CALM_MILLIS);
        match slots.enqueue(group, self.site.is_calm(), at, deadline) {
            Err(_) => Standing::Refused(Reason::QueueFull),
            Ok(place) => {
                self.waiting[place.index()] = Some((job, place));
                slots.dispatch(at, &mut |place| self.woken.push(place));
                Standing::Waits(place)
            }
        }
    }

    /// The next of those who were woken, and whether it has a slot now.
    pub(super) fn next_woken(&mut self, now: Micros) -> Option<(u32, bool)> {
        while let Some(place) = self.woken.pop() {
            if let Some(found) = self.look_at(place, now) {
                return Some(found);
            }
        }
        None
    }

    /// The wait in a place is over: who waited there, and whether it has a slot; `None` if the place is another's by now.
    pub(super) fn end_wait(&mut self, place: u32, job: u32, now: Micros) -> Option<(u32, bool)> {
        let (waits, place) = self.waiting.get(usize::try_from(place).ok()?).copied().flatten()?;
        if waits == job { self.look_at(place, now) } else { None }
    }

    fn look_at(&mut self, place: Place, now: Micros) -> Option<(u32, bool)> {
        let cell = &mut self.waiting[place.index()];
        let (job, held) = (*cell)?;
        if held != place {
            return None;
        }
        let progress = self.site.slots().poll(&place, instant(now));
        if progress == Progress::Waiting {
            return None;
        }
        *cell = None;
        Some((job, progress == Progress::Granted))
    }

    /// A request had its slot after so long.
    pub(super) fn waited(&mut self, micros: Micros) {
        self.queue_wait_ms = self.queue_wait_ms.max(micros / 1_000);
    }

    /// Returns a slot.
    pub(super) fn release(&mut self, group: Group, now: Micros) {
        let group = self.counted_as(group);
        self.site.slots().release(group, instant(now), &mut |place| self.woken.push(place));
    }

    /// The app answered.
    pub(super) fn answered(&mut self, class: u8, tier: Tier, micros: Micros) {
        self.times[usize::from(class)].push(micros as f64 / 1_000.0);
        self.served.answers += 1;
        self.known_requests += u64::from(tier.is_known());
        self.census.answered(false);
    }

    /// The app said that it has too much to do.
    pub(super) fn turned_away(&mut self, tier: Tier) {
        self.served.answers += 1;
        self.served.failures += 1;
        self.served.overloads += 1;
        self.known_requests += u64::from(tier.is_known());
        self.census.answered(true);
    }

    /// A good answer in calm founds the class of its route.
    pub(super) fn found_class(&mut self, route: Route) {
        if self.classes[route.index()] == 0 && self.site.is_calm() {
            self.site.found_class(route.method(), route.path());
            self.classes[route.index()] = self.site.class_of(route.method(), route.path());
        }
    }

    /// A request was refused, for a client that may be known.
    pub(super) fn refused(&mut self, tier: Tier, kind: RefusalKind, requests: u32) {
        self.known_requests += if tier.is_known() { requests.into() } else { 0 };
        self.census.refused(tier, kind, requests);
    }

    /// Operators hold the level down to this one during the next step, or let it go.
    pub(super) fn hold_down(&mut self, ceiling: Option<Level>, wall: Timestamp) {
        self.controller.pin(None, ceiling.map(|level| (level, wall + PINNED)));
    }

    /// The engine's step at the end of a tenth of a second, or after a longer gap.
    pub(super) fn step(&mut self, now: Micros, wall: Timestamp) -> Turn {
        let millis = (now - self.last_step) / 1_000;
        self.last_step = now;
        let samples = self.medians();
        let mut traffic =
            Traffic { hour_of_week: hour_of_week(wall), disk_free: DISK_FREE, ..Traffic::default() };
        // What was counted while nobody looked comes with the load of that time.
        if now.is_multiple_of(SECOND) || millis > 100 {
            let shown = traffic.clone();
            self.census.fill(&self.site, &mut traffic);
            if self.layers == Layers::Threshold {
                // Who is shown nothing but load learns nothing, and advises nothing.
                traffic = Traffic { hour_of_week: None, ..shown };
            }
            if self.mutation == Some(Mutation::RulesIgnoreCustomers) {
                traffic.known.iter_mut().for_each(|sample| sample.values = Values::default());
                traffic.matches.iter_mut().for_each(|matches| matches.known = 0);
            }
        }
        #[cfg(test)]
        if self.mutation == Some(Mutation::LearnsWhileClosed) && now.is_multiple_of(STEP) {
            super::mutation::learning::takes_for_calm(&mut self.controller, &self.site);
        }
        let random = self.random.bits();
        let turn = self.controller.step(
            &self.site,
            Tick {
                now: instant(now),
                wall,
                millis,
                classes: &samples,
                offered_micros: &self.offered,
                removed_micros: &self.removed,
                traffic,
                served: self.served,
                queue_wait_ms: self.queue_wait_ms,
                known_requests: self.known_requests,
                random,
                secret: random,
            },
        );
        if self.layers == Layers::Threshold {
            // What a pass may ask for while customers alone ask for too much is a client limit like others.
            self.site.budgets().unbind();
        }
        let inflight = self.site.slots().total();
        self.census.step(&self.offered, &self.removed, millis, self.queue_wait_ms, inflight);
        self.offered.iter_mut().for_each(|tier| tier.fill(0));
        self.removed.fill(0);
        self.served = Served::default();
        (self.queue_wait_ms, self.known_requests) = (0, 0);
        turn
    }

    /// A step that comes again, or from the past.
    #[cfg(test)]
    pub(super) fn step_again(&mut self, now: Micros, wall: Timestamp) {
        self.last_step = self.last_step.min(now);
        self.step(now, wall);
    }

    fn counted_as(&self, group: Group) -> Group {
        let drops = self.mutation == Some(Mutation::DropsReserve) && group != Group::Admin;
        if drops { Group::Known } else { group }
    }

    /// Hands out what became free.
    pub(super) fn set_limit(&mut self, limit: f64, now: Micros) {
        self.site.slots().set_limit(limit, instant(now), &mut |place| self.woken.push(place));
    }

    fn count(&mut self, verdict: &Verdict, requests: u32) {
        let identity = &verdict.identity;
        let cost = verdict.cost_micros.saturating_mul(requests.into());
        let before = identity.tier_before_rules();
        self.census.offered(before, requests);
        if verdict.refuse.as_ref().is_some_and(|refusal| takes_away(refusal.reason)) {
            self.removed[before.index()] += cost;
        } else {
            self.offered[identity.tier().index()][identity.cohort().index()] += cost;
        }
        if let Some(refusal) = &verdict.refuse {
            self.site.count_refusal(identity, refusal.reason, true);
        } else if let Some(would) = verdict.would {
            self.site.count_refusal(identity, would, false);
        }
    }

    fn medians(&mut self) -> Vec<ClassSample> {
        let mut samples = Vec::new();
        for (class, times) in (0..=u8::MAX).zip(&mut self.times) {
            if times.is_empty() {
                continue;
            }
            let middle = times.len() / 2;
            let (_, median, _) = times.select_nth_unstable_by(middle, f64::total_cmp);
            let median_ms = *median;
            let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
            samples.push(ClassSample { class, count, median_ms });
            times.clear();
        }
        samples
    }
}

/// The hour of the week, which is that of UTC here.
pub(super) fn hour_of_week(wall: Timestamp) -> Option<u8> {
    u8::try_from((wall.as_secs() / 3_600 + EPOCH_HOUR) % 168).ok()
}

/// Whether what is refused for this reason is not offered to the threshold. Who waits for a turn in the lane still asks for
/// the lane, whose waiting room follows what is asked for.
fn takes_away(reason: Reason) -> bool {
    match reason.kind() {
        RefusalKind::Limited | RefusalKind::Ruled | RefusalKind::Challenged => reason != Reason::LaneFull,
        RefusalKind::Shed | RefusalKind::Dropped => false,
    }
}

/// When a place's wait ends, in the world's time.
pub(super) fn ends(place: &Place) -> Micros {
    place.expires().since(Instant::ORIGIN).as_nanos().try_into().unwrap_or(u64::MAX) / 1_000 - super::BEGIN
}

/// Where monitors connect from, and what they carry.
pub(super) const MONITOR_HEADER: &str = "x-probe";
pub(super) const MONITOR_SECRET: &[u8] = b"the secret of the monitor";
const PART: u64 = 2;
/// The hour of the week, counted from Monday, in which 1970 began.
const EPOCH_HOUR: u64 = 72;
const DISK_FREE: f64 = 0.5;
/// A pin is renewed with every step, and outlasts it.
const PINNED: Duration = Duration::from_secs(1);
/// How often the core takes a step.
#[cfg(test)]
const STEP: Micros = SECOND / 2;
