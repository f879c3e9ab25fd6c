//! Five hundred WebSockets that say something now and then, and come back when they are closed.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab::clock::{Stopwatch, pause};
use lab::web;

/// What became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) echoes: u32,
    /// Closed while nothing was on its way, and opened again at once.
    pub(crate) moved: u32,
    /// Closed before the answer to what was said.
    pub(crate) unanswered: u32,
    /// Could not be opened again.
    pub(crate) lost: u32,
    /// The most that were closed within one second.
    pub(crate) closed_at_once: u32,
}

/// Keeps `count` of them open until told to stop, for at most two minutes. Each speaks every two seconds or so.
pub(crate) fn play(address: SocketAddr, count: u32, stop: &AtomicBool) -> Tally {
    let (mut tally, begun) = (Tally::default(), Stopwatch::start());
    let mut sockets: Vec<_> = (0..count).map(|number| open(address, number).ok()).collect();
    tally.lost = u32::try_from(sockets.iter().filter(|socket| socket.is_none()).count()).unwrap_or(u32::MAX);
    let mut second = (0, 0);
    while !stop.load(Relaxed) && begun.elapsed() < Duration::from_secs(120) {
        for (number, socket) in (0..).zip(&mut sockets) {
            let Some(stream) = socket else { continue };
            if is_closed(stream) {
                tally.moved += 1;
            } else if say(stream).is_ok() {
                tally.echoes += 1;
                continue;
            } else {
                tally.unanswered += 1;
            }
            let now = begun.elapsed().as_secs();
            second = if second.0 == now { (now, second.1 + 1) } else { (now, 1) };
            tally.closed_at_once = tally.closed_at_once.max(second.1);
            *socket = open(address, number).ok();
            tally.lost += u32::from(socket.is_none());
        }
        pause(Duration::from_millis(500));
    }
    tally
}

fn open(address: SocketAddr, number: u32) -> io::Result<TcpStream> {
    // From many addresses: one may have a hundred connections.
    let [_, _, high, low] = (number / 50).to_be_bytes();
    let mut stream = web::connect_from(Ipv4Addr::new(127, 0, 100 + high, 1 + low), address, WITHIN)?;
    write!(
        stream,
        "GET /live HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if head.starts_with(b"HTTP/1.1 101") { Ok(stream) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn is_closed(stream: &TcpStream) -> bool {
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let restored = stream.set_nonblocking(false);
    restored.is_err() || !matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// A masked text message of four bytes, and its echo.
fn say(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(&[0x81, 0x84, 1, 2, 3, 4, b'p' ^ 1, b'i' ^ 2, b'n' ^ 3, b'g' ^ 4])?;
    let mut echo = [0; 6];
    stream.read_exact(&mut echo)?;
    if echo == *b"\x81\x04ping" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

const WITHIN: Duration = Duration::from_secs(10);
