//! Incidents and the status page, for admins.

use std::fmt::Write;

use console_io::ctl::{ComponentStatus, PageCommand, Reply};
use incident::{Act, Civil, Inside, Progress, PublicId, Readers};
use journal_io::journal::{AttemptRow, Reader};
use model::Timestamp;
use notify::{Figures, State};
use serde_json::{Value, json};

use super::{Control, elsewhere};
use crate::publish::TRIES;
use crate::running::SITE;
use crate::truth::Known;

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
            PageCommand::TestAlerts if self.truth.test_alerts() => {
                Reply::done("everybody is told; look with `portcullis ctl alerts` whether they have it", Value::Null)
            }
            PageCommand::TestAlerts => Reply::failed(NOBODY),
            PageCommand::Open { title, stage, text, components } => {
                let components = components.into_iter().map(|ComponentStatus { name, status }| (name, status));
                let act = Act::Open { title, stage, body: text, components: components.collect() };
                self.do_page(uid, act, "it is on the page")
            }
            PageCommand::Update { id, stage, text, reason } => {
                let act = Act::Update { incident: id, stage, body: text, reason };
                self.do_page(uid, act, "it is on the page")
            }
            PageCommand::Publish => self.do_page(uid, Act::Publish, "the notice is published"),
            PageCommand::Hold => self.do_page(
                uid,
                Act::Hold,
                "the notice is held back: about this incident only people tell the public now, with `ctl incident update`",
            ),
            PageCommand::Note { id, text } => {
                self.do_page(uid, Act::Note { incident: id, text }, "it is in the record")
            }
            PageCommand::Acknowledge { id } => self.do_page(
                uid,
                Act::Acknowledge { incident: id },
                "it is in the record that you see to it, and nobody is called about it unless it gets worse",
            ),
            PageCommand::Report { id, text } => {
                self.do_page(uid, Act::Report { incident: id, body: text }, "the report is on the page")
            }
            PageCommand::Component { name, status } => {
                let said = status.map_or_else(
                    || format!("{name}: the gate says how it does"),
                    |status| format!("{name} is shown as {status} until `ctl component set` says auto"),
                );
                self.do_page(uid, Act::Override { component: name, status }, &said)
            }
            PageCommand::Announce { title, text, from, until, components } => {
                let [from, until] = [from, until].map(Timestamp::from_secs);
                let act = Act::Announce { title, body: text, from, until, components };
                self.do_page(uid, act, "the work is announced on the page")
            }
            PageCommand::Finish { id } => {
                self.do_page(uid, Act::Finish { maintenance: id }, "the work is over on the page")
            }
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
        let newest = || Some(vec![self.truth.ask()?.incidents.first()?.id]);
        let ids = if ids.is_empty() { newest().unwrap_or_default() } else { ids };
        let readers = if public { Readers::Public } else { Readers::Colleagues };
        match self.truth.draft(ids, readers) {
            None => late(),
            Some(None) => Reply::failed("there is no such incident; `portcullis ctl incident` lists them"),
            Some(Some(draft)) if html => {
                let page = status::report(&draft, self.clock.wall());
                Reply::done(String::from_utf8_lossy(&page).trim_end(), Value::Null)
            }
            Some(Some(draft)) => Reply::done(draft.text.trim_end(), Value::Null),
        }
    }

    fn do_page(&self, uid: Option<u32>, act: Act, said: &str) -> Reply {
        let by = uid.map_or_else(|| "the console".to_owned(), |uid| format!("user {uid}"));
        match self.truth.act(act, by) {
            None => late(),
            Some(Err(error)) => Reply::failed(error.to_string()),
            Some(Ok(known)) => Reply::done(said, known.incidents.first().map_or(Value::Null, value)),
        }
    }
}

fn late() -> Reply {
    Reply::failed(
        "the record of incidents did not answer in time: the disk may be very slow; look before you repeat it",
    )
}

fn incidents(known: &Known) -> String {
    let mut text = String::new();
    for incident in known.incidents.iter().take(SHOWN) {
        let cause = incident.cause.map(|cause| format!("; {}", cause.label())).unwrap_or_default();
        let planned = incident.planned.filter(|_| incident.stage.is_none() && incident.is_open);
        let planned =
            planned.map(|due| format!("; the public is told at {}", moment(due))).unwrap_or_default();
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
    for (at, words) in &incident.timeline {
        let words = words.replace('\n', "\n    ").replace("    \n", "\n");
        add(&mut text, format_args!("{}  {words}", moment(*at)));
    }
    Reply::done(text.trim_end().to_owned(), value(incident))
}

fn components(known: &Known) -> Reply {
    let mut text = String::new();
    for (name, status, is_said) in &known.components {
        let who = if *is_said { " (a person says so)" } else { "" };
        add(&mut text, format_args!("{name}: {}{who}", status.label()));
    }
    let row = |(name, status, is_said): &(String, incident::Status, bool)| json!({ "name": name, "status": status.name(), "by_person": is_said });
    Reply::done(text.trim_end().to_owned(), known.components.iter().map(row).collect())
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
    let work = |work: &incident::Maintenance| {
        json!({
            "id": work.id.as_str(), "title": work.title, "progress": work.progress.name(),
            "from": iso(work.from), "until": iso(work.until),
        })
    };
    json!({
        "incidents": known.incidents.iter().map(value).collect::<Vec<_>>(),
        "maintenances": known.view.maintenances.iter().map(work).collect::<Vec<_>>(),
    })
}

fn value(incident: &Inside) -> Value {
    let event = |(at, words): &(Timestamp, String)| json!({ "at": iso(*at), "text": words });
    json!({
        "id": incident.id.as_str(),
        "title": incident.title,
        "state": incident.state(),
        "open": incident.is_open,
        "stage": incident.stage.map(incident::Stage::name),
        "since": iso(incident.since),
        "cause": incident.cause,
        "planned": incident.planned.map(iso),
        "services": incident.services,
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
