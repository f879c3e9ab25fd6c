use std::time::Duration;

use crate::{Act, Arena, ArenaError, Passage, Wish};

#[test]
fn in_calm_the_shop_serves_its_customers() {
    let mut arena = Arena::open(42, 1).unwrap();
    let capacity = arena.measure_capacity(Duration::from_secs(1)).unwrap();
    assert!(capacity > 50.0, "{capacity} pages a second");
}

#[test]
fn a_listener_that_does_not_echo_the_runs_number_gets_no_load() {
    let arena = Arena::open(42, 1).unwrap();
    // Nobody serves the gate's sockets; then somebody who is not the gate does.
    let socket = arena.gate_sockets().unwrap().remove(0);
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
    let second = Duration::from_secs(1);
    let act = Act { passage: Passage::Gate, calm: second, assault: None, aftermath: second, seed: 3 };
    let outcome = arena.play(&act, Vec::new(), |_, _, _| Wish::GoOn);
    assert!(matches!(outcome, Err(ArenaError::Stranger(Passage::Gate, _))));
    assert!(hears.recv_timeout(Duration::from_secs(5)).unwrap().starts_with("GET /run-nonce"));
    assert!(hears.recv_timeout(Duration::from_millis(200)).is_err(), "only the question was sent");
}

#[test]
fn a_listener_that_echoed_the_number_stays_ours_when_the_gate_is_closed() {
    let arena = Arena::open(42, 1).unwrap();
    let socket = arena.gate_sockets().unwrap().remove(0);
    socket.set_nonblocking(false).unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        // First the shop's answer, then what strangers get of a gate that is closed.
        for body in [crate::dial::nonce_text(42), "wait ".repeat(1_000)] {
            let Ok((mut stream, _)) = socket.accept() else { return };
            let _head = stream.read(&mut [0; 1_024]);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _gone = stream.write_all((head + &body).as_bytes());
        }
    });
    arena.verify(Passage::Gate).unwrap();
    arena.verify(Passage::Gate).unwrap();
}

#[test]
fn no_public_function_takes_an_address() {
    // An address, host or URL among what the crate offers would be a target.
    let sources = [
        include_str!("act.rs"),
        include_str!("arena.rs"),
        include_str!("attack.rs"),
        include_str!("board.rs"),
        include_str!("live.rs"),
    ];
    let targets = ["Addr", "Door", "Uri", "Url", "&str", ": String"];
    for source in sources {
        for (at, _) in source.match_indices("pub fn ") {
            let signature = source[at..].split(" {").next().unwrap_or("");
            let arguments = signature.split(" -> ").next().unwrap_or("");
            assert!(targets.iter().all(|kind| !arguments.contains(kind)), "{signature}");
        }
        for line in source.lines().filter(|line| line.starts_with("    pub ") && line.ends_with(',')) {
            assert!(["Addr", "Door", "Uri", "Url"].iter().all(|kind| !line.contains(kind)), "{line}");
        }
    }
}
