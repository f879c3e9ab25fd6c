//! What people do.

use super::*;
use crate::Status;

fn down() -> Sight {
    served_to(50, Door::Closed, Some(Cause::Attack), Level::CustomersFirst)
}

fn update(stage: Option<Stage>, body: &str, reason: Option<&str>) -> Act {
    Act::Update { incident: None, stage, body: body.into(), reason: reason.map(Into::into) }
}

#[test]
fn a_planned_notice_is_held_back_by_a_person() {
    let mut story = Story::begin();
    story.see(60, &down());
    story.act(Act::Hold).unwrap();
    story.see(1_200, &down());
    assert_eq!(story.told(), "");
    assert_eq!(story.act(Act::Hold), Err(ActError::NothingPlanned));
}

#[test]
fn a_planned_notice_is_published_at_once_by_a_person() {
    let mut story = Story::begin();
    story.see(10, &down());
    story.act(Act::Publish).unwrap();
    assert_eq!(story.stage(), Some(Stage::Investigating));
}

#[test]
fn whoever_sees_to_an_incident_is_in_its_record_and_nowhere_else() {
    let mut story = Story::with(Duration::ZERO);
    assert_eq!(story.act(Act::Acknowledge { incident: None }), Err(ActError::NoneOpen));
    story.see(60, &down());
    let told = story.told();
    story.act(Act::Acknowledge { incident: None }).unwrap();
    assert_eq!(story.told(), told, "the public does not read it");
    let timeline = &story.engine.inside()[0].timeline;
    assert!(timeline.iter().any(|event| event.words == "acknowledged by uid 1000"), "{timeline:?}");
    let id = story.newest();
    story.act(update(Some(Stage::Resolved), "All is well.", Some("the figures are wrong"))).unwrap();
    assert_eq!(story.act(Act::Acknowledge { incident: Some(id) }), Err(ActError::Over(id)));
}

#[test]
fn what_is_refused_leaves_no_hole_in_the_record() {
    // Nothing of its components is in the record yet.
    let mut engine = Engine::new(settings(Duration::ZERO));
    let refused = engine.act(Act::Acknowledge { incident: None }, None, "uid 1000", at(14, 30));
    assert_eq!(refused, Err(ActError::NoneOpen));
    assert_eq!(engine.see(&well(), at(14, 31))[0].seq, 1);
}

#[test]
fn a_component_is_named_once() {
    let mut story = Story::begin();
    let login = || ("App / Login".to_owned(), Status::MajorOutage);
    let (title, body, stage) = ("Login".to_owned(), "It is down.".to_owned(), Stage::Investigating);
    let twice = Act::Open { title, stage, body, components: vec![login(), login()] };
    assert_eq!(story.act(twice), Err(ActError::Twice("App / Login".into())));
}

#[test]
fn what_is_noted_is_for_colleagues_alone() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    let note = |text: &str| Act::Note { incident: None, text: text.into() };
    story.act(note("The database\nis full.")).unwrap();
    assert_eq!(story.act(note("The database\nis full.")), Err(ActError::Repeated));
    assert!(!story.told().contains("database"));
    let id = story.newest();
    let draft = |readers| story.engine.draft(&[id], readers, story.moment.wall).unwrap().text;
    assert!(draft(crate::Readers::Colleagues).contains("The database; is full."));
    assert!(!draft(crate::Readers::Public).contains("database"));
}

#[test]
fn nobody_calls_over_what_goes_on_without_a_reason_that_is_shown() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    let refused = story.act(update(Some(Stage::Resolved), "All is well.", None)).unwrap_err();
    insta::assert_snapshot!(refused.to_string(), @"the gate sees that it is not over: not everybody is served as usual; to call it resolved all the same, give a reason, which will be shown");
    story.act(update(Some(Stage::Resolved), "All is well.", Some("the figures are wrong"))).unwrap();
    insta::assert_snapshot!(story.told().lines().last().unwrap(), @"Called resolved by a person: the figures are wrong");
}

/// A restart seems to help: that is no proof.
#[test]
fn nobody_calls_over_what_has_been_well_for_a_moment_without_a_reason() {
    let mut story = Story::with(Duration::ZERO);
    story.see(600, &down());
    story.see(120, &well());
    let over = |reason| update(Some(Stage::Resolved), "The service has been restarted.", reason);
    let refused = story.act(over(None)).unwrap_err();
    insta::assert_snapshot!(refused.to_string(), @"the gate sees that it is not over: all looks well, but must have been so for 10 minutes; to call it resolved all the same, give a reason, which will be shown");
    story.act(update(Some(Stage::Identified), "We still look.", None)).unwrap();
    story.see(600, &well());
    story.act(over(None)).unwrap();
}

#[test]
fn the_same_words_are_refused_for_five_minutes() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    let again = || update(None, "We are continuing to investigate this issue.", None);
    story.act(again()).unwrap();
    assert_eq!(story.act(again()), Err(ActError::Repeated));
    story.see(301, &down());
    story.act(again()).unwrap();
}

