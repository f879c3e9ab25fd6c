use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::attempt::Answer;
use crate::target::{Aim, How};

fn target(shows: Shows) -> Target {
    Target {
        name: "front page".to_owned(),
        aim: Aim { host: "shop.example".to_owned(), port: 443, how: How::Tls },
        shows,
        every: Duration::from_secs(5),
        within: Duration::from_secs(3),
        certificate_left: Duration::from_secs(14 * 86_400),
    }
}

fn attempt(second: u64, outcome: Result<Answer, Failure>) -> Attempt {
    Attempt {
        began: Timestamp::from_secs(second),
        ended: Instant::from_secs(second),
        took: Duration::from_millis(20),
        outcome,
    }
}

fn failed(second: u64) -> Attempt {
    attempt(second, Err(Failure::Status(502)))
}

fn good(second: u64) -> Attempt {
    attempt(second, Ok(Answer::default()))
}

/// `.` is a good answer and `x` is none, one each second; the verdicts after each.
fn verdicts(script: &str) -> String {
    let mut board = Board::new(vec![target(Shows::Public)]);
    let letter = |(second, outcome)| {
        let second = second as u64;
        board.take(0, if outcome == '.' { good(second) } else { failed(second) });
        match board.reading(Shows::Public, Instant::from_secs(second)).verdict {
            Verdict::Unknown => '?',
            Verdict::Up => 'u',
            Verdict::Degraded => 'g',
            Verdict::Down => 'd',
        }
    };
    script.chars().enumerate().map(letter).collect()
}

#[test]
fn one_failure_tells_little_three_tell_and_two_good_answers_end_it() {
    assert_eq!(verdicts("...."), "uuuu");
    assert_eq!(verdicts("xxxx"), "??dd");
    assert_eq!(verdicts("..xxx.x.."), "uuggddddu");
    assert_eq!(verdicts("..xxx..."), "uuggdduu");
    assert_eq!(verdicts(".x.x....."), "ugggggggu");
    assert_eq!(verdicts("x."), "?g");
}

#[test]
fn down_is_since_the_first_attempt_that_failed() {
    let mut board = Board::new(vec![target(Shows::Public)]);
    for second in [10, 15, 16] {
        board.take(0, failed(second));
    }
    let reading = board.reading(Shows::Public, Instant::from_secs(17));
    assert_eq!((reading.verdict, reading.since), (Verdict::Down, Timestamp::from_secs(10)));
}

#[test]
fn a_site_is_down_when_all_of_its_targets_are() {
    let mut board = Board::new(vec![target(Shows::Public), target(Shows::Public), target(Shows::App)]);
    let now = Instant::from_secs(20);
    for second in [10, 11, 12] {
        board.take(0, failed(second));
        board.take(2, good(second));
    }
    board.take(1, good(12));
    let reading = board.reading(Shows::Public, now);
    assert_eq!((reading.verdict, reading.is_partly_down), (Verdict::Degraded, true));
    for second in [13, 14, 15] {
        board.take(1, failed(second));
    }
    let reading = board.reading(Shows::Public, now);
    assert_eq!(
        (reading.verdict, reading.since, reading.is_partly_down),
        (Verdict::Down, Timestamp::from_secs(13), false)
    );
    assert_eq!(board.reading(Shows::App, now).verdict, Verdict::Up);
}

fn aimed(shows: Shows, how: How) -> Target {
    let target = target(shows);
    Target { aim: Aim { how, ..target.aim.clone() }, ..target }
}

#[test]
fn a_name_that_leads_somewhere_keeps_no_site_up_that_does_not_answer() {
    let name = aimed(Shows::Public, How::Dns { leads_to: Vec::new() });
    let mut board = Board::new(vec![target(Shows::Public), name]);
    for second in [10, 11, 12] {
        board.take(0, failed(second));
        board.take(1, good(second));
    }
    let now = Instant::from_secs(12);
    assert_eq!(board.reading(Shows::Public, now).verdict, Verdict::Down);
    for second in [13, 14, 15] {
        board.take(0, good(second));
        board.take(1, attempt(second, Err(Failure::Elsewhere("192.0.2.1".to_owned()))));
    }
    let reading = board.reading(Shows::Public, Instant::from_secs(15));
    assert_eq!((reading.verdict, reading.is_partly_down), (Verdict::Degraded, true));
}

#[test]
fn what_may_be_the_fault_of_this_machine_is_not_known_of_the_site() {
    for failure in [Failure::Name("timed out".to_owned()), Failure::Here("too many open files".to_owned())] {
        let mut board = Board::new(vec![target(Shows::Public)]);
        board.take(0, good(9));
        [10, 11, 12].into_iter().for_each(|second| {
            board.take(0, attempt(second, Err(failure.clone())));
        });
        let now = Instant::from_secs(12);
        assert_eq!(board.rows(now).next().unwrap().1.verdict, Verdict::Down, "it is said of the target");
        assert_eq!(board.reading(Shows::Public, now).verdict, Verdict::Unknown);
    }
}

