//! What the record says of one incident.

use std::collections::VecDeque;
use std::time::Duration;

use model::Timestamp;

use crate::load::Tally;
use crate::record::{Entry, Record};
use crate::served::Measured;
use crate::settings::UPDATES_MAX;
use crate::sight::{Cause, Services};
use crate::words::{Impact, PublicId, Service, Stage, Status};

/// What the record says of an incident.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) number: u32,
    pub(crate) id: PublicId,
    /// Of the entry that opened it, and when that was.
    pub(crate) opened: (u64, Timestamp),
    pub(crate) title: String,
    pub(crate) since: Timestamp,
    pub(crate) cause: Option<Cause>,
    /// What was thought when it was opened.
    pub(crate) first_cause: Option<Cause>,
    pub(crate) is_by_person: bool,
    /// An alert of another system opened it; how customers fare does not decide how it goes on.
    pub(crate) is_by_alert: bool,
    pub(crate) services: Services,
    /// For how long each audience was not whole, or was served late, so far.
    pub(crate) lost: [Lost; 2],
    /// When somebody fared otherwise than before.
    pub(crate) fared_at: Timestamp,
    pub(crate) impact: Impact,
    /// Places in [`crate::state::State::components`].
    pub(crate) components: Vec<usize>,
    /// Changes that the next words will be shown with.
    pub(crate) pending: Vec<(usize, Status, Status)>,
    pub(crate) said: Vec<Said>,
    /// When words are published unless a person says no; `None`: none are, or not before a person says yes.
    pub(crate) planned: Option<Timestamp>,
    /// The stage that would begin with them.
    pub(crate) waits: Option<Stage>,
    /// The entry with which they began to wait; what was asked of people before is about other words.
    pub(crate) asked: u64,
    /// A person wants nothing said by itself.
    pub(crate) is_held: bool,
    /// Nothing was said, and it is over.
    pub(crate) is_ended: bool,
    pub(crate) reopened: Vec<Timestamp>,
    /// How often it was back after everybody had been served.
    pub(crate) returns: u32,
    /// For how much of their time people were served, and the entry that says so; only once it has been over for a while.
    pub(crate) measured: Option<(u64, Measured)>,
    pub(crate) report: String,
    /// What people have written of the report, published or not.
    pub(crate) draft: Option<Drafted>,
    /// How often that was.
    pub(crate) drafts: u32,
    /// The entry after which everybody must look again: something was said, or is not to be.
    pub(crate) revision: u64,
    pub(crate) updated_at: Timestamp,
    /// What happened beside what was said, oldest first; the newest of it if there is too much.
    pub(crate) notes: VecDeque<Note>,
    /// What came while it went on, oldest first, each with its entry; at most [`crate::load::TALLIES_MAX`].
    pub(crate) tallies: Vec<(u64, Tally)>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// Of its entry in the record.
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) entry: Entry,
}

/// A report that people have not published yet.
#[derive(Clone, Debug)]
pub(crate) struct Drafted {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
    pub(crate) text: String,
}

/// For how long an audience fared worse than usual.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lost {
    /// Hardly any of it were served.
    pub(crate) down: Duration,
    /// Some of it were not served.
    pub(crate) part: Duration,
    /// All were served, some late.
    pub(crate) delayed: Duration,
}

impl Lost {
    /// Some of it, or all, were not served.
    pub(crate) fn unserved(self) -> Duration {
        self.down + self.part
    }

    pub(crate) fn add(&mut self, service: Service, lasted: Duration) {
        match service {
            Service::Good => {}
            Service::Delayed => self.delayed += lasted,
            Service::Part => self.part += lasted,
            Service::Down => self.down += lasted,
        }
    }
}

/// One thing that was said.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// Of its entry in the record.
    pub(crate) seq: u64,
    pub(crate) id: PublicId,
    pub(crate) stage: Stage,
    pub(crate) body: String,
    pub(crate) is_by_person: bool,
    pub(crate) reason: Option<String>,
    pub(crate) at: Timestamp,
    pub(crate) next: Option<Timestamp>,
    pub(crate) affected: Vec<(usize, Status, Status)>,
    /// How everybody fared then.
    pub(crate) services: Services,
}

impl Case {
    /// Whether it is about how the gate itself sees that everybody fares.
    pub(crate) const fn is_own(&self) -> bool {
        !self.is_by_person && !self.is_by_alert
    }

    /// How far it is for the public; `None`: the public has not been told.
    pub(crate) fn stage(&self) -> Option<Stage> {
        self.said.last().map(|said| said.stage)
    }

    /// Whether it goes on, told or not.
    pub(crate) fn is_open(&self) -> bool {
        self.stage().map_or(!self.is_ended, Stage::is_open)
    }

