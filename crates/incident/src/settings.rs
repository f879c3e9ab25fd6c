//! What an admin says of the page, and the limits of everything that grows.

use std::time::Duration;

use crate::words::{Impact, Stage};

/// What is watched and how it is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// In the order of the page, groups left out; at most [`Settings::COMPONENTS_MAX`].
    pub components: Vec<ComponentSetting>,
    /// How long the first notice of an incident waits for somebody to say no.
    pub first_notice: Duration,
    /// Whether the gate publishes by itself what a stage begins with.
    pub stages: Stages,
    /// Whether the public is told for how much of their time people were served.
    pub audience_figures: bool,
    /// After how long the public is told of what must last.
    pub pace: Pace,
}

/// Whether the gate publishes by itself what a stage begins with, by stage.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stages {
    /// The first notice, after [`Settings::first_notice`]; and what goes on again that an alert has opened, at once.
    pub investigating: Consent,
    /// That the cause is known, and that what was over is back.
    pub identified: Consent,
    /// That everybody is served again.
    pub monitoring: Consent,
    /// That it is over.
    pub resolved: Consent,
}

/// Whether the gate publishes words by itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Consent {
    /// At once.
    #[default]
    Auto,
    /// Unless a person says no within so long.
    Hold(Duration),
    /// Only a person does.
    Manual,
}

/// After how long the public is told. Only a demonstration is in more of a hurry than the default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// That only newcomers wait is told after so long (status-contracts, section 0.3).
    pub delay_told_after: Duration,
    /// Everybody must have been served for so long before it is said; twice as long each time that it was back after that.
    pub monitoring_after: Duration,
    /// And for so long, with nothing unusual and nothing in force, before it is called over.
    pub resolved_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            delay_told_after: Duration::from_secs(300),
            monitoring_after: Duration::from_secs(60),
            resolved_after: Duration::from_secs(600),
        }
    }
}

impl Settings {
    /// Components at most.
    pub const COMPONENTS_MAX: usize = 64;

    /// With the usual pace, and figures of availability for colleagues alone.
    pub fn new(components: Vec<ComponentSetting>, first_notice: Duration) -> Self {
        let stages = Stages::default();
        Self { components, first_notice, stages, audience_figures: false, pace: Pace::default() }
    }

    /// Whether the gate publishes by itself what a stage begins with, the first time that anything is said or later.
    pub(crate) fn consent(&self, stage: Stage, is_first: bool) -> Consent {
        match (stage, self.stages.investigating) {
            (Stage::Investigating, Consent::Auto | Consent::Hold(_)) if !is_first => Consent::Auto,
            (Stage::Investigating, Consent::Auto) if self.first_notice.is_zero() => Consent::Auto,
            (Stage::Investigating, Consent::Auto) => Consent::Hold(self.first_notice),
            (Stage::Investigating, given) => given,
            (Stage::Identified, _) => self.stages.identified,
            (Stage::Monitoring, _) => self.stages.monitoring,
            (Stage::Resolved, _) => self.stages.resolved,
            // Reports are people's.
            (Stage::Postmortem, _) => Consent::Manual,
        }
    }
}

/// One component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ComponentSetting {
    /// Its name, without the group's.
    pub name: String,
    /// The groups that it is in, outermost first.
    pub groups: Vec<String>,
    /// For the page; may be empty.
    pub description: String,
    /// What its status comes from.
    pub watches: Watches,
}

impl ComponentSetting {
    /// Its name with those of its groups, which no other component has.
    pub fn full_name(&self) -> String {
        let mut parts = self.groups.clone();
        parts.push(self.name.clone());
        parts.join(" / ")
    }
}

/// What the status of a component comes from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Watches {
    /// What the gate sees of everybody.
    #[default]
    Site,
    /// What the gate sees of people who are signing in.
    Login,
    /// People alone.
    Nothing,
}

