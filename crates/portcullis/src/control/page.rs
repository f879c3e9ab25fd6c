//! Incidents and the status page, for admins.

use std::fmt::Write;

use admin::ReportDraft;
use console_io::Heard;
use console_io::ctl::{ComponentStatus, PageCommand, Reply};
use incident::{
    About, Act, ActError, Beside, Civil, DraftKept, Event, Heeded, Inside, Maintenance, Progress, PublicId,
    Readers, View,
};
use journal_io::journal::{AttemptRow, Reader};
use model::Timestamp;
use notify::{Figures, State};
use serde_json::{Value, json};

use super::{Control, elsewhere};
use crate::incident_report;
use crate::publish::TRIES;
use crate::running::SITE;
use crate::situation::meaning;
use crate::truth::{Done, Known};

impl Control {
    /// Shows or does what is asked about the page.
    pub(super) fn page(&self, uid: Option<u32>, command: PageCommand) -> Reply {
        match command {
            PageCommand::Incidents => self.known(|known| Reply::done(incidents(known), value_of_all(known))),
            PageCommand::Incident { id } => self.known(|known| one(known, id)),
            PageCommand::Draft { ids, public, html } => self.draft(ids, public, html),
            PageCommand::Components => self.known(components),
            PageCommand::Alerts => alerts(&self.truth.alerted(), &self.tries(false)),
            PageCommand::Elsewhere => elsewhere::shown(&self.truth.elsewhere(), &self.tries(true)),
            PageCommand::TestAlerts if self.truth.test_alerts() => Reply::done(
                "everybody is told; look with `portcullis ctl alerts` whether they have it",
                Value::Null,
            ),
            PageCommand::TestAlerts => Reply::failed(NOBODY),
            PageCommand::Open { .. }
            | PageCommand::Update { .. }
            | PageCommand::Publish { .. }
            | PageCommand::Hold { .. }
            | PageCommand::Note { .. }
            | PageCommand::Acknowledge { .. }
            | PageCommand::KeepDraft { .. }
            | PageCommand::Report { .. }
            | PageCommand::Component { .. }
            | PageCommand::Announce { .. }
            | PageCommand::Finish { .. } => self.do_page(uid, command),
        }
    }

    /// The last tries to alert somebody, or to write on a page elsewhere; nothing where the journal cannot be read now.
    fn tries(&self, of_pages: bool) -> Vec<AttemptRow> {
        let reader = Reader::open(&self.state).ok();
        let tries = reader.and_then(|reader| reader.attempts(SITE, TRIES_READ).ok()).unwrap_or_default();
        let wanted = tries.into_iter().filter(|of| of.receiver.starts_with(TRIES) == of_pages);
        wanted.take(TRIES_SHOWN).collect()
    }

    fn known(&self, show: impl FnOnce(&Known) -> Reply) -> Reply {
        self.truth.ask().map_or_else(late, |known| show(&known))
    }

    fn draft(&self, ids: Vec<PublicId>, public: bool, html: bool) -> Reply {
        let Some(known) = self.truth.ask() else { return late() };
        let newest = || known.incidents.first().map(|incident| incident.id);
        let ids = if ids.is_empty() { newest().into_iter().collect() } else { ids };
        let readers = if public { Readers::Public } else { Readers::Colleagues };
        let beside = self.beside(&known, &ids);
        match self.truth.draft(ids, beside, readers) {
            None => late(),
            Some(None) => Reply::failed("there is no such incident; `portcullis ctl incident` lists them"),
            Some(Some(draft)) if html => {
                let page = status::report(&draft, self.clock.wall());
                Reply::done(String::from_utf8_lossy(&page).trim_end(), Value::Null)
            }
            Some(Some(draft)) => Reply::done(draft.text.trim_end(), Value::Null),
        }
    }

    /// What the journal has beside the record about these incidents; nothing where it cannot be read now.
    fn beside(&self, known: &Known, ids: &[PublicId]) -> Beside {
        let about: Vec<&Inside> = known.incidents.iter().filter(|of| ids.contains(&of.id)).collect();
        let read = || incident_report::beside(&Reader::open(&self.state)?, &about, self.clock.wall());
        read().unwrap_or_default()
    }

    fn do_page(&self, uid: Option<u32>, command: PageCommand) -> Reply {
        let said = said(&command);
        let Some((act, seen)) = wanted(command) else { return Reply::failed("this does nothing") };
        match self.truth.act(act, seen, person(uid)) {
            None => late(),
            Some(Err(error)) => refused(&error),
            Some(Ok(done)) => Reply::done(said, value_of(&done)),
        }
    }

