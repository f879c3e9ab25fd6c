//! A shop's status page in several states, for tests.

use std::time::Duration;

use incident::{
    Audience, Band, Chart, Component, Curve, Impact, Incident, Maintenance, Measure, Measured, Point,
    Progress, PublicId, Served, Service, Stage, Status, Step, Stretch, Trouble, Unit, Update, View,
};
use model::Timestamp;

use crate::bundle::sha256;
use crate::page::Page;

/// Saturday, 28 November 2026, 17:24:01 UTC.
pub(crate) const AT: Timestamp = Timestamp::from_secs(1_795_886_641);

const DAY: u64 = 86_400;

pub(crate) fn page() -> Page {
    Page::new("Example Shop", "https://status.shop.example")
        .and_then(|page| page.with_support("Contact support", Some("https://shop.example/help")))
        .expect("the sample is a page")
}

/// All is well now; six days ago it was not.
pub(crate) fn calm() -> View {
    let mut components = vec![
        Component { is_group: true, ..component("app", "App") },
        Component { group: Some(0), ..component("web", "Web Application (HTTPS)") },
        Component { group: Some(0), ..component("api", "API") },
        Component { group: Some(0), ..component("login", "Login") },
        component("mail", "E-mail to customers"),
        component("site", "Website"),
    ];
    "Where customers order and see their orders".clone_into(&mut components[1].description);
    components[2].since = ago(40 * DAY);
    components[1].troubles = vec![
        trouble(Status::DegradedPerformance, 61 * DAY, 3_600),
        trouble(Status::UnderMaintenance, 30 * DAY, 7_200),
        trouble(Status::MajorOutage, 6 * DAY + 10_000, 2_700),
        trouble(Status::PartialOutage, 6 * DAY + 7_300, 5_800),
    ];
    components[3].troubles = vec![trouble(Status::PartialOutage, 6 * DAY + 10_000, 8_500)];
    components[5].troubles = vec![trouble(Status::DegradedPerformance, 20 * DAY, 1_200)];
    View {
        components,
        incidents: vec![past()],
        maintenances: Vec::new(),
        updated_at: ago(5 * DAY),
        ..View::default()
    }
}

/// Customers who are known are served, some new visitors are not.
pub(crate) fn outage() -> View {
    let mut view = calm();
    for (place, status) in [(1, Status::PartialOutage), (3, Status::PartialOutage)] {
        view.components[place].status = status;
        view.components[place].updated_at = ago(1_500);
        let trouble = Trouble { status, from: ago(2_940), until: None };
        view.components[place].troubles.push(trouble);
    }
    view.components[0].status = Status::PartialOutage;
    view.components[0].updated_at = ago(1_500);
    view.incidents.insert(0, open());
    view.updated_at = ago(600);
    view
}

/// The outage, and how much of their time people were served, in bands.
pub(crate) fn outage_in_bands() -> View {
    let mut view = outage();
    let at = |minutes: u64| Timestamp::from_secs(1_795_883_400 + 60 * minutes);
    let stretch = |from, until, bands| Stretch { from: at(from), until: at(until), bands };
    let bands = vec![
        stretch(35, 45, [Some(Band::Nearly), Some(Band::Mostly)]),
        stretch(20, 35, [Some(Band::Mostly), Some(Band::Partly)]),
        stretch(10, 20, [Some(Band::Hardly), None]),
        stretch(5, 10, [Some(Band::Partly), None]),
    ];
    view.incidents[0].served = Some(Served::Bands(bands.clone()));
    view.served = Some(Served::Bands([&bands[..], &[stretch(0, 5, [Some(Band::Nearly), None])]].concat()));
    view
}

/// All is well now, and how much of their time people were served is exact.
pub(crate) fn calm_with_figures() -> View {
    let mut view = calm();
    let measure = |share, worst, visits| Some(Measure { share, worst: Some(worst), visits });
    // Whole five minutes: 16:50 UTC.
    let end = Timestamp::from_secs(1_795_884_600);
    view.served = Some(Served::Exact(Measured {
        from: end.before(Duration::from_secs(DAY)),
        until: end,
        of: [
            measure(9_998, (end.before(Duration::from_secs(7_200)), 9_961), 12_000),
            measure(9_991, (end.before(Duration::from_secs(70_200)), 9_800), 430),
        ],
    }));
    let from = end.before(Duration::from_secs(6 * DAY + 8_100));
    view.incidents[0].served = Some(Served::Exact(Measured {
        from,
        until: from + Duration::from_secs(8_700),
        of: [measure(4_817, (from + Duration::from_secs(600), 0), 2_300), None],
    }));
    view
}

