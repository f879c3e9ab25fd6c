//! What the record says, entry by entry.

use std::time::Duration;

use model::Timestamp;

use crate::case::{Case, Drafted, Note, opened};
use crate::load::TALLIES_MAX;
use crate::outside::KeptSpell;
use crate::record::{Chain, Entry, Record};
use crate::settings::{
    CASES_MAX, HISTORY, MAINTENANCES_MAX, NOTES_MAX, SAME_WITHIN, SPELLS_MAX, Settings, TROUBLES_MAX,
};
use crate::signals::KeptSignal;
use crate::view::Trouble;
use crate::words::{PublicId, Stage, Status};

/// All that the record says. Bounded: what is old leaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) chain: Chain,
    /// Oldest first.
    pub(crate) cases: Vec<Case>,
    pub(crate) components: Vec<Watched>,
    /// Oldest first.
    pub(crate) maintenances: Vec<Work>,
    /// Times in which nobody outside could reach the site, oldest first.
    pub(crate) spells: Vec<KeptSpell>,
    /// What alerts of other systems say as long as they fire, oldest first.
    pub(crate) signals: Vec<KeptSignal>,
    /// When anything public last changed.
    pub(crate) updated_at: Timestamp,
    /// The highest numbers so far.
    pub(crate) numbers: Numbers,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) incident: u32,
    pub(crate) maintenance: u32,
}

/// What the record says of a component of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) full_name: String,
    /// Since when the record knows it.
    pub(crate) since: Option<Timestamp>,
    /// When that was last written down.
    pub(crate) noted_at: Timestamp,
    /// As the gate sees it.
    pub(crate) seen: Status,
    /// As a person says.
    pub(crate) overridden: Option<Status>,
    /// The entry in which a person last said something; 0 before.
    pub(crate) revision: u64,
    pub(crate) updated_at: Timestamp,
    /// Oldest first.
    pub(crate) troubles: Vec<Trouble>,
}

/// Announced work.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) number: u32,
    pub(crate) id: PublicId,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) components: Vec<usize>,
    pub(crate) is_over: bool,
    /// Its last entry.
    pub(crate) revision: u64,
}

impl Watched {
    /// How it does for the public.
    pub(crate) fn status(&self) -> Status {
        self.overridden.unwrap_or(self.seen)
    }

    /// Begins to be watched, unless it is already.
    fn meet(&mut self, at: Timestamp) {
        if self.since.is_none() {
            (self.since, self.updated_at) = (Some(at), at);
        }
    }

    /// What stands, said once more.
    fn stand(&mut self, since: Timestamp, overridden: Option<Status>, at: Timestamp) {
        self.meet(since);
        (self.overridden, self.noted_at) = (overridden, at);
    }

    /// Notes its troubles where its status has changed.
    fn turn(&mut self, before: Status, from: Timestamp, at: Timestamp) {
        let status = self.status();
        if status == before {
            return;
        }
        self.updated_at = at;
        if let Some(last) = self.troubles.last_mut().filter(|last| last.until.is_none()) {
            last.until = Some(from.max(last.from));
        }
        if status != Status::Operational {
            self.troubles.push(Trouble { status, from, until: None });
        }
        let is_old = |trouble: &Trouble| trouble.until.is_some_and(|until| at.since(until) > HISTORY);
        self.troubles.retain(|trouble| !is_old(trouble));
        let excess = self.troubles.len().saturating_sub(TROUBLES_MAX);
        self.troubles.drain(..excess);
    }
}

/// Whether something happened no longer than this ago. What seems to be still to come happened before the clock was set back, nobody knows
/// how long ago.
pub(crate) fn is_within(at: Timestamp, now: Timestamp, within: Duration) -> bool {
    at <= now && now.since(at) <= within
}

