//! Incidents and the status page: a thread of its own owns the record, so that neither the ticker nor an admin waits for the disk or
//! for pages that are made.
//!
//! ```text
//!  ticker ── sight, once a second ──▶ ┌────────┐ ── records ──▶ journal
//!  admins ── acts, questions ───────▶ │ record │ ── view ─────▶ pages
//!                                     │        │ ── view ─────▶ pages elsewhere
//!                                     └────────┘ ── records ──▶ those who are alerted
//! ```

mod clerk;
mod mirrors;
mod outlet;
mod page;
mod printer;
mod witness;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use admin::Component;
use edge_io::Clock;
use incident::{
    About, Act, ActError, Alert, Beside, Draft, Engine, Heeded, Inside, Moment, PublicId, Readers,
    RecordError, Sight, SignalSetting, Spell, View,
};
use journal_io::journal::{Journal, Loaded};
use journal_io::logs::Events;
use model::{Timestamp, UserTime};
use notify::{Figures, PageFigures};
use notify_io::{Courier, Mailing, Pages};

use crate::running::SITE;
pub(crate) use mirrors::{MirrorError, check_buckets, mirrors};
pub(crate) use outlet::{Outlet, Ready};
pub(crate) use page::{FIRST_NOTICE, Page, PageError, listen, page_of, settings, signals};
pub(crate) use printer::{Seal, collected, files, sign};
pub(crate) use witness::Witness;

/// Makes pages of what may be published and puts them where people read them.
pub(crate) trait Press: Send {
    /// Something has changed, or what is out is no longer fresh.
    ///
    /// `has_changed` tells which.
    ///
    /// # Errors
    ///
    /// If what was made cannot be served; what was out before stays.
    fn publish(&mut self, view: View, now: Timestamp, has_changed: bool) -> Result<(), status_io::FileError>;
}

/// The way to the record.
pub(crate) struct Truth {
    sender: SyncSender<Message>,
    /// Seconds that the thread had no room for.
    missed: AtomicU64,
    open: Arc<AtomicUsize>,
    pause: Arc<AtomicBool>,
    told: Told,
    clock: Clock,
    page: Option<status::Page>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
    /// Time of people so far, by [`incident::Users::ALL`]: it goes along with what is seen.
    spent: std::sync::Mutex<[UserTime; 2]>,
}

/// Those who are told what follows from the record, on threads of their own.
#[derive(Clone, Default)]
pub(crate) struct Told {
    /// Who are alerted.
    pub(crate) courier: Option<Arc<Courier>>,
    /// Pages elsewhere that say the same.
    pub(crate) pages: Option<Arc<Pages>>,
    /// Who have subscribed to the page.
    pub(crate) mailing: Option<Arc<Mailing>>,
}

impl Told {
    fn pause(&self) {
        self.courier.iter().for_each(|courier| courier.pause());
        self.pages.iter().for_each(|pages| pages.pause());
        self.mailing.iter().for_each(|mailing| mailing.pause());
    }

    /// Waits for what all of them had begun, together no longer than [`RESTED_WITHIN`]: nothing is recorded meanwhile.
    fn rest(&self, clock: Clock) {
        let end = clock.now() + RESTED_WITHIN;
        let left = || end.since(clock.now());
        self.courier.iter().for_each(|courier| courier.rest(left()));
        self.pages.iter().for_each(|pages| pages.rest(left()));
        self.mailing.iter().for_each(|mailing| mailing.rest(left()));
    }

    fn go_on(&self) {
        self.courier.iter().for_each(|courier| courier.go_on());
        self.pages.iter().for_each(|pages| pages.go_on());
        self.mailing.iter().for_each(|mailing| mailing.go_on());
    }

    fn stop(&self) {
        self.courier.iter().for_each(|courier| courier.stop());
        self.pages.iter().for_each(|pages| pages.stop());
        self.mailing.iter().for_each(|mailing| mailing.stop());
    }
}

