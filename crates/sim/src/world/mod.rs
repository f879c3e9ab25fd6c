//! The world: people, attackers, app and clock around the gate, played a tenth of a second at a time.
//!
//! Within a tenth everything happens at its own moment, in the order of an agenda. Legitimate requests are played one by
//! one; those of attacks in bundles of requests alike (contracts), and what is let in of them again one by one.

mod agenda;
mod census;
mod clients;
mod gate;
mod habits;
mod hostile;
mod jobs;
mod logins;
mod looks;
mod mutation;
mod origin;
mod others;
mod routes;
pub(crate) mod score;
mod story;
#[cfg(test)]
mod tests;
mod visits;
mod warm;
pub(crate) mod weather;

use guard::rules::Change;
use model::{Challenge, Instant, Masks, Timestamp};

use crate::invariants::{Broken, Checks, Findings, Seen};
use crate::outcome::Outcome;
use crate::random::{Random, index, whole};
use crate::scenario::Scenario;
use agenda::{Agenda, Plan};
use clients::{Client, Town};
use gate::Gate;
use hostile::Hostile;
use jobs::Jobs;
use logins::Logins;
use mutation::Mutation;
use origin::Origin;
use others::Others;
use score::{Score, thousandths};
use story::Story;
pub use story::Tell;
use visits::Visits;
use weather::Weather;

/// What stands between the clients and the app.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Layers {
    /// All that the gate has.
    #[default]
    All,
    /// The threshold with its reserved shares alone: no rules, no client limits, no challenges, no tickets.
    Threshold,
}

impl Layers {
    /// The argument of `portcullis sim` that asks for it, after a space; nothing for what is played without one.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Threshold => " --threshold-alone",
        }
    }
}

/// Microseconds since the scenario began.
type Micros = u64;

/// The monotonic clock stands here when a scenario begins, in microseconds.
const BEGIN: Micros = 3_600_000_000;

/// The same moment on the monotonic clock.
fn instant(now: Micros) -> Instant {
    Instant::from_nanos((BEGIN + now).saturating_mul(1_000))
}

/// A world that plays one scenario.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    seed: u64,
    now: Micros,
    town: Town,
    customers: Vec<Client>,
    gate: Gate,
    origin: Origin,
    agenda: Agenda,
    weather: Weather,
    jobs: Jobs,
    visits: Visits,
    logins: Logins,
    others: Others,
    hostiles: Vec<Hostile>,
    score: Score,
    story: Story<'a>,
    /// What the core found in the last second: whether it learnt, and whether it suspects that traffic is missing.
    findings: Findings,
    /// Memory of the decision core at the end of the last second.
    core_bytes: u64,
    checks: Checks,
    /// Draws the times that work takes.
    work: Random,
    /// Stands in for a broken core in tests.
    mutation: Option<Mutation>,
    /// The masks that were obeyed in the tick before.
    obeyed: Masks,
}

impl<'a> World<'a> {
    #[cfg(test)]
    pub(crate) fn new(scenario: &'a Scenario, seed: u64) -> Self {
        Self::with(scenario, seed, Layers::All)
    }

    /// A world in which the gate has these layers.
    pub(crate) fn with(scenario: &'a Scenario, seed: u64, layers: Layers) -> Self {
        let people = u64::from(scenario.known.clients) + u64::from(scenario.unknown.clients);
        let town = Town::new(seed, people);
        let beginning = warm::begin(scenario, &town, seed, layers, Timestamp::from_millis(WALL_MILLIS));
        let attacks = (0..).zip(&scenario.attacks).zip(beginning.aged);
        let hostiles =
            attacks.map(|((number, attack), aged)| Hostile::new(number, *attack, aged, seed)).collect();
        Self {
            scenario,
            seed,
            now: 0,
            town,
            customers: beginning.customers,
            gate: Gate::new(beginning.site, beginning.controller, seed, layers),
            origin: Origin::new(scenario.origin.capacity),
            agenda: Agenda::default(),
            weather: Weather::new(seed),
            jobs: Jobs::default(),
            visits: Visits::new(scenario, seed),
            logins: Logins::new(seed),
            others: Others::new(seed),
            hostiles,
            score: Score::new(scenario.seconds),
            story: Story::default(),
            findings: Findings::default(),
            core_bytes: 0,
            checks: Checks::new(layers),
            work: Random::stream(seed, PART),
            mutation: None,
            obeyed: Masks::OPEN,
        }
    }

