//! The page of a component: its last 90 days as a strip and as text, and the sum with its formula.

use std::time::Duration;

use ::incident::{Component, Incident, Trouble};

use super::frame::{self, Frame};
use super::{Site, class, history, parts};
use crate::dates;
use crate::days::Days;
use crate::markup::Markup;
use crate::verdict::glyph;

/// Times of trouble that are listed.
const TROUBLES_MAX: usize = 100;

pub(super) fn page(site: &Site<'_>, place: usize, component: &Component) -> Markup {
    let mut out = Markup::default();
    frame::put_way(&mut out, site, &site.tree.above(place));
    out.raw("<h1 dir=\"auto\">")
        .text(&component.name)
        .raw("</h1>\n<p>")
        .state(component.status, component.status.label());
    out.raw(" · since ").time(component.updated_at).raw("</p>\n");
    if !component.description.is_empty() {
        out.raw("<p dir=\"auto\">").text(&component.description).raw("</p>\n");
    }
    if component.is_group {
        out.raw("<h2>What is in it</h2>\n<ul class=\"list\">\n");
        parts::put_list(&mut out, site, &site.tree.children(Some(place)), "../");
        out.raw("</ul>\n");
    } else {
        put_share(&mut out, site, place, component);
    }
    put_incidents(&mut out, site, place);
    if !component.is_group {
        put_table(&mut out, &site.days[place]);
    }
    out.raw("<p class=\"soft\"><a href=\"../c/").id(component.id);
    out.raw(".svg\">A badge of it</a>, a picture for other pages</p>\n");
    let name = site.tree.title(place);
    let title = format!("{} {}", glyph(component.status), component.name);
    let description = format!("{name}: {}", component.status.label());
    let path = format!("/c/{}", component.id);
    frame::page(
        site,
        &Frame { title: &title, description: &description, path: &path, top: "../", is_short: false },
        &out,
    )
}

fn put_share(out: &mut Markup, site: &Site<'_>, place: usize, component: &Component) {
    let days = &site.days[place];
    out.raw(
        "<section aria-labelledby=\"days\">\n<h2 id=\"days\">The last 90 days</h2>\n<div class=\"card\">",
    );
    parts::put_days(out, days);
    if let Some(share) = days.share() {
        out.raw("<p><strong>")
            .text(&share)
            .raw("</strong> of the time it worked. Downtime is the time of major outages ");
        out.raw("plus 0.3 times that of partial ones, here ");
        out.text(&dates::length(Duration::from_millis(days.downtime())));
        out.raw("; degraded performance and announced work do not count.</p>");
    }
    out.raw("<p class=\"soft\">Watched since ").time_as(component.since, &dates::date(component.since));
    out.raw(". What was before is unknown and not counted. Days are those of UTC.</p></div>\n");
    put_troubles(out, site, component);
    out.raw("</section>\n");
}

fn put_troubles(out: &mut Markup, site: &Site<'_>, component: &Component) {
    if component.troubles.is_empty() {
        return;
    }
    out.raw("<ul class=\"list\">\n");
    for Trouble { status, from, until } in component.troubles.iter().rev().take(TROUBLES_MAX) {
        out.raw("<li><div class=\"row\">").state(*status, status.label()).raw(" <span>");
        match until {
            Some(until) => {
                out.time_as(*from, &dates::span(*from, *until)).raw(" (");
                out.text(&dates::length(until.since(*from))).raw(")");
            }
            None => {
                out.raw("since ").time(*from);
                if *from <= site.at {
                    out.raw(" (").text(&dates::length(site.at.since(*from))).raw(" so far)");
                }
            }
        }
        out.raw("</span></div></li>\n");
    }
    out.raw("</ul>\n");
}

fn put_incidents(out: &mut Markup, site: &Site<'_>, place: usize) {
    let inside = site.tree.leaves(place);
    let concerns = |incident: &&Incident| {
        incident.components.iter().any(|concerned| *concerned == place || inside.contains(concerned))
    };
    let incidents: Vec<&Incident> = site.view.incidents.iter().filter(concerns).collect();
    out.raw("<section aria-labelledby=\"incidents\">\n<h2 id=\"incidents\">Incidents</h2>\n");
    history::put_items(out, site, &incidents, "../");
    out.raw("</section>\n");
}

/// The same as the strip, for those who do not see it and those who want to know more exactly.
fn put_table(out: &mut Markup, days: &Days) {
    out.raw("<section aria-labelledby=\"table\">\n<h2 id=\"table\">Day by day</h2>\n<p>");
    out.text(&days.summary()).raw(".</p>\n<details><summary><span class=\"row\"><span>All days as a table");
    out.raw("</span></span></summary>\n");
    out.raw("<table class=\"days\"><thead><tr><th scope=\"col\">Day</th><th scope=\"col\">Worst state</th>");
    out.raw("<th scope=\"col\">Downtime</th></tr></thead>\n<tbody>\n");
    for day in days.0.iter().rev() {
        out.raw("<tr><th scope=\"row\">").time_as_date(day.start, &day.date()).raw("</th><td>");
        out.raw("<span class=\"state ")
            .raw(class(day.worst))
            .raw("\">")
            .raw(day.label())
            .raw("</span></td><td>");
        out.text(&match (day.worst, day.downtime()) {
            (None, _) => "–".to_owned(),
            (Some(_), 0) => "none".to_owned(),
            (Some(_), downtime) => dates::length(Duration::from_millis(downtime)),
        });
        out.raw("</td></tr>\n");
    }
    out.raw("</tbody></table></details>\n</section>\n");
}
