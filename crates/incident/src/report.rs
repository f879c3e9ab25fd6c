//! The draft of a post-mortem: what the record knows is filled in, what it cannot know is a visible to-do.
//!
//! Every fact names the entry of the record that it rests on, as `#12`. Causes, and whether data was read, are left to people
//! (status-contracts, section 7).

use std::time::Duration;

use model::{Level, Timestamp};

use crate::case::{Case, Lost, Said};
use crate::chart::{Chart, charts};
use crate::civil::Civil;
use crate::inside::words;
use crate::record::Entry;
use crate::texts::{length, losses};
use crate::words::Stage;

/// Who is to read a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Readers {
    /// Everybody: nothing of what the gate did, nor of what it thought.
    Public,
    /// Colleagues.
    Colleagues,
}

/// A report that people have to finish.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    /// Markdown.
    pub text: String,
    /// What happened over time, in each incident.
    pub charts: Vec<Chart>,
}

/// What a draft leaves to people is marked so.
pub(crate) const TODO: &str = "TODO";

/// The draft; `cases` are oldest first, at least one.
///
/// `audience_figures`: whether the public is told for how much of their time people were served.
pub(crate) fn draft(cases: &[&Case], what: &str, readers: Readers, audience_figures: bool) -> Draft {
    let mut paper = Paper::default();
    head(&mut paper, cases, what);
    summary(&mut paper, cases, what);
    impact(&mut paper, cases, readers == Readers::Colleagues || audience_figures);
    paper.title("Lead-up");
    paper.todo("What was changed in the seven days before?");
    cause(&mut paper, cases, readers);
    detection(&mut paper, cases);
    if readers == Readers::Colleagues {
        response(&mut paper, cases);
    }
    recovery(&mut paper, cases, readers);
    timeline(&mut paper, cases, readers);
    paper.title("What went well, what went wrong, where we were lucky");
    paper.todo("One line each.");
    actions(&mut paper, cases);
    communication(&mut paper, cases);
    let charts = cases.iter().flat_map(|case| charts(case, readers)).collect();
    Draft { text: paper.lines.join("\n") + "\n", charts }
}

fn head(paper: &mut Paper, cases: &[&Case], what: &str) {
    let mut dates: Vec<String> = cases.iter().map(|case| Civil::of(case.since).date()).collect();
    dates.dedup();
    paper.add(format!("# Report: disruption of {what}, {}", dates.join(", ")));
    paper.add(String::new());
    paper.add(
        "Draft from the record of incidents. `#12` is an entry of that record. Each TODO is for a person; publish when none is left."
            .to_owned(),
    );
}

fn summary(paper: &mut Paper, cases: &[&Case], what: &str) {
    paper.title("Summary");
    for case in cases {
        let from = moment(case.since);
        match over(case) {
            Some((at, seq)) => paper.point(
                format!(
                    "{what} was disrupted from {from} to {}, {}.",
                    moment(at),
                    length(at.since(case.since))
                ),
                &[case.opened.0, seq],
            ),
            None => paper.point(format!("{what} is disrupted since {from}."), &[case.opened.0]),
        }
    }
    paper.todo("Why, in one sentence that customers understand.");
}

fn impact(paper: &mut Paper, cases: &[&Case], has_figures: bool) {
    paper.title("Impact");
    for case in cases {
        let fared: Vec<u64> =
            case.notes.iter().filter(|note| is_fared(&note.entry)).map(|note| note.seq).collect();
        // Whom nobody watched was not served as usual for that: people tell of such incidents, or probes elsewhere.
        if fared.is_empty() && case.lost == [Lost::default(); 2] {
            paper.todo("How did customers and new visitors fare? The gate saw nothing of it.");
            continue;
        }
        let ends = [fared.first(), fared.last()].into_iter().flatten().copied().collect::<Vec<_>>();
        let date =
            if cases.len() > 1 { format!("{}: ", Civil::of(case.since).date()) } else { String::new() };
        for line in losses(case.lost) {
            paper.point(format!("{date}{line}"), &ends);
        }
        for (seq, measured) in case.measured.iter().filter(|_| has_figures) {
            for line in measured.lines() {
                paper.point(format!("{date}{line}"), &[*seq]);
            }
        }
    }
    paper.todo("Was data read, changed or lost? Who looked, and where? (Say no only if somebody looked.)");
    paper.todo("How many people wrote or called?");
}

