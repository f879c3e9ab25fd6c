//! All that rules need to know, and one step a second.

use std::sync::Arc;
use std::time::Duration;

use model::{
    Action, Condition, Finite, Instant, Matches, RULES_MAX, Rule, Rules, SAMPLES_MAX, Sample, Values,
};
use serde::{Deserialize, Serialize};

use super::budget::{Claim, Exceeded, exceeded};
use super::calm::Calm;
use super::change::{Change, Changes, Reach, Why};
use super::contrast::Contrast;
use super::customers::Customers;
use super::dice::Dice;
use super::flood::Flood;
use super::life::{Life, Verdict};
use super::samples::{even, requests, sorted, values_of};
use super::search::{Finding, search};
use super::seen::{Seen, runs};
use super::{Input, Maturity};

/// The rules of one site, and what they are made of: at most 16 MiB, whatever comes.
///
/// [`Book::step`] is called once a second. A snapshot (it can be serialised) goes on exactly as the original.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Book {
    dice: Dice,
    last: Option<Instant>,
    flood: Flood,
    calm: Calm,
    customers: Customers,
    seen: Seen,
    rules: Vec<Life>,
    /// Rules that expired, and until when they are remembered.
    memory: Vec<(Life, Instant)>,
    /// Conditions that are not tried again before a moment.
    aside: Vec<(Vec<Condition>, Instant)>,
    last_id: u16,
    /// Seconds in a row for which rules were wanted.
    wanted: u32,
    /// Seconds in a row in which everything that came would have fit.
    fits_for: u32,
    /// Whether it was said that rules cover too little.
    warned: bool,
}

/// The rules of a book without what they are made of.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Standing {
    rules: Vec<Life>,
    memory: Vec<(Life, Instant)>,
    pub(super) aside: Vec<(Vec<Condition>, Instant)>,
    last_id: u16,
}

