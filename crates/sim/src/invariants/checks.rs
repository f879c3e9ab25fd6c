//! The checks: what they see at the end of each tick, and what they remember.

mod calm;
mod closed;
mod harm;
mod told;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use admission::concurrency::ClassBase;
use model::{COHORTS, Challenge, Cohort, Decision, Level, Masks, Matches, Rules, Summary, Tier};

use super::Broken;
use crate::random::index;
use crate::scenario::{Attack, Scenario};
use crate::world::Layers;
use crate::world::score::Score;

/// What is in force at the end of a tick.
pub(crate) struct Seen {
    pub(crate) now: u64,
    pub(crate) level: Level,
    pub(crate) masks: Masks,
    pub(crate) limit: f64,
    /// Slots that are held.
    pub(crate) held: u32,
    pub(crate) is_cut_off: bool,
    pub(crate) findings: Findings,
    pub(crate) challenge: Challenge,
    /// Rules in force.
    pub(crate) rules: Arc<Rules>,
    pub(crate) is_blind: bool,
    /// The app can do less than usual.
    pub(crate) is_weak: bool,
    /// Operators hold the level down.
    pub(crate) is_held_down: bool,
    pub(crate) state_bytes: u64,
    /// What was learnt of calm; once a second.
    pub(crate) bases: Option<Vec<ClassBase>>,
}

/// What the decision core found in the last second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Findings {
    /// It took the second for calm.
    pub(crate) learns: bool,
    /// Traffic is missing that should be there.
    pub(crate) misses_traffic: bool,
}

/// What the checks remember.
pub(crate) struct Checks {
    /// Whether something looks for missing traffic: the threshold alone does not.
    looks_for_silence: bool,
    masks: Masks,
    /// The largest L of the last seconds: what was begun under it may still be in service.
    limits: [f64; 64],
    bases: Option<Vec<ClassBase>>,
    /// Work that customers asked for in the second that runs, in seconds.
    asked_by_customers: f64,
    /// Shares of L that were asked for in the last whole second: by customers and within the budgets of attackers who are known, by
    /// those whom the masks admit, by all.
    known_share: f64,
    admitted_share: f64,
    offered_share: f64,
    /// The same with what rules, challenges and limits took away, which may come back at once.
    whole_share: f64,
    over_seconds: u32,
    fits_since: Option<u64>,
    closed_since: Option<u64>,
    evidence_at: u64,
    /// When each cohort of unknown clients was last let in, or last open; and when it last asked in vain.
    turns: [u64; COHORTS],
    lane: Lane,
    /// Whether each second was one in which customers must be served.
    owed: Vec<bool>,
    attack_began: u64,
    /// Since when nothing has arrived, and what protected then: cohorts of unknown clients that are open, what is asked of them,
    /// rules that act.
    silent_since: Option<u64>,
    /// At the end of the last second.
    was_calm: bool,
    /// Requests of customers in each of the last seconds, and those of them that each rule would have matched.
    matched: VecDeque<(u64, Vec<Matches>)>,
    before_silence: (u32, Challenge, usize),
    /// Since when each rule has matched nothing.
    idle: BTreeMap<u16, u64>,
    /// What the core decided last, and whether an admin's pin had part in it.
    said: Decision,
    was_pinned: bool,
    /// The first change or refusal that was not told with its reason.
    untold: Option<String>,
}

#[derive(Default)]
struct Lane {
    /// Logins that found no slot in the last seconds, and work of logins that did.
    shed: u32,
    served: f64,
    seconds: u32,
}

impl Checks {
    pub(crate) fn new(layers: Layers) -> Self {
        Self {
            looks_for_silence: layers == Layers::All,
            masks: Masks::OPEN,
            limits: [0.0; 64],
            bases: None,
            asked_by_customers: 0.0,
            known_share: 0.0,
            admitted_share: 0.0,
            offered_share: 0.0,
            whole_share: 0.0,
            over_seconds: 0,
            fits_since: Some(0),
            closed_since: None,
            evidence_at: 0,
            turns: [0; COHORTS],
            lane: Lane::default(),
            owed: Vec::new(),
            attack_began: 0,
            silent_since: None,
            was_calm: true,
            matched: VecDeque::new(),
            before_silence: (0, Challenge::Off, 0),
            idle: BTreeMap::new(),
            said: Decision::default(),
            was_pinned: false,
            untold: None,
        }
    }