/// What the thread is told and asked.
enum Message {
    Saw(Sight, Moment),
    Heard(Spell),
    Heed(Vec<Alert>, SyncSender<Option<Heeded>>),
    Refresh,
    Act(Act, Option<u64>, String, SyncSender<Result<Done, ActError>>),
    Foresee(Act, Option<u64>, String, SyncSender<Result<View, ActError>>),
    Ask(SyncSender<Known>),
    Draft(Vec<PublicId>, Box<Beside>, Readers, SyncSender<Option<Draft>>),
    Stop,
}

/// What an admin may know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Newest first.
    pub(crate) incidents: Vec<Inside>,
    /// As the configuration has them.
    pub(crate) components: Vec<Component>,
    /// How many incidents and announced works there were.
    pub(crate) counts: [u64; 2],
    /// The last entries of announced work.
    pub(crate) work_revisions: Vec<(PublicId, u64)>,
    /// What the public reads.
    pub(crate) view: View,
}

/// What is so after an act.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// All of it.
    pub(crate) known: Known,
    /// What the act was about.
    pub(crate) about: Option<About>,
}

impl Truth {
    /// Goes on with the record that the journal holds; at first paused where another process still writes it.
    pub(crate) fn start(
        page: Page,
        loaded: &Loaded,
        journal: Arc<Journal>,
        events: Arc<Events>,
        clock: Clock,
        told: Told,
        is_paused: bool,
    ) -> std::io::Result<Self> {
        let engine = resume(page.settings, page.signals, loaded, &events);
        let (sender, receiver) = sync_channel(MESSAGES_MAX);
        let open = Arc::new(AtomicUsize::new(engine.open_count()));
        let pause = Arc::new(AtomicBool::new(is_paused));
        let clerk = clerk::Clerk {
            engine,
            journal,
            press: page.press,
            events,
            clock,
            open: open.clone(),
            pause: pause.clone(),
            told: told.clone(),
            shown: (View::default(), Timestamp::default()),
        };
        let thread = std::sync::Mutex::new(Some(spawn(clerk, receiver)?));
        let (missed, page) = (AtomicU64::new(0), page.page);
        Ok(Self { sender, missed, open, pause, told, clock, page, thread, spent: Default::default() })
    }

    /// Writes nothing until [`Truth::go_on`]: one process writes a record, and another is about to.
    pub(crate) fn pause(&self) {
        self.pause.store(true, Relaxed);
        self.told.pause();
        self.told.rest(self.clock);
        let (sender, receiver) = sync_channel(1);
        // What was begun before is at its end when this is answered.
        if self.sender.send(Message::Ask(sender)).is_ok() {
            let _quiet = receiver.recv_timeout(PATIENCE);
        }
    }

    /// Writes again.
    pub(crate) fn go_on(&self) {
        self.pause.store(false, Relaxed);
        self.told.go_on();
    }

    /// Takes what the gate saw in a second; never waits.
    pub(crate) fn saw(&self, mut sight: Sight, moment: Moment) {
        sight.spent = *self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        // No room, or nobody there any more.
        if self.sender.try_send(Message::Saw(sight, moment)).is_err() {
            self.missed.fetch_add(1, Relaxed);
        }
    }

