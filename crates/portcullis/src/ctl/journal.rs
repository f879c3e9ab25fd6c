//! `ctl journal`: a copy of the journal, and whether it is whole. It needs no running gate and disturbs none.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use console_io::ctl::Reply;
use incident::{Engine, RecordError, Settings};
use journal_io::journal::{BackupError, Checked, JournalError, Reader};
use serde_json::json;

use crate::running::SITE;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum JournalAct {
    /// Look at all of it: the database, and whether each entry of the record of incidents follows from the one before.
    Check,
    /// Copy it as it is now to a new file that only you can read. Keys are not part of it.
    Backup {
        /// The file; it must not exist.
        file: PathBuf,
    },
}

impl JournalAct {
    pub(super) fn run(&self, state: &Path) -> Result<Reply, BackupError> {
        let reader = Reader::open(state)?;
        match self {
            Self::Check => {
                let checked = reader.check()?;
                let chain = if checked.damage.is_empty() { chain(&reader)? } else { Ok(0) };
                Ok(told(&checked, &chain))
            }
            Self::Backup { file } => {
                let checked = reader.backup(file)?;
                let text = format!(
                    "the journal as it was a moment ago is in {} ({}), whole, and only you can read it; the keys beside it in {} are not in it",
                    file.display(),
                    size(&checked),
                    state.display()
                );
                Ok(Reply::done(text, json!({ "layout": checked.layout, "bytes": checked.bytes })))
            }
        }
    }
}

fn told(checked: &Checked, chain: &Result<u64, RecordError>) -> Reply {
    let data = json!({
        "layout": checked.layout, "bytes": checked.bytes, "damage": checked.damage,
        "entries": chain.as_ref().ok(), "record": chain.as_ref().err().map(ToString::to_string),
    });
    let failed = |text: String| Reply { data: data.clone(), ..Reply::failed(text) };
    if !checked.damage.is_empty() {
        let damage = checked.damage.join("; ");
        return failed(format!(
            "the journal is damaged: {damage}. Copy what is there, and let the gate begin a new one: it moves a damaged one aside"
        ));
    }
    match chain {
        Ok(entries) => {
            let text = format!(
                "the journal is whole ({}); {entries} entries of the record of incidents follow from one another",
                size(checked)
            );
            Reply::done(text, data)
        }
        Err(error) => failed(format!("the database is whole ({}), but {error}", size(checked))),
    }
}

fn size(checked: &Checked) -> String {
    format!("layout {}, {} KiB", checked.layout, checked.bytes.div_ceil(1_024))
}

/// How many entries follow from one another, or the first that does not.
fn chain(reader: &Reader) -> Result<Result<u64, RecordError>, JournalError> {
    let mut engine = Engine::new(Settings::new(Vec::new(), std::time::Duration::ZERO));
    let (mut after, mut entries) = (None, 0);
    loop {
        let rows = reader.incidents(SITE, after, ROWS_AT_ONCE)?;
        for row in &rows {
            if let Err(error) = engine.restore(&row.bytes, row.hash) {
                return Ok(Err(error));
            }
            entries += 1;
        }
        match rows.last() {
            Some(last) => after = Some(last.seq),
            None => return Ok(Ok(entries)),
        }
    }
}

const ROWS_AT_ONCE: u32 = 1_000;
