//! Why a step of the core changed what is in force.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A comparison on which a change rests, with the numbers from which anybody can make it again (decision-science, section 11,
/// invariant 25).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Ground {
    /// What was done.
    pub act: Act,
    /// What was compared with what.
    pub comparison: Comparison,
    /// What was measured, in the unit of [`Comparison`].
    pub figure: f64,
    /// What it was compared with, in the same unit.
    pub bound: f64,
    /// For how long that has been so.
    pub lasted: Duration,
    /// For how long it had to be; zero where once is enough.
    pub hold: Duration,
}

impl Ground {
    /// Whether its numbers bear out what was done. Up to a bound, nine digits count: sums are taken in more than one order.
    pub fn holds(&self) -> bool {
        let (figure, bound) = (self.figure, self.bound);
        let is_so = match self.comparison.relation() {
            Relation::Above => figure > bound,
            Relation::AtLeast => figure >= bound,
            Relation::AtMost => figure <= bound + 1e-9 * bound.abs(),
            Relation::Below => figure < bound,
        };
        is_so && self.lasted >= self.hold
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Act {
    /// Cohorts were closed out while everybody was in.
    Close,
    /// Cohorts were closed out while others were already.
    CloseMore,
    /// A step of re-opening was taken back.
    Revert,
    /// A step of re-opening.
    Open,
    /// Known clients that had been closed out are in again.
    Readmit,
    /// Unknown clients must come back with a cookie from now on.
    AskForCookie,
    /// They must wait, too.
    AskToWait,
    /// Nothing is asked of them any more.
    CeaseAsking,
}

/// What is compared with what. Loads are in requests in service.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Comparison {
    /// The load that is let in, over the last second, against 0.85 L.
    Over,
    /// The same against 0.95 L.
    FarOver,
    /// The load that is let in, in the last step alone, against 2 L.
    Unmistakable,
    /// What is asked of the login lane beyond what it can give, against 0.5 L.
    InVain,
    /// What is let in and twice what the step adds, against the load up to which people may come back.
    Forecast,
    /// Everything that is asked for, let in or not, against the same.
    Settled,
    /// The load of known clients against 0.80 L.
    KnownFit,
    /// The load of those who are not last, against 0.85 L.
    Load,
    /// The longest wait for a slot against 40, in milliseconds.
    Wait,
    /// The share of known clients' requests that were served, against 0.98.
    KnownSuccess,
    /// How much what is unusual looks made, against the score of an attack.
    LooksMade,
    /// What would come if nothing were asked of anybody, against the load up to which people may come back.
    Quiet,
}

/// How a figure must stand to its bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Relation {
    /// More than it.
    Above,
    /// At least it.
    AtLeast,
    /// At most it.
    AtMost,
    /// Less than it.
    Below,
}

impl Comparison {
    /// How the figure must stand to the bound.
    pub const fn relation(self) -> Relation {
        match self {
            Self::Over | Self::FarOver | Self::Unmistakable | Self::InVain | Self::Wait => Relation::Above,
            Self::Load | Self::LooksMade => Relation::AtLeast,
            Self::Forecast | Self::Settled | Self::KnownFit | Self::Quiet => Relation::AtMost,
            Self::KnownSuccess => Relation::Below,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_bear_it_out_are_found() {
        let ground = Ground {
            act: Act::Close,
            comparison: Comparison::Over,
            figure: 17.1,
            bound: 17.0,
            lasted: Duration::from_secs(1),
            hold: Duration::from_secs(1),
        };
        assert!(ground.holds());
        assert!(!Ground { figure: 17.0, ..ground }.holds());
        assert!(!Ground { lasted: Duration::from_millis(999), ..ground }.holds());
        let opens =
            Ground { act: Act::Open, comparison: Comparison::Forecast, figure: 14.0, bound: 14.0, ..ground };
        assert!(opens.holds() && !Ground { figure: 14.1, ..opens }.holds());
        assert!(!Ground { comparison: Comparison::KnownSuccess, ..opens }.holds());
    }
}
