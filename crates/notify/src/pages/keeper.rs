//! One page elsewhere: what is asked there next.

mod reports;
mod settle;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use incident::{Moment, Status, View};
use model::{Instant, Timestamp};

use super::answer::Meaning;
use super::board::{Board, Step};
use super::compare::too_old;
use super::memory::{Memory, Stance};
use super::wanted::{Wanted, WantedIncident};
use super::write::{Around, Write};
use super::{PageSettings, PageWay, Request, instatus, statuspage};
use crate::pace::Pace;
use crate::verdict::{Answer, State};

/// What is to be done for a page next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PageNext {
    /// Keep the bytes, if there are any, then send this, and tell the keeper what came of it.
    Send {
        /// What.
        request: Request,
        /// What must outlive a crash first, in the place of what was kept before.
        keep: Option<Vec<u8>>,
    },
    /// Nothing for so long, unless something changes.
    Wait(Duration),
}

/// Something that must outlive a crash, or that an admin should know, in the order in which it is returned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PageChange {
    /// What is remembered of the page; it replaces what was kept before.
    Kept(Vec<u8>),
    /// Something was written, or not.
    Attempted {
        /// What, as no other is called.
        key: String,
        /// How often it was tried so far.
        number: u32,
        /// When.
        at: Timestamp,
        /// What became of it.
        state: State,
        /// Why, in words for an admin; empty if it was taken.
        why: String,
    },
    /// Somebody did something there, or it cannot be as it should; said once.
    Noticed(String),
    /// The page cannot be looked at or written to. Only to be said.
    Troubled(String),
    /// It can again. Only to be said.
    Recovered,
}

/// How a page is doing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PageFigures {
    /// Its name.
    pub name: String,
    /// What is still to be written.
    pub waiting: usize,
    /// For how long something has been waiting.
    pub behind: Option<Duration>,
    /// When it was last seen what is there.
    pub looked: Option<Timestamp>,
    /// What became of writing since the start, by [`State`].
    pub outcomes: [u64; 4],
    /// Why the last request failed, in words for an admin; empty if it did not.
    pub trouble: String,
    /// What people did there, the newest last.
    pub noticed: Vec<String>,
}

/// Keeps one page elsewhere in step with what is published.
///
/// It writes only what it has just seen not to be there, and sees again after every answer that was lost. What it returns as a
/// [`PageChange::Kept`] is to be kept; restored from that it goes on where it was.
#[derive(Clone, Debug)]
pub struct PageKeeper {
    settings: PageSettings,
    memory: Memory,
    wanted: Option<Wanted>,
    board: Board,
    /// A look that goes on: what is still to be asked.
    look: Option<VecDeque<Step>>,
    asked: Option<Asked>,
    pace: Pace,
    failures: u32,
    not_before: Instant,
    /// What was refused: how often, and when it is tried again.
    refused: BTreeMap<Write, (u32, Instant)>,
    /// Since when something waits.
    behind: Option<Instant>,
    is_paused: bool,
    is_troubled: bool,
    /// What is remembered is not what was kept last.
    is_unkept: bool,
    /// What is still to be said of what is over.
    unsaid: Vec<PageChange>,
    figures: PageFigures,
}

/// What is on its way.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Asked {
    Look(Step),
    Write(Write),
}

impl PageKeeper {
    /// Nothing is known of the page yet.
    pub fn new(settings: PageSettings) -> Self {
        let figures = PageFigures { name: settings.name.clone(), ..PageFigures::default() };
        Self {
            pace: Pace::new(settings.per_minute),
            settings,
            memory: Memory::default(),
            wanted: None,
            board: Board::default(),
            look: None,
            asked: None,
            failures: 0,
            not_before: Instant::default(),
            refused: BTreeMap::new(),
            behind: None,
            is_paused: false,
            is_troubled: false,
            is_unkept: false,
            unsaid: Vec::new(),
            figures,
        }
    }

