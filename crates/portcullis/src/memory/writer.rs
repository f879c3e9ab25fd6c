//! The thread that encodes, packs and writes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use admission::core::{Core, Posture, Taken};
use admission::pass::PassClock;
use journal_io::Kept;
use journal_io::logs::Events;
use journal_io::recordings::{Ring, Single};
use model::{Instant, Level, Timestamp};
use recording::Recorder;

use super::{Counts, Note};
use crate::secrets::Secrets;

/// Where recordings go.
pub(crate) enum Place {
    /// To the ring of a state folder, beside which is kept what the next start goes on with.
    State { ring: Option<Ring>, folder: PathBuf },
    /// To one file.
    File(Single),
}

/// Writes what a [`super::Scribe`] hands on.
pub(crate) struct Writer {
    recorder: Recorder,
    place: Place,
    events: Option<Arc<Events>>,
    counts: Arc<Counts>,
    /// Steps that wait in the recorder.
    packed: u64,
    /// The open segment cannot be written to: until the next one begins all steps are lost.
    is_broken: bool,
    /// Set when a successor writes.
    retired: Arc<AtomicBool>,
    /// The wall clock as it was at the start, moved by the monotonic one: a jump must not make recordings too old at once.
    aging: PassClock,
    /// An incident is on: its segments are kept longer.
    is_incident: bool,
    level: Level,
    /// Whether it was said that something cannot be written.
    is_in_trouble: bool,
}

impl Writer {
    /// For the site and the run of these secrets. `wall` is the wall clock now.
    pub(crate) fn new(secrets: &Secrets, place: Place, events: Option<Arc<Events>>, wall: Timestamp) -> Self {
        Self {
            recorder: Recorder::new(env!("CARGO_PKG_VERSION"), secrets.site_pseudonym(), secrets.run_id),
            place,
            events,
            counts: Arc::default(),
            packed: 0,
            is_broken: false,
            retired: Arc::default(),
            aging: PassClock::resume(None, wall),
            is_incident: false,
            level: Level::Calm,
            is_in_trouble: false,
        }
    }

    pub(super) fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    pub(super) fn retired(&self) -> Arc<AtomicBool> {
        self.retired.clone()
    }

    /// Until nobody can send anything any more.
    pub(super) fn run(mut self, notes: &Receiver<Note>) {
        while let Ok(note) = notes.recv() {
            self.counts.waiting.fetch_sub(1, Relaxed);
            if !self.retired.load(Relaxed) {
                self.take(note);
            }
        }
        if !self.retired.load(Relaxed) {
            self.flush(Timestamp::default());
        }
    }

    pub(super) fn take(&mut self, note: Note) {
        match note {
            Note::Begin { core, next, lost, at, wall } => self.begin(&core, next, lost, at, wall),
            Note::Step { number, taken } => self.step(number, &taken),
            Note::InForce { posture, at, wall } => self.keep_in_force(&posture, at, wall),
            Note::End { core, posture, at, wall } => {
                self.flush(wall);
                self.keep_learnt(self.recorder.begin(&core, 0, at, wall));
                self.keep_in_force(&posture, at, wall);
            }
            Note::Flush(asker) => {
                self.flush(Timestamp::default());
                // Whoever asked may have lost patience.
                asker.try_send(()).ok();
            }
        }
    }

    fn begin(&mut self, core: &Core, next: u64, lost: u64, at: Instant, wall: Timestamp) {
        self.flush(wall);
        if lost > 0 && next > lost {
            self.warn(&format!("{lost} steps are missing: the disk was too slow for them"));
        }
        let Some(bytes) = self.recorder.begin(core, next, at, wall) else { return };
        let now = wall.min(self.aging.tick(at, wall));
        let is_pinned = self.is_incident;
        let written = match &mut self.place {
            Place::State { ring: Some(ring), .. } => {
                ring.begin(wall, now, is_pinned, &bytes).map_err(|error| error.to_string())
            }
            Place::State { ring: None, .. } => Ok(()),
            Place::File(file) => file.append(&bytes).map_err(|error| error.to_string()),
        };
        self.is_broken = written.is_err();
        self.says(written);
        self.keep_learnt(Some(bytes));
    }

    fn step(&mut self, number: u64, taken: &Taken) {
        let level = taken.outcome.decision.level;
        if level.severity() >= Level::Challenging.severity() && !self.is_incident {
            self.is_incident = true;
            if let Place::State { ring: Some(ring), .. } = &mut self.place {
                ring.pin_since(taken.wall.before(BEFORE_INCIDENT));
            }
        }
        self.is_incident &= level != Level::Calm;
        self.packed += 1;
        if let Some(block) = self.recorder.step(number, taken) {
            self.append(&block, taken.wall);
        }
        // What a crash must not take along: how it came to this.
        if std::mem::replace(&mut self.level, level) != level {
            self.flush(taken.wall);
        }
    }

    fn flush(&mut self, at: Timestamp) {
        if let Some(block) = self.recorder.flush() {
            self.append(&block, at);
        }
    }

    /// Writes all steps that wait.
    fn append(&mut self, block: &[u8], at: Timestamp) {
        let steps = std::mem::take(&mut self.packed);
        let written = match &mut self.place {
            Place::State { ring: Some(ring), .. } => {
                ring.append(block, at).map_err(|error| error.to_string())
            }
            Place::State { ring: None, .. } => Ok(()),
            Place::File(file) => file.append(block).map_err(|error| error.to_string()),
        };
        self.is_broken |= written.is_err();
        if self.is_broken {
            self.counts.lost.fetch_add(steps, Relaxed);
        }
        if written.is_err() {
            self.says(written);
        }
    }

    fn keep_learnt(&mut self, bytes: Option<Vec<u8>>) {
        self.keep(Kept::Learnt, bytes);
    }

    fn keep_in_force(&mut self, posture: &Posture, at: Instant, wall: Timestamp) {
        let bytes = self.recorder.posture(posture, at, wall);
        self.keep(Kept::InForce, bytes);
    }

    fn keep(&mut self, kept: Kept, bytes: Option<Vec<u8>>) {
        let Place::State { folder, .. } = &self.place else { return };
        let Some(bytes) = bytes else { return };
        let written = kept.write(folder, &bytes).map_err(|error: io::Error| {
            format!("what the next start goes on with cannot be kept in {}: {error}", folder.display())
        });
        if written.is_err() {
            self.says(written);
        }
    }

    /// Says a trouble once, and again when all was well since.
    fn says(&mut self, written: Result<(), String>) {
        let Err(error) = written else {
            self.is_in_trouble = false;
            return;
        };
        if !std::mem::replace(&mut self.is_in_trouble, true) {
            self.warn(&error);
        }
    }

    fn warn(&self, text: &str) {
        match &self.events {
            Some(events) => events.warning(format_args!("recordings: {text}")),
            // Where there is no log, whoever looks on is told.
            None => eprintln!("portcullis: recordings: {text}"),
        }
    }
}

/// What came before an incident is kept as long as the incident.
const BEFORE_INCIDENT: Duration = Duration::from_secs(300);
