//! Objects of the API, their fields in its order.

use incident::{Audience, Service};
use serde::Serialize;

/// An answer; what it does not have is left out, never null.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    pub(super) page: PageOf<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) components: Option<Vec<ComponentOf<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) incidents: Option<Vec<IncidentOf<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduled_maintenances: Option<Vec<IncidentOf<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<StatusOf>,
}

#[derive(Serialize)]
pub(super) struct PageOf<'a> {
    pub(super) id: String,
    pub(super) name: &'a str,
    pub(super) url: &'a str,
    pub(super) time_zone: &'static str,
    pub(super) updated_at: String,
}

#[derive(Serialize)]
pub(super) struct StatusOf {
    pub(super) indicator: &'static str,
    pub(super) description: &'static str,
}

#[derive(Serialize)]
pub(super) struct ComponentOf<'a> {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) position: usize,
    pub(super) description: Option<&'a str>,
    pub(super) showcase: bool,
    pub(super) start_date: Option<String>,
    pub(super) group_id: Option<String>,
    pub(super) page_id: String,
    pub(super) group: bool,
    pub(super) only_show_if_degraded: bool,
    /// Only groups have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) components: Option<Vec<String>>,
}

/// An incident, or announced work, which has two times more.
#[derive(Serialize)]
pub(super) struct IncidentOf<'a> {
    pub(super) id: String,
    pub(super) name: &'a str,
    pub(super) status: &'static str,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) monitoring_at: Option<String>,
    pub(super) resolved_at: Option<String>,
    pub(super) impact: &'static str,
    pub(super) shortlink: String,
    pub(super) started_at: String,
    pub(super) page_id: String,
    pub(super) reminder_intervals: Option<String>,
    pub(super) incident_updates: Vec<UpdateOf<'a>>,
    pub(super) components: Vec<ComponentOf<'a>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) times: Option<MaintenanceTimes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) portcullis: Option<OursOf<'a>>,
}

#[derive(Serialize)]
pub(super) struct MaintenanceTimes {
    pub(super) scheduled_for: String,
    pub(super) scheduled_until: String,
}

#[derive(Serialize)]
pub(super) struct UpdateOf<'a> {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) body: &'a str,
    pub(super) incident_id: String,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) display_at: String,
    pub(super) affected_components: Vec<AffectedComponent>,
    pub(super) deliver_notifications: bool,
    pub(super) custom_tweet: Option<String>,
    pub(super) tweet_id: Option<String>,
}

#[derive(Serialize)]
pub(super) struct AffectedComponent {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) old_status: &'static str,
    pub(super) new_status: &'static str,
}

/// What we know of an incident and the API has no place for.
#[derive(Serialize)]
pub(super) struct OursOf<'a> {
    pub(super) audiences: Vec<AudienceOf<'a>>,
    pub(super) identified_at: Option<String>,
    pub(super) next_update_by: Option<String>,
    pub(super) reopened_at: Vec<String>,
    pub(super) postmortem: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct AudienceOf<'a> {
    pub(super) audience: &'a Audience,
    pub(super) service: &'a Service,
}