impl State {
    /// Nothing has happened yet to these components.
    pub(crate) fn new(settings: &Settings) -> Self {
        let watched = |full_name| Watched {
            full_name,
            since: None,
            noted_at: Timestamp::default(),
            seen: Status::Operational,
            overridden: None,
            revision: 0,
            updated_at: Timestamp::default(),
            troubles: Vec::new(),
        };
        let names = settings.components.iter().take(Settings::COMPONENTS_MAX);
        let components = names.map(|component| watched(component.full_name())).collect();
        Self { components, ..Self::default() }
    }

    /// Those that go on and that the public was told of, newest first.
    pub(crate) fn told(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().rev().filter(|case| case.is_open() && !case.said.is_empty())
    }

    /// The gate's own before this one, if it was held back and is over no longer than an hour.
    pub(crate) fn held_before(&self, at: Timestamp) -> bool {
        let before = self.cases.iter().rev().find(|case| case.is_own());
        before.is_some_and(|case| case.is_held && at.since(case.updated_at) <= SAME_WITHIN)
    }

    /// The one that goes on and that the gate saw itself.
    pub(crate) fn own(&self) -> Option<&Case> {
        self.cases.iter().rev().find(|case| case.is_open() && case.is_own())
    }

    /// The last that the gate saw itself and that the public was told of, if it was called over no longer than this ago, no report
    /// has ended it, and people have not taken it over.
    pub(crate) fn recent(&self, at: Timestamp, within: Duration) -> Option<&Case> {
        let last = self.cases.iter().rev().find(|case| case.is_own() && !case.said.is_empty())?;
        let said = last.said.last().filter(|said| said.stage == Stage::Resolved)?;
        // What waits for a yes is the same incident for as long as it does.
        let is_recent = last.waits.is_some() || is_within(said.at, at, within);
        (!last.is_held && is_recent).then_some(last)
    }

    /// The place of a component with this full name.
    pub(crate) fn place(&self, full_name: &str) -> Option<usize> {
        self.components.iter().position(|component| component.full_name == full_name)
    }

    fn case(&mut self, number: u32) -> Option<&mut Case> {
        self.cases.iter_mut().rev().find(|case| case.number == number)
    }

    /// Takes the next entry.
    pub(crate) fn apply(&mut self, record: &Record) {
        let at = record.at;
        match &record.entry {
            Entry::Opened { incident, title, since, cause, by, by_alert } => {
                self.numbers.incident = self.numbers.incident.max(*incident);
                let who = (by.is_some(), *by_alert);
                self.cases.push(opened(record, *incident, title, *since, *cause, who));
                self.forget_cases();
            }
            Entry::Published { incident, stage, .. } => {
                let changed = self.case(*incident).is_some_and(|case| case.publish(record, *stage));
                self.updated_at = if changed { at } else { self.updated_at };
            }
            Entry::Component { incident, component, status, from } => {
                self.seen(*incident, component, *status, Timestamp::from_millis(*from), at);
            }
            Entry::Overridden { component, status, .. } => {
                self.overridden(component, *status, at);
                self.place(component)
                    .into_iter()
                    .for_each(|place| self.components[place].revision = record.seq);
            }
            Entry::Drafted { incident, text, by } => {
                if let Some(case) = self.case(*incident) {
                    case.drafts = case.drafts.saturating_add(1);
                    case.draft = Some(Drafted { seq: record.seq, at, by: by.clone(), text: text.clone() });
                }
            }
            Entry::Watched { component, since, overridden } => {
                if let Some(place) = self.place(component) {
                    self.components[place].stand(Timestamp::from_millis(*since), *overridden, at);
                }
            }
            Entry::Maintenance { .. } => self.maintain(record),
            Entry::Counted { incident, tally } => {
                let case = self.case(*incident).filter(|case| case.tallies.len() < TALLIES_MAX);
                case.into_iter().for_each(|case| case.tallies.push((record.seq, *tally)));
            }
            internal @ (Entry::Explained { .. }
            | Entry::Fared { .. }
            | Entry::Level { .. }
            | Entry::Planned { .. }
            | Entry::Withdrawn { .. }
            | Entry::Acknowledged { .. }
            | Entry::Noted { .. }
            | Entry::Signalled { .. }
            | Entry::Outside { .. }
            | Entry::Measured { .. }
            | Entry::Ended { .. }) => self.note(internal, record.seq, at),
        }
    }

