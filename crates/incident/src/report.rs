//! The draft of a post-mortem: what the record knows is filled in, what it cannot know is a visible to-do.
//!
//! Every fact names the entry of the record that it rests on, as `#12`. Causes, and whether data was read, are left to people
//! (status-contracts, section 7).

mod doings;
mod facts;
mod marks;
mod paper;

use std::time::Duration;

use model::Timestamp;

use crate::case::{Case, Lost, Said};
use crate::chart::{Chart, For, charts};
use crate::civil::Civil;
use crate::inside::words;
use crate::record::Entry;
use crate::served::{Measured, seen};
use crate::state::State;
use crate::texts::{exact, exact_losses, length, losses};
use crate::words::{Impact, Stage};
pub use marks::without_marks;
use paper::{Paper, after, moment, span};

/// Who is to read a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Readers {
    /// Everybody: nothing of what the gate thought; and what it did, in plain words, not before half an hour after it was over.
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

/// What a report is about, for whom, and when.
pub(crate) struct Whole<'a> {
    /// Oldest first, at least one.
    pub(crate) cases: &'a [&'a Case],
    /// Full names of components, by their places.
    pub(crate) names: &'a [&'a str],
    pub(crate) readers: Readers,
    /// Whether they are told for how much of their time people were served.
    pub(crate) has_figures: bool,
    /// What else is known, such as when nobody outside could reach the site.
    pub(crate) state: &'a State,
    pub(crate) now: Timestamp,
}

/// The draft.
pub(crate) fn draft(whole: &Whole<'_>) -> Draft {
    let mut paper = Paper::default();
    head(&mut paper, whole);
    summary(&mut paper, whole);
    impact(&mut paper, whole);
    paper.title("Lead-up");
    paper.todo("What was changed in the seven days before?");
    cause(&mut paper, whole);
    facts::load(&mut paper, whole);
    detection(&mut paper, whole);
    doings::response(&mut paper, whole);
    doings::recovery(&mut paper, whole);
    doings::timeline(&mut paper, whole);
    paper.title("What went well, what went wrong, where we were lucky");
    paper.todo("One line each.");
    actions(&mut paper, whole);
    communication(&mut paper, whole);
    Draft { text: paper.finish(), charts: whole.cases.iter().flat_map(|case| whole.charts(case)).collect() }
}

impl Whole<'_> {
    fn is_for_colleagues(&self) -> bool {
        self.readers == Readers::Colleagues
    }

    /// Whether these readers may know what the gate did.
    fn is_open_about(&self, case: &Case) -> bool {
        self.is_for_colleagues() || case.disclosed_at().is_some_and(|at| self.now >= at)
    }

    /// For how much of their time people were served, with the entry that says so.
    fn figures(&self, case: &Case) -> Option<(u64, Measured)> {
        let (seq, measured) = case.measured.filter(|_| self.has_figures)?;
        Some((seq, seen(measured, self.state)))
    }

    /// Which incident, where there are several: begins a sentence.
    fn name(&self, case: &Case) -> String {
        self.number(case).map_or_else(String::new, |number| format!("Incident {number}: "))
    }

    /// Its place, from 1, where there are several.
    fn number(&self, case: &Case) -> Option<usize> {
        let place = self.cases.iter().position(|other| other.number == case.number)?;
        (self.cases.len() > 1).then_some(place + 1)
    }

    fn readers_of(&self, case: &Case) -> For<'_> {
        let (colleagues, all_is_told) = (self.is_for_colleagues(), self.is_open_about(case));
        For { state: self.state, colleagues, all_is_told, done: true, figures: self.has_figures }
    }

    fn charts(&self, case: &Case) -> Vec<Chart> {
        let mut charts = charts(case, self.readers_of(case));
        if let Some(number) = self.number(case) {
            let date = Civil::of(case.since).date();
            charts
                .iter_mut()
                .for_each(|chart| chart.title = format!("{}, incident {number} ({date})", chart.title));
        }
        charts
    }
}

