//! Reads a copy of a page where readers would: from a web server, or in a folder.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Request, StatusCode};
use web_io::{Bytes, Client, FetchError, RootsError};

use crate::files::{Files, is_place};

/// A copy of a page: its files can be read one by one.
pub struct PageCopy(Place);

enum Place {
    Folder(PathBuf),
    /// Ends with a slash.
    Web(String, Client),
}

/// Why a file of a copy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CopyReadError {
    /// Nothing can be verified.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The server cannot be reached.
    #[error("{0}: the mirror, its certificate, or the network between is at fault")]
    Unreachable(#[from] FetchError),
    /// The server gives something else.
    #[error("{url}: the mirror answers {status}; {why}")]
    Answer {
        /// What was asked for.
        url: String,
        /// The status of the answer.
        status: u16,
        /// What that means here.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
    /// No page has such a file.
    #[error("`{0}` is no file of a page")]
    Path(String),
}

impl PageCopy {
    /// At an address of the web, or else in a folder; a server is verified with the authorities in a PEM file, or with those of the
    /// system.
    ///
    /// # Errors
    /// [`CopyReadError::Roots`].
    pub fn at(place: &str, authorities: Option<&Path>) -> Result<Self, CopyReadError> {
        if !place.starts_with("https://") && !place.starts_with("http://") {
            return Ok(Self(Place::Folder(place.into())));
        }
        let client = Client::new(authorities, WITHIN, Files::BYTES_MAX)?;
        Ok(Self(Place::Web(format!("{}/", place.trim_end_matches('/')), client)))
    }

    /// The bytes of a file, by its path in a folder, such as `api/v2/status.json`.
    ///
    /// # Errors
    /// See [`CopyReadError`].
    pub async fn read(&self, path: &str) -> Result<Bytes, CopyReadError> {
        if !is_place(path) {
            return Err(CopyReadError::Path(path.escape_debug().take(SHOWN_CHARS).collect()));
        }
        match &self.0 {
            Place::Folder(folder) => read_file(folder.join(path)),
            Place::Web(address, client) => ask(client, format!("{address}{path}")).await,
        }
    }
}

fn read_file(path: PathBuf) -> Result<Bytes, CopyReadError> {
    let mut bytes = Vec::new();
    let most = u64::try_from(Files::BYTES_MAX).unwrap_or(u64::MAX);
    let read = std::fs::File::open(&path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map(|_| bytes.into()).map_err(|source| CopyReadError::File { path, source })
}

async fn ask(client: &Client, url: String) -> Result<Bytes, CopyReadError> {
    let request = Request::get(&url).body(Bytes::new());
    let request = request.map_err(|_| FetchError::Address(url.clone()))?;
    let answer = client.send(request).await?;
    let why = match answer.status() {
        StatusCode::OK => return Ok(answer.into_body()),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            "either it has lost the file, or this is not the address of a copy"
        }
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
            "readers may not read there: its owner must let them"
        }
        status if status.is_redirection() => "it sends readers elsewhere: give the address that it leads to",
        _ => "the fault is the mirror's",
    };
    Err(CopyReadError::Answer { url, status: answer.status().as_u16(), why })
}

/// For one file.
const WITHIN: Duration = Duration::from_secs(15);
const SHOWN_CHARS: usize = 80;
