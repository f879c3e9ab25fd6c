//! What is told of three nights, for people and for programs.

use super::*;

#[test]
fn a_flood_of_requests_through_few_networks_while_the_link_has_room() {
    let mut now = calm();
    for (measure, rate) in [
        (Measure::InBits, 210_000_000),
        (Measure::InPackets, 61_000),
        (Measure::Tcp, 60_000),
        (Measure::Opens, 4_100),
        (Measure::Requests, 18_400),
        (Measure::Refused, 18_000),
        (Measure::Connections, 4_090),
    ] {
        now.set(measure, rate);
    }
    let link = Some(Link { bits: 1_000_000_000, from: SpeedFrom::Configuration });
    let grounds = Grounds { link, seconds: &[now; 10], outside: Outside::Reached, inside: Inside::Good };
    let row = |network: &str, refused, sign_ins| NetworkRow {
        network: network.parse().unwrap(),
        refused,
        sign_ins: Some(sign_ins),
    };
    let networks = Networks {
        rows: vec![
            row("198.51.100.0/24", 1_400_000, 0),
            row("192.0.2.0/24", 900_000, 3),
            row("2001:db8:bad::/48", 300_000, 0),
            row("203.0.114.0/24", 2_000, 0),
        ],
        refused: 3_100_000,
        count: 212,
    };
    let alike = vec!["refuse GET /search with user agent curl".to_owned()];
    check("few_networks", &Facts { networks, alike, ..facts(now, Finding::of(&grounds)) });
}

#[test]
fn a_link_that_is_full_of_datagrams() {
    let mut now = calm();
    for (measure, rate) in [
        (Measure::InBits, 962_000_000),
        (Measure::InPackets, 84_000),
        (Measure::Missed, 2_100),
        (Measure::Udp, 83_000),
        (Measure::Fragments, 41_000),
        (Measure::Tcp, 40),
        (Measure::Requests, 2),
        (Measure::Connections, 1),
    ] {
        now.set(measure, rate);
    }
    let link = Some(Link { bits: 1_000_000_000, from: SpeedFrom::Configuration });
    let grounds = Grounds { link, seconds: &[now; 10], outside: Outside::Silent, inside: Inside::Good };
    let reference = Some("customer 4711, circuit A-17".to_owned());
    let facts = Facts { reference, ..facts(now, Finding::of(&grounds)) };
    check("full", &facts);
    let manual = include_str!("../../../../docs/provider-report.md");
    assert!(
        manual.contains(Report::of(&facts).to_string().trim_end()),
        "docs/provider-report.md shows another sample"
    );
}

#[test]
fn a_rented_machine_that_knows_neither_its_link_nor_its_address_nor_what_is_usual() {
    let mut now = calm();
    now.set(Measure::Udp, 70_000);
    let grounds =
        Grounds { link: None, seconds: &[now; 4], outside: Outside::Nobody, inside: Inside::Unknown };
    let destination =
        Destination { addresses: vec!["10.0.0.5".parse().unwrap()], is_configured: false, ports: vec![443] };
    let facts = Facts {
        destination,
        happening: None,
        link: None,
        usual: None,
        zone: Zone::default(),
        counted_since: Some(Timestamp::from_secs(BEGAN.as_secs() + 60)),
        ..facts(now, Finding::of(&grounds))
    };
    check("not_known", &facts);
}

#[test]
fn an_incident_that_is_over_is_told_with_what_was_kept_of_it() {
    let mut peak = calm();
    peak.set(Measure::InBits, 990_000_000);
    peak.set(Measure::Cookies, 40_000);
    let mut peaks = Peaks::default();
    peaks.take(&Second { at: Timestamp::from_secs(BEGAN.as_secs() + 20), rates: peak });
    let full = Finding {
        verdict: Verdict::Full,
        sureness: Sureness::Likely,
        because: vec!["97 % of the link is used inbound".to_owned()],
    };
    let kept = KeptPeaks {
        incident: "inc1b5t8y3ef".to_owned(),
        peaks,
        usual: Some(calm()),
        finding: full,
        finding_at: BEGAN.as_millis() + 30_000,
    };
    let mut facts = facts(Rates::default(), Finding::nothing("it is over"));
    (facts.now, facts.usual, facts.peaks) = (None, None, Peaks::default());
    facts.link = None;
    facts.seconds.clear();
    if let Some(happening) = &mut facts.happening {
        (happening.until, happening.is_over) = (Some(Timestamp::from_secs(BEGAN.as_secs() + 2_700)), true);
    }
    let report = Report::of(&facts.with_kept(&kept)).to_string();
    insta::assert_snapshot!("over", report);
}

#[test]
fn what_could_not_be_read_is_said_and_nothing_is_built_on_it() {
    let mut now = calm();
    now.set(Measure::Requests, 18_400);
    now.set(Measure::Refused, 18_000);
    let grounds = Grounds { link: None, seconds: &[now; 4], outside: Outside::Nobody, inside: Inside::Good };
    let row = |network: &str, sign_ins| NetworkRow {
        network: network.parse().unwrap(),
        refused: 400_000,
        sign_ins,
    };
    let networks = Networks {
        rows: vec![row("198.51.100.0/24", Some(0)), row("192.0.2.0/24", None)],
        refused: 1_000_000,
        count: 20_000,
    };
    let facts = facts(now, Finding::of(&grounds));
    let report = Report::of(&Facts { happening: None, is_record_silent: true, networks, ..facts });
    let text = report.to_string();
    assert!(text.contains("the record of incidents did not answer") && !text.contains("no incident is open"));
    assert!(
        text.contains("cannot be read now: do not drop") && text.contains("bring 40 % of what"),
        "{text}"
    );
    let rules = serde_json::to_value(&report).unwrap()["flowspec"].to_string();
    assert!(rules.contains("198.51.100.0/24") && !rules.contains("192.0.2.0/24"), "{rules}");
}

#[track_caller]
fn check(name: &str, facts: &Facts) {
    let report = Report::of(facts);
    insta::assert_snapshot!(name, report.to_string());
    insta::assert_snapshot!(format!("{name}_json"), serde_json::to_string_pretty(&report).unwrap());
}
