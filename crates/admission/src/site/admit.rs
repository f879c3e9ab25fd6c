//! May this request go on?

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use model::{Instant, Mode, Net, Reason, RefusalKind, Tier};

use super::Site;
use super::facts::{Demand, Door, Identity, Refusal, Verdict, Waiting};
use crate::challenge::Challenges;
use crate::lane::{Holder, LaneVerdict};
use crate::limits::{Keys, Limited};
use crate::trip::Layer;

impl Site {
    /// Judges a request that has been identified: lists, rules and challenges, client limits, a turn in the login lane,
    /// threshold, in this order.
    ///
    /// A step that only observes at the moment (by mode, in calm, or because it harmed known clients) reports what it
    /// would have refused; the request goes on.
    pub fn admit(&self, identity: &Identity, demand: &Demand<'_>, now: Instant) -> Verdict {
        self.admit_many(identity, demand, 1, now)
    }

    /// [`Site::admit`] for so many requests alike that stand or fall together: all are charged, or none. The verdict's cost
    /// is that of one of them.
    pub fn admit_many(
        &self,
        identity: &Identity,
        demand: &Demand<'_>,
        requests: u32,
        now: Instant,
    ) -> Verdict {
        let mut verdict = self.wave_through(identity, demand);
        if identity.tier == Tier::T0 {
            return verdict;
        }
        if identity.denied {
            // An admin's word holds in every mode.
            verdict.refuse = Some(self.refusal(identity, Reason::Denied, demand.scatter));
            return verdict;
        }
        if !identity.allowed {
            self.apply_rule(identity, demand, now, &mut verdict);
            if verdict.refuse.is_none() {
                self.challenge(demand, now, &mut verdict);
            }
            if verdict.refuse.is_some() {
                return verdict;
            }
        }
        let identity = &Identity { ..verdict.identity };
        if let Err(limited) = self.charge(identity, demand, requests, now, &mut verdict) {
            self.apply(identity, limited.reason, limited.retry_after, now, &mut verdict);
        }
        if verdict.refuse.is_none()
            && let Door::Knock { has_waited } = identity.door
        {
            self.wait_for_turn(identity, demand, has_waited, now, &mut verdict);
        }
        let judged = verdict.identity;
        let closed = self.closes_out(&judged, now);
        let cost_micros = verdict.cost_micros.saturating_mul(requests.into());
        if verdict.refuse.is_none() && closed && !self.is_ferried(&judged, cost_micros, now) {
            self.shut_out(&judged, SHED_RETRY, demand, now, &mut verdict);
        }
        if demand.navigation && verdict.refuse.is_none() && judged.is_unmet_stranger() {
            verdict.identity.visitor = Some(self.challenges.browser(demand.user_agent));
        }
        verdict
    }

    /// Whether a request that was let in, and has only waited since, is to be refused after all: the level has risen. `would` is
    /// what would have refused it then.
    pub fn reconsider(&self, identity: &Identity, would: Option<Reason>, now: Instant) -> Option<Reason> {
        let reason = if self.closes_out(identity, now) { Some(Reason::Threshold) } else { would };
        reason.filter(|&reason| identity.tier > Tier::T3 && self.enforces(identity, reason, now))
    }

    /// The verdict on a request that nothing may refuse.
    pub fn wave_through(&self, identity: &Identity, demand: &Demand<'_>) -> Verdict {
        let cost_micros = self.classes.cost_micros(demand.class);
        Verdict { identity: *identity, refuse: None, would: None, cost_micros }
    }

    /// Where a stranger can sign in now: the first page of the login, while its lane is open.
    pub fn login_page(&self) -> Option<&str> {
        self.lane.first_page().filter(|_| self.decision().masks.tier(Tier::T3) != 0)
    }

    /// A refusal for this reason, with the time after which it makes sense to try again.
    pub fn refusal(&self, identity: &Identity, reason: Reason, scatter: u64) -> Refusal {
        let known = identity.tier <= Tier::T3;
        let retry_after = match reason.kind() {
            _ if known => Duration::from_secs(1),
            RefusalKind::Shed => SHED_RETRY + Duration::from_secs(scatter % SHED_SPREAD_SECONDS),
            RefusalKind::Limited | RefusalKind::Ruled | RefusalKind::Challenged | RefusalKind::Dropped => {
                LIMIT_RETRY
            }
        };
        Refusal { reason, retry_after, waiting: parting(identity, retry_after) }
    }

    /// Refuses, or reports that it would have.
    pub(super) fn apply(
        &self,
        identity: &Identity,
        reason: Reason,
        retry_after: Duration,
        now: Instant,
        verdict: &mut Verdict,
    ) {
        if self.enforces(identity, reason, now) {
            let waiting = parting(identity, retry_after);
            verdict.refuse = Some(Refusal { reason, retry_after, waiting });
        } else if verdict.would.is_none() {
            verdict.would = Some(reason);
        }
    }

