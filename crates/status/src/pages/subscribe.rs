//! Mail about the page: the form that asks for it, and what is answered to those who ask, confirm, choose and leave.

use ::incident::{PublicId, View};
use model::Timestamp;

use super::Site;
use super::frame::{self, Frame};
use crate::markup::Markup;
use crate::page::Page;

/// What is shown to somebody who asks, confirms, chooses or leaves. Links come from mails; they are only shown back to whoever has them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FormPage<'a> {
    /// A mail is on its way, or none is; nobody can tell which.
    Asked,
    /// The button that confirms.
    Confirm {
        /// The part of the link that is signed.
        link: &'a str,
    },
    /// Confirmed.
    Joined,
    /// What somebody hears of, and the button that ends it.
    Choose {
        /// The part of the link that is signed.
        handle: &'a str,
        /// What they hear of; nothing: all.
        chosen: &'a [PublicId],
    },
    /// It is as they chose.
    Chosen,
    /// The button that ends it.
    Leave {
        /// The part of the link that is signed.
        handle: &'a str,
    },
    /// They hear nothing any more.
    Left,
    /// What was written is no address.
    NoAddress,
    /// Too many ask.
    Busy,
    /// The link is not good, or not any more.
    NoLink,
    /// There is no room.
    Full,
    /// It cannot be kept at the moment.
    Late,
}

/// What is the same for all of these pages at one moment; what a stranger asks for is quickly made of it.
#[derive(Clone, Debug)]
pub struct Forms {
    before: String,
    after: String,
    base: String,
    parts: Vec<Part>,
}

/// Something that can be chosen.
#[derive(Clone, Debug)]
struct Part {
    id: PublicId,
    title: String,
    is_group: bool,
}

impl Forms {
    /// For a page that has a form; `None`: it has none.
    pub fn of(view: &View, page: &Page, at: Timestamp) -> Option<Self> {
        let base = page.subscribing()?.to_owned();
        let site = Site::of(view, page, at);
        let top = format!("{}/", page.url());
        let frame = Frame { title: TITLE, description: TITLE, path: "", top: &top, is_short: false };
        let mut content = Markup::default();
        content.raw(HERE);
        let whole = frame::page(&site, &frame, &content);
        let (before, after) = whole.as_str().split_once(HERE).unwrap_or_default();
        let (before, after) = (before.to_owned(), after.to_owned());
        Some(Self { before, after, base, parts: parts(&site) })
    }

    /// Whether there is such a component or group.
    pub fn offers(&self, id: PublicId) -> bool {
        self.parts.iter().any(|part| part.id == id)
    }

    /// The whole page.
    pub fn page(&self, what: &FormPage<'_>) -> Vec<u8> {
        let mut out = Markup::default();
        match what {
            FormPage::Confirm { link } => self.put_confirm(&mut out, link),
            FormPage::Choose { handle, chosen } => self.put_choose(&mut out, handle, chosen),
            FormPage::Leave { handle } => self.put_leave(&mut out, handle),
            FormPage::NoAddress => {
                put_words(&mut out, what);
                put_form(&mut out, &self.base, &self.parts);
            }
            FormPage::Asked
            | FormPage::Joined
            | FormPage::Chosen
            | FormPage::Left
            | FormPage::Busy
            | FormPage::NoLink
            | FormPage::Full
            | FormPage::Late => put_words(&mut out, what),
        }
        [self.before.as_bytes(), out.as_str().as_bytes(), self.after.as_bytes()].concat()
    }

    fn put_confirm(&self, out: &mut Markup, link: &str) {
        out.raw("<h1>Do you want mail?</h1>\n<p>Press the button, and updates of this page come to the address that the ");
        out.raw("link was sent to. Each mail has a link that ends it.</p>\n");
        put_button(out, &self.base, "/subscribe/confirm?t=", link, "Yes, send me mail");
    }

    fn put_choose(&self, out: &mut Markup, handle: &str, chosen: &[PublicId]) {
        out.raw("<h1>What you hear of</h1>\n<form method=\"post\" action=\"").text(&self.base);
        out.raw("/subscription?t=").text(handle).raw("\">\n");
        put_parts(out, &self.parts, chosen);
        out.raw("<p><button>Keep this</button></p>\n</form>\n<h2>Or nothing</h2>\n");
        put_button(out, &self.base, "/unsubscribe?t=", handle, "Unsubscribe");
    }

    fn put_leave(&self, out: &mut Markup, handle: &str) {
        out.raw("<h1>No more mail?</h1>\n<p>Your address is erased, and nothing more is sent to it.</p>\n");
        put_button(out, &self.base, "/unsubscribe?t=", handle, "Unsubscribe");
        out.raw("<p><a href=\"").text(&self.base).raw("/subscription?t=").text(handle);
        out.raw("\">Choose what to hear of instead</a></p>\n");
    }
}

