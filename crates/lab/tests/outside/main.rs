//! Clients that nobody here wrote against `try --stay`: curl, wrk and Python, as customers and as strangers.
//!
//! One run of four to six minutes: the sample shop plays its evenings first and opens again. In calm everybody is
//! served and two people sign in through the shop's own form; then the expensive search is flooded, first by many who
//! look as the strangers do, who are therefore asked to come back with them, and then by `wrk` from one address, which
//! the gate may tell from the strangers, so that they have a page or the documented refusal.

mod clients;
mod lookalikes;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use lab::clock::{pause, wait_for};
use lab::load::Load;
use lab::{Gate, Running, StartError, need};

use clients::{Clients, Seen};

/// Evenings with three attacks of 12 s, at most 100 s after two of them, a minute for the most patient after each of them, and time
/// to spare on a busy machine.
const STAYS_WITHIN: Duration = Duration::from_secs(560);
/// Until the gate is open again after the evenings.
const CALM_WITHIN: Duration = Duration::from_secs(60);
/// Length of each flood; the customers need less.
const FLOOD_SECONDS: u64 = 18;
/// What the floods ask for: a page that takes the shop twenty times as long as others.
const SEARCH: &str = "/search?q=tickets";
/// Connections of the flood: together with the customer's `wrk` below the 100 that one address may hold.
const FLOOD_CONNECTIONS: u32 = 80;
/// The promise holds from two seconds after the flood's start.
const PROTECTED_AFTER: Duration = Duration::from_secs(2);
/// Requests of each customer; all of them must be answered.
const ASKED: u32 = 60;
/// Strangers of each kind.
const STRANGERS: u32 = 24;

#[test]
fn customers_with_clients_of_their_own_are_served_while_strangers_are_asked_to_come_back() {
    let clients = need!(Clients::find());
    let binary = need!(Gate::binary());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_shop, address) = stay(&binary, folder.path()).expect("the sample shop stays up");
    let clients = clients.of(address, folder.path());

    assert!(calm_again(&clients), "strangers were not served again within {CALM_WITHIN:?}");
    check_served(&clients.curl_strangers("/", 10), 10, "strangers in calm, curl");
    check_served(&clients.python_strangers(10), 10, "strangers in calm, Python");
    clients.sign_in();
    in_a_flood_of_lookalikes(&clients);
    in_a_flood_of_wrk(&clients, address);
}

/// Nothing tells this flood from strangers, so most of them must wait; customers notice nothing.
fn in_a_flood_of_lookalikes(clients: &Clients) {
    thread::scope(|scope| {
        let flood = scope.spawn(|| clients.lookalikes(SEARCH, FLOOD_SECONDS));
        pause(PROTECTED_AFTER);
        let curl = scope.spawn(|| clients.curl_customer(ASKED));
        let python = scope.spawn(|| clients.python_customer(ASKED));
        let strangers = scope.spawn(|| clients.curl_strangers(SEARCH, STRANGERS));
        check_served(&curl.join().expect("curl runs"), ASKED, "customer among lookalikes, curl");
        check_served(&python.join().expect("Python runs"), ASKED, "customer among lookalikes, Python");
        let strangers = strangers.join().expect("curl runs");
        check_answered(&strangers, "strangers among lookalikes");
        assert!(strangers.refused() * 2 >= STRANGERS, "strangers among lookalikes: {strangers:?}");
        let (served, asked) = flood.join().expect("lookalikes flood");
        assert!(asked >= 1_000, "that was no flood: {asked}");
        assert!(served * 2 <= asked, "the flood was served: {served} of {asked}");
    });
}

fn in_a_flood_of_wrk(clients: &Clients, address: SocketAddr) {
    let flood = Load {
        path: SEARCH.into(),
        headers: vec![],
        connections: FLOOD_CONNECTIONS,
        seconds: FLOOD_SECONDS,
        core: None,
        tls: false,
    };
    thread::scope(|scope| {
        let flood = scope.spawn(|| flood.run(address).expect("wrk floods"));
        pause(PROTECTED_AFTER);
        let curl = scope.spawn(|| clients.curl_customer(ASKED));
        let python = scope.spawn(|| clients.python_customer(ASKED));
        let wrk = scope.spawn(|| clients.wrk_customer(10));
        let curl_strangers = scope.spawn(|| clients.curl_strangers("/", STRANGERS));
        let python_strangers = scope.spawn(|| clients.python_strangers(STRANGERS));
        check_served(&curl.join().expect("curl runs"), ASKED, "customer, curl");
        check_served(&python.join().expect("Python runs"), ASKED, "customer, Python");
        let wrk = wrk.join().expect("wrk runs");
        check_served(&wrk, wrk.asked(), "customer, wrk");
        assert!(wrk.asked() >= 30, "the customer's wrk hardly asked: {wrk:?}");
        check_answered(&curl_strangers.join().expect("curl runs"), "strangers, curl");
        check_answered(&python_strangers.join().expect("Python runs"), "strangers, Python");
        let flood = flood.join().expect("wrk runs");
        assert!(flood.refused * 100 >= flood.requests * 95, "the flood was served: {flood:?}");
        assert!(flood.requests >= 1_000, "that was no flood: {flood:?}");
    });
}

/// Every request got its page.
#[track_caller]
fn check_served(seen: &Seen, asked: u32, who: &str) {
    assert_eq!((seen.with_status(200), seen.asked()), (asked, asked), "{who}: {seen:?}");
    assert!(seen.wrong.is_empty(), "{who}: {seen:?}");
}

/// Everybody got a page or the documented refusal.
#[track_caller]
fn check_answered(seen: &Seen, who: &str) {
    assert_eq!(seen.refused() + seen.with_status(200), STRANGERS, "{who}: {seen:?}");
    assert!(seen.wrong.is_empty(), "{who}: {seen:?}");
}

/// Starts the sample shop and waits until it has played its evenings and stays; gives the gate's address.
fn stay(binary: &Path, folder: &Path) -> Result<(Running, SocketAddr), StartError> {
    let log: PathBuf = folder.join("try.log");
    let mut command = std::process::Command::new(binary);
    command.args(["try", "--stay", "--seconds", "12"]);
    let text = || std::fs::read_to_string(&log).unwrap_or_default();
    let running =
        Running::start_and_wait(&mut command, &log, STAYS_WITHIN, || address_in(&text()).is_some())?;
    let address = address_in(&text()).expect("it was there a moment ago");
    Ok((running, address))
}

/// The gate's address in `Shop and gate stay up until Ctrl-C: gate http://127.0.0.1:1234/, shop …`.
fn address_in(text: &str) -> Option<SocketAddr> {
    let (_, after) = text.split_once("stay up until Ctrl-C: gate http://")?;
    after.split_once('/')?.0.parse().ok()
}

/// Strangers are served, eight in a row.
fn calm_again(clients: &Clients) -> bool {
    let served = || {
        let seen = clients.curl_strangers("/", 8);
        (seen.with_status(200) == 8).then_some(())
    };
    wait_for(CALM_WITHIN, served).is_some()
}

#[test]
fn the_address_is_read_from_what_a_person_reads() {
    let text =
        "\nShop and gate stay up until Ctrl-C: gate http://127.0.0.1:1234/, shop http://127.0.0.1:5/. A";
    assert_eq!(address_in(text), Some(([127, 0, 0, 1], 1_234).into()));
    assert_eq!(address_in("Look at it meanwhile: http://127.0.0.1:1234/"), None);
}
