//! A mirror in a bucket of a store that speaks S3: Amazon's, or one of the many others.
//!
//! A store has no folders and no switch: each file is replaced whole, many at once, the index after all that it leads to.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use model::Untrusted;
use tokio::task::JoinSet;
use web_io::{Bytes, Client, RootsError};

use super::known::Known;
use super::sigv4::{Signed, Signer, date, hash};
use super::{PushError, blocking};
use crate::files::{Files, Served, turn};
use crate::publisher::Clock;

/// A bucket, and who may write to it. `Debug` shows no secret.
#[derive(Clone)]
pub struct BucketMirror {
    endpoint: String,
    /// The bucket and what all names in it begin with: begins and ends with a slash.
    root: String,
    signer: Signer,
    client: Client,
    work: PathBuf,
}

impl BucketMirror {
    /// For a bucket and who may write to it. `work` is a folder of this machine and of this mirror alone.
    ///
    /// # Errors
    /// There are no authorities to verify the store with.
    pub fn new(place: BucketPlace, access: BucketAccess, work: PathBuf) -> Result<Self, RootsError> {
        let BucketPlace { endpoint, region, bucket, prefix, authorities } = place;
        let BucketAccess { access_key, secret } = access;
        let root = if prefix.is_empty() { format!("/{bucket}/") } else { format!("/{bucket}/{prefix}/") };
        let client = Client::new(authorities.as_deref(), WITHIN, ANSWER_BYTES_MAX)?;
        Ok(Self { endpoint, root, signer: Signer { access_key, secret, region }, client, work })
    }

    pub(super) fn name(&self) -> String {
        format!("{}{}", self.endpoint, self.root.trim_end_matches('/'))
    }

    async fn put(self, place: String, file: Served, date: String) -> Result<(), PushError> {
        let headers = [("cache-control", &*file.cache_control), ("content-type", &*file.content_type)];
        self.ask(Method::PUT, &place, &headers, file.bytes.clone(), &date).await
    }

    async fn remove(self, place: String, date: String) -> Result<(), PushError> {
        self.ask(Method::DELETE, &place, &[], Bytes::new(), &date).await
    }

    async fn ask(
        &self,
        method: Method,
        place: &str,
        own: &[(&str, &str)],
        body: Bytes,
        date: &str,
    ) -> Result<(), PushError> {
        let (path, body_hash) = (format!("{}{place}", self.root), hash(&body));
        let host = self.endpoint.split_once("://").map_or("", |(_, host)| host);
        let ours = [("host", host), ("x-amz-content-sha256", &*body_hash), ("x-amz-date", date)];
        let headers = [own, &ours].concat();
        let signed =
            Signed { method: method.as_str(), path: &path, headers: &headers, body_hash: &body_hash };
        let authorization = self.signer.authorization(&signed, date);
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.endpoint));
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(*name, *value);
        }
        let request = request.header("authorization", authorization).body(body);
        let request = request.map_err(|error| PushError::Broken(error.to_string()))?;
        let answer = self.client.send(request).await?;
        let is_gone = answer.status() == StatusCode::NOT_FOUND && own.is_empty();
        if answer.status().is_success() || is_gone {
            return Ok(());
        }
        Err(refused(answer.status(), answer.body(), &path))
    }
}

impl std::fmt::Debug for BucketMirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BucketMirror({})", self.name())
    }
}

/// Where a bucket is.
#[derive(Clone, Debug)]
pub struct BucketPlace {
    /// The store: `https://HOST` or `https://HOST:PORT`.
    pub endpoint: String,
    /// Which of its regions; stores without any take every name.
    pub region: String,
    /// The bucket's name: letters, digits, dots and hyphens.
    pub bucket: String,
    /// What all names in it begin with: empty, or names with slashes between them and none at either end.
    pub prefix: String,
    /// A PEM file with the authority of the store's certificate; without it, those of the system.
    pub authorities: Option<PathBuf>,
}

/// Who writes to a bucket.
pub struct BucketAccess {
    /// The name of the key.
    pub access_key: String,
    /// The key.
    pub secret: String,
}

/// One mirror, and what lies there.
pub(super) struct Desk {
    mirror: BucketMirror,
    clock: Clock,
    known: Option<Known>,
}

impl Desk {
    pub(super) fn new(mirror: BucketMirror, clock: Clock) -> Self {
        Self { mirror, clock, known: None }
    }

