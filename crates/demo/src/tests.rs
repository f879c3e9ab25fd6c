use std::time::Duration;

use crate::{Arena, ArenaError, Passage, Settings};

fn short() -> Settings {
    Settings {
        calm: Duration::from_secs(1),
        attack: Duration::from_secs(1),
        aftermath: Duration::ZERO,
        factor: 0.5,
        seed: 3,
    }
}

#[test]
fn in_calm_the_shop_serves_its_customers() {
    let mut arena = Arena::open(short(), 42, 1).unwrap();
    let capacity = arena.measure_capacity(Duration::from_secs(1)).unwrap();
    assert!(capacity > 50.0, "{capacity} pages a second");
    assert!(arena.scoreboard(0, 0.0).is_none(), "nothing has been played");
}

#[test]
fn a_listener_that_does_not_echo_the_runs_number_gets_no_load() {
    let mut arena = Arena::open(short(), 42, 1).unwrap();
    // Nobody serves the gate's sockets; then somebody who is not the gate does.
    let socket = arena.take_gate_sockets().remove(0);
    socket.set_nonblocking(false).unwrap();
    let (heard, hears) = std::sync::mpsc::sync_channel(10);
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in socket.incoming().take(3).flatten() {
            let mut stream = stream;
            let mut head = [0; 1_024];
            let n = stream.read(&mut head).unwrap_or(0);
            heard.send(String::from_utf8_lossy(&head[..n]).into_owned()).unwrap();
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        }
    });
    let outcome = arena.play(Passage::Gate, Vec::new(), |_, _, _| {});
    assert!(matches!(outcome, Err(ArenaError::Stranger(Passage::Gate, _))));
    assert!(hears.recv_timeout(Duration::from_secs(5)).unwrap().starts_with("GET /run-nonce"));
    assert!(hears.recv_timeout(Duration::from_millis(200)).is_err(), "only the question was sent");
}

#[test]
fn no_public_function_takes_an_address() {
    // What the crate offers is in arena.rs; an address, host or URL there would be a target.
    let source = include_str!("arena.rs");
    for line in source.lines().filter(|line| line.trim_start().starts_with("pub fn")) {
        let arguments = line.split_once('(').map_or("", |(_, rest)| rest.split(") ->").next().unwrap_or(""));
        assert!(
            !["Addr", "&str", "String", "Uri", "Url"].iter().any(|kind| arguments.contains(kind)),
            "{line}"
        );
    }
}
