//! Alerts of other systems beside what the gate sees, people and other processes.

use super::signals::{PHONE, believed};
use super::*;
use crate::{SignalSetting, Status};

fn hurt() -> Sight {
    served_to(50, Door::Open, None, Level::Calm)
}

impl Story {
    /// Another process goes on with the same record and these settings.
    fn restart(&mut self, signals: Vec<SignalSetting>) {
        let mut engine = Engine::new(settings(self.engine.settings.first_notice)).attending(signals);
        for record in &self.records {
            engine.restore(&record.bytes, record.hash).unwrap();
        }
        self.engine = engine;
    }

    /// Everything that was said of what has this title.
    fn words_of(&self, title: &str) -> String {
        let view = self.engine.view(self.moment.wall);
        let of_it = view.incidents.iter().filter(|incident| incident.title.contains(title));
        of_it
            .flat_map(|incident| incident.updates.iter().rev())
            .map(|update| update.body.clone() + "\n")
            .collect()
    }

    fn says(&mut self, incident: Option<PublicId>, stage: Stage, body: &str) {
        self.act(Act::Update { incident, stage: Some(stage), body: body.into(), reason: None }).unwrap();
    }
}

#[test]
fn a_hold_reaches_the_notice_that_waits_and_not_what_has_none() {
    let mut story = Story::attending(120);
    // An attack that hurts nobody has an incident, of which no notice is planned.
    let attacked = Sight { cause: Some(Cause::Attack), level: Level::CustomersFirst, ..well() };
    story.see(30, &attacked);
    story.alert("PhoneDead", true);
    story.see(30, &attacked);
    story.act(Act::Hold).unwrap();
    story.see(300, &attacked);
    assert_eq!(story.told(), "", "the notice of the alert was held back");
    story.see(300, &hurt());
    assert_eq!(story.titles(), ["Disruption of Web Application (HTTPS)"], "and no other");
}

#[test]
fn of_two_notices_that_wait_a_person_holds_the_one_they_saw() {
    let mut story = Story::attending(120);
    story.alert("PhoneDead", true);
    story.see(30, &hurt());
    let inside = story.engine.inside();
    let waiting: Vec<_> = inside.iter().filter(|of| of.planned.is_some()).collect();
    let [own, phone] = &waiting[..] else { panic!("{waiting:?}") };
    assert!(phone.planned < own.planned, "without more it is the other that is meant");
    let seen = Some(own.revision);
    let records = story.engine.act(Act::Hold, seen, "uid 1000", story.moment).unwrap();
    story.records.extend(records);
    story.see(300, &hurt());
    assert_eq!(story.titles(), ["Disruption of Phone support"]);
}

#[test]
fn nobody_says_that_all_is_well_of_what_the_page_shows_to_be_down() {
    let mut story = Story::attending(60);
    story.alert("WebSlow", true);
    story.see(70, &hurt());
    story.alert("WebSlow", false);
    story.see(1_800, &hurt());
    let words = story.words_of("");
    assert!(!words.contains("works as usual") && !words.contains("This is over"), "{words}");
    story.see(1_800, &well());
    assert_eq!(story.engine.open_count(), 0, "{}", story.told());

    // The same where a person says so.
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(10, &well());
    let phone = |status| Act::Override { component: PHONE.into(), status };
    story.act(phone(Some(Status::MajorOutage))).unwrap();
    story.alert("PhoneDead", false);
    story.see(1_800, &well());
    assert!(!story.told().contains("works as usual"), "{}", story.told());
    story.act(phone(None)).unwrap();
    story.see(1_800, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved));
}