/// The page with the form; a copy elsewhere has it, too.
pub(super) fn page(site: &Site<'_>) -> Markup {
    let mut out = Markup::default();
    let base = site.page.subscribing().unwrap_or_default();
    out.raw("<h1>Updates by mail</h1>\n<p>Every update of an incident comes as a mail, in the words of this page. First a mail asks ");
    out.raw("you to confirm; without that nothing is kept of your address, and nothing more is sent.</p>\n");
    put_form(&mut out, base, &parts(site));
    out.raw("<p class=\"soft\">The form is answered by ")
        .text(base)
        .raw(". When that cannot be reached, or ");
    out.raw("without mail, there is the <a href=\"history.atom\">feed</a>.</p>\n");
    frame::page(
        site,
        &Frame { title: TITLE, description: TITLE, path: "/subscribe", top: "", is_short: false },
        &out,
    )
}

/// In the order of the page.
fn parts(site: &Site<'_>) -> Vec<Part> {
    let part = |(place, component): (usize, &::incident::Component)| Part {
        id: component.id,
        title: if component.is_group { site.tree.path(place) } else { site.tree.title(place) },
        is_group: component.is_group,
    };
    site.tree.all().map(part).collect()
}

fn put_form(out: &mut Markup, base: &str, parts: &[Part]) {
    out.raw("<form method=\"post\" action=\"").text(base).raw("/subscribe\">\n");
    out.raw("<p><label for=\"address\">Your address</label><br><input id=\"address\" name=\"address\" type=\"email\" ");
    out.raw("autocomplete=\"email\" maxlength=\"254\" required></p>\n");
    put_parts(out, parts, &[]);
    out.raw("<p><button>Ask for mail</button></p>\n</form>\n");
}

/// Nothing to choose from is not asked.
fn put_parts(out: &mut Markup, parts: &[Part], chosen: &[PublicId]) {
    if parts.iter().filter(|part| !part.is_group).count() < 2 {
        return;
    }
    out.raw("<fieldset><legend>Only of these (none ticked: of all)</legend>\n");
    for part in parts {
        out.raw("<label><input type=\"checkbox\" name=\"c\" value=\"").id(part.id).raw("\"");
        out.raw(if chosen.contains(&part.id) { " checked> " } else { "> " }).text(&part.title);
        out.raw(if part.is_group { " (all)</label>\n" } else { "</label>\n" });
    }
    out.raw("</fieldset>\n");
}

fn put_button(out: &mut Markup, base: &str, path: &'static str, signed: &str, words: &'static str) {
    out.raw("<form method=\"post\" action=\"").text(base).raw(path).text(signed).raw("\"><p><button>");
    out.raw(words).raw("</button></p></form>\n");
}

fn put_words(out: &mut Markup, what: &FormPage<'_>) {
    let (heading, words) = match what {
        FormPage::Asked => (
            "Look into your mail",
            "If this address can be written to and was not asked within a day, a mail with a link is on its way. Open the link within \
             24 hours to confirm. Nothing there? It may lie among unwanted mail.",
        ),
        FormPage::Joined => ("Confirmed", "Updates of this page come to you by mail from now on."),
        FormPage::Chosen => ("Kept", "From now on you hear of what you chose."),
        FormPage::Left => {
            ("No more mail", "Your address is erased. A mail that was on its way may still come.")
        }
        FormPage::NoAddress => {
            ("This is no address", "Write one such as name@shop.example, in plain letters. Nothing was sent.")
        }
        FormPage::Busy => (
            "Too many people ask",
            "At the moment too many people ask, perhaps from your network. Nothing was sent; please try again within the hour.",
        ),
        FormPage::NoLink => (
            "This link is not good",
            "It may be too old, or not whole. Ask for another mail, or take the link of a newer one.",
        ),
        FormPage::Full => {
            ("No room", "There are as many readers by mail as there can be. The feed is open to everybody.")
        }
        FormPage::Late => ("Not yet", "This cannot be kept at the moment. Please try again in a minute."),
        // They have more than words.
        FormPage::Confirm { .. } | FormPage::Choose { .. } | FormPage::Leave { .. } => ("", ""),
    };
    out.raw("<h1>").raw(heading).raw("</h1>\n<p>").raw(words).raw("</p>\n");
}

const TITLE: &str = "Updates by mail";
/// Where the content goes; no text of anybody is like it, because theirs is escaped.
const HERE: &str = "<!--here-->";
