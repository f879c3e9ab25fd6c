//! What is going to happen, in the order of time and, at the same moment, of its planning.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Micros;

/// One thing that is planned.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(super) enum Plan {
    /// Somebody opens the site: a customer, or a visitor.
    Arrive { known: bool },
    /// A session asks for its next page, or for the same once more.
    Page { session: u32, visit: u32 },
    /// A session asks for the files of its page.
    Files { session: u32, visit: u32 },
    /// A session has waited for its page for as long as people wait.
    LosePatience { session: u32, visit: u32 },
    /// Somebody begins to sign in.
    BeginLogin,
    /// Somebody who signs in takes the next step.
    LoginStep { login: u32, turn: u32 },
    /// Somebody who signs in has waited for an answer for as long as people wait.
    LoginPatience { login: u32, turn: u32 },
    /// The origin has done a request.
    Done { job: u32 },
    /// A request has waited for a slot for as long as the gate lets it.
    WaitEnds { place: u32, job: u32 },
    /// A request of an attack, admitted before, asks for a slot.
    Hostile { attack: u16, tier: u8 },
}

/// The plans of the whole world.
#[derive(Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Micros, u64, Plan)>>,
    planned: u64,
}

impl Agenda {
    /// Plans something for a moment.
    pub(super) fn plan(&mut self, at: Micros, plan: Plan) {
        self.planned += 1;
        self.heap.push(Reverse((at, self.planned, plan)));
    }

    /// The next thing before a moment.
    pub(super) fn next_before(&mut self, end: Micros) -> Option<(Micros, Plan)> {
        let Reverse((at, _, _)) = self.heap.peek()?;
        if *at >= end {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, plan))| (at, plan))
    }
}
