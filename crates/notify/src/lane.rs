//! What one receiver is to be told: in order, one at a time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use incident::Moment;
use model::{Instant, Timestamp};

use crate::bodies::{self, Parcel};
use crate::chronicle::Chronicle;
use crate::notice::{Notice, What};
use crate::pace::{Pace, back_off};
use crate::post::Change;
use crate::receiver::{Receiver, Sender, Way};
use crate::verdict::{Answer, State, Verdict};

/// What is to be done for a receiver next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// Send this, and tell the post what came of it.
    Send(Parcel),
    /// It is no use any more; this is to be kept.
    Over(Change),
    /// Nothing for so long, unless there is news.
    Wait(Duration),
}

/// How a receiver is doing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Its name.
    pub name: String,
    /// Messages that wait.
    pub waiting: usize,
    /// What became of tries since the start, by [`State`].
    pub outcomes: [u64; 4],
    /// Why the last one failed, in words for an admin; empty if it did not.
    pub trouble: String,
}

/// The queue of one receiver.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) receiver: Receiver,
    waiting: VecDeque<Queued>,
    in_hand: Option<InHand>,
    failures: u32,
    /// Since when its answers mostly mean that no more helps.
    doubted: Option<Instant>,
    /// After a failure nothing is sent before.
    not_before: Instant,
    pace: Pace,
    /// When what stands is due.
    standing_due: Instant,
    /// What stands was not taken the last time.
    is_troubled: bool,
    /// The last reminders of incidents that go on.
    reminded: BTreeMap<String, Reminded>,
    outcomes: [u64; 4],
    trouble: String,
}

/// How far reminders of an incident are.
#[derive(Clone, Copy, Debug)]
struct Reminded {
    /// When somebody was called: whoever is called anew is reminded anew.
    called: Timestamp,
    /// When that was noticed, and how long ago it was by then: from there on only the clock counts that does not jump.
    noticed: (Instant, Duration),
    /// How many times over the last one was due.
    count: u128,
}

#[derive(Clone, Debug)]
pub(crate) struct Queued {
    notice: Notice,
    attempts: u32,
    /// On the clock that does not jump.
    until: Instant,
}

impl Queued {
    /// News of this moment.
    pub(crate) fn new(notice: Notice, moment: Moment) -> Self {
        Self { notice, attempts: 0, until: moment.now + KEPT_FOR }
    }

    /// What an earlier process left. A clock that was set meanwhile must not make all of it old.
    pub(crate) fn left(notice: Notice, attempts: u32, moment: Moment) -> Self {
        let left = KEPT_FOR.saturating_sub(moment.wall.since(notice.at())).max(KEPT_AT_LEAST);
        Self { notice, attempts, until: moment.now + left }
    }
}

/// What is on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum InHand {
    /// The first that waits.
    First,
    /// What stands: it is not kept, because it comes again by itself.
    Standing,
}

impl Lane {
    pub(crate) fn new(receiver: Receiver) -> Self {
        Self {
            pace: Pace::new(receiver.per_minute),
            receiver,
            waiting: VecDeque::new(),
            in_hand: None,
            failures: 0,
            doubted: None,
            not_before: Instant::default(),
            standing_due: Instant::default(),
            is_troubled: false,
            reminded: BTreeMap::new(),
            outcomes: [0; 4],
            trouble: String::new(),
        }
    }

    /// Queues another; what leaves for want of room is returned.
    pub(crate) fn push(&mut self, queued: Queued, moment: Moment) -> Option<Change> {
        self.waiting.push_back(queued);
        // What is on its way stays first.
        let place = usize::from(self.in_hand == Some(InHand::First));
        (self.waiting.len() > WAITING_MAX).then(|| self.give_up(place, "too many others wait", moment))?
    }

