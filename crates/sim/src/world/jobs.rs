//! Requests on their way through gate and app.

use std::time::Duration;

use admission::site::{Identity, Refusal, Waiting, Watch};
use model::{Reason, RefusalKind, Sample, Tier};

use super::agenda::Plan;
use super::gate::{self, Ask, Standing};
use super::looks::{self, Visit};
use super::origin::Begun;
use super::routes::Route;
use super::{Micros, SERVICE_SIGMA, World};
use crate::random::{index, whole};

/// Whose request it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    Session {
        session: u32,
        visit: u32,
    },
    Login {
        login: u32,
        turn: u32,
    },
    /// Legitimate, but of nobody who waits for it.
    Other,
    Hostile,
}

/// A request that was admitted.
pub(super) struct Job {
    owner: Owner,
    identity: Identity,
    tier: Tier,
    /// As judged before any rule, which is where it is counted.
    counted: Tier,
    class: u8,
    route: Route,
    asked: Micros,
    dispatched: Micros,
    /// Nominal work in seconds.
    work: f64,
    watch: Option<Box<Watch>>,
}

/// What became of a request.
pub(super) enum Reply {
    /// The app answered well.
    Served { identity: Identity, watch: Option<Box<Watch>> },
    /// The gate refused it.
    Refused { after: Duration, waiting: Option<Waiting> },
    /// The app failed, or nothing came back.
    Failed,
}

/// Whether a request is under way, or was refused or lost at once.
pub(super) enum Sent {
    UnderWay,
    Refused {
        after: Duration,
        waiting: Option<Waiting>,
    },
    /// Nothing arrives at the gate.
    Lost,
}

/// Requests under way, by number.
#[derive(Default)]
pub(super) struct Jobs {
    jobs: Vec<Option<Job>>,
    free: Vec<u32>,
}

impl Jobs {
    fn add(&mut self, job: Job) -> u32 {
        if let Some(number) = self.free.pop() {
            self.jobs[index(number.into())] = Some(job);
            return number;
        }
        self.jobs.push(Some(job));
        u32::try_from(self.jobs.len() - 1).unwrap_or(u32::MAX)
    }

    fn get(&mut self, number: u32) -> Option<&mut Job> {
        self.jobs.get_mut(index(number.into()))?.as_mut()
    }

    fn take(&mut self, number: u32) -> Option<Job> {
        let job = self.jobs.get_mut(index(number.into()))?.take();
        if job.is_some() {
            self.free.push(number);
        }
        job
    }
}

