//! Times in which nobody outside could reach the site: seen by probes elsewhere, told to the public by an outpost or by the gate.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Moment, Pen};
use crate::record::{Entry, Record};
use crate::settings::OUTSIDE_APART;
use crate::sight::Outside;
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
}

/// Notes that probes elsewhere reach the site no longer, or again.
pub(crate) fn note(engine: &mut Engine, incident: u32, outside: Outside, pen: &mut Pen) {
    let open = engine.state.open_spell();
    let entry = match (open, outside) {
        (None, Outside::Unreached { since }) => {
            Entry::Outside { incident, from: since.as_millis(), until: None, id: None }
        }
        (Some(spell), Outside::Reached) => Entry::Outside {
            incident: spell.incident,
            from: spell.from.as_millis(),
            until: Some(pen.at.max(spell.from).as_millis()),
            id: None,
        },
        _ => return,
    };
    engine.write(pen, entry);
}

impl Engine {
    /// Takes what an outpost saw and told the public while this gate was out of reach. What is in the record already changes nothing.
    ///
    /// The public has read it elsewhere, so it is told here too, in every mode; only what people hold back is left to them.
    pub fn hear(&mut self, spell: &Spell, moment: Moment) -> Vec<Record> {
        let mut pen = Pen { records: Vec::new(), at: moment.wall };
        let Some(until) = spell.until.filter(|until| *until >= spell.from) else { return Vec::new() };
        // What goes on here is told when it is over here.
        let is_known = |kept: &KeptSpell| kept.until.is_none_or(|kept| kept >= until);
        if self.state.spells.iter().any(is_known) {
            return Vec::new();
        }
        let (from, until) = (spell.from, until.as_millis());
        let overlaps = |kept: &&KeptSpell| kept.until.is_some_and(|end| end + OUTSIDE_APART >= from);
        // The gate has seen and told the same by itself, a little shorter.
        if let Some(kept) = self.state.spells.last().filter(overlaps) {
            let entry = Entry::Outside {
                incident: kept.incident,
                from: from.as_millis(),
                until: Some(until),
                id: None,
            };
            self.write(&mut pen, entry);
            return pen.records;
        }
        let own = self.state.own().map(|case| (case.number, case.is_held, !case.said.is_empty()));
        let (incident, is_held, is_told) =
            own.unwrap_or_else(|| (self.open_outside(spell, &mut pen), false, false));
        let id = Some(spell.id.to_string());
        self.write(&mut pen, Entry::Outside { incident, from: from.as_millis(), until: Some(until), id });
        if is_held {
            return pen.records;
        }
        let until = Timestamp::from_millis(until);
        if is_told {
            said_outside(self, incident, (from, until), moment, &mut pen);
        } else {
            watched_components(self, incident, (from, until), &mut pen);
            outside_notice(self, incident, (from, until), moment, &mut pen);
        }
        pen.records
    }

    fn open_outside(&mut self, spell: &Spell, pen: &mut Pen) -> u32 {
        let incident = self.state.numbers.incident + 1;
        let (title, since) = (crate::texts::title(&self.subject()), spell.from.as_millis());
        self.write(pen, Entry::Opened { incident, title, since, cause: None, by: None });
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
        let is_news = |spell: &&Spell| spell.until.is_none_or(|until| until > heard);
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
