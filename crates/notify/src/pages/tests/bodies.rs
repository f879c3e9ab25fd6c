//! Requests to the byte.

use super::*;

/// The next request that writes.
fn written(story: &mut Story) -> String {
    for _ in 0..10 {
        if let PageNext::Send { request, .. } = story.keeper.next(story.moment) {
            let text = shown(&request);
            let answer = story.elsewhere.answer(&request, story.moment.wall);
            let changes = story.keeper.settle(&answer, story.moment);
            story.keep(changes);
            if request.method != "GET" {
                return text;
            }
        }
        story.pass(1);
    }
    panic!("nothing was written: {:?}", story.elsewhere.log)
}

pub(super) fn shown(request: &Request) -> String {
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
    format!("{} {}\n{}\n\n{body:#}\n", request.method, request.url, headers.join("\n"))
}

#[test]
fn requests_are_what_the_pages_ask_for() {
    for kind in [Kind::Statuspage, Kind::Instatus] {
        let mut story = Story::begin(kind);
        let mut all = Vec::new();
        story.open("Checkout fails");
        all.push(written(&mut story));
        story.say(Stage::Resolved, "All is \"well\" again.");
        all.push(written(&mut story));
        story.act(Act::Override {
            component: "Shop / Checkout".into(),
            status: Some(Status::DegradedPerformance),
        });
        all.push(written(&mut story));
        let [from, until] =
            [3_600, 7_200].map(|later| Timestamp::from_secs(story.moment.wall.as_secs() + later));
        let components = vec!["Website".to_owned()];
        story.act(Act::Announce {
            title: "New disks".into(),
            body: "We change disks.".into(),
            from,
            until,
            components,
        });
        all.push(written(&mut story));
        let id = story.engine.view(story.moment.wall).maintenances[0].id;
        story.act(Act::Finish { maintenance: id });
        all.push(written(&mut story));
        insta::assert_snapshot!(format!("{kind:?}"), all.join("\n"));
    }
}

#[test]
fn an_answer_tells_an_admin_what_to_do() {
    let of = |status: u16, body: &str| {
        let answer = Answer::Http { status, retry_after: None, body: body.as_bytes().to_vec() };
        let way = settings(Kind::Statuspage).way;
        format!("{:?}", answer::Meaning::of(&answer, &way, Timestamp::from_secs(0)))
    };
    let answers = [
        (301, ""),
        (401, "{}"),
        (403, ""),
        (404, ""),
        (420, ""),
        (422, "{\"error\":[\"Name \\u001b\"]}"),
        (500, ""),
    ];
    insta::assert_snapshot!(answers.map(|(status, body)| of(status, body)).join("\n"));
}
