//! What an admin can ask about incidents and the status page.

use incident::{PublicId, Stage, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire;

/// One request about incidents and the status page.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PageCommand {
    /// Shows incidents, newest first, also those that the public is not told of.
    Incidents,
    /// Shows all about one: what happened, and what was said.
    Incident {
        /// Which; the newest without it.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::id_schema")]
        id: Option<PublicId>,
    },
    /// Tells the public of something that the gate does not see.
    Open {
        /// One line.
        title: String,
        /// How far it is.
        #[serde(with = "wire::text")]
        #[schemars(schema_with = "wire::stage_schema")]
        stage: Stage,
        /// Plain text; an empty line is between two paragraphs.
        text: String,
        /// Components that do not do well until it is resolved.
        #[serde(default)]
        components: Vec<ComponentStatus>,
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Says something about an incident.
    Update {
        /// Which; the newest that goes on without it.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::id_schema")]
        id: Option<PublicId>,
        /// How far it is; as before without it.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::stage_schema")]
        stage: Option<Stage>,
        /// Plain text; an empty line is between two paragraphs.
        text: String,
        /// Why it is called resolved although the gate sees that it goes on; the page shows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Publishes the notice that waits, now.
    Publish {
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Does not publish the notice that waits, nor another about the same.
    Hold {
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Sees to an incident: nobody is called about it until it gets worse than it was, or is over and back.
    Acknowledge {
        /// Which; the newest that goes on without it.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::id_schema")]
        id: Option<PublicId>,
    },
    /// Writes something down about an incident that the public does not read.
    Note {
        /// Which; the newest that goes on without it.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::id_schema")]
        id: Option<PublicId>,
        /// Plain text.
        text: String,
    },
    /// Shows who is alerted, and what became of it.
    Alerts,
    /// Tells everybody who is alerted of an incident that is none, and of its end.
    TestAlerts,
    /// Shows pages elsewhere, and what became of writing there.
    Elsewhere,
    /// Drafts the report about one incident or several, as Markdown or as a page with charts; nothing is published.
    Draft {
        /// Which, at most 20; the newest without any.
        #[serde(default, with = "wire::texts")]
        #[schemars(schema_with = "wire::ids_schema")]
        ids: Vec<PublicId>,
        /// For the public: without what the gate did and thought.
        #[serde(default)]
        public: bool,
        /// As one HTML file, with a chart of how each audience fared.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        html: bool,
    },
    /// Keeps what people have written of the report about an incident; nothing is published.
    KeepDraft {
        /// Which.
        #[serde(with = "wire::text")]
        #[schemars(schema_with = "wire::id_schema")]
        id: PublicId,
        /// As much of Markdown as drafts are made of.
        text: String,
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Publishes the report about an incident that is over; no TODO and no open box may be left in it.
    Report {
        /// Which.
        #[serde(with = "wire::text")]
        #[schemars(schema_with = "wire::id_schema")]
        id: PublicId,
        /// As much of Markdown as drafts are made of; an empty line is between two paragraphs.
        text: String,
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Shows the components of the status page.
    Components,
    /// Says how a component does, whatever the gate sees, or leaves it to the gate again.
    Component {
        /// Its name, with its groups before it: `Group / Name`.
        name: String,
        /// How; without it the gate says.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::status_schema")]
        status: Option<Status>,
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Announces work.
    Announce {
        /// One line.
        title: String,
        /// Plain text; an empty line is between two paragraphs.
        text: String,
        /// When it begins, in seconds since 1970-01-01 UTC.
        from: u64,
        /// When it ends, in seconds since 1970-01-01 UTC.
        until: u64,
        /// Names of components, with their groups before them.
        #[serde(default)]
        components: Vec<String>,
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
    /// Announced work is over, or does not take place.
    Finish {
        /// Which.
        #[serde(with = "wire::text")]
        #[schemars(schema_with = "wire::id_schema")]
        id: PublicId,
        /// What it rests on, as `revision` said it; it is refused if that has changed meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<u64>,
    },
}

/// How a component does.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentStatus {
    /// Its name, with its groups before it: `Group / Name`.
    pub name: String,
    /// How.
    #[serde(with = "wire::text")]
    #[schemars(schema_with = "wire::status_schema")]
    pub status: Status,
}

impl PageCommand {
    /// What the journal keeps about it: nothing if it only shows something. What was said is in the record of incidents.
    pub(crate) fn act(&self) -> Option<String> {
        match self {
            Self::Incidents
            | Self::Incident { .. }
            | Self::Components
            | Self::Alerts
            | Self::Elsewhere
            | Self::Draft { .. } => None,
            Self::TestAlerts => Some("alerts test".to_owned()),
            Self::Open { stage, .. } => Some(format!("incident open, {stage}")),
            Self::Update { id, stage, .. } => {
                let id = id.map_or_else(|| "the newest".to_owned(), |id| id.to_string());
                let stage = stage.map(|stage| format!(", {stage}")).unwrap_or_default();
                Some(format!("incident update {id}{stage}"))
            }
            Self::Publish { .. } => Some("incident publish".to_owned()),
            Self::Hold { .. } => Some("incident hold".to_owned()),
            Self::Note { id, .. } => {
                let id = id.map_or_else(|| "the newest".to_owned(), |id| id.to_string());
                Some(format!("incident note {id}"))
            }
            Self::Acknowledge { id } => {
                let id = id.map_or_else(|| "the newest".to_owned(), |id| id.to_string());
                Some(format!("incident acknowledge {id}"))
            }
            Self::KeepDraft { id, .. } => Some(format!("incident keep {id}")),
            Self::Report { id, .. } => Some(format!("incident report {id}")),
            // A name is of the configuration, or is refused.
            Self::Component { status: Some(status), .. } => Some(format!("component set to {status}")),
            Self::Component { status: None, .. } => Some("component left to the gate".to_owned()),
            Self::Announce { from, until, .. } => Some(format!("maintenance from {from} to {until}")),
            Self::Finish { id, .. } => Some(format!("maintenance finish {id}")),
        }
    }
}
