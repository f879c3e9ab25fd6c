//! Times in which nobody outside could reach the site: seen by probes elsewhere, told to the public by an outpost or by the gate.

use std::collections::VecDeque;
use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Moment, Pen};
use crate::record::{Entry, Record};
use crate::settings::{OUTSIDE_APART, SPELLS_MAX};
use crate::sight::{FEW, Outside};
use crate::speaking::{outside_notice, said_outside, watched_components};
use crate::view::{Trouble, View};
use crate::words::{PublicId, Status};

/// A time in which nobody outside could reach the site.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Spell {
    /// Of the incident that the public was told of.
    pub id: PublicId,
    /// When it began.
    pub from: Timestamp,
    /// When it was over; `None`: it goes on.
    pub until: Option<Timestamp>,
}

/// A spell as the record keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptSpell {
    pub(crate) incident: u32,
    pub(crate) from: Timestamp,
    pub(crate) until: Option<Timestamp>,
    /// Customers were served meanwhile; the name by which an outpost told the public of it all the same.
    pub(crate) doubted: Option<PublicId>,
}

/// What there is to know before what an outpost tells is believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear {
    /// Requests of customers that ended well, by the time in steps of [`STEP`], oldest first; steps without any are left out.
    served: VecDeque<(u64, u64)>,
    /// What is heard while the gate sees the same itself: it is taken when that is over.
    waiting: Vec<Spell>,
    /// When it was last seen that nobody reaches the site.
    unreached: Option<Timestamp>,
}

/// What the record says of a time in which nobody outside could reach the site.
enum Known {
    /// Nothing.
    No,
    /// The gate has seen it and told nobody.
    Untold(u32),
    /// It was told, or people hold it back; but of less time.
    Shorter(u32),
    /// All.
    Whole,
}

impl Ear {
    /// Requests of customers that ended well in the last second.
    pub(crate) fn served(&mut self, good: u64, now: Timestamp) {
        if good == 0 {
            return;
        }
        let step = now.as_secs() / STEP.as_secs();
        match self.served.back_mut().filter(|(last, _)| *last == step) {
            Some((_, count)) => *count = count.saturating_add(good),
            None => self.served.push_back((step, good)),
        }
        let excess = self.served.len().saturating_sub(STEPS_MAX);
        self.served.drain(..excess);
    }

    /// Whether customers were served in this time: at its ends they may have been before it was noticed.
    fn has_served(&self, from: Timestamp, until: Timestamp) -> bool {
        let first = (from + BEGIN_LATE).as_secs().div_ceil(STEP.as_secs());
        let end = until.before(END_LATE).as_secs() / STEP.as_secs();
        let within = self.served.iter().filter(|(step, _)| (first..end).contains(step));
        within.map(|(_, count)| *count).fold(0, u64::saturating_add) >= FEW
    }
}

/// Notes that probes elsewhere reach the site no longer, or again; `incident` is the one that goes on.
pub(crate) fn note(engine: &mut Engine, incident: Option<u32>, pen: &mut Pen) {
    let open = engine.state.open_spell();
    if matches!(engine.outside, Outside::Unreached { .. }) {
        engine.ear.unreached = Some(pen.at);
    }
    let (incident, from, until) = match (open, engine.outside, incident) {
        (None, Outside::Unreached { since }, Some(incident)) => (incident, since, None),
        (Some(spell), Outside::Reached, _) => (spell.incident, spell.from, Some(pen.at)),
        // Nobody tells any more how it ended, and what it belongs to is over.
        (Some(spell), Outside::Unknown, _) if !engine.state.is_open(spell.incident) => {
            (spell.incident, spell.from, Some(engine.ear.unreached.unwrap_or(spell.from)))
        }
        _ => return,
    };
    let until = until.map(|until| until.max(from).as_millis());
    let from = from.as_millis();
    engine.write(pen, Entry::Outside { incident, from, until, id: None, is_doubted: false });
}

