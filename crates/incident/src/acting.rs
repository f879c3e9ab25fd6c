//! What people do, carried out.

use std::collections::BTreeSet;

use model::Timestamp;

use crate::act::{About, Act, ActError};
use crate::case::Case;
use crate::consent::{self, planned};
use crate::engine::{Engine, Moment, Pen};
use crate::record::Entry;
use crate::report;
use crate::settings::{
    ALERTS_SHOWN, BODY_MAX, DRAFTS_MAX, NOTE_MAX, REPORT_MAX, SAME_WORDS, TITLE_MAX, cadence,
};
use crate::signals;
use crate::speaking::said;
use crate::state::Work;
use crate::texts::length;
use crate::words::{PublicId, Service, Stage, Status};

impl Engine {
    /// What an act would be about if it were done now; `None` where there is no such incident, or more than one.
    pub fn about(&self, act: &Act) -> Option<About> {
        let case = match act {
            Act::Update { incident: Some(id), .. }
            | Act::Acknowledge { incident: Some(id) }
            | Act::Note { incident: Some(id), .. }
            | Act::Draft { incident: id, .. }
            | Act::Report { incident: id, .. } => find(self, *id),
            Act::Update { incident: None, .. } => the_open_one(self),
            Act::Acknowledge { incident: None } | Act::Note { incident: None, .. } => newest_open(self),
            Act::Publish | Act::Hold => planned(self, None),
            Act::Open { .. } => return Some(About::NewIncident),
            Act::Override { component, .. } => return Some(About::Component(component.clone())),
            Act::Announce { .. } => return Some(About::NewWork),
            Act::Finish { maintenance } => return Some(About::Work(*maintenance)),
        };
        case.ok().map(|case| About::Incident(case.id))
    }
}

/// Carries out what a person wants, or says why not.
pub(crate) fn act(
    engine: &mut Engine,
    act: Act,
    seen: Option<u64>,
    by: &str,
    moment: Moment,
    pen: &mut Pen,
) -> Result<(), ActError> {
    match act {
        Act::Open { title, stage, body, components } => {
            open(engine, &Notice { title, stage, body, components }, by, moment, pen)
        }
        Act::Update { incident, stage, body, reason } => {
            update(engine, Words { incident, stage, body, reason }, by, moment, pen)
        }
        Act::Publish => consent::publish(engine, seen, moment, pen),
        Act::Hold => consent::hold(engine, seen, by, pen),
        Act::Acknowledge { incident } => {
            let incident = going_on(engine, incident)?;
            engine.write(pen, Entry::Acknowledged { incident, by: by.to_owned() });
            Ok(())
        }
        Act::Note { incident, text } => note(engine, incident, &text, by, pen),
        Act::Override { component, status } => {
            place(engine, &component)?;
            engine.write(pen, Entry::Overridden { component, status, by: by.to_owned() });
            Ok(())
        }
        Act::Announce { title, body, from, until, components } => {
            announce(engine, Plan { title, body, from, until, components }, by, moment, pen)
        }
        Act::Finish { maintenance } => finish(engine, maintenance, by, pen),
        Act::Draft { incident, body } => draft(engine, incident, &body, by, pen),
        Act::Report { incident, body } => report(engine, incident, body, by, moment, pen),
    }
}

/// The number of an incident that goes on: this one, or the newest.
fn going_on(engine: &Engine, incident: Option<PublicId>) -> Result<u32, ActError> {
    let case = match incident {
        Some(id) => find(engine, id)?,
        None => newest_open(engine)?,
    };
    if case.is_open() { Ok(case.number) } else { Err(ActError::Over(case.id)) }
}

fn newest_open(engine: &Engine) -> Result<&Case, ActError> {
    engine.state.cases.iter().rev().find(|case| case.is_open()).ok_or(ActError::NoneOpen)
}

fn note(
    engine: &mut Engine,
    incident: Option<PublicId>,
    body: &str,
    by: &str,
    pen: &mut Pen,
) -> Result<(), ActError> {
    let (incident, text) = (going_on(engine, incident)?, text("note", body, NOTE_MAX)?);
    let case = engine.state.cases.iter().find(|case| case.number == incident);
    let is_same = |entry: &Entry| matches!(entry, Entry::Noted { text: before, .. } if *before == text);
    let mut lately = case.into_iter().flat_map(|case| case.notes.iter().rev());
    if lately.any(|note| pen.at.since(note.at) < SAME_WORDS && is_same(&note.entry)) {
        return Err(ActError::Repeated);
    }
    engine.write(pen, Entry::Noted { incident, text, by: by.to_owned() });
    Ok(())
}

