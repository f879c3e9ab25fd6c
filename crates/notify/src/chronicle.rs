//! From the record to news: the same entries give the same news, in whichever process.

use incident::{Audience, Cause, Civil, Entry, Impact, PublicId, Record, Services, Stage, Status};
use model::Timestamp;

use crate::notice::{Notice, Severity, TEXT_MAX, What, cut};

/// What the record says of incidents, as far as alerts need it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chronicle {
    /// Oldest first.
    cases: Vec<Case>,
}

/// One incident.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    number: u32,
    id: String,
    title: String,
    since: Timestamp,
    cause: Option<Cause>,
    services: Services,
    stage: Option<Stage>,
    /// At its worst since it was opened, or was back.
    severity: Severity,
    is_open: bool,
    /// It is back after it was called over, and the public does not know.
    is_back_untold: bool,
    is_acknowledged: bool,
    /// A person has said that the public is not told of it by itself.
    is_held: bool,
    is_by_person: bool,
    /// An alert of another system opened it.
    is_by_alert: bool,
    /// Alerts of other systems that belong to it and fire, with the component that each speaks of.
    signals: Vec<(String, String, Severity)>,
    /// Components of which an alert has said something since it was opened.
    signalled: Vec<String>,
    /// The last news about it, and when that was.
    seq: u64,
    told: Timestamp,
    /// When somebody was called last.
    called: Timestamp,
}

impl Chronicle {
    /// Takes the next entry; the news, if it is any.
    pub(crate) fn hear(&mut self, record: &Record) -> Option<Notice> {
        match &record.entry {
            Entry::Opened { incident, title, since, cause, by, by_alert } => {
                self.forget();
                // What people tell of, the gate does not see: it may be anything.
                let is_dark = *cause == Some(Cause::Upstream);
                let severity = if by.is_some() || is_dark { Severity::Warning } else { Severity::Info };
                self.cases.push(Case {
                    number: *incident,
                    id: PublicId::of(&record.hash).to_string(),
                    title: title.clone(),
                    since: Timestamp::from_millis(*since),
                    cause: *cause,
                    services: Services::default(),
                    stage: None,
                    severity,
                    is_open: true,
                    is_back_untold: false,
                    is_acknowledged: false,
                    is_held: false,
                    is_by_person: by.is_some(),
                    is_by_alert: *by_alert,
                    signals: Vec::new(),
                    signalled: Vec::new(),
                    seq: record.seq,
                    told: record.at,
                    called: record.at,
                });
                self.cases.last().map(|case| case.notice(What::Opened, ""))
            }
            Entry::Explained { incident, cause } => self.case(*incident)?.explained(record, *cause),
            Entry::Fared { incident, services } => self.case(*incident)?.fared(record, *services),
            Entry::Signalled { incident, alert, component, status, text } => {
                self.case(*incident)?.signalled(record, (alert.as_str(), component.as_str()), *status, text)
            }
            Entry::Planned { incident, due, stage } => self.case(*incident)?.planned(record, *due, *stage),
            Entry::Withdrawn { incident, by: None } => self.case(*incident)?.dropped(record),
            Entry::Withdrawn { incident, by: Some(by) } => {
                let text = format!("By {by}. About this one only people tell the public now.");
                let case = self.case(*incident)?;
                case.is_held = true;
                case.news(record, What::Held, &text)
            }
            Entry::Published { incident, stage, body, services, .. } => {
                self.case(*incident)?.published(record, *stage, body, *services)
            }
            Entry::Acknowledged { incident, by } => {
                let case = self.case(*incident)?;
                case.is_acknowledged = true;
                case.news(record, What::Acknowledged, &format!("{by} sees to it."))
            }
            Entry::Ended { incident } => {
                let case = self.case(*incident)?;
                case.is_open = false;
                case.news(record, What::Over, "The public was not told.")
            }
            Entry::Level { .. }
            | Entry::Noted { .. }
            | Entry::Measured { .. }
            | Entry::Counted { .. }
            | Entry::Drafted { .. }
            // How customers fare because of it is told as that.
            | Entry::Outside { .. }
            | Entry::Watched { .. }
            | Entry::Component { .. }
            | Entry::Overridden { .. }
            | Entry::Maintenance { .. } => None,
        }
    }

    /// Those that go on.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|case| case.is_open)
    }

    fn case(&mut self, number: u32) -> Option<&mut Case> {
        self.cases.iter_mut().rev().find(|case| case.number == number)
    }

    /// Makes room for another: the oldest that is over leaves first.
    fn forget(&mut self) {
        if self.cases.len() >= CASES_MAX {
            let over = self.cases.iter().position(|case| !case.is_open);
            self.cases.remove(over.unwrap_or(0));
        }
    }
}

/// What people are asked about words that wait.
fn asked(due: Option<u64>, stage: Stage) -> String {
    let is_first = stage == Stage::Investigating;
    let what = if is_first { "It".to_owned() } else { format!("“{}”", stage.label()) };
    let due = due.map(|due| Civil::of(Timestamp::from_millis(due)).clock());
    due.map_or_else(
        || format!("{what} is not published by itself. To do it: portcullis ctl incident publish"),
        |due| format!("{what} is published at {due}. To prevent that: portcullis ctl incident hold"),
    )
}

impl Case {
    /// How urgent it is, at its worst.
    pub(crate) const fn severity(&self) -> Severity {
        self.severity
    }

    /// Whether somebody fares worse than usual now, and nobody sees to it.
    pub(crate) fn wants_somebody(&self) -> bool {
        !self.is_acknowledged && self.now().is_some_and(|now| now > Severity::Info)
    }

