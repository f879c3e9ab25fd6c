//! What a site leaves to the process that takes its place, so that an upgrade gives nobody a second chance: tables, debts,
//! what is closed, and what an admin switched.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use model::{Instant, Level, Mode, Timestamp};

use super::{Controller, Site};
use crate::concurrency::{ClassBase, ConcurrencyLimit, Snapshot};
use crate::core::{Core, Posture};
use crate::handover::Handover;
use crate::pass::PassClock;

impl Site {
    /// Adds what the site knows. The successor must be built from the same keys, table seed included.
    pub fn hand_over(&self, estate: &mut Handover, now: Instant) {
        self.ladder.hand_over(estate, now);
        estate.put("budgets", self.budgets.debts(now));
        estate.put("budgets.calm", self.budgets.counts());
        estate.put("ladder.factors", self.ladder.factors().map(u64::from).to_vec());
        self.lane.hand_over(estate, now);
        self.passes.hand_over(estate);
        self.challenges.hand_over(estate, now);
        estate.put("links.redeemed", self.redeemed.debts(now));
        estate.put("incident", [self.incident_since.load(Relaxed)]);
        estate.put("heirs", self.heirs.debts(now));
        estate.put("ferried", self.ferried.debts(now));
        estate.put("handshakes", self.handshakes.debts(now));
        estate.put("paths", self.paths.entries());
        estate.put("pending", self.pending.rows(now));
        estate.put("tokens", self.tokens.hand_over());
        estate.put("networks", self.nat.hand_over(self.pass_time()));
        estate.put("classes", self.classes.rows());
        let switches = [
            u64::from(self.mode() as u8),
            u64::from(self.is_bypassed()),
            u64::from(self.assist_yes.load(Relaxed)),
            u64::from(self.enforced.load(Relaxed)),
            self.cohort_key(),
            self.usual_cost_micros.load(Relaxed),
            self.logins[0].load(Relaxed),
            self.logins[1].load(Relaxed),
        ];
        estate.put("switches", switches);
    }

    /// Goes on with what a predecessor knew. `configured_before` is the mode that its configuration asked for: if that has
    /// changed since, the new configuration's word counts, else what an admin switched.
    pub fn take_over(
        &self,
        estate: &Handover,
        configured_before: Option<Mode>,
        now: Instant,
        wall: Timestamp,
    ) {
        self.ladder.take_over(estate, now);
        self.budgets.take_over(estate.rows("budgets"), now);
        self.budgets.restore(estate.words("budgets.calm"));
        let factors = estate.words("ladder.factors").iter().map(|&factor| u32::try_from(factor).unwrap_or(0));
        self.ladder.restore(&factors.collect::<Vec<_>>());
        self.lane.take_over(estate, now);
        self.passes.take_over(estate);
        self.challenges.take_over(estate, now);
        self.redeemed.take_over(estate.rows("links.redeemed"), now);
        if let Some([since]) = estate.array("incident") {
            self.incident_since.store(since, Relaxed);
        }
        self.heirs.take_over(estate.rows("heirs"), now);
        self.ferried.take_over(estate.rows("ferried"), now);
        self.handshakes.take_over(estate.rows("handshakes"), now);
        self.paths.take_over(estate.words("paths"));
        self.pending.take_over(estate.rows("pending"));
        self.tokens.take_over(estate.rows("tokens"));
        self.nat.take_over(estate.rows("networks"), wall);
        self.classes.take_over(estate.rows("classes"));
        let Some([mode, bypass, yes, enforced, cohort_key, usual_cost, judged, good]) =
            estate.array("switches")
        else {
            return;
        };
        if configured_before == Some(self.settings.mode) {
            let modes = [Mode::Observe, Mode::Assist, Mode::Auto];
            modes.into_iter().filter(|&known| known as u64 == mode).for_each(|mode| self.set_mode(mode));
        }
        self.set_bypass(bypass != 0);
        self.set_assist_yes(yes != 0);
        self.enforced.store(u32::try_from(enforced.min(128)).unwrap_or(128), Relaxed);
        self.cohort_key.store(cohort_key, Relaxed);
        self.usual_cost_micros.store(usual_cost.max(1), Relaxed);
        self.logins[0].store(judged, Relaxed);
        self.logins[1].store(good, Relaxed);
    }

