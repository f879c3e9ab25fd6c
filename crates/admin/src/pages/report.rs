//! The report about an incident: written, looked at, published.

use incident::{Inside, is_left_to_people};
use status::Markup;

use super::frame::{self, Place};
use super::telling::put_choice;
use super::{Sheet, Telling, put_button, put_form, put_lines};
use crate::Form;

/// What the record knows for a report.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReportDraft {
    /// For everybody.
    pub public: String,
    /// For colleagues.
    pub inner: String,
}

/// The page; `form` is what somebody has written already, else what was kept is in the form, else what the record knows.
pub fn report(sheet: &Sheet<'_>, incident: &Inside, draft: &ReportDraft, form: &Form) -> Markup {
    let mut out = Markup::default();
    let kept = incident.draft.as_ref().map(|draft| draft.text.as_str());
    let text = Some(form.get("text")).filter(|text| !text.is_empty()).or(kept).unwrap_or(&draft.public);
    out.raw("<p><a href=\"/desk/i/")
        .id(incident.id)
        .raw("\" dir=\"auto\">")
        .text(&incident.title)
        .raw("</a></p>\n<h1>Report</h1>\n<p>");
    put_state(&mut out, incident);
    out.raw("</p>\n");
    put_todos(&mut out, text);
    let address = Telling::Report(incident.id).address();
    put_form(&mut out, sheet, &address, incident.report_revision, |out| {
        out.raw("<p><label for=\"text\">Text <span class=\"hint\">Headings begin with ##, points with -, and each TODO is for a person; [x] ticks a box. ");
        out.raw("#12 is an entry of the record.</span></label>\n");
        out.raw("<textarea id=\"text\" name=\"text\" class=\"tall\" required dir=\"auto\" rows=\"28\">\n");
        put_lines(out, text);
        out.raw("</textarea></p>\n<div class=\"acts\">");
        put_button(out, "preview", "See what the public will read", true);
        put_button(out, "keep", "Keep the draft", false);
        out.raw("</div>\n");
    });
    out.raw(
        "<details><summary>What the record knows, for colleagues alone</summary>\n<div class=\"card\">\n",
    );
    status::put_markdown(&mut out, &draft.inner);
    out.raw("</div></details>\n");
    frame::page(sheet, Place::Elsewhere, "Report", &out)
}

fn put_state(out: &mut Markup, incident: &Inside) {
    if !incident.report.is_empty() {
        out.raw("A report is published; to publish again replaces it.");
    } else if !incident.is_told_over {
        out.raw("It can be published once the incident is called resolved.");
    } else {
        out.raw("It is not published yet.");
    }
    match &incident.draft {
        Some(draft) => out.raw(" The draft was kept ").time(draft.at).raw(" by ").text(&draft.by).raw("."),
        None => out.raw(" This draft is made from the record, and nobody has kept one yet."),
    };
}

/// What is left to people, so that nobody has to look for it.
fn put_todos(out: &mut Markup, text: &str) {
    let todos: Vec<&str> = text.lines().filter(|line| is_left_to_people(line)).collect();
    if todos.is_empty() {
        return;
    }
    out.raw("<details open><summary>").number(u64::try_from(todos.len()).unwrap_or_default());
    out.raw(if todos.len() == 1 { " line is" } else { " lines are" })
        .raw(" left to people</summary>\n<ul class=\"todo\">\n");
    for line in todos {
        out.raw("<li dir=\"auto\">").text(line.replace("**", "").trim_start_matches("- ")).raw("</li>\n");
    }
    out.raw("</ul></details>\n");
}

/// A report in which questions are left: what the public would read, without the button.
pub fn unfinished(sheet: &Sheet<'_>, incident: &Inside, form: &Form) -> Markup {
    let mut out = Markup::default();
    out.raw("<h1>What the public would read</h1>\n<div class=\"news slow\"><p>It cannot be published while ");
    out.raw(if form.get("text").contains(TODO) {
        "a TODO is left in it"
    } else {
        "a box of it is open: write [x] into it"
    });
    out.raw(".</p></div>\n");
    put_todos(&mut out, form.get("text"));
    out.raw("<section class=\"public\" aria-label=\"As it would be published\">\n<h2>Post-mortem</h2>\n");
    status::put_markdown(&mut out, form.get("text"));
    out.raw("</section>\n");
    put_choice(&mut out, sheet, Telling::Report(incident.id), form, false);
    frame::page(sheet, Place::Elsewhere, "What the public would read", &out)
}

/// What marks a question of a draft.
const TODO: &str = "TODO";

/// Whether questions are left in a report, or boxes of its review are open.
pub fn is_unfinished(text: &str) -> bool {
    text.lines().any(is_left_to_people)
}
