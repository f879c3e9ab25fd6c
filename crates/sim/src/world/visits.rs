//! Customers and visitors: sessions of pages with their files, patience and second tries.

use std::collections::BTreeMap;
use std::time::Duration;

use admission::caps::Ticket;
use admission::site::Waiting;

use super::agenda::Plan;
use super::clients::{self, Client};
use super::gate::{Ask, Jar};
use super::jobs::{Owner, Reply, Sent};
use super::looks::Visit;
use super::routes::Route;
use super::{Micros, SECOND, TICK, World};
use crate::random::{Random, index, whole};
use crate::scenario::Scenario;

/// Sessions, and what draws new ones.
pub(super) struct Visits {
    sessions: Vec<Session>,
    free: Vec<u32>,
    /// Sessions that begin in a second at the mean load: of customers, of visitors.
    rates: [f64; 2],
    /// The same stream for each population whatever becomes of the other.
    draws: [Random; 2],
    newcomers: u32,
    /// What browsers of visitors have kept who may come again, by number.
    jars: BTreeMap<u32, Jar>,
}

/// One person on the site.
struct Session {
    client: Client,
    known: bool,
    /// A visitor's number, if it may come again.
    visitor: Option<u32>,
    jar: Jar,
    pages_left: u64,
    connection: Option<Ticket>,
    state: State,
    /// Counts tries, so that what belongs to an earlier one is told apart.
    visit: u32,
    /// When the attempt began that is under way.
    begun: Micros,
    route: Route,
    tries_left: u32,
    /// Files that have not come, and those of them that are not asked for yet.
    files: u32,
    unasked: u32,
    spoiled: bool,
    /// A rule acted on a request of the attempt.
    is_hit: bool,
    /// A request of the attempt was beyond the customer's budget.
    is_over: bool,
    /// How often the attempt was asked to come back at once.
    bounces: u32,
    /// When it makes sense to try again, as the last refusal said.
    after: Duration,
    requests: u32,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Gone,
    Thinking,
    /// Between two tries of one attempt.
    Retrying,
    AwaitsPage,
    AwaitsFiles,
}

/// Sessions that begin in a second at the mean load: of customers, of visitors.
pub(super) fn rates(scenario: &Scenario) -> [f64; 2] {
    let served = f64::from(scenario.origin.capacity) / (scenario.origin.service_ms / 1e3);
    let rate = |load: f64, api: f64| {
        let requests = api + (1.0 - api) * (1.0 + FILES_MEAN);
        load * served / (requests * PAGES_MEAN)
    };
    let known = if scenario.known.clients == 0 { 0.0 } else { scenario.known.load };
    let unknown = if scenario.unknown.clients == 0 { 0.0 } else { scenario.unknown.load };
    [rate(known, API_KNOWN), rate(unknown, API_UNKNOWN)]
}

impl Visits {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            sessions: Vec::new(),
            free: Vec::new(),
            rates: rates(scenario),
            draws: [Random::stream(seed, PART), Random::stream(seed, PART + 1)],
            newcomers: 0,
            jars: BTreeMap::new(),
        }
    }

    /// When sessions begin in the next tenth of a second; `busy` is how busy people are, 1 on average.
    pub(super) fn arrivals(&mut self, known: bool, busy: f64, now: Micros) -> Vec<Micros> {
        let place = usize::from(!known);
        let random = &mut self.draws[place];
        let count = random.poisson(self.rates[place] * busy / 10.0);
        (0..count).map(|_| now + random.below(TICK)).collect()
    }

    fn add(&mut self, session: Session) -> u32 {
        if let Some(number) = self.free.pop() {
            let place = &mut self.sessions[index(number.into())];
            // What still belongs to whoever was here before must not reach the newcomer.
            let visit = place.visit.wrapping_add(1);
            *place = Session { visit, ..session };
            return number;
        }
        self.sessions.push(session);
        u32::try_from(self.sessions.len() - 1).unwrap_or(u32::MAX)
    }

    fn of(&mut self, session: u32, visit: u32) -> Option<&mut Session> {
        let found = self.sessions.get_mut(index(session.into()))?;
        (found.visit == visit && found.state != State::Gone).then_some(found)
    }

    fn draw(&mut self, known: bool) -> &mut Random {
        &mut self.draws[usize::from(!known)]
    }
}

