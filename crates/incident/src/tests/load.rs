//! What came while an incident went on: in the record, in drafts, and on the page when it is over.

use super::*;
use crate::load::TALLIES_MAX;
use crate::{Chart, Readers, Tally, Unit};

/// A second of an attack; strangers are turned away by rules.
fn attacked(offered: u64, refused: u64) -> Sight {
    let load = crate::Load { offered, refused: [0, 7, refused, 0], rules: 2, is_asking: true };
    Sight { load: Some(load), ..served_to(0, Door::Closed, Some(Cause::Attack), Level::CustomersFirst) }
}

fn calm() -> Sight {
    Sight { load: Some(crate::Load { offered: 110, ..crate::Load::default() }), ..well() }
}

impl Story {
    fn tallies(&self) -> Vec<Tally> {
        let tally = |record: &Record| {
            let Entry::Counted { tally, .. } = &record.entry else { return None };
            Some(*tally)
        };
        self.records.iter().filter_map(tally).collect()
    }

    /// An attack of half an hour with thirty people of each audience, and an hour after it.
    pub(super) fn attacked_for_half_an_hour() -> Self {
        let mut story = Self::begin();
        story.spend(14, 40, &calm(), [1_000, 1_000]);
        story.spend(14, 42, &attacked(3_456, 3_300), [600, 200]);
        story.spend(15, 10, &attacked(2_222, 2_100), [999, 700]);
        story.spend(15, 12, &Sight { level: Level::Reopening, ..attacked(200, 50) }, [1_000, 900]);
        story.spend(15, 40, &calm(), [1_000, 1_000]);
        story
    }

    fn spend(&mut self, hour: u64, minute: u64, sight: &Sight, served: [u64; 2]) {
        while self.moment.wall < at(hour, minute).wall {
            let is_new = self.moment.wall.as_secs() % 300 == self.counted_at;
            for (spent, served) in self.spent.iter_mut().zip(served) {
                spent.up += 30 * served;
                spent.down += 30 * (1_000 - served);
                spent.there += if is_new { 30 } else { 0 };
                spent.came += if is_new { 1 } else { 0 };
            }
            self.see(1, sight);
        }
    }
}

#[test]
fn what_came_is_written_down_every_minute_and_at_the_end_of_an_incident() {
    let story = Story::attacked_for_half_an_hour();
    let tallies = story.tallies();
    // From the minute before 14:40 on to the moment in which it is called over.
    let resolved = story.engine.view(story.moment.wall).incidents[0].resolved_at.unwrap();
    let whole: u64 = tallies.iter().map(|tally| tally.millis).sum();
    assert_eq!(tallies[0].from + whole, resolved.as_millis());
    let [all, last] = [&tallies[..], &tallies[tallies.len() - 1..]].map(<[Tally]>::len);
    assert!(last == 1 && (40..60).contains(&all), "{all}");
    assert!(tallies[..all - 1].iter().all(|tally| tally.millis == 60_000));
    let worst = tallies[1];
    assert_eq!((worst.offered, worst.peak, worst.refused), (60 * 3_456, 3_456, [0, 420, 60 * 3_300, 0]));
    assert_eq!((worst.rules, worst.is_asking, worst.level.0), (2, true, Level::CustomersFirst));
    assert_eq!([worst.people[0].up, worst.people[0].down], [60 * 30 * 600, 60 * 30 * 400]);
}

#[test]
fn colleagues_read_what_came_and_everybody_in_coarse_form_half_an_hour_after_it() {
    let story = Story::attacked_for_half_an_hour();
    let (id, resolved) = (story.newest(), story.engine.view(story.moment.wall).incidents[0].resolved_at);
    let draft = |readers, minutes: u64| {
        let now = resolved.unwrap() + Duration::from_secs(60 * minutes);
        let draft = story.engine.draft(&[id], readers, now).unwrap();
        let facts = draft.text.split("## ").find(|part| part.starts_with("What came")).unwrap_or_default();
        format!("{facts}{}", drawn(&draft.charts))
    };
    insta::assert_snapshot!("load_for_colleagues", draft(Readers::Colleagues, 0));
    let early = draft(Readers::Public, 29);
    assert!(!early.contains("equests") && !early.contains("share"), "{early}");
    insta::assert_snapshot!("load_for_the_public", draft(Readers::Public, 30));
    let late = draft(Readers::Public, 30);
    for exact in ["3456", "2222", "rule", "client limits", "peak", "busiest"] {
        assert!(!late.contains(exact), "{exact}: {late}");
    }
}

