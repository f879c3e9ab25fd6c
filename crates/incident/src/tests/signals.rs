//! What alerts of other systems open, join and end.

use std::collections::BTreeMap;

use super::*;
use crate::settings::{SIGNALS_HOURLY, SIGNALS_MAX};
use crate::{Alert, Heeded, SignalSetting, Status};

impl Story {
    /// The alert `PhoneDead` says that the phone is a partial outage, `WebSlow` that the web application is degraded.
    pub(super) fn attending(first_notice: u64) -> Self {
        let mut story = Self::with(Duration::from_secs(first_notice));
        story.engine = story.engine.attending(believed());
        story
    }

    pub(super) fn alert(&mut self, name: &str, is_firing: bool) -> Heeded {
        self.heed(&[alert(name, name, is_firing)])
    }

    fn heed(&mut self, alerts: &[Alert]) -> Heeded {
        let (records, heeded) = self.engine.heed(alerts, self.moment);
        self.records.extend(records);
        heeded
    }

    pub(super) fn status(&self, name: &str) -> Status {
        let view = self.engine.view(self.moment.wall);
        view.components.iter().find(|component| component.name == name).unwrap().status
    }

    pub(super) fn titles(&self) -> Vec<String> {
        self.engine.view(self.moment.wall).incidents.into_iter().map(|incident| incident.title).collect()
    }
}

pub(super) fn believed() -> Vec<SignalSetting> {
    let of = |name: &str, component: &str, status| SignalSetting {
        labels: vec![("alertname".into(), name.into())],
        component: component.into(),
        status,
    };
    vec![
        of("PhoneDead", PHONE, Status::PartialOutage),
        of("PhoneBurns", PHONE, Status::MajorOutage),
        of("WebSlow", "App / Web Application (HTTPS)", Status::DegradedPerformance),
    ]
}

fn alert(name: &str, fingerprint: &str, is_firing: bool) -> Alert {
    let labels = BTreeMap::from([("alertname".to_owned(), name.to_owned())]);
    let text = format!("{name}: <b>words of theirs</b>");
    Alert { fingerprint: fingerprint.to_owned(), is_firing, labels, text }
}

/// 14:31:00 the carrier's exchange fails; 14:50 it works, and fails once more; 15:10 it is over.
#[test]
fn an_alert_opens_an_incident_that_is_told_in_our_words_and_ends_when_it_ends() {
    let mut story = Story::attending(120);
    story.alert("PhoneDead", true);
    story.until(14, 32, &well());
    assert_eq!((story.told(), story.status(PHONE)), (String::new(), Status::Operational), "it may be held");
    story.until(14, 40, &well());
    assert_eq!(story.status(PHONE), Status::PartialOutage);
    story.alert("PhoneBurns", true);
    story.until(14, 50, &well());
    story.alert("PhoneDead", false);
    story.alert("PhoneBurns", false);
    story.until(14, 55, &well());
    assert_eq!(story.status(PHONE), Status::Operational);
    story.alert("PhoneDead", true);
    story.until(15, 10, &well());
    story.alert("PhoneDead", false);
    story.until(15, 40, &well());
    insta::assert_snapshot!("signals_told", story.told());
    insta::assert_snapshot!("signals_noted", story.noted());
    assert_eq!(story.engine.open_count(), 0);
    let everything = format!("{:?}", story.engine.view(story.moment.wall));
    assert!(!everything.contains("words of theirs") && !everything.contains("PhoneDead"), "{everything}");
    let inside = format!("{:?}", story.engine.inside());
    assert!(inside.contains("words of theirs"), "{inside}");
}

#[test]
fn the_same_alert_again_and_again_is_one_signal() {
    let mut story = Story::attending(0);
    for _ in 0..500 {
        assert_eq!(story.alert("PhoneDead", true), Heeded { signals: 1, ..Heeded::default() });
        story.see(1, &well());
    }
    let signals = story.records.iter().filter(|record| matches!(record.entry, Entry::Signalled { .. }));
    assert_eq!((signals.count(), story.titles().len()), (1, 1));
}

#[test]
fn what_flaps_is_one_incident_and_few_entries() {
    let mut story = Story::attending(120);
    for second in 0..3_600 {
        story.alert("PhoneDead", second % 90 < 10);
        story.see(1, &well());
    }
    assert_eq!(story.engine.inside().len(), 1, "{:?}", story.engine.inside());
    assert!(story.records.len() < 200, "{} entries", story.records.len());
    let updates = story.engine.view(story.moment.wall).incidents[0].updates.len();
    assert!(updates < 20, "{updates} updates:\n{}", story.told());
}

#[test]
fn a_broken_system_opens_one_incident_and_fills_little() {
    let mut story = Story::attending(0);
    let many = |from: usize, is_firing| -> Vec<Alert> {
        (from..from + 1_000).map(|number| alert("PhoneDead", &number.to_string(), is_firing)).collect()
    };
    let heeded = story.heed(&many(0, true));
    assert_eq!(heeded, Heeded { signals: 1_000, refused: 1_000 - SIGNALS_MAX, noted: 0 });
    for round in 0..20 {
        story.heed(&many(round * 1_000, false));
        story.see(61, &well());
        story.heed(&many((round + 1) * 1_000, true));
    }
    let new = story
        .records
        .iter()
        .filter(|record| matches!(record.entry, Entry::Signalled { status: Some(_), .. }));
    assert_eq!(new.count(), SIGNALS_HOURLY);
    assert_eq!(story.engine.inside().len(), 1);
}