    pub(super) async fn push(&mut self, files: Arc<Files>) -> Result<(), PushError> {
        let (note, known, expected) = (self.mirror.work.join(PLACES), self.known.take(), files.clone());
        // Whatever goes wrong, the note on the disk says what may be there.
        let known = blocking(move || {
            let mut known = known.unwrap_or_else(|| Known::read(note));
            known.expect(&expected)?;
            Ok(known)
        })
        .await?;
        let within = tokio::time::timeout(WHOLE_WITHIN, self.send(&files, &known)).await;
        within.map_err(|_| PushError::Slow { seconds: WHOLE_WITHIN.as_secs() })??;
        let settle = move || {
            let mut known = known;
            known.settle(&files).map(|()| known)
        };
        self.known = Some(blocking(settle).await?);
        Ok(())
    }

    async fn send(&self, files: &Files, known: &Known) -> Result<(), PushError> {
        for turn_now in 0..=LAST_TURN {
            let changed = files
                .placed()
                .filter(|(place, file)| turn(place) == turn_now && !known.has(place, &file.etag))
                .map(|(place, file)| (place.to_owned(), file.clone()));
            each(changed.collect(), |(place, file)| {
                self.mirror.clone().put(place, file, date((self.clock)()))
            })
            .await?;
        }
        each(known.ended(files), |place| self.mirror.clone().remove(place, date((self.clock)()))).await
    }
}

/// Does something with each, a few at a time; ends with the first failure.
async fn each<T, F: Future<Output = Result<(), PushError>> + Send + 'static>(
    all: Vec<T>,
    act: impl Fn(T) -> F,
) -> Result<(), PushError> {
    let mut all = all.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(one) = all.next()
        {
            running.spawn(act(one));
        }
        match running.join_next().await {
            None => return Ok(()),
            Some(done) => done.map_err(|error| PushError::Broken(error.to_string()))??,
        }
    }
}

fn refused(status: StatusCode, body: &[u8], key: &str) -> PushError {
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split('<').next()).unwrap_or_default();
    PushError::Store {
        status: status.as_u16(),
        code: Untrusted::from(code).to_string(),
        key: key.to_owned(),
        cure: cure(status, code),
    }
}

/// What to do, by the store's word ("Error responses", Amazon S3 API Reference), or by the status alone.
fn cure(status: StatusCode, code: &str) -> &'static str {
    match (code, status.as_u16()) {
        ("SignatureDoesNotMatch", _) => {
            "the secret in `secret_file` does not belong to `access_key`: write the right one"
        }
        ("InvalidAccessKeyId", _) => {
            "the store does not know `access_key`: write the right one, or make a new one there"
        }
        ("RequestTimeTooSkewed" | "RequestExpired", _) => "this machine's clock is wrong by minutes: set it",
        ("NoSuchBucket", _) => "there is no such bucket: make it there, or write another in `bucket`",
        ("PermanentRedirect" | "AuthorizationHeaderMalformed", _) | (_, 301 | 307) => {
            "the bucket is elsewhere: write its `region`, and the `endpoint` of that region"
        }
        ("AccessDenied", _) | (_, 403) => {
            "the key may not write there: allow it s3:PutObject and s3:DeleteObject below the prefix"
        }
        (_, 429 | 500..) => "the store is in trouble or asks for patience",
        _ => "the store refuses the request",
    }
}

const PLACES: &str = "places";
/// Requests at one time.
const AT_ONCE: usize = 8;
/// For one request.
const WITHIN: Duration = Duration::from_secs(20);
/// For a whole page.
const WHOLE_WITHIN: Duration = Duration::from_secs(120);
/// Answers are empty, or an error of a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const LAST_TURN: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_says_is_told_with_what_to_do_about_it() {
        let error = |status, body: &str| {
            refused(StatusCode::from_u16(status).unwrap(), body.as_bytes(), "/status/index.html").to_string()
        };
        let xml = |code: &str| {
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>…</Message></Error>")
        };
        let said = [
            error(403, &xml("SignatureDoesNotMatch")),
            error(403, &xml("AccessDenied")),
            error(404, &xml("NoSuchBucket")),
            error(301, ""),
            error(503, "<html>"),
            error(400, &xml("\u{1b}[31mBad\u{202e}")),
        ];
        insta::assert_snapshot!(said.join("\n"));
    }
}
