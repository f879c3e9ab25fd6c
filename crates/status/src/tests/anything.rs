//! What holds for every view, however little it makes sense.

use incident::{
    Audience, Chart, Component, Impact, Incident, Maintenance, Progress, PublicId, Service, Stage, Status,
    Trouble, Update, View,
};
use model::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::bundle::render;
use crate::samples;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_view_gives_the_same_bytes_and_none_is_refused(view in view(), at in moment()) {
        let page = samples::page();
        let bundle = render(&view, &page, at);
        prop_assert_eq!(&bundle, &render(&view, &page, at));
        for (path, file) in bundle.files().filter(|(path, _)| path.ends_with(".json")) {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&file.bytes).is_ok(), "{}", path);
        }
    }

    #[test]
    fn a_share_is_never_above_all_of_the_time(component in component(), at in moment()) {
        let share = crate::days::Days::of(&component, at).share();
        let percent = share.as_deref().and_then(|share| share.split('\u{A0}').next()?.parse::<f64>().ok());
        prop_assert!(percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)), "{:?}", share);
    }
}

fn view() -> impl Strategy<Value = View> {
    (vec(component(), 0..12), vec(incident(), 0..6), vec(maintenance(), 0..4), moment()).prop_map(
        |(components, incidents, maintenances, updated_at)| View {
            components,
            incidents,
            maintenances,
            outside: Vec::new(),
            served: None,
            places: 0,
            updated_at,
        },
    )
}

/// Near the samples, near the ends of the clock, or any.
fn moment() -> impl Strategy<Value = Timestamp> {
    let now = samples::AT.as_millis();
    let millis = prop_oneof![
        6 => now - 8_640_000_000..now + 86_400_000,
        1 => 0_u64..200_000_000,
        1 => any::<u64>(),
        1 => Just(u64::MAX),
    ];
    millis.prop_map(Timestamp::from_millis)
}

fn id() -> impl Strategy<Value = PublicId> {
    any::<[u8; 32]>().prop_map(|hash| PublicId::of(&hash))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z <&\n]{0,30}", "\\PC{0,20}", any::<String>()]
}

fn status() -> impl Strategy<Value = Status> {
    select(vec![
        Status::Operational,
        Status::UnderMaintenance,
        Status::DegradedPerformance,
        Status::PartialOutage,
        Status::MajorOutage,
    ])
}

fn stage() -> impl Strategy<Value = Stage> {
    select(vec![
        Stage::Investigating,
        Stage::Identified,
        Stage::Monitoring,
        Stage::Resolved,
        Stage::Postmortem,
    ])
}

fn places() -> impl Strategy<Value = Vec<usize>> {
    vec(0_usize..16, 0..4)
}

fn component() -> impl Strategy<Value = Component> {
    let trouble = (status(), moment(), option::of(moment()));
    let trouble = trouble.prop_map(|(status, from, until)| Trouble { status, from, until });
    let words = (id(), text(), text());
    let place = (option::of(0_usize..16), any::<bool>(), status());
    (words, place, (moment(), moment()), vec(trouble, 0..8)).prop_map(
        |((id, name, description), (group, is_group, status), (since, updated_at), troubles)| Component {
            id,
            name,
            description,
            group,
            is_group,
            is_watched: !is_group,
            status,
            since,
            updated_at,
            troubles,
        },
    )
}

fn update() -> impl Strategy<Value = Update> {
    let affected = vec((0_usize..16, status(), status()), 0..3);
    (id(), stage(), any::<bool>(), text(), moment(), affected, any::<bool>()).prop_map(
        |(id, stage, is_same_stage, body, at, affected, is_by_person)| Update {
            id,
            stage,
            is_same_stage,
            body,
            at,
            affected,
            is_by_person,
        },
    )
}

fn incident() -> impl Strategy<Value = Incident> {
    let impact = select(vec![Impact::None, Impact::Minor, Impact::Major, Impact::Critical]);
    let service = select(vec![Service::Good, Service::Delayed, Service::Part, Service::Down]);
    let audiences = vec((select(Audience::ALL.to_vec()), service), 0..3);
    let begun = (moment(), moment(), moment(), vec(moment(), 0..3));
    let maybe = (option::of(moment()), option::of(moment()), option::of(moment()), option::of(moment()));
    let lists = (vec(update(), 0..5), places(), audiences);
    ((id(), stage(), impact), (text(), text()), begun, maybe, lists).prop_map(
        |((id, stage, impact), (title, postmortem), begun, maybe, (updates, components, audiences))| {
            Incident {
                id,
                charts: vec![Chart {
                    title: title.clone(),
                    values: vec![title.clone()],
                    ..samples::load(false)
                }],
                title,
                stage,
                impact,
                started_at: begun.0,
                published_at: begun.1,
                identified_at: maybe.0,
                monitoring_at: maybe.1,
                served_again_at: maybe.1,
                resolved_at: maybe.2,
                reopened: begun.3,
                updates,
                components,
                audiences,
                next_update_by: maybe.3,
                updated_at: begun.2,
                postmortem,
                served: None,
            }
        },
    )
}

fn maintenance() -> impl Strategy<Value = Maintenance> {
    let progress = vec![Progress::Scheduled, Progress::InProgress, Progress::Verifying, Progress::Completed];
    let times = (moment(), moment(), moment(), moment());
    (id(), text(), text(), times, select(progress), places()).prop_map(
        |(id, title, body, (created_at, updated_at, from, until), progress, components)| Maintenance {
            id,
            title,
            body,
            created_at,
            updated_at,
            from,
            until,
            progress,
            components,
        },
    )
}
