//! Decides what is written down and what is said.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Instant, Level, Timestamp};

use crate::act::{Act, ActError};
use crate::acting;
use crate::case::Case;
use crate::consent;
use crate::inside::{Inside, Standing};
use crate::load::{self, Meter};
use crate::outside;
use crate::publish;
use crate::record::{Chain, Entry, LevelName, Record, RecordError};
use crate::report::{self, Beside, Draft, Readers, Whole};
use crate::served::{self, Times};
use crate::settings::{
    BETTER_SECONDS, ENDED_AFTER, EXPLAINED_APART, MONITORING_GROWTH_MAX, SAME_WITHIN, STANDING, Settings,
    WORSE_SECONDS, Watches,
};
use crate::sight::{Cause, Outside, Services, Sight, Window};
use crate::signals::{self, Signals};
use crate::speaking;
use crate::state::State;
use crate::telling::Telling;
use crate::view::View;
use crate::words::{PublicId, Service, Stage, Status};

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// For durations.
    pub now: Instant,
    /// For what people read.
    pub wall: Timestamp,
}

/// The record of a site's incidents, and what is to be added to it.
///
/// Whatever is returned as a [`Record`] must be kept, in order, before anything is published that rests on it.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) state: State,
    window: Window,
    /// What was judged in the last seconds, newest first.
    judged: VecDeque<Services>,
    /// What counts, after a few seconds of the same.
    pub(crate) services: Services,
    /// What the public is told of it.
    pub(crate) telling: Telling,
    pub(crate) since: Since,
    /// For how much of their time people were served.
    times: Times,
    /// What came since it was last written down.
    pub(crate) meter: Meter,
    /// From how many places probes try the site.
    places: u8,
    pub(crate) level: Level,
    pub(crate) observes: bool,
    /// Whether the site can be reached from elsewhere, as far as that is believed.
    pub(crate) outside: Outside,
    pub(crate) ear: outside::Ear,
    /// What alerts of other systems say of components.
    pub(crate) signals: Signals,
    /// What is planned, on the clock that does not jump.
    pub(crate) due: Option<Instant>,
    pub(crate) next: Option<Instant>,
    /// Entries that came before an act which was refused: they are kept with the next ones, or the chain would have a hole.
    unkept: Vec<Record>,
}

/// Since when something is so; `None`: it is not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Since {
    /// Somebody fares worse than usual.
    pub(crate) trouble: Option<Moment>,
    /// Everybody is served.
    pub(crate) good: Option<Moment>,
    /// Everybody is served, nothing is unusual and nothing is in force.
    pub(crate) quiet: Option<Moment>,
    /// Something was said last.
    pub(crate) said: Option<Instant>,
    /// What is behind it was guessed last.
    pub(crate) explained: Option<Instant>,
}

impl Engine {
    /// Nothing has happened yet.
    pub fn new(settings: Settings) -> Self {
        let state = State::new(&settings);
        Self {
            settings,
            state,
            window: Window::default(),
            judged: VecDeque::new(),
            services: Services::default(),
            telling: Telling::default(),
            since: Since::default(),
            times: Times::default(),
            meter: Meter::default(),
            places: 0,
            level: Level::Calm,
            observes: false,
            outside: Outside::Unknown,
            ear: outside::Ear::default(),
            signals: Signals::default(),
            due: None,
            next: None,
            unkept: Vec::new(),
        }
    }

    /// Goes on with the next entry of a record that was kept, and checks that it is the next.
    ///
    /// # Errors
    ///
    /// If it is not what was written.
    pub fn restore(&mut self, bytes: &[u8], hash: [u8; 32]) -> Result<(), RecordError> {
        let (record, prev) = Record::read(bytes, hash)?;
        self.state.chain.follow(&record, prev)?;
        self.state.apply(&record);
        if let Entry::Level { after, .. } = record.entry {
            self.level = after.0;
        }
        if let Some(case) = self.state.own() {
            self.services = case.services;
            self.telling = Telling::of(case.said.last().map_or(case.services, |said| said.services));
        }
        Ok(())
    }

