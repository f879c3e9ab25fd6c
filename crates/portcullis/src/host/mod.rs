//! What this machine counts, once a second, on a thread of its own: how full its link is, and what comes in.
//!
//! It is read whole and bounded from `/proc`; what it means is said by `provider`. Peaks of incidents outlive a restart in the journal.

mod files;
mod settings;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use edge_io::{Clock, Shared};
use incident::Inside as Incident;
use journal_io::journal::{Journal, Loaded, Row};
use journal_io::logs::Events;
use model::{Outcome, Tier, Timestamp};
use provider::{
    Finding, Grounds, Kept, KeptPeaks, Link, Measure, Peaks, Rates, Ring, Second, SpeedFrom, Verdict,
};

use crate::probing::Probing;
use crate::running::SITE;
use crate::truth::Truth;
use files::Files;
pub(crate) use settings::HostSettings;

/// Looks at this machine.
pub(crate) struct HostWatch {
    settings: HostSettings,
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    clock: Clock,
    seen: Mutex<Seen>,
    thread: Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>,
}

/// What was seen.
#[derive(Default)]
struct Seen {
    ring: Ring,
    interface: Option<String>,
    link: Option<Link>,
    kept: Kept,
    /// The worst that was said of the link since it was kept.
    worst: Option<(Finding, Timestamp)>,
}

/// What a report needs of it.
pub(crate) struct Sighting {
    pub(crate) interface: Option<String>,
    pub(crate) link: Option<Link>,
    pub(crate) now: Option<Rates>,
    pub(crate) finding: Finding,
    pub(crate) worst: Option<(Finding, Timestamp)>,
    pub(crate) peaks: Peaks,
    pub(crate) usual: Option<Rates>,
    pub(crate) counted_since: Option<Timestamp>,
    /// Oldest first.
    pub(crate) seconds: Vec<Second>,
    pub(crate) kept: Option<KeptPeaks>,
}

impl HostWatch {
    /// Goes on with the peaks that the journal has. Nothing is counted before [`HostWatch::begin`].
    pub(crate) fn new(
        settings: HostSettings,
        shared: Arc<Shared>,
        journal: Arc<Journal>,
        loaded: &Loaded,
        clock: Clock,
        events: &Events,
    ) -> Self {
        let kept = match loaded.state(SITE, KEY).map(Kept::read) {
            None => Kept::default(),
            Some(Ok(kept)) => kept,
            Some(Err(error)) => {
                events.warning(format_args!("provider-report: {error}"));
                Kept::default()
            }
        };
        let seen = Mutex::new(Seen { kept, ..Seen::default() });
        Self { settings, shared, journal, clock, seen, thread: Mutex::default() }
    }

    /// Counts from now on.
    pub(crate) fn begin(
        self: &Arc<Self>,
        truth: Arc<Truth>,
        probing: Arc<Probing>,
        events: Arc<Events>,
    ) -> std::io::Result<()> {
        let (stop, stopped) = sync_channel(1);
        let this = self.clone();
        let run = move || this.run(&stopped, &truth, &probing, &events);
        let thread = std::thread::Builder::new().name("host".to_owned()).spawn(run)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some((stop, thread));
        Ok(())
    }

