//! What a draft says beside how it went, what it rests on, and what keeps it from being published.

use proptest::prelude::*;

use super::*;
use crate::{Beside, Call, Deed, Readers};

impl Story {
    fn drafted(&self, beside: &Beside, readers: Readers) -> String {
        let ids: Vec<PublicId> = self.engine.inside().iter().map(|incident| incident.id).collect();
        self.engine.draft_with(&ids, beside, readers, self.moment.wall).unwrap().text
    }

    /// The entries that incidents begin with.
    fn opened(&self) -> Vec<u64> {
        let opened = self.records.iter().filter(|record| matches!(record.entry, Entry::Opened { .. }));
        opened.map(|record| record.seq).collect()
    }
}

fn deed(id: u64, (hour, minute): (u64, u64), text: &str) -> Deed {
    Deed { id, at: at(hour, minute).wall, text: text.into() }
}

fn call(id: u64, seconds: u64, receiver: &str, key: String, has_arrived: bool) -> Call {
    let at = at(14, 40).wall + Duration::from_secs(seconds);
    Call { id, at, receiver: receiver.into(), key, has_arrived }
}

/// Changes before and during an attack at 14:40, and tries to alert somebody of it.
fn beside(story: &Story) -> Beside {
    let key = |id: &str, entry: u64| format!("{id}.{entry}");
    let (id, opened) = (story.newest().to_string(), story.opened()[0]);
    Beside {
        deeds: vec![
            deed(3, (14, 50), "level pin customers-first for 30 min"),
            deed(2, (13, 0), "deny 203.0.113.7/32 for 60 min"),
            deed(1, (12, 0), "mode enforce"),
            deed(4, (16, 0), "level unpin"),
            deed(6, (13, 15), &Deed::failed("mode auto")),
            deed(5, (13, 30), "subscriber list with addresses"),
        ],
        calls: vec![
            call(7, 5, "mail", key(&id, opened), false),
            call(8, 65, "pager", key(&id, opened), true),
            call(9, 70, "chat", key(&id, opened), true),
            // Of another incident, and a test.
            call(5, 1, "pager", key("bbbbbbbbbbbb", 4_000), true),
            call(6, 2, "pager", key("test-1795876200", 1), true),
        ],
    }
}

