//! Components in a list, with what they did in the last days.

use ::incident::{Component, Status};

use super::{Site, class};
use crate::days::{DAYS, Days};
use crate::markup::Markup;

/// Width that a day has in a strip: three for its bar and one between it and the next.
const DAY_WIDTH: usize = 4;

/// Components as items of a list; a group opens what is in it.
pub(super) fn put_list(out: &mut Markup, site: &Site<'_>, places: &[usize], top: &str) {
    for place in places {
        if let Some(component) = site.tree.at(*place) {
            out.raw("<li>");
            if component.is_group {
                put_group(out, site, *place, component, top);
            } else {
                put_part(out, site, *place, component, top);
            }
            out.raw("</li>\n");
        }
    }
}

fn put_group(out: &mut Markup, site: &Site<'_>, place: usize, component: &Component, top: &str) {
    let leaves = site.tree.leaves(place);
    let all_well = leaves.iter().filter_map(|leaf| site.tree.at(*leaf));
    let mut all_well = all_well.map(|leaf| leaf.status).chain([component.status]);
    let is_open = !all_well.all(|status| status == Status::Operational);
    out.raw(if is_open { "<details open>" } else { "<details>" }).raw("<summary><span class=\"row\"><span>");
    out.text(&component.name).raw("</span> ").state(component.status, component.status.label());
    out.raw("</span>");
    // Those who listen hear of each day inside; here it is only to be seen.
    put_strip(out, &site.days[place], true);
    out.raw("</summary>\n");
    put_note(out, component);
    out.raw("<ul>\n");
    put_list(out, site, &site.tree.children(Some(place)), top);
    out.raw("</ul></details>");
}

fn put_part(out: &mut Markup, site: &Site<'_>, place: usize, component: &Component, top: &str) {
    out.raw("<div class=\"row\"><a href=\"").text(top).raw("c/").id(component.id).raw(".html\">");
    out.text(&component.name).raw("</a> ").state(component.status, component.status.label()).raw("</div>");
    put_note(out, component);
    put_days(out, &site.days[place]);
}

fn put_note(out: &mut Markup, component: &Component) {
    if !component.description.is_empty() {
        out.raw("<div class=\"soft\" dir=\"auto\">").text(&component.description).raw("</div>");
    }
}

/// The strip of days with what is at its ends and the share of time.
pub(super) fn put_days(out: &mut Markup, days: &Days) {
    put_strip(out, days, false);
    out.raw("<div class=\"ends\"><span class=\"ago\"><span>90</span> days ago</span> ");
    match days.share() {
        Some(share) => {
            out.raw("<span>").text(&share).raw(" in ").number(days.watched());
            out.raw(if days.watched() == 1 { " day</span> " } else { " days</span> " })
        }
        None => out.raw("<span>No data yet</span> "),
    };
    out.raw("<span>Today</span></div>");
}

/// One bar a day. Days that did the same stand in one line of dashes, which keeps pages small; worse days are higher.
fn put_strip(out: &mut Markup, days: &Days, is_hidden: bool) {
    out.raw("<span class=\"strip\"><svg viewBox=\"0 0 360 32\" preserveAspectRatio=\"none\" ");
    if is_hidden {
        out.raw("aria-hidden=\"true\">");
    } else {
        out.raw("role=\"img\" aria-label=\"Last 90 days: ").text(&days.summary()).raw("\">");
    }
    let skipped = DAYS.saturating_sub(days.0.len());
    for kind in KINDS {
        let is_kind = |place: usize| days.0.get(place).is_some_and(|day| day.worst == kind);
        let begins: Vec<usize> = (0..days.0.len())
            .filter(|place| is_kind(*place) && !place.checked_sub(1).is_some_and(is_kind))
            .collect();
        if begins.is_empty() {
            continue;
        }
        out.raw("<path class=\"").raw(class(kind)).raw("\" d=\"");
        for begin in begins {
            let length = (begin..).take_while(|place| is_kind(*place)).count();
            out.raw("M").number(units(begin + skipped)).raw(middle(kind)).raw("h").number(units(length));
        }
        out.raw("\"/>");
    }
    out.raw("</svg></span>");
}

fn units(days: usize) -> u64 {
    u64::try_from(days * DAY_WIDTH).unwrap_or_default()
}

/// How far below the top the middle of a bar is, so that all stand on the same ground.
const fn middle(kind: Option<Status>) -> &'static str {
    match kind {
        Some(Status::DegradedPerformance) => " 20",
        Some(Status::PartialOutage) => " 18",
        Some(Status::MajorOutage) => " 16",
        Some(Status::Operational) | None => " 22",
        Some(Status::UnderMaintenance) => " 26",
    }
}

/// What colours and shapes mean.
pub(super) fn put_legend(out: &mut Markup) {
    out.raw("<p class=\"legend\">");
    for status in KINDS.into_iter().flatten() {
        out.state(status, status.label()).raw("\n");
    }
    out.raw("<span class=\"soft\">Higher bars are worse, low ones are maintenance, ruled ones have no data.</span></p>\n");
}

const KINDS: [Option<Status>; 6] = [
    Some(Status::Operational),
    Some(Status::DegradedPerformance),
    Some(Status::PartialOutage),
    Some(Status::MajorOutage),
    Some(Status::UnderMaintenance),
    None,
];
