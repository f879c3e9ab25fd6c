//! What attempts say of each target, and targets of the whole.

use std::collections::VecDeque;

use model::{Instant, Timestamp};

use crate::attempt::{Answers, Attempt, Failure};
use crate::target::{Shows, Target};

/// How a target does, or several. The order is from best to worst, after what is not known.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// Too little was tried, or too long ago.
    #[default]
    Unknown,
    /// It answers.
    Up,
    /// It answers, but not always; or its certificate ends soon; or some targets are down.
    Degraded,
    /// It does not answer.
    Down,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Up, Self::Degraded, Self::Down];

    /// As in JSON and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

/// How something does, and since when.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reading {
    /// How.
    pub verdict: Verdict,
    /// Since when: of what is down, when the first of the attempts began that failed without one in between that did not.
    pub since: Timestamp,
    /// The same moment, for durations: the wall clock may be set meanwhile.
    pub begun: Instant,
    /// Some targets are down, not all.
    pub is_partly_down: bool,
    /// What answers where it is down.
    pub answers: Answers,
}

impl Reading {
    /// Whether the site itself answers, be it not as it should.
    pub const fn can_be_reached(&self) -> bool {
        match self.verdict {
            Verdict::Unknown => false,
            Verdict::Up | Verdict::Degraded => true,
            Verdict::Down => matches!(self.answers, Answers::Site),
        }
    }
}

/// All targets of a machine, with what was tried of them.
#[derive(Clone, Debug)]
pub struct Board {
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    target: Target,
    /// Newest first.
    attempts: VecDeque<Attempt>,
    /// When the first of those began that failed in a row.
    failing_since: Option<(Instant, Timestamp)>,
    /// When the first of those ended that were good in a row.
    good_since: Option<Instant>,
    verdict: Verdict,
    since: (Instant, Timestamp),
}

impl Board {
    /// Nothing was tried yet.
    pub fn new(targets: Vec<Target>) -> Self {
        let row = |target| Row {
            target,
            attempts: VecDeque::with_capacity(KEPT),
            failing_since: None,
            good_since: None,
            verdict: Verdict::Unknown,
            since: (Instant::ORIGIN, Timestamp::default()),
        };
        Self { rows: targets.into_iter().map(row).collect() }
    }

    /// Takes an attempt at the target of this number; whether its verdict is another now.
    pub fn take(&mut self, target: usize, attempt: Attempt) -> bool {
        self.rows.get_mut(target).is_some_and(|row| row.take(attempt))
    }

    /// The targets with how they do, why the last attempt failed if it did, and how long it took.
    pub fn rows(&self, now: Instant) -> impl Iterator<Item = (&Target, Reading, Option<&Attempt>)> {
        self.rows.iter().map(move |row| (&row.target, row.reading(now), row.attempts.front()))
    }

    /// Why the last attempt at a target failed; `None`: it did not.
    pub fn failure(&self, target: usize) -> Option<&Failure> {
        self.rows.get(target)?.attempts.front()?.outcome.as_ref().err()
    }

    /// Whether another attempt at a target would tell more: the last ones say something else than its verdict.
    pub fn is_unsure(&self, target: usize) -> bool {
        self.rows.get(target).is_some_and(Row::is_unsure)
    }

    /// How all that tells of the same does: down when every target is of which anything is known.
    ///
    /// A name that leads somewhere keeps nothing up that does not answer, and what may be this machine's own fault is not known.
    pub fn reading(&self, shows: Shows, now: Instant) -> Reading {
        let of = || self.rows.iter().filter(|row| row.target.shows == shows);
        let asks = of().any(|row| !row.target.is_name_only());
        let known: Vec<(bool, Reading)> = of()
            .filter(|row| !row.may_be_here())
            .map(|row| (!(asks && row.target.is_name_only()), row.reading(now)))
            .filter(|(_, reading)| reading.verdict != Verdict::Unknown)
            .collect();
        let counting = || known.iter().filter(|(counts, _)| *counts).map(|(_, reading)| reading);
        if counting().next().is_none() {
            return Reading::default();
        }
        let is_down = counting().all(|reading| reading.verdict == Verdict::Down);
        let known: Vec<Reading> = known.iter().map(|(_, reading)| *reading).collect();
        let down = || known.iter().filter(|reading| reading.verdict == Verdict::Down);
        let is_partly_down = !is_down && down().next().is_some();
        let worst = known.iter().map(|reading| reading.verdict).max().unwrap_or_default();
        let verdict = if is_down { Verdict::Down } else { worst.min(Verdict::Degraded) };
        let latest = known.iter().max_by_key(|reading| reading.begun).copied().unwrap_or_default();
        let answers = down().map(|reading| reading.answers).max().unwrap_or_default();
        Reading { verdict, since: latest.since, begun: latest.begun, is_partly_down, answers }
    }

