//! Rules that are found, tried, armed and forgotten (decision-science, section 6).
//!
//! The flood of the last ten seconds is held against calm and against known clients. Conjunctions of conditions that
//! describe much of it and nearly nothing of the others become rules; each carries the numbers that speak for it.

mod book;
mod bound;
mod budget;
mod calm;
mod change;
mod contrast;
mod customers;
mod dice;
mod flood;
mod life;
mod rows;
mod samples;
mod search;
mod seen;
#[cfg(test)]
mod tests;

pub use book::Book;
pub(crate) use book::Standing;
pub use bound::Share;
pub use budget::{Budget, KNOWN_MIN, SAMPLES_MIN};
pub use change::{Change, Changes, Proof, Reach, Trial, Why};

use model::{Finite, Matches, Sample};
use serde::{Deserialize, Serialize};

/// What a [`Book`] is told of one second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input<'a> {
    /// Requests of T0 to T2, drawn evenly; their order does not matter.
    pub known: &'a [Sample],
    /// Requests of T3 to T6, drawn evenly, refused ones too; their order does not matter.
    pub others: &'a [Sample],
    /// What was counted of each rule in this second.
    pub matches: &'a [Matches],
    /// Numbers of rules that an admin does not want.
    pub unwanted: &'a [u16],
    /// The hour of the week, 0 to 167; none in an hour that is ambiguous.
    pub hour_of_week: Option<u8>,
    /// Whether this second shows what calm looks like.
    pub learns: bool,
    /// Whether rules are wanted: something is unusual, and it looks made.
    pub wanted: bool,
    /// Whether users are hurt, or about to be.
    pub pain: bool,
    /// Whether no rule may end: traffic is missing, with that which rules are for.
    pub holds: bool,
    /// Whether everything that comes, refused or not, would fit with room to spare.
    pub fits: bool,
    /// Requests a second that T3 to T6 would make now in calm; unknown, it is what they made in the last hour of calm.
    pub expected: Option<Finite>,
    /// How much was learnt of calm.
    pub maturity: Maturity,
}

/// How much was learnt of calm (decision-science, section 0, point 8).
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub enum Maturity {
    /// Too little for any rule.
    #[default]
    None,
    /// Ten minutes: rules may put last and challenge.
    Provisional,
    /// A day: rules may refuse.
    Full,
}
