//! For how much of their time people were served, as the public reads it.

use super::*;
use crate::{Served, Stretch};

impl Story {
    /// The same until the clock says so, while a hundred of each of [`crate::Users::ALL`] are there and so many of a thousand are served.
    fn serve(&mut self, hour: u64, minute: u64, sight: &Sight, served: [u64; 2]) {
        while self.moment.wall < at(hour, minute).wall {
            let is_first = self.spent == <[UserTime; 2]>::default();
            let is_new = is_first || (self.moment.wall.as_secs() + 1).is_multiple_of(300);
            for (spent, served) in self.spent.iter_mut().zip(served) {
                spent.up += 100 * served;
                spent.down += 100 * (1_000 - served);
                spent.there += if is_new { 100 } else { 0 };
                spent.came += if is_new { 1 } else { 0 };
            }
            self.see(1, sight);
        }
    }

    /// What the first page says, and below it the page of the newest incident.
    fn shows(&self) -> String {
        let view = self.engine.view(self.moment.wall);
        let incident = view.incidents.first().map(|incident| incident.served.clone());
        let shown = [("page", Some(view.served)), ("incident", incident)].into_iter();
        let shown = shown.filter_map(|(what, served)| Some(format!("{what}: {}", words(served?))));
        format!("[{}] {}", clock(self.moment.wall), shown.collect::<Vec<_>>().join("\n           "))
    }
}

fn words(served: Option<Served>) -> String {
    let clock = |at| Civil::of(at).clock();
    match served {
        None => "nothing".to_owned(),
        Some(Served::Bands(stretches)) => {
            let stretch = |Stretch { from, until, bands }: &Stretch| {
                let bands = bands.map(|band| band.map_or("not enough data", crate::Band::label));
                format!("{} to {}: {}", clock(*from), clock(*until), bands.join(" | "))
            };
            stretches.iter().map(stretch).collect::<Vec<_>>().join("; ")
        }
        Some(Served::Exact(measured)) => {
            let (from, until) = (clock(measured.from), clock(measured.until));
            format!("{from} to {until}: {}", measured.lines().join(" | "))
        }
    }
}

fn down() -> Sight {
    served_to(45, Door::Closed, Some(Cause::Attack), Level::CustomersFirst)
}

#[test]
fn figures_are_bands_that_come_late_while_an_incident_is_open_and_exact_half_an_hour_after_it() {
    let mut story = Story::begin();
    let mut shown = Vec::new();
    story.serve(15, 2, &well(), [1_000, 999]);
    shown.push(story.shows());
    story.serve(15, 14, &down(), [400, 970]);
    shown.push(story.shows());
    story.serve(15, 15, &down(), [400, 970]);
    shown.push(story.shows());
    story.serve(15, 40, &well(), [1_000, 940]);
    shown.push(story.shows());
    assert_eq!(story.stage(), Some(Stage::Resolved));
    story.serve(15, 54, &well(), [1_000, 1_000]);
    shown.push(story.shows());
    story.serve(16, 10, &well(), [1_000, 1_000]);
    shown.push(story.shows());
    insta::assert_snapshot!("figures", shown.join("\n"));
    let id = story.newest();
    let draft = |readers| story.engine.draft(&[id], readers, story.moment.wall).unwrap().text;
    let line = "Customers who have signed in: served for";
    assert!(draft(crate::Readers::Colleagues).matches(line).count() == 2, "among facts and in the timeline");
    assert!(draft(crate::Readers::Public).matches(line).count() == 1);
}

/// What is kept is what was measured, also for the next process, which measures anew.
#[test]
fn figures_of_an_incident_outlive_the_process() {
    let mut story = Story::begin();
    story.serve(15, 2, &well(), [1_000; 2]);
    story.serve(15, 14, &down(), [400, 970]);
    story.serve(16, 10, &well(), [1_000; 2]);
    let mut next = Engine::new(settings(Duration::ZERO));
    for record in &story.records {
        next.restore(&record.bytes, record.hash).unwrap();
    }
    let told = |engine: &Engine| engine.view(story.moment.wall).incidents[0].served.clone();
    assert!(matches!(told(&next), Some(Served::Exact(_))));
    assert_eq!(told(&next), told(&story.engine));
    let mut quiet = settings(Duration::ZERO);
    quiet.audience_figures = false;
    let mut internal = Engine::new(quiet);
    for record in &story.records {
        internal.restore(&record.bytes, record.hash).unwrap();
    }
    let view = internal.view(story.moment.wall);
    assert_eq!((view.served, &view.incidents[0].served), (None, &None), "internal until enabled");
    let draft = |readers| internal.draft(&[story.newest()], readers, story.moment.wall).unwrap().text;
    assert!(!draft(crate::Readers::Public).contains("signed in: served for"));
    assert!(draft(crate::Readers::Colleagues).contains("signed in: served for"));
}