#[test]
fn what_answered_in_between_can_be_reached() {
    let mut board = Board::new(vec![target(Shows::Public)]);
    let answers = |board: &mut Board, second, failure| {
        board.take(0, attempt(second, Err(failure)));
        board.reading(Shows::Public, Instant::from_secs(second)).answers
    };
    let late = || Failure::Late(Duration::from_secs(3));
    answers(&mut board, 10, late());
    answers(&mut board, 11, late());
    assert_eq!(answers(&mut board, 12, Failure::Gateway(502)), Answers::Before);
    assert_eq!(answers(&mut board, 13, Failure::Text), Answers::Site);
    answers(&mut board, 14, late());
    answers(&mut board, 15, late());
    assert_eq!(answers(&mut board, 16, late()), Answers::Nothing);
}

/// The site and the way out fail and answer as the lines say, one attempt each second; `d` where the site is believed to be down.
fn believed(site: &str, way_out: &str) -> String {
    let mut board = Board::new(vec![target(Shows::Public), target(Shows::Control)]);
    let took = |second, letter| if letter == '.' { good(second) } else { failed(second) };
    let pairs = site.chars().zip(way_out.chars()).enumerate();
    pairs
        .map(|(second, (site, way_out))| {
            let second = 100 + second as u64;
            if way_out != ' ' {
                board.take(1, took(second, way_out));
            }
            if site != ' ' {
                board.take(0, took(second, site));
            }
            let is_down = board.from_outside(Instant::from_secs(second)).verdict == Verdict::Down;
            if is_down { 'd' } else { '-' }
        })
        .collect()
}

#[test]
fn a_site_is_only_believed_to_be_down_while_something_else_answers() {
    assert_eq!(believed("..xxxxxxx", "........."), "-----dddd");
    assert_eq!(believed("..xxxxxxx", "..xxxxxxx"), "---------", "nothing answers this machine");
    assert_eq!(believed("..xxxxxxx", "         "), "---------", "nothing else is tried");
    assert_eq!(believed("..xxxx  x..", "..xxxx....."), "-----------", "its way out was shut for a while");
    assert_eq!(believed("..xxxx  xxxxx", "..xxxx......."), "----------ddd", "and the site is still down");
}

#[test]
fn what_was_not_tried_for_long_is_not_known() {
    let mut board = Board::new(vec![target(Shows::Public)]);
    board.take(0, good(10));
    assert_eq!(board.reading(Shows::Public, Instant::from_secs(34)).verdict, Verdict::Up);
    assert_eq!(board.reading(Shows::Public, Instant::from_secs(35)).verdict, Verdict::Unknown);
}

#[test]
fn a_certificate_that_ends_soon_is_told() {
    let mut board = Board::new(vec![target(Shows::Public)]);
    let ends = |days: u64| Ok(Answer { certificate_ends: Some(Timestamp::from_secs(days * 86_400)) });
    board.take(0, attempt(10, ends(15)));
    assert_eq!(board.reading(Shows::Public, Instant::from_secs(10)).verdict, Verdict::Up);
    board.take(0, attempt(11, ends(13)));
    assert_eq!(board.reading(Shows::Public, Instant::from_secs(11)).verdict, Verdict::Degraded);
}

#[test]
fn another_attempt_is_wanted_as_long_as_it_would_tell_more() {
    let mut board = Board::new(vec![target(Shows::Public)]);
    let unsure: Vec<bool> = [good(1), failed(2), failed(3), failed(4), failed(5), good(6), good(7)]
        .into_iter()
        .map(|attempt| {
            board.take(0, attempt);
            board.is_unsure(0)
        })
        .collect();
    assert_eq!(unsure, [false, true, true, false, false, true, false]);
}

proptest! {
    /// Nothing is down without three failures in a row, and nothing that is up failed last.
    #[test]
    fn verdicts_rest_on_attempts(outcomes in proptest::collection::vec(any::<bool>(), 1..60)) {
        let mut board = Board::new(vec![target(Shows::Public)]);
        let mut was_down = false;
        for (second, is_good) in outcomes.iter().enumerate() {
            let at = second as u64;
            board.take(0, if *is_good { good(at) } else { failed(at) });
            let verdict = board.reading(Shows::Public, Instant::from_secs(at)).verdict;
            let in_a_row = outcomes[..=second].iter().rev().take_while(|good| !**good).count();
            if verdict == Verdict::Down && !was_down {
                prop_assert!(in_a_row >= 3);
            }
            if verdict == Verdict::Up {
                prop_assert!(*is_good);
            }
            was_down = verdict == Verdict::Down;
        }
    }
}
