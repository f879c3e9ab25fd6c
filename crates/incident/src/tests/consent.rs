//! Stages that begin at once, unless a person says no, or only when one says yes.

use super::*;
use crate::{Consent, Stages};

impl Story {
    fn asked(stages: Stages) -> Self {
        let mut story = Self::with(Duration::ZERO);
        story.engine.settings.stages = stages;
        story
    }

    fn stages(&self) -> Vec<&'static str> {
        let view = self.engine.view(self.moment.wall);
        let mut stages: Vec<_> =
            view.incidents.iter().flat_map(|of| of.updates.iter().rev()).map(|of| of.stage.name()).collect();
        stages.dedup();
        stages
    }

    fn updates(&self) -> usize {
        self.engine.view(self.moment.wall).incidents[0].updates.len()
    }

    fn waits(&self) -> Option<Stage> {
        self.engine.inside()[0].waits
    }
}

fn down() -> Sight {
    served_to(50, Door::Open, None, Level::Calm)
}

const MINUTES: Consent = Consent::Hold(Duration::from_secs(300));

#[test]
fn who_was_asked_about_other_words_before_is_not_asked_about_those_that_wait_now() {
    let mut story = Story::asked(Stages { investigating: MINUTES, monitoring: MINUTES, ..Stages::default() });
    story.see(60, &down());
    let asked = |story: &Story| story.engine.inside()[0].asked;
    let seq = |story: &Story, is_it: fn(&Entry) -> bool| {
        story.records.iter().rev().find(|of| is_it(&of.entry)).unwrap().seq
    };
    let opened = seq(&story, |entry| matches!(entry, Entry::Opened { .. }));
    assert_eq!(asked(&story), Some(opened), "who was called first may decide about the first words");
    story.see(20, &down());
    assert_eq!(asked(&story), Some(opened), "the same words wait");
    story.act(Act::Publish).unwrap();
    assert_eq!(asked(&story), None);
    story.see(300, &well());
    let planned = seq(&story, |entry| matches!(entry, Entry::Planned { .. }));
    assert_eq!(asked(&story), Some(planned), "other words, about which somebody is asked anew");
}

#[test]
fn what_is_held_is_published_when_nobody_says_no() {
    let mut story = Story::asked(Stages { monitoring: MINUTES, ..Stages::default() });
    story.see(120, &down());
    story.see(200, &well());
    assert_eq!((story.stages(), story.waits()), (vec!["investigating"], Some(Stage::Monitoring)));
    let said = story.updates();
    story.see(100, &well());
    assert_eq!(story.updates(), said, "nothing that is not so any more");
    story.see(140, &well());
    assert_eq!((story.stages(), story.waits()), (vec!["investigating", "monitoring"], None));
    story.see(600, &well());
    assert_eq!(story.stages(), ["investigating", "monitoring", "resolved"]);
}

#[test]
fn what_is_not_so_any_more_is_planned_no_more() {
    let mut story = Story::asked(Stages { monitoring: MINUTES, ..Stages::default() });
    story.see(120, &down());
    story.see(200, &well());
    story.see(600, &down());
    assert_eq!(story.waits(), None);
    assert!(story.stages().iter().all(|stage| *stage == "investigating"), "{}", story.told());
}

#[test]
fn who_says_no_talks_alone_and_who_says_yes_need_not_wait() {
    let mut story = Story::asked(Stages { monitoring: MINUTES, ..Stages::default() });
    story.see(120, &down());
    story.see(200, &well());
    story.act(Act::Hold).unwrap();
    story.see(3_600, &well());
    assert_eq!(story.stages(), ["investigating"]);

    let mut story = Story::asked(Stages { monitoring: MINUTES, ..Stages::default() });
    story.see(120, &down());
    story.see(200, &well());
    story.act(Act::Publish).unwrap();
    assert_eq!(story.stages(), ["investigating", "monitoring"]);
}

#[test]
fn where_only_people_publish_nothing_is_said_by_itself() {
    let manual = Stages {
        investigating: Consent::Manual,
        identified: Consent::Manual,
        monitoring: Consent::Manual,
        resolved: Consent::Manual,
    };
    let mut story = Story::asked(manual);
    story.see(7_200, &down());
    assert_eq!((story.told(), story.waits()), (String::new(), Some(Stage::Investigating)));
    story.act(Act::Publish).unwrap();
    assert_eq!(story.stage(), Some(Stage::Investigating));
    story.see(7_200, &down());
    assert_eq!(story.updates(), 1, "nor is what goes on");
    story.see(3_600, &well());
    assert_eq!(story.waits(), Some(Stage::Monitoring));
    story.act(Act::Publish).unwrap();
    story.see(3_600, &well());
    assert_eq!(story.waits(), Some(Stage::Resolved));
    story.act(Act::Publish).unwrap();
    assert_eq!(story.stages(), ["investigating", "monitoring", "resolved"]);
    // What is back waits, too, and what was well before anybody said yes needs no words.
    story.see(300, &down());
    assert_eq!((story.updates(), story.waits()), (3, Some(Stage::Identified)));
    story.see(600, &well());
    assert_eq!((story.updates(), story.waits()), (3, None));
}