/// Notes what alerts say that speak of no component, about the incident that goes on; whether there is one, and it is news.
pub(crate) fn note_alerts(engine: &mut Engine, texts: &[&str], pen: &mut Pen) -> bool {
    let more = texts.len().saturating_sub(ALERTS_SHOWN);
    let shown = texts.iter().take(ALERTS_SHOWN).map(|text| (*text).to_owned());
    let lines = shown.chain((more > 0).then(|| format!("and {more} more")));
    note(engine, None, &lines.collect::<Vec<_>>().join("\n"), "another system", pen).is_ok()
}

/// Whether there are all these components, and none is named twice: no more than there are then.
fn each_once<'a>(engine: &Engine, names: impl Iterator<Item = &'a String>) -> Result<(), ActError> {
    let mut places = BTreeSet::new();
    for name in names {
        if !places.insert(place(engine, name)?) {
            return Err(ActError::Twice(name.clone()));
        }
    }
    Ok(())
}

struct Notice {
    title: String,
    stage: Stage,
    body: String,
    components: Vec<(String, Status)>,
}

fn open(
    engine: &mut Engine,
    notice: &Notice,
    by: &str,
    moment: Moment,
    pen: &mut Pen,
) -> Result<(), ActError> {
    let title = text("title", &notice.title, TITLE_MAX)?;
    let body = text("text", &notice.body, BODY_MAX)?;
    if !notice.stage.is_open() {
        return Err(ActError::Stage(notice.stage.name()));
    }
    each_once(engine, notice.components.iter().map(|(name, _)| name))?;
    let (incident, since) = (engine.state.numbers.incident + 1, moment.wall.as_millis());
    let by = by.to_owned();
    engine.write(
        pen,
        Entry::Opened { incident, title, since, cause: None, by: Some(by.clone()), by_alert: false },
    );
    for (component, status) in notice.components.clone() {
        engine.write(pen, Entry::Overridden { component, status: Some(status), by: by.clone() });
    }
    publish(engine, incident, notice.stage, body, by, None, moment, pen);
    Ok(())
}

struct Words {
    incident: Option<PublicId>,
    stage: Option<Stage>,
    body: String,
    reason: Option<String>,
}

fn update(
    engine: &mut Engine,
    words: Words,
    by: &str,
    moment: Moment,
    pen: &mut Pen,
) -> Result<(), ActError> {
    let case = match words.incident {
        Some(id) => find(engine, id)?,
        None => the_open_one(engine)?,
    };
    let body = text("text", &words.body, BODY_MAX)?;
    let stage = words.stage.or(case.stage()).unwrap_or(Stage::Investigating);
    if stage == Stage::Postmortem {
        return Err(ActError::Stage(stage.name()));
    }
    let is_repeated = |last: &crate::case::Said| {
        last.body == body && last.stage == stage && moment.wall.since(last.at) < SAME_WORDS
    };
    if case.said.last().is_some_and(is_repeated) {
        return Err(ActError::Repeated);
    }
    let reason = words.reason.filter(|reason| !reason.trim().is_empty());
    if stage == Stage::Resolved && reason.is_none() {
        is_over(engine, case, moment)?;
    }
    let reason = reason.map(|reason| text("reason", &reason, TITLE_MAX)).transpose()?;
    let (number, is_first, is_by_alert) = (case.number, case.said.is_empty(), case.is_by_alert);
    if is_first {
        *consent::due(engine, is_by_alert) = None;
    }
    if is_by_alert {
        signals::turn(engine, number, stage == Stage::Resolved, pen);
    } else if is_first {
        let since = engine.since.trouble.map_or(moment.wall, |trouble| trouble.wall);
        crate::speaking::turn_components(engine, number, since, pen);
    }
    if stage == Stage::Resolved {
        lift(engine, number, by, pen);
    }
    publish(engine, number, stage, body, by.to_owned(), reason, moment, pen);
    Ok(())
}

