//! Whatever is in the record reaches everybody, whenever the gate is cut off.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What a journal has kept: the first `kept` of what it was given.
fn reopened(story: &Story, kept: usize) -> (Option<u64>, Vec<Waiting>) {
    let mut heard = None;
    let mut rows: Vec<(Waiting, State)> = Vec::new();
    for change in &story.changes[..kept] {
        match change {
            Change::Heard(seq) => heard = Some(*seq),
            Change::Queued { receiver, key, bytes, .. } => {
                let is_known = rows.iter().any(|(row, _)| row.receiver == *receiver && row.key == *key);
                if !is_known {
                    let (receiver, key, bytes) = (receiver.clone(), key.clone(), bytes.clone());
                    rows.push((Waiting { receiver, key, bytes, attempts: 0 }, State::Waiting));
                }
            }
            Change::Attempted { receiver, key, number, state, .. } => {
                let row = rows.iter_mut().find(|(row, _)| row.receiver == *receiver && row.key == *key);
                if let Some((row, known)) = row {
                    (row.attempts, *known) = (*number, *state);
                }
            }
            Change::Troubled { .. } | Change::Recovered { .. } => {}
        }
    }
    let waits = rows.into_iter().filter(|(_, state)| *state == State::Waiting);
    (heard, waits.map(|(row, _)| row).collect())
}

/// By receiver, the keys of what it took, in order, each once.
fn delivered(changes: &[Change]) -> BTreeMap<String, Vec<String>> {
    let mut delivered: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in changes {
        if let Change::Attempted { receiver, key, state: State::Delivered, .. } = change {
            let keys = delivered.entry(receiver.clone()).or_default();
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
    }
    delivered
}

fn play(story: &mut Story, from: usize) {
    let sights = [protected(), closed(), down(), well(), closed(), well()];
    for sight in &sights[from..] {
        story.see(90, sight);
    }
    story.answers.fill(ok());
    story.see(1_500, &well());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The record is on the disk before the alerts that follow from it: a crash loses the end of what was to be kept about alerts.
    #[test]
    fn a_crash_loses_nothing_and_repeats_only_with_the_same_key(at in 0_usize..5, lost in 0_usize..40, is_down: bool) {
        let receivers = || vec![pager(), chat()];
        let mut calm = Story::begin(receivers());
        play(&mut calm, 0);

        let mut story = Story::begin(receivers());
        if is_down {
            story.answers[0] = busy(503, None);
        }
        let sights = [protected(), closed(), down(), well(), closed(), well()];
        sights[..=at].iter().for_each(|sight| story.see(90, sight));
        // The first entry of all was heard, or nothing that follows would be news.
        let first = story.changes.iter().position(|change| matches!(change, Change::Heard(_))).unwrap_or(0);
        let kept = story.changes.len().saturating_sub(lost).max(first + 1);
        let (heard, waiting) = reopened(&story, kept);
        let mut post = Post::new(sender(), receivers());
        let again = post.restore(&story.records, heard, waiting, story.moment);
        story.post = post;
        story.changes.truncate(kept);
        story.changes.extend(again);
        play(&mut story, at + 1);
        prop_assert_eq!(delivered(&story.changes), delivered(&calm.changes));
        let answers = |change: &&Change| matches!(change, Change::Attempted { state: State::Delivered, .. });
        let taken = story.changes.iter().filter(answers).count();
        let once: usize = delivered(&story.changes).values().map(Vec::len).sum();
        prop_assert_eq!(taken, once, "whose answer was kept hears nothing twice");
    }
}

#[test]
fn a_clock_that_was_set_between_two_starts_makes_nothing_old() {
    let mut story = Story::begin(vec![chat()]);
    story.answers[0] = busy(503, None);
    story.see(60, &down());
    let (heard, waiting) = reopened(&story, story.changes.len());
    story.moment.wall = story.moment.wall + Duration::from_secs(10 * 86_400);
    let mut post = Post::new(sender(), vec![chat()]);
    assert_eq!(post.restore(&story.records, heard, waiting, story.moment), []);
    assert!(matches!(post.next(0, story.moment), Next::Send(_)));
}

#[test]
fn whoever_is_new_does_not_hear_what_is_old() {
    let mut story = Story::begin(vec![]);
    story.see(60, &down());
    let mut post = Post::new(sender(), vec![chat()]);
    let last = story.records.last().unwrap().seq;
    assert_eq!(post.restore(&story.records, None, Vec::new(), story.moment), [Change::Heard(last)]);
    assert!(matches!(post.next(0, story.moment), Next::Wait(_)));
}

#[test]
fn what_was_over_while_nobody_was_told_is_no_news() {
    let mut story = Story::begin(vec![chat()]);
    let (heard, _) = reopened(&story, story.changes.len());
    story.post = Post::new(sender(), vec![chat()]);
    story.see(60, &down());
    story.see(1_500, &well());
    story.pass(21 * 86_400);
    let mut post = Post::new(sender(), vec![chat()]);
    let changes = post.restore(&story.records, heard, Vec::new(), story.moment);
    assert!(!changes.iter().any(|change| matches!(change, Change::Queued { .. })), "{changes:?}");
    assert!(matches!(post.next(0, story.moment), Next::Wait(_)));
}

#[test]
fn what_waits_for_somebody_who_is_gone_is_given_up() {
    let mut story = Story::begin(vec![chat()]);
    story.answers[0] = busy(503, None);
    story.see(60, &down());
    let (heard, waiting) = reopened(&story, story.changes.len());
    assert!(!waiting.is_empty());
    let mut post = Post::new(sender(), vec![pager()]);
    let changes = post.restore(&story.records, heard, waiting.clone(), story.moment);
    assert_eq!(changes.len(), waiting.len());
    let is_given_up = |change: &Change| matches!(change, Change::Attempted { state: State::GivenUp, why, .. } if why.contains("not configured"));
    assert!(changes.iter().all(is_given_up), "{changes:?}");
}
