//! What the gate saw in a second, and how the people behind it fared.

use std::collections::VecDeque;

use model::{Level, Timestamp, UserTime};
use serde::{Deserialize, Serialize};

use crate::load::Load;
use crate::words::{Audience, Service};

/// What the gate saw and did in about a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sight {
    /// Requests of clients who were known before, T0 to T2.
    pub known: Counts,
    /// Requests of all others that went on to the app: those that were refused may be an attacker's and say nothing of people.
    pub new: Counts,
    /// Requests of people who were signing in.
    pub login: Counts,
    /// What newcomers meet at the door.
    pub door: Door,
    /// What is thought to be the cause of what is unusual; `None`: nothing is, or it is not known.
    pub cause: Option<Cause>,
    /// The level, for the record.
    pub level: Level,
    /// The gate only watches: whatever it sees is not told to the public.
    pub observes: bool,
    /// What probes tell of how everybody fares, where traffic does not; `None`: it is not known.
    pub probed: Option<Service>,
    /// Whether the site can be reached from elsewhere.
    pub outside: Outside,
    /// From how many places probes try the site at the moment.
    pub places: u8,
    /// Time of people that was added up since the start, by [`crate::Users::ALL`].
    pub spent: [UserTime; 2],
    /// What came from everybody, attackers among them; `None`: nobody counts it.
    pub load: Option<Load>,
}

/// Whether probes elsewhere reach the site.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Outside {
    /// Nobody is there who could tell.
    #[default]
    Unknown,
    /// They do.
    Reached,
    /// They do not.
    Unreached {
        /// Since then.
        since: Timestamp,
    },
}

/// Requests, and those of them that did not end well.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// All.
    pub all: u64,
    /// Refused for want of room, or failed by the app.
    pub bad: u64,
}

impl Counts {
    /// Those that ended well.
    pub(crate) const fn good(self) -> u64 {
        self.all.saturating_sub(self.bad)
    }

    fn add(&mut self, other: Self) {
        self.all = self.all.saturating_add(other.all);
        self.bad = self.bad.saturating_add(other.bad);
    }
}

/// What newcomers meet before they reach the app. The order is from best to worst.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Door {
    /// They are let in, perhaps after a question that browsers answer by themselves.
    #[default]
    Open,
    /// They are let in after a wait.
    Waiting,
    /// Some are asked to come back later.
    Narrow,
    /// All are asked to come back later.
    Closed,
}

/// What is thought to be behind an incident. It is in the record, and never in what the public reads while the incident is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Traffic that looks made.
    Attack,
    /// More people than the app can serve.
    Crowd,
    /// The app fails or does not answer.
    App,
    /// Traffic that should be there is missing: somebody before the gate has a problem.
    Upstream,
}

impl Cause {
    /// As admins read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Attack => "traffic that looks made",
            Self::Crowd => "more people than the app can serve",
            Self::App => "the app fails or does not answer",
            Self::Upstream => "traffic is missing that should be there",
        }
    }
}

/// How everybody fares, smoothed over a few seconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Services {
    /// By [`Audience::index`].
    pub audiences: [Service; 2],
    /// People who are signing in.
    pub login: Service,
}

impl Services {
    /// How one audience fares.
    pub const fn of(&self, audience: Audience) -> Service {
        self.audiences[audience.index()]
    }

    /// How the one fares that fares worst.
    pub fn worst(&self) -> Service {
        self.audiences.iter().copied().fold(self.login, Service::max)
    }
}

/// The last minute, from which it is told how everybody fares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    seconds: VecDeque<Sight>,
}

impl Window {
    /// Takes a second, and tells how everybody fares now.
    pub(crate) fn judge(&mut self, sight: &Sight) -> Services {
        self.seconds.truncate(LONG - 1);
        self.seconds.push_front(*sight);
        let known = self.service(|sight| sight.known, FEW);
        // The app is the same for all. Where customers tell how it does, a stranger who asks again and again for what fails tells
        // nothing; where there are none, it takes more of them to tell.
        let new = known.or_else(|| self.service(|sight| sight.new, FEW_STRANGERS));
        // Probes are few and always the same: where people come, people tell.
        let new = new.or(sight.probed).unwrap_or_default();
        let known = known.unwrap_or(new);
        let audiences = match self.outside() {
            Outside::Unreached { .. } => [Service::Down; 2],
            Outside::Reached | Outside::Unknown => [known, new.max(at_the_door(sight.door))],
        };
        Services { audiences, login: self.service(|sight| sight.login, FEW).unwrap_or_default() }
    }

    /// Whether people who sign in now were served: some did, and nearly all of them well.
    pub(crate) fn serves_logins(&self) -> bool {
        self.service(|sight| sight.login, FEW) == Some(Service::Good)
    }

    /// Whether the site can be reached from elsewhere, as far as it is believed: who does not reach a site that serves people is cut off
    /// itself, or refused.
    pub(crate) fn outside(&self) -> Outside {
        let serves = |of: fn(&Sight) -> Counts, few| {
            self.seconds.iter().map(of).map(Counts::good).fold(0, u64::saturating_add) >= few
        };
        let is_served = serves(|sight| sight.known, FEW) || serves(|sight| sight.new, FEW_STRANGERS);
        let outside = self.seconds.front().map(|sight| sight.outside).unwrap_or_default();
        if is_served && matches!(outside, Outside::Unreached { .. }) { Outside::Unknown } else { outside }
    }

