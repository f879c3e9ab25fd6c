//! The thread that owns the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use admin::Component;
use edge_io::Clock;
use incident::{Act, ActError, Alert, Engine, Entry, Heeded, Moment, Record, Standing, View};
use journal_io::journal::{INCIDENTS_TOGETHER_MAX, IncidentRow, Journal, Row};
use journal_io::logs::Events;
use model::{Instant, Timestamp};

use super::{Done, Known, Message, Press, Told};
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
    pub(super) told: Told,
    /// What the public was shown last, and of which moment.
    pub(super) shown: (View, Timestamp),
}

impl Clerk {
    /// Until it is told to stop, or nobody is left to tell it anything.
    pub(super) fn run(mut self, receiver: &Receiver<Message>) {
        let mut published = self.publish(true);
        loop {
            let has_changed = match receiver.recv_timeout(FRESH_FOR) {
                Ok(Message::Saw(..)) if self.pause.load(Relaxed) => false,
                Ok(Message::Saw(sight, moment)) => {
                    self.told.courier.iter().for_each(|courier| courier.beat(moment.now));
                    let records = self.engine.see(&sight, moment);
                    self.keep_published(&records)
                }
                Ok(Message::Heed(alerts, sender)) => {
                    let (heeded, has_changed) = self.heed(&alerts);
                    // Whoever asked may have lost patience.
                    let _heard = sender.try_send(heeded);
                    has_changed
                }
                Ok(Message::Heard(_)) if self.pause.load(Relaxed) => false,
                Ok(Message::Heard(spell)) => {
                    let records = self.engine.hear(&spell, self.moment());
                    self.keep_published(&records)
                }
                Ok(Message::Refresh) => true,
                Ok(Message::Foresee(act, seen, by, sender)) => {
                    let _heard = sender.try_send(self.engine.foresee(act, seen, &by, self.moment()));
                    false
                }
                Ok(Message::Act(act, seen, by, sender)) => {
                    // An update may end what it is about.
                    let about = self.engine.about(&act);
                    let done = self.act(act, seen, &by);
                    // What the disk did not take in time is so all the same.
                    if matches!(done, Ok(()) | Err(ActError::Unwritten(_))) && self.is_news() {
                        // Whoever looks after the answer finds it on the page.
                        published = self.publish(true);
                    }
                    // Whoever asked may have lost patience.
                    let _heard = sender.try_send(done.map(|()| Done { known: self.known(), about }));
                    false
                }
                Ok(Message::Ask(sender)) => {
                    let _heard = sender.try_send(self.known());
                    false
                }
                Ok(Message::Draft(incidents, beside, readers, sender)) => {
                    let now = self.clock.wall();
                    let _heard = sender.try_send(self.engine.draft_with(&incidents, &beside, readers, now));
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

    fn act(&mut self, act: Act, seen: Option<u64>, by: &str) -> Result<(), ActError> {
        if self.pause.load(Relaxed) {
            return Err(ActError::Unwritten(
                "another process is taking over; repeat it in a moment".to_owned(),
            ));
        }
        let before = self.journal.health().dropped_rows[0];
        let records = self.engine.act(act, seen, by, self.moment())?;
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

    /// Takes alerts of another system; `None`: they are not kept, and whoever sent them should send them again.
    fn heed(&mut self, alerts: &[Alert]) -> (Option<Heeded>, bool) {
        if self.pause.load(Relaxed) {
            return (None, false);
        }
        let before = self.journal.health().dropped_rows[0];
        let (records, heeded) = self.engine.heed(alerts, self.moment());
        let has_changed = self.keep(&records);
        // What is sent again adds nothing, and what it added before may still be on its way to the disk.
        let is_kept = self.journal.settle(ON_DISK_WITHIN) && self.journal.health().dropped_rows[0] == before;
        (is_kept.then_some(heeded), has_changed)
    }

    /// As [`Clerk::keep`]; what the gate published by itself is on the disk then.
    fn keep_published(&self, records: &[Record]) -> bool {
        let has_changed = self.keep(records);
        if records.iter().any(|record| matches!(record.entry, Entry::Published { .. })) {
            // What the public read must outlive a crash; a disk that fails does not keep it from them.
            let _written = self.journal.settle(PUBLISHED_WITHIN);
        }
        has_changed
    }

    /// Gives records to the journal and says them; whether the public may see something of them. If not, no page is made: the moment
    /// at which one is made would tell an attacker that the gate has done something.
    fn keep(&self, records: &[Record]) -> bool {
        // Together, so that a power cut leaves no incident that was begun and says nothing.
        for together in records.chunks(INCIDENTS_TOGETHER_MAX) {
            // Records are vital: a full queue drops everything else before them.
            let _queued = self.journal.record(Row::Incidents(together.iter().map(row).collect()));
        }
        records.iter().for_each(|record| self.say(&record.entry));
        if let Some(courier) = self.told.courier.as_ref().filter(|_| !records.is_empty()) {
            courier.hear(records);
        }
        !records.is_empty() && self.is_news()
    }

    /// Whether the public may see something that it was not shown.
    fn is_news(&self) -> bool {
        let (view, at) = &self.shown;
        self.engine.view(*at) != *view
    }

    fn say(&self, entry: &Entry) {
        match entry {
            Entry::Opened { title, by: None, .. } => {
                self.events.warning(format_args!("incident: {title}; `portcullis ctl incident` shows it"));
            }
            Entry::Signalled { component, status: Some(status), .. } => self.events.warning(format_args!(
                "incident: an alert of another system says of {component}: {}", status.label()
            )),
            Entry::Planned { due: None, stage, .. } => self.events.warning(format_args!(
                "incident: words wait for a person ({stage}); `portcullis ctl incident publish` publishes them"
            )),
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
            | Entry::Acknowledged { .. }
            | Entry::Noted { .. }
            | Entry::Signalled { .. }
            | Entry::Measured { .. }
            | Entry::Counted { .. }
            | Entry::Drafted { .. }
            | Entry::Overridden { .. }
            | Entry::Maintenance { .. } => {}
        }
    }

    fn known(&self) -> Known {
        let component = |Standing { name, status, is_said, revision }: Standing<'_>| Component {
            name: name.to_owned(),
            status,
            is_said,
            revision,
        };
        Known {
            incidents: self.engine.inside(),
            components: self.engine.components().map(component).collect(),
            counts: self.engine.counts(),
            work_revisions: self.engine.work_revisions().collect(),
            view: self.engine.view(self.clock.wall()),
        }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), wall: self.clock.wall() }
    }

    fn publish(&mut self, has_changed: bool) -> Instant {
        let wall = self.clock.wall();
        self.shown = (self.engine.view(wall), wall);
        self.told.pages.iter().for_each(|pages| pages.want(&self.shown.0));
        if let Some(press) = &mut self.press
            && let Err(error) = press.publish(self.shown.0.clone(), wall, has_changed)
        {
            self.events.error(format_args!("status page: what was out before stays: {error}"));
        }
        // Behind the page, and behind those who are alerted.
        self.told.mailing.iter().for_each(|mailing| mailing.hear(&self.shown.0));
        self.clock.now()
    }
}

fn row(record: &Record) -> IncidentRow {
    IncidentRow { site: SITE, seq: record.seq, at: record.at, bytes: record.bytes.clone(), hash: record.hash }
}

/// Pages say when they were made; after so long they are made again.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// Words of the gate wait so long for the disk.
const PUBLISHED_WITHIN: Duration = Duration::from_millis(500);
/// An act must be on the disk within so long.
const ON_DISK_WITHIN: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use incident::{ComponentSetting, Counts, Settings, Sight, Watches};
    use journal_io::Now;
    use journal_io::journal::{JournalSettings, Reader};
    use journal_io::logs::LogSettings;
    use model::Level;

    use super::*;

    struct Counting(Arc<AtomicUsize>);

    impl Press for Counting {
        fn publish(&mut self, _: View, _: Timestamp, _: bool) -> Result<(), status_io::FileError> {
            self.0.fetch_add(1, Relaxed);
            Ok(())
        }
    }

    fn clerk(folder: &Path, clock: Clock, components: Vec<ComponentSetting>) -> Clerk {
        let both: journal_io::Clock = Arc::new(move || Now { instant: clock.now(), wall: clock.wall() });
        let (journal, _loaded) = Journal::open(folder, JournalSettings::default()).unwrap();
        Clerk {
            engine: Engine::new(Settings::new(components, Duration::ZERO)),
            journal: Arc::new(journal),
            press: Some(Box::new(Counting(Arc::default()))),
            events: Arc::new(LogSettings::new(folder).start_own(&both).unwrap()),
            clock,
            open: Arc::default(),
            pause: Arc::default(),
            told: Told::default(),
            shown: (View::default(), Timestamp::default()),
        }
    }

    /// A power cut between two of its records would leave an incident that goes on, says nothing and cannot be ended.
    #[test]
    fn whatever_an_act_brings_is_one_row_of_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let (name, watches) = ("Phone".to_owned(), Watches::Nothing);
        let phone = ComponentSetting { name, groups: vec![], description: String::new(), watches };
        let mut clerk = clerk(folder.path(), Clock::start(), vec![phone]);
        let before = clerk.journal.health().written_rows;
        let act = Act::Open {
            title: "Nobody answers the phone".into(),
            stage: incident::Stage::Identified,
            body: "Our carrier has a problem.".into(),
            components: vec![("Phone".into(), incident::Status::MajorOutage)],
        };
        clerk.act(act, None, "root").unwrap();
        assert_eq!(clerk.journal.health().written_rows - before, 1);
        let reader = Reader::open(folder.path()).unwrap();
        assert!(reader.incidents(SITE, None, 10).unwrap().len() >= 3, "opened, overridden, published");
    }

