//! Crawlers are let in for what their address proves, with the system's own resolver and with published ranges.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::web::{self, Request};
use lab::{Gate, need};

const AGENT: &str = "User-Agent: Mozilla/5.0 (compatible; Examplebot/2.1)";
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 77, 7);

#[test]
fn a_name_that_leads_back_makes_a_crawler() {
    need!(Gate::binary());
    let (gate, _app) = gate("domains = [\"localhost\"]");
    assert_eq!(tier_after(&gate, Ipv4Addr::LOCALHOST, "t4"), Some("t4".to_owned()), "{}", gate.log());
    assert_eq!(tier(&gate, ELSEWHERE, AGENT), Some("t5".to_owned()), "it has no name");
    let browser = "User-Agent: Mozilla/5.0";
    assert_eq!(
        tier(&gate, Ipv4Addr::LOCALHOST, browser),
        Some("t5".to_owned()),
        "it says that it is another"
    );
}

#[test]
fn published_ranges_make_a_crawler_and_are_read_again() {
    need!(Gate::binary());
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("ranges.json");
    let publish = |network: &str| {
        let json = serde_json::json!({ "prefixes": [{ "ipv4Prefix": network }] });
        std::fs::write(&file, json.to_string()).expect("there is room");
    };
    publish("127.0.77.0/24");
    let (gate, _app) = gate(&format!("ranges = [\"{}\"]", file.display()));
    assert_eq!(tier_after(&gate, ELSEWHERE, "t4"), Some("t4".to_owned()), "{}", gate.log());
    assert_eq!(tier(&gate, Ipv4Addr::LOCALHOST, AGENT), Some("t5".to_owned()));
    // What was read is in use a moment before it is told.
    let told = || gate.log().contains("crawler examplebot: networks in use: 1").then_some(());
    assert!(wait_for(Duration::from_secs(15), told).is_some(), "{}", gate.log());
}

/// A gate before an app that answers with the head it saw.
fn gate(proof: &str) -> (Gate, Origin) {
    let app = Origin::start(|head| plain("200 OK", "", head)).expect("loopback has a port");
    let table =
        format!("[[crawler]]\nname = \"examplebot\"\nuser_agent = \"examplebot\"\n{proof}\n[[site]]\n");
    let config = Gate::CONFIG.replace("[[site]]\n", &table).replace("{origin}", &app.url());
    (Gate::start(&config).expect("the gate starts"), app)
}

/// What the app is told of a client.
fn tier(gate: &Gate, from: Ipv4Addr, agent: &str) -> Option<String> {
    let request = Request { from, headers: &[agent], ..Request::get("/") };
    let answer = web::send(gate.listen(), &request).ok()?;
    answer.body.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("portcullis-tier").then(|| value.trim().to_owned())
    })
}

/// The same once it is as wanted, or after some seconds.
fn tier_after(gate: &Gate, from: Ipv4Addr, wanted: &str) -> Option<String> {
    let within = Duration::from_secs(15);
    wait_for(within, || tier(gate, from, AGENT).filter(|tier| tier == wanted))
        .or_else(|| tier(gate, from, AGENT))
}
