//! What is on a page elsewhere, whatever happens to it, to us, and in between.

use super::pages::Mood;
use super::*;

const BOTH: [Kind; 2] = [Kind::Statuspage, Kind::Instatus];

#[test]
fn a_page_elsewhere_says_what_ours_says() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.open("Checkout fails");
        story.carry(10);
        assert_eq!(story.elsewhere.component("pay1").to_lowercase().replace('_', ""), "partialoutage");
        story.say(Stage::Identified, "A disk is full.");
        story.carry(10);
        story.pass(400);
        story.say(Stage::Resolved, "All is well again.");
        story.carry(10);
        assert_eq!(story.elsewhere.incidents.len(), 1, "{kind:?}");
        assert_eq!(story.elsewhere.incidents[0]["name"], "Checkout fails");
        assert_eq!(
            story.elsewhere.told(0),
            [
                "investigating: Checkout fails, and we look for the cause.",
                "identified: A disk is full.",
                "resolved: All is well again.  Called resolved by a person: tested",
            ]
        );
        assert!(story.said.is_empty(), "{:?}", story.said);
        assert_eq!(story.keeper.figures(story.moment.now).waiting, 0);
    }
}

#[test]
fn what_was_over_before_is_not_brought_and_a_report_is_no_update() {
    let mut story = Story::begin(Kind::Statuspage);
    story.open("Old");
    story.pass(10);
    story.say(Stage::Resolved, "It is over.");
    story.pass(10);
    // Only now is the page configured.
    story.kept = None;
    story.restart();
    story.carry(20);
    assert!(story.elsewhere.incidents.is_empty());
    story.open("New");
    story.carry(10);
    story.say(Stage::Resolved, "This too.");
    story.carry(10);
    let new = story.engine.inside()[0].id;
    story.act(Act::Report { incident: new, body: "It was a disk.".into() });
    story.carry(10);
    assert_eq!(story.elsewhere.incidents.len(), 1);
    assert_eq!(story.elsewhere.told(0).len(), 2, "a report is no update");
}

#[test]
fn news_is_not_judged_by_what_was_seen_before_it() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.open("Checkout fails");
        story.carry(10);
        story.elsewhere.add(0, "resolved", "Over, says a person.", story.moment.wall);
        // A look has begun, and seen that; before it ends a person goes on there, and here something is said.
        story.pass(400);
        assert!(story.one_request());
        story.elsewhere.add(0, "identified", "It is not, says a person.", story.moment.wall);
        story.say(Stage::Resolved, "All is well.");
        story.carry(20);
        let status = story.elsewhere.incidents[0]["status"].as_str().unwrap().to_lowercase();
        assert_eq!(status, "resolved", "{kind:?}: {:?}", story.elsewhere.told(0));
        assert_eq!(story.keeper.figures(story.moment.now).waiting, 0);
    }
}

#[test]
fn a_crash_between_a_request_and_its_answer_makes_no_second_incident() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.open("Checkout fails");
        // Cut off at every request, however it went.
        for _ in 0..12 {
            story.cut_off();
            story.pass(1);
        }
        story.carry(20);
        assert_eq!(story.elsewhere.incidents.len(), 1, "{kind:?}: {:?}", story.elsewhere.log);
        assert_eq!(story.elsewhere.told(0).len(), 1, "{kind:?}");
    }
}

#[test]
fn an_answer_that_is_lost_is_looked_for_and_not_written_again() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.elsewhere.mood = Mood::Mute;
        story.open("Checkout fails");
        story.carry(60);
        story.say(Stage::Identified, "A disk is full.");
        story.carry(120);
        story.elsewhere.mood = Mood::Well;
        story.carry(120);
        assert_eq!(story.elsewhere.incidents.len(), 1, "{kind:?}");
        assert_eq!(story.elsewhere.told(0).len(), 2, "{kind:?}: {:?}", story.elsewhere.told(0));
    }
}

