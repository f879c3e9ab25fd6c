//! What alerts of other systems say of components: each is one signal, and what it says of its component is believed.
//!
//! ```text
//!  an alert fires ─┬─▶ the gate's own incident, if the public knows of it and the gate watches the component
//!                  ├─▶ the incident that alerts have opened, while it goes on or an hour after it was over
//!                  └─▶ a new one, whose first notice waits for somebody to say no as any other does
//! ```
//!
//! At most one incident that alerts have opened goes on, so that a broken system cannot open many. What an alert is called and says
//! is for colleagues: the public reads the names of components and words of ours.

mod life;
mod telling;
mod words;

use std::collections::BTreeMap;

use model::Timestamp;

pub(crate) use life::Signals;
pub(crate) use telling::{first_notice, go_to, said, speak, turn};
pub use words::preview_signals;

use crate::acting;
use crate::case::Case;
use crate::engine::{Engine, Moment, Pen};
use crate::record::{Entry, Record};
use crate::settings::{SAME_WITHIN, SIGNAL_GONE_AFTER, SIGNAL_TEXT_MAX, Watches};
use crate::state::{State, is_within};
use crate::words::{Stage, Status};

/// What is believed of an alert, as a configuration has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignalSetting {
    /// Labels that the alert has with these values, and perhaps others; at least one.
    pub labels: Vec<(String, String)>,
    /// The full name of the component that it says something of.
    pub component: String,
    /// How that does as long as the alert fires.
    pub status: Status,
}

/// An alert of another system, as it is when it tells of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Alert {
    /// What the other system knows it by, the same each time; empty: it has no such name, and is only noted.
    pub fingerprint: String,
    /// Whether it goes on.
    pub is_firing: bool,
    /// What tells it from others.
    pub labels: BTreeMap<String, String>,
    /// What it says, one line of plain text, for colleagues.
    pub text: String,
}

/// What became of alerts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Heeded {
    /// Alerts that say something of a component.
    pub signals: usize,
    /// Signals for which there was no room: too many at once, or in an hour.
    pub refused: usize,
    /// Others that were noted about the incident that goes on.
    pub noted: usize,
}

/// What the record says of an alert that fires.
#[derive(Clone, Debug)]
pub(crate) struct KeptSignal {
    pub(crate) alert: String,
    pub(crate) component: String,
    pub(crate) status: Status,
    pub(crate) incident: u32,
    /// The entry in which it began to fire.
    pub(crate) seq: u64,
    /// When it was over for the other system; it counts a little longer.
    pub(crate) ended: Option<Timestamp>,
}

impl KeptSignal {
    pub(crate) fn is(&self, alert: &str, component: &str) -> bool {
        self.alert == alert && self.component == component
    }
}

impl Engine {
    /// Believes what these alerts say of components.
    pub fn attending(mut self, signals: Vec<SignalSetting>) -> Self {
        self.signals.settings = signals;
        self
    }

    /// Takes alerts of another system as they are now. The same once more changes nothing.
    pub fn heed(&mut self, alerts: &[Alert], moment: Moment) -> (Vec<Record>, Heeded) {
        let mut pen = self.pen(moment);
        self.meet_components(&mut pen);
        telling::withdraw(self, moment, &mut pen);
        let (mut heeded, mut others) = (Heeded::default(), Vec::new());
        for alert in alerts {
            let said = self.said_by(alert);
            if said.is_empty() {
                others.push(cut(&alert.text, SIGNAL_TEXT_MAX));
                continue;
            }
            heeded.signals += 1;
            for (component, status) in said {
                heeded.refused += usize::from(!self.take_signal(alert, component, status, moment, &mut pen));
            }
        }
        telling::turn_told(self, &mut pen);
        if !others.is_empty() && acting::note_alerts(self, &others, &mut pen) {
            heeded.noted = others.len();
        }
        (pen.records, heeded)
    }

