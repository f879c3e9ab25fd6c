//! Signed JSON, by the rules of Standard Webhooks 1.0.

use model::Timestamp;
use serde_json::json;

use super::{Parcel, json as posted};
use crate::hidden::{Hidden, SigningKey};
use crate::notice::{Notice, iso};
use crate::receiver::Sender;

/// The id stays the same however often it is tried; time and signature are of the try.
pub(super) fn parcel(
    url: &Hidden,
    key: &SigningKey,
    sender: &Sender,
    notice: &Notice,
    now: Timestamp,
) -> Parcel {
    let body = json!({
        "type": format!("incident.{}", notice.what.name()),
        "timestamp": iso(Timestamp::from_millis(notice.at)),
        "data": {
            "site": sender.site,
            "incident": notice.incident,
            "title": notice.title,
            "headline": notice.headline(),
            "severity": notice.severity.name(),
            "is_open": notice.is_open,
            "stage": notice.stage,
            "since": iso(Timestamp::from_millis(notice.since)),
            "fares": notice.fares,
            "cause": notice.cause,
            "text": notice.text,
            "page": sender.page,
            "decide": sender.link(notice),
        },
    });
    let (id, second) = (format!("portcullis.{}", notice.key()), now.as_secs());
    let signature = key.sign(&id, second, body.to_string().as_bytes());
    let headers =
        vec![("webhook-id", id), ("webhook-timestamp", second.to_string()), ("webhook-signature", signature)];
    posted(url.expose(), headers, &body)
}
