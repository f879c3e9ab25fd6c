mod anything;
mod stories;
mod verdicts;

use model::Timestamp;

use crate::*;

/// 2026-11-29 00:12:05 UTC.
const BEGAN: Timestamp = Timestamp::from_secs(1_795_911_125);

/// Rates of some measures; all others are 0.
fn rates(some: &[(Measure, u64)]) -> Rates {
    let mut rates = Rates::default();
    some.iter().for_each(|(measure, rate)| rates.set(*measure, *rate));
    rates
}

/// A calm second of a small shop.
fn calm() -> Rates {
    rates(&[
        (Measure::InBits, 4_000_000),
        (Measure::InPackets, 900),
        (Measure::OutBits, 30_000_000),
        (Measure::Tcp, 850),
        (Measure::Udp, 20),
        (Measure::Icmp, 1),
        (Measure::Opens, 12),
        (Measure::Requests, 40),
        (Measure::Connections, 11),
    ])
}

/// Facts of an incident that began three minutes ago, with so much in each of its last seconds.
fn facts(now: Rates, finding: Finding) -> Facts {
    let second = |ago: u64| Second { at: Timestamp::from_secs(BEGAN.as_secs() + 180 - ago), rates: now };
    let seconds: Vec<Second> = (0..3).rev().map(second).collect();
    let mut peaks = Peaks::default();
    seconds.iter().for_each(|second| peaks.take(second));
    Facts {
        at: Timestamp::from_secs(BEGAN.as_secs() + 180),
        zone: Zone { offset_seconds: 3_600 },
        site: "shop".to_owned(),
        reference: None,
        happening: Some(Happening {
            id: "inc1b5t8y3ef".to_owned(),
            title: "Disruption of Website".to_owned(),
            since: BEGAN,
            until: None,
            is_over: false,
        }),
        is_record_silent: false,
        destination: Destination {
            addresses: vec!["203.0.113.10".parse().unwrap(), "2001:db8::10".parse().unwrap()],
            is_configured: true,
            ports: vec![80, 443],
        },
        interface: Some("eth0".to_owned()),
        link: Some(Link { bits: 1_000_000_000, from: SpeedFrom::Configuration }),
        finding,
        worst: None,
        now: Some(now),
        peaks,
        usual: Some(calm()),
        counted_since: Some(Timestamp::from_secs(BEGAN.as_secs() - 86_400)),
        seconds,
        networks: Networks::default(),
        alike: Vec::new(),
    }
}
