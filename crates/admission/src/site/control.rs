//! The engine beside the way of a request: ten times a second it moves L, the threshold and the level.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use model::{COHORTS, Decision, Group, Instant, Level, Mode, RULES_MAX, Summary, Tier, Timestamp, Traffic};

use super::Site;
use crate::concurrency::{ClassSample, ConcurrencyLimit, Snapshot, Window};
use crate::core::{Circumstances, Core, Taken};
use crate::lane::Turns;
use crate::limits::{Asked, Bounding};
use crate::pass::PassClock;
use crate::slots::LOGIN_MOST;
use crate::trip::{SelfHarm, TripEvent};
use guard::{Advice, Guard};

/// What all workers counted since the step before.
pub struct Tick<'a> {
    /// The end of the step.
    pub now: Instant,
    /// The wall clock then.
    pub wall: Timestamp,
    /// Length of the step in milliseconds.
    pub millis: u64,
    /// Service times of route classes with data.
    pub classes: &'a [ClassSample],
    /// Offered cost of each cohort, in microseconds of service.
    pub offered_micros: &'a [[u64; COHORTS]; Tier::COUNT],
    /// Cost that rules, challenges and client limits took away, by tier, in the same unit; it is not in `offered_micros`.
    pub removed_micros: &'a [u64; Tier::COUNT],
    /// What kinds of requests came.
    pub traffic: Traffic,
    /// Answers of the origin, and failures in their stead.
    pub served: Served,
    /// The longest wait for a slot, in milliseconds.
    pub queue_wait_ms: u64,
    /// Requests of known clients that were answered or refused.
    pub known_requests: u64,
    /// Random; only for jitter and draws. It stands in recordings.
    pub random: u64,
    /// Random: the secret of strangers' cohorts if an incident begins with this step. It is kept nowhere.
    pub secret: u64,
}

/// How the origin did in a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Served {
    /// All answers.
    pub answers: u64,
    /// 500, 502, 503, 504, no answer, broken off.
    pub failures: u64,
    /// Refused connections, missed deadlines and 503: it has too much to do.
    pub overloads: u64,
}

/// What a step changed.
#[derive(Debug, Default)]
pub struct Turn {
    /// The level, if it changed: before and after.
    pub level: Option<(Level, Level)>,
    /// Layers that begin or cease to report only.
    pub trips: Vec<TripEvent>,
    /// What the decision core found in the second that has just been completed.
    pub advice: Option<Advice>,
    /// In mode `assist`: cohorts would be closed if an admin said yes.
    pub asks: bool,
    /// The step of the core, if it took one and is recorded.
    pub taken: Option<Arc<Taken>>,
    /// What to call [`crate::slots::Slots::set_limit`] with, at every step.
    pub slots_limit: f64,
}

/// Moves limit, threshold and level of one site. Owned by one thread.
pub struct Controller {
    pub(super) limit: ConcurrencyLimit,
    pub(super) core: Core,
    harm: SelfHarm,
    pub(super) clock: PassClock,
    pub(super) summary: Summary,
    pub(super) floor: Option<(Level, Timestamp)>,
    pub(super) ceiling: Option<(Level, Timestamp)>,
    /// Rules that an admin does not want, one for each coming step.
    unwanted_rules: VecDeque<u16>,
    pub(super) in_force: f64,
    turns: Turns,
    bounding: Bounding,
    is_recorded: bool,
}

