//! Published reports, brought to where a page elsewhere has a place for them: as drafts, and never over what a person wrote.
//!
//! A report is looked at by itself, and what goes wrong with it holds up nothing else: it is news of days ago.

use incident::{Moment, PublicId};
use serde_json::Value;

use super::settle::REFUSED_MAX;
use super::{Meaning, PageChange, PageKeeper, State};
use crate::pages::board::{Step, ThereReport};
use crate::pages::memory::{Stance, Text};
use crate::pages::wanted::WantedIncident;
use crate::pages::write::Write;
use crate::pages::{PageWay, statuspage};

impl PageKeeper {
    /// The id there of an incident whose report is still to be brought.
    fn awaits_report<'a>(&'a self, wanted: &WantedIncident) -> Option<&'a str> {
        let (text, at) = wanted.report.as_ref()?;
        let kept = self.memory.incidents.get(&wanted.id)?;
        let is_due = *at >= self.memory.reports_begun && kept.report.is_due(text);
        let is_quiet = kept.stance != Stance::Left && kept.pending(wanted).is_empty();
        let has_place = matches!(self.settings.way, PageWay::Statuspage(_));
        kept.there.as_deref().filter(|_| is_due && is_quiet && has_place)
    }

    /// Reports that are still to be brought, oldest incident first.
    pub(super) fn reports(&self) -> impl Iterator<Item = Write> {
        let incidents = self.wanted.iter().flat_map(|wanted| &wanted.incidents);
        incidents
            .filter(|incident| self.awaits_report(incident).is_some())
            .map(|incident| Write::Report(incident.id))
    }

    /// Whether it was seen that there is room for a report there.
    pub(super) fn may_report(&self, incident: PublicId) -> bool {
        let there = self.memory.incidents.get(&incident).and_then(|kept| kept.there.as_ref());
        there.is_some_and(|there| self.board.reports.contains(there))
    }

    /// The next report of which it must be seen whether there is room for it.
    pub(super) fn report_to_look_at(&self, now: model::Instant) -> Option<Step> {
        let waits = |write: &Write| self.refused.get(write).is_some_and(|(_, until)| *until > now);
        let Write::Report(incident) = self.reports().find(|write| !waits(write))? else { return None };
        let there = self.memory.incidents.get(&incident)?.there.clone()?;
        Some(Step::Report(incident, there))
    }

    /// What follows from a look at a report.
    pub(super) fn looked_at_report(
        &mut self,
        (incident, there): (PublicId, &str),
        meaning: Meaning,
        body: &[u8],
        moment: Moment,
    ) -> (Vec<PageChange>, Vec<String>) {
        let found = match meaning {
            Meaning::Taken => serde_json::from_slice(body).ok().as_ref().and_then(statuspage::report_there),
            Meaning::Missing { .. } => Some(ThereReport::default()),
            Meaning::Lost { after, why } | Meaning::Later { after, why } => {
                return (self.troubled(after, why, moment), Vec::new());
            }
            Meaning::Barred { .. } | Meaning::Refused { .. } => None,
        };
        let Some(found) = found else {
            let state = self.refuse(&Write::Report(incident), REFUSED_MAX, moment);
            let said = (state == State::Refused).then(|| {
                format!(
                    "whether a report of incident {incident} is there cannot be seen; ours is not brought"
                )
            });
            return (self.recovered(), said.into_iter().collect());
        };
        let said = self.compare_report(incident, there, &found).into_iter().collect();
        (self.recovered(), said)
    }

    /// Whether a report may be written there; what a person did, in words for an admin.
    fn compare_report(&mut self, incident: PublicId, there: &str, found: &ThereReport) -> Option<String> {
        let wanted = self.wanted.as_ref()?.incident(incident)?;
        let (text, _) = wanted.report.as_ref()?;
        let kept = &mut self.memory.incidents.entry(incident).or_default().report;
        let (ours, seen) = (Text::of(text), Text::of(&found.text));
        if seen == ours {
            kept.done = Some(ours);
            return None;
        }
        let is_ours = kept.sent.contains(&seen) && !found.is_published;
        if found.text.trim().is_empty() || is_ours {
            self.board.reports.insert(there.to_owned());
            return None;
        }
        kept.is_left = true;
        Some(format!(
            "somebody wrote a report of incident \"{}\" ({incident}) there; it stays, and ours is not brought",
            wanted.title
        ))
    }

    /// Notes what is about to be sent, so that it is known for ours if the answer is lost.
    pub(super) fn send_report(&mut self, write: &Write) -> bool {
        let Some((incident, text)) = self.report_of(write) else { return false };
        self.memory.incidents.entry(incident).or_default().report.send(Text::of(&text));
        true
    }

    pub(super) fn report_of(&self, write: &Write) -> Option<(PublicId, String)> {
        let Write::Report(incident) = write else { return None };
        let (text, _) = self.wanted.as_ref()?.incident(*incident)?.report.clone()?;
        Some((*incident, text))
    }

    /// What came of writing one.
    pub(super) fn reported(
        &mut self,
        write: &Write,
        meaning: Meaning,
        body: &[u8],
        moment: Moment,
    ) -> (State, String, Vec<PageChange>) {
        // What is there must be seen again, whatever the answer says.
        self.board.reports.clear();
        match meaning {
            Meaning::Taken => {
                let (said, changes) = (self.report_taken(write, body), self.recovered());
                self.figures.noticed.extend(said.clone());
                self.unsaid.extend(said.map(PageChange::Noticed));
                (State::Delivered, String::new(), changes)
            }
            Meaning::Lost { after, why } | Meaning::Later { after, why } => {
                let changes = self.troubled(after, why.clone(), moment);
                (State::Waiting, why, changes)
            }
            Meaning::Barred { why } | Meaning::Missing { why } | Meaning::Refused { why } => {
                (self.refuse(write, REFUSED_MAX, moment), why, self.recovered())
            }
        }
    }

    fn report_taken(&mut self, write: &Write, body: &[u8]) -> Option<String> {
        let (incident, text) = self.report_of(write)?;
        self.refused.remove(write);
        let title = self.wanted.as_ref()?.incident(incident)?.title.clone();
        let kept = &mut self.memory.incidents.entry(incident).or_default().report;
        kept.done = Some(Text::of(&text));
        // As it was taken: some change spaces.
        let taken = serde_json::from_slice::<Value>(body).ok().as_ref().and_then(statuspage::report_there);
        if let Some(taken) = taken {
            kept.send(Text::of(&taken.text));
        }
        Some(format!(
            "the report of incident \"{title}\" ({incident}) is there as a draft; publish it there by hand"
        ))
    }
}
