//! What the decision core knows after 28 calm days, computed from the scenario's own rates.

use admission::site::Site;
use guard::Guard;
use guard::evidence::Profile;
use model::{Cohort, Finite, Instant, Net, PassId, Sample, Tier, Timestamp};

use super::clients::{self, Client, Town};
use super::gate::hour_of_week;
use super::looks::{self, Visit};
use super::routes::Route;
use super::visits::{
    API_KNOWN, API_UNKNOWN, CACHED, FILES_LEAST, FILES_MEAN, FILES_MOST, PAGES_MEAN, RESUMES, RETURNING,
    THINK_MEAN, THINK_MEDIAN, THINK_SIGMA, rates,
};
use super::warm::CONNECTIONS;
use crate::random::{Random, whole};
use crate::scenario::Scenario;

/// The core as calm has taught it.
pub(super) fn learnt(
    scenario: &Scenario,
    site: &Site,
    town: &Town,
    customers: &[Client],
    seed: u64,
    wall: Timestamp,
) -> Guard {
    let mut people = Passers { scenario, site, town, customers, random: Random::stream(seed, PART) };
    let known = people.samples(true, KNOWN_SAMPLES);
    let others = people.samples(false, OTHER_SAMPLES);
    let profile = profile(scenario, site, &others, wall);
    let per_second = profile.requests[3..].iter().map(|rate| rate.get()).sum();
    Guard::warm(crate::random::mix(seed), &profile, &known, &others, whole(per_second))
}

/// Shows the budgets what visits of customers are like.
pub(super) fn show_visits(site: &Site, seed: u64) {
    let mut random = Random::stream(seed, PART + 1);
    for visit in 0..VISITS_SHOWN {
        let mut seconds = 0.0;
        for _ in 0..random.geometric(PAGES_MEAN) {
            let all = FILES_LEAST + random.below(FILES_MOST - FILES_LEAST + 1);
            let is_api = random.chance(API_KNOWN);
            let requests = 1 + (0..all).filter(|_| !is_api && !random.chance(CACHED)).count();
            let now = Instant::from_nanos(whole(seconds * 1e9));
            for _ in 0..requests {
                site.budgets().charge(PassId(visit), 1_000, true, now);
            }
            seconds += random.log_normal(THINK_MEDIAN, THINK_SIGMA);
        }
    }
}

/// Rates of calm.
fn profile(scenario: &Scenario, site: &Site, others: &[Sample], wall: Timestamp) -> Profile {
    let [known, unknown] = rates(scenario);
    let pages = |api: f64| api + (1.0 - api) * (1.0 + FILES_MEAN);
    let logins = scenario.login.per_second;
    let strangers = logins * NEW_ADDRESSES;
    let customers = known * PAGES_MEAN * pages(API_KNOWN) + logins * pages(API_KNOWN);
    let visitors = unknown * PAGES_MEAN * pages(API_UNKNOWN);
    let page = seconds(site, Route::Home);
    let login = 2.0 * page + seconds(site, Route::LoginSubmit);
    let sessions = known + unknown + logins;
    let mut requests = [0.0; Tier::COUNT];
    let mut load = [0.0; Tier::COUNT];
    let at_home = logins - strangers;
    requests[Tier::T0.index()] = 1.0;
    (requests[1], load[1]) = (OLD * (customers + 3.0 * at_home), OLD * (customers * page + at_home * login));
    (requests[2], load[2]) = (requests[1] * (1.0 / OLD - 1.0), load[1] * (1.0 / OLD - 1.0));
    (requests[3], load[3]) = (3.0 * strangers, strangers * login);
    (requests[5], load[5]) = (visitors, visitors * page);
    let stay = (PAGES_MEAN - 1.0) * THINK_MEAN;
    Profile {
        requests: requests.map(Finite::new),
        load: load.map(Finite::new),
        handshakes: [sessions * (1.0 - RESUMES), sessions * RESUMES, 0.0].map(Finite::new),
        connections: Finite::new((known + unknown) * stay / f64::from(CONNECTIONS)),
        logins: [Finite::new(logins); 2],
        seen_networks: Finite::new(SHARED * visitors / (visitors + 3.0 * strangers).max(1e-9)),
        spread: Finite::new(SPREAD),
        hours: (0..168).map(|hour| Finite::new(scenario.hourly(f64::from(hour % 24) + 0.5))).collect(),
        hour_of_week: hour_of_week(wall).unwrap_or(0),
        samples: others.to_vec(),
    }
}

/// What a request is counted as, in seconds.
fn seconds(site: &Site, route: Route) -> f64 {
    site.classes().cost_micros(site.class_of(route.method(), route.path())) as f64 / 1e6
}