/// Also what an outpost or a mirror gets.
#[test]
fn the_page_has_no_chart_until_half_an_hour_after_it_was_over() {
    let mut story = Story::attacked_for_half_an_hour();
    let resolved = story.engine.view(story.moment.wall).incidents[0].resolved_at.unwrap();
    let shown = |story: &Story, seconds: u64| {
        story.engine.view(resolved + Duration::from_secs(seconds)).incidents[0].clone()
    };
    assert_eq!(shown(&story, 1_799).charts, []);
    let charts = shown(&story, 1_800).charts;
    let is_untold = |chart: &Chart| {
        let points = chart.curves.iter().flat_map(|curve| &curve.points).map(|point| point.entry);
        points.chain(chart.steps.iter().map(|step| step.entry)).all(|entry| entry == 0)
    };
    assert!(charts.len() == 5 && charts.iter().all(is_untold), "{charts:?}");
    let kept = serde_json::to_string(&charts).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Chart>>(&kept).unwrap(), charts);
    assert!(!kept.contains("entry"), "{kept}");
    // What the gate did joins them when people have published their report.
    let done = |charts: &[Chart]| {
        charts.iter().any(|chart| chart.values.iter().any(|value| value == "customers first"))
    };
    assert!(!done(&charts));
    story.act(Act::Report { incident: story.newest(), body: "It is over.".into() }).unwrap();
    assert!(done(&story.engine.view(resolved + Duration::from_secs(1_800)).incidents[0].charts));
    assert_eq!(story.engine.view(resolved + Duration::from_secs(1_799)).incidents[0].charts, []);
}

