//! How many requests the app can serve at once: the concurrency limit L.
//!
//! A gradient limiter after Netflix's Gradient2 (decision-science, section 3, as amended by section 0.6): L grows while
//! the app answers as fast as it does in calm, and shrinks when it answers more slowly. What "as in calm" means is
//! learnt per route class, only in calm and below 80 % of L, so that a long attack cannot teach the limiter that slow
//! is normal.

mod history;
mod service;
#[cfg(test)]
mod tests;

pub use service::{CLASSES, ClassBase, ClassSample};

use history::History;
use model::Instant;
use service::Services;
use std::time::Duration;

/// How often [`ConcurrencyLimit::step`] is to be called, in milliseconds.
pub const STEP_MILLIS: u64 = 100;
/// Healthy seconds after which L counts as measured.
pub const HEALTHY_SECONDS: u32 = 300;
/// L is never below this.
pub const LIMIT_MIN: f64 = 8.0;

/// How much slower than in calm an answer may be before L shrinks.
///
/// Chosen together with [`HEADROOM`] by measurement (the tests' closed loop: FIFO origin, log-normal service of 40 ms, σ 0.5):
/// L settles at 1.07 (256 servers) to 1.15 (16 servers) times the app's capacity, and at 1.23 with 8 servers, where
/// one request is an eighth. After the app has doubled it is there again in 2 to 6 s, after it was halved in 2 s.
const TOLERANCE: f64 = 1.05;
/// What L is given beyond the gradient, in units of √L, when the app is at its limit.
const HEADROOM: f64 = 0.15;
/// The same when the app answers as in calm: how fast L follows a growing app.
const HEADROOM_MAX: f64 = 2.0;
/// How fast, compared with calm, answers must come for a second to be healthy.
const HEALTHY_RATIO: f64 = 0.7;
/// How fast the headroom grows with the gradient beyond 1.
const HEADROOM_SLOPE: f64 = 20.0;
/// The part of the way to the new value that one step goes.
const SMOOTHING: f64 = 0.2;
/// What is left of L after a hard failure.
const CUT: f64 = 0.9;
/// Time between two cuts: a cut shows only once requests that were begun before it have ended.
const CUT_MILLIS: u64 = 200;
/// Share of answers that are hard failures from which L is cut: a route that always fails is not overload.
const FAILURE_SHARE: f64 = 0.05;
/// Share of L in use from which L may grow.
const GROW_FROM: f64 = 0.5;
/// Share of L in use from which L may shrink: slow answers with slots to spare are not caused by concurrency.
const SHRINK_FROM: f64 = 0.9;
/// The same while requests wait for slots. Less than this, and they wait for their group's share, not for L.
const WAITING_FROM: f64 = 0.7;
/// More than this share of L in service is an excess from before, which must drain before times count again.
const DRAIN_FROM: f64 = 1.25;
/// Share of L in use up to which service times in calm are learnt.
const LEARN_UP_TO: f64 = 0.8;
/// L grows to at most this multiple of the highest concurrency that was served as fast as in calm.
const GROWTH_MAX: f64 = 4.0;
/// The first measured L is at least this: small sites hardly ever have more in service at once, and the gradient
/// takes it back within two seconds if it is too much.
const FIRST_LIMIT_MIN: f64 = 32.0;
/// While L is unlimited, the app counts as queueing from this many requests in service ...
const QUEUEING_INFLIGHT: f64 = 32.0;
/// ... that take longer than this share of the time allows ...
const QUEUEING_RATIO: f64 = 0.5;
/// ... for so many steps.
const QUEUEING_STEPS: u32 = 5;
/// Below this share of the L that it had before its last failures, L grows by [`RECOVERY`] a step.
const RECOVER_UP_TO: f64 = 0.8;
const RECOVERY: f64 = 1.1;
/// While the gradient is at least this, L shrinks by at most [`PACE`] a step, so that there is time to see whether
/// throughput shrinks with it. Below it, something is badly wrong.
const SLOW_FROM: f64 = 0.6;
const PACE: f64 = 0.98;
/// What is left of L when more concurrency brings no more throughput, and the steps for which it then must not grow.
const KNEE_CUT: f64 = 0.95;
const KNEE_REST: u32 = 9;
/// Steps of shrinking after which the change that began it no longer shows in throughput.
const TRANSIENT_STEPS: u32 = 10;
/// What is allowed beyond the slowness that was seen, lest L creep down on the rest of it.
const ALLOWANCE_MARGIN: f64 = 1.05;
/// The most that the allowance for slowness can be.
const ALLOWANCE_MAX: f64 = 4.0;

