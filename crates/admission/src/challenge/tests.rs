use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn challenges() -> Challenges {
    Challenges::new(&[3; 32], [4; 16])
}

fn holder(address: &str) -> Holder<'_> {
    Holder { address: address.parse().unwrap(), user_agent: b"browser" }
}

fn text(given: Given) -> Option<String> {
    Some(given.set_cookie?.split(['=', ';']).nth(1)?.to_owned())
}

/// A client of its own address takes a challenge and answers it; whether it earned a ticket.
fn earns(challenges: &Challenges, kind: Kind, address: &str, at: u64) -> bool {
    let moments = |seconds| (Timestamp::from_secs(1_000_000 + seconds), Instant::from_secs(seconds));
    let (time, now) = moments(at);
    let given = challenges.give(kind, holder(address), 1, time, now);
    let (time, now) = moments(at + given.refresh_secs);
    let Some(text) = text(given) else { return false };
    let Came::Back(kind, number) = challenges.read(holder(address), text.as_bytes(), time) else {
        return false;
    };
    challenges.redeem(kind, number, holder(address), 1, time, now).is_some()
}

fn addresses(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("10.{}.{}.1", n >> 8, n & 255))
}

/// L of 100 and requests of 100 ms: 15 slots for T4, 3 s of service for a ticket, 5 tickets a second.
fn load(tickets: f64) -> Load {
    Load { share: 15.0, tickets: Some(tickets), request_seconds: 0.1 }
}

#[test]
fn no_more_tickets_are_given_than_their_tier_can_use() {
    let challenges = challenges();
    challenges.follow(load(0.0), Instant::from_secs(100));
    let count = |at| addresses(300).filter(|from| earns(&challenges, Kind::Cookie, from, at)).count();
    assert_eq!(count(100), 5, "at once");
    assert_eq!(count(160), 5);
    challenges.follow(load(15.0), Instant::from_secs(200));
    assert_eq!(count(220), 0, "their share is used");
    challenges.follow(Load { share: f64::INFINITY, ..load(15.0) }, Instant::from_secs(300));
    assert_eq!(count(320), 300, "nothing is known of the app yet");
}

#[test]
fn tickets_of_which_little_is_made_are_given_to_more_people() {
    let a_second = |requests_made: f64| {
        let challenges = challenges();
        let (mut last, mut given) = (0, 0);
        for at in 100..300_u64 {
            // What the holders of the tickets of the second before ask for is in service now.
            let tickets = f64::from(last) * requests_made * 0.1;
            challenges.follow(load(tickets), Instant::from_secs(at));
            let comers = (0..100).map(|n| format!("10.{}.{n}.1", at - 100));
            let earned = comers.filter(|from| earns(&challenges, Kind::Cookie, from, at)).count();
            last = u32::try_from(earned).unwrap();
            given += if at < 200 { 0 } else { last };
        }
        f64::from(given) / 100.0
    };
    let [much, usual, little, nothing] = [300.0, 20.0, 5.0, 0.1].map(a_second);
    assert!(much < 3.0, "their share is used: {much}");
    assert!((4.0..9.0).contains(&usual), "nearly all that they allow: {usual}");
    assert!((14.0..25.0).contains(&little), "a few pages: {little}");
    assert!((45.0..51.0).contains(&nothing), "hardly anything: ten times as many, and no more: {nothing}");
}

#[test]
fn once_their_share_was_used_tickets_count_in_full_for_as_long_as_they_live_also_in_a_successor() {
    let challenges = challenges();
    let follow =
        |challenges: &Challenges, at, tickets| challenges.follow(load(tickets), Instant::from_secs(at));
    let earned = |challenges: &Challenges, at: u64| {
        let comers = (0..200).map(|n| format!("10.{}.{n}.1", at % 250));
        comers.filter(|from| earns(challenges, Kind::Cookie, from, at)).count()
    };
    (100..110).for_each(|at| follow(&challenges, at, 14.9));
    let mut estate = Handover::default();
    challenges.hand_over(&mut estate, Instant::from_secs(110));
    let successor = self::challenges();
    successor.take_over(&estate, Instant::from_secs(110));
    // From here on nobody makes anything of tickets, and many are given.
    for next in [&challenges, &successor] {
        for at in 110..690 {
            follow(next, at, 0.0);
            assert!(earned(next, at) <= 5, "at {at}");
        }
        (690..730).for_each(|at| follow(next, at, 0.0));
        assert!(earned(next, 730) > 20, "{}", earned(next, 731));
    }
}

#[test]
fn what_holders_ask_for_is_not_known_while_tickets_put_nobody_first() {
    let challenges = challenges();
    for at in 100..200_u64 {
        challenges.follow(Load { tickets: None, ..load(0.0) }, Instant::from_secs(at));
        let comers = (0..100).map(|n| format!("10.{}.{n}.1", at - 100));
        assert!(comers.filter(|from| earns(&challenges, Kind::Cookie, from, at)).count() <= 5, "at {at}");
    }
}