    /// Counts no more.
    pub(crate) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = thread {
            // It may have ended by itself: by a panic, which was reported when it happened.
            drop(stop);
            let _ended = thread.join();
        }
    }

    /// What is configured.
    pub(crate) const fn settings(&self) -> &HostSettings {
        &self.settings
    }

    /// What a report about a time needs; `incident` is its id, if it is one.
    pub(crate) fn sighting(
        &self,
        from: Timestamp,
        until: Timestamp,
        incident: Option<&str>,
        probing: &Probing,
    ) -> Sighting {
        let seen = self.seen();
        let finding = seen.finding(probing, self.clock);
        let mut seconds: Vec<Second> =
            seen.ring.recent().filter(|second| (from..=until).contains(&second.at)).copied().collect();
        // Those that show it best, in the order in which they came.
        seconds.sort_by_key(|second| std::cmp::Reverse(second.rates.line_bits()));
        seconds.truncate(SECONDS_SHOWN);
        seconds.sort_by_key(|second| second.at);
        Sighting {
            interface: seen.interface.clone(),
            link: seen.link,
            now: seen.recent().first().copied(),
            finding,
            worst: seen.worst.clone(),
            peaks: seen.ring.peaks(from, until),
            usual: seen.ring.usual(from),
            counted_since: seen.ring.since(),
            seconds,
            kept: incident.and_then(|incident| seen.kept.of(incident)).cloned(),
        }
    }

    /// Bits a second on the link inbound, and what is said of it.
    pub(crate) fn link_now(&self, probing: &Probing) -> (Option<u64>, Finding) {
        let seen = self.seen();
        (seen.recent().first().map(Rates::line_bits), seen.finding(probing, self.clock))
    }

    fn run(&self, stopped: &Receiver<()>, truth: &Truth, probing: &Probing, events: &Events) {
        let (mut files, mut is_open, mut written) = (Files::default(), false, 0_u64);
        // A peak may come just after something was written, and nothing after it.
        let mut is_unwritten = false;
        let mut voice = Voice::default();
        for second in 0_u64.. {
            self.look(&mut files, second);
            let was_open = std::mem::replace(&mut is_open, truth.open() > 0);
            let finding = self.seen().judge(is_open, probing, self.clock);
            voice.hear(&finding, events);
            if (is_open || was_open) && (second.is_multiple_of(NOTE_SECONDS) || is_open != was_open) {
                is_unwritten |= self.note(truth);
                let is_due = second.saturating_sub(written) >= WRITE_SECONDS || !is_open;
                if is_unwritten && is_due {
                    (written, is_unwritten) = (second, false);
                    self.write();
                }
            }
            match stopped.recv_timeout(Duration::from_secs(1)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&self, files: &mut Files, second: u64) {
        files.read();
        if second.is_multiple_of(CHOOSE_SECONDS) {
            self.choose(files);
        }
        let mut seen = self.seen();
        let mut totals = files.texts().totals(seen.interface.as_deref().unwrap_or_default());
        let sum = |of: &dyn Fn(&edge_io::Counters) -> u64| {
            self.shared.counters.iter().map(of).fold(0_u64, u64::wrapping_add)
        };
        let requests = |outcomes: &'static [Outcome]| {
            sum(&|counters| {
                let cells = Tier::ALL.into_iter().flat_map(|tier| outcomes.iter().map(move |o| (tier, *o)));
                cells.map(|(tier, outcome)| counters.requests(tier, outcome)).fold(0, u64::wrapping_add)
            })
        };
        let load = std::sync::atomic::Ordering::Relaxed;
        totals.set(Measure::Requests, requests(&Outcome::ALL));
        totals.set(Measure::Refused, requests(&REFUSED));
        totals.set(Measure::Connections, sum(&|counters| counters.accepted.load(load)));
        totals.set(Measure::Handshakes, sum(&|counters| counters.handshakes_failed.load(load)));
        seen.ring.take(totals, self.clock.now(), self.clock.wall());
    }

    /// Interfaces come and go, and a card's speed is agreed on with the other end.
    fn choose(&self, files: &Files) {
        let interface = files.choose(self.settings.interface.as_deref());
        let configured = self.settings.link.map(|bits| Link { bits, from: SpeedFrom::Configuration });
        let card = || {
            let bits = interface.as_deref().and_then(files::card_speed)?;
            Some(Link { bits, from: SpeedFrom::Card })
        };
        let link = configured.or_else(card);
        let mut seen = self.seen();
        if seen.interface != interface {
            seen.ring.begin_anew();
        }
        (seen.interface, seen.link) = (interface, link);
    }

    /// Notes the peaks of incidents that go on, or have just ended; whether there was anything new.
    fn note(&self, truth: &Truth) -> bool {
        let Some(known) = truth.ask() else { return false };
        let now = self.clock.wall();
        let mut seen = self.seen();
        let lately = |incident: &&Incident| incident.is_open || ended(incident) >= now.before(JUST_ENDED);
        let mut has_changed = false;
        let (finding, finding_at) =
            seen.worst.take().unwrap_or_else(|| (Finding::nothing("it was not looked at"), now));
        for incident in known.incidents.iter().filter(lately).take(INCIDENTS_AT_ONCE) {
            let until = if incident.is_open { now } else { ended(incident) };
            let new = KeptPeaks {
                incident: incident.id.as_str().to_owned(),
                peaks: seen.ring.peaks(incident.since, until),
                usual: seen.ring.usual(incident.since),
                finding: finding.clone(),
                finding_at: finding_at.as_millis(),
            };
            has_changed |= seen.kept.note(new);
        }
        has_changed
    }

    fn write(&self) {
        let value = self.seen().kept.to_bytes().into();
        // State is vital: a full queue drops everything else before it.
        let _queued = self.journal.record(Row::State { site: SITE, key: KEY.into(), value });
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// The last seconds, newest first.
    fn recent(&self) -> Vec<Rates> {
        self.ring.recent().take(LOOK_SECONDS).map(|second| second.rates).collect()
    }

    fn finding(&self, probing: &Probing, clock: Clock) -> Finding {
        let (outside, inside) = probing.of_link(clock.now());
        Finding::of(&Grounds { link: self.link, seconds: &self.recent(), outside, inside })
    }

    /// What is to be said of the link now; the worst of an incident is remembered.
    fn judge(&mut self, is_incident: bool, probing: &Probing, clock: Clock) -> Finding {
        let finding = self.finding(probing, clock);
        let is_worse = self.worst.as_ref().is_none_or(|(worst, _)| finding.verdict > worst.verdict);
        if is_incident && is_worse {
            self.worst = Some((finding.clone(), clock.wall()));
        }
        finding
    }
}

/// Says in the log that only the provider can help, once it has been so for a while, and that it is over.
#[derive(Default)]
struct Voice {
    said: Option<Verdict>,
    /// For how many seconds something else is found than was said.
    seconds: u32,
}

impl Voice {
    fn hear(&mut self, finding: &Finding, events: &Events) {
        let found = Some(finding.verdict).filter(|verdict| verdict.needs_provider());
        self.seconds = if found == self.said { 0 } else { self.seconds.saturating_add(1) };
        if self.seconds < SAID_AFTER {
            return;
        }
        (self.said, self.seconds) = (found, 0);
        match found {
            Some(verdict) => events.error(format_args!(
                "{} ({}): call the carrier or hosting provider; `portcullis provider-report` says what to tell them",
                verdict.sentence(),
                finding.sureness.label()
            )),
            None => events.info(format_args!("the link: {}", finding.verdict.sentence())),
        }
    }
}

/// When an incident was over; of one that goes on, when it began.
pub(crate) fn ended(incident: &Incident) -> Timestamp {
    incident.ended.unwrap_or(incident.since)
}

const KEY: &str = "provider-peaks";
const REFUSED: [Outcome; 4] = [Outcome::Limited, Outcome::Shed, Outcome::Ruled, Outcome::Challenged];
/// Seconds that a verdict rests on.
const LOOK_SECONDS: usize = 10;
const SECONDS_SHOWN: usize = 10;
const CHOOSE_SECONDS: u64 = 30;
/// A verdict that holds for so many seconds is said.
const SAID_AFTER: u32 = 5;
const NOTE_SECONDS: u64 = 10;
/// What is written is a few kilobytes, at most once a minute, and only while an incident goes on.
const WRITE_SECONDS: u64 = 60;
const JUST_ENDED: Duration = Duration::from_secs(60);
const INCIDENTS_AT_ONCE: usize = 4;
