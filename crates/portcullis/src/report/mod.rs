//! `portcullis report`: what was refused, or would have been; how many of those were customers; what cures it; and one
//! verdict, whether it is safe to switch the gate on.

mod text;

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use journal_io::journal::{Dimension, JournalError, Reader, RefusedTotal, SampledTotal, Window};
use model::{Reason, Tier, Timestamp, Untrusted};
use serde::Serialize;

use crate::check;
use crate::running::SITE;

/// What the journal says about a time.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    hours: u64,
    /// Estimated: notes of unknown clients' refusals are samples with a weight.
    refused: u64,
    /// Estimated like `refused`.
    would_be_refused: u64,
    /// Of both, requests of clients that the app had already confirmed. Every one of them is noted.
    of_known_customers: u64,
    /// Of both, requests of people who signed in within 24 hours.
    mistaken: u64,
    /// Refusals of the last 24 hours: some of their clients may yet sign in.
    undecided: u64,
    logins: u64,
    by_reason: Vec<Group>,
    by_client: Vec<Group>,
    by_path: Vec<Group>,
    by_network: Vec<Group>,
    verdict: Verdict,
}

/// Refusals of one kind.
#[derive(Clone, Debug, Serialize)]
struct Group {
    /// The tier, path or network; empty for what was added up without it.
    name: String,
    #[serde(serialize_with = "as_label")]
    reason: Reason,
    /// Only observed, not refused.
    would_be: bool,
    refused: u64,
    /// Of these, requests of people who signed in within 24 hours.
    mistaken: u64,
    /// The setting that cures such mistakes.
    cure: &'static str,
}

/// Whether to switch on.
#[derive(Debug, Serialize)]
struct Verdict {
    safe: bool,
    because: String,
}

/// What the verdict rests on beside the refusals.
struct Grounds {
    /// Customers confirmed in the last seven days.
    known: u64,
    /// Whether anything is noted from more than a day ago.
    has_a_day: bool,
    /// Refusals of whose clients nobody can tell any more who they were.
    untold: u64,
}

impl Report {
    /// Reads the journal of a state folder.
    ///
    /// # Errors
    /// When there is no journal, or it cannot be read.
    pub(crate) fn of(state: &Path, last: Duration, now: Timestamp) -> Result<Self, JournalError> {
        let reader = Reader::open(state)?;
        let window = Window { since: now.before(last), until: now };
        let by_client = groups(&reader, window, Dimension::Tier)?;
        let by_reason = sum_by_reason(&by_client);
        let sum = |is_meant: &dyn Fn(&Group) -> bool| {
            by_client.iter().filter(|group| is_meant(group)).map(|group| group.refused).sum()
        };
        let mut report = Self {
            hours: last.as_secs() / 3_600,
            refused: sum(&|group| !group.would_be),
            would_be_refused: sum(&|group| group.would_be),
            of_known_customers: sum(&|group| is_known(&group.name)),
            mistaken: by_reason.iter().map(|group| group.mistaken).sum(),
            undecided: undecided(&reader, window)?,
            logins: reader.logins(SITE, window)?,
            by_path: groups(&reader, window, Dimension::Path)?,
            by_network: groups(&reader, window, Dimension::Network)?,
            by_reason,
            by_client,
            verdict: Verdict { safe: false, because: String::new() },
        };
        let known = check::coverage(state, now).map_or(0, |coverage| coverage.confirmed);
        let grounds =
            Grounds { known, has_a_day: has_a_day(&reader, now)?, untold: reader.untold(SITE, window)? };
        report.verdict = report.judge(&grounds);
        Ok(report)
    }

    fn all(&self) -> u64 {
        self.refused + self.would_be_refused
    }

    fn judge(&self, grounds: &Grounds) -> Verdict {
        let no = |because: String| Verdict { safe: false, because };
        if grounds.known == 0 {
            return no(NOBODY_KNOWN.to_owned());
        }
        if self.hours < DAY_HOURS {
            return no(format!("{} h say too little; look back at least a day (--last 24h)", self.hours));
        }
        if !grounds.has_a_day {
            return no(LESS_THAN_A_DAY.to_owned());
        }
        if let Some(worst) = self.by_reason.iter().find(|group| group.is_unsafe()) {
            return no(format!(
                "{} of about {} requests that {} came from people who signed in within a day; first {}",
                worst.mistaken,
                worst.refused,
                text::step(worst.reason),
                worst.cure
            ));
        }
        if grounds.untold > 0 {
            return no(format!(
                "of about {} refusals nobody can tell whether they hit people who signed in later: [privacy] addresses keeps addresses for less than a day",
                grounds.untold
            ));
        }
        let known = text::counted(grounds.known, "customer is known", "customers are known");
        let because = if self.all() == 0 {
            format!("nobody would have been refused, and {known}")
        } else {
            format!(
                "{} of about {} requests that were or would have been refused came from people who signed in \
                 within a day, and {known}",
                self.mistaken,
                self.all()
            )
        };
        Verdict { safe: true, because }
    }
}

