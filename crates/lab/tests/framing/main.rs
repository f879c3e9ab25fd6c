//! What the gate takes for one request, every app behind it takes for the same: the corpus of `corpus/`, played through the
//! gate's own binary to four kinds of apps.

mod client;
mod corpus;
mod frames;
mod origin;

use lab::{Gate, need};

use corpus::Case;
use origin::App;

/// Cases that do not come out as they should, with the reason; each must keep failing, or go.
const KNOWN_FAILURES: &[(&str, &str, &str)] = &[
    ("nginx", "options-star", "nginx answers 400 to `OPTIONS *`"),
    ("nginx", "options-star-then-get", "nginx answers 400 to `OPTIONS *`"),
    ("Python", "target-double-slash", "http.server joins the slashes at the begin of a path"),
    ("Python", "100-fields", "http.server takes at most 100 fields, and the gate adds its own"),
];

#[test]
fn the_corpus_is_large_and_names_its_rules() {
    let cases = Case::all();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    for case in &cases {
        assert!((1..=11).contains(&case.rule) && case.rfc.starts_with("RFC "), "{case:?}");
    }
}

#[test]
fn node_sees_what_the_gate_judged() {
    check(&mut need!(App::node()));
}

#[test]
fn python_sees_what_the_gate_judged() {
    check(&mut need!(App::python()));
}

#[test]
fn nginx_sees_what_the_gate_judged() {
    check(&mut need!(App::nginx()));
}

#[test]
fn haproxy_sees_what_the_gate_judged() {
    check(&mut need!(App::haproxy()));
}

/// Plays all cases before one app.
fn check(app: &mut App) {
    let config = Gate::CONFIG.replace("{origin}", &format!("http://{}", app.address));
    let gate = Gate::start(&config.replace("\"auto\"", "\"observe\"")).expect("the gate starts");
    app.saw(0);
    let mut wrong = String::new();
    for case in Case::all() {
        let answers = client::play(gate.listen(), &case);
        let mut saw = app.saw(case.origin.len());
        // Requests that follow one another are forwarded one after the other, but recorded by whoever is first.
        saw.sort();
        let mut origin = case.origin.clone();
        origin.sort();
        let mut seen = case.clone();
        (seen.closes, seen.origin) = (answers.closes, saw);
        if !case.body_error {
            seen.status = answers.status;
        }
        let mut expected = case.clone();
        expected.origin = origin;
        let fails = seen.expected() != expected.expected();
        let known = KNOWN_FAILURES.iter().any(|(before, name, _)| *before == app.name && *name == case.name);
        if fails != known {
            wrong.push_str(&format!(
                "{} (rule {}, {})\n  expected {}\n  seen     {}\n",
                case.name,
                case.rule,
                case.rfc,
                expected.expected(),
                seen.expected()
            ));
        }
    }
    assert!(wrong.is_empty(), "before {}:\n{wrong}", app.name);
    assert!(!gate.log().contains("panicked"), "{}", gate.log());
}
