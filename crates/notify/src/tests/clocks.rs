//! A wall clock that is set, forwards or backwards, at any moment: who hears what, and after how long, stays the same.

use proptest::prelude::*;

use super::*;

/// What reached whom, and in which second of the story, whatever the clock on the wall showed.
fn played(jumps: &[(u64, i64)]) -> Vec<(u64, String)> {
    let mut story = Story::begin(vec![pager(), chat(), mail()]);
    let mut heard = Vec::new();
    let sights = [(30, protected()), (60, closed()), (3_000, down()), (1_500, well())];
    let seconds = sights.iter().flat_map(|(seconds, sight)| std::iter::repeat_n(sight, *seconds));
    for (second, sight) in (0_u64..).zip(seconds) {
        for (_, by) in jumps.iter().filter(|(at, _)| *at == second) {
            let millis = story.moment.wall.as_millis().saturating_add_signed(by * 1_000);
            story.moment.wall = Timestamp::from_millis(millis);
        }
        story.see(1, sight);
        heard.extend(story.sent.drain(..).map(|line| (second, line[9..].to_owned())));
    }
    heard
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_clock_that_is_set_changes_nothing_about_who_hears_what_and_when(
        jumps in proptest::collection::vec((0_u64..4_500, -200_000_i64..200_000), 1..6)
    ) {
        prop_assert_eq!(played(&jumps), played(&[]));
    }
}

#[test]
fn whoever_was_called_is_reminded_after_the_clock_was_set_by_a_day() {
    let calm = played(&[]);
    let reminders =
        |heard: &[(u64, String)]| heard.iter().filter(|(_, line)| line.contains("Still: ")).count();
    assert!(reminders(&calm) >= 2, "{calm:#?}");
    for by in [86_400, -86_400] {
        assert_eq!(reminders(&played(&[(200, by)])), reminders(&calm));
    }
}
