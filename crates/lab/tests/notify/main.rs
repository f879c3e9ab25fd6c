//! Alerts of a running gate, taken by real receivers: a mail server, the libraries of those who take webhooks, an Alertmanager; also
//! when they are down and the gate is killed meanwhile.

mod alertmanager;
mod world;

use std::time::Duration;

use lab::clock::{Stopwatch, pause, wait_for};
use lab::{Gate, Peer, need, web};
use serde_json::{Value, json};

use world::{Receivers, World, config};

#[test]
fn pager_chat_webhook_and_mail_hear_of_an_incident_who_sees_to_it_and_its_end() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let receivers = Receivers::start(&python);
    let world = World::start(&config(&receivers));
    world.gate.tell(&["alerts", "test"]).expect("there is somebody");
    for to in ["/pager/v2/enqueue", "/chat", "/hook", "mail"] {
        receivers.until(to, |said| said.to_string().contains("Test of alerts"));
    }
    world.fails(true);
    let of = |to: &str, what: &str| receivers.until(to, |said| said.to_string().contains(what));
    let watch = Stopwatch::start();
    let trigger = of("/pager/v2/enqueue", "Disruption of Website");
    assert!(watch.elapsed() < ON_THE_WIRE_WITHIN, "{:?} after it was in the record", watch.elapsed());
    let incident = trigger["said"]["dedup_key"].as_str().unwrap_or_default().to_owned();
    assert!(incident.starts_with("portcullis/"), "{trigger}");
    let opened = receivers.until("/hook", |said| {
        said["said"]["type"] == "incident.opened" && said.to_string().contains("Disruption of Website")
    });
    assert_eq!(opened["said"]["data"]["incident"].as_str(), incident.strip_prefix("portcullis/"));
    of("/chat", "Disruption of Website");
    let mailed = |to: Value, what: &str| {
        receivers.until("mail", |said| said["recipients"] == to && said.to_string().contains(what))
    };
    let ops = json!(["ops@shop.example"]);
    let mail = mailed(ops.clone(), "Disruption of Website");
    assert_eq!((&mail["is_tls"], &mail["user"]), (&json!(true), &json!("portcullis")), "{mail}");
    assert_eq!(mail["headers"]["auto-submitted"], "auto-generated");
    of("/beat", "/beat");

    world.gate.tell(&["incident", "acknowledge"]).expect("it is told");
    let acknowledged = of("/pager/v2/enqueue", "\"acknowledge\"");
    assert_eq!(acknowledged["said"]["dedup_key"], incident.as_str());

    let over = ["incident", "update", "--stage", "resolved", "--text", "All is <well> again."];
    world.gate.tell(&[&over[..], &["--reason", "tested"]].concat()).expect("it is told");
    receivers.until("/pager/v2/enqueue", |said| {
        said["said"]["event_action"] == "resolve" && said["said"]["dedup_key"] == incident.as_str()
    });
    of("/chat", "All is &lt;well&gt; again.");
    receivers.until("/hook", |said| {
        said["said"]["type"] == "incident.over" && said.to_string().contains("All is <well>")
    });
    mailed(json!(["later@shop.example"]), "Over: Disruption of Website");
    let last = mailed(ops, "Over: Disruption of Website");
    assert_eq!(last["headers"]["references"], mail["headers"]["message-id"], "one thread: {last}");

    refused(&world, &receivers);
    as_the_pagers_own_client(&python, &receivers, &trigger);
}

