use super::shares::{Claim, Counts, ORDER, Shares};
use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

mod list;

#[test]
fn a_free_slot_is_taken_at_once_and_a_full_gate_refuses() {
    check(
        "0 limit 10, 0 take unknown 12, 0 take known 1, 0 take login 1, 0 take admin 2",
        // 9.5 slots may be lent; login's own share is one slot, and one of the 5 % that are never lent is left for it.
        "unknown 10/12, known 0/1, login 0/1, admin 2/2",
    );
    check(
        "600 limit 10, 600 take unknown 12, 600 take known 1, 600 take login 1, 600 take admin 2",
        "unknown 9/12, known 1/1, login 0/1, admin 2/2",
    );
}

#[test]
fn a_freed_slot_goes_to_known_before_unknown_and_to_the_oldest_of_them() {
    check(
        "0 limit 20, 0 calm, 0 take unknown 20, 0 wait unknown a, 1 wait known b, 2 wait known c, \
         3 release unknown, 4 release unknown, 5 release unknown",
        "unknown 19/20, a waits, b waits, b granted, c waits, c granted, a granted",
    );
}

#[test]
fn in_calm_unknown_clients_are_served_oldest_first() {
    check(
        "0 limit 16, 0 calm, 0 take unknown 16, 0 wait unknown a, 10 wait unknown b, 30 wait unknown c, \
         35 release unknown, 36 release unknown, 37 release unknown, 38 look",
        "unknown 16/16, a waits, b waits, c waits, a granted, b granted, c granted",
    );
}

#[test]
fn in_calm_everybody_waits_up_to_three_seconds() {
    check(
        "0 limit 20, 0 calm, 0 take known 20, 0 wait known a, 0 wait known b, 2990 release known, \
         3000 release known",
        "known 19/20, a waits, b waits, a granted, b expired",
    );
}

#[test]
fn outside_calm_the_newest_is_served_once_the_oldest_is_late_and_the_late_are_dropped() {
    check(
        "0 limit 16, 0 take unknown 16, 0 wait unknown a, 10 wait unknown b, 19 wait unknown c, \
         21 release unknown, 22 release unknown, 41 release unknown, 51 look",
        "unknown 16/16, a waits, b waits, c waits, c granted, b granted, a expired",
    );
}

#[test]
fn known_clients_wait_up_to_a_second_outside_calm() {
    check(
        "0 limit 20, 0 take known 20, 0 wait known a, 0 wait known b, 990 release known, 1000 release known",
        "known 19/20, a waits, b waits, a granted, b expired",
    );
}

#[test]
fn who_left_is_skipped_and_leaks_no_place() {
    let mut script = "0 limit 20, 0 take known 20".to_owned();
    for round in 0..200 {
        write!(script, ", 1 wait known w{round}, 1 abandon w{round}").unwrap();
    }
    script.push_str(", 2 wait known z, 3 release known, 4 take known 1, 4 count");
    let waits: String = (0..200).map(|round| format!("w{round} waits, ")).collect();
    let end = "z waits, z granted, known 0/1, total 19 waiting 0";
    check(&script, &format!("known 19/20, {waits}{end}"));
}

#[test]
fn raising_the_limit_serves_those_who_wait() {
    check("0 limit 8, 0 take known 8, 0 wait known a, 5 limit 10", "known 8/8, a waits, a granted");
}

#[test]
fn places_are_bounded() {
    let slots = Slots::new(64);
    slots.set_limit(8.0, Instant::ORIGIN, &mut |_| {});
    let late = Instant::from_secs(9);
    let take =
        |group, calm| (0..500).filter(|_| slots.enqueue(group, calm, Instant::ORIGIN, late).is_ok()).count();
    assert_eq!(take(Group::Unknown, false), 4, "L/2 for the impatient together");
    assert_eq!(take(Group::Ticket, false), 0);
    assert_eq!(take(Group::Known, false), 32, "half of the places there are");
    assert_eq!(take(Group::Admin, false), 0, "admins need not wait");
}

#[test]
fn known_clients_have_ten_places_for_each_slot() {
    for (limit, known, calm) in [(2.0, 64, 64), (40.0, 400, 80)] {
        let slots = Slots::new(4_096);
        slots.set_limit(limit, Instant::ORIGIN, &mut |_| {});
        let late = Instant::from_secs(9);
        let take =
            |group| (0..1_000).filter(|_| slots.enqueue(group, true, Instant::ORIGIN, late).is_ok()).count();
        assert_eq!([take(Group::Known), take(Group::Unknown)], [known, calm], "L is {limit}");
    }
}