#[test]
fn people_tell_of_what_the_gate_does_not_see() {
    let mut story = Story::begin();
    let components = vec![("Phone support".to_owned(), Status::MajorOutage)];
    let open = Act::Open {
        title: "Nobody answers the phone".into(),
        stage: Stage::Investigating,
        body: "Our carrier has a problem.".into(),
        components,
    };
    story.act(open).unwrap();
    // Of what only a person saw, the report asks; it does not say that all was well.
    let draft =
        story.engine.draft(&[story.newest()], crate::Readers::Colleagues, story.moment.wall).unwrap().text;
    assert!(!draft.contains("served as usual") && !draft.contains("noticed at once"), "{draft}");
    assert!(
        draft.contains("TODO** How did customers and new visitors fare?") && !draft.contains("()"),
        "{draft}"
    );
    story.see(60, &well());
    let view = story.engine.view(story.moment.wall);
    assert_eq!(
        view.components.iter().find(|c| c.name == "Phone support").unwrap().status,
        Status::MajorOutage
    );
    assert_eq!(view.incidents[0].updates[0].affected.len(), 1);
    story.act(update(Some(Stage::Resolved), "It works again.", None)).unwrap();
    let view = story.engine.view(story.moment.wall);
    let phone = view.components.iter().find(|c| c.name == "Phone support").unwrap();
    assert_eq!((phone.status, phone.troubles.len()), (Status::Operational, 1));
    let report = Act::Report { incident: story.newest(), body: "What happened.".into() };
    story.act(report).unwrap();
    assert_eq!(story.stage(), Some(Stage::Postmortem));
}

#[test]
fn what_a_person_says_of_a_component_holds_until_it_is_taken_back() {
    let mut story = Story::with(Duration::ZERO);
    let website = || "App / Web Application (HTTPS)".to_owned();
    story.act(Act::Override { component: website(), status: Some(Status::DegradedPerformance) }).unwrap();
    story.see(60, &down());
    let status = |story: &Story| story.engine.view(story.moment.wall).components[1].status;
    assert_eq!(status(&story), Status::DegradedPerformance);
    story.act(Act::Override { component: website(), status: None }).unwrap();
    assert_eq!(status(&story), Status::MajorOutage);
    let unknown = story.act(Act::Override { component: "Shop".into(), status: None }).unwrap_err();
    assert_eq!(unknown, ActError::NoComponent("Shop".into()));
}

#[test]
fn announced_work_shows_while_it_goes_on() {
    let mut story = Story::begin();
    let announce = Act::Announce {
        title: "New database".into(),
        body: "Signing in may take longer.".into(),
        from: at(15, 0).wall,
        until: at(16, 0).wall,
        components: vec!["App / Login".into()],
    };
    story.act(announce).unwrap();
    let login = |story: &Story| story.engine.view(story.moment.wall).components[2].status;
    assert_eq!(login(&story), Status::Operational);
    story.until(15, 1, &well());
    assert_eq!(login(&story), Status::UnderMaintenance);
    let maintenance = story.engine.view(story.moment.wall).maintenances[0].id;
    story.act(Act::Finish { maintenance }).unwrap();
    assert_eq!(login(&story), Status::Operational);
}

#[test]
fn texts_are_bounded_and_hold_no_control_characters() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    assert_eq!(story.act(update(None, "  ", None)), Err(ActError::Empty("text")));
    assert!(matches!(story.act(update(None, &"x".repeat(9_000), None)), Err(ActError::TooLong("text", _))));
    story.act(update(None, "a\u{1b}[31m\r\nb\0", None)).unwrap();
    assert_eq!(story.engine.view(story.moment.wall).incidents[0].updates[0].body, "a [31m\nb ");
}

#[test]
fn the_gate_does_not_overrule_a_person() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &down());
    story.act(update(Some(Stage::Resolved), "All is well.", Some("the figures are wrong"))).unwrap();
    story.see(1_000, &down());
    assert_eq!(story.stage(), Some(Stage::Resolved), "{}", story.told());
    let website = |story: &Story| story.engine.view(story.moment.wall).components[1].status;
    assert_eq!(website(&story), Status::Operational, "a page without an open incident shows no trouble");
    // It was well in between, and is back: that is new.
    story.see(120, &well());
    story.see(60, &down());
    assert_eq!(story.stage(), Some(Stage::Identified));
    story.see(900, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved));
    story
        .act(Act::Update {
            incident: Some(story.newest()),
            stage: Some(Stage::Identified),
            body: "We still look.".into(),
            reason: None,
        })
        .unwrap();
    story.see(1_000, &well());
    assert_eq!(story.stage(), Some(Stage::Identified), "a person knows better");
}

#[test]
fn what_a_person_calls_over_while_it_is_getting_better_leaves_no_trouble_behind() {
    let mut story = Story::with(Duration::ZERO);
    story.see(300, &down());
    story.see(45, &well());
    story.act(update(Some(Stage::Resolved), "Over.", Some("we have looked"))).unwrap();
    story.see(5, &well());
    let view = story.engine.view(story.moment.wall);
    assert!(view.components.iter().all(|component| component.status == Status::Operational), "{view:#?}");
}

#[test]
fn a_hold_holds_for_what_comes_back_within_an_hour_and_words_go_to_what_is_known() {
    let mut story = Story::begin();
    story.see(60, &down());
    story.act(Act::Hold).unwrap();
    story.see(200, &well());
    story.see(600, &down());
    assert_eq!(story.told(), "");
    let open = Act::Open {
        title: "Nobody answers the phone".into(),
        stage: Stage::Investigating,
        body: "Our carrier has a problem.".into(),
        components: vec![("Phone support".to_owned(), Status::PartialOutage)],
    };
    story.act(open).unwrap();
    story.act(update(None, "The phone works soon.", None)).unwrap();
    assert_eq!(story.engine.view(story.moment.wall).incidents.len(), 1, "{}", story.told());
}