impl Engine {
    /// Takes what an outpost saw and told the public while this gate was out of reach. What is in the record already changes nothing.
    ///
    /// The public has read it elsewhere, so it is told here too, in every mode; only what people hold back is left to them. Where
    /// customers were served meanwhile it was none: that is only noted.
    pub fn hear(&mut self, spell: &Spell, moment: Moment) -> Vec<Record> {
        let mut pen = self.pen(moment);
        self.take(spell, moment, &mut pen);
        pen.records
    }

    /// Takes what had to wait.
    pub(crate) fn hear_waiting(&mut self, moment: Moment, pen: &mut Pen) {
        if self.state.open_spell().is_none() {
            for spell in std::mem::take(&mut self.ear.waiting) {
                self.take(&spell, moment, pen);
            }
        }
    }

    fn take(&mut self, spell: &Spell, moment: Moment, pen: &mut Pen) {
        let Some(until) = spell.until.filter(|until| *until >= spell.from) else { return };
        if self.state.open_spell().is_some() {
            if self.ear.waiting.len() < SPELLS_MAX && !self.ear.waiting.contains(spell) {
                self.ear.waiting.push(*spell);
            }
            return;
        }
        let time = (spell.from, until);
        match self.known(time) {
            Known::Whole => {}
            // The gate has seen and told the same by itself, a little shorter.
            Known::Shorter(incident) => self.note_outside(incident, time, None, pen),
            Known::Untold(_) | Known::No if self.ear.has_served(spell.from, until) => {
                self.doubt(spell, time, pen);
            }
            known @ (Known::Untold(_) | Known::No) => {
                let own = self.state.own().map(|case| (case.number, case.is_held, !case.said.is_empty()));
                let untold =
                    if let Known::Untold(incident) = known { Some((incident, false, false)) } else { None };
                let (incident, is_held, is_told) =
                    own.or(untold).unwrap_or_else(|| (self.open_outside(spell, pen), false, false));
                self.note_outside(incident, time, Some(spell.id), pen);
                self.say_outside(incident, (is_held, is_told), time, moment, pen);
            }
        }
    }

    /// What the record says of a time.
    fn known(&self, (from, until): (Timestamp, Timestamp)) -> Known {
        let spells = || self.state.spells.iter().rev().filter(|kept| kept.from <= until);
        let is_told = |kept: &&KeptSpell| kept.doubted.is_none() && self.state.is_settled(kept.incident);
        let is_whole = |kept: &KeptSpell| {
            kept.until.is_some_and(|end| end >= until) && (kept.doubted.is_some() || is_told(&kept))
        };
        let overlaps = |kept: &&KeptSpell| kept.until.is_some_and(|end| end + OUTSIDE_APART >= from);
        if spells().any(is_whole) {
            return Known::Whole;
        }
        match spells().find(overlaps).filter(|kept| kept.doubted.is_none()) {
            Some(kept) if is_told(&kept) => Known::Shorter(kept.incident),
            Some(kept) => Known::Untold(kept.incident),
            None => Known::No,
        }
    }

    /// Notes a time in which customers were served.
    fn doubt(&mut self, spell: &Spell, (from, until): (Timestamp, Timestamp), pen: &mut Pen) {
        let own = self.state.own().map(|case| case.number);
        let incident = own.unwrap_or_else(|| self.open_outside(spell, pen));
        let (from, until, id) = (from.as_millis(), Some(until.as_millis()), Some(spell.id.to_string()));
        self.write(pen, Entry::Outside { incident, from, until, id, is_doubted: true });
        if own.is_none() {
            self.write(pen, Entry::Ended { incident });
        }
    }

    fn note_outside(
        &mut self,
        incident: u32,
        (from, until): (Timestamp, Timestamp),
        id: Option<PublicId>,
        pen: &mut Pen,
    ) {
        let (from, until, id) = (from.as_millis(), Some(until.as_millis()), id.map(|id| id.to_string()));
        self.write(pen, Entry::Outside { incident, from, until, id, is_doubted: false });
    }