/// People of calm days, of whom samples are drawn session by session.
struct Passers<'a> {
    scenario: &'a Scenario,
    site: &'a Site,
    town: &'a Town,
    customers: &'a [Client],
    random: Random,
}

impl Passers<'_> {
    fn samples(&mut self, known: bool, most: usize) -> Vec<Sample> {
        let [known_rate, unknown_rate] = rates(self.scenario);
        let strangers = self.scenario.login.per_second * NEW_ADDRESSES;
        let mut samples = Vec::new();
        if (if known { known_rate } else { unknown_rate + strangers }) <= 0.0 {
            return samples;
        }
        let share = strangers / (unknown_rate + strangers).max(1e-9);
        while samples.len() < most {
            if !known && self.random.chance(share) {
                self.log_in(&mut samples);
            } else {
                self.visit(known, &mut samples);
            }
        }
        samples.truncate(most);
        samples
    }

    fn visit(&mut self, known: bool, samples: &mut Vec<Sample>) {
        let Some(client) = self.client(known) else { return };
        let mut before = 0;
        for _ in 0..self.random.geometric(PAGES_MEAN) {
            let is_api = self.random.chance(if known { API_KNOWN } else { API_UNKNOWN });
            let page = Route::PAGES[crate::random::index(self.random.below(Route::PAGES.len() as u64))];
            let mut ask = |route| {
                let cookies = if known { 1 } else { u64::from(before > 0) * 2 };
                let visit = Visit { browser: client.browser, cookies, before };
                samples.push(self.site_sees(known, route, &client, visit));
                before += 1;
            };
            if is_api {
                ask(Route::Orders);
                continue;
            }
            ask(page);
            let all = FILES_LEAST + self.random.below(FILES_MOST - FILES_LEAST + 1);
            for _ in 0..all {
                if !self.random.chance(CACHED) {
                    let cookies = if known { 1 } else { 2 };
                    let visit = Visit { browser: client.browser, cookies, before };
                    samples.push(self.site_sees(known, Route::File, &client, visit));
                    before += 1;
                }
            }
        }
    }

    fn log_in(&mut self, samples: &mut Vec<Sample>) {
        let client = self.town.newcomer(u32::try_from(self.random.below(1 << 20)).unwrap_or(0));
        for (route, before) in [(Route::LoginPage, 0), (Route::LoginFile, 1), (Route::LoginSubmit, 1)] {
            let visit = Visit { browser: client.browser, cookies: 2, before };
            let sample = self.site_sees(false, route, &client, visit);
            samples.push(Sample { tier: Tier::T3, keeps_cookies: false, ..sample });
        }
    }

    fn client(&mut self, known: bool) -> Option<Client> {
        if known {
            let number = clients::popular(&mut self.random, self.scenario.known.clients);
            return self.customers.get(crate::random::index(number.into())).copied();
        }
        let people = self.scenario.unknown.clients;
        let number = clients::popular(&mut self.random, people);
        let is_new = !self.random.chance(RETURNING);
        let stranger = clients::never_seen(u32::try_from(self.random.bits() >> 32).unwrap_or(0));
        Some(self.town.person(if is_new { stranger } else { number }, false))
    }

    fn site_sees(&self, known: bool, route: Route, client: &Client, visit: Visit) -> Sample {
        let class = self.site.class_of(route.method(), route.path());
        // Browsers ask for fonts without cookies.
        let sends_cookies = route != Route::File || !visit.before.is_multiple_of(8);
        Sample {
            weight: 1,
            tier: if known { Tier::T1 } else { Tier::T5 },
            cohort: Cohort::from_hash(crate::random::mix(Net::cohort(client.address).bits())),
            cost_micros: u32::try_from(self.site.classes().cost_micros(class)).unwrap_or(u32::MAX),
            navigation: route.is_navigation(),
            keeps_cookies: !known && visit.before > 0 && sends_cookies,
            values: looks::visitor(route, client.address, visit),
        }
    }
}

const PART: u64 = 11;
/// Visits of customers that teach how much they ask for.
const VISITS_SHOWN: u128 = 2_000;
/// What fills the core's memory of calm (see `Book::warm`).
const KNOWN_SAMPLES: usize = 4_096;
const OTHER_SAMPLES: usize = 16_384;
/// Share of customers who have been customers for more than a day (contracts).
const OLD: f64 = 0.8;
/// Share of logins from addresses that were never seen (contracts).
const NEW_ADDRESSES: f64 = 0.25;
/// Share of people in networks in which customers live.
const SHARED: f64 = 0.25;
/// The deviation of ln(load) of each population (contracts).
const SPREAD: f64 = 0.12;
