//! Everybody who is told, and what they still have to be told.

use std::time::Duration;

use incident::{Moment, Record};
use model::{Instant, Timestamp};

use crate::chronicle::Chronicle;
use crate::lane::{Around, Figures, KEPT_FOR, Lane, Next, Queued};
use crate::notice::{Notice, Severity, What};
use crate::receiver::{Receiver, Sender};
use crate::verdict::{Answer, State};

/// Something that must outlive a crash, or that an admin should know, in the order in which it is returned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// A receiver is to be told; of two with the same receiver and key the first counts.
    Queued {
        /// Whom.
        receiver: String,
        /// What no other message to the same receiver has.
        key: String,
        /// When it became so.
        at: Timestamp,
        /// The notice, as JSON.
        bytes: Vec<u8>,
    },
    /// It was tried, or given up.
    Attempted {
        /// Whom.
        receiver: String,
        /// What no other message to the same receiver has.
        key: String,
        /// How often it was tried so far.
        number: u32,
        /// When.
        at: Timestamp,
        /// What became of it.
        state: State,
        /// Why, in words for an admin; empty if it was delivered.
        why: String,
    },
    /// Everything up to this entry of the record has been queued.
    Heard(u64),
    /// What is sent again and again is not taken any more: alerts that go on, reminders, the heartbeat. Only to be said.
    Troubled {
        /// Who does not.
        receiver: String,
        /// Why, in words for an admin.
        why: String,
    },
    /// It is taken again. Only to be said.
    Recovered {
        /// Who does.
        receiver: String,
    },
}

/// A message that an earlier process left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// Whom.
    pub receiver: String,
    /// What no other message to the same receiver has.
    pub key: String,
    /// The notice, as JSON.
    pub bytes: Vec<u8>,
    /// How often it was tried.
    pub attempts: u32,
}

/// Receivers with their queues.
///
/// What it returns as a [`Change`] is to be kept, in order. Restored from that and from the record, it goes on where it was: whatever
/// is in the record reaches every receiver at least once, and again with the same key only if a crash kept the answer from being kept.
#[derive(Clone, Debug)]
pub struct Post {
    sender: Sender,
    chronicle: Chronicle,
    lanes: Vec<Lane>,
    is_paused: bool,
    /// When the record was last told what the gate saw.
    beat: Option<Instant>,
}

impl Post {
    /// Nobody is to be told anything yet.
    pub fn new(sender: Sender, receivers: Vec<Receiver>) -> Self {
        let lanes = receivers.into_iter().map(Lane::new).collect();
        Self { sender, chronicle: Chronicle::default(), lanes, is_paused: false, beat: None }
    }

    /// Goes on with what was kept. `heard` is the entry up to which everything was queued; without it, nothing that is in the record
    /// is news. Records are in order.
    pub fn restore(
        &mut self,
        records: &[Record],
        heard: Option<u64>,
        waiting: Vec<Waiting>,
        moment: Moment,
    ) -> Vec<Change> {
        let mut changes: Vec<_> =
            waiting.into_iter().filter_map(|waiting| self.restore_one(waiting, moment)).collect();
        // Old news is none, for instance if nobody was to be told for weeks.
        let is_old = |record: &Record| moment.wall.since(record.at) >= KEPT_FOR;
        let is_known = |record: &Record| heard.is_none_or(|heard| record.seq <= heard) || is_old(record);
        let known = records.partition_point(is_known);
        let (old, new) = records.split_at(known);
        for record in old {
            let _known = self.chronicle.hear(record);
        }
        changes.extend(self.hear(new, moment));
        if let (None, Some(last)) = (heard, records.last()) {
            changes.push(Change::Heard(last.seq));
        }
        changes
    }

    /// Takes the next entries of the record.
    pub fn hear(&mut self, records: &[Record], moment: Moment) -> Vec<Change> {
        let mut changes = Vec::new();
        for notice in self.news(records) {
            // After a crash some of it may be queued already.
            let is_due = |lane: &&mut Lane| lane.receiver.wants(&notice) && !lane.holds(&notice.key());
            for lane in self.lanes.iter_mut().filter(is_due) {
                changes.push(queued(&lane.receiver, &notice));
                changes.extend(lane.push(Queued::new(notice.clone(), moment), moment));
            }
        }
        changes.extend(records.last().map(|record| Change::Heard(record.seq)));
        changes
    }