#[test]
fn what_a_person_wrote_stays_and_news_is_added_beside_it() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.open("Checkout fails");
        story.carry(10);
        story.elsewhere.edit(0, 0, "We are so sorry.");
        story.elsewhere.incidents[0]["name"] = "The till is stuck".into();
        let now = story.moment.wall;
        story.elsewhere.add(0, "identified", "Pay at the counter.", now);
        story.carry(70);
        story.say(Stage::Identified, "A disk is full.");
        story.carry(10);
        assert_eq!(
            story.elsewhere.told(0),
            [
                "investigating: We are so sorry.",
                "identified: Pay at the counter.",
                "identified: A disk is full."
            ],
            "{kind:?}"
        );
        assert_eq!(story.elsewhere.incidents[0]["name"], "The till is stuck");
        assert_eq!(story.said.len(), 2, "each once: {:?}", story.said);
    }
}

#[test]
fn a_person_who_calls_it_over_is_believed_until_it_is_back() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.open("Checkout fails");
        story.carry(10);
        let now = story.moment.wall;
        story.elsewhere.add(0, "resolved", "It works again.", now);
        story.say(Stage::Identified, "A disk is full.");
        story.carry(70);
        story.say(Stage::Investigating, "It is no disk.");
        story.carry(70);
        assert_eq!(story.elsewhere.told(0).len(), 2, "{kind:?}: {:?}", story.elsewhere.told(0));
        story.say(Stage::Monitoring, "It works, and we watch it.");
        story.carry(70);
        assert_eq!(story.elsewhere.told(0).len(), 2, "{kind:?}: {:?}", story.elsewhere.told(0));
        story.say(Stage::Identified, "It is back.");
        story.carry(70);
        story.say(Stage::Resolved, "It is gone.");
        story.carry(70);
        assert_eq!(
            story.elsewhere.told(0)[2..],
            ["identified: It is back.", "resolved: It is gone.  Called resolved by a person: tested"],
            "{kind:?}"
        );
        assert_eq!(story.said.len(), 1, "{:?}", story.said);
    }
}

#[test]
fn what_a_person_deleted_is_not_made_again() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.open("Checkout fails");
        story.carry(10);
        story.elsewhere.incidents.clear();
        story.say(Stage::Identified, "A disk is full.");
        story.carry(70);
        story.restart();
        story.carry(70);
        assert!(story.elsewhere.incidents.is_empty(), "{kind:?}");
        assert!(story.said.iter().filter(|said| said.contains("deleted")).count() == 1, "{:?}", story.said);
    }
}

#[test]
fn a_component_that_a_person_sees_to_is_left_to_them() {
    for kind in BOTH {
        let word = |word: &str| {
            if kind == Kind::Statuspage { word.to_owned() } else { word.to_uppercase().replace('_', "") }
        };
        let mut story = Story::begin(kind);
        story.elsewhere.set_component("pay1", &word("under_maintenance"));
        story.carry(20);
        story.open("Checkout fails");
        story.carry(80);
        assert_eq!(story.elsewhere.component("pay1"), word("under_maintenance"));
        // They hand it back.
        story.elsewhere.set_component("pay1", &word("operational"));
        story.carry(130);
        assert_eq!(story.elsewhere.component("pay1"), word("partial_outage"), "{:?}", story.said);
        story.act(Act::Override { component: "Shop / Checkout".into(), status: None });
        story.carry(80);
        assert_eq!(story.elsewhere.component("pay1"), word("operational"));
        assert_eq!(story.elsewhere.component("other"), word("operational"), "nobody mapped it");
        assert_eq!(story.said.len(), 1, "{:?}", story.said);
    }
}

#[test]
fn announced_work_is_brought_and_ended_early() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        let [from, until] = [3_600, 7_200].map(|later| story.moment.wall + Duration::from_secs(later));
        let [from, until] = [from, until].map(|at| Timestamp::from_secs(at.as_secs()));
        let components = vec!["Website".to_owned()];
        story.act(Act::Announce {
            title: "New disks".into(),
            body: "We change disks.".into(),
            from,
            until,
            components,
        });
        story.cut_off();
        story.cut_off();
        story.carry(30);
        let works = |story: &Story| [&story.elsewhere.works[..], &story.elsewhere.incidents[..]].concat();
        assert_eq!(works(&story).len(), 1, "{kind:?}");
        story.pass(3_700);
        let id = story.engine.view(story.moment.wall).maintenances[0].id;
        story.act(Act::Finish { maintenance: id });
        story.carry(30);
        assert_eq!(works(&story)[0]["status"].as_str().unwrap().to_lowercase(), "completed", "{kind:?}");
        assert_eq!(works(&story).len(), 1);
    }
}

