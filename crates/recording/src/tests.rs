use std::time::Duration;

use admission::core::{Circumstances, Core, Taken};
use guard::Guard;
use model::{
    Attribute, COHORTS, Cohort, Instant, Level, Mode, Name, Sample, Summary, Tier, TierCounts, Timestamp,
    Traffic, Values,
};
use proptest::prelude::*;

use super::*;

const WALL: Timestamp = Timestamp::from_secs(1_775_000_000);
const WORD: &str = "ann@example.org";

/// A gate that records.
struct Gate {
    core: Core,
    recorder: Recorder,
    bytes: Vec<u8>,
    steps: u64,
    /// What is counted from now on besides what was: the core is not told.
    lie: f64,
}

impl Gate {
    fn new() -> Self {
        let core = Core::new(Guard::new(3));
        let recorder = Recorder::new("1.2.3", 77, 5);
        let mut gate = Self { core, recorder, bytes: Vec::new(), steps: 0, lie: 0.0 };
        gate.begins_segment();
        gate
    }

    fn begins_segment(&mut self) {
        self.bytes.extend(self.recorder.flush().unwrap_or_default());
        self.bytes.extend(self.recorder.begin(&self.core, self.steps, self.now(), self.wall()).unwrap());
    }

    fn now(&self) -> Instant {
        Instant::from_millis(3_600_000 + 500 * self.steps)
    }

    fn wall(&self) -> Timestamp {
        WALL + Duration::from_millis(500 * self.steps)
    }

    /// Seconds in which strangers ask for so much.
    fn runs(&mut self, seconds: u64, strangers: u64) {
        for _ in 0..2 * seconds {
            let taken = self.steps_once(strangers);
            self.bytes.extend(self.recorder.step(self.steps - 1, &taken).unwrap_or_default());
        }
    }

    /// Steps that are not written.
    fn loses(&mut self, steps: u64, strangers: u64) {
        for _ in 0..steps {
            self.steps_once(strangers);
        }
    }

    fn steps_once(&mut self, strangers: u64) -> Taken {
        self.steps += 1;
        let mut summary = summary(self.now(), strangers);
        let circumstances = Circumstances { mode: Mode::Auto, ..Circumstances::default() };
        let random = self.steps.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let outcome = self.core.step(&summary, &circumstances, random);
        summary.limit += self.lie;
        Taken { wall: self.wall(), summary, circumstances, random, outcome }
    }

    fn ends(mut self) -> Vec<u8> {
        self.bytes.extend(self.recorder.flush().unwrap_or_default());
        self.bytes
    }
}

