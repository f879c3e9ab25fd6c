//! What the answer of a page elsewhere means, and what an admin can do about it.

use std::time::Duration;

use model::{Timestamp, Untrusted};

use serde_json::Value;

use super::PageWay;
use crate::verdict::{Answer, pause};

/// What an answer means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Meaning {
    /// It was taken.
    Taken,
    /// Nobody knows whether it was taken.
    Lost { after: Option<Duration>, why: String },
    /// It was not taken, and nothing would be now.
    Later { after: Option<Duration>, why: String },
    /// It was not taken: the key may not do this. Something else it may.
    Barred { why: String },
    /// What was asked for is not there.
    Missing { why: String },
    /// This was not taken; something else may be.
    Refused { why: String },
}

impl Meaning {
    pub(super) fn of(answer: &Answer, way: &PageWay, now: Timestamp) -> Self {
        match answer {
            Answer::Taken => Self::Taken,
            Answer::Failed { is_permanent: false, words } => {
                Self::Lost { after: None, why: shown(words.as_bytes()) }
            }
            // Nothing was sent at all.
            Answer::Failed { is_permanent: true, words } => {
                Self::Later { after: None, why: shown(words.as_bytes()) }
            }
            Answer::Http { status, retry_after, body } => {
                let why = format!("it answers {status}{}: {}", cure(*status, way), shown(body));
                let after = || retry_after.as_deref().and_then(|text| pause(text, now));
                match status {
                    200..300 => Self::Taken,
                    // 420 is what Statuspage said before 2021.
                    420 | 425 | 429 => Self::Later { after: after(), why },
                    401 | 407 | 300..400 => Self::Later { after: None, why },
                    403 => Self::Barred { why },
                    404 | 410 => Self::Missing { why },
                    400..500 if *status != 408 => Self::Refused { why },
                    _ => Self::Lost { after: after(), why },
                }
            }
        }
    }
}

/// What an admin can do.
fn cure(status: u16, way: &PageWay) -> &'static str {
    let is_template = matches!(way, PageWay::Template(_));
    match status {
        300..400 => " and sends us elsewhere; configure where that leads (`url`)",
        401 => " (it does not know the key; make a new one there and put it into `secret_file`)",
        403 => {
            " (the key may not do this; give its owner the right to write incidents and components of this page)"
        }
        404 if !is_template => {
            " (there is no such page, incident or component, or the key may not see it; look at `page` and at the `id` of components)"
        }
        404 => " (there is nothing at this address; look at `url`)",
        420 | 429 => " (too many requests; it is left alone for as long as it asks)",
        400 | 422 => " (it does not like what was written)",
        _ => "",
    }
}

/// What it complains of, or the beginning of what it says. Others wrote it.
fn shown(bytes: &[u8]) -> String {
    let complaint = serde_json::from_slice(bytes).ok().and_then(|body| complaint(&body));
    let bytes = complaint.as_deref().map_or(bytes, str::as_bytes).trim_ascii();
    Untrusted::new(&bytes[..bytes.len().min(SHOWN_BYTES)]).to_string()
}

/// `{"error": "…"}`, `{"error": ["…", …]}`, `{"error": {"message": "…"}}` or `{"message": "…"}`.
fn complaint(body: &Value) -> Option<String> {
    let error = &body["error"];
    if let Some(errors) = error.as_array() {
        return Some(errors.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "));
    }
    let text = error.as_str().or(error["message"].as_str()).or(body["message"].as_str());
    text.map(str::to_owned)
}

const SHOWN_BYTES: usize = 200;
