//! Alerts: each waits until somebody has it, once for each receiver, and leaves when it is old.

use super::*;

#[test]
fn what_nobody_has_yet_is_there_after_a_restart_in_order_and_with_its_tries() {
    let mut stage = Stage::new();
    stage.record(["a.1", "a.2", "a.3", "b.4"].map(|key| delivery("pager", key, 10)));
    stage.record([delivery("chat", "a.1", 10)]);
    stage.record([
        attempt("pager", "a.1", 1, 0),
        attempt("pager", "a.1", 2, 1),
        attempt("pager", "a.2", 1, 0),
    ]);
    stage.record([attempt("pager", "a.3", 1, 2), attempt("chat", "a.1", 0, 3)]);
    stage.restart();
    let waiting: Vec<_> =
        stage.loaded.deliveries.iter().map(|row| (&*row.receiver, &*row.key, row.attempts)).collect();
    assert_eq!(waiting, [("pager", "a.2", 1), ("pager", "b.4", 0)]);
    let tries = stage.reader().attempts(SITE, 3).unwrap();
    let tries: Vec<_> = tries.iter().map(|row| (&*row.receiver, &*row.key, row.number, row.state)).collect();
    assert_eq!(tries, [("chat", "a.1", 0, 3), ("pager", "a.3", 1, 2), ("pager", "a.2", 1, 0)]);
}

#[test]
fn the_first_tries_of_a_time_come_oldest_first_with_their_numbers() {
    let stage = Stage::new();
    stage.record([
        attempt("pager", "a.1", 1, 0),
        attempt("chat", "a.1", 1, 1),
        attempt("pager", "a.1", 2, 1),
    ]);
    let of = |limit| stage.reader().first_attempts(SITE, EVERYTHING, limit).unwrap();
    let told: Vec<_> = of(9).iter().map(|(id, row)| (*id, row.receiver.to_string(), row.state)).collect();
    assert_eq!(told, [(1, "pager".into(), 0), (2, "chat".into(), 1), (3, "pager".into(), 1)]);
    assert_eq!(of(1).len(), 1);
    let none = Window { since: Timestamp::default(), until: of(1)[0].1.at };
    assert_eq!(stage.reader().first_attempts(SITE, none, 9).unwrap(), []);
}

#[test]
fn of_two_messages_with_one_key_the_first_counts() {
    let mut stage = Stage::new();
    stage.record([delivery("pager", "a.1", 10), attempt("pager", "a.1", 1, 1), delivery("pager", "a.1", 99)]);
    stage.restart();
    assert!(stage.loaded.deliveries.is_empty(), "{:?}", stage.loaded.deliveries);
    assert_eq!(stage.count("deliveries"), 1);
}

#[test]
fn what_has_come_to_its_end_stays_there_whatever_another_process_tried_before() {
    let mut stage = Stage::new();
    stage.record([
        delivery("pager", "a.1", 10),
        attempt("pager", "a.1", 2, 1),
        attempt("pager", "a.1", 1, 0),
    ]);
    stage.restart();
    assert!(stage.loaded.deliveries.is_empty(), "{:?}", stage.loaded.deliveries);
    assert_eq!(stage.reader().attempts(SITE, 9).unwrap().len(), 2, "both are shown");
}

#[test]
fn a_message_beyond_its_limits_is_refused_and_an_old_one_is_forgotten() {
    let stage = Stage::new();
    assert!(!stage.journal().record(delivery("pager", &"k".repeat(DELIVERY_KEY_BYTES_MAX + 1), 1)));
    stage.record([
        delivery("pager", "a.1", 10),
        delivery("pager", "a.2", DAY),
        attempt("pager", "a.1", 1, 1),
    ]);
    stage.sweep(90 * DAY + 11);
    assert_eq!((stage.count("deliveries"), stage.count("attempts")), (1, 0));
}

fn delivery(receiver: &str, key: &str, seconds: u64) -> Row {
    Row::Delivery(DeliveryRow {
        site: SITE,
        receiver: receiver.into(),
        key: key.into(),
        at: Timestamp::from_secs(seconds),
        bytes: Box::from(*b"{}"),
        attempts: 0,
    })
}

fn attempt(receiver: &str, key: &str, number: u32, state: u8) -> Row {
    Row::Attempt(AttemptRow {
        site: SITE,
        receiver: receiver.into(),
        key: key.into(),
        number,
        at: Timestamp::from_secs(10),
        state,
        why: "it does not answer".into(),
    })
}
