//! The thread that owns the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use edge_io::Clock;
use incident::{Act, ActError, Engine, Entry, Moment, Record};
use journal_io::journal::{IncidentRow, Journal, Row};
use journal_io::logs::Events;
use model::Instant;

use super::{Known, Message, Press};
use crate::running::SITE;

/// Keeps the record, and has pages made of it.
pub(super) struct Clerk {
    pub(super) engine: Engine,
    pub(super) journal: Arc<Journal>,
    pub(super) press: Option<Box<dyn Press>>,
    pub(super) events: Arc<Events>,
    pub(super) clock: Clock,
    pub(super) open: Arc<AtomicUsize>,
    /// Another process writes the record.
    pub(super) pause: Arc<AtomicBool>,
}

impl Clerk {
    /// Until it is told to stop, or nobody is left to tell it anything.
    pub(super) fn run(mut self, receiver: &Receiver<Message>) {
        let mut published = self.publish(true);
        loop {
            let has_changed = match receiver.recv_timeout(FRESH_FOR) {
                Ok(Message::Saw(..)) if self.pause.load(Relaxed) => false,
                Ok(Message::Saw(sight, moment)) => {
                    let records = self.engine.see(&sight, moment);
                    let has_changed = self.keep(&records);
                    if records.iter().any(|record| matches!(record.entry, Entry::Published { .. })) {
                        // What the public read must outlive a crash; a disk that fails does not keep it from them.
                        let _written = self.journal.settle(PUBLISHED_WITHIN);
                    }
                    has_changed
                }
                Ok(Message::Heard(_)) if self.pause.load(Relaxed) => false,
                Ok(Message::Heard(spell)) => {
                    let records = self.engine.hear(&spell, self.moment());
                    self.keep(&records)
                }
                Ok(Message::Refresh) => true,
                Ok(Message::Act(act, by, sender)) => {
                    let done = self.act(act, &by);
                    // What the disk did not take in time is so all the same.
                    if matches!(done, Ok(()) | Err(ActError::Unwritten(_))) {
                        // Whoever looks after the answer finds it on the page.
                        published = self.publish(true);
                    }
                    // Whoever asked may have lost patience.
                    let _heard = sender.try_send(done.map(|()| self.known()));
                    false
                }
                Ok(Message::Ask(sender)) => {
                    let _heard = sender.try_send(self.known());
                    false
                }
                Ok(Message::Draft(incidents, readers, sender)) => {
                    let _heard = sender.try_send(self.engine.draft(&incidents, readers));
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            };
            self.open.store(self.engine.open_count(), Relaxed);
            if has_changed || self.clock.now().since(published) >= FRESH_FOR {
                published = self.publish(has_changed);
            }
        }
    }

    fn act(&mut self, act: Act, by: &str) -> Result<(), ActError> {
        if self.pause.load(Relaxed) {
            return Err(ActError::Unwritten(
                "another process is taking over; repeat it in a moment".to_owned(),
            ));
        }
        let before = self.journal.health().dropped_rows[0];
        let records = self.engine.act(act, by, self.moment())?;
        self.keep(&records);
        // What an admin is told to be done must outlive a crash.
        let is_written = self.journal.settle(ON_DISK_WITHIN);
        let health = self.journal.health();
        if is_written && health.dropped_rows[0] == before {
            return Ok(());
        }
        let why = if is_written { "the journal did not take it" } else { "the disk did not answer in time" };
        Err(ActError::Unwritten(health.trouble.unwrap_or_else(|| why.to_owned())))
    }

    /// Gives records to the journal and says them; whether there were any.
    fn keep(&self, records: &[Record]) -> bool {
        for record in records {
            let row = IncidentRow {
                site: SITE,
                seq: record.seq,
                at: record.at,
                bytes: record.bytes.clone(),
                hash: record.hash,
            };
            // Records are vital: a full queue drops everything else before them.
            let _queued = self.journal.record(Row::Incident(row));
            self.say(&record.entry);
        }
        !records.is_empty()
    }

    fn say(&self, entry: &Entry) {
        match entry {
            Entry::Opened { title, by: None, .. } => {
                self.events.warning(format_args!("incident: {title}; `portcullis ctl incident` shows it"));
            }
            Entry::Planned { .. } => self.events.warning(format_args!(
                "incident: a notice will be published soon; `portcullis ctl incident hold` prevents it, `… publish` does it now"
            )),
            Entry::Published { stage, by: None, .. } => {
                self.events.warning(format_args!("incident: published as {stage}"));
            }
            Entry::Outside { until: None, .. } => {
                self.events.error(format_args!("incident: outside cannot reach us"));
            }
            Entry::Outside { is_doubted: true, .. } => self.events.warning(format_args!(
                "incident: the outpost told that outside could not reach us, but customers were served meanwhile: it is not \
                 told; look at the outpost and at its probes"
            )),
            Entry::Outside { until: Some(_), .. } => {
                self.events.warning(format_args!("incident: outside could not reach us, and can again"));
            }
            Entry::Ended { .. } => self.events.info(format_args!("incident: over, and was not told")),
            Entry::Opened { .. }
            | Entry::Explained { .. }
            | Entry::Fared { .. }
            | Entry::Level { .. }
            | Entry::Withdrawn { .. }
            | Entry::Published { .. }
            | Entry::Component { .. }
            | Entry::Watched { .. }
            | Entry::Overridden { .. }
            | Entry::Maintenance { .. } => {}
        }
    }

    fn known(&self) -> Known {
        let components = self.engine.components();
        Known {
            incidents: self.engine.inside(),
            components: components
                .map(|(name, status, is_said)| (name.to_owned(), status, is_said))
                .collect(),
            view: self.engine.view(self.clock.wall()),
        }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), wall: self.clock.wall() }
    }

    fn publish(&mut self, has_changed: bool) -> Instant {
        let wall = self.clock.wall();
        if let Some(press) = &mut self.press
            && let Err(error) = press.publish(self.engine.view(wall), wall, has_changed)
        {
            self.events.error(format_args!("status page: what was out before stays: {error}"));
        }
        self.clock.now()
    }
}

/// Pages say when they were made; after so long they are made again.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// Words of the gate wait so long for the disk.
const PUBLISHED_WITHIN: Duration = Duration::from_millis(500);
/// An act must be on the disk within so long.
const ON_DISK_WITHIN: Duration = Duration::from_secs(3);
