//! Places to wait for a slot: one ring per group, fixed at construction, without locks.
//!
//! A place is a cell of a ring. Its word holds the ticket of who took it last, and a state:
//!
//! ```text
//!            enqueue             a slot is handed over
//!   Empty ───────────▶ Waiting ───────────────────────▶ Granted ─┐
//!     ▲                   │  └─ waited too long ─▶ Dropped ──────┤
//!     └───────────────────┴──────── the waiter leaves ───────────┘
//! ```
//!
//! Only the waiter itself empties its cell; everybody else moves it from `Waiting` by one compare-and-swap, so exactly
//! one of "granted", "dropped" and "left" happens. A cell is taken again only when it is empty, so a waiter that left
//! leaks nothing, and a stale [`Place`] is told apart by its ticket.

use super::{IMPATIENT_MILLIS, TARGET_MILLIS};
use crossbeam_utils::CachePadded;
use model::{Group, Instant};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// One taken place in the queue. Small and plain: the shell keeps its wakers by [`Place::index`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    group: Group,
    index: u32,
    ticket: u64,
    expires: Instant,
}

impl Place {
    /// The place's number, from 0 to one less than the places at construction. Unique among those who wait now.
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// When the wait ends without a slot; the moment for the last poll.
    pub const fn expires(self) -> Instant {
        self.expires
    }

    /// The group that waits here.
    pub const fn group(self) -> Group {
        self.group
    }
}

/// What a waiter gave up by leaving its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Left {
    /// Nothing: it was still waiting, or had waited too long.
    Nothing,
    /// A slot that it had been granted meanwhile.
    Slot,
    /// The place was no longer its own.
    Stranger,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Seen {
    Waiting,
    /// Something happened, or the place was given up already.
    Done,
}

/// Those of one group who wait.
pub(super) struct Ring {
    group: Group,
    first: u32,
    cells: Box<[Cell]>,
    /// No ticket below this one is waiting.
    head: CachePadded<AtomicU64>,
    /// The next ticket.
    tail: CachePadded<AtomicU64>,
    /// Tickets that wait. Signed, because a ticket may be granted before its own enqueue has counted it.
    waiting: CachePadded<AtomicI64>,
    /// Cells that are not empty.
    taken: CachePadded<AtomicU32>,
}

impl Ring {
    pub(super) fn new(group: Group, first: u32, places: u32) -> Self {
        let cell = |ticket: u32| Cell::empty(u64::from(ticket));
        Self {
            group,
            first,
            cells: (0..places).map(cell).collect(),
            head: CachePadded::new(AtomicU64::new(u64::from(places))),
            tail: CachePadded::new(AtomicU64::new(u64::from(places))),
            waiting: CachePadded::new(AtomicI64::new(0)),
            taken: CachePadded::new(AtomicU32::new(0)),
        }
    }

    pub(super) fn waiting(&self) -> u32 {
        u32::try_from(self.waiting.load(SeqCst).max(0)).unwrap_or(u32::MAX)
    }

    pub(super) fn taken(&self) -> u32 {
        self.taken.load(SeqCst)
    }

    /// Takes a place until `until`; nothing when `most` places are taken or the ring has gone round to a taken cell.
    pub(super) fn join(&self, patient: bool, now: Instant, until: Instant, most: u32) -> Option<Place> {
        self.taken.fetch_update(SeqCst, SeqCst, |taken| (taken < most).then_some(taken + 1)).ok()?;
        let Some((ticket, cell)) = self.next_cell() else {
            self.taken.fetch_sub(1, SeqCst);
            return None;
        };
        cell.since.store(now.as_nanos(), SeqCst);
        cell.until.store(until.as_nanos(), SeqCst);
        let state = if patient { State::WaitingPatiently } else { State::Waiting };
        cell.word.store(word(ticket, state), SeqCst);
        // Counted after it is published: whoever sees the count finds the ticket, or somebody else did.
        self.waiting.fetch_add(1, SeqCst);
        Some(self.place(ticket))
    }

    /// Moves the best waiter to `Granted`. Those who have waited too long are dropped on the way and woken.
    pub(super) fn grant(&self, now: Instant, wake: &mut impl FnMut(Place)) -> Option<Place> {
        loop {
            let oldest = self.oldest(now, wake)?;
            let ticket = self.newest_if_late(oldest, now).unwrap_or(oldest);
            if self.move_on(ticket, State::Granted) {
                return Some(self.place(ticket));
            }
        }
    }

    pub(super) fn look(&self, place: Place) -> Seen {
        match self.cell(place.ticket).read(place.ticket) {
            Read::Now(state) if state.waits() => Seen::Waiting,
            Read::Now(_) | Read::Earlier | Read::Later => Seen::Done,
        }
    }

    /// The waiter empties its cell, whatever became of it.
    pub(super) fn leave(&self, place: Place) -> Left {
        let cell = self.cell(place.ticket);
        loop {
            let Read::Now(state) = cell.read(place.ticket) else { return Left::Stranger };
            if state == State::Empty {
                return Left::Stranger;
            }
            if !cell.swap(place.ticket, state, State::Empty) {
                continue;
            }
            self.taken.fetch_sub(1, SeqCst);
            if state.waits() {
                self.waiting.fetch_sub(1, SeqCst);
            }
            return if state == State::Granted { Left::Slot } else { Left::Nothing };
        }
    }

