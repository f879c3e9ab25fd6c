//! Who hears what, and when.

use super::*;

#[test]
fn a_pager_hears_of_what_hurts_and_of_its_end_and_chat_hears_everything() {
    let mut story = Story::begin(vec![pager(), chat()]);
    story.see(30, &protected());
    story.see(30, &closed());
    story.see(300, &down());
    story.see(1_500, &well());
    insta::assert_snapshot!(story.sent());
}

#[test]
fn what_hurt_nobody_and_was_not_published_is_over_for_those_who_heard_of_it() {
    let mut story = Story::begin(vec![pager(), chat()]);
    story.see(60, &protected());
    story.see(120, &well());
    insta::assert_snapshot!(story.sent(), @r"
    14:31:01 chat: ▷ shop: Disruption of Website: everybody is served as usual
    14:33:01 chat: ✔ shop: Over: Disruption of Website
    ");
}

#[test]
fn whoever_hears_of_a_notice_hears_that_it_is_held_back() {
    let mut story = Story::begin(vec![chat()]);
    story.see(10, &closed());
    story.act(Act::Hold);
    story.see(300, &closed());
    insta::assert_snapshot!(story.sent[2..].join("\n"), @r"
    14:31:03 chat: ℹ shop: A notice is about to be published: Disruption of Website
    To read what the public is told, and publish it or hold it back: https://shop.example/.well-known/portcullis/consent/AAAAAQAAAAAAAAAGlC7rfxRYPWJUaQTRfb2nwg
    14:31:10 chat: ℹ shop: The notice is held back: Disruption of Website
    ");
}

#[test]
fn of_what_a_person_tells_nothing_is_claimed() {
    let mut story = Story::begin(vec![chat()]);
    story.act(Act::Open {
        title: "Nobody answers the phone".into(),
        stage: incident::Stage::Investigating,
        body: "Our carrier has a problem.".into(),
        components: Vec::new(),
    });
    story.see(3_600, &well());
    insta::assert_snapshot!(story.sent(), @r"
    14:31:00 chat: ▲ shop: Nobody answers the phone
    14:31:00 chat: ℹ shop: Published as investigating: Nobody answers the phone
    ");
}

#[test]
fn people_are_reminded_until_somebody_acknowledges() {
    let mut story = Story::begin(vec![mail(), pager()]);
    story.see(2_000, &closed());
    story.act(Act::Acknowledge { incident: None });
    let before = story.sent.len();
    story.see(4_000, &closed());
    let calls = story.sent[before..].iter().filter(|line| !line.contains("Published")).collect::<Vec<_>>();
    assert!(calls.is_empty(), "{calls:?}");
    insta::assert_snapshot!(story.sent[..before].join("\n"));
}

#[test]
fn what_gets_worse_than_what_was_acknowledged_calls_again() {
    let mut story = Story::begin(vec![mail(), Receiver { least: Severity::Critical, ..pager() }]);
    story.see(60, &protected());
    story.act(Act::Acknowledge { incident: None });
    let before = story.sent.len();
    story.see(1_200, &down());
    let late = story.sent[before..].join("\n");
    assert!(late.contains("pager: trigger critical"), "{late}");
    assert!(late.contains("Still"), "nobody sees to what it is now: {late}");
}

#[test]
fn an_alertmanager_hears_again_and_again_of_what_goes_on_and_that_the_gate_works() {
    let mut story = Story::begin(vec![metrics(), heartbeat()]);
    story.see(100, &closed());
    story.see(60, &down());
    insta::assert_snapshot!(story.sent());
    // Nobody tells the record anything: the watchdog must not bark.
    let before = story.sent.len();
    for _ in 0..300 {
        story.pass(1);
        story.carry();
    }
    let late = story.sent[before..].join("\n");
    assert!(late.contains("PortcullisIncident critical") && !late.contains("Watchdog"), "{late}");
    assert!(!late.contains("beat"), "{late}");
}

#[test]
fn a_receiver_that_is_down_hears_everything_in_order_when_it_is_back() {
    let mut story = Story::begin(vec![pager(), chat()]);
    story.answers[0] = Answer::Failed { is_permanent: false, words: "connection refused".into() };
    story.see(300, &down());
    story.see(1_500, &well());
    assert!(story.sent().contains("chat: ✔ shop: Over"), "the other one does not wait");
    let tries = story.sent.iter().filter(|line| line.contains("pager")).count();
    assert!((8..20).contains(&tries), "{tries} tries");
    story.answers[0] = ok();
    let before = story.sent.len();
    story.see(400, &well());
    let late: Vec<_> = story.sent[before..].iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        late,
        [
            "pager: trigger error Disruption of Website: some are not served",
            "pager: trigger critical Disruption of Website: hardly anybody is served",
            "pager: resolve  "
        ]
    );
}

#[test]
fn a_receiver_is_left_alone_for_as_long_as_it_asks() {
    let mut story = Story::begin(vec![chat()]);
    story.answers[0] = busy(429, Some("40"));
    story.see(2, &protected());
    let before = story.sent.len();
    assert_eq!(before, 1, "{}", story.sent());
    story.see(38, &protected());
    assert_eq!(story.sent.len(), before);
    story.see(3, &protected());
    assert_eq!(story.sent.len(), before + 1);
}

#[test]
fn a_proxy_that_says_no_for_ten_minutes_does_not_end_the_only_call() {
    let mut story = Story::begin(vec![pager()]);
    story.answers[0] = busy(407, None);
    story.see(600, &down());
    story.answers[0] = ok();
    story.see(301, &down());
    assert_eq!(story.post.figures().next().unwrap().outcomes[State::Refused as usize], 0);
    assert!(story.sent.last().unwrap().contains("trigger"), "{}", story.sent());
}

#[test]
fn a_key_that_is_wrong_for_a_quarter_of_an_hour_is_believed_to_be_wrong() {
    let mut story = Story::begin(vec![pager()]);
    story.answers[0] = busy(403, None);
    story.see(1_300, &down());
    let figures = story.post.figures().next().unwrap();
    assert_eq!(figures.waiting, 0, "{figures:?}");
    assert!(story.sent.len() < 16, "{}", story.sent());
    story.answers[0] = busy(403, None);
    story.see(1_500, &well());
    let outcomes = story.post.figures().next().unwrap().outcomes;
    assert!(
        outcomes[State::Waiting as usize] > figures.outcomes[0],
        "what comes later is tried for as long again"
    );
}

#[test]
fn whoever_asks_to_be_tried_at_once_is_not_flooded() {
    for at_once in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let mut story = Story::begin(vec![chat()]);
        story.answers[0] = busy(503, Some(at_once));
        story.see(600, &protected());
        assert!(story.sent.len() < 12, "{} tries", story.sent.len());
    }
}

#[test]
fn what_is_refused_ends_with_the_reason_and_holds_nothing_up() {
    let mut story = Story::begin(vec![pager()]);
    story.answers[0] = Answer::Http { status: 400, retry_after: None, body: b"invalid key".to_vec() };
    story.see(30, &closed());
    story.answers[0] = ok();
    story.see(30, &down());
    let ends: Vec<_> = story
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Attempted { state, why, .. } => Some((*state, why.as_str())),
            Change::Queued { .. } | Change::Heard(_) | Change::Troubled { .. } | Change::Recovered { .. } => {
                None
            }
        })
        .collect();
    let refused = (State::Refused, "it answers 400: invalid key");
    assert_eq!(ends, [refused, (State::Delivered, "")]);
    let figures: Vec<_> = story.post.figures().collect();
    assert_eq!((figures[0].waiting, figures[0].outcomes), (0, [0, 1, 1, 0]));
}

