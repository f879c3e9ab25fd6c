//! What may be published: everything that the files of a status page are made of.
//!
//! A view depends on states, texts and times of their changes, never on what the gate does against an attack, so that the page tells an
//! attacker nothing (the status page's contract, section 0). Lists are bounded by named limits.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chart::Chart;
use crate::outside::Spell;
use crate::served::Served;
use crate::words::{Audience, Impact, PublicId, Service, Stage, Status};

/// All that is public at a moment.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct View {
    /// In the order in which they are shown; a group comes before what is in it.
    pub components: Vec<Component>,
    /// Newest first; open ones among them.
    pub incidents: Vec<Incident>,
    /// Newest first.
    pub maintenances: Vec<Maintenance>,
    /// Times in which nobody outside could reach the site and the public was told so, oldest first; also by an outpost alone, where
    /// the gate knows better: then no incident has its name.
    pub outside: Vec<Spell>,
    /// For how much of their time people were served lately; `None`: the public is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Served>,
    /// From how many places probes try the site at the moment; 0: there are none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub places: u8,
    /// When anything of this last changed, figures left out.
    pub updated_at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_none(places: &u8) -> bool {
    *places == 0
}

/// Something that people use, or a group of such.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Component {
    /// Stays the same as long as the name and its groups do.
    pub id: PublicId,
    /// As the configuration has it.
    pub name: String,
    /// As the configuration has it; may be empty.
    pub description: String,
    /// The group that it is in, as a place in [`View::components`].
    pub group: Option<usize>,
    /// Whether it is a group.
    pub is_group: bool,
    /// Whether what is seen decides how it does, and not people alone.
    pub is_watched: bool,
    /// How it does; of a group the worst of what is in it.
    pub status: Status,
    /// Since when it is watched; before that nothing is known of it.
    pub since: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
    /// When it was not operational, oldest first, for 90 days.
    pub troubles: Vec<Trouble>,
}

/// A time in which a component did not do well.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Trouble {
    /// How it did.
    pub status: Status,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None`: it goes on.
    pub until: Option<Timestamp>,
}

/// One incident.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Incident {
    /// Never changes.
    pub id: PublicId,
    /// One line.
    pub title: String,
    /// How far it is.
    pub stage: Stage,
    /// The worst that it did.
    pub impact: Impact,
    /// When it began, as far as is known.
    pub started_at: Timestamp,
    /// When the first notice was published.
    pub published_at: Timestamp,
    /// When it reached these stages last.
    pub identified_at: Option<Timestamp>,
    /// When it was said that everybody is served again.
    pub monitoring_at: Option<Timestamp>,
    /// When everybody was served again; `None` while it goes on, and where nobody saw that.
    #[serde(default)]
    pub served_again_at: Option<Timestamp>,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// When it was opened again after it had been called resolved, oldest first.
    pub reopened: Vec<Timestamp>,
    /// Newest first, at least one.
    pub updates: Vec<Update>,
    /// Places in [`View::components`] that it concerns.
    pub components: Vec<usize>,
    /// How each audience does now; empty once it is over.
    pub audiences: Vec<(Audience, Service)>,
    /// When there will be news at the latest, while it is open.
    pub next_update_by: Option<Timestamp>,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// The published report, in paragraphs as in [`Update::body`]; empty without one.
    pub postmortem: String,
    /// For how much of their time people were served while it went on; `None`: the public is not told, or it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Served>,
    /// How it went, for the newest incidents; empty before half an hour after it was over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
}

/// One thing that was said about an incident.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Update {
    /// Never changes.
    pub id: PublicId,
    /// The stage that it says.
    pub stage: Stage,
    /// The stage is that of the update before: it is only news ("Update").
    pub is_same_stage: bool,
    /// Plain text; an empty line is between two paragraphs.
    pub body: String,
    /// When it was said.
    pub at: Timestamp,
    /// Components whose status it changed: place, before, after.
    pub affected: Vec<(usize, Status, Status)>,
    /// A person wrote it.
    pub is_by_person: bool,
}

/// Work that was announced.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Maintenance {
    /// Never changes.
    pub id: PublicId,
    /// One line.
    pub title: String,
    /// Plain text as in [`Update::body`].
    pub body: String,
    /// When it was announced.
    pub created_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
    /// When it is to begin.
    pub from: Timestamp,
    /// When it is to end.
    pub until: Timestamp,
    /// How far it is.
    pub progress: Progress,
    /// Places in [`View::components`].
    pub components: Vec<usize>,
}

/// How far announced work is. The names in JSON are those of Statuspage.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Progress {
    /// Not begun.
    Scheduled,
    /// Going on.
    InProgress,
    /// Done, and it is watched whether all is well.
    Verifying,
    /// Over.
    Completed,
}

impl Progress {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "in_progress",
            Self::Verifying => "verifying",
            Self::Completed => "completed",
        }
    }
}
