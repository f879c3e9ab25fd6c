//! Says what the controller did, and keeps what must outlive a restart.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admission::concurrency::Snapshot;
use admission::handover::Handover;
use admission::site::{Controller, Turn};
use edge_io::TurnListener;
use guard::Advice;
use journal_io::Space;
use journal_io::logs::Events;
use model::{Instant, Level, Timestamp, Traffic};

use crate::memory::Scribe;
use crate::ruling::{RuleLine, Ruling};

/// A pin that an admin asked for; the ticker takes it over at its next step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Pins {
    pub(crate) floor: Option<(Level, Timestamp)>,
    pub(crate) ceiling: Option<(Level, Timestamp)>,
}

/// What commands and the ticker tell each other.
#[derive(Default)]
pub(crate) struct Desk {
    pins: Mutex<Option<Pins>>,
    limit: Mutex<(f64, bool)>,
    estate_asked: Mutex<Option<SyncSender<Handover>>>,
    rules: Mutex<Vec<RuleLine>>,
}

impl Desk {
    /// Asks for pins.
    pub(crate) fn pin(&self, pins: Pins) {
        *lock(&self.pins) = Some(pins);
    }

    /// What the controller leaves to a successor; `None` if the ticker does not answer within a few seconds.
    pub(crate) fn ask_estate(&self) -> Option<Handover> {
        let (asker, answer) = sync_channel(1);
        *lock(&self.estate_asked) = Some(asker);
        answer.recv_timeout(ESTATE_WITHIN).ok()
    }

    /// The rules in force.
    pub(crate) fn rules(&self) -> Vec<RuleLine> {
        lock(&self.rules).clone()
    }

    /// L, and whether it rests on enough healthy seconds.
    pub(crate) fn limit(&self) -> (f64, bool) {
        *lock(&self.limit)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what must outlive a restart.
pub(crate) trait Keeper: Send {
    /// L with its bases and the pass time; called every ten seconds.
    fn keep(&mut self, limit: &Snapshot, pass_time: Timestamp);
}

/// Hears the ticker.
pub(crate) struct Announcer {
    pub(crate) desk: Arc<Desk>,
    pub(crate) events: Option<Arc<Events>>,
    pub(crate) keeper: Option<Box<dyn Keeper>>,
    kept: Instant,
    ruling: Ruling,
    /// The folder whose disk is watched.
    state: Option<PathBuf>,
    scribe: Option<Scribe>,
}

impl Announcer {
    pub(crate) fn new(desk: Arc<Desk>, events: Option<Arc<Events>>, keeper: Option<Box<dyn Keeper>>) -> Self {
        let (kept, ruling) = (Instant::ORIGIN, Ruling::default());
        Self { desk, events, keeper, kept, ruling, state: None, scribe: None }
    }

    /// Watches the disk that a folder lies on.
    #[must_use]
    pub(crate) fn watching(self, state: PathBuf) -> Self {
        Self { state: Some(state), ..self }
    }

    /// Has what the core does written down.
    #[must_use]
    pub(crate) fn writing(self, scribe: Option<Scribe>) -> Self {
        Self { scribe, ..self }
    }

    fn follow(&mut self, advice: &Advice) {
        let lines = self.ruling.advised(advice);
        *lock(&self.desk.rules) = self.ruling.table();
        if let Some(events) = &self.events {
            lines.iter().for_each(|line| events.warning(format_args!("{line}")));
        }
    }

    fn say(&self, turn: &Turn) {
        let Some(events) = &self.events else { return };
        if let Some((before, after)) = turn.level {
            events.warning(format_args!("level {before} -> {after}: {}", meaning(after)));
        }
        if turn.asks {
            events.warning(format_args!(
                "mode assist: customers-first would help now; say `portcullis ctl level pin customers-first` to allow it"
            ));
        }
        for trip in &turn.trips {
            events.error(format_args!("{trip}"));
        }
    }
}

impl TurnListener for Announcer {
    fn turned(&mut self, turn: &Turn, controller: &mut Controller, now: Instant) {
        if let Some(pins) = lock(&self.desk.pins).take() {
            controller.pin(pins.floor, pins.ceiling);
            if let Some(scribe) = &mut self.scribe {
                scribe.pinned();
            }
        }
        *lock(&self.desk.limit) = controller.limit();
        if let Some(asker) = lock(&self.desk.estate_asked).take() {
            let mut estate = Handover::default();
            controller.hand_over(&mut estate);
            // Whoever asked may have lost patience.
            let _heard = asker.try_send(estate);
        }
        self.say(turn);
        if let Some(advice) = &turn.advice {
            self.follow(advice);
        }
        if now.since(self.kept) >= KEEP_EVERY {
            self.kept = now;
            if let Some(keeper) = &mut self.keeper {
                let (limit, pass_time) = controller.snapshot();
                keeper.keep(&limit, pass_time);
            }
        }
        if let Some(scribe) = &mut self.scribe {
            scribe.turned(turn, controller, now);
        }
    }

    fn ends(&mut self, controller: &Controller, now: Instant) {
        if let Some(keeper) = &mut self.keeper {
            let (limit, pass_time) = controller.snapshot();
            keeper.keep(&limit, pass_time);
        }
        if let Some(scribe) = &self.scribe {
            scribe.ends(controller, now);
        }
    }

    fn counted(&mut self, traffic: &Traffic) {
        self.ruling.counted(traffic);
    }

    fn disk_free(&mut self) -> f64 {
        let space = self.state.as_deref().and_then(|folder| Space::of(folder).ok());
        space.map_or(1.0, Space::free_share)
    }
}

/// What a level means, for people.
pub(crate) fn meaning(level: Level) -> &'static str {
    match level {
        Level::Calm => "everybody is served",
        Level::Filtering => "rules match attack traffic",
        Level::Limiting => "client limits are tightened",
        Level::Challenging => "unknown clients must show that they are people",
        Level::CustomersFirst => {
            "known customers are served first, some unknown clients are asked to come back"
        }
        Level::Reopening => "unknown clients are being let in again, step by step",
    }
}

/// The ticker comes by ten times a second.
const ESTATE_WITHIN: Duration = Duration::from_secs(5);
const KEEP_EVERY: Duration = Duration::from_secs(10);
