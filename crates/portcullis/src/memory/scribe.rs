//! The ticker's side.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use admission::site::{Controller, Turn};
use edge_io::Clock;
use model::Instant;

use super::{Counts, NOTES_MAX, Note};

/// Hands on what the core does, and never waits.
pub(crate) struct Scribe {
    notes: SyncSender<Note>,
    counts: Arc<Counts>,
    clock: Clock,
    /// The number of the next step.
    next: u64,
    /// Steps that were not handed on since the segment began; the first segment is to begin.
    lost: u64,
    is_in_segment: bool,
    begun: Instant,
    kept: Instant,
    /// The level or a pin is another one than the one that was kept.
    has_changed: bool,
}

impl Scribe {
    pub(super) fn new(notes: SyncSender<Note>, counts: Arc<Counts>, clock: Clock) -> Self {
        let (begun, kept) = (Instant::ORIGIN, Instant::ORIGIN);
        let (next, lost, is_in_segment, has_changed) = (0, 0, false, false);
        Self { notes, counts, clock, next, lost, is_in_segment, begun, kept, has_changed }
    }

    /// An admin pinned the level, or took a pin off.
    pub(crate) const fn pinned(&mut self) {
        self.has_changed = true;
    }

    /// After each step of the ticker.
    pub(crate) fn turned(&mut self, turn: &Turn, controller: &Controller, now: Instant) {
        if let Some(taken) = &turn.taken {
            let number = self.next;
            self.next += 1;
            let is_there = self.is_in_segment && self.tell(Note::Step { number, taken: taken.clone() });
            if !is_there {
                self.is_in_segment = false;
                self.lost += 1;
                // After a slow start the first turn brings a step already, and the first segment begins after it.
                self.counts.lost.fetch_add(u64::from(number > 0), Relaxed);
            }
        }
        if !self.is_in_segment || now.since(self.begun) >= SEGMENT {
            self.begin(controller, now);
        }
        self.has_changed |= turn.level.is_some();
        let since = now.since(self.kept);
        if since >= KEEP_EVERY || (self.has_changed && since >= CHANGED_EVERY) {
            (self.kept, self.has_changed) = (now, false);
            let posture = Box::new(controller.posture());
            // The next one comes in ten seconds.
            let _told = self.tell(Note::InForce { posture, at: now, wall: self.clock.wall() });
        }
    }

    /// After the last step.
    pub(crate) fn ends(&self, controller: &Controller, now: Instant) {
        let (core, posture) = (Box::new(controller.core().clone()), Box::new(controller.posture()));
        // If it does not fit, what was kept before has to do.
        let _told = self.tell(Note::End { core, posture, at: now, wall: self.clock.wall() });
    }

    fn begin(&mut self, controller: &Controller, now: Instant) {
        // The copy is large: it is not made while it would find no place.
        if self.counts.waiting.load(Relaxed) > NOTES_MAX / 2 {
            return;
        }
        let (next, lost) = (self.next, self.lost);
        let core = Box::new(controller.core().clone());
        if self.tell(Note::Begin { core, next, lost, at: now, wall: self.clock.wall() }) {
            (self.is_in_segment, self.begun, self.lost) = (true, now, 0);
        }
    }

    fn tell(&self, note: Note) -> bool {
        self.counts.waiting.fetch_add(1, Relaxed);
        let is_told = self.notes.try_send(note).is_ok();
        if !is_told {
            self.counts.waiting.fetch_sub(1, Relaxed);
        }
        is_told
    }
}

/// A segment: what is lost when the oldest is dropped, and how often what was learnt is kept.
const SEGMENT: Duration = Duration::from_secs(300);
/// How often what is in force is kept (decision-science, section 11, "Fail-safe").
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// How often while the level changes: a crash in the first seconds of an incident must not open.
const CHANGED_EVERY: Duration = Duration::from_secs(1);