#[test]
fn what_waits_goes_on_to_wait_in_the_next_process() {
    let mut story = Story::asked(Stages { monitoring: MINUTES, ..Stages::default() });
    story.see(120, &down());
    story.see(250, &well());
    let mut next = Engine::new(story.engine.settings.clone());
    for record in &story.records {
        next.restore(&record.bytes, record.hash).unwrap();
    }
    story.engine = next;
    assert_eq!(story.waits(), Some(Stage::Monitoring));
    story.see(300, &well());
    assert_eq!(story.stages(), ["investigating", "monitoring"]);
}

#[test]
fn a_plan_of_a_record_of_before_is_that_of_the_first_notice() {
    let old: Entry = serde_json::from_str(r#"{"what":"planned","incident":1,"due":5}"#).unwrap();
    assert_eq!(old, Entry::Planned { incident: 1, due: Some(5), stage: Stage::Investigating });
    assert_eq!(serde_json::to_string(&old).unwrap(), r#"{"what":"planned","incident":1,"due":5}"#);
}

#[test]
fn what_waited_for_a_yes_is_published_where_none_is_asked_for_any_more() {
    let mut story = Story::asked(Stages { investigating: Consent::Manual, ..Stages::default() });
    story.see(120, &down());
    assert_eq!((story.told(), story.waits()), (String::new(), Some(Stage::Investigating)));
    let mut next = Engine::new(settings(Duration::from_secs(60)));
    for record in &story.records {
        next.restore(&record.bytes, record.hash).unwrap();
    }
    story.engine = next;
    story.see(120, &down());
    assert_eq!(story.stages(), ["investigating"]);
}

#[test]
fn an_end_that_waits_is_planned_no_more_when_an_attack_begins() {
    let mut story = Story::asked(Stages { resolved: Consent::Manual, ..Stages::default() });
    story.see(120, &down());
    story.see(800, &well());
    assert_eq!((story.stage(), story.waits()), (Some(Stage::Monitoring), Some(Stage::Resolved)));
    let attacked = Sight { cause: Some(Cause::Attack), level: Level::CustomersFirst, ..well() };
    story.see(5, &attacked);
    assert_eq!(story.waits(), None);
    assert!(matches!(story.act(Act::Publish), Err(ActError::NothingPlanned)));
}

#[test]
fn what_goes_on_is_said_while_the_next_stage_waits() {
    let manual = Stages { identified: Consent::Manual, ..Stages::default() };
    let mut story = Story::asked(manual);
    let attacked = served_to(50, Door::Open, Some(Cause::Attack), Level::CustomersFirst);
    story.see(4_000, &attacked);
    assert_eq!((story.stages(), story.waits()), (vec!["investigating"], Some(Stage::Identified)));
    let view = story.engine.view(story.moment.wall);
    let next = view.incidents[0].next_update_by.unwrap();
    assert!(story.updates() >= 4 && next > story.moment.wall, "{}", story.told());
}

#[test]
fn what_is_back_and_waits_is_one_incident_also_after_an_hour() {
    let hold = Consent::Hold(Duration::from_secs(600));
    let mut story = Story::asked(Stages { identified: hold, ..Stages::default() });
    story.see(120, &down());
    story.see(700, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved));
    story.see(3_300, &well());
    story.see(700, &down());
    assert_eq!(story.engine.inside().len(), 1, "{:?}", story.engine.inside());
    assert_eq!(story.stage(), Some(Stage::Identified));
}

#[test]
fn components_show_what_is_also_where_only_people_talk() {
    let mut story = Story::asked(Stages { monitoring: MINUTES, ..Stages::default() });
    story.see(120, &down());
    story.see(200, &well());
    story.act(Act::Hold).unwrap();
    let said = story.updates();
    story.see(60, &down());
    let view = story.engine.view(story.moment.wall);
    assert_eq!(view.components[1].status, crate::Status::MajorOutage, "{:?}", view.components);
    assert_eq!(story.updates(), said);
}
