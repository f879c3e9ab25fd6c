//! `portcullis provider-report`: what the carrier or hosting provider is told on the phone, from the running gate.

use std::path::PathBuf;

use clap::Args;
use console_io::ctl::{Command, CtlError, SOCKET_NAME, call};
use incident::PublicId;

/// What was asked for.
#[derive(Debug, Args)]
pub(crate) struct ProviderReportArgs {
    /// About a past incident; without it, about the one that goes on.
    #[arg(long, value_name = "ID")]
    incident: Option<PublicId>,
    /// The gate's state folder.
    #[arg(long, default_value = "/var/lib/portcullis")]
    state: PathBuf,
    /// Print one JSON object.
    #[arg(long, conflicts_with = "text")]
    json: bool,
    /// Print text, as without it.
    #[arg(long)]
    text: bool,
}

impl ProviderReportArgs {
    /// Prints the report; false if the gate said no.
    ///
    /// # Errors
    /// If no gate answers.
    pub(crate) fn run(self) -> Result<bool, CtlError> {
        let command = Command::ProviderReport { incident: self.incident };
        let reply = call(&self.state.join(SOCKET_NAME), &command)?;
        match (reply.ok, self.json) {
            (true, true) => show_line!("{}", reply.data),
            (true, false) => show_line!("{}", reply.text),
            (false, _) => eprintln!("portcullis: {}", reply.text),
        }
        Ok(reply.ok)
    }
}