    /// What the public would read if this were done.
    pub(super) fn foreseen(&self, command: PageCommand) -> Result<View, Reply> {
        let (act, seen) = wanted(command).ok_or_else(|| Reply::failed("this publishes nothing"))?;
        self.truth.foresee(act, seen, person(None)).ok_or_else(late)?.map_err(|error| refused(&error))
    }

    /// What the record knows for a report: for everybody, and for colleagues.
    pub(super) fn report_draft(&self, id: PublicId) -> Option<ReportDraft> {
        let beside = self.beside(&self.truth.ask()?, &[id]);
        let text = |readers| Some(self.truth.draft(vec![id], beside.clone(), readers)??.text);
        Some(ReportDraft { public: text(Readers::Public)?, inner: text(Readers::Colleagues)? })
    }

    /// All that the pages for people are made of.
    pub(super) fn all_known(&self) -> Option<admin::Known> {
        let (known, decision) = (self.truth.ask()?, self.site.decision());
        let work = |shown: &Maintenance| {
            let found = known.work_revisions.iter().find(|(id, _)| *id == shown.id);
            admin::Work { shown: shown.clone(), revision: found.map_or(0, |(_, revision)| *revision) }
        };
        Some(admin::Known {
            now: self.clock.wall(),
            site: self.site_name.clone(),
            level: decision.level,
            meaning: meaning(decision.level),
            mode: self.site.mode(),
            is_bypassed: self.site.is_bypassed(),
            undeclared_front: self.undeclared_front(),
            works: known.view.maintenances.iter().map(work).collect(),
            incidents: known.incidents,
            components: known.components,
            counts: known.counts,
            page: self.truth.page().cloned(),
            view: known.view,
        })
    }
}

fn person(uid: Option<u32>) -> String {
    uid.map_or_else(|| "the console".to_owned(), |uid| format!("user {uid}"))
}

/// What the record is to do, and at which revision; nothing where something is only shown.
fn wanted(command: PageCommand) -> Option<(Act, Option<u64>)> {
    Some(match command {
        PageCommand::Open { title, stage, text, components, seen } => {
            let components = components.into_iter().map(|ComponentStatus { name, status }| (name, status));
            (Act::Open { title, stage, body: text, components: components.collect() }, seen)
        }
        PageCommand::Update { id, stage, text, reason, seen } => {
            (Act::Update { incident: id, stage, body: text, reason }, seen)
        }
        PageCommand::Publish { seen } => (Act::Publish, seen),
        PageCommand::Hold { seen } => (Act::Hold, seen),
        PageCommand::Note { id, text } => (Act::Note { incident: id, text }, None),
        PageCommand::Acknowledge { id } => (Act::Acknowledge { incident: id }, None),
        PageCommand::KeepDraft { id, text, seen } => (Act::Draft { incident: id, body: text }, seen),
        PageCommand::Report { id, text, seen } => (Act::Report { incident: id, body: text }, seen),
        PageCommand::Component { name, status, seen } => (Act::Override { component: name, status }, seen),
        PageCommand::Announce { title, text, from, until, components, seen } => {
            let [from, until] = [from, until].map(Timestamp::from_secs);
            (Act::Announce { title, body: text, from, until, components }, seen)
        }
        PageCommand::Finish { id, seen } => (Act::Finish { maintenance: id }, seen),
        PageCommand::Incidents
        | PageCommand::Incident { .. }
        | PageCommand::Draft { .. }
        | PageCommand::Components
        | PageCommand::Alerts
        | PageCommand::Elsewhere
        | PageCommand::TestAlerts => return None,
    })
}

/// What an admin is told when it is done.
fn said(command: &PageCommand) -> String {
    match command {
        PageCommand::Open { .. } | PageCommand::Update { .. } => "it is on the page",
        PageCommand::Publish { .. } => "the notice is published",
        PageCommand::Hold { .. } => {
            "the notice is held back: about this incident only people tell the public now, with `ctl incident update`"
        }
        PageCommand::Note { .. } => "it is in the record",
        PageCommand::Acknowledge { .. } => {
            "it is in the record that you see to it, and nobody is called about it unless it gets worse"
        }
        PageCommand::KeepDraft { .. } => "the draft is kept; the public does not read it",
        PageCommand::Report { .. } => "the report is on the page",
        PageCommand::Component { name, status: Some(status), .. } => {
            return format!("{name} is shown as {status} until `ctl component set` says auto");
        }
        PageCommand::Component { name, status: None, .. } => {
            return format!("{name}: the gate says how it does");
        }
        PageCommand::Announce { .. } => "the work is announced on the page",
        PageCommand::Finish { .. } => "the work is over on the page",
        PageCommand::Incidents
        | PageCommand::Incident { .. }
        | PageCommand::Draft { .. }
        | PageCommand::Components
        | PageCommand::Alerts
        | PageCommand::Elsewhere
        | PageCommand::TestAlerts => "",
    }
    .to_owned()
}

