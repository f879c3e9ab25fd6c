//! Connections of HTTP/2 to one origin, on each of which many calls run at a time.
//!
//! Known clients have connections of their own: an origin that has had enough of the resets or the flood of a connection may
//! close it, and that must never be theirs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use hyper::client::conn::http2::SendRequest;
use model::Instant;
use tokio::sync::Mutex;

use super::Origin;
use super::dial::{self, CALLS_MAX};
use super::pool::SendError;
use crate::body::RequestBody;
use crate::clock::Clock;

/// One worker's connections to one origin for one kind of client.
#[derive(Default)]
pub(super) struct Channels {
    open: RefCell<Vec<Channel>>,
    /// Held by whoever makes a connection: a crowd that arrives together makes one, not one each.
    making: Mutex<()>,
    /// When one could last not be made.
    failed: Cell<Option<Instant>>,
}

struct Channel {
    sender: SendRequest<RequestBody>,
    calls: Rc<Calls>,
    quiet_since: Option<Instant>,
}

/// The calls on one connection.
#[derive(Debug, Default)]
struct Calls {
    open: Cell<u32>,
    /// When one was last answered.
    answered: Cell<Option<Instant>>,
    /// A call was given up, and nothing was answered since it began: the connection may have died without a word. Pings would tell
    /// sooner, but common servers of gRPC end connections that ping more than once in five minutes.
    is_doubtful: Cell<bool>,
}

impl Calls {
    fn begin(&self) {
        self.open.set(self.open.get() + 1);
    }

    fn answer(&self, now: Instant) {
        self.answered.set(Some(now));
        self.is_doubtful.set(false);
    }

    /// One has ended that began at `begun`.
    fn end(&self, begun: Instant, has_answer: bool, now: Instant) {
        self.open.set(self.open.get() - 1);
        let is_silent = self.answered.get().is_none_or(|answered| answered < begun);
        if !has_answer && is_silent && now.since(begun) >= DOUBTFUL_AFTER {
            self.is_doubtful.set(true);
        }
    }

    fn has_room(&self) -> bool {
        self.open.get() < CALLS_MAX && !self.is_doubtful.get()
    }
}

/// A place for one call on a connection; dropping it makes room for another.
pub(super) struct Place {
    pub(super) sender: SendRequest<RequestBody>,
    calls: Rc<Calls>,
    clock: Clock,
    begun: Instant,
    has_answer: bool,
}

impl Channels {
    /// A place on a connection that has one, or on a new one.
    pub(super) async fn place(&self, origin: &Origin, clock: &Clock) -> Result<Place, SendError> {
        if let Some(place) = self.free_place(clock) {
            return Ok(place);
        }
        let asked = clock.now();
        let _made_by_me = self.making.lock().await;
        if let Some(place) = self.free_place(clock) {
            return Ok(place);
        }
        if self.failed.get().is_some_and(|failed| failed > asked) {
            // Whoever waits in a queue behind one failure has seen it: else each would wait for one of its own.
            return Err(SendError::ConnectTimeout);
        }
        let made = dial::http2(origin).await;
        self.failed.set(made.is_err().then(|| clock.now()));
        let channel = Channel { sender: made?, calls: Rc::default(), quiet_since: None };
        let place = channel.place(clock);
        self.open.borrow_mut().push(channel);
        Ok(place)
    }

    /// Closes connections that have ended, on which nobody has called for `most`, or of which nobody knows whether they live.
    pub(super) fn sweep(&self, now: Instant, most: Duration) {
        self.open.borrow_mut().retain_mut(|channel| {
            if channel.calls.open.get() > 0 {
                channel.quiet_since = None;
                return !channel.sender.is_closed();
            }
            if channel.calls.is_doubtful.get() {
                return false;
            }
            let since = *channel.quiet_since.get_or_insert(now);
            !channel.sender.is_closed() && now.since(since) <= most
        });
    }

    /// The first with room: so the others fall quiet and are closed.
    fn free_place(&self, clock: &Clock) -> Option<Place> {
        let mut open = self.open.borrow_mut();
        open.retain(|channel| !channel.sender.is_closed());
        open.iter().find(|channel| channel.calls.has_room()).map(|channel| channel.place(clock))
    }
}

impl Channel {
    fn place(&self, clock: &Clock) -> Place {
        self.calls.begin();
        let (sender, calls) = (self.sender.clone(), self.calls.clone());
        Place { sender, calls, clock: *clock, begun: clock.now(), has_answer: false }
    }
}

impl Place {
    /// The app has begun to answer.
    pub(super) fn is_answered(&mut self) {
        self.has_answer = true;
        self.calls.answer(self.clock.now());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.calls.end(self.begun, self.has_answer, self.clock.now());
    }
}

/// A call that is given up after so long says something of its connection, also one that only asks how the app is; whoever goes away sooner, nothing.
const DOUBTFUL_AFTER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(seconds)
    }

    #[test]
    fn a_connection_on_which_nothing_is_answered_takes_no_more_calls_until_something_is() {
        let calls = Calls::default();
        (0..3).for_each(|_| calls.begin());
        calls.end(at(10), false, at(11));
        assert!(calls.has_room(), "somebody went away");
        calls.end(at(10), false, at(12));
        assert!(!calls.has_room(), "nothing came for two seconds");
        calls.answer(at(15));
        assert!(calls.has_room(), "it lives");
        calls.begin();
        calls.end(at(12), false, at(70));
        assert!(calls.has_room(), "others were answered meanwhile");
        calls.begin();
        calls.end(at(16), true, at(70));
        assert!(calls.has_room(), "it was answered");
    }

    #[test]
    fn a_connection_has_room_for_a_hundred_calls() {
        let calls = Calls::default();
        (0..CALLS_MAX).for_each(|_| calls.begin());
        assert!(!calls.has_room());
        calls.end(at(1), true, at(2));
        assert!(calls.has_room());
    }
}
