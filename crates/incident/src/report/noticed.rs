//! What went before an incident, and how it was noticed.

use model::Timestamp;

use super::Whole;
use super::beside::Beside;
use super::paper::{Paper, after, entry, moment, span};
use crate::case::Case;
use crate::chart::ended;
use crate::state::Work;

/// What was changed before: announced work, and for colleagues what admins did.
pub(super) fn lead_up(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Lead-up");
    let (mut told, mut is_anything_told) = (Timestamp::default(), false);
    for case in whole.cases {
        let begin = begin(case);
        let from = told.max(begin.before(Beside::LEAD_UP));
        is_anything_told |= announced(paper, whole, case, from, begin);
        if whole.is_for_colleagues() {
            is_anything_told |= changed(paper, whole, case, from, begin);
        }
        // What was done meanwhile is told as the response.
        told = ended(case).unwrap_or(whole.now);
    }
    let what = if is_anything_told { "What else" } else { "What" };
    paper.todo(&format!(
        "{what} was changed in the seven days before? Neither deploys of the app nor changes of the configuration file are in the journal."
    ));
}

/// Whether there was any.
fn announced(paper: &mut Paper, whole: &Whole<'_>, case: &Case, from: Timestamp, begin: Timestamp) -> bool {
    let mut is_any = false;
    // What did not take place ends when it was to begin.
    let is_near = |work: &&Work| work.from < begin && work.until >= from && work.from < work.until;
    for work in whole.state.maintenances.iter().filter(is_near) {
        let text =
            format!("{}Announced work: {}, {}.", whole.name(case), work.title, span(work.from, work.until));
        paper.point(&text, &[work.revision]);
        is_any = true;
    }
    is_any
}

/// Whether there was any change.
fn changed(paper: &mut Paper, whole: &Whole<'_>, case: &Case, from: Timestamp, begin: Timestamp) -> bool {
    let changes = whole.beside.changes(from, begin);
    let (old, new) = changes.split_at(changes.len().saturating_sub(CHANGES_MAX));
    let name = whole.name(case);
    if let (Some((first, _)), Some((last, _))) = (old.first(), old.last()) {
        let text = format!("{name}{} older changes by admins, from {} on.", old.len(), moment(first.at));
        paper.point_on(&text, &[first.evidence(), last.evidence()]);
    }
    for (deed, text) in new {
        paper.point_on(&format!("{name}{}: {text}", moment(deed.at)), &[deed.evidence()]);
    }
    !changes.is_empty()
}

/// When it was first noticed, when somebody was alerted, and when the public read of it.
pub(super) fn detection(paper: &mut Paper, whole: &Whole<'_>) {
    paper.title("Detection");
    for case in whole.cases {
        let (seq, opened) = case.opened;
        let name = whole.name(case);
        if !case.is_own() {
            let who = if case.is_by_alert { "An alert of another system" } else { "A person" };
            paper.point(&format!("{name}{who} told of it at {}.", moment(opened)), &[seq]);
            alerted(paper, whole, case);
            paper.todo_about(&format!("{name}When did it begin, and who noticed it?"), seq);
            continue;
        }
        let noticed = match opened.since(case.since).as_secs() {
            0 => "within seconds".to_owned(),
            _ => after(opened, case.since),
        };
        paper.point(&format!("{name}It began at {} and was noticed {noticed}.", moment(case.since)), &[seq]);
        alerted(paper, whole, case);
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

/// The first alert. Whom it reached is nobody else's business, and that somebody was called is told when an attacker learns nothing from
/// it any more.
fn alerted(paper: &mut Paper, whole: &Whole<'_>, case: &Case) {
    let name = whole.name(case);
    let call = whole.beside.first_call(case).filter(|_| whole.is_open_about(case));
    let Some(call) = call else {
        paper.todo_about(&format!("{name}When was somebody alerted first?"), case.opened.0);
        return;
    };
    let whom = if whole.is_for_colleagues() { format!("`{}`", call.receiver) } else { "somebody".to_owned() };
    // An attack may be noticed, and told to those who are alerted, before anybody feels it.
    let lag = if call.at < case.since {
        "before it began to be felt".to_owned()
    } else {
        let passed = after(call.at, case.since);
        passed
            .strip_prefix("after ")
            .map_or_else(|| passed.clone(), |passed| format!("{passed} after it began"))
    };
    let text = if call.has_arrived {
        format!("{name}The first alert reached {whom} at {}, {lag}.", moment(call.at))
    } else {
        format!("{name}No alert arrived; the first try, to {whom}, was over at {}, {lag}.", moment(call.at))
    };
    paper.point_on(&text, &[call.evidence(), entry(case.opened.0)]);
}

/// When the first was known of it.
pub(super) fn begin(case: &Case) -> Timestamp {
    case.since.min(case.opened.1)
}

/// Changes before one incident that are told one by one.
const CHANGES_MAX: usize = 20;
