//! What passes between client and app, and how.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use edge_io::{ClientAddress, Front, Route, Routes};
use model::{Outcome, Tier};

use crate::world::{PATIENCE, Setting, app, app_saying, read_head, read_until, world};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn the_app_hears_who_asks_and_nothing_that_the_client_invented() {
    let (app, hears) = app_saying(OK);
    let world = world(app, Setting::default());
    let answer = world.ask("GET /a?b HTTP/1.1\r\nHost: shop\r\nX-Forwarded-For: 1.1.1.1\r\nPortcullis-Tier: t0\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
    let head = hears.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("x-forwarded-for: 127.0.0.1\r\n") && head.contains("portcullis-tier: t5\r\n"),
        "{head}"
    );
    assert!(!head.contains("1.1.1.1") && !head.contains("connection:"), "{head}");
}

#[test]
fn the_app_hears_of_a_country_from_the_front_alone() {
    let front = |source: &str| Front {
        sources: vec![source.parse().unwrap()],
        client_address: ClientAddress::XForwardedFor,
        ja4_header: None,
        country_header: Some("x-country".into()),
    };
    for (source, is_believed) in [("127.0.0.0/8", true), ("192.0.2.0/24", false)] {
        let (app, hears) = app_saying(OK);
        let world = world(app, Setting { fronts: vec![front(source)], ..Setting::default() });
        let _answer = world.ask(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nX-Country: DE\r\nX_Country: FR\r\nConnection: close\r\n\r\n",
        );
        let head = hears.recv_timeout(PATIENCE).unwrap();
        assert_eq!(head.contains("x-country: DE"), is_believed, "{head}");
        assert!(!head.contains("x_country"), "it is the client's own: {head}");
    }
}

#[test]
fn head_and_ranges_pass_unchanged() {
    let (app, hears) = app_saying(
        b"HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-0/9\r\ncontent-length: 1\r\n\r\nx",
    );
    let first = world(app, Setting::default());
    let answer = first.ask("GET /f HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 206") && answer.ends_with("\r\n\r\nx"), "{answer}");
    assert!(hears.recv_timeout(PATIENCE).unwrap().contains("range: bytes=0-0"));
    let (app, _hears) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    let answer =
        world(app, Setting::default()).ask("HEAD /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.contains("content-length: 5\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn the_gate_itself_says_continue_and_then_passes_the_body() {
    let app = app(|mut stream| {
        let head = read_head(&mut stream).unwrap();
        assert!(!head.contains("expect:"), "{head}");
        let mut body = [0; 5];
        stream.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"hello");
        stream.write_all(OK).unwrap();
    });
    let world = world(app, Setting::default());
    let mut client = world.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .unwrap();
    assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 100"));
    client.write_all(b"hello").unwrap();
    assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn trailers_pass_in_both_directions_without_forged_ones() {
    let (seen, hears) = std::sync::mpsc::sync_channel(1);
    let app = app(move |mut stream| {
        read_head(&mut stream).unwrap();
        seen.send(read_until(&mut stream, b"\r\n\r\n").unwrap()).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n").unwrap();
    });
    let world = world(app, Setting::default());
    let mut client = world.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: x-check, portcullis-tier\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-check: 1\r\nportcullis-tier: t0\r\n\r\n")
        .unwrap();
    let body = hears.recv_timeout(PATIENCE).unwrap();
    assert!(body.contains("x-check: 1") && !body.contains("portcullis-tier"), "{body}");
    assert!(read_until(&mut client, b"x-sum: 7\r\n\r\n").unwrap().contains("200"));
}

#[test]
fn a_websocket_is_relayed_after_a_valid_101_and_anything_else_is_not() {
    let app = app(|mut stream| {
        let head = read_head(&mut stream).unwrap();
        if !head.contains("upgrade: websocket") {
            return stream.write_all(OK).unwrap();
        }
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\n\r\n").unwrap();
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).unwrap();
        stream.write_all(&heard).unwrap();
    });
    let world = world(app, Setting::default());
    let mut client = world.connect();
    client.write_all(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n").unwrap();
    assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 101"));
    client.write_all(b"ping").unwrap();
    let mut heard = [0; 4];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"ping");
    let answer = world.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_websocket_that_its_route_forbids_is_refused_before_anything_is_taken_for_it() {
    let route = |path: &str, websocket| Route { path: path.into(), body_bytes: None, websocket, long: false };
    let upgrade = ", Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x";
    let routes = Routes::new(vec![route("/files", false), route("/files/live", true)]);
    let (app, hears) = app_saying(OK);
    let world = world(app, Setting { routes, ..Setting::default() });
    let ask = |path: &str, more: &str| {
        world.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close{more}\r\n\r\n"))
    };
    let refused = ask("/files/a", upgrade);
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("takes no WebSocket"), "{refused}");
    assert!(hears.try_recv().is_err(), "the app heard of it");
    // What had taken a slot and got no answer of the app would be counted as abandoned.
    let counters = &world.edge.as_ref().unwrap().shared().counters;
    let abandoned = |tier| counters.iter().map(|of| of.requests(tier, Outcome::Abandoned)).sum::<u64>();
    assert_eq!(Tier::ALL.map(abandoned), [0; Tier::COUNT]);
    assert!(ask("/files/a", "").starts_with("HTTP/1.1 200"));
    assert!(!hears.recv_timeout(PATIENCE).unwrap().contains("upgrade"));
    for allowed in ["/files/live", "/elsewhere"] {
        assert!(ask(allowed, upgrade).starts_with("HTTP/1.1 200"), "the app did not want one");
        let head = hears.recv_timeout(PATIENCE).unwrap();
        assert!(head.contains(allowed) && head.contains("upgrade: websocket"), "{head}");
    }
}