#[test]
fn a_busy_page_is_left_alone_and_one_that_is_away_gets_everything_later() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.elsewhere.mood = Mood::Busy;
        story.open("Checkout fails");
        story.carry(60);
        assert!(story.elsewhere.log.len() < 30, "{:?}", story.elsewhere.log);
        story.elsewhere.mood = Mood::Away;
        story.say(Stage::Identified, "A disk is full.");
        story.carry(200);
        assert!(story.keeper.figures(story.moment.now).trouble.contains("connection refused"));
        story.elsewhere.mood = Mood::Well;
        story.carry(400);
        assert_eq!(story.elsewhere.told(0).len(), 2, "{kind:?}");
        assert_eq!(story.said.len(), 2, "trouble and its end, each once: {:?}", story.said);
    }
}

#[test]
fn what_others_attached_stays_attached() {
    let mut story = Story::begin(Kind::Statuspage);
    story.open("Checkout fails");
    story.carry(10);
    story.elsewhere.metadata(0).insert("jira".into(), serde_json::json!({ "issue": "OPS-1" }));
    story.say(Stage::Identified, "A disk is full.");
    story.carry(20);
    assert_eq!(story.elsewhere.metadata(0)["jira"]["issue"], "OPS-1");
    assert_eq!(story.elsewhere.told(0).len(), 2);
}

#[test]
fn a_component_that_is_not_there_keeps_nothing_else_away() {
    let mut story = Story::begin(Kind::Statuspage);
    story.elsewhere.components.retain(|(id, _)| id != "pay1");
    story.open("Checkout fails");
    story.carry(30);
    assert_eq!(story.elsewhere.told(0).len(), 1);
    assert!(story.said.iter().any(|said| said.contains("no component pay1")), "{:?}", story.said);
}

#[test]
fn a_paused_process_keeps_nothing_until_it_goes_on() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.open("Checkout fails");
        story.carry(30);
        story.say(Stage::Resolved, "Well.");
        story.keeper.pause(true);
        let kept = story.kept.clone();
        // What is over for a day and was never said would be given up.
        story.act(Act::Open {
            title: "Search fails".into(),
            stage: Stage::Investigating,
            body: "We look for the cause.".into(),
            components: Vec::new(),
        });
        story.say(Stage::Resolved, "Well again.");
        story.pass(25 * 3_600);
        story.want();
        assert_eq!(
            (&story.kept, story.said.len()),
            (&kept, 0),
            "{kind:?}: the other process's is not overwritten"
        );
        story.keeper.pause(false);
        story.want();
        assert!(story.kept != kept && story.said.len() == 1, "{kind:?}: {:?}", story.said);
    }
}

#[test]
fn an_open_incident_that_is_not_among_the_newest_there_is_looked_at_by_itself() {
    for kind in BOTH {
        let mut story = Story::begin(kind);
        story.open("Checkout fails");
        story.carry(30);
        for number in 0..40 {
            let mut other = story.elsewhere.incidents[0].clone();
            other["id"] = format!("other{number}").into();
            other["name"] = "Of somebody else".into();
            other["metadata"] = serde_json::json!({});
            other["started"] = "2026-11-01T00:00:00Z".into();
            story.elsewhere.incidents.insert(0, other);
        }
        let now = story.moment.wall;
        story.elsewhere.add(40, "resolved", "Over, says a person.", now);
        story.elsewhere.log.clear();
        story.say(Stage::Identified, "A disk is full.");
        story.carry(30);
        assert!(
            story.elsewhere.log.iter().any(|line| line.contains("GET") && line.contains("incidents/inc"))
        );
        assert_eq!(story.elsewhere.told(40).len(), 2, "{kind:?}: what a person closed stays so");
        assert_eq!(story.elsewhere.incidents.len(), 41, "{kind:?}: it is not made again");
    }
}
