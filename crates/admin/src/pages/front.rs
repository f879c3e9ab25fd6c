//! What stands now: the gate, notices that wait, incidents, components, work.

use incident::{Inside, Progress, Status, View};
use model::Timestamp;
use model::{Level, Mode};
use status::Markup;

use super::frame::{self, Place};
use super::{Sheet, clock, put_button, put_form};
use crate::Known;

/// The first page; `then` is what the public would read if the notice that waits were published now.
pub fn front(sheet: &Sheet<'_>, then: Option<&View>) -> Markup {
    let (known, mut out) = (sheet.known, Markup::default());
    out.raw("<h1>What stands now</h1>\n");
    put_gate(&mut out, known);
    if known.waiting().next().is_some() {
        out.raw("<section aria-labelledby=\"waiting\">\n<h2 id=\"waiting\">Waiting to be published</h2>\n");
        known.waiting().for_each(|incident| put_waiting(&mut out, sheet, incident, then));
        out.raw("</section>\n");
    }
    let (open, over): (Vec<&Inside>, Vec<&Inside>) =
        known.incidents.iter().partition(|incident| incident.is_open);
    out.raw("<section aria-labelledby=\"open\">\n<h2 id=\"open\">Open incidents</h2>\n");
    put_list(&mut out, &open, "None. When the gate sees something, or a person tells of it, it stands here.");
    out.raw("</section>\n<div class=\"two\">\n<section aria-labelledby=\"parts\">\n<h2 id=\"parts\">Components</h2>\n");
    put_components(&mut out, known);
    out.raw("</section>\n<section aria-labelledby=\"work\">\n<h2 id=\"work\">Maintenance</h2>\n");
    put_work(&mut out, known);
    out.raw("</section>\n</div>\n<section aria-labelledby=\"over\">\n<h2 id=\"over\">Over, with their reports</h2>\n");
    put_list(&mut out, over.get(..OVER_SHOWN).unwrap_or(&over), "None yet.");
    out.raw("</section>\n");
    frame::page(sheet, Place::Now, "Now", &out)
}

/// What the gate does, in plain words.
fn put_gate(out: &mut Markup, known: &Known) {
    let look = match known.level {
        _ if known.is_bypassed => Status::MajorOutage,
        Level::Calm => Status::Operational,
        Level::Filtering | Level::Limiting | Level::Challenging | Level::Reopening => {
            Status::DegradedPerformance
        }
        Level::CustomersFirst => Status::PartialOutage,
    };
    let class = match look {
        Status::Operational | Status::UnderMaintenance => "<div class=\"card up\">",
        Status::DegradedPerformance => "<div class=\"card slow\">",
        Status::PartialOutage => "<div class=\"card some\">",
        Status::MajorOutage => "<div class=\"card down\">",
    };
    out.raw(class)
        .raw("<p>")
        .state(look, known.level.label())
        .raw(": ")
        .raw(known.meaning)
        .raw("</p>\n<p class=\"soft\">");
    out.raw(match known.mode {
        Mode::Observe => {
            "Mode observe: it decides and reports, and publishes nothing by itself. It refuses only denied networks, hosts that are not yours, malformed requests, WebSockets where a route forbids them, and connections beyond the bounds."
        }
        Mode::Assist => "Mode assist: it acts, but asks a person before strangers are asked for anything.",
        Mode::Auto => "Mode auto: it acts by itself.",
    });
    if known.is_bypassed {
        out.raw(" <strong>The bypass is on: everything is forwarded, nothing is protected.</strong>");
    }
    if let Some(said) = &known.undeclared_front {
        out.raw("</p>\n<p><strong>A proxy that nobody has named:</strong> ").text(said);
    }
    out.raw("</p></div>\n");
}

