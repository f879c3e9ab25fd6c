//! Asks the outpost what it sees, and what it saw while this gate was out of reach.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{Request, StatusCode};
use incident::Spell;
use journal_io::logs::Events;
use model::Timestamp;
use probe::{Report, ReportError, SpellSeen};
use web_io::{Bytes, Client, FetchError};

use super::Probing;
use super::settings::OutpostPlace;
use crate::truth::Truth;

/// Why nothing was heard.
#[derive(Debug, thiserror::Error)]
enum AskError {
    /// It cannot be reached.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It answers something else.
    #[error("it answers with status {0}; is [outpost] url the address of its page?")]
    Status(StatusCode),
    /// What it says is not believed.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The address.
    #[error(transparent)]
    Address(#[from] http::Error),
}

impl Probing {
    /// Asks until `stop` resolves.
    pub(super) async fn listen(&self, truth: &Truth, events: &Events, stop: impl Future<Output = ()>) {
        let Some(place) = &self.settings.outpost else { return };
        tokio::select! {
            () = self.ask_again_and_again(place, truth, events) => {}
            () = stop => {}
        }
    }

    async fn ask_again_and_again(&self, place: &OutpostPlace, truth: &Truth, events: &Events) {
        let client = match Client::new(place.authorities.as_deref(), ANSWER_WITHIN, Report::BYTES_MAX) {
            Ok(client) => client,
            Err(error) => return events.error(format_args!("outpost: {error}")),
        };
        let mut turn = tokio::time::interval(place.every);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut is_heard, mut waiting) = (None, Vec::new());
        loop {
            turn.tick().await;
            match ask(&client, &place.url, self.clock.wall()).await {
                Ok(report) => {
                    self.in_vain.store(0, Relaxed);
                    let now = self.clock.now();
                    let news = self.ear().take(report, now);
                    if let Some(spells) = news {
                        waiting.extend(spells);
                        self.count(self.ear().reading(now));
                    }
                    // What the record has no room for now it has in a moment.
                    waiting.retain(|seen| spell(seen).is_some_and(|spell| !truth.heard(spell)));
                    if is_heard.replace(true) != Some(true) {
                        events.info(format_args!("outpost: it watches from {}", place.url));
                    }
                }
                Err(error) => {
                    self.in_vain.fetch_add(1, Relaxed);
                    if is_heard.replace(false) != Some(false) {
                        events.warning(format_args!("outpost: nothing is heard of {}: {error}", place.url));
                    }
                }
            }
        }
    }
}

async fn ask(client: &Client, url: &str, now: Timestamp) -> Result<Report, AskError> {
    let request = Request::get(format!("{url}{}", Report::PATH)).header(CACHE_CONTROL, "no-cache");
    let request = request.body(Bytes::new())?;
    let answer = client.send(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(AskError::Status(answer.status()));
    }
    Ok(Report::read(answer.body(), now)?)
}

/// `None` for what has no name.
fn spell(seen: &SpellSeen) -> Option<Spell> {
    let until = seen.until.map(Timestamp::from_millis);
    Some(Spell { id: seen.id.parse().ok()?, from: Timestamp::from_millis(seen.from), until })
}

const ANSWER_WITHIN: Duration = Duration::from_secs(4);
