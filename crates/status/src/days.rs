//! The last 90 days of a component: how each did, and the share of time in which it worked.
//!
//! A day is one of UTC. Downtime is the time of a major outage and three tenths of that of a partial one; what was announced and what was
//! only slow does not count. A day from before anybody watched is unknown, and so are the hours before.

use incident::{Component, Status};
use model::Timestamp;

use crate::dates;

/// Days that are shown, the present one among them.
pub(crate) const DAYS: usize = 90;

const DAY_MILLIS: u64 = 86_400_000;

/// One day.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Day {
    /// Its first moment.
    pub(crate) start: Timestamp,
    /// The worst of it; `None`: nobody watched.
    pub(crate) worst: Option<Status>,
    /// Milliseconds in which it was watched.
    watched: u64,
    /// Milliseconds of a major outage.
    major: u64,
    /// Milliseconds of a partial outage.
    partial: u64,
}

/// Days, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Days(pub(crate) Vec<Day>);

impl Day {
    /// Milliseconds that count as down.
    pub(crate) const fn downtime(&self) -> u64 {
        self.major.saturating_add(self.partial.saturating_mul(3).div_ceil(10))
    }

    /// `28 Nov 2026`.
    pub(crate) fn date(&self) -> String {
        dates::date(self.start)
    }

    /// How it did, in a word.
    pub(crate) fn label(&self) -> &'static str {
        self.worst.map_or("No data", Status::label)
    }
}

impl Days {
    /// The days that end at a moment.
    pub(crate) fn of(component: &Component, at: Timestamp) -> Self {
        let today = at.as_millis() / DAY_MILLIS;
        let first = today.saturating_sub(DAYS as u64 - 1);
        Self((first..=today).map(|number| day(component, number, at)).collect())
    }

    /// Each day as the worst of several; what a group shows.
    pub(crate) fn worst_of(all: &[Self]) -> Self {
        let mut worst = all.first().cloned().unwrap_or_default();
        for days in all {
            for (day, other) in worst.0.iter_mut().zip(&days.0) {
                day.worst = day.worst.max(other.worst);
            }
        }
        worst
    }

    /// `99.98 %`, never rounded up; `None`: nobody watched.
    pub(crate) fn share(&self) -> Option<String> {
        let watched: u128 = self.0.iter().map(|day| u128::from(day.watched)).sum();
        let down: u128 = self.0.iter().map(|day| u128::from(day.downtime())).sum();
        let parts = watched.saturating_sub(down) * 10_000;
        let parts = parts.checked_div(watched)?;
        Some(format!("{}.{:02}\u{A0}%", parts / 100, parts % 100))
    }

    /// How many days were watched, if only for a part of them.
    pub(crate) fn watched(&self) -> u64 {
        u64::try_from(self.0.iter().filter(|day| day.worst.is_some()).count()).unwrap_or_default()
    }

    /// Milliseconds that count as down, of all days.
    pub(crate) fn downtime(&self) -> u64 {
        self.0.iter().fold(0, |sum, day| sum.saturating_add(day.downtime()))
    }

