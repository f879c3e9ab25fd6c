use std::net::{IpAddr, Ipv4Addr};

use model::{Net, PassId, Timestamp};
use proptest::prelude::*;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::{NatRow, NatTable, Seed};

const KEY: [u8; 16] = *b"a table's secret";
const DAY: u64 = 86_400;

#[test]
fn nobody_known_means_a_factor_of_one_and_no_hint() {
    check("day 0 nobody", "1 unhinted");
    check("day 0 passes 1", "1 hinted");
}

#[test]
fn the_factor_follows_the_passes_and_ends_at_64() {
    check("day 0 passes 20", "10 hinted");
    check("day 0 passes 3000", "64 hinted");
}

#[test]
fn a_week_is_remembered_and_two_are_not() {
    for day in 0..4 {
        check(&format!("day {day} passes 20, day {} nobody", day + 7), "10 hinted; 10 hinted");
        check(&format!("day {day} passes 20, day {} nobody", day + 11), "10 hinted; 1 unhinted");
    }
}

#[test]
fn a_named_network_is_never_forgotten_until_it_is_unnamed() {
    check("day 0 named 60, day 400 nobody, day 400 named 0", "30 hinted; 30 hinted; 1 unhinted");
    check("day 0 named 60, day 0 passes 20", "30 hinted; 30 hinted");
}

#[test]
fn an_import_counts_like_passes_and_expires() {
    check("day 0 imported 60, day 7 nobody, day 14 nobody", "30 hinted; 30 hinted; 1 unhinted");
    check("day 0 imported 4000", "64 hinted");
    check("day 0 passes 20, day 6 imported 20, day 12 nobody", "10 hinted; 10 hinted; 10 hinted");
    check("day 0 passes 40, day 6 imported 20, day 12 nobody", "20 hinted; 20 hinted; 10 hinted");
}

#[test]
fn a_clock_set_back_by_some_days_forgets_nothing() {
    check("day 30 passes 20, day 25 nobody", "10 hinted; 10 hinted");
}

#[test]
fn a_full_table_keeps_what_was_seen_in_these_days_and_what_is_named() {
    let table = NatTable::new(4, KEY);
    let wall = Timestamp::from_secs(20_000 * DAY);
    table.seed(net(0), 10, Seed::Named);
    (1..=4).for_each(|n| table.saw(net(n), PassId(1), wall));
    assert_eq!(table.overflows(), 1, "three learnt networks fit beside the named one");
    let later = Timestamp::from_secs(20_004 * DAY);
    table.saw(net(9), PassId(1), later);
    assert_eq!(table.overflows(), 1);
    assert!(table.is_hinted(net(9), later) && table.is_hinted(net(0), later));
    assert_eq!((1..=4).filter(|n| table.is_hinted(net(*n), later)).count(), 2);
    table.seed(net(10), 30, Seed::Named);
    assert_eq!((table.factor(net(10), later), table.bytes()), (15, 256));
}

#[test]
fn loopback_and_damaged_rows_are_not_mistaken_for_unused_cells() {
    let table = NatTable::new(4, KEY);
    let wall = Timestamp::from_secs(20_000 * DAY);
    let loopback = Net::network("::1".parse().unwrap());
    assert!(!table.is_hinted(loopback, wall));
    table.saw(loopback, PassId(1), wall);
    assert!(table.is_hinted(loopback, wall));
    let damaged =
        [0, u64::MAX].map(|network| NatRow { network, generations: [5_714; 3], bits: [u128::MAX; 3] });
    table.restore(&damaged, wall);
    assert_eq!((table.rows(wall).len(), table.factor(loopback, wall)), (1, 1));
}

/// Linear counting with 128 bits has a standard error of 7 % at 128; this is measured over fixed seeds.
#[test]
fn the_estimate_is_within_a_quarter_up_to_128_passes() {
    let mut outside = Vec::new();
    for passes in (4..=128_u32).step_by(4) {
        for seed in 0..50 {
            let table = NatTable::new(4, KEY);
            let mut random = Pcg64::seed_from_u64(seed * 1_000 + u64::from(passes));
            (0..passes).for_each(|_| table.saw(net(1), pass(&mut random), Timestamp::default()));
            let estimate = table.people[table.find(net(1)).unwrap().seen(1).count_ones() as usize];
            let off = f64::from(estimate) - f64::from(passes);
            if off.abs() > (f64::from(passes) / 4.0).max(2.0) {
                outside.push((passes, estimate));
            }
        }
    }
    assert!(outside.len() <= 1_600 / 200, "{outside:?}");
}

proptest! {
    /// More passes never lower the factor, other networks never change it, and a restart keeps it.
    #[test]
    fn the_factor_only_grows_with_passes_and_survives_a_restart(
        sightings in proptest::collection::vec((0..3_u8, any::<u128>(), 0..6 * DAY), 1..200),
    ) {
        let table = NatTable::new(64, KEY);
        let start = 20_000 * DAY;
        let end = Timestamp::from_secs(start + 6 * DAY);
        let mut factors = [1; 3];
        for (network, id, at) in sightings {
            table.saw(net(network), PassId(id), Timestamp::from_secs(start + at));
            for (n, factor) in (0..).zip(&mut factors) {
                let now = table.factor(net(n), end);
                prop_assert!(now == *factor || (n == network && now > *factor));
                *factor = now;
            }
        }
        let restarted = NatTable::new(64, *b"another's secret");
        restarted.restore(&table.rows(end), end);
        restarted.restore(&table.rows(end), end);
        for n in 0..3 {
            prop_assert_eq!(restarted.factor(net(n), end), table.factor(net(n), end));
            prop_assert_eq!(restarted.is_hinted(net(n), end), table.is_hinted(net(n), end));
        }
    }

    /// Rows of any content and clocks of any value neither panic nor give more than the largest factor.
    #[test]
    fn damaged_rows_do_no_harm(
        network: u64, generations: [u16; 3], bits: [u128; 3], secs: u64, people: u32,
    ) {
        let table = NatTable::new(4, KEY);
        let wall = Timestamp::from_secs(secs);
        table.restore(&[NatRow { network, generations, bits }], wall);
        table.seed(net(1), people, Seed::Imported(wall));
        prop_assert!((1..=64).contains(&table.factor(net(1), wall)));
    }
}

/// Plays `day <n> <what> [count]` lines on one network and tells factor and hint after each.
#[track_caller]
fn check(script: &str, expected: &str) {
    let table = NatTable::new(64, KEY);
    let mut random = Pcg64::seed_from_u64(1);
    let lines = script.split(", ").map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let wall = Timestamp::from_secs((20_000 + words[1].parse::<u64>().unwrap()) * DAY);
        let count = words.get(3).map_or(0, |count| count.parse::<u32>().unwrap());
        match words[2] {
            "nobody" => {}
            "passes" => (0..count).for_each(|_| table.saw(net(1), pass(&mut random), wall)),
            "named" => table.seed(net(1), count, Seed::Named),
            "imported" => table.seed(net(1), count, Seed::Imported(wall)),
            what => panic!("`{what}` is nothing that can happen"),
        }
        let hint = if table.is_hinted(net(1), wall) { "hinted" } else { "unhinted" };
        format!("{} {hint}", table.factor(net(1), wall))
    });
    assert_eq!(lines.collect::<Vec<_>>().join("; "), expected);
}

fn net(third: u8) -> Net {
    Net::network(IpAddr::V4(Ipv4Addr::new(198, 51, third, 7)))
}

fn pass(random: &mut Pcg64) -> PassId {
    PassId(u128::from(random.next_u64()) << 64 | u128::from(random.next_u64()))
}
