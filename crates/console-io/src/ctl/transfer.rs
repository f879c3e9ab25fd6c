//! All known clients from a gate to a file, and many addresses to a gate.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use model::Net;
use serde_json::Value;

use super::{ClientName, Command, CtlError, Hint, Reply, SubscriberCommand, call};

/// How an import went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Imported {
    /// Addresses taken as hints.
    pub taken: u64,
    /// Addresses given. Those that look like somebody who tries passwords are not taken.
    pub addresses: u64,
}

/// Why an export or import broke off.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The gate could not be asked.
    #[error(transparent)]
    Ctl(#[from] CtlError),
    /// The gate refused.
    #[error("{0}")]
    Gate(String),
    /// The gate's pages do not go on where they should.
    #[error(
        "the gate's list of clients cannot be followed; is this program of the same version as the gate?"
    )]
    Pages,
    /// The file cannot be used.
    #[error("cannot {doing} `{path}`: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
}

/// Writes all known clients to a new file that only its owner can read (0600), one JSON object a line, and counts
/// them.
///
/// # Errors
/// [`TransferError`]; an existing file is not overwritten, one begun is left as it is.
pub fn export(socket: &Path, file: &Path) -> Result<u64, TransferError> {
    write_pages(file, |last| read_page(socket, last.and_then(pass_of)))
}

/// Writes all subscribers with their addresses to a new file that only its owner can read (0600), one JSON object a line, and counts them.
///
/// # Errors
/// As [`export`].
pub fn export_subscribers(socket: &Path, file: &Path) -> Result<u64, TransferError> {
    write_pages(file, |last| {
        let after = last.and_then(id_of);
        let limit = Command::CLIENTS_PER_PAGE_MAX;
        let command = SubscriberCommand::List { after: after.clone(), limit, addresses: true };
        let Value::Array(page) = ask(socket, &Command::Subscriber(command))?.data else {
            return Err(TransferError::Pages);
        };
        // Each must lie behind the one before it, or the export would never end.
        let ids: Vec<_> = page.iter().map(id_of).collect();
        let follows = ids.iter().all(Option::is_some) && after.into_iter().map(Some).chain(ids).is_sorted();
        if follows { Ok(page) } else { Err(TransferError::Pages) }
    })
}

fn id_of(subscriber: &Value) -> Option<String> {
    Some(subscriber.get("id")?.as_str()?.to_owned())
}

/// As many pages as there are, each made behind the last entry of the one before.
fn write_pages(
    file: &Path,
    mut read: impl FnMut(Option<&Value>) -> Result<Vec<Value>, TransferError>,
) -> Result<u64, TransferError> {
    let failed = |doing| move |source| TransferError::File { doing, path: file.to_owned(), source };
    let target = OpenOptions::new().write(true).create_new(true).mode(EXPORT_MODE).open(file);
    let mut target = BufWriter::new(target.map_err(failed("make"))?);
    let mut written = 0;
    let mut page = Vec::new();
    loop {
        page = read(page.last())?;
        for entry in &page {
            writeln!(target, "{entry}").map_err(failed("write"))?;
            written += 1;
        }
        if page.len() < Command::CLIENTS_PER_PAGE_MAX as usize {
            break;
        }
    }
    target.flush().and_then(|()| target.get_ref().sync_all()).map_err(failed("write"))?;
    Ok(written)
}

/// Gives addresses to the gate as hints how many people share a network, in the order of their networks.
///
/// # Errors
/// [`TransferError`]; what was given before an error stays given, and doing it again does no harm.
pub fn import(socket: &Path, mut hints: Vec<Hint>) -> Result<Imported, TransferError> {
    hints.sort_by_key(|hint| hint.address);
    let mut imported = Imported { taken: 0, addresses: hints.len() as u64 };
    for hints in portions(&hints) {
        let reply = ask(socket, &Command::Import { hints: hints.to_vec() })?;
        imported.taken += reply.data.as_u64().unwrap_or_default();
    }
    Ok(imported)
}

/// Portions of one request each. The gate adds up the people of a network within a request, so a network is not torn
/// apart unless it alone is too much.
fn portions(hints: &[Hint]) -> Vec<&[Hint]> {
    let networks = hints.chunk_by(|a, b| Net::network(a.address) == Net::network(b.address));
    let mut portions = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for piece in networks.flat_map(|network| network.chunks(Command::HINTS_MAX)) {
        if end - begin + piece.len() > Command::HINTS_MAX {
            portions.push(&hints[begin..end]);
            begin = end;
        }
        end += piece.len();
    }
    if begin < end {
        portions.push(&hints[begin..end]);
    }
    portions
}

/// Known clients behind a pass. Each must lie behind the one before it, or the export would never end.
fn read_page(socket: &Path, after: Option<ClientName>) -> Result<Vec<Value>, TransferError> {
    let command = Command::Clients { after: after.clone(), limit: Command::CLIENTS_PER_PAGE_MAX };
    let Value::Array(page) = ask(socket, &command)?.data else { return Err(TransferError::Pages) };
    let mut before = after;
    for client in &page {
        let pass = pass_of(client).ok_or(TransferError::Pages)?;
        if before.as_ref().is_some_and(|before| number(&pass) <= number(before)) {
            return Err(TransferError::Pages);
        }
        before = Some(pass);
    }
    Ok(page)
}

fn pass_of(client: &Value) -> Option<ClientName> {
    client.get("pass")?.as_str()?.parse().ok().filter(|name| matches!(name, ClientName::Pass(_)))
}

/// Passes are in the order of their numbers.
const fn number(name: &ClientName) -> u128 {
    match name {
        ClientName::Pass(pass) => pass.0,
        ClientName::Account(_) | ClientName::Name(_) => 0,
    }
}

fn ask(socket: &Path, command: &Command) -> Result<Reply, TransferError> {
    let reply = call(socket, command)?;
    if reply.ok { Ok(reply) } else { Err(TransferError::Gate(reply.text)) }
}

const EXPORT_MODE: u32 = 0o600;
