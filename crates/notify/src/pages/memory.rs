//! What is remembered of a page elsewhere over a restart.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use incident::{PublicId, Status};
use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::wanted::{Wanted, WantedIncident, WantedUpdate};

/// What was written there, and what people did to it. Bounded by what our own page shows.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub(super) struct Memory {
    /// What was over before is not brought there.
    pub(super) begun: Timestamp,
    /// Reports that were published before are not brought there.
    #[serde(default)]
    pub(super) reports_begun: Timestamp,
    pub(super) incidents: BTreeMap<PublicId, Kept>,
    pub(super) works: BTreeMap<PublicId, KeptWork>,
    /// By their ids there.
    pub(super) components: BTreeMap<String, KeptComponent>,
}

/// One incident there.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub(super) struct Kept {
    /// Its id there, once it is known.
    pub(super) there: Option<String>,
    /// Its name as we wrote it; `None`: a person changed it, which was said.
    pub(super) title: Option<Text>,
    /// What needs not be written any more.
    pub(super) done: Vec<Done>,
    /// All that was said until then needs not be written either.
    pub(super) until: Timestamp,
    pub(super) stance: Stance,
    #[serde(default)]
    pub(super) report: KeptReport,
}

/// The report of an incident there.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub(super) struct KeptReport {
    /// What is surely there from us.
    pub(super) done: Option<Text>,
    /// What was sent and may be there, the newest last.
    pub(super) sent: Vec<Text>,
    /// A person wrote one there: ours is not brought.
    pub(super) is_left: bool,
    /// What was refused for good; another text may not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Text>,
}

/// An update that needs not be written any more.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub(super) struct Done {
    pub(super) update: PublicId,
    /// Its id there; `None`: it is not there, or a person took it away.
    pub(super) there: Option<String>,
    /// Its text as it was taken; `None`: a person changed it, which was said.
    pub(super) text: Option<Text>,
}

/// Whose an incident there is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub(super) enum Stance {
    /// We go on with it.
    #[default]
    Ours,
    /// A person called it over. Only when all was well here meanwhile, and is bad again, is it opened again.
    Closed {
        /// All was well here meanwhile.
        was_well: bool,
    },
    /// A person called it over, all was well here meanwhile, and what opens it again is to be written.
    Reopens,
    /// A person deleted it, or it was never to be written: it is not made again.
    Left,
}

/// Announced work there.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub(super) struct KeptWork {
    pub(super) there: Option<String>,
    /// Nothing more is to be written of it.
    pub(super) is_over: bool,
}

/// A component there.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub(super) struct KeptComponent {
    /// How it does, as was last surely there from us.
    pub(super) written: Status,
    /// What was sent and may have arrived.
    pub(super) tried: Vec<Status>,
    /// A person says how it does, which was said.
    pub(super) is_held: bool,
    /// There is none of this id, which was said.
    pub(super) is_missing: bool,
}

/// Enough of a text to see whether somebody changed it. Spaces at line ends and at the end do not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub(super) struct Text(u64);

impl Text {
    pub(super) fn of(text: &str) -> Self {
        let hash = digest(&SHA256, plain(text).as_bytes());
        Self(hash.as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
    }
}

/// Whether two texts are the same but for spaces at line ends.
pub(super) fn same(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

fn plain(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

impl Kept {
    pub(super) fn is_done(&self, update: &WantedUpdate) -> bool {
        update.at <= self.until || self.done.iter().any(|done| done.update == update.id)
    }

    pub(super) fn has(&self, there: &str) -> bool {
        self.done.iter().any(|done| done.there.as_deref() == Some(there))
    }

    pub(super) fn finish(&mut self, update: PublicId, there: Option<String>, text: Option<&str>) {
        if !self.done.iter().any(|done| done.update == update) {
            self.done.push(Done { update, there, text: text.map(Text::of) });
        }
    }

    /// Everything that is wanted now needs not be written.
    pub(super) fn skip(&mut self, wanted: &WantedIncident) {
        for update in wanted.updates.iter().filter(|update| !self.is_done(update)).collect::<Vec<_>>() {
            self.finish(update.id, None, None);
        }
    }

    /// What is still to be written, oldest first.
    pub(super) fn pending<'a>(&self, wanted: &'a WantedIncident) -> Vec<&'a WantedUpdate> {
        if self.stance == Stance::Left {
            return Vec::new();
        }
        wanted.updates.iter().filter(|update| !self.is_done(update)).collect()
    }
}

impl KeptReport {
    /// Whether a text is still to be brought.
    pub(super) fn is_due(&self, text: &str) -> bool {
        let text = Some(Text::of(text));
        !self.is_left && self.done != text && self.refused != text
    }

    /// Notes that a text is sent.
    pub(super) fn send(&mut self, text: Text) {
        self.sent.retain(|known| *known != text);
        self.sent.push(text);
        let excess = self.sent.len().saturating_sub(SENT_MAX);
        self.sent.drain(..excess);
    }
}

/// Texts of one report that are known for ours.
const SENT_MAX: usize = 4;

impl Memory {
    /// Whether this is to be brought there at all.
    pub(super) fn concerns(&self, wanted: &WantedIncident) -> bool {
        self.incidents.contains_key(&wanted.id) || wanted.is_open || wanted.last_at() >= self.begun
    }

    /// Whether an id there belongs to something of ours.
    pub(super) fn claims(&self, there: &str) -> bool {
        let of_incidents = self.incidents.values().filter_map(|kept| kept.there.as_deref());
        let of_works = self.works.values().filter_map(|kept| kept.there.as_deref());
        of_incidents.chain(of_works).any(|known| known == there)
    }

    /// Forgets what our page does not show any more, and the details of what has been over for a day.
    pub(super) fn tidy(&mut self, wanted: &Wanted, now: Timestamp) {
        self.incidents.retain(|id, _| wanted.incident(*id).is_some());
        self.works.retain(|id, _| wanted.work(*id).is_some());
        for (id, kept) in &mut self.incidents {
            let Some(wanted) = wanted.incident(*id) else { continue };
            let is_old = !wanted.is_open && now.since(wanted.last_at()) >= super::keeper::OLD_AFTER;
            if is_old && kept.pending(wanted).is_empty() {
                kept.until = kept.until.max(wanted.last_at());
                kept.done.clear();
            }
        }
    }
}
