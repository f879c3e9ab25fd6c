use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{AccountId, Instant, Net, PassId};
use proptest::prelude::*;

use super::{Charge, Keys, Ladder, LadderSettings, Limited, Rate, Table, TableName, Trier};

const KEY: [u8; 16] = *b"a table's secret";

#[test]
fn an_address_has_its_burst_and_then_its_rate() {
    check(
        "0 192.0.2.1 x41, 200 192.0.2.1 x2",
        "40 pass, 1 address_limit 200 ms; 1 pass, 1 address_limit 200 ms",
    );
    check("0 2001:db8::1 x40, 0 2001:db8::2 x1", "40 pass; 1 address_limit 200 ms");
}

#[test]
fn each_wider_network_has_four_times_as_much() {
    check(
        "0 192.0.2.1 x40, 0 192.0.2.2 x40, 0 192.0.2.3 x40, 0 192.0.2.4 x40, 0 192.0.2.5 x1, 0 192.0.3.1 x1",
        "40 pass; 40 pass; 40 pass; 40 pass; 1 network_limit 50 ms; 1 pass",
    );
}

#[test]
fn a_pass_is_charged_to_itself_and_its_account_and_not_to_its_address() {
    check("0 pass:1/1 x201, 0 192.0.2.1 x1", "200 pass, 1 pass_limit 50 ms; 1 pass");
    check(
        "0 pass:1/9 x200, 0 pass:2/9 x200, 0 pass:3/9 x200, 0 pass:4/9 x200, 0 pass:5/9 x1",
        "200 pass; 200 pass; 200 pass; 200 pass; 1 account_limit 13 ms",
    );
}

#[test]
fn logins_are_limited_by_address_network_and_account_from_one_network() {
    check("0 login:192.0.2.1 x7", "6 pass, 1 login_limit 10000 ms");
    check(
        "0 login:192.0.2.1/7 x6, 0 login:192.0.2.9/7 x1, 0 login:198.51.100.1/7 x1",
        "5 pass, 1 account_login_limit 12000 ms; 1 account_login_limit 12000 ms; 1 pass",
    );
    let many = (1..=11).map(|host| format!("0 login:192.0.2.{host} x6")).collect::<Vec<_>>().join(", ");
    check(&many, &format!("{}6 login_limit 1000 ms", "6 pass; ".repeat(10)));
}

/// A site whose pages have 60 files: each of 100 visitors opens one every half minute.
fn visit(ladder: &Ladder, seconds: std::ops::Range<u64>, learns: bool) -> usize {
    let mut refused = 0;
    for second in seconds {
        for visitor in (0..100).filter(|visitor| (second + visitor * 7) % 30 == 0) {
            let keys = Keys::Address(IpAddr::from([10, 0, u8::try_from(visitor).unwrap(), 1]));
            for file in 0..60 {
                let now = Instant::from_secs(second) + Duration::from_micros(1_003 * file);
                refused += usize::from(ladder.charge(&keys, now, 1_000, 1).is_err());
                if learns {
                    ladder.learn(&keys, now, 1);
                }
            }
        }
        ladder.step();
    }
    refused
}

#[test]
fn calm_teaches_how_much_visitors_of_this_site_ask_for() {
    let settings = LadderSettings::new([KEY; TableName::COUNT]);
    let (ladder, untaught) = (Ladder::new(&settings), Ladder::new(&settings));
    assert!(visit(&untaught, 0..600, false) > 10_000, "more than the floors allow");
    assert_eq!(untaught.factors(), [256; 4]);
    visit(&ladder, 0..3_600, true);
    assert_eq!(visit(&ladder, 3_600..4_200, false), 0);
    let [address, near, wide, widest] = ladder.factors();
    // All files of a page are owed at its end, 60 of 40 and of 160: four times that.
    assert!((1_500..=1_900).contains(&address), "{address}");
    assert!((380..=480).contains(&near), "{near}");
    assert_eq!((wide, widest), (256, 256), "a hundred people are few for such a network");
    let next = Ladder::new(&settings);
    next.restore(&ladder.factors());
    assert_eq!(visit(&next, 0..600, false), 0, "the next process goes on with it");
}

