//! Moments as forms have them: `2026-12-01T02:00`, taken as UTC.

use model::Timestamp;

/// Reads one; the time of day may have seconds, and a `Z` at its end.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let (date, time) = text.trim().trim_end_matches('Z').split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':').or_else(|| numbers(&format!("{time}:0"), ':'))?;
    let is_time = (1970..=9999).contains(&year) && hour < 24 && minute < 60 && second < 60;
    if !is_time || !(1..=12).contains(&month) || !(1..=month_days(year, month)).contains(&day) {
        return None;
    }
    let before = (1970..year).map(year_days).sum::<u64>();
    let days = before + (1..month).map(|month| month_days(year, month)).sum::<u64>() + day - 1;
    Some(Timestamp::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let read = |part: &str| part.parse().ok().filter(|_| part.len() <= 4 && !part.starts_with('+'));
    let numbers: Vec<u64> = text.split(between).map(read).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn year_days(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

const fn month_days(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use incident::Civil;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "2026-12-01",
            "2026-13-01T00:00",
            "2026-02-29T00:00",
            "2026-12-01T24:00",
            "1969-12-31T23:59",
            "2026-12-01T0",
            "x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_people_read_is_read_back(minutes in 0_u64..120_000_000) {
            let at = Timestamp::from_secs(minutes * 60);
            prop_assert_eq!(read(&Civil::of(at).rfc3339()[..16]), Some(at));
        }
    }
}