#[test]
fn a_slot_returned_twice_is_not_taken_from_another_group() {
    let counts = Counts(0).plus(Group::Login).unwrap();
    assert_eq!(counts.minus(Group::Known), None);
    assert_eq!(counts.minus(Group::Login), Some(Counts(0)));
}

#[test]
fn a_limit_that_is_no_number_changes_nothing() {
    let slots = Slots::new(64);
    slots.set_limit(12.0, Instant::ORIGIN, &mut |_| {});
    slots.set_limit(f64::NAN, Instant::ORIGIN, &mut |_| {});
    assert_eq!(slots.limit(), 12.0);
    slots.set_limit(-3.0, Instant::ORIGIN, &mut |_| {});
    assert_eq!(slots.limit(), 1.0);
}

/// Everybody wants everything, all the time: what does each group get, in slots on average?
#[test]
fn small_limits_keep_the_proportions_of_the_shares() {
    for limit in [8.0, 12.5, 16.0, 100.0] {
        let held = hold_everything(limit, [Group::Known, Group::Login, Group::Ticket, Group::Unknown]);
        assert!(held[Group::Known.index()] >= 0.78 * limit, "known {held:?} of {limit}");
        assert!(held[Group::Login.index()] >= f64::max(0.9, 0.072 * limit), "login {held:?} of {limit}");
        let unknown = held[Group::Unknown.index()];
        assert!((0.035 * limit..0.075 * limit).contains(&unknown), "unknown {held:?} of {limit}");
        assert!(held.iter().sum::<f64>() <= limit + 0.1, "{held:?} of {limit}");
    }
}

#[test]
fn an_admin_can_keep_more_for_those_who_sign_in() {
    let groups = [Group::Known, Group::Login, Group::Ticket, Group::Unknown];
    for (share, kept) in [(0.16, 16.0), (0.20, 20.0), (0.50, 20.0), (0.01, 8.0)] {
        let slots = Slots::new(4_096).with_login_share(share);
        let held = held_of(&slots, 100.0, groups);
        let (login, known) = (held[Group::Login.index()], held[Group::Known.index()]);
        assert!((kept - 0.5..=kept + 0.5).contains(&login), "{share}: {held:?}");
        assert!(known >= 88.0 - kept, "{share}: {held:?}");
        assert!(slots.lane_slots() >= kept - 0.001, "{share}");
    }
}

#[test]
fn idle_shares_are_lent_but_for_five_percent() {
    for limit in [8.0, 12.5, 100.0] {
        let unknown = hold_everything(limit, [Group::Unknown; 4])[Group::Unknown.index()];
        assert!((0.93 * limit..0.98 * limit).contains(&unknown), "unknown alone holds {unknown} of {limit}");
        let ticket = hold_everything(limit, [Group::Ticket; 4])[Group::Ticket.index()];
        assert!((0.14 * limit..0.17 * limit + 0.1).contains(&ticket), "tickets hold {ticket} of {limit}");
    }
}

#[test]
fn known_clients_get_81_percent_within_one_service_time_of_asking() {
    let slots = Slots::new(4_096);
    slots.set_limit(100.0, Instant::ORIGIN, &mut |_| {});
    while slots.try_acquire(Group::Unknown, Instant::ORIGIN) {}
    while slots.try_acquire(Group::Known, Instant::ORIGIN) {}
    let at_once = slots.inflight(Group::Known);
    for _ in 0..100 {
        slots.enqueue(Group::Known, false, Instant::ORIGIN, Instant::from_secs(1)).unwrap();
    }
    while slots.inflight(Group::Unknown) > 4 {
        slots.release(Group::Unknown, Instant::from_millis(40), &mut |_| {});
    }
    assert_eq!((at_once, slots.inflight(Group::Known)), (5, 91), "5 % at once, the rest as it comes back");
}

