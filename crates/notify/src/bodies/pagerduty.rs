//! PagerDuty's Events API v2.

use model::Timestamp;
use serde_json::{Map, Value, json};

use super::{Parcel, json as posted};
use crate::hidden::Hidden;
use crate::notice::{Notice, What, cut, iso};
use crate::receiver::Sender;

/// Trigger, acknowledge or resolve; all about one incident have one key.
pub(super) fn parcel(url: &str, key: &Hidden, sender: &Sender, notice: &Notice) -> Parcel {
    let action = match notice.what {
        What::Over => "resolve",
        What::Acknowledged => "acknowledge",
        What::Opened
        | What::Worse
        | What::Back
        | What::Planned
        | What::Waits
        | What::Held
        | What::Published
        | What::Reminder => "trigger",
    };
    let mut body = json!({
        "routing_key": key.expose(),
        "event_action": action,
        "dedup_key": format!("portcullis/{}", notice.incident),
        "client": "Portcullis",
    });
    if action == "trigger" {
        let details: Map<String, Value> =
            notice.details().into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        body["payload"] = json!({
            "summary": cut(&notice.headline(), SUMMARY_MAX),
            "source": sender.site,
            "severity": notice.severity.name(),
            "timestamp": iso(Timestamp::from_millis(notice.at)),
            "class": "incident",
            "custom_details": details,
        });
    }
    let link = sender.link_of_call(notice).filter(|_| action == "trigger");
    let mut links: Vec<_> = link.iter().map(|link| json!({ "href": link, "text": LINK })).collect();
    if let Some(page) = &sender.page {
        body["client_url"] = page.as_str().into();
        links.push(json!({ "href": page, "text": "Status page" }));
    }
    if !links.is_empty() {
        body["links"] = links.into();
    }
    posted(&format!("{}/v2/enqueue", url.trim_end_matches('/')), Vec::new(), &body)
}

const LINK: &str = "Read what the public is told, publish or hold it back";
/// Bytes of a summary; PagerDuty takes 1,024 characters.
const SUMMARY_MAX: usize = 1_024;
