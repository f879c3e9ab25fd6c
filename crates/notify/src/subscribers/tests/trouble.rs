//! Servers that take mail only for some, only so much of it, or not at all for a while.

use super::*;

#[test]
fn whoever_is_busy_is_asked_again_and_whoever_is_gone_is_erased_after_three_updates() {
    let mut story = Story::begin();
    for address in ["busy@shop.example", "gone@shop.example", "bob@shop.example"] {
        story.joins(address, &[]).unwrap();
    }
    story.answers.insert("busy@shop.example".to_owned(), Outcome::Later("it answers 451".to_owned()));
    story.answers.insert("gone@shop.example".to_owned(), Outcome::Never("it answers 550".to_owned()));
    story.says("web", 1, &[1]);
    story.carry(40);
    story.answers.remove("busy@shop.example");
    story.carry(60);
    assert_eq!(story.sent_to("busy@shop.example").len(), 2);
    for number in 2..4 {
        assert_eq!(story.circle.figures().subscribers, 3);
        story.says("web", number, &[1]);
        story.carry(20);
    }
    assert_eq!(story.circle.figures().subscribers, 2);
    assert!(story.kept.iter().any(|change| matches!(change, Change::Left(_))));
}

#[test]
fn a_server_that_refuses_everybody_is_at_fault_and_nobody_is_erased() {
    let mut story = Story::begin();
    for number in 0..8 {
        let address = format!("reader-{number}@shop.example");
        let change = story.circle.admit(address.parse().unwrap(), vec![], story.moment).unwrap();
        story.kept.push(change);
        story.answers.insert(address, Outcome::Never("it answers 554".to_owned()));
    }
    for number in 1..5 {
        story.says("web", number, &[1]);
        story.carry(600);
    }
    assert_eq!(story.circle.figures().subscribers, 8);
    assert!(story.circle.figures().trouble.contains("refuses everybody"));
    story.answers.clear();
    story.carry(600);
    assert_eq!(story.sent.len(), 8, "and everybody hears when it takes mail again");
}

/// Such a server takes so many in an hour, and says of the rest what others say of people who are gone.
#[test]
fn whom_a_quota_leaves_out_each_time_is_not_erased_and_hears_later() {
    for readers in [103, 130] {
        let mut story = Story::begin();
        story.admits(readers);
        for number in 1..8 {
            story.quota = Some(100);
            story.says("web", number, &[1]);
            story.carry(100);
            assert_eq!(story.circle.figures().subscribers, readers, "after {number} updates");
        }
        story.quota = Some(100);
        story.carry(3_700);
        assert_eq!((story.circle.figures().subscribers, story.circle.figures().waiting), (readers, 0));
    }
}

#[test]
fn who_has_heard_something_waits_once_after_a_restart() {
    let mut story = Story::begin();
    story.admits(30);
    story.says("web", 1, &[1]);
    story.carry(60);
    story.says("web", 2, &[1]);
    story.carry(5);
    let waiting = story.circle.figures().waiting;
    story.restarts(usize::MAX);
    assert_eq!(story.circle.figures().waiting, waiting);
    story.carry(60);
    assert_eq!((story.sent.len(), story.circle.figures().waiting), (60, 0));
}

#[test]
fn one_at_whom_the_server_hangs_up_holds_nobody_up() {
    let mut story = Story::begin();
    story.admits(40);
    story.says("web", 1, &[1]);
    for number in 0..4 {
        let address = format!("reader-{}@shop.example", number * 9);
        story.answers.insert(address, Outcome::Unreachable("421".to_owned()));
    }
    story.carry(240);
    assert_eq!((story.sent.len(), story.circle.figures().waiting), (36, 4));
    story.answers.clear();
    story.carry(600);
    assert_eq!((story.sent.len(), story.circle.figures().waiting), (40, 0));
}

#[test]
fn a_server_that_was_away_for_hours_is_used_again_within_minutes() {
    let mut story = Story::begin();
    story.admits(20);
    for number in 0..20 {
        let address = format!("reader-{number}@shop.example");
        story.answers.insert(address, Outcome::Unreachable("down".to_owned()));
    }
    story.says("web", 1, &[1]);
    story.carry(6 * 3_600);
    assert!(story.circle.figures().trouble.contains("down"));
    story.answers.clear();
    story.carry(330);
    assert_eq!((story.sent.len(), story.circle.figures().waiting), (20, 0));
}

#[test]
fn a_mail_that_asks_to_confirm_outlives_hours_without_a_server_and_what_is_dropped_may_be_asked_for_again() {
    let address = || "ann@shop.example".parse().unwrap();
    let ask = |story: &mut Story| story.circle.ask(address(), vec![], None, story.moment);
    for (outcome, lasting) in [
        (Outcome::Unreachable("down".to_owned()), 5 * 3_600),
        (Outcome::Later("it answers 451".to_owned()), 3_600),
    ] {
        let mut story = Story::begin();
        story.answers.insert("ann@shop.example".to_owned(), outcome);
        assert_eq!(ask(&mut story), Ok(Asked::Sent));
        story.carry(lasting);
        assert_eq!(ask(&mut story), Ok(Asked::Silent));
        story.answers.clear();
        story.carry(2_000);
        assert_eq!(story.sent.len(), 1);
        assert_eq!(ask(&mut story), Ok(Asked::Silent));
    }
    let mut story = Story::begin();
    story.answers.insert("ann@shop.example".to_owned(), Outcome::Later("it answers 451".to_owned()));
    assert_eq!(ask(&mut story), Ok(Asked::Sent));
    story.carry(3 * 3_600);
    story.answers.clear();
    assert_eq!(ask(&mut story), Ok(Asked::Sent), "nobody had a mail");
    story.carry(5);
    assert_eq!(story.sent.len(), 1);
}

#[test]
fn a_server_that_puts_everybody_off_for_hours_leaves_nobody_out() {
    let mut story = Story::begin();
    story.admits(20);
    for number in 0..20 {
        let address = format!("reader-{number}@shop.example");
        story.answers.insert(address, Outcome::Later("it answers 451".to_owned()));
    }
    story.says("web", 1, &[1]);
    story.carry(5 * 3_600);
    story.answers.clear();
    story.answers.insert("reader-7@shop.example".to_owned(), Outcome::Later("it answers 452".to_owned()));
    story.says("phone", 1, &[2]);
    story.carry(3_700);
    assert_eq!(story.sent.len(), 2 * 19);
    for number in 2..9 {
        story.says("phone", number, &[2]);
        story.carry(599);
    }
    assert!(
        story.circle.figures().outcomes[State::GivenUp as usize] > 0,
        "but one it puts off alone is given up"
    );
}

#[test]
fn whoever_changes_their_mind_all_the_time_is_put_off_and_nobody_else() {
    let mut story = Story::begin();
    story.admits(2);
    let [busy, other] = [0, 1].map(|number| story.handle(&format!("reader-{number}@shop.example")));
    let choose = |story: &mut Story, handle: &str, number: usize| {
        story.pass(1);
        let chosen = vec![id(["web", "phone"][number % 2])];
        story.circle.choose(handle, chosen, story.moment).is_ok()
    };
    let done = (0..30).filter(|number| choose(&mut story, &busy, *number)).count();
    assert_eq!(done, 20, "ten, and from then on only what changes nothing");
    assert!(choose(&mut story, &other, 0));
    story.pass(3_600);
    assert!(choose(&mut story, &busy, 0) && choose(&mut story, &busy, 1));
}