fn summary(at: Instant, strangers: u64) -> Summary {
    let mut summary = Summary::empty(at, 500);
    summary.limit = 20.0;
    summary.offered[Tier::T1.index()].fill(20);
    summary.offered[Tier::T5.index()].fill(strangers * 500 / COHORTS as u64);
    let sample = |number: u64| {
        let mut values = Values::default();
        values.set(Attribute::Path, 0xABCD);
        values.set(Attribute::Network, number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Sample {
            weight: 3,
            tier: Tier::T5,
            cohort: Cohort::from_hash(number),
            cost_micros: 40_000,
            navigation: true,
            keeps_cookies: false,
            values,
        }
    };
    summary.traffic = Traffic {
        disk_free: 0.7,
        others: (0..strangers.min(256)).map(sample).collect(),
        names: vec![Name { value: 0xABCD, text: WORD.to_owned() }],
        ..Traffic::default()
    };
    summary.traffic.tiers[Tier::T5.index()] = TierCounts { offered: strangers, ..TierCounts::default() };
    summary
}

/// Calm, a flood in the middle of which a segment begins, and the way back.
fn story() -> Gate {
    let mut gate = Gate::new();
    gate.runs(8, 4);
    gate.runs(12, 400);
    gate.begins_segment();
    gate.runs(12, 400);
    gate.runs(100, 4);
    gate
}

#[track_caller]
fn play(bytes: &[u8]) -> (Replay, Vec<Level>) {
    let mut levels = vec![];
    let replay = replay(bytes, &mut |played| levels.push(played.outcome.decision.level)).unwrap();
    levels.dedup();
    (replay, levels)
}

#[test]
fn a_recording_replays_identically() {
    let (replay, levels) = play(&story().ends());
    assert!(replay.is_identical() && replay.is_promised());
    assert_eq!((replay.segments, replay.steps, replay.gaps.len()), (2, 264, 0));
    assert_eq!(levels, [Level::Calm, Level::CustomersFirst, Level::Reopening, Level::Calm]);
    assert_eq!((replay.header.version.as_str(), replay.header.site), ("1.2.3", 77));
    let (first, last) = replay.span.unwrap();
    assert_eq!(last.since(first), Duration::from_millis(263 * 500));
}

#[test]
fn the_first_step_that_is_decided_otherwise_is_named_with_both_decisions() {
    let mut gate = Gate::new();
    gate.runs(8, 4);
    gate.lie = 1e6;
    gate.runs(10, 400);
    let (replay, _) = play(&gate.ends());
    let first = replay.first.unwrap();
    assert!(replay.differing >= 1);
    assert_eq!(first.number, 16);
    assert!(first.recorded.offered > 1.0 && first.now.offered < 0.1, "{first:?}");
}

#[test]
fn a_segment_that_begins_with_another_core_is_seen() {
    let mut gate = story();
    gate.core = Core::new(Guard::new(4));
    gate.begins_segment();
    gate.runs(2, 4);
    let at = gate.wall();
    let (replay, _) = play(&gate.ends());
    assert_eq!((replay.differing, replay.is_identical()), (0, false));
    assert_eq!(replay.other_core.map(|wall| at.since(wall)), Some(Duration::from_secs(2)));
}

#[test]
fn what_could_not_be_written_is_a_gap_and_nothing_else() {
    let mut gate = story();
    gate.loses(7, 400);
    gate.begins_segment();
    gate.runs(5, 400);
    let (replay, _) = play(&gate.ends());
    assert!(replay.is_identical());
    assert_eq!(replay.gaps.iter().map(|gap| gap.steps).collect::<Vec<_>>(), [7]);
    assert_eq!(replay.gaps[0].until.since(replay.gaps[0].after), Duration::from_millis(3_500));
}

#[test]
fn the_segments_of_two_processes_are_no_contradiction() {
    let killed_at_once = Gate::new().ends();
    let mut other = Gate::new();
    other.core = Core::new(Guard::new(8));
    (other.recorder, other.bytes) = (Recorder::new("1.2.3", 77, 6), Vec::new());
    other.begins_segment();
    other.runs(5, 400);
    let (replay, _) = play(&[killed_at_once, other.ends()].concat());
    assert!(replay.is_identical());
    assert_eq!((replay.segments, replay.steps, replay.gaps.len(), replay.gaps[0].steps), (2, 10, 1, 0));
}

#[test]
fn the_oldest_segment_can_be_dropped() {
    let bytes = story().ends();
    let second =
        (1..bytes.len()).find(|at| matches!(Pieces::new(&bytes[*at..]).next(), Some(Ok(Piece::Header(_)))));
    let (replay, levels) = play(&bytes[second.unwrap()..]);
    assert!(replay.is_identical());
    assert_eq!((replay.segments, replay.steps), (1, 224));
    assert_eq!(levels[0], Level::CustomersFirst);
}

#[test]
fn no_word_of_a_client_stands_in_it() {
    let bytes = story().ends();
    let mut steps = 0;
    for piece in Pieces::new(&bytes) {
        let text = format!("{:?}", piece.unwrap());
        assert!(!text.contains(WORD), "{text}");
        steps += text.matches("names: []").count();
    }
    assert_eq!(steps, 264);
    let mut at = 0;
    while let Some(found) = block::take(&bytes[at..], at).unwrap() {
        assert!(!found.content.windows(WORD.len()).any(|part| part == WORD.as_bytes()));
        at += found.bytes;
    }
}

#[test]
fn values_and_numbers_come_back_as_they_were() {
    let mut gate = Gate::new();
    let taken = gate.steps_once(400);
    gate.bytes.extend(gate.recorder.step(0, &taken).unwrap_or_default());
    let bytes = gate.ends();
    let Some(Ok(Piece::Steps(frames))) = Pieces::new(&bytes).last() else { panic!("it has steps") };
    let mut summary = taken.summary.clone();
    summary.traffic.names.clear();
    assert_eq!(frames[0].summary, summary);
    assert_eq!((frames[0].wall, frames[0].random), (taken.wall, taken.random));
    assert_eq!(frames[0].circumstances, taken.circumstances);
    assert_eq!(frames[0].shown, Shown::of(&taken.outcome.decision));
}

#[test]
fn what_was_in_force_is_kept_in_a_few_kilobytes() {
    let mut gate = story();
    gate.runs(5, 400);
    let kept = gate.recorder.posture(&gate.core.posture([None, None]), gate.now(), gate.wall()).unwrap();
    assert!(kept.len() < 8_192, "{}", kept.len());
    let Some(Ok(Piece::Posture(posture))) = Pieces::new(&kept).last() else { panic!("it holds one") };
    let again = Core::new(Guard::new(9)).with_posture(*posture);
    assert_eq!(again.decision(), gate.core.decision());
    assert_eq!(again.decision().level, Level::CustomersFirst);
}

#[test]
fn a_recording_that_breaks_off_says_where() {
    let bytes = story().ends();
    let mut borders = vec![0];
    while let Some(found) = block::take(&bytes[borders[borders.len() - 1]..], 0).unwrap() {
        borders.push(borders[borders.len() - 1] + found.bytes);
    }
    for end in (1..bytes.len()).step_by(97) {
        let border = *borders.iter().rev().find(|border| **border <= end).unwrap();
        assert_eq!(whole(&bytes[..end]), border);
        let last = Pieces::new(&bytes[..end]).last().unwrap();
        if border == end {
            assert!(last.is_ok());
        } else {
            assert_eq!(last.unwrap_err(), RecordingError::CutShort { at: border });
        }
    }
}

#[test]
fn other_bytes_get_an_error_that_says_what_they_are() {
    let check = |bytes: &[u8], words: &str| {
        let error = replay(bytes, &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    check(b"", "no recording");
    check(b"<html>", "no recording");
    check(b"prt2 and so on, some thirty bytes of it", "format 2");
    let mut damaged = story().ends();
    damaged[60] ^= 1;
    check(&damaged, "damaged at byte");
}

#[test]
fn a_version_that_could_steer_a_terminal_is_refused() {
    let pieces = |version: &str| {
        let mut gate = Gate::new();
        (gate.recorder, gate.bytes) = (Recorder::new(version, 77, 5), Vec::new());
        gate.begins_segment();
        Pieces::new(&gate.ends()).collect::<Result<Vec<_>, _>>()
    };
    for version in [env!("CARGO_PKG_VERSION"), "1.0.0-rc.1+g3f2a"] {
        assert_eq!(pieces(version).unwrap().len(), 2, "a header and a snapshot of {version}");
    }
    let refused = RecordingError::Damaged { at: 0, what: "its header names no version" };
    for version in ["1.2\u{1b}[2J", "1.2\n", "1.2 ", "1.2\u{7f}", "1.2\u{9b}2J", "1.2\u{202e}"] {
        assert_eq!(pieces(version).unwrap_err(), refused, "{version:?}");
    }
}

/// The corpus of the fuzz target, as this build writes it: the first byte says of which kind of block the rest is the content, 0 that
/// it is a whole recording.
fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let mut gate = Gate::new();
    let posture = gate.recorder.posture(&gate.core.posture([None; 2]), gate.now(), gate.wall()).unwrap();
    let begun = block::take(&gate.bytes, 0).unwrap().unwrap();
    let header = gate.bytes[..begun.bytes].to_vec();
    gate.bytes.clear();
    gate.runs(1, 3);
    let steps = gate.ends();
    let content = |bytes: &[u8]| block::take(bytes, 0).unwrap().unwrap().content;
    let kind = |kind: u8, bytes: &[u8]| [&[kind], bytes].concat();
    let whole = [header.clone(), steps.clone()].concat();
    vec![
        ("cut", kind(0, &whole[..whole.len() - 40])),
        ("header", kind(0, &header)),
        ("header-content", kind(1, &begun.content)),
        ("in-force", kind(4, &content(&posture[header.len()..]))),
        ("steps", kind(3, &content(&steps))),
        ("whole", kind(0, &whole)),
    ]
}

#[test]
fn the_fuzz_target_begins_with_what_this_build_writes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/recording");
    for (name, bytes) in corpus() {
        let path = folder.join(name);
        if std::env::var_os("WRITE_CORPUS").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let is_same = std::fs::read(&path).is_ok_and(|committed| committed == bytes);
        assert!(is_same, "{name} is of another format; WRITE_CORPUS=1 before the test command makes it anew");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..2_000_usize, keep in any::<bool>()) {
        let mut whole = Gate::new().ends();
        let at = at.min(whole.len());
        if !keep {
            whole.truncate(at);
        }
        whole.splice(at.min(whole.len())..at.min(whole.len()), bytes);
        for piece in Pieces::new(&whole) {
            drop(piece);
        }
    }

    /// Without checksums to stop it: whatever stands in a block is read or refused.
    #[test]
    fn no_content_makes_it_panic(kind in 1..5_u8, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut all = Gate::new().ends();
        let kind = [block::Kind::Header, block::Kind::Snapshot, block::Kind::Steps, block::Kind::Posture][usize::from(kind - 1)];
        prop_assert!(block::put(&mut all, kind, &bytes, 1));
        for piece in Pieces::new(&all) {
            if let Ok(Piece::Snapshot(snapshot)) = piece {
                drop(snapshot.core());
            }
        }
    }
}
