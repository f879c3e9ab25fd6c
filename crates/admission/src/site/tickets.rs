//! What tickets and challenges mean for a request.

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use model::{Action, Challenge, Instant, Net, PassId, Reason, Tier, Timestamp};
use siphasher::sip::SipHasher13;

use super::Site;
use super::facts::{Demand, Facts, Identity, Refusal, Shown, Verdict, Waiting};
use super::inherit::TicketProof;
use super::learn::Lesson;
use crate::challenge::{Came, Challenges, Kind, Load, Visit};
use crate::lane::Holder;
use crate::limits::{Charge, Rate};
use crate::pass::{LINK_LIFE_MAX, Link, LinkError, Registry, Way, link_token};
use crate::slots::TICKET_MOST;
use crate::threshold::OPEN;

impl Site {
    /// What an unknown client shows: a ticket, or that it came back from a challenge; and whether it ignores challenges.
    pub(super) fn look_at_tickets(&self, facts: &Facts<'_>, now: Instant, identity: &mut Identity) {
        let time = self.pass_time();
        let visit = facts.visit.and_then(|text| self.challenges.visit(facts.user_agent, text, time));
        identity.has_visited = visit.is_some();
        let met = visit.filter(|visit| self.has_met(*visit));
        if !self.acts_on_strangers() {
            identity.met_before =
                met.filter(|visit| self.counts_in_calm(*visit, facts, now)).map(|visit| visit.number);
            return;
        }
        identity.met_before = met.map(|visit| visit.number);
        let Some(address) = facts.address else {
            identity.met_before = None;
            return;
        };
        let holder = Holder { address, user_agent: facts.user_agent };
        let came = facts.ticket.map_or(Came::Empty, |text| self.challenges.read(holder, text, time));
        identity.shown = match came {
            Came::Passed(number) if self.spends(number, false, facts, now) => Shown::Ticket,
            Came::Passed(_) | Came::Empty => Shown::Nothing,
            Came::Early(seconds) => Shown::Early(seconds),
            Came::Back(kind, number) => Shown::Back(kind, number),
        };
        identity.keeps_cookies = came != Came::Empty;
        if identity.shown == Shown::Ticket {
            // Only a seat tells a guest from a swarm, and whoever passed a challenge needs none.
            identity.met_before = None;
        }
        if let Came::Passed(number) = came {
            self.show_ticket(TicketProof { number, is_visit: false }, facts, address, identity, now);
        }
        if let (Some(visit), false) = (visit, identity.shown == Shown::Ticket) {
            self.welcome_back(visit, facts, address, now, identity);
        }
        if came == Came::Empty && visit.is_none() && self.inherits_ticket(facts, address, now) {
            identity.shown = Shown::Ticket;
        }
        if identity.shown == Shown::Ticket {
            if self.puts_tickets_first() {
                identity.tier = Tier::T4;
            }
        } else if self.challenges.are_ignored(holder, now) {
            identity.tier = Tier::T6;
        }
    }

    /// A visit ticket makes a guest if it is old enough; else it carries the cohort that was let in, so that a person's other
    /// address family is let in too.
    fn welcome_back(
        &self,
        visit: Visit,
        facts: &Facts<'_>,
        address: IpAddr,
        now: Instant,
        identity: &mut Identity,
    ) {
        let since = Timestamp::from_millis(self.incident_since.load(Relaxed));
        let is_guest = Challenges::is_old_guest(visit, since, self.pass_time());
        let is_same_draw = visit.draw == self.cohort_draw();
        let met_before = identity.met_before.take();
        if !(is_guest || is_same_draw) || !self.spends(visit.number, true, facts, now) {
            return;
        }
        if is_guest && self.challenges.seat(Net::network(address), visit, now) {
            identity.met_before = met_before;
            identity.shown = Shown::Ticket;
            self.show_ticket(
                TicketProof { number: visit.number, is_visit: true },
                facts,
                address,
                identity,
                now,
            );
        } else if is_same_draw {
            identity.cohort = visit.cohort;
        }
    }

