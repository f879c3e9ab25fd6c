//! What receivers get, to the byte; and that nobody's words become anything else.

use proptest::prelude::*;

use super::*;
use crate::bodies::parcel;

fn notice(what: What) -> Notice {
    Notice {
        incident: "abc123def456".into(),
        seq: 12,
        what,
        title: "Disruption of Website".into(),
        severity: Severity::Error,
        now: Some(Severity::Error),
        is_open: what != What::Over,
        since: 1_795_876_200_000,
        at: 1_795_876_260_000,
        cause: Some("traffic that looks made".into()),
        fares: "Customers who have signed in: served as usual; New visitors: some are not served".into(),
        stage: None,
        text: String::new(),
        asks: false,
        is_untold: false,
        number: 3,
    }
}

fn text(parcel: &Parcel) -> String {
    match parcel {
        Parcel::Http { method, url, headers, body } => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
            let json: serde_json::Value = serde_json::from_slice(body).unwrap();
            format!("{method} {url}\n{headers}\n{}", serde_json::to_string_pretty(&json).unwrap())
        }
        Parcel::Mail { from, to, bytes } => {
            format!("from {from} to {}\n\n{}", to, String::from_utf8_lossy(bytes).replace('\r', ""))
        }
    }
}

fn made(receiver: &Receiver, notice: &Notice) -> String {
    text(&parcel(receiver, &sender(), notice, Timestamp::from_secs(1_795_876_261)))
}

#[test]
fn every_kind_of_receiver_gets_what_it_understands() {
    for receiver in [pager(), chat(), hook(), metrics(), mail()] {
        insta::assert_snapshot!(format!("opened_{}", receiver.name), made(&receiver, &notice(What::Opened)));
    }
}

#[test]
fn the_end_reaches_every_kind_of_receiver_as_the_end() {
    let over = Notice { text: "All <is> & \"was\" well.\nReally.".into(), ..notice(What::Over) };
    for receiver in [pager(), chat(), hook(), metrics(), mail()] {
        insta::assert_snapshot!(format!("over_{}", receiver.name), made(&receiver, &over));
    }
}

#[test]
fn whoever_is_told_of_words_that_wait_can_decide_about_them() {
    let planned = Notice { asks: true, ..notice(What::Planned) };
    for receiver in [pager(), chat(), hook(), metrics(), mail()] {
        insta::assert_snapshot!(format!("planned_{}", receiver.name), made(&receiver, &planned));
        assert!(!made(&receiver, &notice(What::Opened)).contains("consent"), "nothing waits");
    }
    // Whoever is only called has it from the first call on.
    let called = Notice { is_untold: true, ..notice(What::Opened) };
    let links = [pager(), chat(), hook(), metrics(), mail()]
        .map(|receiver| made(&receiver, &called).contains("consent"));
    assert_eq!(links, [true, false, false, true, false]);
}

#[test]
fn a_pager_hears_who_sees_to_it() {
    let body = made(&pager(), &notice(What::Acknowledged));
    assert!(
        body.contains(r#""event_action": "acknowledge""#) && body.contains("portcullis/abc123def456"),
        "{body}"
    );
    assert!(!body.contains("payload"), "{body}");
}

/// As a reader shows it: unfolded, with its encoded words decoded.
fn subject(head: &str) -> String {
    let unfolded = head.replace("\r\n ", " ");
    let line = unfolded.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
    let words = line.split(' ').map(|word| {
        let coded = word.strip_prefix("=?utf-8?B?").and_then(|word| word.strip_suffix("?="));
        let decoded = coded.map(|coded| data_encoding::BASE64.decode(coded.as_bytes()).unwrap());
        decoded.map_or_else(|| word.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
    });
    words.collect()
}

#[test]
fn a_webhook_hears_that_what_is_said_of_it_afterwards_does_not_open_an_incident_again() {
    let late = Notice { is_open: false, ..notice(What::Published) };
    assert!(made(&hook(), &late).contains(r#""is_open": false"#));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Titles and texts are people's, and people paste.
    #[test]
    fn words_do_not_become_headers_links_or_another_message(title in ".{0,100}|( |a|\r\n|\n|Bcc: a@b\r\n){0,40}|(\r\n|\n|<|>|&|=\\?|Bcc: a@b\r\n|é|\u{202e}){0,80}", words in ".{0,300}") {
        let notice = Notice { title, text: words, ..notice(What::Published) };
        for receiver in [pager(), chat(), hook(), metrics(), mail()] {
            match parcel(&receiver, &sender(), &notice, Timestamp::from_secs(1_795_876_261)) {
                Parcel::Mail { bytes, .. } => {
                    let mail = String::from_utf8(bytes).unwrap();
                    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
                    let names: Vec<_> = head.split("\r\n").filter(|line| !line.starts_with(' ')).map(|line| line.split_once(": ").unwrap().0).collect();
                    prop_assert_eq!(names.join(" "), "From To Subject Date Message-ID In-Reply-To References Auto-Submitted X-Auto-Response-Suppress MIME-Version Content-Type Content-Transfer-Encoding");
                    prop_assert!(head.split("\r\n").chain(body.split("\r\n")).all(|line| line.len() <= 78), "{}", head);
                    prop_assert!(!head.replace("\r\n", "").contains(['\r', '\n']));
                    prop_assert!(!subject(head).contains(char::is_control), "{}", head);
                }
                Parcel::Http { body, headers, .. } => {
                    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
                    prop_assert!(body.len() < 16 * 1024);
                    prop_assert!(headers.iter().all(|(_, value)| value.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
                    if let Some(text) = json.get("text") {
                        prop_assert!(!text.as_str().unwrap().contains(['<', '>']));
                    }
                }
            }
        }
    }
}
