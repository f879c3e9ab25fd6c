//! The pages: HTML that is complete without a script, in the style of the status page.
//!
//! Text of people and of the record goes through [`Markup`], which escapes it. Every form holds what only pages of the session have,
//! and the revision of what it is about as its page shows it.

mod components;
mod frame;
mod front;
mod incident;
mod log_in;
mod maintenance;
mod open;
mod report;
mod style;
mod telling;

pub use components::components;
pub use frame::content_security_policy;
pub use front::front;
pub use incident::incident;
pub use log_in::{adrift, log_in};
pub use maintenance::{maintenance, plan};
pub use open::{impaired, open};
pub use report::{ReportDraft, is_unfinished, report, unfinished};
pub use telling::{Telling, foreseen};

use ::incident::Civil;
use model::Timestamp;
use status::Markup;

use crate::{Form, Known, Session};

/// What every page is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// What is known.
    pub known: &'a Known,
    /// Who looks.
    pub session: &'a Session,
    /// What is said above all else.
    pub news: News<'a>,
}

/// What became of what somebody wanted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum News<'a> {
    /// Nothing was wanted.
    #[default]
    Nothing,
    /// It was done.
    Done(Done),
    /// It was not, and why; what was written is in the form still.
    Refused(&'a str),
    /// Somebody else, or the gate, was faster: what was said or written last. What was written is in the form still.
    Faster(&'a str),
}

/// What was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Done {
    /// The public reads it.
    Published,
    /// The notice is not published.
    Withheld,
    /// It is in the record, and nobody else reads it.
    Noted,
    /// Nobody is called about it unless it gets worse.
    Acknowledged,
    /// The draft is kept.
    Kept,
    /// The component is shown so.
    Said,
    /// The work is over.
    Finished,
}

impl Done {
    const ALL: [Self; 7] = [
        Self::Published,
        Self::Withheld,
        Self::Noted,
        Self::Acknowledged,
        Self::Kept,
        Self::Said,
        Self::Finished,
    ];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Withheld => "withheld",
            Self::Noted => "noted",
            Self::Acknowledged => "acknowledged",
            Self::Kept => "kept",
            Self::Said => "said",
            Self::Finished => "finished",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.name() == name)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Published => "It is on the status page.",
            Self::Withheld => "The notice is withheld: about this incident only people tell the public now.",
            Self::Noted => "It is in the record. The public does not read it.",
            Self::Acknowledged => {
                "It is in the record that you see to it. Nobody is called about it unless it gets worse."
            }
            Self::Kept => "The draft is kept. The public does not read it.",
            Self::Said => "The component is shown so.",
            Self::Finished => "The work is over on the status page.",
        }
    }
}

/// What becomes of a page in the end.
pub type Letter = Markup;

/// A form of this session about something at a revision; `fill` makes what is in it.
fn put_form(out: &mut Markup, sheet: &Sheet<'_>, action: &str, seen: u64, fill: impl FnOnce(&mut Markup)) {
    out.raw("<form method=\"post\" action=\"")
        .text(action)
        .raw("\">\n<input type=\"hidden\" name=\"form\" value=\"");
    out.text(&sheet.session.form)
        .raw("\"><input type=\"hidden\" name=\"seen\" value=\"")
        .number(seen)
        .raw("\">\n");
    fill(out);
    out.raw("</form>\n");
}

/// A button that says what is to be done.
fn put_button(out: &mut Markup, does: &'static str, words: &'static str, is_first: bool) {
    out.raw(if is_first {
        "<button class=\"first\" name=\"do\" value=\""
    } else {
        "<button name=\"do\" value=\""
    });
    out.raw(does).raw("\">").raw(words).raw("</button>\n");
}

/// Text of people with its lines, inside a text field or a quoted value.
fn put_lines(out: &mut Markup, text: &str) {
    for (place, line) in text.lines().enumerate() {
        out.raw(if place > 0 { "\n" } else { "" }).text(line);
    }
}

/// A field for text of several lines with its label.
fn put_area(
    out: &mut Markup,
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    rows: u64,
    text: &str,
) {
    out.raw("<p><label for=\"").raw(name).raw("\">").raw(label).raw(" <span class=\"hint\">").raw(hint);
    out.raw("</span></label>\n<textarea id=\"")
        .raw(name)
        .raw("\" name=\"")
        .raw(name)
        .raw("\" required dir=\"auto\" rows=\"");
    // A line end that directly follows is not part of the text.
    out.number(rows).raw("\">\n");
    put_lines(out, text);
    out.raw("</textarea></p>\n");
}

/// A field for one line with its label.
fn put_line(
    out: &mut Markup,
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    kind: &'static str,
    text: &str,
) {
    out.raw("<p><label for=\"").raw(name).raw("\">").raw(label).raw(" <span class=\"hint\">").raw(hint);
    out.raw("</span></label>\n<input id=\"")
        .raw(name)
        .raw("\" name=\"")
        .raw(name)
        .raw("\" ")
        .raw(kind)
        .raw(" value=\"");
    out.text(text).raw("\"></p>\n");
}

/// What somebody has written into these fields where they are no more, to be copied.
fn put_written(out: &mut Markup, form: &Form, fields: &[&'static str]) {
    for name in fields.iter().filter(|name| !form.get(name).trim().is_empty()) {
        out.raw("<p><label for=\"kept-").raw(name).raw("\">What you wrote (").raw(name);
        out.raw(") <span class=\"hint\">Copy it before you go on</span></label>\n<textarea id=\"kept-");
        out.raw(name).raw("\" rows=\"6\" readonly dir=\"auto\">\n");
        put_lines(out, form.get(name));
        out.raw("</textarea></p>\n");
    }
}

/// Fields that people write into.
const WRITTEN: [&str; 4] = ["title", "text", "reason", "note"];

/// One of a list to choose.
fn put_option(out: &mut Markup, value: &str, words: &str, chosen: &str) {
    out.raw("<option value=\"").text(value).raw(if value == chosen { "\" selected>" } else { "\">" });
    out.text(words).raw("</option>\n");
}

/// `17:24:03 UTC`.
fn clock(at: Timestamp) -> String {
    let civil = Civil::of(at);
    format!("{:02}:{:02}:{:02} UTC", civil.hour, civil.minute, civil.second)
}

#[cfg(test)]
mod tests;