    /// Takes the next entry whatever is missing before it: to be called after [`RecordError::Missing`] was said aloud.
    pub fn accept_gap(&mut self) {
        self.state.chain = Chain::default();
    }

    /// Leaves an entry out that cannot be believed; what is written from now on follows it.
    pub fn leave_out(&mut self, seq: u64, hash: [u8; 32]) {
        self.state.chain = Chain { seq, hash };
    }

    /// Takes what the gate saw in about a second.
    pub fn see(&mut self, sight: &Sight, moment: Moment) -> Vec<Record> {
        let mut pen = self.pen(moment);
        self.meet_components(&mut pen);
        self.times.look(sight.spent, moment.wall);
        self.settle(sight, moment);
        self.open_or_end(sight, moment, &mut pen);
        self.note(sight, moment, &mut pen);
        signals::speak(self, moment, &mut pen);
        speaking::speak(self, moment, &mut pen);
        self.hear_waiting(moment, &mut pen);
        self.measure(&mut pen);
        load::note(self, sight, moment, &mut pen);
        pen.records
    }

    /// Takes what a person wants. With `seen`, the revision of what it is about as the person saw it, only as long as that is so still.
    ///
    /// # Errors
    ///
    /// If it cannot be, with what to do instead; nothing has changed then.
    pub fn act(
        &mut self,
        act: Act,
        seen: Option<u64>,
        by: &str,
        moment: Moment,
    ) -> Result<Vec<Record>, ActError> {
        if let Some(seen) = seen {
            acting::check_seen(self, &act, seen)?;
        }
        let mut pen = self.pen(moment);
        self.meet_components(&mut pen);
        match acting::act(self, act, seen, by, moment, &mut pen) {
            Ok(()) => Ok(pen.records),
            Err(refused) => {
                self.unkept = pen.records;
                Err(refused)
            }
        }
    }

    /// What might be published if a person did this now; nothing is done.
    ///
    /// # Errors
    ///
    /// If it cannot be, as [`Engine::act`] would say.
    pub fn foresee(&self, act: Act, seen: Option<u64>, by: &str, moment: Moment) -> Result<View, ActError> {
        let mut then = self.clone();
        then.act(act, seen, by, moment)?;
        Ok(then.view(moment.wall))
    }

    /// What may be published.
    pub fn view(&self, now: Timestamp) -> View {
        View { places: self.places, ..publish::view(&self.state, &self.settings, &self.times, now) }
    }

    /// What an admin may know, newest first.
    pub fn inside(&self) -> Vec<Inside> {
        self.state.cases.iter().rev().map(Inside::of).collect()
    }

    /// The draft of a report about one incident or several as it is now, oldest first, from the record alone; `None` if one of them is not
    /// known.
    pub fn draft(&self, incidents: &[PublicId], readers: Readers, now: Timestamp) -> Option<Draft> {
        self.draft_with(incidents, &Beside::default(), readers, now)
    }

    /// The same, with what the journal has beside the record.
    pub fn draft_with(
        &self,
        incidents: &[PublicId],
        beside: &Beside,
        readers: Readers,
        now: Timestamp,
    ) -> Option<Draft> {
        let of = |id: &PublicId| self.state.cases.iter().find(|case| case.id == *id);
        let mut cases = incidents.iter().map(of).collect::<Option<Vec<_>>>()?;
        cases.sort_by_key(|case| case.since);
        cases.dedup_by_key(|case| case.number);
        let names: Vec<&str> = self.state.components.iter().map(|of| of.full_name.as_str()).collect();
        let has_figures = readers == Readers::Colleagues || self.settings.audience_figures;
        let state = &self.state;
        let whole = Whole { cases: &cases, names: &names, readers, has_figures, state, beside, now };
        (!cases.is_empty()).then(|| report::draft(&whole))
    }

