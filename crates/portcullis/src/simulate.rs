//! `portcullis sim`: scenarios played in the simulator, several seeds at a time on all cores.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use edge_io::Clock;
use sim::{BuiltIn, Failure, LIBRARY, Layers, Outcome, Scenario, ScenarioError, Table, Tell};

/// The arguments of `portcullis sim`.
#[derive(Debug, clap::Args)]
#[command(after_help = FIGURES)]
pub(crate) struct SimArgs {
    /// Names of built-in scenarios, or paths of `.toml` files.
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    scenarios: Vec<String>,
    /// Show the built-in scenarios.
    #[arg(long)]
    list: bool,
    /// Draw the random numbers from this seed instead of the scenario's own.
    #[arg(long, conflicts_with_all = ["seeds", "list"])]
    seed: Option<u64>,
    /// Play once with each seed from A to B, both included, such as 1..20.
    #[arg(long, value_parser = seeds, conflicts_with = "list")]
    seeds: Option<(u64, u64)>,
    /// Play with the threshold alone: no rules, no client limits, no challenges, no tickets.
    #[arg(long, conflicts_with = "list")]
    threshold_alone: bool,
    /// Print one JSON object a line for each run.
    #[arg(long)]
    json: bool,
}

/// Why a scenario cannot be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SimError {
    /// No scenario has this name.
    #[error(
        "no scenario is called `{0}`; `portcullis sim --list` shows all, or give the path of a .toml file"
    )]
    Unknown(String),
    /// A file cannot be read.
    #[error("cannot read {}: {error}; give the path of a scenario's .toml file", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// A file is no scenario.
    #[error("{name} is no scenario: {error}")]
    Scenario {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        error: ScenarioError,
    },
    /// A result cannot be written as JSON.
    #[error("cannot write a result as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// One run that is to be played.
struct Run<'a> {
    scenario: &'a Scenario,
    /// As it was named on the command line.
    name: &'a str,
    seed: u64,
    layers: Layers,
}

impl SimArgs {
    /// Plays, prints, and says whether every invariant held in every run.
    pub(crate) fn run(&self) -> Result<bool, SimError> {
        if self.list {
            self.print_list()?;
            return Ok(true);
        }
        let scenarios = self.scenarios.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
        let layers = if self.threshold_alone { Layers::Threshold } else { Layers::All };
        let mut runs = Vec::new();
        for (scenario, name) in scenarios.iter().zip(&self.scenarios) {
            let (first, last) = self.seeds.unwrap_or_else(|| {
                let seed = self.seed.unwrap_or(scenario.seed);
                (seed, seed)
            });
            runs.extend((first..=last).map(|seed| Run { scenario, name, seed, layers }));
        }
        // One run alone is told as it goes.
        let results = match &runs[..] {
            [run] if !self.json => {
                vec![play(run, &mut |seconds, line| show_line!("{seconds:>8.1} s  {line}"))]
            }
            _ => play_all(&runs),
        };
        for failure in results.iter().filter_map(|result| result.as_ref().err()) {
            eprintln!("portcullis: {failure}");
        }
        let failed = results.iter().any(Result::is_err);
        let outcomes: Vec<Outcome> = results.into_iter().filter_map(Result::ok).collect();
        if self.json {
            for outcome in &outcomes {
                show_line!("{}", serde_json::to_string(outcome)?);
            }
        } else if !outcomes.is_empty() {
            show!("{}", Table(&outcomes));
        }
        Ok(!failed)
    }

    fn print_list(&self) -> Result<(), SimError> {
        for built_in in LIBRARY {
            if self.json {
                let line = serde_json::json!({ "name": built_in.name, "about": built_in.about() });
                show_line!("{line}");
            } else {
                show_line!("{:<24}{}", built_in.name, built_in.about());
            }
        }
        Ok(())
    }
}

/// A built-in scenario, or the one in a file.
fn find(name: &str) -> Result<Scenario, SimError> {
    let wrong = |error| SimError::Scenario { name: name.to_owned(), error };
    if let Some(built_in) = BuiltIn::named(name) {
        return built_in.scenario().map_err(wrong);
    }
    let path = PathBuf::from(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(SimError::Unknown(name.to_owned()));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| SimError::Read { path, error })?;
    Scenario::parse(&text).map_err(wrong)
}