    /// More want to sign in than the lane can serve: this one enters, or waits for its turn.
    fn wait_for_turn(
        &self,
        identity: &Identity,
        demand: &Demand<'_>,
        has_waited: bool,
        now: Instant,
        verdict: &mut Verdict,
    ) {
        // Turns are drawn by whoever decides: without, nobody's would come.
        let Some(address) = identity.address.filter(|_| !self.is_undecided(now)) else { return };
        let holder = Holder { address, user_agent: demand.user_agent };
        let (retry_secs, waiting) = match self.lane.knock(holder, has_waited, self.pass_time(), now) {
            LaneVerdict::Enter => return,
            LaneVerdict::Wait { set_cookie, refresh_seconds } => (
                refresh_seconds,
                Some(Waiting { set_cookie: Some(set_cookie), refresh_secs: refresh_seconds }),
            ),
            LaneVerdict::Full { retry_seconds } => (retry_seconds, None),
        };
        self.apply(identity, Reason::LaneFull, Duration::from_secs(retry_secs), now, verdict);
        if let Some(refusal) = &mut verdict.refuse {
            refusal.waiting = waiting;
        }
    }

    /// Whether a step refuses this client now.
    pub(super) fn enforces(&self, identity: &Identity, reason: Reason, now: Instant) -> bool {
        if self.mode() == Mode::Observe {
            return false;
        }
        if Layer::of(reason).is_some_and(|layer| self.only_reports(layer)) {
            return false;
        }
        if reason.kind() == RefusalKind::Limited && !self.limits_refuse(now) {
            return false;
        }
        if !self.may_act(reason) {
            return false;
        }
        // `enforce 20%` refuses a stable fifth of the unknown clients and observes the rest.
        identity.tier.is_known() || identity.cohort.index() < self.enforced_cohorts()
    }

    /// Rules and challenges refuse nobody in calm, and in mode `assist` challenges need a yes.
    fn may_act(&self, reason: Reason) -> bool {
        let is_challenge = matches!(reason, Reason::CookieChallenge | Reason::WaitingChallenge);
        if !is_challenge && reason != Reason::Rule {
            return true;
        }
        let may_ask = self.mode() == Mode::Auto || self.assist_yes.load(Relaxed);
        self.acts_on_strangers() && (may_ask || !is_challenge)
    }

    fn charge(
        &self,
        identity: &Identity,
        demand: &Demand<'_>,
        requests: u32,
        now: Instant,
        verdict: &mut Verdict,
    ) -> Result<(), Limited> {
        if identity.allowed {
            return Ok(());
        }
        if let Some(proof) = identity.proof {
            let keys = Keys::Known { pass: proof.pass, account: proof.account };
            let is_calm = self.is_surely_calm(now);
            let each =
                self.charge_milli(verdict.cost_micros).saturating_mul(if proof.half_budget { 2 } else { 1 });
            let cost = each.saturating_mul(requests);
            let within = self.budgets.charge(proof.pass, cost, self.learns(now), now);
            if (!within || self.ladder.charge(&keys, now, cost, 1).is_err()) && !is_calm {
                // A pass over its budget keeps its budget; only the excess is unknown (contract).
                verdict.identity.tier = Tier::T5;
                verdict.identity.cohort = self.cohort_of(identity.address);
                self.budgets.note_excess(verdict.cost_micros.saturating_mul(requests.into()));
            }
            return Ok(());
        }
        let Some(address) = identity.address else { return Ok(()) };
        let factor = self.nat.factor(Net::network(address), self.pass_time());
        if self.lane.is_submit(demand.method, demand.path) {
            self.ladder.logins(address, now, factor, requests)?;
        }
        let keys = if identity.tier == Tier::T3 { Keys::Lane(address) } else { Keys::Address(address) };
        let cost = self.charge_milli(verdict.cost_micros).saturating_mul(requests);
        let charged = self.ladder.charge(&keys, now, cost, factor);
        if self.learns(now) {
            self.ladder.learn(&keys, now, factor);
        }
        charged
    }

    /// What a request is charged in thousandths of a request: dear ones count more, up to eight times.
    pub(super) fn charge_milli(&self, cost_micros: u64) -> u32 {
        let usual = self.usual_cost_micros.load(Relaxed).max(1);
        let milli = (cost_micros * 1_000 / usual).clamp(1_000, DEAREST_MILLI);
        u32::try_from(milli).unwrap_or(1_000)
    }
}

/// Who has just earned a ticket keeps it, also when the next step refuses: the page asks again by itself.
fn parting(identity: &Identity, retry_after: Duration) -> Option<Waiting> {
    let set_cookie = Some(Challenges::cookie(identity.earned?));
    Some(Waiting { set_cookie, refresh_secs: retry_after.as_secs() })
}

/// When a shed client should come back (decision-science, section 8.8: 30 to 120 s).
const SHED_RETRY: Duration = Duration::from_secs(30);
const SHED_SPREAD_SECONDS: u64 = 90;
const LIMIT_RETRY: Duration = Duration::from_secs(10);
const DEAREST_MILLI: u64 = 8_000;
