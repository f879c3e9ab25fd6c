//! Which alerts still fire: what the record does not keep.

use std::collections::{BTreeMap, VecDeque};

use model::Instant;

use super::{KeptSignal, SignalSetting};
use crate::engine::Moment;
use crate::settings::{HOUR, SIGNAL_GONE_AFTER, SIGNAL_SILENT_AFTER, SIGNALS_HOURLY, SIGNALS_MAX};

/// What is believed, and what was heard of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    pub(super) settings: Vec<SignalSetting>,
    /// By alert and component. What an earlier process has heard is here from the first look on.
    lives: BTreeMap<(String, String), Life>,
    /// When there were new ones within the last hour, oldest first.
    news: VecDeque<Instant>,
    /// When ends were written down as they were heard, within the last hour, oldest first.
    ends: VecDeque<Instant>,
    /// When the first notice is due, on the clock that does not jump.
    pub(crate) due: Option<Instant>,
    /// When there is to be news at the latest, and after which entry that was promised.
    pub(super) next: Option<(u64, Instant)>,
    /// Since when no alert fires of the incident that goes on and that alerts have opened.
    pub(crate) quiet: Option<Moment>,
    /// When something was said of it last.
    pub(super) said: Option<Instant>,
    /// When an alert last fired that belongs to what the gate sees itself.
    pub(crate) own_fired: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    /// That it fires was heard last.
    heard: Instant,
    /// Since when it is over.
    over: Option<Instant>,
}

/// Why a signal is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// Its alert is, or is not heard of any more.
    Over,
    /// By the configuration no alert says anything of that component any more.
    Unmeant,
}

impl Signals {
    /// Notes that an alert fires, or does not any more.
    pub(super) fn heard(&mut self, alert: &str, component: &str, is_firing: bool, now: Instant) {
        let key = (alert.to_owned(), component.to_owned());
        let life = self.lives.entry(key).or_insert(Life { heard: now, over: None });
        if is_firing {
            *life = Life { heard: now, over: None };
        } else {
            life.over.get_or_insert(now);
        }
    }

    /// Whether there is room for one more beside so many; it is counted.
    pub(super) fn makes_room(&mut self, firing: usize, now: Instant) -> bool {
        firing < SIGNALS_MAX && counts(&mut self.news, now)
    }

    /// Whether there is room in the record for an end that may not last a minute; it is counted.
    pub(super) fn keeps_end(&mut self, now: Instant) -> bool {
        counts(&mut self.ends, now)
    }

    /// Whether a signal is over, and why.
    pub(super) fn end(&mut self, kept: &KeptSignal, moment: Moment) -> Option<End> {
        let now = moment.now;
        let key = (kept.alert.clone(), kept.component.clone());
        // An earlier process may have heard that it is over.
        let known = Life { heard: now, over: kept.ended.map(|_| now) };
        if kept.ended.is_some_and(|ended| moment.wall.since(ended) >= SIGNAL_GONE_AFTER)
            && !self.lives.contains_key(&key)
        {
            return Some(End::Over);
        }
        let life = *self.lives.entry(key).or_insert(known);
        if !self.settings.iter().any(|setting| setting.component == kept.component) {
            return Some(End::Unmeant);
        }
        let is_over = life.over.is_some_and(|over| now.since(over) >= SIGNAL_GONE_AFTER);
        (is_over || now.since(life.heard) >= SIGNAL_SILENT_AFTER).then_some(End::Over)
    }

    pub(super) fn forget(&mut self, kept: &KeptSignal) {
        self.lives.remove(&(kept.alert.clone(), kept.component.clone()));
    }
}

/// Whether there were fewer than may be within an hour; this one is one of them.
fn counts(times: &mut VecDeque<Instant>, now: Instant) -> bool {
    while times.front().is_some_and(|first| now.since(*first) >= HOUR) {
        times.pop_front();
    }
    let has_room = times.len() < SIGNALS_HOURLY;
    if has_room {
        times.push_back(now);
    }
    has_room
}
