//! Whatever happens in whatever order: one incident, nobody's words lost, and in the end there what is said here.

use proptest::prelude::*;

use super::pages::Mood;
use super::*;

#[derive(Clone, Copy, Debug)]
enum Event {
    Say(Stage),
    Seconds(u64),
    CutOff,
    Restart,
    Mood(Mood),
    Edit(usize),
    Rename,
    Close,
    Delete,
    Add,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => prop_oneof![Just(Stage::Investigating), Just(Stage::Identified), Just(Stage::Monitoring)].prop_map(Event::Say),
        4 => (1_u64..90).prop_map(Event::Seconds),
        3 => Just(Event::CutOff),
        1 => Just(Event::Restart),
        3 => prop_oneof![Just(Mood::Well), Just(Mood::Mute), Just(Mood::Away), Just(Mood::Busy), Just(Mood::Crowded)].prop_map(Event::Mood),
        1 => (0_usize..3).prop_map(Event::Edit),
        1 => Just(Event::Rename),
        1 => Just(Event::Close),
        1 => Just(Event::Delete),
        1 => Just(Event::Add),
    ]
}

/// What people wrote there, which must stay.
#[derive(Default)]
struct People {
    words: Vec<String>,
    name: Option<String>,
    closed: bool,
    deleted: u32,
}

fn happen(story: &mut Story, people: &mut People, event: Event, number: usize) {
    let is_there = !story.elsewhere.incidents.is_empty();
    match event {
        Event::Say(stage) => story.say(stage, &format!("News {number}.")),
        Event::Seconds(seconds) => story.carry(seconds),
        Event::CutOff => story.cut_off(),
        Event::Restart => story.restart(),
        Event::Mood(mood) => story.elsewhere.mood = mood,
        Event::Edit(update) if is_there => {
            let words = format!("A person, {number}.");
            let count = story.elsewhere.updates(0).len();
            // What a person wrote over another's words is theirs.
            let there = story.elsewhere.told(0)[count - 1 - update % count].clone();
            people.words.retain(|known| !there.contains(known.as_str()));
            story.elsewhere.edit(0, update % count, &words);
            people.words.push(words);
        }
        Event::Rename if is_there => {
            story.elsewhere.incidents[0]["name"] = format!("Name {number}").into();
            people.name = Some(format!("Name {number}"));
        }
        Event::Close if is_there => {
            let words = format!("Over, says a person, {number}.");
            let now = story.moment.wall;
            story.elsewhere.add(0, "resolved", &words, now);
            people.words.push(words);
            people.closed = true;
        }
        // What was deleted before it was known of could as well never have been taken.
        Event::Delete if is_there && story.kept_there() => {
            story.elsewhere.incidents.clear();
            *people = People { deleted: people.deleted + 1, closed: true, ..People::default() };
        }
        Event::Add if is_there => {
            let words = format!("Also, says a person, {number}.");
            let now = story.moment.wall;
            story.elsewhere.add(0, "identified", &words, now);
            people.words.push(words);
        }
        Event::Edit(_) | Event::Rename | Event::Close | Event::Delete | Event::Add => {}
    }
}

impl Story {
    /// Whether it is kept that an incident is there.
    fn kept_there(&self) -> bool {
        let kept = self.kept.as_deref().unwrap_or_default();
        let memory: memory::Memory = serde_json::from_slice(kept).unwrap_or_default();
        memory.incidents.values().any(|kept| kept.there.is_some())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_incident_nobodys_words_lost_and_in_the_end_what_is_said_here(
        is_statuspage: bool,
        events in proptest::collection::vec(event(), 1..40),
    ) {
        let kind = if is_statuspage { Kind::Statuspage } else { Kind::Instatus };
        let mut story = Story::begin(kind);
        let mut people = People::default();
        story.open("Checkout fails");
        for (number, event) in events.iter().enumerate() {
            happen(&mut story, &mut people, *event, number);
            story.pass(1);
            prop_assert!(story.elsewhere.incidents.len() <= 1, "two incidents after {event:?}: {:#?}", story.elsewhere.log);
            if let Some(name) = &people.name {
                prop_assert_eq!(&story.elsewhere.incidents[0]["name"], name);
            }
            let told = story.elsewhere.incidents.first().map(|_| story.elsewhere.told(0)).unwrap_or_default();
            for words in &people.words {
                prop_assert_eq!(told.iter().filter(|said| said.contains(words.as_str())).count(), 1, "{} {:?}", words, told);
            }
        }
        story.elsewhere.mood = Mood::Well;
        story.pass(400);
        story.say(Stage::Resolved, "All is well at last.");
        story.carry(400);
        prop_assert_eq!(story.keeper.figures(story.moment.now).waiting, 0, "{:?}", story.keeper.figures(story.moment.now));
        if people.deleted > 0 {
            prop_assert!(story.elsewhere.incidents.is_empty(), "it was deleted");
            return Ok(());
        }
        let told = story.elsewhere.told(0);
        prop_assert_eq!(story.elsewhere.incidents[0]["status"].as_str().unwrap().to_lowercase(), "resolved");
        let ours: Vec<_> = told.iter().filter(|said| said.contains("News ") || said.contains("at last")).collect();
        for (place, said) in ours.iter().enumerate() {
            prop_assert!(!ours[..place].contains(said), "twice: {:?}", told);
        }
        let has_edits = told.iter().any(|said| said.contains("A person"));
        if !people.closed && !has_edits {
            let view = story.engine.view(story.moment.wall);
            let here: Vec<_> = view.incidents[0].updates.iter().rev().map(|said| format!("{}: {}", said.stage.name(), said.body.replace('\n', " "))).collect();
            let there: Vec<_> = told.iter().filter(|said| !said.contains("a person, ")).cloned().collect();
            prop_assert_eq!(there, here);
        }
        prop_assert_eq!(story.elsewhere.component("pay1").to_lowercase(), "operational");
    }
}