    /// When everybody was served again, as far as the public was told that, and the entry that says so; `None` where nobody saw it.
    pub(crate) fn served_again(&self) -> Option<(Timestamp, u64)> {
        let told =
            self.said.iter().rev().find(|said| matches!(said.stage, Stage::Monitoring | Stage::Resolved))?;
        let before = || self.notes.iter().rev().filter(|note| note.at <= told.at);
        let fared = before().find_map(|note| {
            let Entry::Fared { services, .. } = &note.entry else { return None };
            Some((services.worst() == Service::Good, note.at, note.seq))
        });
        if let Some((is_good, at, seq)) = fared {
            // What an alert said was not over before the alert was.
            let alerts = self.alerts_over().filter(|(over, _)| *over <= told.at);
            return is_good.then(|| alerts.filter(|(over, _)| *over > at).unwrap_or((at, seq)));
        }
        before().find_map(|note| {
            let Entry::Outside { until: Some(until), is_doubted: false, .. } = &note.entry else {
                return None;
            };
            Some((Timestamp::from_millis(*until), note.seq))
        })
    }

    /// When the last alert about it was over, and the entry that says so.
    pub(crate) fn alerts_over(&self) -> Option<(Timestamp, u64)> {
        let is_over = |entry: &Entry| matches!(entry, Entry::Signalled { status: None, .. });
        self.notes.iter().rev().find(|note| is_over(&note.entry)).map(|note| (note.at, note.seq))
    }

    /// Whether an alert has said something of a component since it was opened.
    pub(crate) fn is_about(&self, name: &str) -> bool {
        let names = |entry: &Entry| matches!(entry, Entry::Signalled { component, .. } if component == name);
        self.notes.iter().any(|note| names(&note.entry))
    }

    /// Since when what the public is told of how everybody fares is the same.
    pub(crate) fn unchanged_since(&self, services: Services) -> Option<Timestamp> {
        self.said.iter().rev().take_while(|said| said.services == services).last().map(|said| said.at)
    }

    /// The entry after which whoever writes the report must look again.
    pub(crate) fn report_revision(&self) -> u64 {
        self.revision.max(self.draft.as_ref().map_or(0, |draft| draft.seq))
    }
}

impl Case {
    /// Takes words that were published; whether there were any.
    pub(crate) fn publish(&mut self, record: &Record, stage: Stage) -> bool {
        let Entry::Published { body, by, reason, since, next, services, .. } = &record.entry else {
            return false;
        };
        if let Some(since) = since {
            self.since = Timestamp::from_millis(*since);
        }
        let before = self.stage();
        if before.is_some_and(|before| !before.is_open()) && stage.is_open() {
            self.reopened.push(record.at);
            self.measured = None;
        }
        if before.is_some_and(|before| before >= Stage::Monitoring) && stage < Stage::Monitoring {
            self.returns = self.returns.saturating_add(1);
        }
        if stage == Stage::Postmortem {
            self.report.clone_from(body);
        }
        // More about the same stage is not what waits.
        if before != Some(stage) || self.waits == Some(stage) {
            (self.planned, self.waits) = (None, None);
        }
        (self.is_ended, self.updated_at) = (false, record.at);
        self.revision = record.seq;
        // What was bad and is well again is in the components' past.
        self.pending.retain(|(_, before, after)| before != after);
        self.said.push(Said {
            seq: record.seq,
            id: PublicId::of(&record.hash),
            stage,
            body: body.clone(),
            is_by_person: by.is_some(),
            reason: reason.clone(),
            at: record.at,
            next: next.map(Timestamp::from_millis),
            affected: std::mem::take(&mut self.pending),
            services: *services,
        });
        if self.said.len() > UPDATES_MAX {
            // The first stays.
            self.said.remove(1);
        }
        true
    }
}

/// An incident as its first entry says.
pub(crate) fn opened(
    record: &Record,
    number: u32,
    title: &str,
    since: u64,
    cause: Option<Cause>,
    (is_by_person, is_by_alert): (bool, bool),
) -> Case {
    Case {
        number,
        id: PublicId::of(&record.hash),
        opened: (record.seq, record.at),
        title: title.to_owned(),
        since: Timestamp::from_millis(since),
        cause,
        first_cause: cause,
        is_by_person,
        is_by_alert,
        services: Services::default(),
        lost: [Lost::default(); 2],
        fared_at: record.at,
        impact: Impact::None,
        components: Vec::new(),
        pending: Vec::new(),
        said: Vec::new(),
        planned: None,
        waits: None,
        asked: record.seq,
        is_held: false,
        is_ended: false,
        reopened: Vec::new(),
        returns: 0,
        measured: None,
        report: String::new(),
        draft: None,
        drafts: 0,
        revision: record.seq,
        notes: VecDeque::new(),
        tallies: Vec::new(),
        updated_at: record.at,
    }
}
