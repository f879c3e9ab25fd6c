//! Stories of floods, and what must hold whatever comes.

mod checker;
mod floods;
mod invariants;
mod signing_in;
mod standing;
mod story;
#[cfg(not(debug_assertions))]
mod timing;
mod world;
