//! A successor takes the listening sockets; what is open ends in good order.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::world::{PATIENCE, Setting, World, app, read_head, read_until, world, world_with};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: x\r\n\r\n";

fn sockets(world: &World) -> Vec<TcpListener> {
    let sockets = world.edge.as_ref().unwrap().sockets();
    sockets.map(|socket| TcpListener::from(socket.try_clone_to_owned().unwrap())).collect()
}

#[test]
fn connections_end_by_themselves_when_nothing_that_is_sent_is_taken_for_20_s() {
    let listening = edge_io::listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let socket = listening[0].try_clone().unwrap();
    let untaken = |stream: &TcpStream| SockRef::from(stream).tcp_user_timeout().unwrap();
    let mut world = world_with(app(|_| {}), Setting::default(), listening);
    // The gate is gone: what is accepted now is what it would have accepted.
    world.edge.take().unwrap().stop();
    socket.set_nonblocking(false).unwrap();
    let client = world.connect();
    let (accepted, _) = socket.accept().unwrap();
    assert_eq!(untaken(&accepted), Some(Duration::from_secs(20)));
    assert_eq!(untaken(&client), None, "by itself a socket has none");
}

#[test]
fn a_request_in_progress_ends_here_and_the_next_connection_is_the_successors() {
    let slow = app(|mut stream| {
        read_head(&mut stream).unwrap();
        let body = read_until(&mut stream, b"end").unwrap();
        assert_eq!(body, "begin and end");
        stream.write_all(OK).unwrap();
    });
    let quick = app(|mut stream| {
        while read_head(&mut stream).is_some() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nnew").unwrap();
        }
    });
    let mut old = world(slow, Setting::default());
    let mut upload = old.connect();
    upload.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\nbegin").unwrap();
    let mut idle = old.connect();
    let new = world_with(quick, Setting::default(), sockets(&old));
    old.edge.as_mut().unwrap().retire();
    for _ in 0..10 {
        let mut client = new.connect();
        client.write_all(GET).unwrap();
        assert!(read_until(&mut client, b"new").unwrap().starts_with("HTTP/1.1 200"));
    }
    upload.write_all(b" and end").unwrap();
    let head = read_head(&mut upload).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("connection: close"), "{head}");
    idle.write_all(b"GET /").unwrap();
    assert_eq!(idle.read(&mut [0]).unwrap_or(0), 0, "what never becomes a request ends by its own deadline");
    let clock = old.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    while !old.edge.as_ref().unwrap().is_drained() {
        assert!(clock.now() < late, "connections are left");
        std::thread::yield_now();
    }
}

#[test]
fn websockets_keep_their_slots_and_are_closed_once_a_successor_serves() {
    let app = app(|mut stream| {
        read_head(&mut stream).unwrap();
        stream.write_all(SWITCHED).unwrap();
        let _ended = stream.read_to_end(&mut Vec::new());
    });
    let mut world = world(app, Setting::default());
    let mut clients: Vec<_> = (0..5)
        .map(|_| {
            let mut client = world.connect();
            client.write_all(UPGRADE).unwrap();
            assert!(read_head(&mut client).unwrap().starts_with("HTTP/1.1 101"));
            client
        })
        .collect();
    assert_eq!(world.site.connections().used(), 5, "an upgraded connection is still a connection");
    world.edge.as_mut().unwrap().retire();
    for client in &mut clients {
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    }
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    while world.site.connections().used() != 0 {
        assert!(clock.now() < late, "a slot is lost");
        std::thread::yield_now();
    }
}
