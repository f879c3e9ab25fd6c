//! Slow and endless requests from 300 connections of 30 addresses, while an honest unknown client keeps asking.

use std::process::Stdio;

use lab::certificate::Authority;
use lab::{Gate, Peer, need};
use serde_json::Value;

#[test]
fn an_honest_newcomer_is_served_beside_slow_and_endless_requests() {
    let python = need!(Peer::find("python3"));
    let gate = need!(Gate::binary());
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("it is made");
    authority.sign(folder.path(), "shop", &["app.test"]).expect("it is signed");
    let mut command = python.command();
    command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attacks/attack.py"));
    command.arg(folder.path()).arg(gate).args(["run", "--config", "portcullis.toml"]);
    let output = command.stderr(Stdio::null()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let attacks: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(output.status.success() && attacks.len() == 11, "{text}");
    for attack in attacks {
        let count = |name: &str| attack[name].as_u64().expect("a count");
        // One in ten may be late: attackers, client and app share one process.
        assert!(count("asked") >= 2 && count("served") * 10 >= count("asked") * 9, "{attack}");
        assert_eq!(attack["recovered"], true, "{attack}");
    }
}
