//! What is counted for the result, second by second, and the result itself.

use model::{Level, Tier};

use super::Micros;
use crate::outcome::Outcome;
use crate::random::{index, whole};
use crate::scenario::{Event, EventKind, Scenario};

/// One second of the world.
#[derive(Clone, Copy, Default)]
pub(crate) struct Second {
    /// Attempts of customers begun in it, and those of them that succeeded.
    pub(crate) known: [u32; 2],
    /// Attempts of customers in which they asked for more than their budgets allow.
    pub(crate) known_over: u32,
    /// The same of visitors.
    pub(crate) unknown: [u32; 2],
    /// Attempts begun in it on which a rule acted.
    pub(crate) hit: u32,
    /// Work that went to the app, in seconds of nominal service.
    pub(crate) forwarded: f32,
    /// What the app could do, in the same unit.
    pub(crate) capacity: f32,
    /// Legitimate work asked for, repetitions left out.
    pub(crate) legitimate: f32,
    /// Legitimate requests, and those of them that were refused.
    pub(crate) requests: [u32; 2],
    /// Requests of customers that were refused.
    pub(crate) known_refused: u32,
    /// Requests of customers.
    pub(crate) known_requests: u32,
}

/// A login from a new address.
#[derive(Clone, Copy)]
struct Login {
    begun: Micros,
    confirmed: Option<Micros>,
}

/// What the decision was from a moment on.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    pub(crate) at: Micros,
    pub(crate) level: Level,
    /// No cohort is closed and nobody is challenged.
    pub(crate) is_open: bool,
}

/// Everything that was counted.
pub(crate) struct Score {
    pub(crate) seconds: Vec<Second>,
    pub(crate) changes: Vec<Change>,
    logins: Vec<Login>,
    reverts: u32,
    /// Moments at which a rule began to act.
    rules: Vec<Micros>,
    hash: u64,
    pub(crate) state_bytes: u64,
    ticks_us: Vec<u32>,
    /// Moments at which the core began to suspect that nothing arrives any more, and at which it ceased to.
    suspicions: Vec<(Micros, bool)>,
    /// What the run took, by the caller's clock.
    took_nanos: u64,
}

impl Score {
    pub(crate) fn new(seconds: u64) -> Self {
        Self {
            seconds: vec![Second::default(); index(seconds) + 1],
            changes: vec![Change { at: 0, level: Level::Calm, is_open: true }],
            logins: Vec::new(),
            reverts: 0,
            rules: Vec::new(),
            hash: 0xCBF2_9CE4_8422_2325,
            state_bytes: 0,
            ticks_us: Vec::new(),
            suspicions: Vec::new(),
            took_nanos: 0,
        }
    }

    /// The row of a moment.
    pub(super) fn at(&mut self, now: Micros) -> &mut Second {
        let last = self.seconds.len() - 1;
        &mut self.seconds[index(now / 1_000_000).min(last)]
    }

    /// An attempt of somebody began.
    pub(super) fn begun(&mut self, known: bool, now: Micros) {
        self.people(known, now)[0] += 1;
    }

    /// An attempt that began at a moment succeeded.
    pub(super) fn succeeded(&mut self, known: bool, begun: Micros) {
        self.people(known, begun)[1] += 1;
    }

    /// A rule acted on an attempt that began at a moment.
    pub(super) fn hit(&mut self, begun: Micros) {
        self.at(begun).hit += 1;
    }

    /// A customer's attempt that began at a moment asked for more than its budget allows.
    pub(super) fn over_budget(&mut self, begun: Micros) {
        self.at(begun).known_over += 1;
    }

    /// A legitimate request was sent, of so much work.
    pub(super) fn asked(
        &mut self,
        tier: Option<Tier>,
        work: f64,
        is_first: bool,
        refused: bool,
        now: Micros,
    ) {
        let known = tier.is_some_and(Tier::is_known);
        let row = self.at(now);
        row.legitimate += if is_first { narrow(work) } else { 0.0 };
        row.requests[0] += 1;
        row.requests[1] += u32::from(refused);
        row.known_requests += u32::from(known);
        row.known_refused += u32::from(known && refused);
    }

    /// A legitimate request that had been let in was refused after all.
    pub(super) fn refused_late(&mut self, tier: Tier, now: Micros) {
        let row = self.at(now);
        row.requests[1] += 1;
        row.known_refused += u32::from(tier.is_known());
    }

