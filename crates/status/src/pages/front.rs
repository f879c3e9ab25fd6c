//! The first page: the verdict, what is wrong, what is announced, the components, and what was lately.

use std::time::Duration;

use ::incident::{Incident, Maintenance, Progress, Served};

use super::frame::{self, Frame};
use super::{Site, class, history, incident, parts, served};
use crate::markup::Markup;

/// For how long an incident stays on the first page after it is over.
const RECENT: Duration = Duration::from_secs(14 * 86_400);

pub(super) fn page(site: &Site<'_>) -> Markup {
    let mut out = Markup::default();
    put_verdict(&mut out, site);
    put_open(&mut out, site);
    // While something is open it matters more than anything that is listed below.
    put_served(&mut out, site, true);
    put_announced(&mut out, site);
    out.raw("<section aria-labelledby=\"parts\">\n<h2 id=\"parts\">Components</h2>\n");
    let roots = site.tree.children(None);
    if roots.is_empty() {
        out.raw("<p class=\"soft\">No component is watched yet.</p>\n");
    } else {
        out.raw("<ul class=\"list\">\n");
        parts::put_list(&mut out, site, &roots, "");
        out.raw("</ul>\n");
        parts::put_legend(&mut out);
    }
    out.raw("</section>\n");
    put_served(&mut out, site, false);
    put_recent(&mut out, site);
    let title = frame::state_title(site);
    let frame =
        Frame { title: &title, description: &site.verdict.sentence, path: "/", top: "", is_short: true };
    frame::page(site, &frame, &out)
}

/// The only part that is read aloud when it changes.
fn put_verdict(out: &mut Markup, site: &Site<'_>) {
    let look = site.verdict.look;
    out.raw("<div class=\"verdict ").raw(class(Some(look))).raw("\" aria-live=\"polite\">").icon(look);
    out.raw("<div><h1>").raw(site.verdict.word).raw("</h1><p>").text(&site.verdict.sentence);
    out.raw("</p></div></div>\n");
}

fn put_open(out: &mut Markup, site: &Site<'_>) {
    let open: Vec<&Incident> =
        site.view.incidents.iter().filter(|incident| incident.stage.is_open()).collect();
    if open.is_empty() {
        return;
    }
    out.raw("<section aria-labelledby=\"now\">\n<h2 id=\"now\">Open incidents</h2>\n");
    for incident in open {
        incident::put_card(out, site, incident);
    }
    out.raw("</section>\n");
}

fn put_served(out: &mut Markup, site: &Site<'_>, in_bands: bool) {
    let served = site.view.served.as_ref();
    if let Some(served) = served.filter(|served| matches!(served, Served::Bands(_)) == in_bands) {
        served::put(out, served, served::Place::Front);
    }
}

fn put_announced(out: &mut Markup, site: &Site<'_>) {
    let all = site.view.maintenances.iter();
    let mut works: Vec<&Maintenance> = all.filter(|work| work.progress != Progress::Completed).collect();
    if works.is_empty() {
        return;
    }
    // What goes on comes first, then what comes next.
    works.sort_by_key(|work| (work.progress == Progress::Scheduled, work.from));
    out.raw("<section aria-labelledby=\"work\">\n<h2 id=\"work\">Announced work</h2>\n");
    for work in works {
        incident::put_work_card(out, site, work);
    }
    out.raw("</section>\n");
}

fn put_recent(out: &mut Markup, site: &Site<'_>) {
    out.raw("<section aria-labelledby=\"recent\">\n<h2 id=\"recent\">Past incidents, 14 days</h2>\n");
    let since = site.at.before(RECENT);
    let is_recent = |incident: &&Incident| {
        !incident.stage.is_open() && history::ended(incident).unwrap_or_default() >= since
    };
    let recent: Vec<&Incident> = site.view.incidents.iter().filter(is_recent).collect();
    if recent.is_empty() {
        out.raw("<p class=\"soft\">None.</p>\n");
    } else {
        history::put_items(out, site, &recent, "");
    }
    out.raw("<p><a href=\"history.html\">All incidents</a></p>\n</section>\n");
}
