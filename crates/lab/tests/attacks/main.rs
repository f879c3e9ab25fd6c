//! Attacks from 300 connections, ten of each network, while an honest unknown client and a customer keep asking; and one
//! connection after the other that has its streams reset.

mod resets;

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
    let play = |names: &str, turn: u32| -> Vec<Value> {
        let place = folder.path().join(turn.to_string());
        std::fs::create_dir(&place).expect("there is room");
        for file in ["shop.pem", "shop.key"] {
            std::fs::copy(folder.path().join(file), place.join(file)).expect("there is room");
        }
        let mut command = python.command();
        command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attacks/attack.py"));
        command.arg(&place).arg(checkout().join("peers/attacks.portcullis.toml"));
        command.args(["300", "4", names]).arg(&gate).args(["run", "--config", "config"]);
        let output = command.stderr(Stdio::null()).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let attacks = play("all", 0);
    assert_eq!(attacks.len(), 28, "{attacks:?}");
    let mut left: Vec<Value> = attacks.into_iter().filter(|attack| !holds(attack)).collect();
    // Two processors serve all: app, gate, attackers and those who ask. What somebody else's work on the machine may have
    // spoilt is played again by itself.
    for turn in 1..=2 {
        let names: Vec<&str> = left.iter().filter_map(|attack| attack["attack"].as_str()).collect();
        if !names.is_empty() {
            left = play(&names.join(","), turn).into_iter().filter(|attack| !holds(attack)).collect();
        }
    }
    assert!(left.is_empty(), "{left:?}");
}

/// Whether honest clients saw of an attack what we promise.
fn holds(attack: &Value) -> bool {
    let served = |client| count(attack, client, "served");
    let tenths = |client, times: u64| times * 10 / count(attack, client, "asked").max(1);
    let name = attack["attack"].as_str().expect("a name");
    // One in ten may be late. An overload must be seen before it can be helped.
    let known = tenths("known", served("known")) >= if OVERLOADS.contains(&name) { 5 } else { 9 };
    let unknown = if MAY_OVERLOAD.contains(&name) {
        tenths("unknown", served("unknown") + count(attack, "unknown", "turned_away")) >= 9
    } else {
        OVERLOADS.contains(&name) || tenths("unknown", served("unknown")) >= 9 && attack["recovered"] == true
    };
    attack["remembered"] == true && known && unknown
}

fn count(attack: &Value, client: &str, name: &str) -> u64 {
    attack[client][name].as_u64().expect("a count")
}

/// What is more than the app can do: customers are served, and strangers are asked to come back.
const OVERLOADS: [&str; 2] = ["dear requests", "large closed windows"];
/// An app whose one thread copies hundreds of answers of 3 MB keeps up on a machine with time to spare and not on a busy one; then
/// strangers may be turned away, with a word of when to come back.
const MAY_OVERLOAD: [&str; 1] = ["slow reading"];