#[test]
fn a_network_buys_sixty_tickets_a_minute() {
    let challenges = challenges();
    let hosts = (0..200).map(|host| format!("192.0.2.{host}"));
    assert_eq!(hosts.filter(|from| earns(&challenges, Kind::Cookie, from, 50)).count(), 60);
}

#[test]
fn a_third_is_kept_for_those_who_wait_while_others_only_keep_cookies() {
    let challenges = challenges();
    let follow = |at| challenges.follow(Load { share: 90.0, ..load(0.0) }, Instant::from_secs(at));
    challenges.give(Kind::Wait, holder("192.0.2.1"), 1, Timestamp::from_secs(1), Instant::from_secs(100));
    challenges.give(Kind::Cookie, holder("192.0.2.1"), 1, Timestamp::from_secs(1), Instant::from_secs(100));
    follow(100);
    let cookies = addresses(500).filter(|from| earns(&challenges, Kind::Cookie, from, 101)).count();
    assert_eq!(cookies, 20, "two thirds of 30");
    let waiting = addresses(500).filter(|from| earns(&challenges, Kind::Wait, from, 70)).count();
    assert!(waiting >= 10, "{waiting}");
}

#[test]
fn those_who_waited_are_drawn_evenly_and_not_by_speed() {
    let challenges = challenges();
    let moments = |at| (Timestamp::from_secs(1_000_000 + at), Instant::from_secs(at));
    let mut waiting: BTreeMap<u64, Vec<(String, String)>> = BTreeMap::new();
    let (mut earned, mut first_half) = (0, 0);
    for at in 100..220_u64 {
        let (time, now) = moments(at);
        // Their holders use them up.
        challenges.follow(load(14.9), now);
        let back = waiting.remove(&at).unwrap_or_default();
        for (place, (from, text)) in back.iter().enumerate() {
            let me = holder(from);
            let Came::Back(kind, number) = challenges.read(me, text.as_bytes(), time) else {
                panic!("{from}")
            };
            let won = challenges.redeem(kind, number, me, 1, time, now).is_some();
            earned += u32::from(won);
            first_half += u32::from(won && place < back.len() / 2);
        }
        for from in (0..50).map(|n| format!("10.{at}.{n}.1")) {
            let given = challenges.give(Kind::Wait, holder(&from), 1, time, now);
            let due = at + given.refresh_secs;
            waiting.entry(due).or_default().push((from, text(given).unwrap()));
        }
    }
    // 50 a second come, and there are 5 for them: about one of ten is drawn, whoever comes first.
    let drawn = f64::from(challenges.mint.drawn()) / f64::from(u32::MAX);
    assert!((0.07..0.15).contains(&drawn), "{drawn}");
    assert!((300..=545).contains(&earned), "{earned}");
    let share = f64::from(first_half) / f64::from(earned);
    assert!((0.4..0.65).contains(&share), "{share}");
}

/// Five people a second come from everywhere, and from so many networks of 65,536 addresses each so many of those. Ten tickets a
/// second are given. Tickets of people, of networks, and people, in the last minute of two.
fn people_beside(networks: u64, each: u64) -> [u32; 3] {
    let challenges = challenges();
    let mut waiting: BTreeMap<u64, Vec<(bool, String, String)>> = BTreeMap::new();
    let (mut earned, mut people) = ([0; 2], 0);
    for at in 100..220_u64 {
        let (time, now) = (Timestamp::from_secs(1_000_000 + at), Instant::from_secs(at));
        // Their holders use them up.
        challenges.follow(Load { share: 30.0, tickets: Some(29.9), request_seconds: 0.1 }, now);
        let mut back = waiting.remove(&at).unwrap_or_default();
        // Nobody comes first in every second.
        back.sort_by_key(|(is_person, ..)| *is_person == (at % 2 == 0));
        for (is_person, from, text) in back {
            let me = holder(&from);
            let Came::Back(kind, number) = challenges.read(me, text.as_bytes(), time) else {
                panic!("{from}")
            };
            let won = challenges.redeem(kind, number, me, 1, time, now).is_some();
            earned[usize::from(!is_person)] += u32::from(won && at >= 160);
            people += u32::from(is_person && at >= 160);
        }
        let bot = |n: u64| format!("2001:db8:{:x}:{:x}::1", n % networks, (at - 100) * each + n / networks);
        let bots = (0..networks * each).map(|n| (false, bot(n)));
        let comers = bots.chain((0..5).map(|n| (true, format!("10.{}.{n}.1", at - 100))));
        for (is_person, from) in comers {
            let given = challenges.give(Kind::Wait, holder(&from), 1, time, now);
            let due = at + given.refresh_secs;
            // A few of many find no room to wait.
            if let Some(text) = text(given) {
                waiting.entry(due).or_default().push((is_person, from, text));
            }
        }
    }
    [earned[0], earned[1], people]
}