impl Session {
    fn new(client: Client, known: bool, pages_left: u64) -> Self {
        Self {
            client,
            known,
            visitor: None,
            jar: Jar::default(),
            pages_left,
            connection: None,
            state: State::Thinking,
            visit: 0,
            begun: 0,
            route: Route::Home,
            tries_left: 0,
            files: 0,
            unasked: 0,
            spoiled: false,
            is_hit: false,
            is_over: false,
            bounces: 0,
            after: Duration::ZERO,
            requests: 0,
        }
    }
}

impl World<'_> {
    /// People who are on the site when the scenario begins.
    pub(super) fn open_doors(&mut self) {
        for known in [true, false] {
            let rate = self.visits.rates[usize::from(!known)];
            let busy = self.weather.busy(known) * self.hourly();
            let present = self.visits.draw(known).poisson(rate * busy * (PAGES_MEAN - 1.0) * THINK_MEAN);
            for _ in 0..present {
                let at = whole(self.visits.draw(known).exponential(THINK_MEAN) * 1e6);
                let pages = self.visits.draw(known).geometric(PAGES_MEAN);
                let Some(session) = self.visitor(known, pages) else { continue };
                let number = self.visits.add(Session { requests: THERE_BEFORE, ..session });
                // Its connection was opened before, and no handshake is left to be counted.
                self.connect(number, false);
                let visit = self.visits.sessions[index(number.into())].visit;
                self.agenda.plan(at, Plan::Page { session: number, visit });
            }
        }
    }

    /// Somebody opens the site.
    pub(super) fn arrive(&mut self, known: bool) {
        let pages = self.visits.draw(known).geometric(PAGES_MEAN);
        if let Some(session) = self.visitor(known, pages) {
            let session = self.visits.add(session);
            self.begin_attempt(session);
        }
    }

    /// A session of somebody of a population.
    fn visitor(&mut self, known: bool, pages: u64) -> Option<Session> {
        let population = if known { self.scenario.known.clients } else { self.scenario.unknown.clients };
        let random = self.visits.draw(known);
        let number = clients::popular(random, population);
        let is_new = !known && !random.chance(RETURNING);
        let client = if is_new {
            self.visits.newcomers += 1;
            let number = self.visits.newcomers;
            self.town.person(clients::never_seen(number), false)
        } else if known {
            self.customer(number)?
        } else {
            self.town.person(number, false)
        };
        let visitor = (!known && !is_new).then_some(number);
        let jar = visitor.and_then(|visitor| self.visits.jars.get(&visitor)).cloned().unwrap_or_default();
        Some(Session { visitor, jar, ..Session::new(client, known, pages) })
    }

    /// A session of so many pages begins.
    pub(super) fn begin_session(&mut self, client: Client, known: bool, pages: u64) {
        let session = self.visits.add(Session::new(client, known, pages));
        self.begin_attempt(session);
    }

    fn begin_attempt(&mut self, number: u32) {
        let now = self.now;
        let session = &mut self.visits.sessions[index(number.into())];
        let known = session.known;
        let random = &mut self.visits.draws[usize::from(!known)];
        let is_api = random.chance(if known { API_KNOWN } else { API_UNKNOWN });
        let page = Route::PAGES[index(random.below(Route::PAGES.len() as u64))];
        session.route = if is_api { Route::Orders } else { page };
        (session.begun, session.tries_left) = (now, TRIES);
        (session.is_hit, session.is_over, session.bounces) = (false, false, 0);
        self.score.begun(known, now);
        self.try_page(number);
    }

    /// The next page, or the same again.
    pub(super) fn ask_page(&mut self, number: u32, visit: u32) {
        match self.visits.of(number, visit).map(|session| session.state) {
            Some(State::Thinking) => self.begin_attempt(number),
            Some(State::Retrying) => self.try_page(number),
            Some(State::Gone | State::AwaitsPage | State::AwaitsFiles) | None => {}
        }
    }

    fn try_page(&mut self, number: u32) {
        let now = self.now;
        if !self.has_connection(number) {
            return self.retry(number, Duration::from_secs(2));
        }
        let session = &mut self.visits.sessions[index(number.into())];
        session.visit = session.visit.wrapping_add(1);
        session.state = State::AwaitsPage;
        let (visit, route, is_first) = (session.visit, session.route, session.tries_left == TRIES);
        self.agenda.plan(now + PATIENCE, Plan::LosePatience { session: number, visit });
        match self.send_of(number, route, is_first) {
            Sent::UnderWay | Sent::Lost => {}
            Sent::Refused { after, waiting } => self.come_back(number, after, waiting),
        }
    }

    /// One request of a session.
    fn send_of(&mut self, number: u32, route: Route, is_first: bool) -> Sent {
        let session = &mut self.visits.sessions[index(number.into())];
        let (client, before, jar) = (session.client, session.requests, session.jar.clone());
        session.requests += 1;
        // Fonts and modules come without cookies; the gate knows the browser by its address for a minute.
        let has_cookies = route != Route::File || !before.is_multiple_of(8);
        let ask = Ask {
            address: client.address,
            pass: client.pass.as_ref().filter(|_| has_cookies),
            lane: None,
            jar: Some(&jar).filter(|jar| has_cookies && !jar.is_empty()),
            browser: client.browser,
            route,
            is_monitor: false,
        };
        let cookies = if client.pass.is_some() { 1 } else { u64::from(before > 0) * 2 };
        let visit = Visit { browser: client.browser, cookies, before };
        let owner = Owner::Session { session: number, visit: session.visit };
        self.send(&ask, owner, visit, is_first)
    }

    /// The files of a page, some at a time.
    pub(super) fn ask_files(&mut self, number: u32, visit: u32) {
        for _ in 0..FILES_AT_ONCE {
            self.ask_file(number, visit);
        }
    }

    /// The next file, if there is one; after one that is refused at once the next is asked for.
    fn ask_file(&mut self, number: u32, visit: u32) {
        while let Some(session) = self.visits.of(number, visit) {
            if session.unasked == 0 || session.state != State::AwaitsFiles {
                return;
            }
            session.unasked -= 1;
            let is_first = session.tries_left == TRIES;
            let Sent::Refused { after, .. } = self.send_of(number, Route::File, is_first) else { return };
            self.file_came(number, Some(after));
        }
    }

    /// A request of a session has its answer.
    pub(super) fn session_hears(&mut self, number: u32, visit: u32, route: Route, reply: Reply) {
        let Some(session) = self.visits.of(number, visit) else { return };
        let (after, waiting) = match reply {
            Reply::Served { identity, .. } => {
                if identity.may_get_ticket() {
                    let lesson = self.gate.learn(&identity, None, None, self.now);
                    lesson.set_cookies.iter().for_each(|cookie| session.jar.keep(cookie));
                }
                (None, None)
            }
            Reply::Refused { after, waiting } => (Some(after), waiting),
            Reply::Failed => (Some(Duration::from_secs(1)), None),
        };
        match (session.state, after) {
            (State::AwaitsFiles, after) => {
                self.file_came(number, after);
                self.ask_file(number, visit);
            }
            (State::AwaitsPage, Some(after)) => self.come_back(number, after, waiting),
            (State::AwaitsPage, None) => self.page_came(number, route),
            (State::Gone | State::Thinking | State::Retrying, _) => {}
        }
    }

    fn page_came(&mut self, number: u32, route: Route) {
        let wanted = self.weather.files;
        let session = &mut self.visits.sessions[index(number.into())];
        let random = &mut self.visits.draws[usize::from(!session.known)];
        if route != Route::Orders {
            let all = FILES_LEAST + random.below(FILES_MOST - FILES_LEAST + 1);
            let all = random.round(all as f64 * wanted);
            let missing = (0..all).filter(|_| !random.chance(CACHED)).count();
            session.files = u32::try_from(missing).unwrap_or(0);
        } else {
            session.files = 0;
        }
        if session.files == 0 {
            return self.succeed(number);
        }
        (session.state, session.spoiled, session.unasked) = (State::AwaitsFiles, false, session.files);
        let (at, visit) = (self.now + FILES_AFTER, session.visit);
        self.agenda.plan(at, Plan::Files { session: number, visit });
    }

    fn file_came(&mut self, number: u32, refused: Option<Duration>) {
        let session = &mut self.visits.sessions[index(number.into())];
        if let Some(after) = refused {
            (session.spoiled, session.after) = (true, after);
        }
        session.files = session.files.saturating_sub(1);
        if session.files > 0 {
            return;
        }
        if session.spoiled {
            let after = session.after;
            return self.retry(number, after);
        }
        self.succeed(number);
    }

    fn succeed(&mut self, number: u32) {
        let session = &self.visits.sessions[index(number.into())];
        if self.now - session.begun <= SUCCESS_WITHIN {
            self.score.succeeded(session.known, session.begun);
        }
        self.think(number);
    }

    /// Nothing has come for so long that the person reloads or leaves.
    pub(super) fn lose_patience(&mut self, number: u32, visit: u32) {
        let Some(session) = self.visits.of(number, visit) else { return };
        if matches!(session.state, State::AwaitsPage | State::AwaitsFiles) {
            let tier = if session.known { model::Tier::T1 } else { model::Tier::T5 };
            self.gate.census.abandoned(tier);
            self.retry(number, Duration::ZERO);
        }
    }

    /// Keeps the cookie of a refusal. Browsers come back by themselves when its page says so; other refusals are left to people.
    fn come_back(&mut self, number: u32, after: Duration, waiting: Option<Waiting>) {
        let now = self.now;
        let session = &mut self.visits.sessions[index(number.into())];
        let Some(waiting) = waiting.filter(|_| session.route.is_navigation()) else {
            return self.retry(number, after);
        };
        if let Some(cookie) = &waiting.set_cookie {
            session.jar.keep(cookie);
        }
        session.bounces += u32::from(waiting.refresh_secs == 0);
        if session.bounces > BOUNCES || now - session.begun > WAITS {
            return self.retry(number, after);
        }
        session.visit = session.visit.wrapping_add(1);
        session.state = State::Retrying;
        let plan = Plan::Page { session: number, visit: session.visit };
        self.agenda.plan(now + ROUND_TRIP + waiting.refresh_secs * SECOND, plan);
    }

    /// A rule acts on a request of somebody.
    pub(super) fn note_rule(&mut self, owner: Owner) {
        let Owner::Session { session, visit } = owner else { return };
        if let Some(session) = self.visits.of(session, visit).filter(|session| !session.is_hit) {
            session.is_hit = true;
            self.score.hit(session.begun);
        }
    }

    /// A request of somebody was beyond a customer's budget.
    pub(super) fn note_excess(&mut self, owner: Owner) {
        let Owner::Session { session, visit } = owner else { return };
        if let Some(session) = self.visits.of(session, visit).filter(|session| !session.is_over) {
            session.is_over = true;
            self.score.over_budget(session.begun);
        }
    }

    /// Tries again, at once or when it was told to, or leaves.
    fn retry(&mut self, number: u32, after: Duration) {
        let session = &mut self.visits.sessions[index(number.into())];
        let random = &mut self.visits.draws[usize::from(!session.known)];
        let way = random.unit();
        if session.tries_left == 0 || way >= OBEYS + RELOADS {
            return self.give_up(number);
        }
        session.tries_left -= 1;
        let told = if way < OBEYS { after.as_secs_f64() } else { 0.0 };
        let wait = told + 0.2 + random.unit();
        session.visit = session.visit.wrapping_add(1);
        session.state = State::Retrying;
        let plan = Plan::Page { session: number, visit: session.visit };
        self.agenda.plan(self.now + whole(wait * 1e6), plan);
    }

    fn give_up(&mut self, number: u32) {
        let session = &mut self.visits.sessions[index(number.into())];
        let leaves = self.visits.draws[usize::from(!session.known)].chance(LEAVES);
        if leaves {
            session.pages_left = 1;
        }
        self.think(number);
    }

    /// The next page after a while, or the end of the session.
    fn think(&mut self, number: u32) {
        let known = self.visits.sessions[index(number.into())].known;
        let busy = self.weather.busy(known);
        let session = &mut self.visits.sessions[index(number.into())];
        session.pages_left = session.pages_left.saturating_sub(1);
        if session.pages_left == 0 {
            session.state = State::Gone;
            let jar = std::mem::take(&mut session.jar);
            if let Some(visitor) = session.visitor.filter(|_| !jar.is_empty()) {
                self.visits.jars.insert(visitor, jar);
            }
            let session = &mut self.visits.sessions[index(number.into())];
            if let Some(ticket) = session.connection.take() {
                self.gate.site.connections().close(ticket);
            }
            self.visits.free.push(number);
            return;
        }
        let random = &mut self.visits.draws[usize::from(!known)];
        let seconds = random.log_normal(THINK_MEDIAN, THINK_SIGMA) / busy;
        session.visit = session.visit.wrapping_add(1);
        session.state = State::Thinking;
        let plan = Plan::Page { session: number, visit: session.visit };
        self.agenda.plan(self.now + whole(seconds * 1e6), plan);
    }

    /// Opens the session's connection, if it has none.
    fn has_connection(&mut self, number: u32) -> bool {
        let session = &self.visits.sessions[index(number.into())];
        session.connection.is_some() || self.weather.is_cut_off || self.connect(number, true)
    }

    fn connect(&mut self, number: u32, counts: bool) -> bool {
        let session = &self.visits.sessions[index(number.into())];
        let (address, known) = (session.client.address, session.known);
        let resumes = self.visits.draws[usize::from(!known)].chance(RESUMES);
        let opened = self.gate.site.open_connection(address, false);
        let session = &mut self.visits.sessions[index(number.into())];
        match opened {
            Ok(mut ticket) => {
                if known {
                    self.gate.site.connections().promote(&mut ticket);
                }
                session.connection = Some(ticket);
                if counts {
                    self.gate.census.handshakes(u32::from(!resumes), u32::from(resumes), 0);
                }
                true
            }
            Err(_) => {
                self.gate.census.handshakes(0, 0, 1);
                let work = session.route.services() * self.scenario.origin.service_ms / 1e3;
                let is_first = session.tries_left == TRIES;
                // Who finds no connection has shown no pass, and is missed as a customer all the same.
                let tier = known.then_some(model::Tier::T1);
                self.score.asked(tier, work, is_first, true, self.now);
                false
            }
        }
    }
}