/// The narrowest moment: a slot is reserved for somebody who has waited too long, and while it is, somebody else
/// comes, finds no slot free and settles down to wait. Played on one thread, inside the wake-up of who waited too long.
#[test]
fn who_comes_while_a_slot_is_reserved_in_vain_is_served_all_the_same() {
    let slots = Slots::new(64);
    let (begin, later) = (Instant::ORIGIN, Instant::from_millis(50));
    slots.set_limit(2.0, begin, &mut |_| {});
    assert!(slots.try_acquire(Group::Unknown, begin) && slots.try_acquire(Group::Unknown, begin));
    let late = slots.enqueue(Group::Unknown, false, begin, Instant::from_secs(1)).unwrap();
    let mut newcomer = None;
    slots.release(Group::Unknown, later, &mut |woken| {
        if woken == late {
            assert!(!slots.try_acquire(Group::Known, later), "reserved at this moment");
            newcomer = slots.enqueue(Group::Known, false, later, Instant::from_secs(1)).ok();
            slots.dispatch(later, &mut |_| panic!("no slot is free"));
        }
    });
    assert_eq!(slots.poll(&newcomer.unwrap(), later), Progress::Granted);
    assert_eq!(slots.poll(&late, later), Progress::Expired);
}

#[test]
fn no_wake_up_is_lost_between_threads() {
    const THREADS: usize = 4;
    const ROUNDS: u32 = 10_000;
    let slots = Slots::new(64);
    slots.set_limit(2.0, Instant::ORIGIN, &mut |_| {});
    let woken: Vec<AtomicBool> = (0..64).map(|_| AtomicBool::new(false)).collect();
    let wake = |place: Place| woken[place.index()].store(true, SeqCst);
    let groups = [Group::Known, Group::Unknown, Group::Login, Group::Known];
    std::thread::scope(|scope| {
        for (thread, group) in groups.into_iter().enumerate().take(THREADS) {
            let (slots, woken) = (&slots, &woken);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    if take_or_wait(slots, woken, group, round) {
                        slots.release(group, Instant::ORIGIN, &mut { wake });
                    }
                    assert!(slots.total() <= 2, "thread {thread} round {round}");
                }
            });
        }
    });
    assert_eq!(slots.total(), 0);
    assert_eq!(Group::ALL.map(|group| slots.waiting(group)), [0; 5]);
    assert_eq!([&slots.known, &slots.login, &slots.unknown].map(Ring::taken), [0; 3]);
}

/// Waits for the wake-up alone, without polling meanwhile; every seventh leaves the queue instead.
fn take_or_wait(slots: &Slots, woken: &[AtomicBool], group: Group, round: u32) -> bool {
    let wake = |place: Place| woken[place.index()].store(true, SeqCst);
    if slots.try_acquire(group, Instant::ORIGIN) {
        return true;
    }
    let Ok(place) = slots.enqueue(group, true, Instant::ORIGIN, Instant::from_secs(1)) else { return false };
    woken[place.index()].store(false, SeqCst);
    slots.dispatch(Instant::ORIGIN, &mut { wake });
    // A grant before the flag was cleared is seen here, as the shell's poll after registering would see it.
    if slots.poll(&place, Instant::ORIGIN) == Progress::Granted {
        return true;
    }
    if round.is_multiple_of(7) {
        slots.abandon(place, Instant::ORIGIN, &mut { wake });
        return false;
    }
    for _ in 0..5_000_000 {
        // A wake-up may be meant for who had the place before: then the wait goes on.
        if woken[place.index()].swap(false, SeqCst)
            && slots.poll(&place, Instant::ORIGIN) == Progress::Granted
        {
            return true;
        }
        std::thread::yield_now();
    }
    panic!("{group:?} was never woken in round {round}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nobody_is_served_beyond_the_limit_and_no_share_is_taken_away(
        held in prop::array::uniform4(0_u32..60), admins in 0_u32..5, limit in 1.0..100.0_f64, millis in 0_u64..2_000,
        login_share in LOGIN_SHARE..LOGIN_MOST,
    ) {
        let mut counts = Counts(0);
        for (group, many) in Group::ALL[1..].iter().zip(held) {
            for _ in 0..many {
                counts = counts.plus(*group).unwrap();
            }
        }
        let now = Instant::from_millis(millis);
        let shares = Shares { counts, admins, limit, login_share, only_tickets: false, now };
        let used = f64::from(counts.sum() + admins);
        for group in Group::ALL.into_iter().filter(|&group| group != Group::Admin) {
            if shares.allow(group, Claim::Any) {
                prop_assert!(used < limit.ceil());
            }
            // A claim on better ground is never refused where a worse one is granted.
            prop_assert!(!shares.allow(group, Claim::Own) || shares.allow(group, Claim::Any));
        }
        if used + 1.0 <= limit {
            prop_assert!(counts.of(Group::Login) >= 1 || shares.allow(Group::Login, Claim::Own));
            let half = (0.5 * limit).floor();
            prop_assert!(f64::from(counts.of(Group::Known)) >= half || shares.allow(Group::Known, Claim::Own));
        }
        if counts.sum() + admins == 0 {
            prop_assert!(Group::ALL.into_iter().all(|group| shares.allow(group, Claim::Any)), "idle serves all");
        }
        prop_assert!(shares.allow(Group::Admin, Claim::Any));
    }
}

