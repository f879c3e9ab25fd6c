//! The record: entries that are only ever added, each chained to the one before by its hash.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use model::{Level, Timestamp};
use serde::{Deserialize, Serialize};

use crate::load::Tally;
use crate::served::Measured;
use crate::sight::{Cause, Services};
use crate::words::{Stage, Status};

/// One entry with its place in the record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Counts up by one, from 1.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub entry: Entry,
    /// The entry as it is kept: JSON, at most [`Record::BYTES_MAX`] bytes.
    pub bytes: Box<[u8]>,
    /// SHA-256 over the hash before and the bytes.
    pub hash: [u8; 32],
}

impl Record {
    /// The longest entry: a report of 24 KiB whose characters are all escaped, and what is around it.
    pub const BYTES_MAX: usize = 64 * 1024;

    /// The next entry after the one with this hash.
    pub(crate) fn after(last: &Chain, at: Timestamp, entry: Entry) -> Self {
        let seq = last.seq + 1;
        let kept = Kept { seq, at: at.as_millis(), prev: HEXLOWER.encode(&last.hash), entry };
        // Strings, numbers and lists of them always have a form in JSON.
        let bytes = serde_json::to_vec(&kept).unwrap_or_default().into_boxed_slice();
        let hash = chained(&last.hash, &bytes);
        Self { seq, at, entry: kept.entry, bytes, hash }
    }

    /// Reads an entry that was kept. Its place is checked by [`crate::Engine::restore`].
    ///
    /// # Errors
    ///
    /// If the bytes are no entry of this version.
    pub fn read(bytes: &[u8], hash: [u8; 32]) -> Result<(Self, [u8; 32]), RecordError> {
        let kept: Kept = serde_json::from_slice(bytes).map_err(|_| RecordError::Unreadable)?;
        let prev = HEXLOWER.decode(kept.prev.as_bytes()).ok().and_then(|prev| prev.try_into().ok());
        let prev: [u8; 32] = prev.ok_or(RecordError::Unreadable)?;
        if chained(&prev, bytes) != hash {
            return Err(RecordError::Changed(kept.seq));
        }
        let at = Timestamp::from_millis(kept.at);
        Ok((Self { seq: kept.seq, at, entry: kept.entry, bytes: bytes.into(), hash }, prev))
    }
}

/// The end of the record so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Chain {
    /// Of the last entry; 0 before the first.
    pub(crate) seq: u64,
    /// Of the last entry; zeros before the first.
    pub(crate) hash: [u8; 32],
}

impl Chain {
    /// Takes the next entry of a record that was kept. The first that is given may have others before it that are gone.
    ///
    /// # Errors
    ///
    /// If it is not the one that follows.
    pub(crate) fn follow(&mut self, record: &Record, prev: [u8; 32]) -> Result<(), RecordError> {
        let is_first = self.seq == 0;
        if !is_first && (record.seq != self.seq + 1 || prev != self.hash) {
            return Err(RecordError::Missing { after: self.seq, found: record.seq });
        }
        (self.seq, self.hash) = (record.seq, record.hash);
        Ok(())
    }
}

/// Why a kept record is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// The bytes are no entry.
    #[error(
        "an entry of the record of incidents cannot be read: it was written by another version, or the disk is faulty"
    )]
    Unreadable,
    /// The bytes are not those that were hashed.
    #[error("entry {0} of the record of incidents was changed after it was written")]
    Changed(u64),
    /// Entries are missing in between.
    #[error(
        "the record of incidents goes from entry {after} to entry {found}: what was between them is missing"
    )]
    Missing {
        /// The last that was there.
        after: u64,
        /// The next that was found.
        found: u64,
    },
}

