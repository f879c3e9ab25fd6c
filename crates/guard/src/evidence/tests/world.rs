//! A small site with its people and its attackers, for tests.

use std::f64::consts::TAU;

use model::{Attribute, Cohort, Finite, Instant, Sample, Summary, Tier, Values};

use super::super::{Context, Evidence, Findings, Profile};

/// Pseudo-random numbers (splitmix64).
#[derive(Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A value below `count`, the first ones far more often.
    fn skewed(&mut self, count: u64) -> u64 {
        let unit = self.unit();
        whole((unit * unit * unit) * count as f64)
    }

    /// Two independent normal numbers.
    pub(super) fn normal(&mut self) -> (f64, f64) {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let (sin, cos) = (TAU * self.unit()).sin_cos();
        (radius * sin, radius * cos)
    }

    /// About a Poisson number.
    pub(super) fn count(&mut self, mean: f64) -> u64 {
        whole((mean + mean.sqrt() * self.normal().0).round())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts, cut at 0")]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

/// A kind of clients.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) tier: Tier,
    /// Milliseconds of service of a request.
    pub(super) cost: u64,
    /// Per cent of requests from networks seen before, of navigations, and with a ticket.
    pub(super) seen: u64,
    pub(super) navigations: u64,
    pub(super) cookies: u64,
    pub(super) looks: Looks,
    /// They log in, and so many per cent are confirmed.
    pub(super) logins: Option<u64>,
    /// Handshakes per hundred requests.
    pub(super) handshakes: u64,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Looks {
    /// Browsers from all over; all on one page, or not.
    People { on_one_page: bool },
    /// One office: one network, the same machines.
    Office,
    /// One program; with random user agents, with random queries, from so many networks (0: the people's).
    Program { random_agents: bool, random_queries: bool, networks: u64 },
}

pub(super) const PEOPLE: Kind = Kind {
    tier: Tier::T5,
    cost: 50,
    seen: 60,
    navigations: 15,
    cookies: 50,
    looks: Looks::People { on_one_page: false },
    logins: None,
    handshakes: 10,
};

pub(super) const CROWD: Kind = Kind { looks: Looks::People { on_one_page: true }, seen: 50, ..PEOPLE };

pub(super) const LOGINS: Kind = Kind { tier: Tier::T3, cost: 200, logins: Some(90), ..PEOPLE };

pub(super) const FLOOD: Kind = Kind {
    tier: Tier::T5,
    cost: 50,
    seen: 1,
    navigations: 0,
    cookies: 0,
    looks: Looks::Program { random_agents: false, random_queries: false, networks: 500 },
    logins: None,
    handshakes: 20,
};

/// A site in calm: requests/s of known and other clients, one login attempt a second.
pub(super) struct World {
    pub(super) evidence: Evidence,
    pub(super) context: Context,
    pub(super) dice: Dice,
    pub(super) millis: u64,
    pub(super) known: f64,
    pub(super) others: f64,
    pub(super) logins: f64,
    pub(super) hour: Option<u8>,
    /// Changes each summary before it is taken.
    pub(super) touch: fn(&mut Summary),
}

impl World {
    pub(super) fn new(seed: u64, known: f64, others: f64) -> Self {
        let mut dice = Dice(seed);
        let evidence = Evidence::warm(&profile(&mut dice, known, others));
        let context = Context::default();
        let touch = |_: &mut Summary| {};
        Self { evidence, context, dice, millis: 1_000_000, known, others, logins: 1.0, hour: Some(10), touch }
    }

    /// A second of calm, and so many requests of each kind on top.
    pub(super) fn second(&mut self, more: &[(Kind, u64)]) -> Findings {
        self.millis += 1_000;
        let mut summary = self.summary(1_000, more);
        (self.touch)(&mut summary);
        self.evidence.step(&summary, &self.context).expect("a second is complete")
    }

    /// Seconds of the same; the last one's findings.
    pub(super) fn seconds(&mut self, count: u32, more: &[(Kind, u64)]) -> Findings {
        for _ in 1..count {
            self.second(more);
        }
        self.second(more)
    }

    /// What is counted in a step that ends now.
    pub(super) fn summary(&mut self, millis: u64, more: &[(Kind, u64)]) -> Summary {
        let mut summary = Summary::empty(Instant::from_millis(self.millis), millis);
        let part = millis as f64 / 1_000.0;
        let known = self.dice.count(self.known * part);
        let others = self.dice.count(self.others * part);
        let logins = u64::from(self.dice.unit() < part * self.logins);
        summary.traffic.hour_of_week = self.hour;
        summary.limit = 100.0;
        summary.connections = 0.05;
        summary.traffic.tiers[1].offered = known;
        summary.offered[1][0] = known * 50;
        let mut kinds = vec![(PEOPLE, others), (LOGINS, logins)];
        kinds.extend_from_slice(more);
        let all: u64 = kinds.iter().map(|(_, count)| count).sum();
        for (kind, count) in kinds {
            self.offer(&mut summary, kind, count, all);
        }
        summary
    }

    fn offer(&mut self, summary: &mut Summary, kind: Kind, count: u64, all: u64) {
        let room = model::SAMPLES_MAX as u64 - 1;
        let drawn = if all <= room { count } else { count * room / all };
        for _ in 0..drawn {
            let weight = u32::try_from(count / drawn).unwrap();
            summary.traffic.others.push(sample(&mut self.dice, kind, weight));
        }
        let traffic = &mut summary.traffic;
        let tier = kind.tier.index();
        traffic.tiers[tier].offered += count;
        summary.offered[tier][0] += count * kind.cost;
        let small = |count: u64| u32::try_from(count).unwrap();
        traffic.seen_networks[0] += small(count * kind.seen / 100);
        traffic.seen_networks[1] += small(count);
        traffic.handshakes.full += small(count * kind.handshakes / 100);
        if let Some(confirmed) = kind.logins {
            traffic.logins[0] += small(count);
            traffic.logins[1] += small((0..count).filter(|_| self.dice.percent(confirmed)).count() as u64);
        }
    }
}

/// What calm looks like at these rates.
pub(super) fn profile(dice: &mut Dice, known: f64, others: f64) -> Profile {
    let mut profile = Profile { spread: Finite::new(0.12), hour_of_week: 10, ..Profile::default() };
    profile.requests[1] = Finite::new(known);
    profile.requests[3] = Finite::ONE;
    profile.requests[5] = Finite::new(others);
    profile.load[1] = Finite::new(known * 0.05);
    profile.load[3] = Finite::new(0.2);
    profile.load[5] = Finite::new(others * 0.05);
    profile.handshakes[0] = Finite::new(others * 0.1);
    profile.connections = Finite::new(0.05);
    profile.logins = [Finite::ONE, Finite::new(0.9)];
    profile.seen_networks = Finite::new(0.6);
    profile.samples = (0..2_000).map(|_| sample(dice, PEOPLE, 1)).collect();
    profile
}

pub(super) fn sample(dice: &mut Dice, kind: Kind, weight: u32) -> Sample {
    let mut values = Values::default();
    let is_office = kind.looks == Looks::Office;
    // Ten browsers, each with its own headers and TLS.
    let browser = if is_office { 1 } else { 1 + dice.skewed(10) };
    let agent = browser * 100 + if is_office { 1 } else { dice.skewed(20) };
    let network = if is_office { 7 } else { 1 + dice.below(5_000) };
    let page =
        if kind.looks == (Looks::People { on_one_page: true }) { dice.skewed(4) } else { dice.skewed(200) };
    let mut set = |attribute, value| values.set(attribute, value);
    set(Attribute::Method, 1);
    set(Attribute::Path, 1 + page);
    set(Attribute::HeaderOrder, browser);
    set(Attribute::HeaderSet, browser);
    set(Attribute::UserAgentFamily, browser);
    set(Attribute::UserAgent, agent);
    set(Attribute::Language, 1 + dice.skewed(6));
    set(Attribute::Ja4B, browser);
    set(Attribute::Network, network);
    if let Looks::Program { random_agents, random_queries, networks } = kind.looks {
        let agent = if random_agents { dice.next() } else { 9_999 };
        set(Attribute::Path, 1);
        set(Attribute::HeaderOrder, 9_999);
        set(Attribute::UserAgent, agent);
        set(Attribute::UserAgentFamily, agent);
        set(Attribute::Query, if random_queries { dice.next() } else { 0 });
        set(Attribute::Ja4B, 9_999);
        if networks > 0 {
            set(Attribute::Network, 1_000_000 + dice.below(networks));
        }
    }
    Sample {
        weight,
        tier: kind.tier,
        cohort: Cohort::new(u8::try_from(network % 128).unwrap()),
        cost_micros: u32::try_from(kind.cost * 1_000).unwrap(),
        navigation: dice.percent(kind.navigations),
        keeps_cookies: dice.percent(kind.cookies),
        values,
    }
}
