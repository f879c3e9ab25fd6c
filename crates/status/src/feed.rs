//! The history as an Atom feed (RFC 4287), in the form of Statuspage: an entry per incident, its updates newest first.
//!
//! The feed's own time is that of its newest entry, so that a reader sees whether there is news. Content is HTML, so text is escaped twice.

use incident::{Civil, Incident, Maintenance, PublicId, Stage, View, without_marks};
use model::Timestamp;

use crate::dates;
use crate::markup::{Markup, paragraphs};
use crate::page::Page;

/// Entries in a feed.
const ENTRIES_MAX: usize = 50;

struct Entry<'a> {
    id: PublicId,
    title: &'a str,
    published: Timestamp,
    updated: Timestamp,
    content: Markup,
}

/// The feed's bytes.
pub(crate) fn atom(view: &View, page: &Page) -> Vec<u8> {
    let incidents = view.incidents.iter().map(of_incident);
    let mut entries: Vec<Entry<'_>> = incidents.chain(view.maintenances.iter().map(of_work)).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.updated, entry.id)));
    entries.truncate(ENTRIES_MAX);
    let updated = entries.first().map_or(view.updated_at, |entry| entry.updated);

    let mut xml = Markup::default();
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.raw("<feed xml:lang=\"en-US\" xmlns=\"http://www.w3.org/2005/Atom\">\n");
    xml.raw("<id>tag:").text(page.host()).raw(",2005:/history</id>\n");
    xml.raw("<link rel=\"alternate\" type=\"text/html\" href=\"").text(page.url()).raw("\"/>\n");
    xml.raw("<link rel=\"self\" type=\"application/atom+xml\" href=\"").text(page.url());
    xml.raw("/history.atom\"/>\n");
    xml.raw("<title>").text(page.name()).raw(" Status - Incident History</title>\n");
    xml.raw("<updated>").text(&dates::rfc3339(updated)).raw("</updated>\n");
    xml.raw("<author><name>").text(page.name()).raw("</name></author>\n");
    for entry in &entries {
        put_entry(&mut xml, page, entry);
    }
    xml.raw("</feed>\n");
    xml.into_bytes()
}

fn put_entry(xml: &mut Markup, page: &Page, entry: &Entry<'_>) {
    xml.raw("<entry>\n<id>tag:").text(page.host()).raw(",2005:Incident/").id(entry.id).raw("</id>\n");
    xml.raw("<published>").text(&dates::rfc3339(entry.published)).raw("</published>\n");
    xml.raw("<updated>").text(&dates::rfc3339(entry.updated)).raw("</updated>\n");
    xml.raw("<link rel=\"alternate\" type=\"text/html\" href=\"").text(page.url());
    xml.raw("/i/").id(entry.id).raw("\"/>\n");
    xml.raw("<title>").text(entry.title).raw("</title>\n");
    xml.raw("<content type=\"html\">").text(entry.content.as_str()).raw("</content>\n</entry>\n");
}

fn of_incident(incident: &Incident) -> Entry<'_> {
    let mut content = Markup::default();
    let newest = incident.updates.first().map(|update| update.stage);
    if !incident.postmortem.is_empty() && newest != Some(Stage::Postmortem) {
        let at = incident.updated_at;
        put_update(&mut content, at, Stage::Postmortem.label(), &without_marks(&incident.postmortem));
    }
    for update in &incident.updates {
        let label = if update.is_same_stage { "Update" } else { update.stage.label() };
        let is_report = update.stage == Stage::Postmortem;
        let body = if is_report { without_marks(&update.body) } else { update.body.clone() };
        put_update(&mut content, update.at, label, &body);
    }
    Entry {
        id: incident.id,
        title: &incident.title,
        published: incident.published_at,
        updated: incident.updated_at,
        content,
    }
}

fn of_work(work: &Maintenance) -> Entry<'_> {
    let mut content = Markup::default();
    let label = crate::pages::progress_label(work.progress);
    let span = dates::span(work.from, work.until);
    put_update(&mut content, work.updated_at, label, &format!("{span}\n\n{}", work.body));
    Entry { id: work.id, title: &work.title, published: work.created_at, updated: work.updated_at, content }
}

/// One update. Programs look for the first `<strong>` to learn how an incident does.
fn put_update(content: &mut Markup, at: Timestamp, label: &'static str, body: &str) {
    let civil = Civil::of(at);
    content.raw("<p><small>").raw(civil.month_name()).raw(" <var data-var='date'>").number(civil.day);
    content.raw("</var>, <var data-var='time'>").text(dates::clock(at).trim_end_matches(" UTC"));
    content.raw("</var> UTC</small><br><strong>").raw(label).raw("</strong> - ");
    for (place, lines) in paragraphs(body).iter().enumerate() {
        content.raw(if place > 0 { "<br><br>" } else { "" });
        for (place, line) in lines.iter().enumerate() {
            content.raw(if place > 0 { "<br>" } else { "" }).text(line);
        }
    }
    content.raw("</p>\n");
}