    /// How many days did so: `86 days operational, 1 day partial outage, 3 days no data`.
    pub(crate) fn summary(&self) -> String {
        let kinds = [
            Some(Status::Operational),
            Some(Status::UnderMaintenance),
            Some(Status::DegradedPerformance),
            Some(Status::PartialOutage),
            Some(Status::MajorOutage),
            None,
        ];
        let counted = kinds.map(|kind| (kind, self.0.iter().filter(|day| day.worst == kind).count()));
        let told = counted.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| {
            let label = kind.map_or("No data", Status::label).to_lowercase();
            format!("{count} {} {label}", if *count == 1 { "day" } else { "days" })
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

fn day(component: &Component, number: u64, at: Timestamp) -> Day {
    let start = number.saturating_mul(DAY_MILLIS);
    let end = start.saturating_add(DAY_MILLIS).min(at.as_millis());
    let from = start.max(component.since.as_millis());
    let mut day = Day { start: Timestamp::from_millis(start), ..Day::default() };
    if component.since > at || component.since.as_millis() >= start.saturating_add(DAY_MILLIS) {
        return day;
    }
    day.watched = end.saturating_sub(from);
    day.worst = Some(Status::Operational);
    let within: Vec<(u64, u64, Status)> = component
        .troubles
        .iter()
        .map(|trouble| {
            let until = trouble.until.unwrap_or(at).as_millis();
            (trouble.from.as_millis().max(from), until.min(end), trouble.status)
        })
        .filter(|(begun, ended, _)| begun < ended)
        .collect();
    for (begun, ended, status) in apart(&within) {
        day.worst = day.worst.max(Some(status));
        match status {
            Status::MajorOutage => day.major += ended - begun,
            Status::PartialOutage => day.partial += ended - begun,
            Status::Operational | Status::UnderMaintenance | Status::DegradedPerformance => {}
        }
    }
    day
}

/// The same times without overlaps: where two met, the worse counts, and once.
fn apart(times: &[(u64, u64, Status)]) -> Vec<(u64, u64, Status)> {
    let mut cuts: Vec<u64> = times.iter().flat_map(|(begun, ended, _)| [*begun, *ended]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let pieces = cuts.windows(2).filter_map(|piece| {
        let covers = times.iter().filter(|(begun, ended, _)| *begun <= piece[0] && piece[1] <= *ended);
        covers.map(|(.., status)| *status).max().map(|worst| (piece[0], piece[1], worst))
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use incident::Trouble;

    use super::*;
    use crate::samples;

    #[test]
    fn an_hour_of_a_major_outage_counts_whole_and_of_a_partial_one_three_tenths() {
        check("major 0 60", "1 h", "99.95");
        check("partial 0 60", "18 min", "99.98");
        check("slow 0 600", "0 s", "100.00");
        check("announced 0 600", "0 s", "100.00");
    }

    #[test]
    fn times_that_overlap_count_once_as_the_worse() {
        check("major 0 60, partial 30 60, major 30 45", "1 h", "99.95");
        check("partial 0 60, major 50 60", "25 min", "99.98");
    }

    #[test]
    fn downtime_is_never_rounded_away() {
        check("major 0 1", "1 min", "99.99");
    }

    #[test]
    fn days_before_the_first_are_not_counted_as_good() {
        let at = samples::AT;
        let mut component = samples::component("api", "API");
        component.since = at.before(std::time::Duration::from_secs(10 * 86_400));
        let days = Days::of(&component, at);
        assert_eq!(days.summary(), "11 days operational, 79 days no data");
        component.since = at + std::time::Duration::from_secs(1);
        assert_eq!(Days::of(&component, at).share(), None);
    }

    #[test]
    fn a_day_is_as_bad_as_its_worst_minute() {
        let days = made("slow 0 600, major 10 11");
        let worst = days.0.iter().filter(|day| day.worst == Some(Status::MajorOutage)).count();
        assert_eq!((worst, days.0.len()), (1, DAYS));
    }

    /// `status from until, …`; minutes since the beginning of a day ten days ago.
    #[track_caller]
    fn check(script: &str, downtime: &str, share: &str) {
        let days = made(script);
        let down = dates::length(std::time::Duration::from_millis(days.downtime()));
        assert_eq!((down.as_str(), days.share()), (downtime, Some(format!("{share}\u{A0}%"))), "{script}");
    }

    fn made(script: &str) -> Days {
        let mut component = samples::component("api", "API");
        let start = (samples::AT.as_millis() / DAY_MILLIS - 10) * DAY_MILLIS;
        component.troubles = script.split(", ").map(|line| trouble(start, line)).collect();
        Days::of(&component, samples::AT)
    }

    fn trouble(start: u64, line: &str) -> Trouble {
        let words: Vec<&str> = line.split(' ').collect();
        let minute = |word: &str| word.parse::<u64>().expect("minutes are numbers") * 60_000;
        let status = match words[0] {
            "major" => Status::MajorOutage,
            "partial" => Status::PartialOutage,
            "slow" => Status::DegradedPerformance,
            _ => Status::UnderMaintenance,
        };
        let at = |word| Timestamp::from_millis(start + minute(word));
        Trouble { status, from: at(words[1]), until: Some(at(words[2])) }
    }
}