    /// What changes nothing in public.
    fn note(&mut self, entry: &Entry, seq: u64, at: Timestamp) {
        if let Some(case) = entry.incident().and_then(|number| self.case(number)) {
            if case.notes.len() >= NOTES_MAX {
                case.notes.pop_front();
            }
            case.notes.push_back(Note { seq, at, entry: entry.clone() });
        }
        match entry {
            Entry::Explained { incident, cause } => {
                self.case(*incident).into_iter().for_each(|case| case.cause = Some(*cause));
            }
            Entry::Fared { incident, services } => {
                if let Some(case) = self.case(*incident) {
                    let lasted = at.since(case.fared_at);
                    for (lost, service) in case.lost.iter_mut().zip(case.services.audiences) {
                        lost.add(service, lasted);
                    }
                    // Who fares badly in the moment in which it is opened has done so since it began.
                    let from = if at == case.opened.1 { case.since } else { at };
                    (case.services, case.fared_at) = (*services, from);
                }
            }
            Entry::Planned { incident, due, stage } => {
                if let Some(case) = self.case(*incident) {
                    if case.waits.is_some_and(|before| before != *stage) {
                        case.revision = seq;
                    }
                    if case.waits != Some(*stage) {
                        case.asked = seq;
                    }
                    (case.planned, case.waits) = (due.map(Timestamp::from_millis), Some(*stage));
                }
            }
            Entry::Withdrawn { incident, by } => {
                if let Some(case) = self.case(*incident) {
                    (case.planned, case.waits) = (None, None);
                    case.is_held |= by.is_some();
                    case.revision = seq;
                }
            }
            Entry::Outside { .. } => self.heard(entry),
            Entry::Signalled { .. } => self.signalled(entry, seq, at),
            Entry::Measured { incident, measured } => {
                self.case(*incident).into_iter().for_each(|case| case.measured = Some((seq, *measured)));
            }
            Entry::Ended { incident } => {
                self.case(*incident)
                    .into_iter()
                    .for_each(|case| (case.is_ended, case.updated_at) = (true, at));
            }
            Entry::Level { .. }
            | Entry::Counted { .. }
            | Entry::Acknowledged { .. }
            | Entry::Noted { .. }
            | Entry::Drafted { .. }
            | Entry::Opened { .. }
            | Entry::Published { .. }
            | Entry::Component { .. }
            | Entry::Watched { .. }
            | Entry::Overridden { .. }
            | Entry::Maintenance { .. } => {}
        }
    }

    /// Whether an incident goes on.
    pub(crate) fn is_open(&self, incident: u32) -> bool {
        self.cases.iter().any(|case| case.number == incident && case.is_open())
    }

    /// Whether the public was told of an incident, or people hold it back; also of one that is forgotten.
    pub(crate) fn is_settled(&self, incident: u32) -> bool {
        let case = self.cases.iter().find(|case| case.number == incident);
        case.is_none_or(|case| !case.said.is_empty() || case.is_held)
    }

    /// The time that goes on in which nobody outside can reach the site.
    pub(crate) fn open_spell(&self) -> Option<KeptSpell> {
        self.spells.last().filter(|spell| spell.until.is_none()).copied()
    }

    fn heard(&mut self, entry: &Entry) {
        let Entry::Outside { incident, from, until, id, is_doubted } = entry else { return };
        let (from, until) = (Timestamp::from_millis(*from), until.map(Timestamp::from_millis));
        let id = id.as_ref().and_then(|id| id.parse().ok());
        let doubted = id.filter(|_| *is_doubted);
        self.outside(KeptSpell { incident: *incident, from, until, doubted });
        // What the public was told of keeps the name that it has, and what is not told takes none.
        let id = id.filter(|_| !is_doubted);
        if let Some((case, id)) = self.case(*incident).filter(|case| case.said.is_empty()).zip(id) {
            case.id = id;
        }
    }