    /// Whether this waits already.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.waiting.iter().any(|queued| queued.notice.key() == key)
    }

    /// What is next at a moment.
    pub(crate) fn next(&mut self, around: &Around<'_>) -> Next {
        let Around { moment, .. } = *around;
        if self.in_hand.is_some() {
            return Next::Wait(LOOK);
        }
        let is_old = |queued: &Queued| moment.now >= queued.until;
        if self.waiting.front().is_some_and(is_old)
            && let Some(change) = self.give_up(0, "it is a day old", moment)
        {
            return Next::Over(change);
        }
        let pause = self.not_before.since(moment.now);
        if !pause.is_zero() {
            return Next::Wait(pause);
        }
        let pause = self.pace.wait(moment.now);
        if !pause.is_zero() {
            return Next::Wait(pause);
        }
        if let Some(first) = self.waiting.front() {
            let parcel = bodies::parcel(&self.receiver, around.sender, &first.notice, moment.wall);
            return self.send(InHand::First, parcel, moment.now);
        }
        match self.standing(around) {
            Some(parcel) => self.send(InHand::Standing, parcel, moment.now),
            None => Next::Wait(LOOK),
        }
    }

    /// What came of what [`Lane::next`] wanted sent.
    pub(crate) fn settle(&mut self, answer: &Answer, moment: Moment) -> Option<Change> {
        let in_hand = self.in_hand.take()?;
        let verdict = Verdict::of(answer, moment.wall);
        let (state, why) = match verdict {
            Verdict::Done => (State::Delivered, String::new()),
            Verdict::Never { why } => (State::Refused, why),
            Verdict::Again { after, why } => (self.leave_alone(after, moment.now), why),
            Verdict::Doubtful { why } => {
                let since = *self.doubted.get_or_insert(moment.now);
                let is_over = moment.now.since(since) >= DOUBTED_FOR;
                let state = if is_over { State::Refused } else { self.leave_alone(None, moment.now) };
                (state, why)
            }
        };
        self.count(state);
        self.trouble.clone_from(&why);
        if state != State::Waiting {
            self.failures = 0;
        }
        if in_hand == InHand::Standing {
            self.believe(state);
            return self.stands(state, why);
        }
        let first = self.waiting.front_mut()?;
        first.attempts = first.attempts.saturating_add(1);
        let change = attempted(&self.receiver, first, state, why, moment);
        if state != State::Waiting {
            self.waiting.pop_front();
        }
        self.believe(state);
        Some(change)
    }

    /// After a failure: for as long as was asked for; if that did not help, at least for as long as others.
    fn leave_alone(&mut self, asked: Option<Duration>, now: Instant) -> State {
        self.failures = self.failures.saturating_add(1);
        let least = if asked.is_some() && self.failures == 1 { ASKED_MIN } else { back_off(self.failures) };
        self.not_before = now + asked.unwrap_or_default().max(least);
        State::Waiting
    }

    /// What is refused after a long doubt takes with it what waits behind it; what comes later is tried for as long again.
    fn believe(&mut self, state: State) {
        if state == State::Delivered || (state == State::Refused && self.waiting.is_empty()) {
            self.doubted = None;
        }
    }

    /// Whether something waits that was not tried yet.
    pub(crate) fn has_untried(&self) -> bool {
        self.waiting.iter().any(|queued| queued.attempts == 0)
    }

    pub(crate) const fn is_sending(&self) -> bool {
        self.in_hand.is_some()
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures {
            name: self.receiver.name.clone(),
            waiting: self.waiting.len(),
            outcomes: self.outcomes,
            trouble: self.trouble.clone(),
        }
    }

    /// What stands comes again by itself: only that it begins to fail, or is well again, is news to an admin.
    fn stands(&mut self, state: State, why: String) -> Option<Change> {
        if state == State::Waiting {
            // As soon as it may be tried again.
            self.standing_due = self.not_before;
        }
        let is_troubled = state != State::Delivered;
        let was_troubled = std::mem::replace(&mut self.is_troubled, is_troubled);
        let receiver = self.receiver.name.clone();
        match (was_troubled, is_troubled) {
            (false, true) => Some(Change::Troubled { receiver, why }),
            (true, false) => Some(Change::Recovered { receiver }),
            (false, false) | (true, true) => None,
        }
    }

    fn send(&mut self, in_hand: InHand, parcel: Parcel, now: Instant) -> Next {
        self.in_hand = Some(in_hand);
        self.pace.spend(now);
        Next::Send(parcel)
    }

    fn give_up(&mut self, place: usize, why: &str, moment: Moment) -> Option<Change> {
        let queued = self.waiting.remove(place)?;
        self.count(State::GivenUp);
        Some(attempted(&self.receiver, &queued, State::GivenUp, why.to_owned(), moment))
    }

    fn count(&mut self, state: State) {
        self.outcomes[state as usize] += 1;
    }

    /// What is to be said although there is no news.
    fn standing(&mut self, around: &Around<'_>) -> Option<Parcel> {
        let Around { chronicle, sender, moment, is_alive } = *around;
        if self.receiver.is_read() {
            let reminder = self.reminder(chronicle, moment)?;
            return Some(bodies::parcel(&self.receiver, sender, &reminder, moment.wall));
        }
        if moment.now < self.standing_due {
            return None;
        }
        let every = match self.receiver.way {
            Way::Heartbeat { every, .. } => every,
            Way::Alertmanager { .. }
            | Way::PagerDuty { .. }
            | Way::Slack { .. }
            | Way::Webhook { .. }
            | Way::Mail { .. } => REPEATED_EVERY,
        };
        let open = chronicle.open().filter(|case| case.severity() >= self.receiver.least);
        let open: Vec<_> = open.map(|case| case.notice(What::Reminder, "")).collect();
        let parcel = bodies::standing(&self.receiver, sender, &open, is_alive, moment.wall)?;
        self.standing_due = moment.now + every;
        Some(parcel)
    }

    /// An incident that hurts and that nobody has acknowledged.
    fn reminder(&mut self, chronicle: &Chronicle, moment: Moment) -> Option<Notice> {
        let every = self.receiver.remind?;
        let waits = chronicle.open();
        let waits = waits.filter(|case| case.wants_somebody() && case.severity() >= self.receiver.least);
        let mut due = None;
        let mut reminded = BTreeMap::new();
        for case in waits {
            let mut notice = case.notice(What::Reminder, "");
            let called = case.called();
            let before = self.reminded.get(&notice.incident).filter(|before| before.called == called);
            let mut reminded_of = before.copied().unwrap_or_else(|| Reminded {
                called,
                noticed: (moment.now, moment.wall.since(called)),
                count: 0,
            });
            let (noticed, ago) = reminded_of.noticed;
            let count = (ago + moment.now.since(noticed)).as_millis() / every.as_millis().max(1);
            let is_due = due.is_none() && count > reminded_of.count && count <= REMINDERS_MAX;
            if is_due {
                reminded_of.count = count;
            }
            reminded.insert(notice.incident.clone(), reminded_of);
            if is_due {
                notice.at = moment.wall.as_millis();
                due = Some(notice);
            }
        }
        self.reminded = reminded;
        due
    }
}