#[test]
fn an_admin_hears_once_that_a_heartbeat_is_not_taken_and_once_that_it_is_again() {
    let mut story = Story::begin(vec![heartbeat()]);
    story.answers[0] = busy(404, None);
    story.see(600, &well());
    story.answers[0] = ok();
    story.see(600, &well());
    let receiver = || "beat".to_owned();
    let said: Vec<_> = story.changes.iter().filter(|change| !matches!(change, Change::Heard(_))).collect();
    let troubled = Change::Troubled { receiver: receiver(), why: "it answers 404: not now".into() };
    assert_eq!(said, [&troubled, &Change::Recovered { receiver: receiver() }]);
}

#[test]
fn nothing_waits_for_more_than_a_day_and_never_too_much() {
    let mut story = Story::begin(vec![pager()]);
    story.answers[0] = busy(503, None);
    for _ in 0..200 {
        // Each is an incident of its own.
        story.see(40, &down());
        story.see(120, &well());
        story.pass(600);
    }
    let figures: Vec<_> = story.post.figures().collect();
    assert!(figures[0].waiting <= 256, "{figures:?}");
    assert!(figures[0].outcomes[State::GivenUp as usize] > 0, "{figures:?}");
}

#[test]
fn a_test_reaches_everybody_and_leaves_nothing_open() {
    let mut story = Story::begin(vec![pager(), chat(), hook(), metrics(), mail(), heartbeat()]);
    let before = story.sent.len();
    let changes = story.post.test(story.moment);
    story.changes.extend(changes);
    story.carry();
    insta::assert_snapshot!(story.sent[before..].join("\n"));
}

#[test]
fn what_nobody_takes_for_a_day_is_given_up() {
    let mut story = Story::begin(vec![chat()]);
    story.answers[0] = busy(503, None);
    story.see(10, &protected());
    let given_up = |story: &Story| story.post.figures().next().unwrap().outcomes[State::GivenUp as usize];
    story.pass(86_300);
    story.carry();
    assert_eq!(given_up(&story), 0);
    story.pass(200);
    story.carry();
    assert_eq!(given_up(&story), 1);
}

