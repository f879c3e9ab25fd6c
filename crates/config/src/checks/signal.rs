//! What is believed of alerts of other systems.

use super::Desk;
use crate::settings::{Config, StatusComponent};

pub(super) fn check(config: &Config, desk: &mut Desk<'_>) {
    let Some(status) = &config.status else {
        if !config.signal.is_empty() {
            let cure = "write [status] with the components that alerts speak of";
            desk.error("signal", "there is no [status], whose components these alerts would speak of", cure);
        }
        return;
    };
    let known: Vec<_> = status.components().iter().map(StatusComponent::full_name).collect();
    for (index, signal) in config.signal.iter().enumerate() {
        let place = format!("signal.{index}");
        if signal.labels.is_empty() {
            let cure = "write one at least, such as \"alertname=PaymentsDown\"";
            desk.error(&format!("{place}.labels"), "without labels every alert would be meant", cure);
        }
        if !known.contains(&signal.component) {
            let what = format!("[status] has no component `{}`", signal.component);
            let names: Vec<_> = known.iter().map(|name| format!("\"{name}\"")).collect();
            desk.error(&format!("{place}.component"), what, format!("write one of {}", names.join(", ")));
        }
    }
}
