//! Two people at the same thing, and reports in the making.

use super::*;
use crate::{Inside, Readers, Status};

fn down() -> Sight {
    served_to(50, Door::Closed, Some(Cause::Attack), Level::CustomersFirst)
}

fn update(body: &str) -> Act {
    Act::Update { incident: None, stage: None, body: body.into(), reason: None }
}

impl Story {
    fn act_seen(&mut self, act: Act, seen: u64) -> Result<(), ActError> {
        let records = self.engine.act(act, Some(seen), "uid 1001", self.moment)?;
        self.records.extend(records);
        Ok(())
    }

    fn inside(&self) -> Inside {
        self.engine.inside().swap_remove(0)
    }
}

#[test]
fn who_writes_on_top_of_what_they_have_not_read_is_refused() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    let seen = story.inside().revision;
    story.act_seen(update("We are at it."), seen).unwrap();
    let told = story.told();
    assert_eq!(story.act_seen(update("Somebody should be at it."), seen), Err(ActError::Changed));
    assert_eq!(story.told(), told, "nothing has changed");
    story.act_seen(update("We go on."), story.inside().revision).unwrap();
}

#[test]
fn what_only_the_gate_notes_makes_no_form_stale() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    let seen = story.inside();
    story.see(5, &served_to(0, Door::Narrow, Some(Cause::Attack), Level::Reopening));
    assert!(story.inside().timeline.len() > seen.timeline.len(), "the gate has noted something");
    story.act(Act::Note { incident: None, text: "The carrier is called.".into() }).unwrap();
    story.act_seen(update("We are at it."), seen.revision).unwrap();
}

#[test]
fn a_notice_is_withheld_only_as_it_was_seen() {
    let mut story = Story::begin();
    story.see(10, &down());
    let seen = story.inside().revision;
    story.act(Act::Publish).unwrap();
    assert_eq!(story.act_seen(Act::Hold, seen), Err(ActError::NothingPlanned));
    let name = "Phone support";
    let say = |status| Act::Override { component: name.into(), status: Some(status) };
    story.act_seen(say(Status::MajorOutage), 0).unwrap();
    assert_eq!(story.act_seen(say(Status::Operational), 0), Err(ActError::Changed));
    let now = story.engine.components().find(|of| of.name == name).unwrap().revision;
    story.act_seen(say(Status::Operational), now).unwrap();
}

#[test]
fn what_would_be_read_is_exactly_what_is_read() {
    let mut story = Story::begin();
    story.see(10, &down());
    let before = story.told();
    for act in [Act::Publish, update("The cause is found.")] {
        let foreseen = story.engine.foresee(act.clone(), None, "uid 1000", story.moment).unwrap();
        story.act(act).unwrap();
        assert_eq!(story.engine.view(story.moment.wall), foreseen);
    }
    assert_ne!(story.told(), before);
    let resolve =
        Act::Update { incident: None, stage: Some(Stage::Resolved), body: "Over.".into(), reason: None };
    let refused = story.engine.foresee(resolve, None, "uid 1000", story.moment);
    assert!(matches!(refused, Err(ActError::NotOver(_))), "{refused:?}");
}

#[test]
fn a_report_is_kept_as_people_write_it_and_published_when_no_question_is_left() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    story.see(1_200, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved));
    let (id, view) = (story.newest(), story.engine.view(story.moment.wall));
    let keep = |text: &str| Act::Draft { incident: id, body: text.into() };
    let first = story.inside().report_revision;
    let drafted = story.engine.draft(&[id], Readers::Public, story.moment.wall).unwrap().text;
    story.act_seen(keep(&drafted), first).unwrap();
    assert_eq!(story.engine.view(story.moment.wall), view, "nobody else reads it");
    assert_eq!(story.act_seen(keep("Mine."), first), Err(ActError::Changed), "somebody kept one meanwhile");
    let kept = story.inside();
    let draft = kept.draft.unwrap();
    assert_eq!((draft.by.as_str(), draft.text.as_str()), ("uid 1001", drafted.trim()));
    let report = |text: &str| Act::Report { incident: id, body: text.into() };
    let unfinished = story.act(report(&drafted)).unwrap_err();
    assert!(matches!(unfinished, ActError::Unfinished(left) if left > 5), "{unfinished:?}");
    story.act_seen(report("What happened."), kept.report_revision).unwrap();
    assert_eq!(story.inside().report, "What happened.");
    let mut again = Engine::new(settings(Duration::ZERO));
    for record in &story.records {
        again.restore(&record.bytes, record.hash).unwrap();
    }
    assert_eq!(again.inside(), story.engine.inside(), "it is the same after a start");
}

#[test]
fn a_draft_is_not_kept_without_end() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    let id = story.newest();
    let keep = |number: u32| Act::Draft { incident: id, body: format!("Version {number}.") };
    (0..20).for_each(|number| story.act(keep(number)).unwrap());
    assert_eq!(story.act(keep(20)), Err(ActError::Drafts(20)));
    story.act(keep(19)).expect("what is kept already needs no room");
}