    /// Goes on with what was kept; false if it cannot be read, and it begins as if new.
    pub fn restore(&mut self, kept: &[u8]) -> bool {
        let read = serde_json::from_slice(kept);
        let is_read = read.is_ok();
        self.memory = read.unwrap_or_default();
        is_read
    }

    /// Takes what the public reads now. While it is paused another process keeps what is remembered: nothing is returned until it goes
    /// on.
    pub fn want(&mut self, view: &View, moment: Moment) -> Vec<PageChange> {
        let before = self.memory.clone();
        if self.memory.begun == Timestamp::default() {
            self.memory.begun = moment.wall;
        }
        if self.memory.reports_begun == Timestamp::default() {
            self.memory.reports_begun = moment.wall;
        }
        let wanted = Wanted::of(view, &self.settings);
        self.board.is_overtaken |=
            self.look.is_some() && self.wanted.as_ref().is_some_and(|before| wanted.has_news(before));
        self.memory.tidy(&wanted, moment.wall);
        let said = too_old(&mut self.memory, &wanted, moment.wall);
        // Whether what somebody called over is still called so is looked at before anything else is said of it.
        let is_closed = |incident: &WantedIncident| {
            let kept = self.memory.incidents.get(&incident.id);
            kept.is_some_and(|kept| {
                matches!(kept.stance, Stance::Closed { .. }) && !kept.pending(incident).is_empty()
            })
        };
        if wanted.incidents.iter().any(is_closed) {
            self.board.looked = None;
        }
        self.wanted = Some(wanted);
        self.note_waiting(moment.now);
        self.note(&before, said);
        if self.is_paused { Vec::new() } else { self.changes() }
    }

    /// What is next.
    pub fn next(&mut self, moment: Moment) -> PageNext {
        if self.is_paused || self.asked.is_some() || self.wanted.is_none() {
            return PageNext::Wait(LOOK);
        }
        let pause = self.not_before.since(moment.now).max(self.pace.wait(moment.now));
        if !pause.is_zero() {
            return PageNext::Wait(pause);
        }
        if let Some(step) = self.look.as_mut().and_then(VecDeque::pop_front) {
            return self.ask_to_look(step, moment.now);
        }
        match self.choose(moment.now) {
            Some(write) if self.is_fresh(moment.now) || matches!(write, Write::Report(_)) => {
                self.ask_to_write(write, moment)
            }
            Some(_) => self.begin_look(moment.now),
            None if self.is_look_due(moment.now) => self.begin_look(moment.now),
            None => match self.report_to_look_at(moment.now) {
                Some(step) => self.ask_to_look(step, moment.now),
                None => PageNext::Wait(LOOK),
            },
        }
    }

    /// What came of what [`PageKeeper::next`] wanted sent.
    pub fn settle(&mut self, answer: &Answer, moment: Moment) -> Vec<PageChange> {
        let Some(asked) = self.asked.take() else { return Vec::new() };
        let before = self.memory.clone();
        let meaning = Meaning::of(answer, &self.settings.way, moment.wall);
        let body: &[u8] = if let Answer::Http { body, .. } = answer { body } else { b"" };
        let (mut changes, said) = match asked {
            Asked::Look(Step::Report(incident, there)) => {
                self.looked_at_report((incident, &there), meaning, body, moment)
            }
            Asked::Look(step) => self.looked(&step, meaning, body, moment),
            Asked::Write(write) => (self.written(&write, meaning, body, moment), Vec::new()),
        };
        self.note_waiting(moment.now);
        self.note(&before, said);
        changes.extend(self.changes());
        changes
    }

    /// Sends nothing, or goes on: one process writes.
    pub fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Whether something is on its way.
    pub const fn is_sending(&self) -> bool {
        self.asked.is_some()
    }

    /// How it is doing.
    pub fn figures(&self, now: Instant) -> PageFigures {
        PageFigures { behind: self.behind.map(|since| now.since(since)), ..self.figures.clone() }
    }

