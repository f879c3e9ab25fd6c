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
    /// When the first notice is due, on the clock that does not jump.
    pub(crate) due: Option<Instant>,
    /// When there is to be news at the latest, and after which entry that was promised.
    pub(super) next: Option<(u64, Instant)>,
    /// Since when no alert fires of the incident that goes on.
    pub(super) quiet: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    /// That it fires was heard last.
    heard: Instant,
    /// Since when it is over.
    over: Option<Instant>,
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
        while self.news.front().is_some_and(|first| now.since(*first) >= HOUR) {
            self.news.pop_front();
        }
        let has_room = firing < SIGNALS_MAX && self.news.len() < SIGNALS_HOURLY;
        if has_room {
            self.news.push_back(now);
        }
        has_room
    }

    /// Whether a signal is over: its alert is, or is not heard of any more, or says nothing of that component any more.
    pub(super) fn is_over(&mut self, kept: &KeptSignal, now: Instant) -> bool {
        let key = (kept.alert.clone(), kept.component.clone());
        let life = *self.lives.entry(key).or_insert(Life { heard: now, over: None });
        let is_meant = self.settings.iter().any(|setting| setting.component == kept.component);
        !is_meant
            || life.over.is_some_and(|over| now.since(over) >= SIGNAL_GONE_AFTER)
            || now.since(life.heard) >= SIGNAL_SILENT_AFTER
    }

    pub(super) fn forget(&mut self, kept: &KeptSignal) {
        self.lives.remove(&(kept.alert.clone(), kept.component.clone()));
    }
}
