//! What a machine elsewhere tells the gate: JSON, small, and believed only as far as it makes sense.

use std::time::Duration;

use model::{Instant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attempt::Answers;
use crate::board::{Reading, Verdict};

/// What an outpost sees and has seen.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Report {
    /// [`Report::FORMAT`].
    pub format: u32,
    /// When it was written, in milliseconds since the epoch.
    pub at: u64,
    /// How the site does by its public names.
    pub public: Seen,
    /// Times in which nobody could reach it and the outpost said so, oldest first.
    pub spells: Vec<SpellSeen>,
}

/// How something does.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Seen {
    /// [`Verdict::name`].
    pub verdict: String,
    /// In milliseconds since the epoch.
    pub since: u64,
    /// It is down, and the site itself answers, only not as it should.
    pub is_answered: bool,
}

/// A time in which nobody could reach the site.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct SpellSeen {
    /// Of the incident that the public was told of.
    pub id: String,
    /// In milliseconds since the epoch.
    pub from: u64,
    /// In milliseconds since the epoch; `None`: it goes on.
    pub until: Option<u64>,
}

/// Why a report is not taken. The outpost, or who stands between, is at fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReportError {
    /// It is too long.
    #[error("the outpost's report is longer than {} bytes", Report::BYTES_MAX)]
    TooLong,
    /// It is no JSON, or not what a report holds.
    #[error(
        "what the outpost answers is no report; is [outpost] url the address of its page, and is it the same version?"
    )]
    Unreadable,
    /// It is of another version.
    #[error("the outpost's report has format {0}, and this version reads {format}; run the same version on both", format = Report::FORMAT)]
    Format(u32),
    /// Its times cannot be.
    #[error(
        "the outpost's report is not of now; is its clock right, and does something before it keep old answers?"
    )]
    Times,
    /// It tells of too much.
    #[error("the outpost's report tells of more times than one has")]
    TooMuch,
}

impl Report {
    /// The only format so far.
    pub const FORMAT: u32 = 1;
    /// The longest report that is read.
    pub const BYTES_MAX: usize = 64 * 1024;
    /// Spells in a report; of more, the newest.
    pub const SPELLS_MAX: usize = 20;
    /// Where it is found on the outpost's page.
    pub const PATH: &str = "/outpost.json";

    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Numbers, texts and lists always have a form in JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what an outpost sent; `now` is the reader's wall clock. Times in which nobody could reach the site that cannot be are
    /// left out.
    ///
    /// # Errors
    ///
    /// See [`ReportError`].
    pub fn read(bytes: &[u8], now: Timestamp) -> Result<Self, ReportError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(ReportError::TooLong);
        }
        let mut report: Self = serde_json::from_slice(bytes).map_err(|_| ReportError::Unreadable)?;
        if report.format != Self::FORMAT {
            return Err(ReportError::Format(report.format));
        }
        if now.as_millis().abs_diff(report.at) > CLOCKS_APART.as_secs() * 1_000 {
            return Err(ReportError::Times);
        }
        if report.spells.len() > Self::SPELLS_MAX {
            return Err(ReportError::TooMuch);
        }
        report.public.since = report.public.since.min(report.at);
        let latest = report.at;
        let is_possible = |spell: &SpellSeen| {
            let until = spell.until.unwrap_or(spell.from);
            spell.from <= until && until <= latest && until - spell.from <= SPELL_MAX.as_secs() * 1_000
        };
        report.spells.retain(is_possible);
        Ok(report)
    }

    fn verdict(&self) -> Verdict {
        let known = Verdict::ALL.into_iter().find(|verdict| verdict.name() == self.public.verdict);
        known.unwrap_or_default()
    }
}

/// What the gate heard of an outpost.
#[derive(Clone, Debug, Default)]
pub struct Ear {
    last: Option<Report>,
    /// When a report last came that was written after the one before.
    moved: Option<Instant>,
    /// What it said when it last said that the site answers, in milliseconds since the epoch.
    reached: u64,
    /// The spells of the last report that were handed on.
    handed: Vec<SpellSeen>,
}

impl Ear {
    /// Takes a report: the spells in it that are over and were not handed on before. `None` for one that was written no later than
    /// the last: it is a copy that somebody kept, and tells nothing.
    pub fn take(&mut self, report: Report, now: Instant) -> Option<Vec<SpellSeen>> {
        if self.last.as_ref().is_some_and(|last| report.at <= last.at) {
            return None;
        }
        self.moved = Some(now);
        if matches!(report.verdict(), Verdict::Up | Verdict::Degraded) {
            self.reached = report.at;
        }
        let over: Vec<SpellSeen> =
            report.spells.iter().filter(|spell| spell.until.is_some()).cloned().collect();
        let spells = over.iter().filter(|spell| !self.handed.contains(spell)).cloned().collect();
        (self.handed, self.last) = (over, Some(report));
        Some(spells)
    }

    /// What the outpost sees now; not known when nothing new was heard for long. What it said to be reached was not out of reach.
    pub fn reading(&self, now: Instant) -> Reading {
        let Some(last) = self.last.as_ref().filter(|_| self.is_fresh(now)) else { return Reading::default() };
        let since = Timestamp::from_millis(last.public.since.max(self.reached));
        let answers = if last.public.is_answered { Answers::Site } else { Answers::Nothing };
        Reading { verdict: last.verdict(), since, answers, ..Reading::default() }
    }

