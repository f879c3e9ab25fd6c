//! What requests look like: the attributes that rules may ask for.

use std::net::IpAddr;

use model::{Attribute, Name, Net, Values};

use super::routes::Route;
use crate::random::mix;
use crate::scenario::AttackKind;

/// The user agent of a browser by its number: one of the browsers in one of its builds.
pub(super) fn agent(browser: u8) -> String {
    let (place, build) = (usize::from(browser) % BROWSERS.len(), usize::from(browser) / BROWSERS.len());
    format!("{} Build/{build}", BROWSERS[place])
}

/// User agents, by browser. Two in a row share an engine, and with it the order of their header fields and JA4.
const BROWSERS: [&str; 12] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14) Chrome/141.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) Version/18.0 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) Chrome/141.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
    "Mozilla/5.0 (Linux; Android 13; SM-A546B) SamsungBrowser/26.0 Chrome/122.0 Mobile",
    "Mozilla/5.0 (Linux; Android 12) Chrome/131.0 Mobile Safari/537.36",
    "ShopApp/7.2 (iPhone; iOS 18.1) CFNetwork/1568",
    "ShopApp/7.2 (Android 14) okhttp/4.12",
];

/// User agents of attackers, by the number of their tool.
const TOOLS: [&str; 4] =
    ["python-requests/2.32.3", "Go-http-client/1.1", "Mozilla/5.0 (compatible; MSIE 9.0)", "curl/8.5.0"];

/// What a well-meant request shows beside address and route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) browser: u8,
    /// 0 without any cookie, 1 with the app's session, 2 with others.
    pub(super) cookies: u64,
    /// Requests before it on its connection.
    pub(super) before: u32,
}

/// The attributes of a well-meant request.
pub(super) fn visitor(route: Route, address: IpAddr, visit: Visit) -> Values {
    let mut values = placed(route, address);
    dress(&mut values, visit.browser, address);
    put(&mut values, Attribute::Cookies, visit.cookies + 1);
    let referer = if visit.before == 0 && route.is_navigation() { 1 } else { 2 };
    put(&mut values, Attribute::Referer, referer);
    put(&mut values, Attribute::Reuse, u64::from((visit.before + 1).ilog2() / 2) + 1);
    put(&mut values, Attribute::BodySize, if route.method() == "POST" { 5 } else { 1 });
    values
}

/// The attributes of a request of an attack; `draw` is a random number.
pub(super) fn hostile(kind: AttackKind, route: Route, address: IpAddr, draw: u64) -> Values {
    let mut values = placed(route, address);
    put(&mut values, Attribute::Cookies, 1);
    put(&mut values, Attribute::Referer, 1);
    put(&mut values, Attribute::Reuse, 1 + draw % 3);
    put(&mut values, Attribute::BodySize, if route.method() == "POST" { 5 } else { 1 });
    let copied = u8::try_from((draw >> 32) % 6).unwrap_or(0)
        + BROWSERS_COUNT * u8::try_from((draw >> 40) % 3).unwrap_or(0);
    match kind {
        AttackKind::NatBots => {
            dress(&mut values, copied, address);
            put(&mut values, Attribute::Cookies, 2);
            put(&mut values, Attribute::Referer, 2);
        }
        AttackKind::AgedAccounts => {
            dress(&mut values, copied, address);
            put(&mut values, Attribute::Cookies, 2);
        }
        AttackKind::ChallengeSolvers => {
            dress(&mut values, 0, address);
            put(&mut values, Attribute::Language, 1);
        }
        AttackKind::LowAndSlow
        | AttackKind::ExpensiveRoute
        | AttackKind::CacheBust
        | AttackKind::CohortLearner => {
            arm(&mut values, 1);
            put(&mut values, Attribute::UserAgent, agent_number(copied));
            put(&mut values, Attribute::UserAgentFamily, u64::from(copied % BROWSERS_COUNT / 2) + 1);
        }
        AttackKind::RandomUaQuery => {
            arm(&mut values, 1);
            put(&mut values, Attribute::UserAgent, draw | 1 << 60);
            put(&mut values, Attribute::UserAgentFamily, draw >> 20 & 0xFFF | 1 << 60);
        }
        AttackKind::DumbFlood | AttackKind::PrefixChurn => arm(&mut values, 0),
        AttackKind::Watcher | AttackKind::SlowConnections => arm(&mut values, 2),
        AttackKind::LoginFlood => arm(&mut values, 3),
    }
    if let Some((keys, query)) = query(kind, draw) {
        put_text(&mut values, Attribute::QueryKeys, keys);
        put(&mut values, Attribute::Query, query);
    }
    values
}

/// What the values are in words.
pub(super) fn names() -> Vec<Name> {
    let agents = (0..3 * BROWSERS_COUNT).map(|browser| Name {
        value: of_number(Attribute::UserAgent, agent_number(browser)),
        text: agent(browser).chars().take(80).collect(),
    });
    let tools = TOOLS.iter().map(|text| name(Attribute::UserAgent, text));
    let paths = Route::ALL.iter().map(|route| name(Attribute::Path, route.template()));
    agents.chain(tools).chain(paths).collect()
}

