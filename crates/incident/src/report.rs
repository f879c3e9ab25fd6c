//! The draft of a post-mortem: what the record knows is filled in, what it cannot know is a visible to-do.
//!
//! Every fact names the entry of the record that it rests on, as `#12`, or what else of the journal, as `act 3` and `alert 4`. Causes, and
//! whether data was read, are left to people, and so is the review (status-contracts, section 7).

mod beside;
mod doings;
mod effect;
mod facts;
mod marks;
mod noticed;
mod paper;
mod review;

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
pub use beside::{Beside, Call, Deed};
pub use marks::without_marks;
use paper::{Paper, entry, moment, span};
pub use review::is_left_to_people;
pub(crate) use review::open_boxes;

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
    /// What the journal has beside the record.
    pub(crate) beside: &'a Beside,
    pub(crate) now: Timestamp,
}

/// The draft.
pub(crate) fn draft(whole: &Whole<'_>) -> Draft {
    let mut paper = Paper::default();
    head(&mut paper, whole);
    summary(&mut paper, whole);
    impact(&mut paper, whole);
    noticed::lead_up(&mut paper, whole);
    cause(&mut paper, whole);
    facts::load(&mut paper, whole);
    noticed::detection(&mut paper, whole);
    doings::response(&mut paper, whole);
    doings::recovery(&mut paper, whole);
    doings::timeline(&mut paper, whole);
    paper.title("What went well, what went wrong, where we were lucky");
    paper.todo("One line each.");
    actions(&mut paper, whole);
    communication(&mut paper, whole);
    review::checklist(&mut paper);
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
        "Answer each of these, then take this line out. It is a draft from the record of incidents: `#12` is the entry of it that a sentence rests on, `act 3` and `alert 4` are what else the journal has.",
    );
    status(paper, whole);
    authors(paper, whole);
}

/// How far it is. When it is published, [`as_published`] says so in place of it.
fn status(paper: &mut Paper, whole: &Whole<'_>) {
    paper.add(format!("{STATUS}draft"));
    for case in whole.cases {
        if let Some(said) = case.said.iter().rev().find(|said| said.stage == Stage::Postmortem) {
            let text =
                format!("{}A report was published before this draft, {}.", whole.name(case), moment(said.at));
            paper.point(&text, &[said.seq]);
        }
    }
}

/// Colleagues read who has written of it so far.
fn authors(paper: &mut Paper, whole: &Whole<'_>) {
    for case in whole.cases.iter().filter(|_| whole.is_for_colleagues()) {
        if let Some(draft) = &case.draft {
            let text = format!("{}A draft was kept by {}, {}.", whole.name(case), draft.by, moment(draft.at));
            paper.point(&text, &[draft.seq]);
        }
    }
    paper.todo("Authors: who has written this?");
}

/// A report as it is published: its head no longer says that it is a draft.
pub(crate) fn as_published(text: &str) -> String {
    let (draft, published) = (format!("{STATUS}draft"), format!("{STATUS}published"));
    let line = |line: &str| if line.trim_end() == draft { published.clone() } else { line.to_owned() };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Before how far a report is.
const STATUS: &str = "- Status: ";

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
            let question =
                format!("{name}How did customers and new visitors fare? The gate saw nothing of it.");
            paper.todo_about(&question, case.opened.0);
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

fn actions(paper: &mut Paper, whole: &Whole<'_>) {
    let cases = whole.cases;
    paper.title("Action items");
    paper.add("| What | Kind | Owner | Due | State |".to_owned());
    paper.add("| --- | --- | --- | --- | --- |".to_owned());
    let lags =
        cases.iter().filter_map(|case| case.said.first().map(|said| (said.at.since(case.since), said.seq)));
    if let Some((worst, seq)) = lags.max_by_key(|(lag, _)| *lag).filter(|(lag, _)| *lag > FIRST_NOTICE_WITHIN)
    {
        let what = format!("The first notice took {} ({}): shorten that", length(worst), entry(seq));
        paper.add(format!("| {what} | detect | TODO | TODO | open |"));
    }
    let backs: Vec<(Stage, u64)> =
        cases.iter().flat_map(|case| case.said.windows(2).filter_map(back)).collect();
    let too_early: Vec<String> =
        backs.iter().filter(|(stage, _)| !stage.is_open()).map(|(_, seq)| entry(*seq)).collect();
    let all: Vec<String> = backs.iter().map(|(_, seq)| entry(*seq)).collect();
    let what = match (too_early.as_slice(), all.as_slice()) {
        ([], []) => None,
        ([], back) => Some(("It was back after everybody had been served again", back)),
        (back, _) => Some(("It was called resolved too early", back)),
    };
    if let Some((what, back)) = what {
        let entries = back.join(", ");
        paper.add(format!(
            "| {what} ({entries}): what would have shown that? | resolve | TODO | TODO | open |"
        ));
    }
    paper.add("| TODO | prevent | TODO | TODO | open |".to_owned());
}

/// The stage after which it was back, and the entry that says that it was.
fn back(pair: &[Said]) -> Option<(Stage, u64)> {
    let [before, said] = pair else { return None };
    let was_good = before.stage >= Stage::Monitoring && said.stage < Stage::Monitoring;
    let was_over = !before.stage.is_open() && said.stage.is_open();
    (was_good || was_over).then_some((before.stage, said.seq))
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
