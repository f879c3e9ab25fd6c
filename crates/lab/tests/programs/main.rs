//! Other people's programs before the gate: what attacks it, what examines it, what caches it.

mod cache;
mod slow;
mod two_gates;
mod world;

use std::process::Command;
use std::time::Duration;

use lab::{Peer, need};
use serde_json::Value;

use world::World;

/// What a command printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn h2load_gets_every_answer_over_http_2_and_1() {
    let (world, h2load) = (need!(World::start()), need!(Peer::find("h2load")));
    let https = format!("https://{}/", world.https);
    for (arguments, target) in [
        (&["--max-concurrent-streams", "20"][..], &https),
        (&["--h1"], &https),
        (&["--h1"], &format!("http://{}/", world.gate.listen())),
    ] {
        let said = run(h2load
            .command()
            .args(["--requests", "10000", "--clients", "10"])
            .args(arguments)
            .arg(target));
        assert!(said.contains("10000 succeeded, 0 failed, 0 errored, 0 timeout"), "{arguments:?}: {said}");
        assert!(said.contains("status codes: 10000 2xx"), "{arguments:?}: {said}");
    }
}

#[test]
fn testssl_finds_nothing_but_the_test_certificate() {
    let (world, testssl) = (need!(World::start()), need!(Peer::find("testssl")));
    let findings = world.folder.path().join("findings.json");
    let said = run(testssl
        .command()
        .args(["--quiet", "--warnings", "off", "--color", "0", "--ip", "127.0.0.1", "--severity", "MEDIUM"])
        .arg("--jsonfile")
        .arg(&findings)
        .arg(format!("https://localhost:{}", world.https.port())));
    let findings = std::fs::read(findings).unwrap_or_else(|error| panic!("no findings ({error}): {said}"));
    let findings: Vec<Value> = serde_json::from_slice(&findings).expect("it writes JSON");
    // An authority that nobody trusts, and that has no list of what it took back.
    let of_certificate = |id: &str| id.starts_with("cert_");
    let severe = |finding: &&Value| {
        ["MEDIUM", "HIGH", "CRITICAL", "FATAL"].iter().any(|level| finding["severity"] == *level)
    };
    let unexpected: Vec<_> = findings
        .iter()
        .filter(severe)
        .filter(|finding| !finding["id"].as_str().is_some_and(of_certificate))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert!(said.contains("ALPN/HTTP2 h2, http/1.1 (offered)"), "it did not examine anything: {said}");
    assert!(findings.iter().any(|finding| finding["id"] == "cert_chain_of_trust"), "{findings:#?}");
}

#[test]
fn chromium_opens_a_page_over_https() {
    let (world, chromium) = (need!(World::start()), need!(Peer::find("chromium")));
    let profile = world.folder.path().join("profile");
    let page = run(chromium
        .command()
        // Whoever runs the tests as root has no other way; it only ever opens a page of this machine.
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
        ])
        .args([
            "--ignore-certificate-errors",
            "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND",
        ])
        .args(["--timeout=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("https://{}:{}/", world::SHOP, world.https.port())));
    assert!(page.contains("shop"), "{page}");
    assert!(world.app.requests() > 0);
}

/// No program here takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
