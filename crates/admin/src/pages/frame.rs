//! What is around the content of every page.

use status::Markup;

use super::style::style;
use super::{News, Sheet, clock};

/// What a page may load and run: its one style. Forms go to the console alone, and nobody frames a page.
pub fn content_security_policy() -> String {
    format!(
        "default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        status::source_hash(&style())
    )
}

/// Where a page is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Now,
    Open,
    Components,
    Maintenance,
    /// Below one of them.
    Elsewhere,
}

const WAYS: [(Place, &str, &str); 4] = [
    (Place::Now, "/desk/", "Now"),
    (Place::Open, "/desk/open", "Tell of something"),
    (Place::Components, "/desk/components", "Components"),
    (Place::Maintenance, "/desk/maintenance", "Maintenance"),
];

/// A whole page around its content.
pub(super) fn page(sheet: &Sheet<'_>, place: Place, title: &str, content: &Markup) -> Markup {
    let mut out = Markup::default();
    put_head(&mut out, title, &sheet.known.site);
    out.raw("<header><span>")
        .text(&sheet.known.site)
        .raw(" · console</span>\n<nav class=\"ways\" aria-label=\"Console\">\n");
    for (of, address, words) in WAYS {
        out.raw("<a href=\"").raw(address).raw(if of == place { "\" aria-current=\"page\">" } else { "\">" });
        out.raw(words).raw("</a>\n");
    }
    super::put_form(&mut out, &without_news(sheet), "/desk/log-out", 0, |out| {
        out.raw("<button class=\"plain\">Log out</button>\n");
    });
    out.raw("</nav></header>\n<main id=\"main\" tabindex=\"-1\">\n");
    put_news(&mut out, sheet.news);
    out.part(content).raw("</main>\n<footer><p>As of ").time_as(sheet.known.now, &clock(sheet.known.now));
    out.raw(". Load the page again to see what has changed.</p></footer>\n</body>\n</html>\n");
    out
}

const fn without_news<'a>(sheet: &Sheet<'a>) -> Sheet<'a> {
    Sheet { known: sheet.known, session: sheet.session, news: News::Nothing }
}

pub(super) fn put_head(out: &mut Markup, title: &str, site: &str) {
    out.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n");
    out.raw("<title>").text(title).raw(" – ");
    out.text(site).raw(" console</title>\n<style>");
    // The very text that the policy names by its hash; it has no letter that HTML reads otherwise.
    out.raw(status::STYLE).raw(super::style::OWN).raw("</style>\n</head>\n<body>\n");
    out.raw("<a class=\"skip\" href=\"#main\">Skip to content</a>\n");
}

fn put_news(out: &mut Markup, news: News<'_>) {
    match news {
        News::Nothing => {}
        News::Done(done) => {
            out.raw("<div class=\"news up\" role=\"status\"><p>").raw(done.words()).raw("</p></div>\n");
        }
        News::Refused(why) => {
            out.raw("<div class=\"news down\" role=\"alert\"><p><strong>It was not done:</strong> ");
            put_why(out, why);
            out.raw("</p></div>\n");
        }
        News::Faster(now) => {
            out.raw("<div class=\"news slow\" role=\"alert\"><p><strong>Somebody was faster, or the gate was.</strong> Nothing was done. ");
            out.raw("This is how it is now; what you wrote is in the form below, and can be sent again after a look.</p>\n");
            out.raw("<div class=\"public\">").paragraphs(now).raw("</div></div>\n");
        }
    }
}

fn put_why(out: &mut Markup, why: &str) {
    let mut letters = why.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    out.text(&first).text(letters.as_str()).raw(if why.ends_with('.') { "" } else { "." });
}