impl Controller {
    /// Begins, or goes on from what an earlier process kept.
    pub fn new(site: &Site, kept: Option<&Snapshot>, pass_time: Option<Timestamp>, wall: Timestamp) -> Self {
        let limit_max = site.limit_max();
        let clock = PassClock::resume(pass_time, wall);
        // Before the first request: a pass minted at time zero would be of age at once.
        site.pass_time.store(clock.time().as_millis(), Relaxed);
        Self {
            limit: kept.map_or_else(
                || ConcurrencyLimit::new(limit_max),
                |kept| ConcurrencyLimit::restore(limit_max, kept),
            ),
            core: Core::new(Guard::new(site.cohort_key())),
            harm: SelfHarm::new(),
            clock,
            summary: Summary::empty(Instant::ORIGIN, 0),
            floor: None,
            ceiling: None,
            unwanted_rules: VecDeque::new(),
            in_force: f64::INFINITY,
            turns: Turns::default(),
            bounding: Bounding::default(),
            is_recorded: false,
        }
    }

    /// Goes on with what a decision core has learnt.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { core: Core::new(guard), ..self }
    }

    /// Tells each step of the core in [`Turn::taken`].
    #[must_use]
    pub fn recorded(self) -> Self {
        Self { is_recorded: true, ..self }
    }

    /// What decides.
    pub const fn core(&self) -> &Core {
        &self.core
    }

    /// The decision in force.
    pub const fn decision(&self) -> &Decision {
        self.core.decision()
    }

    /// Bytes that the decision core takes now.
    pub fn guard_bytes(&self) -> usize {
        self.core.guard().bytes()
    }

    /// Takes one step: L always, the threshold every 500 ms.
    pub fn step(&mut self, site: &Site, mut tick: Tick<'_>) -> Turn {
        let traffic = std::mem::take(&mut tick.traffic);
        let tick = &tick;
        let time = self.clock.tick(tick.now, tick.wall);
        site.pass_time.store(time.as_millis(), Relaxed);
        site.passes.note_level(site.level().severity() >= 3, time);
        let limit = self.move_limit(site, tick);
        self.gather(site, tick, traffic, limit);
        let mut turn = Turn::default();
        if self.summary.millis >= THRESHOLD_MILLIS {
            self.move_threshold(site, tick, &mut turn);
        }
        self.let_in(site, tick);
        turn.trips.extend(self.watch_harm(site, tick));
        site.denied.sweep(tick.wall);
        site.allowed.sweep(tick.wall);
        // What a predecessor has at the app is not there for us; one slot always is, or nothing would ever move.
        let elsewhere = f64::from(site.elsewhere.load(Relaxed));
        turn.slots_limit = (self.in_force - elsewhere).max(1.0);
        turn
    }

    /// What to keep over a restart: L with its bases, and the pass time.
    pub fn snapshot(&self) -> (Snapshot, Timestamp) {
        (self.limit.snapshot(), self.clock.time())
    }

    /// Pins the level: `floor` holds it up, `ceiling` keeps it down, both until a moment.
    pub fn pin(&mut self, floor: Option<(Level, Timestamp)>, ceiling: Option<(Level, Timestamp)>) {
        (self.floor, self.ceiling) = (floor, ceiling);
    }

    /// Takes a rule back with one of the next steps, because an admin does not want it.
    pub fn drop_rule(&mut self, id: u16) {
        if self.unwanted_rules.len() < RULES_MAX {
            self.unwanted_rules.push_back(id);
        }
    }

    /// L, and whether it rests on enough healthy seconds.
    pub fn limit(&self) -> (f64, bool) {
        (self.limit.limit(), self.limit.is_measured())
    }

    fn move_limit(&mut self, site: &Site, tick: &Tick<'_>) -> f64 {
        let known = site.slots.inflight(Group::Known) + site.slots.inflight(Group::Admin);
        let to_count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let limit = self.limit.step(
            tick.now,
            &Window {
                classes: tick.classes,
                inflight: site.slots.total(),
                completions: to_count(tick.served.answers),
                hard_failures: to_count(tick.served.overloads),
                queue_wait_ms: tick.queue_wait_ms,
                level_calm: site.is_calm() && !site.is_held_down(),
                known_concurrency: f64::from(known),
            },
        );
        // While observing nothing waits: the slots only count.
        self.in_force = if site.mode() == Mode::Observe { f64::INFINITY } else { self.limit.in_force() };
        limit
    }

    fn gather(&mut self, site: &Site, tick: &Tick<'_>, traffic: Traffic, limit: f64) {
        let summary = &mut self.summary;
        summary.at = tick.now;
        summary.millis += tick.millis;
        summary.limit = limit;
        summary.inflight = site.slots.total();
        summary.connections = site.connections.share_used();
        summary.queue_wait_ms = summary.queue_wait_ms.max(tick.queue_wait_ms);
        summary.origin_answers += tick.served.answers;
        summary.origin_failures += tick.served.overloads;
        for (total, part) in summary.offered.iter_mut().flatten().zip(tick.offered_micros.iter().flatten()) {
            *total += part;
        }
        for (total, part) in summary.removed.iter_mut().zip(tick.removed_micros) {
            *total += part;
        }
        summary.traffic.absorb(traffic);
    }

    fn move_threshold(&mut self, site: &Site, tick: &Tick<'_>, turn: &mut Turn) {
        for cost in self.summary.offered.iter_mut().flatten().chain(&mut self.summary.removed) {
            *cost /= 1_000;
        }
        self.judge_lane(site);
        self.judge_tickets(site, tick.now);
        self.judge_budgets(site, tick.now);
        site.ladder.step();
        let circumstances = self.circumstances(site, tick.wall);
        let outcome = self.core.step(&self.summary, &circumstances, tick.random);
        let before = site.level();
        if outcome.closes_anew {
            // A new incident: nobody may have learnt from the last one which cohort an address falls into.
            site.cohort_key.store(tick.secret, Relaxed);
        }
        turn.asks = outcome.asks;
        site.set_ferry(outcome.ferry);
        if outcome.decision.level != before {
            turn.level = Some((before, outcome.decision.level));
            // A yes is for one incident: it ends with it, once the pin that gave it is over.
            if outcome.decision.level == Level::Calm && circumstances.floor.is_none() {
                site.set_assist_yes(false);
            }
        }
        site.obey(outcome.decision.clone());
        turn.advice.clone_from(&outcome.advice);
        let traffic = std::mem::take(&mut self.summary.traffic);
        if self.is_recorded {
            let summary = Summary { traffic, ..self.summary.clone() };
            let (wall, random) = (tick.wall, tick.random);
            turn.taken = Some(Arc::new(Taken { wall, summary, circumstances, random, outcome }));
        }
        self.summary.millis = 0;
        self.summary.queue_wait_ms = 0;
        (self.summary.origin_answers, self.summary.origin_failures) = (0, 0);
        self.summary.offered.iter_mut().for_each(|tier| tier.fill(0));
        self.summary.removed.fill(0);
        self.learn_costs(site);
    }

    /// Whether signing in needs a waiting room. While the gate only observes nobody waits.
    fn judge_lane(&mut self, site: &Site) {
        let millis = self.summary.millis.max(1);
        let asked: u64 = self.summary.offered[Tier::T3.index()].iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of half a second's requests")]
        let demand = asked as f64 / millis as f64;
        let is_calm = site.is_calm() || site.mode() == Mode::Observe;
        site.lane.set_waiting_room(self.turns.judge(demand, site.slots.lane_slots(), is_calm));
    }

    /// How much one customer may ask for, from what all of them do. A pin or the mode does not matter: it only bites where
    /// something refuses.
    fn judge_budgets(&mut self, site: &Site, now: Instant) {
        let millis = self.summary.millis.max(1);
        let within: u64 =
            [Tier::T1, Tier::T2].iter().flat_map(|tier| &self.summary.offered[tier.index()]).sum();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of half a second's requests")]
        let load = |cost_millis: u64| cost_millis as f64 / millis as f64;
        let excess = load(site.budgets.take_excess() / 1_000);
        let asked = Asked { within: load(within), excess, limit: self.summary.limit };
        self.bounding.step(&site.budgets, asked, now);
    }

    /// How many tickets may be given to strangers, from what those with tickets ask for.
    fn judge_tickets(&self, site: &Site, now: Instant) {
        let load = |tier: Tier| {
            let asked: u64 = self.summary.offered[tier.index()].iter().sum();
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of half a second's requests")]
            let load = asked as f64 / self.summary.millis.max(1) as f64;
            load
        };
        let limit = self.summary.limit;
        let lane = load(Tier::T3).min(LOGIN_MOST * limit);
        let better = [Tier::T0, Tier::T1, Tier::T2].into_iter().map(load).sum::<f64>() + lane;
        site.bound_tickets(limit, better, load(Tier::T4), now);
    }

    /// Draws from those who wait to sign in as many as the lane can serve.
    fn let_in(&mut self, site: &Site, tick: &Tick<'_>) {
        if !site.lane.has_waiting_room() {
            return;
        }
        let micros: u64 = site
            .lane
            .journey()
            .map(|(method, path)| site.classes.cost_micros(site.classes.of(method, path)))
            .sum();
        #[expect(
            clippy::cast_precision_loss,
            reason = "at most two hours, and a step of a tenth of a second"
        )]
        let (journey, seconds) = (micros as f64 / 1e6, tick.millis as f64 / 1e3);
        let entries = self.turns.entries(site.slots.lane_slots(), journey, seconds);
        site.lane.draw(entries, tick.random, tick.now);
    }

    /// What is so around a step now; pins that are over are forgotten.
    pub(super) fn circumstances(&mut self, site: &Site, wall: Timestamp) -> Circumstances {
        let live = |pin: &mut Option<(Level, Timestamp)>| {
            *pin = pin.filter(|(_, until)| wall < *until);
            pin.map(|(level, _)| level)
        };
        let circumstances = Circumstances {
            mode: site.mode(),
            assist_yes: site.assist_yes.load(Relaxed),
            floor: live(&mut self.floor),
            ceiling: live(&mut self.ceiling),
            unwanted_rule: self.unwanted_rules.pop_front(),
        };
        site.held_down.store(self.core.is_held_down(&circumstances), Relaxed);
        circumstances
    }

    /// What requests of each class cost, and the usual cost, from calm service times.
    fn learn_costs(&mut self, site: &Site) {
        let snapshot = self.limit.snapshot();
        let mut weighted = (0.0, 0.0);
        for base in &snapshot.bases {
            if base.samples >= SAMPLES_MIN {
                site.classes.set_cost(usize::from(base.class), base.median_ms);
                #[expect(clippy::cast_precision_loss, reason = "a count of samples is far below 2^53")]
                let samples = base.samples as f64;
                weighted = (weighted.0 + base.median_ms * samples, weighted.1 + samples);
            }
        }
        if weighted.1 > 0.0 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a mean of service times"
            )]
            let micros = (weighted.0 / weighted.1 * 1_000.0).clamp(100.0, 1e9) as u64;
            site.usual_cost_micros.store(micros, Relaxed);
        }
    }

    fn watch_harm(&mut self, site: &Site, tick: &Tick<'_>) -> Vec<TripEvent> {
        while let Some((layer, account)) = site.harm.pop() {
            self.harm.failure(tick.now, layer, account);
        }
        self.harm.answered(tick.known_requests, tick.now);
        let event = self.harm.step(tick.now, site.level());
        let tripped = crate::trip::Layer::ALL
            .into_iter()
            .filter(|&layer| self.harm.only_reports(layer))
            .fold(0, |bits, layer| bits | 1 << layer.index());
        site.tripped.store(tripped, Relaxed);
        event.into_iter().collect()
    }
}

const THRESHOLD_MILLIS: u64 = 500;
/// Answers of a class in calm from which its cost is believed (decision-science, section 0.6).
const SAMPLES_MIN: u64 = 100;
