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
    // The button has the link.
    let details = notice.details(sender).into_iter().filter(|(name, _)| *name != DECIDE);
    let details: Vec<_> = details.map(|(name, text)| format!("{name}: {text}")).collect();
    let mut blocks = vec![section(&format!("*{headline}*"))];
    if !notice.text.is_empty() {
        blocks.push(section(&cut(&escaped(&notice.text), SECTION_MAX)));
    }
    blocks.extend(link.as_ref().map(|link| button(link)));
    blocks.push(json!({
        "type": "context",
        "elements": [{ "type": "mrkdwn", "text": cut(&escaped(&details.join("\n")), SECTION_MAX) }],
    }));
    // Those that know no blocks show the text alone.
    let text = link.map_or_else(|| headline.clone(), |link| format!("{headline}\n{DECIDE}: {link}"));
    posted(url.expose(), Vec::new(), &json!({ "text": text, "blocks": blocks }))
}

fn button(link: &str) -> serde_json::Value {
    let words = json!({ "type": "plain_text", "text": "Publish or hold back" });
    json!({ "type": "actions", "elements": [{ "type": "button", "text": words, "url": link }] })
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
