//! Subscribers of the page: there after a restart, gone without a trace when they leave.

use super::*;
use crate::journal::{ADDRESS_BYTES_MAX, NewsRow, SubscriberRow, ToldRow};

#[test]
fn people_news_and_who_heard_what_are_there_after_a_restart() {
    let mut stage = Stage::new();
    stage.record([person(1, "ann@shop.example", 10), person(2, "bob@shop.example", 10)]);
    stage.record([news(1, 20), told(1, "inc", 1, 20), told(2, "inc", 0, 20), news(2, 30), news(2, 99)]);
    stage.record([told(1, "inc", 2, 30), person(2, "bob@shop.example", 11)]);
    stage.restart();
    let people: Vec<_> =
        stage.loaded.subscribers.iter().map(|row| (&*row.address, row.since.as_secs())).collect();
    assert_eq!(people, [("ann@shop.example", 10), ("bob@shop.example", 11)]);
    let news: Vec<_> = stage.loaded.news.iter().map(|row| (row.seq, row.at.as_secs())).collect();
    assert_eq!(news, [(2, 30), (1, 20)], "of two with one number the first counts");
    let mut told: Vec<_> = stage.loaded.told.iter().map(|row| (row.subscriber[0], row.seq)).collect();
    told.sort_unstable();
    assert_eq!(told, [(1, 2), (2, 0)]);
}

#[test]
fn whoever_leaves_is_in_neither_file_nor_log_and_a_late_note_brings_nothing_back() {
    let mut stage = Stage::new();
    let address = "someone-to-forget@shop.example";
    stage.record((0..200).map(|number| person(number, &format!("reader-{number}@shop.example"), 10)));
    stage.record([person(201, address, 10), told(201, "inc", 1, 20)]);
    // It is written again, as when a mail was refused.
    stage.record([person(201, address, 11)]);
    stage.record([person(201, address, 12)]);
    stage.record([Row::SubscriberGone { site: SITE, id: [201; 16] }]);
    stage.record([told(201, "inc", 2, 30)]);
    for suffix in ["", "-wal"] {
        let path = format!("{}{suffix}", stage.path().display());
        let bytes = fs::read(path).unwrap_or_default();
        let is_there = bytes.windows(address.len()).any(|part| part == address.as_bytes());
        assert!(!is_there, "it is in the journal{suffix}");
    }
    assert_eq!(stage.count("told"), 0);
    stage.restart();
    assert_eq!(stage.loaded.subscribers.len(), 200);
}

#[test]
fn what_is_too_long_is_refused_and_what_was_told_is_forgotten_after_three_days() {
    let stage = Stage::new();
    let long = format!("{}@shop.example", "a".repeat(ADDRESS_BYTES_MAX));
    assert!(!stage.journal().record(person(1, &long, 10)));
    stage.record([person(1, "ann@shop.example", 10), news(1, 10), news(2, DAY), told(1, "inc", 1, 10)]);
    stage.sweep(3 * DAY + 11);
    assert_eq!((stage.count("news"), stage.count("told"), stage.count("subscribers")), (1, 0, 1));
}

fn person(number: u8, address: &str, seconds: u64) -> Row {
    Row::Subscriber(SubscriberRow {
        site: SITE,
        id: [number; 16],
        since: Timestamp::from_secs(seconds),
        refusals: 0,
        address: address.into(),
        chosen: "".into(),
    })
}

fn news(seq: u64, seconds: u64) -> Row {
    Row::News(NewsRow { site: SITE, seq, at: Timestamp::from_secs(seconds), bytes: Box::from(*b"{}") })
}

fn told(number: u8, subject: &str, seq: u64, seconds: u64) -> Row {
    Row::Told(ToldRow {
        site: SITE,
        subscriber: [number; 16],
        subject: subject.into(),
        seq,
        attempts: 0,
        at: Timestamp::from_secs(seconds),
        state: 1,
        why: "".into(),
    })
}
