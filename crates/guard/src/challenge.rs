//! When unknown clients are asked to show that they keep cookies, or that they can wait (decision-science, sections 5 and 7).

use std::time::Duration;

use model::{Act, Challenge, Instant};
use serde::{Deserialize, Serialize};

/// What the last second said, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// Users are hurt or about to be by what is asked for, those left out whom a rule has put last already.
    pub(crate) hurts: bool,
    /// What came beyond the expected looks made, by a baseline that is old enough to say so.
    pub(crate) looks_made: bool,
    /// Some cohorts are closed out.
    pub(crate) is_closed: bool,
    /// Everything that comes, refused or not, would fit with room to spare.
    pub(crate) is_quiet: bool,
}

/// What is asked, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Asking {
    kind: Kind,
    /// Since when what is asked has not sufficed.
    short_since: Option<Instant>,
    /// Since when nobody would miss it.
    quiet_since: Option<Instant>,
}

/// [`Challenge`], as it is kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
enum Kind {
    #[default]
    Off,
    Cookie,
    Waiting,
}

/// What is asked has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Turn {
    /// To what.
    pub(crate) act: Act,
    /// For how long there has been a reason for it.
    pub(crate) lasted: Duration,
    /// For how long there had to be.
    pub(crate) hold: Duration,
}

impl Asking {
    /// Takes one second; says so when what is asked changes.
    ///
    /// ```text
    ///        hurts and looks made          hurts and looks made
    ///          for ten seconds               for ten seconds
    ///   off ─────────────────────▶ cookie ─────────────────────▶ waiting
    ///    ▲                           │                              │
    ///    ╰──────────────── quiet for thirty seconds ────────────────╯
    /// ```
    ///
    /// Rules come first: what they cover hurts nobody, and strangers are asked for nothing. A crowd of people is asked for
    /// nothing either, because nearly all of it would do what is asked; the threshold alone decides how much of it fits. Whom it
    /// closes out may always wait for a ticket; that needs no decision.
    pub(crate) fn step(&mut self, now: Instant, sight: Sight) -> Option<Turn> {
        let since = |holds: bool, before: Option<Instant>| holds.then_some(before.unwrap_or(now));
        let lasts = |since: Option<Instant>, long| since.is_some_and(|since| now.since(since) >= long);
        let falls_short = sight.hurts && sight.looks_made;
        self.short_since = since(falls_short, self.short_since);
        // What hurts and does not look made are people, and to ask them for something cures nothing.
        self.quiet_since = since(sight.is_quiet && !sight.is_closed && !falls_short, self.quiet_since);
        let (next, act, since, hold) = match self.kind {
            Kind::Off if lasts(self.short_since, TRIED) => {
                (Kind::Cookie, Act::AskForCookie, self.short_since, TRIED)
            }
            Kind::Cookie if lasts(self.short_since, TRIED) => {
                (Kind::Waiting, Act::AskToWait, self.short_since, TRIED)
            }
            Kind::Cookie | Kind::Waiting if lasts(self.quiet_since, QUIET) => {
                (Kind::Off, Act::CeaseAsking, self.quiet_since, QUIET)
            }
            Kind::Off | Kind::Cookie | Kind::Waiting => return None,
        };
        (self.kind, self.short_since) = (next, None);
        Some(Turn { act, lasted: now.since(since?), hold })
    }

    /// What is asked stays so; since when is seen anew.
    pub(crate) const fn begin_anew(&mut self) {
        (self.short_since, self.quiet_since) = (None, None);
    }

    /// What is asked now.
    pub(crate) const fn challenge(&self) -> Challenge {
        match self.kind {
            Kind::Off => Challenge::Off,
            Kind::Cookie => Challenge::Cookie,
            Kind::Waiting => Challenge::Waiting,
        }
    }
}

/// How long rules have to show that they suffice, and then asking for a cookie. Rules are found and tried within this time
/// or not at all, while the threshold protects the app.
const TRIED: Duration = Duration::from_secs(10);
/// The challenge lifts so long after the last step of re-opening (decision-science, section 0.10).
const QUIET: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `<seconds> <word>…` stretches and says when what is asked changes.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let (mut asking, mut now, mut last, mut log) = (Asking::default(), 0, Challenge::Off, Vec::new());
        for stretch in script.split(", ") {
            let (seconds, words) = stretch.split_once(' ').unwrap();
            let has = |word: &str| words.split(' ').any(|found| found == word);
            let sight = Sight {
                hurts: has("hurts"),
                looks_made: has("made"),
                is_closed: has("closed"),
                is_quiet: has("quiet"),
            };
            for _ in 0..seconds.parse().unwrap() {
                now += 1;
                asking.step(Instant::from_secs(now), sight);
                let kind = asking.challenge();
                if kind != last {
                    log.push(format!("{now} {kind:?}"));
                }
                last = kind;
            }
        }
        assert_eq!(log.join(", "), expected);
    }

    #[test]
    fn a_cookie_is_asked_for_first_and_waiting_when_that_does_not_suffice() {
        check("5 quiet, 30 hurts made, 40 quiet", "16 Cookie, 27 Waiting, 66 Off");
    }

    #[test]
    fn a_cookie_that_suffices_stays_until_the_flood_is_over() {
        check("12 hurts made, 100 made, 31 quiet", "11 Cookie, 143 Off");
    }

    #[test]
    fn a_crowd_is_asked_for_nothing_even_when_some_of_it_are_closed_out() {
        check("60 hurts, 300 hurts closed, 100 closed, 31 quiet", "");
    }

    #[test]
    fn a_flood_that_rules_stop_in_time_changes_nothing_for_strangers() {
        check("9 hurts made closed, 300 made closed, 31 quiet", "");
    }

    #[test]
    fn cohorts_that_are_closed_keep_the_challenge() {
        check("12 hurts made, 100 quiet closed, 31 quiet", "11 Cookie, 143 Off");
    }

    #[test]
    fn people_who_come_in_bursts_when_the_flood_is_over_do_not_keep_the_challenge() {
        check(
            "12 hurts made, 100 made, 10 quiet, 1 quiet hurts, 10 quiet, 1 quiet hurts, 10 quiet",
            "11 Cookie, 143 Off",
        );
        check("12 hurts made, 100 made, 20 quiet, 1 quiet hurts made, 31 quiet", "11 Cookie, 164 Off");
    }

    #[test]
    fn quiet_before_a_gap_is_not_quiet_after_it() {
        let quiet = Sight { hurts: false, looks_made: false, is_closed: false, is_quiet: true };
        let mut asking = Asking { kind: Kind::Cookie, ..Asking::default() };
        asking.step(Instant::from_secs(1), quiet);
        asking.begin_anew();
        asking.step(Instant::from_secs(40), quiet);
        assert_eq!(asking.challenge(), Challenge::Cookie);
        asking.step(Instant::from_secs(70), quiet);
        assert_eq!(asking.challenge(), Challenge::Off);
    }

    #[test]
    fn what_looks_made_and_hurts_nobody_is_left_alone() {
        check("100 made", "");
    }
}
