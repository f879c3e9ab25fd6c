//! Scenario files: what happens in the world, and when.

use serde::Deserialize;

/// A scenario as its file tells it (contracts, "Scenario file and result").
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, as commands and results show it.
    pub name: String,
    /// How long it lasts.
    pub seconds: u64,
    /// What its random numbers are drawn from, unless a command says otherwise.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// Whether it begins with the state after 28 calm days.
    #[serde(default = "yes")]
    pub warm: bool,
    /// The app.
    pub origin: Origin,
    /// Customers.
    pub known: People,
    /// Everybody else who means well.
    pub unknown: People,
    /// People who sign in.
    #[serde(default)]
    pub login: Logins,
    /// Attacks.
    #[serde(default, rename = "attack")]
    pub attacks: Vec<Attack>,
    /// Other things that happen.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
}

/// The app.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Concurrency at which queueing begins.
    pub capacity: u32,
    /// The mean time that a page or file takes, in milliseconds.
    pub service_ms: f64,
}

/// One of the two populations.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// How many there are.
    pub clients: u32,
    /// The share of capacity that they use on average, files of pages included.
    pub load: f64,
}

/// People who sign in, beside the load of the populations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logins {
    /// How many a second; a quarter of them from addresses that were never seen.
    pub per_second: f64,
}

/// One attack.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// What is sent.
    pub kind: AttackKind,
    /// When it begins, in seconds.
    pub start: u64,
    /// How long it lasts.
    pub seconds: u64,
    /// What is sent, as a multiple of capacity; of connection slots for slow connections.
    pub factor: f64,
    /// How many addresses take part; four lie in a /24.
    pub sources: u32,
    /// Pauses.
    #[serde(default)]
    pub pulse: Option<Pulse>,
}

/// A rhythm of so many seconds on and so many off.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pulse {
    /// Seconds in which it runs.
    pub on: u64,
    /// Seconds of pause after them.
    pub off: u64,
}

/// Kinds of attack.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackKind {
    /// The same request from everywhere.
    DumbFlood,
    /// User agent and query are new in each request.
    RandomUaQuery,
    /// A page that takes twenty times as long as others.
    ExpensiveRoute,
    /// Forms of the login.
    LoginFlood,
    /// Queries that no cache knows, five times as dear as the page.
    CacheBust,
    /// Connections on which hardly anything is sent.
    SlowConnections,
    /// Grows from nothing, linearly.
    LowAndSlow,
    /// Addresses of IPv6 that change all the time.
    PrefixChurn,
    /// Bots in the networks of customers, with customers' browsers.
    NatBots,
    /// Bots that keep cookies and wait where they are told to.
    ChallengeSolvers,
    /// A twentieth of the sources signed in long before.
    AgedAccounts,
    /// Stops when it is refused, returns when it is let in.
    Watcher,
    /// Keeps the addresses that were let in.
    CohortLearner,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What happens.
    pub kind: EventKind,
    /// When, in seconds.
    pub start: u64,
    /// For how long.
    #[serde(default = "one_second")]
    pub seconds: u64,
    /// How much of it; the kind says of what.
    #[serde(default = "one")]
    pub factor: f64,
}

/// Kinds of event.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Legitimate load times the factor at its peak, in minutes.
    FlashCrowd,
    /// The same within seconds.
    MarketingMail,
    /// A crawler that uses this share of capacity.
    Crawler,
    /// Capacity times the factor, and a cold start after it.
    Deploy,
    /// Nothing arrives.
    UpstreamOutage,
    /// The engine gets no summaries.
    TelemetryGap,
    /// The wall clock moves by this many seconds.
    ClockJump,
    /// 200 people times the factor sign in behind one address.
    OfficeMonday,
    /// Pages have this many times as many files.
    AssetBurst,
    /// Uploads that use this share of capacity.
    BigUpload,
    /// 5,000 streams times the factor.
    #[serde(rename = "sse-5000")]
    Sse5000,
    /// Operators hold the level down to the one whose number the factor is, 0 to 3; at 0 everybody is let in, as on a trial.
    Ceiling,
}