#[test]
fn what_an_alert_joined_is_watched_for_ten_minutes_after_it_and_has_lasted_until_then() {
    let mut story = Story::attending(0);
    story.until(14, 33, &well());
    story.until(14, 40, &hurt());
    story.alert("WebSlow", true);
    story.until(17, 0, &well());
    story.alert("WebSlow", false);
    story.until(17, 9, &well());
    assert_eq!(story.stage(), Some(Stage::Monitoring), "{}", story.told());
    story.until(17, 20, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved), "{}", story.told());
    let words = story.words_of("");
    assert!(words.contains("Everybody has been served as usual since 17:00 UTC"), "{words}");
    assert!(words.contains("lasted 2 hours 27 minutes") || words.contains("lasted 2 h 27 min"), "{words}");
    let again = story.engine.view(story.moment.wall).incidents[0].served_again_at;
    assert_eq!(again.map(clock).as_deref(), Some("17:00:00"));
}

#[test]
fn what_an_alert_joined_goes_on_when_it_fires_again() {
    let mut story = Story::attending(0);
    story.see(120, &hurt());
    story.alert("WebSlow", true);
    story.see(60, &well());
    story.alert("WebSlow", false);
    story.see(1_200, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved));
    story.alert("WebSlow", true);
    story.see(60, &well());
    assert_eq!((story.titles().len(), story.stage()), (1, Some(Stage::Identified)), "{}", story.told());
}

#[test]
fn an_end_that_was_heard_outlives_a_restart() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(60, &well());
    story.alert("PhoneDead", false);
    story.see(5, &well());
    story.restart(believed());
    story.see(70, &well());
    assert_eq!((story.status(PHONE), story.stage()), (Status::Operational, Some(Stage::Monitoring)));
    // And long after it nothing shows that it ever fired.
    story.see(3_600, &well());
    story.restart(believed());
    story.alert("PhoneBurns", false);
    assert_eq!(story.status(PHONE), Status::Operational);
    story.see(1, &well());
    assert_eq!(story.status(PHONE), Status::Operational);
}

#[test]
fn words_about_another_incident_do_not_move_what_was_promised() {
    let mut story = Story::with(Duration::ZERO);
    story.see(120, &hurt());
    let promised = story.engine.view(story.moment.wall).incidents[0].next_update_by.unwrap();
    let open = Act::Open {
        title: "The newsletter is late".into(),
        stage: Stage::Investigating,
        body: "It comes tomorrow.".into(),
        components: vec![],
    };
    story.act(open).unwrap();
    let own = story.engine.state.own().unwrap().number;
    let before = story.engine.state.own().unwrap().said.len();
    while story.moment.wall < promised {
        story.see(1, &hurt());
    }
    story.see(1, &hurt());
    let own = story.engine.state.cases.iter().find(|case| case.number == own).unwrap();
    assert_eq!(own.said.len(), before + 1, "{}", story.told());
}

#[test]
fn an_end_is_an_end_whatever_is_believed_by_then() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(60, &well());
    let burns = believed().into_iter().filter(|setting| setting.labels[0].1 != "PhoneDead").collect();
    story.restart(burns);
    story.alert("PhoneDead", false);
    story.see(61, &well());
    assert_eq!(story.status(PHONE), Status::Operational);
}

#[test]
fn what_no_setting_believes_any_more_is_left_to_people() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(60, &well());
    story.restart(Vec::new());
    story.see(3_600, &well());
    assert!(!story.told().contains("works as usual"), "nobody knows: {}", story.told());
    assert_eq!(story.engine.open_count(), 1);
    story.says(None, Stage::Resolved, "The phone works.");
    assert_eq!(story.engine.open_count(), 0);
}

#[test]
fn what_a_person_says_after_the_end_stands_also_in_the_next_process() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(60, &well());
    story.alert("PhoneDead", false);
    story.see(10, &well());
    story.says(None, Stage::Identified, "Some calls still break off.");
    for _ in 0..2 {
        story.see(2 * 3_600, &well());
        assert!(!story.told().contains("works as usual"), "{}", story.told());
        story.restart(believed());
    }
    story.says(None, Stage::Monitoring, "All calls go through.");
    story.see(3_600, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved), "{}", story.told());
}

