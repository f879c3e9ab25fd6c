//! From what the ticker counts and the core decides to what the record of incidents is told, once a second.

use std::sync::Arc;
use std::time::Duration;

use admission::site::{Site, Turn};
use guard::Advice;
use guard::evidence::Verdict;
use incident::{Cause, Counts, Door, Load, Sight};
use model::{Challenge, Decision, Instant, Mode, Tier, TierCounts, Traffic};
use probe::{Finding, Reading};

use crate::orders::Orders;
use crate::probing::{Probing, Senses};

/// Adds up a second.
pub(crate) struct Witness {
    site: Arc<Site>,
    /// An admin's orders, and what probes say; `None`: there are none of either.
    around: Option<(Arc<Orders>, Arc<Probing>)>,
    /// In mode `assist`: an admin said yes to what asks strangers for something.
    is_allowed: bool,
    tiers: [TierCounts; Tier::COUNT],
    /// When traffic last looked made.
    attacked: Option<Instant>,
}

impl Witness {
    pub(crate) fn new(site: Arc<Site>, orders: Arc<Orders>, probing: Arc<Probing>) -> Self {
        Self { around: Some((orders, probing)), ..Self::alone(site) }
    }

    /// Of a gate without admins and probes.
    pub(crate) fn alone(site: Arc<Site>) -> Self {
        let tiers = [TierCounts::default(); Tier::COUNT];
        Self { site, around: None, is_allowed: false, tiers, attacked: None }
    }

    /// Takes what was counted in a step.
    pub(crate) fn counted(&mut self, traffic: &Traffic) {
        for (sum, counts) in self.tiers.iter_mut().zip(&traffic.tiers) {
            sum.offered += counts.offered;
            sum.forwarded += counts.forwarded;
            sum.failed += counts.failed;
            sum.refused.iter_mut().zip(counts.refused).for_each(|(sum, count)| *sum += count);
        }
    }

    /// Probes from outside since the last call: those that failed, and all.
    pub(crate) fn probes(&self) -> [u32; 2] {
        self.around.as_ref().map(|(_, probing)| probing.take_counts()).unwrap_or_default()
    }

    /// What the second showed that a step has completed; `None` in the middle of one.
    pub(crate) fn turned(&mut self, turn: &Turn, decision: &Decision, now: Instant) -> Option<Sight> {
        if let Some(taken) = &turn.taken {
            self.is_allowed = taken.circumstances.assist_yes;
        }
        let advice = turn.advice.as_ref()?;
        let tiers = std::mem::take(&mut self.tiers);
        let known = [Tier::T0, Tier::T1, Tier::T2];
        // T6 are those that a rule puts last.
        let new = sum(&tiers, &[Tier::T4, Tier::T5], answered);
        let observes = self.site.mode() == Mode::Observe;
        let senses = self.around.as_ref().map(|(_, probing)| probing.senses(now)).unwrap_or_default();
        Some(Sight {
            known: sum(&tiers, &known, asked),
            new,
            login: sum(&tiers, &[Tier::T3], answered),
            door: self.door(decision),
            cause: self.cause(advice, sum(&tiers, &Tier::ALL, answered), &senses, now),
            level: decision.level,
            observes,
            probed: senses.probed(),
            outside: senses.outside(),
            places: places(&senses),
            spent: Default::default(),
            load: Some(load(&tiers, decision, self.acts(), now)),
        })
    }

    /// Where refusals do not apply to most strangers, the door is open to them whatever the decision says.
    fn door(&self, decision: &Decision) -> Door {
        let Acts { acts, asks } = self.acts();
        if !acts {
            return Door::Open;
        }
        door(decision, if asks { decision.challenge } else { Challenge::Off })
    }

    /// What of a decision is carried out.
    fn acts(&self) -> Acts {
        let mode = self.site.mode();
        let is_enforced = self.around.as_ref().is_none_or(|(orders, _)| orders.enforced() >= MOST);
        let acts = !self.site.is_bypassed() && mode != Mode::Observe && is_enforced;
        Acts { acts, asks: acts && (mode == Mode::Auto || self.is_allowed) }
    }

