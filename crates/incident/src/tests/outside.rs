//! What nobody behind the gate can feel: the way to it is dead.

use super::*;
use crate::{Outside, Readers, Spell};

fn unreached(since: Timestamp) -> Sight {
    Sight { outside: Outside::Unreached { since }, ..Sight::default() }
}

fn reached() -> Sight {
    Sight { outside: Outside::Reached, ..well() }
}

/// 18:30: nobody outside reaches the site any more. 18:45: they do again.
#[test]
fn probes_from_elsewhere_tell_what_the_gate_cannot_feel() {
    let mut story = Story::with(Duration::ZERO);
    story.until(18, 30, &reached());
    let since = story.moment.wall;
    story.until(18, 45, &unreached(since));
    story.until(19, 10, &reached());
    insta::assert_snapshot!("outside_told", story.told());
    insta::assert_snapshot!("outside_noted", story.noted());
    let view = story.engine.view(story.moment.wall);
    assert_eq!(view.outside.len(), 1);
    assert_eq!((view.outside[0].id, view.outside[0].from), (view.incidents[0].id, since));
}

#[test]
fn not_to_know_ends_nothing_and_begins_nothing() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &Sight::default());
    let since = story.moment.wall;
    story.see(60, &unreached(since));
    story.see(60, &Sight::default());
    assert_eq!(story.engine.view(story.moment.wall).outside[0].until, None);
    story.see(60, &reached());
    assert!(story.engine.view(story.moment.wall).outside[0].until.is_some());
}

#[test]
fn one_outpost_that_reaches_nothing_makes_no_outage_of_a_site_that_serves_people() {
    let mut story = Story::with(Duration::ZERO);
    let since = story.moment.wall;
    story.see(1_200, &Sight { outside: Outside::Unreached { since }, ..well() });
    assert_eq!((story.told().as_str(), story.engine.open_count()), ("", 0));
    assert_eq!(story.engine.view(story.moment.wall).outside, []);
}

#[test]
fn what_an_outpost_told_of_a_time_in_which_customers_were_served_is_noted_and_not_told() {
    let mut story = Story::with(Duration::ZERO);
    story.see(600, &well());
    let spell = spell(&story, 400, 300);
    let records = story.engine.hear(&spell, story.moment);
    story.records.extend(records);
    let mut view = story.engine.view(story.moment.wall);
    assert_eq!((story.told().as_str(), view.outside.as_slice()), ("", [spell].as_slice()), "it hands back");
    assert_eq!(story.engine.hear(&spell, story.moment), [], "once");
    assert_eq!(story.engine.open_count(), 0);
    let mut outpost = Story::with(Duration::ZERO);
    outpost.moment = Moment { wall: spell.from, ..outpost.moment };
    outpost.see(300, &unreached(spell.from));
    outpost.moment.wall = spell.until.unwrap().before(Duration::from_secs(1));
    outpost.see(1, &reached());
    assert!(!view.add_outside(&outpost.engine.view(outpost.moment.wall)), "nor does the outpost any more");
    let mut again = Engine::new(settings(Duration::ZERO));
    for record in &story.records {
        again.restore(&record.bytes, record.hash).unwrap();
    }
    assert_eq!(again.view(story.moment.wall).outside, [spell]);
}

#[test]
fn what_the_gate_saw_and_did_not_tell_is_told_when_the_outpost_has_told_it() {
    // First notices wait two minutes: a time that is shorter is not told here, but was there.
    let mut story = Story::begin();
    story.see(120, &Sight::default());
    let since = story.moment.wall;
    story.see(60, &unreached(since));
    story.see(20, &reached());
    assert_eq!(story.told(), "");
    let until = Some(since + Duration::from_secs(55));
    let spell = Spell { id: PublicId::of(&[7; 32]), from: since, until };
    let records = story.engine.hear(&spell, story.moment);
    story.records.extend(records);
    let view = story.engine.view(story.moment.wall);
    assert_eq!(view.incidents.iter().map(|incident| incident.id).collect::<Vec<_>>(), [spell.id]);
    assert!(view.outside.iter().any(|known| known.until >= spell.until), "it hands back");
    story.see(1_200, &reached());
    assert_eq!(story.engine.hear(&spell, story.moment), [], "once");
    assert_eq!(story.engine.view(story.moment.wall).incidents.len(), 1);
}

#[test]
fn what_is_heard_while_the_gate_sees_the_same_waits_until_that_is_over() {
    let mut story = Story::begin();
    story.see(120, &Sight::default());
    let since = story.moment.wall;
    story.see(60, &unreached(since));
    let (from, until) = (since.before(Duration::from_secs(90)), Some(since + Duration::from_secs(30)));
    let spell = Spell { id: PublicId::of(&[7; 32]), from, until };
    assert_eq!(story.engine.hear(&spell, story.moment), []);
    story.see(40, &reached());
    let view = story.engine.view(story.moment.wall);
    assert_eq!(
        view.outside.iter().filter_map(|known| known.until).max().map(|end| Some(end) >= until),
        Some(true)
    );
    assert_eq!(view.incidents.len(), 1);
}