    /// The same world, which tells what the core advises.
    pub(crate) fn telling(mut self, tell: &'a mut Tell<'a>) -> Self {
        self.story = Story::told_to(tell);
        self
    }

    /// The same world with a core that is broken.
    #[cfg(test)]
    pub(crate) fn mutated(mut self, mutation: Mutation) -> Self {
        (self.mutation, self.gate.mutation) = (Some(mutation), Some(mutation));
        self
    }

    /// Plays the scenario to its end. `clock` tells nanoseconds of any clock; only `tick_p99_us` and
    /// `seconds_per_hour` depend on it.
    pub(crate) fn play(mut self, clock: &mut dyn FnMut() -> u64) -> Result<Outcome, Broken> {
        let begun = clock();
        self.open_doors();
        for tick in 0..self.scenario.seconds * TICKS_PER_SECOND {
            self.tick(tick * TICK, clock)?;
        }
        self.score.took(clock().saturating_sub(begun));
        self.checks.end(&self.score, self.scenario)?;
        Ok(self.score.result(self.scenario, self.seed))
    }

    fn tick(&mut self, begin: Micros, clock: &mut dyn FnMut() -> u64) -> Result<(), Broken> {
        self.now = begin;
        self.weather.change(self.scenario, begin);
        let workers = f64::from(self.scenario.origin.capacity) * self.weather.capacity;
        self.origin.set(workers.round(), self.weather.slowness);
        self.score.has_capacity(workers / self.weather.slowness.max(1.0), begin);
        self.resume();
        self.plan_arrivals();
        self.ask_others()?;
        self.attack()?;
        while let Some((at, plan)) = self.agenda.next_before(begin + TICK) {
            self.now = at;
            self.carry_out(plan);
        }
        self.now = begin + TICK;
        self.decide(clock)
    }

    fn carry_out(&mut self, plan: Plan) {
        match plan {
            Plan::Arrive { known } => self.arrive(known),
            Plan::Page { session, visit } => self.ask_page(session, visit),
            Plan::Files { session, visit } => self.ask_files(session, visit),
            Plan::LosePatience { session, visit } => self.lose_patience(session, visit),
            Plan::BeginLogin => self.begin_login(),
            Plan::LoginStep { login, turn } => self.login_step(login, turn),
            Plan::LoginPatience { login, turn } => self.login_patience(login, turn),
            Plan::Done { job } => self.done(job),
            Plan::WaitEnds { place, job } => self.wait_ends(place, job),
            Plan::Hostile { attack, tier } => self.ask_hostile(attack, tier),
        }
        self.settle();
    }

    /// Arrivals of the next tenth of a second.
    fn plan_arrivals(&mut self) {
        for known in [true, false] {
            let busy = self.weather.busy(known) * self.weather.crowd * self.hourly();
            for at in self.visits.arrivals(known, busy, self.now) {
                self.agenda.plan(at, Plan::Arrive { known });
            }
        }
        for at in self.logins.arrivals(self.scenario.login.per_second * self.hourly(), self.now) {
            self.agenda.plan(at, Plan::BeginLogin);
        }
    }

    /// The engine's step at the end of a tick, and what is checked and noted then.
    fn decide(&mut self, clock: &mut dyn FnMut() -> u64) -> Result<(), Broken> {
        if !self.weather.is_blind {
            let begun = clock();
            self.gate.hold_down(self.weather.ceiling, self.wall());
            let turn = self.gate.step(self.now, self.wall());
            self.mutate();
            self.gate.set_limit(turn.slots_limit, self.now);
            self.score.ticked(clock().saturating_sub(begun));
            self.sum_up_second();
            if let Some(taken) = &turn.taken {
                self.checks.told(taken);
            }
            if let Some(advice) = &turn.advice {
                self.story.tell(self.now, advice);
                self.findings = Findings {
                    learns: advice.findings.is_learnt,
                    misses_traffic: advice.findings.upstream.is_suspected,
                };
                self.score.suspects(self.now, self.findings.misses_traffic);
                let acts = |change: &Change| matches!(change, Change::Armed { .. } | Change::Rearmed { .. });
                if advice.changes.iter().any(acts) {
                    self.score.rule_acts(self.now);
                }
            }
            self.settle();
        }
        self.note_decision();
        let seen = self.seen();
        self.checks.tick(&seen, &self.score, self.scenario)
    }

