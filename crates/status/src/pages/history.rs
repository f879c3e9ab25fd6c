//! Incidents by the months in which they began.

use std::collections::BTreeMap;

use ::incident::{Civil, Incident};
use model::Timestamp;

use super::Site;
use super::frame::{self, Frame};
use crate::dates;
use crate::markup::Markup;
use crate::verdict::of_impact;

/// Months that are shown even if nothing was in them, the present one among them.
const MONTHS_MIN: u64 = 3;

pub(super) fn page(site: &Site<'_>) -> Markup {
    let mut months: BTreeMap<u64, Vec<&Incident>> = BTreeMap::new();
    let present = month_of(site.at);
    for month in (0..MONTHS_MIN).map(|ago| present.saturating_sub(ago)) {
        months.entry(month).or_default();
    }
    for incident in &site.view.incidents {
        months.entry(month_of(incident.started_at)).or_default().push(incident);
    }
    let mut out = Markup::default();
    out.raw("<h1>History</h1>\n");
    for (month, incidents) in months.iter().rev() {
        out.raw("<section aria-labelledby=\"m").number(*month).raw("\"><h2 id=\"m").number(*month).raw("\">");
        out.text(&dates::month(month / 12, month % 12 + 1)).raw("</h2>\n");
        put_items(&mut out, site, incidents, "");
        out.raw("</section>\n");
    }
    let description = format!("Incidents of {} by month.", site.page.name());
    let frame =
        Frame { title: "History", description: &description, path: "/history", top: "", is_short: true };
    frame::page(site, &frame, &out)
}

/// When it was over, if it is: when everybody was served again, where that was seen.
pub(super) fn ended(incident: &Incident) -> Option<Timestamp> {
    let ended = incident.served_again_at.or(incident.resolved_at).unwrap_or(incident.updated_at);
    (!incident.stage.is_open()).then_some(ended)
}

/// `Partial outage`, from what it did at its worst; it is over, or may be.
pub(super) const fn impact_label(incident: &Incident) -> &'static str {
    match incident.impact {
        ::incident::Impact::None => "No effect",
        ::incident::Impact::Minor => "Degraded performance",
        ::incident::Impact::Major => "Partial outage",
        ::incident::Impact::Critical => "Major outage",
    }
}

/// Incidents in a few lines each.
pub(super) fn put_items(out: &mut Markup, site: &Site<'_>, incidents: &[&Incident], top: &str) {
    if incidents.is_empty() {
        out.raw("<p class=\"soft\">No incidents.</p>\n");
        return;
    }
    out.raw("<ul class=\"list\">\n");
    for incident in incidents {
        out.raw("<li><div class=\"row\"><a href=\"").text(top).raw("i/").id(incident.id).raw(".html\">");
        out.text(&incident.title).raw("</a> ").state(of_impact(incident.impact), impact_label(incident));
        out.raw("</div><div class=\"soft\">").raw(incident.stage.label()).raw(" · ");
        put_when(out, incident);
        let names: Vec<String> = incident
            .components
            .iter()
            .filter_map(|place| site.tree.at(*place))
            .map(|component| component.name.clone())
            .collect();
        if !names.is_empty() {
            out.raw(" · ").text(&names.join(", "));
        }
        out.raw("</div></li>\n");
    }
    out.raw("</ul>\n");
}

fn put_when(out: &mut Markup, incident: &Incident) {
    match ended(incident) {
        Some(end) => {
            out.time_as(incident.started_at, &dates::span(incident.started_at, end)).raw(" (");
            out.text(&dates::lasted(incident.started_at, end)).raw(")")
        }
        None => out.raw("since ").time(incident.started_at),
    };
}

/// Months since the year 0.
const fn month_of(at: Timestamp) -> u64 {
    let civil = Civil::of(at);
    civil.year * 12 + civil.month - 1
}
