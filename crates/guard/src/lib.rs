//! One second: what the data plane counted in, what is to be done about it out.
//!
//! Pure and deterministic to the byte: time is an argument, randomness is seeded, numbers are [`model::Finite`], maps are
//! ordered, everything has a named limit. It is *not* what judges a single request: that is `admission`, which obeys the
//! decisions made here. Its main types are [`Guard`], [`evidence::Evidence`] and [`rules::Book`].

mod challenge;
pub mod evidence;
mod guard;
pub mod rules;

pub use guard::{Acting, Advice, Guard};