/// Refuses what rests on something that is not so any more: `seen` is the revision of what the act is about, as
/// [`crate::Inside`] and [`crate::Engine::components`] tell it.
pub(crate) fn check_seen(engine: &Engine, act: &Act, seen: u64) -> Result<(), ActError> {
    let revision = match act {
        Act::Open { .. } => engine.state.numbers.incident.into(),
        Act::Update { incident: Some(id), .. } => find(engine, *id)?.revision,
        Act::Update { incident: None, .. } => the_open_one(engine)?.revision,
        Act::Publish | Act::Hold => planned(engine, Some(seen))?.revision,
        Act::Draft { incident, .. } | Act::Report { incident, .. } => {
            find(engine, *incident)?.report_revision()
        }
        Act::Override { component, .. } => engine.state.components[place(engine, component)?].revision,
        Act::Announce { .. } => engine.state.numbers.maintenance.into(),
        Act::Finish { maintenance } => work(engine, *maintenance)?.revision,
        // What they say is so whatever has happened meanwhile.
        Act::Acknowledge { .. } | Act::Note { .. } => return Ok(()),
    };
    if revision == seen { Ok(()) } else { Err(ActError::Changed) }
}

/// The one incident that the public knows to go on; without one, the one that it is not told of.
fn the_open_one(engine: &Engine) -> Result<&Case, ActError> {
    let mut told = engine.state.told();
    match (told.next(), told.next()) {
        (Some(_), Some(_)) => Err(ActError::Several),
        (Some(one), None) => Ok(one),
        (None, _) => engine.state.own().or_else(|| engine.state.by_alert()).ok_or(ActError::NoneOpen),
    }
}

/// What the gate sees of its own incidents must have been over for as long as it waits itself before a person may call them so without a
/// reason: what a restart has made well for a minute may be back in the next.
fn is_over(engine: &Engine, case: &Case, moment: Moment) -> Result<(), ActError> {
    if engine.state.is_signalled(case.number) {
        return Err(ActError::NotOver("an alert of another system still fires".to_owned()));
    }
    let quiet = if case.is_by_alert { engine.signals.quiet } else { engine.unsignalled(engine.since.quiet) };
    let (lasts, needed) = (Engine::lasts(quiet, moment), engine.settings.pace.resolved_after);
    if case.is_by_person || lasts >= needed {
        return Ok(());
    }
    let why = if case.is_by_alert {
        format!(
            "no alert of another system fires any more, but that must have been so for {}",
            length(needed)
        )
    } else if quiet.is_some() {
        format!("all looks well, but must have been so for {}", length(needed))
    } else if engine.services.worst() == Service::Good {
        format!(
            "everybody is served, but the level is {} and something is unusual or was a moment ago",
            engine.level
        )
    } else {
        "not everybody is served as usual".to_owned()
    };
    Err(ActError::NotOver(why))
}

/// Takes back what people said of components for an incident that they opened.
fn lift(engine: &mut Engine, number: u32, by: &str, pen: &mut Pen) {
    let Some(case) = engine.state.cases.iter().find(|case| case.number == number && case.is_by_person) else {
        return;
    };
    let is_of_another = |place: &usize| {
        let others = engine.state.told().filter(|other| other.is_by_person && other.number != number);
        others.into_iter().any(|other| other.components.contains(place))
    };
    let own: Vec<usize> = case.components.iter().copied().filter(|place| !is_of_another(place)).collect();
    for place in own {
        let component = &engine.state.components[place];
        if component.overridden.is_some() {
            let component = component.full_name.clone();
            engine.write(pen, Entry::Overridden { component, status: None, by: by.to_owned() });
        }
    }
}

struct Plan {
    title: String,
    body: String,
    from: Timestamp,
    until: Timestamp,
    components: Vec<String>,
}

fn announce(
    engine: &mut Engine,
    plan: Plan,
    by: &str,
    moment: Moment,
    pen: &mut Pen,
) -> Result<(), ActError> {
    let title = text("title", &plan.title, TITLE_MAX)?;
    let body = text("text", &plan.body, BODY_MAX)?;
    if plan.until <= plan.from || plan.until <= moment.wall {
        return Err(ActError::Times);
    }
    each_once(engine, plan.components.iter())?;
    let number = engine.state.numbers.maintenance + 1;
    let entry = Entry::Maintenance {
        number,
        title,
        body,
        from: plan.from.as_millis(),
        until: plan.until.as_millis(),
        components: plan.components,
        is_over: false,
        by: by.to_owned(),
    };
    engine.write(pen, entry);
    Ok(())
}

