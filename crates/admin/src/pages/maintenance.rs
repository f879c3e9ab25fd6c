//! Work that is announced.

use incident::Progress;
use model::Timestamp;
use status::Markup;

use super::frame::{self, Place};
use super::{Sheet, put_area, put_button, put_form, put_line};
use crate::{Form, Known, when};

/// The page; `form` is what somebody has written already.
pub fn maintenance(sheet: &Sheet<'_>, form: &Form) -> Markup {
    let mut out = Markup::default();
    out.raw("<h1>Maintenance</h1>\n");
    put_announced(&mut out, sheet);
    out.raw("<section aria-labelledby=\"new\">\n<h2 id=\"new\">Announce work</h2>\n");
    let [_, seen] = sheet.known.counts;
    put_form(&mut out, sheet, "/desk/maintenance", seen, |out| {
        put_line(
            out,
            "title",
            "Title",
            "One line",
            "required maxlength=\"200\" dir=\"auto\"",
            form.get("title"),
        );
        put_area(
            out,
            "text",
            "What the public reads",
            "What will not work meanwhile, and for whom.",
            4,
            form.get("text"),
        );
        let kind = "type=\"datetime-local\" class=\"short\" required";
        put_line(out, "from", "Begins", "In UTC", kind, form.get("from"));
        put_line(out, "until", "Ends", "In UTC", kind, form.get("until"));
        put_concerned(out, sheet.known, form);
        out.raw("<div class=\"acts\">");
        put_button(out, "preview", "See what the public will read", true);
        out.raw("</div>\n");
    });
    out.raw("</section>\n");
    frame::page(sheet, Place::Maintenance, "Maintenance", &out)
}

fn put_announced(out: &mut Markup, sheet: &Sheet<'_>) {
    let mut works =
        sheet.known.works.iter().filter(|work| work.shown.progress != Progress::Completed).peekable();
    if works.peek().is_none() {
        out.raw("<p class=\"soft\">Nothing is announced.</p>\n");
        return;
    }
    out.raw("<ul class=\"list\">\n");
    for work in works {
        out.raw("<li class=\"set\"><div><strong dir=\"auto\">")
            .text(&work.shown.title)
            .raw("</strong>\n<div class=\"soft\">");
        let state = if work.shown.progress == Progress::Scheduled { "announced" } else { "going on" };
        out.raw(state)
            .raw(" · ")
            .time(work.shown.from)
            .raw(" – ")
            .time(work.shown.until)
            .raw("</div></div>\n");
        put_form(out, sheet, "/desk/maintenance", work.revision, |out| {
            out.raw("<input type=\"hidden\" name=\"id\" value=\"")
                .id(work.shown.id)
                .raw("\">\n<button name=\"do\" value=\"finish\">");
            out.raw("It is over, or does not take place</button>\n");
        });
        out.raw("</li>\n");
    }
    out.raw("</ul>\n");
}

fn put_concerned(out: &mut Markup, known: &Known, form: &Form) {
    if known.components.is_empty() {
        return;
    }
    out.raw("<fieldset><legend>Components that it concerns</legend>\n");
    for component in &known.components {
        let is_chosen = form.all("component").any(|name| name == component.name);
        out.raw("<p><label dir=\"auto\"><input type=\"checkbox\" name=\"component\" value=\"")
            .text(&component.name);
        out.raw(if is_chosen { "\" checked>" } else { "\">" }).text(&component.name).raw("</label></p>\n");
    }
    out.raw("</fieldset>\n");
}

/// When work begins and ends, as a form says it; `None` if one of them is no moment.
pub fn plan(form: &Form) -> Option<[Timestamp; 2]> {
    Some([when::read(form.get("from"))?, when::read(form.get("until"))?])
}
