//! What follows from the answer of a page elsewhere.

use std::time::Duration;

use incident::{Moment, PublicId, Stage};
use serde_json::Value;

use super::{Meaning, PageChange, PageKeeper};
use crate::pace::back_off;
use crate::pages::board::{Board, Step, There, plain_id};
use crate::pages::compare::{compare, deleted, take};
use crate::pages::memory::{Stance, Text};
use crate::pages::write::{Around, Write};
use crate::pages::{PageWay, instatus, statuspage};
use crate::verdict::State;

impl PageKeeper {
    pub(super) fn looked(
        &mut self,
        step: &Step,
        meaning: Meaning,
        body: &[u8],
        moment: Moment,
    ) -> (Vec<PageChange>, Vec<String>) {
        match (meaning, step) {
            (Meaning::Taken, _) => match self.seen(step, body) {
                Some(count) => (self.recovered(), self.go_on_looking(step, count, moment)),
                None => (
                    self.troubled(None, "its answer cannot be read: look at `url`".to_owned(), moment),
                    Vec::new(),
                ),
            },
            (Meaning::Missing { .. }, Step::Incident(there)) => {
                let wanted = self.wanted.clone().unwrap_or_default();
                let mut said: Vec<_> = deleted(&mut self.memory, &wanted, there).into_iter().collect();
                said.extend(self.go_on_looking(step, 0, moment));
                (self.recovered(), said)
            }
            (Meaning::Lost { after, why } | Meaning::Later { after, why }, _) => {
                (self.troubled(after, why, moment), Vec::new())
            }
            (Meaning::Barred { why } | Meaning::Missing { why } | Meaning::Refused { why }, _) => {
                (self.troubled(None, why, moment), Vec::new())
            }
        }
    }

    fn seen(&mut self, step: &Step, body: &[u8]) -> Option<usize> {
        let body: Value = serde_json::from_slice(body).ok()?;
        match self.settings.way {
            PageWay::Statuspage(_) => statuspage::seen(&mut self.board, step, &body),
            PageWay::Instatus(_) => instatus::seen(&mut self.board, step, &body),
            PageWay::Template(_) => None,
        }
    }

    /// What else is to be looked at; at the end of a look what follows from it, in words for an admin.
    fn go_on_looking(&mut self, step: &Step, count: usize, moment: Moment) -> Vec<String> {
        let (Some(steps), Some(wanted)) = (&mut self.look, &self.wanted) else { return Vec::new() };
        match step {
            Step::Components(page) if count >= statuspage::PAGE_LENGTH && *page < COMPONENT_PAGES_MAX => {
                steps.push_front(Step::Components(page + 1));
            }
            Step::Incidents => {
                // Those that go on, or have news, and are not among the newest.
                let known = wanted.incidents.iter().filter_map(|incident| {
                    let kept = self.memory.incidents.get(&incident.id)?;
                    let is_ours = kept.stance != Stance::Left;
                    let matters = is_ours && (incident.is_open || !kept.pending(incident).is_empty());
                    kept.there.as_ref().filter(|there| matters && self.board.incident(there).is_none())
                });
                steps.extend(known.take(SINGLE_LOOKS_MAX).cloned().map(Step::Incident));
            }
            Step::Works | Step::Components(_) | Step::Incident(_) | Step::Report(..) => {}
        }
        if !steps.is_empty() {
            return Vec::new();
        }
        self.look = None;
        if self.board.is_overtaken {
            // Whether a person called it over before or after that news cannot be told from this look.
            self.board = Board::default();
            return Vec::new();
        }
        self.board.looked = Some(moment.now);
        self.figures.looked = Some(moment.wall);
        compare(&mut self.memory, wanted, &self.board)
    }

    pub(super) fn written(
        &mut self,
        write: &Write,
        meaning: Meaning,
        body: &[u8],
        moment: Moment,
    ) -> Vec<PageChange> {
        let number = self.refused.get(write).map_or(0, |(count, _)| *count) + self.failures + 1;
        let (state, why, mut changes) = match meaning {
            meaning if matches!(write, Write::Report(_)) => self.reported(write, meaning, body, moment),
            Meaning::Taken => {
                self.refused.remove(write);
                self.taken(write, body);
                (State::Delivered, String::new(), self.recovered())
            }
            Meaning::Lost { after, why } => {
                // It may be there.
                self.board.looked = None;
                let changes = self.troubled(after, why.clone(), moment);
                (State::Waiting, why, changes)
            }
            Meaning::Later { after, why } => {
                let changes = self.troubled(after, why.clone(), moment);
                (State::Waiting, why, changes)
            }
            Meaning::Barred { why } => {
                let changes = self.troubled(None, why.clone(), moment);
                (State::Waiting, why, changes)
            }
            // Where nothing of the incident can be missing, the page itself is: its server is being replaced, or the address is wrong.
            Meaning::Missing { why } if self.settings.is_blind() && !self.is_begun(write) => {
                let changes = self.troubled(None, why.clone(), moment);
                (State::Waiting, why, changes)
            }
            Meaning::Missing { why } => {
                // Somebody may just have deleted it.
                self.board.looked = None;
                let most = if self.settings.is_blind() { MISSING_MAX } else { REFUSED_MAX };
                (self.refuse(write, most, moment), why, self.recovered())
            }
            Meaning::Refused { why } => {
                self.board.looked = None;
                (self.refuse(write, REFUSED_MAX, moment), why, self.recovered())
            }
        };
        self.figures.outcomes[state as usize] += 1;
        self.figures.trouble.clone_from(&why);
        changes.push(PageChange::Attempted { key: write.key(), number, at: moment.wall, state, why });
        changes
    }

