//! Attacks from 300 connections of 30 addresses, while an honest unknown client and a customer keep asking.

use std::process::Stdio;

use lab::certificate::Authority;
use lab::{Gate, Peer, checkout, need};
use serde_json::Value;

#[test]
fn honest_clients_are_served_beside_attacks() {
    let python = need!(Peer::find("python3"));
    let gate = need!(Gate::binary());
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("it is made");
    authority.sign(folder.path(), "shop", &["app.test"]).expect("it is signed");
    let mut command = python.command();
    command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attacks/attack.py"));
    command.arg(folder.path()).arg(checkout().join("peers/attacks.portcullis.toml"));
    command.args(["300", "4", "all"]).arg(gate).args(["run", "--config", "config"]);
    let output = command.stderr(Stdio::null()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let attacks: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(output.status.success() && attacks.len() == 20, "{text}");
    for attack in attacks {
        let count = |client: &str, name: &str| attack[client][name].as_u64().expect("a count");
        let tenths = |client| count(client, "served") * 10 / count(client, "asked").max(1);
        let overloads = OVERLOADS.contains(&attack["attack"].as_str().expect("a name"));
        assert_eq!(attack["remembered"], true, "{attack}");
        // One in ten may be late: there are two processors for all. An overload must be seen before it can be helped.
        assert!(tenths("known") >= if overloads { 5 } else { 9 }, "{attack}");
        if !overloads {
            assert!(tenths("unknown") >= 9 && attack["recovered"] == true, "{attack}");
        }
    }
}

/// What is more than the app can do: customers are served, and strangers are asked to come back.
const OVERLOADS: [&str; 2] = ["dear requests", "large closed windows"];
