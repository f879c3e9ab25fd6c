//! Reports of incidents that are over, on a page that has a place for them.

use serde_json::{Value, json};

use super::pages::Mood;
use super::*;

/// An incident that is over, here and there.
fn over(kind: Kind) -> Story {
    let mut story = Story::begin(kind);
    story.open("Checkout fails");
    story.carry(10);
    story.say(Stage::Resolved, "All is well again.");
    story.carry(10);
    story
}

impl Story {
    fn report(&mut self, text: &str) {
        let incident = self.engine.inside()[0].id;
        self.act(Act::Report { incident, body: text.into() });
    }

    fn draft(&self) -> &Value {
        &self.elsewhere.incidents[0]["report"]["body_draft"]
    }

    fn puts(&self) -> usize {
        self.elsewhere.log.iter().filter(|asked| asked.starts_with("PUT")).count()
    }
}

#[test]
fn a_published_report_is_there_as_a_draft_four_days_later() {
    let mut story = over(Kind::Statuspage);
    story.pass(4 * 86_400);
    story.want();
    story.carry(20);
    story.report("# What happened\n\nA disk was full.");
    story.carry(20);
    assert_eq!(story.draft(), "# What happened\n\nA disk was full.");
    assert!(story.said.iter().any(|said| said.contains("as a draft")), "{:?}", story.said);
    assert_eq!(story.keeper.figures(story.moment.now).waiting, 0);
    story.restart();
    story.carry(2_000);
    assert_eq!(story.puts(), 1, "once: {:?}", story.elsewhere.log);
    // What is said anew here replaces our own draft.
    story.report("# What happened\n\nA disk was full, and nobody looked.");
    story.carry(20);
    assert_eq!(story.draft(), "# What happened\n\nA disk was full, and nobody looked.");
}

#[test]
fn what_a_person_wrote_of_it_there_is_never_touched() {
    let theirs = json!({ "body": null, "body_draft": "We are so sorry.", "published_at": null });
    let published = json!({ "body": "A disk.", "body_draft": null, "published_at": "2026-11-29T08:00:00Z" });
    for there in [theirs, published] {
        let mut story = over(Kind::Statuspage);
        story.elsewhere.incidents[0]["report"] = there.clone();
        story.report("A disk was full.");
        story.carry(60);
        assert_eq!((story.elsewhere.incidents[0]["report"].clone(), story.puts()), (there, 0));
        assert_eq!(story.said.len(), 1, "said once: {:?}", story.said);
        assert_eq!(story.keeper.figures(story.moment.now).waiting, 0);
    }
    // They go on with our draft.
    let mut story = over(Kind::Statuspage);
    story.report("A disk was full.");
    story.carry(20);
    story.elsewhere.incidents[0]["report"]["body_draft"] = "A disk was full. We are so sorry.".into();
    story.report("Two disks were full.");
    story.carry(60);
    assert_eq!(story.draft(), "A disk was full. We are so sorry.");
}

#[test]
fn a_report_whose_answer_is_lost_is_looked_for() {
    let mut story = over(Kind::Statuspage);
    story.elsewhere.mood = Mood::Mute;
    story.report("A disk was full.  \n");
    story.carry(60);
    for _ in 0..6 {
        story.cut_off();
        story.pass(1);
    }
    story.elsewhere.mood = Mood::Well;
    story.carry(400);
    assert_eq!((story.draft(), story.puts()), (&json!("A disk was full."), 1), "{:?}", story.elsewhere.log);
}

#[test]
fn a_key_that_may_not_write_reports_still_brings_incidents() {
    let mut story = over(Kind::Statuspage);
    story.elsewhere.refuses_reports = true;
    story.report("A disk was full.");
    story.carry(400);
    story.open("Search fails");
    story.carry(20);
    assert_eq!(story.elsewhere.incidents.len(), 2, "{:?}", story.elsewhere.log);
    assert!(story.said.iter().any(|said| said.contains("cannot be seen")), "{:?}", story.said);
    assert_eq!(story.keeper.figures(story.moment.now).waiting, 0);
}

#[test]
fn a_report_waits_for_a_crowded_page_however_long_that_is() {
    let mut story = over(Kind::Statuspage);
    story.elsewhere.mood = Mood::Crowded;
    story.report("A disk was full.");
    story.carry(1_200);
    story.elsewhere.mood = Mood::Well;
    story.carry(1_200);
    assert_eq!(story.draft(), "A disk was full.", "{:?}", story.elsewhere.log);
}

#[test]
fn what_was_refused_is_brought_when_it_says_something_else_and_the_key_may() {
    let mut story = over(Kind::Statuspage);
    story.elsewhere.refuses_reports = true;
    story.report("A disk was full.");
    story.carry(400);
    story.elsewhere.refuses_reports = false;
    story.carry(400);
    assert_eq!(story.puts(), 0, "it was said that it is not brought");
    story.report("Two disks were full.");
    story.carry(400);
    assert_eq!(story.draft(), "Two disks were full.");
}

#[test]
fn reports_from_before_and_those_of_pages_without_a_place_for_them_stay_here() {
    let mut story = over(Kind::Instatus);
    story.report("A disk was full.");
    story.carry(60);
    assert!(!story.elsewhere.log.iter().any(|asked| asked.contains("postmortem")));
    assert_eq!(story.keeper.figures(story.moment.now).waiting, 0);

    let mut story = over(Kind::Statuspage);
    story.keeper.pause(true);
    story.report("A disk was full.");
    story.pass(60);
    // A gate of before, which brought no reports, remembers nothing of them.
    let mut kept: Value = serde_json::from_slice(story.kept.as_ref().unwrap()).unwrap();
    kept.as_object_mut().unwrap().remove("reports_begun").unwrap();
    story.kept = Some(kept.to_string().into_bytes());
    story.restart();
    story.carry(60);
    assert_eq!(story.puts(), 0, "{:?}", story.elsewhere.log);
}
