use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::{CapRefused, ConnectionSettings, ConnectionTable, Ticket};

const KEY: [u8; 16] = *b"a table's secret";

#[test]
fn an_address_and_a_network_hold_as_many_as_they_may() {
    check(10_000, "192.0.2.1 x101", "100 open, 1 Address");
    check(10_000, "2001:db8::1 x60, 2001:db8::2 x60", "60 open; 40 open, 20 Address");
    check(
        10_000,
        "192.0.2.1 x100, 192.0.2.2 x100, 192.0.2.3 x100, 192.0.2.4 x100, 192.0.2.5 x100, 192.0.2.6 x1, 192.0.3.1 x1",
        "100 open; 100 open; 100 open; 100 open; 100 open; 1 Network; 1 open",
    );
}

#[test]
fn a_nat_factor_multiplies_both() {
    let table = ConnectionTable::new(ConnectionSettings::new(100_000, KEY));
    let opened = |host: u8| (0..10_000).filter(|_| table.open(addr(host), true, 4).is_ok()).count();
    assert_eq!((opened(1), opened(2), opened(3), opened(4), opened(5)), (400, 400, 400, 400, 400));
    assert_eq!(opened(6), 0, "the network holds 2,000");
}

#[test]
fn clients_with_a_hint_always_fit_while_the_others_fill_the_table() {
    check(100, "10.0.0.1 x60, 10.0.1.1 x60, hint:10.0.2.1 x31", "60 open; 10 open, 50 Full; 30 open, 1 Full");
    check(100, "hint:10.0.0.1 x60, 10.0.1.1 x60", "60 open; 40 open, 20 Full");
}

#[test]
fn who_is_above_its_own_limit_is_told_so_even_when_the_table_is_full() {
    check(
        300,
        "192.0.2.1 x100, 10.0.1.1 x100, 10.0.2.1 x100, 192.0.2.1 x1",
        "100 open; 100 open; 10 open, 90 Full; 1 Address",
    );
}

#[test]
fn a_front_is_never_refused() {
    let table = ConnectionTable::new(ConnectionSettings::new(2, KEY));
    let tickets: Vec<_> = (0..5).map(|_| table.open_front()).collect();
    assert_eq!((table.used(), table.share_used()), (5, 2.5));
    assert_eq!(table.open(addr(1), true, 1), Err(CapRefused::Full));
    tickets.into_iter().for_each(|ticket| table.close(ticket));
    assert_eq!(table.used(), 0);
}

#[test]
fn a_client_that_proves_to_be_known_frees_the_part_of_the_unknown() {
    let table = ConnectionTable::new(ConnectionSettings::new(10, KEY));
    let mut tickets: Vec<_> = (0..7).map(|_| table.open(addr(1), false, 1).unwrap()).collect();
    assert_eq!(table.open(addr(1), false, 1), Err(CapRefused::Full));
    table.promote(&mut tickets[0]);
    table.promote(&mut tickets[0]);
    tickets.push(table.open(addr(1), false, 1).unwrap());
    assert_eq!(table.open(addr(1), false, 1), Err(CapRefused::Full));
    tickets.into_iter().for_each(|ticket| table.close(ticket));
    assert_eq!((table.used(), is_empty(&table)), (0, true));
}

#[test]
fn who_finds_no_room_counts_only_in_all() {
    let table = ConnectionTable::new(ConnectionSettings { slots: 8, ..ConnectionSettings::new(1_000, KEY) });
    let tickets: Vec<_> = (0..20).map(|host| table.open(addr(host), true, 1).unwrap()).collect();
    assert_eq!((table.used(), table.overflows(), table.bytes()), (20, 12, 128));
    tickets.into_iter().for_each(|ticket| table.close(ticket));
    assert_eq!((table.used(), is_empty(&table)), (0, true));
}

