//! What came to the gate while an incident went on, and what the gate did about it: counted second by second, written down about once
//! a minute.
//!
//! None of it is told before an attacker learns nothing from it any more (status-contracts, section 0.2).

use std::time::Duration;

use model::{Instant, Level, Timestamp, UserTime};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Moment, Pen};
use crate::record::{Entry, LevelName};
use crate::sight::Sight;

/// What came from everybody in about a second, attackers among them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// Requests.
    pub offered: u64,
    /// Those that were turned away: by client limits, for want of room, by rules, by challenges.
    pub refused: [u64; 4],
    /// Rules in force.
    pub rules: u16,
    /// Unknown clients must show something before they are let in.
    pub is_asking: bool,
}

/// What was counted in a minute, or in several of a long incident. Sums are of the whole time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Tally {
    /// When it begins, in milliseconds since the epoch.
    pub from: u64,
    /// How long it is, in milliseconds; at least 1.
    pub millis: u64,
    /// Requests.
    pub offered: u64,
    /// The most of them in a second.
    pub peak: u64,
    /// Those that were turned away, as in [`Load::refused`].
    pub refused: [u64; 4],
    /// Time of people by [`crate::Users::ALL`].
    pub people: [PeopleTime; 2],
    /// The most rules that were in force at once.
    pub rules: u16,
    /// Unknown clients had to show something in some of it.
    pub is_asking: bool,
    /// The most severe level.
    pub level: LevelName,
}

/// Time of an audience in a [`Tally`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct PeopleTime {
    /// Milliseconds in which they were served.
    pub up: u64,
    /// Milliseconds in which they were not.
    pub down: u64,
    /// How many were there: each counts once in every five minutes of the wall clock in which one asks for something.
    pub there: u64,
}

impl Tally {
    /// When it ends.
    pub(crate) fn until(&self) -> Timestamp {
        self.begin() + Duration::from_millis(self.millis)
    }

    /// When it begins.
    pub(crate) const fn begin(&self) -> Timestamp {
        Timestamp::from_millis(self.from)
    }

    /// Requests that were turned away, of every kind.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

impl PeopleTime {
    /// With the time of another tally.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            up: self.up.saturating_add(other.up),
            down: self.down.saturating_add(other.down),
            there: self.there.saturating_add(other.there),
        }
    }

    /// The share in which they were served, in 1/10,000 and never rounded up; `None` below so much time of theirs.
    pub(crate) fn share(self, least: Duration) -> Option<u16> {
        let all = u128::from(self.up) + u128::from(self.down);
        if all == 0 || all < least.as_millis() {
            return None;
        }
        u16::try_from(u128::from(self.up) * 10_000 / all).ok()
    }
}

/// Adds up what comes, until it is written down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    /// Since when; `None`: nothing was seen yet.
    since: Option<Moment>,
    /// When it was looked at last.
    last: Instant,
    sum: Load,
    peak: u64,
    level: Level,
    /// Whether anybody counts what comes.
    is_counted: bool,
    /// Time of people as it was added up at the beginning, and at the last look.
    spent: [[UserTime; 2]; 2],
    /// The incident that went on at the last look.
    incident: Option<u32>,
}

impl Meter {
    fn look(&mut self, sight: &Sight, moment: Moment) {
        let Some(_) = self.since else {
            self.begin(moment, sight.spent);
            return;
        };
        let millis = moment.now.since(self.last).as_millis().max(1);
        self.last = moment.now;
        self.spent[1] = sight.spent;
        if sight.level.severity() > self.level.severity() {
            self.level = sight.level;
        }
        let Some(load) = sight.load else { return };
        self.is_counted = true;
        let a_second = u128::from(load.offered) * 1_000 / millis.max(LEAST_MILLIS);
        self.peak = self.peak.max(u64::try_from(a_second).unwrap_or(u64::MAX));
        let sum = &mut self.sum;
        sum.offered = sum.offered.saturating_add(load.offered);
        sum.refused.iter_mut().zip(load.refused).for_each(|(sum, count)| *sum = sum.saturating_add(count));
        (sum.rules, sum.is_asking) = (sum.rules.max(load.rules), sum.is_asking || load.is_asking);
    }

    fn begin(&mut self, moment: Moment, spent: [UserTime; 2]) {
        let incident = self.incident;
        *self =
            Self { since: Some(moment), last: moment.now, spent: [spent; 2], incident, ..Self::default() };
    }

    fn lasts(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.since(since.now))
    }

    /// What was counted since the beginning, which is now; `None`: nobody counts.
    fn take(&mut self, moment: Moment) -> Option<Tally> {
        let since = self.since.filter(|_| self.is_counted);
        let [before, after] = self.spent;
        let people = |place: usize| {
            let [before, after] = [before[place], after[place]];
            PeopleTime {
                up: after.up.saturating_sub(before.up),
                down: after.down.saturating_sub(before.down),
                there: after.there.saturating_sub(before.there),
            }
        };
        let tally = since.map(|since| Tally {
            from: since.wall.as_millis(),
            millis: u64::try_from(self.lasts(moment.now).as_millis()).unwrap_or(u64::MAX).max(1),
            offered: self.sum.offered,
            peak: self.peak,
            refused: self.sum.refused,
            people: [people(0), people(1)],
            rules: self.sum.rules,
            is_asking: self.sum.is_asking,
            level: LevelName(self.level),
        });
        self.begin(moment, after);
        tally
    }
}

/// Takes a second, and writes down what came when it is time to: the first entry of an incident has what came up to a minute before.
pub(crate) fn note(engine: &mut Engine, sight: &Sight, moment: Moment, pen: &mut Pen) {
    engine.meter.look(sight, moment);
    let own = engine.state.own().map(|case| (case.number, case.tallies.len()));
    let before = std::mem::replace(&mut engine.meter.incident, own.map(|(number, _)| number));
    let (incident, pause) = match (own, before) {
        (Some((number, written)), _) => (Some(number), pause(written)),
        // What is left of one that is over.
        (None, Some(before)) => (Some(before), Some(Duration::ZERO)),
        (None, None) => (None, Some(MINUTE)),
    };
    if pause.is_none_or(|pause| engine.meter.lasts(moment.now) < pause) {
        return;
    }
    let tally = engine.meter.take(moment);
    if let Some((incident, tally)) = incident.zip(tally).filter(|(incident, _)| engine.has_room(*incident)) {
        engine.write(pen, Entry::Counted { incident, tally });
    }
}

impl Engine {
    fn has_room(&self, incident: u32) -> bool {
        let case = self.state.cases.iter().find(|case| case.number == incident);
        case.is_some_and(|case| case.tallies.len() < TALLIES_MAX)
    }
}

/// After how long the next is written of an incident of which there are so many; `None`: only the last one, at its end. The longer it
/// goes on, the longer each is.
fn pause(written: usize) -> Option<Duration> {
    let doubled = u32::try_from(written / ALIKE).unwrap_or(u32::MAX);
    (written + 1 < TALLIES_MAX).then(|| MINUTE * 2_u32.saturating_pow(doubled))
}

const MINUTE: Duration = Duration::from_secs(60);
/// Tallies of the same length; those after them are twice as long.
const ALIKE: usize = 48;
/// Tallies of one incident: 48 of a minute, of two, four, eight and sixteen are a day. Each is about 400 bytes of the record.
pub(crate) const TALLIES_MAX: usize = 5 * ALIKE;
/// Steps are about a second long; what comes in one that is much shorter is no peak.
const LEAST_MILLIS: u128 = 500;