    /// Work went to the app.
    pub(super) fn forwarded(&mut self, work: f64, now: Micros) {
        self.at(now).forwarded += narrow(work);
    }

    /// A tenth of a second passes in which the app has so many workers.
    pub(super) fn has_capacity(&mut self, workers: f64, now: Micros) {
        self.at(now).capacity += narrow(workers / 10.0);
    }

    /// A login from a new address began; its place.
    pub(super) fn login_begun(&mut self, now: Micros) -> usize {
        self.logins.push(Login { begun: now, confirmed: None });
        self.logins.len() - 1
    }

    /// The app confirmed it.
    pub(super) fn login_confirmed(&mut self, place: usize, now: Micros) {
        if let Some(login) = self.logins.get_mut(place) {
            login.confirmed = login.confirmed.or(Some(now));
        }
    }

    /// The decision in force at the end of a tick.
    pub(super) fn decided(&mut self, now: Micros, level: Level, is_open: bool) {
        let last = self.changes[self.changes.len() - 1];
        if (last.level, last.is_open) != (level, is_open) {
            self.reverts += u32::from(last.level == Level::Reopening && level == Level::CustomersFirst);
            self.changes.push(Change { at: now, level, is_open });
        }
    }

    /// A rule begins to act.
    pub(super) fn rule_acts(&mut self, now: Micros) {
        self.rules.push(now);
    }

