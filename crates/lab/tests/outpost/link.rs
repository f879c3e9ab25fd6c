//! A link that a flood fills: what the gate tells its carrier.

use std::time::Duration;

use lab::clock::{Stopwatch, wait_for};
use lab::{Missing, Peer, Running, need};
use serde_json::Value;

use crate::world::{PUBLIC, World};

/// A flood of datagrams at a port where nothing listens, at most 90 Mbit/s, for as long as the test may take at most. It stays between the
/// two namespaces of the test.
const FLOOD: &str = "
import socket, sys, time
flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
target, end = (sys.argv[1], 9), time.monotonic() + 100
while time.monotonic() < end:
    for _ in range(4):
        flood.sendto(b'x' * 1400, target)
    time.sleep(0.0005)
";

#[test]
fn a_link_that_a_flood_fills_is_called_full_and_one_with_room_is_not() {
    let world = need!(World::start());
    need!(narrow(&world));
    world.until("there is room", || {
        let report = world.provider_report(&[]);
        let is_reached = report.contains("from elsewhere the site is reached");
        is_reached && report.contains("The link: link not full (sure)")
    });
    let mut flood = flood(&world);
    let begun = Stopwatch::start();
    let full = "The link: link full: nothing on this machine can help (sure)";
    // The outpost is asked three times in vain before it counts as cut off.
    let is_full = || world.provider_report(&[]).contains(full).then_some(());
    let found = wait_for(Duration::from_secs(90), is_full);
    found.unwrap_or_else(|| panic!("{}\n{}", world.provider_report(&[]), world.gate.log()));
    println!("called full {:.1} s after the flood began", begun.elapsed().as_secs_f64());
    let report = world.provider_report(&[]);
    println!("{report}");
    for told in [
        "% of the link is used inbound",
        "from here it answers",
        "drop UDP to our addresses",
        "TCP port 8080",
    ] {
        assert!(report.contains(told), "{told}:\n{report}");
    }
    let report: Value = serde_json::from_str(&world.provider_report(&["--json"])).expect("it is JSON");
    assert_eq!((&report["link"]["verdict"], &report["kinds"][0]["kind"]), (&"full".into(), &"udp".into()));
    assert_eq!(report["interface"]["name"], "gate0");
    let addresses = report["destination"]["addresses"].as_array().expect("it is a list");
    assert!(addresses.iter().any(|address| address["address"] == PUBLIC), "{report}");
    let most = report["measures"][0]["peak"].as_u64().unwrap_or_default();
    assert!((1_800_000..5_000_000).contains(&most), "2 Mbit/s go over the link, not {most}");
    flood.kill();
    world.until("there is room again", || {
        world.provider_report(&[]).contains("The link: link not full (sure)")
    });
}

/// Lets 2 Mbit/s go to the gate's machine; what waits is counted in packets, so that small ones get lost like large ones.
fn narrow(world: &World) -> Result<(), Missing> {
    let tc = Peer::find("tc")?.path().display().to_string();
    let rate = "qdisc add dev out0 root handle 1: tbf rate 2mbit burst 8kb latency 200ms";
    let queue = "qdisc add dev out0 parent 1: handle 2: pfifo limit 20";
    for words in [rate, queue] {
        let done = world.there.command(&tc).args(words.split(' ')).output().expect("it starts");
        if !done.status.success() {
            return Err(Missing::Privilege {
                name: "limit the rate of a link (the kernel's sch_tbf)".to_owned(),
            });
        }
    }
    Ok(())
}

fn flood(world: &World) -> Running {
    let python = Peer::find("python3").expect("the app of this world runs with it");
    let mut command = world.there.command(&python.path().display().to_string());
    command.args(["-c", FLOOD, PUBLIC]);
    Running::start(&mut command, &world.log("flood")).expect("it starts")
}