/// Plays all runs, as many at a time as there are cores; the results are in the order of the runs.
fn play_all(runs: &[Run<'_>]) -> Vec<Result<Outcome, Failure>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(runs.len());
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let place = next.fetch_add(1, Relaxed);
            let Some(run) = runs.get(place) else { return };
            let result = play(run, &mut |_, _| {});
            results.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

fn play<'a>(run: &'a Run<'_>, tell: &'a mut Tell<'a>) -> Result<Outcome, Failure> {
    let clock = Clock::start();
    let played = sim::play_told(run.scenario, run.seed, run.layers, &mut || clock.now().as_nanos(), tell);
    played.map_err(|failure| Failure { source_name: run.name.to_owned(), ..failure })
}

/// Seeds from A to B.
fn seeds(text: &str) -> Result<(u64, u64), String> {
    let wrong = || {
        format!("`{text}` names no seeds; write the first and the last, such as 1..20, at most {SEEDS_MAX}")
    };
    let (first, last) = text.split_once("..").ok_or_else(wrong)?;
    let first: u64 = first.parse().map_err(|_| wrong())?;
    let last: u64 = last.parse().map_err(|_| wrong())?;
    if first <= last && last - first < SEEDS_MAX { Ok((first, last)) } else { Err(wrong()) }
}

const SEEDS_MAX: u64 = 10_000;

const FIGURES: &str = "\
Figures of a run. Times are in seconds, shares 0 to 1; of several attacks the worst counts.

From an attack's start:
  seconds_to_detect        to the first level above calm
  seconds_to_protect       to ten seconds in which 0.99 of customers' attempts succeed and the app
                           is given at most 1.05 of what it can do
  seconds_to_first_rule    to the first rule that acts; null without one
While it lasts:
  known_success            attempts of customers that are complete in 4 s
  known_success_after_protect  those begun from 2 s after its start
  unknown_success          the same of visitors
  login_success            logins from new addresses that are confirmed within 30 s
  login_p95_seconds        what nineteen of twenty of them take at most
From its end:
  seconds_to_reopen        until everybody is let in, for a minute at least
Without an attack, while people ask for at most 0.85 of what the app can do:
  false_closings           changes to level 3 or 4
  refused_in_calm          legitimate requests that were refused
  known_refused_in_calm    the same of customers' requests
In all of the run:
  over_limit_seconds       seconds in which the app was given more than 1.05 of what it can do
  seconds_to_alarm         from the moment on at which nothing arrives until that is suspected;
                           null without an outage
  reverts                  steps of re-opening that were taken back
  collateral               legitimate attempts hit by a rule
  state_bytes_max          memory of tables, passes and core; tables are as large as needed here
  decision_hash            over all decisions; the same seed has the same
Of this machine:
  tick_p99_us              what 99 of 100 steps of the core take at most
  seconds_per_hour         what an hour of the scenario took";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_the_seeds_are_played() {
        assert_eq!(seeds("3..5"), Ok((3, 5)));
        assert_eq!(seeds("7..7"), Ok((7, 7)));
        for wrong in ["5..3", "1", "a..b", "0..10000", ""] {
            assert!(seeds(wrong).unwrap_err().contains("1..20"), "{wrong}");
        }
    }

    #[test]
    fn results_are_in_the_order_of_the_runs() {
        let scenario = Scenario::parse(
            "name = \"small\"\nseconds = 3\norigin = { capacity = 8, service_ms = 40 }\n\
             known = { clients = 10, load = 0.2 }\nunknown = { clients = 10, load = 0.1 }\n",
        );
        let scenario = scenario.unwrap();
        let runs: Vec<Run<'_>> = (1..6)
            .map(|seed| Run { scenario: &scenario, name: "small", seed, layers: Layers::All })
            .collect();
        let played: Vec<u64> = play_all(&runs).into_iter().map(|result| result.unwrap().seed).collect();
        assert_eq!(played, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_name_that_is_none_says_where_the_names_are() {
        assert!(find("web-aplication").unwrap_err().to_string().contains("--list"));
        assert!(find("no/such/file.toml").unwrap_err().to_string().contains("cannot read"));
    }
}
