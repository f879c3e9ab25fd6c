//! Telling of something that the gate does not see.

use incident::{Stage, Status};
use status::Markup;

use super::frame::{self, Place};
use super::{Sheet, put_area, put_button, put_form, put_line, put_option};
use crate::{Form, Known};

/// Begins the names of the fields for components.
const OF: &str = "of:";

/// The page; `form` is what somebody has written already.
pub fn open(sheet: &Sheet<'_>, form: &Form) -> Markup {
    let mut out = Markup::default();
    out.raw("<h1>Tell of something</h1>\n<p class=\"soft\">For what the gate does not see: a supplier, the telephone, a mistake in the app. ");
    out.raw("What it sees, it tells by itself.</p>\n");
    let [seen, _] = sheet.known.counts;
    put_form(&mut out, sheet, "/desk/open", seen, |out| {
        put_line(
            out,
            "title",
            "Title",
            "One line, such as: Nobody answers the phone",
            TITLE,
            form.get("title"),
        );
        out.raw("<p><label for=\"stage\">How far it is</label>\n<select id=\"stage\" name=\"stage\">\n");
        for stage in [Stage::Investigating, Stage::Identified, Stage::Monitoring] {
            put_option(out, stage.name(), stage.label(), form.get("stage"));
        }
        out.raw("</select></p>\n");
        let hint = "Plain text; an empty line begins a paragraph.";
        put_area(out, "text", "What the public reads", hint, 6, form.get("text"));
        put_components(out, sheet.known, form);
        out.raw("<div class=\"acts\">");
        put_button(out, "preview", "See what the public will read", true);
        out.raw("</div>\n");
    });
    frame::page(sheet, Place::Open, "Tell of something", &out)
}

const TITLE: &str = "required maxlength=\"200\" dir=\"auto\"";

fn put_components(out: &mut Markup, known: &Known, form: &Form) {
    if known.components.is_empty() {
        return;
    }
    out.raw("<fieldset><legend>Components that do not do well until it is resolved</legend>\n");
    for (place, component) in known.components.iter().enumerate() {
        let place = u64::try_from(place).unwrap_or_default();
        out.raw("<p class=\"set\"><label for=\"of")
            .number(place)
            .raw("\" dir=\"auto\">")
            .text(&component.name);
        out.raw("</label>\n<select id=\"of")
            .number(place)
            .raw("\" name=\"")
            .raw(OF)
            .text(&component.name)
            .raw("\">\n");
        let chosen = form.below(OF).find(|(name, _)| *name == component.name).map_or("", |(_, value)| value);
        put_option(out, "", "As it is", chosen);
        for status in Status::ALL.into_iter().skip(1) {
            put_option(out, status.name(), status.label(), chosen);
        }
        out.raw("</select></p>\n");
    }
    out.raw("</fieldset>\n");
}

/// The components that a form calls impaired, and how they do.
pub fn impaired(form: &Form) -> Vec<(String, Status)> {
    form.below(OF).filter_map(|(name, status)| Some((name.to_owned(), status.parse().ok()?))).collect()
}