    /// Components as an admin sees them.
    pub fn components(&self) -> impl Iterator<Item = Standing<'_>> {
        self.state.components.iter().map(|of| Standing {
            name: &of.full_name,
            status: of.status(),
            is_said: of.overridden.is_some(),
            revision: of.revision,
        })
    }

    /// What somebody has seen who opens an incident, and who announces work: how many there were.
    pub fn counts(&self) -> [u64; 2] {
        [self.state.numbers.incident.into(), self.state.numbers.maintenance.into()]
    }

    /// The last entry of announced work, by its identity.
    pub fn work_revisions(&self) -> impl Iterator<Item = (PublicId, u64)> {
        self.state.maintenances.iter().map(|work| (work.id, work.revision))
    }

    /// How many incidents go on, told or not.
    pub fn open_count(&self) -> usize {
        self.state.cases.iter().filter(|case| case.is_open()).count()
    }

    /// Writes an entry down.
    pub(crate) fn write(&mut self, pen: &mut Pen, entry: Entry) {
        let record = Record::after(&self.state.chain, pen.at, entry);
        (self.state.chain.seq, self.state.chain.hash) = (record.seq, record.hash);
        self.state.apply(&record);
        pen.records.push(record);
    }

    /// For what is written at this moment, behind what is still to be kept.
    pub(crate) fn pen(&mut self, moment: Moment) -> Pen {
        Pen { records: std::mem::take(&mut self.unkept), at: moment.wall }
    }

    /// Begins the record of components that it does not know yet.
    pub(crate) fn meet_components(&mut self, pen: &mut Pen) {
        let is_due = |place: &usize| {
            let component = &self.state.components[*place];
            component.since.is_none() || pen.at.since(component.noted_at) >= STANDING
        };
        let due: Vec<usize> = (0..self.state.components.len()).filter(is_due).collect();
        for place in due {
            let known = &self.state.components[place];
            let (component, overridden) = (known.full_name.clone(), known.overridden);
            let since = known.since.unwrap_or(pen.at).as_millis();
            self.write(pen, Entry::Watched { component, since, overridden });
        }
    }

    /// How long everybody must have been served before that is said: longer each time that it was back after that.
    pub(crate) fn monitoring_after(&self) -> Duration {
        let returns = self.state.own().map_or(0, |case| case.returns);
        self.settings.pace.monitoring_after * 2_u32.saturating_pow(returns).min(MONITORING_GROWTH_MAX)
    }

    /// What everybody's faring counts as, after a few seconds of the same.
    fn settle(&mut self, sight: &Sight, moment: Moment) {
        self.judged.truncate(BETTER_SECONDS - 1);
        self.judged.push_front(self.window.judge(sight));
        self.services = Services {
            audiences: std::array::from_fn(|place| self.settled(|of| of.audiences[place])),
            login: self.settled(|of| of.login),
        };
        let is_good = self.services.worst() == Service::Good;
        // That the app fails somewhere, or has many visitors, does not matter as long as everybody is served.
        let is_unusual = matches!(sight.cause, Some(Cause::Attack | Cause::Upstream));
        let is_quiet = is_good && !is_unusual && sight.level == Level::Calm;
        mark(&mut self.since.trouble, !is_good, moment);
        mark(&mut self.since.good, is_good, moment);
        mark(&mut self.since.quiet, is_quiet, moment);
        (self.observes, self.outside) = (sight.observes, self.window.outside());
        self.places = sight.places;
        self.ear.served(sight.known.good(), moment.wall);
        let is_told = self.state.own().is_some_and(|case| !case.said.is_empty());
        let is_surely_good = Self::lasts(self.since.good, moment) >= self.monitoring_after();
        self.telling.follow(self.services, is_told && !is_surely_good, moment.now);
    }

    /// As bad as it was in each of the last seconds at least, as good as it was in each of many at most.
    fn settled(&self, of: impl Fn(&Services) -> Service) -> Service {
        let latest = self.judged.iter().take(WORSE_SECONDS).map(&of).min();
        let surely_bad = latest.filter(|_| self.judged.len() >= WORSE_SECONDS).unwrap_or_default();
        let perhaps_bad = if self.judged.len() >= BETTER_SECONDS {
            self.judged.iter().map(&of).max().unwrap_or_default()
        } else {
            Service::Down
        };
        surely_bad.max(of(&self.services).min(perhaps_bad))
    }

    fn open_or_end(&mut self, sight: &Sight, moment: Moment, pen: &mut Pen) {
        let is_attacked = sight.cause == Some(Cause::Attack) && sight.level != Level::Calm;
        let is_wrong = self.since.trouble.is_some() || is_attacked || sight.cause == Some(Cause::Upstream);
        let Some(case) = self.state.own() else {
            // What was called over a while ago and is back is told again by `speaking`, which says nothing in mode observe.
            let is_back = !self.observes && self.state.recent(moment.wall, SAME_WITHIN).is_some();
            if is_wrong && !is_back {
                self.open(sight, moment, pen);
            }
            return;
        };
        let is_over = self.since.quiet.is_some_and(|quiet| moment.now.since(quiet.now) >= ENDED_AFTER);
        if case.said.is_empty() && is_over {
            let incident = case.number;
            consent::drop_plan(self, incident, pen);
            self.write(pen, Entry::Ended { incident });
        }
    }

    fn open(&mut self, sight: &Sight, moment: Moment, pen: &mut Pen) {
        let since = self.began().unwrap_or(moment.wall).as_millis();
        let title = crate::texts::title(&self.subject());
        let incident = self.state.numbers.incident + 1;
        let is_held = self.state.held_before(moment.wall);
        self.write(
            pen,
            Entry::Opened { incident, title, since, cause: sight.cause, by: None, by_alert: false },
        );
        if is_held {
            let by = Some("the hold of the incident before".to_owned());
            self.write(pen, Entry::Withdrawn { incident, by });
        }
    }

    /// Writes down for how much of their time people were served while an incident went on.
    fn measure(&mut self, pen: &mut Pen) {
        if let Some((case, measured)) = served::due(&self.state, &self.times, pen.at) {
            let incident = case.number;
            self.write(pen, Entry::Measured { incident, measured });
        }
    }

    /// The names of components that the gate watches.
    pub(crate) fn subject(&self) -> String {
        subject(&self.settings)
    }

    /// Writes down what has changed about the incident that goes on.
    fn note(&mut self, sight: &Sight, moment: Moment, pen: &mut Pen) {
        let before = std::mem::replace(&mut self.level, sight.level);
        let incident =
            self.state.own().or_else(|| self.state.recent(pen.at, SAME_WITHIN)).map(|case| case.number);
        outside::note(self, incident, pen);
        let back = self.state.recent(pen.at, SAME_WITHIN);
        let Some(case) = self.state.own().or(back) else { return };
        let (incident, cause, fared) = (case.number, case.cause, case.services);
        let is_apart = self.since.explained.is_none_or(|last| moment.now.since(last) >= EXPLAINED_APART);
        if let Some(new) = sight.cause.filter(|new| cause.is_none() || (is_apart && cause != Some(*new))) {
            self.since.explained = Some(moment.now);
            self.write(pen, Entry::Explained { incident, cause: new });
        }
        if before != sight.level {
            let (before, after) = (LevelName(before), LevelName(sight.level));
            self.write(pen, Entry::Level { incident, before, after });
        }
        if fared != self.services {
            self.write(pen, Entry::Fared { incident, services: self.services });
        }
    }

    /// Whether it is bad enough for the public to be told.
    pub(crate) fn is_public(&self, moment: Moment) -> bool {
        let has_lasted = Self::lasts(self.since.trouble, moment) >= self.settings.pace.delay_told_after;
        !self.observes && (self.services.worst() > Service::Delayed || has_lasted)
    }

    /// Since when somebody fares worse than usual: what probes elsewhere saw began before they were sure of it.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        let trouble = self.since.trouble?.wall;
        Some(match self.outside {
            Outside::Unreached { since } => since.min(trouble),
            Outside::Reached | Outside::Unknown => trouble,
        })
    }

    /// Whether the last seconds were good again, although that does not count yet.
    pub(crate) fn is_better_already(&self) -> bool {
        self.judged.front().is_none_or(|judged| judged.worst() == Service::Good)
    }

    /// Whether people who sign in now were served in the last minute.
    pub(crate) fn serves_logins(&self) -> bool {
        self.window.serves_logins()
    }

    /// Since when something is so and no alert says otherwise of what the gate sees itself.
    pub(crate) fn unsignalled(&self, since: Option<Moment>) -> Option<Moment> {
        let fired = self.signals.own_fired;
        since.map(|since| fired.filter(|fired| fired.now > since.now).unwrap_or(since))
    }

    /// How long something has been so.
    pub(crate) fn lasts(since: Option<Moment>, moment: Moment) -> Duration {
        since.map_or(Duration::ZERO, |since| moment.now.since(since.now))
    }

    /// The status of each component as the public is told it; `None`: people alone say.
    pub(crate) fn told_statuses(&self) -> Vec<Option<Status>> {
        let components = self.settings.components.iter().take(Settings::COMPONENTS_MAX).enumerate();
        let told = |place, watches| self.gate_says(watches).max(self.signalled(place));
        let untold = |place: usize| self.state.components[place].seen != Status::Operational;
        components
            .map(|(place, of)| told(place, of.watches).or(untold(place).then_some(Status::Operational)))
            .collect()
    }

    /// The status of what the gate watches, as the public is told how everybody fares; `None`: it watches nothing.
    pub(crate) fn gate_says(&self, watches: Watches) -> Option<Status> {
        match watches {
            Watches::Site => Some(site_status(&self.telling.told)),
            Watches::Login => Some(login_status(&self.telling.told)),
            Watches::Nothing => None,
        }
    }
}