impl Book {
    /// A book that has learnt nothing.
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            last: None,
            flood: Flood::default(),
            calm: Calm::new(),
            customers: Customers::default(),
            seen: Seen::new(),
            rules: Vec::new(),
            memory: Vec::new(),
            aside: Vec::new(),
            last_id: 0,
            wanted: 0,
            fits_for: 0,
            warned: false,
        }
    }

    /// A book as after four weeks of calm that look like these samples: of known clients (4,096 fill it), of others
    /// (16,384 fill it), and how many requests a second the others make.
    pub fn warm(seed: u64, known: &[Sample], others: &[Sample], per_second: u64) -> Self {
        let mut book = Self::new(seed);
        let (known, others) = (sorted(known), sorted(others));
        let values: Vec<Values> = known.iter().chain(&others).map(|sample| sample.values).collect();
        let calm = book.seen.warm(&runs(&values));
        book.customers.warm(&known, &calm, &mut book.dice);
        book.calm.warm(&others, per_second, &calm, &mut book.dice);
        book
    }

    /// Takes one second. A step that is not later than the one before changes nothing.
    pub fn step(&mut self, now: Instant, input: &Input<'_>) -> Changes {
        let mut changes = Vec::new();
        if self.last.is_some_and(|last| now <= last) {
            return Changes { rules: self.in_force(), changes, reach: None };
        }
        self.last = Some(now);
        let known_requests = self.observe(now, input);
        self.tend(now, input, known_requests, &mut changes);
        let reach = self.synthesise(now, input, &mut changes);
        self.warn(input, reach, &mut changes);
        Changes { rules: self.in_force(), changes, reach }
    }

    /// The rules in force.
    pub fn in_force(&self) -> Arc<Rules> {
        Arc::new(Rules {
            rules: self.rules.iter().map(Life::rule).collect(),
            calm: Arc::clone(&self.seen.calm),
        })
    }

    /// Its rules, those it remembers, and those it set aside.
    pub(crate) fn standing(&self) -> Standing {
        let (rules, memory, aside) = (self.rules.clone(), self.memory.clone(), self.aside.clone());
        Standing { rules, memory, aside, last_id: self.last_id }
    }

    /// Replaces them.
    pub(crate) fn stand(&mut self, standing: Standing) {
        Standing { rules: self.rules, memory: self.memory, aside: self.aside, last_id: self.last_id } =
            standing;
        self.rules.truncate(RULES_MAX);
        self.memory.truncate(MEMORY_MAX);
        self.aside.truncate(ASIDE_MAX);
    }

    /// Bytes that its large parts hold; the rest is below 64 KiB.
    pub fn bytes(&self) -> usize {
        self.flood.bytes() + self.calm.bytes() + self.customers.rows.bytes() + self.seen.bytes()
    }

    /// Puts the samples where they belong; returns how many requests known clients made.
    fn observe(&mut self, now: Instant, input: &Input<'_>) -> u64 {
        let (known, others) = (sorted(input.known), sorted(input.others));
        let drawn = even(&others, SAMPLES_MAX, &mut self.dice);
        let values = values_of(&drawn);
        let others_runs = runs(&values);
        if input.learns {
            let known_drawn = even(&known, SAMPLES_MAX, &mut self.dice);
            self.seen.learn(&runs(&values_of(&known_drawn)), &others_runs);
        }
        let calm = Arc::clone(&self.seen.calm);
        self.flood.push(now, &drawn, others_runs, requests(&others), &calm);
        self.customers.learn(&known, &calm, &mut self.dice);
        self.calm.turn(input.hour_of_week, &mut self.dice);
        if input.learns {
            self.calm.learn(&values, requests(&others), input.hour_of_week.is_some(), &calm, &mut self.dice);
        }
        requests(&known)
    }

    /// Ends trials, ends what is not hit, and fits actions to harm and pain.
    fn tend(&mut self, now: Instant, input: &Input<'_>, known_requests: u64, changes: &mut Vec<Change>) {
        self.fits_for = if input.fits && !input.wanted { self.fits_for.saturating_add(1) } else { 0 };
        self.memory.retain(|(_, until)| now < *until);
        self.aside.retain(|(_, until)| now < *until);
        for life in &mut self.rules {
            life.count(now, counted(input.matches, life.id).as_ref(), known_requests, input.wanted);
            life.feel(input.pain && input.wanted);
            if input.holds {
                life.hold();
            }
        }
        self.drop_unwanted(now, input.unwanted, changes);
        self.keep_to_budget(now, changes);
        self.end_trials(now, changes);
        self.expire(now, changes);
        self.end_needless(now, changes);
        self.harden(input.maturity == Maturity::Full, changes);
    }

    /// Takes back what an admin does not want; a remembered rule that says the same must not come back either.
    fn drop_unwanted(&mut self, now: Instant, unwanted: &[u16], changes: &mut Vec<Change>) {
        let dropped: Vec<Life> = self.rules.extract_if(.., |life| unwanted.contains(&life.id)).collect();
        for life in dropped {
            self.memory.retain(|(remembered, _)| remembered.conditions != life.conditions);
            changes.push(self.discard(&life, Why::Unwanted, now));
        }
    }

    /// Takes back what harms known clients more than was foreseen, the worst first.
    fn keep_to_budget(&mut self, now: Instant, changes: &mut Vec<Change>) {
        while let Some(Exceeded { action, .. }) = exceeded(&self.claims()) {
            let harsh = self.rules.iter().enumerate().filter(|(_, life)| life.action >= action);
            let harm = |life: &Life| (life.known.hits > 0, life.known_bound(), life.id);
            let worst = harsh.max_by_key(|(_, life)| harm(life)).map(|(place, _)| place);
            let Some(worst) = worst else { break };
            let life = &mut self.rules[worst];
            let (from, known) = (life.action, life.known);
            if from > Action::Demote {
                life.soften();
                changes.push(Change::Softened { rule: life.rule(), from, known });
            } else {
                let life = self.rules.remove(worst);
                changes.push(self.discard(&life, Why::Known(known), now));
            }
        }
    }

    fn end_trials(&mut self, now: Instant, changes: &mut Vec<Change>) {
        let mut failed = Vec::new();
        for life in &mut self.rules {
            match life.judge() {
                Some(Verdict::Arm(trial)) => changes.push(Change::Armed { rule: life.rule(), trial }),
                Some(Verdict::Discard(why)) => failed.push((life.id, why)),
                None => {}
            }
        }
        for (id, why) in failed {
            let Some(place) = self.rules.iter().position(|life| life.id == id) else { continue };
            let life = self.rules.remove(place);
            changes.push(self.discard(&life, why, now));
        }
    }

    /// Sets a rule's conditions aside.
    fn discard(&mut self, life: &Life, why: Why, now: Instant) -> Change {
        let pause = match why {
            Why::Known(_) => REMEMBERED,
            Why::TooFewHits(_) | Why::NotCounted => RETRY_AFTER,
            Why::Unwanted => UNWANTED_FOR,
        };
        if self.aside.len() == ASIDE_MAX {
            // What ends first anyway makes room: what an admin does not want outlasts what was tried in vain.
            let first = self.aside.iter().enumerate().min_by_key(|(_, (_, until))| *until);
            first.map(|(place, _)| place).map(|place| self.aside.remove(place));
        }
        self.aside.push((life.conditions.clone(), now + pause));
        Change::Discarded { rule: Rule { armed: false, ..life.rule() }, why }
    }

    fn expire(&mut self, now: Instant, changes: &mut Vec<Change>) {
        let ended: Vec<Life> = self.rules.extract_if(.., |life| life.expires <= now).collect();
        for life in ended {
            if !life.is_armed() {
                // What never showed that it is right is not remembered as if it had.
                changes.push(self.discard(&life, Why::TooFewHits(life.trial()), now));
                continue;
            }
            let rule = Rule { armed: false, ..life.rule() };
            changes.push(Change::Expired { rule, hits: life.hits, peak: life.peak });
            self.remember(life, now);
        }
    }

    /// Ends rules that nobody would miss: whom a rule refuses by mistake asks again, so that its matches alone never end it.
    fn end_needless(&mut self, now: Instant, changes: &mut Vec<Change>) {
        if self.fits_for < NEEDLESS_AFTER {
            return;
        }
        let ended: Vec<Life> = self.rules.extract_if(.., |life| life.is_armed() && life.hits > 0).collect();
        for life in ended {
            let rule = Rule { armed: false, ..life.rule() };
            changes.push(Change::Needless { rule, hits: life.hits, seconds: self.fits_for });
            self.remember(life, now);
        }
    }

    fn remember(&mut self, life: Life, now: Instant) {
        if self.memory.len() == MEMORY_MAX {
            self.memory.remove(0);
        }
        self.memory.push((life, now + REMEMBERED));
    }

    /// Gives harsher actions to rules whose action did not suffice, those that match most first.
    fn harden(&mut self, may_block: bool, changes: &mut Vec<Change>) {
        let mut order: Vec<usize> = (0..self.rules.len()).collect();
        order.sort_by_key(|place| (std::cmp::Reverse(self.rules[*place].hits), self.rules[*place].id));
        for place in order {
            let life = &self.rules[place];
            let Some(next) = life.harsher(may_block) else { continue };
            let mut claims = self.claims();
            claims[place] = life.claim_as(next);
            if exceeded(&claims).is_some() {
                continue;
            }
            let life = &mut self.rules[place];
            let (from, painful) = (life.action, life.painful);
            life.harden(next);
            changes.push(Change::Hardened {
                rule: life.rule(),
                from,
                calm: life.calm(),
                known: life.known,
                painful,
            });
        }
    }

    /// Arms remembered rules again and looks for new ones. Returns how much all cover.
    fn synthesise(&mut self, now: Instant, input: &Input<'_>, changes: &mut Vec<Change>) -> Option<Reach> {
        if !input.wanted || input.maturity == Maturity::None {
            return None;
        }
        let expected = input.expected.unwrap_or_else(|| self.calm.volume());
        let calm = Arc::clone(&self.seen.calm);
        let mut contrast = Contrast::new((&self.flood, &self.calm, &self.customers), &calm, expected)?;
        for life in &self.rules {
            contrast.cover(&contrast.find(&life.conditions));
        }
        recall(&mut self.rules, &mut self.memory, &mut contrast, now, changes);
        let mut claims: Vec<Claim> = self.rules.iter().map(Life::claim).collect();
        let room = RULES_MAX.saturating_sub(claims.len()).min(NEW_RULES_MAX);
        let aside = &self.aside;
        let findings = search(&mut contrast, room, &mut |finding| accept(finding, aside, &mut claims));
        let (excess, open) = (contrast.excess, contrast.open_excess());
        for finding in findings {
            self.last_id = self.free_id();
            let life = Life::found(self.last_id, &finding, now);
            changes.push(Change::Found {
                rule: life.rule(),
                proof: finding.proof,
                forecast: finding.forecast,
            });
            self.rules.push(life);
        }
        let covered = (excess - open).max(Finite::ZERO);
        Some(Reach { excess, covered, rules: self.rules.len() })
    }

    /// Says once that rules cover too little, when they had time to be found.
    fn warn(&mut self, input: &Input<'_>, reach: Option<Reach>, changes: &mut Vec<Change>) {
        self.wanted = if input.wanted { self.wanted.saturating_add(1) } else { 0 };
        let is_little = reach.is_some_and(|reach| reach.share() < Finite::new(SURGICAL_FROM));
        let in_trial = self.rules.iter().any(|life| !life.is_armed());
        if !is_little {
            self.warned = self.warned && input.wanted && reach.is_none();
        } else if self.wanted >= WARN_AFTER && !in_trial && !self.warned {
            self.warned = true;
            changes.extend(reach.map(Change::NotSurgical));
        }
    }

    fn claims(&self) -> Vec<Claim> {
        self.rules.iter().map(Life::claim).collect()
    }

    /// The number after the last that nobody has.
    fn free_id(&self) -> u16 {
        let taken = |id: u16| {
            self.rules.iter().chain(self.memory.iter().map(|(life, _)| life)).any(|life| life.id == id)
        };
        let mut id = self.last_id;
        loop {
            id = id.checked_add(1).unwrap_or(1);
            if !taken(id) {
                return id;
            }
        }
    }
}

