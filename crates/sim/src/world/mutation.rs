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
    /// An attack is taken for calm where the gate learns: service times, and how full limits get.
    LearnsInAttack,
    /// An attack is taken for calm where the core learns what is usual; what it decides is as ever.
    LearnsWhileClosed,
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
            | Self::LearnsWhileClosed
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

#[cfg(test)]
pub(super) mod learning {
    //! The core as it would be if it learnt what is usual from an attack.

    use std::time::Duration;

    use admission::site::{Controller, Site};
    use admission::threshold::Threshold;
    use guard::Acting;
    use model::{Challenge, Instant, Level, Masks};
    use serde::{Deserialize, Serialize};

    /// What is in force, as the core writes it down.
    #[derive(Deserialize, Serialize)]
    struct Written {
        kept: Kept,
        pins: [Option<(Level, u64)>; 2],
    }

    #[derive(Deserialize, Serialize)]
    struct Kept {
        threshold: Threshold,
        guard: Acting,
        is_given: bool,
        challenge: Challenge,
        usual: Option<f64>,
        holds: bool,
        opened: Option<Instant>,
        was_closed: bool,
        closing: u64,
        decision: InForce,
    }

    #[derive(Deserialize, Serialize)]
    struct InForce {
        seq: u64,
        at: Instant,
        level: Level,
        masks: Masks,
        offered: f64,
        limits_refuse: bool,
        challenge: Challenge,
        has_rules: bool,
    }

    /// Before a step: what the core shows its learning of its last decision is calm, now and ever before. The step decides by the same
    /// load, threshold, rules and challenge as without this, and the gate obeys what it obeyed.
    pub(in crate::world) fn takes_for_calm(controller: &mut Controller, site: &Site) {
        let obeyed = site.decision().as_ref().clone();
        let mut written: Written = again(&controller.posture());
        (written.kept.opened, written.kept.was_closed) = (None, false);
        (written.kept.decision.level, written.kept.decision.masks) = (Level::Calm, Masks::OPEN);
        controller.go_on(site, None, Some(again(&written)), Duration::ZERO);
        site.obey(obeyed);
    }

    fn again<T: serde::de::DeserializeOwned>(value: &impl Serialize) -> T {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }
}