fn cause(paper: &mut Paper, cases: &[&Case], readers: Readers) {
    paper.title("Trigger, symptoms, causes");
    if readers == Readers::Colleagues {
        for case in cases {
            for note in case.notes.iter().filter(|note| matches!(note.entry, Entry::Explained { .. })) {
                let thought = words(&note.entry).unwrap_or_default();
                paper.point(format!("{}: {thought}", moment(note.at)), &[note.seq]);
            }
            if let Some(cause) = case.cause {
                paper.point(format!("the gate's last judgement: {}", cause.label()), &[case.opened.0]);
            }
        }
    }
    paper.todo("What set it off, what was only a symptom, and what made it possible?");
}

fn detection(paper: &mut Paper, cases: &[&Case]) {
    paper.title("Detection");
    for case in cases {
        let (seq, opened) = case.opened;
        if case.is_by_person {
            paper.point(format!("A person told of it at {}.", moment(opened)), &[seq]);
            paper.todo("When did it begin, and who noticed it?");
            continue;
        }
        paper.point(
            format!("It began at {} and was noticed {}.", moment(case.since), after(opened, case.since)),
            &[seq],
        );
        if case.is_by_alert {
            paper.point("An alert of another system told of it.".to_owned(), &[seq]);
        }
        match case.said.first() {
            Some(first) => paper.point(
                format!("The first notice was on the page {}.", after(first.at, case.since)),
                &[first.seq],
            ),
            None => paper.point("The public was not told.".to_owned(), &[seq]),
        }
    }
    paper.todo("Could it have been noticed in half the time?");
}

fn response(paper: &mut Paper, cases: &[&Case]) {
    paper.title("Response");
    for note in cases.iter().flat_map(|case| &case.notes) {
        if matches!(
            note.entry,
            Entry::Level { .. } | Entry::Withdrawn { by: Some(_), .. } | Entry::Acknowledged { .. }
        ) {
            paper.point(
                format!("{}: {}", moment(note.at), words(&note.entry).unwrap_or_default()),
                &[note.seq],
            );
        }
    }
    paper.todo("What did people do, and what did they wait for?");
}

fn recovery(paper: &mut Paper, cases: &[&Case], readers: Readers) {
    paper.title("Recovery");
    for case in cases {
        if readers == Readers::Colleagues {
            trials(paper, case);
        }
        for said in case.said.iter().filter(|said| matches!(said.stage, Stage::Monitoring | Stage::Resolved))
        {
            paper.point(format!("{}: published as {}", moment(said.at), said.stage.name()), &[said.seq]);
        }
        for at in &case.reopened {
            let seq = case.said.iter().find(|said| said.at == *at).map_or(case.opened.0, |said| said.seq);
            paper.point(format!("{}: it was back after it had been called resolved", moment(*at)), &[seq]);
        }
    }
}

/// Each time that newcomers were let in again step by step, and how it ended.
fn trials(paper: &mut Paper, case: &Case) {
    let levels: Vec<_> = case
        .notes
        .iter()
        .filter_map(|note| match note.entry {
            Entry::Level { after, .. } => Some((note, after.0)),
            Entry::Opened { .. }
            | Entry::Explained { .. }
            | Entry::Fared { .. }
            | Entry::Planned { .. }
            | Entry::Withdrawn { .. }
            | Entry::Published { .. }
            | Entry::Component { .. }
            | Entry::Watched { .. }
            | Entry::Overridden { .. }
            | Entry::Acknowledged { .. }
            | Entry::Noted { .. }
            | Entry::Signalled { .. }
            | Entry::Drafted { .. }
            | Entry::Outside { .. }
            | Entry::Measured { .. }
            | Entry::Ended { .. }
            | Entry::Maintenance { .. } => None,
        })
        .collect();
    for (place, (begin, level)) in levels.iter().enumerate() {
        if *level != Level::Reopening {
            continue;
        }
        let Some((end, next)) = levels.get(place + 1) else {
            paper.point(format!("{}: re-opening began", moment(begin.at)), &[begin.seq]);
            continue;
        };
        let verdict = if next.severity() > Level::Reopening.severity() || *next == Level::CustomersFirst {
            "failed and was taken back"
        } else {
            "succeeded"
        };
        let text = format!(
            "{}: a trial to let newcomers in {verdict} {}",
            moment(begin.at),
            after(end.at, begin.at)
        );
        paper.point(text, &[begin.seq, end.seq]);
    }
}

