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
    calls: Rc<Cell<u32>>,
    quiet_since: Option<Instant>,
}

/// A place for one call on a connection; dropping it makes room for another.
pub(super) struct Place {
    pub(super) sender: SendRequest<RequestBody>,
    calls: Rc<Cell<u32>>,
}

impl Channels {
    /// A place on a connection that has one, or on a new one.
    pub(super) async fn place(&self, origin: &Origin, clock: &Clock) -> Result<Place, SendError> {
        if let Some(place) = self.free_place() {
            return Ok(place);
        }
        let asked = clock.now();
        let _made_by_me = self.making.lock().await;
        if let Some(place) = self.free_place() {
            return Ok(place);
        }
        if self.failed.get().is_some_and(|failed| failed > asked) {
            // Whoever waits in a queue behind one failure has seen it: else each would wait for one of its own.
            return Err(SendError::ConnectTimeout);
        }
        let made = dial::http2(origin).await;
        self.failed.set(made.is_err().then(|| clock.now()));
        let channel = Channel { sender: made?, calls: Rc::default(), quiet_since: None };
        let place = channel.place();
        self.open.borrow_mut().push(channel);
        Ok(place)
    }

    /// Closes connections that have ended, or on which nobody has called for `most`.
    pub(super) fn sweep(&self, now: Instant, most: Duration) {
        self.open.borrow_mut().retain_mut(|channel| {
            if channel.calls.get() > 0 {
                channel.quiet_since = None;
                return !channel.sender.is_closed();
            }
            let since = *channel.quiet_since.get_or_insert(now);
            !channel.sender.is_closed() && now.since(since) <= most
        });
    }

    /// The first with room: so the others fall quiet and are closed.
    fn free_place(&self) -> Option<Place> {
        let mut open = self.open.borrow_mut();
        open.retain(|channel| !channel.sender.is_closed());
        open.iter().find(|channel| channel.calls.get() < CALLS_MAX).map(Channel::place)
    }
}

impl Channel {
    fn place(&self) -> Place {
        self.calls.set(self.calls.get() + 1);
        Place { sender: self.sender.clone(), calls: self.calls.clone() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.calls.set(self.calls.get() - 1);
    }
}