#[test]
fn racing_workers_leave_no_count_behind() {
    let table = ConnectionTable::new(ConnectionSettings { slots: 16, ..ConnectionSettings::new(64, KEY) });
    let most = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for worker in 0..4_u8 {
            let (table, most) = (&table, &most);
            scope.spawn(move || {
                let mut open: Vec<Ticket> = Vec::new();
                for step in 0..20_000_u32 {
                    let [_, _, mixed, _] = step.wrapping_mul(0x9E37_79B1).to_be_bytes();
                    if mixed % 3 == 0 {
                        open.pop().into_iter().for_each(|ticket| table.close(ticket));
                    } else {
                        open.extend(table.open(addr(mixed % 32), mixed % 2 == worker % 2, 1));
                    }
                    most.fetch_max(table.used(), Ordering::Relaxed);
                }
                open.into_iter().for_each(|ticket| table.close(ticket));
            });
        }
    });
    assert_eq!((table.used(), is_empty(&table), most.into_inner()), (0, true, 64));
}

proptest! {
    /// Against a naive model: the same refusals, and nothing left when all is closed.
    #[test]
    fn counts_agree_with_a_naive_model_and_return_to_zero(
        steps in proptest::collection::vec((0..6_u8, 0..3_u8, any::<bool>(), any::<bool>()), 1..300),
    ) {
        let settings =
            ConnectionSettings { per_address: 4, per_network: 9, slots: 256, ..ConnectionSettings::new(20, KEY) };
        let table = ConnectionTable::new(settings);
        let mut open: Vec<((u8, u8), bool, Ticket)> = Vec::new();
        let (mut addresses, mut networks, mut unhinted) = (BTreeMap::new(), BTreeMap::new(), 0);
        for (host, network, hinted, close) in steps {
            if close {
                if let Some((address, hinted, ticket)) = open.pop() {
                    table.close(ticket);
                    let (_, network) = address;
                    *addresses.entry(address).or_insert(0) -= 1;
                    *networks.entry(network).or_insert(0) -= 1;
                    unhinted -= u32::from(!hinted);
                }
                continue;
            }
            let result = table.open(Ipv4Addr::new(10, 0, network, host).into(), hinted, 1);
            let of_address = addresses.entry((host, network)).or_insert(0);
            let of_network = networks.entry(network).or_insert(0);
            let expected = if *of_address == 4 { Some(CapRefused::Address) }
                else if *of_network == 9 { Some(CapRefused::Network) }
                else if open.len() == 20 || (!hinted && unhinted == 14) { Some(CapRefused::Full) }
                else { None };
            prop_assert_eq!(result.as_ref().err().copied(), expected);
            if let Ok(ticket) = result {
                *of_address += 1;
                *of_network += 1;
                unhinted += u32::from(!hinted);
                open.push(((host, network), hinted, ticket));
            }
            prop_assert_eq!(table.used() as usize, open.len());
        }
        open.into_iter().for_each(|(_, _, ticket)| table.close(ticket));
        prop_assert_eq!(table.used(), 0);
        prop_assert!(is_empty(&table));
    }
}

/// Opens `<address> x<count>` connections, with a hint if the address begins with `hint:`.
#[track_caller]
fn check(max: u32, script: &str, expected: &str) {
    let table = ConnectionTable::new(ConnectionSettings::new(max, KEY));
    let lines = script.split(", ").map(|line| {
        let (who, count) = line.split_once(" x").unwrap();
        let addr: IpAddr = who.trim_start_matches("hint:").parse().unwrap();
        let hinted = who.starts_with("hint:");
        let count: usize = count.parse().unwrap();
        let results: Vec<_> = (0..count).map(|_| table.open(addr, hinted, 1)).collect();
        let opened = results.iter().filter(|result| result.is_ok()).count();
        let refused = results.iter().filter_map(|result| result.as_ref().err()).next();
        let words = [
            (opened > 0).then(|| format!("{opened} open")),
            refused.map(|refused| format!("{} {refused:?}", count - opened)),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    assert_eq!(lines.collect::<Vec<_>>().join("; "), expected);
}

fn addr(host: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, host).into()
}

fn is_empty(table: &ConnectionTable) -> bool {
    let cells = [&table.addresses, &table.networks].into_iter().flat_map(|counts| counts.buckets.iter());
    cells.flat_map(|bucket| &bucket.0).all(|cell| cell.load(Ordering::Relaxed) & super::COUNT_MAX == 0)
        && table.used.load(Ordering::Relaxed) == 0
}
