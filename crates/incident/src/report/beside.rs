//! What the journal has beside the record of incidents: what admins did, and who was alerted when.

use std::time::Duration;

use model::Timestamp;

use crate::case::Case;
use crate::words::PublicId;

/// What the journal has beside the record, of the time of the incidents that a report is about. Without it a draft rests on the record
/// alone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Beside {
    /// What admins did, in any order.
    pub deeds: Vec<Deed>,
    /// Tries to alert somebody, in any order.
    pub calls: Vec<Call>,
}

/// Something that an admin did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deed {
    /// Its number in the journal.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// The command, as the journal keeps it: as it was done, or [`Deed::failed`].
    pub text: String,
}

/// A try to alert somebody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// Its number in the journal.
    pub id: u64,
    /// When the answer came.
    pub at: Timestamp,
    /// Whom, as the configuration calls it.
    pub receiver: String,
    /// The message's: the public id that the incident had then, the entry of the record that it follows from, and perhaps more, with a
    /// full stop before each.
    pub key: String,
    /// It was taken.
    pub has_arrived: bool,
}

impl Beside {
    /// So long before an incident began changes are told of (status-contracts, section 7).
    pub const LEAD_UP: Duration = Duration::from_hours(24 * 7);
    /// Who is alerted later than so long after an incident began is not told of: messages are given up after a day.
    pub const CALLED_WITHIN: Duration = Duration::from_hours(24 * 2);

    /// The first alert about an incident that arrived; if none did, the first that was tried.
    pub(super) fn first_call(&self, case: &Case) -> Option<&Call> {
        let calls = self.calls.iter().filter(|call| call.is_about(case));
        calls.min_by_key(|call| (!call.has_arrived, call.at, call.id))
    }

    /// What admins changed about the gate from one moment on and before another, oldest first.
    pub(super) fn changes(&self, from: Timestamp, until: Timestamp) -> Vec<(&Deed, String)> {
        let deeds = self.deeds.iter().filter(|deed| from <= deed.at && deed.at < until);
        let mut changes: Vec<_> = deeds.filter_map(|deed| Some((deed, deed.change()?))).collect();
        changes.sort_by_key(|(deed, _)| (deed.at, deed.id));
        changes
    }
}

impl Deed {
    /// How the journal keeps a command that was not done.
    pub fn failed(command: &str) -> String {
        format!("failed: {command}")
    }

    /// In words for colleagues; `None`: it changed nothing about what the gate does. A report says what was done, not who did it, and
    /// holds no address.
    fn change(&self) -> Option<String> {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        match words.as_slice() {
            [list @ ("allow" | "deny"), _network, rest @ ..] => {
                Some(format!("an admin: `{}`", [&[*list, "NETWORK"], rest].concat().join(" ")))
            }
            ["mode" | "level" | "bypass" | "enforce", ..]
            | ["clients", "import", ..]
            | ["rules", "drop", ..] => Some(format!("an admin: `{}`", words.join(" "))),
            _ => None,
        }
    }

    /// What a sentence rests on.
    pub(super) fn evidence(&self) -> String {
        format!("act {}", self.id)
    }
}

impl Call {
    /// What a sentence rests on.
    pub(super) fn evidence(&self) -> String {
        format!("alert {}", self.id)
    }

    /// An incident that an outpost has told of takes its identity from there: then the entry tells.
    fn is_about(&self, case: &Case) -> bool {
        let mut parts = self.key.split('.');
        let Some(id) = parts.next().and_then(|id| id.parse::<PublicId>().ok()) else { return false };
        let entry = parts.next().and_then(|entry| entry.parse::<u64>().ok());
        let has = |entry| case.opened.0 == entry || case.notes.iter().any(|note| note.seq == entry);
        id == case.id || entry.is_some_and(has)
    }
}