    /// Components of which an alert says something, and how they do: the worst where several settings fit.
    fn said_by(&self, alert: &Alert) -> BTreeMap<String, Status> {
        let mut said = BTreeMap::new();
        let fits = |setting: &&SignalSetting| {
            setting.labels.iter().all(|(name, value)| alert.labels.get(name) == Some(value))
        };
        let fitting = self.signals.settings.iter().filter(fits);
        for setting in fitting.filter(|setting| self.state.place(&setting.component).is_some()) {
            let status: &mut Status = said.entry(setting.component.clone()).or_default();
            *status = (*status).max(setting.status);
        }
        // What is over is so whatever is believed of it by now.
        let kept = self.state.signals.iter().filter(|kept| kept.alert == alert.fingerprint);
        for kept in kept.filter(|_| !alert.is_firing) {
            said.insert(kept.component.clone(), kept.status);
        }
        // Without a name nobody could say when it is over.
        if alert.fingerprint.is_empty() { BTreeMap::new() } else { said }
    }

    /// Whether there was room for it.
    fn take_signal(
        &mut self,
        alert: &Alert,
        component: String,
        status: Status,
        moment: Moment,
        pen: &mut Pen,
    ) -> bool {
        let known = self.state.signals.iter().find(|kept| kept.is(&alert.fingerprint, &component));
        if let Some(known) = known.cloned() {
            self.hear_again(known, alert, moment, pen);
            return true;
        }
        if !alert.is_firing {
            return true;
        }
        if !self.signals.makes_room(self.state.signals.len(), moment.now) {
            return false;
        }
        let incident = self.incident_of(&component, moment, pen);
        self.signals.heard(&alert.fingerprint, &component, true, moment.now);
        let text = cut(&alert.text, SIGNAL_TEXT_MAX).to_owned();
        let alert = alert.fingerprint.clone();
        self.write(pen, Entry::Signalled { incident, alert, component, status: Some(status), text });
        true
    }

    /// What is known to fire still does, or does not. Whoever was told that it was heard says it to no later process, so that it is
    /// written down.
    fn hear_again(&mut self, known: KeptSignal, heard: &Alert, moment: Moment, pen: &mut Pen) {
        let KeptSignal { alert, component, status, incident, ended, .. } = known;
        self.signals.heard(&alert, &component, heard.is_firing, moment.now);
        let (status, text) = match (heard.is_firing, ended.is_some()) {
            (true, true) => (Some(status), cut(&heard.text, SIGNAL_TEXT_MAX).to_owned()),
            (false, false) if self.signals.keeps_end(moment.now) => (None, String::new()),
            _ => return,
        };
        self.write(pen, Entry::Signalled { incident, alert, component, status, text });
    }

    /// The incident that a new signal belongs to.
    fn incident_of(&mut self, component: &str, moment: Moment, pen: &mut Pen) -> u32 {
        let place = self.state.place(component).unwrap_or_default();
        let is_watched = self.settings.components.get(place).is_some_and(|of| of.watches != Watches::Nothing);
        let own = self.state.own().filter(|case| is_watched && !case.said.is_empty());
        let back = || {
            let own = self.state.recent(moment.wall, SAME_WITHIN).filter(|_| is_watched);
            let recent = || self.state.recent_by_alert(moment.wall);
            own.or_else(recent).filter(|case| !self.observes && case.components.contains(&place))
        };
        if let Some(case) = own.or_else(|| self.state.by_alert()).or_else(back) {
            return case.number;
        }
        let incident = self.state.numbers.incident + 1;
        let name = self.settings.components.get(place).map_or(component, |of| of.name.as_str());
        let (title, since) = (crate::texts::title(name), moment.wall.as_millis());
        let is_held = self.state.held_alert_before(component, moment.wall);
        self.write(pen, Entry::Opened { incident, title, since, cause: None, by: None, by_alert: true });
        if is_held {
            let by = Some("the hold of the incident before".to_owned());
            self.write(pen, Entry::Withdrawn { incident, by });
        }
        incident
    }

