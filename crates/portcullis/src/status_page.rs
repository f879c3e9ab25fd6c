//! `portcullis status`: the page without a running gate.

mod verify;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use edge_io::Clock;
use incident::{Settings, SignalSetting, preview, preview_signals};
use journal_io::journal::{JournalError, Reader};
use journal_io::keys::{KeyError, PageKey};
use model::Timestamp;
use status::{PublicKey, Successor};

use crate::configured::{self, ConfigureError};
use crate::incident_report::kept;
use crate::truth::{Seal, files, page_of, settings, signals};
use verify::{VerifyArgs, VerifyError};

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
    /// Print the key that the page is signed with, for those who check copies of it.
    Key {
        /// Put a new one in its place first. The old one vouches for it for 90 days, and the gate signs with it from its next start on.
        #[arg(long)]
        renew: bool,
        /// The configuration.
        #[arg(long, default_value = "portcullis.toml")]
        config: PathBuf,
    },
    /// Say whether a copy of the page is to be believed: signed, whole, unchanged and not too old.
    Verify(VerifyArgs),
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
    /// The key that it is signed with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A copy.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl StatusAct {
    /// Does it, and says what was done.
    pub(crate) fn run(&self) -> Result<String, StatusError> {
        match self {
            Self::Preview { config: path } => {
                let (config, _warnings) = configured::read(path)?;
                let status = config.status.as_ref().ok_or_else(|| StatusError::NoPage(path.clone()))?;
                Ok(texts(&settings(status), &signals(&config)))
            }
            Self::Export { folder, config } => {
                let (state, status) = table(config)?;
                let now = Clock::start().wall();
                let engine = kept(&Reader::open(&state)?, settings(&status))?;
                let mut seal = Seal::new(PageKey::load_or_create(&state)?);
                let files = files(&engine.view(now), &page_of(&status)?, now, now.as_millis(), &mut seal)?;
                status_io::export(folder, &files)?;
                Ok(format!("the page as it is now is in {}", folder.display()))
            }
            Self::Key { renew, config } => {
                let (state, status) = table(config)?;
                let key = if *renew { renewed(&state)? } else { PageKey::load_or_create(&state)? };
                let key = Seal::new(key).public();
                let host = status.url.authority().split(':').next().unwrap_or_default().to_owned();
                Ok(format!(
                    "{key}\n_portcullis.{host}. TXT \"v=portcullis1; k=ed25519; id={}; p={key}\"",
                    key.id()
                ))
            }
            Self::Verify(arguments) => Ok(arguments.run()?),
        }
    }
}

/// A new key, for which the one before vouches.
fn renewed(state: &Path) -> Result<PageKey, KeyError> {
    let until = Clock::start().wall() + VOUCHED_FOR;
    let until = Timestamp::from_secs(until.as_secs());
    PageKey::renew(state, until, |public| Successor::words(&PublicKey::new(public), until))
}

/// The state folder, and what the page is.
fn table(path: &Path) -> Result<(PathBuf, config::Status), StatusError> {
    let (config, _warnings) = configured::read(path)?;
    let folder = configured::state(&config).folder;
    let status = config.status.ok_or_else(|| StatusError::NoPage(path.to_owned()))?;
    Ok((folder, status))
}

fn texts(settings: &Settings, signals: &[SignalSetting]) -> String {
    // Any moment will do: half past two.
    let now = Timestamp::from_secs(1_795_876_200);
    let mut texts = preview(settings, now);
    texts.extend(preview_signals(signals, now));
    let title = texts.first().map(|text| format!("title: {}\n", text.title)).unwrap_or_default();
    let shown =
        texts.iter().map(|text| format!("\n── {} ({})\n{}\n", text.occasion, text.stage.label(), text.body));
    title + &shown.collect::<String>()
}

/// Whoever checks copies has so long to take the new key (status-contracts, section 0, 4).
const VOUCHED_FOR: Duration = Duration::from_secs(90 * 86_400);