    /// Whether a visit ticket was given in calm and is old enough to make a guest, or was when the attack began that goes on. What
    /// came by a moment before it may have come because of it.
    fn has_met(&self, visit: Visit) -> bool {
        let since = match self.incident_since.load(Relaxed) {
            0 => self.pass_time(),
            since => Timestamp::from_millis(since),
        };
        Challenges::is_old_guest(visit, since, since)
    }

    /// Whether somebody who was met before counts as one in calm, within the bounds of an attack: a seat in the network, and sixty
    /// requests a minute. Nothing is refused for that; but one address must not speak for many visitors.
    fn counts_in_calm(&self, visit: Visit, facts: &Facts<'_>, now: Instant) -> bool {
        let Some(address) = facts.address else { return false };
        let class = self.classes.of(facts.method, facts.path);
        let cost = self.charge_milli(self.classes.known_cost_micros(class).unwrap_or(0));
        self.challenges.counts(visit.number, cost, now)
            && self.challenges.seat(Net::network(address), visit, now)
    }

    /// Remembers for a minute who showed a ticket, for the files that browsers ask for without cookies.
    fn show_ticket(
        &self,
        ticket: TicketProof,
        facts: &Facts<'_>,
        address: IpAddr,
        identity: &Identity,
        now: Instant,
    ) {
        if identity.shown == Shown::Ticket {
            self.tickets_shown.prove(address, facts.user_agent, &ticket, now);
        }
    }

    /// Whether a file or call without cookies is of a browser that has just shown a ticket; it is charged to that ticket.
    fn inherits_ticket(&self, facts: &Facts<'_>, address: IpAddr, now: Instant) -> bool {
        let may_inherit = !facts.navigation && matches!(facts.method, "GET" | "HEAD");
        let ticket = self.tickets_shown.find(address, facts.user_agent, now).filter(|_| may_inherit);
        ticket.is_some_and(|ticket| self.spends(ticket.number, ticket.is_visit, facts, now))
    }

    fn spends(&self, number: u128, is_visit: bool, facts: &Facts<'_>, now: Instant) -> bool {
        let class = self.classes.of(facts.method, facts.path);
        let cost = self.charge_milli(self.classes.known_cost_micros(class).unwrap_or(0));
        self.challenges.spend(number, is_visit, cost, now)
    }

    /// Tickets only put their holders before others while something is asked of those: T4 has a bounded share.
    fn puts_tickets_first(&self) -> bool {
        let decision = self.decision();
        decision.challenge != Challenge::Off || decision.masks.tier(Tier::T5) != u128::MAX
    }

    /// Asks an unknown client without a ticket to come back, or takes its answer.
    pub(super) fn challenge(&self, demand: &Demand<'_>, now: Instant, verdict: &mut Verdict) {
        let identity = verdict.identity;
        let (Some(kind), Some(address)) = (self.asked_of(&identity, demand, now), identity.address) else {
            return;
        };
        if !demand.navigation && self.closes_out(&identity, now) {
            // What could not pass a challenge is told the truth: there is no room.
            return;
        }
        let reason = match kind {
            Kind::Cookie => Reason::CookieChallenge,
            Kind::Wait => Reason::WaitingChallenge,
        };
        if !self.enforces(&identity, reason, now) || !asks_for_page(demand) {
            return self.apply(&identity, reason, CHALLENGE_RETRY, now, verdict);
        }
        self.ask(kind, reason, address, demand, now, verdict);
    }

    /// Refuses a closed cohort. A person among them may wait for a ticket meanwhile, which needs no decision of the core: the
    /// share of clients with tickets stays open to strangers.
    pub(super) fn shut_out(
        &self,
        judged: &Identity,
        retry_after: Duration,
        demand: &Demand<'_>,
        now: Instant,
        verdict: &mut Verdict,
    ) {
        let may_wait = judged.tier == Tier::T5
            && judged.demoted_from.is_none()
            && self.decision().masks.tier(Tier::T4) == u128::MAX
            && asks_for_page(demand)
            && self.enforces(judged, Reason::Threshold, now);
        match judged.address.filter(|_| may_wait) {
            Some(address) => self.ask(Kind::Wait, Reason::Threshold, address, demand, now, verdict),
            None => self.apply(judged, Reason::Threshold, retry_after, now, verdict),
        }
    }