    /// A legitimate request was judged.
    pub(crate) fn asked(&mut self, tier: Tier, cohort: Cohort, refused: bool, now: u64) {
        self.asked_by_stranger(tier, cohort, refused, now);
    }

    /// A request of anybody was judged.
    pub(crate) fn asked_by_stranger(&mut self, tier: Tier, cohort: Cohort, refused: bool, now: u64) {
        if tier == Tier::T5 && !refused {
            self.turns[cohort.index()] = now;
        }
    }

    /// A customer asked for so many seconds of work.
    pub(crate) fn asked_by_customer(&mut self, work: f64) {
        self.asked_by_customers += work;
    }

    /// A request found no slot.
    pub(crate) fn shed(&mut self, tier: Tier) {
        self.lane.shed += u32::from(tier == Tier::T3);
    }

    /// Work went to the app, in seconds.
    pub(crate) fn forwarded(&mut self, tier: Tier, work: f64) {
        self.lane.served += if tier == Tier::T3 { work } else { 0.0 };
    }

    /// What was asked for in a whole second.
    pub(crate) fn summed_up(&mut self, summary: &Summary, masks: Masks, second: u64, scenario: &Scenario) {
        let millis = summary.millis.max(1) as f64;
        let share = |counts: &dyn Fn(Tier, usize) -> bool| {
            let mut sum = 0;
            for tier in Tier::ALL {
                let offered = &summary.offered[tier.index()];
                sum += offered
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| counts(tier, *at))
                    .map(|(_, cost)| cost)
                    .sum::<u64>();
            }
            sum as f64 / millis / summary.limit
        };
        let admits = |tier: Tier, at: usize| masks.admits(tier, Cohort::new(u8::try_from(at).unwrap_or(0)));
        let budgets = known_attackers(scenario, second) * PASS_PACE * scenario.origin.service_ms / 1e3;
        self.known_share = (std::mem::take(&mut self.asked_by_customers) + budgets) / summary.limit;
        let lane = share(&|tier, _| tier == Tier::T3);
        // The lane is bounded by its share of the slots, not by masks.
        self.admitted_share = share(&|tier, at| tier != Tier::T3 && admits(tier, at)) + lane.min(LANE_MOST);
        let removed = summary.removed.iter().sum::<u64>() as f64 / millis / summary.limit;
        self.offered_share = share(&|tier, _| tier != Tier::T3) + lane.min(LANE_MOST);
        self.whole_share = self.offered_share + removed;
    }

    /// What rules matched in a whole second, in which customers made so many requests.
    pub(crate) fn matched(&mut self, matches: &[Matches], known_requests: u64) {
        if self.matched.len() == harm::MATCHED_SECONDS {
            self.matched.pop_front();
        }
        self.matched.push_back((known_requests, matches.to_vec()));
    }

    /// What was asked for and admitted, as shares of L.
    #[cfg(test)]
    pub(crate) fn offer(&mut self, offered: f64, admitted: f64) {
        (self.offered_share, self.whole_share, self.admitted_share) = (offered, offered, admitted);
    }

    /// The end of a tick.
    pub(crate) fn tick(&mut self, seen: &Seen, score: &Score, scenario: &Scenario) -> Result<(), Broken> {
        let broken = |number, figures| Err(Broken::new(number, seen.now, figures));
        let place = index(seen.now / 100_000) % self.limits.len();
        self.limits[place] = seen.limit;
        let largest = self.limits.iter().copied().fold(0.0, f64::max);
        if f64::from(seen.held) > largest.ceil() + 1.0 {
            return broken(2, format!("{} slots are held, L was {largest:.1} at most", seen.held));
        }
        if let Some(figures) = out_of_order(&seen.masks) {
            return broken(4, figures);
        }
        if let Some(figures) = harm::out_of_budget(&seen.rules) {
            return broken(5, figures);
        }
        if let Some(figures) = self.leaps(&seen.masks).filter(|_| !seen.is_held_down) {
            return broken(6, figures);
        }
        if seen.state_bytes > STATE_BYTES_MAX {
            return broken(16, format!("{} bytes", seen.state_bytes));
        }
        if let Some(figures) = self.untold.take() {
            return broken(25, figures);
        }
        self.masks = seen.masks;
        if seen.now.is_multiple_of(SECOND) { self.second(seen, score, scenario) } else { Ok(()) }
    }

    fn second(&mut self, seen: &Seen, score: &Score, scenario: &Scenario) -> Result<(), Broken> {
        let broken = |number, figures| Err(Broken::new(number, seen.now, figures));
        let second = seen.now / SECOND - 1;
        let attacked = scenario.attacks.iter().any(|attack| attack.lasts(second));
        if let Some(figures) = self.owes_customers(seen, score, second, scenario) {
            return broken(1, figures);
        }
        let over = self.admitted_share > MOST_ADMITTED && !seen.is_blind && !seen.is_held_down;
        self.over_seconds = if over { self.over_seconds + 1 } else { 0 };
        if self.over_seconds > OVER_SECONDS_MAX {
            let figures = format!("{:.2} of L for {} seconds", self.admitted_share, self.over_seconds);
            return broken(2, figures);
        }
        if let Some(figures) = self.hits_customers(seen) {
            return broken(5, figures);
        }
        if let Some(figures) = self.stays_closed(seen, attacked) {
            return broken(8, figures);
        }
        if let Some(figures) = self.forgets_cohorts(seen) {
            return broken(9, figures);
        }
        if let Some(figures) = self.starves_lane(seen) {
            return broken(10, figures);
        }
        if let Some(figures) = self.is_stubborn(seen) {
            return broken(11, figures);
        }
        if let Some(figures) = self.keeps_idle_rule(seen) {
            return broken(12, figures);
        }
        if let Some(figures) = self.learns(seen) {
            return broken(13, figures);
        }
        if let Some(figures) = self.believes_silence(seen) {
            return broken(15, figures);
        }
        Ok(())
    }

    /// Invariant 1, judged when the attempts of a second have had their time.
    fn owes_customers(
        &mut self,
        seen: &Seen,
        score: &Score,
        second: u64,
        scenario: &Scenario,
    ) -> Option<String> {
        let starts = |at: u64| {
            let begins = |attack: &Attack| attack.sends(at) && (at == 0 || !attack.sends(at - 1));
            scenario.attacks.iter().any(begins)
        };
        if starts(second) {
            self.attack_began = second;
        }
        // Who is known and asks for more than people do is told from them by that, which takes some seconds.
        let bots_are_known = known_attackers(scenario, second) > 0.0;
        let settled =
            second >= self.attack_began + if bots_are_known { BOUNDED_SECONDS } else { SETTLED_SECONDS };
        let most = if settled { KNOWN_MOST } else { KNOWN_AT_ONCE };
        let fit = self.known_share <= most && !seen.is_cut_off && !seen.is_weak && !seen.is_blind;
        self.owed.push(fit);
        let judged = index(second).checked_sub(JUDGED_AFTER)?;
        let span = judged.saturating_sub(1)..=index(second);
        if !self.owed.get(span)?.iter().all(|&fit| fit) {
            return None;
        }
        let row = score.seconds.get(judged)?;
        let [begun, succeeded] = row.known;
        // What somebody asks for beyond a budget is not owed, where there is a reason for budgets.
        let excused = if bots_are_known { row.known_over } else { 0 };
        let failed = f64::from(begun.saturating_sub(succeeded).saturating_sub(excused));
        let chance = 0.01 * f64::from(begun);
        let allowed = chance + 3.0 * libm::sqrt(chance) + 2.0;
        (failed > allowed).then(|| {
            format!(
                "{failed} of {begun} attempts of customers in second {judged} failed, at {:.2} of L",
                self.known_share
            )
        })
    }

    /// Invariant 6: more than the double, unless the rest costs next to nothing.
    fn leaps(&self, masks: &Masks) -> Option<String> {
        let (before, after) = (self.masks.admitted(Tier::T5), masks.admitted(Tier::T5));
        let allowed = (2 * before).max(before + 2);
        (after > allowed && self.offered_share - self.admitted_share > FREE)
            .then(|| format!("{after} parts of 128 are open, of {before} before"))
    }

    /// Invariant 10, over ten seconds in each of which somebody found no slot in the lane.
    fn starves_lane(&mut self, seen: &Seen) -> Option<String> {
        let lane = &mut self.lane;
        if lane.shed == 0 || seen.is_weak {
            *lane = Lane::default();
            return None;
        }
        (lane.shed, lane.seconds) = (0, lane.seconds + 1);
        if lane.seconds < 10 {
            return None;
        }
        let served = lane.served / 10.0;
        *lane = Lane::default();
        (served < 0.5 * LANE_OWN * seen.limit)
            .then(|| format!("{served:.2} slots of {:.2} were used by logins", LANE_OWN * seen.limit))
    }

    /// Invariant 13.
    fn learns(&mut self, seen: &Seen) -> Option<String> {
        // Calm that operators hold down by hand is none.
        let is_calm = seen.level == Level::Calm && !seen.is_held_down;
        let was_calm = std::mem::replace(&mut self.was_calm, is_calm);
        // A second that was calm may be learnt from, though the next is not.
        if seen.findings.learns && !was_calm && !is_calm {
            return Some(format!("the core learns at level {}", seen.level));
        }
        let bases = seen.bases.as_ref()?;
        if is_calm {
            self.bases = None;
            return None;
        }
        let before = self.bases.get_or_insert_with(|| bases.clone());
        (before != bases).then(|| format!("a time of calm has changed at level {}", seen.level))
    }
}

