//! What whoever has the link of an alert is shown, and what becomes of what they decide about words that wait.

use std::sync::Arc;

use edge_io::{CONSENT_PATH, Clock, ComingPage, ConsentPage, Consents, Decision};
use http::StatusCode;
use incident::{Act, ActError, Inside, View};
use model::Timestamp;
use notify::{Asked, ConsentKey};
use status::Markup;
use tokio::sync::Semaphore;

use crate::truth::Truth;

/// Answers at [`CONSENT_PATH`], from the record.
pub(crate) struct Counter {
    truth: Arc<Truth>,
    key: ConsentKey,
    clock: Clock,
    /// Whoever has a link can ask as often as they like: the record is not to be busy with that alone.
    places: Arc<Semaphore>,
}

impl Counter {
    pub(crate) fn new(truth: Arc<Truth>, key: ConsentKey, clock: Clock) -> Self {
        Self { truth, key, clock, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Consents for Counter {
    fn page(&self, token: &str, decision: Option<Decision>) -> Option<ComingPage> {
        let asked = self.key.open(token)?;
        if self.truth.open() == 0 {
            return Some(Box::pin(std::future::ready(settled(None))));
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Some(Box::pin(std::future::ready(late())));
        };
        let (truth, token, now) = (self.truth.clone(), token.to_owned(), self.clock.wall());
        Some(Box::pin(async move {
            // The place is given back when this is done, also for a client that has gone.
            let answered = tokio::task::spawn_blocking(move || {
                let _place = place;
                answered(&truth, &asked, &token, decision, now)
            });
            answered.await.unwrap_or_else(|_| late())
        }))
    }
}

/// Shows the words, or does what is decided about them; only as long as those wait that the link was sent about.
fn answered(
    truth: &Truth,
    asked: &Asked,
    token: &str,
    decision: Option<Decision>,
    now: Timestamp,
) -> ConsentPage {
    let Some(inside) = find(truth, asked) else { return late() };
    let Some(inside) = inside.filter(|inside| inside.asked.is_some_and(|since| asked.seq >= since)) else {
        return as_it_is(truth, asked);
    };
    let act = if decision == Some(Decision::Hold) { Act::Hold } else { Act::Publish };
    let (seen, by) = (Some(inside.revision), BY.to_owned());
    let outcome = match decision {
        Some(decision) => truth.act(act, seen, by).map(|done| done.map(|_| done_page(decision))),
        None => truth.foresee(act, seen, by).map(|view| view.map(|view| shown(&view, &inside, token, now))),
    };
    match (outcome, decision) {
        (Some(Ok(page)), _) => page,
        (Some(Err(ActError::Unwritten(why))), Some(decision)) => unwritten(truth, asked, decision, &why),
        (Some(Err(_)), _) => as_it_is(truth, asked),
        (None, _) => late(),
    }
}

/// The incident that a link is about; `None` in it: it is forgotten. `None`: the record does not answer in time.
fn find(truth: &Truth, asked: &Asked) -> Option<Option<Inside>> {
    let known = truth.ask()?;
    Some(known.incidents.into_iter().find(|inside| inside.number == asked.number))
}

/// What is so now, of words that do not wait any more, or do not yet.
fn as_it_is(truth: &Truth, asked: &Asked) -> ConsentPage {
    match find(truth, asked) {
        None => late(),
        Some(Some(inside)) if is_untold(&inside) && inside.asked.is_none() => not_yet(&inside),
        Some(inside) => settled(inside.as_ref()),
    }
}

/// Nothing was said yet, nor that nothing is to be.
fn is_untold(inside: &Inside) -> bool {
    inside.is_open && inside.stage.is_none() && !inside.is_held
}

/// The words as the public would read them, and two buttons.
fn shown(view: &View, inside: &Inside, token: &str, now: Timestamp) -> ConsentPage {
    let mut more = Markup::default();
    more.raw("<p><strong>").text(&inside.title);
    let incident = view.incidents.iter().find(|incident| incident.id == inside.id);
    if let Some(update) = incident.and_then(|incident| incident.updates.first()) {
        more.raw("<br>").text(update.stage.label()).raw("</strong></p>\n").paragraphs(&update.body);
    } else {
        more.raw("</strong></p>\n");
    }
    match inside.planned {
        Some(due) if due > now => {
            more.raw("<p>It is published at ").time(due).raw(" unless somebody holds it back.</p>\n")
        }
        Some(_) => more.raw("<p>Its time has come; it is published as soon as it is so again.</p>\n"),
        None => more.raw("<p>It is not published unless somebody says so.</p>\n"),
    };
    button(&mut more, token, Decision::Hold, "Hold it back");
    button(&mut more, token, Decision::Publish, "Publish it now");
    more.raw(
        "<p class=\"reference\">Once it is held back, only people tell the public of this incident.</p>\n",
    );
    page(StatusCode::OK, "Shall the public be told?", "These words wait for the status page.", &more)
}

fn button(more: &mut Markup, token: &str, decision: Decision, words: &'static str) {
    more.raw("<form method=\"post\" action=\"").raw(CONSENT_PATH).text(token).raw("/").raw(decision.name());
    more.raw("\"><p><button>").raw(words).raw("</button></p></form>\n");
}

fn done_page(decision: Decision) -> ConsentPage {
    let (title, detail) = match decision {
        Decision::Publish => ("It is published", "The words are on the status page."),
        Decision::Hold => (
            HELD,
            "From now on only people tell the public of this incident, in the console or with portcullis ctl incident.",
        ),
    };
    page(StatusCode::OK, title, detail, &Markup::default())
}

/// It was not kept: either it is so all the same and may be lost, or another process is about to take over, and it is not.
fn unwritten(truth: &Truth, asked: &Asked, decision: Decision, why: &str) -> ConsentPage {
    let Some(inside) = find(truth, asked) else { return late() };
    let still_waits = inside.is_some_and(|inside| inside.asked.is_some_and(|since| asked.seq >= since));
    not_kept(decision, still_waits, why)
}

fn not_kept(decision: Decision, still_waits: bool, why: &str) -> ConsentPage {
    let mut more = Markup::default();
    more.raw("<p>").text(why).raw("</p>\n");
    let (title, detail) = match (still_waits, decision) {
        (true, _) => ("It is not decided yet", "Go back and press the button again in a moment."),
        (false, Decision::Publish) => ("It is published", UNSAFE),
        (false, Decision::Hold) => (HELD, UNSAFE),
    };
    page(StatusCode::SERVICE_UNAVAILABLE, title, detail, &more)
}

/// The words do not wait any more, or the incident is forgotten.
fn settled(inside: Option<&Inside>) -> ConsentPage {
    let mut more = Markup::default();
    if let Some(inside) = inside {
        more.raw("<p><strong>").text(&inside.title).raw("</strong><br>Now: ").text(inside.state());
        if inside.is_held && inside.stage.is_some() {
            more.raw("; only people say more of it");
        }
        more.raw("</p>\n");
    }
    page(StatusCode::GONE, "These words do not wait any more", SETTLED, &more)
}

/// There is nothing that the public would be told yet.
fn not_yet(inside: &Inside) -> ConsentPage {
    let mut more = Markup::default();
    more.raw("<p><strong>").text(&inside.title).raw("</strong></p>\n");
    page(StatusCode::OK, "No words wait at the moment", NOT_YET, &more)
}

/// The record is busy, or its disk is.
fn late() -> ConsentPage {
    page(StatusCode::SERVICE_UNAVAILABLE, "This takes too long", LATE, &Markup::default())
}

fn page(status: StatusCode, title: &'static str, detail: &'static str, more: &Markup) -> ConsentPage {
    ConsentPage { status, title, detail, more: more.as_str().to_owned() }
}

/// Links that are looked into at once; as on the console's pages.
const AT_ONCE: usize = 2;
/// Who did it, as the record says it.
const BY: &str = "whoever held the link of an alert";
const HELD: &str = "It is held back";
const UNSAFE: &str = "It is so, but not safely on the disk: it may be lost if the gate stops now. Load this page again in a minute.";
const SETTLED: &str = "Somebody has decided about them, they were published, or what they told is not so any more. If other words wait, you get another message.";
const NOT_YET: &str = "The public is told nothing of this so far. Load this page again later; chats and mail hear of it when words wait.";
const LATE: &str =
    "The gate does not answer in time. Load this page again to see whether the words still wait.";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use incident::{ComponentSetting, Counts, Engine, Moment, Settings, Sight, Watches};
    use model::Instant;

    use super::*;

    /// An app that fails for everybody: the incident, and what the public would read.
    fn waiting() -> (Inside, View, Timestamp) {
        let component = ComponentSetting {
            name: "Tickets <b>&</b> more".to_owned(),
            groups: Vec::new(),
            description: String::new(),
            watches: Watches::Site,
        };
        let mut engine = Engine::new(Settings::new(vec![component], Duration::from_secs(120)));
        let sight = Sight { known: Counts { all: 50, bad: 50 }, ..Sight::default() };
        let at = |second: u64| Moment {
            now: Instant::from_secs(second),
            wall: Timestamp::from_secs(1_795_876_200 + second),
        };
        (0..10).for_each(|second| drop(engine.see(&sight, at(second))));
        let inside = engine.inside().remove(0);
        let view = engine.foresee(Act::Publish, Some(inside.revision), BY, at(10)).expect("it waits");
        (inside, view, at(10).wall)
    }

    fn told(page: &ConsentPage) -> String {
        format!("{} {}\n{}\n{}", page.status, page.title, page.detail, page.more)
    }

    #[test]
    fn the_words_are_shown_as_the_public_would_read_them() {
        let (inside, view, now) = waiting();
        let later = now + Duration::from_secs(600);
        let by_hand = Inside { planned: None, ..inside.clone() };
        let pages = [
            shown(&view, &inside, "TOKEN", now),
            shown(&view, &inside, "TOKEN", later),
            shown(&view, &by_hand, "TOKEN", now),
        ];
        insta::assert_snapshot!(pages.each_ref().map(told).join("\n"));
    }

    #[test]
    fn every_other_page_says_what_is_so() {
        let (inside, ..) = waiting();
        let held = Inside { is_held: true, asked: None, ..inside.clone() };
        let pages = [
            done_page(Decision::Publish),
            done_page(Decision::Hold),
            not_yet(&inside),
            settled(None),
            settled(Some(&held)),
            not_kept(Decision::Hold, false, "the disk did not answer in time"),
            not_kept(Decision::Publish, true, "another process is taking over; repeat it in a moment"),
            late(),
        ];
        insta::assert_snapshot!(pages.each_ref().map(told).join("\n"));
    }
}
