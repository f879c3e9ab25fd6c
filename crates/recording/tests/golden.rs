//! One real incident, decided once more: by this build, with or without optimisation, on this machine.
//!
//! `shop.recording` is what the gate of the sample shop was told and decided in a demonstration with customers, visitors and two
//! attacks of 15 s: `portcullis try --seconds 15 --record shop.recording`, an optimised build on x86-64. When the algorithm
//! changes on purpose, [`admission::core::ALGORITHM`] counts up and the recording is made anew in the same way.

use model::{Act, Ground, Level};
use recording::{Piece, Pieces, replay};

const SHOP: &[u8] = include_bytes!("shop.recording");

#[test]
fn the_recording_of_the_shop_replays_identically() {
    let mut levels = Vec::new();
    let replay = replay(SHOP, &mut |step| levels.push(step.outcome.decision.level)).unwrap();
    levels.dedup();
    assert!(replay.is_promised(), "the algorithm has changed: record the shop anew, see above");
    assert_eq!(
        replay.first, None,
        "the core decides otherwise: count ALGORITHM up if that is meant, else find out why"
    );
    assert!(replay.is_identical());
    assert_eq!((replay.steps, replay.gaps.len()), (484, 0));
    let attack = [Level::CustomersFirst, Level::Reopening, Level::Filtering];
    // Two attacks: a rule stays for two minutes after its last match, and the first one's ends while it re-opens after the second.
    assert_eq!(levels, [&[Level::Calm][..], &attack, &attack[..2], &[Level::Calm]].concat());
}

/// Whoever was closed out, let in again or asked for something was so because of numbers that stand beside it.
#[test]
fn every_change_in_it_has_its_ground() {
    let mut before = None;
    let mut acts = Vec::new();
    replay(SHOP, &mut |step| {
        let (decision, grounds) = (&step.outcome.decision, &step.outcome.grounds);
        let (masks, challenge) = (decision.masks, decision.challenge);
        let (last_masks, last_challenge) = before.replace((masks, challenge)).unwrap_or((masks, challenge));
        let has = |is_wanted: &dyn Fn(&Act) -> bool| grounds.iter().any(|ground| is_wanted(&ground.act));
        let asks = |act: &Act| matches!(act, Act::AskForCookie | Act::AskToWait | Act::CeaseAsking);
        assert_eq!(masks != last_masks, has(&|act| !asks(act)));
        assert_eq!(challenge != last_challenge, has(&asks));
        assert!(grounds.iter().all(Ground::holds), "{grounds:?}");
        acts.extend(grounds.iter().map(|ground| ground.act));
    })
    .unwrap();
    assert_eq!(acts.first(), Some(&Act::Close));
    assert_eq!(acts.iter().filter(|act| **act == Act::Close).count(), 2, "two attacks");
    assert!(acts.contains(&Act::Open), "{acts:?}");
}

#[test]
fn it_holds_the_samples_of_an_attack_and_no_word_of_anybody() {
    let mut samples = 0;
    for piece in Pieces::new(SHOP) {
        if let Piece::Steps(frames) = piece.unwrap() {
            for frame in frames {
                let traffic = &frame.summary.traffic;
                samples += traffic.known.len() + traffic.others.len();
                assert!(traffic.names.is_empty());
            }
        }
    }
    assert!(samples > 5_000, "{samples}");
}
