//! Small pictures that carry the state: a badge for other pages, and the icon of a browser's tab.
//!
//! They are shown apart from the page's style, so colours are their own, and a shape says the same as the colour.

use incident::{Component, Status, View};

use crate::markup::{Markup, one_line};
use crate::verdict::Verdict;

/// Width of a letter of the badge in hundredths of a pixel; `textLength` makes every font keep to it.
const LETTER: u64 = 640;

/// Letters of a component's name that a badge has.
const NAME_LETTERS_MAX: usize = 40;

/// `badge.svg`.
pub(crate) fn badge(view: &View) -> Vec<u8> {
    let verdict = Verdict::of(view);
    drawn("status", verdict.look, verdict.word)
}

/// `c/ID.svg`: of a component or a group.
pub(crate) fn badge_of(component: &Component) -> Vec<u8> {
    let mut name: String = one_line(&component.name).chars().take(NAME_LETTERS_MAX + 1).collect();
    if name.chars().count() > NAME_LETTERS_MAX {
        name.pop();
        name.push('…');
    }
    drawn(&name, component.status, component.status.label())
}

fn drawn(name: &str, look: Status, word: &'static str) -> Vec<u8> {
    let width = |text: &str| (u64::try_from(text.chars().count()).unwrap_or_default() * LETTER).div_ceil(100);
    let (named, words) = (width(name).saturating_sub(3), width(word));
    let (left, right) = (named + 16, words + 32);
    let mut svg = Markup::default();
    svg.raw("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"").number(left + right);
    svg.raw("\" height=\"20\" role=\"img\" aria-label=\"").text(&heading(name)).raw(": ").raw(word);
    svg.raw("\"><title>").text(&heading(name)).raw(": ").raw(word).raw("</title>");
    svg.raw("<clipPath id=\"r\"><rect width=\"").number(left + right);
    svg.raw("\" height=\"20\" rx=\"4\"/></clipPath><g clip-path=\"url(#r)\"><rect width=\"").number(left);
    svg.raw("\" height=\"20\" fill=\"#3b4048\"/><rect x=\"").number(left).raw("\" width=\"").number(right);
    svg.raw("\" height=\"20\" fill=\"").raw(color(look)).raw("\"/></g>");
    svg.raw("<g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">");
    svg.raw("<text x=\"8\" y=\"14\" textLength=\"").number(named);
    svg.raw("\" lengthAdjust=\"spacingAndGlyphs\">").text(name).raw("</text>");
    svg.raw("<g transform=\"translate(")
        .number(left + 6)
        .raw(" 4) scale(.75)\">")
        .raw(shape(look))
        .raw("</g>");
    svg.raw("<text x=\"").number(left + 24).raw("\" y=\"14\" textLength=\"").number(words);
    svg.raw("\" lengthAdjust=\"spacingAndGlyphs\">").raw(word).raw("</text></g></svg>\n");
    svg.into_bytes()
}

/// As it begins a sentence.
fn heading(name: &str) -> String {
    if name == "status" { "Status".to_owned() } else { name.to_owned() }
}

/// `favicon.svg`.
pub(crate) fn favicon(view: &View) -> Vec<u8> {
    let look = Verdict::of(view).look;
    let mut svg = Markup::default();
    svg.raw("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\" fill=\"").raw(color(look));
    svg.raw("\">").raw(shape(look)).raw("</svg>\n");
    svg.into_bytes()
}

/// The shape of a status on a square of 16: a circle is well, and the more corners the worse.
pub(crate) const fn shape(status: Status) -> &'static str {
    match status {
        Status::Operational => "<circle cx=\"8\" cy=\"8\" r=\"7\"/>",
        Status::UnderMaintenance => {
            "<path d=\"M15 3.8 12.6 6.2 9.8 3.4 12.2 1A4.4 4.4 0 0 0 6.6 6.6L1 12.2A2 2 0 0 0 3.8 15L9.4 9.4A4.4 4.4 0 0 0 15 3.8z\"/>"
        }
        Status::DegradedPerformance => "<path d=\"M8 1.2 15.6 14.6H.4z\"/>",
        Status::PartialOutage => "<path d=\"M8 .2 15.8 8 8 15.8 .2 8z\"/>",
        Status::MajorOutage => "<path d=\"M1.5 1.5h13v13h-13z\"/>",
    }
}

/// Colours on which white text can be read, and which can be seen on white and on black.
const fn color(status: Status) -> &'static str {
    match status {
        Status::Operational => "#1a7f4b",
        Status::UnderMaintenance => "#2f62c0",
        Status::DegradedPerformance => "#9a5b00",
        Status::PartialOutage => "#c2410c",
        Status::MajorOutage => "#c3183a",
    }
}
