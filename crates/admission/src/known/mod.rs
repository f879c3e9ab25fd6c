//! The ways of becoming known: what the app's own answers say about who its customers are.
//!
//! All tables are fixed and made of atomics; workers share them without a lock.

mod header;
mod paths;
mod pending;
#[cfg(test)]
mod tests;
mod tokens;

pub use header::{LoginHeader, LoginHeaderError};
pub use paths::{PathVerdict, Paths};
pub use pending::Pending;
pub use tokens::{TokenRow, Tokens};
