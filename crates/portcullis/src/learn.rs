//! Addresses of customers from a file: hints how many people share a network, never passes (contracts, "The app, and
//! who is known").

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use admission::nat::Seed;
use admission::site::Site;
use console_io::ctl::Hint;
use model::{Net, Prefix, Untrusted};
use serde::Deserialize;

use crate::assess::{self, AssessError};

/// Why a file gives no hints.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LearnError {
    /// It cannot be read.
    #[error(
        "cannot read {}: {error}; give an access log (uncompressed), an export of `ctl clients export`, or one address a line",
        path.display()
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// An access log that is none.
    #[error(transparent)]
    Log(#[from] AssessError),
    /// A line that does not fit the ones before.
    #[error("{}:{line}: {text} is {expected}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is there, escaped.
        text: String,
        /// What it is not, and what to write.
        expected: &'static str,
    },
}

/// Reads an access log, an export of another gate or a list of addresses, whichever the file is. In a log, people sign
/// in at `login` too.
pub(crate) fn hints(path: &Path, login: Option<&str>) -> Result<Vec<Hint>, LearnError> {
    match sort_of(path)? {
        Sort::Export => exported(path),
        Sort::List => listed(path),
        Sort::Log => Ok(assess::hints(path, login)?),
    }
}

/// Tells the limits of a gate how many people are behind the networks of these addresses, and counts the addresses
/// that look like people rather than like somebody who tries passwords.
pub(crate) fn seed(site: &Site, hints: &[Hint]) -> usize {
    let mut networks = BTreeMap::<u64, (Net, u32)>::new();
    let mut taken = 0;
    for hint in hints.iter().filter(|hint| hint.is_plausible()) {
        let network = Net::network(hint.address);
        let (_, people) = networks.entry(network.bits()).or_insert((network, 0));
        *people = people.saturating_add(hint.accounts);
        taken += 1;
    }
    for (network, people) in networks.into_values() {
        site.nat().seed(network, people, Seed::Imported(site.pass_time()));
    }
    taken
}

enum Sort {
    Export,
    List,
    Log,
}

/// One line of an export, as far as hints need it.
#[derive(Deserialize)]
struct Exported {
    pass: String,
    account: String,
    #[serde(default)]
    networks: Vec<String>,
}

/// The first line that says something decides.
fn sort_of(path: &Path) -> Result<Sort, LearnError> {
    let mut sort = Sort::Log;
    read(path, |_, line| {
        if serde_json::from_str::<Exported>(line).is_ok_and(|client| client.pass.starts_with("pass:")) {
            sort = Sort::Export;
        } else if parse_listed(line).is_some() {
            sort = Sort::List;
        }
        Ok(false)
    })?;
    Ok(sort)
}

/// One hint for each network of an export. Its people were confirmed by a gate, so many of them are no reason to leave
/// the network out, but an import never says more than the largest number that is believed of one address.
fn exported(path: &Path) -> Result<Vec<Hint>, LearnError> {
    let mut people = BTreeMap::<IpAddr, Vec<String>>::new();
    read(path, |number, line| {
        let fault = |expected| fault(path, number, line, expected);
        let client: Exported = serde_json::from_str(line)
            .map_err(|_| fault("no client of an export; import the file as `ctl clients export` wrote it"))?;
        for network in &client.networks {
            let network: Prefix =
                network.parse().map_err(|_| fault("a client with a network that is none"))?;
            let accounts = people.entry(network.addr()).or_default();
            if accounts.len() < EXPORTED_MAX && !accounts.contains(&client.account) {
                accounts.push(client.account.clone());
            }
        }
        Ok(true)
    })?;
    let accounts = |accounts: Vec<String>| u32::try_from(accounts.len()).unwrap_or(u32::MAX);
    Ok(people
        .into_iter()
        .map(|(address, people)| Hint { address, accounts: accounts(people), failures: 0 })
        .collect())
}

fn listed(path: &Path) -> Result<Vec<Hint>, LearnError> {
    let mut hints = Vec::new();
    read(path, |number, line| {
        let expected = "no address; write one a line, or `ADDRESS ACCOUNTS FAILURES`";
        hints.push(parse_listed(line).ok_or_else(|| fault(path, number, line, expected))?);
        Ok(true)
    })?;
    Ok(hints)
}

/// `ADDRESS`, or `ADDRESS ACCOUNTS FAILURES`, with spaces, tabs or commas between.
fn parse_listed(line: &str) -> Option<Hint> {
    let mut words = line.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let address: IpAddr = words.next()?.parse().ok()?;
    let mut number = |default: u32| words.next().map_or(Some(default), |word| word.parse().ok());
    let hint = Hint { address, accounts: number(1)?, failures: number(0)? };
    words.next().is_none().then_some(hint)
}

/// Gives each line that is neither empty nor a comment, with its number, until the taker has had enough.
fn read(path: &Path, mut take: impl FnMut(u64, &str) -> Result<bool, LearnError>) -> Result<(), LearnError> {
    let failed = |error| LearnError::Read { path: path.to_owned(), error };
    let mut input = BufReader::new(File::open(path).map_err(failed)?);
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        // A line without an end must not fill the memory.
        if (&mut input).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim();
        if !line.is_empty() && !line.starts_with('#') && !take(number, line)? {
            break;
        }
    }
    Ok(())
}

fn fault(path: &Path, line: u64, text: &str, expected: &'static str) -> LearnError {
    let text = format!("{:?}", Untrusted::new(text.as_bytes()));
    LearnError::Line { path: path.to_owned(), line, text, expected }
}

const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Accounts of one network that an import counts: one below the number at which an address is left out.
const EXPORTED_MAX: usize = Hint::ACCOUNTS_MAX as usize - 1;

#[cfg(test)]
mod tests;