    fn say_outside(
        &mut self,
        incident: u32,
        (is_held, is_told): (bool, bool),
        time: (Timestamp, Timestamp),
        moment: Moment,
        pen: &mut Pen,
    ) {
        if is_held {
            return;
        }
        if is_told {
            said_outside(self, incident, time, moment, pen);
        } else {
            watched_components(self, incident, time, pen);
            outside_notice(self, incident, time, moment, pen);
        }
    }

    fn open_outside(&mut self, spell: &Spell, pen: &mut Pen) -> u32 {
        let incident = self.state.numbers.incident + 1;
        let (title, since) = (crate::texts::title(&self.subject()), spell.from.as_millis());
        self.write(pen, Entry::Opened { incident, title, since, cause: None, by: None, by_alert: false });
        incident
    }
}

impl View {
    /// Adds what another watcher tells of times in which nobody could reach the site, as far as this view does not tell of them;
    /// whether there was anything to add.
    ///
    /// Everything that is watched was out of reach then: what people alone say is left as it is.
    pub fn add_outside(&mut self, other: &Self) -> bool {
        let heard = self.outside.iter().filter_map(|spell| spell.until).max().unwrap_or_default();
        // What goes on there goes on here.
        let has_open = self.outside.iter().any(|spell| spell.until.is_none());
        let is_news = |spell: &&Spell| spell.until.map_or(!has_open, |until| until > heard);
        let news: Vec<Spell> = other.outside.iter().filter(is_news).copied().collect();
        if news.is_empty() {
            return false;
        }
        let watched: Vec<usize> =
            (0..self.components.len()).filter(|place| self.components[*place].is_watched).collect();
        let status = other.components.iter().map(|component| component.status).max().unwrap_or_default();
        for &place in &watched {
            let component = &mut self.components[place];
            component.status = component.status.max(status);
            component.updated_at = component.updated_at.max(other.updated_at);
            let trouble =
                |spell: &Spell| Trouble { status: Status::MajorOutage, from: spell.from, until: spell.until };
            component.troubles.extend(news.iter().map(trouble));
        }
        self.roll_up();
        let is_news = |id: PublicId| news.iter().any(|spell| spell.id == id);
        let mut incidents: Vec<_> =
            other.incidents.iter().filter(|incident| is_news(incident.id)).cloned().collect();
        for incident in &mut incidents {
            incident.components.clone_from(&watched);
            for update in &mut incident.updates {
                let changed = update.affected.first().map(|(_, before, after)| (*before, *after));
                let places = watched.iter();
                update.affected = changed
                    .into_iter()
                    .flat_map(|(before, after)| places.clone().map(move |place| (*place, before, after)))
                    .collect();
            }
        }
        incidents.append(&mut self.incidents);
        self.incidents = incidents;
        self.updated_at = self.updated_at.max(other.updated_at);
        // From where it is checked is what the other one says: this one is not heard from.
        self.places = other.places;
        true
    }

    /// Groups do as the worst that is in them does. They come before it, so that from the end each has its whole.
    fn roll_up(&mut self) {
        for place in (0..self.components.len()).rev() {
            let (status, updated_at) = (self.components[place].status, self.components[place].updated_at);
            if let Some(group) = self.components[place].group.filter(|group| *group < place) {
                let group = &mut self.components[group];
                (group.status, group.updated_at) =
                    (group.status.max(status), group.updated_at.max(updated_at));
            }
        }
    }
}

/// Steps in which it is remembered that customers were served.
const STEP: Duration = Duration::from_secs(10);
/// A day of them.
const STEPS_MAX: usize = 8_640;
/// An attempt that fails may have begun so long before the way was dead.
const BEGIN_LATE: Duration = Duration::from_secs(5);
/// And so long after the way is free again it is sure.
const END_LATE: Duration = Duration::from_secs(20);
