//! Exactly what the public will read, before it is published.

use incident::{PublicId, View};
use status::Markup;

use super::frame::{self, Place};
use super::{Sheet, put_button, put_form, put_lines};
use crate::Form;

/// What somebody is about to tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Telling {
    /// The next words about an incident.
    Update(PublicId),
    /// An incident that the gate does not see.
    Open,
    /// Work.
    Work,
    /// The report about an incident.
    Report(PublicId),
}

impl Telling {
    /// Where its form is sent.
    pub fn address(self) -> String {
        match self {
            Self::Update(id) => format!("/desk/i/{id}"),
            Self::Open => "/desk/open".to_owned(),
            Self::Work => "/desk/maintenance".to_owned(),
            Self::Report(id) => format!("/desk/i/{id}/report"),
        }
    }

    /// The identity of what the public will read: of what is new, the one that was not there before.
    fn identity(self, before: &View, then: &View) -> Option<PublicId> {
        match self {
            Self::Update(id) | Self::Report(id) => Some(id),
            Self::Open => {
                let is_new = |id: &PublicId| before.incidents.iter().all(|known| known.id != *id);
                then.incidents.iter().map(|incident| incident.id).find(is_new)
            }
            Self::Work => {
                let is_new = |id: &PublicId| before.maintenances.iter().all(|known| known.id != *id);
                then.maintenances.iter().map(|work| work.id).find(is_new)
            }
        }
    }
}

/// The page; `then` is all that the public would read, and `form` what makes it so. The revision is the one that the form was made at.
pub fn foreseen(sheet: &Sheet<'_>, telling: Telling, form: &Form, then: &View) -> Markup {
    let mut out = Markup::default();
    out.raw("<h1>What the public will read</h1>\n");
    let shown = sheet.known.page.as_ref().and_then(|page| {
        status::as_published(then, page, telling.identity(&sheet.known.view, then)?, sheet.known.now)
    });
    match shown {
        Some(shown) => {
            out.raw("<p class=\"soft\">Nothing is published yet. This is its page as it will be, letter by letter; the front page, the feed ");
            out.raw("and programs get the same words.</p>\n<section class=\"public\" aria-label=\"As it will be published\">\n");
            out.part(&shown).raw("</section>\n");
        }
        None => {
            out.raw(
                "<p>There is no [status] page in the configuration, so only the record will have it:</p>\n",
            );
            out.raw("<section class=\"public\" aria-label=\"As it will be kept\">\n")
                .paragraphs(form.get("text"))
                .raw("</section>\n");
        }
    }
    put_choice(&mut out, sheet, telling, form, true);
    frame::page(sheet, Place::Elsewhere, "What the public will read", &out)
}

/// The form once more, to be published or changed.
pub(super) fn put_choice(
    out: &mut Markup,
    sheet: &Sheet<'_>,
    telling: Telling,
    form: &Form,
    may_publish: bool,
) {
    let seen = form.get("seen").parse().unwrap_or_default();
    put_form(out, sheet, &telling.address(), seen, |out| {
        for (name, value) in form.below("").filter(|(name, _)| !["form", "seen", "do"].contains(name)) {
            out.raw("<input type=\"hidden\" name=\"").text(name).raw("\" value=\"");
            put_lines(out, value);
            out.raw("\">\n");
        }
        out.raw("<div class=\"acts\">");
        if may_publish {
            put_button(out, "publish", "Publish this", true);
        }
        put_button(out, "edit", "Change it", false);
        out.raw("</div>\n");
    });
}
