//! What a machine elsewhere makes of its probes and of the gate's silence.

use std::time::Duration;

use model::{Instant, Timestamp};

use crate::attempt::Answers;
use crate::board::{Reading, Verdict};

/// Watches whether the gate is heard of, and whether the site can be reached.
///
/// It speaks for the site only when both fail: as long as the gate is heard of, the gate knows better. It must have met one of them
/// before: what was never there is a mistake in the configuration.
#[derive(Clone, Debug)]
pub struct Watch {
    after: Duration,
    /// `None`: there is no gate to hear of.
    lost_after: Option<Duration>,
    /// When the gate was heard of, or when the watch began.
    heard: Instant,
    /// It was heard of at least once.
    is_known: bool,
    /// The site or the gate was there at least once.
    has_met: bool,
    is_in_touch: bool,
    /// When the gate was heard of again, if it was silent.
    back: Option<Instant>,
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
    /// It can be reached again.
    Reached {
        /// When the first attempt failed.
        since: Timestamp,
        /// Now.
        until: Timestamp,
    },
}

impl Watch {
    /// The site must be out of reach for `after` before that is said; a gate is silent that was not heard of for `lost_after`.
    /// `has_met`: it was heard of before the watch began.
    pub fn new(after: Duration, lost_after: Option<Duration>, has_met: bool, now: Instant) -> Self {
        Self {
            after,
            lost_after,
            heard: now,
            is_known: false,
            has_met,
            is_in_touch: true,
            back: None,
            unreached: None,
        }
    }

    /// The gate was heard of.
    pub fn hear(&mut self, now: Instant) {
        (self.heard, self.is_known, self.has_met) = (now, true, true);
    }

    /// Looks once more: what has changed.
    pub fn look(&mut self, reading: Reading, now: Instant, wall: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        let is_in_touch = self.lost_after.is_none_or(|after| now.since(self.heard) < after);
        if is_in_touch != self.is_in_touch {
            self.is_in_touch = is_in_touch;
            self.back = is_in_touch.then_some(now);
            events.push(if is_in_touch { Event::Heard } else { Event::Silent });
        }
        let is_alone = !is_in_touch || self.lost_after.is_none();
        let answers = reading.can_be_reached();
        self.has_met |= answers;
        match self.unreached {
            None if is_alone && self.has_met && self.is_out_of_reach(reading, now) => {
                self.unreached = Some(reading.since);
                events.push(Event::Unreached { since: reading.since });
            }
            Some(since) if answers => {
                self.unreached = None;
                events.push(Event::Reached { since, until: wall.max(since) });
            }
            _ => {}
        }
        events
    }

    fn is_out_of_reach(&self, reading: Reading, now: Instant) -> bool {
        let is_silent = match reading.answers {
            Answers::Nothing => true,
            // An error page in front of a gate that is silent comes from whoever stands before it.
            Answers::Before => self.lost_after.is_some(),
            Answers::Site => false,
        };
        reading.verdict == Verdict::Down && is_silent && now.since(reading.begun) >= self.after
    }

