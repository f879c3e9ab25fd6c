//! Portcullis keeps a web application reachable for its own customers during a DDoS attack.
//!
//! This crate reads arguments, configuration and clocks, joins cores and shells, and decides nothing itself.
//! The map of the whole is `ARCHITECTURE.md`; what a running gate consists of is in `gate.rs`.

#![expect(clippy::print_stderr, reason = "a command line speaks through its streams")]

#[macro_use]
mod printed;

mod acme;
mod alerts;
mod announcer;
mod assess;
mod check;
mod cli;
mod configured;
mod consent;
mod control;
mod ctl;
mod desk;
mod erasures;
mod folders;
mod fronts;
mod gate;
mod handover;
mod host;
mod incident_report;
mod learn;
mod ledger;
mod lines;
mod listeners;
mod memory;
mod orders;
mod outpost;
mod probing;
mod protect;
mod provider_report;
mod publish;
mod recordings;
mod replay;
mod report;
mod ruling;
mod running;
mod secrets;
mod service;
mod simulate;
mod situation;
mod status_name;
mod status_page;
mod subscribing;
mod truth;
mod try_it;

use std::process::ExitCode;

/// Each request takes two read buffers of 8 KiB, a size at which the C library's allocator is slow (decision record 008).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("portcullis: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because {cause}");
                source = cause.source();
            }
            ExitCode::from(cli::failure(&*error))
        }
    }
}
