//! The lab's own tools against the peers that it is made for.

use std::time::Duration;

use lab::load::Load;
use lab::origin::{Origin, plain};
use lab::{Peer, Running, free_address, need, web};

#[test]
fn a_peer_that_nobody_has_is_missing_and_says_how_to_get_it() {
    let missing = Peer::find("no-such-program-anywhere").expect_err("nobody has it");
    assert_eq!(
        missing.to_string(),
        "`no-such-program-anywhere` is not installed; run `cargo xtask test --install-peers`"
    );
    assert!(!missing.may_always_skip());
}

#[test]
fn a_child_ends_with_its_guard() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sleep = need!(Peer::find("sleep"));
    let running =
        Running::start(sleep.command().arg("60"), &folder.path().join("log")).expect("sleep starts");
    let place = format!("/proc/{}", running.id());
    assert!(std::path::Path::new(&place).exists());
    drop(running);
    assert!(!std::path::Path::new(&place).exists(), "the child outlived its guard");
}

#[test]
fn a_program_that_ends_early_is_quoted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shell = need!(Peer::find("sh"));
    let mut command = shell.command();
    command.args(["-c", "echo the disk is on fire >&2; exit 3"]);
    let limit = Duration::from_secs(10);
    let error = Running::start_and_wait(&mut command, &folder.path().join("log"), limit, || false)
        .expect_err("it ends before it is ready");
    assert!(error.to_string().contains("the disk is on fire"), "{error}");
}

#[test]
fn load_is_counted_by_both_ends() {
    need!(Peer::find("wrk"));
    let origin =
        Origin::start(|_| plain("429 Too Many Requests", "", "slowly")).expect("loopback has a port");
    let load = Load { path: "/".into(), headers: vec![], connections: 2, seconds: 1, core: None, tls: false };
    let answered = load.run(origin.address()).expect("wrk runs");
    assert_eq!(answered.broken, 0);
    assert_eq!(answered.refused, answered.requests);
    assert!(origin.requests() >= answered.requests, "{} < {}", origin.requests(), answered.requests);
}

#[test]
fn a_committed_peer_configuration_serves() {
    let nginx = need!(Peer::find("nginx"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let listen = free_address();
    let config = lab::checkout().join("peers/origin.nginx.conf");
    let text = std::fs::read_to_string(config).expect("the configuration is committed");
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, text.replace("{listen}", &listen.to_string())).expect("the folder is writable");
    let mut command = nginx.command();
    command.arg("-p").arg(folder.path()).arg("-c").arg(&path).arg("-e").arg(folder.path().join("error.log"));
    let limit = Duration::from_secs(10);
    let _running =
        Running::start_and_wait(&mut command, &folder.path().join("log"), limit, || web::accepts(listen))
            .expect("nginx comes up");
    let answer = web::get(listen, "/", &[]).expect("it answers");
    assert_eq!((answer.status, answer.body.len()), (200, 1_024));
}