/// All is well now, and the report about what was is published with its charts.
pub(crate) fn calm_with_charts() -> View {
    let mut view = calm_with_figures();
    let begun = 6 * DAY + 10_000;
    let step = |seconds, value| Step { at: ago(begun - seconds), value, entry: 0 };
    let fared = Chart {
        title: Audience::Known.label().to_owned(),
        curves: Vec::new(),
        values: [Service::Good, Service::Delayed, Service::Part, Service::Down]
            .map(|service| service.label().to_owned())
            .to_vec(),
        steps: vec![step(0, 3), step(2_700, 0), step(6_000, 2), step(8_500, 0)],
        until: Some(ago(begun - 8_500)),
    };
    view.incidents[0].charts = vec![fared, load(false)];
    view
}

/// What came in the past incident in three pieces, above what was done.
pub(crate) fn load(has_entries: bool) -> Chart {
    let begun = 6 * DAY + 10_000;
    let entry = |entry| if has_entries { entry } else { 0 };
    let point = |place: u64, value| Point {
        from: ago(begun - 2_833 * place),
        until: ago(begun - 2_833 * (place + 1)),
        value: Some(value),
        entry: entry(40 + place),
    };
    let curve = |name: &str, values: [u64; 3]| Curve {
        name: name.to_owned(),
        unit: Unit::ASecond,
        points: (0..).zip(values).map(|(place, value)| point(place, value)).collect(),
    };
    let step = |seconds, value| Step { at: ago(begun - seconds), value, entry: entry(seconds / 100 + 1) };
    Chart {
        title: "Requests a second, and what we did".to_owned(),
        curves: vec![curve("Came", [3_400, 12_000, 110]), curve("Turned away", [3_200, 11_000, 0])],
        values: vec!["nothing".to_owned(), "customers first".to_owned()],
        steps: vec![step(0, 1), step(8_000, 0)],
        until: Some(ago(begun - 8_500)),
    }
}

/// Work that was announced goes on, and more is announced.
pub(crate) fn worked_on() -> View {
    let mut view = calm();
    let work = |seed: &str, title: &str, from: Timestamp, progress| Maintenance {
        id: id(seed),
        title: title.to_owned(),
        body: "We move the database to another machine. Orders are possible all the time.".to_owned(),
        created_at: ago(4 * DAY),
        updated_at: ago(900),
        from,
        until: from + Duration::from_secs(5_400),
        progress,
        components: vec![1, 2],
    };
    view.maintenances = vec![
        work("later", "A new version of the API", AT + Duration::from_secs(3 * DAY), Progress::Scheduled),
        work("now", "The database moves", ago(900), Progress::InProgress),
        work("done", "New certificates", ago(20 * DAY), Progress::Completed),
    ];
    view
}

/// Groups in groups.
pub(crate) fn nested() -> View {
    let components = vec![
        Component { is_group: true, ..component("shop", "Shop") },
        Component { is_group: true, group: Some(0), ..component("pay", "Payments") },
        Component { group: Some(1), status: Status::DegradedPerformance, ..component("cards", "Cards") },
        component("search", "Search"),
    ];
    View { components, updated_at: ago(60), ..View::default() }
}

/// Every text of a view is this one.
pub(crate) fn spoken(text: &str) -> View {
    let mut view = worked_on();
    view.incidents.insert(0, open());
    for component in &mut view.components {
        text.clone_into(&mut component.name);
        text.clone_into(&mut component.description);
    }
    for incident in &mut view.incidents {
        text.clone_into(&mut incident.title);
        text.clone_into(&mut incident.postmortem);
        for update in &mut incident.updates {
            text.clone_into(&mut update.body);
        }
    }
    for work in &mut view.maintenances {
        text.clone_into(&mut work.title);
        text.clone_into(&mut work.body);
    }
    view
}

pub(crate) fn component(seed: &str, name: &str) -> Component {
    Component {
        id: id(seed),
        name: name.to_owned(),
        description: String::new(),
        group: None,
        is_group: false,
        is_watched: true,
        status: Status::Operational,
        since: ago(200 * DAY),
        updated_at: ago(6 * DAY),
        troubles: Vec::new(),
    }
}

