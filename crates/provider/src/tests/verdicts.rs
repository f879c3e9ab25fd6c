//! What is said of the link.

use super::*;
use Inside::{Fails, Good};
use Outside::{Loses, Nobody, Reached, Silent, Unreached};

/// Of a link of 100 Mbit/s with so many Mbit/s on it, and packets that were lost: verdict and sureness.
fn said(speed: Option<SpeedFrom>, used: u64, lost: u64, outside: Outside, inside: Inside) -> String {
    let second =
        rates(&[(Measure::InBits, used * 1_000_000), (Measure::InPackets, 1_000), (Measure::Missed, lost)]);
    let link = speed.map(|from| Link { bits: 100_000_000, from });
    let Finding { verdict, sureness, .. } =
        Finding::of(&Grounds { link, seconds: &[second; 10], outside, inside });
    format!("{verdict:?} {sureness:?}")
}

#[test]
fn a_link_is_full_when_it_is_used_up_and_nobody_gets_through() {
    let paid = Some(SpeedFrom::Configuration);
    let cases = [
        (paid, 95, 0, Unreached, Good, "Full Sure"),
        (paid, 95, 0, Silent, Good, "Full Sure"),
        (paid, 95, 0, Silent, Inside::Unknown, "Full Sure"),
        (paid, 95, 0, Loses, Good, "Full Likely"),
        (paid, 95, 0, Nobody, Good, "Full Likely"),
        (paid, 95, 0, Unreached, Fails, "Full Likely"),
        (paid, 95, 0, Reached, Good, "NotFull Likely"),
        (paid, 95, 500, Reached, Good, "Full Likely"),
        (paid, 20, 0, Unreached, Good, "LostBefore Sure"),
        (paid, 80, 0, Unreached, Good, "LostBefore Likely"),
        (paid, 20, 0, Unreached, Fails, "NotFull Sure"),
        (paid, 20, 0, Silent, Good, "NotFull Sure"),
        (paid, 20, 0, Reached, Good, "NotFull Sure"),
        (Some(SpeedFrom::Card), 20, 0, Reached, Good, "NotFull Likely"),
        (paid, 80, 0, Reached, Good, "NotFull Likely"),
        (paid, 20, 500, Unreached, Good, "Full Likely"),
        (None, 20, 500, Unreached, Good, "Full Likely"),
        (None, 20, 500, Reached, Good, "NotKnown Unknown"),
        (None, 20, 0, Unreached, Good, "NotKnown Unknown"),
        (None, 20, 0, Nobody, Good, "NotKnown Unknown"),
        (None, 20, 0, Reached, Good, "NotFull Likely"),
    ];
    for (speed, used, lost, outside, inside, expected) in cases {
        let found = said(speed, used, lost, outside, inside);
        assert_eq!(found, expected, "{speed:?} {used} % {lost} lost, {outside:?}, {inside:?}");
    }
}

#[test]
fn a_flood_of_the_smallest_packets_fills_a_link_at_seven_tenths_of_its_bits() {
    // 64 bytes without their check sum, at the most that Ethernet carries.
    let second = rates(&[(Measure::InBits, 71_400_000), (Measure::InPackets, 148_800)]);
    let link = Some(Link { bits: 100_000_000, from: SpeedFrom::Configuration });
    let grounds = Grounds { link, seconds: &[second; 5], outside: Unreached, inside: Good };
    assert_eq!(Finding::of(&grounds).verdict, Verdict::Full);
}

#[test]
fn two_seconds_and_one_wild_second_say_nothing() {
    let (quiet, wild) = (calm(), rates(&[(Measure::InBits, 990_000_000)]));
    let link = Some(Link { bits: 1_000_000_000, from: SpeedFrom::Configuration });
    let of =
        |seconds: &[Rates]| Finding::of(&Grounds { link, seconds, outside: Silent, inside: Good }).verdict;
    assert_eq!(of(&[wild, wild]), Verdict::NotKnown);
    assert_eq!(of(&[quiet, wild, quiet, quiet, quiet]), Verdict::NotFull);
}

#[test]
fn the_worst_that_was_said_stays_through_a_restart() {
    let finding = |verdict| Finding { verdict, sureness: Sureness::Sure, because: Vec::new() };
    let of = |incident: &str, verdict, udp, at| {
        let mut peaks = Peaks::default();
        peaks.take(&Second { at: Timestamp::from_secs(at), rates: rates(&[(Measure::Udp, udp)]) });
        let (usual, incident) = (Some(calm()), incident.to_owned());
        KeptPeaks { incident, peaks, usual, finding: finding(verdict), finding_at: at * 1_000 }
    };
    let mut kept = Kept::default();
    assert!(kept.note(of("a", Verdict::NotFull, 10, 1)));
    assert!(kept.note(of("a", Verdict::Full, 90, 2)));
    assert!(!kept.note(of("a", Verdict::LostBefore, 50, 3)), "nothing of it is more");
    let read = Kept::read(&kept.to_bytes()).unwrap();
    assert_eq!(read, kept);
    let a = read.of("a").unwrap();
    assert_eq!((a.finding.verdict, a.finding_at), (Verdict::Full, 2_000));
    assert_eq!(a.peaks.get(Measure::Udp), Peak { rate: 90, at: 2_000 });
    for number in 0..40 {
        kept.note(of(&number.to_string(), Verdict::Full, 1, 1));
    }
    assert!(kept.of("a").is_none() && kept.of("39").is_some());
    assert!(kept.to_bytes().len() < 64 * 1_024, "{}", kept.to_bytes().len());
    assert!(Kept::read(b"[]").is_err());
}
