//! Logins by evidence and sessions by proof, the app unchanged.

use lab::{Gate, need};

use crate::LOGIN;
use crate::app::{App, Framework};
use crate::visitor::{PASSWORD, Visitor, tier};

#[test]
fn a_login_at_django_makes_known_and_a_wrong_password_never() {
    need!(Gate::binary());
    check_login(&need!(App::start(Framework::Django)));
}

#[test]
fn a_login_at_express_makes_known_and_a_wrong_password_never() {
    need!(Gate::binary());
    check_login(&need!(App::start(Framework::Express)));
}

#[test]
fn a_session_at_django_from_before_the_gate_is_adopted() {
    need!(Gate::binary());
    check_adoption(&need!(App::start(Framework::Django)));
}

#[test]
fn a_session_at_express_from_before_the_gate_is_adopted() {
    need!(Gate::binary());
    check_adoption(&need!(App::start(Framework::Express)));
}

fn check_login(app: &App) {
    let gate = app.gate(LOGIN);
    check_customer(&gate);
    // The gate now knows which pages are private, so the slightest proof would do.
    check_wrong_passwords(&gate);
    check_public_pages(&gate);
}

fn check_customer(gate: &Gate) {
    let mut ann = Visitor::new(gate.listen(), 1);
    assert_eq!(tier(&ann.get("/")), "t5");
    let answer = ann.sign_in("ann", PASSWORD);
    assert_eq!((answer.status, answer.header("location")), (302, Some("/account")), "{}", answer.head);
    assert!(!ann.has_pass(), "the login alone proves nothing: {}", answer.head);
    ann.earn_pass("/account", gate);
    for path in ["/", "/tickets", "/account", "/orders"] {
        assert_eq!(tier(&ann.get(path)), "t2", "{path}\n{}", gate.log());
    }
    // Somebody else behind the same address, whose requests inherit until then.
    let mut second = Visitor::new(gate.listen(), 1);
    second.sign_in("bo", PASSWORD);
    second.earn_pass("/orders", gate);
}

/// The apps set session cookies on failed logins too; Express even leads on as after a good one.
fn check_wrong_passwords(gate: &Gate) {
    let mut guesser = Visitor::new(gate.listen(), 2);
    for guess in 0..25 {
        let answer = guesser.sign_in("ann", &format!("guess{guess}"));
        assert!(matches!(answer.status, 200 | 302), "{}", answer.head);
        if guess == 0 {
            let session = answer.headers("set-cookie").any(|line| line.starts_with("session"));
            assert!(session, "this test wants an app that sets a session cookie: {}", answer.head);
        }
        for path in ["/account", "/orders", "/tickets"] {
            let answer = guesser.get(path);
            assert!(!guesser.has_pass(), "guess {guess}, {path}: {}\n{}", answer.head, gate.log());
            // A guesser may stand in the login lane, never among the known.
            assert!(matches!(tier(&answer), "t3" | "t5"), "guess {guess}, {path}: {}", tier(&answer));
        }
    }
    guesser.sign_in("ann", PASSWORD);
    guesser.earn_pass("/account", gate);
}

fn check_public_pages(gate: &Gate) {
    let mut cy = Visitor::new(gate.listen(), 3);
    cy.sign_in("cy", PASSWORD);
    for _ in 0..10 {
        for path in ["/", "/tickets"] {
            let answer = cy.get(path);
            assert!(!cy.has_pass(), "{path}: {}\n{}", answer.head, gate.log());
        }
    }
    cy.earn_pass("/account", gate);
}

fn check_adoption(app: &App) {
    let mut regular = Visitor::new(app.address, 4);
    regular.sign_in("ann", PASSWORD);
    assert_eq!(regular.get("/account").status, 200);
    let cookie = app.session_cookie();
    let gate = app.gate(&format!("[site.known.session]\ncookie = \"{cookie}\"\nproof = \"/account\"\n"));
    regular.server = gate.listen();
    assert_eq!(tier(&regular.get("/")), "t5");
    regular.earn_pass("/account", &gate);
    assert_eq!(tier(&regular.get("/")), "t2");
    check_made_up_sessions(&gate, cookie);
}

fn check_made_up_sessions(gate: &Gate, cookie: &str) {
    for attempt in 0..25 {
        let mut stranger = Visitor::new(gate.listen(), 5);
        stranger.cookie(cookie, &format!("eyJuYW1lIjoiYW5uIn0{attempt:013}"));
        for path in ["/account", "/", "/account"] {
            let answer = stranger.get(path);
            assert!(!stranger.has_pass(), "{path}: {}\n{}", answer.head, gate.log());
            assert_eq!(tier(&answer), "t5", "{path}");
        }
    }
}
