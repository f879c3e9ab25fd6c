//! Prometheus Alertmanager's API v2. An alert that is not repeated ends by itself, so what goes on is sent again and again.

use model::Timestamp;
use serde_json::{Value, json};

use super::{Parcel, json as posted};
use crate::hidden::Hidden;
use crate::notice::{DECIDE, Notice, Severity, What, iso};
use crate::receiver::Sender;

/// Alerts for these incidents; with `is_alive` also the one that always fires.
pub(super) fn parcel(
    url: &str,
    bearer: Option<&Hidden>,
    sender: &Sender,
    notices: &[Notice],
    is_alive: bool,
    now: Timestamp,
) -> Parcel {
    let mut alerts: Vec<Value> = notices.iter().flat_map(|notice| of(notice, sender, now)).collect();
    if is_alive {
        alerts.push(alert(
            json!({ "alertname": "PortcullisWatchdog", "site": sender.site, "severity": "none" }),
            json!({ "summary": "The gate works. If this alert is missing, it does not, or cannot be heard." }),
            None,
            None,
            sender,
        ));
    }
    let bearer = bearer.map(|token| ("authorization", format!("Bearer {}", token.expose())));
    let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
    posted(&url, bearer.into_iter().collect(), &alerts.into())
}

/// The severity is a label, by which people are chosen, and labels are what an alert is known by: the incident at a lower severity is
/// another alert, which ends when this one begins.
fn of(notice: &Notice, sender: &Sender, now: Timestamp) -> Vec<Value> {
    let since = Timestamp::from_millis(notice.since);
    // Its clock may be behind ours: an end in its future would be none yet.
    let end = since.max(Timestamp::from_millis(now.as_millis().saturating_sub(ENDED_BEFORE_MILLIS)));
    let ends = |severity: Severity| (notice.what == What::Over || severity < notice.severity).then_some(end);
    let levels = Severity::ALL.into_iter().filter(|severity| *severity <= notice.severity);
    let made = levels.map(|severity| {
        let labels = json!({
            "alertname": "PortcullisIncident",
            "incident": notice.incident,
            "severity": severity.name(),
            "site": sender.site,
        });
        let mut details = notice.details();
        details.extend(sender.link_of_call(notice).map(|link| (DECIDE, link)));
        let description: Vec<_> = details.iter().map(|(name, text)| format!("{name}: {text}")).collect();
        let annotations = json!({ "summary": notice.headline(), "description": description.join("\n") });
        alert(labels, annotations, Some(since), ends(severity), sender)
    });
    made.collect()
}

fn alert(
    labels: Value,
    annotations: Value,
    starts: Option<Timestamp>,
    ends: Option<Timestamp>,
    sender: &Sender,
) -> Value {
    let mut alert = json!({ "labels": labels, "annotations": annotations });
    // What goes on has no end: the Alertmanager gives it one, by its own clock (`resolve_timeout`, five minutes as it comes).
    if let Some(ends) = ends {
        alert["endsAt"] = iso(ends).into();
    }
    if let Some(starts) = starts {
        alert["startsAt"] = iso(starts).into();
    }
    if let Some(page) = &sender.page {
        alert["generatorURL"] = page.as_str().into();
    }
    alert
}

/// What is over ended so long ago, or when it began if that was later; clocks may be apart by as much.
const ENDED_BEFORE_MILLIS: u64 = 60_000;
