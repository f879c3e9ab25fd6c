//! The world of `portcullis try`: a sample ticket shop, its customers, visitors and attackers, on loopback only.
//!
//! Nothing here takes a target. The [`Arena`] opens the shop's listener and the gate's own, and its load generators
//! connect to these alone, after each has echoed a random number of this run; there is no way to name another address.
//! It is *not* a load testing tool and decides nothing about the gate. Its main types are [`Arena`], [`Act`] and
//! [`Scoreboard`].

mod act;
mod arena;
mod attack;
mod board;
mod browser;
mod dial;
mod live;
mod people;
mod places;
mod shop;
#[cfg(test)]
mod tests;

pub use act::{Act, Phase, Wish};
pub use arena::{Arena, ArenaError, Passage};
pub use attack::{Assault, Disguise};
pub use board::{Figures, Promise, Rule, Run, Scoreboard, Seen};
pub use live::{Kind, Moment};
