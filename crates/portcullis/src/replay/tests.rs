use std::fs;

use super::*;

const SHOP: &[u8] = include_bytes!("../../../recording/tests/shop.recording");

/// What `portcullis replay` makes of these bytes: its last lines, or its error.
fn ends(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    fs::write(&bundle, bytes).unwrap();
    let arguments = ReplayArgs { bundle, json: false };
    match arguments.replay(&mut Story::default()) {
        Ok(replay) => verdict(&replay),
        Err(error) => error.to_string().replace(&folder.path().display().to_string(), "FOLDER"),
    }
}

#[test]
fn a_recording_is_told_in_plain_words() {
    let mut story = Story::default();
    let replay = recording::replay(SHOP, &mut |step| story.follow(step)).unwrap();
    let mut told: Vec<String> =
        story.events.iter().map(|(at, text)| format!("{}  {text}", when(*at))).collect();
    told.push(verdict(&replay));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_decided_otherwise_is_said_with_both_decisions() {
    let mut replay = recording::replay(SHOP, &mut |_| {}).unwrap();
    let decision = admission::core::Core::new(guard::Guard::new(1)).decision().clone();
    let now = Shown::of(&decision);
    let mut recorded = Shown { seq: 9, level: Level::CustomersFirst, offered: 3.217, ..now.clone() };
    recorded.admitted[Tier::T5.index()] = 12;
    recorded.rules = vec![recording::ShownRule {
        id: 3,
        action: model::Action::Demote,
        armed: false,
        conditions: Vec::new(),
    }];
    let wall = Timestamp::from_secs(1_775_000_000);
    (replay.differing, replay.header.algorithm) = (4, 0);
    replay.first = Some(Difference { number: 17, wall, recorded, now });
    replay.gaps = vec![
        Gap { after: wall, until: Timestamp::from_secs(1_775_000_009), steps: 18 },
        Gap { after: wall, until: Timestamp::from_secs(1_775_000_030), steps: 0 },
    ];
    replay.other_core = Some(wall);
    let texts = [verdict(&replay), serde_json::to_string_pretty(&document(&replay, &[])).unwrap()];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn what_is_too_large_to_be_replayed_at_once_can_be_exported_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    // Nothing but a size: it takes no room.
    File::create(&bundle).unwrap().set_len(BUNDLE_BYTES_MAX + 1).unwrap();
    let error = ReplayArgs { bundle, json: false }.replay(&mut Story::default()).unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&folder.path().display().to_string(), "FOLDER"));
}

#[test]
fn what_is_no_whole_recording_is_an_error_that_says_why() {
    let mut damaged = SHOP.to_vec();
    damaged[40_000] ^= 4;
    let texts = [ends(b"not one"), ends(&SHOP[..50_000]), ends(&damaged)];
    insta::assert_snapshot!(texts.join("\n"));
}