/// Why a text is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is not the TOML that is asked for: an unknown key or kind, a missing key, a wrong type.
    #[error("{0}")]
    Shape(#[from] toml::de::Error),
    /// A number makes no sense.
    #[error("`{key}` is {found}; write a number from {least} to {most}")]
    Range {
        /// Which key.
        key: &'static str,
        /// What it says.
        found: f64,
        /// The least that makes sense.
        least: f64,
        /// The most.
        most: f64,
    },
    /// A number that counts or names something has a fraction.
    #[error("`{key}` is {found}; write a whole number")]
    Fraction {
        /// Which key.
        key: &'static str,
        /// What it says.
        found: f64,
    },
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether nights are quiet and days are busy in it (contracts: no daily profile under 24 h).
    pub(crate) fn has_days(&self) -> bool {
        self.seconds >= 86_400
    }

    /// How busy people are at an hour of the day, 1 on average; decision-science, section 10, gives no shape: a cosine with its
    /// quietest hour at two.
    pub(crate) fn hourly(&self, hour: f64) -> f64 {
        let turn = (hour - QUIETEST_HOUR) / 24.0 * core::f64::consts::TAU;
        if self.has_days() { 1.0 - DAY_SWING * libm::cos(turn) } else { 1.0 }
    }

    fn check(&self) -> Result<(), ScenarioError> {
        within("seconds", self.seconds as f64, 1.0, SECONDS_MAX)?;
        within("origin.capacity", self.origin.capacity.into(), 1.0, 100_000.0)?;
        within("origin.service_ms", self.origin.service_ms, 0.1, 60_000.0)?;
        within("known.clients", self.known.clients.into(), 0.0, 1_000_000.0)?;
        within("known.load", self.known.load, 0.0, 10.0)?;
        within("unknown.clients", self.unknown.clients.into(), 0.0, 10_000_000.0)?;
        within("unknown.load", self.unknown.load, 0.0, 10.0)?;
        within("login.per_second", self.login.per_second, 0.0, 10_000.0)?;
        for attack in &self.attacks {
            within("attack.start", attack.start as f64, 0.0, SECONDS_MAX)?;
            within("attack.seconds", attack.seconds as f64, 1.0, SECONDS_MAX)?;
            within("attack.factor", attack.factor, 0.0, 10_000.0)?;
            within("attack.sources", attack.sources.into(), 1.0, 16_000_000.0)?;
            if let Some(pulse) = attack.pulse {
                within("attack.pulse.on", pulse.on as f64, 1.0, SECONDS_MAX)?;
                within("attack.pulse.off", pulse.off as f64, 0.0, SECONDS_MAX)?;
            }
        }
        for event in &self.events {
            within("event.start", event.start as f64, 0.0, SECONDS_MAX)?;
            within("event.seconds", event.seconds as f64, 0.0, SECONDS_MAX)?;
            event.check_factor()?;
        }
        Ok(())
    }
}

impl Attack {
    /// How many of its sources signed in long before.
    pub(crate) fn aged(&self) -> u32 {
        if self.kind == AttackKind::AgedAccounts { (self.sources / 20).min(AGED_MAX) } else { 0 }
    }

    /// Whether it is on at a second, pauses of a pulse included.
    pub(crate) fn lasts(&self, second: u64) -> bool {
        (self.start..self.end()).contains(&second)
    }

    /// The first second after it.
    pub(crate) const fn end(&self) -> u64 {
        self.start + self.seconds
    }

    /// Whether it sends at a second.
    pub(crate) fn sends(&self, second: u64) -> bool {
        let in_pulse = |pulse: Pulse| (second - self.start) % (pulse.on + pulse.off) < pulse.on;
        self.lasts(second) && self.pulse.is_none_or(in_pulse)
    }
}

impl Event {
    /// Whether it is on at a second.
    pub(crate) const fn lasts(&self, second: u64) -> bool {
        second >= self.start && second < self.start + self.seconds
    }

    fn check_factor(&self) -> Result<(), ScenarioError> {
        let (key, found) = ("event.factor", self.factor);
        match self.kind {
            EventKind::ClockJump => within(key, found, -SECONDS_MAX, SECONDS_MAX),
            EventKind::Ceiling if found.fract() != 0.0 => Err(ScenarioError::Fraction { key, found }),
            EventKind::Ceiling => within(key, found, 0.0, CEILING_MOST),
            EventKind::FlashCrowd
            | EventKind::MarketingMail
            | EventKind::Crawler
            | EventKind::Deploy
            | EventKind::UpstreamOutage
            | EventKind::TelemetryGap
            | EventKind::OfficeMonday
            | EventKind::AssetBurst
            | EventKind::BigUpload
            | EventKind::Sse5000 => within(key, found, 0.0, SECONDS_MAX),
        }
    }
}