    fn now(&self) -> Option<Severity> {
        let is_dark = self.cause == Some(Cause::Upstream);
        let seen = Severity::of(self.services).max(if is_dark { Severity::Warning } else { Severity::Info });
        (!self.is_by_person).then(|| self.signals_now().max(seen))
    }

    /// What alerts of other systems say now.
    fn signals_now(&self) -> Severity {
        self.signals.iter().map(|(.., severity)| *severity).max().unwrap_or(Severity::Info)
    }

    /// When somebody was called last.
    pub(crate) const fn called(&self) -> Timestamp {
        self.called
    }

    /// The incident as it is now, as news of a kind.
    pub(crate) fn notice(&self, what: What, text: &str) -> Notice {
        let fares = |of: Audience| format!("{}: {}", of.label(), self.services.of(of).label());
        let fares = if self.is_by_person {
            "the gate does not see it; a person tells of it".to_owned()
        } else if self.is_by_alert {
            "the gate does not see it; an alert of another system tells of it".to_owned()
        } else {
            Audience::ALL.map(fares).join("; ")
        };
        Notice {
            incident: self.id.clone(),
            seq: self.seq,
            what,
            title: self.title.clone(),
            severity: self.severity,
            now: self.now(),
            is_open: self.is_open,
            since: self.since.as_millis(),
            at: self.told.as_millis(),
            cause: self.cause.map(|cause| cause.label().to_owned()),
            fares,
            stage: self.stage.map(|stage| stage.name().to_owned()),
            text: cut(text, TEXT_MAX),
            asks: false,
            is_untold: self.is_open && !self.is_by_person && !self.is_held && self.stage.is_none(),
            number: self.number,
        }
    }

    fn news(&mut self, record: &Record, what: What, text: &str) -> Option<Notice> {
        (self.seq, self.told) = (record.seq, record.at);
        if what.calls() {
            self.called = record.at;
        }
        Some(self.notice(what, text))
    }

    /// Whoever has acknowledged it knows how bad it was then: what is worse than ever calls again.
    fn fared(&mut self, record: &Record, services: Services) -> Option<Notice> {
        self.services = services;
        self.worse(record, Severity::of(services), "")
    }

    /// Everybody who arrives may be served although hardly anybody can arrive any more, so that how they fare tells nothing: somebody
    /// must look.
    fn explained(&mut self, record: &Record, cause: Cause) -> Option<Notice> {
        self.cause = Some(cause);
        if cause == Cause::Upstream { self.worse(record, Severity::Warning, "") } else { None }
    }

    /// What an alert of another system says of a component; `None`: it is over. What is new of a component that was not spoken of is
    /// news, however bad another is.
    fn signalled(
        &mut self,
        record: &Record,
        (alert, component): (&str, &str),
        status: Option<Status>,
        text: &str,
    ) -> Option<Notice> {
        self.signals.retain(|(known, of, _)| known != alert || of != component);
        let severity = severity_of(status?);
        self.signals.push((alert.to_owned(), component.to_owned(), severity));
        let is_another = !self.signalled.is_empty() && self.signalled.iter().all(|known| known != component);
        if is_another || self.signalled.is_empty() {
            self.signalled.push(component.to_owned());
        }
        if !is_another || severity > self.severity || !self.is_open {
            return self.worse(record, severity, text);
        }
        self.is_acknowledged = false;
        self.news(record, What::Worse, text)
    }

    fn worse(&mut self, record: &Record, severity: Severity, text: &str) -> Option<Notice> {
        let is_worse = severity > self.severity && self.is_open;
        self.severity = self.severity.max(severity);
        if !is_worse {
            return None;
        }
        self.is_acknowledged = false;
        self.news(record, What::Worse, text)
    }

    /// Words wait. Of what was called over they say that it is back, which somebody must know now, whenever the public does.
    fn planned(&mut self, record: &Record, due: Option<u64>, stage: Stage) -> Option<Notice> {
        let text = asked(due, stage);
        if !self.is_open {
            self.is_back_untold = true;
            self.opens_again(Severity::of(self.services));
            return self.asking(record, What::Back, &text);
        }
        self.asking(record, if due.is_some() { What::Planned } else { What::Waits }, &text)
    }

    fn asking(&mut self, record: &Record, what: What, text: &str) -> Option<Notice> {
        Some(Notice { asks: true, ..self.news(record, what, text)? })
    }

    /// Words are not needed any more: what was back before the public was told of it is over.
    fn dropped(&mut self, record: &Record) -> Option<Notice> {
        if !std::mem::take(&mut self.is_back_untold) {
            return None;
        }
        self.is_open = false;
        self.news(record, What::Over, "The public was not told.")
    }

    /// What was acknowledged was over.
    fn opens_again(&mut self, now: Severity) {
        let severity = now.max(self.signals_now()).max(Severity::Warning);
        (self.is_open, self.is_acknowledged, self.severity) = (true, false, severity);
    }

    fn published(&mut self, record: &Record, stage: Stage, body: &str, told: Services) -> Option<Notice> {
        self.stage = Some(stage);
        self.is_back_untold = false;
        let was_open = std::mem::replace(&mut self.is_open, stage.is_open());
        let what = match (was_open, self.is_open) {
            (false, true) => {
                self.opens_again(Severity::of(told));
                What::Back
            }
            (true, false) => What::Over,
            (true, true) | (false, false) => What::Published,
        };
        self.news(record, what, body)
    }
}

const fn severity_of(status: Status) -> Severity {
    match status.impact() {
        Impact::Critical => Severity::Critical,
        Impact::Major => Severity::Error,
        Impact::Minor => Severity::Warning,
        Impact::None => Severity::Info,
    }
}

/// Incidents that are remembered.
const CASES_MAX: usize = 64;