fn refused(error: &ActError) -> Reply {
    let reply = Reply::failed(error.to_string());
    if *error == ActError::Changed { Reply { data: json!({ "changed": true }), ..reply } } else { reply }
}

pub(super) fn late() -> Reply {
    Reply::failed(
        "the record of incidents did not answer in time: the disk may be very slow; look before you repeat it",
    )
}

/// What became of alerts, for who sent them.
pub(super) fn heard(Heeded { signals, refused, noted }: Heeded) -> Heard {
    if refused > 0 {
        return Heard::TooMany(format!(
            "{refused} signals were not taken: too many fire at once, or were new within an hour. Group alerts, or believe fewer with [[signal]]"
        ));
    }
    Heard::Taken(match (signals, noted) {
        (0, 0) => "nothing of this is news about an incident that goes on".to_owned(),
        (0, _) => "it is in the record".to_owned(),
        (_, _) => format!("{signals} of these alerts say how components do"),
    })
}

fn incidents(known: &Known) -> String {
    let mut text = String::new();
    for incident in known.incidents.iter().take(SHOWN) {
        let cause = incident.cause.map(|cause| format!("; {}", cause.label())).unwrap_or_default();
        let planned = match (incident.waits, incident.planned) {
            (Some(_), Some(due)) => format!("; the public is told at {}", moment(due)),
            (Some(_), None) => "; words wait for `incident publish`".to_owned(),
            (None, _) => String::new(),
        };
        let (id, since, state) = (incident.id, moment(incident.since), incident.state());
        add(&mut text, format_args!("{id}  {since}  {state:<16}  {}{cause}{planned}", incident.title));
    }
    for work in known.view.maintenances.iter().filter(|work| work.progress != Progress::Completed) {
        let (from, until) = (moment(work.from), moment(work.until));
        let (id, progress) = (work.id, work.progress.name());
        add(&mut text, format_args!("{id}  {from}  {progress:<16}  {} (until {until})", work.title));
    }
    if text.is_empty() { "no incident is known".to_owned() } else { text.trim_end().to_owned() }
}

fn one(known: &Known, id: Option<PublicId>) -> Reply {
    let found = known.incidents.iter().find(|incident| id.is_none_or(|id| incident.id == id));
    let Some(incident) = found else {
        return Reply::failed("there is no such incident; `portcullis ctl incident` lists them");
    };
    let mut text = format!("{} {}\n{}\n\n", incident.id, incident.state(), incident.title);
    for event in &incident.timeline {
        let words = event.words.replace('\n', "\n    ").replace("    \n", "\n");
        add(&mut text, format_args!("{}  {words}", moment(event.at)));
    }
    Reply::done(text.trim_end().to_owned(), value(incident))
}

fn components(known: &Known) -> Reply {
    let mut text = String::new();
    for of in &known.components {
        let who = if of.is_said { " (a person says so)" } else { "" };
        add(&mut text, format_args!("{}: {}{who}", of.name, of.status.label()));
    }
    Reply::done(text.trim_end().to_owned(), known.components.iter().map(value_of_component).collect())
}

fn alerts(figures: &[Figures], tries: &[AttemptRow]) -> Reply {
    if figures.is_empty() {
        return Reply::done(NOBODY, json!({ "receivers": [], "tries": [] }));
    }
    let mut text = String::new();
    for Figures { name, waiting, outcomes: [failed, delivered, refused, given_up], trouble } in figures {
        let trouble = if trouble.is_empty() { String::new() } else { format!("; the last: {trouble}") };
        add(
            &mut text,
            format_args!(
                "{name}: {waiting} wait; since the start {delivered} delivered, {failed} tried in vain, {refused} refused, {given_up} given up{trouble}"
            ),
        );
    }
    for of in tries {
        let (at, why) = (moment(of.at), if of.why.is_empty() { "" } else { ": " });
        add(&mut text, format_args!("{at}  {} {} {}{why}{}", of.receiver, of.key, outcome(of), of.why));
    }
    let receivers: Value = figures.iter().map(receiver).collect();
    let tries: Value = tries.iter().map(attempt).collect();
    Reply::done(text.trim_end(), json!({ "receivers": receivers, "tries": tries }))
}