fn timeline(paper: &mut Paper, cases: &[&Case], readers: Readers) {
    paper.title("Timeline (UTC)");
    paper.add("| Time | What | Entry |".to_owned());
    paper.add("| --- | --- | --- |".to_owned());
    let mut rows: Vec<(Timestamp, String, u64)> = Vec::new();
    for case in cases {
        rows.push((case.since, "it began".to_owned(), case.opened.0));
        if readers == Readers::Colleagues {
            let notes = case.notes.iter().filter_map(|note| Some((note.at, words(&note.entry)?, note.seq)));
            rows.extend(notes);
        }
        rows.extend(case.said.iter().map(|said| (said.at, published(said), said.seq)));
    }
    rows.sort_by_key(|(at, _, seq)| (*at, *seq));
    for (at, what, seq) in rows {
        paper.add(format!("| {} | {} | #{seq} |", moment(at), cell(&what)));
    }
}

fn actions(paper: &mut Paper, cases: &[&Case]) {
    paper.title("Action items");
    paper.add("| What | Kind | Owner | Due | State |".to_owned());
    paper.add("| --- | --- | --- | --- | --- |".to_owned());
    let lags = cases.iter().filter_map(|case| Some(case.said.first()?.at.since(case.since)));
    if let Some(worst) = lags.max().filter(|lag| *lag > FIRST_NOTICE_WITHIN) {
        paper.add(format!(
            "| The first notice took {}: shorten that | detect | TODO | TODO | open |",
            length(worst)
        ));
    }
    if cases.iter().any(|case| !case.reopened.is_empty()) {
        paper.add("| It was called resolved too early: what would have shown that? | resolve | TODO | TODO | open |".to_owned());
    }
    paper.add("| TODO | prevent | TODO | TODO | open |".to_owned());
}

/// How the public was kept informed, against what it was promised.
fn communication(paper: &mut Paper, cases: &[&Case]) {
    paper.title("Communication review");
    for case in cases {
        let late: Vec<&Said> = case
            .said
            .windows(2)
            .filter_map(|pair| match pair {
                [before, after] => before.next.filter(|next| after.at > *next + GRACE).map(|_| after),
                _ => None,
            })
            .collect();
        let seqs: Vec<u64> = late.iter().map(|said| said.seq).collect();
        let count = match case.said.len() {
            1 => "one update".to_owned(),
            count => format!("{count} updates"),
        };
        match late.len() {
            0 => paper.point(format!("{count}, none of them later than promised"), &[case.opened.0]),
            late => paper.point(format!("{count}, {late} of them later than promised"), &seqs),
        }
    }
    paper.todo("Did the texts say what readers needed?");
}

/// When everybody was served again for good, and the entry that says it is over.
fn over(case: &Case) -> Option<(Timestamp, u64)> {
    let resolved = case.said.iter().rev().find(|said| said.stage == Stage::Resolved)?;
    let good = case.notes.iter().rev().find(|note| is_fared(&note.entry) && note.at <= resolved.at);
    Some(good.map_or((resolved.at, resolved.seq), |note| (note.at, note.seq)))
}

const fn is_fared(entry: &Entry) -> bool {
    matches!(entry, Entry::Fared { .. })
}

fn published(said: &Said) -> String {
    let who = if said.is_by_person { " by a person" } else { "" };
    let first = said.body.lines().next().unwrap_or_default();
    format!("published{who} ({}): {first}", said.stage.name())
}

/// `28 Nov 2026 14:33:03 UTC`.
fn moment(at: Timestamp) -> String {
    let civil = Civil::of(at);
    format!("{} {:02}:{:02}:{:02} UTC", civil.date(), civil.hour, civil.minute, civil.second)
}

fn after(at: Timestamp, since: Timestamp) -> String {
    match at.since(since).as_secs() {
        0 => "at once".to_owned(),
        seconds if seconds < 600 => format!("after {seconds} s"),
        _ => format!("after {}", length(at.since(since))),
    }
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Lines of Markdown.
#[derive(Default)]
struct Paper {
    lines: Vec<String>,
}

impl Paper {
    fn add(&mut self, line: String) {
        self.lines.push(line);
    }

    fn title(&mut self, title: &str) {
        self.lines.extend([String::new(), format!("## {title}"), String::new()]);
    }

    /// A fact with what it rests on.
    fn point(&mut self, fact: String, evidence: &[u64]) {
        let mut entries: Vec<String> = evidence.iter().map(|seq| format!("#{seq}")).collect();
        entries.dedup();
        self.lines.push(format!("- {fact} ({})", entries.join(", ")));
    }

    fn todo(&mut self, question: &str) {
        self.lines.push(format!("- **{TODO}** {question}"));
    }
}

/// A first notice that came later than this is worth an action.
const FIRST_NOTICE_WITHIN: Duration = Duration::from_secs(300);
/// Updates are due within a minute.
const GRACE: Duration = Duration::from_secs(60);