#[test]
fn what_fires_again_is_told_although_a_report_or_an_hour_came_between() {
    let over = |story: &mut Story| {
        story.alert("PhoneDead", true);
        story.see(10, &well());
        story.alert("PhoneDead", false);
        story.see(700, &well());
        assert_eq!(story.stage(), Some(Stage::Resolved));
    };
    // It is heard in the last second in which it is the same incident, and the next process tells of it.
    let mut story = Story::attending(0);
    over(&mut story);
    while story.engine.state.recent_by_alert(story.moment.wall + Duration::from_secs(1)).is_some() {
        story.see(1, &well());
    }
    story.alert("PhoneDead", true);
    story.restart(believed());
    story.see(30, &well());
    assert_eq!((story.titles().len(), story.status(PHONE)), (1, Status::PartialOutage), "{}", story.told());

    let mut story = Story::attending(0);
    over(&mut story);
    story.alert("PhoneDead", true);
    let report = Act::Report { incident: story.newest(), body: "A cable was cut.".into() };
    story.act(report).unwrap();
    story.see(2, &well());
    assert_eq!(story.status(PHONE), Status::PartialOutage, "{}", story.told());
}

#[test]
fn a_clock_that_was_set_back_hides_no_incident() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(120, &hurt());
    story.alert("PhoneDead", false);
    story.see(2_000, &well());
    assert_eq!(story.engine.open_count(), 0);
    story.moment.wall = story.moment.wall.before(Duration::from_secs(900));
    story.see(180, &well());
    story.alert("PhoneDead", true);
    story.see(60, &hurt());
    assert_eq!(story.engine.open_count(), 2, "{}", story.told());
    assert_eq!(story.status(PHONE), Status::PartialOutage);
}

#[test]
fn who_holds_one_alert_back_does_not_hold_another() {
    let mut story = Story::attending(60);
    story.alert("PhoneDead", true);
    story.see(10, &well());
    story.act(Act::Hold).unwrap();
    story.alert("PhoneDead", false);
    story.see(700, &well());
    assert_eq!(story.engine.open_count(), 0);
    story.alert("WebSlow", true);
    story.see(120, &well());
    assert_eq!(story.titles(), ["Disruption of Web Application (HTTPS)"]);
}

#[test]
fn what_people_hold_back_does_not_come_back_by_itself() {
    let mut story = Story::attending(60);
    story.alert("PhoneDead", true);
    story.see(10, &well());
    story.act(Act::Hold).unwrap();
    let id = story.engine.inside()[0].id;
    story.says(Some(id), Stage::Identified, "The phone is dead.");
    story.alert("PhoneDead", false);
    story.see(700, &well());
    story.says(Some(id), Stage::Resolved, "It works.");
    let said = story.told();
    story.alert("PhoneDead", true);
    story.see(600, &well());
    assert_eq!(story.told(), said);
    assert_eq!(story.engine.open_count(), 1, "colleagues are told");
}

#[test]
fn an_alert_must_have_been_over_for_a_while_before_a_person_says_so_without_a_reason() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(10, &well());
    story.alert("PhoneDead", false);
    story.see(120, &well());
    let over =
        Act::Update { incident: None, stage: Some(Stage::Resolved), body: "Over.".into(), reason: None };
    assert!(matches!(story.act(over), Err(ActError::NotOver(why)) if why.contains("10 minutes")));
    story.see(600, &well());
    assert_eq!(story.stage(), Some(Stage::Resolved), "by itself");
}

#[test]
fn an_alert_in_the_first_second_of_a_process_goes_on_with_what_was_there() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(10, &well());
    story.alert("PhoneDead", false);
    story.see(700, &well());
    story.restart(believed());
    story.alert("PhoneDead", true);
    story.see(2, &well());
    assert_eq!((story.titles().len(), story.status(PHONE)), (1, Status::PartialOutage));
}