    /// Takes the time of people that was added up so far.
    pub(crate) fn spent(&self, spent: [UserTime; 2]) {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner) = spent;
    }

    /// Takes what an outpost saw while this gate was out of reach; never waits. Whether there was room.
    pub(crate) fn heard(&self, spell: Spell) -> bool {
        self.sender.try_send(Message::Heard(spell)).is_ok()
    }

    /// Takes alerts of another system; `None` if they are not kept, or not in time: they should be sent again.
    pub(crate) fn heed(&self, alerts: Vec<Alert>) -> Option<Heeded> {
        let (sender, receiver) = sync_channel(1);
        self.sender.try_send(Message::Heed(alerts, sender)).ok()?;
        receiver.recv_timeout(PATIENCE).ok().flatten()
    }

    /// Has pages made anew because something beside the record has changed; never waits.
    pub(crate) fn refresh(&self) {
        // With no room, the next message leads to a page soon enough.
        let _queued = self.sender.try_send(Message::Refresh);
    }

    /// Does what an admin wants who has seen what it is about at that revision, and shows what is so then; `None` if the thread did not
    /// answer in time.
    pub(crate) fn act(&self, act: Act, seen: Option<u64>, by: String) -> Option<Result<Done, ActError>> {
        let (sender, receiver) = sync_channel(1);
        self.sender.try_send(Message::Act(act, seen, by, sender)).ok()?;
        receiver.recv_timeout(PATIENCE).ok()
    }

    /// What the public would read if that were done; `None` if the thread did not answer in time.
    pub(crate) fn foresee(&self, act: Act, seen: Option<u64>, by: String) -> Option<Result<View, ActError>> {
        let (sender, receiver) = sync_channel(1);
        self.sender.try_send(Message::Foresee(act, seen, by, sender)).ok()?;
        receiver.recv_timeout(PATIENCE).ok()
    }

    /// What an admin may know; `None` if the thread did not answer in time.
    pub(crate) fn ask(&self) -> Option<Known> {
        let (sender, receiver) = sync_channel(1);
        self.sender.try_send(Message::Ask(sender)).ok()?;
        receiver.recv_timeout(PATIENCE).ok()
    }

    /// The draft of a report, `None` in it where an incident is not known; `None` if the thread did not answer in time.
    pub(crate) fn draft(
        &self,
        incidents: Vec<PublicId>,
        beside: Beside,
        readers: Readers,
    ) -> Option<Option<Draft>> {
        let (sender, receiver) = sync_channel(1);
        self.sender.try_send(Message::Draft(incidents, Box::new(beside), readers, sender)).ok()?;
        receiver.recv_timeout(PATIENCE).ok()
    }

    /// The status page; without one nothing is published anywhere.
    pub(crate) const fn page(&self) -> Option<&status::Page> {
        self.page.as_ref()
    }

    /// How many incidents go on, told or not.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Seconds that were not looked at.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Relaxed)
    }

    /// How those who are alerted are doing.
    pub(crate) fn alerted(&self) -> Vec<Figures> {
        self.told.courier.as_ref().map(|courier| courier.figures()).unwrap_or_default()
    }

    /// How pages elsewhere are doing.
    pub(crate) fn elsewhere(&self) -> Vec<PageFigures> {
        self.told.pages.as_ref().map(|pages| pages.figures()).unwrap_or_default()
    }

    /// Tells those who are alerted of an incident that is none; false if there is nobody.
    pub(crate) fn test_alerts(&self) -> bool {
        self.told.courier.iter().for_each(|courier| courier.test());
        self.told.courier.is_some()
    }

    /// Who writes to subscribers; `None`: nobody can subscribe.
    pub(crate) fn mailing(&self) -> Option<&Mailing> {
        self.told.mailing.as_deref()
    }

    /// Ends the thread; what was written is on its way to the journal.
    pub(crate) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && self.sender.send(Message::Stop).is_ok()
        {
            // A thread that panicked has said so already.
            let _ended = thread.join();
        }
        self.told.stop();
    }
}

fn spawn(clerk: clerk::Clerk, receiver: Receiver<Message>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("truth".to_owned()).spawn(move || clerk.run(&receiver))
}

/// The record as the journal has it. What cannot be believed is said and left out.
fn resume(
    settings: incident::Settings,
    signals: Vec<SignalSetting>,
    loaded: &Loaded,
    events: &Events,
) -> Engine {
    let mut engine = Engine::new(settings).attending(signals);
    for row in loaded.incidents.iter().filter(|row| row.site == SITE) {
        let mut restored = engine.restore(&row.bytes, row.hash);
        if let Err(error @ RecordError::Missing { .. }) = &restored {
            events.error(format_args!("{error}"));
            engine.accept_gap();
            restored = engine.restore(&row.bytes, row.hash);
        }
        if let Err(error) = restored {
            events.error(format_args!("{error}"));
            engine.leave_out(row.seq, row.hash);
        }
    }
    engine
}

/// Messages that wait: a minute of sights.
const MESSAGES_MAX: usize = 64;
/// What is on its way to those who are told is waited for so long; they have as long for their answers, except for mail servers.
const RESTED_WITHIN: Duration = Duration::from_secs(15);
/// How long an admin waits.
const PATIENCE: Duration = Duration::from_secs(5);
