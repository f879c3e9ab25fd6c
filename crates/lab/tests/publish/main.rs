//! Pages that a company already has elsewhere, and a running gate that is killed while it writes there: one incident, every word once,
//! nobody's words lost.

mod world;

use std::time::Duration;

use lab::clock::{pause, wait_for};
use lab::{Gate, Peer, need};
use serde_json::{Value, json};

use world::{Pages, SOON, start};

/// What is said there of the only incident, oldest first.
fn told(state: &Value, page: &str) -> Vec<String> {
    let incidents = state[page]["incidents"].as_array().cloned().unwrap_or_default();
    assert!(incidents.len() < 2, "two incidents: {incidents:#?}");
    let Some(incident) = incidents.first() else { return Vec::new() };
    let updates = incident["updates"].as_array().or(incident["incident_updates"].as_array()).cloned();
    let text = |update: &Value| update["message"].as_str().or(update["body"].as_str()).map(str::to_owned);
    updates.unwrap_or_default().iter().rev().filter_map(text).collect()
}

#[test]
fn pages_elsewhere_say_what_the_gate_says_whatever_is_lost_and_whoever_is_killed() {
    need!(Gate::binary());
    let python = need!(Peer::find("python3"));
    let pages = Pages::start(&python);
    let (mut gate, _app) = start(&pages.config("statuspage-key\n"));
    let open = ["incident", "open", "Checkout \"fails\"", "--text", "We look for the cause."];
    gate.tell(&[&open[..], &["--component", "Shop / Checkout=partial-outage"]].concat()).expect("it is told");
    for millis in [40, 300, 900, 150, 1_700] {
        pause(Duration::from_millis(millis));
        gate.cut_and_restart().expect("it starts again");
    }
    let all = ["statuspage", "instatus"];
    pages.until(&gate, "the first words", |state| all.iter().all(|page| told(state, page).len() == 1));
    for page in all {
        pages.person(&json!({ "page": page, "do": "edit", "text": "We are so sorry." }));
        pages.person(&json!({ "page": page, "do": "rename", "text": "The till is stuck" }));
        pages.person(
            &json!({ "page": page, "do": "say", "status": "identified", "text": "Pay at the counter." }),
        );
    }
    gate.tell(&["incident", "update", "--stage", "identified", "--text", "A disk is full."])
        .expect("it is told");
    pause(Duration::from_millis(700));
    gate.cut_and_restart().expect("it starts again");
    pages.until(&gate, "news beside what a person wrote", |state| {
        all.iter().all(|page| told(state, page).len() == 3)
    });
    let over = ["incident", "update", "--stage", "resolved", "--text", "All is well.", "--reason", "tested"];
    gate.tell(&over).expect("it is told");
    pause(Duration::from_millis(200));
    gate.cut_and_restart().expect("it starts again");
    let state = pages.until(&gate, "its end", |state| {
        let is_over = |page: &str| {
            let status = state[page]["incidents"][0]["status"].as_str().unwrap_or_default();
            status.eq_ignore_ascii_case("resolved")
        };
        all.iter().all(|page| is_over(page))
            && state["other"]["taken"].as_array().is_some_and(|taken| taken.len() >= 3)
    });
    for page in all {
        let words = told(&state, page);
        let end = "All is well.\n\nCalled resolved by a person: tested";
        assert_eq!(
            words,
            ["We are so sorry.", "Pay at the counter.", "A disk is full.", end],
            "{page}: {state:#}"
        );
        assert_eq!(state[page]["incidents"][0]["name"], "The till is stuck");
        let component = state[page]["components"]["pay1"].as_str().unwrap_or_default();
        assert!(component.eq_ignore_ascii_case("operational"), "{state:#}");
    }
    assert_eq!(
        state["other"]["taken"],
        json!([
            { "method": "POST", "path": "/other/incidents", "said": { "name": "Checkout \"fails\"", "text": "We look for the cause." } },
            { "method": "PATCH", "path": "/other/incidents/17", "said": { "text": "identified: A disk is full." } },
            { "method": "PATCH", "path": "/other/incidents/17", "said": { "text": "resolved: All is well.\n\nCalled resolved by a person: tested" } },
        ])
    );
    settled(&gate);
    report(&pages, &mut gate);
}

