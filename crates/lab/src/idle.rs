//! Connections that have had one request answered and then stay open, saying nothing.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use rustls::ProtocolVersion;

use crate::crowd::{self, check_loopback};
use crate::http2::{
    ACK, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, get,
};
use crate::tls::{TlsClient, TlsConnection};
use crate::web::connect_from;

/// How a connection speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// HTTP/1.1 in the clear.
    Plain,
    /// HTTP/1.1 under TLS 1.3.
    Tls,
    /// HTTP/2 under TLS 1.3.
    Http2,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Tls, Self::Http2];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Http2 => "h2",
        }
    }

    /// What it offers in its handshake (RFC 7301).
    fn protocol(self) -> &'static str {
        match self {
            Self::Plain | Self::Tls => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

/// A connection that stays open until it is dropped.
#[derive(Debug)]
pub struct Idle(Held);

#[derive(Debug)]
enum Held {
    Plain(TcpStream),
    Secure(Box<TlsConnection>),
}

impl Idle {
    /// Connects from a loopback address, asks for `/` of shop.example and takes the answer; under TLS with a full handshake, with
    /// a server whom the authority in a PEM file vouches for.
    ///
    /// # Errors
    /// When the listener is not on loopback, refuses, answers with another status than 200, speaks an older TLS or another
    /// protocol, or stays silent for 5 s.
    pub fn open(kind: Kind, source: Ipv4Addr, listener: SocketAddr, authority: &Path) -> io::Result<Self> {
        check_loopback(listener)?;
        let mut stream = connect_from(source, listener, PATIENCE)?;
        if kind == Kind::Plain {
            ask(&mut stream)?;
            return Ok(Self(Held::Plain(stream)));
        }
        // Each has a memory of its own, so that no handshake goes on from an earlier one.
        let mut secure = TlsClient::new(authority, kind.protocol())?.connect(stream, "shop.example")?;
        let spoken = (secure.conn.protocol_version(), secure.conn.alpn_protocol());
        if spoken != (Some(ProtocolVersion::TLSv1_3), Some(kind.protocol().as_bytes())) {
            return Err(io::Error::other(format!("it speaks {spoken:?}")));
        }
        if kind == Kind::Http2 {
            ask_2(&mut secure)?
        } else {
            ask(&mut secure)?
        }
        Ok(Self(Held::Secure(Box::new(secure))))
    }

    /// Whether the other side still keeps it open. What it has sent meanwhile is read and forgotten.
    pub fn is_open(&mut self) -> bool {
        match &mut self.0 {
            Held::Plain(stream) => crowd::is_open(stream),
            Held::Secure(secure) => secure.sock.set_nonblocking(true).is_ok() && reads_to_silence(secure),
        }
    }
}

/// Reads what is there; false if that is an end.
fn reads_to_silence(secure: &mut TlsConnection) -> bool {
    let mut piece = [0; 4_096];
    for _ in 0..READS_MAX {
        match secure.read(&mut piece) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    // Who says so much is there.
    true
}

/// One request of HTTP/1.1 and its answer, which says how long it is.
fn ask(stream: &mut (impl Read + Write)) -> io::Result<()> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: idle/1\r\n\r\n")?;
    stream.flush()?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4_096]);
    while !is_whole(&answer) {
        let read = stream.read(&mut piece)?;
        answer.extend_from_slice(&piece[..read]);
        if read == 0 || answer.len() > ANSWER_BYTES_MAX {
            return Err(unexpected(&answer));
        }
    }
    if answer.starts_with(b"HTTP/1.1 200 ") { Ok(()) } else { Err(unexpected(&answer)) }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.and_then(|(_, value)| value.trim().parse().ok()).is_some_and(|length: usize| body.len() >= length)
}

/// One request of HTTP/2 and its answer.
fn ask_2(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let request = Frame::new(HEADERS, END_HEADERS | END_STREAM, 1, &get()).to_bytes();
    stream.write_all(&[&PREFACE[..], &request].concat())?;
    stream.flush()?;
    let mut is_served = false;
    for _ in 0..FRAMES_MAX {
        let frame = Frame::read(stream)?;
        match frame.kind {
            SETTINGS if frame.flags & ACK == 0 => {
                stream.write_all(&Frame::new(SETTINGS, ACK, 0, &[]).to_bytes())?;
                stream.flush()?;
            }
            RST_STREAM | GOAWAY => return Err(unexpected(&frame.to_bytes())),
            _ => {}
        }
        is_served |= frame.is_ok();
        if frame.stream == 1 && frame.ends_stream() {
            return if is_served { Ok(()) } else { Err(io::Error::other("the answer is not 200")) };
        }
    }
    Err(io::Error::other("the answer has no end"))
}

fn unexpected(answer: &[u8]) -> io::Error {
    let begin = answer.get(..QUOTED_BYTES).unwrap_or(answer);
    io::Error::other(format!("the answer is `{}`", begin.escape_ascii()))
}

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most that is read of an answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The same in frames.
const FRAMES_MAX: usize = 64;
/// Reads of what nobody asked for.
const READS_MAX: usize = 16;
/// What an error shows of an answer.
const QUOTED_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    /// A server whose words are given, a few bytes at a time.
    struct Server {
        says: Vec<u8>,
        heard: Vec<u8>,
    }

    impl Read for Server {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = into.len().min(self.says.len()).min(5);
            into[..count].copy_from_slice(&self.says[..count]);
            self.says.drain(..count);
            Ok(count)
        }
    }

    impl Write for Server {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn server(says: &[u8]) -> Server {
        Server { says: says.to_vec(), heard: Vec::new() }
    }

    #[test]
    fn an_answer_is_taken_to_its_end_and_only_200_counts() {
        let mut whole = server(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell");
        ask(&mut whole).expect("it is whole");
        assert!(whole.says.is_empty() && whole.heard.starts_with(b"GET / HTTP/1.1\r\n"));
        assert!(ask(&mut server(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwel")).is_err(), "cut off");
        assert!(ask(&mut server(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n")).is_err(), "refused");
    }

    #[test]
    fn over_http2_settings_are_acknowledged_and_the_stream_is_read_to_its_end() {
        let says = |block: &[u8]| {
            let frames = [
                Frame::new(SETTINGS, 0, 0, &[]),
                Frame::new(HEADERS, END_HEADERS, 1, block),
                Frame::new(crate::http2::DATA, 0, 1, b"well"),
                Frame::new(crate::http2::DATA, END_STREAM, 1, b""),
            ];
            server(&frames.iter().flat_map(Frame::to_bytes).collect::<Vec<_>>())
        };
        let mut served = says(&[0x88]);
        ask_2(&mut served).expect("it is served");
        assert!(served.says.is_empty() && served.heard.starts_with(PREFACE));
        assert!(served.heard.ends_with(&Frame::new(SETTINGS, ACK, 0, &[]).to_bytes()));
        assert!(ask_2(&mut says(&[0x8D])).is_err(), "404");
        let goaway = Frame::new(GOAWAY, 0, 0, &[0; 8]).to_bytes();
        assert!(ask_2(&mut server(&goaway)).is_err());
    }

    #[test]
    fn they_go_to_loopback_only() {
        let elsewhere = "192.0.2.1:443".parse().expect("an address");
        assert!(Idle::open(Kind::Tls, Ipv4Addr::LOCALHOST, elsewhere, Path::new("none")).is_err());
    }
}