fn name(attribute: Attribute, text: &str) -> Name {
    Name { value: of_text(attribute, text), text: text.chars().take(80).collect() }
}

/// Names of the query and the query itself, for attacks that have one.
fn query(kind: AttackKind, draw: u64) -> Option<(&'static str, u64)> {
    match kind {
        AttackKind::RandomUaQuery => Some(("q", draw)),
        AttackKind::ExpensiveRoute => Some(("q", draw % 1_000)),
        AttackKind::CacheBust => Some(("v", draw)),
        AttackKind::DumbFlood
        | AttackKind::LoginFlood
        | AttackKind::SlowConnections
        | AttackKind::LowAndSlow
        | AttackKind::PrefixChurn
        | AttackKind::NatBots
        | AttackKind::ChallengeSolvers
        | AttackKind::AgedAccounts
        | AttackKind::Watcher
        | AttackKind::CohortLearner => None,
    }
}

fn placed(route: Route, address: IpAddr) -> Values {
    let mut values = Values::default();
    put_text(&mut values, Attribute::Method, route.method());
    put_text(&mut values, Attribute::Path, route.template());
    put(&mut values, Attribute::Host, 1);
    put(&mut values, Attribute::Network, Net::network(address).bits());
    put(&mut values, Attribute::WideNetwork, Net::widest(address).bits());
    values
}

/// As a browser of this number.
fn dress(values: &mut Values, browser: u8, address: IpAddr) {
    let place = browser % BROWSERS_COUNT;
    let engine = u64::from(place / 2) + 1;
    put(values, Attribute::UserAgent, agent_number(browser));
    for attribute in [
        Attribute::UserAgentFamily,
        Attribute::HeaderOrder,
        Attribute::HeaderSet,
        Attribute::Ja4A,
        Attribute::Ja4B,
        Attribute::Ja4C,
    ] {
        put(values, attribute, engine);
    }
    put(values, Attribute::Version, 2);
    put(values, Attribute::Language, mix(Net::network(address).bits()) % 6 + 1);
}

/// As a tool of this number.
fn arm(values: &mut Values, tool: usize) {
    let number = 100 + tool as u64;
    put_text(values, Attribute::UserAgent, TOOLS[tool % TOOLS.len()]);
    for attribute in [
        Attribute::UserAgentFamily,
        Attribute::HeaderOrder,
        Attribute::HeaderSet,
        Attribute::Ja4A,
        Attribute::Ja4B,
        Attribute::Ja4C,
    ] {
        put(values, attribute, number);
    }
    put(values, Attribute::Version, 1);
}

fn put(values: &mut Values, attribute: Attribute, value: u64) {
    values.set(attribute, of_number(attribute, value));
}

fn of_number(attribute: Attribute, value: u64) -> u64 {
    mix(value ^ (attribute.index() as u64) << 57).max(1)
}

/// The number that stands for a browser's whole user agent.
fn agent_number(browser: u8) -> u64 {
    1_000 + u64::from(browser)
}

fn put_text(values: &mut Values, attribute: Attribute, text: &str) {
    values.set(attribute, of_text(attribute, text));
}

fn of_text(attribute: Attribute, text: &str) -> u64 {
    let start = mix(attribute.index() as u64);
    text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)).max(1)
}

const BROWSERS_COUNT: u8 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_with_customers_browsers_differ_from_them_in_nothing_but_habits() {
        let address = "91.0.0.7".parse().unwrap();
        let bot = hostile(AttackKind::NatBots, Route::Products, address, 0);
        let person = visitor(Route::Products, address, Visit { browser: 0, cookies: 1, before: 3 });
        let differ =
            Attribute::ALL.into_iter().filter(|&attribute| bot.get(attribute) != person.get(attribute));
        assert_eq!(differ.collect::<Vec<_>>(), [Attribute::Reuse]);
    }

    #[test]
    fn random_agents_and_queries_never_repeat_and_the_rest_does() {
        let address = "2.0.0.1".parse().unwrap();
        let look = |draw| hostile(AttackKind::RandomUaQuery, Route::Products, address, draw);
        let (one, other) = (look(mix(1)), look(mix(2)));
        assert_ne!(one.get(Attribute::UserAgent), other.get(Attribute::UserAgent));
        assert_ne!(one.get(Attribute::Query), other.get(Attribute::Query));
        assert_eq!(one.get(Attribute::QueryKeys), other.get(Attribute::QueryKeys));
        assert_eq!(one.get(Attribute::Ja4B), other.get(Attribute::Ja4B));
    }

    #[test]
    fn there_are_no_more_names_than_fit() {
        assert!(names().len() <= model::NAMES_MAX);
    }
}
