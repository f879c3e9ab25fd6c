//! What the gate and people did in an incident, how newcomers were let in again, and everything in its order.

use model::{Level, Timestamp};

use super::noticed::begin;
use super::paper::{Paper, after, cell, entry, moment};
use super::{Whole, effect};
use crate::case::{Case, Note, Said};
use crate::chart::ended;
use crate::inside::words;
use crate::record::Entry;
use crate::texts::exact;
use crate::words::Stage;

/// What was done. The public reads of it once an attacker learns nothing from that any more.
pub(super) fn response(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Response");
    for case in whole.cases {
        if !whole.is_open_about(case) {
            let resolved = case.said.iter().rev().find(|said| said.stage == Stage::Resolved);
            let when = case.disclosed_at().zip(resolved).map_or_else(
                || "half an hour after it is over".to_owned(),
                |(at, said)| {
                    format!("from {} on, half an hour after it was over ({})", moment(at), entry(said.seq))
                },
            );
            let question =
                format!("{}What was done can be told {when}: draft it again then.", whole.name(case));
            paper.todo_about(&question, case.opened.0);
            continue;
        }
        for (at, text, evidence) in deeds(whole, case) {
            paper.point_on(&format!("{}: {text}", moment(at)), &evidence);
        }
    }
    paper.todo("What did people do, and what did they wait for?");
}

/// When something was done, what, and what it rests on.
type Deed = (Timestamp, String, Vec<String>);

/// What the gate did, with what was before and after, and for colleagues what people did; oldest first.
fn deeds(whole: &Whole<'_>, case: &Case) -> Vec<Deed> {
    let noted = case.notes.iter().filter(|note| is_done(whole, &note.entry)).filter_map(|note| {
        let text = told(whole, note)?;
        let is_level = level(&note.entry).is_some();
        let (around, seqs) =
            if is_level { effect::around(whole, case, note) } else { (String::new(), Vec::new()) };
        let text = if around.is_empty() { text } else { format!("{text}.{around}") };
        Some((note.at, text, [note.seq].into_iter().chain(seqs).map(entry).collect()))
    });
    let mut deeds: Vec<Deed> = noted.collect();
    if whole.is_for_colleagues() {
        let until = ended(case).unwrap_or(whole.now);
        let changes = whole.beside.changes(begin(case), until);
        deeds.extend(changes.into_iter().map(|(deed, text)| (deed.at, text, vec![deed.evidence()])));
    }
    deeds.sort_by_key(|(at, ..)| *at);
    deeds
}

/// How everybody was let in again, and what came back.
pub(super) fn recovery(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Recovery");
    for case in whole.cases {
        let mut facts = if whole.is_open_about(case) { trials(case) } else { Vec::new() };
        facts.extend(case.said.windows(2).filter_map(back));
        if let Some((at, seq)) = case.served_again() {
            facts.push((at, "everybody was served as usual again".to_owned(), vec![seq]));
        }
        if let Some(said) = case.said.iter().rev().find(|said| said.stage == Stage::Resolved) {
            facts.push((said.at, "the page called it resolved".to_owned(), vec![said.seq]));
        }
        facts.sort_by_key(|(at, ..)| *at);
        for (at, what, seqs) in facts {
            paper.point(&format!("{}{}: {what}", whole.name(case), moment(at)), &seqs);
        }
    }
}

/// When something was so, what, and the entries that it rests on.
type Fact = (Timestamp, String, Vec<u64>);

/// What was back after the page had said something better.
fn back(pair: &[Said]) -> Option<Fact> {
    let [before, said] = pair else { return None };
    let what = match before.stage {
        Stage::Monitoring => "the page had said that everybody was served again",
        Stage::Resolved | Stage::Postmortem => "the page had called it resolved",
        Stage::Investigating | Stage::Identified => return None,
    };
    let text = format!("it was back, {} after {what}", exact(said.at.since(before.at)));
    (said.stage < Stage::Monitoring).then(|| (said.at, text, vec![before.seq, said.seq]))
}

/// Each time that newcomers were let in again step by step, and how it ended.
fn trials(case: &Case) -> Vec<Fact> {
    let levels: Vec<(&Note, Level)> =
        case.notes.iter().filter_map(|note| Some((note, level(&note.entry)?))).collect();
    let trial = |(place, (begin, level)): (usize, &(&Note, Level))| {
        let began = "new visitors were let in again step by step";
        let Some((end, next)) = levels.get(place + 1) else {
            return (*level == Level::Reopening).then(|| (begin.at, began.to_owned(), vec![begin.seq]));
        };
        let is_worse = next.severity() > Level::Reopening.severity();
        let verdict = if is_worse { "the trial failed and was taken back" } else { "the trial succeeded" };
        let text = format!("{began}; {verdict} {}", after(end.at, begin.at));
        (*level == Level::Reopening).then(|| (begin.at, text, vec![begin.seq, end.seq]))
    };
    levels.iter().enumerate().filter_map(trial).collect()
}

pub(super) fn timeline(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Timeline (UTC)");
    paper.add("| Time | What | Entry |".to_owned());
    paper.add("| --- | --- | --- |".to_owned());
    let mut rows: Vec<(Timestamp, String, u64)> = Vec::new();
    for case in whole.cases {
        rows.push((case.since, format!("{}it began", whole.name(case)), case.opened.0));
        if whole.is_open_about(case) {
            let notes = case.notes.iter().filter_map(|note| Some((note.at, told(whole, note)?, note.seq)));
            rows.extend(notes);
        }
        rows.extend(case.said.iter().map(|said| (said.at, published(said), said.seq)));
    }
    rows.sort_by_key(|(at, _, seq)| (*at, *seq));
    for (at, what, seq) in rows {
        paper.add(format!("| {} | {} | #{seq} |", moment(at), cell(&what)));
    }
}

fn published(said: &Said) -> String {
    let who = if said.is_by_person { " by a person" } else { "" };
    let first = said.body.lines().next().unwrap_or_default();
    format!("published{who} ({}): {first}", said.stage.name())
}

/// A note in the words of those who read it; `None`: they do not read it.
fn told(whole: &Whole<'_>, note: &Note) -> Option<String> {
    if whole.is_for_colleagues() {
        return words(&note.entry);
    }
    match level(&note.entry) {
        Some(level) => Some(done(level).to_owned()),
        None if is_for_all(&note.entry) => words(&note.entry),
        None => None,
    }
}

/// What the gate did, in words for everybody.
const fn done(level: Level) -> &'static str {
    match level {
        Level::Calm => "everybody was let in again, without conditions",
        Level::Filtering => "we refused requests that stood out",
        Level::Limiting => "we limited what each visitor may ask for",
        Level::Challenging => "new visitors had to show that they are people",
        Level::CustomersFirst => {
            "customers who had signed in before went first, and new visitors were asked to come back later"
        }
        Level::Reopening => "we began to let new visitors in again",
    }
}

fn level(entry: &Entry) -> Option<Level> {
    let Entry::Level { after, .. } = entry else { return None };
    Some(after.0)
}

fn is_done(whole: &Whole<'_>, entry: &Entry) -> bool {
    let by_people = matches!(
        entry,
        Entry::Withdrawn { by: Some(_), .. } | Entry::Acknowledged { .. } | Entry::Noted { .. }
    );
    level(entry).is_some() || (whole.is_for_colleagues() && by_people)
}

/// How everybody fared, and that nobody outside reached the site.
const fn is_for_all(entry: &Entry) -> bool {
    matches!(entry, Entry::Fared { .. } | Entry::Outside { is_doubted: false, .. })
}
