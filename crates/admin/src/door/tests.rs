use proptest::prelude::*;

use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn at(seconds: u64) -> Moment {
    Moment { now: Instant::from_secs(seconds), wall: Timestamp::from_secs(1_795_876_200 + seconds) }
}

fn from(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn here() -> IpAddr {
    from("127.0.0.1")
}

#[test]
fn who_has_the_token_is_in_for_eight_hours_also_at_the_next_process() {
    let session = Door::new(TOKEN).log_in(TOKEN, here(), at(0)).unwrap();
    let later = Door::new(TOKEN);
    assert_eq!(later.session_of(&session.cookie, at(8 * 3_600 - 1).wall), Some(session.clone()));
    assert_eq!(later.session_of(&session.cookie, at(8 * 3_600).wall), None);
    assert!(!session.cookie.contains(TOKEN) && !session.form.contains(TOKEN));
}

#[test]
fn another_token_and_a_log_out_end_a_session() {
    let mut door = Door::new(TOKEN);
    let session = door.log_in(TOKEN, here(), at(0)).unwrap();
    assert_eq!(Door::new("another token of 32 letters here").session_of(&session.cookie, at(1).wall), None);
    door.log_out(&session);
    assert_eq!(door.session_of(&session.cookie, at(1).wall), None);
    let next = door.log_in(TOKEN, here(), at(2)).unwrap();
    assert!(door.session_of(&next.cookie, at(3).wall).is_some());
}

#[test]
fn a_cookie_that_was_not_given_out_is_none() {
    let door = Door::new(TOKEN);
    let good = Door::new(TOKEN).log_in(TOKEN, here(), at(0)).unwrap();
    let (began, signature) = good.cookie.split_once('.').unwrap();
    let later = began.parse::<u64>().unwrap() + 1;
    for cookie in [
        "",
        ".",
        began,
        &format!("{began}."),
        &format!("{later}.{signature}"),
        &format!("0{began}.{signature}"),
        &format!("{began}.{}", &signature[..20]),
        &format!("{began}.{signature}="),
        &format!("{began}.{}", good.form),
        &format!(" {}", good.cookie),
    ] {
        assert_eq!(door.session_of(cookie, at(1).wall), None, "{cookie}");
    }
    // A clock that was set back by more than a minute.
    assert_eq!(door.session_of(&good.cookie, at(0).wall.before(Duration::from_secs(61))), None);
}

#[test]
fn a_form_of_another_session_is_not_taken() {
    let mut door = Door::new(TOKEN);
    let [one, other] = [0, 1].map(|second| door.log_in(TOKEN, here(), at(second)).unwrap());
    assert!(one.sent(&one.form) && !one.sent(&other.form) && !one.sent("") && !one.sent(&one.cookie));
}

#[test]
fn after_five_wrong_tokens_there_is_a_pause_for_all_but_the_right_one() {
    let mut door = Door::new(TOKEN);
    for _ in 0..5 {
        assert_eq!(door.log_in("wrong", here(), at(0)), Err(Refused::Wrong));
    }
    assert_eq!(door.log_in("wrong", here(), at(3)), Err(Refused::TooMany(7)));
    assert_eq!(door.log_in("wrong", from("192.0.2.1"), at(3)), Err(Refused::Wrong), "others are not meant");
    assert!(door.log_in(TOKEN, here(), at(3)).is_ok());
    assert_eq!(door.log_in("wrong", here(), at(10)), Err(Refused::Wrong));
}

#[test]
fn one_network_of_ipv6_is_one_place_and_many_places_together_are_bounded() {
    let mut door = Door::new(TOKEN);
    for number in 0..5 {
        let place = from(&format!("2001:db8::{number:x}"));
        assert_eq!(door.log_in("wrong", place, at(0)), Err(Refused::Wrong));
    }
    assert!(matches!(door.log_in("wrong", from("2001:db8::99"), at(0)), Err(Refused::TooMany(_))));
    let tried = (0..500).filter(|number| {
        let place = from(&format!("2001:db8:{number:x}::1"));
        door.log_in("wrong", place, at(0)) == Err(Refused::Wrong)
    });
    assert_eq!(tried.count(), 45);
    assert!(door.log_in(TOKEN, from("2001:db8::99"), at(0)).is_ok(), "strangers lock nobody out");
}

#[test]
fn an_empty_token_opens_to_nobody() {
    assert_eq!(Door::new("").log_in("", here(), at(0)), Err(Refused::Wrong));
}

proptest! {
    /// Whatever happens in whatever order, no more is tried than the buckets hold and forget.
    #[test]
    fn tries_are_bounded(steps in proptest::collection::vec((0_u64..20, 0_u8..100), 1..200)) {
        let (mut door, mut now, mut tried) = (Door::new(TOKEN), 0, 0);
        for (wait, place) in steps {
            now += wait;
            let place = from(&format!("192.0.2.{place}"));
            tried += u64::from(door.log_in("wrong", place, at(now)) == Err(Refused::Wrong));
        }
        prop_assert!(tried <= 50 + now / 2, "{tried} in {now} s");
    }

    #[test]
    fn no_cookie_opens_by_chance(cookie in "[0-9]{1,14}\\.[A-Za-z0-9_-]{0,50}") {
        prop_assert_eq!(Door::new(TOKEN).session_of(&cookie, at(0).wall), None);
    }
}