    /// Whether the gate has had no time yet to say itself that nobody can reach it, since it is heard of again.
    pub fn speaks(&self, now: Instant) -> bool {
        !self.is_in_touch || self.back.is_none_or(|back| now.since(back) < HAND_OVER)
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

/// A gate that is heard of again asks what was seen, waits until it is sure, and says so, all within so long; else it knows better.
const HAND_OVER: Duration = Duration::from_secs(180);

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(10);
    const LOST_AFTER: Duration = Duration::from_secs(15);

    /// Looks at second `at`, with what the probes say since which second.
    fn look(watch: &mut Watch, at: u64, verdict: Verdict, since: u64) -> Vec<Event> {
        let (begun, since) = (Instant::from_secs(since), Timestamp::from_secs(since));
        let reading = Reading { verdict, since, begun, ..Reading::default() };
        watch.look(reading, Instant::from_secs(at), Timestamp::from_secs(at))
    }

    #[test]
    fn it_speaks_when_the_gate_is_silent_and_the_site_is_out_of_reach_and_falls_silent_when_the_gate_is_back()
    {
        let mut watch = Watch::new(AFTER, Some(LOST_AFTER), true, Instant::from_secs(100));
        assert_eq!(look(&mut watch, 110, Verdict::Up, 90), []);
        assert!(!watch.is_in_touch(), "not heard of yet");
        watch.hear(Instant::from_secs(110));
        assert_eq!(look(&mut watch, 121, Verdict::Down, 111), [], "the gate was heard of a moment ago");
        let since = Timestamp::from_secs(111);
        assert_eq!(look(&mut watch, 125, Verdict::Down, 111), [Event::Silent, Event::Unreached { since }]);
        assert_eq!(look(&mut watch, 126, Verdict::Unknown, 0), [], "not to know is no good news");
        assert_eq!(watch.unreached(), Some(since));
        watch.hear(Instant::from_secs(200));
        assert_eq!(look(&mut watch, 200, Verdict::Down, 111), [Event::Heard], "it is out of reach as before");
        assert_eq!(watch.unreached(), Some(since));
        assert!(watch.speaks(Instant::from_secs(379)), "until the gate has had time to say so");
        assert!(!watch.speaks(Instant::from_secs(380)));
        watch.hear(Instant::from_secs(390));
        let until = Timestamp::from_secs(390);
        assert_eq!(look(&mut watch, 390, Verdict::Up, 389), [Event::Reached { since, until }]);
        assert_eq!(watch.unreached(), None);
    }

    #[test]
    fn what_was_never_there_is_not_missed() {
        let mut watch = Watch::new(AFTER, Some(LOST_AFTER), false, Instant::from_secs(100));
        assert_eq!(look(&mut watch, 200, Verdict::Down, 101), [Event::Silent]);
        assert_eq!(look(&mut watch, 210, Verdict::Up, 209), []);
        let since = Timestamp::from_secs(220);
        assert_eq!(look(&mut watch, 230, Verdict::Down, 220), [Event::Unreached { since }]);
    }

    #[test]
    fn a_wall_clock_that_is_set_decides_nothing() {
        let mut watch = Watch::new(AFTER, None, true, Instant::from_secs(100));
        let (begun, since) = (Instant::from_secs(100), Timestamp::from_secs(1_000));
        let down = Reading { verdict: Verdict::Down, begun, since, ..Reading::default() };
        let forward = Timestamp::from_secs(9_000);
        assert_eq!(watch.look(down, Instant::from_secs(101), forward), []);
        let back = Timestamp::from_secs(10);
        assert_eq!(watch.look(down, Instant::from_secs(110), back), [Event::Unreached { since }]);
        let up = Reading { verdict: Verdict::Up, ..Reading::default() };
        let events = watch.look(up, Instant::from_secs(120), back);
        assert_eq!(events, [Event::Reached { since, until: since }], "nothing ends before it begins");
    }

    #[test]
    fn what_answers_instead_of_a_silent_gate_is_no_proof_of_the_site() {
        let down = |answers| Reading {
            verdict: Verdict::Down,
            begun: Instant::from_secs(100),
            answers,
            ..Reading::default()
        };
        let says = |answers, lost_after| {
            let mut watch = Watch::new(AFTER, lost_after, true, Instant::from_secs(100));
            watch.look(down(answers), Instant::from_secs(200), Timestamp::from_secs(200));
            watch.unreached().is_some()
        };
        assert!(says(Answers::Before, Some(LOST_AFTER)), "a CDN that cannot reach the gate either");
        assert!(!says(Answers::Before, None));
        assert!(!says(Answers::Site, Some(LOST_AFTER)), "a page whose text was changed");
    }

    #[test]
    fn a_silent_gate_before_a_site_that_answers_is_only_noted() {
        let mut watch = Watch::new(AFTER, Some(LOST_AFTER), true, Instant::from_secs(100));
        assert_eq!(look(&mut watch, 115, Verdict::Up, 90), [Event::Silent]);
        assert_eq!(look(&mut watch, 500, Verdict::Degraded, 90), []);
        assert!(!watch.is_in_touch());
    }

    #[test]
    fn without_a_gate_the_probes_alone_are_enough() {
        let mut watch = Watch::new(AFTER, None, true, Instant::from_secs(100));
        assert_eq!(look(&mut watch, 109, Verdict::Down, 100), []);
        let since = Timestamp::from_secs(100);
        assert_eq!(look(&mut watch, 110, Verdict::Down, 100), [Event::Unreached { since }]);
        let until = Timestamp::from_secs(130);
        assert_eq!(look(&mut watch, 130, Verdict::Up, 129), [Event::Reached { since, until }]);
        let failing = Reading {
            verdict: Verdict::Down,
            since: Timestamp::from_secs(140),
            begun: Instant::from_secs(140),
            answers: Answers::Site,
            ..Reading::default()
        };
        let events = watch.look(failing, Instant::from_secs(170), Timestamp::from_secs(170));
        assert_eq!(events, [], "what answers can be reached");
    }
}
