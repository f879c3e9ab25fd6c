//! What the record holds of the time before and after each level of the gate.
//!
//! What came after need not be because of it: that is for people to say.

use super::Whole;
use super::paper::{moment, span};
use crate::case::{Case, Note};
use crate::course::{a_second, share};
use crate::inside::fares;
use crate::load::Tally;
use crate::record::Entry;
use crate::served::{Users, percent};
use crate::sight::Services;
use crate::words::Service;

/// Sentences about what was before and after a level, and the entries that they rest on; empty if nothing is known.
pub(super) fn around(whole: &Whole<'_>, case: &Case, level: &Note) -> (String, Vec<u64>) {
    let next = case.notes.iter().find(|note| note.seq > level.seq && is_level(note));
    let (mut text, mut seqs) = fared(case, level, next);
    if whole.is_for_colleagues() {
        let (more, rest_on) = measured(whole, case, level, next);
        text.push_str(&more);
        seqs.extend(rest_on);
    }
    (text, seqs)
}

const fn is_level(note: &Note) -> bool {
    matches!(note.entry, Entry::Level { .. })
}

/// How everybody fared before it, and when the next level began.
fn fared(case: &Case, level: &Note, next: Option<&Note>) -> (String, Vec<u64>) {
    let until = next.map_or(u64::MAX, |next| next.seq);
    let all = || case.notes.iter().rev().filter_map(|note| Some((note, services(note)?)));
    let before = all().find(|(note, _)| note.seq < level.seq);
    let after = all().find(|(note, _)| level.seq < note.seq && note.seq < until);
    let before_it = |services| format!(" Before it: {}.", fares(services));
    match (before, after) {
        (Some((first, before)), Some((last, after))) => {
            let from = format!(" From {} on: {}.", moment(last.at), fares(after));
            (before_it(before) + &from, vec![first.seq, last.seq])
        }
        (None, Some((last, after))) => {
            (format!(" From {} on: {}.", moment(last.at), fares(after)), vec![last.seq])
        }
        (Some((first, before)), None) if before.worst() != Service::Good => {
            (before_it(before) + " Nobody fared otherwise as long as it lasted.", vec![first.seq])
        }
        (_, None) => (String::new(), Vec::new()),
    }
}

const fn services(note: &Note) -> Option<Services> {
    let Entry::Fared { services, .. } = &note.entry else { return None };
    Some(*services)
}

/// What came in the last minute, or few, that was over when it began, and in the first that began with it or after it.
fn measured(whole: &Whole<'_>, case: &Case, level: &Note, next: Option<&Note>) -> (String, Vec<u64>) {
    let before = case.tallies.iter().rev().find(|(_, tally)| tally.until() <= level.at);
    let is_of_it =
        |tally: &Tally| tally.begin() >= level.at && next.is_none_or(|next| tally.begin() < next.at);
    let after = case.tallies.iter().find(|(_, tally)| is_of_it(tally));
    let both = [("before it", before), ("after it", after)];
    let known = both.into_iter().filter_map(|(when, found)| found.map(|(seq, tally)| (when, *seq, tally)));
    let sentence = |(when, seq, tally): (&str, u64, &Tally)| {
        let (time, came) = (span(tally.begin(), tally.until()), came(whole, tally));
        (format!(" Measured {when}, {time}: {came}."), seq)
    };
    let (sentences, seqs): (Vec<String>, Vec<u64>) = known.map(sentence).unzip();
    (sentences.concat(), seqs)
}

/// What came, and for how much of their time people were served.
fn came(whole: &Whole<'_>, tally: &Tally) -> String {
    let [came, refused] = [tally.offered, tally.refused()].map(|count| a_second(count, tally.millis));
    let served = |users: Users| {
        let share = share(tally, users, whole.state)?;
        Some(format!("; {}: served for {} of their time", users.label(), percent(share)))
    };
    let served: String = Users::ALL.into_iter().filter_map(served).collect();
    format!("{came} requests a second came, {refused} of them were turned away{served}")
}
