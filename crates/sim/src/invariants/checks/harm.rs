//! What rules do to customers, and what is made of silence.

use model::{Action, Matches, Rules, Tier};

use super::{Checks, SECOND, Seen};

impl Checks {
    /// Invariant 5, by what customers really ask for: a rule has as many of their requests in ten seconds as it may have of all
    /// only by chance.
    pub(super) fn hits_customers(&self, seen: &Seen) -> Option<String> {
        let all: u64 = self.matched.iter().map(|(known, _)| known).sum();
        if self.matched.len() < MATCHED_SECONDS {
            return None;
        }
        seen.rules.rules.iter().filter(|rule| rule.armed).find_map(|rule| {
            let own = |matches: &&Matches| matches.rule == rule.id;
            let seconds = self.matched.iter().flat_map(|(_, matches)| matches.iter().filter(own));
            let hits: u64 = seconds.map(|matches| matches.known).sum();
            (hits as f64 > HITS_MOST * all as f64 + 10.0)
                .then(|| format!("rule {} matches {hits} of {all} requests of customers", rule.id))
        })
    }

    /// Invariant 15.
    pub(super) fn believes_silence(&mut self, seen: &Seen) -> Option<String> {
        let armed = seen.rules.rules.iter().filter(|rule| rule.armed).count();
        let now_protects = (seen.masks.admitted(Tier::T5), seen.challenge, armed);
        if !self.looks_for_silence || !seen.is_cut_off || seen.is_blind {
            self.silent_since = None;
            return None;
        }
        let silent = (seen.now - *self.silent_since.get_or_insert(seen.now)) / SECOND;
        if silent < NOTICED_WITHIN {
            self.before_silence = now_protects;
            return None;
        }
        if !seen.findings.misses_traffic {
            return Some(format!("{silent} s of silence are not noticed"));
        }
        if seen.findings.learns {
            return Some(format!("{silent} s of silence are taken for calm"));
        }
        let (open, challenge, armed) = self.before_silence;
        let lowered =
            now_protects.0 > open || (now_protects.1 as u8) < challenge as u8 || now_protects.2 < armed;
        lowered.then(|| format!("protected by {:?}, and then by {now_protects:?}", self.before_silence))
    }
}

/// Invariant 5, by the bounds that rules tell of themselves.
pub(super) fn out_of_budget(rules: &Rules) -> Option<String> {
    let armed = || rules.rules.iter().filter(|rule| rule.armed);
    let calm: f64 = armed().map(|rule| rule.collateral_calm.get()).sum();
    let harsh = armed().filter(|rule| rule.action > Action::Demote);
    let known: f64 = harsh.map(|rule| rule.collateral_known.get()).sum();
    (calm > CALM_BUDGET || known > KNOWN_BUDGET)
        .then(|| format!("rules may hit {calm:.4} of calm and {known:.4} of customers"))
}

/// The budgets of rules that put last, and of rules that ask for more (decision-science, section 6, point 7).
const CALM_BUDGET: f64 = 0.05;
const KNOWN_BUDGET: f64 = 0.002;
/// Seconds over which it is seen what rules match of customers, and the share that shows that nobody looked.
pub(super) const MATCHED_SECONDS: usize = 10;
const HITS_MOST: f64 = 0.02;
/// Seconds in which missing traffic is noticed (decision-science, section 11).
const NOTICED_WITHIN: u64 = 20;
