//! Which clients that are not known hold connections to an origin, and from whom one is taken when others wait.
//!
//! A connection to the app is worth most to whom the app works for. A client that lets it wait, for its upload or by not
//! taking the answer, may do so as long as nobody needs the connection; then the one goes first that has kept it waiting
//! longest. After those go WebSockets and event streams, the oldest first: nobody waits for their end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use model::{Group, Instant};

use crate::call::{Call, Stage};
use crate::connection::Connection;

/// For whom a connection to the origin is wanted.
pub(crate) struct Asker {
    pub(crate) group: Group,
    pub(crate) connection: Rc<Connection>,
    pub(crate) call: Rc<Call>,
}

/// Those of one worker.
#[derive(Default)]
pub(crate) struct Holders {
    all: RefCell<slab::Slab<Holder>>,
    looked: Cell<Option<Instant>>,
}

struct Holder {
    index: usize,
    connection: Rc<Connection>,
    call: Rc<Call>,
}

impl Holders {
    /// Adds one and returns its key for [`Holders::remove`].
    pub(crate) fn insert(&self, index: usize, asker: Asker) -> usize {
        let Asker { connection, call, .. } = asker;
        self.all.borrow_mut().insert(Holder { index, connection, call })
    }

    /// It holds no connection any more.
    pub(crate) fn remove(&self, key: usize) {
        self.all.borrow_mut().try_remove(key);
    }

    /// Takes connections, to one origin or to any, from as many clients as others wait, and tells `taken` of each origin.
    ///
    /// The connections come back once the tasks of those clients have run. At most one look in 10 ms: a crowd that waits
    /// must not cost a look each.
    pub(crate) fn take_back(&self, index: Option<usize>, wanted: u32, now: Instant, taken: impl Fn(usize)) {
        if self.looked.get().is_some_and(|looked| now.since(looked) < LOOK_PAUSE) {
            return;
        }
        self.looked.set(Some(now));
        let all = self.all.borrow();
        let mut candidates: Vec<(Turn, usize)> = all
            .iter()
            .filter(|(_, holder)| index.is_none_or(|index| holder.index == index))
            .filter_map(|(key, holder)| Some((holder.turn(now)?, key)))
            .collect();
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        candidates.truncate(wanted as usize);
        for &(_, key) in &candidates {
            all[key].end();
            taken(all[key].index);
        }
    }
}

/// Who goes first: the greatest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Turn {
    Endless(Duration),
    KeepsWaiting(Duration),
}

impl Holder {
    fn turn(&self, now: Instant) -> Option<Turn> {
        if self.connection.gauge.has_ended() || self.call.late().is_some() {
            return None;
        }
        if self.call.stage() == Stage::Streaming && self.connection.is_endless() {
            return Some(Turn::Endless(now.since(self.connection.gauge.since())));
        }
        let body = self.call.keeps_waiting_since().map(|since| now.since(since));
        let waited = body.max(self.connection.gauge.stalled_for(now))?;
        (waited >= WAIT_MIN).then_some(Turn::KeepsWaiting(waited))
    }

    fn end(&self) {
        if self.call.wants_body() {
            self.call.give_up();
        } else {
            // Nothing else reaches an answer that the client does not take.
            self.connection.gauge.end();
        }
    }
}

/// A client that takes or sends 16 KiB in less is never asked to go: no line is that slow for long, and round trips are
/// shorter.
const WAIT_MIN: Duration = Duration::from_millis(250);
const LOOK_PAUSE: Duration = Duration::from_millis(10);
