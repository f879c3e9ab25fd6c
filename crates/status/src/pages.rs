//! The pages for people: HTML that says all without a script, a picture from elsewhere or a second request.
//!
//! Links between pages are relative and name files, so that a copy works in any folder of any server, and from a disk.

mod component;
mod frame;
mod front;
mod history;
mod incident;
mod parts;
mod served;
mod style;
mod subscribe;

pub use frame::source_hash;
pub(crate) use served::{NO_DATA, grouped};
pub use style::STYLE;

use ::incident::{Progress, PublicId, Service, Status, View};
use model::Timestamp;

use crate::days::Days;
use crate::markup::Markup;
use crate::page::Page;
use crate::tree::Tree;
use crate::verdict::Verdict;
pub use subscribe::{FormPage, Forms};

/// What the pages may load and run, for `Content-Security-Policy`: their own style and script, pictures and newer pages of their own server, nothing
/// else.
///
/// The pages repeat it in themselves, as far as they can, for copies on servers that send no headers.
///
/// `forms` is where forms lead, an origin or a scheme with its colon; `None`: nowhere.
pub fn content_security_policy(forms: Option<&str>) -> String {
    format!("{}; frame-ancestors 'none'", frame::policy(forms, &[style::FIRST, STYLE]))
}

/// What all pages are made of.
pub(crate) struct Site<'a> {
    view: &'a View,
    page: &'a Page,
    tree: Tree<'a>,
    verdict: Verdict,
    /// Of each component; of a group the worst of what is in it.
    days: Vec<Days>,
    at: Timestamp,
    /// Of short pages, and of all others.
    policies: [String; 2],
}

/// All pages by their paths.
pub(crate) fn files(view: &View, page: &Page, at: Timestamp) -> Vec<(String, Markup)> {
    let site = Site::of(view, page, at);
    let mut files = vec![
        ("index.html".to_owned(), front::page(&site)),
        ("history.html".to_owned(), history::page(&site)),
        ("404.html".to_owned(), frame::not_found(&site)),
    ];
    if page.subscribing().is_some() {
        files.push(("subscribe.html".to_owned(), subscribe::page(&site)));
    }
    for (place, component) in site.tree.all() {
        files.push((format!("c/{}.html", component.id), component::page(&site, place, component)));
    }
    for incident in &view.incidents {
        files.push((format!("i/{}.html", incident.id), incident::page(&site, incident)));
    }
    for work in &view.maintenances {
        files.push((format!("i/{}.html", work.id), incident::work_page(&site, work)));
    }
    files
}

/// What the page of an incident or of announced work says, for whoever is to judge it before it is out: the very markup of the page
/// without its frame, with links that lead to the page itself. `None` if the view has nothing of that name.
pub fn as_published(view: &View, page: &Page, id: PublicId, at: Timestamp) -> Option<Markup> {
    let (site, top) = (Site::of(view, page, at), format!("{}/", page.url()));
    let mut out = Markup::default();
    if let Some(incident) = view.incidents.iter().find(|incident| incident.id == id) {
        incident::put(&mut out, &site, incident, &top);
        return Some(out);
    }
    let work = view.maintenances.iter().find(|work| work.id == id)?;
    incident::put_work(&mut out, &site, work, &top);
    Some(out)
}

/// As people read it.
pub(crate) const fn progress_label(progress: Progress) -> &'static str {
    match progress {
        Progress::Scheduled => "Scheduled",
        Progress::InProgress => "In progress",
        Progress::Verifying => "Verifying",
        Progress::Completed => "Completed",
    }
}

impl<'a> Site<'a> {
    fn of(view: &'a View, page: &'a Page, at: Timestamp) -> Self {
        let tree = Tree::of(view);
        let mut days: Vec<Days> = tree.all().map(|(_, component)| Days::of(component, at)).collect();
        for (place, component) in tree.all().filter(|(_, component)| component.is_group) {
            let leaves: Vec<Days> = tree.leaves(place).iter().map(|leaf| days[*leaf].clone()).collect();
            // What is empty does as its group does.
            days[place] = if leaves.is_empty() { Days::of(component, at) } else { Days::worst_of(&leaves) };
        }
        Self {
            view,
            page,
            tree,
            verdict: Verdict::of(view),
            days,
            at,
            policies: [style::FIRST, STYLE].map(|style| frame::policy(page.subscribing(), &[style])),
        }
    }
}

/// The class that gives an element the colour of a status.
const fn class(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Operational) => "up",
        Some(Status::UnderMaintenance) => "work",
        Some(Status::DegradedPerformance) => "slow",
        Some(Status::PartialOutage) => "some",
        Some(Status::MajorOutage) => "down",
        None => "none",
    }
}

/// How bad it is for an audience, as a status.
const fn of_service(service: Service) -> Status {
    match service {
        Service::Good => Status::Operational,
        Service::Delayed => Status::DegradedPerformance,
        Service::Part => Status::PartialOutage,
        Service::Down => Status::MajorOutage,
    }
}

impl Markup {
    /// The picture of a status: a shape, and a mark on it. It is beside a word that says the same, so it is hidden from who listens.
    fn icon(&mut self, status: Status) -> &mut Self {
        let mark = match status {
            Status::Operational => "<path d=\"m4.6 8.3 2.3 2.3 4.5-4.9\"/>",
            Status::UnderMaintenance => "",
            Status::DegradedPerformance => "<path d=\"M8 5.8v4m0 1.6v1.6\"/>",
            Status::PartialOutage => "<path d=\"M4.6 8h6.8\"/>",
            Status::MajorOutage => "<path d=\"m5 5 6 6m0-6-6 6\"/>",
        };
        self.raw("<svg class=\"i\" viewBox=\"0 0 16 16\" aria-hidden=\"true\">");
        self.raw(crate::badge::shape(status)).raw(mark).raw("</svg>")
    }

    /// A status with its picture, in its colour.
    pub fn state(&mut self, status: Status, words: &'static str) -> &mut Self {
        self.raw("<span class=\"state ").raw(class(Some(status))).raw("\">");
        self.icon(status).raw(words).raw("</span>")
    }
}
