//! Certificates by ACME, from a real authority: had without anybody, kept, and no reason not to start when they cannot be had.

mod world;

use std::time::Duration;

use lab::clock::wait_for;
use lab::{Gate, free_address, need};

use crate::world::{SHOP, WWW, World};

#[test]
fn certificates_are_had_with_a_proof_in_the_handshake() {
    let world = need!(World::start());
    let gate = world.gate("tls-alpn-01", &world.directory);
    for host in [SHOP, WWW] {
        assert!(world.visit(host).is_some(), "{host}: {}", gate.log());
    }
    assert_eq!(certificates_in(&gate), 2, "{}", gate.log());
}

#[test]
fn certificates_are_had_with_a_proof_on_the_listener_that_redirects() {
    let world = need!(World::start());
    let gate = world.gate("http-01", &world.directory);
    for host in [SHOP, WWW] {
        assert!(world.visit(host).is_some(), "{host}: {}", gate.log());
    }
}

#[test]
fn a_certificate_that_is_there_is_not_asked_for_again() {
    let world = need!(World::start());
    let mut gate = world.gate("tls-alpn-01", &world.directory);
    assert!(world.visit(SHOP).is_some() && world.visit(WWW).is_some(), "{}", gate.log());
    let before = files(&gate);
    assert!(gate.hand_over(), "{}", gate.log());
    assert!(world.visit(SHOP).is_some(), "{}", gate.log());
    assert_eq!(files(&gate), before, "{}", gate.log());
    assert_eq!(certificates_in(&gate), 2, "{}", gate.log());
}

#[test]
fn a_gate_serves_although_the_authority_cannot_be_reached() {
    let world = need!(World::start());
    let nobody = format!("https://localhost:{}/dir", free_address().port());
    let gate = world.gate("tls-alpn-01", &nobody);
    let said = wait_for(Duration::from_secs(20), || {
        gate.log().contains("acme: no certificate for shop.example: ").then_some(())
    });
    assert!(said.is_some(), "{}", gate.log());
    assert_eq!(world.curl(SHOP, &["--insecure"]), "the shop");
    let distrusted = world.curl(SHOP, &["--cacert", &world.root().display().to_string()]);
    assert!(distrusted.contains("certificate"), "its own certificate must not be trusted: {distrusted}");
}

#[test]
fn a_handshake_for_a_proof_gets_nothing_else() {
    let world = need!(World::start());
    let gate = world.gate("tls-alpn-01", &world.directory);
    assert!(world.visit(SHOP).is_some(), "{}", gate.log());
    let refused = wait_for(Duration::from_secs(10), || {
        let mut command = need_openssl().command();
        command.args(["s_client", "-connect", &world.https.to_string(), "-servername", SHOP]);
        command.args(["-alpn", "acme-tls/1"]).stdin(std::process::Stdio::null());
        let output = command.output().expect("openssl runs");
        (!output.status.success()).then_some(())
    });
    assert!(refused.is_some(), "while nobody looks for a proof there is no certificate for that protocol");
}

fn need_openssl() -> lab::Peer {
    lab::Peer::find("openssl").unwrap_or_else(|missing| panic!("{missing}"))
}

/// How many certificates the gate says that it has had made.
fn certificates_in(gate: &Gate) -> usize {
    gate.log().matches("acme: there is a certificate for ").count()
}

/// The files of both hosts.
fn files(gate: &Gate) -> [String; 2] {
    let folder = gate.folder().join("state/acme");
    [SHOP, WWW].map(|host| std::fs::read_to_string(folder.join(format!("{host}.pem"))).expect("it is there"))
}