#[test]
fn a_large_body_streams_both_ways() {
    const BYTES: usize = 20 << 20;
    let app = app(|mut stream| {
        read_head(&mut stream).unwrap();
        stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {BYTES}\r\n\r\n").as_bytes()).unwrap();
        let mut back = stream.try_clone().unwrap();
        std::io::copy(&mut (&mut stream).take(BYTES as u64), &mut back).unwrap();
    });
    let world = world(app, Setting::default());
    let client = world.connect();
    let mut sending: TcpStream = client.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        sending
            .write_all(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BYTES}\r\n\r\n").as_bytes())
            .unwrap();
        sending.write_all(&vec![b'x'; BYTES]).unwrap();
    });
    let mut client = client;
    assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 200"));
    let read = std::io::copy(&mut client.take(BYTES as u64), &mut std::io::sink()).unwrap();
    assert_eq!(read, BYTES as u64);
    sender.join().unwrap();
}

#[test]
fn the_client_behind_a_balancer_is_the_one_of_the_proxy_header() {
    let (app, hears) = app_saying(OK);
    let world = world(app, Setting { proxy_protocol: true, ..Setting::default() });
    let answer = world.ask(
        "PROXY TCP4 192.0.2.7 203.0.113.1 5000 80\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(hears.recv_timeout(PATIENCE).unwrap().contains("x-forwarded-for: 192.0.2.7"));
    assert_eq!(world.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "", "without the header nobody is served");
}

#[test]
fn a_connection_that_the_app_closed_is_replaced_unnoticed() {
    let app = app(|mut stream| {
        // One answer for each connection, without saying so.
        if read_head(&mut stream).is_some() {
            stream.write_all(OK).unwrap();
        }
    });
    let world = world(app, Setting::default());
    let mut client = world.connect();
    for _ in 0..5 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(read_until(&mut client, b"ok").unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn an_answer_without_a_body_keeps_the_connection_to_the_app() {
    let connections = Arc::new(AtomicU32::new(0));
    let counts = connections.clone();
    let app = app(move |mut stream| {
        counts.fetch_add(1, Relaxed);
        while read_head(&mut stream).is_some() {
            stream.write_all(b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n").unwrap();
        }
    });
    let world = world(app, Setting::default());
    let mut client = world.connect();
    for _ in 0..5 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"1\"\r\n\r\n").unwrap();
        assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 304"));
    }
    assert_eq!(connections.load(Relaxed), 1);
}

#[test]
fn a_confirmed_login_earns_a_pass_that_is_recognised_and_never_reaches_the_app() {
    let (app, hears) = app_saying(
        b"HTTP/1.1 200 OK\r\nportcullis-login: ann\r\ncache-control: public\r\ncontent-length: 2\r\n\r\nok",
    );
    let mut world = world(app, Setting::default());
    let answer = world.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(
        !answer.contains("portcullis-login") && answer.contains("cache-control: private, no-store"),
        "{answer}"
    );
    let cookie = answer.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    hears.recv_timeout(PATIENCE).unwrap();
    let again = world
        .ask(&format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; {cookie}\r\nConnection: close\r\n\r\n"));
    assert!(!again.contains("set-cookie"), "{again}");
    let head = hears.recv_timeout(PATIENCE).unwrap();
    assert!(head.contains("portcullis-tier: t2") && head.contains("cookie: x=1\r\n"), "{head}");
    let edge = world.edge.take().unwrap();
    let shared = edge.shared().clone();
    edge.stop();
    assert_eq!(shared.uptime.total().came, 1, "customers have time of theirs, strangers have none");
}
