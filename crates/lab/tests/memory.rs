//! Memory is taken at the start: neither idle connections nor many sources make the gate grow.

#[path = "survival/world.rs"]
#[expect(dead_code, reason = "the world of the survival tests; this one needs a part of it")]
mod world;

use std::net::Ipv4Addr;

use lab::need;
use world::{World, connect_from, get_from};

/// Idle connections held at once: below the usual descriptor limit of a test process.
const IDLE: u16 = 800;
/// Distinct sources of one round, a /24 for each four.
const SOURCES: u16 = 4_000;
/// What the first round may add to the resident size, in KiB.
const FIRST_ROUND_KIB: u64 = 128 * 1024;
/// What a second, equal round from other sources may add, in KiB.
const SECOND_ROUND_KIB: u64 = 8 * 1024;

#[test]
fn a_second_crowd_of_sources_takes_no_more_memory_than_the_first() {
    let mut world = need!(World::start(&[], &[]));
    let fresh = resident_kib(&world);
    round(&world, 60);
    let first = resident_kib(&world);
    round(&world, 100);
    let second = resident_kib(&world);
    assert!(first <= fresh + FIRST_ROUND_KIB, "{fresh} KiB grew to {first} KiB");
    assert!(second <= first + SECOND_ROUND_KIB, "{first} KiB grew to {second} KiB");
    world.check_unharmed();
}

fn round(world: &World, second_octet: u8) {
    let idle: Vec<_> =
        (0..IDLE).filter_map(|at| connect_from(source(second_octet + 20, at), world.listen).ok()).collect();
    assert_eq!(idle.len(), usize::from(IDLE), "connections were refused");
    let answered = (0..SOURCES)
        .filter(|&at| get_from(source(second_octet, at), world.listen, "X-Round: 1").is_ok())
        .count();
    assert_eq!(answered, usize::from(SOURCES), "sources got no answer");
}

fn source(second_octet: u8, at: u16) -> Ipv4Addr {
    let [high, low] = (at / 4).to_be_bytes();
    let last = u8::try_from(at % 4).expect("a remainder of four") + 1;
    Ipv4Addr::new(127, second_octet + high, low, last)
}

fn resident_kib(world: &World) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", world.gate.id())).expect("the gate runs");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux reports it");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number of KiB")
}
