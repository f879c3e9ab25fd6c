//! The command line.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use edge_io::Clock;
use incident::PublicId;
use serde_json::json;

use crate::assess;
use crate::configured;
use crate::ctl::{AskError, CtlArgs};
use crate::handover::{Beginning, Offer, Takeover};
use crate::incident_report;
use crate::listeners::Opened;
use crate::outpost::OutpostArgs;
use crate::protect::ProtectArgs;
use crate::provider_report::ProviderReportArgs;
use crate::replay::ReplayArgs;
use crate::report::Report;
use crate::running;
use crate::service::{self, Beside, StopSignals};
use crate::simulate::SimArgs;
use crate::status_page::StatusAct;
use crate::truth::{self, Page};
use crate::try_it::TryArgs;

/// Keeps a web application reachable for its own customers during a DDoS attack.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show on this machine what happens in an attack, with the gate and without it. Needs nothing.
    Try(TryArgs),
    /// Protect one app, without a configuration file.
    Protect(ProtectArgs),
    /// Run the gate that a configuration file describes.
    Run {
        /// The configuration.
        #[arg(long, default_value = "portcullis.toml")]
        config: PathBuf,
    },
    /// Show all errors of a configuration, and what it can and cannot protect.
    Check {
        /// The configuration.
        #[arg(long, default_value = "portcullis.toml")]
        config: PathBuf,
        /// Print the commented default configuration instead.
        #[arg(long)]
        print_default: bool,
    },
    /// Command a running gate over its control socket, also when the network is gone.
    Ctl(CtlArgs),
    /// Say what was refused, or would have been, how many of those were customers, and whether it is safe to switch on.
    Report {
        /// How far to look back, such as 24h or 7d.
        #[arg(long, default_value = "7d", value_parser = lookback)]
        last: Duration,
        /// Draft the report about this incident instead, as Markdown for colleagues: its id, as `portcullis ctl incident` lists it.
        #[arg(long, value_name = "ID", conflicts_with = "last")]
        incident: Option<PublicId>,
        /// The gate's state folder.
        #[arg(long, default_value = "/var/lib/portcullis")]
        state: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Say what the carrier or hosting provider needs on the phone, and whether the link is full, from a running gate.
    ProviderReport(ProviderReportArgs),
    /// Say from access logs who the customers are, what would have been refused, and how to begin.
    Assess {
        /// Access logs: common, combined or JSON lines; uncompressed.
        #[arg(required = true)]
        access_logs: Vec<PathBuf>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Play incidents in a simulated world around the gate's own core, much faster than they happen.
    Sim(SimArgs),
    /// Take every step of a recording again, and say what was decided when, and whether the same is decided now.
    Replay(ReplayArgs),
    /// The status page without a running gate: its automatic texts, its files, its key; and whether a copy is to be believed.
    Status {
        #[command(subcommand)]
        act: StatusAct,
    },
    /// Watch a gate from elsewhere, hold its status page, and say when nobody can reach it.
    Outpost(OutpostArgs),
    /// Not built yet: the console in a terminal.
    #[command(hide = true)]
    Top(Rest),
}

/// Arguments of a command that does not exist yet.
#[derive(Debug, clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<String>,
}

/// A command that is not built yet.
#[derive(Debug, thiserror::Error)]
#[error("`portcullis {command}` ({what}) is not built yet; {instead}")]
struct Unbuilt {
    command: &'static str,
    what: &'static str,
    instead: &'static str,
}

