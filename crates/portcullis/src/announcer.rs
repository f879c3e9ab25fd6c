//! Says what the controller did, and keeps what must outlive a restart.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admission::concurrency::Snapshot;
use admission::handover::Handover;
use admission::site::{Controller, Turn};
use edge_io::TurnListener;
use journal_io::logs::Events;
use model::{Instant, Level, Timestamp};

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
}

impl Announcer {
    pub(crate) fn new(desk: Arc<Desk>, events: Option<Arc<Events>>, keeper: Option<Box<dyn Keeper>>) -> Self {
        Self { desk, events, keeper, kept: Instant::ORIGIN }
    }

    fn say(&self, turn: &Turn) {
        let Some(events) = &self.events else { return };
        if let Some((before, after)) = turn.level {
            events.warning(format_args!("level {before} -> {after}: {}", meaning(after)));
        }
        if turn.asks {
            events.warning(format_args!(
                "mode assist: customers-first would help now; say `portcullis ctl level customers-first` to allow it"
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
        }
        *lock(&self.desk.limit) = controller.limit();
        if let Some(asker) = lock(&self.desk.estate_asked).take() {
            let mut estate = Handover::default();
            controller.hand_over(&mut estate);
            // Whoever asked may have lost patience.
            let _heard = asker.try_send(estate);
        }
        self.say(turn);
        if now.since(self.kept) >= KEEP_EVERY {
            self.kept = now;
            if let Some(keeper) = &mut self.keeper {
                let (limit, pass_time) = controller.snapshot();
                keeper.keep(&limit, pass_time);
            }
        }
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
