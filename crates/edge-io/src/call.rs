//! One request on a connection, as the sweep sees it: its deadlines, and how it is ended from outside.
//!
//! HTTP/1 has one at a time and uses the same again; HTTP/2 has one for each stream.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use model::Instant;

use crate::clock::Clock;

/// Who answers for the end of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// No request.
    Idle,
    /// Read, and not yet admitted: its [`crate::request::Way`] answers for its end.
    Asked,
    /// Admitted: its [`crate::exchange::Exchange`] answers for its end.
    Answering,
    /// As before, and it has become a stream.
    Streaming,
}

/// What a sweep watches of one request.
pub(crate) struct Call {
    stage: Cell<Stage>,
    /// Deadline of the origin's first byte, were the client to keep nobody waiting from then on; `None` while no request waits for one.
    origin_deadline: Cell<Option<Instant>>,
    /// How long the gate had waited for the body when the request went to the origin.
    waited_before: Cell<Duration>,
    /// A sweep found a deadline passed.
    late: Cell<Option<Late>>,
    /// Since when the gate waits for more of the request's body.
    body_wanted: Cell<Option<Instant>>,
    /// How long it has waited for the body before, and what it got.
    body_waited: Cell<Duration>,
    body_bytes: Cell<u64>,
    /// Since when the app's connection waits for this client without much progress, and what has moved since.
    keeps_waiting: Cell<Option<Instant>>,
    /// Client and app talk to each other as they please: neither owes the other a byte.
    converses: Cell<bool>,
    moved: Cell<usize>,
    /// It waits for a connection to the app.
    queued: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// Its answer is not read further until there is room for more in memory.
    room: RefCell<Option<Waker>>,
}

/// Which deadline has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Late {
    /// The origin has not begun to answer.
    Origin,
    /// The client sends its body too slowly.
    Body,
}

