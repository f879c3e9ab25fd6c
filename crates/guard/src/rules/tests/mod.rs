//! Stories of floods, and what must hold whatever comes.

mod checker;
mod floods;
mod invariants;
mod story;
mod world;

/// Prints how long one step takes at most; `cargo test --release -p guard -- --nocapture how_long` shows it.
mod timing;
