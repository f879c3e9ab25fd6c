//! Clients that people use read the page; axe-core looks at it.

use std::process::Command;

use lab::{Judge, Peer, need, web};

use crate::World;

pub(crate) const TITLE: &str = "Nobody answers <the> phone & mail";

/// A page with an incident that is open and work that goes on, both with text that is awkward for markup.
pub(crate) fn awkward() -> World {
    let world = World::start("30m");
    let open = ["incident", "open", TITLE, "--text", "Is 1 < 2 && \"so\"?\n\nYes.", "--component"];
    world.gate.tell(&[&open[..], &["Phone support=partial-outage"]].concat()).expect("it is told");
    let announce = ["maintenance", "announce", "New database", "--text", "It takes an hour."];
    let times = [
        "--from",
        "2026-01-01T00:00:00Z",
        "--until",
        "2099-01-01T00:00:00Z",
        "--component",
        "Shop / Website",
    ];
    world.gate.tell(&[&announce[..], &times].concat()).expect("it is announced");
    world.until(TITLE);
    world
}

pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}

#[test]
fn feed_readers_and_clients_of_statuspage_understand_the_page() {
    need!(lab::Gate::binary());
    let python = need!(Peer::readers());
    let world = awkward();
    let base = format!("http://{}", world.page);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/status/readers.py");
    insta::assert_snapshot!("python_reads", output(python.command().arg(script).arg(&base)));

    let node = need!(Peer::node());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/status/readers.js");
    let mut command = node.command();
    command.arg(script).arg(&base).env("NODE_PATH", Peer::node_packages());
    insta::assert_snapshot!("node_reads", output(&mut command));

    let exporter = python.path().with_file_name("statuspage-prometheus-exporter");
    let folder = tempfile::tempdir().expect("there is room");
    let (services, metrics) = (folder.path().join("services.json"), folder.path().join("out.prom"));
    let service = format!(r#"{{"shop":{{"url":"{base}/api/v2/summary.json","name":"Shop"}}}}"#);
    std::fs::write(&services, service).expect("there is room");
    let mut command = Command::new(exporter);
    command
        .env("RUN_MODE", "once")
        .env("SERVICES_JSON_PATH", &services)
        .env("METRICS_TEXTFILE_PATH", &metrics);
    output(command.current_dir(folder.path()));
    let metrics = std::fs::read_to_string(&metrics).expect("it wrote metrics");
    assert!(metrics.contains("statuspage_incident_info{affected_components=\"Phone support\""), "{metrics}");
    assert!(metrics.contains("statuspage_maintenance_info{affected_components=\"Website\""), "{metrics}");

    let lynx = need!(Peer::find("lynx"));
    let read = output(lynx.command().args(["-dump", "-nolist", "-width=200", &base]));
    assert!(read.contains(TITLE) && read.contains("Is 1 < 2 && \"so\"?"), "{read}");
}

#[test]
fn axe_finds_nothing_on_any_kind_of_page_and_nobody_scrolls_sideways() {
    need!(lab::Gate::binary());
    let judge = need!(Judge::start());
    let world = awkward();
    let base = format!("http://{}", world.page);
    let home = web::get(world.page, "/", &[]).expect("it is served").body;
    let linked = |folder: &str| {
        let (_, after) =
            home.split_once(&format!("href=\"{folder}/")).unwrap_or_else(|| panic!("{folder}: {home}"));
        format!("/{folder}/{}", after.split('"').next().unwrap_or_default())
    };
    for path in ["/", "/history.html", &linked("i"), &linked("c"), "/there-is-nothing"] {
        judge.check(&format!("{base}{path}"), PAGE_BYTES_MAX);
    }
    let report = world.gate.folder().join("report.html");
    let draft = world.gate.tell(&["incident", "draft", "--html"]).expect("a report is drafted");
    std::fs::write(&report, draft).expect("there is room");
    judge.check(&format!("file://{}", report.display()), PAGE_BYTES_MAX);
}

/// Of a page with few components.
const PAGE_BYTES_MAX: usize = 40 * 1024;