impl Call {
    pub(crate) fn new() -> Self {
        Self {
            stage: Cell::new(Stage::Idle),
            origin_deadline: Cell::new(None),
            waited_before: Cell::new(Duration::ZERO),
            late: Cell::new(None),
            body_wanted: Cell::new(None),
            body_waited: Cell::new(Duration::ZERO),
            body_bytes: Cell::new(0),
            keeps_waiting: Cell::new(None),
            converses: Cell::new(false),
            moved: Cell::new(0),
            queued: Cell::new(false),
            waker: RefCell::new(None),
            room: RefCell::new(None),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Enters a stage and returns the one before.
    pub(crate) fn enter(&self, stage: Stage) -> Stage {
        if stage == Stage::Asked {
            self.late.set(None);
            self.body_waited.set(Duration::ZERO);
            self.body_bytes.set(0);
        }
        if stage == Stage::Idle {
            self.origin_deadline.set(None);
            self.body_wanted.set(None);
            self.keeps_waiting.set(None);
            self.converses.set(false);
        }
        self.stage.replace(stage)
    }

    /// From now on the request's body may come as slowly as it likes.
    pub(crate) fn converse(&self) {
        self.converses.set(true);
    }

    /// Begins or ends a wait for a connection to the app.
    pub(crate) fn set_queued(&self, queued: bool) {
        self.queued.set(queued);
    }

    /// Whether it waits for a connection to the app.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.get()
    }

    /// Sets or clears the moment by which the origin must have begun its answer. While the client lets both wait for its body the
    /// moment moves on.
    pub(crate) fn await_origin(&self, deadline: Option<Instant>) {
        self.origin_deadline.set(deadline);
    }

    /// The request goes to the origin now.
    pub(crate) fn dispatch(&self) {
        self.waited_before.set(self.body_waited.get());
    }

    /// How long the client has let the origin wait for the request's body, until `now`.
    pub(crate) fn kept_origin_waiting(&self, now: Instant) -> Duration {
        let still = self.body_wanted.get().map_or(Duration::ZERO, |since| now.since(since));
        (self.body_waited.get() + still).saturating_sub(self.waited_before.get())
    }

    /// Whether a sweep found a deadline passed, and which.
    pub(crate) fn late(&self) -> Option<Late> {
        self.late.get()
    }

    /// Remembers whom to wake when a sweep finds a deadline passed.
    pub(crate) fn remember_waker(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Wakes its answer with the next sweep: memory is scarce, and nothing says when it is not any more.
    pub(crate) fn wait_for_room(&self, cx: &Context<'_>) {
        *self.room.borrow_mut() = Some(cx.waker().clone());
    }

    /// Counts the time for which the gate waits for a piece of the request's body; what it waits for the origin does not
    /// count against the client.
    pub(crate) fn polled_body<T>(&self, polled: &Poll<T>, bytes: usize, clock: &Clock) {
        match (polled, self.body_wanted.get()) {
            (Poll::Pending, None) => {
                let now = clock.now();
                self.body_wanted.set(Some(now));
                self.waits_for_client(now);
            }
            (Poll::Ready(_), Some(since)) => {
                self.body_waited.set(self.body_waited.get() + clock.now().since(since));
                self.body_wanted.set(None);
                if self.moves(bytes) {
                    self.keeps_waiting.set(None);
                }
            }
            (Poll::Pending, Some(_)) | (Poll::Ready(_), None) => {}
        }
        self.body_bytes.set(self.body_bytes.get() + bytes as u64);
    }

    /// Bytes of the answer are at hand for the client.
    pub(crate) fn hands_on(&self, bytes: usize, now: Instant) {
        if self.moves(bytes) || self.keeps_waiting.get().is_none() {
            self.keeps_waiting.set(Some(now));
        }
    }

    /// The app is at work, or done: nobody waits for the client.
    pub(crate) fn waits_for_app(&self) {
        self.keeps_waiting.set(None);
    }

    /// Since when the app's connection waits for this client without getting or losing 16 KiB.
    pub(crate) fn keeps_waiting_since(&self) -> Option<Instant> {
        self.keeps_waiting.get()
    }

    /// Whether it is the request's body that is waited for.
    pub(crate) fn wants_body(&self) -> bool {
        self.body_wanted.get().is_some()
    }

    /// Ends the request as one whose body comes too slowly: somebody else needs what it holds.
    pub(crate) fn give_up(&self) {
        self.late.set(Some(Late::Body));
        self.wake();
    }

    fn waits_for_client(&self, now: Instant) {
        if self.keeps_waiting.get().is_none() {
            self.keeps_waiting.set(Some(now));
            self.moved.set(0);
        }
    }

    /// Counts what has moved; whether that is enough to be no waiting.
    fn moves(&self, bytes: usize) -> bool {
        let moved = self.moved.get().saturating_add(bytes);
        let enough = moved >= PROGRESS_BYTES;
        self.moved.set(if enough { 0 } else { moved });
        enough
    }

    /// Looks for passed deadlines, and wakes the request if one is.
    pub(crate) fn sweep(&self, now: Instant) {
        self.room.take().into_iter().for_each(Waker::wake);
        if self.stage.get() == Stage::Idle || self.late.get().is_some() {
            return;
        }
        let late = if self.origin_is_late(now) {
            Late::Origin
        } else if self.sends_too_slowly(now) {
            Late::Body
        } else {
            return;
        };
        self.late.set(Some(late));
        self.wake();
    }

    fn origin_is_late(&self, now: Instant) -> bool {
        let deadline = self.origin_deadline.get();
        !self.wants_body() && deadline.is_some_and(|deadline| now >= deadline + self.kept_origin_waiting(now))
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Slow body: 10 s of grace, then 500 bytes for each second of waiting (decision-science, section 9).
    fn sends_too_slowly(&self, now: Instant) -> bool {
        !self.converses.get()
            && self.body_wanted.get().is_some_and(|since| {
                let waited = self.body_waited.get() + now.since(since);
                waited > BODY_GRACE
                    && self.body_bytes.get() < (waited - BODY_GRACE).as_secs() * BODY_BYTES_PER_SECOND_MIN
            })
    }
}

/// Who moves this much is not kept waiting for.
pub(crate) const PROGRESS_BYTES: usize = 16 * 1024;
const BODY_GRACE: Duration = Duration::from_secs(10);
const BODY_BYTES_PER_SECOND_MIN: u64 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits so many seconds for each piece of a body; whether that was too slow.
    fn check(pieces: &[(u64, usize)]) -> bool {
        let call = Call::new();
        call.enter(Stage::Asked);
        let mut now = Instant::from_secs(100);
        for &(seconds, bytes) in pieces {
            call.body_wanted.set(Some(now));
            now = now + Duration::from_secs(seconds);
            call.sweep(now);
            if call.late().is_some() {
                return true;
            }
            call.body_waited.set(call.body_waited.get() + Duration::from_secs(seconds));
            call.body_wanted.set(None);
            call.body_bytes.set(call.body_bytes.get() + bytes as u64);
        }
        call.sweep(now + Duration::from_secs(1_000));
        call.late().is_some()
    }

    #[test]
    fn a_body_needs_500_bytes_a_second_after_ten_seconds_of_waiting() {
        assert!(!check(&[(10, 5_000), (9, 5_000), (11, 1)]));
        assert!(check(&[(12, 0)]));
        assert!(check(&[(5, 900), (10, 0)]));
        assert!(!check(&[(5, 900), (6, 3_000), (1, 1)]), "time in which nobody waits does not count");
    }

    #[test]
    fn an_origin_is_not_late_for_what_the_client_has_not_sent() {
        let call = Call::new();
        call.enter(Stage::Asked);
        call.body_waited.set(Duration::from_secs(7));
        call.dispatch();
        call.await_origin(Some(Instant::from_secs(60)));
        call.body_wanted.set(Some(Instant::from_secs(10)));
        call.body_bytes.set(1 << 20);
        call.sweep(Instant::from_secs(100));
        assert_eq!(call.late(), None, "it has nothing to answer yet");
        assert_eq!(call.kept_origin_waiting(Instant::from_secs(100)), Duration::from_secs(90));
        call.body_waited.set(Duration::from_secs(7 + 90));
        call.body_wanted.set(None);
        assert_eq!(call.kept_origin_waiting(Instant::from_secs(100)), Duration::from_secs(90));
        call.sweep(Instant::from_secs(149));
        assert_eq!(call.late(), None);
        call.sweep(Instant::from_secs(150));
        assert_eq!(call.late(), Some(Late::Origin));
    }

    #[test]
    fn an_origin_is_late_once_its_deadline_has_passed() {
        let call = Call::new();
        call.enter(Stage::Asked);
        call.await_origin(Some(Instant::from_secs(60)));
        call.sweep(Instant::from_secs(59));
        assert_eq!(call.late(), None);
        call.sweep(Instant::from_secs(60));
        assert_eq!(call.late(), Some(Late::Origin));
        call.enter(Stage::Idle);
        call.enter(Stage::Asked);
        call.sweep(Instant::from_secs(90));
        assert_eq!(call.late(), None, "the next request begins anew");
    }
}
