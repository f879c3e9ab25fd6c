//! The smallest HTTP client that can ask whether somebody answers, and ask as many different people.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

/// How long one request may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The most that is read of an answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// A request on a connection of its own.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, `DELETE`: not HEAD, whose answer has a length but no body.
    pub method: &'a str,
    /// The path with its query.
    pub path: &'a str,
    /// Whole header lines without line ends. `Host` and `Content-Length` are added.
    pub headers: &'a [&'a str],
    /// The body; without one no length is sent.
    pub body: &'a str,
    /// The loopback address that it comes from.
    pub from: Ipv4Addr,
    /// How long each step of it may take.
    pub within: Duration,
}

impl<'a> Request<'a> {
    /// A GET without headers from 127.0.0.1 that may take 5 s.
    pub fn get(path: &'a str) -> Self {
        let from = Ipv4Addr::LOCALHOST;
        Self { method: "GET", path, headers: &[], body: "", from, within: ANSWER_WITHIN }
    }
}

/// An answer: its status, its head and its body as text.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The three-digit status.
    pub status: u16,
    /// The status line and the header lines.
    pub head: String,
    /// The body as sent: a chunked one still holds its chunk lines.
    pub body: String,
}

impl Answer {
    /// The first header of that name, without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// All headers of that name, without case.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// `GET path` on a connection of its own. `headers` are whole lines without line ends.
///
/// # Errors
/// As [`send`].
pub fn get(address: SocketAddr, path: &str, headers: &[&str]) -> io::Result<Answer> {
    send(address, &Request { headers, ..Request::get(path) })
}

/// Sends a request and reads the answer: as much as its `Content-Length` says, or until the other end closes.
///
/// # Errors
/// What the connection said, or `InvalidData` when the answer is no HTTP.
pub fn send(address: SocketAddr, request: &Request<'_>) -> io::Result<Answer> {
    let Request { method, path, headers, body, from, within } = *request;
    let mut stream = connect_from(from, address, within)?;
    let host = headers.iter().any(|line| line.to_ascii_lowercase().starts_with("host:"));
    let host = if host { String::new() } else { format!("Host: {address}\r\n") };
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let extra: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!("{method} {path} HTTP/1.1\r\n{host}{length}{extra}Connection: close\r\n\r\n{body}");
    // In one piece: who answers the first and closes would not be heard for the failing second.
    stream.write_all(text.as_bytes())?;
    read_answer(stream)
}

/// Whether anybody accepts connections there.
pub fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, ANSWER_WITHIN).is_ok()
}

/// A connection from a loopback address, each step of which may take so long.
///
/// # Errors
/// The operating system's.
pub fn connect_from(from: Ipv4Addr, address: SocketAddr, within: Duration) -> io::Result<TcpStream> {
    let stream = if from == Ipv4Addr::LOCALHOST {
        TcpStream::connect_timeout(&address, within)?
    } else {
        let made = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&made, &SocketAddrV4::new(from, 0))?;
        connect(&made, &address)?;
        TcpStream::from(made)
    };
    stream.set_read_timeout(Some(within))?;
    stream.set_write_timeout(Some(within))?;
    Ok(stream)
}

/// Some servers keep the connection open although they were asked to close it.
fn read_answer(stream: TcpStream) -> io::Result<Answer> {
    let mut reader = BufReader::new(stream.take(ANSWER_BYTES_MAX));
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") && reader.read_until(b'\n', &mut bytes)? > 0 {}
    let mut answer = parse(&String::from_utf8_lossy(&bytes))?;
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let mut body = Vec::new();
    reader.take(length.unwrap_or(ANSWER_BYTES_MAX)).read_to_end(&mut body)?;
    answer.body = String::from_utf8_lossy(&body).into_owned();
    Ok(answer)
}

fn parse(text: &str) -> io::Result<Answer> {
    let no_http = || io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: `{text}`"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(no_http)?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(no_http)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