impl Group {
    /// More than one in a thousand is a mistake. Each step is asked for itself: a flood that another step would have
    /// refused must not make its mistakes look few.
    fn is_unsafe(&self) -> bool {
        self.mistaken.saturating_mul(MISTAKES_ONE_IN) > self.refused
    }
}

/// Refusals by a dimension, the most harmful first: how many from the counts, who they were from the samples, of which
/// an hour keeps only so many.
fn groups(reader: &Reader, window: Window, by: Dimension) -> Result<Vec<Group>, JournalError> {
    let mut groups: Vec<Group> =
        reader.refused(SITE, window, by, GROUPS_MAX)?.into_iter().map(Group::from).collect();
    for sampled in reader.sampled(SITE, window, by, GROUPS_MAX)? {
        let name = Untrusted::from(sampled.name.as_str()).to_string();
        let counted = groups.iter_mut().find(|group| {
            (&group.name, group.reason, group.would_be) == (&name, sampled.reason, sampled.would_be)
        });
        match counted {
            Some(group) => {
                group.refused = group.refused.max(sampled.refused);
                group.mistaken = share_of(group.refused, sampled.mistaken, sampled.refused);
            }
            None => groups.push(Group::from(sampled)),
        }
    }
    groups.sort_by_key(|group| Reverse((group.mistaken, group.refused)));
    Ok(groups)
}

impl From<RefusedTotal> for Group {
    fn from(total: RefusedTotal) -> Self {
        Self {
            name: Untrusted::from(total.name.as_str()).to_string(),
            reason: total.reason,
            would_be: total.would_be,
            refused: total.count,
            mistaken: 0,
            cure: total.reason.cure(),
        }
    }
}

impl From<SampledTotal> for Group {
    fn from(total: SampledTotal) -> Self {
        Self {
            name: Untrusted::from(total.name.as_str()).to_string(),
            reason: total.reason,
            would_be: total.would_be,
            refused: total.refused,
            mistaken: total.mistaken,
            cure: total.reason.cure(),
        }
    }
}

/// What `part` of `whole` is in `all`, rounded up: a mistake never rounds away.
fn share_of(all: u64, part: u64, whole: u64) -> u64 {
    let share = (u128::from(all) * u128::from(part)).div_ceil(u128::from(whole.max(1)));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// The same refusals whoever the clients were, the most harmful first.
fn sum_by_reason(groups: &[Group]) -> Vec<Group> {
    let mut sums: Vec<Group> = Vec::new();
    for group in groups {
        match sums.iter_mut().find(|sum| (sum.reason, sum.would_be) == (group.reason, group.would_be)) {
            Some(sum) => {
                sum.refused += group.refused;
                sum.mistaken += group.mistaken;
            }
            None => sums.push(Group { name: group.reason.label().to_owned(), ..group.clone() }),
        }
    }
    sums.sort_by_key(|sum| Reverse((sum.mistaken, sum.refused)));
    sums
}

/// Refusals whose day has not passed.
fn undecided(reader: &Reader, window: Window) -> Result<u64, JournalError> {
    let since = window.since.max(window.until.before(DAY));
    let samples = reader.sampled(SITE, Window { since, ..window }, Dimension::Tier, GROUPS_MAX)?;
    Ok(samples.iter().map(|total| total.refused - total.mistaken).sum())
}

/// Whether a login or a refusal was noted more than a day ago. Counts know whole hours only, so samples are asked.
fn has_a_day(reader: &Reader, now: Timestamp) -> Result<bool, JournalError> {
    let window = Window { since: Timestamp::default(), until: now.before(DAY) };
    Ok(reader.logins(SITE, window)? > 0 || !reader.sampled(SITE, window, Dimension::Tier, 1)?.is_empty())
}

fn is_known(tier: &str) -> bool {
    Tier::ALL.iter().any(|known| known.is_known() && known.label() == tier)
}

fn as_label<S: serde::Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.label())
}

/// Every tier with every reason, refused or not, fits: what is added up over them is complete.
const GROUPS_MAX: u32 = 256;
const DAY: Duration = Duration::from_secs(86_400);
const DAY_HOURS: u64 = 24;
/// Mistakes up to one in so many refusals are safe.
const MISTAKES_ONE_IN: u64 = 1_000;

const NOBODY_KNOWN: &str =
    "nobody is known yet; let the app confirm its customers first (`portcullis check` says how)";
const LESS_THAN_A_DAY: &str =
    "the gate has watched for less than a day; let it run in `observe` until it has seen one, then ask again";

#[cfg(test)]
mod tests;