/// Whether a new rule may be, beside those that have claims already; then it has one too.
fn accept(finding: &Finding, aside: &[(Vec<Condition>, Instant)], claims: &mut Vec<Claim>) -> bool {
    let action = Action::Demote;
    let is_aside = aside.iter().any(|(conditions, _)| *conditions == finding.conditions);
    if is_aside || finding.proof.precision() < super::Budget::of(action).precision {
        return false;
    }
    claims.push(Claim::new(action, finding.proof.calm, finding.proof.known));
    let fits = exceeded(claims).is_none();
    if !fits {
        claims.pop();
    }
    fits
}

/// Arms remembered rules that cover enough again and still harm nobody.
fn recall(
    rules: &mut Vec<Life>,
    memory: &mut Vec<(Life, Instant)>,
    contrast: &mut Contrast<'_>,
    now: Instant,
    changes: &mut Vec<Change>,
) {
    let mut kept = Vec::new();
    for (life, until) in memory.drain(..) {
        let bits = contrast.find(&life.conditions);
        let proof = contrast.proof(&bits);
        let is_worth_it = proof.gained >= contrast.excess * Finite::new(RECALL_MIN)
            && proof.precision() >= super::Budget::of(life.action).precision;
        // What known clients do now counts by itself, too: the older counts must not hide it.
        let fresh = Claim::new(Action::Demote, proof.calm, proof.known);
        let again = life.clone().again(proof, now);
        let mut claims: Vec<Claim> = rules.iter().map(Life::claim).collect();
        claims.push(again.claim());
        let fits = exceeded(&claims).is_none() && exceeded(&[fresh]).is_none() && rules.len() < RULES_MAX;
        if is_worth_it && fits {
            contrast.cover(&bits);
            changes.push(Change::Rearmed { rule: again.rule(), proof });
            rules.push(again);
        } else {
            kept.push((life, until));
        }
    }
    *memory = kept;
}

