//! Client limits: how much one pass, account, address or network may ask for (decision-science, section 4).
//!
//! A [`Ladder`] checks one request against every rung that it stands on; each rung is a [`Rate`] in a fixed [`Table`].
//! All memory is fixed at construction, every method takes `&self`, and nothing waits for a lock.

mod budgets;
mod calm;
mod ladder;
mod rate;
mod settings;
mod table;

pub use budgets::Budgets;
pub(crate) use budgets::{Asked, Bounding};
pub use ladder::{Keys, Ladder, Limited, Trier};
pub use rate::Rate;
pub use settings::{LadderSettings, Limits, TableName};
pub use table::{Charge, Table};

#[cfg(test)]
mod tests;
