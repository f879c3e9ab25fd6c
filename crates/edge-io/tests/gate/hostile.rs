//! Apps that die, hang or talk nonsense, and clients that want too much.

use std::io::{Read, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use edge_io::Fault;

use crate::world::{PATIENCE, Setting, app, app_saying, read_head, read_until, world};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn an_app_that_is_not_there_is_said_so() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = world(closed, Setting::default()).ask(GET);
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("no-store"), "{answer}");
}

#[test]
fn an_app_that_hangs_is_given_up_in_time() {
    let app = app(|mut stream| {
        read_head(&mut stream);
        // Says nothing until the gate gives up.
        let _closed = stream.read(&mut [0; 1]);
    });
    let setting = Setting { answer_timeout: Duration::from_millis(300), ..Setting::default() };
    let answer = world(app, setting).ask(GET);
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
}

#[test]
fn an_app_that_talks_nonsense_or_dies_in_the_middle_harms_nobody_else() {
    let app = app(|mut stream| {
        let Some(head) = read_head(&mut stream) else { return };
        let answer: &[u8] = if head.starts_with("GET /nonsense") {
            b"\x00\xff not http\r\n\r\n"
        } else if head.starts_with("GET /dies") {
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"
        } else {
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        };
        stream.write_all(answer).unwrap();
    });
    let world = world(app, Setting::default());
    let ask = |path: &str| world.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    assert!(ask("/nonsense").starts_with("HTTP/1.1 502"));
    let cut = ask("/dies");
    assert!(cut.contains("content-length: 100") && cut.ends_with("only this"), "{cut}");
    assert!(ask("/").ends_with("ok"));
}

#[test]
fn own_paths_and_methods_never_reach_the_app() {
    let (app, hears) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let world = world(app, Setting { hosts: vec!["shop.example".into()], ..Setting::default() });
    let ask = |line: &str, host: &str| {
        world.ask(&format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    };
    assert!(ask("GET /.well-known/portcullis/health", "any").ends_with("ok\n"));
    assert!(ask("TRACE /", "shop.example").starts_with("HTTP/1.1 405"));
    assert!(ask("CONNECT a:1", "a:1").starts_with("HTTP/1.1 405"));
    assert!(ask("GET /", "other.example").starts_with("HTTP/1.1 421"));
    assert!(hears.try_recv().is_err());
    assert!(ask("GET /", "SHOP.example:80").starts_with("HTTP/1.1 200"));
}

#[test]
fn with_a_full_table_the_longest_idle_unknown_connection_makes_room() {
    let (app, _hears) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let world = world(app, Setting { connections_max: 64, ..Setting::default() });
    // More than both workers' share of the 70 % that unknown clients may hold.
    let idle: Vec<_> = (0..200).map(|_| world.connect()).collect();
    let answer = world.ask(GET);
    assert!(answer.ends_with("ok"), "a newcomer is served although the table is full: {answer:?}");
    drop(idle);
}

#[test]
fn websockets_of_unknown_clients_hold_neither_the_table_nor_more_than_their_share() {
    let app = app(|mut stream| {
        if read_head(&mut stream).is_some_and(|head| head.contains("upgrade: websocket")) {
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\n\r\n").unwrap();
            let _ended = stream.read_to_end(&mut Vec::new());
        } else {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").unwrap();
        }
    });
    let world = world(app, Setting { connections_max: 64, ..Setting::default() });
    let open = || {
        let mut client = world.connect();
        client.write_all(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n").unwrap();
        let head = read_head(&mut client);
        (client, head.unwrap_or_default())
    };
    // More than unknown clients may hold, and all of it WebSockets: nobody waits for their end.
    let silent: Vec<_> = (0..60).map(|_| open()).collect();
    assert!(silent.iter().filter(|(_, head)| head.starts_with("HTTP/1.1 101")).count() > 40);
    let answer = world.ask(GET);
    assert!(answer.ends_with("ok"), "a newcomer is served although the table is full: {answer:?}");
}

#[test]
fn a_denied_address_is_refused_with_a_reference_that_opens() {
    let (app, _hears) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let world = world(app, Setting::default());
    let prefix = "127.0.0.0/8".parse().unwrap();
    world.site.denied().add(admission::site::Entry { prefix, until: None }).unwrap();
    let answer = world.ask(GET);
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("application/problem+json"), "{answer}");
    let reference = answer.split("portcullis-reference: ").nth(1).unwrap().split('\r').next().unwrap();
    let opened = world.site.open_reference(reference).unwrap();
    assert_eq!((opened.reason, opened.prefix.to_string().as_str()), (model::Reason::Denied, "127.0.0.0/24"));
    world.site.set_bypass(true);
    assert!(world.ask(GET).ends_with("ok"), "bypass is plain forwarding");
}

#[test]
fn what_breaks_a_rule_of_framing_is_refused_and_counted() {
    let (app, hears) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let world = world(app, Setting::default());
    let shared = world.edge.as_ref().unwrap().shared().clone();
    let late = shared.clock.now() + PATIENCE;
    for (bytes, fault) in [
        ("GET / HTTP/1.1\nHost: a\n\n", Fault::Line),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Fault::Host),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", Fault::Chunk),
    ] {
        let answer = world.ask(bytes);
        assert!(fault == Fault::Chunk || answer.starts_with("HTTP/1.1 400"), "{answer}");
        let count =
            || -> u64 { shared.counters.iter().map(|c| c.malformed[fault.index()].load(Relaxed)).sum() };
        while count() == 0 {
            assert!(shared.clock.now() < late, "{fault:?} is not counted");
            std::thread::yield_now();
        }
        assert_eq!(count(), 1);
    }
    drop(hears);
}

#[test]
fn a_head_without_an_end_is_cut_off() {
    let (app, _hears) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let world = world(app, Setting::default());
    let mut client = world.connect();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    let line = format!("a: {}\r\n", "x".repeat(1_024));
    // What the kernel buffers is not the gate's doing; but it stops reading, and then writing fails.
    let lines = (0..100_000).take_while(|_| client.write_all(line.as_bytes()).is_ok()).count();
    assert!(lines < 100_000, "a hundred megabytes of head were taken");
    assert!(read_until(&mut client, b"HTTP/1.1 200").is_none());
}

#[test]
fn an_unknown_client_is_told_to_come_back_on_another_connection_after_a_thousand_requests() {
    let app = app(|mut stream| {
        while read_head(&mut stream).is_some() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        }
    });
    let world = world(app, Setting::default());
    let mut stream = world.connect();
    let mut last = String::new();
    for _ in 0..1_000 {
        assert!(!last.contains("connection: close"), "{last}");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        last = read_until(&mut stream, b"\r\n\r\nok").unwrap();
    }
    assert!(last.contains("connection: close"), "{last}");
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "and it is closed");
}
