//! Asks the gate for its page.

use std::time::Duration;

use config::Gate;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Request, StatusCode};
use status::{PageCopy, PageCopyError};
use web_io::{Bytes, Client, FetchError, RootsError};

/// The way to the gate.
pub(super) struct Contact {
    client: Client,
    url: String,
    /// Of the page that is held.
    etag: Option<HeaderValue>,
}

/// Why nothing was heard of the gate.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContactError {
    /// It cannot be reached.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It answers something else.
    #[error(
        "it answers with status {0}; is [gate] url where the gate serves its status page, and is it the same version?"
    )]
    Status(StatusCode),
    /// What it answers is no page.
    #[error(transparent)]
    Copy(#[from] PageCopyError),
    /// The address.
    #[error(transparent)]
    Address(#[from] http::Error),
}

impl Contact {
    pub(super) fn new(gate: &Gate) -> Result<Self, RootsError> {
        let within = ANSWER_WITHIN.min(gate.lost_after / 2);
        let client = Client::new(gate.ca.as_deref(), within, PageCopy::BYTES_MAX)?;
        Ok(Self { client, url: format!("{}/{}", gate.url, PageCopy::PATH), etag: None })
    }

    /// Its page with the bytes that it came in; `None`: it is the one that is held.
    pub(super) async fn ask(&mut self) -> Result<Option<(Bytes, PageCopy)>, ContactError> {
        let mut request = Request::get(&self.url).body(Bytes::new())?;
        if let Some(etag) = &self.etag {
            request.headers_mut().insert(IF_NONE_MATCH, etag.clone());
        }
        let answer = self.client.send(request).await?;
        match answer.status() {
            StatusCode::OK => {
                let copy = PageCopy::read(answer.body())?;
                self.etag = answer.headers().get(ETAG).cloned();
                Ok(Some((answer.into_body(), copy)))
            }
            StatusCode::NOT_MODIFIED => Ok(None),
            status => Err(ContactError::Status(status)),
        }
    }
}

const ANSWER_WITHIN: Duration = Duration::from_secs(4);