#[test]
fn a_time_out_of_reach_ends_with_what_it_belongs_to_where_nobody_tells_how_it_ended() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &Sight::default());
    let since = story.moment.wall;
    story.see(120, &unreached(since));
    let last = story.moment.wall;
    // The outpost is gone, and customers are served.
    story.see(1_800, &well());
    let spells = story.engine.view(story.moment.wall).outside;
    assert_eq!((spells.len(), spells[0].until), (1, Some(last)));
}

fn spell(story: &Story, ago: u64, lasted: u64) -> Spell {
    let from = story.moment.wall.before(Duration::from_secs(ago));
    Spell { id: PublicId::of(&[7; 32]), from, until: Some(from + Duration::from_secs(lasted)) }
}

#[test]
fn what_an_outpost_told_is_in_the_record_and_on_the_page_under_the_same_name() {
    let mut story = Story::begin();
    story.see(200, &well());
    story.see(300, &Sight::default());
    story.see(100, &well());
    let spell = spell(&story, 400, 300);
    let records = story.engine.hear(&spell, story.moment);
    story.records.extend(records);
    let view = story.engine.view(story.moment.wall);
    assert_eq!((view.incidents[0].id, view.incidents[0].stage), (spell.id, Stage::Resolved));
    let trouble = view.components[1].troubles[0];
    assert_eq!((trouble.from, trouble.until), (spell.from, spell.until));
    assert_eq!(view.outside, [spell]);
    insta::assert_snapshot!("heard_told", story.told());
    insta::assert_snapshot!("heard_noted", story.noted());
    assert_eq!(story.engine.hear(&spell, story.moment), [], "once");
    let draft = story.engine.draft(&[spell.id], Readers::Colleagues, story.moment.wall).unwrap();
    assert!(draft.text.contains("outside could not reach us from"), "{}", draft.text);
    let mut again = Engine::new(settings(Duration::from_secs(120)));
    for record in &story.records {
        again.restore(&record.bytes, record.hash).unwrap();
    }
    assert_eq!(again.view(story.moment.wall), view, "and after a restart");
}

#[test]
fn what_the_gate_saw_and_told_itself_is_not_told_again() {
    let mut story = Story::with(Duration::ZERO);
    let since = story.moment.wall;
    story.see(300, &unreached(since));
    story.see(90, &reached());
    let told = story.told();
    // The outpost saw it a little longer.
    let longer = Spell {
        id: PublicId::of(&[7; 32]),
        from: since.before(Duration::from_secs(3)),
        until: Some(since + Duration::from_secs(310)),
    };
    let records = story.engine.hear(&longer, story.moment);
    assert_eq!(records.len(), 1);
    assert_eq!(story.told(), told);
}

#[test]
fn what_the_public_knows_of_gets_news_and_what_people_hold_back_none() {
    let down = served_to(50, Door::Open, Some(Cause::Attack), Level::Limiting);
    let mut story = Story::with(Duration::ZERO);
    story.see(300, &down);
    let spell = spell(&story, 200, 100);
    let records = story.engine.hear(&spell, story.moment);
    story.records.extend(records);
    let view = story.engine.view(story.moment.wall);
    assert_eq!((view.incidents.len(), view.incidents[0].stage.is_open()), (1, true));
    assert!(story.told().contains("could not be reached from outside"), "{}", story.told());
    let mut story = Story::begin();
    story.see(60, &down);
    story.act(Act::Hold).unwrap();
    let spell = self::spell(&story, 50, 40);
    story.engine.hear(&spell, story.moment);
    assert_eq!(story.told(), "");
}

#[test]
fn a_page_that_is_held_elsewhere_is_told_on_and_handed_back_whole() {
    let mut gate = Story::begin();
    gate.see(60, &well());
    let held = gate.engine.view(gate.moment.wall);
    let mut outpost = Story::with(Duration::ZERO);
    outpost.see(60, &Sight::default());
    outpost.moment = gate.moment;
    outpost.see(60, &unreached(gate.moment.wall));
    let own = outpost.engine.view(outpost.moment.wall);
    let mut shown = held.clone();
    assert!(shown.add_outside(&own));
    assert_eq!(shown.incidents[0].stage, Stage::Investigating);
    let statuses: Vec<&str> = shown.components.iter().map(|component| component.status.name()).collect();
    assert_eq!(
        statuses,
        ["major_outage", "major_outage", "major_outage", "operational"],
        "people alone speak of phones"
    );
    // The way is free again: the gate hears of it and tells it itself.
    outpost.see(30, &reached());
    let own = outpost.engine.view(outpost.moment.wall);
    gate.moment = outpost.moment;
    gate.engine.hear(&own.outside[0], gate.moment);
    let told = gate.engine.view(gate.moment.wall);
    let mut shown = told.clone();
    assert!(!shown.add_outside(&own));
    assert_eq!(shown, told);
    assert_eq!(told.incidents[0].id, own.incidents[0].id, "links and feeds go on");
}
