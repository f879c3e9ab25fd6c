//! How pages elsewhere are doing, for admins.

use std::fmt::Write;

use console_io::ctl::Reply;
use incident::Civil;
use journal_io::journal::AttemptRow;
use notify::{PageFigures, State};
use serde_json::{Value, json};

use crate::publish::TRIES;

/// A line for each page, what people did there, and the last tries.
pub(super) fn shown(pages: &[PageFigures], tries: &[AttemptRow]) -> Reply {
    if pages.is_empty() {
        return Reply::done(NONE, json!({ "pages": [], "tries": [] }));
    }
    let mut text = String::new();
    for page in pages {
        add(&mut text, format_args!("{}", line(page)));
        page.noticed.iter().for_each(|noticed| add(&mut text, format_args!("  {noticed}")));
    }
    for of in tries {
        let (at, why) = (moment(of), if of.why.is_empty() { "" } else { ": " });
        let page = of.receiver.trim_start_matches(TRIES);
        add(&mut text, format_args!("{at}  {page} {} {}{why}{}", of.key, outcome(of), of.why));
    }
    let pages: Value = pages.iter().map(value).collect();
    let tries: Value = tries.iter().map(attempt).collect();
    Reply::done(text.trim_end(), json!({ "pages": pages, "tries": tries }))
}

fn line(page: &PageFigures) -> String {
    let PageFigures {
        name,
        waiting,
        behind,
        looked,
        outcomes: [failed, delivered, refused, given_up],
        trouble,
        ..
    } = page;
    let state = match (waiting, behind) {
        (0, _) if looked.is_some() || *delivered > 0 => "it says what we say".to_owned(),
        (0, _) => "nothing is to be written".to_owned(),
        (waiting, behind) => {
            format!("{waiting} to be written, for {} s", behind.unwrap_or_default().as_secs())
        }
    };
    let seen = looked.map(|at| format!("; seen at {}", &Civil::of(at).rfc3339()[11..19])).unwrap_or_default();
    let trouble = if trouble.is_empty() { String::new() } else { format!("; the last: {trouble}") };
    format!(
        "{name}: {state}{seen}; since the start {delivered} written, {failed} tried in vain, {refused} refused, {given_up} given up{trouble}"
    )
}

fn value(page: &PageFigures) -> Value {
    let outcomes = State::ALL.map(State::name).into_iter().zip(page.outcomes);
    let outcomes: serde_json::Map<_, _> =
        outcomes.map(|(name, count)| (name.to_owned(), count.into())).collect();
    json!({
        "page": page.name,
        "waiting": page.waiting,
        "behind_seconds": page.behind.map(|behind| behind.as_secs()),
        "seen": page.looked.map(|at| Civil::of(at).rfc3339()),
        "outcomes": outcomes,
        "trouble": page.trouble,
        "noticed": page.noticed,
    })
}

fn attempt(of: &AttemptRow) -> Value {
    json!({
        "at": Civil::of(of.at).rfc3339(), "page": of.receiver.trim_start_matches(TRIES), "what": &*of.key,
        "try": of.number, "outcome": outcome(of), "why": &*of.why,
    })
}

fn outcome(of: &AttemptRow) -> &'static str {
    State::ALL.get(usize::from(of.state)).map_or("noticed", |state| state.name())
}

/// `2026-11-28 17:24:01 UTC`.
fn moment(of: &AttemptRow) -> String {
    let text = Civil::of(of.at).rfc3339();
    format!("{} {} UTC", &text[..10], &text[11..19])
}

fn add(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A `String` takes everything.
    let _never_fails = writeln!(text, "{line}");
}

const NONE: &str = "there is no page elsewhere; write [[publish]] into the configuration";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{SiteId, Timestamp};

    use super::*;

    #[test]
    fn each_page_has_a_line_and_what_people_did_there() {
        let at = Timestamp::from_secs(1_795_886_641);
        let good = PageFigures {
            name: "statuspage".to_owned(),
            looked: Some(at),
            outcomes: [0, 3, 0, 0],
            noticed: vec![
                "somebody renamed incident \"Checkout fails\" (s5gpwh5ag6rk) there; that name stays"
                    .to_owned(),
            ],
            ..PageFigures::default()
        };
        let bad = PageFigures {
            name: "instatus".to_owned(),
            waiting: 2,
            behind: Some(Duration::from_secs(40)),
            outcomes: [4, 0, 0, 0],
            trouble: "it answers 401 (it does not know the key)".to_owned(),
            ..PageFigures::default()
        };
        let tries = AttemptRow {
            site: SiteId(0),
            receiver: "publish/instatus".into(),
            key: "s5gpwh5ag6rk.cptq6mmitn9z".into(),
            number: 4,
            at,
            state: 0,
            why: "it answers 401".into(),
        };
        let reply = shown(&[good, bad], &[tries]);
        insta::assert_snapshot!(format!("{reply:#?}"));
    }
}