fn receiver(of: &Figures) -> Value {
    let outcomes = State::ALL.map(State::name).into_iter().zip(of.outcomes);
    let outcomes: serde_json::Map<_, _> =
        outcomes.map(|(name, count)| (name.to_owned(), count.into())).collect();
    json!({ "receiver": of.name, "waiting": of.waiting, "outcomes": outcomes, "trouble": of.trouble })
}

fn attempt(of: &AttemptRow) -> Value {
    json!({
        "at": iso(of.at), "receiver": &*of.receiver, "message": &*of.key, "try": of.number,
        "outcome": outcome(of), "why": &*of.why,
    })
}

fn outcome(of: &AttemptRow) -> &'static str {
    State::ALL.get(usize::from(of.state)).map_or("unknown", |state| state.name())
}

fn add(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A `String` takes everything.
    let _never_fails = writeln!(text, "{line}");
}

fn value_of_all(known: &Known) -> Value {
    let work = |work: &Maintenance| value_of_work(known, work);
    let [incidents, maintenances] = known.counts;
    json!({
        "revisions": { "incidents": incidents, "maintenances": maintenances },
        "incidents": known.incidents.iter().take(SHOWN).map(value).collect::<Vec<_>>(),
        "maintenances": known.view.maintenances.iter().map(work).collect::<Vec<_>>(),
    })
}

/// What an act was about, as it is then.
fn value_of(Done { known, about }: &Done) -> Value {
    let incident = |of: Option<&Inside>| of.map_or(Value::Null, value);
    let work = |id: PublicId| {
        let shown = known.view.maintenances.iter().find(|work| work.id == id);
        // Work that did not take place is not shown any more.
        shown.map_or_else(|| json!({ "id": id.as_str() }), |shown| value_of_work(known, shown))
    };
    match about {
        None => Value::Null,
        Some(About::NewIncident) => incident(known.incidents.first()),
        Some(About::Incident(id)) => incident(known.incidents.iter().find(|of| of.id == *id)),
        Some(About::Component(name)) => {
            known.components.iter().find(|of| of.name == *name).map_or(Value::Null, value_of_component)
        }
        Some(About::NewWork) => {
            let newest = known.work_revisions.iter().max_by_key(|(_, revision)| *revision);
            newest.map_or(Value::Null, |(id, _)| work(*id))
        }
        Some(About::Work(id)) => work(*id),
    }
}

fn value_of_component(of: &admin::Component) -> Value {
    json!({ "name": of.name, "status": of.status.name(), "by_person": of.is_said, "revision": of.revision })
}

fn value_of_work(known: &Known, work: &Maintenance) -> Value {
    let revision = known.work_revisions.iter().find(|(id, _)| *id == work.id).map(|(_, revision)| revision);
    json!({
        "revision": revision,
        "id": work.id.as_str(), "title": work.title, "progress": work.progress.name(),
        "from": iso(work.from), "until": iso(work.until),
    })
}

fn value(incident: &Inside) -> Value {
    let event =
        |event: &Event| json!({ "at": iso(event.at), "text": event.words, "public": event.is_public });
    let draft = |draft: &DraftKept| json!({ "at": iso(draft.at), "by": draft.by, "text": draft.text });
    json!({
        "id": incident.id.as_str(),
        "title": incident.title,
        "state": incident.state(),
        "open": incident.is_open,
        "stage": incident.stage.map(incident::Stage::name),
        "since": iso(incident.since),
        "cause": incident.cause,
        "planned": incident.planned.map(iso),
        "waits": incident.waits.map(incident::Stage::name),
        "services": incident.services,
        "revision": incident.revision,
        "report_revision": incident.report_revision,
        "draft": incident.draft.as_ref().map(draft),
        "timeline": incident.timeline.iter().map(event).collect::<Vec<_>>(),
    })
}

fn iso(at: Timestamp) -> String {
    Civil::of(at).rfc3339()
}

/// `2026-11-28 17:24:01 UTC`.
fn moment(at: Timestamp) -> String {
    let text = iso(at);
    format!("{} {} UTC", &text[..10], &text[11..19])
}

/// Tries to alert somebody.
const TRIES_SHOWN: usize = 20;
/// Those of alerts and of pages elsewhere stand in one list.
const TRIES_READ: u32 = 400;
const NOBODY: &str = "nobody is alerted; write [[notify]] into the configuration";
/// Incidents in a list.
const SHOWN: usize = 30;

#[cfg(test)]
mod tests;