    /// Once a second the checks look at what was asked for.
    fn sum_up_second(&mut self) {
        if !self.now.is_multiple_of(SECOND) {
            return;
        }
        let (limit, _) = self.gate.controller.limit();
        let summary = self.gate.census.sum_up(limit, self.now);
        self.checks.summed_up(&summary, self.masks(), self.second() - 1, self.scenario);
        self.checks.matched(&self.gate.census.matched, self.gate.census.known_requests);
        self.core_bytes = self.gate.controller.guard_bytes() as u64;
    }

    fn note_decision(&mut self) {
        let decision = self.gate.site.decision().clone();
        let masks = self.masks();
        let is_open = masks.is_open() && decision.challenge == Challenge::Off;
        self.score.decided(self.now, decision.level, is_open);
        let tiers = model::Tier::ALL.map(|tier| masks.tier(tier));
        for mask in tiers {
            self.score.hash(&mask.to_le_bytes());
        }
        let limit = thousandths(self.gate.site.slots().limit());
        let rules = u8::try_from(decision.rules.rules.len()).unwrap_or(u8::MAX);
        let flags =
            [decision.level.number(), u8::from(decision.limits_refuse), decision.challenge as u8, rules];
        self.score.hash(&flags);
        self.score.hash(&limit.to_le_bytes());
        self.score.hash(&decision.seq.to_le_bytes());
        self.score.state_bytes = self.score.state_bytes.max(self.state_bytes());
    }

    fn seen(&self) -> Seen {
        let site = &self.gate.site;
        Seen {
            now: self.now,
            level: self.gate.controller.decision().level,
            masks: self.masks(),
            limit: site.slots().limit(),
            held: site.slots().total(),
            is_cut_off: self.weather.is_cut_off,
            findings: self.findings,
            challenge: self.gate.site.decision().challenge,
            rules: self.gate.site.decision().rules.clone(),
            is_blind: self.weather.is_blind,
            is_weak: self.weather.capacity < 1.0 || self.weather.slowness > 1.02,
            is_held_down: self.weather.ceiling.is_some(),
            state_bytes: self.score.state_bytes,
            bases: self.now.is_multiple_of(SECOND).then(|| self.gate.controller.snapshot().0.bases),
        }
    }

    /// The masks that the gate obeys.
    fn masks(&self) -> Masks {
        self.gate.site.decision().masks
    }

    /// Does to the gate what a broken core would have done.
    fn mutate(&mut self) {
        let Some(mutation) = self.mutation else { return };
        let decision = self.gate.controller.decision().clone();
        if let Some(other) = mutation.decision(&decision, self.obeyed) {
            self.gate.site.obey(other);
        }
        if mutation == Mutation::DropsBudgets {
            self.gate.site.budgets().unbind();
        }
        self.obeyed = self.masks();
    }

    fn wall(&self) -> Timestamp {
        let moved = WALL_MILLIS as f64 + self.now as f64 / 1e3 + self.weather.wall_seconds * 1e3;
        Timestamp::from_millis(whole(moved))
    }

    fn state_bytes(&self) -> u64 {
        let site = &self.gate.site;
        let tables =
            site.ladder().bytes() + site.budgets().bytes() + site.nat().bytes() + site.connections().bytes();
        let passes = site.registry().count() * size_of::<admission::pass::Row>();
        (tables + passes) as u64 + ENGINE_BYTES + self.core_bytes
    }

    /// How busy people are at this time of the day.
    pub(super) fn hourly(&self) -> f64 {
        self.scenario.hourly(hour(self.now as f64 / 1e6))
    }

    /// The time that a page or file takes on average, in seconds.
    fn service(&self) -> f64 {
        self.scenario.origin.service_ms / 1e3
    }

    fn second(&self) -> u64 {
        self.now / SECOND
    }

    fn customer(&self, number: u32) -> Option<Client> {
        self.customers.get(index(number.into())).copied()
    }
}

/// The hour of the day, so many seconds after the beginning.
fn hour(seconds: f64) -> f64 {
    ((WALL_MILLIS / 1_000) as f64 + seconds) / 3_600.0 % 24.0
}

const PART: u64 = 5;
const TICKS_PER_SECOND: u64 = 10;
const TICK: Micros = 100_000;
const SECOND: Micros = 1_000_000;
/// The wall clock at the beginning: a Tuesday in November at 22:13:20 UTC.
const WALL_MILLIS: u64 = 1_700_000_000_000;
/// The deviation of the logarithm of the time that requests of one kind take.
const SERVICE_SIGMA: f64 = 0.5;
/// Limiter and threshold: see their own documentation.
const ENGINE_BYTES: u64 = 300 << 10;