    /// Tells everybody of an incident that is none and of its end, so that an admin sees whether it arrives.
    pub fn test(&mut self, moment: Moment) -> Vec<Change> {
        let mut changes = Vec::new();
        for lane in &mut self.lanes {
            let notices =
                [What::Opened, What::Over].map(|what| trial(what, lane.receiver.least, moment.wall));
            for notice in notices {
                if lane.receiver.wants(&notice) {
                    changes.push(queued(&lane.receiver, &notice));
                    changes.extend(lane.push(Queued::new(notice, moment), moment));
                }
            }
        }
        changes
    }

    /// The gate works: it has told the record what it saw.
    pub fn beat(&mut self, now: Instant) {
        self.beat = Some(now);
    }

    /// What is next for the receiver at a place.
    pub fn next(&mut self, place: usize, moment: Moment) -> Next {
        let is_alive = self.beat.is_some_and(|beat| moment.now.since(beat) <= ALIVE_FOR);
        let Self { chronicle, sender, lanes, is_paused, .. } = self;
        match lanes.get_mut(place).filter(|_| !*is_paused) {
            Some(lane) => lane.next(&Around { chronicle, sender, moment, is_alive }),
            None => Next::Wait(PAUSED_LOOK),
        }
    }

    /// What came of what [`Post::next`] wanted sent to the receiver at a place.
    pub fn settle(&mut self, place: usize, answer: &Answer, moment: Moment) -> Option<Change> {
        self.lanes.get_mut(place)?.settle(answer, moment)
    }

    /// Sends nothing, or goes on: one process sends.
    pub fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Whether something is on its way.
    pub fn is_sending(&self) -> bool {
        self.lanes.iter().any(Lane::is_sending)
    }

    /// Whether something waits that was not tried yet: what is less urgent lets it go first.
    pub fn has_untried(&self) -> bool {
        self.lanes.iter().any(Lane::has_untried)
    }

    /// How receivers are doing.
    pub fn figures(&self) -> impl Iterator<Item = Figures> {
        self.lanes.iter().map(Lane::figures)
    }

    /// News in the order of the record. What got worse in the moment in which it began was so from the beginning.
    fn news(&mut self, records: &[Record]) -> Vec<Notice> {
        let mut news: Vec<Notice> = Vec::new();
        for notice in records.iter().filter_map(|record| self.chronicle.hear(record)) {
            let began = news.iter_mut().rev().find(|before| {
                matches!(before.what, What::Opened | What::Back)
                    && before.incident == notice.incident
                    && before.at == notice.at
            });
            match began.filter(|_| notice.what == What::Worse) {
                Some(began) => {
                    *began = Notice { what: began.what, seq: began.seq, text: began.text.clone(), ..notice }
                }
                None => news.push(notice),
            }
        }
        news
    }

    fn restore_one(&mut self, waiting: Waiting, moment: Moment) -> Option<Change> {
        let lane = self.lanes.iter_mut().find(|lane| lane.receiver.name == waiting.receiver);
        let notice = serde_json::from_slice::<Notice>(&waiting.bytes).ok();
        let attempts = waiting.attempts;
        match (lane, notice) {
            (Some(lane), Some(notice)) => lane.push(Queued::left(notice, attempts, moment), moment),
            (lane, _) => Some(Change::Attempted {
                receiver: waiting.receiver,
                key: waiting.key,
                number: attempts,
                at: moment.wall,
                state: State::GivenUp,
                why: if lane.is_some() {
                    "it cannot be read"
                } else {
                    "its receiver is not configured any more"
                }
                .to_owned(),
            }),
        }
    }
}

fn queued(receiver: &Receiver, notice: &Notice) -> Change {
    Change::Queued {
        receiver: receiver.name.clone(),
        key: notice.key(),
        at: notice.at(),
        // Strings and numbers always have a form in JSON.
        bytes: serde_json::to_vec(notice).unwrap_or_default(),
    }
}

/// News of an incident that is none.
fn trial(what: What, severity: Severity, at: Timestamp) -> Notice {
    Notice {
        // No incident is called so: their ids are twelve letters and digits.
        incident: format!("test-{}", at.as_secs()),
        seq: u64::from(what == What::Over),
        what,
        title: "Test of alerts, nothing is wrong".to_owned(),
        severity,
        now: None,
        is_open: what != What::Over,
        since: at.as_millis(),
        at: at.as_millis(),
        cause: None,
        fares: "nobody was asked".to_owned(),
        stage: None,
        text: "Somebody wants to know whether alerts arrive.".to_owned(),
        asks: false,
        is_untold: false,
        number: 0,
    }
}

/// Without a second that was told to the record for so long, the gate does not work.
const ALIVE_FOR: Duration = Duration::from_secs(10);
/// How long nothing is looked for while it is paused.
const PAUSED_LOOK: Duration = Duration::from_secs(1);