    /// The moments at which pages are made tell nothing of what the gate does; what people may read is there at once.
    #[test]
    fn a_page_is_made_at_once_only_for_what_the_public_may_see() {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::start());
        let mut clerk = clerk(folder.path(), clock, vec![]);
        clerk.publish(true);
        let at = |seconds: u64| {
            let since = Duration::from_secs(seconds);
            Moment {
                now: clock.now() + since,
                wall: Timestamp::from_millis(clock.wall().as_millis() + seconds * 1_000),
            }
        };
        let mut written = 0;
        for second in 1..20 {
            // It is only watched, so the public is told nothing of it.
            let known = Counts { all: 100, bad: if second < 5 { 0 } else { 90 } };
            let sight = Sight { known, level: Level::CustomersFirst, observes: true, ..Sight::default() };
            let records = clerk.engine.see(&sight, at(second));
            written += records.len();
            assert!(!clerk.keep(&records), "in second {second}: {records:?}");
        }
        assert!(written > 0, "nothing was in the record, so nothing was shown");
        clerk.act(Act::Acknowledge { incident: None }, None, "root").unwrap();
        assert!(!clerk.is_news(), "who sees to it is nobody else's business");
        let told = Act::Open {
            title: "Nobody answers the phone".into(),
            stage: incident::Stage::Identified,
            body: "Our carrier has a problem.".into(),
            components: vec![],
        };
        let records = clerk.engine.act(told, None, "root", at(20)).unwrap();
        assert!(clerk.keep(&records));
    }
}
