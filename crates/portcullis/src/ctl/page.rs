//! `ctl incident`, `ctl component`, `ctl maintenance`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use console_io::ctl::{ComponentStatus, PageCommand};
use incident::{PublicId, Stage, Status};
use model::Timestamp;

use crate::recordings;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum IncidentAct {
    /// Show incidents, newest first, also those that the public is not told of.
    List,
    /// Show all about one: what happened, and what was said.
    Show {
        /// Its id, as the list shows it; the newest without it.
        id: Option<PublicId>,
    },
    /// Tell the public of something that the gate does not see.
    Open {
        /// One line.
        title: String,
        #[command(flatten)]
        text: Text,
        /// investigating, identified or monitoring.
        #[arg(long, default_value = "investigating")]
        stage: Stage,
        /// A component that does not do well, such as "App / Login=partial-outage"; again for each.
        #[arg(long = "component", value_name = "NAME=STATUS", value_parser = component_status)]
        components: Vec<ComponentStatus>,
    },
    /// Say something about an incident: the newest that goes on, or the one with this id.
    Update {
        /// Its id.
        id: Option<PublicId>,
        #[command(flatten)]
        text: Text,
        /// investigating, identified, monitoring or resolved; as before without it.
        #[arg(long)]
        stage: Option<Stage>,
        /// Why it is called resolved although the gate sees that it goes on; the page shows it.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Publish the notice that waits, now.
    Publish,
    /// Do not publish the notice that waits, nor another about the same.
    Hold,
    /// Say that you see to an incident: nobody is called about it until it gets worse than it was, or is over and back.
    #[command(alias = "ack")]
    Acknowledge {
        /// Its id; the newest that goes on without it.
        id: Option<PublicId>,
    },
    /// Write something down about an incident: the report has it, the public does not read it.
    Note {
        /// Its id; the newest that goes on without it.
        id: Option<PublicId>,
        #[command(flatten)]
        text: Text,
    },
    /// Draft the report about one incident or several as Markdown; nothing is published.
    Draft {
        /// Their ids; the newest without any.
        #[arg(num_args = 0..=20)]
        ids: Vec<PublicId>,
        /// For the public: without what the gate did and thought.
        #[arg(long)]
        public: bool,
        /// As one HTML file, with a chart of how each audience fared.
        #[arg(long)]
        html: bool,
    },
    /// Keep a report that is not finished, for whoever goes on with it on the console's pages.
    Keep {
        /// Its id.
        id: PublicId,
        #[command(flatten)]
        text: Text,
    },
    /// Publish the report about an incident that is over; no TODO and no open box may be left in it.
    Report {
        /// Its id.
        id: PublicId,
        #[command(flatten)]
        text: Text,
    },
}

/// What is to be said.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Text {
    /// What is to be said, in plain text.
    #[arg(long)]
    text: Option<String>,
    /// A file with it, or - for standard input.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ComponentAct {
    /// Show the components of the status page.
    List,
    /// Say how a component does, whatever the gate sees.
    Set {
        /// Its name, with its groups before it: "App / Login".
        name: String,
        /// operational, under-maintenance, degraded-performance, partial-outage, major-outage; auto leaves it to the gate.
        #[arg(value_parser = status_or_auto)]
        status: StatusOrAuto,
    },
}

/// A status, or `auto`.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusOrAuto(Option<Status>);

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum AlertsAct {
    /// Show who is alerted, and what became of it since the start.
    List,
    /// Tell everybody of an incident that is none, and of its end, to see whether it arrives.
    Test,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum MaintenanceAct {
    /// Announce work.
    Announce {
        /// One line.
        title: String,
        #[command(flatten)]
        text: Text,
        /// When it begins, such as 2026-12-01T02:00:00Z.
        #[arg(long, value_parser = recordings::moment)]
        from: Timestamp,
        /// When it ends.
        #[arg(long, value_parser = recordings::moment)]
        until: Timestamp,
        /// A component that it concerns; again for each.
        #[arg(long = "component", value_name = "NAME")]
        components: Vec<String>,
    },
    /// Announced work is over, or does not take place.
    Finish {
        /// Its id, as `ctl incident` shows it.
        id: PublicId,
    },
}

/// A text that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the text in {} cannot be read: {error}", file.display())]
pub(crate) struct TextError {
    file: PathBuf,
    error: std::io::Error,
}

impl IncidentAct {
    pub(super) fn command(self) -> Result<PageCommand, TextError> {
        Ok(match self {
            Self::List => PageCommand::Incidents,
            Self::Show { id } => PageCommand::Incident { id },
            Self::Open { title, text, stage, components } => {
                PageCommand::Open { title, stage, text: text.read()?, components, seen: None }
            }
            Self::Update { id, text, stage, reason } => {
                PageCommand::Update { id, stage, text: text.read()?, reason, seen: None }
            }
            Self::Publish => PageCommand::Publish { seen: None },
            Self::Hold => PageCommand::Hold { seen: None },
            Self::Note { id, text } => PageCommand::Note { id, text: text.read()? },
            Self::Acknowledge { id } => PageCommand::Acknowledge { id },
            Self::Draft { ids, public, html } => PageCommand::Draft { ids, public, html },
            Self::Keep { id, text } => PageCommand::KeepDraft { id, text: text.read()?, seen: None },
            Self::Report { id, text } => PageCommand::Report { id, text: text.read()?, seen: None },
        })
    }
}

impl AlertsAct {
    pub(super) fn command(self) -> PageCommand {
        match self {
            Self::List => PageCommand::Alerts,
            Self::Test => PageCommand::TestAlerts,
        }
    }
}

impl ComponentAct {
    pub(super) fn command(self) -> PageCommand {
        match self {
            Self::List => PageCommand::Components,
            Self::Set { name, status: StatusOrAuto(status) } => {
                PageCommand::Component { name, status, seen: None }
            }
        }
    }
}

impl MaintenanceAct {
    pub(super) fn command(self) -> Result<PageCommand, TextError> {
        Ok(match self {
            Self::Announce { title, text, from, until, components } => PageCommand::Announce {
                title,
                text: text.read()?,
                from: from.as_secs(),
                until: until.as_secs(),
                components,
                seen: None,
            },
            Self::Finish { id } => PageCommand::Finish { id, seen: None },
        })
    }
}

impl Text {
    fn read(self) -> Result<String, TextError> {
        match (self.text, self.file) {
            (Some(text), _) => Ok(text),
            (None, Some(file)) => read(&file).map_err(|error| TextError { file, error }),
            // The arguments need one of them.
            (None, None) => Ok(String::new()),
        }
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let most = TEXT_BYTES_MAX;
    if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?.take(most).read_to_string(&mut text)?;
    }
    Ok(text)
}

fn component_status(text: &str) -> Result<ComponentStatus, String> {
    let (name, status) = text.rsplit_once('=').ok_or("write it as \"App / Login=partial-outage\"")?;
    let status = status.trim().parse().map_err(|error| format!("{error}"))?;
    Ok(ComponentStatus { name: name.trim().to_owned(), status })
}

fn status_or_auto(text: &str) -> Result<StatusOrAuto, String> {
    if text == "auto" {
        return Ok(StatusOrAuto(None));
    }
    text.parse().map(|status| StatusOrAuto(Some(status))).map_err(|error| format!("{error}; or auto"))
}

/// More than the longest report; the gate says what is too long.
const TEXT_BYTES_MAX: u64 = 48 * 1024;
