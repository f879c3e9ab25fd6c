use std::time::Duration;

use model::{AccountId, Instant, Net, PassId, SiteId, Tier, Timestamp};
use proptest::prelude::*;

use super::registry::Row;
use super::*;

const DAY: u64 = 86_400;

fn keys() -> PassKeys {
    PassKeys::new(&[(1, [1; 32]), (2, [2; 32])])
}

fn pass(id: u128, issued_secs: u64) -> Pass {
    Pass {
        site: SiteId(0),
        id: PassId(id),
        issued: Timestamp::from_secs(issued_secs),
        account: AccountId(9),
        in_incident: false,
    }
}

fn net(index: u32) -> Net {
    Net::network(std::net::Ipv4Addr::from_bits(0xC000_0200 + index * 256).into())
}

proptest! {
    #[test]
    fn what_is_sealed_is_opened(site: u16, id: u128, account: u128, issued in 0_u64..1 << 50, in_incident: bool) {
        let pass = Pass { site: SiteId(site), id: PassId(id), issued: Timestamp::from_millis(issued), account: AccountId(account), in_incident };
        prop_assert_eq!(keys().open(keys().seal(&pass).as_str().as_bytes()), Ok(pass));
    }

    #[test]
    fn any_changed_bit_is_refused(at in 0..83_usize, bit in 0..8_u8) {
        let mut text = keys().seal(&pass(7, 1)).as_str().as_bytes().to_vec();
        text[at] ^= 1 << bit;
        prop_assert!(keys().open(&text).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ignored = keys().open(&bytes);
    }

    #[test]
    fn a_jump_of_the_wall_clock_ages_nobody(steps in proptest::collection::vec((0_u64..5_000, 0_u64..4_000_000_000), 1..50)) {
        let begin = Timestamp::from_secs(1_700_000_000);
        let mut clock = PassClock::resume(None, begin);
        let (mut now, mut last, mut calls) = (0, begin, 0);
        for (millis, wall) in steps {
            now += millis;
            calls += 1;
            let time = clock.tick(Instant::from_millis(now), Timestamp::from_secs(wall));
            prop_assert!(time >= last);
            // Never faster than the monotonic clock, but for a second a call.
            prop_assert!(time.since(begin) <= Duration::from_millis(now + calls * 1_000));
            last = time;
        }
    }
}

#[test]
fn a_rotated_key_still_opens_and_a_foreign_one_never_does() {
    let old = PassKeys::new(&[(1, [1; 32])]).seal(&pass(7, 1));
    assert!(keys().open(old.as_str().as_bytes()).is_ok());
    assert_eq!(PassKeys::new(&[(1, [9; 32])]).open(old.as_str().as_bytes()), Err(PassError::Forged));
    assert_eq!(PassKeys::new(&[(3, [1; 32])]).open(old.as_str().as_bytes()), Err(PassError::Forged));
}

#[test]
fn a_pass_ages_into_the_better_tier() {
    let table = PassTable::new(64, [1; 16]);
    let tier = |pass: &Pass, time, trusted| {
        table.use_pass(pass, None, Timestamp::from_secs(time), trusted).unwrap().tier
    };
    let young = pass(1, 10 * DAY);
    assert_eq!(tier(&young, 11 * DAY - 1, true), Tier::T2);
    assert_eq!(tier(&young, 11 * DAY, true), Tier::T1);
    assert_eq!(tier(&young, 12 * DAY, false), Tier::T2, "on plain http it could be anybody's");
    assert_eq!(tier(&young, 9 * DAY, true), Tier::T2, "from the future");
    assert_eq!(tier(&Pass { in_incident: true, ..young }, 20 * DAY, true), Tier::T2);
}

#[test]
fn a_stolen_pass_shared_by_a_thousand_addresses_still_serves_its_owner() {
    let table = PassTable::new(64, [1; 16]);
    let (stolen, time) = (pass(1, 0), Timestamp::from_secs(10 * DAY));
    table.relogin(stolen.id, Some(net(0)), time);
    let tiers = (1..1_000).map(|thief| table.use_pass(&stolen, Some(net(thief)), time, true).unwrap().tier);
    let worth = tiers.filter(|&tier| tier == Tier::T1).count();
    assert!(worth <= 8, "{worth} thieves were taken for the owner");
    let owner = table.use_pass(&stolen, Some(net(0)), time, true).unwrap();
    assert_eq!((owner.tier, owner.half_budget), (Tier::T1, true));
    table.relogin(stolen.id, Some(net(5_000)), time);
    assert_eq!(table.use_pass(&stolen, Some(net(5_000)), time, true).unwrap().tier, Tier::T1);
}

#[test]
fn a_traveller_is_no_thief() {
    let table = PassTable::new(64, [1; 16]);
    let mine = pass(1, 0);
    for stop in 0..50 {
        let time = Timestamp::from_secs(10 * DAY + u64::from(stop) * 120);
        assert_eq!(table.use_pass(&mine, Some(net(stop)), time, true).unwrap().tier, Tier::T1, "stop {stop}");
    }
}

#[test]
fn a_revoked_pass_is_nothing() {
    let table = PassTable::new(64, [1; 16]);
    table.revoke(PassId(1));
    assert_eq!(table.use_pass(&pass(1, 0), None, Timestamp::from_secs(10 * DAY), true), None);
    assert!(table.use_pass(&pass(2, 0), None, Timestamp::from_secs(10 * DAY), true).is_some());
}

#[test]
fn a_ninth_pass_replaces_the_youngest_but_never_one_of_age() {
    let mut registry = Registry::new(100);
    let mut mint = |id: u128, secs: u64| {
        registry
            .mint(SiteId(0), AccountId(1), PassId(id), Way::Header, false, Timestamp::from_secs(secs))
            .replaced
    };
    for id in 0..7 {
        assert_eq!(mint(id, u64::try_from(id).unwrap()), None);
    }
    assert_eq!(mint(7, 2 * DAY), None);
    assert_eq!(mint(8, 2 * DAY + 1), Some(PassId(7)), "the youngest");
    assert_eq!(mint(9, 2 * DAY + 2), Some(PassId(8)));
    assert_eq!(mint(10, 4 * DAY), Some(PassId(0)), "all are of age: the longest unused");
}

/// One account that signs in again and again without its pass: when its age begins, and whether it bears the mark of
/// an incident.
fn ages(logins: &[(u64, bool)]) -> Vec<(u64, bool)> {
    let mut registry = Registry::new(100);
    let mut ids = 0..;
    let mint = |&(secs, in_incident): &(u64, bool)| {
        let (id, time) = (PassId(ids.next().unwrap()), Timestamp::from_secs(secs));
        let pass = registry.mint(SiteId(0), AccountId(1), id, Way::Login, in_incident, time).pass;
        (pass.issued.as_secs(), pass.in_incident)
    };
    logins.iter().map(mint).collect()
}

#[test]
fn logging_in_again_does_not_rejuvenate_an_account() {
    assert_eq!(ages(&[(5, false), (3 * DAY, false)]), [(5, false); 2]);
    assert_eq!(ages(&[(5, false), (3 * DAY, true)]), [(5, false); 2], "known before the incident");
}

#[test]
fn signing_in_twice_in_an_incident_does_not_wash_its_mark_off() {
    assert_eq!(ages(&[(5, true), (60, true), (2 * DAY, true)]), [(5, true); 3]);
    let after = ages(&[(5, true), (2 * DAY, false), (4 * DAY, false)]);
    assert_eq!(after, [(5, true), (2 * DAY, false), (2 * DAY, false)], "the age begins after it");
}

#[test]
fn a_pass_of_an_incident_comes_of_age_a_day_after_the_incident() {
    let table = PassTable::new(64, [1; 16]);
    let marked = Pass { in_incident: true, ..pass(1, 10 * DAY) };
    let tier = |secs| table.use_pass(&marked, None, Timestamp::from_secs(secs), true).unwrap().tier;
    table.note_level(true, Timestamp::from_secs(10 * DAY - 60));
    assert_eq!(tier(12 * DAY), Tier::T2, "it lasts");
    table.note_level(false, Timestamp::from_secs(12 * DAY));
    assert_eq!(tier(13 * DAY - 1), Tier::T2);
    assert_eq!(tier(13 * DAY), Tier::T1);
    table.note_level(true, Timestamp::from_secs(14 * DAY));
    assert_eq!(tier(14 * DAY), Tier::T1, "a later incident takes nothing back");
}

#[test]
fn a_phone_with_two_networks_is_at_home_in_both_when_its_pass_is_stolen() {
    let table = PassTable::new(64, [1; 16]);
    let mine = pass(1, 0);
    let use_at = |network, secs| {
        table.use_pass(&mine, Some(net(network)), Timestamp::from_secs(10 * DAY + secs), true).unwrap()
    };
    for minute in 0..5 {
        use_at(0, minute * 60);
        use_at(1, minute * 60 + 5);
    }
    (100..1_100).for_each(|thief| assert!(!use_at(thief, 3_600).half_budget));
    for home in [0, 1] {
        assert_eq!(use_at(home, 3_601), Standing { tier: Tier::T1, half_budget: true }, "home {home}");
    }
    let served = (100..1_100).filter(|&thief| use_at(thief, 3_602).tier != Tier::T5).count();
    assert_eq!(served, 0);
}

/// The rules for an account's passes as the contract words them, over a plain list: (id, minted, last seen).
#[derive(Default)]
struct Eight(Vec<(u128, u64, u64)>);

impl Eight {
    fn mint(&mut self, id: u128, now: u64) -> Option<u128> {
        let mut leaves = None;
        if self.0.len() == 8 {
            let youngest = *self.0.iter().max_by_key(|&&(id, minted, _)| (minted, id)).unwrap();
            let unused = *self.0.iter().min_by_key(|&&(id, _, seen)| (seen, id)).unwrap();
            let gone = if now - youngest.1 < DAY { youngest } else { unused };
            self.0.retain(|&there| there != gone);
            leaves = Some(gone.0);
        }
        self.0.push((id, now, now));
        leaves
    }
}

proptest! {
    #[test]
    fn a_ninth_pass_follows_the_contract(acts in proptest::collection::vec((0_u64..DAY / 2, any::<bool>(), 0_usize..8), 1..60)) {
        let (mut registry, mut model, mut now) = (Registry::new(100), Eight::default(), 40 * DAY);
        for (id, (pause, mints, which)) in (0_u128..).zip(acts) {
            now += pause;
            let time = Timestamp::from_secs(now);
            if mints || model.0.is_empty() {
                let minted = registry.mint(SiteId(0), AccountId(1), PassId(id), Way::Login, false, time);
                prop_assert_eq!(minted.replaced.map(|id| id.0), model.mint(id, now));
            } else {
                let at = which % model.0.len();
                let used = Pass { id: PassId(model.0[at].0), ..pass(0, 0) };
                registry.confirm(&Pass { account: AccountId(1), ..used }, Way::Header, time);
                model.0[at].2 = now;
            }
            prop_assert!(registry.of(AccountId(1)).count() == model.0.len());
        }
    }

    #[test]
    fn rows_that_are_taken_back_leave_out_the_youngest(firsts in proptest::collection::vec(0_u64..3 * DAY, 1..60)) {
        let mut registry = Registry::new(16);
        let row = |(n, &first): (usize, &u64)| Row {
            id: PassId(n as u128), account: AccountId(n as u128), first_confirmed: Timestamp::from_secs(first),
            minted: Timestamp::from_secs(first), last_seen: Timestamp::from_secs(3 * DAY), way: Way::Header, in_incident: false,
        };
        registry.restore(firsts.iter().enumerate().map(row));
        let aged = firsts.iter().filter(|&&first| first <= 2 * DAY).count();
        let kept = registry.rows_behind(None).filter(|row| row.first_confirmed <= Timestamp::from_secs(2 * DAY)).count();
        prop_assert_eq!(kept, aged.min(16), "a T1 left for a T2");
        prop_assert_eq!(registry.count(), firsts.len().min(16));
    }
}

proptest! {
    #[test]
    fn the_registry_never_grows_beyond_its_bound_and_keeps_the_aged(acts in proptest::collection::vec((0_u128..40, 0_u64..DAY), 1..200)) {
        let mut registry = Registry::new(16);
        let aged = (0..8).map(|n| Row {
            id: PassId(1_000 + n), account: AccountId(500 + n), first_confirmed: Timestamp::default(), minted: Timestamp::default(),
            last_seen: Timestamp::from_secs(30 * DAY), way: Way::Header, in_incident: false,
        });
        registry.restore(aged);
        for (n, (account, secs)) in acts.into_iter().enumerate() {
            registry.mint(SiteId(0), AccountId(account), PassId(n as u128), Way::Login, false, Timestamp::from_secs(40 * DAY + secs));
            prop_assert!(registry.count() <= 16);
        }
        let left = registry.rows_behind(None).filter(|row| row.first_confirmed == Timestamp::default()).count();
        prop_assert_eq!(left, 8, "a T1 had to leave for a T2");
    }
}

#[test]
fn coverage_counts_last_weeks_clients_and_says_who_is_young() {
    let mut registry = Registry::new(100);
    let now = Timestamp::from_secs(30 * DAY);
    registry.mint(SiteId(0), AccountId(1), PassId(1), Way::Header, false, Timestamp::from_secs(25 * DAY));
    registry.mint(
        SiteId(0),
        AccountId(2),
        PassId(2),
        Way::Header,
        false,
        Timestamp::from_secs(30 * DAY - 60),
    );
    registry.mint(SiteId(0), AccountId(3), PassId(3), Way::Header, false, Timestamp::from_secs(2 * DAY));
    let Coverage { confirmed, aged, young } = registry.coverage(now);
    assert_eq!((confirmed, aged, young), (2, 1, 1));
}

#[test]
fn whoever_lost_a_pass_this_week_is_not_covered() {
    let mut registry = Registry::new(100);
    for device in 0..10 {
        registry.mint(
            SiteId(0),
            AccountId(1),
            PassId(device),
            Way::Header,
            false,
            Timestamp::from_secs(30 * DAY),
        );
    }
    let covered = |day| {
        let coverage = registry.coverage(Timestamp::from_secs(day * DAY));
        (coverage.confirmed, coverage.aged + coverage.young)
    };
    assert_eq!(covered(31), (10, 8));
    assert_eq!(covered(40), (0, 0), "last week's customers only");
}

#[test]
fn a_revoked_pass_has_no_row_and_its_owner_is_not_covered() {
    let mut registry = Registry::new(100);
    let time = Timestamp::from_secs(30 * DAY);
    for device in 0..3 {
        registry.mint(SiteId(0), AccountId(1), PassId(device), Way::Header, false, time);
    }
    assert_eq!([registry.revoke(PassId(1)), registry.revoke(PassId(1))], [true, false]);
    let ids = |after| registry.rows_behind(after).map(|row| row.id.0).collect::<Vec<_>>();
    assert_eq!((ids(None), ids(Some(PassId(0))), ids(Some(PassId(2)))), (vec![0, 2], vec![2], vec![]));
    assert_eq!(registry.of(AccountId(1)).count(), 2);
    let Coverage { confirmed, aged, young } = registry.coverage(time);
    assert_eq!((confirmed, aged + young), (3, 2));
}

#[test]
fn a_registry_full_of_customers_of_age_keeps_them_all() {
    let mut registry = Registry::new(8);
    for n in 0..8 {
        registry.mint(SiteId(0), AccountId(n), PassId(n), Way::Header, false, Timestamp::from_secs(DAY));
    }
    let minted =
        registry.mint(SiteId(0), AccountId(9), PassId(9), Way::Header, false, Timestamp::from_secs(3 * DAY));
    assert_eq!((registry.count(), minted.replaced), (8, None));
    assert_eq!(registry.of(AccountId(9)).count(), 0, "its pass is good by its MAC, without a row");
}
