//! `cargo xtask bench`: the gate beside its peers, as ratios taken in one run.

mod edge;
mod result;
mod subject;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::shell::{self, ShellError, run_quietly};

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
    /// Measure the release build that is there instead of building it first.
    #[arg(long)]
    as_built: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum What {
    /// Forwarding and refusing over HTTP/1.1, beside nginx and `HAProxy`.
    Edge,
    /// Comes with part 4.
    #[value(hide = true)]
    Status,
}

/// Measures and prints.
pub(crate) fn run(arguments: &BenchArguments) -> ExitCode {
    let measured = match arguments.what {
        What::Edge => {
            if !arguments.as_built
                && let Err(error) = build_release()
            {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
            edge::measure(arguments.pairs, arguments.seconds)
        }
        What::Status => {
            eprintln!("`cargo xtask bench status` comes with part 4 (the status page) and is not built yet");
            return ExitCode::FAILURE;
        }
    };
    match measured {
        Ok(result) if arguments.json => println!("{}", result.to_json()),
        Ok(result) => print!("{}", result.to_text()),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn build_release() -> Result<(), ShellError> {
    eprintln!("building the release binary; `--as-built` takes the one that is there");
    let mut command = shell::cargo();
    run_quietly(command.args(["build", "--quiet", "--release", "--locked", "--package", "portcullis"]))?;
    Ok(())
}
