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
