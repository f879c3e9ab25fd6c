//! What outlives a restart: the journal (SQLite), keys, quotas and logs.
//!
//! This is the only crate that writes state. It decides nothing about requests, knows no HTTP, and reads no clock:
//! time comes with the rows or from a [`Clock`] that the binary gives.
//! Its main types are [`journal::Journal`], [`journal::Reader`] and [`keys::Keys`].

pub mod ballast;
pub mod journal;
pub mod keys;

mod clock;
mod disk;

pub use clock::{Clock, Now};
pub use disk::{Space, SpaceProbe};
