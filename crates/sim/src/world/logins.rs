//! People who sign in: the page, its file, the form, and the app's word that makes them customers.

use std::time::Duration;

use admission::site::Waiting;

use super::agenda::Plan;
use super::clients::{Client, PassBytes};
use super::gate::{Ask, Jar};
use super::jobs::{Owner, Reply, Sent};
use super::looks::Visit;
use super::routes::Route;
use super::warm::name_of;
use super::{Micros, SECOND, TICK, World};
use crate::random::{Random, index, whole};

/// People who sign in at the moment.
pub(super) struct Logins {
    logins: Vec<Login>,
    free: Vec<u32>,
    random: Random,
    newcomers: u32,
}

struct Login {
    client: Client,
    /// Where it is counted, for logins from new addresses.
    place: Option<usize>,
    at: At,
    /// The ticket of the lane, or of its waiting room.
    ticket: Option<String>,
    jar: Jar,
    /// Counts steps, so that what belongs to an earlier one is told apart.
    turn: u32,
    tries_left: u32,
    begun: Micros,
    is_first: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum At {
    Page,
    Form,
    Gone,
}

impl Logins {
    pub(super) fn new(seed: u64) -> Self {
        Self { logins: Vec::new(), free: Vec::new(), random: Random::stream(seed, PART), newcomers: 0 }
    }

    /// When people begin to sign in in the next tenth of a second.
    pub(super) fn arrivals(&mut self, per_second: f64, now: Micros) -> Vec<Micros> {
        let count = self.random.poisson(per_second / 10.0);
        (0..count).map(|_| now + self.random.below(TICK)).collect()
    }

    fn of(&mut self, login: u32, turn: u32) -> Option<&mut Login> {
        let found = self.logins.get_mut(index(login.into()))?;
        (found.turn == turn && found.at != At::Gone).then_some(found)
    }

    fn add(&mut self, login: Login) -> u32 {
        if let Some(number) = self.free.pop() {
            let turn = self.logins[index(number.into())].turn.wrapping_add(1);
            self.logins[index(number.into())] = Login { turn, ..login };
            return number;
        }
        self.logins.push(login);
        u32::try_from(self.logins.len() - 1).unwrap_or(u32::MAX)
    }
}

impl World<'_> {
    /// Somebody begins to sign in: a quarter from an address that was never seen, the others from home.
    pub(super) fn begin_login(&mut self) {
        let people = self.scenario.known.clients;
        let is_new = self.logins.random.chance(NEW_ADDRESSES);
        let number = super::clients::popular(&mut self.logins.random, people);
        let customer = self.customer(number).filter(|_| !is_new);
        let client = customer.unwrap_or_else(|| {
            self.logins.newcomers += 1;
            self.town.newcomer(self.logins.newcomers)
        });
        self.sign_in(client, is_new);
    }

    /// A client signs in.
    pub(super) fn sign_in(&mut self, client: Client, is_new: bool) {
        let place = is_new.then(|| self.score.login_begun(self.now));
        let login = Login {
            client,
            place,
            at: At::Page,
            ticket: None,
            jar: Jar::default(),
            turn: 0,
            tries_left: TRIES,
            begun: self.now,
            is_first: true,
        };
        let login = self.logins.add(login);
        self.try_login(login);
    }

    pub(super) fn login_step(&mut self, number: u32, turn: u32) {
        if self.logins.of(number, turn).is_some() {
            self.try_login(number);
        }
    }

    pub(super) fn login_patience(&mut self, number: u32, turn: u32) {
        if self.logins.of(number, turn).is_some() {
            self.login_retry(number, Duration::ZERO);
        }
    }

    fn try_login(&mut self, number: u32) {
        let login = &mut self.logins.logins[index(number.into())];
        login.turn = login.turn.wrapping_add(1);
        let (turn, client, is_first) = (login.turn, login.client, login.is_first);
        let route = if login.at == At::Page { Route::LoginPage } else { Route::LoginSubmit };
        let (ticket, jar) = (login.ticket.clone(), login.jar.clone());
        let owner = Owner::Login { login: number, turn };
        self.agenda.plan(self.now + PATIENCE, Plan::LoginPatience { login: number, turn });
        if let Sent::Refused { after, waiting } =
            self.send_login(&client, (ticket.as_deref(), &jar), route, owner, is_first)
        {
            self.login_refused(number, after, waiting);
        }
    }

    fn send_login(
        &mut self,
        client: &Client,
        (ticket, jar): (Option<&str>, &Jar),
        route: Route,
        owner: Owner,
        is_first: bool,
    ) -> Sent {
        let ask = Ask {
            address: client.address,
            pass: client.pass.as_ref(),
            lane: ticket.map(str::as_bytes),
            jar: Some(jar).filter(|jar| !jar.is_empty()),
            browser: client.browser,
            route,
            is_monitor: false,
        };
        let visit =
            Visit { browser: client.browser, cookies: 2, before: u32::from(route != Route::LoginPage) };
        self.send(&ask, owner, visit, is_first)
    }