    fn cause(&mut self, advice: &Advice, answered: Counts, senses: &Senses, now: Instant) -> Option<Cause> {
        if advice.findings.is_malicious() {
            self.attacked = Some(now);
        }
        let is_attacked = self.attacked.is_some_and(|last| now.since(last) < ATTACK_LASTS);
        match () {
            () if is_attacked => Some(Cause::Attack),
            () if senses.finding() == Some(Finding::App) => Some(Cause::App),
            () if senses.finding() == Some(Finding::Network) => Some(Cause::Upstream),
            () if advice.findings.upstream.is_suspected => Some(Cause::Upstream),
            () if answered.all >= ANSWERS_TELL && answered.bad * 5 >= answered.all => Some(Cause::App),
            () if advice.findings.hurts() && advice.findings.malice.verdict == Verdict::Crowd => {
                Some(Cause::Crowd)
            }
            () => None,
        }
    }
}

/// What of a decision is carried out.
#[derive(Clone, Copy, Debug)]
struct Acts {
    /// Somebody is refused because of it.
    acts: bool,
    /// Strangers are asked for something because of it.
    asks: bool,
}

/// What newcomers meet, as the decision has it.
fn door(decision: &Decision, challenge: Challenge) -> Door {
    let share = |tier: Tier| decision.masks.admitted(tier);
    let (all, newcomers, with_tickets) = (u128::BITS, share(Tier::T5), share(Tier::T4));
    match () {
        () if with_tickets == 0 => Door::Closed,
        () if with_tickets < all => Door::Narrow,
        () if newcomers == all && challenge != Challenge::Waiting => Door::Open,
        // Whoever waits gets a ticket, and with it in.
        () if challenge != Challenge::Off => Door::Waiting,
        () => Door::Narrow,
    }
}

fn sum(tiers: &[TierCounts; Tier::COUNT], of: &[Tier], count: fn(&TierCounts) -> Counts) -> Counts {
    of.iter().fold(Counts::default(), |mut sum, tier| {
        let counts = count(&tiers[tier.index()]);
        (sum.all, sum.bad) = (sum.all + counts.all, sum.bad + counts.bad);
        sum
    })
}

/// Requests that the app answered or failed.
fn answered(counts: &TierCounts) -> Counts {
    Counts { all: counts.forwarded, bad: counts.failed }
}

/// The same, and those that were refused for want of room: of known clients, who are no attackers.
fn asked(counts: &TierCounts) -> Counts {
    let [_, shed, ..] = counts.refused;
    Counts { all: counts.forwarded + shed, bad: counts.failed + shed }
}

/// Here and an outpost's, as far as their probes tell anything at the moment.
fn places(senses: &Senses) -> u8 {
    let known = |reading: &Reading| u8::from(reading.verdict != probe::Verdict::Unknown);
    known(&senses.here) + known(&senses.outside)
}

/// What came from everybody, and what was done about it.
fn load(tiers: &[TierCounts; Tier::COUNT], decision: &Decision, acts: Acts, now: Instant) -> Load {
    let is_asking = acts.asks && decision.challenge != Challenge::Off;
    let mut load = Load { is_asking, ..Load::default() };
    for counts in tiers {
        load.offered = load.offered.saturating_add(counts.offered);
        load.refused.iter_mut().zip(counts.refused).for_each(|(sum, count)| *sum = sum.saturating_add(count));
    }
    let in_force = decision.rules.rules.iter().filter(|rule| acts.acts && rule.armed && now < rule.expires);
    let in_force = in_force.count();
    load.rules = u16::try_from(in_force).unwrap_or(u16::MAX);
    load
}