impl World<'_> {
    /// A legitimate request; `is_first` unless it repeats one.
    pub(super) fn send(&mut self, ask: &Ask<'_>, owner: Owner, visit: Visit, is_first: bool) -> Sent {
        let work = ask.route.services() * self.service();
        if self.weather.is_cut_off {
            return Sent::Lost;
        }
        let values = self.gate.site.has_rules().then(|| looks::visitor(ask.route, ask.address, visit));
        let verdict = self.gate.judge(ask, values.as_ref(), 1, self.now);
        let identity = verdict.identity;
        let (tier, counted) = (identity.tier(), identity.tier_before_rules());
        if identity.rule().is_some() {
            self.note_rule(owner);
        }
        if identity.is_over_budget() {
            self.note_excess(owner);
        }
        let refused = verdict.refuse.is_some();
        self.look(ask, &identity, visit, verdict.cost_micros);
        if ask.pass.is_some() {
            self.checks.asked_by_customer(work);
        }
        self.score.asked(Some(tier), work, is_first, refused, self.now);
        self.checks.asked(tier, identity.cohort(), refused, self.now);
        if let Some(refusal) = verdict.refuse {
            self.checks.refused(&identity, &refusal, &self.gate.site.decision());
            self.gate.refused(counted, refusal.reason.kind(), 1);
            return Sent::Refused { after: refusal.retry_after, waiting: refusal.waiting };
        }
        let class = self.gate.class_of(ask.route);
        let watch =
            if ask.route == Route::LoginPage { self.gate.watch(&identity, ask, self.now) } else { None };
        let (asked, route) = (self.now, ask.route);
        let dispatched = asked;
        let job = Job { owner, identity, tier, counted, class, route, asked, dispatched, work, watch };
        let job = self.jobs.add(job);
        self.take_slot(job, tier)
    }

    /// A request of an attack that was let in, of so many services.
    pub(super) fn send_hostile(&mut self, tier: Tier, route: Route, services: f64) {
        let work = services * self.service();
        let class = self.gate.class_of(route);
        let (identity, asked) = (Identity::unjudged(), self.now);
        let job = Job {
            owner: Owner::Hostile,
            identity,
            tier,
            counted: tier,
            class,
            route,
            asked,
            dispatched: asked,
            work,
            watch: None,
        };
        let job = self.jobs.add(job);
        // Nobody minds what becomes of it.
        let _sent = self.take_slot(job, tier);
    }

    fn take_slot(&mut self, job: u32, tier: Tier) -> Sent {
        match self.gate.take_slot(tier.group(), job, self.now) {
            Standing::Served => {
                self.dispatch(job);
                Sent::UnderWay
            }
            Standing::Waits(place) => {
                let number = u32::try_from(place.index()).unwrap_or(0);
                self.agenda.plan(gate::ends(&place), Plan::WaitEnds { place: number, job });
                Sent::UnderWay
            }
            Standing::Refused(reason) => {
                let Some(job) = self.jobs.take(job) else { return Sent::Lost };
                let Refusal { retry_after: after, waiting, .. } = self.refuse(&job, reason);
                Sent::Refused { after, waiting }
            }
        }
    }

    /// Serves or refuses those who waited and were woken, until nobody is.
    pub(super) fn settle(&mut self) {
        while let Some((job, has_slot)) = self.gate.next_woken(self.now) {
            self.end_wait(job, has_slot);
        }
    }

    pub(super) fn wait_ends(&mut self, place: u32, job: u32) {
        if let Some((job, has_slot)) = self.gate.end_wait(place, job, self.now) {
            self.end_wait(job, has_slot);
        }
    }

    fn end_wait(&mut self, number: u32, has_slot: bool) {
        let now = self.now;
        let Some(asked) = self.jobs.get(number).map(|job| job.asked) else { return };
        self.gate.waited(now - asked);
        if has_slot {
            return self.dispatch(number);
        }
        if let Some(job) = self.jobs.take(number) {
            let Refusal { retry_after: after, waiting, .. } = self.refuse(&job, Reason::QueueTimeout);
            self.deliver(job.owner, job.route, Reply::Refused { after, waiting });
        }
    }

    /// Notes that a request found no slot, and says when to come again.
    fn refuse(&mut self, job: &Job, reason: Reason) -> Refusal {
        self.gate.refused(job.counted, RefusalKind::Shed, 1);
        self.checks.shed(job.tier);
        if job.owner != Owner::Hostile {
            self.score.refused_late(job.tier, self.now);
        }
        let scatter = self.work.bits();
        self.gate.site.refusal(&job.identity, reason, scatter)
    }

    /// The request has its slot and goes to the app.
    fn dispatch(&mut self, number: u32) {
        let now = self.now;
        let Some(job) = self.jobs.get(number) else { return };
        job.dispatched = now;
        let (work, tier) = (job.work, job.tier);
        self.gate.census.forwarded(job.counted);
        self.score.forwarded(work, now);
        self.checks.forwarded(tier, work);
        let median = work * 1e6 / libm::exp(SERVICE_SIGMA * SERVICE_SIGMA / 2.0);
        let micros = self.work.log_normal(median, SERVICE_SIGMA);
        match self.origin.begin(number, micros) {
            Begun::Works(micros) => self.agenda.plan(now + whole(micros).max(1), Plan::Done { job: number }),
            Begun::Waits => {}
            Begun::TurnedAway => self.turned_away(number),
        }
    }

    /// Work that waits at the app begins, if there are more workers than before.
    pub(super) fn resume(&mut self) {
        while let Some((job, micros)) = self.origin.next() {
            self.agenda.plan(self.now + whole(micros).max(1), Plan::Done { job });
        }
    }

    /// The app has done a request.
    pub(super) fn done(&mut self, number: u32) {
        if let Some((job, micros)) = self.origin.end() {
            self.agenda.plan(self.now + whole(micros).max(1), Plan::Done { job });
        }
        let Some(job) = self.jobs.take(number) else { return };
        self.gate.answered(job.class, job.tier, self.now - job.dispatched);
        self.gate.release(job.tier.group(), self.now);
        if job.owner != Owner::Hostile {
            self.gate.found_class(job.route);
        }
        self.deliver(job.owner, job.route, Reply::Served { identity: job.identity, watch: job.watch });
    }

    fn turned_away(&mut self, number: u32) {
        let Some(job) = self.jobs.take(number) else { return };
        self.gate.turned_away(job.tier);
        self.gate.census.failed(job.counted);
        self.gate.release(job.tier.group(), self.now);
        self.deliver(job.owner, job.route, Reply::Failed);
    }

    fn deliver(&mut self, owner: Owner, route: Route, reply: Reply) {
        match owner {
            Owner::Session { session, visit } => self.session_hears(session, visit, route, reply),
            Owner::Login { login, turn } => self.login_hears(login, turn, reply),
            Owner::Other | Owner::Hostile => {}
        }
    }

    /// What the gate sees of a legitimate request.
    fn look(&mut self, ask: &Ask<'_>, identity: &Identity, visit: Visit, cost_micros: u64) {
        let tier = identity.tier_before_rules();
        if tier >= Tier::T3 {
            self.gate.note_network(ask.address, 1);
        }
        self.gate.census.sample(tier, || Sample {
            weight: 1,
            tier,
            cohort: identity.cohort(),
            cost_micros: u32::try_from(cost_micros).unwrap_or(u32::MAX),
            navigation: ask.route.is_navigation(),
            keeps_cookies: identity.keeps_cookies(),
            values: looks::visitor(ask.route, ask.address, visit),
        });
    }
}
