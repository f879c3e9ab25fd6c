//! Time as users have it.

/// Time of users that was added up, and how many came. It is theirs: a minute in which ten of them are there is ten minutes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UserTime {
    /// Milliseconds in which they were served.
    pub up: u64,
    /// Milliseconds in which they were not.
    pub down: u64,
    /// How often one came who had not been there for a while.
    pub came: u64,
    /// How many were there: each counts once in every five minutes of the wall clock in which one asks for something.
    pub there: u64,
}
