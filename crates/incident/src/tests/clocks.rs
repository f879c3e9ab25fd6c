//! A wall clock that is set, forwards or backwards, at any moment: what is told, and after how long, stays the same.

use proptest::prelude::*;

use super::*;

/// In which second of the story what was told, whatever the clock on the wall showed; with a start anew in one of the seconds.
fn played(jumps: &[(u64, i64)], restart: Option<u64>) -> Vec<(u64, &'static str)> {
    let mut story = Story::begin();
    let mut told = Vec::new();
    let down = served_to(50, Door::Open, Some(Cause::App), Level::Calm);
    let sights = [(300, well()), (2_400, down), (1_500, well())];
    let seconds = sights.iter().flat_map(|(seconds, sight)| std::iter::repeat_n(sight, *seconds));
    for (second, sight) in (0_u64..).zip(seconds) {
        for (_, by) in jumps.iter().filter(|(at, _)| *at == second) {
            let millis = story.moment.wall.as_millis().saturating_add_signed(by * 1_000);
            story.moment.wall = Timestamp::from_millis(millis);
        }
        if restart == Some(second) {
            story.engine = Engine::new(settings(Duration::from_secs(120)));
            for record in &story.records {
                story.engine.restore(&record.bytes, record.hash).unwrap();
            }
        }
        let before = story.records.len();
        story.see(1, sight);
        for record in &story.records[before..] {
            if let Entry::Published { stage, .. } = &record.entry {
                told.push((second, stage.name()));
            } else if let Entry::Planned { .. } = &record.entry {
                told.push((second, "planned"));
            }
        }
    }
    told
}

/// Words were promised for a time on the wall a moment before.
#[test]
fn a_clock_that_is_set_in_the_second_after_words_changes_nothing_either() {
    assert_eq!(played(&[(2_223, 385)], None), played(&[], None));
}

/// The clock makes a notice due in the sixth second, in which it looks as if only some were not served.
#[test]
fn what_is_said_before_it_is_known_how_bad_it_is_is_followed_by_how_bad_it_is() {
    assert_eq!(notices(&played(&[(305, 116)], Some(305))), [306, 336], "half a minute apart, as all words");
    assert_eq!(notices(&played(&[(310, 116)], Some(310))).len(), 1);
}

/// When the public was told that something is wrong, without a known cause.
fn notices(told: &[(u64, &str)]) -> Vec<u64> {
    told.iter().filter(|(_, what)| *what == "investigating").map(|(second, _)| *second).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_clock_that_is_set_changes_nothing_about_what_is_told_and_when(
        jumps in proptest::collection::vec((0_u64..4_200, -200_000_i64..200_000), 1..6)
    ) {
        prop_assert_eq!(played(&jumps, None), played(&[], None));
    }

    /// Nobody knows how long it was off; but a notice that was planned is never later than if it had been planned then.
    #[test]
    fn a_clock_that_is_set_while_the_gate_was_off_delays_no_notice(second in 305_u64..2_000, by in -200_000_i64..200_000) {
        let told = played(&[(second, by)], Some(second));
        let notices = notices(&told);
        let first = notices.first().copied();
        // A new process has to see for itself that somebody fares badly, and plans if the one before had not.
        prop_assert!(first.is_some_and(|first| first <= second.max(305) + 150), "{:?}", told);
        prop_assert_eq!(told.last().map(|(_, what)| *what), Some("resolved"));
        // How bad it is is known after some seconds: what the clock makes due before that may be followed by other words.
        let is_corrected =
            first.is_some_and(|first| first <= 307 && notices == [first, first + 30]);
        prop_assert!(notices.len() == 1 || is_corrected, "{:?}", told);
    }
}