/// Somebody is busy, somebody else has a wrong key: neither holds the others up, and both show.
fn refused(world: &World, receivers: &Receivers) {
    receivers.until("/busy", |said| said.to_string().contains("All is <well>"));
    let lines = receivers.lines();
    let of = |key: &str| -> Vec<Value> {
        let busy = lines.iter().filter(|line| line["to"] == "/busy");
        busy.filter_map(|line| line.get(key)).filter(|id| id.is_string()).cloned().collect()
    };
    assert_eq!(of("turned_away"), of("id"), "each again, under its id, in order");
    let metrics = world.gate.metrics().expect("the console answers");
    let counts = |receiver: &str, outcome: &str| {
        let name =
            format!("portcullis_notifications_total{{receiver=\"{receiver}\",outcome=\"{outcome}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse::<u64>().ok()).unwrap_or_default()
    };
    assert!(counts("broken", "refused") >= 2 && counts("broken", "delivered") == 0, "{metrics}");
    assert!(counts("never", "refused") >= 2 && counts("never", "delivered") == 0, "{metrics}");
    assert!(counts("later", "failed") >= 1 && counts("later", "delivered") >= 2, "{metrics}");
    assert!(counts("busy", "failed") >= 2 && counts("busy", "delivered") >= 2, "{metrics}");
    assert!(counts("pager", "delivered") >= 3, "{metrics}");
    let (_, told) = world.gate.control(&["alerts"]).expect("it runs");
    // Below are the last twenty tries of all, so that those of the slowest are sure to be there.
    let broken = told.lines().find(|line| line.starts_with("broken: ")).unwrap_or_default();
    assert!(broken.ends_with("refused, 0 given up; the last: it answers 403: action_prohibited"), "{told}");
    let is_busy =
        |line: &str| line.contains(" busy ") && line.ends_with("failed: it answers 429: rate_limited");
    assert!(told.lines().any(is_busy), "{told}");
}

fn as_the_pagers_own_client(python: &Peer, receivers: &Receivers, ours: &Value) {
    let mut command = python.command();
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notify/pager.py"));
    let output = command.arg(receivers.url("/theirs")).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = receivers.until("/theirs/v2/enqueue", |said| said.to_string().contains("\"trigger\""));
    same_form(ours, &theirs);
}

/// What somebody else's code sends to a pager, ours sends too.
pub(crate) fn same_form(ours: &Value, theirs: &Value) {
    for place in ["/said", "/said/payload", "/said/links/0"] {
        let Some(Value::Object(theirs)) = theirs.pointer(place) else { continue };
        let Some(Value::Object(ours)) = ours.pointer(place) else { panic!("{place} is missing: {ours}") };
        let meant = theirs.iter().filter(|(_, value)| !value.is_null() && **value != json!([]));
        let missing: Vec<_> = meant.filter(|(key, _)| !ours.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{place}: theirs has {missing:?}: {ours:?}");
    }
}

#[test]
fn whoever_has_the_link_of_an_alert_holds_the_notice_back_also_while_the_app_is_down() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let receivers = Receivers::start(&python);
    let world = World::start(&config(&receivers));
    world.fails(true);
    let planned = receivers.until("/hook", |said| said["said"]["type"] == "incident.planned");
    let link = planned["said"]["data"]["decide"].as_str().unwrap_or_else(|| panic!("{planned}"));
    receivers.until("/chat", |said| said.to_string().contains(&format!("<{link}|Publish or hold back>")));
    receivers.until("mail", |said| said.to_string().contains(link));
    let path = path_of(&world, link);
    // Programs that look into messages open what they find, and other sites' pages send forms: neither decides anything.
    asks(&world, ("GET", path), &[], 200, "There has been a disruption of Website");
    asks(&world, ("GET", &format!("{path}/hold")), &[], 200, "Hold it back");
    asks(&world, ("POST", &format!("{path}/hold")), &["Sec-Fetch-Site: cross-site"], 200, "Hold it back");
    asks(&world, ("POST", path), &[], 200, "Publish it now");
    let cut = format!("{}/hold", &path[..path.len() - 1]);
    asks(&world, ("POST", &cut), &[], 404, "This link is not complete");
    asks(&world, ("DELETE", path), &[], 405, "");
    assert!(!receivers.lines().iter().any(|line| line["said"]["type"] == "incident.held"));
    asks(&world, ("POST", &format!("{path}/hold")), &["Sec-Fetch-Site: same-origin"], 200, "It is held back");
    let held = receivers.until("/hook", |said| said["said"]["type"] == "incident.held");
    assert!(held.to_string().contains("whoever held the link of an alert"), "{held}");
    assert_eq!(held["said"]["data"]["decide"], Value::Null, "there is nothing to decide any more");
    asks(&world, ("POST", &format!("{path}/publish")), &[], 410, "Now: held back");
}

#[test]
fn whoever_is_called_publishes_the_notice_with_the_link_of_the_call() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let receivers = Receivers::start(&python);
    let world = World::start(&config(&receivers));
    world.fails(true);
    let call =
        receivers.until("/pager/v2/enqueue", |said| said.to_string().contains("Disruption of Website"));
    let link = call["said"]["links"][0]["href"].as_str().unwrap_or_else(|| panic!("{call}"));
    receivers.until("/hook", |said| said["said"]["type"] == "incident.planned");
    let path = path_of(&world, link);
    asks(&world, ("GET", path), &[], 200, "There has been a disruption of Website");
    asks(&world, ("POST", &format!("{path}/publish")), &[], 200, "It is published");
    let published = receivers.until("/hook", |said| said["said"]["type"] == "incident.published");
    assert!(published.to_string().contains("There has been a disruption of Website"), "{published}");
    asks(&world, ("POST", &format!("{path}/hold")), &[], 410, "Now: investigating");
}