/// For so long after traffic last looked made it is taken for an attack: verdicts come and go within one.
const ATTACK_LASTS: Duration = Duration::from_secs(30);
/// Percent of strangers from which refusals apply to most of them.
const MOST: u8 = 50;
/// Answers in a second from which a fifth of failures tells.
const ANSWERS_TELL: u64 = 5;

#[cfg(test)]
mod tests {
    use model::Masks;

    use super::*;

    #[test]
    fn the_door_is_what_newcomers_meet() {
        let met = |newcomers: u128, with_tickets: u128, challenge| {
            let masks = Masks::OPEN.with(Tier::T5, newcomers).with(Tier::T4, with_tickets);
            door(&Decision { masks, ..Decision::default() }, challenge)
        };
        let (all, half) = (u128::MAX, u128::MAX >> 64);
        assert_eq!(met(all, all, Challenge::Off), Door::Open);
        assert_eq!(met(all, all, Challenge::Cookie), Door::Open);
        assert_eq!(met(all, all, Challenge::Waiting), Door::Waiting);
        assert_eq!(met(0, all, Challenge::Waiting), Door::Waiting);
        assert_eq!(met(half, all, Challenge::Off), Door::Narrow);
        assert_eq!(met(0, half, Challenge::Waiting), Door::Narrow);
        assert_eq!(met(0, 0, Challenge::Waiting), Door::Closed);
    }

    #[test]
    fn a_known_client_who_is_turned_away_counts_and_an_attacker_does_not() {
        let mut tiers = [TierCounts::default(); Tier::COUNT];
        tiers[Tier::T2.index()] =
            TierCounts { forwarded: 8, failed: 1, refused: [3, 2, 0, 0], ..TierCounts::default() };
        tiers[Tier::T5.index()] =
            TierCounts { forwarded: 5, refused: [900, 900, 900, 900], ..TierCounts::default() };
        assert_eq!(sum(&tiers, &[Tier::T1, Tier::T2], asked), Counts { all: 10, bad: 3 });
        assert_eq!(sum(&tiers, &[Tier::T4, Tier::T5], answered), Counts { all: 5, bad: 0 });
    }

    #[test]
    fn the_load_is_what_came_from_everybody_and_what_is_in_force() {
        let mut tiers = [TierCounts::default(); Tier::COUNT];
        tiers[Tier::T1.index()] = TierCounts { offered: 10, refused: [1, 0, 0, 0], ..TierCounts::default() };
        tiers[Tier::T5.index()] =
            TierCounts { offered: 900, refused: [2, 300, 40, 5], ..TierCounts::default() };
        let decision = Decision { challenge: Challenge::Cookie, ..Decision::default() };
        let expected = Load { offered: 910, refused: [3, 300, 40, 5], rules: 0, is_asking: true };
        let whole = Acts { acts: true, asks: true };
        assert_eq!(load(&tiers, &decision, whole, Instant::from_secs(1)), expected);
        let not_allowed = load(&tiers, &decision, Acts { asks: false, ..whole }, Instant::from_secs(1));
        assert!(!not_allowed.is_asking, "nobody is asked before a person has said yes");
        let rule = |armed, expires| model::Rule {
            id: 1,
            conditions: Vec::new(),
            action: model::Action::Block,
            armed,
            expires: Instant::from_secs(expires),
            collateral_calm: model::Finite::from(0.0),
            collateral_known: model::Finite::from(0.0),
        };
        let rules = vec![rule(true, 9), rule(true, 1), rule(false, 9)];
        let rules = Arc::new(model::Rules { rules, ..model::Rules::default() });
        let decision = Decision { rules, ..Decision::default() };
        let expected = Load { rules: 1, is_asking: false, ..expected };
        assert_eq!(
            load(&tiers, &decision, whole, Instant::from_secs(1)),
            expected,
            "one is over, one in shadow"
        );
        let observing = load(&tiers, &decision, Acts { acts: false, asks: false }, Instant::from_secs(1));
        assert_eq!(observing.rules, 0, "none refuses anybody");
    }
}