const PART: u64 = 6;
/// Pages of a session (decision-science, section 10).
pub(super) const PAGES_MEAN: f64 = 6.0;
/// Seconds between two pages: the median, the deviation of the logarithm, the mean that follows.
pub(super) const THINK_MEDIAN: f64 = 8.0;
pub(super) const THINK_SIGMA: f64 = 0.8;
pub(super) const THINK_MEAN: f64 = 11.0;
/// Files of a page, and the share of them that the browser has.
pub(super) const FILES_LEAST: u64 = 5;
pub(super) const FILES_MOST: u64 = 20;
pub(super) const CACHED: f64 = 0.7;
pub(super) const FILES_MEAN: f64 = 12.5 * (1.0 - CACHED);
/// Files that a browser asks for at once.
const FILES_AT_ONCE: u32 = 8;
/// When a browser has read a page so far that it asks for the files.
const FILES_AFTER: Micros = 60_000;
/// Share of attempts that are one call and no page.
pub(super) const API_KNOWN: f64 = 0.3;
pub(super) const API_UNKNOWN: f64 = 0.05;
/// Share of visitors who were there before.
pub(super) const RETURNING: f64 = 0.7;
pub(super) const RESUMES: f64 = 0.6;
/// How long people wait for an answer, how often they try again, and how (decision-science, section 10).
const PATIENCE: Micros = 10 * SECOND;
const TRIES: u32 = 3;
const OBEYS: f64 = 0.6;
const RELOADS: f64 = 0.3;
/// Requests that people who are there at the beginning have made, as far as it matters.
const THERE_BEFORE: u32 = 9;
/// How long people look at a page that says to wait, how often browsers come back at once, and how long that takes.
const WAITS: Micros = 180 * SECOND;
const BOUNCES: u32 = 3;
const ROUND_TRIP: Micros = 50_000;
/// Who has given a page up leaves, mostly.
const LEAVES: f64 = 0.7;
/// An attempt succeeds within this time (contracts).
const SUCCESS_WITHIN: Micros = 4 * SECOND;
