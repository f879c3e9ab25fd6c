//! Clients that hold connections to the app and do nothing with them: everybody else must still be served.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use edge_io::JwksSource;
use model::{Level, Outcome, Tier};
use socket2::{Domain, Socket, Type};

use crate::jwt::{claims, settings};
use crate::signer::{Signer, jwks};
use crate::world::{PATIENCE, Setting, World, app, read_head, world};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const GET_AND_CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
const WEBSOCKET: &str =
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n";
/// More than the 48 of the app's 64 connections that unknown clients may hold.
const CROWD: usize = 70;

#[test]
fn uploads_that_stop_in_the_middle_give_way_to_who_needs_the_app() {
    let (app, begun) = busy_app();
    let world = world(app, Setting::default());
    let head = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    let silent = crowd(&world, &format!("{head}{}", "x".repeat(100_000)));
    wait_until_full(&world, &begun);
    assert!(world.ask(GET).ends_with("ok"));
    drop(silent);
}

#[test]
fn small_bodies_that_never_end_do_not_reach_the_app() {
    let (app, begun) = busy_app();
    let world = world(app, Setting::default());
    let silent =
        crowd(&world, "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert!(world.ask(GET).ends_with("ok"));
    assert_eq!(begun.load(Relaxed), 0);
    drop(silent);
}

#[test]
fn answers_that_nobody_takes_give_way_to_who_needs_the_app() {
    let (app, begun) = busy_app();
    let world = world(app, Setting::default());
    let silent = crowd(&world, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_until_full(&world, &begun);
    assert!(world.ask(GET).ends_with("ok"));
    drop(silent);
}

/// The gate takes 256 KiB of it into memory and not the whole: a few hundred clients and one large file would be its end otherwise.
#[test]
fn of_an_answer_that_nobody_takes_a_bounded_part_is_read() {
    // More than the buffers of both systems take.
    const MEGABYTES: usize = 256;
    // However small the pieces are in which it comes.
    const CHUNK: usize = 1 << 10;
    const MEMORY: std::ops::RangeInclusive<u64> = 64 << 10..=(256 + 64) << 10;
    let (told, hears) = sync_channel(1);
    let app = app(move |mut stream| {
        while read_head(&mut stream).is_some() {
            stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            let megabyte = format!("{CHUNK:x}\r\n{}\r\n", "x".repeat(CHUNK)).repeat(1 << 10);
            let _gone = told.send((0..MEGABYTES).all(|_| stream.write_all(megabyte.as_bytes()).is_ok()));
        }
    });
    let world = world(app, Setting::default());
    let mut client = small(&world);
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(!hears.recv_timeout(PATIENCE).unwrap(), "all of it was taken off the app's hands");
    let shared = world.edge.as_ref().unwrap().shared();
    let late = shared.clock.now() + PATIENCE;
    let unsent = || shared.counters.iter().map(|counters| counters.unsent.load(Relaxed)).sum::<u64>();
    while !MEMORY.contains(&unsent()) {
        assert!(shared.clock.now() < late, "{} bytes wait in the gate", unsent());
        std::thread::yield_now();
    }
    drop(client);
}

/// The library keeps a buffer as large as it ever was: it must not lie about in idle connections.
#[test]
fn a_connection_that_took_a_large_answer_slowly_ends_with_its_next() {
    let app = app(|mut stream| {
        while let Some(head) = read_head(&mut stream) {
            let large = head.starts_with("GET /large ");
            let body = "x".repeat(if large { 16 << 20 } else { 2 });
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _gone = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    let world = world(app, Setting::default());
    let mut client = small(&world);
    let mut ask = |path: &str, until_slow: bool| {
        client.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
        let shared = world.edge.as_ref().unwrap().shared();
        let late = shared.clock.now() + PATIENCE;
        let unsent = || shared.counters.iter().map(|counters| counters.unsent.load(Relaxed)).sum::<u64>();
        while until_slow && unsent() < 128 << 10 {
            assert!(shared.clock.now() < late, "{} bytes wait in the gate", unsent());
            std::thread::yield_now();
        }
        let head = read_head(&mut client).unwrap();
        let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        client.read_exact(&mut body).unwrap();
        head
    };
    assert!(!ask("/small", false).contains("connection: close"));
    assert!(!ask("/large", true).contains("connection: close"));
    assert!(ask("/small", false).contains("connection: close"));
}

#[test]
fn silent_websockets_give_way_to_who_needs_the_app() {
    let (app, begun) = busy_app();
    let world = world(app, Setting::default());
    let silent = crowd(
        &world,
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
    );
    wait_until_full(&world, &begun);
    assert!(world.ask(GET).ends_with("ok"));
    drop(silent);
}

#[test]
fn what_the_app_works_for_is_not_taken_away_and_known_clients_have_connections_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let signer = Signer::new("k1", "EdDSA");
    std::fs::write(&file, jwks(&[signer.jwk()])).unwrap();
    let (app, begun) = busy_app();
    let world = world(app, settings(JwksSource::File(file)));
    let waiting = crowd(&world, "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    let token = signer.token(&claims("ann", 600));
    let known =
        format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    wait_until_full(&world, &begun);
    assert!(world.ask(&known).ends_with("ok"));
    let refused = world.ask(GET);
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after"), "{refused}");
    assert_eq!(begun.load(Relaxed), 48, "three quarters of 64");
    drop(waiting);
}

#[test]
fn a_customer_who_keeps_every_connection_waiting_keeps_no_other_from_the_app() {
    let folder = tempfile::tempdir().unwrap();
    let (customers, setting) = Customers::new(folder.path());
    for asked in [WEBSOCKET, "GET /large HTTP/1.1\r\nHost: a\r\n"] {
        let (app, begun) = busy_app();
        let world = world(app, setting.clone());
        let hoarded = crowd(&world, &customers.asks("mallory", asked));
        wait_until(&world, &begun, 64);
        assert!(world.ask(&customers.asks("ann", GET_AND_CLOSE)).ends_with("ok"), "{asked}");
        drop(hoarded);
    }
}

#[test]
fn customers_who_hold_a_few_each_do_not_hold_everything_together() {
    let folder = tempfile::tempdir().unwrap();
    let (customers, setting) = Customers::new(folder.path());
    let (app, begun) = busy_app();
    let world = world(app, setting);
    let open = |who: usize| {
        let mut client = small(&world);
        client.write_all(customers.asks(&format!("mallory{}", who / 4), WEBSOCKET).as_bytes()).unwrap();
        client
    };
    let held: Vec<_> = (0..64).map(open).collect();
    wait_until(&world, &begun, 64);
    assert!(world.ask(&customers.asks("ann", GET_AND_CLOSE)).ends_with("ok"));
    drop(held);
}

#[test]
fn once_limits_refuse_a_client_has_a_bounded_number_of_websockets() {
    let folder = tempfile::tempdir().unwrap();
    let (customers, setting) = Customers::new(folder.path());
    let (app, _begun) = busy_app();
    let world = world(app, Setting { floor: Some(Level::Limiting), ..setting });
    world.until_limits_refuse();
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    let open = |asks: &str| {
        let mut client = world.connect();
        client.write_all(asks.as_bytes()).unwrap();
        let head = read_head(&mut client).unwrap_or_default();
        (client, head.starts_with("HTTP/1.1 101"))
    };
    let opened = |asks: &str| -> Vec<_> { (0..20).map(|_| open(asks)).filter(|(_, had)| *had).collect() };
    let stranger = format!("{WEBSOCKET}\r\n");
    let by_ann = opened(&customers.asks("ann", WEBSOCKET));
    let by_strangers = opened(&stranger);
    assert_eq!([by_ann.len(), by_strangers.len()], [16, 2]);
    assert!(open(&customers.asks("bob", WEBSOCKET)).1, "another customer's are counted by themselves");
    drop(by_ann);
    while !open(&customers.asks("ann", WEBSOCKET)).1 {
        assert!(clock.now() < late, "those that ended make room");
        std::thread::yield_now();
    }
}

/// Whoever sends on after the answer, drop by drop, must not be waited for by the next one on the app's connection.
#[test]
fn an_upload_that_the_app_has_answered_already_delays_nobody_else() {
    let app = app(|mut stream| {
        while let Some(head) = read_head(&mut stream) {
            if head.starts_with("POST") {
                stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").unwrap();
                let _gone = stream.read_to_end(&mut Vec::new());
                return;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        }
    });
    let world = world(app, Setting::default());
    let refused = |_| {
        let mut client = world.connect();
        let head = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
        client.write_all(format!("{head}{}", "x".repeat(100_000)).as_bytes()).unwrap();
        assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 403"));
        client
    };
    // Of both workers.
    let sending: Vec<_> = (0..8).map(refused).collect();
    (0..8).for_each(|_| assert!(world.ask(GET).ends_with("ok")));
    drop(sending);
}

#[test]
fn what_is_given_up_is_closed_also_when_the_app_does_not_read() {
    let (told, hears) = sync_channel(1);
    let (go, goes) = sync_channel::<()>(1);
    let goes = std::sync::Mutex::new(goes);
    let app = app(move |mut stream| {
        read_head(&mut stream).unwrap();
        goes.lock().unwrap().recv().unwrap();
        // Whoever has closed its end answers that with a reset.
        let is_closed = (0..100_000).any(|_| {
            std::thread::yield_now();
            stream.write_all(b"x").is_err()
        });
        told.send(is_closed).unwrap();
    });
    let world = world(app, Setting { answer_timeout: Duration::from_secs(1), ..Setting::default() });
    let mut client = world.connect();
    let mut sending = client.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let head = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";
        let _ended = sending.write_all(head.as_bytes());
        let _ended = sending.write_all(&vec![b'x'; 100_000_000]);
    });
    assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 504"));
    go.send(()).unwrap();
    assert!(hears.recv_timeout(PATIENCE).unwrap(), "the gate still holds the connection");
    drop(client);
    drop(world);
    sender.join().unwrap();
}

#[test]
fn an_upload_that_breaks_off_is_no_failure_of_the_app() {
    let (app, begun) = busy_app();
    let world = world(app, Setting::default());
    let shared = world.edge.as_ref().unwrap().shared().clone();
    let mut client = world.connect();
    let head = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
    client.write_all(format!("{head}{}", "x".repeat(100_000)).as_bytes()).unwrap();
    while begun.load(Relaxed) == 0 {
        std::thread::yield_now();
    }
    client.shutdown(std::net::Shutdown::Write).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    let sum = |cell: fn(&edge_io::Counters) -> u64| shared.counters.iter().map(cell).sum::<u64>();
    assert_eq!(sum(|counters| counters.origin_overloads.load(Relaxed)), 0);
    assert_eq!(sum(|counters| counters.requests(Tier::T5, Outcome::OriginError)), 0);
}

/// Clients who are known by a token.
struct Customers(Signer);

impl Customers {
    fn new(folder: &std::path::Path) -> (Self, Setting) {
        let file = folder.join("jwks.json");
        let signer = Signer::new("k1", "EdDSA");
        std::fs::write(&file, jwks(&[signer.jwk()])).unwrap();
        (Self(signer), settings(JwksSource::File(file)))
    }

    /// A head without its end, as one of them sends it.
    fn asks(&self, who: &str, head: &str) -> String {
        format!("{head}Authorization: Bearer {}\r\n\r\n", self.0.token(&claims(who, 600)))
    }
}

/// So many clients that send the same and then wait.
fn crowd(world: &World, bytes: &str) -> Vec<TcpStream> {
    let begin = |_| {
        let mut client = small(world);
        client.write_all(bytes.as_bytes()).unwrap();
        client
    };
    (0..CROWD).map(begin).collect()
}

/// A connection whose own end takes little: megabytes for each of a crowd would keep a small machine busy for longer than anybody waits.
fn small(world: &World) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(32 << 10).unwrap();
    socket.connect(&world.address.into()).unwrap();
    socket.into()
}

/// Waits until unknown clients hold all that they may of the app's connections.
fn wait_until_full(world: &World, begun: &AtomicU32) {
    wait_until(world, begun, 48);
}

fn wait_until(world: &World, begun: &AtomicU32, connections: u32) {
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    while begun.load(Relaxed) < connections {
        assert!(clock.now() < late, "they do not reach the app: {begun:?}");
        std::thread::yield_now();
    }
}

/// An app that reads uploads to their end, has a large file, agrees to WebSockets and hangs when asked to; and how many such
/// requests have begun.
fn busy_app() -> (SocketAddr, Arc<AtomicU32>) {
    let begun = Arc::new(AtomicU32::new(0));
    let counts = begun.clone();
    // One for all: forty-eight of them at once keep a small machine busy for seconds.
    let large: Arc<[u8]> = vec![b'x'; 16_000_000].into();
    let address = app(move |mut stream| {
        while let Some(head) = read_head(&mut stream) {
            if head.starts_with("GET / ") {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
                continue;
            }
            counts.fetch_add(1, Relaxed);
            if head.starts_with("GET /large") {
                let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 16000000\r\n\r\n");
                let _gone = stream.write_all(&large);
            } else if head.starts_with("GET /ws") {
                let _gone = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\n\r\n");
            }
            let _gone = stream.read_to_end(&mut Vec::new());
        }
    });
    (address, begun)
}