#[test]
fn a_draft_tells_what_was_changed_before_and_when_the_first_alert_arrived() {
    let story = Story::attacked_for_half_an_hour();
    let told = story.drafted(&beside(&story), Readers::Colleagues);
    let of = |part: &str| {
        let part = told.split("## ").find(|text| text.starts_with(part)).unwrap();
        part.trim_end().to_owned()
    };
    insta::assert_snapshot!(of("Lead-up"), @r"
    Lead-up

    - 28 Nov 2026 12:00:00 UTC: an admin: `mode enforce` (act 1)
    - 28 Nov 2026 13:00:00 UTC: an admin: `deny NETWORK for 60 min` (act 2)
    - **TODO** What else was changed in the seven days before? Neither deploys of the app nor changes of the configuration file are in the journal.
    ");
    insta::assert_snapshot!(of("Detection"), @r"
    Detection

    - It began at 28 Nov 2026 14:40:03 UTC and was noticed within seconds. (#4)
    - The first alert reached `pager` at 28 Nov 2026 14:41:05 UTC, 1 min 2 s after it began. (alert 8, #4)
    - The first notice was on the page after 2 minutes. (#12)
    - **TODO** Could it have been noticed in half the time?
    ");
    insta::assert_snapshot!(of("Response"), @r"
    Response

    - 28 Nov 2026 14:40:01 UTC: level calm -> customers-first. From 28 Nov 2026 14:40:03 UTC on: Customers who have signed in before: served as usual; New visitors: hardly anybody is served. Measured before it, 28 Nov 2026 14:39:01 to 14:40:01 UTC: 165 requests a second came, 55 of them were turned away; Customers who have signed in: served for 99.33 % of their time; Visitors who had been here before: served for 98.66 % of their time. Measured after it, 28 Nov 2026 14:40:01 to 14:41:01 UTC: 3456 requests a second came, 3307 of them were turned away; Customers who have signed in: served for 60.00 % of their time; Visitors who had been here before: served for 20.00 % of their time. (#5, #7, #6, #9)
    - 28 Nov 2026 14:50:00 UTC: an admin: `level pin customers-first for 30 min` (act 3)
    - 28 Nov 2026 15:10:01 UTC: level customers-first -> reopening. Before it: Customers who have signed in before: served as usual; New visitors: hardly anybody is served. Nobody fared otherwise as long as it lasted. Measured before it, 28 Nov 2026 15:09:01 to 15:10:01 UTC: 2188 requests a second came, 2072 of them were turned away; Customers who have signed in: served for 99.90 % of their time; Visitors who had been here before: served for 70.33 % of their time. Measured after it, 28 Nov 2026 15:10:01 to 15:11:01 UTC: 200 requests a second came, 57 of them were turned away; Customers who have signed in: served for 100.00 % of their time; Visitors who had been here before: served for 90.00 % of their time. (#40, #7, #41, #42)
    - 28 Nov 2026 15:12:01 UTC: level reopening -> calm. Before it: Customers who have signed in before: served as usual; New visitors: hardly anybody is served. From 28 Nov 2026 15:12:30 UTC on: Customers who have signed in before: served as usual; New visitors: served as usual. Measured before it, 28 Nov 2026 15:11:01 to 15:12:01 UTC: 198 requests a second came, 56 of them were turned away; Customers who have signed in: served for 100.00 % of their time; Visitors who had been here before: served for 90.16 % of their time. Measured after it, 28 Nov 2026 15:12:01 to 15:13:01 UTC: 110 requests a second came, 0 of them were turned away; Customers who have signed in: served for 100.00 % of their time; Visitors who had been here before: served for 100.00 % of their time. (#43, #7, #46, #44, #47)
    - **TODO** What did people do, and what did they wait for?
    ");
}

#[test]
fn the_public_reads_neither_what_admins_changed_nor_whom_an_alert_reached() {
    let story = Story::attacked_for_half_an_hour();
    let beside = beside(&story);
    let resolved = story.engine.view(story.moment.wall).incidents[0].resolved_at.unwrap();
    let drafted = |minutes: u64| {
        let now = resolved + Duration::from_secs(60 * minutes);
        story.engine.draft_with(&[story.newest()], &beside, Readers::Public, now).unwrap().text
    };
    let (early, late) = (drafted(29), drafted(30));
    assert!(!early.contains("The first alert"), "{early}");
    assert!(late.contains("The first alert reached somebody at 28 Nov 2026 14:41:05 UTC"), "{late}");
    for text in [early, late] {
        for inner in ["an admin", "act 1", "`pager`", "3456", "99.90", "level", "pin"] {
            let body = text.split_once("## Summary").unwrap().1;
            assert!(!body.contains(inner), "{inner}: {text}");
        }
    }
}

#[test]
fn work_that_was_announced_for_the_days_before_is_told_to_everybody() {
    let mut story = Story::begin();
    for (title, from, until) in [("New database", (14, 31), (14, 36)), ("Later", (20, 0), (21, 0))] {
        let [from, until] = [from, until].map(|(hour, minute)| at(hour, minute).wall);
        let body = "We move to another one.".to_owned();
        story.act(Act::Announce { title: title.into(), body, from, until, components: vec![] }).unwrap();
    }
    story.until(14, 40, &well());
    story.see(300, &served_to(45, Door::Open, Some(Cause::App), Level::Calm));
    let told = story.drafted(&Beside::default(), Readers::Public);
    assert!(
        told.contains("- Announced work: New database, 28 Nov 2026 14:31:00 to 14:36:00 UTC. (#"),
        "{told}"
    );
    assert!(!told.contains("Later"), "{told}");
}

#[test]
fn where_no_alert_arrived_the_draft_says_so_and_without_a_journal_people_are_asked() {
    let story = Story::attacked_for_half_an_hour();
    let mut beside = beside(&story);
    beside.calls.retain(|call| call.id < 8);
    let told = story.drafted(&beside, Readers::Colleagues);
    assert!(told.contains("- No alert arrived; the first try, to `mail`, was over at"), "{told}");
    beside.calls.clear();
    let told = story.drafted(&beside, Readers::Colleagues);
    assert!(told.contains("- **TODO** When was somebody alerted first?"), "{told}");
}

#[test]
fn each_question_about_one_of_several_incidents_names_the_entry_that_it_begins_with() {
    let mut story = Story::with(Duration::ZERO);
    for _ in 0..2 {
        story.see(60, &served_to(50, Door::Closed, Some(Cause::Attack), Level::CustomersFirst));
        story.see(7_200, &well());
    }
    let opened = story.opened();
    let [first, second] = opened[..] else { panic!("two incidents: {opened:?}") };
    let told = story.drafted(&Beside::default(), Readers::Colleagues);
    for (number, opened) in [(1, first), (2, second)] {
        let question =
            format!("- **TODO** Incident {number}: When was somebody alerted first? (#{opened})\n");
        assert!(told.contains(&question), "{told}");
    }
}

#[test]
fn a_report_is_published_when_each_box_of_its_review_is_ticked_and_says_that_it_is_published() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &served_to(50, Door::Closed, Some(Cause::Attack), Level::CustomersFirst));
    story.see(1_200, &well());
    let incident = story.newest();
    let drafted = story.drafted(&Beside::default(), Readers::Public);
    assert!(drafted.contains("\n- Status: draft\n"), "{drafted}");
    let answered: Vec<&str> = drafted.lines().filter(|line| !line.contains("TODO")).collect();
    let answered = answered.join("\n");
    let refused = story.act(Act::Report { incident, body: answered.clone() }).unwrap_err();
    assert!(matches!(&refused, ActError::Unreviewed(5, first) if first.starts_with("The data")), "{refused}");
    let but_one = answered.replacen("- [ ]", "- [x]", 4);
    let refused = story.act(Act::Report { incident, body: but_one.clone() }).unwrap_err();
    assert!(
        matches!(&refused, ActError::Unreviewed(1, last) if last.starts_with("It is shared")),
        "{refused}"
    );
    story.act(Act::Report { incident, body: but_one.replace("- [ ]", "- [x]") }).unwrap();
    let report = story.engine.inside().swap_remove(0).report;
    assert!(report.contains("\n- Status: published\n") && !report.contains("Status: draft"), "{report}");
    let again = story.drafted(&Beside::default(), Readers::Public);
    assert!(again.contains("- A report was published before this draft, 28 Nov 2026"), "{again}");
}

#[test]
fn colleagues_alone_read_who_has_written_of_it() {
    let mut story = Story::with(Duration::ZERO);
    story.see(60, &served_to(50, Door::Closed, Some(Cause::Attack), Level::CustomersFirst));
    story.act(Act::Draft { incident: story.newest(), body: "Mine.".into() }).unwrap();
    let [inner, public] =
        [Readers::Colleagues, Readers::Public].map(|readers| story.drafted(&Beside::default(), readers));
    assert!(inner.contains("- A draft was kept by uid 1000, 28 Nov 2026"), "{inner}");
    assert!(!public.contains("uid 1000") && public.contains("**TODO** Authors"), "{public}");
}

/// Whether a line with a figure names the entry that it rests on, or is a heading.
fn rests_on_something(line: &str) -> bool {
    let has_number =
        |mark: &str| line.split(mark).skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let has_figure = line.contains(|c: char| c.is_ascii_digit());
    !has_figure || line.starts_with("# ") || ["#", "act ", "alert "].into_iter().any(has_number)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_draft_has_a_number_that_does_not_name_what_it_rests_on(
        seen in prop::collection::vec((1_u64..900, 0_u64..=50, 0_u8..4, prop::option::of(0_u8..3), 0_u8..6, 0_u64..5_000), 1..10),
        hold in 0_u64..900,
        well_for in 0_u64..3_000,
        calls in prop::collection::vec((0_u64..4_000, any::<bool>()), 0..4),
    ) {
        let mut story = Story::with(Duration::from_secs(hold));
        story.see(1, &served_to(50, Door::Closed, Some(Cause::Attack), Level::Limiting));
        for (seconds, bad, door, cause, level, offered) in seen {
            let door = [Door::Open, Door::Waiting, Door::Narrow, Door::Closed][usize::from(door)];
            let cause = cause.map(|cause| [Cause::Attack, Cause::App, Cause::Upstream][usize::from(cause)]);
            let load = crate::Load { offered, refused: [1, 2, offered, 0], rules: 1, is_asking: true };
            let sight = served_to(bad, door, cause, Level::ALL[usize::from(level)]);
            story.see(seconds, &Sight { load: Some(load), ..sight });
        }
        story.see(well_for, &well());
        let mut beside = Beside { deeds: vec![deed(1, (14, 30), "mode enforce"), deed(2, (14, 40), "enforce 50%")], calls: vec![] };
        for (place, incident) in story.engine.inside().iter().enumerate() {
            let number = 10 * u64::try_from(place).unwrap();
            let of = calls.iter().zip(number..).map(|(&(seconds, arrived), id)| {
                call(id, seconds, "pager", format!("{}.1", incident.id), arrived)
            });
            beside.calls.extend(of);
        }
        if story.engine.inside().is_empty() {
            return Ok(());
        }
        for readers in [Readers::Colleagues, Readers::Public] {
            let drafted = story.drafted(&beside, readers);
            for line in drafted.lines() {
                prop_assert!(rests_on_something(line), "{line}");
            }
        }
    }
}