/// What was seen of the app in one step.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Service times by route class, from dispatch to the first response byte; only classes with data. Those of known
    /// clients alone when there are enough of them: strangers may choose what is slow.
    pub classes: &'a [ClassSample],
    /// Requests in service at the end of the step, long streams excluded.
    pub inflight: u32,
    /// Requests that ended in the step.
    pub completions: u32,
    /// Failed connects, timeouts, and answers of 503 from the app.
    pub hard_failures: u32,
    /// The longest wait for a slot in the step, in milliseconds.
    pub queue_wait_ms: u64,
    /// Whether the level is calm.
    pub level_calm: bool,
    /// Requests of known clients in service.
    pub known_concurrency: f64,
}

/// What is kept over a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// L, infinite when there is none yet.
    pub limit: f64,
    /// Healthy seconds so far, up to [`HEALTHY_SECONDS`].
    pub healthy_seconds: u32,
    /// The highest concurrency that was served as fast as in calm.
    pub highest_healthy: f64,
    /// 95th percentile of the concurrency of known clients in calm.
    pub known_p95: f64,
    /// Service times in calm.
    pub bases: Vec<ClassBase>,
}

/// The limiter of one site. Memory is fixed: about 210 KiB.
pub struct ConcurrencyLimit {
    limit: f64,
    /// The admin's own maximum.
    most: Option<f64>,
    services: Services,
    history: History,
    last: Option<Instant>,
    health: Health,
    /// How much slower the app has become by itself, 1 or more; see [`ConcurrencyLimit::notice_overshoot`].
    allowance: f64,
    /// L before the last failures or overshoot; L recovers quickly up to near it.
    proven: f64,
    cut_at: Option<Instant>,
    queueing_steps: u32,
    /// The gradient before it is cut at 1, smoothed over a second.
    smooth_gradient: f64,
    /// Steps since the gradient was last 1.
    shrinking_steps: u32,
    /// Requests that were in service when there were more than L, and are not known to have ended.
    excess: f64,
    /// Steps for which L must not grow.
    resting_steps: u32,
}

#[derive(Clone, Copy, Debug)]
struct Health {
    seconds: u32,
    /// Steps of the second that is running, and whether all of them were healthy and some work was done.
    steps: u32,
    clean: bool,
    worked: bool,
    highest: f64,
    /// Concurrency smoothed over about a second.
    smooth: f64,
    known_p95: f64,
}

impl ConcurrencyLimit {
    /// Unlimited, with nothing learnt. `most` is the admin's own maximum.
    pub fn new(most: Option<f64>) -> Self {
        let most = most.filter(|most| most.is_finite()).map(|most| most.max(LIMIT_MIN));
        Self {
            limit: f64::INFINITY,
            most,
            services: Services::new(),
            history: History::new(),
            last: None,
            health: Health {
                seconds: 0,
                steps: 0,
                clean: true,
                worked: false,
                highest: 0.0,
                smooth: 0.0,
                known_p95: 0.0,
            },
            allowance: 1.0,
            proven: 0.0,
            cut_at: None,
            queueing_steps: 0,
            smooth_gradient: 1.0,
            shrinking_steps: 0,
            excess: 0.0,
            resting_steps: 0,
        }
    }

    /// Goes on from what an earlier process knew. Numbers that mean nothing are left out.
    pub fn restore(most: Option<f64>, snapshot: &Snapshot) -> Self {
        let mut restored = Self::new(most);
        let sane = |number: f64| if number.is_finite() { number.max(0.0) } else { 0.0 };
        restored.health.seconds = snapshot.healthy_seconds.min(HEALTHY_SECONDS);
        restored.health.highest = sane(snapshot.highest_healthy);
        restored.health.known_p95 = sane(snapshot.known_p95);
        restored.services.restore(&snapshot.bases);
        if snapshot.limit.is_finite() {
            restored.limit = restored.clamp(snapshot.limit);
        }
        restored
    }