/// What is written down.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Entry {
    /// Something is wrong.
    Opened {
        /// Counts up from 1.
        incident: u32,
        /// One line.
        title: String,
        /// When it began, in milliseconds since the epoch.
        since: u64,
        /// `None`: it is not known.
        cause: Option<Cause>,
        /// Who opened it; `None`: the gate.
        by: Option<String>,
        /// The gate opened it because of an alert of another system.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_alert: bool,
    },
    /// What is thought to be behind it, in place of what was thought before.
    Explained {
        /// Which.
        incident: u32,
        /// What.
        cause: Cause,
    },
    /// How everybody fares from now on.
    Fared {
        /// Which.
        incident: u32,
        /// How.
        services: Services,
    },
    /// What the gate does from now on.
    Level {
        /// Which.
        incident: u32,
        /// What it did before.
        before: LevelName,
        /// What it does.
        after: LevelName,
    },
    /// Words will be published unless a person says no, or wait for one who says yes.
    Planned {
        /// Which.
        incident: u32,
        /// In milliseconds since the epoch; `None`: not before a person publishes them.
        due: Option<u64>,
        /// The stage that begins with them.
        #[serde(default = "first_stage", skip_serializing_if = "is_first_stage")]
        stage: Stage,
    },
    /// The planned notice is not published.
    Withdrawn {
        /// Which.
        incident: u32,
        /// Who said no; `None`: it was over before it was due.
        by: Option<String>,
    },
    /// Something was said to the public.
    Published {
        /// Which.
        incident: u32,
        /// The stage that it says.
        stage: Stage,
        /// Plain text.
        body: String,
        /// Who wrote it; `None`: the gate.
        by: Option<String>,
        /// Why a person called it over although the gate does not see that; it is shown.
        reason: Option<String>,
        /// When people began to notice, if that is known better now, in milliseconds since the epoch.
        since: Option<u64>,
        /// The next words are due then, in milliseconds since the epoch.
        next: Option<u64>,
        /// How everybody fares, as the public is told.
        services: Services,
    },
    /// A component is watched. Written down again now and then, because entries grow old and leave.
    Watched {
        /// Its full name.
        component: String,
        /// Since when, in milliseconds since the epoch.
        since: u64,
        /// What a person says of it.
        overridden: Option<Status>,
    },
    /// A component has another status from then on.
    Component {
        /// The incident that did it.
        incident: Option<u32>,
        /// Its full name.
        component: String,
        /// How it does.
        status: Status,
        /// In milliseconds since the epoch; it may lie before the entry.
        from: u64,
    },
    /// A person says how a component does, or leaves it to the gate again.
    Overridden {
        /// Its full name.
        component: String,
        /// `None`: the gate says.
        status: Option<Status>,
        /// Who.
        by: String,
    },
    /// A person sees to it.
    Acknowledged {
        /// Which.
        incident: u32,
        /// Who.
        by: String,
    },
    /// A person, or a program that watches something else, knows something about it. The public does not read it.
    Noted {
        /// Which.
        incident: u32,
        /// Plain text.
        text: String,
        /// Who.
        by: String,
    },
    /// An alert of another system says how a component does. The public does not read its words.
    Signalled {
        /// Which.
        incident: u32,
        /// What the other system knows it by.
        alert: String,
        /// Full name.
        component: String,
        /// How it does; `None`: the alert is over, and counts for a minute more.
        status: Option<Status>,
        /// What the alert says, one line of plain text; empty when it is over.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// The report about it as people have it so far. The public does not read it.
    Drafted {
        /// Which.
        incident: u32,
        /// Markdown, as the draft of the record is.
        text: String,
        /// Who.
        by: String,
    },
    /// From elsewhere nobody reached the site. Written when that begins and when it is over, or once by who hears of it later.
    Outside {
        /// Which.
        incident: u32,
        /// In milliseconds since the epoch.
        from: u64,
        /// In milliseconds since the epoch; `None`: it goes on.
        until: Option<u64>,
        /// The identity under which an outpost has told the public of it.
        id: Option<String>,
        /// Customers were served meanwhile: the outpost was cut off itself, or refused, and the public is not told.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_doubted: bool,
    },
    /// For how much of their time people were served, once it has been over for a while.
    Measured {
        /// Which.
        incident: u32,
        /// From its beginning to its end, as far as it was measured.
        measured: Measured,
    },
    /// What came to the gate and what it did about it, about once a minute while an incident goes on that it saw itself, and at its
    /// end. The public reads of it from half an hour after it was over on.
    Counted {
        /// Which.
        incident: u32,
        /// What was counted since the entry before.
        tally: Tally,
    },
    /// The gate no longer sees anything wrong with what was never published.
    Ended {
        /// Which.
        incident: u32,
    },
    /// Work is announced, or what was announced is changed.
    Maintenance {
        /// Counts up from 1.
        number: u32,
        /// One line.
        title: String,
        /// Plain text.
        body: String,
        /// In milliseconds since the epoch.
        from: u64,
        /// In milliseconds since the epoch.
        until: u64,
        /// Full names.
        components: Vec<String>,
        /// It will not take place, or has ended early.
        is_over: bool,
        /// Who.
        by: String,
    },
}

/// What a record of before says a notice begins.
const fn first_stage() -> Stage {
    Stage::Investigating
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_first_stage(stage: &Stage) -> bool {
    *stage == first_stage()
}

impl Entry {
    /// The incident that it belongs to.
    pub(crate) const fn incident(&self) -> Option<u32> {
        match self {
            Self::Opened { incident, .. }
            | Self::Explained { incident, .. }
            | Self::Fared { incident, .. }
            | Self::Level { incident, .. }
            | Self::Planned { incident, .. }
            | Self::Withdrawn { incident, .. }
            | Self::Published { incident, .. }
            | Self::Acknowledged { incident, .. }
            | Self::Noted { incident, .. }
            | Self::Signalled { incident, .. }
            | Self::Drafted { incident, .. }
            | Self::Outside { incident, .. }
            | Self::Measured { incident, .. }
            | Self::Counted { incident, .. }
            | Self::Ended { incident } => Some(*incident),
            Self::Component { incident, .. } => *incident,
            Self::Watched { .. } | Self::Overridden { .. } | Self::Maintenance { .. } => None,
        }
    }
}

/// A level by its name, so that a record outlives a change of its numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LevelName(pub Level);

impl Serialize for LevelName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LevelName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize, Serialize)]
struct Kept {
    seq: u64,
    at: u64,
    prev: String,
    #[serde(flatten)]
    entry: Entry,
}

fn chained(prev: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    let hash = digest(&SHA256, &[prev.as_slice(), bytes].concat());
    // SHA-256 has 32 bytes.
    hash.as_ref().try_into().unwrap_or_default()
}