#[test]
fn a_nat_factor_widens_the_limits_of_networks_and_not_of_passes() {
    let ladder = Ladder::new(&LadderSettings::new([KEY; TableName::COUNT]));
    let address = Keys::Address("192.0.2.1".parse().unwrap());
    let pass = Keys::Known { pass: PassId(1), account: AccountId(1) };
    let passed =
        |keys| (0..5_000).filter(|_| ladder.charge(keys, Instant::ORIGIN, 1_000, 64).is_ok()).count();
    assert_eq!(passed(&address), 40 * 64);
    assert_eq!(passed(&pass), 200);
}

#[test]
fn a_refusal_at_a_wide_rung_leaves_the_narrow_ones_as_they_were() {
    let fill = (1..=4).map(|host| format!("0 192.0.2.{host} x40")).collect::<Vec<_>>().join(", ");
    // The fifth address is refused by its network 1,000 times, and still has its own whole burst.
    check(
        &format!("{fill}, 0 192.0.2.5 x1000, 2500 192.0.2.5 x41"),
        "40 pass; 40 pass; 40 pass; 40 pass; 1000 network_limit 50 ms; 40 pass, 1 address_limit 200 ms",
    );
}

#[test]
fn an_account_tried_from_everywhere_waits_at_most_two_seconds_and_recovers() {
    let ladder = Ladder::new(&LadderSettings::new([KEY; TableName::COUNT]));
    let delay = |millis| ladder.login_delay(AccountId(5), Instant::from_millis(millis)).as_millis();
    assert!((0..20).all(|_| delay(0) == 0), "the burst waits for nothing");
    assert!((0..1_000).all(|_| delay(0) == 2_000), "the excess waits two seconds");
    assert_eq!(delay(6_000), 0, "six seconds after the attack the owner waits for nothing");
}

#[test]
fn a_hog_is_who_takes_more_than_the_quarter() {
    let ladder = Ladder::new(&LadderSettings::new([KEY; TableName::COUNT]));
    let quarter = Rate::per_second(100.0, 100.0);
    let hog = |host: u8, requests: u32| {
        let keys = Keys::Address(Ipv4Addr::new(192, 0, 2, host).into());
        (0..requests).filter(|_| ladder.is_hog(&keys, Instant::ORIGIN, 1_000, quarter)).count()
    };
    assert_eq!((hog(1, 100), hog(1, 50), hog(2, 100)), (0, 50, 0));
}

#[test]
fn a_key_without_room_shares_a_sixteenth_of_the_next_rung() {
    let mut settings = LadderSettings::new([KEY; TableName::COUNT]);
    settings.slots[TableName::Addresses.index()] = 4;
    let ladder = Ladder::new(&settings);
    let charge = |host: u8| {
        ladder.charge(&Keys::Address(Ipv4Addr::new(192, 0, 2, host).into()), Instant::ORIGIN, 1_000, 1)
    };
    assert!((1..=4).all(|host| charge(host).is_ok()), "four addresses have room");
    // A sixteenth of the /24's burst of 160 is 10, for all that have no room.
    assert!((5..=14).all(|host| charge(host).is_ok()));
    let refused = charge(15).unwrap_err();
    assert!(refused.overflow);
    assert_eq!(refused.to_string(), "above the limit (address_limit); the client may try again in 800 ms");
    assert!(charge(1).is_ok(), "who has an entry is not touched");
    assert_eq!(ladder.overflows(TableName::Addresses), 11);
}

#[test]
fn who_has_no_room_at_any_rung_still_shares_a_limit() {
    let settings =
        LadderSettings { slots: [4; TableName::COUNT], ..LadderSettings::new([KEY; TableName::COUNT]) };
    let ladder = Ladder::new(&settings);
    let charge = |n: u32| {
        let addr = IpAddr::V4(Ipv4Addr::from_bits(n.wrapping_mul(0x9E37_79B1)));
        ladder.charge(&Keys::Address(addr), Instant::ORIGIN, 1_000, 1)
    };
    let passed = (0..20_000).filter(|n| charge(*n).is_ok()).count();
    assert!((40..=4 + 320 / 16 * 8 + 160).contains(&passed), "{passed} passed");
    assert!(charge(99_999).unwrap_err().overflow);
}

#[test]
fn a_million_other_keys_never_refill_a_bucket() {
    let table = Table::new(1 << 10, KEY);
    let rate = Rate::per_second(1.0, 3.0);
    let charge = |key: u64| table.charge(&key, Instant::ORIGIN, 1_000, rate);
    assert!((0..3).all(|_| charge(u64::MAX) == Charge::Allowed));
    let roomless = (0..1 << 20).filter(|other| charge(*other) == Charge::NoRoom).count() as u64;
    assert!(matches!(charge(u64::MAX), Charge::Refused { .. }));
    assert_eq!(table.overflows(), roomless);
    assert!(roomless >= (1 << 20) - (1 << 10));
    assert_eq!(table.bytes(), 16 << 10);
}

