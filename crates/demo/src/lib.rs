//! The world of `portcullis try`: a sample ticket shop, its customers, visitors and attackers, on loopback only.
//!
//! Nothing here takes a target. The [`Arena`] opens the shop's listener and the gate's own, and its load generators
//! connect to these alone, after each has echoed a random number of this run; there is no way to name another address.
//! It is *not* a load testing tool and decides nothing about the gate. Its main types are [`Arena`], [`Settings`] and
//! [`Scoreboard`].

mod arena;
mod attack;
mod board;
mod dial;
mod live;
mod people;
mod places;
mod shop;
#[cfg(test)]
mod tests;

pub use arena::{Arena, ArenaError, Passage, Phase, Settings};
pub use board::{Figures, Promise, Scoreboard};
pub use live::{Live, Moment};
