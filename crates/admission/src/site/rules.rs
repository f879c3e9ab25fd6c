//! Rules: whom they match, how often, and what becomes of it. Known clients are counted, never acted on.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use model::{Action, Attributes, Decision, Instant, Level, Matches, RULES_MAX, Reason, Rules, Tier};

use super::Site;
use super::facts::{Demand, Door, Facts, Identity, Verdict};

/// The rule that acts on a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Matched {
    pub(crate) id: u16,
    pub(crate) action: Action,
}

/// How often each rule matched, in a fixed table that workers count into without a lock.
#[derive(Debug, Default)]
pub(super) struct RuleCounts([RuleCount; RULES_MAX]);

#[derive(Debug, Default)]
struct RuleCount {
    /// The rule's id plus one; 0 is free.
    rule: AtomicU32,
    /// Matches of known clients, and of others.
    matches: [AtomicU64; 2],
}

impl RuleCounts {
    /// Makes room for the rules of a new decision; those that are there already go on counting. Called by one thread.
    pub(super) fn follow(&self, rules: &Rules) {
        let is_there = |count: &RuleCount| {
            let rule = count.rule.load(Relaxed);
            rules.rules.iter().any(|there| number(there.id) == rule)
        };
        for count in self.0.iter().filter(|count| !is_there(count)) {
            count.rule.store(0, Relaxed);
            count.matches.iter().for_each(|matches| matches.store(0, Relaxed));
        }
        for rule in rules.rules.iter().take(RULES_MAX) {
            if self.find(rule.id).is_none()
                && let Some(free) = self.0.iter().find(|count| count.rule.load(Relaxed) == 0)
            {
                free.rule.store(number(rule.id), Relaxed);
            }
        }
    }

    fn count(&self, rule: u16, is_known: bool, requests: u32) {
        if let Some(count) = self.find(rule) {
            count.matches[usize::from(!is_known)].fetch_add(requests.into(), Relaxed);
        }
    }

    fn take(&self) -> Vec<Matches> {
        let counts = self.0.iter().filter_map(|count| {
            let rule = u16::try_from(count.rule.load(Relaxed).checked_sub(1)?).ok()?;
            let [known, others] = &count.matches;
            Some(Matches { rule, others: others.swap(0, Relaxed), known: known.swap(0, Relaxed) })
        });
        counts.collect()
    }

    fn find(&self, rule: u16) -> Option<&RuleCount> {
        self.0.iter().find(|count| count.rule.load(Relaxed) == number(rule))
    }
}

impl Site {
    /// Puts a decision in force. To be called by one thread.
    pub fn obey(&self, decision: Decision) {
        self.rule_counts.follow(&decision.rules);
        if decision.level == Level::Calm {
            self.incident_since.store(0, Relaxed);
        } else if self.incident_since.load(Relaxed) == 0 {
            self.incident_since.store(self.pass_time().as_millis().max(1), Relaxed);
        }
        self.decided.store(decision.at.as_nanos(), Relaxed);
        self.decision.store(decision.into());
    }

    /// Whether any rule is in force, armed or in shadow: only then [`Facts::values`] are looked at.
    pub fn has_rules(&self) -> bool {
        !self.decision().rules.rules.is_empty()
    }

    /// The attributes that rules in force ask for; `None` without rules.
    pub fn asked_attributes(&self) -> Option<Attributes> {
        let decision = self.decision();
        (!decision.rules.rules.is_empty()).then(|| decision.rules.asked())
    }

    /// How often each rule matched since the last call, in no order that means anything.
    pub fn take_matches(&self) -> Vec<Matches> {
        self.rule_counts.take()
    }

    /// Counts the rules that match a request, and says which acts on it.
    pub(super) fn match_rules(
        &self,
        facts: &Facts<'_>,
        tier: Tier,
        requests: u32,
        now: Instant,
    ) -> Option<Matched> {
        let values = facts.values?;
        let decision = self.decision();
        let (rules, is_known) = (&decision.rules, tier.is_known());
        let alive = rules.rules.iter().filter(|rule| now < rule.expires && rule.concerns(tier));
        for rule in alive.filter(|rule| rules.matches(rule, values)) {
            self.rule_counts.count(rule.id, is_known, requests);
        }
        let rule = rules.acting(values, tier, now)?;
        Some(Matched { id: rule.id, action: rule.action })
    }

    /// What the rule that matched does: refuses, or puts last. A challenge is the next step's affair.
    pub(super) fn apply_rule(
        &self,
        identity: &Identity,
        demand: &Demand<'_>,
        now: Instant,
        verdict: &mut Verdict,
    ) {
        let Some(rule) = identity.rule else { return };
        match rule.action {
            Action::Block => {
                let retry_after = self.refusal(identity, Reason::Rule, demand.scatter).retry_after;
                self.apply(identity, Reason::Rule, retry_after, now, verdict);
            }
            Action::Demote if self.enforces(identity, Reason::Rule, now) => {
                verdict.identity.demoted_from = Some(identity.tier);
                verdict.identity.tier = Tier::T6;
                // Who is put last does not wait among those who sign in.
                verdict.identity.door = Door::Open;
            }
            Action::Demote | Action::Challenge => {}
        }
    }

    /// Whether rules and challenges may refuse at all: never in calm.
    pub(super) fn acts_on_strangers(&self) -> bool {
        self.level() != Level::Calm
    }
}

fn number(rule: u16) -> u32 {
    u32::from(rule) + 1
}