/// The report is published here: it is there as a draft, once, also where an answer is lost or the gate is killed.
fn report(pages: &Pages, gate: &mut Gate) {
    let file = gate.folder().join("report.md");
    std::fs::write(&file, "# What happened\n\nA disk was full.\n").expect("the folder is writable");
    let (_, shown) = gate.control(&["incident", "show", "--json"]).expect("it runs");
    let id = shown.split_once(r#""id":""#).and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default();
    gate.tell(&["incident", "report", id, "--file", &file.display().to_string()]).expect("it is published");
    pause(Duration::from_millis(400));
    gate.cut_and_restart().expect("it starts again");
    let draft = |state: &Value| state["statuspage"]["incidents"][0]["report"]["body_draft"].clone();
    let state = pages.until(gate, "the report", |state| draft(state).is_string());
    assert_eq!(draft(&state), "# What happened\n\nA disk was full.");
    assert_eq!(told(&state, "statuspage").len(), 4, "a report is no update: {state:#}");
}

/// Whether an admin sees that nothing is to be written, and that it was looked.
fn is_quiet(gate: &Gate) -> bool {
    let shown = gate.control(&["publish"]).map(|(_, text)| text).unwrap_or_default();
    let is_so = |line: &str| line.contains(": it says what we say; seen at");
    shown.lines().filter(|line| is_so(line)).count() == 2
}

/// What an admin sees when everything is there.
fn settled(gate: &Gate) {
    let shown = || gate.control(&["publish"]).map(|(_, text)| text).unwrap_or_default();
    assert!(wait_for(SOON, || is_quiet(gate).then_some(())).is_some(), "{}", shown());
    let log = gate.log();
    for word in ["somebody renamed incident", "somebody edited what was said"] {
        assert!(log.contains(word) || shown().contains(word), "{word}: {log}\n{}", shown());
    }
    let metrics = gate.metrics().expect("the console answers");
    assert!(metrics.contains("portcullis_publications_waiting{page=\"statuspage\"} 0"), "{metrics}");
    assert!(!log.contains("-key"), "a key is nobody's business: {log}");
}

#[test]
fn a_takeover_goes_on_and_what_a_person_called_over_or_deleted_stays_so() {
    need!(Gate::binary());
    let python = need!(Peer::find("python3"));
    let pages = Pages::start(&python);
    let (mut gate, _app) = start(&pages.config("statuspage-key\n"));
    gate.tell(&["incident", "open", "Checkout fails", "--text", "We look for the cause."])
        .expect("it is told");
    let all = ["statuspage", "instatus"];
    pages.until(&gate, "the first words", |state| all.iter().all(|page| told(state, page).len() == 1));
    // What is deleted before its answer was heard, or looked for, could as well never have been taken.
    assert!(wait_for(SOON, || is_quiet(&gate).then_some(())).is_some(), "{}", gate.log());
    pages.person(&json!({ "page": "statuspage", "do": "say", "status": "resolved", "text": "It works." }));
    pages.person(&json!({ "page": "instatus", "do": "delete" }));
    assert!(gate.hand_over(), "{}", gate.log());
    gate.tell(&["incident", "update", "--stage", "identified", "--text", "A disk is full."])
        .expect("it is told");
    let seen = || {
        let (_, text) = gate.control(&["publish"]).ok()?;
        (text.contains("called incident") && text.contains("deleted incident")).then_some(text)
    };
    let text =
        wait_for(SOON, seen).unwrap_or_else(|| panic!("{:?}\n{}", gate.control(&["publish"]), gate.log()));
    let state = pages.state();
    assert_eq!(told(&state, "statuspage"), ["We look for the cause.", "It works."], "{text}");
    assert!(told(&state, "instatus").is_empty(), "{text}");
}

#[test]
fn a_key_that_is_not_known_there_is_said_with_what_to_do_and_holds_nobody_else_up() {
    need!(Gate::binary());
    let python = need!(Peer::find("python3"));
    let pages = Pages::start(&python);
    let (gate, _app) = start(&pages.config("another-key\n"));
    gate.tell(&["incident", "open", "Checkout fails", "--text", "We look for the cause."])
        .expect("it is told");
    let state = pages.until(&gate, "the other page", |state| told(state, "instatus").len() == 1);
    assert!(told(&state, "statuspage").is_empty());
    let (_, text) = gate.control(&["publish"]).expect("it runs");
    let line = text.lines().find(|line| line.starts_with("statuspage: ")).unwrap_or_default();
    assert!(
        line.contains("401") && line.contains("secret_file") && line.contains("Could not authenticate"),
        "{text}"
    );
}
