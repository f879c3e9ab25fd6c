//! Requests that an admin has written.

use super::*;
use crate::pages::tests::bodies::shown;

fn templates() -> Templates {
    let parse = |method: &str, path: &str, body: &str| {
        Template::parse(method, &format!("https://page.shop.example/api{path}"), body).unwrap()
    };
    let opened = parse(
        "POST",
        "/incidents",
        r#"{"name": "{{title}}", "say": ["{{text}}"], "state": 1, "where": "{{ url }}"}"#,
    );
    let updated = parse(
        "PUT",
        "/incidents/{{id}}?by={{title}}",
        r#"{"text": "{{stage}}: {{text}} ({{components}}: {{status}})"}"#,
    );
    let headers = ["Authorization: Bearer {{secret}}".to_owned()];
    Templates::new(
        opened,
        Some(updated),
        None,
        &headers,
        Some("/data/id"),
        Some(&Hidden::new("s3cret".into())),
    )
    .unwrap()
}

fn keeper() -> PageKeeper {
    PageKeeper::new(PageSettings {
        way: PageWay::Template(Box::new(templates())),
        ..settings(Kind::Statuspage)
    })
}

/// Everything that is sent until nothing is left, each answered so.
fn sent(story: &mut Story, answer: &Answer) -> Vec<Request> {
    let mut sent = Vec::new();
    for _ in 0..30 {
        if let PageNext::Send { request, .. } = story.keeper.next(story.moment) {
            sent.push(request);
            let changes = story.keeper.settle(answer, story.moment);
            story.keep(changes);
        }
        story.pass(1);
    }
    sent
}

fn ok() -> Answer {
    Answer::Http { status: 201, retry_after: None, body: br#"{"data":{"id":17}}"#.to_vec() }
}

#[test]
fn words_stay_words_wherever_they_are_put() {
    let mut story = Story::begin(Kind::Statuspage);
    story.keeper = keeper();
    story.want();
    story.open("\"}, {\"admin\": true}, {{text}} &x=1");
    story.say(Stage::Identified, "A \\ and a \"quote\"\n\nand {{secret}}.");
    story.say(Stage::Resolved, "Well.");
    let requests = sent(&mut story, &ok());
    insta::assert_snapshot!(requests.iter().map(shown).collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_was_not_answered_is_sent_again_with_the_same_key() {
    let mut story = Story::begin(Kind::Statuspage);
    story.keeper = keeper();
    story.want();
    story.open("Checkout fails");
    let lost = Answer::Failed { is_permanent: false, words: "gone".into() };
    let keys: Vec<_> =
        sent(&mut story, &lost).iter().map(|request| request.headers.last().unwrap().1.clone()).collect();
    assert!(keys.len() > 2 && keys.iter().all(|key| *key == keys[0]), "{}", keys.len());
    assert!(keys[0].expose().starts_with("portcullis-"));
    story.pass(300);
    assert_eq!(sent(&mut story, &ok()).len(), 1);
    // What is remembered is that it was said.
    let kept = story.kept.clone().unwrap();
    story.keeper = keeper();
    assert!(story.keeper.restore(&kept));
    story.want();
    assert!(sent(&mut story, &ok()).is_empty());
}

fn says(status: u16) -> Answer {
    Answer::Http { status, retry_after: None, body: b"{}".to_vec() }
}

#[test]
fn an_incident_waits_as_long_as_there_is_nothing_at_the_address_and_is_given_up_once_it_is_old() {
    let mut story = Story::begin(Kind::Statuspage);
    story.keeper = keeper();
    story.want();
    story.open("Checkout fails");
    for _ in 0..20 {
        sent(&mut story, &says(404));
        story.pass(300);
    }
    assert!(story.attempts.iter().all(|(_, state, _)| *state == State::Waiting), "{:?}", story.attempts);
    assert_eq!(sent(&mut story, &ok()).len(), 1, "the page is there again");
    story.say(Stage::Resolved, "Well.");
    sent(&mut story, &ok());
    story.open("Search fails");
    sent(&mut story, &says(404));
    story.say(Stage::Resolved, "Well.");
    story.pass(25 * 3_600);
    story.want();
    assert!(sent(&mut story, &says(404)).is_empty());
    assert!(story.said.iter().any(|said| said.contains("given up")), "{:?}", story.said);
}

#[test]
fn news_outlasts_a_server_that_is_being_replaced() {
    let mut story = Story::begin(Kind::Statuspage);
    story.keeper = keeper();
    story.want();
    story.open("Checkout fails");
    sent(&mut story, &ok());
    story.say(Stage::Identified, "Found.");
    for _ in 0..4 {
        assert!(!sent(&mut story, &says(404)).is_empty());
        story.pass(30);
    }
    story.pass(300);
    assert_eq!(sent(&mut story, &ok()).len(), 1);
}

#[test]
fn words_that_are_passed_over_are_counted_kept_and_said() {
    let mut story = Story::begin(Kind::Statuspage);
    story.keeper = keeper();
    story.want();
    story.open("Checkout fails");
    for _ in 0..4 {
        sent(&mut story, &says(422));
    }
    story.attempts.clear();
    story.say(Stage::Identified, "Found.");
    assert!(sent(&mut story, &ok()).is_empty());
    let figures = story.keeper.figures(story.moment.now);
    assert_eq!((figures.waiting, figures.outcomes[State::Refused as usize]), (0, 2));
    story.want();
    let [(key, State::Refused, why)] = story.attempts.as_slice() else { panic!("{:?}", story.attempts) };
    assert!(key.contains('.') && why.contains("`opened` was not taken"), "{key}: {why}");
    // It is kept that it was passed over, and not said again by the next process.
    let kept = story.kept.clone().unwrap();
    story.keeper = keeper();
    assert!(story.keeper.restore(&kept));
    story.want();
    assert_eq!(story.keeper.figures(story.moment.now).waiting, 0);
}

#[test]
fn what_is_no_template_is_refused_with_what_to_do() {
    let bad =
        |method: &str, url: &str, body: &str| Template::parse(method, url, body).unwrap_err().to_string();
    let header = |text: &str| {
        let opened = Template::parse("POST", "https://a.example", "{}").unwrap();
        Templates::new(opened, None, None, &[text.to_owned()], None, None).unwrap_err().to_string()
    };
    let all = [
        bad("GET", "https://a.example", "{}"),
        bad("POST", "https://{{title}}.example", "{}"),
        bad("POST", "https://a.example/{{tilte}}", "{}"),
        bad("POST", "https://a.example", "{\"a\": {{title}}}"),
        bad("POST", "https://a.example", "{\"{{title}}\": 1}"),
        bad("POST", "https://a.example", "{\"a\": \"{{secret}}\"}"),
        header("Authorization"),
        header("Host: b.example"),
        header("X-A: {{title}}"),
    ];
    insta::assert_snapshot!(all.join("\n"));
}