/// A notice that waits, with what it would say and the buttons.
pub(super) fn put_waiting(out: &mut Markup, sheet: &Sheet<'_>, incident: &Inside, then: Option<&View>) {
    out.raw("<article class=\"card slow\">\n<h3 dir=\"auto\"><a href=\"/desk/i/").id(incident.id).raw("\">");
    out.text(&incident.title).raw("</a></h3>\n<p><strong>");
    put_due(out, sheet, incident.planned);
    let told = then.and_then(|then| then.incidents.iter().find(|told| told.id == incident.id));
    if let Some(update) = told.and_then(|told| told.updates.first()) {
        out.raw("<p class=\"soft\">As it would read now:</p>\n<div class=\"public\"><p><strong>")
            .raw(update.stage.label());
        out.raw("</strong></p>\n").paragraphs(&update.body).raw("</div>\n");
    }
    put_form(out, sheet, "/desk/notice", incident.revision, |out| {
        out.raw("<div class=\"acts\">");
        put_button(out, "publish", "Publish now", true);
        put_button(out, "withhold", "Withhold", false);
        out.raw("</div>\n");
    });
    out.raw("</article>\n");
}

/// When it is published, if it is by itself.
fn put_due(out: &mut Markup, sheet: &Sheet<'_>, due: Option<Timestamp>) {
    let Some(due) = due else {
        out.raw("It waits for you</strong>: it is not published by itself.</p>\n");
        return;
    };
    match due.since(sheet.known.now).as_secs() {
        0 => out.raw("It is published at any moment"),
        1 => out.raw("It is published in 1 second"),
        left => out.raw("It is published in ").number(left).raw(" seconds"),
    };
    out.raw("</strong>, at ").time_as(due, &clock(due)).raw(", unless it is withheld.</p>\n");
}

fn put_list(out: &mut Markup, incidents: &[&Inside], none: &'static str) {
    if incidents.is_empty() {
        out.raw("<p class=\"soft\">").raw(none).raw("</p>\n");
        return;
    }
    out.raw("<ul class=\"list\">\n");
    for incident in incidents {
        out.raw("<li><div class=\"row\"><a href=\"/desk/i/").id(incident.id).raw("\" dir=\"auto\">");
        out.text(&incident.title)
            .raw("</a> <span>")
            .raw(incident.state())
            .raw("</span></div>\n<div class=\"soft\">since ");
        out.time(incident.since);
        if let Some(cause) = incident.cause {
            out.raw(" · ").raw(cause.label());
        }
        if incident.is_told_over {
            let state = match (incident.report.is_empty(), &incident.draft) {
                (false, _) => "report published",
                (true, Some(_)) => "report in the making",
                (true, None) => "no report yet",
            };
            out.raw(" · <a href=\"/desk/i/").id(incident.id).raw("/report\">").raw(state).raw("</a>");
        }
        out.raw("</div></li>\n");
    }
    out.raw("</ul>\n");
}

fn put_components(out: &mut Markup, known: &Known) {
    if known.components.is_empty() {
        out.raw("<p class=\"soft\">None: the configuration names them as [[status.component]].</p>\n");
        return;
    }
    out.raw("<ul class=\"list\">\n");
    for component in &known.components {
        out.raw("<li><div class=\"row\"><span dir=\"auto\">").text(&component.name).raw("</span> ");
        out.state(component.status, component.status.label()).raw("</div>");
        out.raw(if component.is_said { "<div class=\"soft\">a person says so</div>" } else { "" })
            .raw("</li>\n");
    }
    out.raw("</ul>\n<p><a href=\"/desk/components\">Say how one does</a></p>\n");
}

fn put_work(out: &mut Markup, known: &Known) {
    let mut works = known.works.iter().filter(|work| work.shown.progress != Progress::Completed).peekable();
    if works.peek().is_none() {
        out.raw("<p class=\"soft\">Nothing is announced.</p>\n");
    } else {
        out.raw("<ul class=\"list\">\n");
        for work in works {
            out.raw("<li><div class=\"row\"><span dir=\"auto\">")
                .text(&work.shown.title)
                .raw("</span></div><div class=\"soft\">");
            out.time(work.shown.from).raw(" – ").time(work.shown.until).raw("</div></li>\n");
        }
        out.raw("</ul>\n");
    }
    out.raw("<p><a href=\"/desk/maintenance\">Announce or end work</a></p>\n");
}

/// Incidents that are over.
const OVER_SHOWN: usize = 12;
