//! What a machine elsewhere tells the gate: JSON, small, and believed only as far as it makes sense.

use std::time::Duration;

use model::{Instant, Timestamp};
use serde::{Deserialize, Serialize};

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
    #[error("the outpost's report tells of times that cannot be; is its clock right?")]
    Times,
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

    /// Reads what an outpost sent; `now` is the reader's wall clock.
    ///
    /// # Errors
    ///
    /// See [`ReportError`].
    pub fn read(bytes: &[u8], now: Timestamp) -> Result<Self, ReportError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(ReportError::TooLong);
        }
        let report: Self = serde_json::from_slice(bytes).map_err(|_| ReportError::Unreadable)?;
        if report.format != Self::FORMAT {
            return Err(ReportError::Format(report.format));
        }
        let latest = (now + CLOCKS_APART).as_millis();
        let is_possible = |spell: &SpellSeen| {
            let until = spell.until.unwrap_or(spell.from);
            spell.from <= until && until <= latest && until - spell.from <= SPELL_MAX.as_secs() * 1_000
        };
        if report.spells.len() > Self::SPELLS_MAX || !report.spells.iter().all(is_possible) {
            return Err(ReportError::Times);
        }
        Ok(report)
    }

    fn reading(&self) -> Reading {
        let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.name() == self.public.verdict);
        let since = Timestamp::from_millis(self.public.since);
        Reading { verdict: verdict.unwrap_or_default(), since, ..Reading::default() }
    }
}

/// What the gate heard of an outpost.
#[derive(Clone, Debug, Default)]
pub struct Ear {
    last: Option<Report>,
    /// When a report last came that was written after the one before.
    moved: Option<Instant>,
    /// Until when spells were handed on.
    handed: u64,
}

impl Ear {
    /// Takes a report: the spells in it that are over and were not handed on before.
    pub fn take(&mut self, report: Report, now: Instant) -> Vec<SpellSeen> {
        if self.last.as_ref().is_none_or(|last| last.at != report.at) {
            self.moved = Some(now);
        }
        let handed = self.handed;
        let is_new = |spell: &&SpellSeen| spell.until.is_some_and(|until| until > handed);
        let spells: Vec<SpellSeen> = report.spells.iter().filter(is_new).cloned().collect();
        self.handed = spells.iter().filter_map(|spell| spell.until).max().unwrap_or(handed);
        self.last = Some(report);
        spells
    }

    /// What the outpost sees now; not known when nothing new was heard for long.
    pub fn reading(&self, now: Instant) -> Reading {
        self.last.as_ref().filter(|_| self.is_fresh(now)).map(Report::reading).unwrap_or_default()
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
        let public = Seen { verdict: "down".to_owned(), since: NOW.as_millis() };
        Report { format: 1, at: NOW.as_millis(), public, spells }
    }

    fn spell(from: u64, until: Option<u64>) -> SpellSeen {
        let millis = |second: u64| NOW.as_millis() - 10_000_000 + second * 1_000;
        SpellSeen { id: "a".to_owned(), from: millis(from), until: until.map(millis) }
    }

    #[test]
    fn what_is_written_is_read_and_what_cannot_be_is_refused() {
        let good = report(vec![spell(0, Some(60)), spell(90, None)]);
        assert_eq!(Report::read(&good.to_bytes(), NOW), Ok(good));
        let backwards = report(vec![spell(60, Some(0))]).to_bytes();
        assert_eq!(Report::read(&backwards, NOW), Err(ReportError::Times));
        let future = report(vec![spell(0, Some(20_000))]).to_bytes();
        assert_eq!(Report::read(&future, NOW), Err(ReportError::Times));
        let many = report(vec![spell(0, None); 21]).to_bytes();
        assert_eq!(Report::read(&many, NOW), Err(ReportError::Times));
        let newer = Report { format: 2, ..report(Vec::new()) }.to_bytes();
        assert_eq!(Report::read(&newer, NOW), Err(ReportError::Format(2)));
        assert_eq!(Report::read(b"<html>", NOW), Err(ReportError::Unreadable));
        assert_eq!(Report::read(&vec![b' '; Report::BYTES_MAX + 1], NOW), Err(ReportError::TooLong));
    }

    #[test]
    fn a_spell_is_handed_on_once_when_it_is_over() {
        let (mut ear, now) = (Ear::default(), Instant::from_secs(5));
        assert_eq!(ear.take(report(vec![spell(0, None)]), now), []);
        let over = spell(0, Some(60));
        assert_eq!(ear.take(report(vec![over.clone()]), now), vec![over.clone()]);
        assert_eq!(ear.take(report(vec![over]), now), []);
    }

    #[test]
    fn an_outpost_that_stopped_writing_is_not_believed_for_long() {
        let mut ear = Ear::default();
        assert_eq!(ear.reading(Instant::from_secs(1)).verdict, Verdict::Unknown);
        ear.take(report(Vec::new()), Instant::from_secs(1));
        assert_eq!(ear.reading(Instant::from_secs(60)).verdict, Verdict::Down);
        ear.take(report(Vec::new()), Instant::from_secs(91));
        assert_eq!(ear.reading(Instant::from_secs(92)).verdict, Verdict::Unknown, "the same report again");
    }

    proptest! {
        #[test]
        fn anything_can_be_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _whatever = Report::read(&bytes, NOW);
        }
    }
}