/// Something must have been worse for so many seconds in a row before it counts.
pub(crate) const WORSE_SECONDS: usize = 3;
/// And better for so many.
pub(crate) const BETTER_SECONDS: usize = 30;
/// [`Pace::monitoring_after`] grows to this times as long at most: half an hour.
pub(crate) const MONITORING_GROWTH_MAX: u32 = 32;
/// What was not told may end sooner.
pub(crate) const ENDED_AFTER: Duration = Duration::from_secs(60);
/// What the gate did may be told after so long (status-contracts, section 0.2).
pub(crate) const DISCLOSED_AFTER: Duration = Duration::from_secs(1_800);
/// What comes back within so long is the same incident.
pub(crate) const SAME_WITHIN: Duration = Duration::from_secs(3_600);
/// Between two updates of the same stage, so that the page does not chatter: components show at once what got worse.
pub(crate) const UPDATES_APART: Duration = Duration::from_secs(30);
/// Words in an hour after which there are none any more only because somebody fares otherwise.
pub(crate) const FARED_HOURLY: usize = 8;
/// See [`FARED_HOURLY`].
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
/// What two watchers saw is the same where it is no further apart.
pub(crate) const OUTSIDE_APART: Duration = Duration::from_secs(120);
/// Times that are remembered in which nobody could reach the site.
pub(crate) const SPELLS_MAX: usize = 50;
/// The same words in the same stage are refused for so long.
pub(crate) const SAME_WORDS: Duration = Duration::from_secs(300);
/// How long troubles stay on the page.
pub(crate) const HISTORY: Duration = Duration::from_hours(24 * 90);

/// Incidents that are remembered; the oldest that is over leaves.
pub(crate) const CASES_MAX: usize = 200;
/// What was said of one incident that is remembered: the first and the newest of it.
pub(crate) const UPDATES_MAX: usize = 200;
/// Incidents of which the page shows [`UPDATES_SHOWN`] updates; of older ones it shows [`UPDATES_SHOWN_OLD`].
pub(crate) const NEWEST: usize = 10;
/// See [`NEWEST`]: the first and the newest.
pub(crate) const UPDATES_SHOWN: usize = 50;
/// See [`NEWEST`].
pub(crate) const UPDATES_SHOWN_OLD: usize = 12;
/// How often what stands is written down again, so that it does not grow too old for the journal.
pub(crate) const STANDING: Duration = Duration::from_hours(24 * 30);
/// Between two guesses about what is behind an incident.
pub(crate) const EXPLAINED_APART: Duration = Duration::from_secs(60);
/// What is remembered of one incident beside what was said.
pub(crate) const NOTES_MAX: usize = 300;
/// Troubles of one component.
pub(crate) const TROUBLES_MAX: usize = 5_000;
/// Announced work that is remembered.
pub(crate) const MAINTENANCES_MAX: usize = 100;
/// Bytes of a title.
pub(crate) const TITLE_MAX: usize = 200;
/// Bytes of what is said at once.
pub(crate) const BODY_MAX: usize = 8 * 1024;
/// Bytes of a note that the public does not read.
pub(crate) const NOTE_MAX: usize = 2 * 1024;
/// Bytes of a report.
pub(crate) const REPORT_MAX: usize = 24 * 1024;

/// Signals of other systems at once: alert and component.
pub(crate) const SIGNALS_MAX: usize = 64;
/// New ones in an hour: each is two entries of the record.
pub(crate) const SIGNALS_HOURLY: usize = 120;
/// An alert that is over counts for so long: one that flaps is one.
pub(crate) const SIGNAL_GONE_AFTER: Duration = Duration::from_secs(60);
/// An alert that is not heard of again for so long is over. An Alertmanager repeats what fires every four hours unless it is told
/// otherwise (`repeat_interval`).
pub(crate) const SIGNAL_SILENT_AFTER: Duration = Duration::from_hours(6);
/// Alerts of one post that are noted one by one, where they say nothing of a component.
pub(crate) const ALERTS_SHOWN: usize = 3;
/// Bytes of what an alert says.
pub(crate) const SIGNAL_TEXT_MAX: usize = 600;

/// Drafts of one report that are kept: each stays in the record, of which a start reads the newest 32 MiB alone.
pub(crate) const DRAFTS_MAX: u32 = 20;

/// There is news at the latest after so long (status-contracts, section 5).
pub(crate) const fn cadence(impact: Impact) -> Duration {
    match impact {
        Impact::Critical => Duration::from_secs(15 * 60),
        Impact::Major => Duration::from_secs(30 * 60),
        Impact::Minor | Impact::None => Duration::from_secs(60 * 60),
    }
}
