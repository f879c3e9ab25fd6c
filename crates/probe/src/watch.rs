//! What a machine elsewhere makes of its probes and of the gate's silence.

use std::time::Duration;

use model::{Instant, Timestamp};

use crate::board::{Reading, Verdict};

/// Watches whether the gate is heard of, and whether the site can be reached.
///
/// It speaks for the site only when both fail: as long as the gate is heard of, the gate knows better.
#[derive(Clone, Debug)]
pub struct Watch {
    after: Duration,
    /// `None`: there is no gate to hear of.
    lost_after: Option<Duration>,
    /// When the gate was heard of, or when the watch began.
    heard: Instant,
    /// It was heard of at least once.
    is_known: bool,
    is_in_touch: bool,
    unreached: Option<Timestamp>,
}

/// Something that somebody should know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// Nothing is heard of the gate any more.
    Silent,
    /// The gate is heard of again.
    Heard,
    /// Nobody can reach the site from here, since then.
    Unreached {
        /// When the first attempt failed.
        since: Timestamp,
    },
    /// It can be reached again, or the gate speaks for itself again.
    Reached {
        /// When the first attempt failed.
        since: Timestamp,
        /// Now.
        until: Timestamp,
    },
}

impl Watch {
    /// The site must be out of reach for `after` before that is said; a gate is silent that was not heard of for `lost_after`.
    pub fn new(after: Duration, lost_after: Option<Duration>, now: Instant) -> Self {
        Self { after, lost_after, heard: now, is_known: false, is_in_touch: true, unreached: None }
    }

    /// The gate was heard of.
    pub fn hear(&mut self, now: Instant) {
        (self.heard, self.is_known) = (now, true);
    }

    /// Looks once more: what has changed.
    pub fn look(&mut self, reading: Reading, now: Instant, wall: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        let is_in_touch = self.lost_after.is_none_or(|after| now.since(self.heard) < after);
        if is_in_touch != self.is_in_touch {
            self.is_in_touch = is_in_touch;
            events.push(if is_in_touch { Event::Heard } else { Event::Silent });
        }
        let is_alone = !is_in_touch || self.lost_after.is_none();
        match self.unreached {
            None => {
                // An error page in front of a gate that is silent comes from whoever stands before it.
                let is_down = reading.verdict == Verdict::Down
                    && !(reading.is_answered && self.lost_after.is_none())
                    && wall.since(reading.since) >= self.after;
                if is_down && is_alone {
                    self.unreached = Some(reading.since);
                    events.push(Event::Unreached { since: reading.since });
                }
            }
            Some(since) => {
                let answers = matches!(reading.verdict, Verdict::Up | Verdict::Degraded);
                if answers || !is_alone {
                    self.unreached = None;
                    events.push(Event::Reached { since, until: wall });
                }
            }
        }
        events
    }

    /// Whether there is a gate that is heard of; false until it was heard of once.
    pub const fn is_in_touch(&self) -> bool {
        self.lost_after.is_some() && self.is_known && self.is_in_touch
    }

    /// Since when nobody can reach the site, if that is so and nobody else can say it.
    pub const fn unreached(&self) -> Option<Timestamp> {
        self.unreached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(10);
    const LOST_AFTER: Duration = Duration::from_secs(15);

    /// Looks at second `at`, with what the probes say since which second.
    fn look(watch: &mut Watch, at: u64, verdict: Verdict, since: u64) -> Vec<Event> {
        let reading = Reading { verdict, since: Timestamp::from_secs(since), ..Reading::default() };
        watch.look(reading, Instant::from_secs(at), Timestamp::from_secs(at))
    }

    #[test]
    fn it_speaks_when_the_gate_is_silent_and_the_site_is_out_of_reach_and_falls_silent_when_the_gate_is_back()
    {
        let mut watch = Watch::new(AFTER, Some(LOST_AFTER), Instant::from_secs(100));
        assert_eq!(look(&mut watch, 110, Verdict::Up, 90), []);
        assert!(!watch.is_in_touch(), "not heard of yet");
        watch.hear(Instant::from_secs(110));
        assert_eq!(look(&mut watch, 121, Verdict::Down, 111), [], "the gate was heard of a moment ago");
        let since = Timestamp::from_secs(111);
        assert_eq!(look(&mut watch, 125, Verdict::Down, 111), [Event::Silent, Event::Unreached { since }]);
        assert_eq!(look(&mut watch, 126, Verdict::Unknown, 0), [], "not to know is no good news");
        assert_eq!(watch.unreached(), Some(since));
        watch.hear(Instant::from_secs(200));
        let until = Timestamp::from_secs(200);
        assert_eq!(
            look(&mut watch, 200, Verdict::Down, 111),
            [Event::Heard, Event::Reached { since, until }]
        );
        assert_eq!(watch.unreached(), None);
    }

    #[test]
    fn a_silent_gate_before_a_site_that_answers_is_only_noted() {
        let mut watch = Watch::new(AFTER, Some(LOST_AFTER), Instant::from_secs(100));
        assert_eq!(look(&mut watch, 115, Verdict::Up, 90), [Event::Silent]);
        assert_eq!(look(&mut watch, 500, Verdict::Degraded, 90), []);
        assert!(!watch.is_in_touch());
    }

    #[test]
    fn without_a_gate_the_probes_alone_are_enough() {
        let mut watch = Watch::new(AFTER, None, Instant::from_secs(100));
        assert_eq!(look(&mut watch, 109, Verdict::Down, 100), []);
        let since = Timestamp::from_secs(100);
        assert_eq!(look(&mut watch, 110, Verdict::Down, 100), [Event::Unreached { since }]);
        let until = Timestamp::from_secs(130);
        assert_eq!(look(&mut watch, 130, Verdict::Up, 129), [Event::Reached { since, until }]);
        let failing = Reading {
            verdict: Verdict::Down,
            since: Timestamp::from_secs(140),
            is_answered: true,
            ..Reading::default()
        };
        let events = watch.look(failing, Instant::from_secs(170), Timestamp::from_secs(170));
        assert_eq!(events, [], "what answers can be reached");
    }
}