#[test]
fn rates_out_of_range_are_cut_to_it() {
    for (rate, burst) in [(f64::NAN, f64::NAN), (-1.0, 0.0), (0.0, f64::NEG_INFINITY)] {
        assert_eq!(Rate::per_second(rate, burst), Rate::per_second(1.0 / 86_400.0, 1.0));
    }
    assert_eq!(Rate::per_second(f64::INFINITY, 5.0), Rate::per_second(1e6, 5.0));
    let widest = Rate::per_second(f64::INFINITY, f64::INFINITY).times(u32::MAX).times(0);
    assert_eq!(
        Table::new(0, KEY).charge(&1, Instant::from_nanos(u64::MAX), u32::MAX, widest),
        Charge::Allowed
    );
}

/// Several workers on few keys in a table too small for them: cells change owners all the time.
#[test]
fn workers_that_race_mint_nothing_worth_having() {
    const WORKERS: u64 = 4;
    const REQUESTS: u64 = 20_000;
    let table = Table::new(8, KEY);
    let clock = AtomicU64::new(0);
    let allowed: Vec<AtomicU64> = std::iter::repeat_with(AtomicU64::default).take(16).collect();
    let rate = Rate::per_second(1e5, 10.0);
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (table, clock, allowed) = (&table, &clock, &allowed);
            scope.spawn(move || {
                for request in 0..REQUESTS {
                    let now = Instant::from_nanos(clock.fetch_add(300, Ordering::Relaxed));
                    let key = (request.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) ^ worker;
                    if table.charge(&key, now, 1_000, rate) == Charge::Allowed {
                        allowed[usize::try_from(key).unwrap()].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let elapsed = clock.load(Ordering::Relaxed);
    let bound = 10 + elapsed / 10_000;
    for (key, allowed) in allowed.iter().enumerate() {
        let allowed = allowed.load(Ordering::Relaxed);
        assert!(allowed <= bound + bound / 20 + WORKERS, "key {key}: {allowed} allowed, {bound} at most");
    }
}

/// Workers that all charge one key at one moment: the burst, and at most one more for each worker but the first.
#[test]
fn workers_on_one_key_share_its_burst() {
    for round in 0..50_u64 {
        let table = Table::new(64, KEY);
        let rate = Rate::per_second(1.0, 100.0);
        let passed = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let allowed = (0..100).filter(|_| {
                        table.charge(&round, Instant::from_secs(round), 1_000, rate) == Charge::Allowed
                    });
                    passed.fetch_add(allowed.count() as u64, Ordering::Relaxed);
                });
            }
        });
        let passed = passed.into_inner();
        assert!((100..=103).contains(&passed), "round {round}: {passed}");
    }
}