    /// Whether something of the same incident is settled there.
    fn is_begun(&self, write: &Write) -> bool {
        let Write::Say(incident, _) = write else { return false };
        self.memory.incidents.get(incident).is_some_and(|kept| !kept.done.is_empty())
    }

    /// It was not taken; after some tries it is left out, so that what comes later is not held up for ever.
    pub(super) fn refuse(&mut self, write: &Write, most: u32, moment: Moment) -> State {
        let (count, until) = self.refused.entry(write.clone()).or_insert((0, moment.now));
        *count += 1;
        *until = moment.now + back_off(*count);
        let is_final = *count >= most;
        if let (true, Write::Report(incident)) = (is_final, write) {
            self.refused.remove(write);
            let text = self.report_of(write).map(|(_, text)| Text::of(&text));
            self.memory.incidents.entry(*incident).or_default().report.refused = text;
            return State::Refused;
        }
        if let (true, Write::Say(incident, update)) = (is_final, write) {
            self.refused.remove(write);
            self.memory.incidents.entry(*incident).or_default().finish(*update, None, None);
            return State::Refused;
        }
        State::Waiting
    }

    /// What follows from an answer that is not lost.
    fn taken(&mut self, write: &Write, body: &[u8]) {
        let Some(wanted) = &self.wanted else { return };
        let around = Around { settings: &self.settings, wanted, memory: &self.memory, board: &self.board };
        for (id, status) in around.statuses(write) {
            let kept = self.memory.components.entry(id.clone()).or_default();
            kept.written = status;
            kept.tried.clear();
            self.board.components.insert(id, Some(status));
        }
        let value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let is_sure = match (write, &self.settings.way) {
            (Write::Say(incident, update), PageWay::Template(templates)) => {
                let kept = self.memory.incidents.entry(*incident).or_default();
                kept.there = kept.there.take().or_else(|| templates.id(body));
                kept.finish(*update, None, None);
                true
            }
            (Write::Say(incident, update), PageWay::Statuspage(_)) => {
                self.said(*incident, *update, statuspage::incident(&value))
            }
            (Write::Say(incident, update), PageWay::Instatus(_)) => {
                let there = self.memory.incidents.get(incident).and_then(|kept| kept.there.as_deref());
                let known = there.and_then(|there| self.board.incident(there)).cloned();
                let seen = match (known, instatus::update(&value)) {
                    (Some(mut known), Some(update)) => {
                        known.is_over = update.stage == Stage::Resolved.name();
                        known.updates.push(update);
                        Some(known)
                    }
                    (known, _) => instatus::incident(&value).filter(|_| known.is_none()),
                };
                self.said(*incident, *update, seen)
            }
            (Write::Announce(work), _) => {
                let id = plain_id(&value["id"]);
                let kept = self.memory.works.entry(*work).or_default();
                kept.there = id;
                kept.there.is_some()
            }
            (Write::Finish(work), _) => {
                self.memory.works.entry(*work).or_default().is_over = true;
                true
            }
            (Write::Component(..) | Write::Report(_), _) => true,
        };
        if !is_sure {
            self.board.looked = None;
        }
    }

    /// An incident as it is there after a write; whether the answer told it.
    fn said(&mut self, incident: PublicId, update: PublicId, seen: Option<There>) -> bool {
        let Some(wanted) = self.wanted.as_ref().and_then(|wanted| wanted.incident(incident)) else {
            return false;
        };
        let Some(seen) = seen else { return false };
        let kept = self.memory.incidents.entry(incident).or_default();
        if kept.stance == Stance::Reopens {
            kept.stance = Stance::Ours;
        }
        if kept.there.is_none() {
            (kept.there, kept.title) = (Some(seen.id.clone()), Some(Text::of(&seen.name)));
        }
        take(kept, wanted, &seen);
        // As it was taken: some change spaces, and nobody else had the time to.
        if let Some(done) = kept.done.iter_mut().find(|done| done.update == update)
            && let Some(said) = seen.updates.iter().find(|said| done.there.as_ref() == Some(&said.id))
        {
            done.text = Some(Text::of(&said.body));
        }
        let is_sure = kept.done.iter().any(|done| done.update == update && done.there.is_some());
        self.board.put(seen);
        is_sure
    }

    pub(super) fn troubled(
        &mut self,
        after: Option<Duration>,
        why: String,
        moment: Moment,
    ) -> Vec<PageChange> {
        self.failures = self.failures.saturating_add(1);
        let least = if after.is_some() && self.failures == 1 { ASKED_MIN } else { back_off(self.failures) };
        self.not_before = moment.now + after.unwrap_or_default().max(least);
        // Half a look is none.
        self.look = None;
        self.board.reports.clear();
        self.figures.trouble.clone_from(&why);
        let was_troubled = std::mem::replace(&mut self.is_troubled, true);
        if was_troubled { Vec::new() } else { vec![PageChange::Troubled(why)] }
    }

    pub(super) fn recovered(&mut self) -> Vec<PageChange> {
        self.failures = 0;
        self.figures.trouble.clear();
        let was_troubled = std::mem::replace(&mut self.is_troubled, false);
        if was_troubled { vec![PageChange::Recovered] } else { Vec::new() }
    }
}

/// After being asked to wait, at least so long.
const ASKED_MIN: Duration = Duration::from_secs(1);
/// Lists of components that are read.
const COMPONENT_PAGES_MAX: u32 = 10;
/// Incidents that are looked at one by one.
const SINGLE_LOOKS_MAX: usize = 5;
/// An update that was refused so often is left out.
pub(super) const REFUSED_MAX: u32 = 4;
/// And so often, which is half an hour, where what it belongs to was not found and nobody can look whether it is there.
const MISSING_MAX: u32 = 12;
