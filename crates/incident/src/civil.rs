//! Dates of the Gregorian calendar in UTC, without asking a machine for anything.

use model::Timestamp;

/// A moment as people write it, in UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Civil {
    /// 1970 or later.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
    /// 0 to 999.
    pub milli: u64,
}

impl Civil {
    /// The date and time of a moment.
    pub const fn of(at: Timestamp) -> Self {
        let millis = at.as_millis();
        let (seconds, milli) = (millis / 1_000, millis % 1_000);
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        // Years that begin in March, in eras of 400 years: leap days come last in both.
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: era * 400 + year_of_era + if month <= 2 { 1 } else { 0 },
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
            milli,
        }
    }

    /// `2026-11-28T17:24:01.190Z` (RFC 3339).
    pub fn rfc3339(self) -> String {
        let Self { year, month, day, hour, minute, second, milli } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }

    /// `28 Nov 2026`.
    pub fn date(self) -> String {
        format!("{} {} {}", self.day, self.month_name(), self.year)
    }

    /// `17:24 UTC`.
    pub fn clock(self) -> String {
        format!("{:02}:{:02} UTC", self.hour, self.minute)
    }

    /// `28 Nov 2026 17:24:01 UTC`.
    pub fn second(self) -> String {
        format!("{} {:02}:{:02}:{:02} UTC", self.date(), self.hour, self.minute, self.second)
    }

    /// `Nov`.
    pub fn month_name(self) -> &'static str {
        usize::try_from(self.month).ok().and_then(|month| MONTHS.get(month - 1)).copied().unwrap_or_default()
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let shown = |secs| Civil::of(Timestamp::from_secs(secs)).rfc3339();
        assert_eq!(shown(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(shown(1_709_251_199), "2024-02-29T23:59:59.000Z");
        assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00.000Z");
        assert_eq!(shown(1_795_886_641), "2026-11-28T17:24:01.000Z");
    }

    #[test]
    fn people_read_the_zone() {
        let civil = Civil::of(Timestamp::from_secs(1_795_886_641));
        assert_eq!((civil.date(), civil.clock()), ("28 Nov 2026".to_owned(), "17:24 UTC".to_owned()));
    }
}