    /// The app or the gate has answered somebody who signs in.
    pub(super) fn login_hears(&mut self, number: u32, turn: u32, reply: Reply) {
        let Some(login) = self.logins.of(number, turn) else { return };
        let (at, account) = (login.at, login.client.account);
        match reply {
            Reply::Refused { after, waiting } => self.login_refused(number, after, waiting),
            Reply::Failed => self.login_retry(number, Duration::from_secs(1)),
            Reply::Served { identity, watch } if at == At::Page => {
                let lesson = self.gate.learn(&identity, watch.as_deref(), None, self.now);
                let ticket =
                    lesson.set_cookies.iter().find_map(|cookie| value_of(cookie, "portcullis-lane="));
                self.page_of_login(number, ticket.map(str::to_owned));
            }
            Reply::Served { identity, .. } => {
                self.gate.census.login(true);
                let lesson = self.gate.learn(&identity, None, Some(&name_of(account)), self.now);
                let pass =
                    lesson.set_cookies.iter().find_map(|cookie| value_of(cookie, "__Host-portcullis="));
                let pass = pass.and_then(|pass| pass.as_bytes().first_chunk().copied());
                self.signed_in(number, pass);
            }
        }
    }

    /// The page is there: its file, and after a while the form.
    fn page_of_login(&mut self, number: u32, ticket: Option<String>) {
        let login = &mut self.logins.logins[index(number.into())];
        login.ticket = ticket.or(login.ticket.take());
        (login.at, login.is_first) = (At::Form, true);
        login.turn = login.turn.wrapping_add(1);
        let (client, ticket, turn) = (login.client, login.ticket.clone(), login.turn);
        let jar = login.jar.clone();
        // Without its file the form works all the same.
        let _sent = self.send_login(&client, (ticket.as_deref(), &jar), Route::LoginFile, Owner::Other, true);
        let seconds = self.logins.random.log_normal(TYPING_MEDIAN, 0.5);
        self.agenda.plan(self.now + whole(seconds * 1e6), Plan::LoginStep { login: number, turn });
    }

    fn signed_in(&mut self, number: u32, pass: Option<PassBytes>) {
        let login = &mut self.logins.logins[index(number.into())];
        let (place, mut client) = (login.place, login.client);
        client.pass = pass.or(client.pass);
        self.login_ends(number);
        if let Some(place) = place {
            self.score.login_confirmed(place, self.now);
        }
        self.begin_session(client, true, 1);
    }

    fn login_refused(&mut self, number: u32, after: Duration, waiting: Option<Waiting>) {
        let Some(waiting) = waiting else { return self.login_retry(number, after) };
        let login = &mut self.logins.logins[index(number.into())];
        if let Some(cookie) = waiting.set_cookie.as_deref() {
            login.jar.keep(cookie);
            login.ticket = value_of(cookie, "portcullis-lane=").map(str::to_owned).or(login.ticket.take());
        }
        login.is_first = false;
        if self.now - login.begun > WAITS {
            return self.login_ends(number);
        }
        self.login_again(number, Duration::from_secs(waiting.refresh_secs) + ROUND_TRIP);
    }

    fn login_retry(&mut self, number: u32, after: Duration) {
        let login = &mut self.logins.logins[index(number.into())];
        login.is_first = false;
        if login.tries_left == 0 {
            return self.login_ends(number);
        }
        login.tries_left -= 1;
        let wait = if self.logins.random.chance(OBEYS) { after } else { Duration::ZERO };
        let pause = Duration::from_millis(200 + self.logins.random.below(1_000));
        self.login_again(number, wait + pause);
    }

    fn login_again(&mut self, number: u32, wait: Duration) {
        let login = &mut self.logins.logins[index(number.into())];
        login.turn = login.turn.wrapping_add(1);
        let at = self.now + u64::try_from(wait.as_micros()).unwrap_or(u64::MAX / 2);
        self.agenda.plan(at, Plan::LoginStep { login: number, turn: login.turn });
    }

    fn login_ends(&mut self, number: u32) {
        self.logins.logins[index(number.into())].at = At::Gone;
        self.logins.free.push(number);
    }
}

/// The value of a cookie as an answer sets it.
pub(super) fn value_of<'a>(cookie: &'a str, name: &str) -> Option<&'a str> {
    cookie.strip_prefix(name)?.split(';').next()
}

const PART: u64 = 9;
/// Share of logins from addresses that were never seen (contracts).
const NEW_ADDRESSES: f64 = 0.25;
/// Seconds that people type.
const TYPING_MEDIAN: f64 = 4.0;
const PATIENCE: Micros = 10 * SECOND;
const TRIES: u32 = 3;
const ROUND_TRIP: Duration = Duration::from_millis(50);
const OBEYS: f64 = 0.6;
/// How long people look at the page of the waiting room.
const WAITS: Micros = 180 * SECOND;