    /// What to keep over a restart.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            limit: self.limit,
            healthy_seconds: self.health.seconds,
            highest_healthy: self.health.highest,
            known_p95: self.health.known_p95,
            bases: self.services.bases(),
        }
    }

    /// Takes what was seen in the 100 ms up to `now`, and answers L in requests; infinite while it is not known.
    /// A clock that stands still or runs backwards changes nothing.
    pub fn step(&mut self, now: Instant, window: &Window<'_>) -> f64 {
        if self.last.is_some_and(|last| now <= last) {
            return self.limit;
        }
        self.last = Some(now);
        self.services.record(now, window.classes);
        let ratio = self.services.ratio();
        self.history.push(window.inflight, window.completions);
        if is_failing(window) {
            self.cut(now, window);
        } else if self.limit.is_infinite() {
            self.watch_for_queueing(window, ratio);
        } else if let Some(ratio) = ratio.filter(|_| !self.is_draining(window)) {
            self.follow(window, ratio);
        }
        self.learn(window, ratio);
        self.limit
    }

    /// L in requests; infinite while it is not known.
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// What may be in service at once: L, and before there is one the admin's own maximum.
    pub fn in_force(&self) -> f64 {
        self.most.map_or(self.limit, |most| self.limit.min(most))
    }

    /// Whether L rests on 300 healthy seconds. Before that it is unlimited, or an estimate made in distress.
    pub fn is_measured(&self) -> bool {
        self.health.seconds >= HEALTHY_SECONDS
    }

    /// Hard failures cut L, or give a first one.
    fn cut(&mut self, now: Instant, window: &Window<'_>) {
        if self.cut_at.is_some_and(|cut| now.since(cut) < Duration::from_millis(CUT_MILLIS)) {
            return;
        }
        let inflight = f64::from(window.inflight);
        if self.limit.is_infinite() {
            // So few are not too many for any app, and L cannot fall below them: what fails here fails alone.
            if inflight + f64::from(window.hard_failures) < LIMIT_MIN {
                return;
            }
            self.adopt(inflight);
        }
        if self.cut_at.is_none_or(|cut| now.since(cut) > Duration::from_secs(10)) {
            self.proven = self.limit;
        }
        self.cut_at = Some(now);
        self.limit = self.clamp(self.limit * CUT);
    }

    /// Unlimited, with the app queueing: it does all that it can do, so by Little's law its throughput times its service
    /// time in calm is what it can serve at once.
    fn watch_for_queueing(&mut self, window: &Window<'_>, ratio: Option<f64>) {
        let inflight = f64::from(window.inflight);
        let queueing = ratio.is_some_and(|ratio| ratio < QUEUEING_RATIO) && inflight >= QUEUEING_INFLIGHT;
        self.queueing_steps = if queueing { self.queueing_steps + 1 } else { 0 };
        if self.queueing_steps >= QUEUEING_STEPS {
            self.adopt(self.services.concurrency());
        }
    }

    /// Whether answers still come from requests that were begun beside more than L others. Their times say nothing about
    /// this L; to shrink it for them would take it far below what the app can do.
    fn is_draining(&mut self, window: &Window<'_>) -> bool {
        let inflight = f64::from(window.inflight);
        let draining = self.excess > 0.0;
        self.excess -= f64::from(window.completions) + f64::from(window.hard_failures);
        if inflight > DRAIN_FROM * self.limit + 2.0 {
            self.excess = inflight;
        }
        if draining && self.excess <= 0.0 {
            self.services.forget_recent();
            self.history.clear();
        }
        draining || self.excess > 0.0
    }

    /// Takes an estimate for L.
    fn adopt(&mut self, estimate: f64) {
        self.health.highest = self.health.highest.max(estimate);
        self.limit = self.clamp(estimate);
        self.history.clear();
    }

    /// The gradient. `ratio` is the service time in calm over that of now.
    fn follow(&mut self, window: &Window<'_>, ratio: f64) {
        let inflight = f64::from(window.inflight);
        let waits = window.queue_wait_ms > 0 && inflight >= WAITING_FROM * self.limit;
        let saturated = waits || inflight >= SHRINK_FROM * self.limit.floor();
        let raw = TOLERANCE * ratio * self.allowance;
        self.smooth_gradient += 0.1 * (raw - self.smooth_gradient);
        if !saturated {
            // With slots to spare, slowness is the app's own: that much must be allowed, and no more.
            self.allowance = self.allowance.min((1.0 / ratio).max(1.0));
        }
        self.resting_steps = self.resting_steps.saturating_sub(1);
        if self.resting_steps > 0 && raw >= 1.0 {
            return;
        }
        if !saturated && (raw < 1.0 || inflight < GROW_FROM * self.limit) {
            return;
        }
        let gradient = raw.clamp(0.5, 1.0);
        let ease = HEADROOM + HEADROOM_SLOPE * (self.smooth_gradient - 1.0);
        let headroom = ease.clamp(HEADROOM, HEADROOM_MAX) * self.limit.sqrt();
        let next = if raw >= 1.0 && self.limit < RECOVER_UP_TO * self.proven {
            self.limit * (1.0 + (RECOVERY - 1.0) / SMOOTHING)
        } else if saturated {
            gradient * self.limit + headroom
        } else {
            self.limit + headroom
        };
        let pace = if raw < SLOW_FROM { 0.0 } else { PACE };
        self.limit = self.clamp((self.limit + SMOOTHING * (next - self.limit)).max(pace * self.limit));
        if raw < 1.0 {
            self.notice_overshoot(ratio);
        } else {
            self.shrinking_steps = 0;
            if saturated && self.history.is_past_the_knee() {
                self.allowance = (KNEE_CUT * self.allowance).max(1.0);
                self.limit = self.clamp(KNEE_CUT * self.limit);
                self.resting_steps = KNEE_REST;
            }
        }
    }

    /// L has shrunk and throughput has shrunk with it: the app is slow by itself (a cold cache, a slow database), not
    /// because too much is asked at once, and to shrink further would only waste it. That much slowness is allowed for
    /// a while, and L goes back to where throughput was better. Without this guard a change of service times during
    /// an attack would take L down to its minimum.
    fn notice_overshoot(&mut self, ratio: f64) {
        self.shrinking_steps += 1;
        if self.shrinking_steps == TRANSIENT_STEPS {
            self.history.clear();
        }
        if self.shrinking_steps > TRANSIENT_STEPS
            && let Some(better) = self.history.overshoot()
        {
            self.allowance = (ALLOWANCE_MARGIN / ratio).clamp(1.0, ALLOWANCE_MAX);
            self.limit = self.clamp(better.max(self.limit));
            self.shrinking_steps = 0;
        }
    }

    /// Service times in calm, healthy seconds, the highest healthy concurrency, the demand of known clients.
    fn learn(&mut self, window: &Window<'_>, ratio: Option<f64>) {
        let inflight = f64::from(window.inflight);
        let slow = ratio.is_some_and(|ratio| ratio < QUEUEING_RATIO) && inflight >= QUEUEING_INFLIGHT;
        let calm = window.level_calm && !is_failing(window);
        self.services.learn(calm && inflight < LEARN_UP_TO * self.limit && !slow);
        let as_in_calm = ratio.is_none_or(|ratio| ratio * TOLERANCE >= 1.0) && !is_failing(window);
        let health = &mut self.health;
        health.smooth += 0.1 * (inflight - health.smooth);
        if as_in_calm {
            health.highest = health.highest.max(health.smooth);
        }
        if window.level_calm && window.known_concurrency.is_finite() {
            // The classic stochastic estimate: 19 steps down for one up.
            let pace = 0.02 * health.known_p95.max(1.0);
            let up = window.known_concurrency > health.known_p95;
            health.known_p95 = (health.known_p95 + pace * if up { 0.95 } else { -0.05 }).max(0.0);
        }
        health.clean &= calm && ratio.is_none_or(|ratio| ratio >= HEALTHY_RATIO);
        health.worked |= window.completions > 0;
        health.steps += 1;
        if u64::from(health.steps) * STEP_MILLIS >= 1_000 {
            health.seconds = (health.seconds + u32::from(health.clean && health.worked)).min(HEALTHY_SECONDS);
            (health.steps, health.clean, health.worked) = (0, true, false);
            if self.is_measured() && self.limit.is_infinite() {
                self.limit = self.clamp((GROWTH_MAX * self.health.highest).max(FIRST_LIMIT_MIN));
            }
        }
    }

    fn clamp(&self, limit: f64) -> f64 {
        let learnt = (GROWTH_MAX * self.health.highest).max(FIRST_LIMIT_MIN);
        let most = self.most.unwrap_or(learnt);
        limit.min(most).max(LIMIT_MIN.max(self.health.known_p95.min(most)))
    }
}

fn is_failing(window: &Window<'_>) -> bool {
    let answers = f64::from(window.completions) + f64::from(window.hard_failures);
    window.hard_failures > 0 && f64::from(window.hard_failures) >= FAILURE_SHARE * answers
}
