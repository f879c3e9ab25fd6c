//! `portcullis report`: what was refused, or would have been; how many of those were customers; what cures it; and one
//! verdict, whether it is safe to switch the gate on.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use journal_io::journal::{Dimension, JournalError, Reader, SampledTotal, Window};
use model::{Timestamp, Untrusted};
use serde::Serialize;

use crate::check;
use crate::running::SITE;

/// What the journal says about a time.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    hours: f64,
    refused: u64,
    would_be_refused: u64,
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
    name: String,
    reason: &'static str,
    /// Only observed, not refused.
    would_be: bool,
    /// Estimated from samples and their weights.
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

impl Report {
    /// Reads the journal of a state folder.
    ///
    /// # Errors
    /// When there is no journal, or it cannot be read.
    pub(crate) fn of(state: &Path, last: Duration, now: Timestamp) -> Result<Self, JournalError> {
        let reader = Reader::open(state)?;
        let window = Window { since: now.before(last), until: now };
        let groups = |by| {
            reader
                .sampled(SITE, window, by, GROUPS_MAX)
                .map(|rows| rows.iter().map(group).collect::<Vec<_>>())
        };
        let by_client = groups(Dimension::Tier)?;
        let by_reason = sum_by_reason(&by_client);
        let count = |would_be: bool| {
            by_reason.iter().filter(|group| group.would_be == would_be).map(|group| group.refused).sum()
        };
        let known = check::coverage(state, now).map_or(0, |coverage| coverage.confirmed);
        let mut report = Self {
            hours: last.as_secs_f64() / 3_600.0,
            refused: count(false),
            would_be_refused: count(true),
            logins: reader.logins(SITE, window)?,
            by_client,
            by_path: groups(Dimension::Path)?,
            by_network: groups(Dimension::Network)?,
            by_reason,
            verdict: Verdict { safe: false, because: String::new() },
        };
        report.verdict = report.judge(known);
        Ok(report)
    }

    fn judge(&self, known: u64) -> Verdict {
        let no = |because: String| Verdict { safe: false, because };
        let all = self.refused + self.would_be_refused;
        let mistaken: u64 = self.by_reason.iter().map(|group| group.mistaken).sum();
        if known == 0 {
            return no(
                "nobody is known yet; let the app confirm its customers first (`portcullis check` says how)"
                    .to_owned(),
            );
        }
        if mistaken * 1_000 > all && mistaken > 0 {
            let worst = self.by_reason.iter().max_by_key(|group| group.mistaken);
            let cure = worst.map_or("", |group| group.cure);
            return no(format!(
                "{mistaken} of about {all} refused requests came from people who signed in within a day; first {cure}"
            ));
        }
        let because = if all == 0 {
            format!("nobody would have been refused, and {known} customers are known")
        } else {
            format!(
                "of about {all} requests that were or would have been refused, {mistaken} came from people who signed in within a day, and {known} customers are known"
            )
        };
        Verdict { safe: true, because }
    }
}

fn group(row: &SampledTotal) -> Group {
    Group {
        name: Untrusted::from(row.name.as_str()).to_string(),
        reason: row.reason.label(),
        would_be: row.would_be,
        refused: row.refused,
        mistaken: row.mistaken,
        cure: row.reason.cure(),
    }
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
            None => sums.push(Group { name: group.reason.to_owned(), ..group.clone() }),
        }
    }
    sums.sort_by_key(|sum| std::cmp::Reverse((sum.mistaken, sum.refused)));
    sums
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The last {:.0} hours: {} logins were confirmed.", self.hours, self.logins)?;
        writeln!(
            f,
            "About {} requests were refused; about {} more would have been, had every step refused.",
            self.refused, self.would_be_refused
        )?;
        for (title, groups) in [
            ("By reason", &self.by_reason),
            ("By kind of client", &self.by_client),
            ("By path", &self.by_path),
            ("By network", &self.by_network),
        ] {
            section(f, title, groups)?;
        }
        let mistakes: Vec<&Group> = self.by_reason.iter().filter(|group| group.mistaken > 0).collect();
        if !mistakes.is_empty() {
            writeln!(
                f,
                "\nMistakes: people who were (or would have been) refused and signed in within 24 hours"
            )?;
            for group in mistakes {
                writeln!(f, "  {} by {}: {}", group.mistaken, group.reason, group.cure)?;
            }
        }
        let word = if self.verdict.safe { "yes" } else { "no" };
        writeln!(f, "\nSafe to switch on: {word}, because {}.", self.verdict.because)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, groups: &[Group]) -> fmt::Result {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    for group in groups.iter().take(SHOWN) {
        let kind = if group.would_be { "would be" } else { "refused" };
        writeln!(
            f,
            "  {:<32} {:<16} {kind:<9} {:>10}  mistakes {:>6}",
            group.name, group.reason, group.refused, group.mistaken
        )?;
    }
    Ok(())
}

const GROUPS_MAX: u32 = 100;
const SHOWN: usize = 10;

#[cfg(test)]
mod tests;