    /// Adds to the hash over all decisions (FNV-1a).
    pub(super) fn hash(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    /// A tick of the engine took so many nanoseconds of the caller's clock.
    pub(super) fn ticked(&mut self, nanos: u64) {
        self.ticks_us.push(u32::try_from(nanos / 1_000).unwrap_or(u32::MAX));
    }

    /// Whether the core suspects that nothing arrives any more.
    pub(super) fn suspects(&mut self, now: Micros, suspects: bool) {
        if self.suspicions.last().is_some_and(|&(_, last)| last) != suspects {
            self.suspicions.push((now, suspects));
        }
    }

    /// The whole run took so many nanoseconds of the caller's clock.
    pub(super) fn took(&mut self, nanos: u64) {
        self.took_nanos = nanos;
    }

    /// Share of capacity that legitimate load had over the ten seconds up to the end of a second.
    pub(crate) fn legitimate_load(&self, second: usize) -> f64 {
        let last = &self.seconds[second.saturating_sub(9)..=second.min(self.seconds.len() - 1)];
        let work: f64 = last.iter().map(|row| f64::from(row.legitimate)).sum();
        let capacity = self.seconds[second.min(self.seconds.len() - 1)].capacity;
        let capacity =
            if capacity > 0.0 { capacity } else { self.seconds[second.saturating_sub(1)].capacity };
        work / last.len().max(1) as f64 / f64::from(capacity).max(1e-9)
    }

    /// The result of the run.
    pub(super) fn result(mut self, scenario: &Scenario, seed: u64) -> Outcome {
        self.seconds.truncate(index(scenario.seconds));
        let attacked = |second: u64| scenario.attacks.iter().any(|attack| attack.lasts(second));
        let after = |second: u64| {
            let lasts = |attack: &&crate::scenario::Attack| attack.lasts(second);
            scenario.attacks.iter().filter(lasts).any(|attack| second >= attack.start + 2)
        };
        let has_attack = !scenario.attacks.is_empty();
        let known = |row: &Second| row.known;
        let unknown = |row: &Second| row.unknown;
        self.ticks_us.sort_unstable();
        let [refused_in_calm, known_refused_in_calm] = self.refused_in_calm(scenario);
        Outcome {
            name: scenario.name.clone(),
            seed,
            seconds_to_detect: self.worst(scenario, Self::detected),
            seconds_to_protect: self.worst(scenario, Self::protected),
            seconds_to_first_rule: self.first_rule(scenario),
            known_success: self.success(attacked, known).filter(|_| has_attack),
            known_success_after_protect: self.success(after, known).filter(|_| has_attack),
            unknown_success: self.success(attacked, unknown).filter(|_| has_attack),
            login_success: self.login_success(scenario),
            login_p95_seconds: self.login_p95(scenario),
            over_limit_seconds: self.over_limit(),
            false_closings: self.false_closings(scenario),
            refused_in_calm,
            known_refused_in_calm,
            seconds_to_alarm: self.alarmed(scenario),
            reverts: self.reverts,
            seconds_to_reopen: self.worst(scenario, Self::reopened),
            collateral: self.collateral(),
            tick_p99_us: self.ticks_us.get(self.ticks_us.len() * 99 / 100).copied().unwrap_or(0).into(),
            state_bytes_max: self.state_bytes,
            seconds_per_hour: self.took_nanos as f64 / 1e9 * 3_600.0 / scenario.seconds as f64,
            decision_hash: format!("{:016x}", self.hash),
        }
    }

    fn collateral(&self) -> f64 {
        let attempts = |row: &Second| u64::from(row.known[0]) + u64::from(row.unknown[0]);
        let hit: u64 = self.seconds.iter().map(|row| u64::from(row.hit)).sum();
        hit as f64 / self.seconds.iter().map(attempts).sum::<u64>().max(1) as f64
    }

    fn people(&mut self, known: bool, now: Micros) -> &mut [u32; 2] {
        let row = self.at(now);
        if known { &mut row.known } else { &mut row.unknown }
    }

    /// The largest figure of all attacks; `None` without any.
    fn worst(&self, scenario: &Scenario, figure: fn(&Self, &Scenario, usize) -> f64) -> Option<f64> {
        (0..scenario.attacks.len()).map(|attack| figure(self, scenario, attack)).max_by(f64::total_cmp)
    }

    /// Seconds to the first level above calm.
    fn detected(&self, scenario: &Scenario, attack: usize) -> f64 {
        let start = scenario.attacks[attack].start;
        let first = |at: Micros| (at as f64 / 1e6 - start as f64).max(0.0);
        let mut found = None;
        for (place, change) in self.changes.iter().enumerate() {
            let ends = self.changes.get(place + 1).map_or(u64::MAX, |next| next.at);
            if change.level != Level::Calm && ends > start * 1_000_000 {
                found = found.or(Some(first(change.at)));
            }
        }
        found.unwrap_or(left(scenario, start))
    }

    /// Seconds to the first rule that acts while the first attack lasts.
    fn first_rule(&self, scenario: &Scenario) -> Option<f64> {
        let attack = scenario.attacks.first()?;
        let first = self.rules.iter().find(|&&at| attack.lasts(at / 1_000_000))?;
        Some(*first as f64 / 1e6 - attack.start as f64)
    }

    /// Seconds to the first of ten good seconds.
    fn protected(&self, scenario: &Scenario, attack: usize) -> f64 {
        let start = scenario.attacks[attack].start;
        let mut run = 0;
        for second in index(start)..self.seconds.len() {
            let row = &self.seconds[second];
            let served = f64::from(row.known[1]) >= 0.99 * f64::from(row.known[0]);
            run = if served && f64::from(row.forwarded) <= OVER * f64::from(row.capacity) {
                run + 1
            } else {
                0
            };
            if run == 10 {
                return second as f64 - 9.0 - start as f64;
            }
        }
        left(scenario, start)
    }

    /// Seconds from the end until all is open for a minute.
    fn reopened(&self, scenario: &Scenario, attack: usize) -> f64 {
        let end = scenario.attacks[attack].end();
        let run_ends = scenario.seconds * 1_000_000;
        for (place, change) in self.changes.iter().enumerate() {
            let until = self.changes.get(place + 1).map_or(run_ends, |next| next.at);
            let from = change.at.max(end * 1_000_000);
            if change.is_open && until >= from + 60_000_000 {
                return (from as f64 / 1e6) - end as f64;
            }
        }
        left(scenario, end)
    }

    fn success(&self, counts: impl Fn(u64) -> bool, people: impl Fn(&Second) -> [u32; 2]) -> Option<f64> {
        // What begins in the last four seconds has no time to succeed.
        let judged = (0_u64..).zip(&self.seconds[..self.seconds.len().saturating_sub(4)]);
        let sums = judged.filter(|(second, _)| counts(*second)).fold([0_u64; 2], |sums, (_, row)| {
            let [begun, succeeded] = people(row);
            [sums[0] + u64::from(begun), sums[1] + u64::from(succeeded)]
        });
        Some(if sums[0] == 0 { 1.0 } else { sums[1] as f64 / sums[0] as f64 })
    }

    fn judged_logins<'a>(&'a self, scenario: &'a Scenario) -> impl Iterator<Item = &'a Login> {
        let second = |login: &Login| login.begun / 1_000_000;
        self.logins.iter().filter(move |login| {
            scenario.attacks.iter().any(|attack| attack.lasts(second(login)))
                && second(login) + LOGIN_SECONDS <= scenario.seconds
        })
    }

    fn login_success(&self, scenario: &Scenario) -> Option<f64> {
        if scenario.attacks.is_empty() {
            return None;
        }
        let took = |login: &Login| Some(login.confirmed? - login.begun);
        let in_time = |login: &&Login| took(login).is_some_and(|took| took <= LOGIN_SECONDS * 1_000_000);
        let all = self.judged_logins(scenario).count();
        let good = self.judged_logins(scenario).filter(in_time).count();
        Some(if all == 0 { 1.0 } else { good as f64 / all as f64 })
    }

    fn login_p95(&self, scenario: &Scenario) -> Option<f64> {
        if scenario.attacks.is_empty() {
            return None;
        }
        let took = |login: &Login| {
            let end = login.confirmed.unwrap_or(scenario.seconds * 1_000_000);
            end.saturating_sub(login.begun)
        };
        let mut times: Vec<u64> = self.judged_logins(scenario).map(took).collect();
        times.sort_unstable();
        Some(
            times
                .get((times.len() * 95).div_ceil(100).saturating_sub(1))
                .map_or(0.0, |&micros| micros as f64 / 1e6),
        )
    }

    fn over_limit(&self) -> u64 {
        let over = |row: &&Second| f64::from(row.forwarded) > OVER * f64::from(row.capacity);
        self.seconds.iter().filter(over).count() as u64
    }

    fn false_closings(&self, scenario: &Scenario) -> u64 {
        let closes = |pair: &[Change]| pair[0].level.number() < 3 && matches!(pair[1].level.number(), 3 | 4);
        let is_false = |pair: &&[Change]| {
            let second = pair[1].at.saturating_sub(1) / 1_000_000;
            closes(pair)
                && !scenario.attacks.iter().any(|attack| attack.lasts(second))
                && self.legitimate_load(index(second)) <= WITHIN
        };
        self.changes.windows(2).filter(is_false).count() as u64
    }

    /// Seconds to the suspicion that nothing arrives, at the outage that was noticed latest.
    fn alarmed(&self, scenario: &Scenario) -> Option<f64> {
        let outages = scenario.events.iter().filter(|event| event.kind == EventKind::UpstreamOutage);
        outages.map(|outage| self.noticed(outage)).max_by(f64::total_cmp)
    }

    /// Seconds from an outage's beginning to a suspicion in it; its length without any.
    fn noticed(&self, outage: &Event) -> f64 {
        let [begins, ends] = [outage.start, outage.start + outage.seconds].map(|second| second * 1_000_000);
        for (place, &(from, suspects)) in self.suspicions.iter().enumerate() {
            let until = self.suspicions.get(place + 1).map_or(Micros::MAX, |&(at, _)| at);
            if suspects && from < ends && until > begins {
                return from.saturating_sub(begins) as f64 / 1e6;
            }
        }
        outage.seconds as f64
    }

    /// Shares of requests that were refused in calm: of everybody who means well, and of customers.
    fn refused_in_calm(&self, scenario: &Scenario) -> [f64; 2] {
        let mut sums = [[0_u64; 2]; 2];
        for (second, row) in self.seconds.iter().enumerate() {
            let attacked = scenario.attacks.iter().any(|attack| attack.lasts(second as u64));
            if !attacked && self.legitimate_load(second) <= WITHIN {
                let [all, known] = [row.requests, [row.known_requests, row.known_refused]];
                for (sum, counts) in sums.iter_mut().zip([all, known]) {
                    *sum = [sum[0] + u64::from(counts[0]), sum[1] + u64::from(counts[1])];
                }
            }
        }
        sums.map(|[asked, refused]| refused as f64 / asked.max(1) as f64)
    }
}

/// Seconds left in the run: what is told of something that never came.
fn left(scenario: &Scenario, from: u64) -> f64 {
    scenario.seconds.saturating_sub(from) as f64
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of work, of which seven digits are plenty")]
fn narrow(work: f64) -> f32 {
    work as f32
}

/// Whole milliseconds of a number of seconds, for hashes.
pub(super) fn thousandths(value: f64) -> u64 {
    if value.is_finite() { whole(value * 1_000.0) } else { u64::MAX }
}

/// Share of capacity above which the app is served too much (contracts).
const OVER: f64 = 1.05;
/// Share of capacity up to which legitimate load is no reason to close (contracts).
pub(crate) const WITHIN: f64 = 0.85;
/// Time in which a login must be confirmed (contracts).
const LOGIN_SECONDS: u64 = 30;
