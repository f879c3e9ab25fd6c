//! What an admin may know of an incident: also what the public is not told.

use model::Timestamp;

use crate::case::{Case, Drafted, Said};
use crate::civil::Civil;
use crate::record::Entry;
use crate::sight::{Cause, Services};
use crate::words::{Audience, PublicId, Stage, Status};

/// One incident as an admin sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Inside {
    /// Its number in the record; the id may become another one.
    pub number: u32,
    /// Never changes.
    pub id: PublicId,
    /// One line.
    pub title: String,
    /// How far the public knows it to be; `None`: the public was not told.
    pub stage: Option<Stage>,
    /// Whether it goes on.
    pub is_open: bool,
    /// When it began.
    pub since: Timestamp,
    /// When it was over; what is said of it later, such as the report, does not move that. `None`: it goes on.
    pub ended: Option<Timestamp>,
    /// What is thought to be behind it.
    pub cause: Option<Cause>,
    /// When words are published, if nobody says no.
    pub planned: Option<Timestamp>,
    /// The stage that would begin with the words that wait, for that moment or for a person who publishes them.
    pub waits: Option<Stage>,
    /// The entry from which on whoever was told of it was told of those words: that with which they began to wait, and for the first
    /// words that with which it was opened.
    pub asked: Option<u64>,
    /// A person does not want it to be told by itself.
    pub is_held: bool,
    /// How everybody fares.
    pub services: Services,
    /// What happened and what was said, oldest first.
    pub timeline: Vec<Event>,
    /// The entry after which everybody must look again who is about to tell the public something.
    pub revision: u64,
    /// The same for who writes the report.
    pub report_revision: u64,
    /// Whether it was called over, so that a report can be published.
    pub is_told_over: bool,
    /// What people have written of the report.
    pub draft: Option<DraftKept>,
    /// The published report; empty without one.
    pub report: String,
}

/// Something of an incident.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What. Of what the public read the first line says what it is, and the text follows.
    pub words: String,
    /// The public read it.
    pub is_public: bool,
}

/// What people have written of a report that is not published yet, or was published otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DraftKept {
    /// When.
    pub at: Timestamp,
    /// Who wrote last.
    pub by: String,
    /// Markdown.
    pub text: String,
}

/// A component as an admin sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing<'a> {
    /// With the groups before it.
    pub name: &'a str,
    /// How it does for the public.
    pub status: Status,
    /// A person says so.
    pub is_said: bool,
    /// The entry in which a person last said something of it; 0 before.
    pub revision: u64,
}

impl Inside {
    pub(crate) fn of(case: &Case) -> Self {
        let inner = |at, words| Event { at, words, is_public: false };
        let mut timeline = vec![inner(case.since, "it began".to_owned())];
        timeline.extend(case.notes.iter().filter_map(|note| Some(inner(note.at, words(&note.entry)?))));
        let told = |said: &Said| Event { at: said.at, words: published(said), is_public: true };
        timeline.extend(case.said.iter().map(told));
        timeline.sort_by_key(|event| event.at);
        let kept =
            |draft: &Drafted| DraftKept { at: draft.at, by: draft.by.clone(), text: draft.text.clone() };
        Self {
            number: case.number,
            id: case.id,
            title: case.title.clone(),
            stage: case.stage(),
            is_open: case.is_open(),
            since: case.since,
            ended: ended(case, &timeline),
            cause: case.cause,
            planned: case.planned,
            waits: case.waits,
            asked: case.waits.map(|_| if case.said.is_empty() { case.opened.0 } else { case.asked }),
            is_held: case.is_held,
            services: case.services,
            timeline,
            revision: case.revision,
            report_revision: case.report_revision(),
            is_told_over: case.is_told_over(),
            draft: case.draft.as_ref().map(kept),
            report: case.report.clone(),
        }
    }

    /// How far it is, in a word or two.
    pub fn state(&self) -> &'static str {
        match (self.stage, self.is_open) {
            (Some(stage), _) => stage.name(),
            (None, false) => "over, never told",
            (None, true) if self.is_held => "held back",
            (None, true) if self.planned.is_some() => "notice planned",
            (None, true) if self.waits.is_some() => "waits for you",
            (None, true) => "not told",
        }
    }
}

/// When the public was told that it was over, or of what nobody was told, when the last thing happened.
fn ended(case: &Case, timeline: &[Event]) -> Option<Timestamp> {
    if case.is_open() {
        return None;
    }
    let told = case.said.iter().rev().find(|said| said.stage == Stage::Resolved).map(|said| said.at);
    told.or_else(|| timeline.last().map(|event| event.at))
}

fn published(said: &Said) -> String {
    let who = if said.is_by_person { " by a person" } else { "" };
    format!("published{who}: {}\n{}", said.stage.label(), said.body)
}

pub(crate) fn words(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Explained { cause, .. } => Some(format!("thought to be behind it: {}", cause.label())),
        Entry::Fared { services, .. } => Some(fares(*services)),
        Entry::Level { before, after, .. } => Some(format!("level {} -> {}", before.0, after.0)),
        Entry::Planned { due: None, stage, .. } => {
            Some(format!("words wait for a person: {}", stage.label()))
        }
        Entry::Planned { stage: Stage::Investigating, .. } => Some("a notice is planned".to_owned()),
        Entry::Planned { stage, .. } => Some(format!("words are planned: {}", stage.label())),
        Entry::Withdrawn { by: Some(by), .. } => Some(format!("the notice is held back by {by}")),
        Entry::Withdrawn { by: None, .. } => Some("the notice is not needed any more".to_owned()),
        Entry::Noted { by, text, .. } => Some(format!("noted by {by}: {}", text.replace('\n', "; "))),
        Entry::Signalled { component, status: Some(status), text, .. } => {
            Some(format!("an alert says of {component}: {}; {text}", status.label()))
        }
        Entry::Signalled { component, status: None, .. } => {
            Some(format!("an alert about {component} is over"))
        }
        Entry::Acknowledged { by, .. } => Some(format!("acknowledged by {by}")),
        Entry::Outside { from, until, is_doubted, .. } => {
            let doubt =
                if *is_doubted { ", but customers were served meanwhile: it is not told" } else { "" };
            Some(outside(*from, *until) + doubt)
        }
        Entry::Measured { measured, .. } => Some(measured.lines().join(" ")),
        Entry::Ended { .. } => Some("it is over and was not told".to_owned()),
        Entry::Opened { .. }
        | Entry::Counted { .. }
        | Entry::Drafted { .. }
        | Entry::Published { .. }
        | Entry::Component { .. }
        | Entry::Watched { .. }
        | Entry::Overridden { .. }
        | Entry::Maintenance { .. } => None,
    }
}

fn outside(from: u64, until: Option<u64>) -> String {
    let at = |millis| Civil::of(Timestamp::from_millis(millis)).second();
    match until {
        Some(until) => format!("outside could not reach us from {} to {}", at(from), at(until)),
        None => format!("outside cannot reach us since {}", at(from)),
    }
}

/// How everybody fares, in a line.
pub(crate) fn fares(services: Services) -> String {
    let of = |audience: Audience| format!("{}: {}", audience.label(), services.of(audience).label());
    Audience::ALL.map(of).join("; ")
}
