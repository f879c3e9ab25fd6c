//! Lines of Markdown, and how a report writes times.

use model::Timestamp;

use super::TODO;
use crate::civil::Civil;
use crate::texts::length;

/// Lines of Markdown.
#[derive(Default)]
pub(super) struct Paper {
    lines: Vec<String>,
}

impl Paper {
    pub(super) fn add(&mut self, line: String) {
        self.lines.push(line);
    }

    pub(super) fn title(&mut self, title: &str) {
        self.lines.extend([String::new(), format!("## {title}"), String::new()]);
    }

    /// A fact with what it rests on.
    pub(super) fn point(&mut self, fact: &str, evidence: &[u64]) {
        self.point_on(fact, &evidence.iter().copied().map(entry).collect::<Vec<_>>());
    }

    /// A fact with what it rests on, in and beside the record.
    pub(super) fn point_on(&mut self, fact: &str, evidence: &[String]) {
        let mut evidence = evidence.to_vec();
        evidence.dedup();
        self.lines.push(format!("- {fact} ({})", evidence.join(", ")));
    }

    /// A fact that rests on every entry of a kind from one to another.
    pub(super) fn point_from(&mut self, fact: &str, first: u64, last: u64) {
        let entries = if first == last { format!("#{first}") } else { format!("#{first} to #{last}") };
        self.lines.push(format!("- {fact} ({entries})"));
    }

    pub(super) fn todo(&mut self, question: &str) {
        self.lines.push(format!("- **{TODO}** {question}"));
    }

    /// A question about one incident, which may be one of several: with the entry that it begins with.
    pub(super) fn todo_about(&mut self, question: &str, opened: u64) {
        self.todo(&format!("{question} ({})", entry(opened)));
    }

    pub(super) fn finish(self) -> String {
        self.lines.join("\n") + "\n"
    }
}

/// An entry of the record.
pub(super) fn entry(seq: u64) -> String {
    format!("#{seq}")
}

/// `28 Nov 2026 14:33:03 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    Civil::of(at).second()
}

/// `28 Nov 2026 14:33:03 to 15:35:30 UTC`: the day once.
pub(super) fn span(from: Timestamp, until: Timestamp) -> String {
    let [from, until] = [from, until].map(Civil::of);
    if from.date() == until.date() {
        let (begin, end) = (from.second(), until.second());
        let clock = end.strip_prefix(&until.date()).unwrap_or(&end);
        format!("{} to{clock}", begin.trim_end_matches(" UTC"))
    } else {
        format!("{} to {}", from.second(), until.second())
    }
}

/// `after 2 min 5 s`; seconds do not count where it took longer.
pub(super) fn after(at: Timestamp, since: Timestamp) -> String {
    let passed = at.since(since);
    match (passed.as_secs() / 60, passed.as_secs() % 60) {
        (0, 0) => "at once".to_owned(),
        (0, seconds) => format!("after {seconds} s"),
        (1, 0) => "after 1 minute".to_owned(),
        (minutes @ ..10, 0) => format!("after {minutes} minutes"),
        (minutes @ ..10, seconds) => format!("after {minutes} min {seconds} s"),
        _ => format!("after {}", length(passed)),
    }
}

/// Text in a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
