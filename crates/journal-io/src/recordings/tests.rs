use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const HOUR: u64 = 3_600;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_775_000_000 + seconds)
}

/// A ring with room for ten segments of a hundred bytes, beside a disk that is empty.
struct Place {
    folder: tempfile::TempDir,
    ring: Ring,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ring = Ring::open(folder.path(), settings(100)).unwrap();
        Self { folder, ring }
    }

    /// Begins a segment of a hundred bytes.
    fn segment(&mut self, seconds: u64, is_pinned: bool) {
        self.ring.begin(at(seconds), at(seconds), is_pinned, &[7; 60]).unwrap();
        self.ring.append(&[8; 40], at(seconds + 10)).unwrap();
    }

    /// Seconds at which the segments on disk began; those that are pinned with a plus.
    fn on_disk(&self) -> String {
        let segments = list(self.folder.path()).unwrap();
        assert_eq!(segments.iter().map(|segment| segment.bytes).sum::<u64>(), self.ring.bytes());
        let text = |segment: &Segment| {
            let seconds = segment.begun.since(at(0)).as_secs();
            format!("{seconds}{}", if segment.is_pinned { "+" } else { "" })
        };
        segments.iter().map(text).collect::<Vec<_>>().join(" ")
    }
}

fn settings(free: u64) -> RingSettings {
    let space = Arc::new(move |_: &Path| Ok(Space { free_bytes: free, total_bytes: 100 }));
    RingSettings { quota_bytes: 1_000, space, ..RingSettings::default() }
}

#[test]
fn the_oldest_segment_goes_when_the_quota_is_reached_and_those_of_incidents_last() {
    let mut place = Place::new();
    place.segment(0, true);
    for seconds in 1..12 {
        place.segment(300 * seconds, false);
    }
    assert_eq!(place.on_disk(), "0+ 900 1200 1500 1800 2100 2400 2700 3000 3300");
    for seconds in 12..30 {
        place.segment(300 * seconds, true);
    }
    assert_eq!(place.ring.bytes(), 1_000);
    assert!(place.on_disk().starts_with("6000+ 6300+"), "{}", place.on_disk());
}

#[test]
fn many_incidents_leave_room_for_calm_and_the_newest_of_them_stay() {
    let mut place = Place::new();
    (0..20).for_each(|number| place.segment(300 * number, true));
    assert!(place.on_disk().starts_with("3000+ 3300+"), "alone they may have all: {}", place.on_disk());
    (20..26).for_each(|number| place.segment(300 * number, false));
    assert_eq!(place.on_disk(), "3900+ 4200+ 4500+ 4800+ 5100+ 5400+ 5700+ 6900 7200 7500");
    // The next incident takes the place of the first one as soon as they have more than three quarters together.
    place.segment(7_800, true);
    place.segment(8_100, true);
    assert_eq!(place.on_disk(), "4200+ 4500+ 4800+ 5100+ 5400+ 5700+ 7200 7500 7800+ 8100+");
}

#[test]
fn what_is_too_old_goes_unless_it_is_of_an_incident() {
    let mut place = Place::new();
    place.segment(0, false);
    place.segment(300, true);
    place.segment(5 * HOUR, false);
    place.segment(6 * HOUR + 11, false);
    assert_eq!(place.on_disk(), "300+ 18000 21611");
}

#[test]
fn an_incident_keeps_the_minutes_before_it_and_goes_on_writing() {
    let mut place = Place::new();
    (0..4).for_each(|number| place.segment(300 * number, false));
    place.ring.pin_since(at(910 - 300));
    place.ring.append(&[9; 100], at(915)).unwrap();
    assert_eq!(place.on_disk(), "0 300 600+ 900+");
    let newest = list(place.folder.path()).unwrap().pop().unwrap();
    assert_eq!((newest.bytes, newest.path), (200, place.ring.segments[3].path.clone()));
}

#[test]
fn the_next_process_goes_on_with_what_is_there() {
    let mut place = Place::new();
    (0..9).for_each(|number| place.segment(300 * number, number == 0));
    let again = Ring::open(place.folder.path(), settings(100)).unwrap();
    assert_eq!(again.bytes(), 900);
    place.ring = again;
    place.segment(3_000, false);
    place.segment(3_300, false);
    assert_eq!(place.on_disk(), "0+ 600 900 1200 1500 1800 2100 2400 3000 3300");
}

#[test]
fn a_disk_that_is_nearly_full_is_left_alone() {
    let mut place = Place::new();
    place.ring.settings = settings(4);
    let refused = place.ring.begin(at(0), at(0), false, &[1]);
    assert!(matches!(refused, Err(RingError::NoRoom(_))));
    assert_eq!(place.on_disk(), "");
    assert!(place.ring.append(&[1], at(1)).is_ok(), "nothing is open");
    place.ring.settings = settings(5);
    place.segment(300, false);
    assert_eq!(place.on_disk(), "300");
}

#[test]
fn a_clock_that_is_set_back_does_not_mix_up_the_order() {
    let mut place = Place::new();
    place.segment(900, false);
    place.ring.begin(at(100), at(900), false, &[5]).unwrap();
    let begun: Vec<u64> = place.ring.segments.iter().map(|segment| segment.begun.as_millis()).collect();
    assert_eq!(begun, [at(900).as_millis(), at(900).as_millis() + 1]);
}

#[test]
fn only_the_owner_reads_segments_and_exports_and_exports_hold_what_is_whole() {
    let mut place = Place::new();
    (0..4).for_each(|number| place.segment(300 * number, false));
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&place.ring.segments[0].path), 0o600);
    let file = place.folder.path().join("bundle");
    // The files of this test were all written just now.
    let exported = export(place.folder.path(), at(0), at(650), &file, |bytes| bytes.len() - 1).unwrap();
    assert_eq!((exported.segments, exported.bytes, mode(&file)), (3, 297, 0o600));
    assert_eq!(fs::read(&file).unwrap().len(), 297);
    let again = export(place.folder.path(), at(0), at(650), &file, <[u8]>::len);
    assert!(matches!(again, Err(ExportError::Write { .. })), "an existing file stays as it is");
    let other = place.folder.path().join("other");
    let never = export(
        place.folder.path(),
        Timestamp::default(),
        at(0).before(Duration::from_secs(1)),
        &other,
        <[u8]>::len,
    );
    assert!(matches!(never, Err(ExportError::Nothing)) && !other.exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_quota_holds_whatever_is_written(writes in proptest::collection::vec((any::<bool>(), any::<bool>(), 0..400_usize), 1..60)) {
        let mut place = Place::new();
        for (number, (begins, pins, bytes)) in (0_u64..).zip(writes) {
            let now = at(number * 60);
            let bytes = vec![1; bytes];
            let _written = if begins { place.ring.begin(now, now, pins, &bytes) } else { place.ring.append(&bytes, now) };
            if pins {
                place.ring.pin_since(now.before(Duration::from_secs(300)));
            }
            prop_assert!(place.ring.bytes() <= 1_000);
            place.on_disk();
        }
    }
}