    /// How a component does by signals that the public is told of; `None`: there are none.
    pub(crate) fn signalled(&self, place: usize) -> Option<Status> {
        self.signalled_by(place, |case| case.is_open() && !case.said.is_empty())
    }

    fn signalled_by(&self, place: usize, counts: impl Fn(&Case) -> bool) -> Option<Status> {
        let name = &self.state.components.get(place)?.full_name;
        let of_it = self.state.signals.iter().filter(|kept| kept.component == *name);
        let counts = |number: u32| self.state.cases.iter().any(|case| case.number == number && counts(case));
        of_it.filter(|kept| counts(kept.incident)).map(|kept| kept.status).max()
    }
}

impl State {
    /// The one that goes on and that alerts have opened.
    pub(crate) fn by_alert(&self) -> Option<&Case> {
        self.cases.iter().rev().find(|case| case.is_by_alert && case.is_open())
    }

    /// The last that alerts have opened, if the public was told that it is over, no longer than an hour ago.
    pub(crate) fn recent_by_alert(&self, at: Timestamp) -> Option<&Case> {
        let last = self.cases.iter().rev().find(|case| case.is_by_alert && !case.said.is_empty())?;
        let said = last.said.last().filter(|said| said.stage == Stage::Resolved)?;
        (!last.is_held && is_within(said.at, at, SAME_WITHIN)).then_some(last)
    }

    /// Whether the last that alerts have opened was held back, is over no longer than an hour, and was about this component, too.
    fn held_alert_before(&self, component: &str, at: Timestamp) -> bool {
        let before = self.cases.iter().rev().find(|case| case.is_by_alert);
        let is_late = |case: &Case| at.since(case.updated_at) <= SAME_WITHIN;
        before.is_some_and(|case| case.is_held && case.is_about(component) && is_late(case))
    }

    /// Whether an alert fires that belongs to what was called over, and began to after that.
    pub(crate) fn fires_anew(&self, case: &Case) -> bool {
        let over = case.said.iter().rev().find(|said| said.stage == Stage::Resolved).map(|said| said.seq);
        let is_new =
            |kept: &KeptSignal| kept.incident == case.number && Some(kept.seq) > over && kept.ended.is_none();
        !case.is_open() && self.signals.iter().any(is_new)
    }

    /// Whether alerts fire that belong to an incident.
    pub(crate) fn is_signalled(&self, incident: u32) -> bool {
        self.signals.iter().any(|kept| kept.incident == incident)
    }

    /// Takes what an alert says, or that it is over.
    pub(crate) fn signalled(&mut self, entry: &Entry, seq: u64, at: Timestamp) {
        let Entry::Signalled { incident, alert, component, status, .. } = entry else { return };
        self.signals.retain(|kept| kept.ended.is_none_or(|ended| at.since(ended) < SIGNAL_GONE_AFTER));
        let known = self.signals.iter_mut().find(|kept| kept.is(alert, component));
        match (known, *status) {
            (Some(known), None) => known.ended = Some(at),
            (Some(known), Some(status)) => {
                // What had ended fires anew, also for whoever called it over meanwhile.
                known.seq = if known.ended.is_some() { seq } else { known.seq };
                (known.status, known.ended) = (status, None);
            }
            (None, None) => {}
            (None, Some(status)) => {
                let (alert, component, incident) = (alert.clone(), component.clone(), *incident);
                self.signals.push(KeptSignal { alert, component, status, incident, seq, ended: None });
            }
        }
    }

    /// Takes a signal that has been over for long enough out of what counts.
    fn forget_signal(&mut self, signal: &KeptSignal) {
        self.signals.retain(|kept| !kept.is(&signal.alert, &signal.component));
    }
}

/// The beginning of a text, not ending inside a character.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
