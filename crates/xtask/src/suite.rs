//! `cargo xtask test`: every check and test, in order, one line each with its time.

use std::process::{Command, ExitCode};
use std::time::Duration;

use lab::REQUIRE_PEERS;
use lab::clock::Stopwatch;

use crate::peers;
use crate::shell::{ShellError, cargo, run_aloud, run_quietly};
use crate::tally::Tally;

/// How one step ended.
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

/// One step of the suite, with what it needs.
struct Step {
    name: &'static str,
    run: fn(&mut Suite) -> Result<Outcome, ShellError>,
}

/// The steps, cheapest first where the order is free.
const STEPS: [Step; 9] = [
    Step { name: "format", run: check_format },
    Step { name: "lints", run: check_lints },
    Step { name: "supply chain", run: check_supply_chain },
    Step { name: "documentation", run: check_documentation },
    Step { name: "the gate's binary", run: build_gate },
    Step { name: "tests", run: run_tests },
    Step { name: "simulator", run: play_scenarios },
    Step { name: "fuzz corpora", run: replay_corpora },
    Step { name: "tests beside peers", run: run_lab },
];

/// What the steps share.
struct Suite {
    peers_required: bool,
    tally: Tally,
}

/// Runs all steps, also after one has failed, and ends with a summary.
///
/// With `install_peers` the peers are installed first, and a skipped test or step is a failure.
pub(crate) fn run(install_peers: bool) -> ExitCode {
    let whole = Stopwatch::start();
    let mut suite = Suite { peers_required: install_peers, tally: Tally::default() };
    let mut lines = Vec::new();
    if install_peers {
        lines.push(timed("peers", || {
            peers::install()?;
            Ok(Outcome::Passed)
        }));
    }
    for step in STEPS {
        lines.push(timed(step.name, || (step.run)(&mut suite)));
    }
    let failed = summarise(&suite, &lines, whole.elapsed());
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Finished {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

fn timed(name: &'static str, run: impl FnOnce() -> Result<Outcome, ShellError>) -> Finished {
    let watch = Stopwatch::start();
    let outcome = run().unwrap_or_else(|error| Outcome::Failed(error.to_string()));
    let finished = Finished { name, outcome, took: watch.elapsed() };
    println!("{}", finished.to_line());
    if let Outcome::Failed(reason) = &finished.outcome {
        eprintln!("{reason}");
    }
    finished
}

impl Finished {
    fn to_line(&self) -> String {
        let Self { name, took, .. } = self;
        let seconds = took.as_secs_f64();
        match &self.outcome {
            Outcome::Passed => format!("ok       {name:<20} {seconds:7.1} s"),
            Outcome::Skipped(reason) => format!("skipped  {name:<20} {seconds:7.1} s  {reason}"),
            Outcome::Failed(_) => format!("FAILED   {name:<20} {seconds:7.1} s"),
        }
    }
}

/// Prints everything once more, the plain line of counts last. Gives whether anything failed.
fn summarise(suite: &Suite, lines: &[Finished], took: Duration) -> bool {
    println!();
    for finished in lines {
        println!("{}", finished.to_line());
    }
    for skipped in &suite.tally.skipped {
        println!("skipped test  {skipped}");
    }
    println!("all of it took {:.0} s", took.as_secs_f64());
    println!("{}", suite.tally.to_line());
    let unpermitted = |finished: &Finished| match finished.outcome {
        Outcome::Passed => false,
        Outcome::Skipped(_) => suite.peers_required,
        Outcome::Failed(_) => true,
    };
    lines.iter().any(unpermitted) || suite.tally.failed > 0
}

fn check_format(_suite: &mut Suite) -> Result<Outcome, ShellError> {
    run_quietly(cargo().args(["fmt", "--all", "--check"]))?;
    run_quietly(cargo().args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))?;
    Ok(Outcome::Passed)
}

fn check_lints(_suite: &mut Suite) -> Result<Outcome, ShellError> {
    let mut command = cargo();
    command.args(["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
    run_quietly(&mut command)?;
    let mut command = fuzz("clippy");
    run_quietly(command.args(["--quiet", "--all-targets", "--", "-D", "warnings"]))?;
    Ok(Outcome::Passed)
}

fn check_supply_chain(_suite: &mut Suite) -> Result<Outcome, ShellError> {
    if run_quietly(cargo().args(["deny", "--version"])).is_err() {
        let how = "cargo-deny is not installed; run `cargo xtask test --install-peers`";
        return Ok(Outcome::Skipped(how.to_owned()));
    }
    let mut command = cargo();
    command.args(["deny", "--workspace", "--locked", "check", "bans", "licenses", "sources"]);
    run_quietly(&mut command)?;
    Ok(Outcome::Passed)
}

fn check_documentation(_suite: &mut Suite) -> Result<Outcome, ShellError> {
    let mut command = cargo();
    command.args(["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items", "--locked"]);
    run_quietly(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}

fn build_gate(_suite: &mut Suite) -> Result<Outcome, ShellError> {
    run_quietly(cargo().args(["build", "--quiet", "--package", "portcullis", "--locked"]))?;
    Ok(Outcome::Passed)
}

fn run_tests(suite: &mut Suite) -> Result<Outcome, ShellError> {
    let mut command = cargo();
    suite.test(command.args(["test", "--workspace", "--exclude", "lab", "--no-fail-fast", "--locked"]))
}

/// Where everything is required, five seeds of each scenario but the calm day; else those in which the most can break. `cargo xtask sim full` plays
/// all of them with many more seeds.
fn play_scenarios(suite: &mut Suite) -> Result<Outcome, ShellError> {
    let binary = lab::target_folder().join("debug/portcullis");
    let mut command = Command::new(&binary);
    command.arg("sim").arg("--json");
    if suite.peers_required {
        let listed = run_quietly(Command::new(&binary).args(["sim", "--list"]))?;
        let names = listed.lines().filter_map(|line| line.split_whitespace().next());
        // A day takes as long as all others together; `cargo xtask sim calm` plays it.
        command.args(names.filter(|name| *name != "calm-day")).args(["--seeds", "1..5"]);
    } else {
        command.args(SCENARIOS);
    }
    run_quietly(&mut command)?;
    Ok(Outcome::Passed)
}

/// What `cargo xtask test` plays on a developer's machine: about a minute.
const SCENARIOS: [&str; 10] = [
    "web-application",
    "operations-provider",
    "calm-busy",
    "login-flood",
    "nat-bots",
    "aged-accounts",
    "watcher",
    "two-at-once",
    "outage-under-attack",
    "small-app",
];

fn replay_corpora(suite: &mut Suite) -> Result<Outcome, ShellError> {
    suite.test(&mut fuzz("test"))
}

/// The fuzz package stands outside the workspace; it borrows the target folder, so that dependencies are built once.
fn fuzz(command: &str) -> Command {
    let mut cargo = cargo();
    cargo.args([command, "--manifest-path", "fuzz/Cargo.toml", "--target-dir"]).arg(lab::target_folder());
    cargo
}

fn run_lab(suite: &mut Suite) -> Result<Outcome, ShellError> {
    let mut command = cargo();
    suite.test(command.args(["test", "--package", "lab", "--no-fail-fast", "--locked"]))
}

impl Suite {
    fn test(&mut self, command: &mut Command) -> Result<Outcome, ShellError> {
        if self.peers_required {
            command.env(REQUIRE_PEERS, "1");
        }
        let failed_before = self.tally.failed;
        let tally = &mut self.tally;
        let outcome = run_aloud(command, &mut |line| tally.see(line));
        match outcome {
            Ok(()) => Ok(Outcome::Passed),
            Err(_) if self.tally.failed > failed_before => {
                let failures = self.tally.failed - failed_before;
                Ok(Outcome::Failed(format!("{failures} failed, see above")))
            }
            Err(error) => Err(error),
        }
    }
}
