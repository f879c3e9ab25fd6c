//! When unknown clients are asked to show that they keep cookies, or that they can wait (decision-science, sections 5 and 7).

use std::time::Duration;

use model::{Challenge, Instant};
use serde::{Deserialize, Serialize};

/// What the last second said, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// Users are hurt or about to be, by what is left after rules and limits.
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
    since: Instant,
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

impl Asking {
    /// Takes one second.
    ///
    /// ```text
    ///        hurts and looks made            hurts for ten seconds more
    ///   off ──────────────────────▶ cookie ──────────────────────────▶ waiting
    ///    ▲ ╰──────────────────────── closed ──────────────────────────────▲ │
    ///    ╰───────────────────── quiet for thirty seconds ────────────────────╯
    /// ```
    pub(crate) fn step(&mut self, now: Instant, sight: Sight) -> Challenge {
        let is_quiet = sight.is_quiet && !sight.is_closed && !sight.hurts;
        self.quiet_since = if is_quiet { self.quiet_since.or(Some(now)) } else { None };
        let lasts = |since: Instant, long| now.since(since) >= long;
        let next = match self.kind {
            // Who is closed out gets in by waiting: the share of tickets stays open to strangers.
            Kind::Off | Kind::Cookie if sight.is_closed => Kind::Waiting,
            Kind::Off if sight.hurts && sight.looks_made => Kind::Cookie,
            Kind::Cookie if sight.hurts && lasts(self.since, COOKIE_TRIED) => Kind::Waiting,
            Kind::Cookie | Kind::Waiting if self.quiet_since.is_some_and(|since| lasts(since, QUIET)) => {
                Kind::Off
            }
            kind @ (Kind::Off | Kind::Cookie | Kind::Waiting) => kind,
        };
        if next != self.kind {
            (self.kind, self.since) = (next, now);
        }
        match self.kind {
            Kind::Off => Challenge::Off,
            Kind::Cookie => Challenge::Cookie,
            Kind::Waiting => Challenge::Waiting,
        }
    }
}

/// How long asking for a cookie has to show that it suffices.
const COOKIE_TRIED: Duration = Duration::from_secs(10);
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
                let kind = asking.step(Instant::from_secs(now), sight);
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
        check("5 quiet, 20 hurts made, 40 quiet", "6 Cookie, 16 Waiting, 56 Off");
    }

    #[test]
    fn a_cookie_that_suffices_stays_until_the_flood_is_over() {
        check("2 hurts made, 100 made, 31 quiet", "1 Cookie, 133 Off");
    }

    #[test]
    fn a_crowd_that_hurts_is_asked_for_nothing_until_somebody_is_closed_out() {
        check("60 hurts, 5 hurts closed, 100 closed, 31 quiet", "61 Waiting, 196 Off");
    }

    #[test]
    fn what_looks_made_and_hurts_nobody_is_left_alone() {
        check("100 made", "");
    }
}
