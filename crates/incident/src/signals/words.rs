//! What the gate says by itself of what alerts of other systems tell: names of components and how they do, never an alert's own words.

use std::time::Duration;

use model::Timestamp;

use super::SignalSetting;
use crate::engine::listed;
use crate::preview::Preview;
use crate::settings::cadence;
use crate::texts::{day_and_clock, length, title};
use crate::words::{Stage, Status};

/// What is known when something is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occasion<'a> {
    pub(super) stage: Stage,
    /// It is news within a stage.
    pub(super) is_same_stage: bool,
    /// It had been called over.
    pub(super) is_back: bool,
    /// Names of the components that it concerns.
    pub(super) what: &'a str,
    /// Those that do not do well.
    pub(super) statuses: &'a [(&'a str, Status)],
    pub(super) since: Timestamp,
    pub(super) now: Timestamp,
    /// When it was over.
    pub(super) until: Timestamp,
    pub(super) next: Timestamp,
}

/// What is said on an occasion.
pub(super) fn body(of: &Occasion<'_>) -> String {
    let (what, since, until) = (of.what, day_and_clock(of.since, of.now), day_and_clock(of.until, of.now));
    let next = format!("Next update by {}.", day_and_clock(of.next, of.now));
    match of.stage {
        Stage::Investigating | Stage::Identified => {
            let opening = match (of.is_back, of.is_same_stage) {
                (true, _) => format!("The disruption of {what} is back. We are working on it."),
                (false, true) => {
                    format!("The disruption of {what} goes on since {since}. We are working on it.")
                }
                (false, false) => {
                    format!(
                        "Since {since} {what} is disrupted. We have noticed it and are looking for the cause."
                    )
                }
            };
            format!("{opening}\n\n{}{next}", now(of.statuses))
        }
        Stage::Monitoring => {
            format!("Since {until} {what} works as usual. We are watching whether that lasts.\n\n{next}")
        }
        Stage::Resolved | Stage::Postmortem => {
            format!("This is over. It lasted from {since} to {until}, {}.", length(of.until.since(of.since)))
        }
    }
}

fn now(statuses: &[(&str, Status)]) -> String {
    if statuses.is_empty() {
        return String::new();
    }
    let line = |(name, status): &(&str, Status)| format!("{name}: {}.", status.label().to_lowercase());
    format!("At the moment:\n{}\n\n", statuses.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// The texts of an incident that the first of these settings has opened half an hour before `now`, one for each occasion; none without
/// settings.
pub fn preview_signals(settings: &[SignalSetting], now: Timestamp) -> Vec<Preview> {
    let Some(first) = settings.first() else { return Vec::new() };
    let name = first.component.rsplit(" / ").next().unwrap_or_default();
    let (what, statuses) = (listed(&[name]), [(name, first.status)]);
    let occasions = [
        ("an alert of another system fires", Stage::Investigating, false, false),
        ("it goes on for as long as was promised", Stage::Investigating, true, false),
        ("no such alert fires for a minute", Stage::Monitoring, false, false),
        ("one fires again", Stage::Investigating, false, true),
        ("none has fired for ten minutes", Stage::Resolved, false, false),
    ];
    let text = |(occasion, stage, is_same_stage, is_back)| {
        let of = Occasion {
            stage,
            is_same_stage,
            is_back,
            what: &what,
            statuses: &statuses,
            since: now.before(Duration::from_secs(1_800)),
            now,
            until: now.before(Duration::from_secs(60)),
            next: now + cadence(first.status.impact()),
        };
        Preview { occasion, stage, title: title(&what), body: body(&of) }
    };
    occasions.map(text).into()
}