    /// Everything that is to be written, first the incidents, in order.
    fn writes(&self) -> Vec<Write> {
        let Some(wanted) = &self.wanted else { return Vec::new() };
        let mut writes = Vec::new();
        for incident in wanted.incidents.iter().filter(|incident| self.memory.concerns(incident)) {
            let kept = self.memory.incidents.get(&incident.id);
            let pending =
                kept.map_or_else(|| incident.updates.iter().collect(), |kept| kept.pending(incident));
            writes.extend(pending.into_iter().map(|update| Write::Say(incident.id, update.id)));
        }
        if self.settings.is_blind() {
            return writes;
        }
        for work in &wanted.works {
            let kept = self.memory.works.get(&work.id);
            let is_over = work.progress == incident::Progress::Completed;
            match (kept.and_then(|kept| kept.there.as_ref()), kept.is_some_and(|kept| kept.is_over)) {
                (None, false) if !is_over => writes.push(Write::Announce(work.id)),
                (Some(_), false) if is_over => writes.push(Write::Finish(work.id)),
                (None | Some(_), _) => {}
            }
        }
        writes.extend(wanted.components.iter().filter_map(|(id, status)| self.component(id, *status)));
        writes.extend(self.reports());
        writes
    }

    fn component(&self, id: &str, status: Status) -> Option<Write> {
        let kept = self.memory.components.get(id).cloned().unwrap_or_default();
        let seen = self.board.components.get(id).copied();
        let is_so = if self.board.looked.is_some() {
            seen != Some(Some(status)) && seen.is_some()
        } else {
            kept.written != status
        };
        (is_so && !kept.is_held).then(|| Write::Component(id.to_owned(), status))
    }

    /// The first that may be written now: what was refused waits, and with it what comes after it in the same incident.
    fn choose(&self, now: Instant) -> Option<Write> {
        let mut held_up = Vec::new();
        for write in self.writes() {
            let waits = self.refused.get(&write).is_some_and(|(_, until)| *until > now);
            match &write {
                Write::Say(incident, _) if waits || held_up.contains(incident) => held_up.push(*incident),
                Write::Report(incident) if !self.may_report(*incident) => {}
                Write::Say(..)
                | Write::Announce(_)
                | Write::Finish(_)
                | Write::Component(..)
                | Write::Report(_)
                    if waits => {}
                Write::Say(..)
                | Write::Announce(_)
                | Write::Finish(_)
                | Write::Component(..)
                | Write::Report(_) => return Some(write),
            }
        }
        None
    }

    /// Whether it was seen lately enough what is there.
    fn is_fresh(&self, now: Instant) -> bool {
        self.settings.is_blind()
            || self.board.looked.is_some_and(|looked| now.since(looked) <= FRESH_FOR + self.pace.apart())
    }

    fn is_look_due(&self, now: Instant) -> bool {
        if self.settings.is_blind() {
            return false;
        }
        let is_open =
            self.wanted.iter().flat_map(|wanted| &wanted.incidents).any(|incident| incident.is_open);
        let every = if is_open { LOOK_EVERY_OPEN } else { LOOK_EVERY };
        self.board.looked.is_none_or(|looked| now.since(looked) >= every)
    }

    /// Forgets what was seen, and asks anew.
    fn begin_look(&mut self, now: Instant) -> PageNext {
        let mut steps = VecDeque::new();
        if self.settings.lists_works() {
            steps.push_back(Step::Works);
        }
        if !self.settings.components.is_empty() {
            steps.push_back(Step::Components(1));
        }
        self.board = Board::default();
        self.look = Some(steps);
        self.ask_to_look(Step::Incidents, now)
    }

