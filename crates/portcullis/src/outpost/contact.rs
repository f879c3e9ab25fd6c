//! Asks the gate for its page.

use std::time::Duration;

use config::Gate;
use edge_io::Clock;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Request, StatusCode};
use model::{Instant, Timestamp};
use status::{CopyError, MANIFEST, Manifest, NoKey, PageData, PageDataError, PublicKey, SIGNATURE};
use web_io::{Bytes, Client, FetchError, RootsError};

use super::held::{GatePage, Signed};

/// The way to the gate.
pub(super) struct Contact {
    client: Client,
    url: String,
    /// What it signs its page with; `None`: https says whose page it is.
    key: Option<PublicKey>,
    /// For all that is asked in a round.
    within: Duration,
    /// Of the page that is held.
    etag: Option<HeaderValue>,
    age: Age,
}

/// How old the page is that the gate answers with: what somebody between kept is not the gate's voice.
#[derive(Clone, Copy, Debug, Default)]
struct Age {
    /// When the page was made that is held.
    at: Option<Timestamp>,
    /// When one came that was newer than the one before.
    moved: Option<Instant>,
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
    /// It is older than another, or the same for too long.
    #[error(
        "it answers with a page that is old; does something before it keep copies, and are both clocks right?"
    )]
    Old,
    /// It did not answer all that was asked.
    #[error("it did not answer within {} s", .0.as_secs())]
    Late(Duration),
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
    /// `at`: when the page was made that is held already.
    pub(super) fn new(gate: &Gate, at: Option<Timestamp>) -> Result<Self, ContactError> {
        let within = ANSWER_WITHIN.min(gate.lost_after / 2);
        let client = Client::new(gate.ca.as_deref(), within, PageData::BYTES_MAX)?;
        let key = gate.key.as_ref().map(|key| key.parse()).transpose()?;
        let age = Age { at, moved: None };
        Ok(Self { client, url: gate.url.to_string(), key, within, etag: None, age })
    }

    /// Its page with the bytes that it came in; `None`: it is the one that is held.
    pub(super) async fn ask(&mut self, clock: Clock) -> Result<Option<(Bytes, GatePage)>, ContactError> {
        let within = self.within;
        let asking = async {
            match self.ask_once(clock).await {
                // It has made another page meanwhile.
                Err(ContactError::Copy(_)) => self.ask_once(clock).await,
                asked => asked,
            }
        };
        tokio::time::timeout(within, asking).await.unwrap_or(Err(ContactError::Late(within)))
    }

    async fn ask_once(&mut self, clock: Clock) -> Result<Option<(Bytes, GatePage)>, ContactError> {
        let mut request = self.request(PageData::PATH)?;
        if let Some(etag) = &self.etag {
            request.headers_mut().insert(IF_NONE_MATCH, etag.clone());
        }
        let answer = self.client.send(request).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => {
                return if self.age.is_fresh(clock.now()) { Ok(None) } else { Err(ContactError::Old) };
            }
            status => return Err(ContactError::Status(status)),
        }
        let signed = match self.key {
            Some(key) => Some(self.signed(&key, answer.body(), clock.wall()).await?),
            None => None,
        };
        let data = PageData::read(answer.body())?;
        if !self.age.take(data.at, clock.now(), clock.wall()) {
            return Err(ContactError::Old);
        }
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
        let request = Request::get(format!("{}/{path}", self.url)).header(CACHE_CONTROL, "no-cache");
        Ok(request.body(Bytes::new())?)
    }
}

impl Age {
    /// Takes a page that was made at this time; whether it is the gate's voice. An older one is not, unless the one that is held cannot
    /// be, because a clock was wrong.
    fn take(&mut self, at: Timestamp, now: Instant, wall: Timestamp) -> bool {
        let is_possible = |at: Timestamp| at <= wall + CLOCKS_APART;
        match self.at.filter(|held| is_possible(*held)) {
            Some(held) if at < held => return false,
            Some(held) if at == held && self.moved.is_some() => return self.is_fresh(now),
            // As before a restart of the outpost.
            Some(held) if at == held && wall.since(at) > FRESH_FOR => return false,
            _ => {}
        }
        if !is_possible(at) || wall.since(at) > CLOCKS_APART {
            return false;
        }
        (self.at, self.moved) = (Some(at), Some(now));
        true
    }

    /// Whether the gate has made a new page lately.
    fn is_fresh(&self, now: Instant) -> bool {
        self.moved.is_some_and(|moved| now.since(moved) <= FRESH_FOR)
    }
}

/// Clocks of two machines may differ by so much.
const CLOCKS_APART: Duration = Duration::from_secs(300);
/// A gate makes its page anew every 30 s.
const FRESH_FOR: Duration = Duration::from_secs(90);

const ANSWER_WITHIN: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Timestamp = Timestamp::from_secs(1_795_886_641);

    #[test]
    fn only_a_page_that_is_new_is_the_voice_of_the_gate() {
        let (mut age, second) = (Age::default(), Instant::from_secs);
        assert!(!age.take(WALL.before(Duration::from_secs(301)), second(1), WALL), "kept for an hour");
        assert!(!age.is_fresh(second(1)), "nothing was heard yet");
        assert!(age.take(WALL, second(1), WALL));
        assert!(age.take(WALL, second(91), WALL), "nothing has changed yet");
        assert!(!age.take(WALL, second(92), WALL), "the gate has stopped making pages");
        assert!(!age.is_fresh(second(92)));
        assert!(!age.take(WALL.before(Duration::from_secs(1)), second(92), WALL));
        assert!(age.take(WALL + Duration::from_secs(90), second(92), WALL));
    }

    #[test]
    fn a_clock_that_was_wrong_locks_no_gate_out() {
        let mut age = Age { at: Some(WALL + Duration::from_secs(86_400)), moved: None };
        assert!(age.take(WALL, Instant::from_secs(1), WALL));
    }

    #[test]
    fn the_page_that_was_held_before_the_start_is_heard_only_if_it_is_of_now() {
        let (mut age, later) =
            (Age { at: Some(WALL), moved: None }, |seconds| WALL + Duration::from_secs(seconds));
        assert!(!age.take(WALL, Instant::from_secs(1), later(91)));
        assert!(age.take(later(30), Instant::from_secs(2), later(92)));
        let mut age = Age { at: Some(WALL), moved: None };
        assert!(age.take(WALL, Instant::from_secs(1), later(90)), "the gate makes one every half minute");
    }
}
