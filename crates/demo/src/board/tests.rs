//! What the scoreboard says.

use super::*;

#[test]
fn where_there_was_nobody_there_is_no_figure() {
    let board = board(&run(&[]));
    let figures = &board.with_gate;
    assert_eq!((figures.known_success, figures.known_p99_ms, figures.attack_success), (None, None, None));
    assert_eq!((figures.patient_success, figures.patient_seconds), (None, None));
    assert_eq!((board.login_new_address_success, board.second_login_new_address_success), (None, None));
    assert_eq!(board.login_success_after, [None, None]);
    let kept: Vec<_> = board.promises.iter().filter(|promise| promise.kept).collect();
    assert!(kept.is_empty(), "nothing is kept towards nobody: {kept:?}");
    insta::assert_snapshot!(board);
}

#[test]
fn who_signs_in_in_the_second_attack_and_after_it_is_judged_too() {
    let login = |begun: f64| Attempt { kind: Kind::Login, begun, seconds: 1.0, ok: begun < 17.0 };
    let mut second = run(&[6.0, 7.0, 17.0, 18.0].map(login));
    let first = run(&[6.0, 16.0, 18.0].map(|at| Attempt { ok: true, ..login(at) }));
    let judge = |second: &Run| Scoreboard::new([&first, second, &first], Seen::default());
    let said = |board: &Scoreboard| {
        let logins = board.promises.iter().filter(|promise| promise.name.starts_with("logins"));
        logins.map(|promise| (promise.figure, promise.kept)).collect::<Vec<_>>()
    };
    assert_eq!(said(&judge(&second)), [(Some(1.0), true), (Some(1.0), true), (Some(0.0), false)]);
    second.attempts[0].ok = false;
    assert_eq!(said(&judge(&second))[1], (Some(0.5), false));
}

#[test]
fn no_line_is_wider_than_a_terminal_however_large_the_figures_are() {
    let slow = |begun| Attempt { kind: Kind::Customer, begun, seconds: 599.0, ok: true };
    let attempts: Vec<_> = (0..20).map(|at| slow(f64::from(at))).collect();
    let mut board = board(&run(&attempts));
    (board.steal, board.away_seconds) = (0.5, 123.4);
    let text = board.to_string();
    assert!(text.contains("100.0 %") && text.contains("599"), "{text}");
    assert!(text.contains("the attack was none"), "{text}");
    assert!(text.contains("stood still for 123.4 s"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn in_the_shortest_attack_it_can_be_seen_that_the_gate_protected_within_two_seconds() {
    let ok = |begun| Attempt { kind: Kind::Customer, begun, seconds: 0.1, ok: begun >= 7.0 };
    let attempts: Vec<_> = (0..17).map(|at| ok(f64::from(at))).collect();
    let protected = run(&attempts).seconds_to_protect();
    assert!((protected - 2.0).abs() < f64::EPSILON, "{protected}");
}

/// Five calm seconds, and twelve under attack.
fn run(attempts: &[Attempt]) -> Run {
    Run {
        attempts: attempts.to_vec(),
        attack: Moment::default(),
        attack_begun: 5.0,
        attack_seconds: 12.0,
        arrived: vec![0; 17],
        capacity: 400.0,
    }
}

fn board(run: &Run) -> Scoreboard {
    Scoreboard::new([run; 3], Seen::default())
}