/// What was counted of a rule, all entries together.
fn counted(matches: &[Matches], rule: u16) -> Option<Matches> {
    let own = matches.iter().filter(|matches| matches.rule == rule);
    own.copied().reduce(|one, other| Matches {
        rule,
        others: one.others.saturating_add(other.others),
        known: one.known.saturating_add(other.known),
    })
}

/// New rules of one step at most (decision-science, section 6, point 6).
const NEW_RULES_MAX: usize = 3;
/// Share of all excess that a remembered rule must cover to be armed again: as a new one.
const RECALL_MIN: f64 = 0.05;
/// Seconds in which everything would have fit, after which a rule that still matches ends: as long as a challenge waits for the same
/// (decision-science, section 0.10).
const NEEDLESS_AFTER: u32 = 30;
/// How long an expired rule is remembered, and one that harmed known clients is not tried again (the same, point 9).
const REMEMBERED: Duration = Duration::from_secs(600);
/// How long a rule that failed its trial is not tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// As long as an incident lasts with most people: whoever takes a rule back knows what it hits, and must not need to do it again.
const UNWANTED_FOR: Duration = Duration::from_secs(3_600);
/// Rules that are remembered.
const MEMORY_MAX: usize = 16;
/// Rules that are set aside.
const ASIDE_MAX: usize = 32;
/// Rules that cover less than this share of the excess are not surgical (the same, point 10).
const SURGICAL_FROM: f64 = 0.6;
/// Seconds that rules have before it is said that they cover too little.
const WARN_AFTER: u32 = 5;

#[cfg(test)]
mod tests;
