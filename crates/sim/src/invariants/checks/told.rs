//! Whether whatever changes is told with its reason, and whether rules end.

use std::collections::BTreeSet;

use admission::core::Taken;
use admission::site::{Identity, Refusal};
use guard::rules::Change;
use model::{Act, Challenge, Decision, Ground, Reason, Rules, Tier};

use super::{Checks, SECOND, Seen};

impl Checks {
    /// Invariant 12: a rule that matches nothing. While nothing is counted, or traffic is missing for which rules stay, no time passes.
    pub(super) fn keeps_idle_rule(&mut self, seen: &Seen) -> Option<String> {
        let rules = &seen.rules.rules;
        self.idle.retain(|id, _| rules.iter().any(|rule| rule.id == *id));
        let stands_still = seen.is_blind || seen.is_cut_off || seen.findings.misses_traffic;
        let last = self.matched.back().map_or(&[][..], |(_, matches)| matches);
        for rule in rules {
            let hits = last.iter().find(|matches| matches.rule == rule.id);
            let is_hit = hits.is_some_and(|matches| matches.others + matches.known > 0);
            let since = self.idle.entry(rule.id).or_insert(seen.now);
            if is_hit || stands_still {
                *since = seen.now;
            }
            let idle = (seen.now - *since) / SECOND;
            if idle > IDLE_SECONDS_MAX {
                return Some(format!("rule {} has matched nothing for {idle} s", rule.id));
            }
        }
        None
    }

    /// Invariant 25, of a step of the core: what follows from a pin is an admin's.
    pub(crate) fn told(&mut self, taken: &Taken) {
        let outcome = &taken.outcome;
        let is_pinned = taken.circumstances.floor.is_some() || taken.circumstances.ceiling.is_some();
        let was_pinned = std::mem::replace(&mut self.was_pinned, is_pinned);
        let before = std::mem::replace(&mut self.said, outcome.decision.clone());
        let changes = outcome.advice.as_ref().map_or(&[][..], |advice| &advice.changes);
        let wrong = outcome.grounds.iter().find(|ground| !ground.holds());
        let wrong = wrong.map(|ground| format!("{ground:?} does not bear out what was done"));
        let untold = || {
            missing(&before, &outcome.decision, &outcome.grounds)
                .or_else(|| unsaid(&before, &outcome.decision, changes))
        };
        let found = wrong.or_else(|| if is_pinned || was_pinned { None } else { untold() });
        self.untold = self.untold.take().or(found);
    }

    /// Invariant 25, of a refusal by a decision: the step that it names is one that refuses by it.
    pub(crate) fn refused(&mut self, identity: &Identity, refusal: &Refusal, decision: &Decision) {
        if !names_its_step(identity, refusal.reason, decision) {
            let figures =
                format!("{:?} refused {} at level {}", refusal.reason, identity.tier(), decision.level);
            self.untold.get_or_insert(figures);
        }
    }
}

/// A change of masks or of what is asked without a ground.
fn missing(before: &Decision, after: &Decision, grounds: &[Ground]) -> Option<String> {
    let asks = |ground: &Ground| matches!(ground.act, Act::AskForCookie | Act::AskToWait | Act::CeaseAsking);
    if before.masks != after.masks && grounds.iter().all(asks) {
        return Some("masks have changed without a ground".to_owned());
    }
    (before.challenge != after.challenge && !grounds.iter().any(asks))
        .then(|| format!("{:?} is asked after {:?} without a ground", after.challenge, before.challenge))
}

/// A rule that is new, gone or does something else, and of which nothing was said.
fn unsaid(before: &Decision, after: &Decision, changes: &[Change]) -> Option<String> {
    let acts = |rules: &Rules| -> BTreeSet<_> {
        rules.rules.iter().map(|rule| (rule.id, rule.action, rule.armed)).collect()
    };
    let (before, after) = (acts(&before.rules), acts(&after.rules));
    let said: BTreeSet<u16> = changes.iter().filter_map(concerns).collect();
    let changed = before.symmetric_difference(&after).find(|(id, ..)| !said.contains(id));
    changed.map(|(id, ..)| format!("rule {id} has changed, and nothing was said of it"))
}

