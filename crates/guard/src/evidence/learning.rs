//! Which seconds are learnt from, and when.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Context;
use super::metric::Figures;
use super::second::Second;

/// Seconds that wait to be learnt, and how long it has been calm.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Learning {
    /// Seconds of calm on end.
    calm: u32,
    /// What is learnt once half a minute more was calm: the first seconds of an attack, or of silence, never are.
    pending: VecDeque<Waiting>,
}

/// A second that waits to be learnt.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Waiting {
    /// Its hour of the week.
    pub(super) hour: u8,
    /// What was measured.
    pub(super) figures: Figures,
}

impl Learning {
    /// The hour as which this second is learnt, if it may be.
    pub(super) fn hour(&mut self, second: &Second, context: &Context, is_suspected: bool) -> Option<u8> {
        let is_quiet = second.is_calm && context.is_calm() && !second.blind;
        self.calm = if is_quiet { self.calm.saturating_add(1) } else { 0 };
        let just_opened = context.opened.is_some_and(|opened| second.at.since(opened) < AFTER_OPENING);
        let may = self.calm >= CALM_SECONDS && !just_opened && !is_suspected;
        second.hour_of_week.filter(|_| may)
    }

    /// Lets a second wait; answers the one that has waited long enough.
    pub(super) fn wait(&mut self, hour: u8, figures: Figures) -> Option<Waiting> {
        self.pending.push_back(Waiting { hour, figures });
        if self.pending.len() > WAIT_SECONDS { self.pending.pop_front() } else { None }
    }

    /// Drops what waits.
    pub(super) fn drop_pending(&mut self) {
        self.pending.clear();
    }

    /// Quiet begins anew.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Bytes that are kept outside of the structure itself.
    pub(super) fn bytes(&self) -> usize {
        self.pending.capacity() * size_of::<Waiting>()
    }
}

/// It must have been calm for so long (decision-science, section 11).
const CALM_SECONDS: u32 = 60;
/// After everybody is admitted again, nothing is learnt for so long (decision-science, section 8.8).
const AFTER_OPENING: Duration = Duration::from_secs(300);
/// So long a second waits: longer than silence takes to be suspected (decision-science, section 11: 20 s).
const WAIT_SECONDS: usize = 30;
