//! What the pages are made of.

use incident::{Inside, Maintenance, PublicId, Status, View};
use model::{Level, Mode, Timestamp};

/// All that is known at a moment.
#[derive(Clone, Debug)]
pub struct Known {
    /// When it was so.
    pub now: Timestamp,
    /// The site that the gate protects, as its configuration names it.
    pub site: String,
    /// What the gate does.
    pub level: Level,
    /// The same in plain words.
    pub meaning: &'static str,
    /// Whether it acts.
    pub mode: Mode,
    /// Everything is forwarded, nothing is protected.
    pub is_bypassed: bool,
    /// What is said of a proxy before the gate that nobody has named.
    pub undeclared_front: Option<String>,
    /// Newest first, also those that the public is not told of.
    pub incidents: Vec<Inside>,
    /// As the configuration has them.
    pub components: Vec<Component>,
    /// Newest first.
    pub works: Vec<Work>,
    /// What somebody has seen who opens an incident, and who announces work.
    pub counts: [u64; 2],
    /// The status page; without one nothing is published anywhere.
    pub page: Option<status::Page>,
    /// What the public reads.
    pub view: View,
}

/// A component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Component {
    /// With its groups before it.
    pub name: String,
    /// How it does for the public.
    pub status: Status,
    /// A person says so.
    pub is_said: bool,
    /// Its revision.
    pub revision: u64,
}

/// Announced work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Work {
    /// As the public reads it.
    pub shown: Maintenance,
    /// Its revision.
    pub revision: u64,
}

impl Known {
    /// The incident of that identity.
    pub fn incident(&self, id: PublicId) -> Option<&Inside> {
        self.incidents.iter().find(|incident| incident.id == id)
    }

    /// Those whose first notice waits to be published.
    pub fn waiting(&self) -> impl Iterator<Item = &Inside> {
        self.incidents.iter().filter(|incident| incident.waits.is_some())
    }
}
