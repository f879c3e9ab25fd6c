//! What an Alertmanager posts (its webhook, version 4), as alerts.

use std::collections::BTreeMap;

use incident::Alert;
use model::Untrusted;
use serde::Deserialize;

/// Of what is posted, what is read; other members are left alone.
#[derive(Deserialize)]
struct Webhook {
    alerts: Vec<Posted>,
}

#[derive(Deserialize)]
struct Posted {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    fingerprint: String,
}

/// The alerts, without our own, which come back where a route leads them here. They are as long as what was posted at most, what they
/// say a few hundred bytes.
pub(super) fn alerts(body: &[u8]) -> Result<Vec<Alert>, serde_json::Error> {
    let webhook: Webhook = serde_json::from_slice(body)?;
    Ok(webhook.alerts.into_iter().filter_map(alert).collect())
}

fn alert(posted: Posted) -> Option<Alert> {
    let name = posted.labels.get("alertname").map(String::as_str).unwrap_or_default();
    if OWN.contains(&name) {
        return None;
    }
    let summary = ["summary", "description"].into_iter().find_map(|key| posted.annotations.get(key));
    let summary = summary.map(|text| format!(": {}", Untrusted::from(text.as_str()))).unwrap_or_default();
    let (status, name) = (Untrusted::from(posted.status.as_str()), Untrusted::from(name));
    let text = format!("Alertmanager, {status}: {name}{summary}");
    let is_firing = posted.status == "firing";
    let fingerprint = if is_fingerprint(&posted.fingerprint) { posted.fingerprint } else { String::new() };
    Some(Alert { fingerprint, is_firing, labels: posted.labels, text })
}

/// Sixteen hexadecimal digits as it is; others may make theirs longer.
fn is_fingerprint(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() <= FINGERPRINT_BYTES_MAX && text.bytes().all(is_plain)
}

/// What our own alerts are called.
const OWN: [&str; 2] = ["PortcullisIncident", "PortcullisWatchdog"];
const FINGERPRINT_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(posted: &str) -> Vec<Alert> {
        alerts(format!(r#"{{"version":"4","status":"firing","alerts":[{posted}]}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn what_fires_elsewhere_is_read_with_its_summary() {
        let disk = r#"{"status":"firing","labels":{"alertname":"DiskFull"},"annotations":{"summary":"db-1 has\n3 %"},"fingerprint":"9d1c0b8e5a6f7e21"}"#;
        let bare = r#"{"status":"resolved","labels":{"alertname":"Slow"}}"#;
        let alerts = posted(&format!("{disk},{bare}"));
        let texts: Vec<&str> = alerts.iter().map(|alert| alert.text.as_str()).collect();
        assert_eq!(
            texts,
            ["Alertmanager, firing: DiskFull: db-1 has\\u{a}3 %", "Alertmanager, resolved: Slow"]
        );
        let [disk, bare] = &alerts[..] else { panic!("{alerts:?}") };
        assert_eq!((disk.is_firing, disk.fingerprint.as_str()), (true, "9d1c0b8e5a6f7e21"));
        assert_eq!((bare.is_firing, bare.fingerprint.as_str()), (false, ""));
    }

    #[test]
    fn what_could_be_no_fingerprint_is_none_and_what_is_said_is_short() {
        let of = |fingerprint: &str, summary: &str| {
            let body = serde_json::json!({ "alerts": [{
                "status": "firing", "fingerprint": fingerprint, "annotations": { "summary": summary }
            }] });
            alerts(body.to_string().as_bytes()).unwrap().remove(0)
        };
        assert_eq!(of("a b", "").fingerprint, "");
        assert_eq!(of(&"a".repeat(65), "").fingerprint, "");
        assert!(of("a", &"long ".repeat(10_000)).text.len() < 400);
        assert!(!of("a", "\u{1b}[2J\u{202e}").text.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn our_own_alerts_do_not_come_back_as_news() {
        let own = r#"{"status":"firing","labels":{"alertname":"PortcullisIncident"}}"#;
        assert_eq!(posted(own), []);
        let rule = r#"{"status":"firing","labels":{"alertname":"PortcullisRefusesALot"}}"#;
        assert_eq!(posted(rule).len(), 1, "a rule over our metrics is somebody else's");
        assert_eq!(posted(""), []);
        for bad in ["{}", "[]", "", r#"{"alerts":[{"labels":{}}]}"#, r#"{"alerts":[{"status":1}]}"#] {
            assert!(alerts(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
