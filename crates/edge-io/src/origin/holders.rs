//! Which clients hold connections to an origin, and from whom one is taken when others wait.
//!
//! A connection to the app is worth most to whom the app works for. A client that lets it wait, for its upload or by not
//! taking the answer, may do so as long as nobody needs the connection; then the one goes first that has kept it waiting
//! longest. After those go WebSockets and event streams, the oldest first: nobody waits for their end.
//!
//! From known clients connections are taken only for known clients, and only from a pass that lets the app wait on more than
//! its own: whoever has stolen one, or signed in to attack, must not keep other customers from the app.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use model::{Group, Instant, PassId};

use crate::call::{Call, Stage};
use crate::connection::Connection;

/// For whom a connection to the origin is wanted.
pub(crate) struct Asker {
    pub(crate) group: Group,
    /// Of a known client. Those who are known otherwise, as partners and admins are, have bounds of their own.
    pub(crate) pass: Option<PassId>,
    pub(crate) connection: Rc<Connection>,
    pub(crate) call: Rc<Call>,
}

/// Who waits: from whom a connection may be taken.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum For {
    /// A known client, or the gate itself.
    Known,
    Others,
}

impl From<Group> for For {
    fn from(group: Group) -> Self {
        match group {
            Group::Admin | Group::Known => Self::Known,
            Group::Login | Group::Ticket | Group::Unknown => Self::Others,
        }
    }
}

/// What is wanted back.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum What {
    /// A connection to this origin.
    Connection(usize),
    /// A slot of L: streams have given theirs back.
    Slot,
}

/// Those of one worker.
#[derive(Default)]
pub(crate) struct Holders {
    all: RefCell<slab::Slab<Holder>>,
    /// When somebody last looked; an entry for each kind of waiter and origin.
    looked: RefCell<BTreeMap<(For, What), Instant>>,
}

struct Holder {
    index: usize,
    pass: Option<PassId>,
    connection: Rc<Connection>,
    call: Rc<Call>,
}

impl Holders {
    /// Adds one and returns its key for [`Holders::remove`].
    pub(crate) fn insert(&self, index: usize, asker: Asker) -> usize {
        let Asker { pass, connection, call, group: _ } = asker;
        self.all.borrow_mut().insert(Holder { index, pass, connection, call })
    }

    /// It holds no connection any more.
    pub(crate) fn remove(&self, key: usize) {
        self.all.borrow_mut().try_remove(key);
    }

    /// Takes back what is wanted from as many clients as others wait, and tells `taken` of each origin.
    ///
    /// `own` is what a pass may let wait here. It comes back once the tasks of those clients have run. At most one look in 10 ms for each
    /// kind: a crowd that waits must not cost a look each.
    pub(crate) fn take_back(
        &self,
        what: What,
        wanted: u32,
        who: For,
        own: usize,
        now: Instant,
        taken: impl Fn(usize),
    ) {
        if !self.may_look(what, who, now) {
            return;
        }
        let all = self.all.borrow();
        let (mut strangers, mut passes) = (Vec::new(), BTreeMap::<PassId, Vec<(Turn, usize)>>::new());
        for (key, holder) in all.iter().filter(|(_, holder)| holder.has(what)) {
            match (holder.turn(now), holder.pass) {
                (Some(turn), None) => strangers.push((turn, key)),
                (Some(turn), Some(pass)) if who == For::Known => {
                    passes.entry(pass).or_default().push((turn, key));
                }
                (None, _) | (Some(_), Some(_)) => {}
            }
        }
        // Slots are waited for on any busy day: a customer with two uploads on a slow line keeps both.
        let at_least_one = strangers.is_empty() && what != What::Slot;
        let mut hoarded = hoarded(passes.into_values().collect(), own, at_least_one);
        strangers.sort_unstable_by(|a, b| b.cmp(a));
        hoarded.sort_unstable_by(|a, b| b.cmp(a));
        for (_, key) in strangers.into_iter().chain(hoarded).take(wanted as usize) {
            all[key].end();
            taken(all[key].index);
        }
    }

    fn may_look(&self, what: What, who: For, now: Instant) -> bool {
        let mut looked = self.looked.borrow_mut();
        let may = looked.get(&(who, what)).is_none_or(|&looked| now.since(looked) >= LOOK_PAUSE);
        if may {
            looked.insert((who, what), now);
        }
        may
    }
}

/// What passes hold and let wait beyond their own. `at_least_one`: nobody else has any, so that the pass that has most of them loses one,
/// unless that is its only one; many who have signed in to attack must not hold everything, each a little.
fn hoarded(passes: Vec<Vec<(Turn, usize)>>, own: usize, at_least_one: bool) -> Vec<(Turn, usize)> {
    let most = passes.iter().max_by_key(|held| held.len()).filter(|held| held.len() > 1).cloned();
    let hoarded: Vec<_> = passes.into_iter().flat_map(|held| beyond(own, held)).collect();
    match most {
        Some(most) if hoarded.is_empty() && at_least_one => beyond(most.len() - 1, most),
        Some(_) | None => hoarded,
    }
}

/// What one pass holds and lets wait beyond its own.
fn beyond(own: usize, mut held: Vec<(Turn, usize)>) -> Vec<(Turn, usize)> {
    held.sort_unstable_by(|a, b| b.cmp(a));
    held.truncate(held.len().saturating_sub(own));
    held
}

/// Who goes first: the greatest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Turn {
    Endless(Duration),
    KeepsWaiting(Duration),
}

impl Holder {
    fn has(&self, what: What) -> bool {
        match what {
            What::Connection(index) => self.index == index,
            What::Slot => self.call.stage() == Stage::Answering,
        }
    }

    fn turn(&self, now: Instant) -> Option<Turn> {
        if self.connection.gauge.has_ended() || self.call.late().is_some() {
            return None;
        }
        if self.call.stage() == Stage::Streaming && self.connection.is_endless() {
            return Some(Turn::Endless(now.since(self.connection.gauge.since())));
        }
        // What waits for an answer to be taken over HTTP/1 is seen at the socket, where what was taken before counts.
        let is_seen_here = self.call.wants_body() || self.connection.gauge.is_multiplexed();
        let kept = self.call.keeps_waiting_since().filter(|_| is_seen_here).map(|since| now.since(since));
        let waited = kept.max(self.connection.gauge.stalled_for(now))?;
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

/// On so many connections a known client may let the app wait also while others need them, or on a quarter of what there are: a few
/// open pages with an event stream each, a download and an upload.
pub(super) const OF_ONE_PASS: u32 = 8;
/// A client that takes or sends 16 KiB in less is never asked to go: no line is that slow for long, and round trips are
/// shorter.
const WAIT_MIN: Duration = Duration::from_millis(250);
const LOOK_PAUSE: Duration = Duration::from_millis(10);
