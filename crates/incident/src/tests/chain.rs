//! The record goes on after a restart, and shows when it was changed.

use proptest::prelude::*;

use super::*;
use crate::RecordError;

fn busy() -> Story {
    let mut story = Story::begin();
    story.see(400, &served_to(45, Door::Narrow, Some(Cause::Attack), Level::CustomersFirst));
    story.see(200, &well());
    story
}

#[test]
fn a_record_that_was_kept_says_the_same_again() {
    let story = busy();
    let mut again = Engine::new(settings(Duration::from_secs(120)));
    for record in &story.records {
        again.restore(&record.bytes, record.hash).unwrap();
    }
    assert_eq!(again.view(story.moment.wall), story.engine.view(story.moment.wall));
    assert_eq!(again.state.chain, story.engine.state.chain);
}

#[test]
fn an_incident_goes_on_in_the_next_process() {
    let mut story = busy();
    let mut again = Engine::new(settings(Duration::from_secs(120)));
    for record in &story.records {
        again.restore(&record.bytes, record.hash).unwrap();
    }
    story.engine = again;
    story.see(700, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved));
    assert_eq!(story.engine.view(story.moment.wall).incidents.len(), 1);
}

#[test]
fn a_record_that_was_changed_or_has_a_gap_is_not_believed() {
    let story = busy();
    let [first, second, third, ..] = story.records.as_slice() else { panic!("too few") };
    let mut engine = Engine::new(settings(Duration::ZERO));
    let mut changed = first.bytes.to_vec();
    *changed.last_mut().unwrap() = b' ';
    assert!(engine.restore(&changed, first.hash).is_err());
    let forged = String::from_utf8(first.bytes.to_vec()).unwrap().replace("Web", "Wob");
    assert_eq!(engine.restore(forged.as_bytes(), first.hash), Err(RecordError::Changed(1)));
    engine.restore(&first.bytes, first.hash).unwrap();
    let gap = engine.restore(&third.bytes, third.hash);
    assert_eq!(gap, Err(RecordError::Missing { after: 1, found: 3 }));
    engine.restore(&second.bytes, second.hash).unwrap();
    engine.accept_gap();
    engine.restore(&story.records[5].bytes, story.records[5].hash).unwrap();
}

#[test]
fn a_record_whose_beginning_is_gone_still_goes_on() {
    let story = busy();
    let mut engine = Engine::new(settings(Duration::ZERO));
    for record in &story.records[2..] {
        engine.restore(&record.bytes, record.hash).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_is_seen_nothing_is_said_too_often_and_the_record_repeats_it(
        seen in prop::collection::vec((1_u64..400, 0_u64..=50, 0_u8..4, prop::option::of(0_u8..4), 0_u8..6), 1..20),
        hold in 0_u64..300,
    ) {
        let mut story = Story::with(Duration::from_secs(hold));
        for (seconds, bad, door, cause, level) in seen {
            let door = [Door::Open, Door::Waiting, Door::Narrow, Door::Closed][usize::from(door)];
            let cause = cause.map(|c| [Cause::Attack, Cause::Crowd, Cause::App, Cause::Upstream][usize::from(c)]);
            let level = [
                Level::Calm, Level::Filtering, Level::Limiting, Level::Challenging, Level::CustomersFirst, Level::Reopening,
            ][usize::from(level)];
            story.see(seconds, &served_to(bad, door, cause, level));
        }
        let view = story.engine.view(story.moment.wall);
        prop_assert!(view.incidents.iter().filter(|incident| incident.stage.is_open()).count() <= 1, "one at a time");
        for incident in &view.incidents {
            for pair in incident.updates.windows(2) {
                prop_assert!(pair[0].at >= pair[1].at);
                prop_assert!(pair[0].body != pair[1].body || pair[0].at.since(pair[1].at) >= Duration::from_secs(300));
            }
        }
        // While nothing that goes on is told, no component shows trouble.
        if !view.incidents.iter().any(|incident| incident.stage.is_open()) {
            prop_assert!(view.components.iter().all(|component| component.status == crate::Status::Operational));
        }
        let mut again = Engine::new(settings(Duration::from_secs(hold)));
        for record in &story.records {
            again.restore(&record.bytes, record.hash).unwrap();
        }
        prop_assert_eq!(again.view(story.moment.wall), view);
    }
}
