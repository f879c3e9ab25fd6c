//! What is going to happen, in the order of time and, at the same moment, of its planning.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Micros;

/// One thing that is planned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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
    heap: BinaryHeap<Entry>,
    planned: u64,
}

/// A plan with its moment and its number.
struct Entry {
    at: Micros,
    number: u64,
    plan: Plan,
}

impl Agenda {
    /// Plans something for a moment.
    pub(super) fn plan(&mut self, at: Micros, plan: Plan) {
        self.planned += 1;
        self.heap.push(Entry { at, number: self.planned, plan });
    }

    /// The next thing before a moment.
    pub(super) fn next_before(&mut self, end: Micros) -> Option<(Micros, Plan)> {
        if self.heap.peek()?.at >= end {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.plan))
    }
}

impl Ord for Entry {
    /// The heap's top is its greatest: the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_come_in_the_order_of_time_and_then_of_planning() {
        let mut agenda = Agenda::default();
        for (at, job) in [(5, 1), (3, 2), (5, 3), (3, 4), (9, 5)] {
            agenda.plan(at, Plan::Done { job });
        }
        let order: Vec<Plan> = std::iter::from_fn(|| agenda.next_before(9)).map(|(_, plan)| plan).collect();
        assert_eq!(order, [2, 4, 1, 3].map(|job| Plan::Done { job }));
    }
}
