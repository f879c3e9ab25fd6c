//! Clients that have the gate reset their streams (CVE-2025-8671): each stream begins well and is made wrong at once, so that the
//! client never has more of them open than it may. Other connections are served meanwhile.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use lab::certificate::Authority;
use lab::http2::{
    ACK, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frame, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, get,
};
use lab::idle::{Idle, Kind};
use lab::origin::{Origin, plain};
use lab::tls::{TlsClient, TlsConnection};
use lab::{Gate, free_address, need, web};

#[test]
fn a_client_whose_streams_must_be_reset_is_sent_away_and_others_are_served() {
    need!(Gate::binary());
    let app = Origin::start(|_| plain("200 OK", "", "well")).expect("loopback has a port");
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
    let signed = authority.sign(folder.path(), "shop", &["shop.example"]).expect("keys can be made");
    let https = free_address();
    let listen = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", signed.tables());
    let config = Gate::CONFIG.replace("[[site]]", &listen).replace("{origin}", &app.url());
    // Nobody is to be closed for being idle while attackers are at it.
    let gate = Gate::start(&format!("{config}[limits]\nidle_timeout = \"5m\"\n")).expect("the gate starts");
    let open = |from| Idle::open(Kind::Http2, from, https, &authority.file);
    let mut earlier = open(person(0)).expect("an honest client is served before");
    let faults: [(&str, Frames); 2] =
        [("a window that is too wide", too_wide), ("a body that is too long", too_long)];
    for (fault, frames) in faults {
        for attempt in 0..ATTEMPTS {
            let others_ask = |turn| {
                let from = person(1 + attempt * TURNS + turn);
                let answer = web::send(gate.listen(), &web::Request { from, ..web::Request::get("/") });
                assert_eq!(answer.expect("it is answered").status, 200, "during {fault}");
                open(from).unwrap_or_else(|error| panic!("during {fault}: {error}"));
            };
            let seen = attack(https, &authority.file, frames, others_ask).expect("the attacker is heard");
            // decision-science, section 9: a hundred resets at once, 64 of them for what the client got wrong.
            assert!((1..=100).contains(&seen.resets), "{fault}, attempt {attempt}: {seen:?}");
            assert_eq!(seen.goaway, Some(ENHANCE_YOUR_CALM), "{fault}, attempt {attempt}: {seen:?}");
        }
    }
    assert!(earlier.is_open(), "an honest connection was closed");
    assert!(!gate.log().contains("panicked"), "{}", gate.log());
}

/// The frames of a stream that the gate must reset.
type Frames = fn(u32) -> [Frame; 2];

/// A request, and more room for its answer than a window can have (RFC 9113, section 6.9.1).
fn too_wide(stream: u32) -> [Frame; 2] {
    let more = (u32::MAX >> 1).to_be_bytes();
    [
        Frame::new(HEADERS, END_HEADERS | END_STREAM, stream, &get()),
        Frame::new(WINDOW_UPDATE, 0, stream, &more),
    ]
}

/// A request that tells one byte of content and has two (section 8.1.1).
fn too_long(stream: u32) -> [Frame; 2] {
    // POST stands behind GET in the static table; `content-length` is its entry 28 (RFC 7541, appendix A and section 5.1).
    let fields = [&[0x83][..], &get()[1..], &[0x0F, 28 - 15, 1, b'1']].concat();
    [Frame::new(HEADERS, END_HEADERS, stream, &fields), Frame::new(DATA, 0, stream, b"xx")]
}

/// What an attacker saw.
#[derive(Debug, Default)]
struct Seen {
    resets: usize,
    /// The error of a GOAWAY.
    goaway: Option<u32>,
    closed: bool,
}

/// A few streams a turn on one connection, until it is ended or has had far more than it may; others ask after each turn.
fn attack(https: SocketAddr, authority: &Path, frames: Frames, others_ask: impl Fn(u32)) -> io::Result<Seen> {
    let socket = TcpStream::connect(https)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut stream = TlsClient::new(authority, "h2")?.connect(socket, "shop.example")?;
    stream.write_all(PREFACE)?;
    let mut seen = Seen::default();
    for turn in 0..TURNS {
        let numbers = (0..STREAMS_A_TURN).map(|at| 1 + 2 * (turn * STREAMS_A_TURN + at));
        let mut bytes: Vec<u8> = numbers.flat_map(frames).flat_map(|frame| frame.to_bytes()).collect();
        bytes.extend(Frame::new(PING, 0, 0, &[7; 8]).to_bytes());
        // Where the gate has hung up, what it said before is there to be read.
        let _lost = stream.write_all(&bytes).and_then(|()| stream.flush());
        read_turn(&mut stream, &mut seen);
        others_ask(turn);
        if seen.goaway.is_some() || seen.closed {
            break;
        }
    }
    Ok(seen)
}

/// Reads until the PING behind a turn is answered, the gate says goodbye, or the connection ends.
fn read_turn(stream: &mut TlsConnection, seen: &mut Seen) {
    while let Ok(frame) = Frame::read(stream) {
        match frame.kind {
            RST_STREAM => seen.resets += 1,
            GOAWAY => {
                seen.goaway =
                    frame.payload.get(4..8).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
                return;
            }
            PING if frame.flags & ACK != 0 => return,
            SETTINGS if frame.flags & ACK == 0 => {
                let _lost = stream.write_all(&Frame::new(SETTINGS, ACK, 0, &[]).to_bytes());
            }
            _ => {}
        }
    }
    seen.closed = true;
}

/// One of many honest clients, each in a network of its own.
fn person(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(127, 9, u8::try_from(number).expect("there are few"), 1)
}

/// Connections that attack in each way, one after the other.
const ATTEMPTS: u32 = 5;
/// Fewer than may be open at once (100), and than what one write under TLS takes (16 KiB).
const STREAMS_A_TURN: u32 = 30;
/// Six hundred streams: six times what is let through at once.
const TURNS: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(5);
