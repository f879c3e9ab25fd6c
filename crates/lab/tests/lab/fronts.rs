//! A proxy before the gate that nobody has named.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lab::clock::{pause, wait_for};
use lab::origin::{Origin, plain};
use lab::{Gate, need, web};

#[test]
fn behind_a_proxy_that_nobody_has_named_nobody_is_limited_by_its_address() {
    need!(Gate::binary());
    let app = Origin::start(|_: &str| plain("200 OK", "", "welcome")).expect("loopback has a port");
    let config = Gate::CONFIG.replace("{origin}", &app.url()).replace("\"auto\"", "\"assist\"");
    let gate = Gate::start(&config).expect("the gate starts");
    assert!(!serves_so_many(gate.listen()), "without a proxy that is one client's share");

    // A proxy is known by those whom it names: most of a minute's requests are theirs.
    let mut clients = (1..=40_u8).cycle();
    let told = wait_for(NOTICED_WITHIN, || {
        let client = clients.next().unwrap_or_default();
        let named = format!("X-Forwarded-For: 198.51.100.{client}");
        let answer = web::get(gate.listen(), "/", &[&named]).expect("the gate answers");
        assert_eq!(answer.status, 200, "{}", gate.log());
        pause(EACH);
        let (_, said) = gate.control(&["status"]).expect("it runs");
        said.contains("[[front]] with sources = [\"127.0.0.1\"]").then_some(())
    });
    assert!(told.is_some(), "{}", gate.log());
    let is_logged = || gate.log().contains("most requests come through 127.0.0.1").then_some(());
    assert!(wait_for(Duration::from_secs(10), is_logged).is_some(), "{}", gate.log());
    assert!(serves_so_many(gate.listen()), "they are not one client: {}", gate.log());

    let (is_done, said) = gate.control(&["mode", "auto"]).expect("it runs");
    assert!(!is_done && said.contains("the mode is still assist"), "{said}");
}

/// Whether a connection is served that is opened beside more than one address may hold.
fn serves_so_many(gate: SocketAddr) -> bool {
    let open = || TcpStream::connect(gate).expect("the gate listens");
    let others: Vec<TcpStream> = (0..CONNECTIONS).map(|_| open()).collect();
    // Those are accepted in their order, by several threads.
    pause(Duration::from_millis(500));
    let mut last = open();
    last.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket takes a deadline");
    // Whoever is turned away may hear of it by either.
    let _broken = last.write_all(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let _cut = last.read_to_string(&mut answer);
    drop(others);
    pause(Duration::from_millis(500));
    answer.starts_with("HTTP/1.1 200")
}

/// One address holds a hundred.
const CONNECTIONS: usize = 120;

/// Between two requests, so that some hundred come in the minute.
const EACH: Duration = Duration::from_millis(200);

/// It is judged once a minute.
const NOTICED_WITHIN: Duration = Duration::from_secs(180);
