//! An app that signs people in, takes long uploads, tells of events and echoes WebSockets.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lab::clock::{Stopwatch, pause, wait_for};
use lab::origin::plain;

use crate::checksum::Checksum;
use crate::world::SOON;

/// How many events there are.
pub(crate) const EVENTS: u32 = 15;

/// Listens until it is dropped.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    /// The last event that somebody has heard.
    heard: AtomicU32,
    sockets: Mutex<Vec<TcpStream>>,
}

impl App {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(State::default());
        let (accepting, echoing) = (state.clone(), state.clone());
        std::thread::spawn(move || accept(&listener, &accepting));
        std::thread::spawn(move || echo_all(&echoing));
        Self { address, state }
    }

    /// The client has this event.
    pub(crate) fn was_heard(&self, event: u32) {
        self.state.heard.store(event, Relaxed);
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.state.stopped.store(true, Relaxed);
        // One connection wakes the listener, which then sees that it is to stop.
        let _wake = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming().flatten() {
        if state.stopped.load(Relaxed) {
            return;
        }
        let state = state.clone();
        // What becomes of a connection the test sees at its other end.
        std::thread::spawn(move || serve(stream, &state));
    }
}

/// Answers requests until the connection ends or is something else than HTTP.
fn serve(stream: TcpStream, state: &State) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let answer = match head.split(' ').nth(1).unwrap_or_default() {
            "/up" => plain("200 OK", "", &take_body(&mut reader, &head)?.to_string()),
            "/events" => return tell(reader.get_mut(), state),
            "/live" => return become_socket(reader.into_inner(), state),
            path => {
                let name = path.strip_prefix("/in/");
                let login = name.map(|name| format!("Portcullis-Login: {name}\r\n")).unwrap_or_default();
                plain("200 OK", &login, "hello")
            }
        };
        reader.get_mut().write_all(answer.as_bytes())?;
    }
    Ok(())
}

fn read_head(reader: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 || head.len() > HEAD_BYTES_MAX {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

fn take_body(reader: &mut BufReader<TcpStream>, head: &str) -> io::Result<Checksum> {
    let named = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
    let mut left: u64 = head.lines().find_map(named).unwrap_or(0);
    let (mut sum, mut piece) = (Checksum::default(), vec![0_u8; PIECE_BYTES]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        match reader.read(&mut piece[..most])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                sum.add(&piece[..read]);
                left -= read as u64;
            }
        }
    }
    Ok(sum)
}

/// An event every two seconds, but none before the one before it has been heard.
fn tell(stream: &mut TcpStream, state: &State) -> io::Result<()> {
    stream.write_all(EVENTS_BEGIN)?;
    for event in 1..=EVENTS {
        // In one piece, so that what is read on the way is a whole line.
        stream.write_all(format!("data: {event}\n\n").as_bytes())?;
        let heard = wait_for(SOON, || (state.heard.load(Relaxed) >= event).then_some(()));
        if heard.is_none() {
            return Ok(());
        }
        pause(EVENT_EVERY);
    }
    Ok(())
}

fn become_socket(mut stream: TcpStream, state: &State) -> io::Result<()> {
    stream.write_all(SWITCH)?;
    stream.set_nonblocking(true)?;
    state.sockets.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
    Ok(())
}

/// Looks at all WebSockets again and again: a thread for each of thousands would be more than some machines allow.
fn echo_all(state: &State) {
    let begun = Stopwatch::start();
    while !state.stopped.load(Relaxed) && begun.elapsed() < LIFE {
        let mut sockets = state.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|socket| echo(socket).is_ok_and(|is_open| is_open));
        drop(sockets);
        pause(LOOK_EVERY);
    }
}

/// Answers a message of four bytes that has come whole; false once the other end has closed.
fn echo(mut socket: &TcpStream) -> io::Result<bool> {
    let mut frame = [0_u8; FRAME_BYTES];
    match socket.peek(&mut frame) {
        Ok(0) => return Ok(false),
        Ok(FRAME_BYTES) => {}
        Ok(_) => return Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
        Err(error) => return Err(error),
    }
    socket.read_exact(&mut frame)?;
    let [first, _, a, b, c, d, text @ ..] = frame;
    let [e, f, g, h] = text;
    socket.write_all(&[first, 4, a ^ e, b ^ f, c ^ g, d ^ h])?;
    Ok(true)
}

const EVENTS_BEGIN: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
/// The answer to the key of RFC 6455, section 1.3, which all sockets here send.
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// Two bytes of head, four of mask, four of text.
const FRAME_BYTES: usize = 10;
const EVENT_EVERY: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longer than the gate keeps an idle connection.
const SILENCE: Duration = Duration::from_secs(120);
/// Longer than any test here.
const LIFE: Duration = Duration::from_secs(600);
const HEAD_BYTES_MAX: usize = 64 << 10;
const PIECE_BYTES: usize = 64 << 10;