    /// Takes the answer to what was asked before, or asks.
    fn ask(
        &self,
        kind: Kind,
        reason: Reason,
        address: IpAddr,
        demand: &Demand<'_>,
        now: Instant,
        verdict: &mut Verdict,
    ) {
        let identity = verdict.identity;
        let holder = Holder { address, user_agent: demand.user_agent };
        // Who waited has done more than to keep a cookie.
        let answer = match identity.shown {
            Shown::Back(shown, number) if shown == kind || shown == Kind::Wait => Some((shown, number)),
            Shown::Back(..) | Shown::Early(_) | Shown::Ticket | Shown::Nothing => None,
        };
        let factor = self.nat.factor(Net::network(address), self.pass_time());
        let earned = answer.and_then(|(shown, number)| {
            self.challenges.redeem(shown, number, holder, factor, self.pass_time(), now)
        });
        if earned.is_some() {
            verdict.identity.earned = earned;
            if identity.demoted_from.is_none() {
                verdict.identity.tier = if self.puts_tickets_first() { Tier::T4 } else { Tier::T5 };
            }
            return;
        }
        let mut waiting = self.ask_again(&identity, kind, holder, factor, now);
        if answer.is_some() {
            // Who had bad luck or came too often does not ask again at once.
            waiting.refresh_secs = waiting.refresh_secs.max(MISSED_SECONDS + demand.scatter % MISSED_SECONDS);
        }
        let retry_after = Duration::from_secs(waiting.refresh_secs.max(1));
        verdict.refuse = Some(Refusal { reason, retry_after, waiting: Some(waiting) });
    }

    /// The page of a challenge: who waits already keeps its ticket.
    fn ask_again(
        &self,
        identity: &Identity,
        kind: Kind,
        holder: Holder<'_>,
        factor: u32,
        now: Instant,
    ) -> Waiting {
        match identity.shown {
            Shown::Early(seconds) if kind == Kind::Wait => {
                Waiting { set_cookie: None, refresh_secs: u64::from(seconds) + 1 }
            }
            Shown::Early(_) | Shown::Nothing | Shown::Back(..) | Shown::Ticket => {
                let given = self.challenges.give(kind, holder, factor, self.pass_time(), now);
                Waiting { set_cookie: given.set_cookie, refresh_secs: given.refresh_secs }
            }
        }
    }

    /// What is asked of a request: by the rule that matched, or of all unknown clients.
    fn asked_of(&self, identity: &Identity, demand: &Demand<'_>, now: Instant) -> Option<Kind> {
        let is_asked = matches!(identity.tier, Tier::T5 | Tier::T6)
            && identity.shown != Shown::Ticket
            && !NEVER_ASKED.iter().any(|path| demand.path.starts_with(path));
        if !is_asked {
            return None;
        }
        if identity.rule.is_some_and(|rule| rule.action == Action::Challenge) {
            // Pass time stands still while nothing is decided: no wait would end.
            return Some(if self.is_undecided(now) { Kind::Cookie } else { Kind::Wait });
        }
        match self.asked_of_all(now) {
            Challenge::Off => None,
            Challenge::Cookie => Some(Kind::Cookie),
            Challenge::Waiting => Some(Kind::Wait),
        }
    }

    /// Challenges that were given, and tickets that came back from one, since the last call.
    pub fn take_challenges(&self) -> [u32; 2] {
        self.challenges.take_counts()
    }

