//! The gate's binary as a person starts it.

use std::process::{Command, Stdio};
use std::time::Duration;

use lab::clock::wait_for;
use lab::load::Load;
use lab::origin::{Origin, plain};
use lab::{Gate, Peer, need, web};

#[test]
fn it_serves_what_the_app_answers_and_says_who_asked() {
    need!(Gate::binary());
    let (origin, gate) = shop();
    let answer =
        web::get(gate.listen(), "/tickets?day=1", &["Host: shop.example"]).expect("the gate answers");
    assert_eq!(answer.status, 200, "{}", gate.log());
    let seen = answer.body.to_ascii_lowercase();
    assert!(seen.starts_with("get /tickets?day=1 http/1.1"), "{seen}");
    for line in
        ["host: shop.example", "x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http", "x-request-id: "]
    {
        assert!(seen.contains(line), "`{line}` is missing in\n{seen}");
    }
    assert!(origin.requests() >= 1);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_fault() {
    let program = need!(Gate::binary());
    for words in [["check", "--print-default"], ["sim", "--list"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe opens");
        drop(reader);
        let output = Command::new(&program).args(words).stdout(writer).stderr(Stdio::piped()).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_metric_of_the_manual_is_given_out() {
    need!(Gate::binary());
    let (_origin, gate) = shop();
    web::get(gate.listen(), "/", &[]).expect("the gate answers");
    let metrics = gate.metrics().expect("the console answers");
    let manual = std::fs::read_to_string(lab::checkout().join("docs/metrics.md")).expect("it is committed");
    let rows = manual.lines().filter_map(|line| line.strip_prefix("| `"));
    let names: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert!(names.len() > 10, "the table was not found");
    let given = |name: &&str| {
        let family = name.strip_suffix("_total").unwrap_or(name);
        metrics.lines().any(|line| line.starts_with(&format!("# TYPE {family} ")))
    };
    let missing: Vec<&&str> = names.iter().filter(|name| !given(name)).collect();
    assert!(missing.is_empty(), "{missing:?} in\n{metrics}");
}

#[test]
fn what_a_client_says_about_itself_does_not_reach_the_app() {
    need!(Gate::binary());
    let (_origin, gate) = shop();
    let lies = [
        "X-Forwarded-For: 192.0.2.66",
        "x_forwarded_for: 192.0.2.66",
        "Portcullis-Tier: t0",
        "X-Real-IP: 192.0.2.66",
    ];
    let answer = web::get(gate.listen(), "/", &lies).expect("the gate answers");
    assert_eq!(answer.status, 200, "{}", gate.log());
    assert!(!answer.body.contains("192.0.2.66"), "{}", answer.body);
    assert!(!answer.body.to_ascii_lowercase().contains("portcullis-tier: t0"), "{}", answer.body);
}

#[test]
fn it_comes_back_after_a_power_cut_on_the_same_state() {
    need!(Gate::binary());
    let (_origin, mut gate) = shop();
    gate.cut_and_restart().expect("it starts again");
    let answer = web::get(gate.listen(), "/", &[]).expect("the gate answers");
    assert_eq!(answer.status, 200, "{}", gate.log());
}

#[test]
fn it_ends_in_good_order_when_asked() {
    need!(Gate::binary());
    let (_origin, mut gate) = shop();
    // The console comes up last.
    let console = gate.console();
    let is_up = || web::get(console, "/healthz", &[]).is_ok_and(|answer| answer.status == 200).then_some(());
    wait_for(Duration::from_secs(10), is_up).expect("the console answers");
    let status = gate.process().stop().expect("it ends within its time");
    assert!(status.success(), "{status}\n{}", gate.log());
}

#[test]
fn a_dead_app_is_the_apps_fault_and_said_so() {
    need!(Gate::binary());
    let (origin, gate) = shop();
    drop(origin);
    let answer = web::get(gate.listen(), "/", &[]).expect("the gate still answers");
    assert!(matches!(answer.status, 502..=504), "{} {}", answer.status, answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn nobody_is_refused_in_calm() {
    need!(Gate::binary());
    need!(Peer::find("wrk"));
    let (_origin, gate) = shop();
    let load = Load { path: "/".into(), headers: vec![], connections: 8, seconds: 2, core: None, tls: false };
    let answered = load.run(gate.listen()).expect("wrk runs");
    assert!(answered.requests > 0);
    assert_eq!((answered.refused, answered.broken), (0, 0), "of {}\n{}", answered.requests, gate.log());
    assert!(!gate.log().contains("panicked"), "{}", gate.log());
}

#[test]
fn an_admin_refuses_a_network_and_bypass_lifts_it_within_a_second() {
    need!(Gate::binary());
    let (_origin, gate) = shop();
    let status = || web::get(gate.listen(), "/", &[]).map(|answer| answer.status).expect("the gate answers");
    gate.tell(&["deny", "127.0.0.0/8"]).expect("the list is taken");
    let refused = wait_for(SOON, || (status() == 403).then_some(()));
    assert!(refused.is_some(), "{} after `ctl deny`\n{}", status(), gate.log());
    gate.tell(&["bypass", "on"]).expect("bypass is taken");
    let forwarded = wait_for(SOON, || (status() == 200).then_some(()));
    assert!(forwarded.is_some(), "{} after `ctl bypass on`\n{}", status(), gate.log());
}

/// Acts of an admin take effect within this time.
const SOON: Duration = Duration::from_secs(1);

/// An app that answers with the head of the request it saw, and a gate before it.
fn shop() -> (Origin, Gate) {
    let origin = Origin::start(|head| plain("200 OK", "", head)).expect("loopback has a port");
    let gate = Gate::start(&Gate::CONFIG.replace("{origin}", &origin.url())).expect("the gate starts");
    (origin, gate)
}
