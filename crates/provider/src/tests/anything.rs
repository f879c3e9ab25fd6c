//! Whatever comes: a report is bounded, and no text of somebody else breaks a line or moves a cursor.

use proptest::prelude::*;

use super::*;

fn any_rates() -> impl Strategy<Value = Rates> {
    proptest::collection::vec(any::<u64>(), Measure::COUNT).prop_map(|values| {
        let some: Vec<(Measure, u64)> = Measure::ALL.into_iter().zip(values).collect();
        rates(&some)
    })
}

fn any_network() -> impl Strategy<Value = NetworkRow> {
    (any::<std::net::IpAddr>(), 0_u8..=128, any::<u64>(), proptest::option::of(0_u64..5)).prop_map(
        |(address, length, refused, sign_ins)| NetworkRow {
            network: model::Prefix::of(address, length),
            refused,
            sign_ins,
        },
    )
}

fn any_grounds() -> impl Strategy<Value = (Option<Link>, Vec<Rates>, Outside, Inside)> {
    let from = prop_oneof![Just(SpeedFrom::Configuration), Just(SpeedFrom::Card)];
    let link = proptest::option::of((any::<u64>(), from).prop_map(|(bits, from)| Link { bits, from }));
    let outside = [
        Outside::Nobody,
        Outside::Unknown,
        Outside::Reached,
        Outside::Loses,
        Outside::Unreached,
        Outside::Silent,
    ];
    let inside = [Inside::Unknown, Inside::Good, Inside::Fails];
    (
        link,
        proptest::collection::vec(any_rates(), 0..12),
        proptest::sample::select(outside.to_vec()),
        proptest::sample::select(inside.to_vec()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_report_is_bounded_and_no_text_breaks_its_lines(
        texts in proptest::collection::vec(any::<String>(), 6),
        rates in any_rates(),
        networks in proptest::collection::vec(any_network(), 0..60),
        ports in proptest::collection::vec(any::<u16>(), 0..60),
        (link, seconds, outside, inside) in any_grounds(),
        millis in any::<u64>(),
    ) {
        let finding = Finding::of(&Grounds { link, seconds: &seconds, outside, inside });
        let at = Timestamp::from_millis(millis);
        let destination = Destination {
            addresses: networks.iter().map(|row| row.network).collect(),
            is_configured: millis % 2 == 0,
            ports,
        };
        let facts = Facts {
            at,
            site: texts[0].clone(),
            reference: Some(texts[1].clone()),
            happening: Some(Happening {
                id: texts[2].clone(), title: texts[3].repeat(30), since: at, until: None, is_over: false,
            }),
            destination,
            interface: Some(texts[4].clone()),
            link,
            seconds: seconds.iter().cycle().take(if seconds.is_empty() { 0 } else { 900 }).map(|rates| Second { at, rates: *rates }).collect(),
            networks: Networks { refused: networks.iter().map(|row| row.refused).fold(0, u64::saturating_add), count: 60, rows: networks },
            alike: vec![texts[5].repeat(50); 40],
            ..facts(rates, finding)
        };
        let report = Report::of(&facts);
        let text = report.to_string();
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{:?}", text);
        prop_assert!(text.lines().count() <= 200, "{}", text.lines().count());
        prop_assert!(text.len() <= 48 * 1_024, "{}", text.len());
        prop_assert!(serde_json::to_string(&report).is_ok_and(|json| json.len() <= 64 * 1_024));
        let plain = Facts {
            site: "x".into(), reference: Some("x".into()), interface: Some("x".into()), alike: vec!["x".into(); 40],
            happening: facts.happening.clone().map(|happening| Happening { id: "x".into(), title: "x".into(), ..happening }),
            ..facts
        };
        let plain = Report::of(&plain).to_string();
        prop_assert_eq!(plain.lines().count(), text.lines().count(), "texts of others add no line");
    }

    #[test]
    fn shares_are_shares(networks in proptest::collection::vec(any_network(), 1..40), refused in any::<u64>()) {
        let facts = Facts {
            networks: Networks { rows: networks, refused, count: 1 },
            ..facts(calm(), Finding::nothing("nothing"))
        };
        let json = serde_json::to_value(Report::of(&facts)).unwrap();
        let rows = json["networks"]["rows"].as_array().unwrap().clone();
        prop_assert!(rows.len() <= 16);
        for row in rows {
            prop_assert!((0.0..=1.0).contains(&row["share"].as_f64().unwrap()));
        }
    }

    #[test]
    fn texts_of_the_kernel_are_read_whatever_they_are(dev in any::<String>(), snmp in any::<String>(), words in "[a-zA-Z0-9: \n|/.-]{0,400}") {
        for text in [&dev, &snmp, &words] {
            let texts = HostTexts { dev: text, snmp: text, snmp6: text, netstat: text, softnet: text };
            let _totals = texts.totals("eth0");
            prop_assert!(interfaces(text).len() <= 256);
            prop_assert!(addresses(text, text).len() <= 32);
            let _chosen = choose(None, text, text, text);
        }
    }
}
