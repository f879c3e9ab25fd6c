//! WebSockets through the gate are what they are without it: every category of the Autobahn test suite (which itself needs a Python that no
//! longer exists), once straight to an echo server and once through the gate.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use lab::clock::wait_for;
use lab::{Gate, Missing, Peer, Running, free_address, need, web};
use serde_json::Value;
use std::time::Duration;

#[test]
fn every_case_is_seen_as_it_is_without_the_gate() {
    let python = need!(Peer::python());
    need!(Gate::binary());
    let folder = tempfile::tempdir().expect("there is room");
    let server = free_address();
    let _server = serve(&python, server, folder.path());
    let config = Gate::CONFIG.replace("{origin}", &format!("http://{server}"));
    let gate = Gate::start(&config).expect("the gate starts");
    let straight = need!(play(server));
    let through = need!(play(gate.listen()));
    assert!(straight.len() >= 300, "{} cases only", straight.len());
    let opened = straight.iter().filter(|case| case["saw"]["status"] == serde_json::json!(["101"])).count();
    assert!(opened >= 300, "{opened} of {} connections were opened", straight.len());
    let differ: Vec<_> =
        straight.iter().zip(&through).filter(|(straight, through)| straight != through).collect();
    assert!(differ.is_empty(), "{} cases differ, first of all {:#?}", differ.len(), differ.first());
    assert_eq!(straight.len(), through.len());
}

#[test]
fn unknown_clients_have_a_bounded_number_of_them_once_limits_refuse() {
    let python = need!(Peer::python());
    need!(Gate::binary());
    let folder = tempfile::tempdir().expect("there is room");
    let server = free_address();
    let _server = serve(&python, server, folder.path());
    let config = Gate::CONFIG.replace("[state]", "[limits]\nstreams = 5\n[state]");
    let gate =
        Gate::start(&config.replace("{origin}", &format!("http://{server}"))).expect("the gate starts");
    let open = |number: u8| {
        let from = Ipv4Addr::new(127, 0, 60, number);
        let mut stream = web::connect_from(from, gate.listen(), Duration::from_secs(10)).expect("it accepts");
        stream.write_all(OPENING).expect("it reads");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("it answers");
        (stream, String::from_utf8_lossy(&status).into_owned())
    };
    let in_calm: Vec<_> = (1..=8).map(open).collect();
    assert!(in_calm.iter().all(|(_, status)| status == "HTTP/1.1 101"), "{in_calm:?} {}", gate.log());
    gate.tell(&["level", "pin", "limiting"]).expect("it is told");
    let refused =
        wait_for(Duration::from_secs(10), || Some(open(9).1).filter(|status| status == "HTTP/1.1 429"));
    assert!(refused.is_some(), "{}", gate.log());
    drop(in_calm);
    let room =
        wait_for(Duration::from_secs(20), || Some(open(10).1).filter(|status| status == "HTTP/1.1 101"));
    assert!(room.is_some(), "those that ended make room: {}", gate.log());
}

const OPENING: &[u8] = b"GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn serve(python: &Peer, address: SocketAddr, folder: &Path) -> Running {
    let mut command = python.command();
    command.arg(script("server.py")).arg(address.port().to_string());
    let within = Duration::from_secs(20);
    let running =
        Running::start_and_wait(&mut command, &folder.join("server.log"), within, || web::accepts(address));
    running.unwrap_or_else(|error| panic!("{error}"))
}

/// What every case saw.
fn play(address: SocketAddr) -> Result<Vec<Value>, Missing> {
    let mut command = Peer::find("python3")?.command();
    command.arg("-B").arg(script("client.py")).arg(address.port().to_string());
    let output = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(text.lines().map(|line| serde_json::from_str(line).expect("it prints JSON")).collect())
}

fn script(name: &str) -> String {
    format!("{}/tests/websockets/{name}", env!("CARGO_MANIFEST_DIR"))
}