impl AttackKind {
    /// How many times as long as a page one request takes (contracts).
    pub(crate) const fn services(self) -> f64 {
        match self {
            Self::ExpensiveRoute => 20.0,
            Self::LoginFlood => 4.0,
            Self::CacheBust => 5.0,
            Self::DumbFlood
            | Self::RandomUaQuery
            | Self::SlowConnections
            | Self::LowAndSlow
            | Self::PrefixChurn
            | Self::NatBots
            | Self::ChallengeSolvers
            | Self::AgedAccounts
            | Self::Watcher
            | Self::CohortLearner => 1.0,
        }
    }
}

fn within(key: &'static str, found: f64, least: f64, most: f64) -> Result<(), ScenarioError> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(ScenarioError::Range { key, found, least, most })
    }
}

const fn first_seed() -> u64 {
    1
}

const fn yes() -> bool {
    true
}

const fn one_second() -> u64 {
    1
}

const fn one() -> f64 {
    1.0
}

/// 90 days, the longest time that a promise speaks of.
const SECONDS_MAX: f64 = 7_776_000.0;

/// The number of the highest level to which a level can be held down: above it nothing is left to be held.
const CEILING_MOST: f64 = 3.0;
/// Passes of one attack that are minted at most.
const AGED_MAX: u32 = 50_000;
/// How much busier the busiest hour is than the mean, and the mean than the quietest.
const DAY_SWING: f64 = 0.65;
const QUIETEST_HOUR: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name = \"small\"\nseconds = 60\norigin = { capacity = 8, service_ms = 40 }\n\
        known = { clients = 10, load = 0.3 }\nunknown = { clients = 10, load = 0.2 }\n";

    #[test]
    fn an_unknown_key_or_kind_is_an_error_that_says_where() {
        let error = |more: &str| Scenario::parse(&format!("{SMALL}{more}")).unwrap_err().to_string();
        assert!(error("speed = 3").contains("unknown field `speed`"));
        let attack = |kind: &str| {
            format!("[[attack]]\nkind = \"{kind}\"\nstart = 1\nseconds = 5\nfactor = 2\nsources = 4")
        };
        assert!(error(&attack("ping-of-death")).contains("unknown variant `ping-of-death`"));
        assert_eq!(
            error(&attack("dumb-flood").replace("sources = 4", "sources = 0")),
            "`attack.sources` is 0; write a number from 1 to 16000000"
        );
    }

    #[test]
    fn a_ceiling_is_the_number_of_a_level() {
        let ceiling = |factor: &str| {
            let event = format!("[[event]]\nkind = \"ceiling\"\nstart = 3\nseconds = 9\nfactor = {factor}");
            Scenario::parse(&format!("{SMALL}{event}")).map(|scenario| scenario.events[0].factor)
        };
        assert_eq!(ceiling("0").unwrap(), 0.0);
        assert_eq!(ceiling("4").unwrap_err().to_string(), "`event.factor` is 4; write a number from 0 to 3");
        assert_eq!(ceiling("0.5").unwrap_err().to_string(), "`event.factor` is 0.5; write a whole number");
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let scenario = Scenario::parse(&format!("{SMALL}[[event]]\nkind = \"sse-5000\"\nstart = 3")).unwrap();
        assert_eq!((scenario.seed, scenario.warm, scenario.login.per_second), (1, true, 0.0));
        assert_eq!((scenario.events[0].seconds, scenario.events[0].factor), (1, 1.0));
    }

    #[test]
    fn a_pulse_sends_in_its_on_seconds_and_lasts_through_its_pauses() {
        let attack = Attack {
            kind: AttackKind::DumbFlood,
            start: 10,
            seconds: 60,
            factor: 2.0,
            sources: 4,
            pulse: Some(Pulse { on: 5, off: 10 }),
        };
        let sends: Vec<u64> = (0..40).filter(|&second| attack.sends(second)).collect();
        assert_eq!(sends, [10, 11, 12, 13, 14, 25, 26, 27, 28, 29]);
        assert!(attack.lasts(20) && attack.lasts(69) && !attack.lasts(70));
    }
}