#[test]
fn an_alert_about_what_the_gate_sees_itself_joins_and_holds_the_end_back() {
    let mut story = Story::attending(0);
    story.see(60, &served_to(25, Door::Open, None, Level::Calm));
    story.alert("WebSlow", true);
    story.see(3_600, &well());
    assert_eq!((story.titles().len(), story.stage()), (1, Some(Stage::Investigating)), "{}", story.told());
    assert_eq!(story.status("Web Application (HTTPS)"), Status::DegradedPerformance);
    story.alert("WebSlow", false);
    story.see(1_000, &well());
    assert_eq!((story.titles().len(), story.stage()), (1, Some(Stage::Resolved)), "{}", story.told());
    assert_eq!(story.status("Web Application (HTTPS)"), Status::Operational);
}

#[test]
fn an_alert_says_of_what_the_gate_watches_what_the_gate_does_not_see() {
    let mut story = Story::attending(0);
    story.alert("WebSlow", true);
    story.see(60, &well());
    assert_eq!(story.titles(), ["Disruption of Web Application (HTTPS)"]);
    assert_eq!(story.status("Web Application (HTTPS)"), Status::DegradedPerformance);
    // The gate's own is another, and its words decide where they are worse.
    story.see(60, &served_to(50, Door::Open, None, Level::Calm));
    assert_eq!(story.titles().len(), 2);
    assert_eq!(story.status("Web Application (HTTPS)"), Status::MajorOutage);
    story.see(2_000, &well());
    assert_eq!(story.status("Web Application (HTTPS)"), Status::DegradedPerformance);
    assert_eq!(story.engine.open_count(), 1);
}

#[test]
fn what_no_setting_believes_is_noted_and_opens_nothing() {
    let mut story = Story::attending(0);
    assert_eq!(story.alert("DiskFull", true), Heeded::default(), "nothing goes on that it could be noted of");
    assert_eq!(story.heed(&[alert("PhoneDead", "", true)]), Heeded::default(), "it has no name of its own");
    assert_eq!(story.engine.inside().len(), 0);
    story.see(60, &served_to(25, Door::Open, None, Level::Calm));
    assert_eq!(story.alert("DiskFull", true), Heeded { noted: 1, ..Heeded::default() });
    assert_eq!(story.engine.inside().len(), 1);
}

#[test]
fn alerts_that_say_very_much_are_noted_in_part() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    let long = |name: &str| Alert { text: "much ".repeat(1_000), ..alert(name, name, true) };
    let heeded = story.heed(&["DiskFull", "MemoryFull", "SwapFull", "AllFull"].map(long));
    assert_eq!(heeded, Heeded { noted: 4, ..Heeded::default() });
}

#[test]
fn in_observe_an_alert_is_recorded_and_not_told() {
    let mut story = Story::attending(0);
    let sight = Sight { observes: true, ..well() };
    story.see(1, &sight);
    story.alert("PhoneDead", true);
    story.see(600, &sight);
    assert_eq!((story.told(), story.engine.open_count()), (String::new(), 1));
    assert_eq!(story.status(PHONE), Status::Operational);
}

#[test]
fn people_hold_it_back_and_call_it_over() {
    let mut story = Story::attending(120);
    story.alert("PhoneDead", true);
    story.see(30, &well());
    story.act(Act::Hold).unwrap();
    story.see(600, &well());
    assert_eq!((story.told(), story.status(PHONE)), (String::new(), Status::Operational));

    let mut story = Story::attending(120);
    story.alert("PhoneDead", true);
    story.see(30, &well());
    story.act(Act::Publish).unwrap();
    assert_eq!(story.status(PHONE), Status::PartialOutage);
    let over = |reason: Option<&str>| Act::Update {
        incident: None,
        stage: Some(Stage::Resolved),
        body: "The alert is wrong.".into(),
        reason: reason.map(Into::into),
    };
    assert!(matches!(story.act(over(None)), Err(ActError::NotOver(_))));
    story.act(over(Some("The probe was broken."))).unwrap();
    assert_eq!(story.status(PHONE), Status::Operational, "at once");
    for _ in 0..3 {
        story.alert("PhoneDead", true);
        story.see(3_600, &well());
    }
    assert_eq!((story.titles().len(), story.engine.open_count()), (1, 0), "{}", story.told());
    story.alert("PhoneDead", false);
    story.see(61, &well());
    story.alert("PhoneDead", true);
    assert_eq!(story.engine.open_count(), 1, "it was over, and fires anew");
}

#[test]
fn what_fires_goes_on_over_a_restart_and_ends_when_nobody_repeats_it() {
    let mut story = Story::attending(0);
    story.alert("PhoneDead", true);
    story.see(60, &well());
    let mut engine = Engine::new(settings(Duration::ZERO)).attending(believed());
    for record in &story.records {
        engine.restore(&record.bytes, record.hash).unwrap();
    }
    story.engine = engine;
    story.see(5 * 3_600, &well());
    assert_eq!((story.status(PHONE), story.titles().len()), (Status::PartialOutage, 1));
    story.see(2 * 3_600, &well());
    assert_eq!((story.status(PHONE), story.stage()), (Status::Operational, Some(Stage::Resolved)));
}

#[test]
fn every_text_about_alerts_can_be_read_beforehand() {
    let texts = crate::preview_signals(&believed(), at(14, 30).wall);
    let shown = texts.iter().map(|text| format!("# {} ({})\n{}\n", text.occasion, text.stage, text.body));
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
    assert!(crate::preview_signals(&[], at(14, 30).wall).is_empty());
}

pub(super) const PHONE: &str = "Phone support";
