//! What whoever has the link of an alert is shown, and what becomes of what they decide about words that wait.

use std::sync::Arc;

use edge_io::{CONSENT_PATH, ComingPage, ConsentPage, Consents, Decision};
use http::StatusCode;
use incident::{Act, ActError, Inside, View};
use notify::{Asked, ConsentKey};
use status::Markup;

use crate::truth::Truth;

/// Answers at [`CONSENT_PATH`], from the record.
pub(crate) struct Counter {
    pub(crate) truth: Arc<Truth>,
    pub(crate) key: ConsentKey,
}

impl Consents for Counter {
    fn page(&self, token: &str, decision: Option<Decision>) -> Option<ComingPage> {
        let asked = self.key.open(token)?;
        let (truth, token) = (self.truth.clone(), token.to_owned());
        Some(Box::pin(async move {
            let answered = tokio::task::spawn_blocking(move || answered(&truth, &asked, &token, decision));
            answered.await.unwrap_or_else(|_| late())
        }))
    }
}

/// Shows the words, or does what is decided about them; only as long as those wait that the link was sent about.
fn answered(truth: &Truth, asked: &Asked, token: &str, decision: Option<Decision>) -> ConsentPage {
    let Some(known) = truth.ask() else { return late() };
    let Some(inside) = known.incidents.iter().find(|inside| inside.id == asked.incident) else {
        return settled(None);
    };
    if inside.asked.is_none_or(|since| asked.seq < since) {
        return settled(Some(inside));
    }
    let act = if decision == Some(Decision::Hold) { Act::Hold } else { Act::Publish };
    let (seen, by) = (Some(inside.revision), BY.to_owned());
    if let Some(decision) = decision {
        return match truth.act(act, seen, by) {
            Some(Ok(_)) => done(decision),
            Some(Err(ActError::Changed | ActError::NothingPlanned)) => settled(Some(inside)),
            Some(Err(error)) => failed(&error),
            None => late(),
        };
    }
    match truth.foresee(act, seen, by) {
        Some(Ok(view)) => shown(&view, inside, token),
        Some(Err(ActError::Changed | ActError::NothingPlanned)) => settled(Some(inside)),
        Some(Err(error)) => failed(&error),
        None => late(),
    }
}

/// The words as the public would read them, and two buttons.
fn shown(view: &View, inside: &Inside, token: &str) -> ConsentPage {
    let mut more = Markup::default();
    more.raw("<p><strong>").text(&inside.title);
    let incident = view.incidents.iter().find(|incident| incident.id == inside.id);
    if let Some(update) = incident.and_then(|incident| incident.updates.first()) {
        more.raw("<br>").text(update.stage.label()).raw("</strong></p>\n").paragraphs(&update.body);
    } else {
        more.raw("</strong></p>\n");
    }
    match inside.planned {
        Some(due) => {
            more.raw("<p>It is published at ").time(due).raw(" unless somebody holds it back.</p>\n")
        }
        None => more.raw("<p>It is not published unless somebody says so.</p>\n"),
    };
    button(&mut more, token, Decision::Hold, "Hold it back");
    button(&mut more, token, Decision::Publish, "Publish it now");
    more.raw(
        "<p class=\"reference\">Once it is held back, only people tell the public of this incident.</p>\n",
    );
    page(StatusCode::OK, "Shall the public be told?", "These words wait for the status page.", more)
}

fn button(more: &mut Markup, token: &str, decision: Decision, words: &'static str) {
    more.raw("<form method=\"post\" action=\"").raw(CONSENT_PATH).text(token).raw("/").raw(decision.name());
    more.raw("\"><p><button>").raw(words).raw("</button></p></form>\n");
}

fn done(decision: Decision) -> ConsentPage {
    let (title, detail) = match decision {
        Decision::Publish => ("It is published", "The words are on the status page."),
        Decision::Hold => (
            "It is held back",
            "From now on only people tell the public of this incident, in the console or with portcullis ctl incident.",
        ),
    };
    page(StatusCode::OK, title, detail, Markup::default())
}

/// The words do not wait any more, or the incident is forgotten.
fn settled(inside: Option<&Inside>) -> ConsentPage {
    let mut more = Markup::default();
    if let Some(inside) = inside {
        more.raw("<p><strong>")
            .text(&inside.title)
            .raw("</strong><br>Now: ")
            .text(inside.state())
            .raw("</p>\n");
    }
    page(StatusCode::GONE, "These words do not wait any more", SETTLED, more)
}

fn failed(error: &ActError) -> ConsentPage {
    let mut more = Markup::default();
    more.raw("<p>").text(&error.to_string()).raw("</p>\n");
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        "This could not be done",
        "Nothing is lost; try again in a moment.",
        more,
    )
}

/// The record is busy, or its disk is.
fn late() -> ConsentPage {
    page(StatusCode::SERVICE_UNAVAILABLE, "This takes too long", LATE, Markup::default())
}

fn page(status: StatusCode, title: &'static str, detail: &'static str, more: Markup) -> ConsentPage {
    ConsentPage { status, title, detail, more: more.as_str().to_owned() }
}

/// Who did it, as the record says it.
const BY: &str = "whoever held the link of an alert";
const SETTLED: &str = "Somebody has decided about them, they were published, or what they told is not so any more. If other words wait, you get another message.";
const LATE: &str =
    "The gate does not answer in time. Load this page again to see whether the words still wait.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_what_is_so() {
        let pages = [
            done(Decision::Publish),
            done(Decision::Hold),
            settled(None),
            failed(&ActError::NoneOpen),
            late(),
        ];
        let shown =
            pages.map(|page| format!("{} {}\n{}\n{}", page.status, page.title, page.detail, page.more));
        insta::assert_snapshot!(shown.join("\n"));
    }
}
