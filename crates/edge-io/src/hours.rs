//! The hour of the week in the time zone of the system.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::Timestamp;

/// Knows the hour of the week; asks for the time zone once a minute.
#[derive(Debug, Default)]
pub(crate) struct Hours {
    /// The minute since 1970 for which the hour was found.
    minute: Option<u64>,
    hour: Option<u8>,
}

impl Hours {
    /// The hour of the week, 0 (Monday, midnight) to 167; `None` in an hour that a change from summer time repeats.
    pub(crate) fn at(&mut self, wall: Timestamp) -> Option<u8> {
        let minute = wall.as_secs() / 60;
        if self.minute != Some(minute) {
            self.minute = Some(minute);
            self.hour = hour_of_week(wall, &TimeZone::system());
        }
        self.hour
    }
}

fn hour_of_week(wall: Timestamp, zone: &TimeZone) -> Option<u8> {
    let seconds = i64::try_from(wall.as_secs()).ok()?;
    let local = zone.to_datetime(jiff::Timestamp::from_second(seconds).ok()?);
    let within = |minute| DateTime::new(local.year(), local.month(), local.day(), local.hour(), minute, 0, 0);
    // Some zones change by half an hour.
    let is_repeated = [0, 59].into_iter().filter_map(|minute| within(minute).ok()).any(|time| {
        matches!(zone.to_ambiguous_timestamp(time).offset(), jiff::tz::AmbiguousOffset::Fold { .. })
    });
    if is_repeated {
        return None;
    }
    let day = u8::try_from(local.weekday().to_monday_zero_offset()).ok()?;
    Some(day * 24 + u8::try_from(local.hour()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_that_comes_twice_is_none() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let at = |text: &str| {
            let time: jiff::Timestamp = text.parse().unwrap();
            hour_of_week(Timestamp::from_secs(u64::try_from(time.as_second()).unwrap()), &berlin)
        };
        assert_eq!(at("2026-03-02T00:30:00+01:00"), Some(0), "a Monday");
        assert_eq!(at("2026-10-24T23:59:59+02:00"), Some(5 * 24 + 23));
        assert_eq!(at("2026-10-25T01:59:59+02:00"), Some(6 * 24 + 1));
        assert_eq!(at("2026-10-25T02:30:00+02:00"), None);
        assert_eq!(at("2026-10-25T02:30:00+01:00"), None);
        assert_eq!(at("2026-10-25T03:00:00+01:00"), Some(6 * 24 + 3));
        assert_eq!(at("2026-03-29T03:30:00+02:00"), Some(6 * 24 + 3), "the hour before it was left out");
    }
}
