//! Asks the gate for its page.

use std::time::Duration;

use config::Gate;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Request, StatusCode};
use model::Timestamp;
use status::{CopyError, MANIFEST, Manifest, NoKey, PageData, PageDataError, PublicKey, SIGNATURE};
use web_io::{Bytes, Client, FetchError, RootsError};

use super::held::{GatePage, Signed};

/// The way to the gate.
pub(super) struct Contact {
    client: Client,
    url: String,
    /// What it signs its page with; `None`: https says whose page it is.
    key: Option<PublicKey>,
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
    Data(#[from] PageDataError),
    /// It is not the gate's.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The configuration's key.
    #[error("[gate] key: {0}")]
    Key(#[from] NoKey),
    /// There are no authorities.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The address.
    #[error(transparent)]
    Address(#[from] http::Error),
}

impl Contact {
    pub(super) fn new(gate: &Gate) -> Result<Self, ContactError> {
        let within = ANSWER_WITHIN.min(gate.lost_after / 2);
        let client = Client::new(gate.ca.as_deref(), within, PageData::BYTES_MAX)?;
        let key = gate.key.as_ref().map(|key| key.parse()).transpose()?;
        Ok(Self { client, url: gate.url.to_string(), key, etag: None })
    }

    /// Its page with the bytes that it came in; `None`: it is the one that is held.
    pub(super) async fn ask(&mut self, now: Timestamp) -> Result<Option<(Bytes, GatePage)>, ContactError> {
        let mut request = self.request(PageData::PATH)?;
        if let Some(etag) = &self.etag {
            request.headers_mut().insert(IF_NONE_MATCH, etag.clone());
        }
        let answer = self.client.send(request).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Ok(None),
            status => return Err(ContactError::Status(status)),
        }
        let signed = match self.key {
            Some(key) => Some(self.signed(&key, answer.body(), now).await?),
            None => None,
        };
        let data = PageData::read(answer.body())?;
        self.etag = answer.headers().get(ETAG).cloned();
        Ok(Some((answer.into_body(), GatePage { data, signed })))
    }

    /// The gate's word for its page.
    async fn signed(&self, key: &PublicKey, page: &[u8], now: Timestamp) -> Result<Signed, ContactError> {
        let (bytes, signature) = (self.read(MANIFEST).await?, self.read(SIGNATURE).await?);
        let manifest = Manifest::open(&bytes, &signature, key)?;
        manifest.check(None, now, None)?;
        manifest.check_file(PageData::PATH, page)?;
        Ok(Signed { manifest, bytes, signature })
    }

    async fn read(&self, path: &str) -> Result<Bytes, ContactError> {
        let answer = self.client.send(self.request(path)?).await?;
        if answer.status() == StatusCode::OK {
            Ok(answer.into_body())
        } else {
            Err(ContactError::Status(answer.status()))
        }
    }

    fn request(&self, path: &str) -> Result<Request<Bytes>, ContactError> {
        Ok(Request::get(format!("{}/{path}", self.url)).body(Bytes::new())?)
    }
}

const ANSWER_WITHIN: Duration = Duration::from_secs(4);
