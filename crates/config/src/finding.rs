//! What is wrong with a configuration, where, and what to write instead.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use crate::source::{Excerpt, Source};

/// One thing that is wrong, or worth knowing, with its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    file: String,
    line: usize,
    column: usize,
    excerpt: Excerpt,
    what: String,
    cure: String,
}

impl Finding {
    /// The line, from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// What is wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to write instead.
    pub fn cure(&self) -> &str {
        &self.cure
    }
}

impl fmt::Display for Finding {
    /// `file:line:column` with what is wrong, the line with marks below the place, and what to write instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, excerpt, what, cure } = self;
        let pad = " ".repeat(line.to_string().len());
        writeln!(f, "{file}:{line}:{column}: {what}")?;
        writeln!(f, "  {line} | {}", excerpt.line)?;
        writeln!(f, "  {pad} | {}", excerpt.marks)?;
        write!(f, "  {pad} = {cure}")
    }
}

/// All errors of one configuration, in the order of the text. There is at least one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Errors {
    findings: Vec<Finding>,
    more: usize,
}

impl Errors {
    /// Errors that are kept; beyond it they are only counted.
    pub const KEPT_MAX: usize = 200;

    /// The first [`Errors::KEPT_MAX`] errors.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// All errors, with those that are only counted.
    pub const fn count(&self) -> usize {
        self.findings.len() + self.more
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}\n")?;
        }
        let file = self.findings.first().map_or("", |finding| &finding.file);
        match (self.count(), self.more) {
            (1, _) => write!(f, "1 error in {file}"),
            (count, 0) => write!(f, "{count} errors in {file}"),
            (count, more) => write!(f, "{count} errors in {file}; {more} are not shown"),
        }
    }
}

impl std::error::Error for Errors {}

/// Something that works, but probably not as meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning(Finding);

impl Warning {
    /// What it is about, and where.
    pub const fn finding(&self) -> &Finding {
        &self.0
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Collects what is wrong while a text is read.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    errors: Vec<Fault>,
    warnings: Vec<Fault>,
    secrets: Vec<Range<usize>>,
    /// Paths (`site.0.hosts`) of values that could not be read.
    broken: BTreeSet<String>,
}

#[derive(Debug)]
struct Fault {
    at: Range<usize>,
    what: String,
    cure: String,
}

impl Problems {
    /// Something that must be mended at `path`.
    pub(crate) fn error(
        &mut self,
        at: Range<usize>,
        path: &str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.broken.insert(path.to_owned());
        self.errors.push(Fault { at, what: what.into(), cure: cure.into() });
    }

    /// Notes that the value at `path` could not be read as a whole; why has been said.
    pub(crate) fn spoil(&mut self, path: &str) {
        self.broken.insert(path.to_owned());
    }

    /// Something worth knowing.
    pub(crate) fn warning(&mut self, at: Range<usize>, what: impl Into<String>, cure: impl Into<String>) {
        self.warnings.push(Fault { at, what: what.into(), cure: cure.into() });
    }

    /// A place that is never shown.
    pub(crate) fn hide(&mut self, at: Range<usize>) {
        self.secrets.push(at);
    }

    /// Whether nothing is wrong with the value at `path`, with what it lies in, or with what lies in it: only
    /// then can a rule that joins several values say something that is not merely the echo of another error.
    pub(crate) fn is_sound(&self, path: &str) -> bool {
        let within = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        !self.broken.iter().any(|broken| within(broken, path) || within(path, broken))
    }

    /// The errors if there are any, else the warnings.
    pub(crate) fn finish(self, name: &str, text: &str) -> Result<Vec<Warning>, Errors> {
        let source = Source { name, text, secrets: self.secrets };
        let (errors, more) = findings(&source, self.errors);
        if errors.is_empty() {
            Ok(findings(&source, self.warnings).0.into_iter().map(Warning).collect())
        } else {
            Err(Errors { findings: errors, more })
        }
    }
}

/// The first faults as findings, and how many there are beyond them: each costs a walk through the text.
fn findings(source: &Source<'_>, mut faults: Vec<Fault>) -> (Vec<Finding>, usize) {
    faults.sort_by(|a, b| a.at.start.cmp(&b.at.start).then_with(|| a.what.cmp(&b.what)));
    faults.dedup_by(|a, b| a.at == b.at && a.what == b.what);
    let more = faults.len().saturating_sub(Errors::KEPT_MAX);
    (faults.into_iter().take(Errors::KEPT_MAX).map(|fault| finding(source, fault)).collect(), more)
}

fn finding(source: &Source<'_>, fault: Fault) -> Finding {
    let position = source.position(fault.at.start);
    Finding {
        file: source.name.to_owned(),
        line: position.line,
        column: position.column,
        excerpt: source.excerpt(&fault.at),
        what: fault.what,
        cure: fault.cure,
    }
}
