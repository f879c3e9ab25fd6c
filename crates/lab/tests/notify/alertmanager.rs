//! Debian's Alertmanager takes our alerts, calls its own receivers, and misses us when we are gone.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lab::clock::wait_for;
use lab::web::{self, Request};
use lab::{Gate, Peer, Running, free_address, need};
use serde_json::Value;

use crate::same_form;
use crate::world::{Receivers, World, pager};

#[test]
fn an_alertmanager_knows_of_an_incident_and_of_its_end() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let program = need!(Peer::find("prometheus-alertmanager"));
    let receivers = Receivers::start(&python);
    let (prometheus, folder) = (free_address(), tempfile::tempdir().expect("there is room"));
    let table =
        format!("[[notify]]\nname = \"alerts\"\nkind = \"alertmanager\"\nurl = \"http://{prometheus}\"\n");
    let world = World::start(&format!("{table}{}", pager(&receivers)));
    // It comes later, and hears what it has missed.
    let _running = start(&program, prometheus, &receivers, &world.gate, ("5m", folder.path()));
    let watchdog = wait_for(SOON, || alerts(prometheus, "PortcullisWatchdog").pop());
    assert!(watchdog.is_some(), "{}", world.gate.log());

    world.fails(true);
    let fired = wait_for(SOON, || {
        world.visit();
        alerts(prometheus, "PortcullisIncident")
            .into_iter()
            .find(|alert| alert["labels"]["severity"] == "critical")
    });
    let fired = fired.unwrap_or_else(|| panic!("{:?} {}", alerts(prometheus, ""), world.gate.log()));
    assert_eq!(fired["status"]["state"], "active", "{fired}");
    assert_eq!(fired["generatorURL"], "https://status.shop.example");
    let active = alerts(prometheus, "PortcullisIncident");
    assert_eq!(active.len(), 1, "an incident is one alert: {active:?}");
    let called = receivers.until("/called", |said| said.to_string().contains("PortcullisIncident"));
    assert_eq!(called["said"]["status"], "firing", "{called}");

    // Its own words to a pager are a sample of what pagers take.
    let is_ours = |said: &Value| said.to_string().contains("PortcullisIncident");
    let theirs =
        receivers.until("/golden", |said| said["said"]["event_action"] == "trigger" && is_ours(said));
    let ours = receivers.until("/pager/v2/enqueue", |said| said["said"]["event_action"] == "trigger");
    same_form(&ours, &theirs);

    foreign_alert(prometheus, "DiskFull");
    let noted =
        || world.gate.control(&["incident", "show"]).ok().filter(|(_, text)| text.contains("DiskFull: db-1"));
    let noted = wait_for(SOON, noted).unwrap_or_else(|| panic!("{}", world.gate.log()));
    assert!(!noted.1.contains("PortcullisIncident"), "our own do not come back: {}", noted.1);

    let over = ["incident", "update", "--stage", "resolved", "--text", "Well.", "--reason", "tested"];
    world.gate.tell(&over).expect("it is told");
    let is_over = || alerts(prometheus, "PortcullisIncident").is_empty().then_some(());
    assert!(wait_for(SOON, is_over).is_some(), "{:?}", alerts(prometheus, ""));
    receivers.until("/called", |said| {
        said["said"]["status"] == "resolved" && said.to_string().contains("PortcullisIncident")
    });
    assert!(!alerts(prometheus, "PortcullisWatchdog").is_empty());
}

/// What nobody tells it of any more ends after ten seconds.
#[test]
fn an_alert_of_another_system_opens_an_incident_about_what_it_speaks_of_and_ends_it() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let program = need!(Peer::find("prometheus-alertmanager"));
    let receivers = Receivers::start(&python);
    let (prometheus, folder) = (free_address(), tempfile::tempdir().expect("there is room"));
    let tables = "[[status.component]]\nname = \"Website\"\n[[status.component]]\nname = \"Phone\"\nwatches = \"nothing\"\n\
                  [[signal]]\nlabels = [\"alertname=DiskFull\"]\ncomponent = \"Phone\"\nstatus = \"partial-outage\"\n";
    let world = World::start(tables);
    let _running = start(&program, prometheus, &receivers, &world.gate, ("10s", folder.path()));
    foreign_alert(prometheus, "DiskFull");
    let has = |words: &[&str], text: &str| {
        let said = || world.gate.control(words).ok().filter(|(_, said)| said.contains(text));
        wait_for(ENDS, said).unwrap_or_else(|| panic!("never `{text}`: {}", world.gate.log())).1
    };
    let shown = has(&["incident", "show"], "an alert says of Phone: Partial outage");
    assert!(shown.contains("Disruption of Phone") && shown.contains("DiskFull: db-1"), "{shown}");
    world.gate.tell(&["incident", "publish"]).expect("it is told");
    has(&["component"], "Phone: Partial outage");
    let shown = has(&["incident", "show"], "an alert about Phone is over");
    assert_eq!(shown.matches("an alert says of Phone").count(), 1, "{shown}");
    has(&["component"], "Phone: Operational");
    has(&["incident"], "monitoring");
}

/// Somebody else tells the Alertmanager of something.
fn foreign_alert(prometheus: SocketAddr, name: &str) {
    let body =
        format!(r#"[{{"labels":{{"alertname":"{name}"}},"annotations":{{"summary":"db-1 has 3 % left"}}}}]"#);
    let body = body.as_str();
    let headers = ["Content-Type: application/json"];
    let request = Request { method: "POST", headers: &headers, body, ..Request::get("/api/v2/alerts") };
    assert_eq!(web::send(prometheus, &request).map(|answer| answer.status).ok(), Some(200));
}

/// It calls our receivers, and the gate's console.
fn start(
    program: &Peer,
    address: SocketAddr,
    receivers: &Receivers,
    gate: &Gate,
    (resolve_timeout, folder): (&str, &Path),
) -> Running {
    let token = gate.folder().join("state/console.token");
    let text = format!(
        "global:\n  resolve_timeout: {resolve_timeout}\nroute:\n  receiver: us\n  group_by: [alertname]\n  group_wait: 1s\n  group_interval: 1s\n  repeat_interval: 1h\nreceivers:\n- name: us\n  webhook_configs:\n  - url: {}\n    send_resolved: true\n  - url: http://{}/api/v1/alerts\n    http_config: {{ authorization: {{ credentials_file: {} }} }}\n  pagerduty_configs:\n  - routing_key: {}\n    url: {}\n",
        receivers.url("/called"),
        gate.console(),
        token.display(),
        "k".repeat(32),
        receivers.url("/golden")
    );
    let file = folder.join("alertmanager.yml");
    fs::write(&file, text).expect("there is room");
    let mut command = program.command();
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=");
    let log = folder.join("alertmanager.log");
    let running = Running::start_and_wait(&mut command, &log, SOON, || web::accepts(address));
    running.unwrap_or_else(|error| panic!("{error}"))
}

/// What fires under a name; all without one.
fn alerts(prometheus: SocketAddr, name: &str) -> Vec<Value> {
    let answer = web::get(prometheus, "/api/v2/alerts?active=true", &[]).map(|answer| answer.body);
    let all: Vec<Value> = answer.ok().and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
    all.into_iter().filter(|alert| name.is_empty() || alert["labels"]["alertname"] == name).collect()
}

const SOON: Duration = Duration::from_secs(40);
/// An alert that is over counts for another minute.
const ENDS: Duration = Duration::from_secs(110);
