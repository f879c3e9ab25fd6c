//! Subscribers in the journal.

use std::sync::Arc;
use std::time::Duration;

use journal_io::journal::{Journal, NewsRow, Row, SubscriberRow, ToldRow};
use journal_io::logs::Events;
use notify::State;
use notify::subscribers::{self, Change, SubscriberId};
use notify_io::MailBook;

use crate::running::SITE;

/// Keeps what becomes of subscribers in the journal. What it says to an admin never holds an address.
pub(super) struct JournalMailBook {
    pub(super) journal: Arc<Journal>,
    pub(super) events: Arc<Events>,
}

impl MailBook for JournalMailBook {
    fn keep(&self, change: Change) {
        let row = match change {
            Change::Joined(person) => Row::Subscriber(SubscriberRow {
                site: SITE,
                id: person.id.0,
                since: person.since,
                refusals: person.refusals,
                address: person.address.as_str().into(),
                chosen: person.chosen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ").into(),
            }),
            Change::Left(SubscriberId(id)) => Row::SubscriberGone { site: SITE, id },
            Change::News { seq, at, bytes } => {
                self.events.info(format_args!("subscribers: news {seq} is on its way to them"));
                Row::News(NewsRow { site: SITE, seq, at, bytes: bytes.into() })
            }
            Change::Told(told) => Row::Told(row_of(told)),
        };
        // A full queue drops everything else before it.
        let _queued = self.journal.record(row);
    }

    fn settle(&self) -> bool {
        self.journal.settle(WRITTEN_WITHIN)
    }
}

fn row_of(told: subscribers::ToldRow) -> ToldRow {
    ToldRow {
        site: SITE,
        subscriber: told.subscriber.0,
        subject: told.subject.as_str().into(),
        seq: told.seq,
        attempts: told.attempts,
        at: told.at,
        state: told.state as u8,
        why: told.why.into(),
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
