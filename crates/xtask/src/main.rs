//! The project's only entry point for tests, benchmarks and checks: `cargo xtask test`, `cargo xtask bench edge`.
//!
//! It runs other programs, measures and prints; what it checks about the source text (layers, sizes, words,
//! headers) are ordinary tests of this crate. It is *not* part of the product and nothing depends on it.
//! Begin reading at [`cli::run`]; the steps of the test command are listed in [`suite`].

#![expect(clippy::print_stdout, reason = "printing is what a command does")]

mod attacks;
mod bench;
mod cli;
mod peers;
mod release;
mod shell;
mod sim;
mod soak;
mod statistics;
mod suite;
mod tally;

#[cfg(test)]
mod layers;
#[cfg(test)]
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
