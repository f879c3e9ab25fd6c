//! What the core leaves to a successor process.

use guard::Guard;
use model::{Decision, Instant};

use super::{Circumstances, Core};
use crate::handover::Handover;

impl Core {
    /// Adds what is closed, what was learnt, and what is advised.
    pub fn hand_over(&self, estate: &mut Handover) {
        self.threshold.hand_over(estate);
        estate.put_bytes("guard", &self.guard.to_bytes());
        let opened = self.standing.opened.map_or(u64::MAX, Instant::as_nanos);
        estate.put("advice", [self.decision.seq, opened, u64::from(self.standing.was_closed)]);
    }

    /// Goes on from what a predecessor left; returns the decision that is in force at once. What is missing or makes no
    /// sense changes nothing.
    pub fn take_over(&mut self, estate: &Handover, circumstances: &Circumstances) -> Option<Decision> {
        let by_load = self.threshold.take_over(estate)?;
        self.closing = self.threshold.closing();
        if let Some(guard) = estate.bytes("guard").and_then(|bytes| Guard::from_bytes(&bytes)) {
            (self.standing.rules, self.standing.challenge) = guard.standing();
            self.standing.is_given = true;
            self.guard = guard;
        }
        self.decision = self.compose(&self.bounds(circumstances), by_load);
        if let Some([seq, opened, was_closed]) = estate.array("advice") {
            self.standing.opened = (opened != u64::MAX).then(|| Instant::from_nanos(opened));
            self.standing.was_closed = was_closed != 0;
            self.decision.seq = seq;
        }
        Some(self.decision.clone())
    }
}