/// How many attackers have passes in a second in which they attack.
fn known_attackers(scenario: &Scenario, second: u64) -> f64 {
    let attacks = scenario.attacks.iter().filter(|attack| attack.lasts(second));
    attacks.map(|attack| f64::from(attack.aged())).sum()
}

/// Invariant 4: a tier of which any cohort is open follows only tiers that are wholly open.
fn out_of_order(masks: &Masks) -> Option<String> {
    let order = [Tier::T1, Tier::T2, Tier::T4, Tier::T5, Tier::T6];
    for pair in order.windows(2) {
        if masks.admitted(pair[1]) > 0 && masks.admitted(pair[0]) < 128 {
            let counts = pair.iter().map(|&tier| format!("{tier}: {} of 128", masks.admitted(tier)));
            return Some(counts.collect::<Vec<_>>().join(", "));
        }
    }
    None
}

const SECOND: u64 = 1_000_000;
/// Share of L up to which customers are owed service, at once and once slow requests have ended.
const KNOWN_AT_ONCE: f64 = 0.45;
const KNOWN_MOST: f64 = 0.80;
const SETTLED_SECONDS: u64 = 2;
/// The same while attackers have passes; and requests a second that each of those may go on with.
const BOUNDED_SECONDS: u64 = 12;
const PASS_PACE: f64 = 1.0;
/// Seconds after which the attempts of a second are judged.
const JUDGED_AFTER: usize = 5;
/// Share of L that may be admitted, and for how many seconds more than that.
const MOST_ADMITTED: f64 = 0.95;
const OVER_SECONDS_MAX: u32 = 2;
/// Share of L that the login lane can use at most, and its own.
const LANE_MOST: f64 = 0.20;
const LANE_OWN: f64 = admission::slots::LOGIN_SHARE;
/// Share of L that counts as next to nothing.
const FREE: f64 = 0.02;
const STATE_BYTES_MAX: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worse_tier_is_open_only_behind_tiers_that_are_whole() {
        assert_eq!(out_of_order(&Masks::OPEN), None);
        let closed = Masks::OPEN.with(Tier::T6, 0).with(Tier::T5, 1);
        assert_eq!(out_of_order(&closed), None);
        assert_eq!(out_of_order(&closed.with(Tier::T2, 7)).unwrap(), "t2: 3 of 128, t4: 128 of 128");
    }
}