#[test]
fn a_network_that_comes_back_a_thousandfold_takes_no_more_of_the_draw_than_its_rate() {
    let [of_people, of_network, people] = people_beside(1, 300);
    assert!(people > 250 && of_people * 10 >= people * 9, "{of_people} of {people}");
    assert!(of_network <= 61, "{of_network}");
}

/// Where networks may have more than there is, what they do not win must not let them try again and again.
#[test]
fn many_such_networks_count_as_much_as_they_may_have_each() {
    let [of_people, of_networks, people] = people_beside(15, 20);
    // Twenty tries a second for ten tickets, which are given one by one.
    assert!(of_people * 3 >= people, "{of_people} of {people}");
    let all = of_people + of_networks;
    assert!((480..=615).contains(&all), "{all}: most of ten a second for a minute");
}

#[test]
fn an_address_that_comes_back_all_the_time_leaves_room_for_the_tickets_of_others() {
    let challenges = challenges();
    let earned =
        (0..30_000).filter(|n| earns(&challenges, Kind::Cookie, "192.0.2.1", 100 + n / 3_000)).count();
    assert_eq!(earned, 6);
    assert_eq!(addresses(200).filter(|from| earns(&challenges, Kind::Cookie, from, 110)).count(), 200);
    assert!(challenges.overflows().iter().all(|(_, times)| *times == 0), "{:?}", challenges.overflows());
}

#[test]
fn a_network_of_many_addresses_leaves_room_for_the_tickets_of_others() {
    let challenges = challenges();
    let from = |n: u64| format!("2001:db8:1:{n:x}::1");
    let earned = (0..40_000).filter(|n| earns(&challenges, Kind::Cookie, &from(*n), 100 + n / 8_000)).count();
    assert!((60..=65).contains(&earned), "{earned}");
    assert_eq!(addresses(200).filter(|from| earns(&challenges, Kind::Cookie, from, 105)).count(), 200);
    assert!(challenges.overflows().iter().all(|(_, times)| *times == 0), "{:?}", challenges.overflows());
}

#[test]
fn people_in_a_network_that_has_had_its_tickets_do_not_ignore_challenges() {
    let challenges = challenges();
    let hosts = || (0..200).map(|host| format!("192.0.2.{host}"));
    assert_eq!(hosts().filter(|from| earns(&challenges, Kind::Cookie, from, 50)).count(), 60);
    assert!(!challenges.are_ignored(holder("192.0.2.1"), Instant::from_secs(50)));
}

#[test]
fn whoever_finds_no_room_is_counted() {
    let challenges = challenges();
    let now = Instant::from_secs(110);
    for number in 0..200_000_u128 {
        challenges.used.charge(&number, now, 1_000, once());
    }
    let before = challenges.overflows();
    let refused = 200 - addresses(200).filter(|from| earns(&challenges, Kind::Cookie, from, 110)).count();
    let after = challenges.overflows();
    assert!(refused > 100, "{refused}");
    assert_eq!((after[0].0, after[0].1 - before[0].1), ("used", refused as u64));
}

#[test]
fn an_address_with_many_people_behind_it_waits_in_as_many_places() {
    let challenges = challenges();
    let given = |factor| {
        let (time, now) = (Timestamp::from_secs(500), Instant::from_secs(u64::from(factor) * 1_000));
        (0..20)
            .filter(|_| text(challenges.give(Kind::Wait, holder("192.0.2.1"), factor, time, now)).is_some())
            .count()
    };
    assert_eq!(given(1), 1);
    assert!((3..=12).contains(&given(6)));
}

#[test]
fn a_challenge_can_be_answered_in_its_time_alone() {
    let challenges = challenges();
    let (time, now) = (Timestamp::from_secs(5_000), Instant::from_secs(10));
    let me = holder("192.0.2.1");
    let cookie = text(challenges.give(Kind::Cookie, me, 1, time, now)).unwrap();
    let waiting = text(challenges.give(Kind::Wait, me, 1, time, now)).unwrap();
    let read = |text: &str, at| challenges.read(me, text.as_bytes(), Timestamp::from_secs(at));
    assert!(matches!(read(&cookie, 5_060), Came::Back(Kind::Cookie, _)));
    assert_eq!(read(&cookie, 5_061), Came::Empty);
    assert_eq!(read(&cookie, 4_999), Came::Empty, "from the future");
    assert!(matches!(read(&waiting, 5_009), Came::Early(1..)));
    assert!(matches!(read(&waiting, 5_030), Came::Back(Kind::Wait, _)));
    assert_eq!(read(&waiting, 5_061), Came::Empty);
}