proptest! {
    /// A table with little room answers as a map without bounds would, or says that it has no room.
    #[test]
    fn a_table_agrees_with_a_naive_model(
        steps in proptest::collection::vec((0..12_u64, 0..400_u64, 0..3_000_u32), 1..300),
        slots in 4..32_usize,
        per_second in 1.0..50.0_f64,
        burst in 1.0..10.0_f64,
    ) {
        let (unit, tolerance) = (1e9 / per_second, burst * 1e9 / per_second);
        let table = Table::new(slots, KEY);
        let rate = Rate::per_second(per_second, burst);
        let mut model = BTreeMap::<u64, f64>::new();
        let mut now_millis = 0;
        for (key, wait, cost) in steps {
            now_millis += wait;
            let now = now_millis as f64 * 1e6;
            let charge = table.charge(&key, Instant::from_millis(now_millis), cost, rate);
            let paid = model.entry(key).or_insert(0.0);
            let next = paid.max(now) + (unit * f64::from(cost) / 1e3).min(tolerance);
            let over = next - now - tolerance;
            match charge {
                Charge::Allowed => {
                    prop_assert!(over < 1e4 || cost == 0, "{key} allowed {over} ns above");
                    if cost > 0 { *paid = next; }
                }
                Charge::Refused { retry_after } => {
                    prop_assert!(over > -1e4);
                    prop_assert!((over - retry_after.as_nanos() as f64).abs() < 1e4);
                }
                Charge::NoRoom => prop_assert!(model.len() > 4, "four keys always have room"),
            }
        }
    }

    /// Whatever else is charged, and however little room there is, no key gets more than burst + rate × time.
    #[test]
    fn no_key_gets_more_than_burst_and_rate(
        steps in proptest::collection::vec((0..40_u64, 0..50_u64), 1..500),
        slots in 4..16_usize,
    ) {
        let table = Table::new(slots, KEY);
        let rate = Rate::per_second(10.0, 4.0);
        let mut allowed = BTreeMap::<u64, u64>::new();
        let mut millis = 0;
        for (key, wait) in steps {
            millis += wait;
            if table.charge(&key, Instant::from_millis(millis), 1_000, rate) == Charge::Allowed {
                *allowed.entry(key).or_default() += 1;
            }
        }
        prop_assert!(allowed.values().all(|count| *count <= 4 + millis / 100), "{allowed:?} in {millis} ms");
    }

    /// A ladder never lets an address or its network have more than their limits, overflow included.
    #[test]
    fn a_ladder_without_room_mints_nothing(
        steps in proptest::collection::vec((any::<u8>(), 0..4_u8, 0..100_u64), 1..400),
    ) {
        let settings = LadderSettings { slots: [8; TableName::COUNT], ..LadderSettings::new([KEY; TableName::COUNT]) };
        let ladder = Ladder::new(&settings);
        let mut millis = 0;
        let mut passed = BTreeMap::<u8, f64>::new();
        for (host, network, wait) in steps {
            millis += wait;
            let keys = Keys::Address(Ipv4Addr::new(198, 51, network, host).into());
            if ladder.charge(&keys, Instant::from_millis(millis), 1_000, 1).is_ok() {
                *passed.entry(network).or_default() += 1.0;
            }
        }
        let bound = 160.0 + 20.0 * millis as f64 / 1e3;
        prop_assert!(passed.values().all(|count| *count <= bound * 17.0 / 16.0), "{passed:?} of {bound}");
    }
}

/// Plays `<millis> <who> x<count>` lines against a ladder with the default limits. The only test code that knows how a
/// script is charged.
#[track_caller]
fn check(script: &str, expected: &str) {
    let ladder = Ladder::new(&LadderSettings::new([KEY; TableName::COUNT]));
    let lines = script.split(", ").map(|line| {
        let [at, who, count] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("`{line}` has no three words")
        };
        let now = Instant::from_millis(at.parse().unwrap());
        let count: usize = count.trim_start_matches('x').parse().unwrap();
        tell(&(0..count).map(|_| ask(&ladder, who, now)).collect::<Vec<_>>())
    });
    assert_eq!(lines.collect::<Vec<_>>().join("; "), expected);
}

fn ask(ladder: &Ladder, who: &str, now: Instant) -> Result<(), Limited> {
    if let Some(who) = who.strip_prefix("login:") {
        let (addr, account) =
            who.split_once('/').map_or((who, None), |(addr, account)| (addr, Some(account)));
        let account = account.map(|account| AccountId(account.parse().unwrap()));
        let addr = addr.parse().unwrap();
        return account
            .map_or(Ok(()), |account| ladder.login_account(Trier::Network(Net::network(addr)), account, now))
            .and_then(|()| ladder.logins(addr, now, 1, 1));
    }
    let keys = match who.strip_prefix("pass:").and_then(|who| who.split_once('/')) {
        Some((pass, account)) => {
            Keys::Known { pass: PassId(pass.parse().unwrap()), account: AccountId(account.parse().unwrap()) }
        }
        None => Keys::Address(who.parse().unwrap()),
    };
    ladder.charge(&keys, now, 1_000, 1)
}

/// `40 pass, 2 address_limit 200 ms`: one group for each run of like answers, with its first wait.
fn tell(results: &[Result<(), Limited>]) -> String {
    let same = |a: &Result<(), Limited>, b: &Result<(), Limited>| {
        a.err().map(|limited| limited.reason) == b.err().map(|limited| limited.reason)
    };
    let groups = results.chunk_by(same).map(|group| match group[0] {
        Ok(()) => format!("{} pass", group.len()),
        Err(Limited { reason, retry_after, .. }) => {
            let wait = retry_after + Duration::from_nanos(999_999);
            format!("{} {reason} {} ms", group.len(), wait.as_millis())
        }
    });
    groups.collect::<Vec<_>>().join(", ")
}