/// The names of components that the gate watches, as a text names them.
pub(crate) fn subject(settings: &Settings) -> String {
    let watched = settings.components.iter().filter(|component| component.watches == Watches::Site);
    listed(&watched.map(|component| component.name.as_str()).collect::<Vec<_>>())
}

/// Names as a text has them.
pub(crate) fn listed(names: &[&str]) -> String {
    match names {
        [] => "the site".to_owned(),
        [one] => (*one).to_owned(),
        [first, second] => format!("{first} and {second}"),
        [first, second, ..] => format!("{first}, {second} and others"),
    }
}

/// What is written down in one go.
#[derive(Debug)]
pub(crate) struct Pen {
    pub(crate) records: Vec<Record>,
    pub(crate) at: Timestamp,
}

fn mark(since: &mut Option<Moment>, is_so: bool, moment: Moment) {
    *since = is_so.then(|| since.unwrap_or(moment));
}

fn site_status(services: &Services) -> Status {
    let [known, new] = services.audiences;
    match (known, new) {
        (Service::Down, _) => Status::MajorOutage,
        (Service::Part, _) | (_, Service::Part | Service::Down) => Status::PartialOutage,
        (Service::Delayed, _) | (_, Service::Delayed) => Status::DegradedPerformance,
        (Service::Good, Service::Good) => Status::Operational,
    }
}

fn login_status(services: &Services) -> Status {
    match services.login.max(services.audiences[0]) {
        Service::Down => Status::MajorOutage,
        Service::Part => Status::PartialOutage,
        Service::Delayed => Status::DegradedPerformance,
        Service::Good => Status::Operational,
    }
}

impl Case {
    /// Whether the public knows that it is over.
    pub(crate) fn is_told_over(&self) -> bool {
        self.stage().is_some_and(|stage| matches!(stage, Stage::Resolved | Stage::Postmortem))
    }
}