    /// The next ticket and its cell, if that is empty. Nobody else can take the cell between the look and the swap:
    /// that needs the same ticket.
    fn next_cell(&self) -> Option<(u64, &Cell)> {
        loop {
            let ticket = self.tail.load(SeqCst);
            let cell = self.cell(ticket);
            match cell.read(ticket) {
                Read::Earlier if cell.is_empty() => {}
                Read::Earlier => return None,
                // Somebody took this ticket since the tail was read.
                Read::Now(_) | Read::Later => continue,
            }
            if self.tail.compare_exchange(ticket, ticket + 1, SeqCst, SeqCst).is_ok() {
                return Some((ticket, cell));
            }
        }
    }

    /// The oldest ticket that still waits, and has not waited too long. Moves the head over those that are done.
    fn oldest(&self, now: Instant, wake: &mut impl FnMut(Place)) -> Option<u64> {
        let end = self.tail.load(SeqCst);
        let head = self.head.load(SeqCst);
        let (mut done, mut unpublished, mut oldest) = (head, false, None);
        for ticket in head..end {
            let cell = self.cell(ticket);
            match cell.read(ticket) {
                // Its enqueue has not published it yet; the head must not pass it.
                Read::Earlier => unpublished = true,
                Read::Now(state) if state.waits() => {
                    if now.as_nanos() < cell.until.load(SeqCst) {
                        oldest = Some(ticket);
                        break;
                    }
                    if self.move_on(ticket, State::Dropped) {
                        wake(self.place(ticket));
                    }
                }
                Read::Now(_) | Read::Later => {}
            }
            if !unpublished {
                done = ticket + 1;
            }
        }
        self.head.fetch_max(done, SeqCst);
        oldest
    }

    /// The newest waiting ticket, when the oldest is impatient and over the target: a crowd that is too large to be
    /// served in time is served from its fresh end, or everybody would wait and nobody be in time.
    fn newest_if_late(&self, oldest: u64, now: Instant) -> Option<u64> {
        let cell = self.cell(oldest);
        let waited = now.since(Instant::from_nanos(cell.since.load(SeqCst)));
        let late = cell.read(oldest) == Read::Now(State::Waiting) && waited > TARGET;
        let newest = || (oldest + 1..self.tail.load(SeqCst)).rev().find(|&ticket| self.is_fresh(ticket, now));
        if late { newest() } else { None }
    }

    fn is_fresh(&self, ticket: u64, now: Instant) -> bool {
        let cell = self.cell(ticket);
        matches!(cell.read(ticket), Read::Now(state) if state.waits())
            && now.as_nanos() < cell.until.load(SeqCst)
    }

    /// Moves a ticket on from waiting; false when somebody else did so first.
    fn move_on(&self, ticket: u64, to: State) -> bool {
        let cell = self.cell(ticket);
        let Read::Now(state) = cell.read(ticket) else { return false };
        let moved = state.waits() && cell.swap(ticket, state, to);
        if moved {
            self.waiting.fetch_sub(1, SeqCst);
        }
        moved
    }

    fn place(&self, ticket: u64) -> Place {
        let expires = Instant::from_nanos(self.cell(ticket).until.load(SeqCst));
        Place { group: self.group, index: self.first + self.offset(ticket), ticket, expires }
    }

    fn cell(&self, ticket: u64) -> &Cell {
        &self.cells[self.offset(ticket) as usize]
    }

    fn offset(&self, ticket: u64) -> u32 {
        u32::try_from(ticket % self.cells.len() as u64).expect("a ring has fewer than 2^32 cells")
    }
}

struct Cell {
    /// Ticket and state, see [`word`].
    word: AtomicU64,
    /// When the wait began and when it ends, in nanoseconds. Written before the word is published.
    since: AtomicU64,
    until: AtomicU64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Empty,
    Waiting,
    WaitingPatiently,
    Granted,
    Dropped,
}

/// What a cell says about a ticket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Read {
    /// The cell belongs to this ticket.
    Now(State),
    /// The cell still shows an earlier ticket.
    Earlier,
    /// The cell has passed on to a later ticket.
    Later,
}

impl Cell {
    fn empty(ticket: u64) -> Self {
        Self {
            word: AtomicU64::new(word(ticket, State::Empty)),
            since: AtomicU64::new(0),
            until: AtomicU64::new(0),
        }
    }

    fn read(&self, ticket: u64) -> Read {
        let seen = self.word.load(SeqCst);
        match (seen >> STATE_BITS).cmp(&ticket) {
            std::cmp::Ordering::Less => Read::Earlier,
            std::cmp::Ordering::Equal => Read::Now(State::from_bits(seen)),
            std::cmp::Ordering::Greater => Read::Later,
        }
    }

    fn is_empty(&self) -> bool {
        State::from_bits(self.word.load(SeqCst)) == State::Empty
    }

    fn swap(&self, ticket: u64, from: State, to: State) -> bool {
        self.word.compare_exchange(word(ticket, from), word(ticket, to), SeqCst, SeqCst).is_ok()
    }
}

impl State {
    const fn waits(self) -> bool {
        matches!(self, Self::Waiting | Self::WaitingPatiently)
    }

    const fn from_bits(word: u64) -> Self {
        match word & ((1 << STATE_BITS) - 1) {
            0 => Self::Empty,
            1 => Self::Waiting,
            2 => Self::WaitingPatiently,
            3 => Self::Granted,
            _ => Self::Dropped,
        }
    }
}

const fn word(ticket: u64, state: State) -> u64 {
    ticket << STATE_BITS | state as u64
}

const STATE_BITS: u32 = 3;
const TARGET: Duration = Duration::from_millis(TARGET_MILLIS);
const _: () = assert!(TARGET_MILLIS < IMPATIENT_MILLIS, "late waiters must still be servable");