#[test]
fn what_a_ticket_is_for_is_what_was_signed_and_not_the_digit_before_it() {
    let challenges = challenges();
    let (time, now) = (Timestamp::from_secs(5_000), Instant::from_secs(10));
    let me = holder("192.0.2.1");
    let cookie = text(challenges.give(Kind::Cookie, me, 1, time, now)).unwrap();
    let waiting = text(challenges.give(Kind::Wait, me, 1, time, now)).unwrap();
    for (given, digit) in [(cookie, '3'), (waiting, '4')] {
        let rest = given.strip_prefix(digit).unwrap();
        for other in ('0'..='9').filter(|other| *other != digit) {
            let renamed = format!("{other}{rest}");
            assert_eq!(challenges.read(me, renamed.as_bytes(), time), Came::Empty, "{renamed}");
            assert_eq!(challenges.visit(b"browser", renamed.as_bytes(), time), None, "{renamed}");
        }
        assert_eq!(challenges.read(me, rest.as_bytes(), time), Came::Empty, "{rest}");
    }
}

proptest! {
    #[test]
    fn arbitrary_cookies_never_panic_and_never_count(
        bytes in prop::collection::vec(any::<u8>(), 0..64), near in "[0-9][A-Za-z0-9_=-]{30,34}", time in any::<u64>(),
    ) {
        let challenges = challenges();
        for text in [&bytes[..], near.as_bytes()] {
            let time = Timestamp::from_millis(time);
            prop_assert_eq!(challenges.read(holder("192.0.2.1"), text, time), Came::Empty);
            prop_assert_eq!(challenges.visit(b"browser", text, time), None);
        }
    }

    /// Whatever comes from where and when: no address, no network and not all together get more than their rates.
    #[test]
    fn the_rates_of_tickets_hold(
        steps in prop::collection::vec((0_u64..4, 0_usize..3, 0_usize..40, any::<bool>()), 50..300), factor in 1_u32..3,
    ) {
        let challenges = challenges();
        let (mut at, mut earned) = (100, BTreeMap::<(usize, usize), f64>::new());
        for (pause, network, host, waits) in steps {
            at += pause;
            let (time, now) = (Timestamp::from_secs(1_000_000 + at), Instant::from_secs(at));
            challenges.follow(load(0.0), now);
            // Many hosts of one network, and few who come often.
            let host = if waits { host } else { host % 3 };
            let from = format!("192.0.{network}.{host}");
            let given = text(challenges.give(Kind::Cookie, holder(&from), factor, time, now)).unwrap();
            let Came::Back(kind, number) = challenges.read(holder(&from), given.as_bytes(), time) else {
                return Err(TestCaseError::fail("a good ticket"));
            };
            if challenges.redeem(kind, number, holder(&from), factor, time, now).is_some() {
                *earned.entry((network, host)).or_default() += 1.0;
            }
        }
        let (minutes, factor) = (f64::from(u32::try_from(at - 100).unwrap()) / 60.0, f64::from(factor));
        for (who, &tickets) in &earned {
            prop_assert!(tickets <= 6.0 * factor * (1.0 + minutes) + 1e-6, "{:?} {}", who, tickets);
        }
        for network in 0..3 {
            let tickets: f64 = earned.iter().filter(|((there, _), _)| *there == network).map(|(_, n)| n).sum();
            prop_assert!(tickets <= 60.0 * factor * (1.0 + minutes) + 1e-6, "{}", tickets);
        }
        let all: f64 = earned.values().sum();
        prop_assert!(all <= 5.0 * (1.0 + minutes * 60.0) + 1e-6, "{}", all);
    }

    #[test]
    fn a_challenge_is_redeemed_once_in_any_order(order in prop::collection::vec(0_usize..4, 1..30)) {
        let challenges = challenges();
        let (time, now) = (Timestamp::from_secs(5_000), Instant::from_secs(10));
        let hosts = ["192.0.2.1", "192.0.3.1", "192.0.4.1", "192.0.5.1"];
        let texts = hosts.map(|host| text(challenges.give(Kind::Cookie, holder(host), 1, time, now)).unwrap());
        let mut earned = [0; 4];
        for which in order {
            let me = holder(hosts[which]);
            let Came::Back(kind, number) = challenges.read(me, texts[which].as_bytes(), time) else {
                return Err(TestCaseError::fail("a good ticket"));
            };
            earned[which] += u32::from(challenges.redeem(kind, number, me, 1, time, now).is_some());
        }
        prop_assert!(earned.iter().all(|&times| times <= 1), "{:?}", earned);
    }
}