    /// Requests that a predecessor still has in service at the app: they take part of L.
    pub fn set_elsewhere(&self, requests: u32) {
        self.elsewhere.store(requests, Relaxed);
    }
}

impl Controller {
    /// Adds limit, threshold, what the decision core has learnt, and pins.
    pub fn hand_over(&self, estate: &mut Handover) {
        self.core.hand_over(estate);
        let (limit, time) = self.snapshot();
        let numbers = [
            limit.limit.to_bits(),
            limit.healthy_seconds.into(),
            limit.highest_healthy.to_bits(),
            limit.known_p95.to_bits(),
            self.in_force.to_bits(),
            time.as_millis(),
        ];
        estate.put("limit", numbers);
        let base = |base: &ClassBase| {
            [base.class.into(), base.median_ms.to_bits(), base.samples, base.seconds.into()]
        };
        estate.put("limit.bases", limit.bases.iter().flat_map(base));
        let pin = |pin: Option<(Level, Timestamp)>| {
            pin.map_or([u64::MAX, 0], |(level, until)| [level.number().into(), until.as_millis()])
        };
        estate.put("pins", [pin(self.floor), pin(self.ceiling)].concat());
    }

    /// What is in force now, to be kept every few seconds.
    pub fn posture(&self) -> Posture {
        self.core.posture([self.floor, self.ceiling])
    }

    /// Goes on from what was kept before a stop, of any kind, so long ago: what was learnt, and what was in force. After an
    /// incident it starts with the last decision and opens by the usual rules, never at once (decision-science, section 11,
    /// "Fail-safe"); after ten minutes only what was learnt and an admin's pins go on.
    ///
    /// The clock must go on where the earlier process's stood.
    pub fn go_on(&mut self, site: &Site, learnt: Option<Core>, in_force: Option<Posture>, stopped: Duration) {
        if let Some(core) = learnt {
            self.core = core;
        }
        if let Some(posture) = in_force {
            [self.floor, self.ceiling] = posture.pins();
            self.core = self.core.clone().with_posture(posture);
        }
        if stopped > FORCE_ENDS {
            self.core = self.core.clone().rested();
        } else {
            site.obey(self.core.decision().clone());
        }
    }

    /// Goes on from what a predecessor left, and puts its last decision in force.
    pub fn take_over(&mut self, site: &Site, estate: &Handover, wall: Timestamp) {
        if let Some([limit, healthy_seconds, highest_healthy, known_p95, in_force, time]) =
            estate.array("limit")
        {
            let snapshot = Snapshot {
                limit: f64::from_bits(limit),
                healthy_seconds: u32::try_from(healthy_seconds).unwrap_or(0),
                highest_healthy: f64::from_bits(highest_healthy),
                known_p95: f64::from_bits(known_p95),
                bases: estate.rows("limit.bases").iter().filter_map(class_base).collect(),
            };
            self.limit = ConcurrencyLimit::restore(site.limit_max(), &snapshot);
            self.in_force =
                Some(f64::from_bits(in_force)).filter(|limit| *limit >= 1.0).unwrap_or(f64::INFINITY);
            self.clock = PassClock::resume(Some(Timestamp::from_millis(time)), wall);
            site.pass_time.store(self.clock.time().as_millis(), Relaxed);
        }
        let pins = estate.array("pins");
        if let Some([floor, floor_until, ceiling, ceiling_until]) = pins {
            (self.floor, self.ceiling) = (pin(floor, floor_until), pin(ceiling, ceiling_until));
        }
        let circumstances = self.circumstances(site, wall);
        if let Some(decision) = self.core.take_over(estate, &circumstances) {
            site.obey(decision);
        }
    }
}

/// So long after a stop an incident is over or another one.
const FORCE_ENDS: Duration = Duration::from_secs(600);

fn class_base(&[class, median_ms, samples, seconds]: &[u64; 4]) -> Option<ClassBase> {
    Some(ClassBase {
        class: u8::try_from(class).ok()?,
        median_ms: f64::from_bits(median_ms),
        samples,
        seconds: u32::try_from(seconds).ok()?,
    })
}

fn pin(level: u64, until: u64) -> Option<(Level, Timestamp)> {
    let level = Level::ALL.into_iter().find(|known| u64::from(known.number()) == level)?;
    Some((level, Timestamp::from_millis(until)))
}
