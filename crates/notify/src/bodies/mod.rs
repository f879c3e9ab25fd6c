//! What is sent, to the byte.

mod alertmanager;
pub(crate) mod mail;
mod pagerduty;
mod slack;
mod webhook;

use model::Timestamp;

use crate::notice::Notice;
use crate::receiver::{Receiver, Sender, Way};

/// Something that is ready to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parcel {
    /// A request to a web server.
    Http {
        /// `GET` or `POST`.
        method: &'static str,
        /// The whole address; it may be a secret.
        url: String,
        /// Names, in lower case, and values.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// A mail.
    Mail {
        /// Whom errors go to.
        from: String,
        /// Who gets it.
        to: String,
        /// Header and body (RFC 5322), lines end in CR LF.
        bytes: Vec<u8>,
    },
}

/// One notice for one receiver.
pub(crate) fn parcel(receiver: &Receiver, sender: &Sender, notice: &Notice, now: Timestamp) -> Parcel {
    match &receiver.way {
        Way::PagerDuty { url, key } => pagerduty::parcel(url, key, sender, notice),
        Way::Alertmanager { url, bearer } => {
            alertmanager::parcel(url, bearer.as_ref(), sender, std::slice::from_ref(notice), false, now)
        }
        Way::Slack { url } => slack::parcel(url, sender, notice),
        Way::Webhook { url, key } => webhook::parcel(url, key, sender, notice, now),
        Way::Mail { from, to } => mail::parcel(from, to, sender, notice, now),
        Way::Heartbeat { url, .. } => heartbeat(url.expose()),
    }
}

/// All that goes on, for an Alertmanager, which forgets what is not repeated; `is_alive` adds what always goes on.
pub(crate) fn standing(
    receiver: &Receiver,
    sender: &Sender,
    open: &[Notice],
    is_alive: bool,
    now: Timestamp,
) -> Option<Parcel> {
    match &receiver.way {
        Way::Alertmanager { url, bearer } if is_alive || !open.is_empty() => {
            Some(alertmanager::parcel(url, bearer.as_ref(), sender, open, is_alive, now))
        }
        Way::Heartbeat { url, .. } if is_alive => Some(heartbeat(url.expose())),
        Way::Alertmanager { .. }
        | Way::Heartbeat { .. }
        | Way::PagerDuty { .. }
        | Way::Slack { .. }
        | Way::Webhook { .. }
        | Way::Mail { .. } => None,
    }
}

fn heartbeat(url: &str) -> Parcel {
    Parcel::Http { method: "GET", url: url.to_owned(), headers: Vec::new(), body: Vec::new() }
}

fn json(url: &str, mut headers: Vec<(&'static str, String)>, body: &serde_json::Value) -> Parcel {
    headers.insert(0, ("content-type", "application/json".to_owned()));
    Parcel::Http { method: "POST", url: url.to_owned(), headers, body: body.to_string().into_bytes() }
}
