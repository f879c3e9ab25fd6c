use incident::{ComponentSetting, Engine, Moment, Settings, Stage, Watches};

use super::*;

/// The reply's data after an act, in the words of the console.
fn data(engine: &mut Engine, command: PageCommand) -> Value {
    let (act, seen) = wanted(command).unwrap();
    let about = engine.about(&act);
    let moment = Moment { wall: Timestamp::from_secs(1_795_876_200), ..Moment::default() };
    engine.act(act, seen, "root", moment).unwrap();
    let component = |of: incident::Standing<'_>| admin::Component {
        name: of.name.to_owned(),
        status: of.status,
        is_said: of.is_said,
        revision: of.revision,
    };
    let known = Known {
        incidents: engine.inside(),
        components: engine.components().map(component).collect(),
        counts: engine.counts(),
        work_revisions: engine.work_revisions().collect(),
        view: engine.view(moment.wall),
    };
    value_of(&Done { known, about })
}

fn open(title: &str) -> PageCommand {
    PageCommand::Open {
        title: title.into(),
        stage: Stage::Identified,
        text: format!("{title}."),
        components: Vec::new(),
        seen: None,
    }
}

#[test]
fn an_act_is_answered_with_what_it_was_about() {
    let name = "Website".to_owned();
    let website = ComponentSetting {
        name: name.clone(),
        groups: Vec::new(),
        description: String::new(),
        watches: Watches::Site,
    };
    let mut engine = Engine::new(Settings::new(vec![website], std::time::Duration::ZERO));
    let [first, second] = ["Mail is late", "No telephone"].map(|title| data(&mut engine, open(title)));
    assert_eq!([&first["title"], &second["title"]], ["Mail is late", "No telephone"]);
    let id: PublicId = first["id"].as_str().unwrap().parse().unwrap();
    let text = "It is over.".to_owned();
    let stage = Some(Stage::Resolved);
    let told = PageCommand::Update { id: Some(id), stage, text, reason: None, seen: None };
    let told = data(&mut engine, told);
    assert_eq!((&told["id"], &told["stage"]), (&first["id"], &json!("resolved")));
    // The only one that goes on is named although it does not any more.
    let text = "Over, too.".to_owned();
    let over = PageCommand::Update { id: None, stage, text, reason: None, seen: None };
    assert_eq!(data(&mut engine, over)["id"], second["id"]);
    let status = Some(incident::Status::MajorOutage);
    let said = PageCommand::Component { name, status, seen: None };
    assert_eq!(data(&mut engine, said)["status"], "major_outage");
    let announce = |title: &str, from| PageCommand::Announce {
        title: title.into(),
        text: "We change disks.".into(),
        from,
        until: from + 60,
        components: Vec::new(),
        seen: None,
    };
    let work = data(&mut engine, announce("Later", 1_795_886_200));
    assert_eq!(work["title"], "Later");
    assert_eq!(data(&mut engine, announce("Sooner", 1_795_880_000))["title"], "Sooner");
    let id: PublicId = work["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(data(&mut engine, PageCommand::Finish { id, seen: None })["id"], work["id"]);
}
