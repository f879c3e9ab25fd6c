//! One thing that is written on a page elsewhere.

use incident::{PublicId, Status};

use super::board::{Board, There};
use super::memory::Memory;
use super::wanted::{Wanted, WantedIncident, WantedUpdate, WantedWork};
use super::{PageSettings, PageWay, Request, instatus, statuspage};

/// One thing that is written.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Write {
    /// An update of an incident, which is made with it if it is the first.
    Say(PublicId, PublicId),
    /// Announced work.
    Announce(PublicId),
    /// That announced work is over before its time.
    Finish(PublicId),
    /// How a component does.
    Component(String, Status),
    /// The report of an incident, as a draft.
    Report(PublicId),
}

impl Write {
    /// What no other has, for the journal.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Say(incident, update) => format!("{incident}.{update}"),
            Self::Announce(work) => format!("{work}.announced"),
            Self::Finish(work) => format!("{work}.over"),
            Self::Report(incident) => format!("{incident}.report"),
            Self::Component(id, status) => {
                format!("{}.{status}", id.chars().take(KEY_CHARS_MAX).collect::<String>())
            }
        }
    }
}

/// All that a request is made of.
pub(super) struct Around<'a> {
    pub(super) settings: &'a PageSettings,
    pub(super) wanted: &'a Wanted,
    pub(super) memory: &'a Memory,
    pub(super) board: &'a Board,
}

/// An update with its incident, as it is to be written.
pub(super) struct Words<'a> {
    pub(super) incident: &'a WantedIncident,
    pub(super) update: &'a WantedUpdate,
    /// Its id there; `None`: it is to be made.
    pub(super) there: Option<&'a str>,
    /// As it was seen there.
    pub(super) seen: Option<&'a There>,
    /// Ids there that exist and that no person sees to; how they do, if this is the newest word.
    pub(super) components: Vec<(&'a str, Option<Status>)>,
    /// Whether subscribers are told.
    pub(super) tells: bool,
}

/// Work, as it is to be announced.
pub(super) struct Plan<'a> {
    pub(super) work: &'a WantedWork,
    pub(super) components: Vec<&'a str>,
    pub(super) tells: bool,
}

impl<'a> Around<'a> {
    /// The words of an update; `None` if nobody wants it any more.
    pub(super) fn words(&self, incident: PublicId, update: PublicId) -> Option<Words<'a>> {
        let Self { settings, wanted, memory, board } = *self;
        let wanted_incident = wanted.incident(incident)?;
        let update = wanted_incident.update(update)?;
        let there = memory.incidents.get(&incident).and_then(|kept| kept.there.as_deref());
        let is_newest = wanted_incident.updates.last().is_some_and(|last| last.id == update.id);
        let status =
            |id: &str| wanted.components.iter().find(|(known, _)| known == id).map(|(_, status)| *status);
        let components = wanted_incident.components.iter().map(String::as_str).filter(|id| self.is_ours(id));
        Some(Words {
            incident: wanted_incident,
            update,
            there,
            seen: there.and_then(|there| board.incident(there)),
            components: components.map(|id| (id, status(id).filter(|_| is_newest))).collect(),
            // Who was not told in time need not read all of it in their mail.
            tells: settings.tells_subscribers && is_newest,
        })
    }

    /// Work to be announced.
    pub(super) fn plan(&self, work: PublicId) -> Option<Plan<'a>> {
        let work = self.wanted.work(work)?;
        let components =
            work.components.iter().map(String::as_str).filter(|id| self.board.components.contains_key(*id));
        Some(Plan { work, components: components.collect(), tells: self.settings.tells_subscribers })
    }

    /// Whether a component is there and no person says how it does.
    fn is_ours(&self, id: &str) -> bool {
        let is_held = self.memory.components.get(id).is_some_and(|kept| kept.is_held);
        !is_held && self.board.components.contains_key(id)
    }

    /// Components, and how they will do there, if this is written.
    pub(super) fn statuses(&self, write: &Write) -> Vec<(String, Status)> {
        match write {
            Write::Say(incident, update) => {
                let words = self.words(*incident, *update);
                let components = words.into_iter().flat_map(|words| words.components);
                components.filter_map(|(id, status)| Some((id.to_owned(), status?))).collect()
            }
            Write::Component(id, status) => vec![(id.clone(), *status)],
            Write::Announce(_) | Write::Finish(_) | Write::Report(_) => Vec::new(),
        }
    }

    /// The request; `None` if there is nothing to write any more, else an error in words for an admin.
    pub(super) fn request(&self, write: &Write) -> Option<Result<Request, String>> {
        match (&self.settings.way, write) {
            (PageWay::Statuspage(access), Write::Say(incident, update)) => {
                Some(Ok(statuspage::say(access, &self.words(*incident, *update)?)))
            }
            (PageWay::Instatus(access), Write::Say(incident, update)) => {
                Some(Ok(instatus::say(access, &self.words(*incident, *update)?)))
            }
            (PageWay::Template(templates), Write::Say(incident, update)) => {
                let words = self.words(*incident, *update)?;
                templates.request(&words, self.settings.page.as_deref())
            }
            (PageWay::Statuspage(access), Write::Announce(work)) => {
                Some(Ok(statuspage::announce(access, &self.plan(*work)?)))
            }
            (PageWay::Instatus(access), Write::Announce(work)) => {
                Some(Ok(instatus::announce(access, &self.plan(*work)?)))
            }
            (PageWay::Statuspage(access), Write::Finish(work)) => {
                let there = self.memory.works.get(work)?.there.as_deref()?;
                Some(Ok(statuspage::finish(access, there, self.settings.tells_subscribers)))
            }
            (PageWay::Instatus(access), Write::Finish(work)) => {
                let there = self.memory.works.get(work)?.there.as_deref()?;
                Some(Ok(instatus::finish(access, there, &self.plan(*work)?)))
            }
            (PageWay::Statuspage(access), Write::Component(id, status)) => {
                Some(Ok(statuspage::component(access, id, *status)))
            }
            (PageWay::Instatus(access), Write::Component(id, status)) => {
                Some(Ok(instatus::component(access, id, *status)))
            }
            (PageWay::Statuspage(access), Write::Report(incident)) => {
                let there = self.memory.incidents.get(incident)?.there.as_deref()?;
                let (text, _) = self.wanted.incident(*incident)?.report.as_ref()?;
                Some(Ok(statuspage::report(access, there, text)))
            }
            (PageWay::Template(_), Write::Announce(_) | Write::Finish(_) | Write::Component(..))
            | (PageWay::Template(_) | PageWay::Instatus(_), Write::Report(_)) => None,
        }
    }
}

/// Of an id there, in a key.
const KEY_CHARS_MAX: usize = 40;
