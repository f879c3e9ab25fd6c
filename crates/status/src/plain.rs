//! The page as plain text, for a terminal and for programs that read a line.
//!
//! Text of people is indented and never begins a line of its own, so that it cannot be taken for one of ours.

use incident::{Measure, Progress, Served, Users, View, percent};
use model::Timestamp;

use crate::dates;
use crate::markup::{one_line, paragraphs};
use crate::news;
use crate::page::Page;
use crate::pages::{NO_DATA, grouped};
use crate::tree::Tree;
use crate::verdict::Verdict;

/// Columns that a line has at most, unless a word is longer.
const WIDTH: usize = 78;
/// Before lines that are not ours alone.
const INDENT: &str = "  ";

/// The text.
pub(crate) fn text(view: &View, page: &Page, at: Timestamp) -> Vec<u8> {
    let verdict = Verdict::of(view);
    let mut out = Vec::new();
    out.push(format!("{}: {}", one_line(page.name()), verdict.word));
    out.extend(hanging(&verdict.sentence));
    out.push(format!("As of {}", dates::rfc3339(at)));
    for incident in view.incidents.iter().filter(|incident| incident.stage.is_open()) {
        out.extend([String::new(), format!("Incident: {}", one_line(&incident.title))]);
        out.push(format!("  {}, since {}", incident.stage.label(), dates::moment(incident.started_at)));
        let audiences = incident.audiences.iter();
        out.extend(audiences.map(|(who, how)| format!("  {}: {}", who.label(), how.label())));
        out.extend(incident.next_update_by.map(|by| format!("  Next update by {}", dates::moment(by))));
        if let Some(update) = incident.updates.first() {
            out.push(format!("  {}:", dates::moment(update.at)));
            out.extend(body("    ", &news::words(incident, update)));
        }
        out.push(format!("  {}/i/{}", page.url(), incident.id));
    }
    for work in view.maintenances.iter().filter(|work| work.progress != Progress::Completed) {
        out.extend([String::new(), format!("Announced work: {}", one_line(&work.title))]);
        out.push(format!("  {}", dates::span(work.from, work.until)));
        out.extend(body("  ", &work.body));
        out.push(format!("  {}/i/{}", page.url(), work.id));
    }
    out.extend([String::new(), "Components:".to_owned()]);
    let tree = Tree::of(view);
    for (place, component) in tree.all() {
        let indent = "  ".repeat(tree.above(place).len() + 1);
        out.push(format!("{indent}{}: {}", one_line(&component.name), component.status.label()));
    }
    out.extend(view.served.iter().flat_map(served));
    out.extend([String::new(), format!("{}/", page.url()), String::new()]);
    out.join("\n").into_bytes()
}

/// For how much of their time people were served; of bands the newest.
fn served(served: &Served) -> Vec<String> {
    let head = |from, until| {
        let span = dates::span(from, until);
        [String::new(), format!("Availability by audience, {span}:")].to_vec()
    };
    match served {
        nothing if nothing.is_empty() => {
            [String::new(), "Availability by audience: not enough data yet".to_owned()].into()
        }
        Served::Exact(measured) => {
            let said = |measure: Option<Measure>| match measure {
                None => NO_DATA.to_owned(),
                Some(Measure { share, visits, .. }) => {
                    format!("served for {} of their time, about {} visits", percent(share), grouped(visits))
                }
            };
            let lines = Users::ALL.into_iter().zip(measured.of);
            let lines = lines.map(|(users, measure)| format!("  {}: {}", users.label(), said(measure)));
            head(measured.from, measured.until).into_iter().chain(lines).collect()
        }
        Served::Bands(stretches) => stretches.first().map_or_else(Vec::new, |newest| {
            let said = |band: Option<incident::Band>| band.map_or(NO_DATA, incident::Band::label);
            let lines = Users::ALL.into_iter().zip(newest.bands);
            let lines = lines.map(|(users, band)| format!("  {}: {}", users.label(), said(band)));
            head(newest.from, newest.until).into_iter().chain(lines).collect()
        }),
    }
}

fn body(indent: &str, body: &str) -> Vec<String> {
    paragraphs(body).iter().flatten().flat_map(|line| wrapped(indent, line)).collect()
}

/// A sentence of ours with names in it: only its first line begins where our lines do.
fn hanging(sentence: &str) -> Vec<String> {
    let mut lines = wrapped(INDENT, sentence);
    if let Some(first) = lines.first_mut() {
        first.drain(..INDENT.len());
    }
    lines
}

fn wrapped(indent: &str, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in one_line(text).split_whitespace() {
        let length = indent.len() + line.chars().count() + word.chars().count() + 1;
        if !line.is_empty() && length > WIDTH {
            lines.push(format!("{indent}{line}"));
            line.clear();
        }
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(format!("{indent}{line}"));
    }
    lines
}
