//! Customers who take their time get through while unknown clients are turned away: a long upload, events, quiet sockets.

mod app;
mod checksum;
mod events;
mod sockets;
mod strangers;
mod upload;
mod world;

use lab::clock::pause;
use lab::crowd::raise_file_limit;
use lab::{Missing, need};
use std::time::Duration;
use world::World;

#[test]
fn a_large_upload_over_a_slow_line_of_a_customer_comes_whole() {
    let world = need!(World::start());
    let customer = world.customer(1);
    let strangers = world.close();
    let (sent, answer) = upload::send(world.gate.listen(), &customer)
        .unwrap_or_else(|error| panic!("{error}\n{}", world.gate.log()));
    let (head, got) = answer.split_once("\r\n\r\n").unwrap_or_default();
    assert_eq!(got, sent.to_string(), "{head}\n{}", world.gate.log());
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    world.check(strangers);
}

#[test]
fn server_sent_events_of_a_customer_go_on() {
    let world = need!(World::start());
    let customer = world.customer(1);
    let strangers = world.close();
    let heard = events::hear(world.gate.listen(), &customer, &world.app)
        .unwrap_or_else(|error| panic!("{error}\n{}", world.gate.log()));
    // The app sends none before the one before it has been heard.
    assert_eq!(heard, (1..=app::EVENTS).collect::<Vec<_>>(), "{}", world.gate.log());
    world.check(strangers);
}

#[test]
fn five_thousand_quiet_websockets_of_customers_stay() {
    need!(check_file_limit());
    let world = need!(World::start());
    let customers: Vec<_> = (0..CUSTOMERS).map(|number| world.customer(number)).collect();
    let (early, late) = customers.split_at(customers.len() / 2);
    let mut sockets = sockets::Sockets::default();
    let mut open = |customers: &[world::Customer]| {
        sockets
            .open(world.gate.listen(), customers, SOCKETS_EACH)
            .unwrap_or_else(|error| panic!("{error}\n{}", world.gate.log()));
    };
    open(early);
    let strangers = world.close();
    open(late);
    pause(QUIET);
    let all = customers.len() * SOCKETS_EACH;
    assert_eq!(sockets.count_open(), all, "some were closed: {}", world.gate.log());
    assert_eq!(sockets.count_echoes(), all, "some do not echo: {}", world.gate.log());
    world.check(strangers);
}

/// Both ends of all sockets that tests hold, with some to spare.
fn check_file_limit() -> Result<(), Missing> {
    let allowed = raise_file_limit();
    if allowed >= FILES { Ok(()) } else { Err(Missing::Files { needed: FILES, allowed }) }
}

const CUSTOMERS: u16 = 500;
const SOCKETS_EACH: usize = 10;
const QUIET: Duration = Duration::from_secs(30);
const FILES: u64 = 11_000;