#[test]
fn what_follows_before_half_an_hour_is_over_hides_the_charts_of_what_came_before() {
    let mut story = Story::attacked_for_half_an_hour();
    let report = Act::Report { incident: story.newest(), body: "It was a flood.".into() };
    story.act(report).unwrap();
    story.spend(15, 45, &attacked(3_456, 3_300), [100, 100]);
    let charts = |story: &Story, after: u64| {
        let view = story.engine.view(story.moment.wall + Duration::from_secs(after));
        view.incidents.iter().map(|incident| incident.charts.len()).collect::<Vec<_>>()
    };
    assert_eq!(charts(&story, 86_400), [0, 0], "the newer goes on");
    story.spend(16, 30, &calm(), [1_000, 1_000]);
    let resolved = story.engine.view(story.moment.wall).incidents[0].resolved_at.unwrap();
    let shown = |after: u64| {
        let view = story.engine.view(resolved + Duration::from_secs(after));
        view.incidents.iter().map(|incident| !incident.charts.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!((shown(1_799), shown(1_800)), (vec![false; 2], vec![true; 2]));
}

#[test]
fn a_word_after_the_end_moves_no_end_and_what_nobody_counted_is_in_no_band() {
    let mut story = Story::attacked_for_half_an_hour();
    let of = |story: &Story| {
        let now = story.moment.wall + Duration::from_secs(86_400);
        story.engine.view(now).incidents[0].charts.clone()
    };
    let before: Vec<_> = of(&story).iter().map(|chart| chart.until).collect();
    story.spend(16, 0, &calm(), [1_000, 1_000]);
    let words = Act::Update {
        incident: Some(story.newest()),
        stage: Some(Stage::Resolved),
        body: "Refunds were sent.".into(),
        reason: None,
    };
    story.act(words).unwrap();
    assert_eq!(of(&story).iter().map(|chart| chart.until).collect::<Vec<_>>(), before);

    // A process that dies for ten minutes within it.
    let mut story = Story::begin();
    // Within their five minutes, as the gate does it.
    story.counted_at = 30;
    story.spend(14, 40, &calm(), [1_000, 1_000]);
    story.spend(14, 50, &attacked(3_456, 3_300), [100, 100]);
    let mut next = Engine::new(story.engine.settings.clone());
    for record in &story.records {
        next.restore(&record.bytes, record.hash).unwrap();
    }
    (story.engine, story.spent) = (next, Default::default());
    story.moment = at(15, 0);
    story.spend(15, 10, &attacked(3_456, 3_300), [100, 100]);
    story.spend(15, 40, &calm(), [1_000, 1_000]);
    let charts = of(&story);
    let bands = charts.iter().find(|chart| !chart.steps.is_empty() && chart.title.contains("share")).unwrap();
    let none = bands.values.len() - 1;
    // The newest of what is told of the time in which no process was there.
    let silent = bands.steps.iter().rev().find(|step| step.at < at(15, 0).wall).unwrap();
    assert_eq!(silent.value, none, "{bands:?}");
}

#[test]
fn what_audiences_had_is_not_on_a_page_that_tells_no_figures() {
    let mut story = Story::attacked_for_half_an_hour();
    story.engine.settings.audience_figures = false;
    let now = story.moment.wall + Duration::from_hours(2);
    let charts = story.engine.view(now).incidents[0].charts.clone();
    let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
    assert!(titles.contains(&"Requests a second"), "{titles:?}");
    assert!(!titles.iter().any(|title| title.contains("share")), "{titles:?}");
}

#[test]
fn what_came_outlives_a_restart() {
    let story = Story::attacked_for_half_an_hour();
    let mut again = Engine::new(settings(Duration::ZERO));
    for record in &story.records {
        again.restore(&record.bytes, record.hash).unwrap();
    }
    let now = story.moment.wall + Duration::from_hours(1);
    let of = |engine: &Engine| engine.view(now).incidents[0].charts.clone();
    assert_eq!(of(&again), of(&story.engine));
}

/// Of a time in which nobody outside could reach the site there is no share: those who did not get through are in no figure.
#[test]
fn nobody_has_a_share_of_a_time_in_which_nobody_came_through() {
    let mut story = Story::begin();
    story.spend(14, 35, &calm(), [1_000, 1_000]);
    let dead = Sight { outside: crate::Outside::Unreached { since: story.moment.wall }, ..Sight::default() };
    let load = Some(crate::Load::default());
    story.spend(14, 50, &Sight { load, ..dead }, [1_000, 1_000]);
    story.spend(15, 30, &Sight { outside: crate::Outside::Reached, ..calm() }, [1_000, 1_000]);
    let draft = story.engine.draft(&[story.newest()], Readers::Colleagues, story.moment.wall).unwrap();
    let chart = draft.charts.iter().find(|chart| chart.title.contains("share")).unwrap();
    let spell = at(14, 37).wall..at(14, 49).wall;
    let within = chart.curves[0].points.iter().filter(|point| spell.contains(&point.from));
    assert!(within.clone().count() >= 10 && within.into_iter().all(|point| point.value.is_none()));
    assert!(chart.curves[0].points.iter().any(|point| point.value == Some(10_000)));
}

#[test]
fn from_how_many_places_it_is_checked_is_what_probes_tell_now_and_another_watcher_says_its_own() {
    let mut story = Story::begin();
    let places = |story: &Story| story.engine.view(story.moment.wall).places;
    assert_eq!(places(&story), 0);
    story.see(1, &Sight { places: 2, ..well() });
    assert_eq!(places(&story), 2);
    let mut held = story.engine.view(story.moment.wall);
    let id = PublicId::of(&[7; 32]);
    let spell = crate::Spell { id, from: story.moment.wall, until: None };
    assert!(held.add_outside(&crate::View { outside: vec![spell], ..crate::View::default() }));
    assert_eq!(held.places, 0);
    story.see(1, &well());
    assert_eq!(places(&story), 0);
}

#[test]
fn an_attack_of_days_fills_no_record() {
    let mut story = Story::with(Duration::ZERO);
    let mut seen = 0;
    // A look every half minute is enough here.
    while story.tallies().len() < TALLIES_MAX - 1 && seen < 9_000 {
        story.moment.now = story.moment.now + Duration::from_secs(29);
        story.moment.wall = story.moment.wall + Duration::from_secs(29);
        story.see(1, &attacked(900, 800));
        seen += 1;
    }
    let before = story.tallies().len();
    story.see(20_000, &attacked(900, 800));
    assert_eq!((story.tallies().len(), before), (TALLIES_MAX - 1, TALLIES_MAX - 1));
    story.see(4_000, &calm());
    assert_eq!(story.tallies().len(), TALLIES_MAX, "the last is that of its end");
    let whole: u64 = story.tallies().iter().map(|tally| tally.millis).sum();
    assert!(whole > 86_400_000, "a day at least: {whole}");
    let now = story.moment.wall + Duration::from_hours(1);
    for chart in &story.engine.view(now).incidents[0].charts {
        assert!(chart.curves.iter().all(|curve| curve.points.len() <= 97), "{}", chart.title);
    }
}

#[test]
fn without_a_count_nothing_is_written() {
    let mut story = Story::begin();
    story.see(900, &served_to(45, Door::Closed, Some(Cause::Attack), Level::CustomersFirst));
    assert_eq!(story.tallies(), []);
}

fn drawn(charts: &[Chart]) -> String {
    let clock = |at| Civil::of(at).clock();
    let chart = |chart: &Chart| {
        let mut lines = vec![format!("\n# {}", chart.title)];
        for curve in &chart.curves {
            let value = |value: Option<u64>| match (value, curve.unit) {
                (None, _) => "–".to_owned(),
                (Some(value), Unit::ASecond) => format!("{value}/s"),
                (Some(value), Unit::Share) => crate::percent(u16::try_from(value).unwrap()),
            };
            let mut points = curve.points.clone();
            points.dedup_by_key(|point| point.value);
            let point = |point: &crate::Point| format!("{} {}", clock(point.from), value(point.value));
            let words: Vec<String> = points.iter().map(point).collect();
            lines.push(format!("{}: {}", curve.name, words.join(", ")));
        }
        let step = |step: &crate::Step| format!("{} {}", clock(step.at), chart.values[step.value]);
        lines.extend(chart.steps.iter().map(step));
        lines.join("\n")
    };
    charts.iter().map(chart).collect()
}