pub(crate) fn id(seed: &str) -> PublicId {
    PublicId::of(&sha256(seed.as_bytes()))
}

pub(crate) fn ago(seconds: u64) -> Timestamp {
    AT.before(Duration::from_secs(seconds))
}

fn trouble(status: Status, began: u64, lasted: u64) -> Trouble {
    Trouble { status, from: ago(began), until: Some(ago(began) + Duration::from_secs(lasted)) }
}

fn update(seed: &str, stage: Stage, seconds: u64, body: &str) -> Update {
    Update {
        id: id(seed),
        stage,
        is_same_stage: false,
        body: body.to_owned(),
        at: ago(seconds),
        affected: Vec::new(),
        is_by_person: false,
    }
}

fn open() -> Incident {
    let works = Status::Operational;
    let updates = vec![
        Update { is_same_stage: true, is_by_person: true, ..update("o3", Stage::Identified, 600, FOR_KNOWN) },
        Update {
            affected: vec![(1, Status::MajorOutage, Status::PartialOutage)],
            ..update("o2", Stage::Identified, 1_500, BACK_FOR_SOME)
        },
        Update {
            affected: vec![(1, works, Status::MajorOutage), (3, works, Status::PartialOutage)],
            ..update("o1", Stage::Investigating, 2_820, NOTICED)
        },
    ];
    Incident {
        id: id("open"),
        title: "The web application cannot be reached by everybody".to_owned(),
        stage: Stage::Identified,
        impact: Impact::Critical,
        started_at: ago(2_940),
        published_at: ago(2_820),
        identified_at: Some(ago(1_500)),
        monitoring_at: None,
        served_again_at: None,
        resolved_at: None,
        reopened: Vec::new(),
        updates,
        components: vec![1, 3],
        audiences: vec![(Audience::Known, Service::Good), (Audience::New, Service::Part)],
        next_update_by: Some(AT + Duration::from_secs(1_200)),
        updated_at: ago(600),
        postmortem: String::new(),
        served: None,
        charts: Vec::new(),
    }
}

fn past() -> Incident {
    let begun = 6 * DAY + 10_000;
    let updates = vec![
        update("p5", Stage::Postmortem, 5 * DAY, "The report is published."),
        update(
            "p4",
            Stage::Resolved,
            begun - 8_500,
            "Everybody is served again, and has been for half an hour.",
        ),
        update("p3", Stage::Identified, begun - 4_000, AGAIN),
        update("p2", Stage::Resolved, begun - 2_700, "The service was started again and works."),
        update("p1", Stage::Investigating, begun - 120, NOTICED),
    ];
    Incident {
        id: id("past"),
        title: "Orders were not possible for some".to_owned(),
        stage: Stage::Postmortem,
        impact: Impact::Critical,
        started_at: ago(begun),
        published_at: ago(begun - 120),
        identified_at: Some(ago(begun - 4_000)),
        monitoring_at: Some(ago(begun - 6_700)),
        served_again_at: Some(ago(begun - 6_640)),
        resolved_at: Some(ago(begun - 8_500)),
        reopened: vec![ago(begun - 4_000)],
        updates,
        components: vec![1, 3],
        audiences: Vec::new(),
        next_update_by: None,
        updated_at: ago(5 * DAY),
        postmortem: REPORT.to_owned(),
        served: None,
        charts: Vec::new(),
    }
}

const NOTICED: &str =
    "We have noticed that the web application does not answer everybody. We are looking into it.";

const BACK_FOR_SOME: &str = "We know the cause and are working on it. Customers who have signed in before can use the \
    web application again.\n\nIf you cannot sign in: orders by phone are taken as usual.";

const FOR_KNOWN: &str = "Customers who have signed in before are served as usual. Some new visitors are still asked to wait, \
    and we are letting in more of them step by step.";

const AGAIN: &str =
    "We called this resolved too early: some of you still cannot reach us. We have found the cause.";

const REPORT: &str = "On Sunday the web application answered nobody for 45 minutes, and some new visitors for longer.\n\n\
    A restart seemed to help and did not: the cause was something else.\nWe have changed what we check before we call \
    something resolved.";
