//! What the gate says by itself.
//!
//! It says who is served and who is not, since when, and when there will be news. It never says what the gate does, nor that there is
//! an attack: that would tell an attacker whether it works (status-contracts, sections 0.2 and 0.3).

use std::time::Duration;

use model::Timestamp;

use crate::case::Lost;
use crate::civil::Civil;
use crate::sight::Services;
use crate::words::{Audience, Service, Stage};

/// What is known when something is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub(crate) stage: Stage,
    /// It is news within a stage.
    pub(crate) is_same_stage: bool,
    /// It had been called over.
    pub(crate) is_back: bool,
    /// Names of the components that it concerns.
    pub(crate) what: &'a str,
    pub(crate) services: Services,
    /// For how long each audience fared worse than usual.
    pub(crate) lost: [Lost; 2],
    pub(crate) since: Timestamp,
    pub(crate) now: Timestamp,
    /// When everybody was served again.
    pub(crate) until: Timestamp,
    pub(crate) next: Timestamp,
    /// Nobody outside can reach it.
    pub(crate) is_unreached: bool,
}

/// The name of an incident.
pub(crate) fn title(what: &str) -> String {
    format!("Disruption of {what}")
}

/// What is said on an occasion.
pub(crate) fn body(of: &Occasion<'_>) -> String {
    let next = format!("Next update by {}.", day_and_clock(of.next, of.now));
    match of.stage {
        Stage::Investigating | Stage::Identified => {
            format!("{}\n\n{}\n\n{next}", opening(of), fares(of.services))
        }
        Stage::Monitoring => format!(
            "Since {} everybody is served as usual. We are watching whether that lasts.\n\n{next}",
            day_and_clock(of.until, of.now)
        ),
        Stage::Resolved | Stage::Postmortem => format!(
            "This is over. It lasted from {} to {}, {}.\n\n{}",
            day_and_clock(of.since, of.now),
            day_and_clock(of.until, of.now),
            length(of.until.since(of.since)),
            losses(of.lost).join("\n")
        ),
    }
}

fn opening(of: &Occasion<'_>) -> String {
    let Occasion { what, .. } = of;
    let since = day_and_clock(of.since, of.now);
    if of.is_unreached {
        return format!(
            "Since {since} {what} cannot be reached from outside. We have noticed it and are working on it."
        );
    }
    match (of.stage, of.is_same_stage, of.is_back) {
        (_, _, true) => format!("The disruption of {what} is back. We are working on it."),
        (_, true, _) => format!("The disruption of {what} goes on since {since}. We are working on it."),
        (Stage::Investigating, ..) => {
            format!("Since {since} {what} is disrupted. We have noticed it and are looking for the cause.")
        }
        _ => {
            format!("Since {since} {what} is disrupted. We know what is behind it and are working on it.")
        }
    }
}

fn fares(services: Services) -> String {
    format!("At the moment:\n{}", lines(services))
}

fn lines(services: Services) -> String {
    let line = |audience: Audience| format!("{}: {}.", audience.label(), services.of(audience).label());
    let mut lines: Vec<String> = Audience::ALL.map(line).into();
    if services.login != Service::Good {
        lines.push(format!("Signing in: {}.", services.login.label()));
    }
    lines.join("\n")
}

/// For how long each audience fared worse than usual, a line each.
pub(crate) fn losses(lost: [Lost; 2]) -> [String; 2] {
    let line = |audience: Audience| {
        let Lost { unserved, delayed } = lost[audience.index()];
        let what = match (unserved.is_zero(), delayed.is_zero()) {
            (true, true) => "served as usual all the time".to_owned(),
            (false, true) => format!("not all were served for {} in all", length(unserved)),
            (true, false) => format!("served, some had to wait, for {} in all", length(delayed)),
            (false, false) => format!(
                "not all were served for {} in all, and some had to wait for another {}",
                length(unserved),
                length(delayed)
            ),
        };
        format!("{}: {what}.", audience.label())
    };
    Audience::ALL.map(line)
}

/// What is said of a time in which nobody could reach it, when it is over.
pub(crate) fn unreached(what: &str, from: Timestamp, until: Timestamp, now: Timestamp) -> String {
    format!(
        "From {} to {}, {}, {what} could not be reached from outside. It can be reached again.",
        day_and_clock(from, now),
        day_and_clock(until, now),
        length(until.since(from))
    )
}

/// A time of today by its clock, another with its date.
pub(crate) fn day_and_clock(at: Timestamp, now: Timestamp) -> String {
    let (civil, today) = (Civil::of(at), Civil::of(now));
    if (civil.year, civil.month, civil.day) == (today.year, today.month, today.day) {
        civil.clock()
    } else {
        format!("{}, {}", civil.date(), civil.clock())
    }
}

/// `45 minutes`, `2 h 5 min`.
pub(crate) fn length(duration: Duration) -> String {
    let minutes = duration.as_secs().div_ceil(60).max(1);
    match (minutes / 60, minutes % 60) {
        (0, 1) => "1 minute".to_owned(),
        (0, minutes) => format!("{minutes} minutes"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