    /// `None` where too little was asked for.
    fn service(&self, of: impl Fn(&Sight) -> Counts, few: u64) -> Option<Service> {
        let sum = |seconds: usize| {
            let mut sum = Counts::default();
            self.seconds.iter().take(seconds).for_each(|sight| sum.add(of(sight)));
            sum
        };
        let short = sum(SHORT);
        let counts = if short.all >= ENOUGH { short } else { sum(LONG) };
        if counts.all < few {
            return None;
        }
        // Counts are of a minute at most; beyond 2^53 a share would still be near enough.
        #[expect(clippy::cast_precision_loss, reason = "a share of requests")]
        let share = counts.bad as f64 / counts.all as f64;
        Some(match share {
            share if share >= DOWN_FROM => Service::Down,
            share if share >= PART_FROM => Service::Part,
            _ => Service::Good,
        })
    }
}

const fn at_the_door(door: Door) -> Service {
    match door {
        Door::Open => Service::Good,
        Door::Waiting => Service::Delayed,
        Door::Narrow => Service::Part,
        Door::Closed => Service::Down,
    }
}

/// Seconds that are looked at where enough is asked for.
const SHORT: usize = 10;
/// Seconds that are looked at on a quiet site.
const LONG: usize = 60;
/// Requests in [`SHORT`] seconds from which a share of them says something.
const ENOUGH: u64 = 20;
/// Fewer requests in a minute say nothing.
pub(crate) const FEW: u64 = 5;
/// The same for requests of strangers.
const FEW_STRANGERS: u64 = 30;
/// From this share of requests that do not end well, hardly anybody is served.
const DOWN_FROM: f64 = 0.5;
/// From this share, some are not served.
const PART_FROM: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(window: &mut Window, seconds: u32, known: (u64, u64), door: Door) -> Services {
        let known = Counts { all: known.0, bad: known.1 };
        let mut services = Services::default();
        for _ in 0..seconds {
            services = window.judge(&Sight { known, door, ..Sight::default() });
        }
        services
    }

    #[test]
    fn a_share_of_requests_tells_how_customers_fare() {
        let mut window = Window::default();
        assert_eq!(seen(&mut window, 20, (100, 4), Door::Open).of(Audience::Known), Service::Good);
        assert_eq!(seen(&mut window, 10, (100, 6), Door::Open).of(Audience::Known), Service::Part);
        assert_eq!(seen(&mut window, 10, (100, 50), Door::Open).of(Audience::Known), Service::Down);
    }

    #[test]
    fn a_quiet_site_is_judged_by_its_last_minute_and_not_by_a_request_or_two() {
        let mut window = Window::default();
        assert_eq!(seen(&mut window, 3, (1, 1), Door::Open).worst(), Service::Good);
        assert_eq!(seen(&mut window, 5, (1, 1), Door::Open).worst(), Service::Down);
        assert_eq!(seen(&mut window, 60, (0, 0), Door::Open).worst(), Service::Good);
    }

    #[test]
    fn newcomers_fare_as_the_door_says_whatever_attackers_are_refused() {
        let mut window = Window::default();
        let services = seen(&mut window, 1, (100, 0), Door::Waiting);
        assert_eq!(services.audiences, [Service::Good, Service::Delayed]);
        assert_eq!(seen(&mut window, 1, (100, 0), Door::Closed).of(Audience::New), Service::Down);
    }

    #[test]
    fn probes_tell_where_nobody_comes_and_those_outside_where_nobody_is_served() {
        let mut window = Window::default();
        let probed = Sight { probed: Some(Service::Down), ..Sight::default() };
        assert_eq!(window.judge(&probed).audiences, [Service::Down; 2]);
        let served = Sight { known: Counts { all: 50, bad: 0 }, ..probed };
        assert_eq!(window.judge(&served).audiences, [Service::Good; 2]);
        let since = Timestamp::from_secs(1);
        let alone = Sight { outside: Outside::Unreached { since }, ..served };
        assert_eq!(window.judge(&alone).audiences, [Service::Good; 2], "the outpost is refused or cut off");
        let empty = Sight { known: Counts::default(), ..alone };
        for _ in 0..LONG - 1 {
            assert_eq!(window.judge(&empty).audiences, [Service::Good; 2]);
        }
        assert_eq!(window.judge(&empty).audiences, [Service::Down; 2]);
        assert_eq!(window.outside(), alone.outside);
        let strangers = Sight { new: Counts { all: FEW_STRANGERS, bad: 0 }, ..empty };
        assert_eq!(window.judge(&strangers).audiences, [Service::Good; 2]);
    }

    #[test]
    fn an_app_that_fails_for_newcomers_is_not_said_to_serve_customers_who_asked_for_nothing() {
        let mut window = Window::default();
        let sight = Sight { new: Counts { all: 50, bad: 50 }, ..Sight::default() };
        assert_eq!(window.judge(&sight).audiences, [Service::Down; 2]);
        let sight = Sight { known: Counts { all: 50, bad: 0 }, ..sight };
        assert_eq!(window.judge(&sight).audiences, [Service::Good; 2], "strangers ask for what fails");
    }
}