#[test]
fn what_is_back_is_in_bands_again_and_measured_as_a_whole() {
    let mut story = Story::begin();
    story.serve(15, 2, &well(), [1_000; 2]);
    story.serve(15, 14, &down(), [400, 970]);
    story.serve(16, 0, &well(), [1_000; 2]);
    let exact = |story: &Story| match story.engine.view(story.moment.wall).incidents[0].served {
        Some(Served::Exact(measured)) => Some(measured),
        Some(Served::Bands(_)) | None => None,
    };
    let first = exact(&story).unwrap();
    story.serve(16, 10, &down(), [400, 970]);
    assert_eq!((story.stage().map(Stage::is_open), exact(&story)), (Some(true), None));
    story.serve(17, 30, &well(), [1_000; 2]);
    let second = exact(&story).unwrap();
    assert!(second.from == first.from && second.until > first.until && second.of != first.of);
}

#[test]
fn what_alerts_told_of_has_no_figures_and_hides_none_of_the_gates_own() {
    let mut story = Story::begin();
    let signal = crate::SignalSetting {
        labels: vec![("alertname".to_owned(), "PhoneDead".to_owned())],
        component: "Phone support".to_owned(),
        status: crate::Status::PartialOutage,
    };
    story.engine = story.engine.attending(vec![signal]);
    story.serve(15, 2, &well(), [1_000; 2]);
    story.serve(15, 14, &down(), [400, 970]);
    story.serve(15, 20, &well(), [1_000; 2]);
    let alert = crate::Alert {
        fingerprint: "one".to_owned(),
        is_firing: true,
        labels: [("alertname".to_owned(), "PhoneDead".to_owned())].into(),
        text: String::new(),
    };
    story.records.extend(story.engine.heed(&[alert], story.moment).0);
    story.serve(16, 30, &well(), [1_000; 2]);
    let incidents = story.engine.view(story.moment.wall).incidents;
    let told: Vec<_> = incidents.iter().map(|of| (of.title.contains("Phone"), of.served.is_some())).collect();
    assert_eq!(told, [(true, false), (false, true)], "{incidents:?}");
    let draft =
        story.engine.draft(&[incidents[0].id], crate::Readers::Colleagues, story.moment.wall).unwrap();
    assert!(draft.text.contains("An alert of another system told of it at"), "{}", draft.text);
    assert!(!draft.text.contains("was noticed"), "nobody knows when that began: {}", draft.text);
}

#[test]
fn of_too_few_people_nothing_is_said() {
    let mut story = Story::begin();
    story.see(1_920, &well());
    story.see(720, &down());
    story.see(2_500, &well());
    assert!(story.shows().ends_with("incident: nothing"), "{}", story.shows());
    assert!(story.shows().contains("not enough data for a figure"), "{}", story.shows());
}

#[test]
fn who_measures_since_a_restart_has_no_figure_of_an_outage_that_began_before() {
    let mut story = Story::begin();
    story.serve(15, 2, &well(), [1_000; 2]);
    story.serve(15, 14, &down(), [0; 2]);
    let mut next = Engine::new(settings(Duration::from_secs(120)));
    for record in &story.records {
        next.restore(&record.bytes, record.hash).unwrap();
    }
    (story.engine, story.spent) = (next, Default::default());
    story.serve(16, 10, &well(), [1_000; 2]);
    let Some(Served::Exact(measured)) = story.engine.view(story.moment.wall).incidents[0].served else {
        panic!("{}", story.shows())
    };
    assert_eq!(measured.of, [None; 2], "{}", story.shows());
}
