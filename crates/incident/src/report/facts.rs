//! What came while an incident went on, as sentences of a report.

use std::time::Duration;

use super::Whole;
use super::paper::{Paper, span};
use crate::case::Case;
use crate::course::{a_second, busiest};
use crate::load::Tally;
use crate::texts::exact;

/// How much came, what was turned away and by what. The public reads the first of it, in two digits, once it may know what was done.
pub(super) fn load(paper: &mut Paper, whole: &Whole<'_>) {
    let told = whole.cases.iter().filter(|case| !case.tallies.is_empty() && whole.is_open_about(case));
    let told: Vec<&&Case> = told.collect();
    if told.is_empty() {
        return;
    }
    paper.title("What came");
    for case in told {
        peak(paper, whole, case);
        if whole.is_for_colleagues() {
            turned_away(paper, whole, case);
            in_force(paper, whole, case);
        }
    }
}

/// When most came.
fn peak(paper: &mut Paper, whole: &Whole<'_>, case: &Case) {
    let name = whole.name(case);
    if !whole.is_for_colleagues() {
        if let Some((seq, [from, until], [came, refused])) = busiest(case) {
            let (when, away) = (span(from, until), away("about ", refused));
            let text = format!("{name}At most about {came} requests a second came, and {away}, {when}.");
            paper.point(&text, &[seq]);
        }
        return;
    }
    let of = |tally: &Tally| [tally.offered, tally.refused()].map(|count| a_second(count, tally.millis));
    if let Some((seq, most)) = case.tallies.iter().rev().max_by_key(|(_, tally)| of(tally)[0]) {
        let ([came, refused], when) = (of(most), span(most.begin(), most.until()));
        let away = away("", refused);
        let text = format!(
            "{name}At most {came} requests a second came, and {away}, {when}; {} came in the busiest second of that.",
            most.peak
        );
        paper.point(&text, &[*seq]);
    }
}

fn away(about: &str, refused: u64) -> String {
    match refused {
        0 => "none of them were turned away".to_owned(),
        refused => format!("{about}{refused} of them were turned away"),
    }
}

/// By what: what was turned away says what came, as far as the gate knows that.
fn turned_away(paper: &mut Paper, whole: &Whole<'_>, case: &Case) {
    let sum = |place: usize| {
        case.tallies.iter().fold(0_u64, |sum, (_, tally)| sum.saturating_add(tally.refused[place]))
    };
    let kinds = KINDS.iter().enumerate().map(|(place, kind)| (sum(place), kind));
    let kinds: Vec<String> =
        kinds.filter(|(count, _)| *count > 0).map(|(n, kind)| format!("{n} {kind}")).collect();
    let text = if kinds.is_empty() {
        "No request was turned away.".to_owned()
    } else {
        format!("Requests that were turned away: {}.", kinds.join(", "))
    };
    from_first_to_last(paper, case, &format!("{}{text}", whole.name(case)));
}

/// Rules and challenges.
fn in_force(paper: &mut Paper, whole: &Whole<'_>, case: &Case) {
    let rules = case.tallies.iter().map(|(_, tally)| tally.rules).max().unwrap_or_default();
    let asked = case.tallies.iter().filter(|(_, tally)| tally.is_asking);
    let millis = asked.fold(0_u64, |sum, (_, tally)| sum.saturating_add(tally.millis));
    let rules = match rules {
        0 => "No rule was in force".to_owned(),
        1 => "At most one rule was in force".to_owned(),
        rules => format!("At most {rules} rules were in force at once"),
    };
    let asked = match millis {
        0 => "unknown clients were asked nothing".to_owned(),
        millis => {
            format!("unknown clients had to show something in {}", exact(Duration::from_millis(millis)))
        }
    };
    from_first_to_last(paper, case, &format!("{}{rules}; {asked}.", whole.name(case)));
}

fn from_first_to_last(paper: &mut Paper, case: &Case, text: &str) {
    if let Some(((first, _), (last, _))) = case.tallies.first().zip(case.tallies.last()) {
        paper.point_from(text, *first, *last);
    }
}

/// In the order of [`crate::Load::refused`].
const KINDS: [&str; 4] = ["by client limits", "for want of room", "by rules", "by challenges"];