    fn ask_to_look(&mut self, step: Step, now: Instant) -> PageNext {
        let request = match &self.settings.way {
            PageWay::Statuspage(access) => statuspage::look(access, &step),
            PageWay::Instatus(access) => instatus::look(access, &step),
            // Nothing can be looked at there, and nobody asks to.
            PageWay::Template(_) => return PageNext::Wait(LOOK),
        };
        self.pace.spend(now);
        self.asked = Some(Asked::Look(step));
        PageNext::Send { request, keep: None }
    }

    fn ask_to_write(&mut self, write: Write, moment: Moment) -> PageNext {
        let Some(wanted) = &self.wanted else { return PageNext::Wait(LOOK) };
        let around = Around { settings: &self.settings, wanted, memory: &self.memory, board: &self.board };
        let request = match around.request(&write) {
            Some(Ok(request)) => request,
            // Nothing is sent for it, or nothing can be.
            None => return self.pass_over(&write, None, moment),
            Some(Err(why)) => return self.pass_over(&write, Some(why), moment),
        };
        let statuses = around.statuses(&write);
        for (id, status) in &statuses {
            let tried = &mut self.memory.components.entry(id.clone()).or_default().tried;
            if !tried.contains(status) {
                tried.push(*status);
            }
        }
        let is_report = self.send_report(&write);
        self.pace.spend(moment.now);
        self.asked = Some(Asked::Write(write));
        PageNext::Send { request, keep: (!statuses.is_empty() || is_report).then(|| self.bytes()) }
    }

    /// Nothing is sent for it, on purpose or because something is wrong; the next is at once.
    fn pass_over(&mut self, write: &Write, wrong: Option<String>, moment: Moment) -> PageNext {
        let before = self.memory.clone();
        if let Write::Say(incident, update) = write {
            self.memory.incidents.entry(*incident).or_default().finish(*update, None, None);
        }
        if let Some(why) = wrong {
            let (key, at, state) = (write.key(), moment.wall, State::Refused);
            self.figures.outcomes[state as usize] += 1;
            self.figures.trouble.clone_from(&why);
            self.unsaid.push(PageChange::Attempted { key, number: 1, at, state, why });
        }
        self.note_waiting(moment.now);
        self.note(&before, Vec::new());
        PageNext::Wait(Duration::ZERO)
    }

    fn note_waiting(&mut self, now: Instant) {
        let writes = self.writes();
        self.refused.retain(|write, _| writes.contains(write));
        self.figures.waiting = writes.len();
        self.behind = if writes.is_empty() { None } else { self.behind.or(Some(now)) };
    }

    /// What has changed, and what people did there, for the next that is returned.
    fn note(&mut self, before: &Memory, said: Vec<String>) {
        self.is_unkept |= self.memory != *before;
        for text in said {
            self.figures.noticed.push(text.clone());
            self.unsaid.push(PageChange::Noticed(text));
        }
        let excess = self.figures.noticed.len().saturating_sub(NOTICED_MAX);
        self.figures.noticed.drain(..excess);
    }

    fn changes(&mut self) -> Vec<PageChange> {
        let is_unkept = std::mem::take(&mut self.is_unkept);
        let kept = is_unkept.then(|| PageChange::Kept(self.bytes()));
        kept.into_iter().chain(std::mem::take(&mut self.unsaid)).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        // Strings and numbers always have a form in JSON.
        serde_json::to_vec(&self.memory).unwrap_or_default()
    }
}

/// What was over for so long is brought nowhere any more.
pub(super) const OLD_AFTER: Duration = Duration::from_hours(24);
/// How long nothing is looked for unless something changes.
const LOOK: Duration = Duration::from_secs(1);
/// Nothing is written without having looked within so long, and the pause between two requests.
const FRESH_FOR: Duration = Duration::from_secs(2);
/// How often it is looked at while an incident goes on: people may have written there.
const LOOK_EVERY_OPEN: Duration = Duration::from_secs(60);
/// And in calm, so that a key that is not good any more is known before it is needed.
const LOOK_EVERY: Duration = Duration::from_secs(900);
/// What people did there that is remembered for admins.
const NOTICED_MAX: usize = 8;
