//! Incoming webhooks of Slack, which Mattermost, Rocket.Chat, Discord and others understand too.

use serde_json::json;

use super::{Parcel, json as posted};
use crate::hidden::Hidden;
use crate::notice::{DECIDE, Notice, Severity, What, cut};
use crate::receiver::Sender;

/// A message; `text` is what is shown where blocks are not.
pub(super) fn parcel(url: &Hidden, sender: &Sender, notice: &Notice) -> Parcel {
    let headline = format!("{} {}: {}", sign(notice), sender.site, notice.headline());
    let headline = cut(&escaped(&headline), SECTION_MAX);
    let link = sender.link(notice);
    let details: Vec<_> = notice.details().iter().map(|(name, text)| format!("{name}: {text}")).collect();
    let mut blocks = vec![section(&format!("*{headline}*"))];
    if !notice.text.is_empty() {
        blocks.push(section(&cut(&escaped(&notice.text), SECTION_MAX)));
    }
    // A button would need an app that answers for it; of this link every letter is ours.
    blocks.extend(link.as_ref().map(|link| section(&format!("<{link}|Publish or hold back>"))));
    blocks.push(json!({
        "type": "context",
        "elements": [{ "type": "mrkdwn", "text": cut(&escaped(&details.join("\n")), SECTION_MAX) }],
    }));
    // Those that know no blocks show the text alone.
    let text = link.map_or_else(|| headline.clone(), |link| format!("{headline}\nTo {DECIDE}: {link}"));
    posted(url.expose(), Vec::new(), &json!({ "text": text, "blocks": blocks }))
}

fn section(text: &str) -> serde_json::Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

fn sign(notice: &Notice) -> &'static str {
    match (notice.what, notice.severity) {
        (What::Over, _) => "✔",
        (What::Acknowledged | What::Planned | What::Waits | What::Held | What::Published, _) => "ℹ",
        (_, Severity::Info) => "▷",
        (_, Severity::Warning) => "▲",
        (_, Severity::Error | Severity::Critical) => "■",
    }
}

/// What has a meaning to Slack; without `<` nobody is called by a mention and nothing is a link.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Bytes of a section; Slack takes 3,000 characters.
const SECTION_MAX: usize = 2_900;