/// What a lane has to know of everything else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    pub(crate) chronicle: &'a Chronicle,
    pub(crate) sender: &'a Sender,
    pub(crate) moment: Moment,
    /// The record was told of the last seconds.
    pub(crate) is_alive: bool,
}

fn attempted(receiver: &Receiver, queued: &Queued, state: State, why: String, moment: Moment) -> Change {
    Change::Attempted {
        receiver: receiver.name.clone(),
        key: queued.notice.key(),
        number: queued.attempts,
        at: moment.wall,
        state,
        why,
    }
}

/// Messages to one receiver that wait; the oldest leaves.
pub(crate) const WAITING_MAX: usize = 256;
/// News that is older is none any more.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(86_400);
/// What was left is tried for so long at least, however old it seems.
const KEPT_AT_LEAST: Duration = Duration::from_secs(3_600);
/// Answers that are mostly final are believed after so long.
const DOUBTED_FOR: Duration = Duration::from_secs(900);
/// Whoever asks to be tried again at once is left alone for so long.
const ASKED_MIN: Duration = Duration::from_secs(1);
/// An Alertmanager hears so often of what goes on.
const REPEATED_EVERY: Duration = Duration::from_secs(60);
/// Reminders of one call.
const REMINDERS_MAX: u128 = 12;
/// How long a lane may sleep: reminders and what stands are looked for as often.
const LOOK: Duration = Duration::from_secs(1);