    /// Whether something new was heard of the outpost lately.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.moved.is_some_and(|moved| now.since(moved) <= FRESH_FOR)
    }
}

/// Clocks of two machines may differ by so much.
const CLOCKS_APART: Duration = Duration::from_secs(300);
/// A spell that is longer is none.
const SPELL_MAX: Duration = Duration::from_secs(90 * 86_400);
/// Reports are written at least every 30 s.
const FRESH_FOR: Duration = Duration::from_secs(90);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_886_641);

    fn report(spells: Vec<SpellSeen>) -> Report {
        let public = Seen { verdict: "down".to_owned(), since: NOW.as_millis(), is_answered: false };
        Report { format: 1, at: NOW.as_millis(), public, spells }
    }

    /// The same, written so many seconds later.
    fn later(seconds: u64, report: Report) -> Report {
        Report { at: report.at + seconds * 1_000, ..report }
    }

    fn spell(from: u64, until: Option<u64>) -> SpellSeen {
        let millis = |second: u64| NOW.as_millis() - 10_000_000 + second * 1_000;
        SpellSeen { id: "a".to_owned(), from: millis(from), until: until.map(millis) }
    }

    #[test]
    fn what_is_written_is_read_and_what_cannot_be_is_refused() {
        let good = report(vec![spell(0, Some(60)), spell(90, None)]);
        assert_eq!(Report::read(&good.to_bytes(), NOW), Ok(good));
        let (backwards, future) = (spell(60, Some(0)), spell(0, Some(20_000)));
        let mixed = report(vec![backwards, spell(0, Some(60)), future]).to_bytes();
        let read = Report::read(&mixed, NOW).unwrap();
        assert_eq!(read.spells, [spell(0, Some(60))], "one that cannot be spoils none that can");
        let many = report(vec![spell(0, None); 21]).to_bytes();
        assert_eq!(Report::read(&many, NOW), Err(ReportError::TooMuch));
        let old = report(Vec::new()).to_bytes();
        assert_eq!(Report::read(&old, NOW + Duration::from_secs(301)), Err(ReportError::Times));
        assert_eq!(Report::read(&old, NOW.before(Duration::from_secs(301))), Err(ReportError::Times));
        let public = Seen { since: NOW.as_millis() + 1, ..report(Vec::new()).public };
        let ahead = Report { public, ..report(Vec::new()) }.to_bytes();
        assert_eq!(Report::read(&ahead, NOW).unwrap().public.since, NOW.as_millis());
        let newer = Report { format: 2, ..report(Vec::new()) }.to_bytes();
        assert_eq!(Report::read(&newer, NOW), Err(ReportError::Format(2)));
        assert_eq!(Report::read(b"<html>", NOW), Err(ReportError::Unreadable));
        assert_eq!(Report::read(&vec![b' '; Report::BYTES_MAX + 1], NOW), Err(ReportError::TooLong));
    }

    #[test]
    fn a_spell_is_handed_on_once_when_it_is_over() {
        let (mut ear, now) = (Ear::default(), Instant::from_secs(5));
        assert_eq!(ear.take(report(vec![spell(0, None)]), now), Some(vec![]));
        let over = spell(0, Some(60));
        assert_eq!(ear.take(later(1, report(vec![over.clone()])), now), Some(vec![over.clone()]));
        assert_eq!(ear.take(later(2, report(vec![over.clone()])), now), Some(vec![]));
        let earlier = SpellSeen { id: "b".to_owned(), ..spell(0, Some(30)) };
        let both = report(vec![earlier.clone(), over]);
        assert_eq!(ear.take(later(3, both), now), Some(vec![earlier]), "whenever it was");
    }

    #[test]
    fn an_outpost_that_stopped_writing_is_not_believed_for_long() {
        let mut ear = Ear::default();
        assert_eq!(ear.reading(Instant::from_secs(1)).verdict, Verdict::Unknown);
        ear.take(report(Vec::new()), Instant::from_secs(1));
        assert_eq!(ear.reading(Instant::from_secs(60)).verdict, Verdict::Down);
        assert_eq!(ear.take(report(Vec::new()), Instant::from_secs(91)), None);
        assert_eq!(ear.reading(Instant::from_secs(92)).verdict, Verdict::Unknown, "the same report again");
    }

    #[test]
    fn an_answer_that_somebody_kept_changes_nothing_and_what_was_reached_was_not_out_of_reach() {
        let (mut ear, now) = (Ear::default(), Instant::from_secs(1));
        let mut up = later(10, report(Vec::new()));
        up.public.verdict = "up".to_owned();
        ear.take(up, now);
        assert_eq!(ear.take(report(Vec::new()), now), None);
        assert_eq!(ear.reading(now).verdict, Verdict::Up);
        ear.take(later(20, report(Vec::new())), now);
        let reading = ear.reading(now);
        assert_eq!((reading.verdict, reading.since), (Verdict::Down, NOW + Duration::from_secs(10)));
    }

    proptest! {
        #[test]
        fn anything_can_be_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _whatever = Report::read(&bytes, NOW);
        }
    }
}
