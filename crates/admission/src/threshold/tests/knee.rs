//! What was too much is not let in again at once.

use super::*;
use crate::handover::Handover;

/// A crowd that asks for nine tenths of what the app can do. L rises while some of it are closed out.
fn crowd(usual: Option<f64>) -> Story {
    let mut story = Story::new(500);
    story.bounds.usual = usual.map(|usual| usual * 1_000.0);
    story.plays("0s T1 30 T5 40, 10s T5 70, 14s T5 60, 15s end");
    assert_eq!(story.step.decision.level, Level::CustomersFirst);
    story.limit = 250.0;
    story
}

#[test]
fn what_was_too_much_is_not_let_in_again_because_l_has_risen_meanwhile() {
    let mut story = crowd(None);
    story.plays("15s T5 60, 52s end");
    assert_ne!(story.step.decision.level, Level::Calm, "{:?}", story.log);
    assert!(story.admitted() <= 0.70 * 1.33 * LIMIT, "{:?}", story.log);
    story.plays("52s T5 60, 120s end");
    assert_eq!(
        story.step.decision.level,
        Level::Calm,
        "the app may be able to do more by now: {:?}",
        story.log
    );
}

#[test]
fn what_is_usual_is_let_in_again_whatever_was_too_much() {
    let mut story = crowd(Some(95.0));
    story.plays("15s T5 60, 52s end");
    assert_eq!(story.step.decision.level, Level::Calm, "{:?}", story.log);
}

#[test]
fn what_a_failing_app_cannot_do_is_not_remembered() {
    let mut story = Story::new(500);
    story.plays("0s T1 10 T5 30, 10s end");
    (story.fails, story.limit) = (true, 8.0);
    story.plays("10s end, 20s end");
    assert_eq!(story.step.decision.level, Level::CustomersFirst);
    let mut estate = Handover::default();
    story.threshold.hand_over(&mut estate);
    assert_eq!(Knee::of(&estate), story.threshold.knee);
    (story.fails, story.limit) = (false, LIMIT);
    story.plays("20s end, 21s end");
    assert!(is_about(story.step.comfortable, 0.70 * LIMIT), "{}", story.step.comfortable);
    story.plays("21s T4 9000, 29s end");
    assert!(is_about(story.step.comfortable, 0.70 * LIMIT), "{}", story.step.comfortable);
    assert_eq!(
        story.threshold.knee.bound(Instant::from_secs(29), 9_000_000.0),
        9_000_000.0,
        "nine seconds later"
    );
    story.plays("29s T4 0, 70s T4 9000, 72s end");
    assert!(story.threshold.knee.bound(Instant::from_secs(72), 9_000_000.0) < 110_000.0, "{:?}", story.log);
}

#[test]
fn what_was_too_much_long_before_is_forgotten_when_people_are_closed_out_again() {
    let mut story = Story::new(500);
    story.limit = 30.0;
    story.plays("0s T1 10 T5 30, 5s end");
    assert!(is_about(story.step.comfortable, 0.70 * 30.0), "{}", story.step.comfortable);
    story.limit = LIMIT;
    story.plays("5s T5 1, 100s end");
    assert_eq!(story.step.decision.level, Level::Calm);
    story.plays("100s T5 300, 102s end");
    assert!(is_about(story.step.comfortable, 0.70 * LIMIT), "{}", story.step.comfortable);
    // Within the minute it is not: L rises as soon as people are closed out.
    let mut story = crowd(None);
    story.plays("15s T5 400, 16s end");
    let comfortable = story.step.comfortable;
    story.plays("16s T5 5, 60s T5 900, 62s end");
    assert!(story.step.comfortable < 1.5 * comfortable, "{comfortable} {}", story.step.comfortable);
}

fn is_about(kept: f64, one: f64) -> bool {
    (kept / 1_000.0 / one - 1.0).abs() < 0.04
}

#[test]
fn a_successor_knows_what_was_too_much() {
    let mut story = crowd(None);
    let mut estate = Handover::default();
    story.threshold.hand_over(&mut estate);
    let mut successor = Threshold::new();
    successor.take_over(&estate).unwrap();
    assert_eq!(successor.knee, story.threshold.knee);
    assert_ne!(successor.knee, Knee::default());
    let mut fresh = Handover::default();
    Threshold::new().hand_over(&mut fresh);
    successor.take_over(&fresh).unwrap();
    assert_eq!(successor.knee, Knee::default(), "nothing was too much yet");
    for nonsense in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let mut estate = Handover::default();
        estate.put("threshold.knee", [5, nonsense.to_bits()]);
        assert_eq!(Knee::of(&estate), Knee::default());
    }
    successor.take_over(&estate).unwrap();
    story.plays("15s T5 60, 16s end");
    let summary = Summary { limit: 250_000.0, ..story.summary() };
    let now = summary.at + Duration::from_millis(500);
    let comfortable = successor.step(&Summary { at: now, ..summary }, &story.bounds, 0).comfortable;
    assert!(comfortable < 0.75 * 1_000.0 * LIMIT, "{comfortable}");
}