/// Does what the arguments say.
pub(crate) fn run() -> Result<ExitCode, Box<dyn Error>> {
    match Arguments::parse().command {
        Command::Try(arguments) => {
            if !arguments.run()? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Protect(arguments) => succeed(|offer| Ok(arguments.run(offer)?))?,
        Command::Ctl(arguments) => {
            if !arguments.run()? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::ProviderReport(arguments) => {
            if !arguments.run()? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Report { incident: Some(id), state, json, .. } => {
            let text = incident_report::draft(&state, id, Clock::start().wall())?.text;
            let text = text.trim_end();
            if json {
                show_line!("{}", json!({ "incident": id, "text": text }))
            } else {
                show_line!("{text}")
            }
        }
        Command::Report { last, state, json, .. } => {
            let report = Report::of(&state, last, Clock::start().wall())?;
            if json { show_line!("{}", serde_json::to_string(&report)?) } else { show!("{report}") }
        }
        Command::Run { config } => succeed(|offer| run_configured(&config, offer))?,
        Command::Check { print_default: true, .. } => show!("{}", config::Config::default_commented()),
        Command::Check { config, .. } => show!("{}", crate::check::check(&config)?),
        Command::Assess { access_logs, json } => print_assessment(&access_logs, json)?,
        Command::Sim(arguments) => {
            if !arguments.run()? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Replay(arguments) => {
            if !arguments.run()? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Status { act } => show_line!("{}", act.run()?),
        Command::Outpost(arguments) => arguments.run()?,
        Command::Top(_) => {
            let instead = "`portcullis ctl status` says the same once";
            return Err(Unbuilt { command: "top", what: "the console in a terminal", instead }.into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a command that failed ends with: 2 if its arguments cannot be meant, as where the parser already says so, else 1.
pub(crate) fn failure(error: &(dyn Error + 'static)) -> u8 {
    let is_of_arguments = error.downcast_ref::<AskError>().is_some_and(AskError::is_of_arguments);
    if is_of_arguments { 2 } else { 1 }
}

/// Tells a predecessor why this process cannot take its place, if it cannot.
fn succeed(run: impl FnOnce(Option<Offer>) -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let offer = Takeover::offered();
    let voice = offer.as_ref().and_then(Offer::voice);
    let result = run(offer);
    if let (Err(error), Some(voice)) = (&result, voice) {
        voice.decline(&error.to_string());
    }
    result
}

fn run_configured(path: &Path, offer: Option<Offer>) -> Result<(), Box<dyn Error>> {
    let (config, warnings) = configured::read(path)?;
    let plan = configured::plan(&config)?;
    let state = configured::state(&config);
    let signals = StopSignals::install()?;
    let Beginning { mut inherited, predecessor } = Beginning::new(offer)?;
    let mut listeners = Vec::new();
    for listen in &config.listen {
        listeners.push(Opened::configured(listen, &config.listen, plan.workers, &mut inherited)?);
    }
    let mut page = Page::of(config.status.as_ref(), &state.folder, &mut inherited)?;
    page.signals = truth::signals(&config);
    let mode = plan.mode;
    let running = running::start(plan, &state, listeners, page, predecessor)?;
    for warning in warnings {
        running.events.warning(format_args!("{warning}"));
    }
    let addresses: Vec<String> = config.listen.iter().map(|listen| listen.address.to_string()).collect();
    running.events.info(format_args!("portcullis serves {} (mode {mode})", addresses.join(", ")));
    let beside = Beside {
        site_name: config.site[0].name.clone(),
        address: config.console.address,
        hosts: config.console.hosts.clone(),
        token_file: config.console.token_file.clone(),
        mailer_token_file: config.console.mailer_token_file.clone(),
        metrics_allow: config.console.metrics_allow.clone(),
        link_place: configured::link_place(&config),
    };
    service::until_stopped(signals, running, &state.folder, beside, inherited)?;
    Ok(())
}

/// A number of hours or days.
fn lookback(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time to look back; write 24h or 7d, at most 90d");
    let digits = text.trim_end_matches(['h', 'd']);
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let hours = match &text[digits.len()..] {
        "h" => number,
        "d" => number.saturating_mul(24),
        _ => return Err(wrong()),
    };
    if (1..=90 * 24).contains(&hours) { Ok(Duration::from_secs(hours * 3_600)) } else { Err(wrong()) }
}

fn print_assessment(access_logs: &[PathBuf], json: bool) -> Result<(), Box<dyn Error>> {
    let assessment = assess::assess(access_logs)?;
    if json {
        show_line!("{}", serde_json::to_string(&assessment)?);
    } else {
        show!("{assessment}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// What `portcullis ctl` with these words ends with where no gate runs.
    fn ends(words: &[&str]) -> u8 {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().display().to_string();
        let words = [&["portcullis", "ctl", "--state", state.as_str()][..], words].concat();
        let Command::Ctl(arguments) = Arguments::try_parse_from(words).unwrap().command else {
            panic!("it is a command to a gate")
        };
        failure(&arguments.run().unwrap_err())
    }

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_command_that_cannot_be_meant_ends_with_2_and_one_that_nobody_did_with_1() {
        assert_eq!(ends(&["level", "pin"]), 2);
        assert_eq!(ends(&["level", "pin", "customers-first", "--ceiling", "calm"]), 2);
        assert_eq!(ends(&["deny", "--for", "1h"]), 2);
        assert_eq!(ends(&["clients", "link", "ann", "--for", "2d"]), 2);
        assert_eq!(ends(&["deny", "192.0.2.0/24"]), 1);
        assert_eq!(ends(&["status"]), 1);
    }
}
