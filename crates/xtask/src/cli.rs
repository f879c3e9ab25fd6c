//! The command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::attacks::{self, AttacksArguments};
use crate::bench::{self, BenchArguments};
use crate::release;
use crate::sim::{self, SimArguments};
use crate::soak::{self, SoakArguments};
use crate::suite;

/// Tests, benchmarks and checks of Portcullis.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every check and test, in order.
    Test {
        /// Install the programs that tests run beside the gate; a skipped test is then a failure. `CI` implies it.
        #[arg(long)]
        install_peers: bool,
    },
    /// Build the binary that is given away, laid out by how often its branches are taken: `target/distribution/portcullis`.
    Release,
    /// Compare the gate with its peers.
    Bench(BenchArguments),
    /// Attack the gate and its peers in the same ways; print what honest clients saw.
    Attacks(AttacksArguments),
    /// Play the simulator's scenarios with many seeds; write what came of it into `docs/simulator.md`.
    Sim(SimArguments),
    /// Send malformed bytes to every port of a gate for minutes: no panic, no growth, no honest request lost.
    Soak(SoakArguments),
}

/// Does what the arguments say. Errors go to standard error.
pub(crate) fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Test { install_peers } => suite::run(install_peers || continuous_integration()),
        Command::Release => release::run(),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Attacks(arguments) => attacks::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
        Command::Soak(arguments) => soak::run(&arguments),
    }
}

fn continuous_integration() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}
