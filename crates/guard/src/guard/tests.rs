use model::{Cohort, Values};
use proptest::prelude::*;

use super::*;

/// A step of so many tenths of a second that ends at this one: so many of everything.
fn step(tenth: u64, tenths: u64, many: u64) -> Summary {
    let mut summary = Summary::empty(Instant::from_millis(tenth * 100), tenths * 100);
    (summary.offered[Tier::T5.index()][0], summary.removed[Tier::T6.index()]) = (many * 50, many);
    summary.traffic.matches = vec![Matches { rule: 1, others: many, known: 1 }];
    let sample = |tier| Sample {
        weight: 1,
        tier,
        cohort: Cohort::new(0),
        cost_micros: 50_000,
        navigation: true,
        keeps_cookies: false,
        values: Values::default(),
    };
    summary.traffic.others = (0..many).map(|_| sample(Tier::T5)).collect();
    summary.traffic.known = vec![sample(Tier::T1)];
    summary
}

fn take(guard: &mut Guard, summary: &Summary) -> Option<Advice> {
    guard.step(summary, &Context::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn steps_that_come_twice_or_late_count_once(
        steps in prop::collection::vec((1_u64..=10, 0_u64..4), 1..30),
        again in prop::collection::vec(0_usize..30, 0..20),
    ) {
        let (mut straight, mut other, mut tenth) = (Guard::new(1), Guard::new(1), 50);
        let mut seen = Vec::new();
        for (tenths, many) in steps {
            tenth += tenths;
            seen.push(step(tenth, tenths, many));
            let there = seen.last().and_then(|step| take(&mut straight, step).map(|advice| advice.findings));
            let here = seen.last().and_then(|step| take(&mut other, step).map(|advice| advice.findings));
            prop_assert!(there == here);
            for late in again.iter().filter_map(|late| seen.get(*late)) {
                prop_assert!(take(&mut other, late).is_none());
            }
            prop_assert_eq!(&straight.partial, &other.partial);
            prop_assert!(straight.book == other.book);
        }
    }
}

#[test]
fn what_was_counted_before_a_gap_belongs_to_no_second_after_it() {
    let (mut straight, mut other) = (Guard::new(1), Guard::new(1));
    for tenth in 51..=65 {
        take(&mut straight, &step(tenth, 1, 3));
    }
    assert!(straight.partial.millis > 0, "half a second");
    straight.drop_rule(7);
    other.drop_rule(7);
    for guard in [&mut straight, &mut other] {
        assert!(take(guard, &step(105, 5, 1)).is_none());
    }
    assert_eq!(straight.partial, other.partial);
    assert_eq!((straight.partial.millis, straight.partial.unwanted.as_slice()), (500, &[7][..]));
    assert_eq!(straight.partial.matches, [Matches { rule: 1, others: 1, known: 1 }]);
    assert!(take(&mut straight, &step(110, 5, 1)).is_some_and(|advice| advice.findings.blind));
}

#[test]
fn who_hurts_users_for_a_single_second_gets_no_rule() {
    let mut guard = Guard { more_for: MORE_SECONDS, ..Guard::new(1) };
    let second = Instant::from_secs;
    let hurts = |pain| [Hurt { pain, figure: Finite::new(60.0), bound: Finite::new(40.0) }];
    let wait = hurts(Pain::QueueWait);
    guard.note_hurt(second(100), &wait);
    assert!(!guard.is_pressing(second(101)), "a burst");
    guard.note_hurt(second(125), &wait);
    assert!(guard.is_pressing(second(126)));
    assert!(!guard.is_pressing(second(131)), "the first of them is forgotten");
    guard.note_hurt(second(140), &wait);
    assert!(guard.is_pressing(second(155)));
    guard.note_hurt(second(155), &[]);
    assert!(!guard.is_pressing(second(156)), "a second that hurts nobody is none of them");
    guard.note_hurt(second(200), &hurts(Pain::Utilisation));
    assert!(guard.is_pressing(second(201)), "too much load has lasted for two seconds when it is told");
    guard.more_for = 0;
    assert!(!guard.is_pressing(second(201)), "what comes is expected");
}

#[test]
fn a_second_of_much_load_is_smoothed_and_the_end_of_a_flood_is_not_late() {
    let mut guard = Guard::new(1);
    let mut loads = |loads: &[f64]| -> Vec<f64> {
        loads.iter().map(|&load| (guard.smooth(Finite::new(load)).get() * 10.0).round() / 10.0).collect()
    };
    assert_eq!(loads(&[4.0, 4.0, 8.0, 4.0, 2.0]), [4.0, 4.0, 4.8, 4.0, 2.0]);
    assert_eq!(loads(&[100.0, 100.0, 100.0])[0], 23.3, "a flood is seen at once");
    assert_eq!(loads(&[4.0]), [4.0]);
}

#[test]
fn what_was_counted_before_a_gap_keeps_no_second_after_it_quiet() {
    let mut guard = Guard::new(1);
    for tenth in 51..=70 {
        take(&mut guard, &Summary { limit: 100.0, ..step(tenth, 1, 3) });
    }
    assert!(guard.load.is_some());
    assert_ne!(guard.asking, Asking::default(), "it is quiet");
    let mut successor = guard.clone();
    successor.act(guard.acting());
    assert_eq!(successor.load, None, "what acts later was decided by other seconds");
    take(&mut guard, &step(170, 1, 3));
    assert_eq!(guard.load, None);
    assert_eq!(guard.asking, Asking::default(), "and that begins anew");
}

#[test]
fn what_is_asked_carries_the_numbers_of_what_hurts_and_of_what_looks_made() {
    let turn = |act| Turn { act, lasted: Duration::from_secs(11), hold: Duration::from_secs(10) };
    let hurt = Some((Comparison::Load, Finite::new(30.0), Finite::new(17.0)));
    let quiet = Some((Comparison::Quiet, Finite::new(9.0), Finite::new(14.0)));
    let said = |act| {
        let grounds = grounds(turn(act), hurt, quiet, Finite::new(4.5));
        assert!(grounds.iter().all(Ground::holds), "{grounds:?}");
        grounds.iter().map(|ground| (ground.comparison, ground.figure, ground.bound)).collect::<Vec<_>>()
    };
    let asking = [(Comparison::Load, 30.0, 17.0), (Comparison::LooksMade, 4.5, 3.0)];
    assert_eq!([said(Act::AskForCookie), said(Act::AskToWait)], [asking; 2]);
    assert_eq!(said(Act::CeaseAsking), [(Comparison::Quiet, 9.0, 14.0)]);
}
