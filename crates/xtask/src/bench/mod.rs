//! `cargo xtask bench`: the gate beside its peers, as ratios taken in one run.

mod edge;
mod idle;
mod memory;
mod page;
mod result;
mod status;
mod subject;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::release;

/// What to compare, and how long.
#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// The comparison.
    what: What,
    /// Print one JSON object alone.
    #[arg(long)]
    json: bool,
    /// Interleaved rounds; each runs every subject once.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=99))]
    pairs: u32,
    /// Length of one measurement in seconds.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=30))]
    seconds: u64,
    /// One task alone, such as `refuse`, `forward-h2`, `idle` or `page`.
    #[arg(long)]
    only: Option<String>,
    /// Measure the binary of `cargo xtask release` that is there instead of building it first.
    #[arg(long)]
    as_built: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum What {
    /// Forwarding, refusing and TLS handshakes, beside nginx and `HAProxy`.
    Edge,
    /// What an idle connection takes beside nginx and `HAProxy` (`idle`), and resident size over rounds (`--pairs`) of a million new
    /// sources and of idle connections in every slot (`rounds`).
    Memory,
    /// Seconds until everybody has heard of an incident (`news`), and the page under a flood beside nginx (`page`, `summary`).
    Status,
}

/// Measures and prints.
pub(crate) fn run(arguments: &BenchArguments) -> ExitCode {
    match measure(arguments) {
        Ok(shown) => {
            println!("{}", shown.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &BenchArguments) -> Result<String, Box<dyn Error>> {
    if !arguments.as_built {
        release::build()?;
    }
    let binary = release::binary();
    if arguments.what == What::Memory {
        let memory = memory::measure(&binary, arguments.pairs, arguments.only.as_deref())?;
        return Ok(if arguments.json { memory.to_json() } else { memory.to_text() });
    }
    if arguments.what == What::Status {
        return measure_status(arguments)
            .map(|result| if arguments.json { result.to_json() } else { result.to_text() });
    }
    let result = edge::measure(&binary, arguments.pairs, arguments.seconds, arguments.only.as_deref())?;
    Ok(if arguments.json { result.to_json() } else { result.to_text() })
}

/// The seconds take as many runs as there are pairs.
fn measure_status(arguments: &BenchArguments) -> Result<result::Benchmark, Box<dyn Error>> {
    let only = arguments.only.as_deref();
    let mut names = std::iter::once(status::TASK).chain(page::TASKS.map(|(name, ..)| name));
    if only.is_some_and(|only| names.all(|name| name != only)) {
        return Err("there is no such task; there are news, page, summary".into());
    }
    let mut result = result::Benchmark::default();
    if only.is_none_or(|only| only == status::TASK) {
        result = status::measure(arguments.pairs)?;
    }
    if only != Some(status::TASK) {
        let flooded = page::measure(arguments.pairs, arguments.seconds, only)?;
        result.rows.extend(flooded.rows);
        result.ratios.extend(flooded.ratios);
    }
    Ok(result)
}

/// Puts a build of the gate to work, so that it counts which of its branches are taken.
pub(crate) fn train(binary: &Path) -> Result<(), Box<dyn Error>> {
    edge::train(binary)?;
    Ok(page::train(binary, edge::TRAINING_SECONDS)?)
}
