//! One incident: what happened beside what was told, and the next words.

use incident::{Audience, Inside, Stage, View};
use status::Markup;

use super::frame::{self, Place};
use super::{Sheet, clock, front, put_area, put_button, put_form, put_line, put_option, put_written};
use crate::Form;

/// The page of an incident; `form` is what somebody has written already, `then` what the public would read if the notice that waits were
/// published now.
pub fn incident(sheet: &Sheet<'_>, incident: &Inside, form: &Form, then: Option<&View>) -> Markup {
    let mut out = Markup::default();
    put_facts(&mut out, incident);
    if incident.waits.is_some() {
        front::put_waiting(&mut out, sheet, incident, then);
    }
    out.raw("<div class=\"two\">\n");
    if incident.is_open || incident.stage.is_some() {
        put_words(&mut out, sheet, incident, form);
    } else {
        put_written(&mut out, form, &["text", "reason"]);
    }
    out.raw("<div>\n");
    if incident.is_open {
        put_inner(&mut out, sheet, incident, form);
    } else {
        // It was open when somebody began to write.
        put_written(&mut out, form, &["note"]);
    }
    put_report(&mut out, incident);
    out.raw("</div>\n</div>\n");
    put_timeline(&mut out, incident);
    frame::page(sheet, Place::Elsewhere, &incident.title, &out)
}

fn put_facts(out: &mut Markup, incident: &Inside) {
    out.raw("<h1 dir=\"auto\">")
        .text(&incident.title)
        .raw("</h1>\n<p><strong>")
        .raw(incident.state())
        .raw("</strong> · since ");
    out.time(incident.since);
    if let Some(cause) = incident.cause {
        out.raw(" · thought to be behind it: ").raw(cause.label());
    }
    out.raw("</p>\n");
    if incident.is_open {
        out.raw("<dl class=\"facts\">\n");
        for audience in Audience::ALL {
            out.raw("<div><dt>")
                .raw(audience.label())
                .raw("</dt><dd>")
                .raw(incident.services.of(audience).label());
            out.raw("</dd></div>\n");
        }
        out.raw("</dl>\n");
    }
}

/// The form for the next words.
fn put_words(out: &mut Markup, sheet: &Sheet<'_>, incident: &Inside, form: &Form) {
    out.raw("<section aria-labelledby=\"say\">\n<h2 id=\"say\">Tell the public</h2>\n");
    let address = format!("/desk/i/{}", incident.id);
    put_form(out, sheet, &address, incident.revision, |out| {
        out.raw("<p><label for=\"stage\">How far it is</label>\n<select id=\"stage\" name=\"stage\">\n");
        let before = incident.stage.map_or("Investigating", Stage::label);
        put_option(out, "", &format!("As before: {before}"), form.get("stage"));
        for stage in [Stage::Investigating, Stage::Identified, Stage::Monitoring, Stage::Resolved] {
            put_option(out, stage.name(), stage.label(), form.get("stage"));
        }
        out.raw("</select></p>\n");
        let hint = "Plain text; an empty line begins a paragraph. Say who is affected, what they can do, and when there is news.";
        put_area(out, "text", "What the public reads", hint, 7, form.get("text"));
        let hint = "Only to call it resolved before it has been well for ten minutes. The page shows it.";
        put_line(out, "reason", "Reason", hint, "maxlength=\"200\" dir=\"auto\"", form.get("reason"));
        out.raw("<div class=\"acts\">");
        put_button(out, "preview", "See what the public will read", true);
        out.raw("</div>\n");
    });
    out.raw("</section>\n");
}

/// What stays among colleagues.
fn put_inner(out: &mut Markup, sheet: &Sheet<'_>, incident: &Inside, form: &Form) {
    let address = format!("/desk/i/{}", incident.id);
    out.raw("<section aria-labelledby=\"inner\">\n<h2 id=\"inner\">Among colleagues</h2>\n");
    put_form(out, sheet, &address, incident.revision, |out| {
        put_area(
            out,
            "note",
            "Note",
            "The record and the report for colleagues have it; the public does not read it.",
            3,
            form.get("note"),
        );
        out.raw("<div class=\"acts\">");
        put_button(out, "note", "Write it down", false);
        out.raw("</div>\n");
    });
    put_form(out, sheet, &address, incident.revision, |out| {
        out.raw("<div class=\"acts\">");
        put_button(out, "acknowledge", "I see to it", false);
        out.raw("<span class=\"soft\">Nobody is called about it unless it gets worse.</span></div>\n");
    });
    out.raw("</section>\n");
}

fn put_report(out: &mut Markup, incident: &Inside) {
    out.raw("<section aria-labelledby=\"report\">\n<h2 id=\"report\">Report</h2>\n<p>");
    out.raw(match (incident.report.is_empty(), &incident.draft) {
        (false, _) => "It is published.",
        (true, Some(_)) => "A draft is kept.",
        (true, None) => "A draft can be made from the record.",
    });
    out.raw(" <a href=\"/desk/i/").id(incident.id).raw("/report\">Write the report</a></p>\n</section>\n");
}

/// What happened on the left, what was told on the right; below one another where there is no room.
fn put_timeline(out: &mut Markup, incident: &Inside) {
    out.raw("<section aria-labelledby=\"time\">\n<h2 id=\"time\">What happened, and what was told</h2>\n");
    out.raw("<div class=\"heads\" aria-hidden=\"true\"><span>Among colleagues</span><span>What the public read</span></div>\n");
    out.raw("<ol class=\"pair\">\n");
    let mut day = String::new();
    for event in incident.timeline.iter().rev() {
        let label = if event.is_public { "Public" } else { "Internal" };
        out.raw(if event.is_public { "<li class=\"out\">" } else { "<li class=\"in\">" });
        let date = incident::Civil::of(event.at).date();
        let moment = if date == day { clock(event.at) } else { format!("{date}, {}", clock(event.at)) };
        out.raw("<p class=\"tag\">").raw(label).raw(" · ").time_as(event.at, &moment).raw("</p>\n");
        match event.words.split_once('\n').filter(|_| event.is_public) {
            Some((what, text)) => out.raw("<p><strong>").text(what).raw("</strong></p>\n").paragraphs(text),
            None => out.paragraphs(&event.words),
        };
        out.raw("</li>\n");
        day = date;
    }
    out.raw("</ol>\n</section>\n");
}