fn head(paper: &mut Paper, whole: &Whole<'_>) {
    let mut dates: Vec<String> = whole.cases.iter().map(|case| Civil::of(case.since).date()).collect();
    dates.dedup();
    let mut titles: Vec<&str> = whole.cases.iter().map(|case| case.title.as_str()).collect();
    titles.dedup();
    let what = match titles.as_slice() {
        [one] => (*one).to_owned(),
        _ => format!("{} incidents", whole.cases.len()),
    };
    paper.add(format!("# Report: {what}, {}", dates.join(", ")));
    paper.add(String::new());
    paper.todo(
        "Answer each of these, then take this line out. It is a draft from the record of incidents, and `#12` is the entry of it that a sentence rests on.",
    );
}

fn summary(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Summary");
    let (mut sum, mut ends) = (Duration::ZERO, Vec::new());
    for case in whole.cases {
        let title = format!("{}{}", whole.name(case), case.title);
        match over(case) {
            Some((at, seq)) => {
                let lasted = at.since(case.since);
                (sum, ends) = (sum + lasted, [ends, vec![case.opened.0, seq]].concat());
                let text = format!("{title}, {}, {}.", span(case.since, at), exact(lasted));
                paper.point(&text, &[case.opened.0, seq]);
            }
            None => {
                paper.point(&format!("{title}, since {}; it goes on.", moment(case.since)), &[case.opened.0]);
            }
        }
    }
    if whole.cases.len() > 1 && ends.len() == 2 * whole.cases.len() {
        paper.point(&format!("All {} together: {}.", whole.cases.len(), exact(sum)), &ends);
    }
    paper.todo("Why, in one sentence that customers understand.");
    if !whole.is_for_colleagues() {
        paper.todo("A word to those who were affected.");
    }
}

fn impact(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Impact");
    for case in whole.cases {
        let name = whole.name(case);
        for (text, seqs) in unreached(case) {
            paper.point(&format!("{name}{text}"), &seqs);
        }
        fared(paper, whole, case);
        if let Some(first) = case.said.iter().find(|said| !said.affected.is_empty()) {
            let names = case.components.iter().filter_map(|place| whole.names.get(*place).copied());
            let names = names.collect::<Vec<_>>().join(", ");
            paper.point(&format!("{name}At its worst {}: {names}.", worst(case.impact)), &[first.seq]);
        }
        if let Some((seq, measured)) = whole.figures(case) {
            for line in measured.lines() {
                paper.point(&format!("{name}{line}"), &[seq]);
            }
        }
    }
    paper.todo("Was data read, changed or lost? Who looked, and where? (Say no only if somebody looked.)");
    paper.todo("How many people wrote or called?");
}

fn fared(paper: &mut Paper, whole: &Whole<'_>, case: &Case) {
    let name = whole.name(case);
    let mut fared = case.notes.iter().filter(|note| matches!(note.entry, Entry::Fared { .. }));
    let first = fared.next();
    let last = fared.next_back().or(first);
    let lines = if whole.is_open_about(case) {
        exact_losses(case.lost)
    } else {
        losses(case.lost, whole.now.since(case.since))
    };
    match first.zip(last) {
        Some((first, last)) => {
            lines.iter().for_each(|line| paper.point_from(&format!("{name}{line}"), first.seq, last.seq));
        }
        // What was noted first may be forgotten; that somebody fared badly is not.
        None if case.lost != [Lost::default(); 2] => {
            lines.iter().for_each(|line| paper.point(&format!("{name}{line}"), &[case.opened.0]));
        }
        // Whom nobody watched was not served as usual for that: people tell of such incidents, or probes elsewhere.
        None if unreached(case).is_empty() => {
            paper
                .todo(&format!("{name}How did customers and new visitors fare? The gate saw nothing of it."));
        }
        None => {}
    }
}

/// Times in which nobody outside reached the site.
fn unreached(case: &Case) -> Vec<(String, Vec<u64>)> {
    let mut times = Vec::new();
    let mut begun = Vec::new();
    for note in &case.notes {
        let Entry::Outside { from, until, is_doubted: false, .. } = &note.entry else { continue };
        begun.push(note.seq);
        if let Some(until) = until {
            let [from, until] = [*from, *until].map(Timestamp::from_millis);
            let text = format!(
                "nobody outside could reach it, {}, {}.",
                span(from, until),
                exact(until.since(from))
            );
            times.push((text, std::mem::take(&mut begun)));
        }
    }
    times
}

