//! An incident or announced work: in a card on the first page, and on a page of its own.

use ::incident::{Incident, Maintenance, Stage, Status, Update};
use model::Timestamp;

use super::frame::{self, Frame};
use super::{Site, class, history, of_service, progress_label, served};
use crate::dates;
use crate::markup::{Markup, paragraphs};
use crate::news;
use crate::report::chart::put as put_chart;
use crate::report::put_markdown;
use crate::verdict::{glyph, of_impact};

/// What people need who have just come: what, since when, for whom, what was said last and when there is more.
pub(super) fn put_card(out: &mut Markup, site: &Site<'_>, incident: &Incident) {
    let look = now(site, incident);
    out.raw("<article class=\"card ")
        .raw(class(Some(look)))
        .raw("\">\n<h3 dir=\"auto\"><a href=\"i/")
        .id(incident.id);
    out.raw(".html\">").text(&incident.title).raw("</a></h3>\n<p class=\"soft\"><strong>");
    out.raw(incident.stage.label()).raw("</strong> · since ").time(incident.started_at).raw("</p>\n");
    put_audiences(out, incident);
    if let Some(update) = incident.updates.first() {
        out.raw("<div class=\"said\">").paragraphs(&news::words(incident, update)).raw("</div>\n");
        put_concerned(out, site, &incident.components, "");
        out.raw("<p class=\"soft\">Posted ");
        out.time(update.at);
        put_next(out, site, incident);
        out.raw("</p>\n");
    }
    out.raw("</article>\n");
}

pub(super) fn put_work_card(out: &mut Markup, site: &Site<'_>, work: &Maintenance) {
    out.raw("<article class=\"card work\">\n<h3 dir=\"auto\"><a href=\"i/").id(work.id).raw(".html\">");
    out.text(&work.title).raw("</a></h3>\n<p class=\"soft\"><strong>").raw(progress_label(work.progress));
    out.raw("</strong> · ").time_as(work.from, &dates::span(work.from, work.until)).raw("</p>\n");
    out.paragraphs(&work.body);
    put_concerned(out, site, &work.components, "");
    out.raw("</article>\n");
}

/// The page of an incident: facts, the report if there is one, and what was said, newest first.
pub(super) fn page(site: &Site<'_>, incident: &Incident) -> Markup {
    let mut out = Markup::default();
    frame::put_way(&mut out, site, &[]);
    put(&mut out, site, incident, "../");
    let newest = incident.updates.iter().find(|update| update.stage != Stage::Postmortem);
    let said = newest.and_then(|update| paragraphs(&update.body).first().map(|lines| lines.join(" ")));
    let description = format!("{}: {}", incident.stage.label(), said.unwrap_or_default());
    let look = if incident.stage.is_open() { now(site, incident) } else { Status::Operational };
    let title = format!("{} {}: {}", glyph(look), incident.stage.label(), incident.title);
    let path = format!("/i/{}", incident.id);
    frame::page(
        site,
        &Frame { title: &title, description: &description, path: &path, top: "../", is_short: false },
        &out,
    )
}

/// What the page says; `top` leads to the files at the top.
pub(super) fn put(out: &mut Markup, site: &Site<'_>, incident: &Incident, top: &str) {
    out.raw("<h1 dir=\"auto\">").text(&incident.title).raw("</h1>\n<p>");
    if incident.stage.is_open() {
        let look = now(site, incident);
        out.state(look, look.label()).raw(" · <strong>").raw(incident.stage.label()).raw("</strong></p>\n");
    } else {
        out.state(Status::Operational, incident.stage.label()).raw(" · at its worst ");
        out.state(of_impact(incident.impact), history::impact_label(incident)).raw("</p>\n");
    }
    put_audiences(out, incident);
    put_facts(out, site, incident);
    put_concerned(out, site, &incident.components, top);
    if let Some(figures) = &incident.served {
        served::put(out, figures, served::Place::Incident);
    }
    if !incident.postmortem.is_empty() {
        out.raw("<section aria-labelledby=\"report\">\n<h2 id=\"report\">Post-mortem</h2>\n");
        out.raw("<div class=\"card report\">\n");
        put_markdown(out, &incident.postmortem);
        out.raw("</div>\n</section>\n");
    }
    if !incident.charts.is_empty() {
        out.raw("<section aria-labelledby=\"went\">\n<h2 id=\"went\">How it went (UTC)</h2>\n");
        incident.charts.iter().for_each(|chart| put_chart(out, chart, site.at));
        out.raw("</section>\n");
    }
    out.raw("<section aria-labelledby=\"said\">\n<h2 id=\"said\">What was said</h2>\n<ol class=\"log\">\n");
    let has_report = !incident.postmortem.is_empty();
    for update in &incident.updates {
        put_update(out, site, update, has_report);
    }
    out.raw("</ol>\n</section>\n");
}

/// How it is now; never quite well while it is open.
fn now(site: &Site<'_>, incident: &Incident) -> Status {
    let concerned = incident.components.iter().filter_map(|place| site.tree.at(*place));
    concerned.map(|component| component.status).fold(Status::DegradedPerformance, Status::max)
}