/// Average slots held by each group over 40 s in which these groups want as many as they can get, for 40 ms each.
fn hold_everything(limit: f64, groups: [Group; 4]) -> [f64; Group::COUNT] {
    held_of(&Slots::new(4_096), limit, groups)
}

fn held_of(slots: &Slots, limit: f64, groups: [Group; 4]) -> [f64; Group::COUNT] {
    slots.set_limit(limit, Instant::ORIGIN, &mut |_| {});
    let mut ends: Vec<(u64, Group)> = Vec::new();
    let mut sums = [0_u32; Group::COUNT];
    for millis in 0..40_000 {
        let now = Instant::from_millis(millis);
        ends.retain(|&(end, group)| {
            if end <= millis {
                slots.give_back(group);
            }
            end > millis
        });
        // As the queue would serve them if there were always somebody of each group in it.
        while let Some((group, _)) = ORDER
            .into_iter()
            .find(|&(group, claim)| groups.contains(&group) && slots.reserve(group, claim, now))
        {
            ends.push((millis + 40, group));
        }
        for group in Group::ALL {
            sums[group.index()] += slots.inflight(group);
        }
    }
    sums.map(|sum| f64::from(sum) / 40_000.0)
}

/// Plays a script of `<milliseconds> <act>` against slots, and compares what was said.
#[track_caller]
fn check(script: &str, expected: &str) {
    let mut log = Vec::new();
    let (slots, mut calm) = (Slots::new(256), false);
    let mut places: Vec<(String, Place)> = Vec::new();
    for line in script.split(", ") {
        let words: Vec<&str> = line.split_whitespace().collect();
        let now = Instant::from_millis(words[0].parse().unwrap());
        let mut ignore = |_| {};
        match words[1..] {
            ["limit", limit] => slots.set_limit(limit.parse().unwrap(), now, &mut ignore),
            ["calm"] => calm = true,
            ["look"] => {}
            ["take", name, many] => {
                let many: usize = many.parse().unwrap();
                let got = (0..many).filter(|_| slots.try_acquire(group(name), now)).count();
                log.push(format!("{name} {got}/{many}"));
            }
            ["wait", name, id] => {
                let place = slots.enqueue(group(name), calm, now, Instant::from_secs(9)).unwrap();
                slots.dispatch(now, &mut ignore);
                places.push((id.to_owned(), place));
                log.push(format!("{id} waits"));
            }
            ["release", name] => slots.release(group(name), now, &mut ignore),
            ["abandon", id] => {
                let at = places.iter().position(|(name, _)| name == id);
                at.inspect(|&at| slots.abandon(places.remove(at).1, now, &mut ignore));
            }
            ["count"] => {
                let waiting: u32 = Group::ALL.into_iter().map(|group| slots.waiting(group)).sum();
                log.push(format!("total {} waiting {waiting}", slots.total()));
            }
            _ => panic!("no act is called `{line}`"),
        }
        places.retain(|(id, place)| {
            let progress = slots.poll(place, now);
            if progress != Progress::Waiting {
                log.push(format!("{id} {}", format!("{progress:?}").to_lowercase()));
            }
            progress == Progress::Waiting
        });
    }
    assert_eq!(log.join(", "), expected);
}

fn group(name: &str) -> Group {
    Group::ALL
        .into_iter()
        .find(|group| format!("{group:?}").to_lowercase() == name)
        .unwrap_or_else(|| panic!("no group is called `{name}`"))
}