    /// How often a table of challenges and tickets had no room for somebody, by the label of `portcullis_challenge_overflow_total`.
    pub fn challenge_overflows(&self) -> [(&'static str, u64); 4] {
        self.challenges.overflows()
    }

    /// What the app can take of clients with tickets: `tickets` is what they ask for now and `better` what everybody before
    /// them does, in requests in service. While all unknown clients are asked for one, nobody else needs what is left.
    pub(super) fn bound_tickets(&self, limit: f64, better: f64, tickets: f64, now: Instant) {
        let all_are_asked = self.decision().challenge != Challenge::Off;
        self.slots.set_only_tickets(all_are_asked);
        let left = if all_are_asked { OPEN * limit - better } else { 0.0 };
        let share = (TICKET_MOST * limit).max(left);
        #[expect(clippy::cast_precision_loss, reason = "a service time in microseconds")]
        let request_seconds = self.usual_cost_micros.load(Relaxed) as f64 / 1e6;
        let tickets = self.puts_tickets_first().then_some(tickets);
        self.challenges.follow(Load { share, tickets, request_seconds }, now);
    }

    /// Under which secret cohorts are drawn now: eight bits of a hash of it.
    pub(super) fn cohort_draw(&self) -> u8 {
        let mut hasher = SipHasher13::new_with_keys(self.cohort_key(), 1);
        hasher.write_u8(0);
        hasher.finish().to_be_bytes()[0]
    }

    /// A link that gives a known client's pass once, as a path on this site. `random` is fresh; the life is cut to
    /// [`LINK_LIFE_MAX`]. The account is that of [`crate::account::SiteKey::account`].
    pub fn pass_link(&self, account: model::AccountId, random: PassId, life: Duration) -> String {
        let expires = self.pass_time() + life.min(LINK_LIFE_MAX);
        self.links.seal(&Link { site: self.id(), id: random, expires, account })
    }

    /// Whether a link could give its pass now, without giving it; `None` if the path is not that of a link.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn look_at_link(&self, path: &str) -> Option<Result<(), LinkError>> {
        let link = self.open_link(path)?;
        Some(link.and_then(|link| {
            if self.has_given(&self.registry(), &link) { Err(LinkError::Used) } else { Ok(()) }
        }))
    }

    /// Gives the pass of a link (T2 at once), asked for at `path`; `None` if that is not the path of a link. Only to be called
    /// when a person asked for it, by POST: programs that look into mail open links too.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn redeem(
        &self,
        path: &str,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Option<Result<Lesson, LinkError>> {
        let link = self.open_link(path)?;
        Some(link.and_then(|link| self.redeem_link(&link, address, now)))
    }

    fn open_link(&self, path: &str) -> Option<Result<Link, LinkError>> {
        let link = self.links.open(link_token(path)?, self.pass_time());
        Some(link.and_then(|link| if link.site == self.id() { Ok(link) } else { Err(LinkError::Forged) }))
    }

    /// Whether a link gave its pass before, by what outlives a restart.
    fn has_given(&self, registry: &Registry, link: &Link) -> bool {
        registry.of(link.account).any(|row| row.id == link.id) || self.passes.is_revoked(link.id)
    }

    fn redeem_link(&self, link: &Link, address: Option<IpAddr>, now: Instant) -> Result<Lesson, LinkError> {
        if matches!(self.redeemed.charge(&link.id.0, now, 1_000, once()), Charge::Refused { .. }) {
            return Err(LinkError::Used);
        }
        // Held until the pass has its row, so that two who come at once get one pass.
        let mut registry = self.registry();
        if self.has_given(&registry, link) {
            return Err(LinkError::Used);
        }
        let in_incident = self.level().severity() >= 3;
        let minted =
            registry.mint(self.id(), link.account, link.id, Way::Link, in_incident, self.pass_time());
        drop(registry);
        let mut lesson = Lesson::default();
        self.hand_out(&minted, address.map(Net::network), &mut lesson);
        Ok(lesson)
    }
}

/// Once in a day, which no link outlives.
fn once() -> Rate {
    Rate::per_second(1.0 / 86_400.0, 1.0)
}

/// Whether a person looks at the answer.
fn asks_for_page(demand: &Demand<'_>) -> bool {
    demand.navigation && matches!(demand.method, "GET" | "HEAD")
}

/// Paths that are never asked to come back: certificates and the gate's own.
const NEVER_ASKED: [&str; 2] = ["/.well-known/portcullis/", "/.well-known/acme-challenge/"];
/// When a program should try again; the answer adds jitter.
const CHALLENGE_RETRY: Duration = Duration::from_secs(10);
const MISSED_SECONDS: u64 = 10;