/// The page of announced work.
pub(super) fn work_page(site: &Site<'_>, work: &Maintenance) -> Markup {
    let mut out = Markup::default();
    frame::put_way(&mut out, site, &[]);
    put_work(&mut out, site, work, "../");
    let description = format!("Announced work, {}", dates::span(work.from, work.until));
    let title = format!("{} {}", glyph(Status::UnderMaintenance), work.title);
    let path = format!("/i/{}", work.id);
    frame::page(
        site,
        &Frame { title: &title, description: &description, path: &path, top: "../", is_short: false },
        &out,
    )
}

/// What the page of announced work says; `top` leads to the files at the top.
pub(super) fn put_work(out: &mut Markup, site: &Site<'_>, work: &Maintenance, top: &str) {
    out.raw("<h1 dir=\"auto\">").text(&work.title).raw("</h1>\n<p>");
    out.state(Status::UnderMaintenance, progress_label(work.progress)).raw("</p>\n<dl class=\"facts\">\n");
    put_fact(out, "Begins", Some(work.from));
    put_fact(out, "Ends", Some(work.until));
    put_fact(out, "Announced", Some(work.created_at));
    out.raw("</dl>\n").paragraphs(&work.body);
    put_concerned(out, site, &work.components, top);
}

fn put_audiences(out: &mut Markup, incident: &Incident) {
    if incident.audiences.is_empty() {
        return;
    }
    out.raw("<dl class=\"facts\">\n");
    for (audience, service) in &incident.audiences {
        out.raw("<div><dt>").raw(audience.label()).raw("</dt><dd>");
        out.state(of_service(*service), service.label()).raw("</dd></div>\n");
    }
    out.raw("</dl>\n");
}

/// A promise that was not kept is shown as one.
fn put_next(out: &mut Markup, site: &Site<'_>, incident: &Incident) {
    if let Some(by) = incident.next_update_by.filter(|_| incident.stage.is_open()) {
        out.raw(if by < site.at { " · next update was due by " } else { " · next update by " }).time(by);
    }
}

fn put_facts(out: &mut Markup, site: &Site<'_>, incident: &Incident) {
    out.raw("<dl class=\"facts\">\n");
    let mut facts = vec![
        (Some(incident.started_at), "Began"),
        (Some(incident.published_at), "First notice"),
        (incident.identified_at, "Identified"),
        (incident.served_again_at, "Everybody served again"),
        // Of what the gate does not see nobody can say who is served.
        (incident.monitoring_at.filter(|_| incident.served_again_at.is_none()), "Monitoring"),
        (incident.resolved_at, "Resolved"),
    ];
    facts.extend(incident.reopened.iter().map(|at| (Some(*at), "Opened again")));
    // Stages may come more than once, and what was first is read first.
    facts.sort_by_key(|(at, _)| *at);
    for (at, label) in facts {
        put_fact(out, label, at);
    }
    if let Some(end) = history::ended(incident) {
        out.raw("<div><dt>Lasted</dt><dd>").text(&dates::lasted(incident.started_at, end));
        out.raw("</dd></div>\n");
    } else {
        out.raw("<div><dt>At its worst</dt><dd>").raw(history::impact_label(incident)).raw("</dd></div>\n");
        let label = if incident.next_update_by.is_some_and(|by| by < site.at) {
            "Next update was due by"
        } else {
            "Next update by"
        };
        put_fact(out, label, incident.next_update_by);
    }
    out.raw("</dl>\n");
}

fn put_fact(out: &mut Markup, label: &'static str, at: Option<Timestamp>) {
    if let Some(at) = at {
        out.raw("<div><dt>").raw(label).raw("</dt><dd>").time(at).raw("</dd></div>\n");
    }
}

fn put_concerned(out: &mut Markup, site: &Site<'_>, places: &[usize], top: &str) {
    let concerned: Vec<usize> =
        places.iter().copied().filter(|place| site.tree.at(*place).is_some()).collect();
    if concerned.is_empty() {
        return;
    }
    out.raw("<p class=\"soft\">Concerns ");
    for (count, place) in concerned.iter().enumerate() {
        if let Some(component) = site.tree.at(*place) {
            out.raw(if count > 0 { ", " } else { "" }).raw("<a href=\"").text(top).raw("c/");
            out.id(component.id).raw(".html\">").text(&component.name).raw("</a>");
        }
    }
    out.raw("</p>\n");
}

fn put_update(out: &mut Markup, site: &Site<'_>, update: &Update, has_report: bool) {
    let label = if update.is_same_stage { "Update" } else { update.stage.label() };
    out.raw("<li id=\"upd-").id(update.id).raw("\"><h3>").raw(label).raw("</h3>\n");
    out.raw("<p class=\"soft\"><a href=\"#upd-").id(update.id).raw("\">").time(update.at).raw("</a>");
    out.raw(if update.is_by_person { "" } else { " · automatic" }).raw("</p>\n");
    if has_report && update.stage == Stage::Postmortem {
        // All of it stands above.
        out.raw("<p><a href=\"#report\">The report</a> was published.</p>\n");
    } else {
        out.paragraphs(&update.body);
    }
    for (place, before, after) in &update.affected {
        if site.tree.at(*place).is_some() {
            out.raw("<p class=\"soft\">").text(&site.tree.title(*place)).raw(": ").raw(before.label());
            out.raw(" → ").state(*after, after.label()).raw("</p>\n");
        }
    }
    out.raw("</li>\n");
}
