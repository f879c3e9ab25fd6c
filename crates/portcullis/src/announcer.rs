//! Says what the controller did, and keeps what must outlive a restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admission::concurrency::Snapshot;
use admission::handover::Handover;
use admission::site::{Controller, Turn};
use edge_io::{Clock, TurnListener};
use guard::Advice;
use guard::rules::{Change, Why};
use incident::Moment;
use journal_io::Space;
use journal_io::logs::Events;
use model::{Instant, Timestamp, Traffic};

use crate::desk::{Desk, Dropped, Pins, Unwanted};
use crate::memory::Scribe;
use crate::ruling::Ruling;
use crate::situation::{Situation, meaning};
use crate::truth::{Truth, Witness};

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
    /// Nothing before the first step.
    situation: Option<Situation>,
    /// A rule that the core was told to drop, and for how many seconds it has not done so.
    dropping: Option<(Unwanted, u32)>,
    /// The folder whose disk is watched.
    state: Option<PathBuf>,
    scribe: Option<Scribe>,
    /// Adds up what the record of incidents is told.
    witness: Option<(Witness, Arc<Truth>, Clock)>,
}

impl Announcer {
    pub(crate) fn new(desk: Arc<Desk>, events: Option<Arc<Events>>, keeper: Option<Box<dyn Keeper>>) -> Self {
        let (kept, ruling) = (Instant::ORIGIN, Ruling::default());
        Self {
            desk,
            events,
            keeper,
            kept,
            ruling,
            situation: None,
            dropping: None,
            state: None,
            scribe: None,
            witness: None,
        }
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

    /// Has the record of incidents told what is seen.
    #[must_use]
    pub(crate) fn telling(self, truth: Arc<Truth>, witness: Witness, clock: Clock) -> Self {
        Self { witness: Some((witness, truth, clock)), ..self }
    }

    fn follow(&mut self, advice: &Advice) {
        let lines = self.ruling.advised(advice);
        self.desk.show_rules(self.ruling.board());
        if let Some(events) = &self.events {
            lines.iter().for_each(|line| events.warning(format_args!("{line}")));
        }
    }

    /// Hands an admin's pins on.
    fn pin(&mut self, controller: &mut Controller) {
        if let Some(pins) = self.desk.take_pins() {
            controller.pin(pins.floor, pins.ceiling);
            if let Some(scribe) = &mut self.scribe {
                scribe.pinned();
            }
        }
    }

    /// Hands on what rule an admin does not want, one after the other, and says what became of it.
    fn drop_rules(&mut self, turn: &Turn, controller: &mut Controller) {
        if let (Some((unwanted, seconds)), Some(advice)) = (&mut self.dropping, &turn.advice) {
            *seconds += 1;
            let dropped =
                dropped(unwanted.rule, advice).or((*seconds >= DROPPED_AFTER).then_some(Dropped::Unknown));
            if let Some(dropped) = dropped {
                unwanted.answer(dropped);
                self.dropping = None;
            }
        }
        if self.dropping.is_none()
            && let Some(unwanted) = self.desk.take_unwanted()
        {
            controller.drop_rule(unwanted.rule);
            self.dropping = Some((unwanted, 0));
        }
    }

    /// Notes what `ctl level` shows.
    fn see(&mut self, turn: &Turn, controller: &Controller, now: Instant) {
        let situation = self.situation.get_or_insert_with(|| {
            // Pins of an earlier process go on.
            let [floor, ceiling] = controller.posture().pins();
            self.desk.begin_pins(Pins { floor, ceiling });
            Situation::begun(controller.decision(), now)
        });
        situation.limit = controller.limit();
        if let Some((before, after)) = turn.level {
            situation.note_level(before, after, now);
        }
        if let Some(taken) = &turn.taken {
            situation.note_step(taken);
        }
        if let Some(advice) = &turn.advice {
            situation.note_advice(advice, &self.ruling);
        }
        if turn.taken.is_some() {
            self.desk.show_situation(situation.clone());
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
        self.pin(controller);
        self.desk.show_limit(controller.limit());
        if let Some(asker) = self.desk.take_estate_asker() {
            let mut estate = Handover::default();
            controller.hand_over(&mut estate);
            // Whoever asked may have lost patience.
            let _heard = asker.try_send(estate);
        }
        self.say(turn);
        if let Some(advice) = &turn.advice {
            self.follow(advice);
        }
        self.drop_rules(turn, controller);
        self.see(turn, controller, now);
        if let Some((witness, truth, clock)) = &mut self.witness
            && let Some(sight) = witness.turned(turn, controller.decision(), now)
        {
            truth.saw(sight, Moment { now, wall: clock.wall() });
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
        if let Some((witness, ..)) = &mut self.witness {
            witness.counted(traffic);
        }
    }

    fn probes(&mut self) -> [u32; 2] {
        self.witness.as_ref().map(|(witness, ..)| witness.probes()).unwrap_or_default()
    }

    fn disk_free(&mut self) -> f64 {
        let space = self.state.as_deref().and_then(|folder| Space::of(folder).ok());
        space.map_or(1.0, Space::free_share)
    }
}

/// What became of a rule with this second's advice; `None` if the core has not heard of it yet.
fn dropped(rule: u16, advice: &Advice) -> Option<Dropped> {
    let ends = |change: &Change| matches!(change, Change::Discarded { rule: gone, why: Why::Unwanted } if gone.id == rule);
    if advice.changes.iter().any(ends) {
        return Some(Dropped::Gone);
    }
    let is_there = advice.rules.rules.iter().any(|there| there.id == rule);
    (!is_there).then_some(Dropped::NotThere)
}

/// Seconds within which the core has heard of a rule that is not wanted: it may come in the middle of one.
const DROPPED_AFTER: u32 = 3;
const KEEP_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
