//! Computes again what every change claims (invariants 5 and 25).

use std::collections::BTreeMap;

use model::{Action, CONDITIONS_MAX, RULES_MAX, Rule, Rules};

use crate::rules::{
    Budget, Change, Changes, Input, KNOWN_MIN, Maturity, Proof, SAMPLES_MIN, Share, Trial, Why,
};

/// Follows the rules by what is said of them alone.
#[derive(Default)]
pub(super) struct Checker {
    /// Action, and whether it is armed.
    rules: BTreeMap<u16, (Action, bool)>,
    /// Requests of known clients that each matches, with those that were counted.
    known: BTreeMap<u16, Share>,
}

impl Checker {
    #[track_caller]
    pub(super) fn check(&mut self, step: &Changes, input: &Input<'_>) {
        self.count(input);
        for change in &step.changes {
            self.follow(change, input.maturity);
        }
        let in_force: BTreeMap<u16, (Action, bool)> =
            step.rules.rules.iter().map(|rule| (rule.id, (rule.action, rule.armed))).collect();
        assert_eq!(in_force, self.rules, "every change was told: {:?}", step.changes);
        assert_eq!(in_force.len(), step.rules.rules.len(), "numbers are unique");
        assert!(in_force.len() <= RULES_MAX && !in_force.contains_key(&0));
        self.check_budgets(&step.rules);
    }

    fn count(&mut self, input: &Input<'_>) {
        let of = input.known.iter().map(|sample| u64::from(sample.weight)).sum();
        for matches in input.matches.iter().filter(|matches| self.rules.contains_key(&matches.rule)) {
            let known = self.known.get_mut(&matches.rule).unwrap();
            *known = Share { hits: known.hits + matches.known.min(of), of: known.of + of };
        }
    }

    #[track_caller]
    fn follow(&mut self, change: &Change, maturity: Maturity) {
        match change {
            Change::Found { rule, proof, forecast } => {
                check_shape(rule);
                check_proof(rule, proof);
                assert!((rule.action, rule.armed) == (Action::Demote, false) && forecast.is_positive());
                self.known.insert(rule.id, proof.known);
                assert!(self.rules.insert(rule.id, (Action::Demote, false)).is_none());
            }
            Change::Armed { rule, trial } => {
                assert!(is_passed(trial));
                assert_eq!(self.rules.insert(rule.id, (rule.action, true)), Some((rule.action, false)));
            }
            Change::Discarded { rule, why } => {
                match why {
                    Why::TooFewHits(trial) => assert!(!is_passed(trial)),
                    Why::Known(known) => assert!(known.hits > 0),
                    Why::NotCounted | Why::Unwanted => {}
                }
                assert!(self.rules.remove(&rule.id).is_some());
            }
            Change::Hardened { rule, from, calm, known, painful } => {
                assert!(*painful >= 5 && rule.action > *from);
                assert!(calm.of >= SAMPLES_MIN && known.of >= SAMPLES_MIN);
                assert!(rule.action < Action::Block || maturity == Maturity::Full);
                assert_bound(*known, rule.collateral_known.get());
                assert_bound(*calm, rule.collateral_calm.get());
                assert_eq!(self.rules.insert(rule.id, (rule.action, true)), Some((*from, true)));
            }
            Change::Softened { rule, from, known } => {
                assert!(rule.action < *from && known.hits > 0);
                self.rules.insert(rule.id, (rule.action, rule.armed));
            }
            Change::Expired { rule, hits, peak } => {
                assert!(*hits == 0 || hits * 20 < *peak);
                assert!(self.rules.remove(&rule.id).is_some());
            }
            Change::Needless { rule, hits, seconds } => {
                assert!(*hits > 0 && *seconds >= 30);
                assert!(self.rules.remove(&rule.id).is_some_and(|(_, armed)| armed));
            }
            Change::Rearmed { rule, proof } => {
                check_shape(rule);
                assert!(proof.precision() >= Budget::of(rule.action).precision);
                assert_bound(proof.calm, rule.collateral_calm.get());
                assert!(self.rules.insert(rule.id, (rule.action, true)).is_none());
            }
            Change::NotSurgical(reach) => assert!(reach.covered.get() / reach.excess.get() < 0.6),
        }
    }

    /// Invariant 5: bounds of all rules with an action or a harsher one stay within its budget.
    #[track_caller]
    fn check_budgets(&self, rules: &Rules) {
        for rule in &rules.rules {
            assert_bound(self.known[&rule.id], rule.collateral_known.get());
        }
        for action in [Action::Demote, Action::Challenge, Action::Block] {
            let harsh = || rules.rules.iter().filter(move |rule| rule.action >= action);
            let calm: f64 = harsh().map(|rule| rule.collateral_calm.get()).sum();
            let counts = |rule: &&Rule| {
                let known = self.known[&rule.id];
                rule.action > Action::Demote || known.hits > 0 || known.of >= KNOWN_MIN
            };
            let known: f64 = harsh().filter(counts).map(|rule| rule.collateral_known.get()).sum();
            let budget = Budget::of(action);
            assert!(calm <= budget.calm.get() + 1e-12, "{action:?}: {calm}");
            assert!(known <= budget.known.get() + 1e-12, "{action:?}: {known}");
        }
    }
}

#[track_caller]
fn check_shape(rule: &Rule) {
    assert!((1..=CONDITIONS_MAX).contains(&rule.conditions.len()));
    assert!(rule.conditions.is_sorted_by(|one, other| one.attribute < other.attribute), "{rule:?}");
}

#[track_caller]
fn check_proof(rule: &Rule, proof: &Proof) {
    assert_bound(proof.calm, rule.collateral_calm.get());
    assert_bound(proof.known, rule.collateral_known.get());
    let [gained, excess, expected, matched] =
        [proof.gained, proof.excess, proof.expected, proof.matched].map(model::Finite::get);
    assert!(gained <= matched && gained >= 0.05 * excess, "{proof:?}");
    assert!((proof.coverage().get() - (gained / excess).min(1.0)).abs() < 1e-12);
    let precision = 1.0 - rule.collateral_calm.get() * expected / matched;
    assert!((proof.precision().get() - precision.max(0.0)).abs() < 1e-12);
    assert!(precision >= Budget::of(rule.action).precision.get());
}

fn is_passed(trial: &Trial) -> bool {
    trial.seconds >= 1 && trial.hits as f64 >= trial.forecast.get() * 2.0 * 0.8
}

/// At a Clopper–Pearson bound so few hits have one chance in twenty. The distribution is added up from 0 here, not from
/// the hits as in the code.
#[track_caller]
fn assert_bound(share: Share, bound: f64) {
    if share.hits >= share.of {
        assert!((bound - 1.0).abs() < 1e-12);
        return;
    }
    let mut ln_term = share.of as f64 * (1.0 - bound).ln();
    let mut sum = ln_term.exp();
    for i in 0..share.hits {
        ln_term += ((share.of - i) as f64 / (i + 1) as f64).ln() + bound.ln() - (1.0 - bound).ln();
        sum += ln_term.exp();
    }
    assert!((sum - 0.05).abs() < 1e-6, "{share:?} is not bounded by {bound}: {sum}");
}