fn cause(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Trigger, symptoms, causes");
    for case in whole.cases.iter().filter(|_| whole.is_for_colleagues()) {
        if let Some(cause) = case.first_cause {
            let text = format!("{}: thought to be behind it: {}", moment(case.opened.1), cause.label());
            paper.point(&text, &[case.opened.0]);
        }
        for note in case.notes.iter().filter(|note| matches!(note.entry, Entry::Explained { .. })) {
            let thought = words(&note.entry).unwrap_or_default();
            paper.point(&format!("{}: {thought}", moment(note.at)), &[note.seq]);
        }
    }
    paper.todo("What set it off, what was only a symptom, and what made it possible?");
}

fn detection(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Detection");
    for case in whole.cases {
        let (seq, opened) = case.opened;
        let name = whole.name(case);
        if !case.is_own() {
            let who = if case.is_by_alert { "An alert of another system" } else { "A person" };
            paper.point(&format!("{name}{who} told of it at {}.", moment(opened)), &[seq]);
            paper.todo(&format!("{name}When did it begin, and who noticed it?"));
            continue;
        }
        let noticed = match opened.since(case.since).as_secs() {
            0 => "within seconds".to_owned(),
            _ => after(opened, case.since),
        };
        paper.point(&format!("{name}It began at {} and was noticed {noticed}.", moment(case.since)), &[seq]);
        match case.said.first() {
            Some(first) => {
                let text = format!("{name}The first notice was on the page {}.", after(first.at, case.since));
                paper.point(&text, &[first.seq]);
            }
            None => paper.point(&format!("{name}The public was not told."), &[seq]),
        }
    }
    paper.todo("Could it have been noticed in half the time?");
}

fn actions(paper: &mut Paper, whole: &Whole<'_>) {
    let cases = whole.cases;
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
    } else if cases.iter().any(|case| case.returns > 0) {
        paper.add("| It was back after everybody had been served again: what would have shown that? | resolve | TODO | TODO | open |".to_owned());
    }
    paper.add("| TODO | prevent | TODO | TODO | open |".to_owned());
}

/// How the public was kept informed, against what it was promised.
fn communication(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Communication review");
    for case in whole.cases {
        let late: Vec<&Said> = case
            .said
            .windows(2)
            .filter_map(|pair| match pair {
                [before, after] => before.next.filter(|next| after.at > *next + GRACE).map(|_| after),
                _ => None,
            })
            .collect();
        let name = whole.name(case);
        let count = match case.said.len() {
            1 => "one update".to_owned(),
            count => format!("{count} updates"),
        };
        let (first, last) =
            case.said.first().zip(case.said.last()).map_or((0, 0), |(one, other)| (one.seq, other.seq));
        match late.len() {
            0 if case.said.is_empty() => {}
            0 => paper.point_from(&format!("{name}{count}, none of them later than promised"), first, last),
            many => {
                let seqs: Vec<u64> = late.iter().map(|said| said.seq).collect();
                paper.point(&format!("{name}{count}, {many} of them later than promised"), &seqs);
            }
        }
    }
    paper.todo("Did the texts say what readers needed?");
}

/// When everybody was served again for good, or what nobody watched was called over, and the entry that says so.
fn over(case: &Case) -> Option<(Timestamp, u64)> {
    let resolved = case.said.iter().rev().find(|said| said.stage == Stage::Resolved)?;
    let is_over = case.is_told_over();
    is_over.then(|| case.served_again().unwrap_or((resolved.at, resolved.seq)))
}

const fn worst(impact: Impact) -> &'static str {
    match impact {
        Impact::None => "no effect",
        Impact::Minor => "degraded performance",
        Impact::Major => "partial outage",
        Impact::Critical => "major outage",
    }
}

/// A first notice that came later than this is worth an action.
const FIRST_NOTICE_WITHIN: Duration = Duration::from_secs(300);
/// Updates are due within a minute.
const GRACE: Duration = Duration::from_secs(60);
