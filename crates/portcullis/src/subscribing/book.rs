//! Subscribers in the journal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use journal_io::journal::{Journal, NEWS_BYTES_MAX, NewsRow, Row, SubscriberRow, ToldRow};
use journal_io::logs::Events;
use notify::State;
use notify::subscribers::{self, Backlog, Change, SubscriberId};
use notify_io::MailBook;

use crate::running::SITE;

/// Keeps what becomes of subscribers in the journal. What it says to an admin never holds an address.
///
/// What the journal has no place for waits here, and until it has been written nothing counts as kept.
pub(super) struct JournalMailBook {
    journal: Arc<Journal>,
    events: Arc<Events>,
    backlog: Mutex<Backlog>,
}

impl JournalMailBook {
    pub(super) fn new(journal: Arc<Journal>, events: Arc<Events>) -> Self {
        Self { journal, events, backlog: Mutex::default() }
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, change: &Change) -> bool {
        self.journal.record(row(change))
    }
}

impl MailBook for JournalMailBook {
    fn keep(&self, change: Change) {
        if let Change::News { seq, bytes, .. } = &change {
            if bytes.len() > NEWS_BYTES_MAX {
                self.events.error(format_args!(
                    "subscribers: news {seq} is too long to be kept; after a restart some hear it twice"
                ));
                return;
            }
            self.events.info(format_args!("subscribers: news {seq} is on its way to them"));
        }
        let mut backlog = self.backlog();
        backlog.push(change);
        backlog.keep(AT_ONCE, |change| self.record(change));
    }

    fn settle(&self) -> bool {
        for _ in 0..ROUNDS {
            let is_all = self.backlog().keep(ROUND, |change| self.record(change));
            let is_written = self.journal.settle(WRITTEN_WITHIN);
            if is_all || !is_written {
                return is_all && is_written;
            }
        }
        false
    }
}

fn row(change: &Change) -> Row {
    match change {
        Change::Joined(person) => Row::Subscriber(SubscriberRow {
            site: SITE,
            id: person.id.0,
            since: person.since,
            refusals: person.refusals,
            address: person.address.as_str().into(),
            chosen: person.chosen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ").into(),
        }),
        Change::Left(SubscriberId(id)) => Row::SubscriberGone { site: SITE, id: *id },
        Change::News { seq, at, bytes } => {
            Row::News(NewsRow { site: SITE, seq: *seq, at: *at, bytes: bytes.as_slice().into() })
        }
        Change::Told(told) => Row::Told(row_of(told)),
    }
}

fn row_of(told: &subscribers::ToldRow) -> ToldRow {
    ToldRow {
        site: SITE,
        subscriber: told.subscriber.0,
        subject: told.subject.as_str().into(),
        seq: told.seq,
        attempts: told.attempts,
        at: told.at,
        state: told.state as u8,
        why: told.why.as_str().into(),
    }
}

/// What a row says; `None` for one that was not written here.
pub(super) fn told_of(row: &ToldRow) -> Option<subscribers::ToldRow> {
    Some(subscribers::ToldRow {
        subscriber: SubscriberId(row.subscriber),
        subject: row.subject.parse().ok()?,
        seq: row.seq,
        attempts: row.attempts,
        at: row.at,
        state: State::ALL.get(usize::from(row.state)).copied()?,
        why: row.why.to_string(),
    })
}

/// A mail waits so long for the disk before it leaves, and an answer before it says that it does not.
const WRITTEN_WITHIN: Duration = Duration::from_secs(3);
/// What waited goes before what comes, a little faster than that.
const AT_ONCE: usize = 2;
/// So much of it at a time: the journal has room for more than ten times as much, and that is for others too.
const ROUND: usize = 500;
const ROUNDS: u32 = 4;