    fn outside(&mut self, spell: KeptSpell) {
        match self.spells.last_mut().filter(|last| last.until.is_none() && last.from == spell.from) {
            Some(open) => open.until = spell.until,
            None => self.spells.push(spell),
        }
        let excess = self.spells.len().saturating_sub(SPELLS_MAX);
        self.spells.drain(..excess);
    }

    fn seen(&mut self, incident: Option<u32>, name: &str, status: Status, from: Timestamp, at: Timestamp) {
        let Some(place) = self.place(name) else { return };
        let component = &mut self.components[place];
        component.meet(from);
        let before = component.status();
        component.seen = status;
        component.turn(before, from, at);
        let after = component.status();
        self.touch(incident, place, before, after, at);
    }

    fn overridden(&mut self, name: &str, status: Option<Status>, at: Timestamp) {
        let Some(place) = self.place(name) else { return };
        let component = &mut self.components[place];
        component.meet(at);
        let before = component.status();
        component.overridden = status;
        component.turn(before, at, at);
        let after = component.status();
        // One that is being opened comes first.
        let opening = self.cases.last().filter(|case| case.is_by_person && case.said.is_empty());
        let incident = opening.or_else(|| self.told().next()).map(|case| case.number);
        // What a person says for an incident belongs to it, also where the gate has said the same.
        if status.is_some()
            && let Some(case) = incident.and_then(|number| self.case(number))
            && !case.components.contains(&place)
        {
            case.components.push(place);
            case.impact = case.impact.max(after.impact());
        }
        self.touch(incident, place, before, after, at);
    }

    /// Notes that an incident has changed how a component does.
    fn touch(&mut self, incident: Option<u32>, place: usize, before: Status, after: Status, at: Timestamp) {
        if before == after {
            return;
        }
        self.updated_at = at;
        let Some(case) = incident.and_then(|number| self.case(number)) else { return };
        case.impact = case.impact.max(after.impact());
        case.updated_at = at;
        if !case.components.contains(&place) {
            case.components.push(place);
        }
        match case.pending.iter_mut().find(|(known, ..)| *known == place) {
            Some(change) => change.2 = after,
            None => case.pending.push((place, before, after)),
        }
    }

    fn maintain(&mut self, record: &Record) {
        let Entry::Maintenance { number, title, body, from, until, components, is_over, .. } = &record.entry
        else {
            return;
        };
        self.numbers.maintenance = self.numbers.maintenance.max(*number);
        self.updated_at = record.at;
        let components = components.iter().filter_map(|name| self.place(name)).collect();
        let known = self.maintenances.iter().position(|work| work.number == *number);
        let work = Work {
            number: *number,
            id: known.map_or_else(|| PublicId::of(&record.hash), |place| self.maintenances[place].id),
            title: title.clone(),
            body: body.clone(),
            created_at: known.map_or(record.at, |place| self.maintenances[place].created_at),
            updated_at: record.at,
            from: Timestamp::from_millis(*from),
            until: Timestamp::from_millis(*until),
            components,
            is_over: *is_over,
            revision: record.seq,
        };
        match known {
            Some(place) => self.maintenances[place] = work,
            None => self.maintenances.push(work),
        }
        let excess = self.maintenances.len().saturating_sub(MAINTENANCES_MAX);
        self.maintenances.drain(..excess);
    }

    /// The oldest that are over leave, and of those first the ones that the public was not told of.
    fn forget_cases(&mut self) {
        while self.cases.len() > CASES_MAX {
            let untold = self.cases.iter().position(|case| !case.is_open() && case.said.is_empty());
            let over = untold.or_else(|| self.cases.iter().position(|case| !case.is_open()));
            self.cases.remove(over.unwrap_or(0));
        }
    }
}
