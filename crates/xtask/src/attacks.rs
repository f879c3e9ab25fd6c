//! `cargo xtask attacks`: the same attacks on the gate, on nginx and on `HAProxy`, each in front of the same app, and what honest
//! clients saw of them.
//!
//! The attackers are those of the test `attacks` of `lab`: they reach a server that they start themselves, and nothing else.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use lab::certificate::Authority;
use lab::{Missing, Peer, checkout};
use serde_json::Value;

use crate::release;

/// How many attackers, for how long, and which attacks.
#[derive(Debug, Args)]
pub(crate) struct AttacksArguments {
    /// Connections that attack at a time.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    connections: u32,
    /// Length of each attack in seconds.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Some attacks alone, with commas.
    #[arg(long, default_value = "all")]
    only: String,
    /// Attack the binary of `cargo xtask release` that is there instead of building it first.
    #[arg(long)]
    as_built: bool,
}

/// Runs them and prints a table.
pub(crate) fn run(arguments: &AttacksArguments) -> ExitCode {
    match compare(arguments) {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

struct Subject {
    name: &'static str,
    template: &'static str,
    program: PathBuf,
    words: &'static [&'static str],
}

fn compare(arguments: &AttacksArguments) -> Result<String, Box<dyn Error>> {
    if !arguments.as_built {
        release::build()?;
    }
    let subjects = subjects()?;
    let mut results = Vec::new();
    for subject in &subjects {
        eprintln!("attacking {}", subject.name);
        results.push(attack(subject, arguments)?);
    }
    Ok(table(&subjects, &results))
}

fn subjects() -> Result<[Subject; 3], Missing> {
    let gate = release::binary();
    if !gate.is_file() {
        return Err(Missing::Gate { path: gate });
    }
    let found = |name: &str| Ok::<_, Missing>(PathBuf::from(Peer::find(name)?.command().get_program()));
    Ok([
        Subject {
            name: "portcullis",
            template: "attacks.portcullis.toml",
            program: gate,
            words: &["run", "--config", "config"],
        },
        Subject {
            name: "nginx",
            template: "attacks.nginx.conf",
            program: found("nginx")?,
            words: &["-e", "error.log", "-p", ".", "-c", "config"],
        },
        Subject {
            name: "haproxy",
            template: "attacks.haproxy.cfg",
            program: found("haproxy")?,
            words: &["-db", "-f", "config"],
        },
    ])
}

/// One line for each attack.
fn attack(subject: &Subject, arguments: &AttacksArguments) -> Result<Vec<Value>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    certificate(folder.path())?;
    let mut command: Command = Peer::find("python3")?.command();
    command.arg("-B").arg(checkout().join("crates/lab/tests/attacks/attack.py")).arg(folder.path());
    command.arg(checkout().join("peers").join(subject.template));
    command.args([arguments.connections.to_string(), arguments.seconds.to_string()]).arg(&arguments.only);
    command.arg(&subject.program).args(subject.words).stderr(Stdio::null());
    let output = command.output()?;
    if !output.status.success() {
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        return Err(format!("the attacks on {} ended with {}: {log}", subject.name, output.status).into());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// `shop.pem`, `shop.key`, and both in one file.
fn certificate(folder: &Path) -> Result<(), Box<dyn Error>> {
    let signed = Authority::new(folder, "authority")?.sign(folder, "shop", &["app.test"])?;
    let both = [fs::read_to_string(&signed.chain)?, fs::read_to_string(&signed.key)?].concat();
    Ok(fs::write(folder.join("both.pem"), both)?)
}

fn table(subjects: &[Subject], results: &[Vec<Value>]) -> String {
    let mut text = String::from("| attack | client |");
    for subject in subjects {
        let _written = write!(text, " {} |", subject.name);
    }
    text.push_str("\n| --- | --- |");
    text.push_str(&" --- |".repeat(subjects.len()));
    let attacks = results.first().map_or(&[][..], Vec::as_slice);
    for (row, attack) in attacks.iter().enumerate() {
        for client in ["unknown", "known"] {
            let name = attack["attack"].as_str().unwrap_or_default();
            let _written = write!(text, "\n| {name} | {client} |");
            for lines in results {
                let _written =
                    write!(text, " {} |", lines.get(row).map_or_else(String::new, |line| cell(line, client)));
            }
        }
    }
    text
}

/// `served of asked, half within so many ms, nineteen of twenty within so many`.
fn cell(line: &Value, client: &str) -> String {
    let seen = &line[client];
    let recovered = if line["recovered"] == true { "" } else { ", **not served afterwards**" };
    let times = match (seen["p50_ms"].as_f64(), seen["p95_ms"].as_f64()) {
        (Some(half), Some(most)) => format!(", {half:.0} / {most:.0} ms"),
        _ => String::new(),
    };
    format!("{} of {}{times}{recovered}", seen["served"], seen["asked"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_what_an_honest_client_experienced() {
        let line = serde_json::json!({
            "attack": "x", "recovered": false,
            "unknown": { "asked": 40, "served": 0, "p50_ms": null, "p95_ms": null },
            "known": { "asked": 40, "served": 39, "p50_ms": 1.4, "p95_ms": 12.5 },
        });
        assert_eq!(cell(&line, "unknown"), "0 of 40, **not served afterwards**");
        assert_eq!(cell(&line, "known"), "39 of 40, 1 / 12 ms, **not served afterwards**");
    }
}