fn path_of<'a>(world: &World, link: &'a str) -> &'a str {
    let gate = format!("http://{}", world.gate.listen());
    link.strip_prefix(&gate).unwrap_or_else(|| panic!("{link} does not lead to {gate}"))
}

/// Asks the gate, and expects an answer that says something.
fn asks(world: &World, (method, path): (&str, &str), headers: &[&str], status: u16, says: &str) {
    let request = web::Request { method, path, headers, ..web::Request::get("") };
    let answer = web::send(world.gate.listen(), &request).expect("the gate answers");
    assert!(answer.status == status && answer.body.contains(says), "{method} {path}: {answer:?}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "the address is a secret");
}

#[test]
fn a_receiver_that_is_down_and_a_gate_that_is_killed_lose_nothing() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let mut receivers = Receivers::start(&python);
    let mut world = World::start(&config(&receivers));
    receivers.stop();
    world.fails(true);
    let tried = || world.gate.log().contains("pager cannot be told").then_some(());
    wait_for(SOON, || world.visit().then(tried).flatten()).unwrap_or_else(|| panic!("{}", world.gate.log()));
    for millis in [0, 30, 90, 170, 400] {
        world.gate.cut_and_restart().expect("it starts again");
        pause(Duration::from_millis(millis));
    }
    receivers.start_again(&python);
    for (to, what) in
        [("/pager/v2/enqueue", "\"trigger\""), ("/hook", "incident.opened"), ("mail", "Disruption")]
    {
        receivers.until(to, |said| said.to_string().contains(what));
    }
    let (_, list) = world.gate.control(&["incident", "list", "--json"]).expect("it runs");
    let list: Value = serde_json::from_str(&list).expect("it is JSON");
    let incidents = list["data"]["incidents"].as_array().map_or(0, Vec::len);
    assert_eq!(incidents, 1, "{list}");
    // Everything that was taken is news of this one, and nothing twice.
    let lines = receivers.lines();
    let mut ids: Vec<_> = lines.iter().filter(|line| line["to"] == "/hook").map(|line| &line["id"]).collect();
    let taken = ids.len();
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), taken, "{lines:?}");
    let triggers = lines.iter().filter(|line| line["to"] == "/pager/v2/enqueue").count();
    assert!(triggers <= 2, "{lines:?}");
}

#[test]
fn a_takeover_goes_on_telling_and_tells_nothing_twice() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let receivers = Receivers::start(&python);
    let mut world = World::start(&config(&receivers));
    world.fails(true);
    receivers.until("/hook", |said| said.to_string().contains("incident.opened"));
    assert!(world.gate.hand_over(), "{}", world.gate.log());
    world.gate.tell(&["incident", "acknowledge"]).expect("it is told");
    receivers.until("/hook", |said| said.to_string().contains("incident.acknowledged"));
    let lines = receivers.lines();
    let opened =
        lines.iter().filter(|line| line["said"]["type"] == "incident.opened" && line["to"] == "/hook");
    assert_eq!(opened.count(), 1, "{lines:?}");
}

/// As promised.
const ON_THE_WIRE_WITHIN: Duration = Duration::from_secs(5);
/// A start on a busy machine, a few seconds until an incident counts, and some tries.
const SOON: Duration = Duration::from_secs(40);
