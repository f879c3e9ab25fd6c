//! Moments and durations as people read them. The zone is always said.

use std::time::Duration;

use incident::Civil;
use model::Timestamp;

/// `2026-11-28T17:24:01.190Z`.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    Civil::of(at).rfc3339()
}

/// `28 Nov 2026, 17:24 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    let civil = Civil::of(at);
    format!("{}, {}", civil.date(), civil.clock())
}

/// `28 Nov 2026`.
pub(crate) fn date(at: Timestamp) -> String {
    Civil::of(at).date()
}

/// `17:24 UTC`.
pub(crate) fn clock(at: Timestamp) -> String {
    Civil::of(at).clock()
}

/// `2026-11-28`.
pub(crate) fn iso_date(at: Timestamp) -> String {
    let mut text = rfc3339(at);
    text.truncate(text.find('T').unwrap_or(text.len()));
    text
}

/// `November 2026`.
pub(crate) fn month(year: u64, month: u64) -> String {
    let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    format!("{} {year}", name.copied().unwrap_or_default())
}

/// From one moment to another, without saying the day twice: `28 Nov 2026, 17:24–18:02 UTC`.
pub(crate) fn span(from: Timestamp, until: Timestamp) -> String {
    if date(from) == date(until) {
        let clock = clock(from);
        format!("{}, {}–{}", date(from), clock.trim_end_matches(" UTC"), self::clock(until))
    } else {
        format!("{} – {}", moment(from), moment(until))
    }
}

/// How long it was from one moment to another, so that readers who subtract what the clock showed get the same.
pub(crate) fn lasted(from: Timestamp, until: Timestamp) -> String {
    match (until.as_secs() / 60).saturating_sub(from.as_secs() / 60) {
        0 => length(until.since(from)),
        minutes => length(Duration::from_secs(60 * minutes)),
    }
}

/// `2 h 5 min`. Two units at most, and never less than what passed rounded to the smaller of them.
pub(crate) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let minutes = (seconds + 30) / 60;
    match (seconds, minutes) {
        (0..60, _) => format!("{seconds} s"),
        (_, 0..60) => format!("{minutes} min"),
        (_, 60..2_880) if minutes.is_multiple_of(60) => format!("{} h", minutes / 60),
        (_, 60..2_880) => format!("{} h {} min", minutes / 60, minutes % 60),
        (..) => format!("{} days {} h", minutes / 1_440, minutes / 60 % 24),
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_says_the_day_once() {
        let at = |secs: u64| Timestamp::from_secs(1_795_886_641 + secs);
        assert_eq!(span(at(0), at(2_400)), "28 Nov 2026, 17:24–18:04 UTC");
        assert_eq!(span(at(0), at(86_400)), "28 Nov 2026, 17:24 UTC – 29 Nov 2026, 17:24 UTC");
        assert_eq!((iso_date(at(0)), month(2026, 11)), ("2026-11-28".to_owned(), "November 2026".to_owned()));
    }

    #[test]
    fn lengths_have_two_units_at_most() {
        let shown = |secs| length(Duration::from_secs(secs));
        assert_eq!(shown(59), "59 s");
        assert_eq!(shown(61), "1 min");
        assert_eq!(shown(3_599), "1 h");
        assert_eq!(shown(7_500), "2 h 5 min");
        assert_eq!(shown(200_000), "2 days 7 h");
    }

    #[test]
    fn what_lasted_is_what_the_clock_showed() {
        let lasted = |from, until| lasted(Timestamp::from_secs(from), Timestamp::from_secs(until));
        assert_eq!(
            (lasted(59, 120), lasted(0, 119), lasted(10, 50)),
            ("2 min".to_owned(), "1 min".to_owned(), "40 s".to_owned())
        );
    }
}