fn finish(engine: &mut Engine, id: PublicId, by: &str, pen: &mut Pen) -> Result<(), ActError> {
    let work = work(engine, id)?;
    let names = work.components.iter().map(|&place| engine.state.components[place].full_name.clone());
    let entry = Entry::Maintenance {
        number: work.number,
        title: work.title.clone(),
        body: work.body.clone(),
        from: work.from.as_millis(),
        until: work.until.min(pen.at).max(work.from).as_millis(),
        components: names.collect(),
        is_over: true,
        by: by.to_owned(),
    };
    engine.write(pen, entry);
    Ok(())
}

fn draft(engine: &mut Engine, id: PublicId, body: &str, by: &str, pen: &mut Pen) -> Result<(), ActError> {
    let case = find(engine, id)?;
    let (incident, text) = (case.number, text("draft", body, REPORT_MAX)?);
    if case.draft.as_ref().is_some_and(|draft| draft.text == text) {
        // It is kept already.
        return Ok(());
    }
    if case.drafts >= DRAFTS_MAX {
        return Err(ActError::Drafts(DRAFTS_MAX));
    }
    engine.write(pen, Entry::Drafted { incident, text, by: by.to_owned() });
    Ok(())
}

fn report(
    engine: &mut Engine,
    id: PublicId,
    body: String,
    by: &str,
    moment: Moment,
    pen: &mut Pen,
) -> Result<(), ActError> {
    let case = find(engine, id)?;
    if !case.is_told_over() {
        return Err(ActError::Stage(Stage::Postmortem.name()));
    }
    let (number, body) = (case.number, text("report", &body, REPORT_MAX)?);
    match body.matches(report::TODO).count() {
        0 => {}
        left => return Err(ActError::Unfinished(left)),
    }
    let open: Vec<&str> = report::open_boxes(&body).collect();
    if let Some(first) = open.first() {
        let about = first.chars().take(BOX_SHOWN).collect();
        return Err(ActError::Unreviewed(open.len(), about));
    }
    let body = report::as_published(&body);
    publish(engine, number, Stage::Postmortem, body, by.to_owned(), None, moment, pen);
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "an entry has as many parts")]
fn publish(
    engine: &mut Engine,
    incident: u32,
    stage: Stage,
    body: String,
    by: String,
    reason: Option<String>,
    moment: Moment,
    pen: &mut Pen,
) {
    let impact = engine.state.cases.iter().find(|case| case.number == incident).map(|case| case.impact);
    let next = stage.is_open().then(|| (moment.wall + cadence(impact.unwrap_or_default())).as_millis());
    let services = engine.telling.told;
    engine.write(
        pen,
        Entry::Published { incident, stage, body, by: Some(by), reason, since: None, next, services },
    );
    said(engine, incident, moment);
    signals::said(engine, incident, moment);
}

fn find(engine: &Engine, id: PublicId) -> Result<&Case, ActError> {
    engine.state.cases.iter().rev().find(|case| case.id == id).ok_or(ActError::NoIncident(id))
}

fn work(engine: &Engine, id: PublicId) -> Result<&Work, ActError> {
    engine.state.maintenances.iter().find(|work| work.id == id).ok_or(ActError::NoMaintenance(id))
}

fn place(engine: &Engine, full_name: &str) -> Result<usize, ActError> {
    engine.state.place(full_name).ok_or_else(|| ActError::NoComponent(full_name.to_owned()))
}

/// Text that says something and is not too long; control characters other than line ends become spaces.
fn text(what: &'static str, text: &str, most: usize) -> Result<String, ActError> {
    let text = text.trim();
    match text.len() {
        0 => Err(ActError::Empty(what)),
        length if length > most => Err(ActError::TooLong(what, most)),
        _ => Ok(text.replace("\r\n", "\n").chars().map(plain).collect()),
    }
}

fn plain(c: char) -> char {
    if c.is_control() && c != '\n' { ' ' } else { c }
}

/// Letters of an open box that are said to whoever wants to publish.
const BOX_SHOWN: usize = 80;
