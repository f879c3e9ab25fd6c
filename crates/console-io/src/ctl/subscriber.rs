//! What an admin can ask about subscribers of the status page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One request about subscribers of the status page.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SubscriberCommand {
    /// Shows how many there are, how mail to them is going, and a page of them, by id.
    List {
        /// The last id of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// How many, 1 to 100.
        #[serde(default = "page_subscribers")]
        limit: u32,
        /// With whole addresses; without, they are masked.
        #[serde(default)]
        addresses: bool,
    },
    /// Asks an address to confirm, or makes it a subscriber at once.
    Add {
        /// Where mail goes.
        address: String,
        /// Names of components and groups, with their groups before them; without any, all.
        #[serde(default)]
        components: Vec<String>,
        /// Its owner has agreed elsewhere, and that can be proved: nobody is asked.
        #[serde(default)]
        consented: bool,
    },
    /// Erases a subscriber.
    Remove {
        /// The address, or the id that the list shows.
        subscriber: String,
    },
}

impl SubscriberCommand {
    /// What the journal keeps about it: nothing if it only shows something, and never whose address it was. That whole addresses were shown
    /// is kept.
    pub(crate) fn act(&self) -> Option<String> {
        match self {
            Self::List { addresses: false, .. } => None,
            Self::List { addresses: true, .. } => Some("subscriber list with addresses".to_owned()),
            Self::Add { consented: false, .. } => {
                Some("subscriber add of one address, to confirm".to_owned())
            }
            Self::Add { consented: true, .. } => Some("subscriber add of one address, consented".to_owned()),
            Self::Remove { .. } => Some("subscriber remove of one".to_owned()),
        }
    }
}

const fn page_subscribers() -> u32 {
    50
}