    /// How the site does by its public name as far as this machine can be believed: that it is down only if something else answered
    /// before and while it did not.
    pub fn from_outside(&self, now: Instant) -> Reading {
        let reading = self.reading(Shows::Public, now);
        if reading.verdict == Verdict::Down && !self.is_way_out_open(reading.begun, now) {
            return Reading::default();
        }
        reading
    }

    /// Whether something that has nothing to do with the site answered before all attempts began that tell that the site is down
    /// since then, and after the first of them was over.
    fn is_way_out_open(&self, down: Instant, now: Instant) -> bool {
        let of = |shows| self.rows.iter().filter(move |row| row.target.shows == shows && row.is_fresh(now));
        let longest = of(Shows::Public).map(|row| row.target.within).max().unwrap_or_default();
        let first = of(Shows::Public).filter_map(|row| row.telling().last()).map(Attempt::begun).min();
        let is_open = |row: &Row| {
            let is_later = row.attempts.front().is_some_and(|last| last.begun() >= down + longest);
            let is_before = row.good_since.zip(first).is_some_and(|(since, first)| since <= first);
            is_later && is_before
        };
        of(Shows::Control).any(is_open)
    }
}

impl Row {
    fn take(&mut self, attempt: Attempt) -> bool {
        let begun = (attempt.begun(), attempt.began);
        self.failing_since = attempt.outcome.is_err().then(|| self.failing_since.unwrap_or(begun));
        self.good_since = attempt.outcome.is_ok().then(|| self.good_since.unwrap_or(attempt.ended));
        self.attempts.truncate(KEPT - 1);
        self.attempts.push_front(attempt);
        let verdict = self.judge(begun.1);
        let has_changed = verdict != self.verdict;
        if has_changed {
            self.since = self.failing_since.filter(|_| verdict == Verdict::Down).unwrap_or(begun);
            self.verdict = verdict;
        }
        has_changed
    }

    fn judge(&self, now: Timestamp) -> Verdict {
        match (self.in_a_row(false), self.in_a_row(true)) {
            (failed, _) if failed >= FAILED_TELL => Verdict::Down,
            (1.., _) if self.verdict == Verdict::Unknown => Verdict::Unknown,
            (_, good) if self.verdict == Verdict::Down && good < GOOD_TELL => Verdict::Down,
            // What was down is up again, whatever was before.
            (0, _) if matches!(self.verdict, Verdict::Down | Verdict::Up) => self.well(now),
            (0, good) if good == self.attempts.len() => self.well(now),
            _ => Verdict::Degraded,
        }
    }

    /// It answers; that its certificate ends is worth a word.
    fn well(&self, now: Timestamp) -> Verdict {
        let ends = self.attempts.front().and_then(|last| last.outcome.as_ref().ok()?.certificate_ends);
        let is_short = ends.is_some_and(|ends| ends.since(now) < self.target.certificate_left);
        if is_short { Verdict::Degraded } else { Verdict::Up }
    }

    fn in_a_row(&self, is_good: bool) -> usize {
        self.attempts.iter().take_while(|attempt| attempt.outcome.is_ok() == is_good).count()
    }

    fn is_unsure(&self) -> bool {
        let failed = self.in_a_row(false);
        match self.verdict {
            Verdict::Down => self.in_a_row(true) > 0,
            Verdict::Unknown | Verdict::Up | Verdict::Degraded => failed > 0,
        }
    }

    fn reading(&self, now: Instant) -> Reading {
        let verdict = if self.is_fresh(now) { self.verdict } else { Verdict::Unknown };
        let answered =
            self.telling().map(|last| last.outcome.as_ref().map_or_else(Failure::answers, |_| Answers::Site));
        let answers = answered.max().filter(|_| verdict == Verdict::Down).unwrap_or_default();
        let (begun, since) = self.since;
        Reading { verdict, since, begun, is_partly_down: false, answers }
    }

    fn is_fresh(&self, now: Instant) -> bool {
        let fresh_for = (self.target.every + self.target.within) * STALE_AFTER;
        self.attempts.front().is_some_and(|last| now.since(last.ended) <= fresh_for)
    }

    /// It is down for want of something that this machine may be to blame for.
    fn may_be_here(&self) -> bool {
        let is_here = |attempt: &Attempt| attempt.outcome.as_ref().is_err_and(Failure::may_be_here);
        self.verdict == Verdict::Down && self.telling().any(is_here)
    }

    /// The attempts that its verdict rests on.
    fn telling(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().take(FAILED_TELL)
    }
}

/// Attempts that are remembered of a target.
const KEPT: usize = 5;
/// So many failures in a row tell that a target is down.
const FAILED_TELL: usize = 3;
/// So many good answers in a row tell that it is no longer.
const GOOD_TELL: usize = 2;
/// A target of which nothing was heard for so many rounds is not known.
const STALE_AFTER: u32 = 3;

#[cfg(test)]
mod tests;
