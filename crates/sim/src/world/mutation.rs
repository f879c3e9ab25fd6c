//! Ways in which a core may be broken, so that tests can show that the checks notice.

use model::{Decision, Level, Masks, Tier};

/// One way.
#[cfg_attr(not(test), expect(dead_code, reason = "tests alone break a core"))]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mutation {
    /// Everybody is admitted, whatever the load is.
    IgnoresThreshold,
    /// Everybody takes slots as everybody else does.
    DropsReserve,
    /// An attack is taken for calm.
    LearnsInAttack,
    /// What was opened is never closed again.
    NeverReverts,
    /// Rules are not compared with what customers do.
    RulesIgnoreCustomers,
    /// A pass may ask for anything.
    DropsBudgets,
    /// Customers are closed out with all others.
    ClosesEverybody,
    /// Customers are closed out, and others are not.
    ClosesCustomers,
    /// Others are let in before those with tickets.
    OpensStrangersFirst,
}

impl Mutation {
    /// What becomes of the core's masks; `before` are those that were obeyed in the tick before.
    pub(super) fn masks(self, masks: Masks, before: Masks) -> Masks {
        match self {
            Self::IgnoresThreshold => Masks::OPEN,
            Self::NeverReverts if !before.is_open() => Tier::ALL
                .into_iter()
                .fold(masks, |all, tier| all.with(tier, masks.tier(tier) | before.tier(tier))),
            Self::ClosesEverybody => Tier::ALL.into_iter().fold(masks, |all, tier| all.with(tier, 0)),
            Self::ClosesCustomers => masks.with(Tier::T1, 0),
            Self::OpensStrangersFirst => masks.with(Tier::T4, 1).with(Tier::T5, u128::MAX),
            Self::NeverReverts
            | Self::DropsReserve
            | Self::LearnsInAttack
            | Self::RulesIgnoreCustomers
            | Self::DropsBudgets => masks,
        }
    }

    /// What the gate obeys instead of a decision; `None` if it obeys that.
    pub(super) fn decision(self, decision: &Decision, before: Masks) -> Option<Decision> {
        let masks = self.masks(decision.masks, before);
        let level = if self == Self::LearnsInAttack { Level::Calm } else { decision.level };
        (masks != decision.masks || level != decision.level).then(|| Decision {
            masks,
            level,
            ..decision.clone()
        })
    }
}
