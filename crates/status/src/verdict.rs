//! How all of it does, in one word and one sentence.

use incident::{Impact, Progress, Stage, Status, View};

use crate::dates;
use crate::tree::Tree;

/// What the page says first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    /// For programs: the worst of what components do and what open incidents did.
    pub(crate) worst: Status,
    /// The shape and colour that people see: how it is now.
    pub(crate) look: Status,
    /// `Partial outage`.
    pub(crate) word: &'static str,
    /// One sentence.
    pub(crate) sentence: String,
}

impl Verdict {
    pub(crate) fn of(view: &View) -> Self {
        let tree = Tree::of(view);
        let parts = tree.all().map(|(_, component)| component.status).max().unwrap_or_default();
        let open = || view.incidents.iter().filter(|incident| incident.stage.is_open());
        let done = open().map(|incident| of_impact(incident.impact)).max();
        let is_worked_on = view.maintenances.iter().any(|work| is_active(work.progress));
        let worked = if is_worked_on { Status::UnderMaintenance } else { Status::Operational };
        let worst = parts.max(worked).max(done.unwrap_or_default());

        // People are told how it is now; an incident's impact is the worst that it has been.
        if parts <= Status::UnderMaintenance && open().count() > 0 {
            let (word, sentence) = if open().all(|incident| incident.stage == Stage::Monitoring) {
                ("Recovering", "Everything works again, and we watch whether it lasts.")
            } else {
                ("Open incident", "All parts work at the moment, but an incident is open.")
            };
            return Self { worst, look: Status::DegradedPerformance, word, sentence: sentence.to_owned() };
        }
        let look = parts.max(worked);
        let word = if look == Status::Operational { "All systems operational" } else { look.label() };
        Self { worst, look, word, sentence: sentence(view, &tree, look) }
    }

    /// As in JSON; the list is closed.
    pub(crate) const fn indicator(&self) -> &'static str {
        match self.worst {
            Status::Operational => "none",
            Status::UnderMaintenance => "maintenance",
            Status::DegradedPerformance => "minor",
            Status::PartialOutage => "major",
            Status::MajorOutage => "critical",
        }
    }

    /// As Statuspage describes an indicator.
    pub(crate) const fn description(&self) -> &'static str {
        match self.worst {
            Status::Operational => "All Systems Operational",
            Status::UnderMaintenance => "Service Under Maintenance",
            Status::DegradedPerformance => "Partially Degraded Service",
            Status::PartialOutage => "Partial System Outage",
            Status::MajorOutage => "Major Service Outage",
        }
    }
}

/// The shape of a status as a letter, for titles and text.
pub(crate) const fn glyph(status: Status) -> &'static str {
    match status {
        Status::Operational => "●",
        Status::UnderMaintenance => "🔧",
        Status::DegradedPerformance => "▲",
        Status::PartialOutage => "◆",
        Status::MajorOutage => "■",
    }
}

/// What a component does at the least when an incident has this impact.
pub(crate) const fn of_impact(impact: Impact) -> Status {
    match impact {
        Impact::None => Status::Operational,
        Impact::Minor => Status::DegradedPerformance,
        Impact::Major => Status::PartialOutage,
        Impact::Critical => Status::MajorOutage,
    }
}

/// Whether announced work goes on.
pub(crate) const fn is_active(progress: Progress) -> bool {
    matches!(progress, Progress::InProgress | Progress::Verifying)
}

fn sentence(view: &View, tree: &Tree<'_>, look: Status) -> String {
    let names = names(view, tree, look);
    match look {
        Status::Operational => {
            match view.incidents.iter().filter_map(|incident| incident.resolved_at).max() {
                Some(ended) => {
                    format!("Everything works. The last incident ended on {}.", dates::date(ended))
                }
                None => "Everything works.".to_owned(),
            }
        }
        Status::UnderMaintenance => format!("Announced work goes on: {names}."),
        Status::DegradedPerformance => format!("Everybody is served, but some have to wait: {names}."),
        Status::PartialOutage => format!("Some people are not served: {names}."),
        Status::MajorOutage => format!("Hardly anybody is served: {names}."),
    }
}

/// What does so badly, or how much of all that is.
fn names(view: &View, tree: &Tree<'_>, look: Status) -> String {
    let leaves = || tree.all().filter(|(_, component)| !component.is_group);
    let bad: Vec<&str> = leaves()
        .filter(|(_, component)| component.status == look)
        .map(|(_, component)| component.name.as_str())
        .collect();
    match bad[..] {
        // Work may go on that changes nothing for people, and a group may do worse than all that is in it.
        [] => {
            let mut active = view.maintenances.iter().filter(|work| is_active(work.progress));
            let work = active.next().filter(|_| look == Status::UnderMaintenance);
            work.map_or("some of it", |work| work.title.as_str()).to_owned()
        }
        [one] => one.to_owned(),
        [one, two] => format!("{one} and {two}"),
        _ if bad.len() == leaves().count() => "all of it".to_owned(),
        _ => format!("{} of {} parts", bad.len(), leaves().count()),
    }
}

#[cfg(test)]
mod tests {
    use incident::Stage;

    use super::*;
    use crate::samples;

    #[test]
    fn a_page_without_trouble_says_so() {
        let sentence = "Everything works. The last incident ended on 22 Nov 2026.";
        check(&samples::calm(), "none", "All systems operational", sentence);
        check(&View::default(), "none", "All systems operational", "Everything works.");
    }

    #[test]
    fn the_worst_component_decides_and_is_named() {
        let sentence = "Some people are not served: Web Application (HTTPS) and Login.";
        check(&samples::outage(), "critical", "Partial outage", sentence);
        let mut view = samples::outage();
        for component in &mut view.components {
            component.status = Status::MajorOutage;
        }
        check(&view, "critical", "Major outage", "Hardly anybody is served: all of it.");
    }

    #[test]
    fn an_open_incident_is_never_contradicted() {
        let mut view = samples::outage();
        for component in &mut view.components {
            component.status = Status::Operational;
        }
        let sentence = "All parts work at the moment, but an incident is open.";
        check(&view, "critical", "Open incident", sentence);
        view.incidents[0].stage = Stage::Monitoring;
        check(&view, "critical", "Recovering", "Everything works again, and we watch whether it lasts.");
    }

    #[test]
    fn work_that_was_announced_is_no_outage() {
        let sentence = "Announced work goes on: The database moves.";
        check(&samples::worked_on(), "maintenance", "Under maintenance", sentence);
    }

    #[track_caller]
    fn check(view: &View, indicator: &str, word: &str, sentence: &str) {
        let verdict = Verdict::of(view);
        assert_eq!(
            (verdict.indicator(), verdict.word, verdict.sentence.as_str()),
            (indicator, word, sentence)
        );
    }
}
