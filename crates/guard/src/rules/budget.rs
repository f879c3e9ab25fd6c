//! How much harm rules may do, all together (decision-science, section 6, point 7).

use model::{Action, Finite};

use super::bound::Share;

/// What is asked of rules with one action or a harsher one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// The sum of their upper bounds on requests of calm, 0 to 1.
    pub calm: Finite,
    /// The sum of their upper bounds on requests of known clients, 0 to 1.
    pub known: Finite,
    /// The share of what each matches that must be excess, 0 to 1.
    pub precision: Finite,
}

impl Budget {
    /// The budget of an action.
    pub const fn of(action: Action) -> Self {
        let (calm, known, precision) = match action {
            Action::Block => (0.005, 0.0005, 0.95),
            Action::Challenge => (0.02, 0.002, 0.8),
            Action::Demote => (0.05, 0.005, 0.6),
        };
        Self { calm: Finite::new(calm), known: Finite::new(known), precision: Finite::new(precision) }
    }
}

/// Requests that must have been looked at, of calm and of known clients, before a rule may do more than demote. Their
/// bound cannot be below 0.5 % with fewer.
pub const SAMPLES_MIN: u64 = 600;

/// Requests of known clients from which on all rules that may exist, none with a single hit, keep within the budget of
/// demoting: 8 · 3 ÷ 0.5 %.
pub const KNOWN_MIN: u64 = 4_800;

/// One rule's part of the budgets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) action: Action,
    pub(super) calm: Finite,
    pub(super) known: Finite,
}

impl Claim {
    pub(super) fn new(action: Action, calm: Share, known: Share) -> Self {
        Self { action, calm: calm.upper(), known: known_bound(action, known) }
    }
}

/// The bound on known clients that counts against the budgets.
///
/// A site with few known clients gets no bound within the budget from them. There a rule may put last whatever matches
/// none of their requests, without a claim on the budget: known clients are exempt from rules anyway.
pub(super) fn known_bound(action: Action, known: Share) -> Finite {
    if known.of < KNOWN_MIN && known.hits == 0 && action == Action::Demote {
        return Finite::ZERO;
    }
    known.upper()
}

/// The mildest action whose budget rules with these claims exceed together, and whether it is the known clients' one.
pub(super) fn exceeded(claims: &[Claim]) -> Option<Exceeded> {
    ACTIONS.into_iter().find_map(|action| {
        let budget = Budget::of(action);
        let harsh = || claims.iter().filter(move |claim| claim.action >= action);
        let known = harsh().map(|claim| claim.known).sum::<Finite>() > budget.known;
        let calm = harsh().map(|claim| claim.calm).sum::<Finite>() > budget.calm;
        (known || calm).then_some(Exceeded { action, known })
    })
}

/// A budget that is not kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Exceeded {
    pub(super) action: Action,
    pub(super) known: bool,
}

/// All actions, mildest first.
const ACTIONS: [Action; 3] = [Action::Demote, Action::Challenge, Action::Block];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_rules_add_up_with_those_of_harsher_ones() {
        let claim =
            |action, hits| Claim::new(action, Share { hits, of: 8_192 }, Share { hits: 0, of: 40_960 });
        assert_eq!(exceeded(&[claim(Action::Block, 20)]), None, "20 of 8,192: at most 0.36 %");
        let two = [claim(Action::Block, 20), claim(Action::Block, 20)];
        assert_eq!(exceeded(&two), Some(Exceeded { action: Action::Block, known: false }));
        assert_eq!(exceeded(&[claim(Action::Demote, 300), claim(Action::Block, 20)]), None);
        let demoted = [claim(Action::Demote, 380), claim(Action::Block, 20)];
        assert_eq!(exceeded(&demoted), Some(Exceeded { action: Action::Demote, known: false }));
    }

    #[test]
    fn known_clients_have_a_budget_of_their_own() {
        let claim = |action, of| Claim::new(action, Share { hits: 0, of: 8_192 }, Share { hits: 0, of });
        assert_eq!(
            exceeded(&[claim(Action::Block, 4_096)]),
            Some(Exceeded { action: Action::Block, known: true })
        );
        assert_eq!(exceeded(&[claim(Action::Block, 6_000)]), None);
        assert_eq!(exceeded(&[claim(Action::Demote, 100)]), None, "too few known clients for a bound");
        assert_eq!(
            exceeded(&[claim(Action::Challenge, 100)]),
            Some(Exceeded { action: Action::Demote, known: true })
        );
    }
}
