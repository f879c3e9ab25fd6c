//! A seeded world of clients, attackers, origin and clock around the real cores.
//!
//! It plays scenarios, whole incidents, much faster than they happen, and the same seed plays the same world everywhere.
//! It is *not* a copy of the gate: `admission` and `guard` run in it as they run in the gate. Its main types are
//! [`Scenario`], [`Outcome`] and [`Failure`]; [`play`] does the work.

mod invariants;
mod library;
mod outcome;
mod random;
mod scenario;
mod world;

pub use invariants::{Checked, Failure, INVARIANTS, Invariant};
pub use library::{BuiltIn, LIBRARY};
pub use outcome::{Outcome, Table};
pub use scenario::{
    Attack, AttackKind, Event, EventKind, Logins, Origin, People, Pulse, Scenario, ScenarioError,
};
pub use world::{Layers, Tell};

/// Plays a scenario with a seed. `clock` tells nanoseconds of any clock; only `tick_p99_us` and
/// `seconds_per_hour` depend on it.
///
/// # Errors
/// [`Failure`], at the first invariant that does not hold.
pub fn play(scenario: &Scenario, seed: u64, clock: &mut dyn FnMut() -> u64) -> Result<Outcome, Failure> {
    play_told(scenario, seed, Layers::All, clock, &mut |_, _| {})
}

/// [`play`] with these layers, which calls `tell` with the seconds since the beginning and a line for each change of rules and challenge.
///
/// # Errors
/// As [`play`].
pub fn play_told<'a>(
    scenario: &'a Scenario,
    seed: u64,
    layers: Layers,
    clock: &mut dyn FnMut() -> u64,
    tell: &'a mut Tell<'a>,
) -> Result<Outcome, Failure> {
    let world = world::World::with(scenario, seed, layers).telling(tell);
    world.play(clock).map_err(|broken| Failure::new(scenario, seed, layers, broken))
}
