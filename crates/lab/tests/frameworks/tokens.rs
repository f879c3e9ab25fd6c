//! A program with a bearer token that is somewhere else all the time, and a gate that only serves whom it knows.

use std::net::Ipv4Addr;
use std::time::Duration;

use journal_io::journal::{Journal, JournalSettings, Row};
use lab::clock::{pause, wait_for};
use lab::{Gate, need};

use crate::SOON;
use crate::app::{App, Framework};
use crate::visitor::{Visitor, tier};

const TOKENS: &str = "[site.known.token]\n";
const BEHIND_A_FRONT: &str = r#"
[[front]]
sources = ["127.0.0.1"]
client_address = "x-forwarded-for"

[site.known.token]
"#;

/// Ten minutes of a client that changes its address twice a minute.
const ADDRESSES: u8 = 20;

/// How a client comes to another address.
type Moving = fn(&mut Visitor, u8);

#[test]
fn a_token_at_django_is_served_from_wherever_it_comes() {
    need!(Gate::binary());
    check_token(&need!(App::start(Framework::Django)), TOKENS, move_directly);
}

#[test]
fn a_token_at_express_is_served_from_wherever_it_comes_behind_a_front() {
    need!(Gate::binary());
    check_token(&need!(App::start(Framework::Express)), BEHIND_A_FRONT, move_behind_the_front);
}

fn check_token(app: &App, tables: &str, moving: Moving) {
    let mut gate = app.gate(tables);
    let mut warehouse = client(&gate, "the-warehouse-token-number-1");
    moving(&mut warehouse, 0);
    check_young(&mut warehouse);
    tell_the_journal_that_it_began_yesterday(&mut gate);
    let mut stranger = client(&gate, "a-token-that-somebody-invented");
    moving(&mut stranger, 200);
    for _ in 0..30 {
        let answer = stranger.get("/api/orders");
        assert_eq!((answer.status, tier(&answer)), (401, "t5"), "in calm the app refuses: {}", answer.head);
    }
    close(&gate, &mut stranger);
    check_closed(app, &gate, &mut warehouse, &mut stranger, moving);
}

/// In calm the app answers it well, but it is too young to count.
fn check_young(warehouse: &mut Visitor) {
    for _ in 0..40 {
        let answer = warehouse.get("/api/orders");
        assert_eq!((answer.status, tier(&answer)), (200, "t5"), "{}", answer.head);
        // The gate asks once, meanwhile, whether anybody gets this.
        pause(Duration::from_millis(5));
    }
}

/// Everything else in that history has happened: the gate wrote the row itself.
fn tell_the_journal_that_it_began_yesterday(gate: &mut Gate) {
    let status = gate.process().stop().expect("it ends within its time");
    assert!(status.success(), "{status}\n{}", gate.log());
    let (journal, loaded) = Journal::open(&gate.folder().join("state"), JournalSettings::default())
        .expect("the gate has let go of its journal");
    let [mut row] = loaded.tokens[..] else {
        panic!("one token was answered well often enough, not {}", loaded.tokens.len())
    };
    row.first = row.first.before(Duration::from_secs(25 * 3_600));
    assert!(journal.record(Row::Token(row)) && journal.settle(SOON));
    drop(journal);
    gate.cut_and_restart().expect("it starts again");
}

fn close(gate: &Gate, stranger: &mut Visitor) {
    gate.tell(&["level", "pin", "customers-first"]).expect("an admin may");
    let closed = wait_for(SOON, || (stranger.get("/api/orders").status == 503).then_some(()));
    assert!(closed.is_some(), "strangers are still served\n{}", gate.log());
}

fn check_closed(app: &App, gate: &Gate, warehouse: &mut Visitor, stranger: &mut Visitor, moving: Moving) {
    let before = strangers_seen(app);
    assert!(before >= 30, "the app counted only {before} strangers in calm");
    for place in 0..ADDRESSES {
        moving(warehouse, place);
        moving(stranger, 100 + place);
        for _ in 0..3 {
            let answer = warehouse.get("/api/orders");
            assert_eq!(
                (answer.status, tier(&answer)),
                (200, "t1"),
                "{place}: {}\n{}",
                answer.head,
                gate.log()
            );
            let answer = stranger.get("/api/orders");
            assert_eq!(answer.status, 503, "{place}: {}", answer.head);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert!(answer.header("portcullis-reference").is_some(), "{}", answer.head);
        }
    }
    // Right, but never used before: there was no day in which it could prove itself.
    let mut young = client(gate, "the-warehouse-token-number-2");
    moving(&mut young, 220);
    assert_eq!(young.get("/api/orders").status, 503);
    assert_eq!(strangers_seen(app), before, "a stranger reached the app");
}

/// The app's own count of what came from clients that nobody knows.
fn strangers_seen(app: &App) -> usize {
    app.requests().iter().filter(|request| request["tier"] == "t5").count()
}

fn client(gate: &Gate, token: &str) -> Visitor {
    let mut client = Visitor::new(gate.listen(), 0);
    client.headers.push(format!("Authorization: Bearer {token}"));
    client
}

fn move_directly(visitor: &mut Visitor, place: u8) {
    visitor.from = Ipv4Addr::new(127, 61, place, 1);
}

fn move_behind_the_front(visitor: &mut Visitor, place: u8) {
    visitor.from = Ipv4Addr::LOCALHOST;
    visitor.headers.retain(|line| !line.starts_with("X-Forwarded-For"));
    visitor.headers.push(format!("X-Forwarded-For: 198.18.{place}.1"));
}
