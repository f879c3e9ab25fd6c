use super::Command;

/// What becomes of a command as it is sent: what the journal keeps of it, `-` for nothing, or why it cannot be meant.
fn meant(sent: &str) -> String {
    match serde_json::from_str::<Command>(sent) {
        Err(error) => format!("no command: {error}"),
        Ok(command) => match command.check() {
            Err(error) => format!("{error}"),
            Ok(()) => command.act().unwrap_or_else(|| "-".to_owned()),
        },
    }
}

#[test]
fn what_the_journal_keeps_and_what_cannot_be_meant() {
    let digits = "00112233445566778899aabbccddeeff";
    let sent = [
        r#"{"command":"status"}"#,
        r#"{"command":"mode","mode":"auto"}"#,
        r#"{"command":"mode"}"#,
        r#"{"command":"mode","mode":"wild"}"#,
        r#"{"command":"pin","level":"customers-first"}"#,
        r#"{"command":"pin","level":"customers-first","ceiling":"calm"}"#,
        r#"{"command":"pin","level":"reopening"}"#,
        r#"{"command":"pin","minutes":5}"#,
        r#"{"command":"pin","ceiling":"calm","minutes":1441}"#,
        r#"{"command":"enforce","percent":4}"#,
        r#"{"command":"enforce","percent":5}"#,
        r#"{"command":"deny","prefix":"192.0.2.0/24","minutes":10}"#,
        r#"{"command":"deny","prefix":"0.0.0.0/0"}"#,
        r#"{"command":"deny","prefix":"0.0.0.0/0","remove":true}"#,
        r#"{"command":"allow","prefix":"2001:db8::/32","remove":true,"minutes":1}"#,
        r#"{"command":"allow","remove":true}"#,
        r#"{"command":"clients","limit":101}"#,
        r#"{"command":"clients","after":"ann"}"#,
        r#"{"command":"import","hints":[{"address":"192.0.2.1"}]}"#,
        r#"{"command":"revoke","client":"ann@example.com"}"#,
        &format!(r#"{{"command":"revoke","client":"pass:{digits}"}}"#),
        r#"{"command":"link","client":"ann@example.com"}"#,
        r#"{"command":"link","client":"ann@example.com","minutes":1441}"#,
        &format!(r#"{{"command":"link","client":"pass:{digits}"}}"#),
        &format!(r#"{{"command":"forget","client":"account:{digits}"}}"#),
        &format!(r#"{{"command":"forget","client":"pass:{digits}"}}"#),
        r#"{"command":"forget","client":"pass:0011"}"#,
        r#"{"command":"rules"}"#,
        r#"{"command":"rule","rule":3}"#,
        r#"{"command":"rule","rule":0}"#,
        r#"{"command":"rule","rule":70000}"#,
        r#"{"command":"drop-rule","rule":3}"#,
        r#"{"command":"drop-rule","rule":0}"#,
        r#"{"command":"drop-rule"}"#,
        r#"{"command":"page","act":"incidents"}"#,
        r#"{"command":"page","act":"open","title":"t","stage":"investigating","text":"x"}"#,
        r#"{"command":"page","act":"open","title":"t","stage":"wild","text":"x"}"#,
        r#"{"command":"page","act":"update","id":"inc1b5t8y3ef","stage":"resolved","text":"x","reason":"y"}"#,
        r#"{"command":"page","act":"update","id":"INC","text":"x"}"#,
        r#"{"command":"page","act":"hold"}"#,
        r#"{"command":"page","act":"component","name":"App / Login","status":"partial-outage"}"#,
        r#"{"command":"page","act":"component","name":"App / Login","status":"broken"}"#,
        r#"{"command":"page","act":"finish","id":"inc1b5t8y3ef","why":"?"}"#,
        r#"{"command":"why","code":""}"#,
        r#"{"command":"why","address":"192.0.2.1"}"#,
    ];
    let shown: Vec<String> = sent.iter().map(|sent| format!("{sent}\n  {}", meant(sent))).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_is_sent_is_what_is_read() {
    for sent in [
        r#"{"command":"pin","ceiling":"calm","minutes":5}"#,
        r#"{"command":"allow","prefix":"192.0.2.0/24","remove":true}"#,
        r#"{"command":"why","account":"name:ann"}"#,
        r#"{"command":"drop-rule","rule":3}"#,
        r#"{"command":"page","act":"update","stage":"resolved","text":"x"}"#,
    ] {
        let command: Command = serde_json::from_str(sent).unwrap();
        assert_eq!(serde_json::to_string(&command).unwrap(), sent);
    }
}
