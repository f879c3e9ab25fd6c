//! `[[signal]]`.

use crate::entry::{required, settings};
use crate::kinds::{FULL_NAME, SIGNAL_LABEL, SIGNAL_STATUS, SignalLabel, list};

settings! {
    /// What is believed of an alert that another system posts to the console (`/api/v1/alerts`): as long as it fires, a component of
    /// `[status]` does not do well, which opens an incident or joins the one that goes on. Without these tables alerts are only noted.
    pub struct Signal {
        /// Labels that the alert has with these values, beside others: "NAME=VALUE". All of them must be there.
        labels: Vec<SignalLabel> = required("alertname=ShopDown", list(SIGNAL_LABEL, 16));
        /// The component, with its groups before it: "Shop / Checkout / Website".
        component: String = required("Shop / Checkout / Website", FULL_NAME);
        /// How it does as long as the alert fires: "degraded-performance", "partial-outage" or "major-outage".
        status: SignalStatus = required("partial-outage", SIGNAL_STATUS);
    }
}

/// How a component does as long as an alert fires.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignalStatus {
    /// Everybody is served, some wait.
    Degraded,
    /// Some are not served.
    Partial,
    /// Hardly anybody is served.
    Major,
}
