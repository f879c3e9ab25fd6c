//! Numbers, times and texts as people read them on the phone.

use model::{Timestamp, Untrusted};

use crate::facts::Zone;
use crate::measure::Measure;

/// `941 Mbit/s`, with three digits that count.
pub(crate) fn bits(rate: u64) -> String {
    let unit = |name: &str, scale: u64| format!("{} {name}", three(rate, scale));
    match rate {
        0..1_000 => format!("{rate} bit/s"),
        1_000..1_000_000 => unit("kbit/s", 1_000),
        1_000_000..1_000_000_000 => unit("Mbit/s", 1_000_000),
        _ => unit("Gbit/s", 1_000_000_000),
    }
}

/// A rate in the unit of its measure.
pub(crate) fn rate(measure: Measure, rate: u64) -> String {
    if measure.is_bits() { bits(rate) } else { format!("{}/s", count(rate)) }
}

/// A count with its thousands apart.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Hundredths of a whole, rounded down; at most 999.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    let share = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(999).min(999)
}

/// A moment by the clock on the wall, and in UTC, because the one who listens may sit in another zone.
pub(crate) fn moment(at: Timestamp, zone: &Zone) -> String {
    let utc = format!("{} UTC", stamp(at.as_secs()));
    if zone.offset_seconds == 0 {
        return utc;
    }
    let local = at.as_secs().saturating_add_signed(zone.offset_seconds.into());
    let (sign, minutes) = (sign(zone.offset_seconds), zone.offset_seconds.unsigned_abs() / 60);
    format!("{} UTC{sign}{:02}:{:02} ({utc})", stamp(local), minutes / 60, minutes % 60)
}

/// `01:12:05`, in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    stamp(at.as_secs())[11..].to_owned()
}

/// RFC 3339, in UTC.
pub(crate) fn iso(at: Timestamp) -> String {
    format!("{}Z", stamp(at.as_secs()).replace(' ', "T"))
}

/// A duration in its two largest units.
pub(crate) fn span(seconds: u64) -> String {
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        86_400.. => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// Text that somebody else may have chosen: one line, nothing that moves a cursor, short.
pub(crate) fn line(text: &str) -> String {
    let shown = Untrusted::from(text).to_string();
    match shown.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// `2026-11-29 00:12:05`.
fn stamp(seconds: u64) -> String {
    // No clock is beyond the year 9999.
    let civil = Civil::of(seconds.min(253_402_300_799));
    let Civil { year, month, day, second } = civil;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

const fn sign(offset: i32) -> char {
    if offset < 0 { '-' } else { '+' }
}

fn three(rate: u64, scale: u64) -> String {
    // In hundredths.
    let hundredths = u64::try_from(u128::from(rate) * 100 / u128::from(scale)).unwrap_or(u64::MAX);
    match hundredths {
        0..1_000 => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        1_000..10_000 => format!("{}.{}", hundredths / 100, hundredths % 100 / 10),
        _ => count(hundredths / 100),
    }
}

/// A day of the Gregorian calendar, and the seconds since its midnight.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    second: u64,
}

impl Civil {
    const fn of(seconds: u64) -> Self {
        // Years that begin in March, in eras of 400 years: leap days come last in both.
        let days = seconds / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
        Self { year, month, day: day_of_year - (153 * shifted + 2) / 5 + 1, second: seconds % 86_400 }
    }
}

const LINE_CHARS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_and_times_are_those_that_people_say() {
        let shown =
            [999, 1_500, 9_410_000, 94_100_000, 941_000_000, 9_999_999_999, 400_000_000_000].map(bits);
        assert_eq!(
            shown.join(", "),
            "999 bit/s, 1.50 kbit/s, 9.41 Mbit/s, 94.1 Mbit/s, 941 Mbit/s, 9.99 Gbit/s, 400 Gbit/s"
        );
        let at = Timestamp::from_secs(1_795_911_125);
        let zone = |offset_seconds| Zone { offset_seconds };
        assert_eq!(moment(at, &zone(3_600)), "2026-11-29 01:12:05 UTC+01:00 (2026-11-29 00:12:05 UTC)");
        assert_eq!(moment(at, &zone(-12_600)), "2026-11-28 20:42:05 UTC-03:30 (2026-11-29 00:12:05 UTC)");
        assert_eq!(moment(at, &zone(0)), "2026-11-29 00:12:05 UTC");
        assert_eq!([5, 65, 3_720, 90_000].map(span).join(", "), "5 s, 1 min 5 s, 1 h 2 min, 1 d 1 h");
        assert_eq!([percent(999, 1_000), percent(u64::MAX, 1), percent(1, 0)], [99, 999, 100]);
    }

    proptest! {
        #[test]
        fn whatever_somebody_chose_is_one_short_line(text in any::<String>()) {
            let shown = line(&text);
            prop_assert!(shown.chars().count() <= LINE_CHARS_MAX + 1);
            prop_assert!(!shown.chars().any(char::is_control));
        }

        #[test]
        fn any_moment_and_rate_can_be_shown(at: u64, offset in -90_000_i32..90_000, rate: u64) {
            let shown = moment(Timestamp::from_millis(at), &Zone { offset_seconds: offset });
            prop_assert!(shown.len() < 80);
            prop_assert!(bits(rate).len() < 24);
        }
    }
}
