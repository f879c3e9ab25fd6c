//! `cargo xtask sim`: the built-in scenarios with many seeds, and what came of it as a table for `docs/`.
//!
//! Results are kept in `docs/simulator`, with a number of the very sources that had them, so that a run that was stopped goes on
//! where it was, on any machine, and nothing that another core did is counted.

mod bars;
mod expected;
mod kept;
mod page;
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::{Args, Subcommand};
use lab::{checkout, target_folder};

use kept::{Kept, Run};

use crate::release;
use crate::shell::{self, ShellError, run_quietly};

/// What is to be played.
#[derive(Debug, Args)]
pub(crate) struct SimArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every built-in scenario with many seeds, each with some of them also with the threshold alone; then writes `docs/simulator.md`.
    Full(Many),
    /// Calm days of a small site, one for each seed: none may close.
    Calm(Many),
    /// Writes `docs/simulator.md` from what has been played so far, and compares it with the bars as the others do.
    Table,
}

#[derive(Debug, Args)]
struct Many {
    /// Seeds from 1 to this one. 40 by default, and 270 for calm days.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: Option<u64>,
    /// Some scenarios alone, with commas.
    #[arg(long, default_value = "all")]
    only: String,
    /// Play with the binary of `cargo xtask release`, which must be of these sources.
    #[arg(long)]
    as_built: bool,
}

/// Why it could not be played or written.
#[derive(Debug, thiserror::Error)]
enum SimError {
    #[error(transparent)]
    Shell(#[from] ShellError),
    #[error("{path}: {error}", path = path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error("cannot run {program}: {error}", program = program.display())]
    Start { program: PathBuf, error: std::io::Error },
    #[error("the simulator was stopped before it had played {0}; repeat the command, it goes on there")]
    Stopped(String),
    #[error("the simulator said what is no result: {0}")]
    Answer(String),
    #[error("no built-in scenario is called `{0}`")]
    Unknown(String),
}

/// Plays and prints; fails when in anything that is kept an invariant did not hold or a bar was missed.
pub(crate) fn run(arguments: &SimArguments) -> ExitCode {
    match act(&arguments.what) {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What is wrong with what was played now or before, a line each.
fn act(what: &What) -> Result<Vec<String>, SimError> {
    let program = program(what)?;
    let sources = ["model", "admission", "guard", "sim"].map(|name| checkout().join("crates").join(name));
    let kept = Kept::of(&sources, &checkout().join("docs/simulator"))?;
    let runs = match what {
        What::Full(many) => full(&listed(&program)?, many)?,
        What::Calm(many) => days(many),
        What::Table => Vec::new(),
    };
    for run in &runs {
        play(&program, run, &kept)?;
    }
    let rows = rows(&kept, &listed(&program)?)?;
    let path = checkout().join("docs/simulator.md");
    std::fs::write(&path, page::page(&rows)).map_err(|error| SimError::File { path, error })?;
    Ok(complaints(&rows))
}

fn complaints(rows: &[page::Row]) -> Vec<String> {
    [expected::unexpected(rows), expected::outlived(rows), bars::missed(rows)].concat()
}

/// An ordinary release build, unless another is there: what the simulator finds does not depend on how fast it is.
fn program(what: &What) -> Result<PathBuf, ShellError> {
    if let What::Full(many) | What::Calm(many) = what
        && many.as_built
    {
        return Ok(release::binary());
    }
    let mut command = shell::cargo();
    run_quietly(command.args(["build", "--quiet", "--release", "--locked", "--package", "portcullis"]))?;
    Ok(target_folder().join("release/portcullis"))
}

/// Every scenario but the long one, as it is and with the threshold alone.
fn full(listed: &[String], many: &Many) -> Result<Vec<Run>, SimError> {
    let chosen: Vec<&str> = match many.only.as_str() {
        "all" => listed.iter().map(String::as_str).filter(|&name| name != CALM_DAY).collect(),
        names => names.split(',').collect(),
    };
    if let Some(unknown) = chosen.iter().find(|&&name| !listed.iter().any(|there| there == name)) {
        return Err(SimError::Unknown((*unknown).to_owned()));
    }
    let seeds = many.seeds.unwrap_or(SEEDS);
    // What the threshold does alone is for comparison; a quarter of the seeds tells enough.
    let run = |name: &&str, alone: bool| Run {
        scenario: (*name).to_owned(),
        alone,
        seeds: if alone { seeds.div_ceil(4) } else { seeds },
    };
    Ok(chosen.iter().flat_map(|name| [run(name, false), run(name, true)]).collect())
}

fn days(many: &Many) -> Vec<Run> {
    vec![Run { scenario: CALM_DAY.to_owned(), alone: false, seeds: many.seeds.unwrap_or(DAYS) }]
}

/// Plays what has not been played yet, some seeds at a time.
fn play(program: &Path, run: &Run, kept: &Kept) -> Result<(), SimError> {
    let missing = kept.missing(run)?;
    for seeds in missing.chunk_by(|one, next| next - one == 1).flat_map(|row| row.chunks(SEEDS_AT_ONCE)) {
        let (Some(first), Some(last)) = (seeds.first(), seeds.last()) else { continue };
        eprintln!("{}{}: seeds {first} to {last}", run.scenario, alone(run));
        let (output, words) = played(program, run, *first, *last)?;
        eprint!("{words}");
        kept.add(run, seeds, &output, &words)?;
    }
    Ok(())
}

/// What the simulator prints of these seeds: the results, and its words.
fn played(program: &Path, run: &Run, first: u64, last: u64) -> Result<(String, String), SimError> {
    let mut command = Command::new(program);
    command.args(["sim", &run.scenario, "--json", "--seeds", &format!("{first}..{last}")]);
    if run.alone {
        command.arg("--threshold-alone");
    }
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| SimError::Start { program: program.to_owned(), error })?;
    // Killed, by whom ever: nothing is known of the seeds that it had not played.
    if output.status.code().is_none() {
        return Err(SimError::Stopped(format!("{}, seeds {first} to {last}", run.scenario)));
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(&output.stdout), text(&output.stderr)))
}

fn alone(run: &Run) -> &'static str {
    if run.alone { ", alone" } else { "" }
}

fn listed(program: &Path) -> Result<Vec<String>, SimError> {
    let output = Command::new(program).args(["sim", "--list", "--json"]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| SimError::Start { program: program.to_owned(), error })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(row.get("name")?.as_str()?.to_owned())
    };
    text.lines().map(|line| name(line).ok_or_else(|| SimError::Answer(line.to_owned()))).collect()
}

/// All that is kept, scenario by scenario.
fn rows(kept: &Kept, listed: &[String]) -> Result<Vec<page::Row>, SimError> {
    let mut rows = Vec::new();
    for name in listed {
        let results = |alone| kept.results(&Run { scenario: name.clone(), alone, seeds: u64::MAX });
        rows.push(page::Row { name: name.clone(), whole: results(false)?, alone: results(true)? });
    }
    Ok(rows)
}

/// The scenario whose seeds are days.
const CALM_DAY: &str = "calm-day";
const SEEDS: u64 = 40;
const DAYS: u64 = 270;
/// A stopped run loses no more than this.
const SEEDS_AT_ONCE: usize = 10;
