//! What commands and the ticker tell each other.

use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::time::Duration;

use admission::handover::Handover;
use model::{Level, Timestamp};

use crate::ruling::RuleBoard;
use crate::situation::Situation;

/// A pin that an admin asked for; the ticker takes it over at its next step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Pins {
    pub(crate) floor: Option<(Level, Timestamp)>,
    pub(crate) ceiling: Option<(Level, Timestamp)>,
}

impl Pins {
    /// Those that are in force at a moment.
    pub(crate) fn live(self, wall: Timestamp) -> Self {
        let live = |pin: Option<(Level, Timestamp)>| pin.filter(|(_, until)| wall < *until);
        Self { floor: live(self.floor), ceiling: live(self.ceiling) }
    }
}

/// What became of a rule that an admin does not want.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dropped {
    /// It is out of force.
    Gone,
    /// There was no such rule.
    NotThere,
    /// The ticker said nothing in time; it may still do it.
    Unknown,
}

/// A rule that an admin does not want, and who waits for its end.
pub(crate) struct Unwanted {
    pub(crate) rule: u16,
    asker: SyncSender<Dropped>,
}

impl Unwanted {
    /// Says what became of it.
    pub(crate) fn answer(&self, dropped: Dropped) {
        // Whoever asked may have lost patience.
        let _heard = self.asker.try_send(dropped);
    }
}

/// What commands and the ticker tell each other. Whoever locks a part only moves a value in or out.
#[derive(Default)]
pub(crate) struct Desk {
    /// Pins, and whether the ticker has still to take them over.
    pins: Mutex<(Pins, bool)>,
    limit: Mutex<(f64, bool)>,
    estate_asked: Mutex<Option<SyncSender<Handover>>>,
    unwanted: Mutex<VecDeque<Unwanted>>,
    situation: Mutex<Arc<Situation>>,
    rules: Mutex<Arc<RuleBoard>>,
    /// Another process is about to take over; read by whoever acts, for as long as he does.
    hands_over: RwLock<bool>,
}

impl Desk {
    /// Leave to act: what is done under it a successor knows. `None` while one is being raised, which may have read already what is
    /// to be changed.
    pub(crate) fn may_act(&self) -> Option<RwLockReadGuard<'_, bool>> {
        // Never waits, as `bypass` asks too: whoever hands over may himself be waiting for somebody slow.
        let leave = match self.hands_over.try_read() {
            Ok(leave) => leave,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        (!*leave).then_some(leave)
    }

    /// Another process is about to take over, or has failed to; waits for whoever acts.
    pub(crate) fn hand_over(&self, hands_over: bool) {
        *self.hands_over.write().unwrap_or_else(PoisonError::into_inner) = hands_over;
    }

    /// Asks for pins.
    pub(crate) fn pin(&self, pins: Pins) {
        *lock(&self.pins) = (pins, true);
    }

    /// Pins that were asked for, at once, or are in force from before.
    pub(crate) fn pins(&self) -> Pins {
        lock(&self.pins).0
    }

    /// Pins that were asked for since the last call.
    pub(crate) fn take_pins(&self) -> Option<Pins> {
        let mut pins = lock(&self.pins);
        std::mem::take(&mut pins.1).then_some(pins.0)
    }

    /// Shows pins that are in force from before this process, unless others were asked for since.
    pub(crate) fn begin_pins(&self, kept: Pins) {
        let mut pins = lock(&self.pins);
        if !pins.1 {
            pins.0 = kept;
        }
    }

    /// What the controller leaves to a successor; `None` if the ticker does not answer within a few seconds.
    pub(crate) fn ask_estate(&self) -> Option<Handover> {
        let (asker, answer) = sync_channel(1);
        *lock(&self.estate_asked) = Some(asker);
        answer.recv_timeout(ESTATE_WITHIN).ok()
    }

    /// Who asked for what is left to a successor.
    pub(crate) fn take_estate_asker(&self) -> Option<SyncSender<Handover>> {
        lock(&self.estate_asked).take()
    }

    /// Takes a rule out of force, and waits for that for a few seconds at most.
    pub(crate) fn drop_rule(&self, rule: u16) -> Dropped {
        let (asker, answer) = sync_channel(1);
        {
            let mut unwanted = lock(&self.unwanted);
            if unwanted.len() >= UNWANTED_MAX {
                return Dropped::Unknown;
            }
            unwanted.push_back(Unwanted { rule, asker });
        }
        answer.recv_timeout(DROPPED_WITHIN).unwrap_or(Dropped::Unknown)
    }

    /// The next rule that is not wanted.
    pub(crate) fn take_unwanted(&self) -> Option<Unwanted> {
        lock(&self.unwanted).pop_front()
    }

    /// What the ticker saw last.
    pub(crate) fn situation(&self) -> Arc<Situation> {
        lock(&self.situation).clone()
    }

    /// Shows what the ticker saw.
    pub(crate) fn show_situation(&self, situation: Situation) {
        let situation = Arc::new(situation);
        // What was there before is dropped after the lock.
        let _before = std::mem::replace(&mut *lock(&self.situation), situation);
    }

    /// The rules in force, and those that ended lately.
    pub(crate) fn rules(&self) -> Arc<RuleBoard> {
        lock(&self.rules).clone()
    }

    /// Shows rules.
    pub(crate) fn show_rules(&self, rules: RuleBoard) {
        let rules = Arc::new(rules);
        let _before = std::mem::replace(&mut *lock(&self.rules), rules);
    }

    /// L, and whether it rests on enough healthy seconds.
    pub(crate) fn limit(&self) -> (f64, bool) {
        *lock(&self.limit)
    }

    /// Shows L.
    pub(crate) fn show_limit(&self, limit: (f64, bool)) {
        *lock(&self.limit) = limit;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The ticker comes by ten times a second.
const ESTATE_WITHIN: Duration = Duration::from_secs(5);
/// The decision core drops a rule with the next second that is complete.
const DROPPED_WITHIN: Duration = Duration::from_secs(5);
/// More rules than there can be are not dropped at once.
const UNWANTED_MAX: usize = model::RULES_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_acts_while_a_successor_is_raised_that_may_have_read_it_already() {
        let desk = Desk::default();
        drop(desk.may_act().unwrap());
        desk.hand_over(true);
        assert!(desk.may_act().is_none());
        desk.hand_over(false);
        assert!(desk.may_act().is_some(), "it has failed");
    }

    #[test]
    fn whoever_acts_is_waited_for() {
        let desk = Desk::default();
        let leave = desk.may_act();
        std::thread::scope(|threads| {
            let handing_over = threads.spawn(|| desk.hand_over(true));
            // Time enough for it to go on, if it could.
            (0..10_000).for_each(|_| std::thread::yield_now());
            assert!(!handing_over.is_finished() && leave.is_some());
            drop(leave);
        });
        assert!(desk.may_act().is_none());
    }
}
