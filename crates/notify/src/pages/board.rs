//! What was seen on a page elsewhere when it was last looked at.

use std::collections::{BTreeMap, BTreeSet};

use incident::{PublicId, Status};
use model::{Instant, Timestamp};

/// What was seen there.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    /// When the last whole look ended; `None`: nothing is sure.
    pub(super) looked: Option<Instant>,
    /// Something was said here while it was looked at: what was seen is older than that.
    pub(super) is_overtaken: bool,
    pub(super) incidents: Vec<There>,
    /// Where maintenances are a list of their own.
    pub(super) works: Vec<There>,
    /// `None`: in a state that we do not know.
    pub(super) components: BTreeMap<String, Option<Status>>,
    /// Incidents whose report may be written: none is there, or one of ours that nobody has published.
    pub(super) reports: BTreeSet<String>,
}

/// The report of an incident, as it is there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ThereReport {
    /// Empty: there is none.
    pub(super) text: String,
    pub(super) is_published: bool,
}

/// An incident or maintenance, as it is there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct There {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_over: bool,
    /// When it began, or is to begin.
    pub(super) started: Option<Timestamp>,
    /// What we attached to it: whose it is, and what was written last.
    pub(super) mark: Option<Mark>,
    /// All that is attached to it, by whomever.
    pub(super) metadata: serde_json::Map<String, serde_json::Value>,
    pub(super) updates: Vec<ThereUpdate>,
}

/// What we attach where that is possible.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    pub(super) of: PublicId,
    pub(super) update: Option<PublicId>,
}

/// Something that was said there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ThereUpdate {
    pub(super) id: String,
    pub(super) body: String,
    /// As our stages are called; others as they are there, in lower case.
    pub(super) stage: String,
    pub(super) started: Option<Timestamp>,
}

/// A part of a look.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The newest incidents.
    Incidents,
    /// The newest maintenances, where they are a list of their own.
    Works,
    /// So many components; from 1.
    Components(u32),
    /// One that was not among the newest.
    Incident(String),
    /// The report of one of ours, which has that id there.
    Report(PublicId, String),
}

impl Board {
    pub(super) fn incident(&self, there: &str) -> Option<&There> {
        self.incidents.iter().find(|found| found.id == there)
    }

    /// Maintenances, wherever they are.
    pub(super) fn work(&self, there: &str) -> Option<&There> {
        self.works.iter().find(|found| found.id == there).or_else(|| self.incident(there))
    }

    /// Replaces or adds one.
    pub(super) fn put(&mut self, found: There) {
        match self.incidents.iter_mut().find(|known| known.id == found.id) {
            Some(known) => *known = found,
            None => self.incidents.push(found),
        }
    }
}

/// An id there, which is put into addresses.
pub(super) fn plain_id(value: &serde_json::Value) -> Option<String> {
    let id = value.as_str()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    ((1..=64).contains(&id.len()) && id.bytes().all(is_plain)).then(|| id.to_owned())
}

/// A moment as web servers write it; `None` if it is none.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once('T')?;
    let mut parts = date.split('-').map(|part| part.parse::<u16>().ok().map(i64::from));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let zone = rest.find(['Z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone);
    let offset = match zone.split_at(1) {
        ("Z", "") => 0,
        (sign, zone) => {
            let (hours, minutes) = zone.split_once(':')?;
            let minutes = i64::from(hours.parse::<u8>().ok()?) * 60 + i64::from(minutes.parse::<u8>().ok()?);
            if sign == "-" { -minutes } else { minutes }
        }
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = time.split(':').map(|part| part.parse::<u8>().ok().map(i64::from));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_plain = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_plain || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let minutes = (days(year, month, day) * 24 + hour) * 60 + minute - offset;
    let millis = (minutes * 60 + second) * 1_000 + fraction;
    u64::try_from(millis).ok().map(Timestamp::from_millis)
}

/// Days since 1970 of a date of the Gregorian calendar.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use incident::Civil;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_of_others_are_read_with_their_zones() {
        let same =
            ["2026-11-28T14:33:05.120Z", "2026-11-28T15:33:05.12+01:00", "2026-11-28T07:33:05.120456-07:00"];
        for text in same {
            assert_eq!(moment(text), Some(Timestamp::from_millis(1_795_876_385_120)), "{text}");
        }
        for text in ["", "yesterday", "2026-11-28", "2026-13-01T00:00:00Z", "2026-11-28T00:00:00"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_we_write_we_read(millis in 0_u64..4_000_000_000_000) {
            let at = Timestamp::from_millis(millis);
            prop_assert_eq!(moment(&Civil::of(at).rfc3339()), Some(at));
        }

        #[test]
        fn anything_can_be_read_without_harm(text in ".{0,40}", zone in "[0-9:T.Z+-]{0,40}") {
            let _whatever = (moment(&text), moment(&zone));
        }
    }
}