#[test]
fn what_is_on_its_way_does_not_leave_for_want_of_room() {
    let mut story = Story::begin(vec![chat()]);
    let queue = |story: &mut Story| {
        story.pass(1);
        story.post.test(story.moment)
    };
    let first = queue(&mut story);
    assert!(matches!(story.post.next(0, story.moment), Next::Send(_)));
    let leave: Vec<_> = (0..200).flat_map(|_| queue(&mut story)).collect();
    assert!(leave.iter().any(|change| matches!(change, Change::Attempted { state: State::GivenUp, .. })));
    let settled = story.post.settle(0, &ok(), story.moment);
    let (Some(Change::Queued { key: first, .. }), Some(Change::Attempted { key, state, .. })) =
        (first.first(), &settled)
    else {
        panic!("{settled:?}")
    };
    assert_eq!((first, *state), (key, State::Delivered));
}

#[test]
fn a_clock_that_is_set_makes_nothing_old() {
    let mut story = Story::begin(vec![chat()]);
    story.answers[0] = busy(503, None);
    story.see(60, &down());
    story.moment.wall = story.moment.wall + Duration::from_secs(10 * 86_400);
    story.see(600, &down());
    story.answers[0] = ok();
    story.see(400, &well());
    let figures: Vec<_> = story.post.figures().collect();
    assert_eq!(figures[0].outcomes[State::GivenUp as usize], 0, "{figures:?}");
    assert!(figures[0].outcomes[State::Delivered as usize] >= 3, "{figures:?}");
}

#[test]
fn while_another_process_sends_nothing_is_sent() {
    let mut story = Story::begin(vec![chat()]);
    story.post.pause(true);
    story.see(60, &down());
    assert_eq!(story.sent(), "");
    story.post.pause(false);
    story.see(1, &down());
    assert!(!story.sent.is_empty());
}

impl Story {
    /// An alert of another system says that a component is a partial outage, or is over.
    fn alert(&mut self, name: &str, component: &str, is_firing: bool) {
        let labels = [("alertname".to_owned(), name.to_owned())];
        let believed = SignalSetting {
            labels: labels.clone().into(),
            component: component.to_owned(),
            status: Status::PartialOutage,
        };
        if !self.believed.contains(&believed) {
            self.believed.push(believed);
        }
        self.engine = self.engine.clone().attending(self.believed.clone());
        let text = format!("Alertmanager: {name}");
        let alert = Alert { fingerprint: name.to_owned(), is_firing, labels: labels.into(), text };
        let (records, _) = self.engine.heed(&[alert], self.moment);
        self.hear(records);
        self.carry();
    }

    /// What was sent since, without the times.
    fn sent_since(&self, before: usize) -> Vec<&str> {
        self.sent[before..].iter().map(|line| line.split_once(' ').unwrap().1).collect()
    }
}

#[test]
fn what_an_alert_of_another_system_opens_calls_as_urgently_as_it_says_and_ends() {
    let mut story = Story::begin(vec![pager()]);
    // The second time within an hour it is the same incident, and as urgent.
    for begins in ["Disruption of", "Back: Disruption of"] {
        let trigger = format!("pager: trigger error {begins} Website: some are not served");
        let before = story.sent.len();
        for is_firing in [true, false] {
            story.alert("ShopDown", "Website", is_firing);
            story.see(900, &well());
        }
        let said = story.sent_since(before);
        let ends = (said.first().copied(), said.last().copied());
        assert_eq!(ends, (Some(trigger.as_str()), Some("pager: resolve  ")), "{said:?}");
    }
}

#[test]
fn an_alert_about_another_component_calls_although_it_is_no_worse_and_once_however_often_it_flaps() {
    let mut story = Story::begin(vec![pager()]);
    story.alert("ShopDown", "Website", true);
    story.act(Act::Acknowledge { incident: None });
    let before = story.sent.len();
    for _ in 0..5 {
        story.alert("TillDown", "Till", true);
        story.see(10, &well());
        story.alert("TillDown", "Till", false);
        story.see(70, &well());
    }
    let calls = story.sent_since(before).into_iter().filter(|line| line.contains("trigger")).count();
    assert_eq!(calls, 1, "{:?}", story.sent);
}

#[test]
fn somebody_is_called_when_hardly_anybody_can_reach_us_although_all_who_do_are_served() {
    let mut story = Story::begin(vec![pager()]);
    let before = story.sent.len();
    story.see(20, &Sight { cause: Some(Cause::Upstream), ..well() });
    let said = story.sent_since(before);
    assert!(said.first().is_some_and(|line| line.contains("trigger warning")), "{said:?}");
}

#[test]
fn somebody_is_called_when_it_is_back_also_where_the_public_waits_for_a_yes() {
    let mut story = Story::begin(vec![pager()]);
    let mut settings = settings();
    settings.stages.identified = incident::Consent::Manual;
    story.engine = Engine::new(settings);
    story.see(60, &well());
    story.see(300, &down());
    story.see(1_500, &well());
    let before = story.sent.len();
    story.see(30, &down());
    let said = story.sent_since(before);
    assert!(said.first().is_some_and(|line| line.contains("trigger") && line.contains("Back: ")), "{said:?}");
    let before = story.sent.len();
    story.see(600, &well());
    assert_eq!(story.sent_since(before).last().copied(), Some("pager: resolve  "), "{:?}", story.sent);
}
