//! `portcullis status`: the page without a running gate.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use edge_io::Clock;
use incident::{Engine, RecordError, Settings, preview};
use journal_io::journal::{JournalError, Reader};
use model::Timestamp;

use crate::configured::{self, ConfigureError};
use crate::running::SITE;
use crate::truth::{files, page_of, settings};

#[derive(Debug, Subcommand)]
pub(crate) enum StatusAct {
    /// Show the texts that may be published without a person.
    Preview {
        /// The configuration.
        #[arg(long, default_value = "portcullis.toml")]
        config: PathBuf,
    },
    /// Write the page, as it is now, into a folder for any web server.
    Export {
        /// The folder: new, empty, or with an earlier export.
        folder: PathBuf,
        /// The configuration.
        #[arg(long, default_value = "portcullis.toml")]
        config: PathBuf,
    },
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusError {
    /// The configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigureError),
    /// It has no page.
    #[error("{} has no table [status]; write one with url and name", .0.display())]
    NoPage(PathBuf),
    /// The table does not make a page.
    #[error("[status]: {0}")]
    Table(#[from] status::PageError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file of the page.
    #[error(transparent)]
    File(#[from] status_io::FileError),
    /// The folder.
    #[error(transparent)]
    Export(#[from] status_io::ExportError),
}

impl StatusAct {
    /// Does it, and says what was done.
    pub(crate) fn run(&self) -> Result<String, StatusError> {
        match self {
            Self::Preview { config } => {
                let (_, status) = table(config)?;
                Ok(texts(&settings(&status)))
            }
            Self::Export { folder, config } => {
                let (state, status) = table(config)?;
                let now = Clock::start().wall();
                let engine = kept(&state, settings(&status))?;
                let files = files(&engine.view(now), &page_of(&status)?, now, now.as_millis())?;
                status_io::export(folder, &files)?;
                Ok(format!("the page as it is now is in {}", folder.display()))
            }
        }
    }
}

/// The state folder, and what the page is.
fn table(path: &Path) -> Result<(PathBuf, config::Status), StatusError> {
    let (config, _warnings) = configured::read(path)?;
    let folder = configured::state(&config).folder;
    let status = config.status.ok_or_else(|| StatusError::NoPage(path.to_owned()))?;
    Ok((folder, status))
}

fn texts(settings: &Settings) -> String {
    // Any moment will do: half past two.
    let now = Timestamp::from_secs(1_795_876_200);
    let texts = preview(settings, now);
    let title = texts.first().map(|text| format!("title: {}\n", text.title)).unwrap_or_default();
    let shown =
        texts.iter().map(|text| format!("\n── {} ({})\n{}\n", text.occasion, text.stage.label(), text.body));
    title + &shown.collect::<String>()
}

/// The record as the journal has it, also while a gate runs.
fn kept(state: &Path, settings: Settings) -> Result<Engine, StatusError> {
    let reader = Reader::open(state)?;
    let mut engine = Engine::new(settings);
    let mut after = None;
    loop {
        let rows = reader.incidents(SITE, after, ROWS_AT_ONCE)?;
        for row in &rows {
            let restored = engine.restore(&row.bytes, row.hash);
            // The gate says so when it starts; what is left is shown.
            match restored {
                Ok(()) => {}
                Err(RecordError::Missing { .. }) => {
                    engine.accept_gap();
                    if engine.restore(&row.bytes, row.hash).is_err() {
                        engine.leave_out(row.seq, row.hash);
                    }
                }
                Err(_) => engine.leave_out(row.seq, row.hash),
            }
        }
        match rows.last() {
            Some(last) => after = Some(last.seq),
            None => return Ok(engine),
        }
    }
}

const ROWS_AT_ONCE: u32 = 1_000;
