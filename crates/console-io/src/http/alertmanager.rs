//! What an Alertmanager posts (its webhook, version 4): a note about the incident that goes on.

use std::collections::BTreeMap;

use model::Untrusted;
use serde::Deserialize;

/// Of what is posted, what is noted; other members are left alone.
#[derive(Deserialize)]
struct Webhook {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The note; `None` if all alerts are our own, which come back where a route leads them here.
pub(super) fn note(body: &[u8]) -> Result<Option<String>, serde_json::Error> {
    let webhook: Webhook = serde_json::from_slice(body)?;
    let name = |alert: &Alert| alert.labels.get("alertname").cloned().unwrap_or_default();
    let others = webhook.alerts.iter().filter(|alert| !OWN.contains(&name(alert).as_str()));
    let lines: Vec<_> = others.map(|alert| line(&name(alert), alert)).collect();
    let more = lines.len().saturating_sub(ALERTS_SHOWN);
    let shown =
        lines.iter().take(ALERTS_SHOWN).cloned().chain((more > 0).then(|| format!("and {more} more")));
    Ok((!lines.is_empty()).then(|| shown.collect::<Vec<_>>().join("\n")))
}

fn line(name: &str, alert: &Alert) -> String {
    let summary = ["summary", "description"].into_iter().find_map(|key| alert.annotations.get(key));
    let summary = summary.map(|text| format!(": {}", Untrusted::from(text.as_str()))).unwrap_or_default();
    let (status, name) = (Untrusted::from(alert.status.as_str()), Untrusted::from(name));
    format!("Alertmanager, {status}: {name}{summary}")
}

/// What our own alerts are called.
const OWN: [&str; 2] = ["PortcullisIncident", "PortcullisWatchdog"];
/// Alerts of one post that are noted one by one; each has a few hundred bytes.
const ALERTS_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(alerts: &str) -> Option<String> {
        note(format!(r#"{{"version":"4","status":"firing","alerts":[{alerts}]}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn what_fires_elsewhere_is_noted_with_its_summary() {
        let disk = r#"{"status":"firing","labels":{"alertname":"DiskFull"},"annotations":{"summary":"db-1 has\n3 %"}}"#;
        let bare = r#"{"status":"resolved","labels":{"alertname":"Slow"},"fingerprint":"00"}"#;
        insta::assert_snapshot!(posted(&format!("{disk},{bare}")).unwrap(), @r"
        Alertmanager, firing: DiskFull: db-1 has\u{a}3 %
        Alertmanager, resolved: Slow
        ");
        let many = [bare; 9].join(",");
        assert!(posted(&many).unwrap().ends_with("and 6 more"));
    }

    #[test]
    fn our_own_alerts_do_not_come_back_as_news() {
        let own = r#"{"status":"firing","labels":{"alertname":"PortcullisIncident"}}"#;
        assert_eq!(posted(own), None);
        let rule = r#"{"status":"firing","labels":{"alertname":"PortcullisRefusesALot"}}"#;
        assert!(posted(rule).is_some(), "a rule over our metrics is somebody else's");
        assert_eq!(posted(""), None);
        assert!(note(b"{}").is_err());
    }
}