/// The rule that a change is about.
fn concerns(change: &Change) -> Option<u16> {
    match change {
        Change::Found { rule, .. }
        | Change::Armed { rule, .. }
        | Change::Discarded { rule, .. }
        | Change::Hardened { rule, .. }
        | Change::Softened { rule, .. }
        | Change::Expired { rule, .. }
        | Change::Needless { rule, .. }
        | Change::Rearmed { rule, .. } => Some(rule.id),
        Change::NotSurgical(_) => None,
    }
}

fn names_its_step(identity: &Identity, reason: Reason, decision: &Decision) -> bool {
    match reason {
        Reason::Threshold => !decision.masks.admits(identity.tier(), identity.cohort()),
        Reason::Rule => identity.rule().is_some(),
        Reason::CookieChallenge | Reason::WaitingChallenge => {
            decision.challenge != Challenge::Off || identity.rule().is_some()
        }
        Reason::PassLimit
        | Reason::AccountLimit
        | Reason::AddressLimit
        | Reason::NetworkLimit
        | Reason::WideLimit
        | Reason::LoginLimit
        | Reason::AccountLoginLimit => decision.limits_refuse,
        Reason::LaneFull => identity.tier() == Tier::T3,
        // Nobody is on a list in these worlds, bodies are small, and connections and slots are asked for elsewhere.
        Reason::Denied
        | Reason::BodyTooLarge
        | Reason::BufferBudget
        | Reason::ConnectionLimit
        | Reason::StreamLimit
        | Reason::QueueFull
        | Reason::QueueTimeout => false,
    }
}

/// Seconds after which a rule that matches nothing is gone (decision-science, section 11).
const IDLE_SECONDS_MAX: u64 = 240;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Action, Comparison, Finite, Instant, Masks, Rule};

    use super::*;

    fn ground(act: Act) -> Ground {
        let (comparison, lasted) = (Comparison::Over, std::time::Duration::ZERO);
        Ground { act, comparison, figure: 9.0, bound: 8.0, lasted, hold: lasted }
    }

    #[test]
    fn a_closing_needs_a_ground_of_its_own_kind_and_so_does_a_challenge() {
        let calm = Decision::default();
        let closed = Decision { masks: Masks::OPEN.with(Tier::T6, 0), ..calm.clone() };
        let asking = Decision { challenge: Challenge::Cookie, ..calm.clone() };
        assert_eq!(missing(&calm, &calm, &[]), None);
        assert_eq!(missing(&calm, &closed, &[ground(Act::Close)]), None);
        assert_eq!(missing(&calm, &asking, &[ground(Act::AskForCookie)]), None);
        assert!(missing(&calm, &closed, &[]).is_some());
        assert!(missing(&calm, &closed, &[ground(Act::AskToWait)]).is_some());
        assert!(missing(&asking, &calm, &[ground(Act::Open)]).is_some());
    }

    #[test]
    fn a_rule_that_comes_changes_or_goes_is_told() {
        let rule = |armed| Rule {
            id: 7,
            conditions: Vec::new(),
            action: Action::Demote,
            armed,
            expires: Instant::ORIGIN,
            collateral_calm: Finite::ZERO,
            collateral_known: Finite::ZERO,
        };
        let with = |rules: &[Rule]| {
            let rules = Arc::new(Rules { rules: rules.to_vec(), ..Rules::default() });
            Decision { rules, ..Decision::default() }
        };
        let (none, trial, armed) = (with(&[]), with(&[rule(false)]), with(&[rule(true)]));
        let ended = [Change::Expired { rule: rule(false), hits: 0, peak: 9 }];
        assert_eq!(unsaid(&armed, &armed, &[]), None);
        assert_eq!(unsaid(&armed, &none, &ended), None);
        for (before, after) in [(&none, &trial), (&trial, &armed), (&armed, &none)] {
            assert!(unsaid(before, after, &[]).is_some());
        }
    }

    #[test]
    fn a_refusal_names_a_step_that_refuses_by_the_decision_in_force() {
        let stranger = Identity::unjudged();
        let calm = Decision::default();
        let closed =
            Decision { masks: Masks::OPEN.with(stranger.tier(), 0), limits_refuse: true, ..calm.clone() };
        let names = |reason, decision| names_its_step(&stranger, reason, decision);
        assert!(names(Reason::Threshold, &closed) && !names(Reason::Threshold, &calm));
        assert!(names(Reason::AddressLimit, &closed) && !names(Reason::AddressLimit, &calm));
        assert!(!names(Reason::Rule, &closed), "none matched");
        assert!(!names(Reason::WaitingChallenge, &closed), "nothing is asked");
    }
}
